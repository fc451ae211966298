"""The way of an edge between two boxes, and the curves of the lanes beside it.

A route goes straight down past the rows that it passes, and bends between the rows, where no boxes are. So it meets
no box but those at its ends. What runs beside it is the same route moved to a side; its bends are also raised or
lowered, so that two lanes keep apart where they run nearly level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
Cubic = tuple[Point, Point, Point, Point]
Curve = tuple[Cubic, ...]

_LIFT = 1.6  # how far a bend is moved up or down, for a lane at a distance of 1
_LEVEL = 40.0  # a bend over this distance or more has the whole lift


@dataclass(frozen=True)
class Bend:
    """From the lower edge of one row to the upper edge of the next."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Route:
    """From the lower side of the box of `start`, at `top`, to the upper side of that of `end`, at `bottom`."""

    start: str
    end: str
    top: float
    bends: tuple[Bend, ...]
    bottom: float

    def lane(self, aside: float = 0.0, upwards: bool = False) -> Curve:
        """The curve `aside` to the right of the route, from its start to its end, or from the end `upwards`."""
        curve: list[Cubic] = []
        here = (self.bends[0].x0 + aside, self.top)
        for bend in self.bends:
            entry, leave = (bend.x0 + aside, bend.y0), (bend.x1 + aside, bend.y1)
            curve += [*_line(here, entry), _bent(entry, leave, aside)]
            here = leave
        curve += _line(here, (here[0], self.bottom))
        return tuple(cubic[::-1] for cubic in reversed(curve)) if upwards else tuple(curve)


def _line(start: Point, end: Point) -> list[Cubic]:
    """A straight line as a cubic; none where it has no length."""
    if abs(end[1] - start[1]) < 1e-9:
        return []
    third = (end[1] - start[1]) / 3
    return [(start, (start[0], start[1] + third), (end[0], end[1] - third), end)]


def _bent(start: Point, end: Point, aside: float) -> Cubic:
    lean = max(-1.0, min(1.0, (end[0] - start[0]) / _LEVEL))
    level = (start[1] + end[1]) / 2 - _LIFT * aside * lean
    return (start, (start[0], level), (end[0], level), end)


def points_on(curve: Sequence[Cubic], step: float = 4.0) -> Iterator[Point]:
    """Points along a curve, about a `step` apart or nearer."""
    for a, b, c, d in curve:
        length = sum(abs(q[0] - p[0]) + abs(q[1] - p[1]) for p, q in ((a, b), (b, c), (c, d)))
        parts = max(int(length / step) + 1, 2)
        for number in range(parts + 1):
            t = number / parts
            s = 1 - t
            weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            yield x, y


def path_text(curve: Curve, point: Callable[[Point], str], line: str, bend: str) -> str:
    """A curve in a language for pictures: `point` writes a place, `line` and `bend` go on to one, and by three."""
    parts = [point(curve[0][0])]
    for start, a, b, end in curve:
        straight = start[0] == a[0] == b[0] == end[0]
        parts.append(line.format(point(end)) if straight else bend.format(point(a), point(b), point(end)))
    return " ".join(parts)


def decimal(value: float) -> str:
    """A number with one decimal, where it has one."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
