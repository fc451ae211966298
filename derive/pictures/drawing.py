"""A picture with everything in its place: a Picture and the sizes of its texts in, a Drawing out.

A medium measures its texts, and draws what it finds here. Where a gradient flows against an edge, the two run side by
side, whether the medium shows both or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from derive.pictures.labels import place_labels
from derive.pictures.layered import Box, Spacing, arrange
from derive.pictures.nodes import Cotangent, Edge, Picture
from derive.pictures.routes import Curve

Size = tuple[float, float]
_ASIDE = 4.0  # from the middle of an edge to either of its lanes
_BESIDE = 2.0  # what a label needs beyond its width


@dataclass(frozen=True)
class ForwardArrow:
    """The curve of an edge, from the box of its start to that of its end."""

    edge: Edge
    curve: Curve


@dataclass(frozen=True)
class BackwardArrow:
    """The curve of a cotangent, and the place of its label; None where there is no room for it."""

    cotangent: Cotangent
    curve: Curve
    label: Box | None


@dataclass(frozen=True)
class Drawing:
    """Everything in its place, between `left` and `right`, and from 0 down to `height`."""

    boxes: dict[str, Box]
    forward: tuple[ForwardArrow, ...]
    backward: tuple[BackwardArrow, ...]
    left: float
    right: float
    height: float


def place_all(
    picture: Picture, sizes: Mapping[str, Size], labels: Mapping[Cotangent, Size], spacing: Spacing | None = None
) -> Drawing:
    """The drawing of a picture whose boxes and labels have the given sizes."""
    rooms = {(c.end, c.start): labels[c][0] + _BESIDE for c in picture.cotangents}
    layout = arrange(sizes, [(edge.start, edge.end) for edge in picture.edges], spacing, rooms)
    routes = {(route.start, route.end): route for route in layout.routes}
    both = {(c.end, c.start) for c in picture.cotangents}
    forward = tuple(
        ForwardArrow(edge, routes[pair].lane(-_ASIDE if pair in both else 0.0))
        for edge in picture.edges
        for pair in [(edge.start, edge.end)]
    )
    back = [routes[c.end, c.start].lane(_ASIDE, upwards=True) for c in picture.cotangents]
    wanted = {number: labels[c] for number, c in enumerate(picture.cotangents)}
    places = place_labels(wanted, [*back, *(arrow.curve for arrow in forward)], list(layout.boxes.values()))
    backward = tuple(
        BackwardArrow(cotangent, curve, places.get(number))
        for number, (cotangent, curve) in enumerate(zip(picture.cotangents, back, strict=True))
    )
    left = min([0.0, *(box.left for box in places.values())])
    right = max([layout.width, *(box.right for box in places.values())])
    return Drawing(layout.boxes, forward, backward, left, right, layout.height)
