"""Rows of vertices: edges lead down, and are short."""

from __future__ import annotations

import pytest

from derive.pictures.ranks import assign_ranks


def test_a_chain_goes_down_row_by_row() -> None:
    assert assign_ranks(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")]) == {"a": 0, "b": 1, "c": 2}


def test_an_input_stands_right_above_where_it_is_first_used() -> None:
    ranks = assign_ranks(["late", "a", "b", "c"], [("a", "b"), ("b", "c"), ("late", "c")])
    assert ranks == {"late": 1, "a": 0, "b": 1, "c": 2}


def test_what_has_more_users_than_sources_moves_to_its_users() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "m"), ("m", "d"), ("m", "e"), ("c", "e")]
    assert assign_ranks(["a", "b", "c", "d", "e", "m"], edges)["m"] == 2


def test_rows_begin_at_zero_and_none_is_needed() -> None:
    assert assign_ranks([], []) == {}
    assert assign_ranks(["a"], []) == {"a": 0}
    assert min(assign_ranks(["a", "b"], [("b", "a")]).values()) == 0


def test_a_cycle_is_an_error() -> None:
    with pytest.raises(ValueError, match="a cycle leads through b, c"):
        assign_ranks(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "b")])
