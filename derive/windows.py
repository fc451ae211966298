"""Windows: which cotangents are closed together, so that the work on a deep layer grows with its depth alone.

A kept cotangent through which everything behind it reaches the loss (it *dominates* what is behind it, as one says of
control flow) is a border: what lies on its two sides is closed apart. Neighbors are joined while they are small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from derive.differentiate import Cotangent, Sweep
from derive.graph import names_in

# The basis is chosen for at most so many cotangents at a time, where there are borders.
_MOST_TOGETHER = 16
_LOSS = ""


def windows(sweep: Sweep, eliminated: Collection[str]) -> list[list[Cotangent]]:
    """The cotangents in groups, each in the order of the sweep, the groups in the order of their first.

    What was eliminated is in the group of all that it was put into.
    """
    dominators = _dominators(sweep)
    border = {c.quantity.name: _border(dominators, eliminated, c.quantity.name) for c in sweep.cotangents}
    groups = _Groups(Counter(border.values()))
    for cotangent in sweep.cotangents:
        for used in names_in(cotangent.equation.expression):
            if used in eliminated:
                groups.join(border[cotangent.quantity.name], border[used])
    for head in dict.fromkeys(border.values()):
        before = border.get(head, _LOSS)
        if groups.size(head, before) <= _MOST_TOGETHER:
            groups.join(before, head)
    found: dict[str, list[Cotangent]] = {}
    for cotangent in sweep.cotangents:
        found.setdefault(groups.of(border[cotangent.quantity.name]), []).append(cotangent)
    return list(found.values())


class _Groups:
    """Names in groups that are joined (union-find), each with its size."""

    def __init__(self, sizes: Counter[str]) -> None:
        self._sizes = sizes
        self._above: dict[str, str] = {}

    def of(self, name: str) -> str:
        while name in self._above:
            name = self._above[name]
        return name

    def size(self, *names: str) -> int:
        return sum(self._sizes[group] for group in {self.of(name) for name in names})

    def join(self, first: str, second: str) -> None:
        first, second = self.of(first), self.of(second)
        if first != second:
            self._above[second] = first
            self._sizes[first] += self._sizes.pop(second, 0)


def _dominators(sweep: Sweep) -> dict[str, str]:
    """For each cotangent the last one before it that is on all ways from the loss to it.

    One pass suffices, since the sweep has each cotangent behind those that it uses (Cooper, Harvey & Kennedy 2001,
    "A simple, fast dominance algorithm").
    """
    above = {quantity.name: _LOSS for quantity in sweep.given}
    depth = {_LOSS: 0, **dict.fromkeys(above, 1)}

    def common(first: str, second: str) -> str:
        while first != second:
            if depth[first] < depth[second]:
                first, second = second, first
            first = above[first]
        return first

    for cotangent in sweep.cotangents:
        used = [name for name in names_in(cotangent.equation.expression) if name in above]
        nearest = used[0] if used else _LOSS
        for other in used[1:]:
            nearest = common(nearest, other)
        name = cotangent.quantity.name
        above[name], depth[name] = nearest, depth[nearest] + 1
    return above


def _border(dominators: dict[str, str], eliminated: Collection[str], name: str) -> str:
    """The nearest dominator that is kept: what lies behind it knows nothing of what lies before."""
    name = dominators[name]
    while name in eliminated:
        name = dominators[name]
    return name
