"""The text of `forward`, `backward` and `double_backward` of a generated NumPy module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.contract import Checks, array_line, array_lines, cotangent_lines, scalar_line, unpacking_lines
from derive.codegen.residuals import Residuals, cotangents_of, first_order_equations, second_order_equations, used_in
from derive.codegen.runtime import DTYPE_OF
from derive.codegen.signatures import (
    argument_type,
    bundle,
    bundle_type,
    default_text,
    described,
    docstring,
    return_line,
    signature,
    type_of,
)
from derive.codegen.wrapping import KEPT, call, comment, statement
from derive.derivation import Derivation
from derive.functions import where
from derive.graph import Equation, Graph, Quantity, fresh_name, needed_for
from derive.printing.grammar import equation_text

_CONTRACT = (
    "The arrays have one dtype, float32, float64 or longdouble, and so have the results. What has another type or"
    " dtype is a TypeError, what has another shape or breaks a condition a ValueError. Arguments are never written to."
    " The residuals may hold the arguments and the results themselves."
)
_GRADIENT_CONTRACT = (
    "The dtype and the shapes are those of the call of `forward` that the residuals are from; what has another dtype is"
    " a TypeError, what has another shape a ValueError. Arguments are never written to."
)


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
        *signature("forward", parameters_of(graph, checks.switch), f"tuple[{bundle_type(outputs)}, Residuals]"),
        *_forward_docstring(graph, outputs, checks, residuals),
        *heads,
        *checks.lines,
        "",
        *body.lines,
        "",
        *call(f"return {bundle(outputs)}, Residuals", saved, ""),
    ]


def backward_lines(derivation: Derivation, residuals: Residuals, together: str) -> list[str]:
    """The function `backward`; where there are several cotangents, `together` is the name of their tuple."""
    graph = derivation.backward
    cotangents = cotangents_of(derivation)
    gradients = [graph.by_name[name] for name in graph.outputs]
    outputs = bundle([derivation.forward.by_name[name] for name in derivation.forward.outputs])
    noun = "gradient" if len(gradients) == 1 else "gradients"
    first = f"Return {bundle(gradients)}, the {noun} of a loss whose gradient with respect to {outputs} is given."
    given = _Given((), cotangents, together if len(cotangents) > 1 else "")
    doc = docstring(first, [*given.rows(), *((q.name, described(q)) for q in gradients)], [_GRADIENT_CONTRACT])
    return _gradient_function("backward", graph, first_order_equations(derivation), given, doc, residuals)


def double_backward_lines(
    derivation: Derivation, second: Derivation, residuals: Residuals, together: str
) -> list[str]:
    """The function `double_backward`: the gradients of the gradients. `second` is the derivation of these."""
    graph = second.backward
    cotangents = cotangents_of(derivation)
    gradients = [graph.by_name[name] for name in graph.outputs]
    given = _Given(cotangents_of(second), cotangents, together if len(cotangents) > 1 else "")
    noun = "gradient" if len(gradients) == 1 else "gradients"
    what = bundle(gradients) if gradients else "an empty tuple"
    first = f"Return {what}, the {noun} of {paired(second)}."
    sentences = ["<a, b> is the sum of all a[i, ...]*b[i, ...]."]
    of = {q.of for q in gradients}
    every = [*(q.name for q in cotangents), *derivation.forward.differentiable]
    missing = [name for name in every if name not in of]
    if missing:
        sentences.append(f"What `backward` returns does not depend on {', '.join(missing)}.")
    rows = [*given.rows(), *((q.name, described(q)) for q in gradients)]
    doc = docstring(first, rows, [" ".join(sentences), _GRADIENT_CONTRACT])
    equations = second_order_equations(derivation, second)
    return _gradient_function("double_backward", graph, equations, given, doc, residuals)


def paired(second: Derivation) -> str:
    """What the gradients of second order are those of: <dx, d2dx> + <dgamma, d2dgamma>."""
    return " + ".join(f"<{q.of},{KEPT}{q.name}>" for q in cotangents_of(second))


@dataclass(frozen=True)
class _Given:
    """The cotangents that a function takes: those `alone` one by one, then the `others`, several `together`."""

    alone: Sequence[Quantity]
    others: Sequence[Quantity]
    together: str

    @property
    def quantities(self) -> list[Quantity]:
        return [*self.alone, *self.others]

    def parameters(self) -> list[str]:
        last = f"{self.together or self.others[0].name}: {bundle_type(self.others, argument_type)}"
        return [*(f"{q.name}: {argument_type(q)}" for q in self.alone), last]

    def rows(self) -> list[tuple[str, str]]:
        """The rows of the docstring."""
        tuple_row = [(self.together, f"the tuple {bundle(self.others)}")] if self.together else []
        alone, others = ([(q.name, described(q)) for q in part] for part in (self.alone, self.others))
        return [*alone, *tuple_row, *others]


def _gradient_function(
    name: str,
    graph: Graph,
    equations: Sequence[Equation],
    given: _Given,
    doc: Sequence[str],
    residuals: Residuals,
) -> list[str]:
    """A function from cotangents and residuals to the outputs of a graph."""
    used = used_in(equations)
    arrays = residuals.arrays(used)
    dtype = f"{arrays[0].name}.dtype" if arrays else "dtype"
    gradients = [graph.by_name[output] for output in graph.outputs]
    body = _Body(graph, dtype, graph.outputs, single=len(gradients) == 1)
    for equation in equations:
        body.add(equation)

    wanted = {*body.extents, *(extent for q in given.quantities for extent in q.extents)}
    known = dict.fromkeys(residuals.extents)
    taken = used | wanted | {arrays[0].name if arrays else "dtype"}
    heads = []
    for quantity in arrays:
        lines = unpacking_lines(quantity, wanted, known)
        taken |= {quantity.name} if lines else set()
        heads += lines
        known |= dict.fromkeys(quantity.extents)
    if given.together:
        heads += cotangent_lines(given.together, [q.name for q in given.others])
    for q in given.quantities:
        unused = q.name not in used
        heads += array_line(q, known, dtype, unused) if q.indices else scalar_line(q, dtype, unused)
    return [
        *signature(name, [*given.parameters(), "residuals: Residuals"], bundle_type(gradients)),
        *doc,
        *residuals.unpacking_lines(taken),
        *heads,
        *(["", *body.lines] if body.lines else []),
        "",
        *return_line([q.name for q in gradients]),
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
        annotation = f": {type_of(self._graph.by_name[equation.name])}" if result and self._single else ""
        lines = statement(f"{equation.name}{annotation}", text)
        if equation.expression.atoms(where):
            # NumPy computes the branches that are not taken, too: what the layer guards against is no news.
            quiet = '    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):'
            lines = [quiet, *(f"    {line}" for line in lines)]
        self.lines += comment(equation_text(equation))
        self.lines += lines


def parameters_of(graph: Graph, switch: str) -> list[str]:
    """The parameters of `forward`: the inputs, and the switch of the checks."""
    required = [q for q in graph.inputs if q.default is None]
    optional = [q for q in graph.inputs if q.default is not None]
    parameters = [f"{q.name}: {argument_type(q)}" for q in required]
    parameters += [f"{q.name}: {argument_type(q)} = {default_text(q)}" for q in optional]
    return parameters + (["*", f"{switch}: bool = True"] if switch else [])


def _forward_docstring(graph: Graph, outputs: Sequence[Quantity], checks: Checks, residuals: Residuals) -> list[str]:
    rows = [(q.name, described(q)) for q in graph.inputs]
    if checks.switch:
        rows.append((checks.switch, "whether to check the conditions on arrays"))
    conditions = [f"Conditions: {', '.join(checks.conditions)}."] if checks.conditions else []
    first = f"Return {bundle(outputs)} and what {residuals.needed_by}."
    results = [(q.name, described(q)) for q in outputs]
    return docstring(first, [*rows, *results], [_CONTRACT, *conditions])
