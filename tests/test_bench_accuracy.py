"""The reference, held against exact rationals and against mpmath; and errors that are known to be large or small."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sympy import Rational

from derive.arithmetic import PRECISE
from derive.bench.accuracy import REFERENCE, column_axes, cotangents_by_name, error_in_u, measure_accuracy
from derive.bench.cases import SETTINGS, Setting, draw_cases, extents_for
from derive.bench.data import draw_cotangents, draw_values, in_dtype, main_inputs
from derive.bench.reference import can_be_precise, long_number, reference_values
from derive.codegen.numpy import derivations_for_code
from derive.interpret import run
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pipeline import load

# A mean in exact rationals: centering, and a gradient that cancels against it.
CENTER = "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\nv[j] = mean((x[i, j] - m[j])**2 for i in N)\n"
CENTER += "y[i, j] = (x[i, j] - m[j])/(v[j] + 1)\n"


def exactly(derivation, values, extents):  # type: ignore[no-untyped-def]
    """Every equation by the interpreter, in 240 digits, on the very numbers that the arrays hold."""
    given = {}
    for name, value in values.items():
        array = np.asarray(value, np.float64)
        places = np.ndindex(*array.shape)
        given[name] = {tuple(k + 1 for k in at): PRECISE.number(Rational(float(array[at]))) for at in places}
    return run(derivation.backward.equations, given, extents, PRECISE)


def worst_relative(found, exact, floor: float = 0.0) -> float:  # type: ignore[no-untyped-def]
    size = max(abs(value) for value in exact.values())
    zero = PRECISE.number(Rational(0))

    def number(value: object) -> object:
        if not isinstance(value, np.longdouble):
            return value
        high = float(value)
        return zero + high + float(value - np.longdouble(high))

    differences = [abs(number(found[tuple(k - 1 for k in at)]) - value) for at, value in exact.items()]
    return float(max(differences) / max(size, floor))


def drawn(graph, extents, offset: float):  # type: ignore[no-untyped-def]
    values = in_dtype(draw_values(graph, extents), np.dtype(np.float32))
    for name in main_inputs(graph):
        values[name] = (values[name] + offset).astype(np.float32)
    return values, in_dtype(draw_cotangents(graph, extents), np.dtype(np.float32))


@pytest.mark.parametrize("name", layer_names())
def test_the_reference_agrees_with_the_interpreter(name: str) -> None:
    derivation = derivations_for_code(name, "staged")[0]
    graph = derivation.forward
    extents = {extent: 2 + place % 2 for place, extent in enumerate(graph.extents)}
    values, cotangents = drawn(graph, extents, 0.0)
    given = values | cotangents_by_name(derivation, cotangents)
    exact = exactly(derivation, given, extents)
    for precise, bound in ((True, 1e-200), (False, 1e-15)):
        found = reference_values(derivation, given, extents, precise)
        for equation in derivation.backward.equations:
            # A cotangent that vanishes is as far from 0 as the terms of its sum are rounded.
            assert worst_relative(found[equation.name], exact[equation.name], floor=1.0) < bound, equation.name


def test_the_long_double_can_be_trusted_at_a_large_mean() -> None:
    """At a mean of 1e6 it is far closer to the truth than a float32 can be, and the gradient that cancels, too."""
    derivation = derivations_for_code(parse_layer(CENTER, "center"), "staged")[0]
    extents = {"N": 12, "D": 2}
    values, cotangents = drawn(derivation.forward, extents, 1e6)
    cotangents = {name: (1 + value / 1024).astype(np.float32) for name, value in cotangents.items()}
    given = values | cotangents_by_name(derivation, cotangents)
    exact = exactly(derivation, given, extents)
    found = reference_values(derivation, given, extents, precise=False)
    assert worst_relative(found["y"], exact["y"]) < 1e-5 * 2.0**-24
    assert worst_relative(found["dx"], exact["dx"]) < 1e-3 * 2.0**-24


def test_a_number_of_many_digits_as_a_long_double() -> None:
    third = long_number(PRECISE.number(Rational(1, 3)))
    assert abs(third * 3 - 1) <= np.finfo(np.longdouble).eps
    assert math.isinf(float(long_number(PRECISE.number(Rational(10**400)))))


class TestErrors:
    def test_the_unit_is_the_largest_of_the_column(self) -> None:
        truth = np.array([[1.0, 100.0], [4.0, 200.0]])
        values = truth + np.array([[0.0, 0.0], [2.0**-24, 0.0]])
        assert error_in_u(values, truth, (0,), 2.0**-24) == 0.25
        assert error_in_u(values, truth, (0, 1), 2.0**-24) == pytest.approx(1 / 200)

    def test_what_is_not_a_number(self) -> None:
        truth = np.array([1.0, 0.0])
        assert math.isnan(error_in_u(np.array([np.nan, 0.0]), truth, (0,), 2.0**-24))
        assert math.isinf(error_in_u(np.array([1.0, np.inf]), truth, (0,), 2.0**-24))
        assert math.isinf(error_in_u(np.array([1.0, 1.0]), truth, (), 2.0**-24))
        assert error_in_u(truth, truth, (), 2.0**-24) == 0

    def test_columns_are_what_has_no_statistic_of_its_own(self) -> None:
        batch, layer = load("batch_norm"), load("layer_norm")
        assert column_axes(batch, batch.by_name["x"]) == (0,)
        assert column_axes(layer, layer.by_name["x"]) == (1,)
        assert column_axes(layer, layer.by_name["gamma"]) == (0,)
        assert column_axes(batch, batch.by_name["gamma"]) == ()


class TestMeasured:
    SETTINGS = (Setting("easy"), Setting("large", offset=1e4), Setting("cancels", cancels=True, length=64))

    def test_hand_written_float32_is_bad_at_a_large_mean(self) -> None:
        found = measure_accuracy(load("batch_norm"), ["numpy"], ["float32"], settings=self.SETTINGS)
        assert found["results"] == ["y", "dx", "dgamma", "dbeta"]
        assert found["candidates"][:4] == [REFERENCE, "derive numpy", "derive numpy, precise", "by hand"]
        easy, large, cancels = (case["errors"] for case in found["cases"])
        assert 0.3 < (easy["by hand"] or [])[0] < 50
        assert (large["by hand"] or [])[0] > 1000
        assert (large["by hand"] or [])[1] > 100
        assert (cancels["by hand"] or [])[1] > 1000
        for case in (easy, large, cancels):
            assert all(error is not None and error < 1e-3 for error in case[REFERENCE] or [None])

    def test_float64_against_240_digits(self) -> None:
        found = measure_accuracy(load("batch_norm"), ["numpy"], ["float64"], settings=self.SETTINGS[:1])
        errors = found["cases"][0]["errors"]
        assert all(error is not None and error < 1e-100 for error in errors[REFERENCE] or [None])
        assert 0.3 < (errors["by hand"] or [])[0] < 50

    def test_a_gradient_that_is_zero_whatever_the_data_are(self) -> None:
        text = "x: [N, D]\nb: [D]\nz[i, j] = x[i, j] + b[j]\ny[i, j] = z[i, j] - mean(z[k, j] for k in N)\n"
        settings = (Setting("easy", length=999),)
        found = measure_accuracy(parse_layer(text, "free"), ["numpy"], ["float32"], settings=settings)
        (case,) = found["cases"]
        assert [error is None for error in case["errors"]["derive numpy"] or []] == [False, False, True]

    def test_an_own_layer(self) -> None:
        found = measure_accuracy(parse_layer(CENTER, "center"), ["numpy"], ["float32"], settings=self.SETTINGS)
        assert [case["case"] for case in found["cases"]] == ["easy", "large"]  # nobody says what cancels
        assert found["candidates"] == [REFERENCE, "derive numpy", "derive numpy, precise", "chain rule"]
        assert any("no baselines for center" in note for note in found["notes"])


class TestCases:
    def test_lengths(self) -> None:
        assert extents_for(load("batch_norm"), 1024) == {"N": 1024, "D": 4}
        assert extents_for(load("layer_norm"), 1024) == {"N": 4, "D": 1024}
        assert extents_for(load("batch_norm_2d"), 1024) == {"N": 10, "C": 4, "H": 10, "W": 10}
        assert extents_for(load("batch_norm"), 2) == {"N": 2, "D": 4}

    def test_what_a_dtype_cannot_hold_is_left_out(self) -> None:
        graph = load("batch_norm")
        titles = [case.setting.title for case in draw_cases(graph, np.dtype(np.float16), long=False)]
        assert "mean 1e4" in titles
        assert "mean 1e6" not in titles
        assert "std 1e20" not in titles

    def test_only_data_move_and_constants_are_rounded_for_all(self) -> None:
        graph = load("batch_norm")
        setting = next(s for s in SETTINGS if s.title == "mean 1e4")
        (case,) = draw_cases(graph, np.dtype(np.float32), long=False, settings=(setting,))
        assert case.values["x"].mean() == pytest.approx(1e4, rel=1e-3)
        assert abs(case.values["gamma"]).max() < 10
        assert case.values["eps"] == float(np.float32(1e-5))

    def test_facts_hold(self) -> None:
        graph = load("softmax_cross_entropy")
        (case,) = draw_cases(graph, np.dtype(np.float32), long=False, settings=(Setting("easy"),))
        assert case.values["t"].sum(axis=1) == pytest.approx(1, abs=1e-5)

    def test_few_enough_for_many_digits(self) -> None:
        derivation = derivations_for_code("batch_norm", "reuse")[0]
        assert can_be_precise(derivation, {"N": 1024, "D": 4})
        assert not can_be_precise(derivation, {"N": 10**6, "D": 4})
