"""Places on a row: in order, at their distances, and as near to the wanted ones as that allows."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from derive.pictures.coordinates import Spring, place_rows, spread


def test_places_that_are_far_enough_apart_stay() -> None:
    assert spread([0.0, 10.0, 30.0], [1.0, 1.0, 1.0], [5.0, 5.0]) == [0.0, 10.0, 30.0]


def test_places_that_are_too_near_push_each_other_by_their_weights() -> None:
    assert spread([0.0, 0.0], [1.0, 1.0], [8.0]) == [-4.0, 4.0]
    assert spread([0.0, 0.0], [3.0, 1.0], [8.0]) == [-2.0, 6.0]


@pytest.mark.parametrize("seed", range(20))
def test_no_small_move_is_better(seed: int) -> None:
    """The places are those of least cost: moving any block of them, as far as the distances allow, costs more."""
    rng = random.Random(seed)
    count = rng.randint(1, 9)
    wanted = [rng.uniform(0, 50) for _ in range(count)]
    weights = [rng.uniform(0.1, 5) for _ in range(count)]
    gaps = [rng.uniform(1, 15) for _ in range(count - 1)]

    def cost(places: list[float]) -> float:
        return sum(w * (a - b) ** 2 for w, a, b in zip(weights, places, wanted, strict=True))

    def allowed(places: list[float]) -> bool:
        return all(b - a >= gap - 1e-9 for (a, b), gap in zip(pairwise(places), gaps, strict=True))

    found = spread(wanted, weights, gaps)
    assert allowed(found)
    for start in range(count):
        for end in range(start + 1, count + 1):
            for step in (-0.01, 0.01):
                moved = [at + step * (start <= place < end) for place, at in enumerate(found)]
                assert not allowed(moved) or cost(moved) >= cost(found)


def test_a_spring_is_vertical_where_nothing_hinders_it() -> None:
    a, b, c = ("a", "", 0), ("b", "", 0), ("c", "", 1)
    springs = [Spring(a, c, 2.0, -3.0, 1.0), Spring(b, c, 0.0, 3.0, 1.0)]
    x = place_rows(((a, b), (c,)), springs, lambda _a, _b: 4.0)

    assert x[a] + 2.0 == pytest.approx(x[c] - 3.0, abs=0.2)
    assert x[b] == pytest.approx(x[c] + 3.0, abs=0.2)


def test_a_child_stands_below_the_middle_of_its_parents() -> None:
    a, b, c = ("a", "", 0), ("b", "", 0), ("c", "", 1)
    x = place_rows(((a, b), (c,)), [Spring(a, c, 0, 0, 1.0), Spring(b, c, 0, 0, 1.0)], lambda _a, _b: 40.0)
    assert x[c] == pytest.approx((x[a] + x[b]) / 2)
