"""The generated loops: values against the interpreter, digits against long double, and what must never happen."""

from __future__ import annotations

import re
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

pytest.importorskip("numba", reason="the loops are compiled by Numba, which is not installed")
from digits import CASES, assert_digits, batch, cancelling, case, run
from loop_modules import loops_of, loops_text, module_from
from own_layers import EXTENTS, LAYERS, call, derivation_of, draw, truth
from quality import AWKWARD, assert_clean, same_under_hash_seeds
from random_layers import random_layer

from derive.codegen.loops import module_text
from derive.codegen.loops_printer import numba_dialect
from derive.codegen.numpy import compile_derivation, derivations_for_code
from derive.codegen.scalars import ScalarPrinter
from derive.errors import DeriveError
from derive.functions import where
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.printing.layout import Layout
from derive.printing.names import Names

ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 is from ml_dtypes, which is not installed")
# Several blocks of rows, stripes of columns, rows alone, columns alone.
SHAPES = [(1, 1), (1, 7), (3, 1), (17, 33), (700, 100), (100, 6000), (3000, 100)]


class TestValues:
    @pytest.mark.parametrize("name", LAYERS)
    def test_of_all_layers(self, name: str) -> None:
        derivation = derivation_of(name, "reuse")
        values = draw(derivation, EXTENTS)
        expected = truth(derivation, values)
        for result, value in call(loops_of(name), derivation, values).items():
            scale = max(1.0, np.max(np.abs(expected[result]), initial=0.0))
            assert np.shape(value) == expected[result].shape, result
            np.testing.assert_allclose(value, expected[result], rtol=0, atol=1e-12 * scale, err_msg=result)

    @pytest.mark.parametrize("name", LAYERS)
    def test_float32_is_rounded_once(self, name: str) -> None:
        derivation = derivation_of(name, "reuse")
        values = draw(derivation, EXTENTS, dtype=np.float32)
        wide = {key: np.float64(value) if np.ndim(value) == 0 else value.astype(float) for key, value in values.items()}
        expected = truth(derivation, wide)
        for result, value in call(loops_of(name), derivation, values).items():
            scale = np.max(np.abs(expected[result]), initial=1e-30)
            assert np.asarray(value).dtype == np.float32, result
            # Outputs that are residuals, such as the softmax, are rounded before they are used.
            np.testing.assert_allclose(value, expected[result], rtol=0, atol=4 * 2.0**-24 * scale, err_msg=result)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_of_all_shapes(self, shape: tuple[int, int], dtype: Any) -> None:
        values = batch(shape, dtype)
        found = run(loops_of("batch_norm", compiled=True), values)
        assert_digits(values, found, 1.0 if dtype is np.float32 else 11.0, least=1.0)

    @pytest.mark.parametrize("name", ["layer_norm", "softmax", "attention", "functions"])
    def test_compiled_as_interpreted(self, name: str) -> None:
        derivation = derivation_of(name, "reuse")
        values = draw(derivation, {**EXTENTS, "N": 40, "D": 70, "B": 50, "F": 33})
        plain, compiled = (call(loops_of(name, which), derivation, values) for which in (False, True))
        for result, value in compiled.items():
            np.testing.assert_allclose(value, plain[result], rtol=1e-11, atol=1e-12, err_msg=result)

    @pytest.mark.parametrize("name", layer_names())
    def test_there_is_a_module_of_every_shipped_layer(self, name: str) -> None:
        compile(loops_text(name), name, "exec")


