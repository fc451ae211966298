"""The text of the functions of a module for workers: partial and finish, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive.codegen.axes import Code, extents_in
from derive.codegen.contract import (
    Checks,
    array_line,
    array_lines,
    cotangent_lines,
    scalar_line,
    tuple_text,
    unpacking_lines,
)
from derive.codegen.dialects import NUMPY, Dialect, Like, like
from derive.codegen.layer_functions import Body, parameters
from derive.codegen.residuals import cotangents_of, used_in
from derive.codegen.signatures import argument_type, bundle, bundle_type, described, docstring, return_line, signature
from derive.codegen.worker_parts import Parts, Sums
from derive.codegen.wrapping import call
from derive.functions import MaxOver
from derive.graph import Equation, Graph, Quantity, fresh_name, names_in

_CONTRACT = (
    "The arrays have one dtype, {}, and so have the results. What has another type or dtype is a TypeError, what has"
    " another shape or breaks a condition a ValueError. Arguments are never written to."
)
_SAVED = " The residuals may hold the arguments and the results themselves."


class _MaximumDialect(Dialect):
    """NumPy, where an array may have no rows: the largest of no numbers is -infinity, which changes no other."""

    def reduce(self, method: str, body: Code, places: Sequence[int] | None) -> str:
        text = super().reduce(method, body, places)
        if method != "max":
            return text
        return f"{text[:-1]}{'' if text.endswith('()') else ', '}initial=-np.inf)"


_MAXIMUM = _MaximumDialect()


@dataclass
class _Lines:
    """The lines that compute equations, and the extents that they mention."""

    lines: list[str]
    extents: set[str]


def _computed(
    graph: Graph, origin: Like, results: Sequence[str], equations: Sequence[Equation], single: bool = False
) -> _Lines:
    found = _Lines([], set())
    for equation in equations:
        over_rows = isinstance(equation.expression, MaxOver) and equation.name in results
        body = Body(graph, origin, results, _MAXIMUM if over_rows else NUMPY, single)
        body.add(equation)
        found.lines += body.lines
        found.extents |= set(body.extents)
    return found


# Forward.


def forward_functions(parts: Parts) -> list[list[str]]:
    """The lines of each function of the forward pass."""
    partials = [_forward_partial(parts, number) for number in range(len(parts.forward_sums))]
    return [*partials, _forward_finish(parts)]


def _used_in(equations: Sequence[Equation]) -> set[str]:
    """The names on the right sides, those of extents included."""
    return used_in(equations) | {e for equation in equations for e in extents_in(equation.expression)}


def _conditions(checks: Checks | None) -> list[str]:
    return [f"Conditions: {', '.join(checks.conditions)}."] if checks and checks.conditions else []


def _used_sums(sums: Sequence[Sums], used: set[str]) -> list[Sums]:
    return [each for each in sums if used & set(each.names)]


def _forward_partial(parts: Parts, number: int) -> list[str]:
    graph, own = parts.local.forward, parts.forward_sums[number]
    equations = parts.forward.needed([q.name for q in own.quantities])
    used = _used_in(equations)
    inputs = [q for q in graph.inputs if q.name in used and q.name not in parts.forward.round_of]
    if not any(parts.rows.local in q.extents for q in inputs):
        inputs.insert(0, next(q for q in graph.inputs if q.indices))
    inputs = [q for q in graph.inputs if q in inputs]
    before = _used_sums(parts.forward_sums[:number], used)
    origin = like(next(q.name for q in inputs if q.indices))
    body = _computed(graph, origin, [q.name for q in own.quantities], equations)
    checks = _length_checks(parts, origin) if parts.rows.extent in used else None
    wanted = {*body.extents, *([parts.rows.local] if own.counted else [])}
    made = [*([parts.rows.local] if own.counted else []), *(q.name for q in own.quantities)]
    first = f"Return what `{_next(parts.forward_sums, number, 'forward')}` needs of the rows of one worker."
    rows = [*((q.name, described(q)) for q in inputs), *_argument_rows(before), *own.rows()]
    return [
        *signature(own.partial, _parameters(graph, inputs, before, ""), own.kind),
        *docstring(first, rows, [_CONTRACT.format(NUMPY.dtypes), *_conditions(checks)]),
        *_argument_lines(inputs, before, used, wanted, origin),
        *(checks.lines if checks else []),
        *(["", *body.lines] if body.lines else []),
        "",
        *call(f"return {own.kind}", made, ""),
    ]


def _next(sums: Sequence[Sums], number: int, direction: str) -> str:
    return sums[number + 1].partial if number + 1 < len(sums) else f"{direction}_finish"


def _argument_rows(sums: Sequence[Sums]) -> list[tuple[str, str]]:
    return [(each.parameter, f"what `combine` returns of those of `{each.partial}`") for each in sums]


def _parameters(graph: Graph, inputs: Sequence[Quantity], sums: Sequence[Sums], switch: str) -> list[str]:
    """The parameters: what is required, the sums, constants with a default, and the switch of checks."""
    texts = parameters(replace(graph, quantities=tuple(inputs), equations=()), switch, NUMPY)
    required = sum(q.default is None for q in inputs)
    return [*texts[:required], *(f"{each.parameter}: {each.kind}" for each in sums), *texts[required:]]


def _argument_lines(
    inputs: Sequence[Quantity], sums: Sequence[Sums], used: set[str], wanted: set[str], origin: Like
) -> list[str]:
    """The lines that take the sums apart, and check and convert all arguments."""
    made = [q for each in sums for q in each.quantities if q.name in used]
    arrays = [*(q for q in inputs if q.indices), *(q for q in made if q.indices)]
    numbers = [*(q for q in made if not q.indices), *(q for q in inputs if not q.indices)]
    return [
        *(line for each in sums for line in each.unpacking_lines(used)),
        *array_lines(arrays, wanted, NUMPY),
        *(line for q in numbers for line in scalar_line(q, NUMPY.given(origin))),
    ]


def _length_checks(parts: Parts, origin: Like) -> Checks:
    """The checks of a partial: what is divided by is the number of all rows."""
    graph = parts.derivation.forward
    facts = tuple(f for f in parts.forward.facts if not {*names_in(f.left), *names_in(f.right)}
                  and {*extents_in(f.left), *extents_in(f.right)} == {parts.rows.extent})  # fmt: skip
    totals = {parts.rows.extent: parts.forward_sums[0].parameter}
    return Checks(replace(graph, quantities=(), facts=facts), origin, NUMPY, "", totals)


def _forward_finish(parts: Parts) -> list[str]:
    graph, residuals, rows = parts.local.forward, parts.residuals, parts.rows
    outputs = [graph.by_name[name] for name in graph.outputs]
    inputs = list(parts.derivation.forward.inputs)
    origin = like(next(q.name for q in inputs if q.indices))
    equations = parts.forward.needed([*graph.outputs, *(q.name for q in residuals.quantities)])
    body = _computed(graph, origin, graph.outputs, equations)
    checks = _finish_checks(parts, origin)
    extents = {*checks.extents, *body.extents, *residuals.extents}
    checked = {name for fact in parts.forward.facts for side in (fact.left, fact.right) for name in names_in(side)}
    used = used_in(equations) | extents | checked
    sums = _used_sums(parts.forward_sums, used)
    saved = [{"dtype": origin.dtype}.get(name, name) for name in residuals.names]
    given = [rows.of(q) for q in inputs]
    table = [*((q.name, described(q)) for q in given), *_argument_rows(sums)]
    table += [(checks.switch, "whether to check the conditions on arrays")] if checks.switch else []
    table += [(q.name, described(q)) for q in outputs]
    first = f"Return {bundle(outputs)} and what {residuals.needed_by}."
    return [
        *signature(
            "forward_finish",
            _parameters(graph, given, sums, checks.switch),
            f"tuple[{bundle_type(outputs, NUMPY)}, Residuals]",
        ),
        *docstring(first, table, [_CONTRACT.format(NUMPY.dtypes) + _SAVED, *_conditions(checks)]),
        *_argument_lines(given, sums, used, extents, origin),
        *checks.lines,
        "",
        *body.lines,
        "",
        *call(f"return {bundle(outputs)}, Residuals", saved, ""),
    ]


def _finish_checks(parts: Parts, origin: Like) -> Checks:
    """The checks of values: those of the layer as it was written, but that sums over all rows are given."""
    graph = parts.derivation.forward
    made = {q.name: q for each in parts.forward_sums for q in each.quantities}
    named = [name for fact in parts.forward.facts for side in (fact.left, fact.right) for name in names_in(side)]
    inputs = (*graph.quantities, *(made[name] for name in dict.fromkeys(named) if name in made))
    switch = fresh_name(["check", "check_facts"], parts.derivation.backward.names)
    counted = parts.forward_sums and parts.forward_sums[0].counted
    totals = {parts.rows.extent: parts.forward_sums[0].parameter} if counted else {}
    return Checks(replace(graph, quantities=inputs, facts=parts.forward.facts), origin, NUMPY, switch, totals)


# Backward.


def backward_functions(parts: Parts) -> list[list[str]]:
    """The lines of each function of the backward pass."""
    partials = [_backward_partial(parts, number) for number in range(len(parts.backward_sums))]
    return [*partials, _backward_finish(parts)]


def _backward_partial(parts: Parts, number: int) -> list[str]:
    own = parts.backward_sums[number]
    results = [q.name for q in own.quantities]
    first = f"Return what `{_next(parts.backward_sums, number, 'backward')}` needs of the rows of one worker."
    ended = call(f"return {own.kind}", results, "")
    return _gradient_function(parts, own.partial, first, results, (own.kind, own.rows(), ended), number)


def _backward_finish(parts: Parts) -> list[str]:
    graph = parts.local.backward
    gradients = [graph.by_name[name] for name in graph.outputs]
    of = bundle([parts.local.forward.by_name[name] for name in parts.local.forward.outputs])
    noun = "gradient" if len(gradients) == 1 else "gradients"
    first = f"Return {bundle(gradients)}, the {noun} of a loss whose gradient with respect to {of} is given."
    rows = [(q.name, described(q)) for q in gradients]
    ended = (bundle_type(gradients, NUMPY), rows, return_line([q.name for q in gradients]))
    return _gradient_function(parts, "backward_finish", first, graph.outputs, ended, len(parts.backward_sums))


def _gradient_function(
    parts: Parts,
    name: str,
    first: str,
    results: Sequence[str],
    ended: tuple[str, list[tuple[str, str]], list[str]],
    number: int,
) -> list[str]:
    """A function of the cotangents, the residuals and the sums of the rounds before `number`.

    `ended` has its type, the rows of the docstring and the lines for what it returns.
    """
    graph, residuals = parts.local.backward, parts.residuals
    equations = parts.backward.needed(results)
    used = used_in(equations)
    sums = _used_sums(parts.backward_sums[:number], used)
    made = [q for each in sums for q in each.quantities if q.name in used]
    arrays, origin = residuals.arrays(used), residuals.origin(used)
    finishes = number == len(parts.backward_sums)
    body = _computed(graph, origin, results, equations, single=finishes and len(results) == 1)

    given = cotangents_of(parts.local)
    together = fresh_name(["cotangents", "all_cotangents"], graph.names) if len(given) > 1 else ""
    wanted = {*body.extents, *(extent for q in (*given, *made) for extent in q.extents)}
    taken = used | wanted | {origin.array or "dtype"}
    known = dict.fromkeys(residuals.extents)
    heads = cotangent_lines(together, [q.name for q in given]) if together else []
    shapes = []
    for quantity in arrays:
        lines = unpacking_lines(quantity, wanted, known)
        taken |= {quantity.name} if lines else set()
        shapes += lines
        known |= dict.fromkeys(quantity.extents)
    for q in (*given, *made):
        before, unused = NUMPY.given(origin), q.name not in used
        heads += array_line(q, known, before, unused) if q.indices else scalar_line(q, before, unused)
    types = bundle_type(given, NUMPY, argument_type)
    takes = [f"{together or given[0].name}: {types}", "residuals: Residuals"]
    rows = [(together, f"the tuple {tuple_text([q.name for q in given])}")] if together else []
    rows += [*((q.name, described(q)) for q in given), *_argument_rows(sums), *ended[1]]
    contract = (
        "The dtype and the shapes are those of the call of `forward_finish` that the residuals are from; what has"
        " another dtype is a TypeError, what has another shape a ValueError. Arguments are never written to."
    )
    return [
        *signature(name, [*takes, *(f"{each.parameter}: {each.kind}" for each in sums)], ended[0]),
        *docstring(first, rows, [contract]),
        *residuals.unpacking_lines(taken),
        *(line for each in sums for line in each.unpacking_lines(used)),
        *shapes,
        *heads,
        *(["", *body.lines] if body.lines else []),
        "",
        *ended[2],
    ]
