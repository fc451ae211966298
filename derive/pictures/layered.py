"""A layered layout: sizes of boxes and edges between them in, the place of each box and the route of each edge out.

    stage          function                    input -> output

    rank           ranks.assign_ranks          edges -> the row of each box; every edge leads down
    link           crossings.link              edges -> chains of links between neighboring rows
    order          crossings.order_rows        chains -> the order on each row, with few crossings
    place          coordinates.place_rows      order, widths -> an x for everything; then a y for each row
    route          _route                      a chain with its places -> a Route

This is the scheme of Sugiyama, Tagawa & Toda (1981), Methods for visual understanding of hierarchical system
structures, IEEE Transactions on Systems, Man, and Cybernetics 11(2). The same input gives the same layout, to the last
bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from derive.pictures.coordinates import Spring, place_rows
from derive.pictures.crossings import Links, Rows, Vertex, link, order_rows
from derive.pictures.ranks import assign_ranks
from derive.pictures.routes import Bend, Route

# How much a link wants to be vertical, by how many of its ends are boxes: the long edges should be straight.
_WEIGHTS = {2: 1.0, 1: 2.0, 0: 8.0}


@dataclass(frozen=True)
class Spacing:
    """Distances: between boxes on a row, beside an edge, between edges at a box, and between rows.

    Rows are `rows` apart, and further by a part `slope` of how far the widest edge between them leads aside, up to
    `most`.
    """

    boxes: float = 26.0
    edges: float = 22.0
    ports: float = 20.0
    rows: float = 52.0
    slope: float = 0.1
    most: float = 110.0


@dataclass(frozen=True)
class Box:
    """A rectangle: its middle and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2

    def overlaps(self, other: Box, margin: float = 0.0) -> bool:
        """Whether two rectangles are nearer than `margin`."""
        across = abs(self.x - other.x) < (self.width + other.width) / 2 + margin
        return across and abs(self.y - other.y) < (self.height + other.height) / 2 + margin


@dataclass(frozen=True)
class Layout:
    """Where everything is, from (0, 0) to (width, height). Boxes and routes come in the order that was given."""

    boxes: dict[str, Box]
    routes: tuple[Route, ...]
    ranks: dict[str, int]
    width: float
    height: float


def arrange(
    sizes: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    spacing: Spacing | None = None,
    rooms: Mapping[tuple[str, str], float] | None = None,
) -> Layout:
    """The layout of boxes of the given widths and heights.

    A box becomes wider where its edges need it. `rooms` says how much is kept free on the right of an edge on one of
    the rows that it passes. Raises ValueError for edges that lead in a cycle.
    """
    spacing = spacing or Spacing()
    links = link(assign_ranks(list(sizes), edges), edges)
    rows = order_rows(links)
    free = _free(links, rooms or {})
    ports = _ports(rows, links, spacing.ports, free)
    widths = {v: _width(v, sizes, links, spacing) + free.get(v, 0.0) for row in rows for v in row}
    springs = [
        Spring(upper, lower, *ports[upper, lower], _WEIGHTS[(not upper[1]) + (not lower[1])])
        for upper, lower in links.pairs
    ]

    def distance(a: Vertex, b: Vertex) -> float:
        return (widths[a] + widths[b]) / 2 + (spacing.edges / 2 if a[1] or b[1] else spacing.boxes)

    x = place_rows(rows, springs, distance)
    _straighten(rows, links, x, distance, free)
    left = min((x[v] - widths[v] / 2 for v in x), default=0.0)
    x = {vertex: at - left for vertex, at in x.items()}
    return _stack(rows, links, sizes, widths, x, ports, spacing)


def _width(vertex: Vertex, sizes: Mapping[str, tuple[float, float]], links: Links, spacing: Spacing) -> float:
    if vertex[1]:
        return spacing.ports / 2
    return max(sizes[vertex[0]][0], spacing.ports * max(len(links.above[vertex]), len(links.below[vertex])))


