"""Where the labels of curves go: curves, boxes and the size of each label in, places beside the curves out.

A label stands next to its own curve and touches nothing: no box, no other label, no curve. One for which there is no
such place is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

from derive.pictures.layered import Box
from derive.pictures.routes import Curve, points_on

_Ink = defaultdict[tuple[int, int], list[tuple[float, float, int]]]
_CELL = 24.0
_STEP = 9.0  # between the places that are tried
_FREE, _CLEAR = 1.5, 8.0  # from a label to any curve, and to those of other labels
_NEAR = 3.0  # from a label to its curve
_ASIDE = (0.0, 3.0, 6.0)
_SIDES = ((1, 0), (1, 1), (1, -1), (0.5, 1), (0.5, -1), (-1, 0), (-1, 1), (-1, -1))
_MIDDLE = 0.9  # the part of a curve where its label may stand


def place_labels(
    labels: Mapping[int, tuple[float, float]], curves: Sequence[Curve], boxes: Sequence[Box]
) -> dict[int, Box]:
    """The place of each label, by the number of its curve among `curves`; without those that find no room.

    A label keeps further away from other curves that have one, so that it is clear which one it belongs to.
    """
    ink: _Ink = defaultdict(list)
    for number, curve in enumerate(curves):
        for x, y in points_on(curve):
            ink[int(x // _CELL), int(y // _CELL)].append((x, y, number))
    taken = list(boxes)
    found: dict[int, Box] = {}
    for number, (width, height) in labels.items():
        for place in _places(curves[number], width, height):
            if not _is_inked(place, ink, number, labels) and not any(place.overlaps(other, 2.0) for other in taken):
                found[number] = place
                taken.append(place)
                break
    return found


def _places(curve: Curve, width: float, height: float) -> list[Box]:
    """Places beside a curve, the best first: near its middle, to its right, above or below it, to its left."""
    points = list(points_on(curve, _STEP))
    order = sorted(range(len(points)), key=lambda n: (abs(2 * n - len(points)), n))
    order = [n for n in order if abs(2 * n - len(points)) <= _MIDDLE * len(points)]
    return [
        Box(
            points[n][0] + across * (width / 2 + _NEAR + aside), points[n][1] + down * (height / 2 + aside),
            width, height,
        )
        for aside in _ASIDE
        for across, down in _SIDES
        for n in order
    ]  # fmt: skip


def _is_inked(place: Box, ink: _Ink, own: int, labeled: Container[int]) -> bool:
    """Whether a curve comes nearer to the place than the eye can tell apart, or than makes clear whose label it is."""
    return any(
        place.left - near < x < place.right + near and place.top - near < y < place.bottom + near
        for column in range(int((place.left - _CLEAR) // _CELL), int((place.right + _CLEAR) // _CELL) + 1)
        for row in range(int((place.top - _CLEAR) // _CELL), int((place.bottom + _CLEAR) // _CELL) + 1)
        for x, y, number in ink.get((column, row), ())
        for near in [_CLEAR if number != own and number in labeled else _FREE]
    )
