"""What every medium says about a derivation, and in which order: title, what is given, sections of steps, results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact, Graph, Quantity, name_of, reference

FORWARD_HEADING: Prose = ("Forward pass",)
_ADDRESS = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)'])")
_FORWARD = ""  # the subject of the forward pass, which is no quantity
_LOWER = "order "  # with a number behind it, that of what a lower order has found
_GIVEN_TANGENT = ", how fast it moves; it is given."
_DIRECT = " that does not come through the rest of the layer"
_SCALAR = " "  # that of what is differentiated, where it is not any loss


@dataclass(frozen=True)
class Section:
    """Consecutive steps that work on the same thing, and a heading that says on which."""

    heading: Prose
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Given:
    """A quantity that the derivation starts from, and what it is."""

    quantity: Quantity
    note: Prose


def title_of(derivation: Derivation) -> str:
    """The layer's name as words."""
    return name_words(derivation.forward)


def name_words(graph: Graph) -> str:
    """The name of a layer as words."""
    words = re.sub(r"[_\s]+", " ", graph.name).strip()
    return words[:1].upper() + words[1:]


def heading_of(derivation: Derivation) -> str:
    """What the derivation is about, in words: the backward pass, or gradients of a higher order."""
    what = "gradients" if derivation.mode == "reverse" else "tangents"
    if derivation.order > 1:
        return f"{title_of(derivation)}: the {what} of order {derivation.order}"
    return f"{title_of(derivation)}: the {'backward pass' if derivation.mode == 'reverse' else what}"


def scalar_of(derivation: Derivation) -> Quantity | None:
    """The scalar that is differentiated at a higher order; None at order 1, where it is any loss."""
    return next((quantity for quantity in derivation.quantities if quantity.role == "loss"), None)


def split_addresses(text: str) -> list[str]:
    """A text cut into what is no address of the web and what is, in turn."""
    return _ADDRESS.split(text)


def paragraphs_of(graph: Graph) -> list[str]:
    """A layer's description, a string for each paragraph."""
    blocks = re.split(r"\n\s*\n", graph.description.strip())
    return [" ".join(block.split()) for block in blocks if block.strip()]


def inputs_of(graph: Graph) -> list[Given]:
    """Inputs and constants in file order."""
    return [Given(quantity, _note(quantity)) for quantity in graph.inputs]


def given_of(derivation: Derivation) -> list[Given]:
    """The inputs, then the cotangents that come from above, or the tangents of the inputs."""
    rows = inputs_of(derivation.forward)
    own = {quantity.name for quantity in derivation.forward.inputs}
    scalar = scalar_of(derivation)
    of: Prose = ("gradient of the loss with respect to ",)
    if scalar is not None:
        of = ("gradient of ", scalar.element, " with respect to ")
    for quantity in derivation.backward.inputs:
        if quantity.name not in own:
            primal = derivation.by_name.get(quantity.of or "")
            what: Prose = ("tangent of ",) if quantity.role == "tangent" else of
            note: Prose = (*what, primal.element) if primal else ("given",)
            rows.append(Given(quantity, (*note, ", directly") if quantity.role == "contribution" else note))
    return rows


def _note(quantity: Quantity) -> Prose:
    if quantity.of is not None:
        of = reference(quantity.of, [index.symbol for index in quantity.indices])
        what = "the tangent of " if quantity.role == "tangent" else "the gradient with respect to "
        return (f"given at order {quantity.order}: {what}", of)
    if quantity.role != "constant":
        return ("input",)
    return ("constant",) if quantity.default is None else ("constant, by default ", quantity.default)


def sections_of(derivation: Derivation, detail: Detail) -> list[Section]:
    """The steps of a level of detail, divided by what they work on."""
    steps = list(derivation.shown(detail))
    subjects = _subjects(derivation, steps)
    sections = []
    for subject, group in groupby(zip(subjects, steps, strict=True), key=lambda pair: pair[0]):
        sections.append(Section(_heading(derivation, subject), tuple(step for _, step in group)))
    return sections


