"""The page on higher orders: what it shows as equal is equal, what it says of torch is recorded, and so today."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Rational

import derive
from derive.pages import page_text
from derive.pages.higher_orders import (
    ORDERS,
    WAYS,
    Way,
    by_sweeps,
    closed,
    differences,
    extents,
    function,
    inputs,
    recorded,
    saved_gradient,
    saved_tangent,
)
from derive.pages.higher_orders_tables import TORCH_ROWS, WRONG, is_wrong, torch_number

SCRIPT = Path(__file__).parent / "torch_higher_orders.py"
BOUND = 1e-38  # the differences' own error, some 1e-40, with room
ROUNDING = 1e-110
NUMBERS = ("primitives", "batch_norm", "native_batch_norm", "instance_norm", "layer_norm", "group_norm")
MEASURED = {one["torch"].partition("+")[0]: one for one in recorded()["torch"]}


class TestDerivatives:
    @pytest.mark.parametrize("way", WAYS, ids="-".join)
    def test_every_way_is_the_difference_quotient(self, way: Way) -> None:
        assert abs(by_sweeps(way, "v" * len(way)) - differences()[len(way)]) < BOUND

    def test_there_is_every_way(self) -> None:
        assert [sum(len(way) == order for way in WAYS) for order in ORDERS] == [2, 4, 8]

    @pytest.mark.parametrize("order", ORDERS)
    def test_the_closed_form_is_the_difference_quotient(self, order: int) -> None:
        assert abs(closed(order) - differences()[order]) < BOUND

    @pytest.mark.parametrize("order", ORDERS)
    def test_all_ways_are_one_number(self, order: int) -> None:
        found = [by_sweeps(way, "v" * order) for way in WAYS if len(way) == order] + [closed(order)]
        assert max(found) - min(found) < ROUNDING

    @pytest.mark.parametrize("directions", ["uv", "vu"])
    def test_a_nested_jvp_is_the_mixed_difference_quotient(self, directions: str) -> None:
        assert abs(by_sweeps(("forward", "forward"), directions) - differences()["mixed"]) < BOUND

    def test_the_error_is_that_of_the_differences(self) -> None:
        """It goes with the square of the step."""
        finer = differences(Rational(1, 10**21))
        for order in ORDERS:
            exact = closed(order)
            assert 99 < (differences()[order] - exact) / (finer[order] - exact) < 101

    def test_the_function_is_the_layer(self) -> None:
        zero = 0 * inputs()["w"][1, 1]
        layer = derive.compile(recorded()["layer"])
        rows = recorded()["inputs"]
        y, _ = layer.forward(*(np.array(rows[name]) for name in ("x", "gamma", "beta")))
        assert y.shape == tuple(extents().values())
        assert abs(float(function(zero, zero)) - np.sum(y * np.array(rows["w"]))) < 1e-14

    def test_the_inputs_are_exact_in_float64(self) -> None:
        for name in recorded()["inputs"]:
            assert all(number * 8 == round(number * 8) for number in inputs()[name].values())


class TestTheRecord:
    def test_the_versions(self) -> None:
        assert list(MEASURED) == ["2.13.0", "2.15.0"]

    @pytest.mark.parametrize("version", MEASURED)
    @pytest.mark.parametrize("column", ["primitives", "group_norm"])
    def test_what_the_page_says_is_right_is(self, version: str, column: str) -> None:
        assert wrong(version, column) == raised(version, column) == set()

    def test_what_the_page_says_is_wrong_is(self) -> None:
        forward_first = {how for _, how in rows() if how.count("func.") >= 2 and innermost(how, 1) == ["func.jvp"]}
        third = {how for d, how in rows() if d == "3" and innermost(how, 2) == ["func.grad"] * 2}
        assert len(forward_first) == 2 + 4 + 2
        assert len(third) == 2
        everything = forward_first | third | {"autograd.grad, 3×"}
        assert everything == wrong("2.13.0", "batch_norm") == wrong("2.13.0", "layer_norm")
        assert everything == wrong("2.15.0", "layer_norm")
        assert forward_first | third == wrong("2.15.0", "batch_norm")

    def test_what_the_page_says_raises_does(self) -> None:
        assert {"autograd.grad, 3×"} == raised("2.15.0", "batch_norm")
        assert set() == raised("2.13.0", "batch_norm") | raised("2.13.0", "layer_norm") | raised("2.15.0", "layer_norm")

    @pytest.mark.parametrize("version", MEASURED)
    @pytest.mark.parametrize("column", ["native_batch_norm", "instance_norm"])
    def test_what_is_not_shown_is_as_batch_norm(self, version: str, column: str) -> None:
        for row in MEASURED[version]["rows"]:
            assert same(row["batch_norm"], row[column]), row["how"]

    def test_two_ways_agree_on_the_wrong_number(self) -> None:
        third = {row["how"]: row["batch_norm"] for row in MEASURED["2.13.0"]["rows"] if row["derivative"] == "3"}
        assert third["autograd.grad, 3×"] == pytest.approx(third["func.grad(func.grad(func.grad(f)))"], rel=WRONG)

    @pytest.mark.parametrize("version", MEASURED)
    def test_the_issue_says_what_was_measured(self, version: str) -> None:
        expected = {"primitives": -0.20703015646993195, "fused": -2.132438339486815}
        assert MEASURED[version]["issue 196699"] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize(
        ("derivative", "how", "ours"),
        [
            ("3", "func.grad(func.grad(func.grad(f)))", saved_gradient),
            ("2", "func.jvp(func.jvp(f))", lambda: saved_tangent("vv")),
            ("3", "func.jvp(func.jvp(func.jvp(f)))", lambda: saved_tangent("vvv")),
            ("mixed", "func.jvp(func.jvp(f)), t first", lambda: saved_tangent("vu")),
            ("mixed", "func.jvp(func.jvp(f)), s first", lambda: saved_tangent("uv")),
        ],
    )
    def test_saved_statistics_give_the_wrong_number(self, derivative: str, how: str, ours: Any) -> None:
        assert torch_number(derivative, how) == pytest.approx(float(ours()), rel=1e-12)
        assert is_wrong(float(ours()), truth(derivative))

    def test_the_page_has_a_row_for_each(self) -> None:
        table = page_text("higher_orders").partition("| | torch | true |")[2].partition("\n\n")[0]
        assert len(rows()) == len(table.splitlines()) - 2
        assert table.count(" wrong") == sum(len(wrong("2.13.0", column)) for column in recorded()["columns"])
        assert table.count("raises") == 1


def test_torch_returns_what_is_recorded() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed: what the page shows of it is not measured again")
    run = subprocess.run([sys.executable, "-W", "ignore", str(SCRIPT)], capture_output=True, text=True, check=True)
    measured = json.loads(run.stdout)
    for row in measured["rows"]:
        assert not is_wrong(row["primitives"], truth(row["derivative"]))
    known = MEASURED.get(measured["torch"].partition("+")[0])
    if known is None:
        pytest.skip(f"torch {measured['torch']} is not among the recorded versions; from primitives it is right")
    for row, recorded_row in zip(measured["rows"], known["rows"], strict=True):
        for column in NUMBERS:
            assert same(recorded_row[column], row[column]), (row["how"], column)


def same(a: float | str, b: float | str) -> bool:
    """Whether two numbers are the same, or both no numbers."""
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a == pytest.approx(b, rel=WRONG)


def rows() -> list[tuple[str, str]]:
    return [(row["derivative"], row["how"]) for row in recorded()["torch"][0]["rows"]]


def truth(derivative: str) -> float:
    return float(differences()[TORCH_ROWS[derivative][1]])


def wrong(version: str, column: str) -> set[str]:
    """How a wrong number was asked for."""
    return {row["how"] for row in MEASURED[version]["rows"] if is_wrong(row[column], truth(row["derivative"]))}


def raised(version: str, column: str) -> set[str]:
    return {row["how"] for row in MEASURED[version]["rows"] if isinstance(row[column], str)}


def innermost(how: str, count: int) -> list[str]:
    """The sweeps that come first."""
    return [word for word in how.partition(",")[0].rstrip(")").split("(") if word.startswith("func.")][::-1][:count]
