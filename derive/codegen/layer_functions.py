"""The text of `Residuals`, `forward` and `backward` of a generated NumPy module."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.axes import extents_in
from derive.codegen.contract import (
    Checks,
    array_line,
    array_lines,
    cotangent_lines,
    scalar_line,
    tuple_text,
    unpacking_lines,
)
from derive.codegen.decimals import decimal_text
from derive.codegen.runtime import DTYPE_OF
from derive.codegen.wrapping import WIDTH, call, comment, statement
from derive.derivation import Derivation
from derive.functions import where
from derive.graph import Equation, Graph, Quantity, fresh_name, names_in, needed_for
from derive.printing.grammar import equation_text

# Names that a NamedTuple has already.
_TUPLE_METHODS = ("count", "index")
_CONTRACT = (
    "The arrays have one dtype, float32, float64 or longdouble, and so have the results. What has another type or"
    " dtype is a TypeError, what has another shape or breaks a condition a ValueError. Arguments are never written to."
    " The residuals may hold the arguments and the results themselves."
)
_BACKWARD_CONTRACT = (
    "The dtype and the shapes are those of the call of `forward` that the residuals are from; what has another dtype is"
    " a TypeError, what has another shape a ValueError. Arguments are never written to."
)


@dataclass(frozen=True)
class Residuals:
    """What backward needs of forward: quantities, and the extents and the dtype that no array among them tells."""

    quantities: tuple[Quantity, ...]
    extents: tuple[str, ...]
    dtype: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return (*(q.name for q in self.quantities), *self.extents, *(["dtype"] if self.dtype else []))

    @property
    def arrays(self) -> tuple[Quantity, ...]:
        """The fields that are arrays, those with many axes first."""
        return tuple(sorted((q for q in self.quantities if q.indices), key=lambda q: -len(q.indices)))

    def class_lines(self) -> list[str]:
        """The NamedTuple."""
        lines = ["class Residuals(NamedTuple):", '    """What `backward` needs of a call of `forward`."""', ""]
        for quantity in self.quantities:
            ignored = "  # type: ignore[assignment]" if quantity.name in _TUPLE_METHODS else ""
            note = f"  # [{', '.join(quantity.extents)}]" if quantity.indices and not ignored else ""
            lines.append(f"    {quantity.name}: {_type_of(quantity)}{ignored}{note}")
        lines += [f"    {extent}: int" for extent in self.extents]
        return lines + (["    dtype: np.dtype"] if self.dtype else [])


def residuals_of(derivation: Derivation) -> Residuals:
    """What the gradients use and the cotangents do not bring."""
    forward = derivation.forward
    used = {name for equation in derivation.results for name in names_in(equation.expression)}
    quantities = tuple(q for q in forward.quantities if q.name in used)
    needed = dict.fromkeys(extent for q in cotangents_of(derivation) for extent in q.extents)
    for equation in derivation.results:
        needed |= dict.fromkeys(index.extent for index in equation.indices)
        needed |= dict.fromkeys(extents_in(equation.expression))
    known = {extent for q in quantities for extent in q.extents}
    return Residuals(quantities, tuple(e for e in needed if e not in known), not any(q.indices for q in quantities))


def cotangents_of(derivation: Derivation) -> list[Quantity]:
    """The given cotangents, in the order of the outputs."""
    given = {q.of: q for q in derivation.backward.inputs if q.name not in derivation.forward.by_name}
    return [given[name] for name in derivation.forward.outputs]


def computed_forward(derivation: Derivation, residuals: Residuals) -> list[Equation]:
    """The equations of the layer that its outputs or the residuals need; all but declared intermediates do."""
    graph = derivation.forward
    needed = needed_for(graph, [*graph.outputs, *(q.name for q in residuals.quantities)])
    return [equation for equation in graph.equations if equation.name in needed]


def forward_lines(derivation: Derivation, residuals: Residuals) -> list[str]:
    """The function `forward`."""
    graph = derivation.forward
    arrays = [q for q in graph.inputs if q.indices]
    numbers = [q for q in graph.inputs if not q.indices]
    dtype = f"{arrays[0].name}.dtype" if arrays else "dtype"
    body = _Body(graph, dtype, graph.outputs)
    for equation in computed_forward(derivation, residuals):
        body.add(equation)
    checks = Checks(graph, dtype, fresh_name(["check", "check_facts"], derivation.backward.names))

    wanted = {*checks.extents, *body.extents, *residuals.extents}
    heads = [] if arrays else [f"    dtype = {DTYPE_OF.__name__}({numbers[0].name})"]
    heads += array_lines(arrays, wanted)
    heads += [line for q in numbers for line in scalar_line(q, dtype)]
    saved = [dtype if name == "dtype" else name for name in residuals.names]
    outputs = [graph.by_name[name] for name in graph.outputs]
    return [
        *_signature("forward", _parameters(graph, checks.switch), f"tuple[{_bundle_type(outputs)}, Residuals]"),
        *_forward_docstring(graph, outputs, checks),
        *heads,
        *checks.lines,
        "",
        *body.lines,
        "",
        *call(f"return {_bundle(outputs)}, Residuals", saved, ""),
    ]


def backward_lines(derivation: Derivation, residuals: Residuals) -> list[str]:
    """The function `backward`."""
    graph = derivation.backward
    arrays = residuals.arrays
    dtype = f"{arrays[0].name}.dtype" if arrays else "dtype"
    gradients = [graph.by_name[name] for name in graph.outputs]
    body = _Body(graph, dtype, graph.outputs, single=len(gradients) == 1)
    for equation in derivation.results:
        body.add(equation)

    given = cotangents_of(derivation)
    used = {name for equation in derivation.results for name in names_in(equation.expression)}
    wanted = {*body.extents, *(extent for q in given for extent in q.extents)}
    known = dict.fromkeys(residuals.extents)
    heads = []
    for quantity in arrays:
        heads += unpacking_lines(quantity, wanted, known)
        known |= dict.fromkeys(quantity.extents)
    together = "" if len(given) == 1 else fresh_name(["cotangents", "all_cotangents"], graph.names)
    if together:
        heads += cotangent_lines(together, [q.name for q in given])
    for q in given:
        unused = q.name not in used
        heads += array_line(q, known, dtype, unused) if q.indices else scalar_line(q, dtype, unused)
    parameter = f"{together or given[0].name}: {_bundle_type(given, _argument_type)}"
    return [
        *_signature("backward", [parameter, "residuals: Residuals"], _bundle_type(gradients)),
        *_backward_docstring(derivation, given, gradients, together),
        *_unpack_residuals(residuals),
        *heads,
        "",
        *body.lines,
        "",
        f"    return {_bundle(gradients).strip('()')}",
    ]


class _Body:
    """The lines that compute equations, each under a comment that says which."""

    def __init__(self, graph: Graph, dtype: str, results: Sequence[str], single: bool = False) -> None:
        self.lines: list[str] = []
        self.extents: dict[str, None] = {}
        self._graph, self._dtype, self._results, self._single = graph, dtype, results, single

    def add(self, equation: Equation) -> None:
        printer = ArrayPrinter(self._graph.by_name, equation.indices, self._dtype)
        text = printer.doprint_new(equation.expression)
        self.extents |= printer.extents
        result = equation.name in self._results
        if result and not equation.indices:
            # Numbers alone may have become float64 on the way.
            text = f"{self._dtype}.type({text})"
        annotation = f": {_type_of(self._graph.by_name[equation.name])}" if result and self._single else ""
        lines = statement(f"{equation.name}{annotation}", text)
        if equation.expression.atoms(where):
            # NumPy computes the branches that are not taken, too: what the layer guards against is no news.
            quiet = '    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):'
            lines = [quiet, *(f"    {line}" for line in lines)]
        self.lines += comment(equation_text(equation))
        self.lines += lines


def _unpack_residuals(residuals: Residuals) -> list[str]:
    if len(residuals.names) == 1:
        return [f"    {residuals.names[0]} = residuals.{residuals.names[0]}"]
    line = f"    {', '.join(residuals.names)} = residuals"
    return [line] if len(line) <= WIDTH else call("", residuals.names, " = residuals")


def _parameters(graph: Graph, switch: str) -> list[str]:
    required = [q for q in graph.inputs if q.default is None]
    optional = [q for q in graph.inputs if q.default is not None]
    parameters = [f"{q.name}: {_argument_type(q)}" for q in required]
    parameters += [f"{q.name}: {_argument_type(q)} = {_default_text(q)}" for q in optional]
    return parameters + (["*", f"{switch}: bool = True"] if switch else [])


def _default_text(quantity: Quantity) -> str:
    value = quantity.default
    assert value is not None
    text = decimal_text(abs(value)) or f"{abs(value).p} / {value.q}"
    return f"-{text}" if value < 0 else text


def _signature(name: str, parameters: Sequence[str], returned: str) -> list[str]:
    return call(f"def {name}", parameters, f" -> {returned}:", indent=0)


def _forward_docstring(graph: Graph, outputs: Sequence[Quantity], checks: Checks) -> list[str]:
    rows = [(q.name, _described(q)) for q in graph.inputs]
    if checks.switch:
        rows.append((checks.switch, "whether to check the conditions on arrays"))
    conditions = [f"Conditions: {', '.join(checks.conditions)}."] if checks.conditions else []
    first = f"Return {_bundle(outputs)} and what `backward` needs."
    results = [(q.name, _described(q)) for q in outputs]
    return _docstring(first, [*rows, *results], [_CONTRACT, *conditions])


def _backward_docstring(
    derivation: Derivation, given: Sequence[Quantity], gradients: Sequence[Quantity], together: str
) -> list[str]:
    of = _bundle([derivation.forward.by_name[name] for name in derivation.forward.outputs])
    noun = "gradient" if len(gradients) == 1 else "gradients"
    first = f"Return {_bundle(gradients)}, the {noun} of a loss whose gradient with respect to {of} is given."
    rows = [(q.name, _described(q)) for q in (*given, *gradients)]
    if together:
        rows.insert(0, (together, f"the tuple {_bundle(given)}"))
    return _docstring(first, rows, [_BACKWARD_CONTRACT])


def _docstring(first: str, rows: Sequence[tuple[str, str]], paragraphs: Sequence[str]) -> list[str]:
    pad = " " * 4
    width = max(len(name) for name, _ in rows) + 4
    lines = textwrap.wrap(f'"""{first}', WIDTH, initial_indent=pad, subsequent_indent=pad)
    lines += ["", *(f"{pad}{name:{width}}{text}".rstrip() for name, text in rows), ""]
    for paragraph in paragraphs:
        lines += textwrap.wrap(paragraph, WIDTH, initial_indent=pad, subsequent_indent=pad)
    return [*lines, f'{pad}"""']


def _described(quantity: Quantity) -> str:
    if quantity.indices:
        return f"array [{', '.join(quantity.extents)}]"
    return "number"


def _bundle(quantities: Sequence[Quantity]) -> str:
    """The name of a single quantity; a tuple of several."""
    names = [quantity.name for quantity in quantities]
    return names[0] if len(names) == 1 else tuple_text(names)


def _type_of(quantity: Quantity) -> str:
    return "np.ndarray" if quantity.indices else "np.floating"


def _bundle_type(quantities: Sequence[Quantity], type_of: Callable[[Quantity], str] = _type_of) -> str:
    types = [type_of(quantity) for quantity in quantities]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _argument_type(quantity: Quantity) -> str:
    return "np.ndarray" if quantity.indices else "float | np.floating"
