"""The text of `forward`, `backward` and `double_backward` of a generated module."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.centering import as_said, with_distances
from derive.codegen.contract import (
    Checks,
    array_line,
    array_lines,
    cotangent_lines,
    scalar_line,
    tuple_text,
    unpacking_lines,
)
from derive.codegen.dialects import Dialect, Like, like
from derive.codegen.divisors import divided_inside
from derive.codegen.maxima import with_compared
from derive.codegen.options import finished, finished_lines, option_sentences, options_of, out_lines, tile_lines
from derive.codegen.residuals import (
    WORKING,
    Residuals,
    cotangents_of,
    first_order_equations,
    second_order_equations,
    used_in,
)
from derive.codegen.runtime import DTYPE_OF, WORKING_OF
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
from derive.codegen.tiled_functions import tiled_function
from derive.codegen.wrapping import KEPT, call, comment, statement
from derive.derivation import Derivation
from derive.functions import where
from derive.graph import Equation, Graph, Quantity, fresh_name, needed_for
from derive.printing.grammar import equation_text

_CONTRACT = (
    "The arrays have one dtype, {}, and so have the results. What has another type or"
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
    graph, dialect = derivation.forward, residuals.dialect
    origin = origin_of(graph, dialect)
    body = Body(graph, origin, graph.outputs, dialect)
    body.add_all(computed_forward(derivation, residuals))
    checks = checks_of(derivation, dialect)

    shape = residuals.saved_shape
    tiled = None
    if residuals.options:
        kept = [q.name for q in residuals.quantities if q.name in graph.equation_of]
        equations = computed_forward(derivation, residuals)
        tiled = tiled_function("forward", equations, graph.by_name, graph.outputs, kept, origin, dialect)
    wanted = {*checks.extents, *body.extents, *residuals.extents, *(shape.extents if shape else ())}
    wanted |= (tiled.uses if tiled else set()) & set(graph.extents)
    replaced = {} if residuals.options else {"dtype": origin.dtype}
    if shape:
        replaced[shape.name] = dialect.zeros(tuple_text([*shape.extents[:-1], "0"]), origin)
    saved = [replaced.get(name, name) for name in residuals.names]
    outputs = [graph.by_name[name] for name in graph.outputs]
    options = options_of(outputs) if residuals.options else []
    wanted |= {extent for q in outputs for extent in q.extents if options}
    results = bundle(outputs)
    if residuals.options:
        results = finished(graph.outputs, options) + ("[0]" if len(outputs) == 1 else "")
    returned = call(f"return {results}, Residuals", saved, "")
    names = [*(q.name for q in graph.inputs), *(e for e in graph.extents if e in wanted)]
    kind = _forward_type(outputs, dialect)
    calling, function = tile_lines("forward", tiled, names, {*saved}, options, kind, returned)
    ended = [*calling, *body.lines, "", *returned]
    given = parameters(graph, checks.switch, dialect)
    if residuals.options:
        given += [*([] if checks.switch else ["*"]), *options, "precise: bool = False"]
    return [
        *signature("forward", given, kind),
        *_forward_docstring(graph, outputs, checks, residuals, [*options, "precise:"] if residuals.options else []),
        *argument_lines(graph, checks.lines, wanted, dialect.namespace_lines([*checks.lines, *ended], origin), dialect),
        *out_lines(outputs, options),
        "",
        *ended,
        *function,
    ]


def argument_lines(
    graph: Graph, checks: Sequence[str], wanted: Container[str], namespace: Sequence[str], dialect: Dialect
) -> list[str]:
    """The lines that check and convert the arguments of `forward`, and take the `wanted` extents from them.

    `checks` are the lines of checks on values, `namespace` those that they need before them.
    """
    arrays, numbers = arrays_and_numbers(graph, dialect)
    origin = origin_of(graph, dialect)
    heads = [] if arrays else [f"    dtype = {DTYPE_OF.__name__}({numbers[0].name})"]
    heads += array_lines(arrays, wanted, dialect)
    conversions = [line for q in numbers for line in scalar_line(q, dialect.given(origin))]
    # A number can be looked at before it is an array, and not afterwards.
    checked = [*conversions, *checks] if dialect.has_scalars else [*checks, *conversions]
    return [*heads, *namespace, *checked]


def origin_of(graph: Graph, dialect: Dialect) -> Like:
    """What new arrays are like in `forward`."""
    arrays, _ = arrays_and_numbers(graph, dialect)
    return like(arrays[0].name) if arrays else Like("dtype")


def arrays_and_numbers(graph: Graph, dialect: Dialect) -> tuple[list[Quantity], list[Quantity]]:
    """The inputs that are checked as arrays, and those as numbers: these take their dtype from the first array.

    Where a number is a 0-d array, the first one stands in for an array that is not there.
    """
    arrays = [q for q in graph.inputs if q.indices]
    numbers = [q for q in graph.inputs if not q.indices]
    if not arrays and not dialect.has_scalars:
        arrays = sorted(numbers, key=lambda q: q.default is not None)[:1]
    return arrays, [q for q in numbers if q not in arrays]


def checks_of(derivation: Derivation, dialect: Dialect) -> Checks:
    """The checks of `forward` on values."""
    switch = fresh_name(["check", "check_facts"], derivation.backward.names)
    return Checks(derivation.forward, origin_of(derivation.forward, dialect), dialect, switch)


def _forward_type(outputs: Sequence[Quantity], dialect: Dialect) -> str:
    return f"tuple[{bundle_type(outputs, dialect)}, Residuals]"


def backward_lines(derivation: Derivation, residuals: Residuals, together: str) -> list[str]:
    """The function `backward`; where there are several cotangents, `together` is the name of their tuple."""
    graph = derivation.backward
    cotangents = cotangents_of(derivation)
    gradients = [graph.by_name[name] for name in graph.outputs]
    outputs = bundle([derivation.forward.by_name[name] for name in derivation.forward.outputs])
    noun = "gradient" if len(gradients) == 1 else "gradients"
    first = f"Return {bundle(gradients)}, the {noun} of a loss whose gradient with respect to {outputs} is given."
    given = _Given((), cotangents, together if len(cotangents) > 1 else "", residuals.dialect)
    options = options_of(gradients) if residuals.options else []
    contract = " ".join([_GRADIENT_CONTRACT, *option_sentences(options)])
    doc = docstring(first, [*given.rows(), *((q.name, described(q)) for q in gradients)], [contract])
    return _gradient_function("backward", graph, first_order_equations(derivation), given, doc, residuals, options)


def double_backward_lines(
    derivation: Derivation, second: Derivation, residuals: Residuals, together: str
) -> list[str]:
    """The function `double_backward`: the gradients of the gradients. `second` is the derivation of these."""
    graph = second.backward
    cotangents = cotangents_of(derivation)
    gradients = [graph.by_name[name] for name in graph.outputs]
    given = _Given(cotangents_of(second), cotangents, together if len(cotangents) > 1 else "", residuals.dialect)
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
    dialect: Dialect

    @property
    def quantities(self) -> list[Quantity]:
        return [*self.alone, *self.others]

    def parameters(self) -> list[str]:
        last = f"{self.together or self.others[0].name}: {bundle_type(self.others, self.dialect, argument_type)}"
        return [*(f"{q.name}: {argument_type(q, self.dialect)}" for q in self.alone), last]

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
    options: Sequence[str] = (),
) -> list[str]:
    """A function from cotangents and residuals to the outputs of a graph."""
    used, dialect = used_in(equations), residuals.dialect
    arrays, origin = residuals.arrays(used), residuals.origin(used)
    gradients = [graph.by_name[output] for output in graph.outputs]
    body = Body(graph, origin, graph.outputs, dialect, single=len(gradients) == 1)
    body.add_all(equations)

    tiled = None
    if options:
        tiled = tiled_function(name, equations, graph.by_name, graph.outputs, (), origin, dialect)
    wanted = {*body.extents, *(extent for q in given.quantities for extent in q.extents)}
    wanted |= (tiled.uses if tiled else set()) & set(graph.extents)
    wanted |= {extent for q in gradients for extent in q.extents if options}
    known = dict.fromkeys(residuals.extents)
    taken = used | wanted | {origin.array or "dtype"} | ({"dtype"} if residuals.options else set())
    heads = [f"    {WORKING} = {WORKING_OF.__name__}(dtype)"] if origin.dtype == WORKING else []
    for quantity in arrays:
        lines = unpacking_lines(quantity, wanted, known)
        taken |= {quantity.name} if lines else set()
        heads += lines
        known |= dict.fromkeys(quantity.extents)
    if given.together:
        heads += cotangent_lines(given.together, [q.name for q in given.others])
    for q in given.quantities:
        unused = q.name not in used
        before = dialect.given(origin)
        told = dialect.given_to_arrays(origin) if residuals.options else before
        heads += array_line(q, known, told, unused) if q.indices else scalar_line(q, before, unused)
    heads += out_lines(gradients, options)
    returned = finished_lines(gradients, options) if residuals.options and gradients else []
    returned += return_line([q.name for q in gradients])
    names = [*(q.name for q in residuals.quantities), *(q.name for q in given.quantities), *graph.extents]
    names += [WORKING] if origin.dtype == WORKING else []
    kind = bundle_type(gradients, dialect)
    calling, function = tile_lines(name, tiled, names, set(), options, kind, returned)
    parameters_ = [*given.parameters(), "residuals: Residuals", *(["*"] if options else []), *options]
    return [
        *signature(name, parameters_, bundle_type(gradients, dialect)),
        *doc,
        *residuals.unpacking_lines(taken),
        *heads,
        *dialect.namespace_lines(body.lines, origin),
        *(["", *calling, *body.lines] if body.lines else []),
        "",
        *returned,
        *function,
    ]


class Body:
    """The lines that compute equations, each under a comment that says which."""

    def __init__(
        self, graph: Graph, origin: Like, results: Sequence[str], dialect: Dialect, single: bool = False
    ) -> None:
        self.lines: list[str] = []
        self.extents: dict[str, None] = {}
        self._graph, self._like, self._results = graph, origin, results
        self._dialect, self._single = dialect, single

    def add_all(self, equations: Sequence[Equation]) -> None:
        equations, known = with_distances(*with_compared(equations, self._graph.by_name))
        for equation in equations:
            self.add(equation, known)

    def add(self, equation: Equation, known: Mapping[str, Quantity] | None = None) -> None:
        known = self._graph.by_name if known is None else known
        printer = ArrayPrinter(known, equation.indices, self._like, self._dialect)
        text = printer.doprint_new(divided_inside(equation.expression))
        self.extents |= printer.extents
        result = equation.name in self._results
        if result and not equation.indices:
            text = self._dialect.result(text, self._like)
        result_type = type_of(known[equation.name], self._dialect)
        annotation = f": {result_type}" if result and self._single else ""
        lines = statement(f"{equation.name}{annotation}", text)
        if self._dialect.quiet and equation.expression.atoms(where):
            # NumPy computes the branches that are not taken, too: what the layer guards against is no news.
            lines = [f"    {self._dialect.quiet}", *(f"    {line}" for line in lines)]
        self.lines += comment(equation_text(as_said(equation)))
        self.lines += lines


def parameters(graph: Graph, switch: str, dialect: Dialect) -> list[str]:
    """The parameters of `forward`: constants with a default last."""
    arrays, _ = arrays_and_numbers(graph, dialect)
    types = {q.name: dialect.array_type if q in arrays else argument_type(q, dialect) for q in graph.inputs}
    required = [q for q in graph.inputs if q.default is None]
    optional = [q for q in graph.inputs if q.default is not None]
    texts = [f"{q.name}: {types[q.name]}" for q in required]
    texts += [f"{q.name}: {types[q.name]} = {default_text(q)}" for q in optional]
    return texts + (["*", f"{switch}: bool = {dialect.has_scalars}"] if switch else [])


def _forward_docstring(
    graph: Graph, outputs: Sequence[Quantity], checks: Checks, residuals: Residuals, options: Sequence[str]
) -> list[str]:
    rows = [(q.name, described(q)) for q in graph.inputs]
    if checks.switch:
        rows.append((checks.switch, "whether to check the conditions on arrays"))
    conditions = [f"Conditions: {', '.join(checks.conditions)}."] if checks.conditions else []
    first = f"Return {bundle(outputs)} and what {residuals.needed_by}."
    results = [(q.name, described(q)) for q in outputs]
    remarks = residuals.dialect.remarks(checks.switch, checks.on_numbers)
    contract = [" ".join([_CONTRACT.format(residuals.dialect.dtypes), *option_sentences(options)])]
    return docstring(first, [*rows, *results], [*contract, *conditions, *remarks])