def _heading(derivation: Derivation, subject: str) -> Prose:
    if subject == _FORWARD:
        return FORWARD_HEADING
    if subject.startswith(_LOWER):
        return (f"Found at order {subject.removeprefix(_LOWER)}",)
    if derivation.mode == "forward":
        return ("Tangent of ", derivation.by_name[subject].element)
    scalar = scalar_of(derivation)
    if scalar is None:
        return ("Gradient with respect to ", derivation.by_name[subject].element)
    if subject == _SCALAR:
        return ("What is differentiated",)
    return ("Gradient of ", scalar.element, " with respect to ", derivation.by_name[subject].element)


def _subjects(derivation: Derivation, steps: list[Step]) -> list[str]:
    """What each step works on; one that does not say so prepares the next one that does."""
    own = [_subject(derivation, step) for step in steps]
    known = [subject for subject in own if subject is not None]
    current = known[-1] if known else _FORWARD
    for number in reversed(range(len(own))):
        current = current if own[number] is None else str(own[number])
        own[number] = current
    return [str(subject) for subject in own]


def _subject(derivation: Derivation, step: Step) -> str | None:
    if step.rule == "forward" or (step.rule == "given" and not derivation.forward.sweeps):
        return _FORWARD
    if step.rule == "given":
        return _SCALAR if scalar_of(derivation) is not None else None
    equation = step.equation if isinstance(step.equation, Equation) else step.display
    quantity = derivation.by_name.get(equation.name) if equation is not None else None
    if quantity is None:
        return None
    if step.rule == "lower-order":
        return f"{_LOWER}{quantity.order}"
    if quantity.name in derivation.forward.by_name:
        return None
    if quantity.role == "local_derivative":
        return name_of(quantity.numerator if derivation.mode == "forward" else quantity.denominator)
    return quantity.of if quantity.role in ("cotangent", "contribution", "tangent") else None


def line_of(step: Step) -> Equation | Fact | None:
    """The line that is shown for a step."""
    return step.display if step.display is not None else step.equation


def rule_words(step: Step) -> str:
    """The rule of a step as words: chain-rule is `Chain rule`."""
    words = step.rule.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def remarks_on(derivation: Derivation, detail: Detail) -> list[Prose]:
    """Sentences that explain the symbols which no line of the derivation defines."""
    remarks = _on_scalar(derivation)
    scalar = scalar_of(derivation)
    loss: Prose = ("the loss, a scalar",) if scalar is None else (scalar.element,)
    explained = set()
    for given in given_of(derivation):
        quantity = given.quantity
        primal = derivation.by_name.get(quantity.of or "")
        if primal is None or quantity.order != derivation.order or quantity.role in explained:
            continue
        explained.add(quantity.role)  # one of each kind says it for the others
        if quantity.role == "tangent":
            remarks.append((quantity.element, " is the tangent of ", primal.element, _GIVEN_TANGENT))
            continue
        share, direct = ("part of the ", _DIRECT) if quantity.role == "contribution" else ("", "")
        comma = "," if scalar is None else ""
        what: Prose = (f" is the {share}derivative of ", *loss, f"{comma} with respect to ")
        remarks.append((quantity.element, *what, primal.element, f"{direct}; it is given."))
    names = [step.equation.name for step in derivation.shown(detail) if isinstance(step.equation, Equation)]
    for name in names:
        if name in derivation.forward.by_name:
            continue
        part = derivation.by_name.get(name)
        via = derivation.by_name.get(part.via or "") if part is not None else None
        if part is not None and via is not None and part.role == "contribution":
            forward = derivation.mode == "forward"
            words = "the tangent that comes from " if forward else "the gradient that comes through "
            remarks.append((part.element, f" is the part of {words}", via.element, "."))
            break
    return remarks


def _on_scalar(derivation: Derivation) -> list[Prose]:
    """What a higher order differentiates, in words and as a formula, and how the lower orders are written."""
    scalar = scalar_of(derivation)
    line = next((s.equation for s in derivation.steps if s.rule == "given"), None)
    if scalar is None or not isinstance(line, Equation):
        return []
    order = derivation.order
    words = f": the gradients of order {order - 1}, each weighted with what is given for it."
    start = f"Order {order} differentiates the scalar "
    remarks: list[Prose] = [(start, line.expression, " called ", scalar.element, words)]
    found = derivation.forward.by_name[derivation.forward.outputs[0]]
    if found.of is not None:
        of = reference(found.of, [index.symbol for index in found.indices])
        remarks.append((found.element, f" is the gradient of order {found.order} with respect to ", of, "."))
    return remarks
