"""In which order the vertices of each rank stand: ranks and edges in, rows of vertices with few crossings out.

An edge over several ranks is cut into links by a vertex on each rank between, so that every link joins neighboring
rows. The rows are sorted by where their neighbors stand, sweep by sweep, neighbors are exchanged where that helps, and
the best rows seen are kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

# A vertex of the graph is (name, "", rank); (start, end, rank) is where an edge passes a rank.
Vertex = tuple[str, str, int]
Rows = tuple[tuple[Vertex, ...], ...]
_SWEEPS = 12


@dataclass(frozen=True)
class Links:
    """The edges as chains of vertices, one a rank. `rows` has the vertices in the order in which they came."""

    rows: Rows
    chains: tuple[tuple[Vertex, ...], ...]

    @cached_property
    def above(self) -> dict[Vertex, list[Vertex]]:
        """The neighbors of each vertex on the row above."""
        return self._neighbors((lower, upper) for upper, lower in self.pairs)

    @cached_property
    def below(self) -> dict[Vertex, list[Vertex]]:
        """The neighbors of each vertex on the row below."""
        return self._neighbors(self.pairs)

    @cached_property
    def pairs(self) -> tuple[tuple[Vertex, Vertex], ...]:
        """Every link, from the upper vertex to the lower one."""
        return tuple(pair for chain in self.chains for pair in pairwise(chain))

    def _neighbors(self, pairs: Iterable[tuple[Vertex, Vertex]]) -> dict[Vertex, list[Vertex]]:
        found: dict[Vertex, list[Vertex]] = {vertex: [] for row in self.rows for vertex in row}
        for one, other in pairs:
            found[one].append(other)
        return found


def link(ranks: dict[str, int], edges: Sequence[tuple[str, str]]) -> Links:
    """The edges cut at the ranks that they pass."""
    rows: list[list[Vertex]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for name, rank in ranks.items():
        rows[rank].append((name, "", rank))
    chains = []
    for start, end in edges:
        passed: list[Vertex] = [(start, end, rank) for rank in range(ranks[start] + 1, ranks[end])]
        for vertex in passed:
            rows[vertex[2]].append(vertex)
        chains.append(((start, "", ranks[start]), *passed, (end, "", ranks[end])))
    return Links(tuple(map(tuple, rows)), tuple(chains))


def count_crossings(rows: Sequence[Sequence[Vertex]], links: Links) -> int:
    """How many pairs of links cross when the rows stand in this order."""
    total = 0
    for row, next_row in pairwise(rows):
        position = {vertex: place for place, vertex in enumerate(next_row)}
        seen: list[int] = []  # the ends of the links further left, sorted
        for vertex in row:
            own = sorted(position[lower] for lower in links.below[vertex])
            total += sum(len(seen) - bisect_right(seen, end) for end in own)
            for end in own:
                insort(seen, end)
    return total


def _inverted(left: Sequence[int], right: Sequence[int]) -> int:
    """How many links of a vertex cross those of one to the right of it; the ends are positions on one row."""
    return sum(a > b for a in left for b in right)


def order_rows(links: Links) -> Rows:
    """The rows with as few crossings as sweeps from several starts find; never more than `links.rows` has."""
    best, fewest = links.rows, count_crossings(links.rows, links)
    for start in (links.rows, _by_depth(links), tuple(row[::-1] for row in links.rows)):
        for downwards in (True, False):
            for rows in _sweeps(start, links, downwards):
                crossings = count_crossings(rows, links)
                if crossings < fewest:
                    best, fewest = rows, crossings
    return best


def _by_depth(links: Links) -> Rows:
    """The rows in the order in which a walk along the edges, each way as far as it goes, comes to the vertices."""
    seen: dict[Vertex, None] = {}
    waiting = [vertex for row in reversed(links.rows) for vertex in reversed(row) if not links.below[vertex]]
    while waiting:
        vertex = waiting.pop()
        if vertex not in seen:
            seen[vertex] = None
            waiting += [*reversed(links.below[vertex]), *reversed(links.above[vertex])]
    place = {vertex: number for number, vertex in enumerate(seen)}
    return tuple(tuple(sorted(row, key=lambda vertex: place.get(vertex, len(place)))) for row in links.rows)


def _sweeps(start: Rows, links: Links, downwards: bool) -> Iterator[Rows]:
    rows = [list(row) for row in start]
    for number in range(_SWEEPS):
        down = downwards == (number % 2 == 0)
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for rank in order:
            fixed = rows[rank - 1 if down else rank + 1]
            _sort_row(rows[rank], fixed, links.above if down else links.below, median=number % 4 > 1)
        _exchange(rows, links)
        yield tuple(map(tuple, rows))


def _sort_row(
    row: list[Vertex], fixed: Sequence[Vertex], neighbors: dict[Vertex, list[Vertex]], median: bool
) -> None:
    """Sort a row by the mean, or median, position of the neighbors; a vertex without any keeps its place."""
    position = {vertex: place for place, vertex in enumerate(fixed)}
    wanted: dict[Vertex, float] = {}
    for vertex in row:
        places = sorted(position[other] for other in neighbors[vertex])
        if places:
            middle = (places[(len(places) - 1) // 2] + places[len(places) // 2]) / 2
            wanted[vertex] = middle if median else sum(places) / len(places)
    movable = iter(sorted(wanted, key=lambda vertex: wanted[vertex]))
    row[:] = [next(movable) if vertex in wanted else vertex for vertex in row]


def _exchange(rows: list[list[Vertex]], links: Links) -> None:
    """Exchange neighbors on a row as long as that removes crossings."""
    improved = True
    while improved:
        improved = False
        for rank, row in enumerate(rows):
            ends = _ends_of(rows, rank, links)
            for place in range(len(row) - 1):
                left, right = ends[row[place]], ends[row[place + 1]]
                gain = sum(_inverted(a, b) - _inverted(b, a) for a, b in zip(left, right, strict=True))
                if gain > 0:
                    row[place], row[place + 1] = row[place + 1], row[place]
                    improved = True


def _ends_of(rows: Sequence[Sequence[Vertex]], rank: int, links: Links) -> dict[Vertex, tuple[list[int], list[int]]]:
    """Where the links of the vertices of a row end, on the row above and on the one below."""
    sides = []
    for other, neighbors in ((rank - 1, links.above), (rank + 1, links.below)):
        position = {v: place for place, v in enumerate(rows[other])} if 0 <= other < len(rows) else {}
        sides.append({vertex: [position[end] for end in neighbors[vertex]] for vertex in rows[rank]})
    return {vertex: (sides[0][vertex], sides[1][vertex]) for vertex in rows[rank]}
