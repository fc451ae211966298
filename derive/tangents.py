"""Forward mode on a graph: the tangent of every quantity, path by path.

The inputs move in a direction that is given, x + t*x_dot. The tangent of v is how fast v changes with t: the sum, over
the quantities that the equation of v uses, of (local derivative) x (their tangent), summed over the indices that v does
not have. Like the reverse sweep it leaves a `Sweep`, in which the tangents stand where the cotangents would.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Sum
from sympy.core.parameters import distribute

from derive.differentiate import Cotangent, Path, Sweep, joint_graph
from derive.errors import UsageError
from derive.graph import Equation, Graph, Quantity, names_in, reaching_outputs, reference
from derive.indices import IndexNames, substitute
from derive.local_derivatives import local_derivative, uses_of


def forward_sweep(graph: Graph, wrt: Sequence[str] | None = None) -> Sweep:
    """Walk the equations in order and collect the tangent of everything that moves, and of every output.

    `wrt` names the inputs that move; without it, every input that is not a constant. Raises UsageError for a name that
    cannot move, and where the layer uses the name of a tangent for something else.
    """
    moving = _requested(graph, wrt)
    order = graph.sweeps.count("forward") + 1
    suffix = tangent_suffix(order)
    names = IndexNames(graph)
    position = {quantity.name: number for number, quantity in enumerate(graph.quantities)}
    tangents: dict[str, Quantity] = {}

    def tangent_of(primal: Quantity) -> Quantity:
        name = f"{primal.name}{suffix}"
        if name in graph.names:
            raise UsageError(
                f"the tangent of {primal.name!r} would be called {name!r}, and that is in use: rename one of the two"
            )
        return Quantity(name, primal.indices, "tangent", of=primal.name, order=order)

    tangents.update({name: tangent_of(graph.by_name[name]) for name in moving})
    given = tuple(tangents.values())
    found: list[Cotangent] = []
    with distribute(False):  # SymPy turns 2*(x - mu) into 2*x - 2*mu behind the reader's back
        for equation in graph.equations:
            used = sorted((n for n in names_in(equation.expression) if n in tangents), key=position.__getitem__)
            if not used and equation.name not in graph.outputs:
                continue
            tangent = tangent_of(graph.by_name[equation.name])
            paths = tuple(_path(graph, names, equation, tangent, name, tangents[name]) for name in used)
            total = Add(*(path.contribution.expression for path in paths))
            found.append(Cotangent(equation.name, tangent, Equation(tangent.name, tangent.indices, total), paths))
            tangents[equation.name] = tangent
    return Sweep(graph, given, tuple(found), moving, "forward")


def jvp(graph: Graph, wrt: Sequence[str] | None = None) -> Graph:
    """The layer together with its forward derivatives, staged: one equation for each tangent, nothing collapsed.

    The result's inputs are the layer's and the tangents of those that move (`x_dot`), its outputs the tangents of the
    layer's outputs (`y_dot`). Raises UsageError for a name that cannot move.
    """
    return joint_graph(forward_sweep(reaching_outputs(graph) if graph.sweeps else graph, wrt))


def tangent_suffix(order: int) -> str:
    """What stands behind a name in that of its tangent: _dot, and in later sweeps _dot2, _dot3."""
    return "_dot" if order == 1 else f"_dot{order}"


def _requested(graph: Graph, wrt: Sequence[str] | None) -> tuple[str, ...]:
    if wrt is None:
        return graph.differentiable
    for name in wrt:
        if name not in graph.differentiable:
            quantity = graph.by_name.get(name)
            what = "is not a quantity of the layer"
            if quantity is not None:
                what = "is a constant" if quantity.role == "constant" else "moves with the inputs"
            choices = ", ".join(graph.differentiable)
            raise UsageError(f"no tangent can be given for {name!r}: it {what}; choose from {choices}")
    return tuple(name for name in graph.differentiable if name in wrt)


def _path(
    graph: Graph, names: IndexNames, equation: Equation, total: Quantity, source: str, tangent: Quantity
) -> Path:
    """The contribution of one quantity's motion to the tangent of what an equation computes from it."""
    primal = graph.by_name[source]
    free, found = uses_of(equation, source)
    local, local_equation, at = local_derivative(names, equation, free, primal, found)
    plain = {symbol: index.symbol for symbol, index in free.items()}
    own = [index.symbol for index in equation.indices]
    terms = []
    for occurrence in found:
        body = occurrence.weight * reference(tangent.name, occurrence.indices)
        terms.append(substitute(Sum(body, *occurrence.limits) if occurrence.limits else body, plain))

    chain = reference(local.name, [index.symbol for index in local.indices]) * reference(tangent.name, at)
    limits = [(s, *i.limits[1:]) for s, i in zip(at, primal.indices, strict=True) if s not in own]
    abstract = Sum(chain, *limits) if limits else chain

    quantity = Quantity(
        f"{total.name}_via_{source}",
        total.indices,
        "contribution",
        of=equation.name,
        via=source,
        order=total.order,
        mode="forward",
    )
    left = (quantity.name, quantity.indices)
    return Path(
        equation.name,
        local,
        local_equation,
        quantity,
        Equation(*left, names.apply(abstract, own)),
        Equation(*left, names.apply(Add(*terms), own)),
    )