class TestDigits:
    """Float64 arithmetic on float32 data, rounded once: the cases in which float32 arithmetic loses its digits."""

    @pytest.mark.parametrize("name", CASES)
    def test_float32(self, name: str) -> None:
        values = case(name, np.float32)
        assert_digits(values, run(loops_of("batch_norm", compiled=True), values), 1.0)

    @pytest.mark.parametrize("name", ["normal", "mean 1e4", "mean 1e6", "std 0.01", "variance near eps", "many rows"])
    def test_float64(self, name: str) -> None:
        values = case(name, np.float64)
        assert_digits(values, run(loops_of("batch_norm", compiled=True), values), 11.0)

    @pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
    def test_sixteen_bits(self, dtype: Any) -> None:
        values = batch((1024, 8), dtype, 1.0)
        assert_digits(values, run(loops_of("batch_norm", compiled=True), values), 1.0)

    def test_a_gradient_that_cancels(self) -> None:
        values = cancelling(np.float32)
        assert_digits(values, run(loops_of("batch_norm", compiled=True), values), 1.0)

    def test_the_mean_of_a_row(self) -> None:
        values = batch((8, 1024), np.float64, 1e6)
        (derivation,) = derivations_for_code("layer_norm", "reuse")
        wide = {name: value.astype(np.longdouble) for name, value in values.items()}
        wide["x"] = wide["x"] - wide["x"][:, :1]  # which changes nothing but the size of the mean
        expected = run(compile_derivation(derivation), wide)
        for name, value in run(loops_of("layer_norm", compiled=True), values).items():
            error = np.abs(value - expected[name]).max(axis=-1) / np.abs(expected[name]).max(axis=-1)
            assert error.max() <= 11 * 2.0**-53, name

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_first_rows_that_are_no_guide_to_the_mean(self, dtype: Any) -> None:
        values = batch((4000, 8), dtype)
        values["x"][:100] += dtype(1e5)
        values["x"][100:] -= dtype(1e5)
        assert_digits(values, run(loops_of("batch_norm", compiled=True), values), 1.0 if dtype is np.float32 else 30.0)

    @pytest.mark.parametrize("rows", [5, 300])
    def test_a_mean_that_is_a_result(self, rows: int) -> None:
        text = "x: [N, D]\nm: output\nm[j] = mean(x[i, j] for i in N)\nv[j] = mean((x[i, j] - m[j])**2 for i in N)"
        (derivation,) = derivations_for_code(parse_layer(text, "mean_and_variance", "mean and variance"), "reuse")
        x = np.random.default_rng(0).normal(size=(rows, 3)) + np.arange(rows)[:, None]  # the first rows are no guide
        (m, v), _ = module_from(derivation).forward(x)
        np.testing.assert_allclose(m, x.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(v, x.var(axis=0), rtol=1e-13)

    def test_a_constant_column(self) -> None:
        values = batch((100, 3), np.float32)
        values["x"][:, 1] = 3e6
        found = run(loops_of("batch_norm", compiled=True), values)
        np.testing.assert_array_equal(found["y"][:, 1], np.full(100, values["beta"][1]))
        assert np.isfinite(found["dx"]).all()

    def test_a_sum_of_distances_from_a_large_mean(self) -> None:
        text = (
            "x: [N, D]\nw: [N, D]\nmu[j] = mean(x[i, j] for i in N)\nvar[j] = mean((x[i, j] - mu[j])**2 for i in N)\n"
            "xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + 1)\nz[j] = sum(w[i, j]*xhat[i, j] for i in N)\n"
        )
        rng = np.random.default_rng(3)
        x, w = 1e9 + rng.normal(size=(1000, 4)), 1 + rng.normal(size=(1000, 4))
        (derivation,) = derivations_for_code(parse_layer(text, "summed"), "reuse")
        wide = (x - 1e9).astype(np.longdouble)
        distances = wide - wide.mean(axis=0)
        expected = (w * distances).sum(axis=0) / np.sqrt((distances**2).mean(axis=0) + 1)
        np.testing.assert_allclose(module_from(derivation).forward(x, w)[0], expected.astype(float), rtol=1e-13)

    @pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
    def test_a_condition_holds_up_to_the_rounding_of_what_was_given(self, dtype: Any) -> None:
        module = loops_of("softmax_cross_entropy")
        x, thirds = np.zeros((2, 3), dtype), np.full((2, 3), 1 / 3).astype(dtype)
        assert np.isclose(float(module.forward(x, thirds)[0]), np.log(3), rtol=0.01)
        with pytest.raises(ValueError, match="== 1 everywhere"):
            module.forward(x, (1.2 * thirds).astype(dtype))


# Scales and brackets that cannot be taken out of what they stand in without changing what is infinite, or zero.
CENTERED = """
x: [N, D]
mu[j] = mean(x[i, j] for i in N)
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
a[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + 1)
m[i] = mean(a[i, j] for j in D)
v[i] = mean((a[i, j] - m[i])**2 for j in D)
b[i, j] = (a[i, j] - m[i])/sqrt(v[i] + 1e-30)
"""
SCALED = """
x: [N, D]
w: [N, D]
g: [D]
h: [D]
s: [D]
y[i, j] = s[j]*(g[j]*x[i, j] + h[j]*x[i, j] + g[j]**2*w[i, j] + g[j]*h[j]*w[i, j])
"""
EXTREME = """
x: [N, D]
mu[j] = mean(x[i, j] for i in N)
var[j] = mean((x[i, j] - mu[j])**2 for i in N)
a[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + 1)
{extreme}
c[i, j] = {distance}
d[i, j] = sqrt(c[i, j])
d: output
"""


class TestWhatIsExact:
    def test_what_cancels_to_nothing(self) -> None:
        module = module_from(derivations_for_code(parse_layer(CENTERED, "centered"), "reuse")[0])
        x = 1e8 + np.random.default_rng(5).normal(size=(150, 1))
        assert not np.any(module.forward(x)[0])

    def test_a_scale_that_is_zero_divides_nothing(self) -> None:
        (derivation,) = derivations_for_code(parse_layer(SCALED, "scaled"), "reuse")
        ones, g, h = np.ones((2, 3)), np.array([1.0, 1, 0]), np.array([-1.0, 2, 0])
        expected = compile_derivation(derivation).forward(ones, ones, g, h, g)[0]
        np.testing.assert_array_equal(module_from(derivation).forward(ones, ones, g, h, g)[0], expected)

    @pytest.mark.parametrize("more", ["", "a: output\n"], ids=["inside", "an output"])
    @pytest.mark.parametrize(
        ("extreme", "distance"),
        [
            ("m[i] = max(a[i, j] for j in D)", "m[i] - a[i, j]"),
            ("m[j] = max(a[i, j] for i in N)", "m[j] - a[i, j]"),
            ("m[i] = -max(-a[i, j] for j in D)", "a[i, j] - m[i]"),
        ],
        ids=["of a row", "of a column", "the smallest"],
    )
    def test_nothing_is_larger_than_the_largest(self, extreme: str, distance: str, more: str) -> None:
        text = EXTREME.format(extreme=extreme, distance=distance) + more
        (derivation,) = derivations_for_code(parse_layer(text, "extreme"), "reuse")
        found, _ = module_from(derivation, compiled=True).forward(np.random.default_rng(1).normal(size=(150, 3)))
        assert np.isfinite(found).all()

    @pytest.mark.parametrize("name", ["x", "gamma", "beta", "dy"])
    @pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
    def test_infinity_is_where_it_is_in_numpy(self, name: str, bad: float) -> None:
        values = batch((4, 2), np.float64)
        values["x"] = np.array([[1.0, 2], [2, 5], [3, 1], [4, 4]])
        values[name][..., 0].flat[0] = bad
        with np.errstate(invalid="ignore"):
            expected = run(compile_derivation(derivations_for_code("batch_norm", "reuse")[0]), values)
            found = run(loops_of("batch_norm"), values)
        for result, value in expected.items():
            np.testing.assert_allclose(found[result], value, rtol=1e-12, atol=1e-12, err_msg=result)


    @pytest.mark.parametrize("scale", ["s", "relu(s)", "(N - 1)", "(D - 1)/D", "s*(N - 1)"])
    def test_what_is_multiplied_by_nothing(self, scale: str) -> None:
        """Nothing is divided by what may be zero, to multiply by it later: a gate, or N - 1."""
        text = f"""
        x: [N, D]
        w: [D]
        s: []
        m[j] = mean(x[i, j] for i in N)*w[j]
        y[i, j] = {scale}*x[i, j] - m[j]*w[j]
        """
        (derivation,) = derivations_for_code(parse_layer(textwrap.dedent(text), "gated"), "reuse")
        module = module_from(derivation)
        for extents in ({"N": 1, "D": 1}, {"N": 1, "D": 3}, {"N": 4, "D": 3}):
            for gate in (0.0, 0.7):
                values = draw(derivation, extents) | {"s": np.float64(gate)}
                expected = truth(derivation, values)
                for name, value in call(module, derivation, values).items():
                    np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-14, err_msg=name)


