"""What the gradients of a layer cost, counted: by the chain rule as it stands, and in closed form.

    Input    a Graph, or a Sweep of it
    Output   Counts: passes and operations by size of array (`rules/cost.py`), staged and closed

Counted, not measured: the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sympy import Expr
from sympy.core.parameters import distribute

from derive.differentiate import Sweep, sweep
from derive.graph import Graph
from derive.rules.cost import MOST_INDICES, Cost, cost
from derive.rules.sums import pull_out
from derive.simplify import Closing, close

_TITLES = ("layer", "indices", "passes", "operations", "cotangents")


@dataclass(frozen=True)
class Count:
    """The cost of a layer's gradients, `staged` and `closed`, and how many cotangents are computed in each."""

    layer: str
    staged: Cost
    closed: Cost
    staged_cotangents: int
    closed_cotangents: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of array, in indices, at which there is something to do; the largest first."""
        columns = zip(range(MOST_INDICES, -1, -1), *self.staged, *self.closed, strict=True)
        return tuple(size for size, *numbers in columns if any(numbers))

    def at(self, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """(passes, operations) over the arrays with so many indices: staged, and closed."""
        place = MOST_INDICES - size
        staged, closed = ((passes[place], operations[place]) for passes, operations in (self.staged, self.closed))
        return staged, closed


def staged_cost(found: Sweep) -> Cost:
    """The cost of a sweep as it stands, in which every cotangent is computed and kept."""
    equations: list[tuple[int, Expr]] = [
        (len(c.quantity.indices), pull_out(c.equation.expression)) for c in found.cotangents
    ]
    return cost(equations)


def is_cheaper(found: Sweep, closing: Closing) -> bool:
    """Whether the closed form costs no more than the staged one."""
    return closing.price <= staged_cost(found)


def count(graph: Graph) -> Count:
    """The counts of a layer. Where no closed form costs less, the closed one is the staged one."""
    with distribute(False):  # as in deriving
        found = sweep(graph)
        closing = close(found)
        staged, number = staged_cost(found), len(found.cotangents)
        if closing is None or not is_cheaper(found, closing):
            return Count(graph.name, staged, staged, number, number)
        kept = [c for c in found.cotangents if c.of in found.results or c.quantity.name not in closing.eliminated]
        return Count(graph.name, staged, closing.price, number, len(kept))


def counts_table(counts: Iterable[Count]) -> str:
    """A Markdown table, staged → closed, with a row for each layer and size of array; scalars are left out."""
    rows = []
    for counted in counts:
        cotangents = f"{counted.staged_cotangents} → {counted.closed_cotangents}"
        for place, size in enumerate(size for size in counted.sizes if size):
            numbers = [f"{staged} → {closed}" for staged, closed in zip(*counted.at(size), strict=True)]
            rows.append(["" if place else counted.layer, str(size), *numbers, "" if place else cotangents])
    return aligned_table(_TITLES, rows)


def aligned_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned in the text, too: the first to the left, the others to the right."""
    widths = [max(3, *map(len, column)) for column in zip(titles, *rows, strict=True)]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    return "".join(f"{line(cells)}\n" for cells in (titles, rule, *rows))
