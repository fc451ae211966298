"""What every medium says about a derivation, and in which order: title, what is given, sections of steps, results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact, Quantity, name_of

_FORWARD = ""  # the subject of the forward pass, which is no quantity


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
    words = re.sub(r"[_\s]+", " ", derivation.forward.name).strip()
    return words[:1].upper() + words[1:]


def paragraphs_of(derivation: Derivation) -> list[str]:
    """The layer's description, a string for each paragraph."""
    blocks = re.split(r"\n\s*\n", derivation.forward.description.strip())
    return [" ".join(block.split()) for block in blocks if block.strip()]


def given_of(derivation: Derivation) -> list[Given]:
    """Inputs and constants in file order, then the cotangents that come from above, or the tangents of the inputs."""
    rows = [Given(quantity, _note(quantity)) for quantity in derivation.forward.inputs]
    own = {quantity.name for quantity in derivation.forward.inputs}
    for quantity in derivation.backward.inputs:
        if quantity.name not in own:
            primal = derivation.by_name.get(quantity.of or "")
            what = "tangent of " if quantity.role == "tangent" else "gradient of the loss with respect to "
            note: Prose = (what, primal.element) if primal else ("given",)
            rows.append(Given(quantity, note))
    return rows


def _note(quantity: Quantity) -> Prose:
    if quantity.role != "constant":
        return ("input",)
    return ("constant",) if quantity.default is None else ("constant, by default ", quantity.default)


def sections_of(derivation: Derivation, detail: Detail) -> list[Section]:
    """The steps of a level of detail, divided by what they work on."""
    steps = list(derivation.shown(detail))
    subjects = _subjects(derivation, steps)
    sections = []
    for subject, group in groupby(zip(subjects, steps, strict=True), key=lambda pair: pair[0]):
        heading: Prose = ("Forward pass",)
        if subject != _FORWARD:
            what = "Tangent of " if derivation.mode == "forward" else "Gradient with respect to "
            heading = (what, derivation.by_name[subject].element)
        sections.append(Section(heading, tuple(step for _, step in group)))
    return sections


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
    if step.rule in ("forward", "given"):
        return _FORWARD
    equation = step.equation if isinstance(step.equation, Equation) else step.display
    quantity = derivation.by_name.get(equation.name) if equation is not None else None
    if quantity is None or quantity.name in derivation.forward.by_name:
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
    remarks: list[Prose] = []
    for given in given_of(derivation):
        primal = derivation.by_name.get(given.quantity.of or "")
        if primal is not None:
            what, more = " is the derivative of the loss, a scalar, with respect to ", ""
            if derivation.mode == "forward":
                what, more = " is the tangent of ", ", how fast it moves"
            remarks.append((given.quantity.element, what, primal.element, f"{more}; it is given."))
            break
    names = [step.equation.name for step in derivation.shown(detail) if isinstance(step.equation, Equation)]
    for name in names:
        part = derivation.by_name.get(name)
        via = derivation.by_name.get(part.via or "") if part is not None else None
        if part is not None and via is not None and part.role == "contribution":
            forward = derivation.mode == "forward"
            words = "the tangent that comes from " if forward else "the gradient that comes through "
            remarks.append((part.element, f" is the part of {words}", via.element, "."))
            break
    return remarks