class TestThreads:
    @pytest.mark.parametrize("shape", [(3000, 100), (20, 30_000), (40_000, 16)])
    def test_their_number_changes_nothing(self, shape: tuple[int, int]) -> None:
        module, values = loops_of("batch_norm", compiled=True), batch(shape, np.float32, 5.0)
        first = run(module, values, threads=1)
        for threads in (2, 3, 7, None):
            for name, value in run(module, values, threads=threads).items():
                np.testing.assert_array_equal(value, first[name], err_msg=f"{name} in {threads} threads")

    def test_several_at_once(self) -> None:
        module, many = loops_of("batch_norm", compiled=True), [batch((2000, 200), np.float64, seed=s) for s in range(8)]
        alone = [run(module, values) for values in many]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda values: run(module, values), many))
        for one, other in zip(alone, together, strict=True):
            for name, value in one.items():
                np.testing.assert_array_equal(other[name], value)

    @pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
    def test_a_number_that_is_none(self, threads: Any) -> None:
        with pytest.raises(ValueError, match="threads: expected a number of at least 1"):
            run(loops_of("batch_norm"), batch((4, 3), np.float32), threads=threads)


class TestContract:
    def test_nan_and_infinity_stay_in_their_column(self) -> None:
        module, values = loops_of("batch_norm", compiled=True), batch((600, 300), np.float32)
        clean = run(module, values)
        for bad in (np.nan, np.inf, -np.inf):
            values["x"][3, 5] = values["dy"][4, 7] = bad
            found = run(module, values)
            others = [j for j in range(300) if j not in (5, 7)]
            for name, value in found.items():
                np.testing.assert_array_equal(value[..., others], clean[name][..., others], err_msg=name)
            assert np.isnan(found["y"][:, 5]).all()
            assert not np.isfinite(found["dgamma"][7])

    def test_a_maximum_keeps_nan(self) -> None:
        derivation = derivation_of("softmax", "reuse")
        values = draw(derivation, {**EXTENTS, "D": 100})
        values["x"][1, 50] = np.nan
        p = call(loops_of("softmax", compiled=True), derivation, values)["p"]
        assert np.isnan(p[1]).all()
        assert np.isfinite(p[[0, 2]]).all()

    @pytest.mark.parametrize("layout", ["fortran", "strided", "reversed", "read-only", "swapped bytes", "list of rows"])
    def test_any_layout(self, layout: str) -> None:
        values = batch((6, 5), np.float64)
        expected = run(loops_of("batch_norm"), values)
        x = values["x"]
        other: Any = {
            "fortran": np.asfortranarray(x),
            "strided": np.repeat(x, 2, axis=1)[:, ::2],
            "reversed": x[::-1].copy()[::-1],
            "read-only": x.copy(),
            "swapped bytes": x.astype(x.dtype.newbyteorder()),
            "list of rows": x.tolist(),
        }[layout]
        if layout == "read-only":
            other.flags.writeable = False
        for name, value in run(loops_of("batch_norm"), {**values, "x": other}).items():
            np.testing.assert_array_equal(value, expected[name])

    @pytest.mark.parametrize(
        ("name", "value", "error", "message"),
        [
            ("x", np.zeros((2, 3, 4)), ValueError, r"x: expected shape \(N, D\), got \(2, 3, 4\)"),
            ("gamma", np.float64(1), ValueError, r"gamma: expected shape \(5,\)"),
            ("gamma", np.ones((5, 1)), ValueError, r"gamma: expected shape \(5,\)"),
            ("dy", np.ones((1, 5)), ValueError, r"dy: expected shape \(6, 5\)"),
            ("dy", np.ones((6, 5), np.float32), TypeError, "dy: expected float64, as the other arrays, got float32"),
            ("x", np.ones((6, 5), int), TypeError, "x: expected float32, float64, float16 or bfloat16, got int64"),
            ("x", np.ma.masked_array(np.ones((6, 5))), TypeError, "x: expected an array without a mask"),
            ("x", np.ones((0, 5)), ValueError, "x: expected N >= 1"),
        ],
    )
    def test_bad_arguments(self, name: str, value: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            run(loops_of("batch_norm"), batch((6, 5), np.float64) | {name: value})

    def test_no_columns(self) -> None:
        found = run(loops_of("batch_norm"), batch((6, 0), np.float32))
        assert {name: value.shape for name, value in found.items()} == {
            "y": (6, 0), "dx": (6, 0), "dgamma": (0,), "dbeta": (0,)
        }  # fmt: skip


class TestOut:
    def test_results_go_there(self) -> None:
        module, values = loops_of("batch_norm"), batch((6, 5), np.float32)
        expected = run(module, values)
        y, dx, dbeta = np.empty((6, 5), np.float32), np.empty((6, 5), np.float32, order="F"), np.empty(5, np.float32)
        found, residuals = module.forward(values["x"], values["gamma"], values["beta"], out=y)
        gradients = module.backward(values["dy"], residuals, out=(dx, None, dbeta))
        assert found is y
        assert gradients[0] is dx
        assert gradients[2] is dbeta
        for name, value in zip(expected, (y, *gradients), strict=True):
            np.testing.assert_array_equal(value, expected[name])

    def test_what_is_kept_is_not_what_is_given(self) -> None:
        module, x, p = loops_of("softmax"), np.ones((20, 4)), np.empty((20, 4))
        _, residuals = module.forward(x, out=p)
        p[:] = 7.0
        np.testing.assert_array_equal(residuals.p, np.full((20, 4), 0.25))

    def test_into_an_argument(self) -> None:
        module, values = loops_of("batch_norm"), batch((6, 5), np.float32)
        expected = run(module, values)
        _, residuals = module.forward(values["x"], values["gamma"], values["beta"])
        dx, _, _ = module.backward(values["dy"], residuals, out=(values["dy"], None, None))
        assert dx is values["dy"]
        np.testing.assert_array_equal(dx, expected["dx"])

    @pytest.mark.parametrize(
        ("out", "error", "message"),
        [
            (np.empty((5, 6), np.float32), ValueError, r"out: expected float32 of shape \(6, 5\) for y"),
            (np.empty((6, 5)), ValueError, r"out: expected float32 of shape \(6, 5\) for y, got float64"),
            ([1.0], TypeError, "out: expected an array for y, got list"),
            ((None, None), TypeError, "out: expected an array or None for each of y"),
        ],
    )
    def test_bad_ones(self, out: Any, error: type[Exception], message: str) -> None:
        values = batch((6, 5), np.float32)
        with pytest.raises(error, match=message):
            loops_of("batch_norm").forward(values["x"], values["gamma"], values["beta"], out=out)

    def test_two_results_in_one_place(self) -> None:
        values, both = batch((6, 5), np.float32), np.empty((2, 5), np.float32)
        module = loops_of("batch_norm")
        _, residuals = module.forward(values["x"], values["gamma"], values["beta"])
        with pytest.raises(ValueError, match="arrays that share no memory, got those for dgamma and dbeta"):
            module.backward(values["dy"], residuals, out=(None, both[0], both[0]))
        _, dgamma, dbeta = module.backward(values["dy"], residuals, out=(None, both[0], both[1]))
        np.testing.assert_array_equal(both, [dgamma, dbeta])

    def test_a_read_only_one(self) -> None:
        values, out = batch((6, 5), np.float32), np.empty((6, 5), np.float32)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="out: the array for y is read-only"):
            loops_of("batch_norm").forward(values["x"], values["gamma"], values["beta"], out=out)


