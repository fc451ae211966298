"""The generated NumPy functions on tiles of rows: the same values, digits, threads, `out`, and what must not happen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from digits import CASES, assert_digits, batch, cancelling, case, run
from own_layers import EXTENTS, LAYERS, call, derivation_of, draw, truth
from random_layers import random_layer

from derive.codegen import numpy as target
from derive.codegen import runtime_tiles
from derive.codegen.numpy import compile_derivation, compile_text, derivations_for_code, module_text
from derive.derivation import Derivation
from derive.errors import DeriveError
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.workshop import CODE_FORM

# Layers that go over tiles in both directions, and one that has a matrix product and does not.
IN_TILES = ["batch_norm", "layer_norm", "softmax", "softmax_cross_entropy", "rms_norm", "batch_norm_2d", "silu"]

# One whose columns have two axes.
TWO_AXES = """
x: [N, D, K]
g: [D, K]
m[j, k] = mean(x[i, j, k] for i in N)
v[j, k] = mean((x[i, j, k] - m[j, k])**2 for i in N)
y[i, j, k] = g[j, k]*(x[i, j, k] - m[j, k])/sqrt(v[j, k] + 1)
"""


def tiled(module: ModuleType, tile: int = 100, narrowest: int = 1 << 12, widest: int = 1 << 40) -> ModuleType:
    """The functions with all arrays large that have an element, tiles of so many bytes, and rows of them."""
    module._LARGE, module._TILE = 1, tile  # type: ignore[attr-defined]
    module._NARROWEST, module._WIDEST = narrowest, widest  # type: ignore[attr-defined]
    return module


@cache
def derivation_for(name: str) -> Derivation:
    return derivation_of(name, "reuse") if name in LAYERS else derivations_for_code(name, CODE_FORM)[0]


@cache
def batch_norm(tile: int = 0) -> ModuleType:
    module = compile_derivation(derivation_for("batch_norm"))
    return tiled(module, tile) if tile else module


class TestValues:
    @pytest.mark.parametrize(("tile", "narrowest", "widest"), [(1, 1, 1 << 40), (100, 40, 1 << 40), (100, 1, 8)])
    @pytest.mark.parametrize("name", [*LAYERS, *layer_names()])
    def test_of_all_layers(self, name: str, tile: int, narrowest: int, widest: int) -> None:
        derivation = derivation_for(name)
        values = draw(derivation, {**dict.fromkeys(derivation.forward.extents, 3), **EXTENTS, "N": 7})
        values = {key: np.abs(value) if key in ("t", "w", "present") else value for key, value in values.items()}
        module = compile_derivation(derivation)
        options = {"check": False} if "check" in module.forward.__annotations__ else {}
        forward = module.forward
        module.forward = lambda *arguments: forward(*arguments, **options)  # type: ignore[attr-defined]
        with np.errstate(all="ignore"):
            expected = call(module, derivation, values)
            found = call(tiled(module, tile, narrowest, widest), derivation, values)
        for result, value in expected.items():
            assert np.shape(found[result]) == np.shape(value), result
            assert np.asarray(found[result]).dtype == np.asarray(value).dtype, result
            scale = max(1.0, np.nanmax(np.abs(value), initial=0.0))
            np.testing.assert_allclose(found[result], value, rtol=0, atol=1e-12 * scale, err_msg=result)

    @pytest.mark.parametrize("name", IN_TILES)
    def test_these_go_over_tiles(self, name: str) -> None:
        text = module_text(derivation_for(name))
        assert "def _forward_in_tiles(" in text
        assert "def _backward_in_tiles(" in text

    @pytest.mark.parametrize("name", ["linear", "attention", "lstm_cell"])
    def test_matrix_products_do_not(self, name: str) -> None:
        assert "_in_tiles" not in module_text(derivation_for(name))

    def test_a_planted_error_is_seen(self) -> None:
        text = module_text(derivation_for("batch_norm"))
        wrong = text.replace("np.subtract(dy, dx_", "np.add(dy, dx_")
        assert wrong != text
        values = batch((30, 4), np.float64, 1.0)
        expected = run(batch_norm(), values)["dx"]
        found = run(tiled(compile_text(wrong, "wrong")), values)["dx"]
        assert not np.allclose(found, expected)

    @pytest.mark.parametrize("seed", range(60))
    def test_random_layers(self, seed: int) -> None:
        graph = parse_layer(random_layer(seed), f"random_{seed}", "random")
        try:
            (derivation,) = derivations_for_code(graph, "reuse")
        except DeriveError:
            pytest.skip("a layer without gradients")
        whole, other = compile_derivation(derivation), tiled(compile_derivation(derivation), 40)
        for extents in ({"N": 3, "D": 4, "K": 2}, {"N": 1, "D": 2, "K": 5}):
            values: dict[str, Any] = draw(derivation, extents, seed=seed)
            values = {name: np.abs(value) if name in ("w", "t") else value for name, value in values.items()}
            with np.errstate(all="ignore"):
                expected, found = (call(module, derivation, values) for module in (whole, other))
            for name, value in expected.items():
                assert np.shape(found[name]) == np.shape(value)
                if np.isfinite(value).all():
                    scale = max(1.0, np.max(np.abs(value), initial=0.0))
                    np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10 * scale, err_msg=name)


class TestColumns:
    """Layers that treat each column by itself: several rows side by side in a tile, or some columns of wide rows."""

    @pytest.mark.parametrize("shape", [(60, 5), (61, 5), (7, 1), (1, 40), (3, 200), (40, 64), (5, 2, 3)])
    @pytest.mark.parametrize(("narrowest", "widest"), [(1, 1 << 20), (160, 1 << 20), (1 << 20, 1 << 20), (1, 20)])
    @pytest.mark.parametrize("tile", [1, 700, 1 << 20])
    def test_any_shape(self, shape: tuple[int, ...], tile: int, narrowest: int, widest: int) -> None:
        derivation = derivation_for("batch_norm")
        if len(shape) == 3:
            (derivation,) = derivations_for_code(parse_layer(TWO_AXES, "two_axes", "two axes"), CODE_FORM)
        values = draw(derivation, dict(zip(derivation.forward.extents, shape, strict=True)))
        module = compile_derivation(derivation)
        expected = call(module, derivation, values)
        found = call(tiled(module, tile, narrowest, widest), derivation, values)
        for name, value in expected.items():
            assert found[name].shape == value.shape
            np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-11 * max(1, np.abs(value).max()))

    @pytest.mark.parametrize(("narrowest", "widest"), [(160, 1 << 20), (1, 20)])
    def test_numbers_stay_whole(self, narrowest: int, widest: int) -> None:
        text = "x: [N, D]\nb: [D]\nt: constant = 1/2\ny[i, j] = tanh(t*x[i, j] - b[j])"
        (derivation,) = derivations_for_code(parse_layer(text, "shifted"), CODE_FORM)
        module, values = compile_derivation(derivation), draw(derivation, {"N": 3, "D": 200})
        assert "columns=True" in module_text(derivation)
        expected = call(module, derivation, values)
        found = call(tiled(module, 700, narrowest, widest), derivation, values)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize(("name", "by_column"), [("batch_norm", 5), ("silu", 2), ("layer_norm", 0), ("softmax", 0)])
    def test_which_do(self, name: str, by_column: int) -> None:
        text = module_text(derivation_for(name))
        passes = [line for line in text.splitlines() if "_in_tiles(_" in line]
        assert len([line for line in passes if "columns=True" in line]) == by_column
        assert by_column in (0, len(passes))
        assert ("_is_large(x, columns=True)" in text) == (by_column > 0)

    def test_wide_rows_are_large_where_they_may_be_cut(self) -> None:
        rows, columns = (compile_derivation(derivation_for(name)) for name in ("layer_norm", "batch_norm"))
        wide, narrow = np.zeros((4, 1 << 18), np.float32), np.zeros((1 << 14, 64), np.float32)
        assert [module._is_large(narrow) for module in (rows, columns)] == [True, True]
        assert (rows._is_large(wide), columns._is_large(wide, columns=True)) == (False, True)
        assert not columns._is_large(narrow.astype(np.longdouble), columns=True)

    @pytest.mark.parametrize("threads", [2, 3, 16])
    def test_threads_change_nothing(self, threads: int) -> None:
        for narrowest, widest in ((160, 1 << 20), (1, 20)):
            module = tiled(compile_derivation(derivation_for("batch_norm")), 700, narrowest, widest)
            values = batch((61, 7), np.float32)
            for name, value in run(module, values, threads=1).items():
                np.testing.assert_array_equal(run(module, values, threads=threads)[name], value)


class TestDigits:
    @pytest.mark.parametrize("tile", [0, 1 << 13])
    @pytest.mark.parametrize("name", [name for name in CASES if name not in ("std 1e20", "two rows")])
    def test_float32(self, name: str, tile: int) -> None:
        values = case(name, np.float32)
        assert_digits(values, run(batch_norm(tile), values), 3.2)

    @pytest.mark.parametrize("tile", [0, 1 << 13])
    @pytest.mark.parametrize("name", [name for name in CASES if name not in ("std 1e20", "two rows")])
    def test_float64(self, name: str, tile: int) -> None:
        values = case(name, np.float64)
        assert_digits(values, run(batch_norm(tile), values), 11)

    @pytest.mark.parametrize("tile", [0, 1 << 13])
    @pytest.mark.parametrize("name", CASES)
    def test_precise(self, name: str, tile: int) -> None:
        values = case(name, np.float32)
        assert_digits(values, run(batch_norm(tile), values, precise=True), 1)

    @pytest.mark.parametrize("precise", [False, True])
    @pytest.mark.parametrize("name", ["float16", "bfloat16"])
    def test_sixteen_bits(self, name: str, precise: bool) -> None:
        dtype = pytest.importorskip("ml_dtypes").bfloat16 if name == "bfloat16" else np.float16
        values = batch((1024, 8), dtype, 1.0)
        assert_digits(values, run(batch_norm(), values, precise=precise), 1)

    def test_a_gradient_that_cancels(self) -> None:
        values = cancelling(np.float32)
        assert_digits(values, run(batch_norm(), values, precise=True), 1)


    @pytest.mark.parametrize("tile", [0, 1 << 12])
    def test_a_mean_less_its_data(self, tile: int) -> None:
        text = "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = (m[j] - x[i, j])**2 + m[j] - x[i, j]"
        (derivation,) = derivations_for_code(parse_layer(text, "less", "less"), "reuse")
        module = compile_derivation(derivation)
        module = tiled(module, tile) if tile else module
        x = batch((500, 6), np.float32, 1e6)["x"]
        distance = x.astype(np.longdouble).mean(axis=0) - x
        y, _ = module.forward(x)
        largest = float(abs(distance).max())
        np.testing.assert_allclose(y, distance**2 + distance, rtol=0, atol=4 * 2.0**-24 * largest**2)


class TestThreads:
    @pytest.mark.parametrize("name", IN_TILES)
    def test_their_number_changes_nothing(self, name: str) -> None:
        derivation = derivation_for(name)
        module = tiled(compile_derivation(derivation), 1000)
        extents = {**dict.fromkeys(derivation.forward.extents, 4), "N": 200, "D": 9, "C": 9}
        values = draw(derivation, extents, dtype=np.float32)
        if "t" in values:
            values["t"] = np.eye(9, dtype=np.float32)[np.arange(200) % 9]
        both = module.forward, module.backward
        found = {}
        for threads in (1, 2, 3, 7, None):
            module.forward = lambda *a, n=threads: both[0](*a, threads=n)  # type: ignore[attr-defined,misc]
            module.backward = lambda *a, n=threads: both[1](*a, threads=n)  # type: ignore[attr-defined,misc]
            found[threads] = call(module, derivation, values)
        for threads, results in found.items():
            for result, value in results.items():
                np.testing.assert_array_equal(value, found[1][result], err_msg=f"{result} in {threads} threads")

    def test_several_at_once(self) -> None:
        module, many = batch_norm(1 << 12), [batch((500, 20), np.float64, seed=seed) for seed in range(8)]
        alone = [run(module, values) for values in many]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda values: run(module, values), many))
        for one, other in zip(alone, together, strict=True):
            for name, value in one.items():
                np.testing.assert_array_equal(other[name], value)

    def test_one_for_each_core_that_the_process_may_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
        assert [runtime_tiles._threads(threads) for threads in (None, 1, 7)] == [3, 1, 7]
        monkeypatch.delattr(os, "sched_getaffinity")  # no system but Linux has it
        assert runtime_tiles._threads(None) == 64

    @pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
    def test_a_number_that_is_none(self, threads: Any) -> None:
        with pytest.raises(ValueError, match="threads: expected a number of at least 1"):
            run(batch_norm(100), batch((4, 3), np.float32), threads=threads)


class TestContract:
    @pytest.mark.parametrize("tile", [0, 1 << 12])
    def test_nan_and_infinity_stay_in_their_column(self, tile: int) -> None:
        module, values = batch_norm(tile), batch((600, 30), np.float32)
        clean = run(module, values)
        for bad in (np.nan, np.inf, -np.inf):
            values["x"][3, 5] = values["dy"][4, 7] = bad
            with np.errstate(invalid="ignore"):
                found = run(module, values)
            others = [j for j in range(30) if j not in (5, 7)]
            for name, value in found.items():
                np.testing.assert_array_equal(value[..., others], clean[name][..., others], err_msg=name)
            assert np.isnan(found["y"][:, 5]).all()
            assert not np.isfinite(found["dgamma"][7])

    @pytest.mark.parametrize("name", IN_TILES)
    def test_arguments_are_left_alone(self, name: str) -> None:
        derivation = derivation_for(name)
        values = draw(derivation, {**dict.fromkeys(derivation.forward.extents, 3), **EXTENTS})
        if "t" in values:
            values["t"] = np.full_like(values["t"], 1 / values["t"].shape[1])
        before = {key: np.copy(value) for key, value in values.items()}
        results = list(call(tiled(compile_derivation(derivation)), derivation, values).values())
        for key, value in values.items():
            np.testing.assert_array_equal(value, before[key])
            assert not any(np.shares_memory(value, result) for result in results), key
        for place, result in enumerate(results):
            assert not any(np.shares_memory(result, other) for other in results[:place])

    @pytest.mark.parametrize("how", ["fortran", "strided", "reversed"])
    def test_any_layout(self, how: str) -> None:
        values = batch((60, 5), np.float64)
        expected = run(batch_norm(200), values)
        x = values["x"]
        layouts = {
            "fortran": np.asfortranarray(x),
            "strided": np.repeat(x, 2, axis=1)[:, ::2],
            "reversed": x[::-1].copy()[::-1],
        }
        for name, value in run(batch_norm(200), {**values, "x": layouts[how]}).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-13)

    def test_no_columns(self) -> None:
        found = run(batch_norm(100), batch((6, 0), np.float32))
        assert {name: value.shape for name, value in found.items()} == {
            "y": (6, 0), "dx": (6, 0), "dgamma": (0,), "dbeta": (0,)
        }  # fmt: skip


@pytest.mark.parametrize("tile", [0, 100])
class TestOut:
    def test_results_go_there(self, tile: int) -> None:
        module, values = batch_norm(tile), batch((60, 5), np.float32)
        expected = run(module, values)
        y, dx, dbeta = np.empty((60, 5), np.float32), np.empty((60, 5), np.float32, order="F"), np.empty(5, np.float32)
        found, residuals = module.forward(values["x"], values["gamma"], values["beta"], out=y)
        gradients = module.backward(values["dy"], residuals, out=(dx, None, dbeta))
        assert found is y
        assert gradients[0] is dx
        assert gradients[2] is dbeta
        for name, value in zip(expected, (y, *gradients), strict=True):
            np.testing.assert_array_equal(value, expected[name])

    @pytest.mark.parametrize("name", LAYERS)
    def test_of_all_layers(self, name: str, tile: int) -> None:
        derivation = derivation_of(name)
        module, values = target.compile_derivation(derivation), draw(derivation, EXTENTS)
        module = tiled(module, tile) if tile else module
        expected = call(module, derivation, values)

        def own(names: Sequence[str]) -> dict[str, Any]:
            arrays = tuple(np.full_like(expected[name], 7) for name in names if np.ndim(expected[name]))
            return {"out": arrays} if arrays else {}

        def assert_there(found: Any, names: Sequence[str], given: dict[str, Any]) -> None:
            several = found if len(names) > 1 else (found,)
            for key, value in zip(names, several, strict=True):
                np.testing.assert_array_equal(value, expected[key])
            arrays = [value for value in several if np.ndim(value)]
            assert all(value is place for value, place in zip(arrays, given.get("out", ()), strict=True))

        outputs, gradients = derivation.forward.outputs, derivation.backward.outputs
        given, cotangents = own(outputs), tuple(values[f"d{output}"] for output in outputs)
        found, residuals = module.forward(*(values[q.name] for q in derivation.forward.inputs), **given)
        assert_there(found, outputs, given)
        given = own(gradients)
        found = module.backward(cotangents if outputs[1:] else cotangents[0], residuals, **given)
        assert_there(found, gradients, given)

    def test_into_an_argument(self, tile: int) -> None:
        module, values = batch_norm(tile), batch((60, 5), np.float32)
        expected = run(module, values)
        _, residuals = module.forward(values["x"], values["gamma"], values["beta"])
        dx, _, _ = module.backward(values["dy"], residuals, out=(values["dy"], None, None))
        assert dx is values["dy"]
        np.testing.assert_array_equal(dx, expected["dx"])

    def test_what_is_kept_is_not_what_is_given(self, tile: int) -> None:
        derivation = derivation_for("softmax")
        module = compile_derivation(derivation)
        module = tiled(module, tile) if tile else module
        x, p = np.ones((20, 4)), np.empty((20, 4))
        _, residuals = module.forward(x, out=p)
        p[:] = 7.0
        np.testing.assert_array_equal(residuals.p, np.full((20, 4), 0.25))

    @pytest.mark.parametrize(
        ("out", "error", "message"),
        [
            (np.empty((5, 6), np.float32), ValueError, r"out: expected float32 of shape \(6, 5\) for y"),
            (np.empty((6, 5)), ValueError, r"out: expected float32 of shape \(6, 5\) for y, got float64"),
            ([1.0], TypeError, "out: expected an array for y, got list"),
            ((None, None), TypeError, "out: expected an array or None for each of y"),
        ],
    )
    def test_bad_ones(self, tile: int, out: Any, error: type[Exception], message: str) -> None:
        values = batch((6, 5), np.float32)
        with pytest.raises(error, match=message):
            batch_norm(tile).forward(values["x"], values["gamma"], values["beta"], out=out)

    @pytest.mark.parametrize("last", [np.empty(6), np.empty(5, np.float32), [0.0]])
    def test_nothing_is_written_where_one_of_them_is_bad(self, tile: int, last: Any) -> None:
        values, dx, dgamma = batch((60, 5), np.float64), np.full((60, 5), 7.0), np.full(5, 7.0)
        _, residuals = batch_norm(tile).forward(values["x"], values["gamma"], values["beta"])
        with pytest.raises((TypeError, ValueError), match=r"out: expected .* for dbeta"):
            batch_norm(tile).backward(values["dy"], residuals, out=(dx, dgamma, last))
        assert (dx == 7).all()
        assert (dgamma == 7).all()

    def test_two_results_in_one_place(self, tile: int) -> None:
        values, both = batch((60, 5), np.float64), np.empty((5, 2))
        expected = run(batch_norm(tile), values)
        _, residuals = batch_norm(tile).forward(values["x"], values["gamma"], values["beta"])
        with pytest.raises(ValueError, match="arrays that share no memory, got those for dgamma and dbeta"):
            batch_norm(tile).backward(values["dy"], residuals, out=(None, both[:, 0], both[:, 0]))
        batch_norm(tile).backward(values["dy"], residuals, out=(None, both[:, 0], both[:, 1]))
        np.testing.assert_array_equal(both.T, [expected["dgamma"], expected["dbeta"]])

    def test_a_read_only_one(self, tile: int) -> None:
        values, out = batch((6, 5), np.float32), np.empty((6, 5), np.float32)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="out: the array for y is read-only"):
            batch_norm(tile).forward(values["x"], values["gamma"], values["beta"], out=out)


def test_the_truth_agrees_in_float64() -> None:
    derivation = derivation_of("batch_norm", "reuse")
    values = draw(derivation, EXTENTS)
    expected = truth(derivation, values)
    for name, value in call(tiled(target.compile_derivation(derivation)), derivation, values).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-12)


def test_double_backward_takes_residuals_of_both_kinds() -> None:
    module = compile_derivation(*derivations_for_code("batch_norm", "reuse", order=2))
    values = batch((50, 4), np.float32, 3.0)
    found = []
    for precise in (False, True):
        _, residuals = module.forward(values["x"], values["gamma"], values["beta"], precise=precise)
        dx, dgamma, dbeta = module.backward(values["dy"], residuals)
        found.append(module.double_backward(dx, dgamma, dbeta, values["dy"], residuals))
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_chain_of_diamonds_is_written_once_each() -> None:
    """Each equation uses the one before and the first: along all paths there would be 2**60 of them."""
    rows = ["x: [N, D]", "a0[i, j] = x[i, j] - mean(x[k, j] for k in N)"]
    rows += [f"a{k}[i, j] = tanh(a{k - 1}[i, j])*x[i, j] + a{k - 1}[i, j]" for k in range(1, 60)]
    layer = parse_layer("\n".join([*rows, "y[i, j] = a59[i, j] - mean(a59[k, j] for k in N)"]))
    assert module_text(*derivations_for_code(layer, "reuse", order=1)).count("tanh") < 2000
