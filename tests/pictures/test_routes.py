"""Curves of routes and of their lanes."""

from __future__ import annotations

import itertools

from derive.pictures.routes import Bend, Route, points_on

ROUTE = Route("a", "b", 10.0, (Bend(0.0, 20.0, 100.0, 70.0), Bend(100.0, 90.0, 60.0, 140.0)), 150.0)


def test_a_lane_begins_and_ends_at_the_boxes() -> None:
    points = list(points_on(ROUTE.lane(3.0)))
    assert (points[0], points[-1]) == ((3.0, 10.0), (63.0, 150.0))


def test_a_lane_upwards_is_the_same_curve_from_its_end() -> None:
    assert list(points_on(ROUTE.lane(3.0, upwards=True)))[::5] != list(points_on(ROUTE.lane(3.0)))[::5]
    there = [cubic[::-1] for cubic in ROUTE.lane(3.0, upwards=True)][::-1]
    assert tuple(there) == ROUTE.lane(3.0)


def test_a_lane_is_smooth() -> None:
    """Where two parts meet, both are vertical."""
    curve = ROUTE.lane(-4.0)
    for one, next_one in itertools.pairwise(curve):
        assert one[3] == next_one[0]
        assert one[2][0] == one[3][0] == next_one[1][0]


def test_bends_stay_between_their_rows() -> None:
    bends = [cubic for cubic in ROUTE.lane(4.0) if cubic[0][0] != cubic[3][0]]
    assert len(bends) == 2
    for cubic, bend in zip(bends, ROUTE.bends, strict=True):
        assert all(bend.y0 - 1e-9 <= y <= bend.y1 + 1e-9 for _, y in points_on([cubic]))
