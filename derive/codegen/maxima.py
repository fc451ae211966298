"""What a maximum is taken of, under a name of its own where it is compared with the maximum.

    dx[i, j] = dm[j]*where(x[i, j]*a[i] == max(x[k, j]*a[k] for k in N), 1, 0)
    ──▶
    dx_max_of[i, j] = x[i, j]*a[i]
    dx[i, j] = dm[j]*where(dx_max_of[i, j] == max(dx_max_of[k, j] for k in N), 1, 0)

Computed twice, with factors in another order or taken out of a sum in one place only, the two sides would differ in
their last digit, and be equal nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr
from sympy.core.parameters import distribute
from sympy.core.relational import Relational

from derive.functions import MaxOver, limits_of
from derive.graph import Equation, Index, Quantity, fresh_name, index_symbol, name_of, reference
from derive.indices import REDUCTIONS, free_indices, rebuild
from derive.rules.matching import whole_matches


def with_compared(
    equations: Sequence[Equation], known: Mapping[str, Quantity], taken: Iterable[str] = ()
) -> tuple[list[Equation], dict[str, Quantity]]:
    """The equations with such names, and `known` with these. `taken` are more names that are not to be given."""
    namer = _Namer(known, {*known, *taken, *(equation.name for equation in equations)})
    with distribute(False):  # or SymPy would make (a + b)/3 of one side a/3 + b/3
        return [each for equation in equations for each in namer.named(equation)], namer.known


class _Namer:
    def __init__(self, known: Mapping[str, Quantity], taken: set[str]) -> None:
        self.known = dict(known)
        self._taken = taken
        self._made: list[Equation] = []  # all of them
        self._new: list[Equation] = []  # for the equation at hand
        self._at_hand: Equation | None = None

    def named(self, equation: Equation) -> list[Equation]:
        """The equation, after those of the names that it needs first."""
        self._at_hand, self._new = equation, []
        extents = {index.symbol.name: index.extent for index in equation.indices}
        expression = self._visit(equation.expression, extents, within=False)
        return [*self._new, replace(equation, expression=expression)]

    def _visit(self, node: Expr, extents: Mapping[str, str], within: bool) -> Expr:
        """The node with names; `within` a condition, what a maximum is taken of gets one."""
        if not node.args or name_of(node) is not None:
            return node
        if isinstance(node, REDUCTIONS):
            limits = limits_of(node)
            inner = {**extents, **{symbol.name: extent.name for symbol, extent in limits}}
            body = self._visit(node.function, inner, within)
            if within and isinstance(node, MaxOver):
                body = self._name(body, inner)
            return node if body is node.function else node.func(body, *node.limits)
        if isinstance(node, Relational):
            sides = [self._visit(side, extents, within=True) for side in node.args]
            if any(side.has(MaxOver) for side in sides):
                sides = [self._known(side) for side in sides]
            return rebuild(node, sides)
        return rebuild(node, [self._visit(argument, extents, within) for argument in node.args])

    def _known(self, body: Expr) -> Expr:
        """The element that an expression is the definition of; itself where there is none."""
        for made in self._made:
            for binding in whole_matches(made.expression, body):
                element: Expr = made.left.xreplace(binding)
                return element
        return body

    def _name(self, body: Expr, extents: Mapping[str, str]) -> Expr:
        if name_of(body) is not None or name_of(-body) is not None:
            return body
        known = self._known(body)
        if known is not body:
            return known
        assert self._at_hand is not None
        name = fresh_name([f"{self._at_hand.name}_max_of", f"{self._at_hand.name}_max_of2"], self._taken)
        self._taken.add(name)
        indices = tuple(Index(symbol.name, extents[symbol.name]) for symbol in free_indices(body))
        made = replace(self._at_hand, name=name, indices=indices, expression=body)
        self.known[name] = Quantity(name, indices, "helper")
        self._made.append(made)
        self._new.append(made)
        return reference(name, [index_symbol(index.name) for index in indices])
