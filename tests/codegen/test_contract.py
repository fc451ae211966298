"""Arguments that do not fit: each error names the argument, what came, and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from own_layers import WEIGHTED, module_of

from derive.codegen.numpy import compile_derivation, derivations_for_code
from derive.parser import parse_layer
from derive.pipeline import derive

X, G, B, DY = np.ones((2, 3)), np.ones(3), np.ones(3), np.ones((2, 3))
KINDS = "x: expected float16, bfloat16, float32, float64 or longdouble"


class Subclass(np.ndarray):
    """An array with a multiplication of its own, like np.matrix."""

    def __mul__(self, other: object) -> Any:
        raise AssertionError("a generated function computes with plain arrays")


FORWARD_ERRORS: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "axes": ((np.ones(3), G, B), ValueError, "x: expected shape (N, D), got (3,)"),
    "shape": ((X, np.ones(4), B), ValueError, "gamma: expected shape (3,) = (D,), got (4,)"),
    "no broadcasting": ((X, G, np.ones((1, 3))), ValueError, "beta: expected shape (3,) = (D,), got (1, 3)"),
    "number for array": ((X, np.float64(1), B), ValueError, "gamma: expected shape (3,) = (D,), got ()"),
    "integers": ((X.astype(int), G, B), TypeError, f"{KINDS}, got int64"),
    "list of integers": (([[1, 2]], G, B), TypeError, f"{KINDS}, got int64"),
    "complex": ((X.astype(complex), G, B), TypeError, f"{KINDS}, got complex128"),
    "objects": ((X.astype(object), G, B), TypeError, f"{KINDS}, got object"),
    "text": (("abc", G, B), TypeError, f"{KINDS}, got <U3"),
    "nothing": ((None, G, B), TypeError, f"{KINDS}, got object"),
    "mixed dtypes": (
        (X, G.astype(np.float32), B), TypeError, "gamma: expected float64, as the other arrays, got float32",
    ),
    "masked": ((X, np.ma.masked_array(G), B), TypeError, "gamma: expected an array without a mask"),
    "ragged": (([[1.0], [1.0, 2.0]], G, B), TypeError, "x: expected an array (N, D), got list"),
    "empty batch": ((np.ones((0, 3)), G, B), ValueError, "x: expected N >= 1, got shape (0, 3)"),
    "eps zero": ((X, G, B, 0), ValueError, "eps: expected eps > 0, got eps = 0.0"),
    "eps negative": ((X, G, B, -1e-5), ValueError, "eps: expected eps > 0, got eps = -1e-05"),
    "eps nan": ((X, G, B, float("nan")), ValueError, "eps: expected eps > 0, got eps = nan"),
    "eps array": ((X, G, B, G), ValueError, "eps: expected a number, got an array of shape (3,)"),
    "eps text": ((X, G, B, "1e-5"), TypeError, "eps: expected a real number, got str"),
    "eps complex": ((X, G, B, 1j), TypeError, "eps: expected a real number, got complex"),
    "eps bool": ((X, G, B, True), TypeError, "eps: expected a real number, got bool"),
    "eps none": ((X, G, B, None), TypeError, "eps: expected a real number, got NoneType"),
    "eps masked": ((X, G, B, np.ma.masked), TypeError, "eps: expected a real number, got MaskedConstant"),
}  # fmt: skip
BACKWARD_ERRORS: dict[str, tuple[Any, type[Exception], str]] = {
    "row": (np.ones((1, 3)), ValueError, "dy: expected shape (2, 3) = (N, D), got (1, 3)"),
    "vector": (np.ones(3), ValueError, "dy: expected shape (2, 3) = (N, D), got (3,)"),
    "dtype": (DY.astype(np.float32), TypeError, "dy: expected float64, as the other arrays, got float32"),
    "masked": (np.ma.masked_array(DY), TypeError, "dy: expected an array without a mask"),
}


def message_of(error: pytest.ExceptionInfo[Exception]) -> str:
    return str(error.value)


@pytest.mark.parametrize(("arguments", "kind", "message"), FORWARD_ERRORS.values(), ids=FORWARD_ERRORS.keys())
def test_forward_says_what_is_wrong(arguments: tuple[Any, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        module_of("batch_norm", "reuse").forward(*arguments)
    assert message_of(error).startswith(message)


@pytest.mark.parametrize(("dy", "kind", "message"), BACKWARD_ERRORS.values(), ids=BACKWARD_ERRORS.keys())
@pytest.mark.parametrize("form", ["reuse", "staged"])
def test_backward_says_what_is_wrong(form: Any, dy: Any, kind: type[Exception], message: str) -> None:
    module = module_of("batch_norm", form)
    _, residuals = module.forward(X, G, B)
    with pytest.raises(kind) as error:
        module.backward(dy, residuals)
    assert message_of(error).startswith(message)


@pytest.mark.parametrize(
    "x",
    [X.tolist(), X.view(Subclass), X.astype(">f8"), X[::-1, ::-1], np.asfortranarray(X)],
    ids=["list", "subclass", "big-endian", "reversed", "fortran"],
)
def test_what_is_accepted(x: Any) -> None:
    module = module_of("batch_norm", "reuse")
    for eps in (1e-5, np.float32(1e-5), np.array(1e-5), 1):
        y, residuals = module.forward(x, G, B, eps)
        assert np.ndarray is type(y)
        assert y.shape == (2, 3)
        assert y.dtype.isnative
        assert all(np.ndarray is type(value) for value in residuals if np.ndim(value))


def test_an_eps_that_the_dtype_makes_zero() -> None:
    single = [array.astype(np.float32) for array in (X, G, B)]
    with pytest.raises(ValueError, match=r"eps: expected eps > 0, got eps = 0\.0"):
        module_of("batch_norm").forward(*single, 1e-60)


def test_one_extent_twice() -> None:
    with pytest.raises(ValueError, match=r"x: expected shape \(N, N\), got \(2, 3\)"):
        module_of("diagonal").forward(X)


def test_an_extent_that_only_residuals_tell() -> None:
    module = module_of("transposition")
    y, residuals = module.forward(X)
    assert y.shape == (3, 2)
    with pytest.raises(ValueError, match=r"dy: expected shape \(3, 2\) = \(D, N\), got \(2, 3\)"):
        module.backward(X, residuals)


def test_a_tuple_of_cotangents() -> None:
    module = module_of("gates")
    (c, h), residuals = module.forward(X, X, X, X)
    assert len(module.backward((c, h), residuals)) == 4
    for wrong in (c, (c,), [c, h], None):
        with pytest.raises(TypeError, match=r"cotangents: expected a tuple \(dc, dh\), got"):
            module.backward(wrong, residuals)


def weighted(**changes: Any) -> dict[str, Any]:
    good = {"x": X, "t": np.full((2, 3), 1 / 3), "w": np.array([1.0, -2.0])}
    return good | changes


FACT_ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "negative": (weighted(t=np.array([[-0.5, 0.5, 1], [0, 0, 1]])), "t: expected t[n, c] >= 0 everywhere"),
    "nan": (weighted(t=np.array([[np.nan, 0.5, 1], [0, 0, 1]])), "t: expected t[n, c] >= 0 everywhere"),
    "sum": (weighted(t=np.full((2, 3), 0.3)), "t: expected sum(t[n, c] for c in C) == 1 everywhere"),
    "zero": (weighted(w=np.array([1.0, 0.0])), "w: expected w[n] != 0 everywhere"),
    "order": (weighted(low=2), "low: expected low < high, got low = 2.0, high = 1.0"),
    "nan in an inequality": (weighted(w=np.array([1.0, np.nan])), "w: expected w[n] != 0 everywhere"),
    "nan as a number": (weighted(low=np.nan), "low: expected low < high, got low = nan, high = 1.0"),
    "excluded": (weighted(low=0.5), "low: expected low != 1/2, got low = 0.5"),
    "extent": (
        {"x": X[:1], "t": np.full((1, 3), 1 / 3), "w": np.ones(1)}, "x: expected N > 1, got N = 1",
    ),
    "extent above": (
        {"x": np.ones((2, 5)), "t": np.full((2, 5), 0.2), "w": np.ones(2)}, "x: expected C <= 4, got C = 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), FACT_ERRORS.values(), ids=FACT_ERRORS.keys())
def test_facts_are_checked(arguments: dict[str, Any], message: str) -> None:
    module = compile_derivation(derive(parse_layer(WEIGHTED), "staged"))
    with pytest.raises(ValueError, match="expected") as error:
        module.forward(**arguments)
    assert message == message_of(error)


def test_nan_is_not_just_any_other_number() -> None:
    text = "x: [N]\na: constant\nassert a != 0\ny[i] = x[i]/a"
    module = compile_derivation(derive(parse_layer(text), "staged"))
    assert np.isfinite(module.forward(G, -2.0)[0]).all()
    for wrong in (0.0, np.nan):
        with pytest.raises(ValueError, match="a: expected a != 0, got a = "):
            module.forward(G, wrong)


def test_facts_about_arrays_can_be_left_unchecked() -> None:
    module = compile_derivation(derive(parse_layer(WEIGHTED), "staged"))
    good, _ = module.forward(**weighted())
    assert np.isfinite(good)
    single = {name: value.astype(np.float32) for name, value in weighted().items()}
    assert np.float32 is type(module.forward(**single)[0])  # a sum of 1 to float32 precision
    bad, _ = module.forward(**weighted(t=np.full((2, 3), 0.3)), check=False)
    assert np.isfinite(bad)
    with pytest.raises(ValueError, match="low < high"):
        module.forward(**weighted(low=2), check=False)
    with pytest.raises(TypeError, match="check"):
        module_of("batch_norm").forward(X, G, B, check=False)


# The gradient uses the fact: where it is false, the gradient is wrong.
CROSS_ENTROPY = """
z: [N, C]
t: constant[N, C]
assert sum(t[n, c] for c in C) == 1
e[n, c] = exp(z[n, c])
s[n] = sum(e[n, c] for c in C)
L = -mean(sum(t[n, c]*(z[n, c] - log(s[n])) for c in C) for n in N)
"""
# How far a sum may be from one: the square root of the unit of rounding.
TOLERANCES = {np.float32: 3.4e-4, np.float64: 1.4e-8}


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_sum_of_one_may_be_off_by_rounding_and_by_no_more(dtype: Any) -> None:
    module = compile_derivation(derive(parse_layer(CROSS_ENTROPY), "reuse"))
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 1000)).astype(dtype)
    t = rng.random((4, 1000)).astype(dtype)
    t /= t.sum(axis=1, keepdims=True)
    assert np.isfinite(module.forward(z, t)[0])
    for change in (0.5, -0.5):
        assert np.isfinite(module.forward(z, t * dtype(1 + change * TOLERANCES[dtype]))[0])
    for change in (3, -3):
        wrong = t.copy()
        wrong[2] *= dtype(1 + change * TOLERANCES[dtype])
        with pytest.raises(ValueError, match=r"t: expected sum\(t\[n, c\] for c in C\) == 1 everywhere"):
            module.forward(z, wrong)
        assert np.isfinite(module.forward(z, wrong, check=False)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_sum_that_is_no_number_is_not_one(dtype: Any, bad: float) -> None:
    module = compile_derivation(derive(parse_layer(CROSS_ENTROPY), "reuse"))
    t = np.full((2, 4), 0.25, dtype)
    t[1, 2] = bad
    with pytest.raises(ValueError, match="== 1 everywhere"):
        module.forward(np.ones((2, 4), dtype), t)


def test_the_facts_are_those_that_the_gradients_of_gradients_use_too() -> None:
    module = compile_derivation(*derivations_for_code(parse_layer(CROSS_ENTROPY), "reuse", order=2))
    z, t = np.ones((2, 4)), np.full((2, 4), 0.25)
    _, residuals = module.forward(z, t)
    assert len(module.double_backward(z, 1.0, residuals)) == 2
    with pytest.raises(ValueError, match="== 1 everywhere"):
        module.forward(z, 2 * t)