@pytest.mark.parametrize("name", ["batch_norm", "attention", "functions"])
def test_arguments_are_left_alone(name: str) -> None:
    derivation = derivation_of(name, "reuse")
    values = draw(derivation, EXTENTS)
    before = {key: np.copy(value) for key, value in values.items()}
    found = call(loops_of(name), derivation, values)
    for key, value in values.items():
        np.testing.assert_array_equal(value, before[key])
        assert not any(np.shares_memory(value, result) for result in found.values()), key


def test_exp_to_the_last_digit() -> None:
    exp = loops_of("softmax")._exp
    for x in [*np.linspace(-745, 709, 5000), 0.0, 1e-300, -0.5, 0.34657, 0.34658]:
        expected = np.exp(np.longdouble(x))
        assert abs(exp(np.float64(x)) - expected) <= 4 * 2.0**-53 * expected + 5e-324, x
    with np.errstate(over="ignore"):
        assert exp(np.float64(800)) == exp(np.float64(np.inf)) == np.inf
    assert exp(np.float64(-800)) == exp(np.float64(-np.inf)) == 0
    assert np.isnan(exp(np.float64(np.nan)))


@pytest.mark.parametrize("seed", range(80))
def test_random_layers(seed: int) -> None:
    """Layers that nobody chose, run by Python as they stand."""
    graph = parse_layer(random_layer(seed), f"random_{seed}", "random")
    try:
        (derivation,) = derivations_for_code(graph, "reuse")
    except DeriveError:
        pytest.skip("a layer without gradients")
    numpy, loops = compile_derivation(derivation), module_from(derivation)
    for extents in ({"N": 3, "D": 4, "K": 2}, {"N": 1, "D": 2, "K": 5}):
        values: dict[str, Any] = draw(derivation, extents, seed=seed)
        values = {name: np.abs(value) if name in ("w", "t") else value for name, value in values.items()}
        with np.errstate(all="ignore"):
            expected, found = (call(module, derivation, values) for module in (numpy, loops))
        for name, value in expected.items():
            assert np.shape(found[name]) == np.shape(value)
            if np.isfinite(value).all():
                scale = max(1.0, np.max(np.abs(value), initial=0.0))
                np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10 * scale, err_msg=name)


