"""A graph of derivatives as a layer of its own, whose derivatives are those of the next order.

    dx[i, j] = (D*dxhat[i, j] - sum(dxhat[i, k] for k in D) - ...)/(D*sqrt(var[i] + eps))
    ──▶  c1[i]    = sum(dxhat[i, k] for k in D)
         dx[i, j] = (D*dxhat[i, j] - c1[i] - ...)/(D*sqrt(var[i] + eps))

A sum that is smaller than what it stands in is computed once and used many times. With a name it gets a cotangent of
its own in the next order, and what is written there stays short.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import count

from sympy import Expr, Sum

from derive.graph import Equation, Graph, Index, Quantity, reaching_outputs
from derive.indices import IndexNames, canonical_bound, free_indices, index_extents, rebuild


def as_layer(derivatives: Graph, before: Collection[str]) -> Graph:
    """The graph as a layer: only what its outputs depend on, the sums in its own equations named.

    `before` names the quantities of the layer that the derivatives are of; their equations stay as they are.
    """
    graph = reaching_outputs(derivatives)
    naming = _Naming(graph)
    equations: list[Equation] = []
    for equation in graph.equations:
        if equation.name in before:
            equations.append(equation)
            continue
        short = naming.inside(equation.expression, len(equation.indices), whole=True)
        equations += [*naming.take(), replace(equation, expression=short)]
    known = graph.by_name | naming.quantities
    quantities = (*graph.inputs, *(known[equation.name] for equation in equations))
    return replace(graph, quantities=quantities, equations=tuple(equations))


class _Naming:
    """Gives names to sums, equal ones the same."""

    def __init__(self, graph: Graph) -> None:
        self.quantities: dict[str, Quantity] = {}
        self._known = dict(graph.by_name)
        self._order = len(graph.sweeps)  # that of the sweep that found the sums
        self._elements: dict[Expr, Expr] = {}
        self._new: list[Equation] = []
        self._names = (name for name in (f"c{number}" for number in count(1)) if name not in graph.names)
        self._bound = IndexNames(graph)
        names = dict.fromkeys(index.name for quantity in graph.quantities for index in quantity.indices)
        self._places = {name: place for place, name in enumerate(names)}

    def take(self) -> list[Equation]:
        """The equations of the names that are new since the last call."""
        new, self._new = self._new, []
        return new

    def inside(self, node: Expr, rank: int, whole: bool = False) -> Expr:
        """An expression that stands in an array of so many indices, with the smaller sums in it named."""
        if not node.args:
            return node
        if not isinstance(node, Sum):
            return rebuild(node, [self.inside(argument, rank) for argument in node.args])
        body = self.inside(node.function, len(free_indices(node.function)))
        total = node if body is node.function else Sum(body, *node.limits)
        return self._named(total) if not whole and len(free_indices(total)) < rank else total

    def _named(self, total: Sum) -> Expr:
        key = canonical_bound(total)
        if key not in self._elements:
            extents = index_extents(total, self._known)
            order = sorted(extents, key=lambda symbol: self._places.get(symbol.name, len(self._places)))
            indices = tuple(Index(symbol.name, extents[symbol]) for symbol in order)
            quantity = Quantity(next(self._names), indices, "helper", order=self._order)
            self.quantities[quantity.name] = self._known[quantity.name] = quantity
            readable = self._bound.apply(total, list(extents))
            self._new.append(Equation(quantity.name, indices, readable))
            self._elements[key] = quantity.element
        return self._elements[key]
