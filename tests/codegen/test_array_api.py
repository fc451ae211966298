"""The functions on the array API standard: values on each library, dtypes, contracts, and what may not be read."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from libraries import LIBRARIES, library, made
from own_layers import (
    EXTENTS,
    LAYERS,
    WEIGHTED,
    call,
    double_module_of,
    draw,
    orders_of,
    parse_layer,
    truth,
)
from quality import AWKWARD, assert_clean
from random_expressions import assert_computes, random_equation

from derive.codegen.array_api import ArrayApi, module_text
from derive.codegen.numpy import compile_text, derivations_for_code
from derive.codegen.runtime_array_api import RUNTIME

pytestmark = pytest.mark.skipif(
    not hasattr(np.ndarray, "__array_namespace__"), reason="NumPy before 2 does not know the array API"
)
ROOT = Path(__file__).parents[2]
FUNCTIONS: dict[str, Any] = {function.__name__: function for function in RUNTIME}
ERF = FUNCTIONS["_erf"]


@cache
def array_api_module(name: str) -> ModuleType:
    return compile_text(module_text(*orders_of(name)), name)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str) -> None:
    assert np.shape(expected) == np.shape(found), name
    scale = max(1.0, np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("where", LIBRARIES)
def test_values(where: str, name: str) -> None:
    derivation = orders_of(name)[0]
    values = draw(derivation, EXTENTS)
    expected = truth(derivation, values)
    with library(where) as own:
        found = call(array_api_module(name), derivation, made(values, derivation, own))
        for key, value in found.items():
            assert_close(own.read(value), expected[key], 1e-12, key)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("where", LIBRARIES)
def test_the_dtype_is_kept(where: str, name: str) -> None:
    derivation = orders_of(name)[0]
    values = draw(derivation, EXTENTS, dtype=np.float32)
    with library(where) as own:
        found = call(array_api_module(name), derivation, made(values, derivation, own))
        assert {np.dtype(np.float32)} == {own.read(value).dtype for value in found.values()}


def drawn_twice(name: str) -> tuple[dict[str, Any], list[str]]:
    """Values for the inputs of both orders, and the names of the given gradients of gradients."""
    first, second = orders_of(name)
    values = draw(first, EXTENTS)
    rng = np.random.default_rng(5)
    again = [q for q in second.backward.inputs if q.name not in second.forward.by_name]
    for quantity in again:
        values[quantity.name] = rng.normal(size=[EXTENTS[extent] for extent in quantity.extents])
    return values, [next(q.name for q in again if q.of == output) for output in second.forward.outputs]


def call_twice(module: ModuleType, name: str, values: dict[str, Any], again: list[str]) -> tuple[Any, ...]:
    first, second = orders_of(name)
    _, residuals = module.forward(*(values[q.name] for q in first.forward.inputs))
    given = tuple(values[f"d{output}"] for output in first.forward.outputs)
    arguments = [values[a] for a in again]
    found = module.double_backward(*arguments, given if len(given) > 1 else given[0], residuals)
    return found if len(second.backward.outputs) != 1 else (found,)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("where", ["array_api_strict", "torch"])
def test_double_backward(where: str, name: str) -> None:
    values, again = drawn_twice(name)
    expected = call_twice(double_module_of(name), name, values, again)
    first, _ = orders_of(name)
    defaults = {q.name for q in first.forward.inputs if q.default is not None}
    with library(where) as own:
        arrays = {key: value if key in defaults else own.make(np.asarray(value)) for key, value in values.items()}
        found = call_twice(array_api_module(name), name, arrays, again)
        for key, one, other in zip(orders_of(name)[1].backward.outputs, found, expected, strict=True):
            assert_close(own.read(one), other, 1e-11, key)


@pytest.mark.parametrize("start", range(0, 160, 20))
@pytest.mark.parametrize("where", ["array_api_strict", "torch", "dask"])
def test_random_expressions(where: str, start: int) -> None:
    with library(where) as own:
        for seed in range(start, start + 20):
            assert_computes(random_equation(seed), ArrayApi(), FUNCTIONS, own, seed)


@pytest.mark.parametrize("name", LAYERS)
def test_jax_compiles_it_with_the_residuals_between(name: str) -> None:
    with library("jax") as own:
        jax = importlib.import_module("jax")
        derivation, module = orders_of(name)[0], array_api_module(name)
        values = draw(derivation, EXTENTS)
        compiled = ModuleType(name)
        compiled.forward, compiled.backward = jax.jit(module.forward), jax.jit(module.backward)  # type: ignore[attr-defined]
        found = call(compiled, derivation, made(values, derivation, own))
        expected = truth(derivation, values)
        for key, value in found.items():
            assert_close(own.read(value), expected[key], 1e-12, key)


@pytest.mark.parametrize("name", ["batch_norm", "softmax", "contrastive", "masked", "diagonal", "gelu"])
def test_dask_computes_nothing_before_it_is_asked(name: str) -> None:
    with library("dask") as own:

        def refuse(*_: Any, **__: Any) -> Any:
            raise AssertionError("something was computed")

        derivation = orders_of(name)[0]
        values = made(draw(derivation, EXTENTS), derivation, own)
        with importlib.import_module("dask").config.set(scheduler=refuse):
            found = call(array_api_module(name), derivation, values)
        assert all(hasattr(value, "dask") for value in found.values())


def test_results_own_their_memory() -> None:
    for name in LAYERS:
        derivation = orders_of(name)[0]
        values = {key: np.asarray(value) for key, value in draw(derivation, EXTENTS).items()}
        results = list(call(array_api_module(name), derivation, values).items())
        for place, (key, result) in enumerate(results):
            others = [*values.values(), *(other for _, other in results[:place])]
            assert not np.ndim(result) or not any(np.shares_memory(result, other) for other in others), (name, key)


X, G, B = np.ones((2, 3)), np.ones(3), np.ones(3)
FORWARD_ERRORS: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "axes": ((np.ones(3), G, B), ValueError, "x: expected shape (N, D), got (3,)"),
    "shape": ((X, np.ones(4), B), ValueError, "gamma: expected shape (3,) = (D,), got (4,)"),
    "no broadcasting": ((X, G, np.ones((1, 3))), ValueError, "beta: expected shape (3,) = (D,), got (1, 3)"),
    "integers": ((X.astype(int), G, B), TypeError, "x: expected float32 or float64, got int64"),
    "half": ((X.astype(np.float16), G, B), TypeError, "x: expected float32 or float64, got float16"),
    "list": (([[1.0]], G, B), TypeError, "x: expected an array (N, D), got list"),
    "nothing": ((None, G, B), TypeError, "x: expected an array (N, D), got NoneType"),
    "mixed dtypes": (
        (X, G.astype(np.float32), B), TypeError, "gamma: expected float64, as the other arrays, got float32",
    ),
    "empty batch": ((np.ones((0, 3)), G, B), ValueError, "x: expected N >= 1, got shape (0, 3)"),
    "eps zero": ((X, G, B, 0), ValueError, "eps: expected eps > 0, got eps = 0"),
    "eps negative": ((X, G, B, -1e-5), ValueError, "eps: expected eps > 0, got eps = -1e-05"),
    "eps nan": ((X, G, B, float("nan")), ValueError, "eps: expected eps > 0, got eps = nan"),
    "eps array": ((X, G, B, G), ValueError, "eps: expected a number, got an array of shape (3,)"),
    "eps text": ((X, G, B, "1e-5"), TypeError, "eps: expected a real number, got str"),
    "eps bool": ((X, G, B, True), TypeError, "eps: expected a real number, got bool"),
    "eps complex": ((X, G, B, np.asarray(1j)), TypeError, "eps: expected a real number, got complex128"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "kind", "message"), FORWARD_ERRORS.values(), ids=FORWARD_ERRORS.keys())
def test_forward_says_what_is_wrong(arguments: tuple[Any, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        array_api_module("batch_norm").forward(*arguments)
    assert str(error.value).startswith(message)


def test_backward_says_what_is_wrong() -> None:
    module = array_api_module("batch_norm")
    _, residuals = module.forward(X, G, B)
    with pytest.raises(ValueError, match=r"dy: expected shape \(2, 3\) = \(N, D\), got \(1, 3\)"):
        module.backward(np.ones((1, 3)), residuals)
    with pytest.raises(TypeError, match="dy: expected float64, as the other arrays, got float32"):
        module.backward(X.astype(np.float32), residuals)


def test_arrays_of_two_libraries_are_an_error() -> None:
    with library("array_api_strict") as own:
        module = array_api_module("batch_norm")
        with pytest.raises(TypeError, match="gamma: expected an array of numpy, as the others, got array_api_strict"):
            module.forward(X, own.make(G), B)
        with pytest.raises(TypeError, match="eps: expected an array of numpy, as the others, got array_api_strict"):
            module.forward(X, G, B, own.make(np.asarray(1e-5)))


def test_a_library_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Foreign:
        shape, dtype = (2, 3), "float64"

    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    with pytest.raises(TypeError, match=r"Foreign has no __array_namespace__: install array-api-compat"):
        array_api_module("batch_norm").forward(Foreign(), G, B)


def test_facts_about_arrays_are_checked_when_that_is_asked_for() -> None:
    module = compile_text(module_text(*derivations_for_code(parse_layer(WEIGHTED), "staged")), "weighted")
    good = {"x": X, "t": np.full((2, 3), 1 / 3), "w": np.array([1.0, -2.0])}
    assert np.isfinite(module.forward(**good, check=True)[0])
    for changes, message in (
        ({"t": np.full((2, 3), 0.3)}, "t: expected sum(t[n, c] for c in C) == 1 everywhere"),
        ({"t": np.array([[-0.5, 0.5, 1], [0, 0, 1]])}, "t: expected t[n, c] >= 0 everywhere"),
        ({"w": np.array([1.0, np.nan])}, "w: expected w[n] != 0 everywhere"),
    ):
        assert np.ndim(module.forward(**(good | changes))[0]) == 0
        with pytest.raises(ValueError, match="expected") as error:
            module.forward(**(good | changes), check=True)
        assert str(error.value) == message
    with pytest.raises(ValueError, match="low: expected low < high, got low = 2, high = 1"):
        module.forward(**good, low=2, high=1)
    with pytest.raises(ValueError, match="low: expected low != 1/2"):
        module.forward(**good, low=0.5)


@pytest.mark.parametrize(("dtype", "units"), [(np.float32, 7), (np.float64, 5)])
def test_erf_is_as_exact_as_it_says(dtype: Any, units: int) -> None:
    rng = np.random.default_rng(8)
    points = np.concatenate([rng.uniform(-7, 7, 4000), rng.uniform(-2.1, 2.1, 4000), 10 ** rng.uniform(-30, 0, 1000)])
    points = points.astype(dtype)
    with mpmath.workdps(36):
        truths = [mpmath.erf(mpmath.mpf(float(point))) for point in points]
        errors = [abs(mpmath.mpf(float(f)) - t) for f, t in zip(ERF(points), truths, strict=True)]
    places = np.spacing(np.minimum(np.abs(ERF(points)), np.nextafter(dtype(1), dtype(0))))
    worst = max(float(error / mpmath.mpf(float(place))) for error, place in zip(errors, places, strict=True))
    assert units / 2 < worst < units
    assert f"below {units}" in str(ERF.__doc__)
    special = np.array([np.inf, -np.inf, np.nan, 0], dtype)
    np.testing.assert_array_equal(ERF(special), [1, -1, np.nan, 0])


@pytest.mark.parametrize("name", ["_sigmoid", "_softplus", "_relu"])
def test_functions_of_extreme_values(name: str) -> None:
    x = np.array([-np.inf, -1e4, 0, 1e4, np.inf, np.nan])
    expected = {
        "_sigmoid": [0, 0, 0.5, 1, 1, np.nan],
        "_softplus": [0, 0, np.log(2), 1e4, np.inf, np.nan],
        "_relu": [0, 0, 0, 1e4, np.inf, np.nan],
    }
    with np.errstate(invalid="ignore"):  # NumPy's logaddexp subtracts infinity from itself, or a NaN
        np.testing.assert_allclose(FUNCTIONS[name](x), expected[name], rtol=1e-15)


SUBSCRIPTS = ["ii->i", "ijij->ji", "iij,jk->ik", "ij,jk,kl->il", "bij,bkj->ibk", "i,j->ji", "bhie,bhje->bhij", "ij->"]


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_einsum(subscripts: str) -> None:
    rng = np.random.default_rng(0)
    lengths = dict(zip("ijklbhe", (2, 3, 4, 2, 3, 2, 5), strict=True))
    terms = subscripts.partition("->")[0].split(",")
    operands = [rng.normal(size=[lengths[letter] for letter in term]) for term in terms]
    found = FUNCTIONS["_einsum"](subscripts, *operands)
    np.testing.assert_allclose(found, np.einsum(subscripts, *operands), rtol=1e-12)


def test_only_the_standard_library_is_imported() -> None:
    for name in LAYERS:
        lines = module_text(*orders_of(name)).splitlines()
        imports = {line for line in lines if line.startswith(("import ", "from "))}
        assert imports <= {
            "from __future__ import annotations",
            "from numbers import Real",
            "from typing import Any, NamedTuple",
            "import importlib",
            "import math",
        }


def test_generated_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    texts = {name: module_text(*orders_of(name)) for name in LAYERS}
    for name, text in AWKWARD.items():
        texts[name] = module_text(*derivations_for_code(parse_layer(text, name), "reuse", order=2))
    assert_clean(texts, tmp_path)