LARGEST = {
    "rows": "m[i] = max(x[i, j]*a[j] + a[j]/(1 + x[i, j]**2) for j in N)",
    "columns": "m[j] = max(x[i, j]*a[i]*mean(x[k, i] for k in N) for i in N)",
    "both": "w[i] = mean(x[k, i] for k in N)/3\nm[j] = max(x[i, j]*w[i] for i in N)*max(x[j, i]*w[i]/7 for i in N)",
    "each": "m[i] = max(x[i, i]*a[j]*mean(x[k, j] for k in N) for j in N)",
    "thirds": "m[i] = max((a[j]*x[i, j]*sum(x[k, j]*a[j] for k in N) + x[i, j]**2*(x[i, j] + a[j]))/3 for j in N)",
    "sums": "w[p, q] = x[q, p]*a[p]\nm[i, j] = x[j, i]*max((w[p, j]*mean(x[q, i]*a[p] for q in N))**2 for p in N)",
}


@pytest.mark.parametrize("name", LARGEST)
def test_a_maximum_is_equal_to_one_of_what_it_is_taken_of(name: str) -> None:
    """Wherever a compiler fuses a product and a sum, and whatever goes first: else the gradient would go nowhere."""
    text = f"x: [N, N]\na: [N]\n{LARGEST[name]}\n"
    (derivation,) = derivations_for_code(parse_layer(text, "largest", "largest"), "reuse")
    values = draw(derivation, {"N": 100})
    found = call(module_from(derivation, compiled=True), derivation, values)
    for name, value in call(compile_derivation(derivation), derivation, values).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("lines", "function"),
    [
        ("m[i] = max(x[i, j]*a[j] + a[j]/(1 + x[i, j]**2) for j in D)", "_backward_1"),
        ("w[i, j] = x[i, j]*a[j] + a[j]**2\nm[i] = max(w[i, j] for j in D)\ny[i, j] = m[i] - w[i, j]", "_forward_1"),
    ],
)
def test_what_a_maximum_is_taken_of_is_computed_once(lines: str, function: str) -> None:
    """Twice, it may be rounded twice: which products are fused is up to the compiler, and to the machine."""
    (derivation,) = derivations_for_code(parse_layer(f"x: [N, D]\na: [D]\n{lines}\n", "once"), "reuse")
    text = module_text(derivation).partition(f"def {function}(")[2].partition("@_compiled")[0]
    assert len(re.findall(r"^ +(w|\w+_max_of)(_ij|\[.*\]) = ", text, re.MULTILINE)) == 1


