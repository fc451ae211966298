"""Reverse mode on a graph: the cotangent of every quantity, path by path.

The cotangent of v is the sum, over the equations that use v, of (their cotangent) x (the local derivative), summed
over the indices that v does not have. Each occurrence of v in an equation (`occurrences.py`) brings a delta for each
index of v; a delta whose index is summed over contracts, and only a diagonal such as s[i, i] leaves one standing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Integer, Sum, Symbol
from sympy.core.parameters import distribute

from derive.errors import DeriveError, LayerError, Location, UsageError
from derive.graph import Equation, Graph, Index, Mode, Quantity, fresh_name, names_in, reaching_outputs, reference
from derive.indices import IndexNames, substitute
from derive.local_derivatives import contract, local_derivative, uses_of
from derive.occurrences import Limits

_ONE = Integer(1)


@dataclass(frozen=True)
class Path:
    """One path by which v reaches the loss: through the equation of `user`.

    `local` is the local derivative as a quantity and its equation, `abstract` the contribution with that quantity
    standing in it, `contribution` the same with the derivative put in. In a forward sweep a path leads to the `user`,
    from the quantity that the contribution is `via`.
    """

    user: str
    local: Quantity
    local_equation: Equation
    quantity: Quantity
    abstract: Equation
    contribution: Equation


@dataclass(frozen=True)
class Cotangent:
    """The cotangent of one quantity, or its tangent in a forward sweep: its paths and their sum.

    `given` is set when the loss uses it directly, too.
    """

    of: str
    quantity: Quantity
    equation: Equation
    paths: tuple[Path, ...]
    given: Quantity | None = None


@dataclass(frozen=True)
class Sweep:
    """A sweep: the cotangents that are given, and the others in the order in which they are found.

    A forward sweep has tangents in their place: those of the inputs `wrt`, which move, are given.
    """

    graph: Graph
    given: tuple[Quantity, ...]
    cotangents: tuple[Cotangent, ...]
    wrt: tuple[str, ...]
    mode: Mode = "reverse"

    @property
    def results(self) -> tuple[str, ...]:
        """The quantities whose cotangents, or tangents, are wanted."""
        return self.wrt if self.mode == "reverse" else self.graph.outputs


def sweep(graph: Graph, wrt: Sequence[str] | None = None) -> Sweep:
    """Walk the equations from the outputs back and collect the cotangent of everything that `wrt` depends on.

    `wrt` names inputs or intermediates; without it, every input that is not a constant. Raises UsageError for a name
    that has no gradient.
    """
    wanted = _requested(graph, wrt)
    with distribute(False):  # SymPy turns 2*(x - mu) into 2*x - 2*mu behind the reader's back
        return _sweep(graph, wanted)


def cotangent_prefix(order: int) -> str:
    """What stands before a name in that of its cotangent: d, and in later sweeps d2, d3."""
    return "d" if order == 1 else f"d{order}"


def _sweep(graph: Graph, wanted: tuple[str, ...]) -> Sweep:
    names = IndexNames(graph)
    order = graph.sweeps.count("reverse") + 1
    d = cotangent_prefix(order)
    given = {
        name: Quantity(f"{d}{name}", graph.by_name[name].indices, "cotangent", of=name, order=order)
        for name in graph.outputs
    }
    needed = depending_on(graph, wanted)
    for name in [*graph.outputs, *(q.name for q in graph.quantities if q.name in needed)]:
        if f"{d}{name}" in graph.names:
            raise _in_use(graph, name, f"{d}{name}")
    taken = graph.names | {f"{d}{quantity.name}" for quantity in graph.quantities}
    totals: dict[str, Quantity] = {}
    found: list[Cotangent] = []
    inputs = [q.name for q in graph.inputs if q.name in wanted]
    for name in [*(e.name for e in reversed(graph.equations)), *inputs]:
        if _is_end(graph, name):
            totals[name] = given[name]
            continue
        idle = name not in graph.outputs and not graph.uses[name]
        if name not in needed or (idle and name not in wanted):
            continue
        primal = graph.by_name[name]
        direct = given.get(name)
        if direct is not None:
            direct = given[name] = replace(direct, role="contribution")
        own = fresh_name([f"{d}{name}_total"], taken) if direct else f"{d}{name}"
        total = Quantity(own, primal.indices, "cotangent", of=name, order=order)
        users = [user for user in reversed(graph.uses[name]) if user in totals]
        paths = [_path(graph, names, user, primal, totals[user]) for user in users]
        terms = [path.contribution.expression for path in paths]
        expression = Add(*([direct.element] if direct else []), *terms)
        totals[name] = total
        equation = Equation(total.name, total.indices, expression)
        found.append(Cotangent(name, total, equation, tuple(paths), direct))
    return Sweep(graph, tuple(given.values()), tuple(found), wanted)


def _in_use(graph: Graph, name: str, cotangent: str) -> DeriveError:
    """The name of a cotangent is taken: where the layer's text shows it, by whom."""
    message = f"the gradient with respect to {name!r} would be called {cotangent!r}, and that is in use"
    hint = f"rename {cotangent} in the layer, for example to {fresh_name([f'{cotangent}_'], graph.names)}"
    for number, line in enumerate(graph.source.splitlines(), start=1):
        found = re.match(rf"\s*{re.escape(cotangent)}\s*[:=\[]", line)
        if found is not None:
            column = line.index(cotangent)
            return LayerError(message, hint, Location(graph.name, number, column, line))
    return UsageError(message)


