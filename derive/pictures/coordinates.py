"""Where on its row each vertex stands: ordered rows, widths and springs in, an x for each vertex out.

A spring is a link that would like to be vertical. Row by row, the places are found that stretch the springs least while
the order and the distances on the row are kept; that is a quadratic problem with an exact solution, by pooling
neighbors that push each other. Rows are solved in turn until they settle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from derive.pictures.crossings import Rows, Vertex

_ROUNDS = 40
_LOOSE = 1e-6  # how strongly a vertex without springs holds its place


@dataclass(frozen=True)
class Spring:
    """Pulls `upper` at `upper_port` over `lower` at `lower_port`, which are distances from their middles."""

    upper: Vertex
    lower: Vertex
    upper_port: float
    lower_port: float
    weight: float


def place_rows(
    rows: Rows, springs: Sequence[Spring], distance: Callable[[Vertex, Vertex], float]
) -> dict[Vertex, float]:
    """The x of every vertex; two neighbors on a row are at least at their `distance`."""
    gaps = [[distance(a, b) for a, b in pairwise(row)] for row in rows]
    x: dict[Vertex, float] = {}
    for row, between in zip(rows, gaps, strict=True):
        wide = sum(between)
        for place, vertex in enumerate(row):
            x[vertex] = sum(between[:place]) - wide / 2
    pulls: dict[Vertex, list[tuple[Vertex, float, float]]] = {vertex: [] for vertex in x}
    for spring in springs:
        offset = spring.upper_port - spring.lower_port
        pulls[spring.lower].append((spring.upper, offset, spring.weight))
        pulls[spring.upper].append((spring.lower, -offset, spring.weight))
    for number in range(_ROUNDS):
        down = number % 2 == 0
        for row, between in list(zip(rows, gaps, strict=True))[:: 1 if down else -1]:
            # At first only what has been placed in this round pulls: the rest stands anywhere.
            sides = ((-1,) if down else (1,)) if number < 2 else (-1, 1)
            _settle(row, between, x, pulls, sides)
    return x


def _settle(
    row: Sequence[Vertex],
    gaps: Sequence[float],
    x: dict[Vertex, float],
    pulls: dict[Vertex, list[tuple[Vertex, float, float]]],
    sides: Sequence[int],
) -> None:
    """Move the vertices of one row to where they rest."""
    wanted, weights = [], []
    for vertex in row:
        pulling = [(x[v] + offset, weight) for v, offset, weight in pulls[vertex] if v[2] - vertex[2] in sides]
        total = sum(weight for _, weight in pulling)
        wanted.append(sum(at * weight for at, weight in pulling) / total if total else x[vertex])
        weights.append(total or _LOOSE)
    for vertex, at in zip(row, spread(wanted, weights, gaps), strict=True):
        x[vertex] = at


def spread(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The increasing places nearest to the wanted ones, by weighted squares, with at least `gaps` between them."""
    starts = [0.0]
    for gap in gaps:
        starts.append(starts[-1] + gap)
    # With the gaps taken off, places only must not decrease; those that would are pooled at their mean.
    pools: list[tuple[float, float, int]] = []
    for at, weight, start in zip(wanted, weights, starts, strict=False):
        mean, heavy, count = at - start, weight, 1
        while pools and pools[-1][0] >= mean:
            other, other_heavy, other_count = pools.pop()
            mean = (mean * heavy + other * other_heavy) / (heavy + other_heavy)
            heavy, count = heavy + other_heavy, count + other_count
        pools.append((mean, heavy, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + start for mean, start in zip(flat, starts, strict=False)]
