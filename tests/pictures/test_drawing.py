"""The drawings of all shipped layers, at orders 1 and 2: nothing overlaps, nothing passes through anything."""

from __future__ import annotations

from itertools import combinations

import pytest
from pictured import SHIPPED, drawn, odd_names, picture_of_layer
from test_layered import meets

from derive.pictures.crossings import count_crossings, link, order_rows
from derive.pictures.drawing import Drawing
from derive.pictures.nodes import Picture, picture_of
from derive.pictures.ranks import assign_ranks
from derive.pictures.routes import Curve, points_on


def curves_of(drawing: Drawing) -> list[tuple[str, str, Curve]]:
    """Start, end and curve of every arrow."""
    forward = [(arrow.edge.start, arrow.edge.end, arrow.curve) for arrow in drawing.forward]
    return forward + [(arrow.cotangent.start, arrow.cotangent.end, arrow.curve) for arrow in drawing.backward]


def check_drawing(picture: Picture) -> None:
    """Raise AssertionError unless everything is where it may be, and most labels are there."""
    drawing = drawn(picture)
    assert sum(arrow.label is None for arrow in drawing.backward) <= max(1, 0.35 * len(drawing.backward))
    labels = [arrow.label for arrow in drawing.backward if arrow.label is not None]
    boxes = [*drawing.boxes.values(), *labels]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    for box in boxes:
        assert drawing.left - 1e-6 <= box.left
        assert box.right <= drawing.right + 1e-6
        assert box.top >= 0
        assert box.bottom <= drawing.height + 1e-6
    for start, end, curve in curves_of(drawing):
        points = list(points_on(curve, step=2.0))
        across, down = [x for x, _ in points], [y for _, y in points]
        low, high = (min(across), min(down)), (max(across), max(down))
        near = [b for b in boxes if b.left < high[0] and b.right > low[0] and b.top < high[1] and b.bottom > low[1]]
        assert not [box for box in near for point in points if meets(box, point)]
        for name, (x, y) in ((start, points[0]), (end, points[-1])):
            box = drawing.boxes[name]
            assert box.left <= x <= box.right
            assert min(abs(y - box.top), abs(y - box.bottom)) < 1e-6
    for arrow in drawing.forward:
        assert drawing.boxes[arrow.edge.start].bottom < drawing.boxes[arrow.edge.end].top


@pytest.mark.parametrize(("layer", "order"), SHIPPED)
def test_nothing_touches_what_it_should_not(layer: str, order: int) -> None:
    check_drawing(picture_of_layer(layer, order))


def test_nor_with_odd_names() -> None:
    check_drawing(picture_of(odd_names()))


# Crossings of edges, and of those how many at most in the picture.
CROSSINGS = [
    ("batch_norm", 1, 0), ("attention", 1, 0), ("softmax_cross_entropy", 1, 1), ("perceptron", 1, 1),
    ("lstm_cell", 1, 18), ("batch_norm", 2, 6), ("attention", 2, 4),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "order", "most"), CROSSINGS)
def test_few_edges_cross(layer: str, order: int, most: int) -> None:
    picture = picture_of_layer(layer, order)
    edges = [(edge.start, edge.end) for edge in picture.edges]
    links = link(assign_ranks([node.name for node in picture.nodes], edges), edges)
    assert count_crossings(order_rows(links), links) <= most


def test_only_an_edge_with_a_gradient_is_moved_aside() -> None:
    drawing = drawn(picture_of_layer("batch_norm"))
    starts = {(arrow.edge.start, arrow.edge.end): arrow.curve[0][0][0] for arrow in drawing.forward}
    back = {(a.cotangent.end, a.cotangent.start): a.curve[-1][3][0] for a in drawing.backward}

    assert starts["eps", "xhat"] == pytest.approx(drawing.boxes["eps"].x)
    assert all(back[pair] - starts[pair] == pytest.approx(8.0) for pair in back)
