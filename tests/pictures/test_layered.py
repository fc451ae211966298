"""The layout as a whole, on random graphs: what must not touch does not."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from test_crossings import random_dag

from derive.pictures.layered import Box, Layout, arrange
from derive.pictures.routes import points_on


def random_layout(seed: int) -> tuple[Layout, list[tuple[str, str]]]:
    names, edges = random_dag(seed)
    rng = random.Random(seed)
    sizes = {name: (rng.uniform(20, 180), rng.uniform(20, 70)) for name in names}
    rooms = {edge: rng.uniform(10, 80) for edge in edges if rng.random() < 0.5}
    return arrange(sizes, edges, rooms=rooms), edges


def meets(box: Box, point: tuple[float, float]) -> bool:
    near = 1e-6  # a route begins and ends on the rim of a box
    return box.left + near < point[0] < box.right - near and box.top + near < point[1] < box.bottom - near


@pytest.mark.parametrize("seed", range(40))
def test_boxes_and_routes_of_random_graphs(seed: int) -> None:
    layout, edges = random_layout(seed)

    assert [(route.start, route.end) for route in layout.routes] == edges
    assert not [pair for pair in combinations(layout.boxes.values(), 2) if pair[0].overlaps(pair[1], -1e-6)]
    for box in layout.boxes.values():
        assert min(box.left, box.top) >= -1e-6
        assert box.right <= layout.width + 1e-6
        assert box.bottom <= layout.height + 1e-6
    for route in layout.routes:
        start, end = layout.boxes[route.start], layout.boxes[route.end]
        assert layout.ranks[route.start] < layout.ranks[route.end]
        for aside in (-4.0, 0.0, 4.0):
            points = list(points_on(route.lane(aside), step=2.0))
            assert points[0][1] == pytest.approx(start.bottom)
            assert points[-1][1] == pytest.approx(end.top)
            assert start.left - 1e-6 <= points[0][0] <= start.right + 1e-6
            assert end.left - 1e-6 <= points[-1][0] <= end.right + 1e-6
            assert not [n for n, box in layout.boxes.items() for point in points if meets(box, point)]


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_the_same_input_gives_the_same_layout(seed: int) -> None:
    assert random_layout(seed) == random_layout(seed)


@pytest.mark.parametrize("seed", range(40))
def test_lanes_of_one_edge_keep_apart(seed: int) -> None:
    layout, _ = random_layout(seed)
    for route in layout.routes:
        one, other = (list(points_on(route.lane(aside), step=3.0)) for aside in (-4.0, 4.0))
        nearest = min((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for a in one for b in other) ** 0.5
        assert nearest > 2.5


def test_a_box_is_wide_enough_for_its_edges() -> None:
    names = [f"u{number}" for number in range(9)]
    layout = arrange(dict.fromkeys(["x", *names], (10.0, 10.0)), [("x", name) for name in names])
    assert layout.boxes["x"].width >= 9 * 20


def test_a_long_edge_is_straight_where_it_passes_rows() -> None:
    chain = ["a", "b", "c", "d", "e"]
    edges = [*pairwise(chain), ("a", "e")]
    layout = arrange(dict.fromkeys(chain, (60.0, 20.0)), edges)
    passed = [bend.x1 for bend in layout.routes[-1].bends[:-1]]
    assert len(passed) == 3
    assert passed == pytest.approx([passed[0]] * 3)


def test_many_long_edges_of_random_graphs_are_straight() -> None:
    routes = [route for seed in range(40) for route in random_layout(seed)[0].routes if len(route.bends) > 2]
    passed = [{bend.x1 for bend in route.bends[:-1]} for route in routes]
    assert sum(max(across) - min(across) < 1e-6 for across in passed) > 0.4 * len(routes)


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_edges_at_one_box_do_not_cross_there(seed: int) -> None:
    layout, _ = random_layout(seed)
    for one, other in combinations(layout.routes, 2):
        if one.start == other.start:
            a, b = one.bends[0], other.bends[0]
            assert (a.x0 - b.x0) * (a.x1 - b.x1) > 0


def test_room_is_kept_beside_an_edge() -> None:
    chain = ["a", "b", "c"]
    edges = [("a", "b"), ("b", "c"), ("a", "c")]
    sizes = dict.fromkeys(chain, (60.0, 20.0))
    layout, wide = arrange(sizes, edges), arrange(sizes, edges, rooms={("a", "c"): 90.0})
    assert wide.width >= layout.width + 60.0


def test_an_empty_graph_has_an_empty_layout() -> None:
    assert arrange({}, []) == Layout({}, (), {}, 0.0, 0.0)
    assert arrange({"a": (30.0, 20.0)}, []).boxes == {"a": Box(15.0, 10.0, 30.0, 20.0)}
