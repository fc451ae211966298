"""Conditions that some people have on a layer, and under which a line may be true: gamma is one, targets sum to one.

They come from the shapes and the equations: a parameter is what is spread over another input, a weight a constant with
indices, and what is summed is what the layer takes a sum or a mean of.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, Integer, Sum

from derive.graph import Fact, Graph, Quantity, name_of
from derive.printing.grammar import expression_text


def conditions_of(graph: Graph) -> Iterator[Fact]:
    """Each condition as a fact: parameters and weights that are one, constants that sum to one, inputs of mean zero."""
    inputs = graph.inputs
    for quantity in inputs:
        if _is_parameter(quantity, graph) or (quantity.role == "constant" and quantity.indices):
            yield Fact(quantity.element, "==", Integer(1), quantity.indices)
    for quantity in inputs:
        if quantity.role == "input" and quantity.indices and _is_parameter(quantity, graph):
            yield Fact(quantity.element, "==", Integer(0), quantity.indices)
    for quantity in inputs:
        if quantity.role == "constant":
            yield from (_sum_is(quantity, position, 1) for position in reversed(range(len(quantity.indices))))
    yield from _summed(graph)


def condition_text(condition: Fact) -> str:
    """A condition in the layer grammar. What sums to zero has mean zero, and that is how people say it."""
    left, right = condition.left, condition.right
    if isinstance(left, Sum) and right == 0:
        left = left / left.limits[0][2]
    return f"{expression_text(left)} {condition.relation} {expression_text(right)}"


def _is_parameter(quantity: Quantity, graph: Graph) -> bool:
    """Whether a quantity is spread over a larger one: gamma[j] over x[i, j]; not a constant with a value of its own."""
    if quantity.default is not None:
        return False
    own = set(quantity.extents)
    return any(own < set(other.extents) for other in graph.inputs)


def _sum_is(quantity: Quantity, position: int, value: int) -> Fact:
    summed = quantity.indices[position]
    free = tuple(index for k, index in enumerate(quantity.indices) if k != position)
    return Fact(Sum(quantity.element, summed.limits), "==", Integer(value), free)


def _summed(graph: Graph) -> Iterator[Fact]:
    """An input that the layer takes the sum or the mean of has mean zero."""
    inputs = {quantity.name: quantity for quantity in graph.inputs}
    seen: set[tuple[str, int]] = set()
    for equation in graph.equations:
        for total in sorted(equation.expression.atoms(Sum), key=str):
            quantity = inputs.get(name_of(total.function) or "")
            position = _position(total.function, total.limits[0][0]) if len(total.limits) == 1 else None
            if quantity is not None and position is not None and (quantity.name, position) not in seen:
                seen.add((quantity.name, position))
                yield _sum_is(quantity, position, 0)


def _position(element: Expr, index: Expr) -> int | None:
    places = [k for k, own in enumerate(getattr(element, "indices", ())) if own == index]
    return places[0] if len(places) == 1 else None