def vjp(graph: Graph, wrt: Sequence[str] | None = None) -> Graph:
    """The layer together with its backward pass, staged: one equation for each cotangent, nothing collapsed.

    The result's inputs are the layer's and the cotangents of its outputs (`dy`), its outputs the gradients (`dx`) in
    the order of `wrt`. Raises UsageError for a name without a gradient.
    """
    return joint_graph(sweep(reaching_outputs(graph) if graph.sweeps else graph, wrt))


def joint_graph(found: Sweep) -> Graph:
    """The graph of a sweep: the equations of the layer, then the cotangents or tangents."""
    graph = found.graph
    by_primal = {c.of: c.quantity.name for c in found.cotangents} | {
        q.of: q.name for q in found.given if q.role == "cotangent"
    }
    inputs = [*graph.inputs, *found.given]
    computed = [graph.by_name[e.name] for e in graph.equations] + [c.quantity for c in found.cotangents]
    return Graph(
        name=graph.name,
        description=graph.description,
        quantities=(*inputs, *computed),
        equations=(*graph.equations, *(c.equation for c in found.cotangents)),
        facts=graph.facts,
        outputs=tuple(by_primal[name] for name in found.results),
        source=graph.source,
        sweeps=(*graph.sweeps, found.mode),
    )


def _requested(graph: Graph, wrt: Sequence[str] | None) -> tuple[str, ...]:
    if wrt is None:
        return graph.differentiable
    d = cotangent_prefix(graph.sweeps.count("reverse") + 1)
    for name in wrt:
        quantity = graph.by_name.get(name)
        if quantity is None or quantity.role == "constant":
            what = "is a constant" if quantity else "is not a quantity of the layer"
            if graph.sweeps and name in graph.former:
                what = "is nothing that the gradients of the order below depend on"
            choices = [q.name for q in graph.quantities if q.role != "constant" and not _is_end(graph, q.name)]
            raise UsageError(f"no gradient with respect to {name!r}: it {what}; choose from {', '.join(choices)}")
        if _is_end(graph, name):
            raise UsageError(f"no gradient with respect to {name!r}: it is an output, and {d}{name} is given")
    return tuple(dict.fromkeys(wrt))


def _is_end(graph: Graph, name: str) -> bool:
    """Whether a quantity is an output that nothing else uses, so that its cotangent is what is given."""
    return name in graph.outputs and not graph.uses[name]


def depending_on(graph: Graph, wanted: Sequence[str]) -> set[str]:
    """What depends on the wanted quantities, themselves included."""
    result = set(wanted)
    for equation in graph.equations:
        if any(name in result for name in names_in(equation.expression)):
            result.add(equation.name)
    return result


def _path(graph: Graph, names: IndexNames, user: str, primal: Quantity, cotangent: Quantity) -> Path:
    """The contribution of the equation of `user` to the cotangent of `primal`."""
    equation = graph.equation_of[user]
    free, found = uses_of(equation, primal.name)
    local, local_equation, at = local_derivative(names, equation, free, primal, found)

    outer: Limits = tuple((symbol, _ONE, index.limits[2]) for symbol, index in free.items())
    element = reference(cotangent.name, tuple(free))
    targets = [index.symbol for index in primal.indices]
    terms = [contract(element * o.weight, o.indices, outer + o.limits, targets) for o in found]
    contribution = names.apply(Add(*terms), targets)
    abstract = names.apply(_abstract(element, local, free, at, targets), targets)

    own_name = f"{cotangent_prefix(cotangent.order)}{primal.name}_via_{user}"
    quantity = Quantity(
        own_name, primal.indices, "contribution", of=primal.name, via=user, order=cotangent.order
    )
    return Path(
        user,
        local,
        local_equation,
        quantity,
        Equation(quantity.name, quantity.indices, abstract),
        Equation(quantity.name, quantity.indices, contribution),
    )


def _abstract(
    element: Expr, local: Quantity, free: dict[Symbol, Index], at: Sequence[Symbol], targets: Sequence[Symbol]
) -> Expr:
    """The chain rule with the local derivative as a symbol: sum of cotangent x local derivative."""
    to_target = dict(zip(at, targets, strict=True))
    of_use = {index.symbol: symbol for symbol, index in free.items()}
    body = element * reference(local.name, [to_target.get(i.symbol, of_use.get(i.symbol)) for i in local.indices])
    body = substitute(body, {of_use[symbol]: to_target[symbol] for symbol in of_use if symbol in to_target})
    limits = [(symbol, *index.limits[1:]) for symbol, index in free.items() if index.symbol not in to_target]
    return Sum(body, *limits) if limits else body