SAME_SUMS = """
x: [N, M, N]
v[p, q] = sum(x[q, a, p] for a in M)
y[m, j] = x[j, m, j]*max(sqrt((v[a, j]*mean(x[b, m, a] for b in N))**2 + 1) for a in N)
"""


def test_sums_that_differ_in_the_order_of_their_axes_are_one() -> None:
    (derivation,) = derivations_for_code(parse_layer(SAME_SUMS, "sums", "sums"), "reuse")
    text = module_text(derivation)
    sums = re.findall(r"(\w+) = _add\(\1, np\.float64\(x\[\w+, \w+, \w+\]\)\)", text)
    assert len(sums) == 2  # one in each function
    values = draw(derivation, {"N": 20, "M": 30})
    found = call(module_from(derivation), derivation, values)
    for name, value in call(compile_derivation(derivation), derivation, values).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-11, atol=1e-12, err_msg=name)


def test_generated_modules_pass_the_linter(tmp_path: Path) -> None:
    texts = {name: loops_text(name) for name in LAYERS}
    for name, text in AWKWARD.items():
        texts[name] = module_text(*derivations_for_code(parse_layer(text, name), "reuse"))
    assert_clean(texts, tmp_path, typed=False)  # what Numba compiles is not annotated


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    assert same_under_hash_seeds("loops").count("def forward(") == len(LAYERS)


def test_a_condition_that_always_or_never_holds() -> None:
    printer, (one, other) = ScalarPrinter(numba_dialect(frozenset()), Layout(Names({}))), sympy.symbols("one, other")
    assert printer.text(where(sympy.true, one, other)) == "(one if 1 == 1 else other)"
    assert printer.text(where(sympy.false, one, other)) == "(one if 1 == 0 else other)"