def _free(links: Links, rooms: Mapping[tuple[str, str], float]) -> dict[Vertex, float]:
    """The vertices of edges that are wider than the edge, by how much: one in the middle of each edge that has any."""
    inner = [chain[1:-1] for chain in links.chains if len(chain) > 2]
    return {v: rooms[v[:2]] for passed in inner for v in [passed[len(passed) // 2]] if v[:2] in rooms}


def _ports(
    rows: Rows, links: Links, gap: float, free: Mapping[Vertex, float]
) -> dict[tuple[Vertex, Vertex], tuple[float, float]]:
    """Where each link leaves and enters, from the middles of its ends, in the order in which the other ends stand."""
    place = {vertex: number for row in rows for number, vertex in enumerate(row)}
    at: dict[tuple[Vertex, Vertex], float] = {}
    for neighbors in (links.above, links.below):
        for vertex, others in neighbors.items():
            for number, other in enumerate(sorted(others, key=lambda v: place[v])):
                at[vertex, other] = gap * (number - (len(others) - 1) / 2) - free.get(vertex, 0.0) / 2
    return {(upper, lower): (at[upper, lower], at[lower, upper]) for upper, lower in links.pairs}


def _straighten(
    rows: Rows,
    links: Links,
    x: dict[Vertex, float],
    distance: Callable[[Vertex, Vertex], float],
    free: Mapping[Vertex, float],
) -> None:
    """Put the vertices of a long edge on one vertical line wherever the neighbors leave room for it."""
    beside: dict[Vertex, tuple[Vertex | None, Vertex | None]] = {}
    for row in rows:
        for place, vertex in enumerate(row):
            beside[vertex] = (row[place - 1] if place else None, row[place + 1] if place + 1 < len(row) else None)
    for chain in links.chains:
        inner = chain[1:-1]
        if len(inner) < 2:
            continue
        aside = {v: free.get(v, 0.0) / 2 for v in inner}  # from the edge to the middle of its vertex
        lows = [x[a] + distance(a, v) - aside[v] for v in inner for a in beside[v][:1] if a is not None]
        highs = [x[b] - distance(v, b) - aside[v] for v in inner for b in beside[v][1:] if b is not None]
        low, high = max(lows, default=float("-inf")), min(highs, default=float("inf"))
        if low <= high:
            line = min(max(sum(x[v] - aside[v] for v in inner) / len(inner), low), high)
            x.update({v: line + aside[v] for v in inner})


def _stack(
    rows: Rows,
    links: Links,
    sizes: Mapping[str, tuple[float, float]],
    widths: dict[Vertex, float],
    x: dict[Vertex, float],
    ports: dict[tuple[Vertex, Vertex], tuple[float, float]],
    spacing: Spacing,
) -> Layout:
    """Stack the rows, and lead the edges."""
    aside = [0.0] * len(rows)
    for (upper, lower), (leaving, entering) in ports.items():
        aside[upper[2]] = max(aside[upper[2]], abs(x[upper] + leaving - x[lower] - entering))
    tops: list[float] = []
    bottoms: list[float] = []
    y = 0.0
    for row, far in zip(rows, aside, strict=True):
        tops.append(y)
        y += max(sizes[name][1] for name, end, _ in row if not end)
        bottoms.append(y)
        y += min(spacing.rows + spacing.slope * far, spacing.most)
    place = {name: (name, "", rank) for row in rows for name, end, rank in row if not end}
    boxes = {
        name: Box(x[place[name]], (tops[place[name][2]] + bottoms[place[name][2]]) / 2, widths[place[name]], height)
        for name, (_, height) in sizes.items()
    }
    routes = []
    for chain in links.chains:
        bends = []
        for upper, lower in pairwise(chain):
            leaving, entering = ports[upper, lower]
            bends.append(Bend(x[upper] + leaving, bottoms[upper[2]], x[lower] + entering, tops[lower[2]]))
        start, end = chain[0][0], chain[-1][0]
        routes.append(Route(start, end, boxes[start].bottom, tuple(bends), boxes[end].top))
    ranks = {name: place[name][2] for name in sizes}
    width = max((x[v] + widths[v] / 2 for v in x), default=0.0)
    return Layout(boxes, tuple(routes), ranks, width, bottoms[-1] if bottoms else 0.0)
