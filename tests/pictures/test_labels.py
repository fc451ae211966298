"""Labels stand beside their own curves, and touch nothing."""

from __future__ import annotations

from derive.pictures.labels import place_labels
from derive.pictures.layered import Box
from derive.pictures.routes import Curve


def vertical(x: float) -> Curve:
    return (((x, 0.0), (x, 30.0), (x, 70.0), (x, 100.0)),)


def test_a_label_stands_right_of_the_middle_of_its_curve() -> None:
    assert place_labels({0: (20.0, 10.0)}, [vertical(50.0)], []) == {0: Box(63.0, 50.0, 20.0, 10.0)}


def test_a_label_makes_way_for_a_box_and_for_a_curve() -> None:
    (place,) = place_labels({0: (20.0, 10.0)}, [vertical(50.0)], [Box(63.0, 50.0, 20.0, 10.0)]).values()
    assert place.left > 50.0
    assert abs(place.y - 50.0) >= 12.0
    (left,) = place_labels({0: (20.0, 10.0)}, [vertical(50.0), vertical(60.0)], []).values()
    assert left.right < 50.0


def test_two_labels_do_not_overlap() -> None:
    found = place_labels({0: (40.0, 10.0), 1: (40.0, 10.0)}, [vertical(50.0), vertical(90.0)], [])
    assert not found[0].overlaps(found[1])


def test_a_label_stays_clear_of_the_curve_of_another() -> None:
    """Between two curves with labels there is room for one only where it is clear whose it is."""
    curves = [vertical(0.0), vertical(26.0)]
    assert place_labels({0: (20.0, 10.0), 1: (20.0, 10.0)}, curves, [])[0].right < 0.0
    assert place_labels({0: (20.0, 10.0)}, curves, [])[0].left > 0.0


def test_a_label_without_room_is_left_out() -> None:
    wall = [Box(40.0, 50.0, 18.0, 120.0), Box(60.0, 50.0, 18.0, 120.0)]
    assert place_labels({0: (20.0, 10.0)}, [vertical(50.0)], wall) == {}
