"""How much work the stages of a function are: what decides whether a second thread pays off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from sympy import Expr

from derive.codegen.schedule.nodes import Accumulate, Let, Loop, Node, Stage, Store
from derive.codegen.schedule.statements import Axis


def work_of(stages: Sequence[Stage], price: Callable[[Expr], int]) -> tuple[tuple[Axis, ...], int]:
    """The axes that the deepest loops go over, and what one turn of them is worth.

    The unit is a turn with nothing but arithmetic in it; `price` says how many units the functions in an expression
    cost beyond that.
    """
    worth: dict[tuple[Axis, ...], int] = defaultdict(lambda: 1)
    for stage in stages:
        for axes, node in _within(stage.nodes, ()):
            worth[axes] += price(node.expression) if isinstance(node, (Let, Store, Accumulate)) else 0
    deepest = max(map(len, worth), default=0)
    nests = [axes for axes in worth if len(axes) == deepest]
    return (nests[0], sum(worth[axes] for axes in nests) - len(nests) + 1) if nests else ((), 1)


def _within(nodes: Sequence[Node], axes: tuple[Axis, ...]) -> Iterator[tuple[tuple[Axis, ...], Node]]:
    """All nodes but loops, with the axes of the loops that they stand in; of some loops only a few turns are made."""
    for node in nodes:
        if not isinstance(node, Loop):
            yield axes, node
        elif not node.first:
            yield from _within(node.body, (*axes, node.axis))
