"""The generated gradients of gradients: against differences of `backward`, dtypes, errors, text, and planted errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from lines import parse_equations
from own_layers import EXTENTS, LAYERS, double_module_of, draw, orders_of
from quality import assert_clean, same_under_hash_seeds
from samples import text_of

from derive.codegen.numpy import compile_derivation, derivations_for_code, module_text
from derive.derivation import Derivation
from derive.graph import Equation
from derive.parser import parse_layer

ROOT = Path(__file__).parents[2]
Orders = tuple[Derivation, ...]

# Names for everything that a module takes and returns, for what follows.


def cotangents(orders: Orders) -> list[str]:
    """The arguments of `backward` before the residuals: dy, or several."""
    return [f"d{name}" for name in orders[0].forward.outputs]


def given(orders: Orders) -> list[str]:
    """The cotangents of the gradients: d2dx, d2dgamma, d2dbeta."""
    return [f"d2{name}" for name in orders[0].backward.outputs]


def draw_all(orders: Orders, extents: Mapping[str, int], seed: int = 0, dtype: Any = np.float64) -> dict[str, Any]:
    """Random inputs, cotangents, and cotangents of the gradients."""
    values = draw(orders[0], extents, seed, dtype)
    rng = np.random.default_rng(seed + 1)
    for name, of in zip(given(orders), orders[0].backward.outputs, strict=True):
        shape = [extents[extent] for extent in orders[0].backward.by_name[of].extents]
        values[name] = np.asarray(rng.normal(size=shape), dtype) if shape else dtype(rng.normal())
    return values


def bundled(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    return values[names[0]] if len(names) == 1 else tuple(values[name] for name in names)


def as_tuple(value: Any, count: int) -> tuple[Any, ...]:
    return (value,) if count == 1 else tuple(value)


def scalar(module: ModuleType, orders: Orders, values: Mapping[str, Any]) -> float:
    """<dx, d2dx> + <dgamma, d2dgamma> + ..., by `forward` and `backward` alone."""
    _, residuals = module.forward(*(values[q.name] for q in orders[0].forward.inputs))
    gradients = module.backward(bundled(values, cotangents(orders)), residuals)
    pairs = zip(as_tuple(gradients, len(given(orders))), given(orders), strict=True)
    return float(sum(np.sum(gradient * values[name]) for gradient, name in pairs))


def difference(function: Callable[[Mapping[str, Any]], float], values: Mapping[str, Any], name: str) -> np.ndarray:
    """The derivative by every element of one argument, by differences of fourth order."""
    step = 1e-4
    result = np.zeros(np.shape(values[name]))

    def at(place: tuple[int, ...], change: float) -> float:
        array = np.array(values[name])
        array[place] += change
        return function({**values, name: array if array.ndim else float(array)})

    for place in np.ndindex(*result.shape):
        near, far = (at(place, k * step) - at(place, -k * step) for k in (1, 2))
        result[place] = (8 * near - far) / (12 * step)
    return result


def double_backward(module: ModuleType, orders: Orders, values: Mapping[str, Any]) -> dict[str, Any]:
    """What double_backward returns, by what it is the gradient with respect to."""
    _, residuals = module.forward(*(values[q.name] for q in orders[0].forward.inputs))
    arguments = [values[name] for name in given(orders)]
    found = module.double_backward(*arguments, bundled(values, cotangents(orders)), residuals)
    graph = orders[1].backward
    of = [str(graph.by_name[name].of) for name in graph.outputs]
    return dict(zip(of, as_tuple(found, len(of)), strict=True))


def error(module: ModuleType, orders: Orders, values: Mapping[str, Any]) -> float:
    """The largest difference from the truth, what is not returned counting as zero."""
    found = double_backward(module, orders, values)
    worst = 0.0
    for name in (*cotangents(orders), *orders[0].forward.differentiable):
        true = difference(lambda changed: scalar(module, orders, changed), values, name)
        value = found.get(name, np.zeros_like(true))
        assert true.shape == np.shape(value), name
        worst = max(worst, float(np.max(np.abs(value - true), initial=0) / max(1.0, np.max(np.abs(true), initial=0))))
    return worst


@pytest.mark.parametrize("name", LAYERS)
def test_against_differences_of_backward(name: str) -> None:
    orders = orders_of(name)
    assert error(double_module_of(name), orders, draw_all(orders, EXTENTS)) < 1e-7


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm", "softmax", "batch_norm_masked", "cosine", "lstm"])
def test_against_differences_of_backward_on_the_samples(name: str) -> None:
    orders = derivations_for_code(parse_layer(text_of(name), name), "reuse", order=2)
    module = compile_derivation(*orders)
    for rows, columns in ((3, 4), (1, 5), (5, 1), (2, 3)):
        extents = {"N": rows, "D": columns, "C": columns, "K": columns, "H": 2}
        values = draw_all(orders, extents, seed=rows)
        if "w" in values:
            values["w"] = np.abs(values["w"]) + 0.5
        assert error(module, orders, values) < 1e-7, (rows, columns)


@pytest.mark.parametrize("extents", [{"N": 7, "D": 1}, {"N": 1, "D": 3}, {"N": 5, "D": 2}, {"N": 1, "D": 1}])
def test_batch_norm_in_any_shape(extents: dict[str, int]) -> None:
    orders = orders_of("batch_norm")
    assert error(double_module_of("batch_norm"), orders, draw_all(orders, extents)) < 1e-7


@pytest.mark.parametrize("form", ["staged", "mean", "sum"])
def test_the_forms_agree(form: Any) -> None:
    values = draw_all(orders_of("batch_norm"), EXTENTS)
    expected = double_backward(double_module_of("batch_norm"), orders_of("batch_norm"), values)
    found = double_backward(compile_derivation(*orders_of("batch_norm", form)), orders_of("batch_norm", form), values)
    assert list(expected) == list(found)
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("name", LAYERS)
def test_the_dtype_is_kept(name: str, dtype: Any) -> None:
    orders, module = orders_of(name), double_module_of(name)
    values = draw_all(orders, EXTENTS, dtype=dtype)
    found = double_backward(module, orders, values)
    assert {dtype} == {np.asarray(value).dtype.type for value in found.values()}
    wide = {key: np.float64(value) for key, value in values.items()}
    for key, expected in double_backward(module, orders, wide).items():
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        tolerance = 1e-3 if dtype is np.float32 else 1e-11
        np.testing.assert_allclose(np.float64(found[key]), expected, rtol=0, atol=tolerance * scale, err_msg=key)


@pytest.mark.parametrize("name", LAYERS)
def test_arguments_are_left_alone_and_results_own_their_memory(name: str) -> None:
    orders = orders_of(name)
    values = draw_all(orders, EXTENTS)
    before = {key: np.copy(value) for key, value in values.items()}
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    found = list(double_backward(double_module_of(name), orders, values).values())
    for key, value in values.items():
        np.testing.assert_array_equal(value, before[key])
        assert not any(np.shares_memory(value, result) for result in found), key
    for place, result in enumerate(found):
        assert not np.ndim(result) or result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in found[:place])


# Arguments that do not fit.

X, G = np.ones((2, 3)), np.ones(3)
KINDS = "expected float16, bfloat16, float32, float64 or longdouble"
ERRORS: dict[str, tuple[dict[int, Any], type[Exception], str]] = {
    "d2dx": ({0: np.ones((3, 2))}, ValueError, "d2dx: expected shape (2, 3) = (N, D), got (3, 2)"),
    "d2dgamma": ({1: np.ones((1, 3))}, ValueError, "d2dgamma: expected shape (3,) = (D,), got (1, 3)"),
    "d2dbeta": ({2: 1.0}, ValueError, "d2dbeta: expected shape (3,) = (D,), got ()"),
    "dy": ({3: np.ones(3)}, ValueError, "dy: expected shape (2, 3) = (N, D), got (3,)"),
    "dtype": ({1: G.astype(np.float32)}, TypeError, "d2dgamma: expected float64, as the other arrays, got float32"),
    "dtype of dy": ({3: X.astype(np.float32)}, TypeError, "dy: expected float64, as the other arrays, got float32"),
    "none": ({0: None}, TypeError, f"d2dx: {KINDS}, got object"),
    "integers": ({2: G.astype(int)}, TypeError, f"d2dbeta: {KINDS}, got int64"),
    "masked": ({0: np.ma.masked_array(X)}, TypeError, "d2dx: expected an array without a mask"),
}


@pytest.mark.parametrize(("changes", "kind", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_it_says_what_is_wrong(changes: dict[int, Any], kind: type[Exception], message: str) -> None:
    module = double_module_of("batch_norm")
    _, residuals = module.forward(X, G, G)
    arguments = [changes.get(place, value) for place, value in enumerate((X, G, G, X))]
    with pytest.raises(kind) as caught:
        module.double_backward(*arguments, residuals)
    assert str(caught.value).startswith(message)


def test_what_the_result_does_not_depend_on_is_checked_too() -> None:
    module = double_module_of("identity")
    _, residuals = module.forward(G)
    np.testing.assert_array_equal(module.double_backward(2 * G, G, residuals), 2 * G)
    with pytest.raises(ValueError, match=r"dy: expected shape \(3,\) = \(N,\), got \(2, 3\)"):
        module.double_backward(G, X, residuals)


def test_several_cotangents_come_as_backward_takes_them() -> None:
    module = double_module_of("gates")
    _, residuals = module.forward(X, X, X, X)
    assert len(module.double_backward(X, X, X, X, (X, X), residuals)) == 6
    for wrong in (X, (X,), [X, X]):
        with pytest.raises(TypeError, match=r"cotangents: expected a tuple \(dc, dh\), got"):
            module.double_backward(X, X, X, X, wrong, residuals)


# The text.


def body_of(text: str) -> str:
    """The lines of double_backward below its docstring."""
    return text.split("def double_backward(")[1].split('    """\n')[1].split("\n\n\n", maxsplit=1)[0]


def test_the_text_of_a_linear_layer() -> None:
    text = module_text(*orders_of("linear"))
    expected = '''    """Return (d2dy, d2x, d2W), the gradients of <dx, d2dx> + <dW, d2dW> + <db, d2db>.

    d2dx    array [N, D]
    d2dW    array [O, D]
    d2db    array [O]
    dy      array [N, O]
    d2dy    array [N, O]
    d2x     array [N, D]
    d2W     array [O, D]

    <a, b> is the sum of all a[i, ...]*b[i, ...]. What `backward` returns does not depend on b.
'''
    assert expected in text
    assert body_of(text) == """\
    x, W, dtype = residuals
    N, D = x.shape
    O = W.shape[0]
    d2dx = _array("d2dx", d2dx, "(N, D)", (N, D), dtype, x.dtype)
    d2dW = _array("d2dW", d2dW, "(O, D)", (O, D), dtype, x.dtype)
    d2db = _array("d2db", d2db, "(O,)", (O,), dtype, x.dtype)
    dy = _array("dy", dy, "(N, O)", (N, O), dtype, x.dtype)

    # d2dy[i, o] = d2db[o] + sum(W[o, d]*d2dx[i, d] for d in D) + sum(d2dW[o, d]*x[i, d] for d in D)
    d2dy = d2dx @ W.T + x @ d2dW.T + d2db
    # d2x[i, d] = sum(d2dW[o, d]*dy[i, o] for o in O)
    d2x = dy @ d2dW
    # d2W[o, d] = sum(d2dx[i, d]*dy[i, o] for i in N)
    d2W = dy.T @ d2dx

    d2dy, d2x, d2W = _finished(None, dtype, d2dy=d2dy, d2x=d2x, d2W=d2W)
    return d2dy, d2x, d2W"""


def test_nothing_of_the_first_order_is_computed_that_is_not_needed() -> None:
    text = module_text(*orders_of("batch_norm"))
    assert double_module_of("batch_norm").Residuals._fields == ("gamma", "eps", "var", "xhat", "dtype")
    body = body_of(text)
    assert body.count("\n    dgamma = ") == 1
    assert "\n    dx = " not in body
    assert "\n    mu = " not in body
    assert text.count("    dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)\n") == 1  # once in the docstring


def test_fields_that_a_function_does_not_need_stay_in_the_tuple() -> None:
    first, second = orders_of("batch_norm")
    text = module_text(first, with_line(second, "d2x[i, j] = mu[j]*d2dx[i, j]"))
    assert "    return _finished(out, dtype, y=y)[0], Residuals(gamma, eps, mu, var, xhat, dtype)\n" in text
    assert text.count("    gamma, eps, _, var, xhat, dtype = residuals\n") == 1  # in backward
    assert "    gamma, eps, mu, var, xhat, dtype = residuals\n" in body_of(text)


def test_backward_computes_what_its_gradients_need() -> None:
    orders = derivations_for_code(parse_layer("x: [N]\ns[i] = sign(x[i])\ny[i] = s[i]*x[i]"), "staged", order=2)
    text = module_text(*orders)
    assert "    dx: np.ndarray = " in text
    assert "    ds = " not in text


def test_only_what_backward_returns_has_a_cotangent() -> None:
    graph = parse_layer("x: [N]\nw: [N]\na: []\ny[i] = w[i]*x[i]**2 + a*x[i]")
    text = module_text(*derivations_for_code(graph, "reuse", wrt=["x"], order=2))
    assert "    d2dx: np.ndarray, dy: np.ndarray, residuals: Residuals\n" in text
    assert "    return d2dy, d2x, d2w, d2a\n" in text


def test_gradients_that_are_zero_and_gradients_that_there_are_none_of() -> None:
    orders = derivations_for_code(parse_layer("x: [N]\nw: [N]\ny[i] = x[i]*sign(w[i])"), "reuse", order=2)
    module = compile_derivation(*orders)
    single = np.ones(3, np.float32)
    _, residuals = module.forward(single, -single)
    d2dy, d2w = module.double_backward(2 * single, single, single, residuals)
    np.testing.assert_array_equal(d2dy, -2 * single)
    np.testing.assert_array_equal(d2w, np.zeros(3, np.float32))
    assert {np.dtype(np.float32)} == {d2dy.dtype, d2w.dtype}

    orders = derivations_for_code(parse_layer("x: [N]\ny[i] = sign(x[i])"), "reuse", order=2)
    module = compile_derivation(*orders)
    _, residuals = module.forward(single)
    assert module.double_backward(single, single, residuals) == ()
    assert "Return an empty tuple" in module_text(*orders)


# Sums over three indices that hang together with what stands around them.
LONG = """
x: [N, C, H, W]
gamma: [C]
beta: [C]
eps: constant = 1e-5
assert eps > 0
mu[c] = mean(x[n, c, h, w] for n in N for h in H for w in W)
var[c] = mean((x[n, c, h, w] - mu[c])**2 for n in N for h in H for w in W)
xhat[n, c, h, w] = (x[n, c, h, w] - mu[c])/sqrt(var[c] + eps)
y[n, c, h, w] = gamma[c]*xhat[n, c, h, w] + beta[c]
"""

# More inputs than go into a line.
MANY = "".join(f"input_{k}: [N]\n" for k in range(12)) + f"y[i] = {' + '.join(f'input_{k}[i]**3' for k in range(12))}"


def test_all_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    awkward = {
        "sign": "x: [N]\ny[i] = sign(x[i])",
        "count": "x: [N]\ncount[i] = 2*x[i]**2\nindex = sum(count[i]**2 for i in N)",
        "l": "l: [N]\nxHat[i] = l[i]**2\nI[i] = xHat[i]**2",
        "capital": "x: [N]\nWi: [N]\ny[i] = Wi[i]*x[i]",
        "long": LONG,
        "many": MANY,
        "two": "x: [N]\nw: [M]\ncotangents: [M]\ny[i] = 3*x[i]\nz[k] = w[k]**2*cotangents[k]",
    }
    texts = {name: module_text(*orders_of(name)) for name in LAYERS}
    for name, text in awkward.items():
        form = "reuse" if name == "long" else "staged"
        texts[name] = module_text(*derivations_for_code(parse_layer(text, name), form, order=2))
    assert_clean(texts, tmp_path)


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    names = ("batch_norm", "outer", "gates", "contrastive")
    text = same_under_hash_seeds("numpy", f"module_text(*orders_of(name)) for name in {names}")
    assert text.count("def double_backward(") == len(names)


# Planted errors: what `error` finds where double_backward, or what it makes of the first order, is wrong.


def with_line(derivation: Derivation, text: str) -> Derivation:
    """The derivation with one equation of its backward graph replaced."""
    (line,) = parse_equations(text, derivation.by_name)
    assert isinstance(line, Equation)
    graph = derivation.backward
    assert line.name in graph.equation_of
    equations = tuple(line if e.name == line.name else e for e in graph.equations)
    return replace(derivation, backward=replace(graph, equations=equations))


PLANTED = {
    "a lost term": "d2dy[i, o] = sum(W[o, d]*d2dx[i, d] for d in D) + sum(d2dW[o, d]*x[i, d] for d in D)",
    "a lost path": "d2dy[i, o] = sum(W[o, d]*d2dx[i, d] for d in D) + d2db[o]",
    "a sign": "d2x[i, d] = -sum(d2dW[o, d]*dy[i, o] for o in O)",
    "a factor": "d2W[o, d] = sum(d2dx[i, d]*dy[i, o] for i in N)*(1 + 1/100000)",
    "the primal": "d2x[i, d] = sum(W[o, d]*dy[i, o] for o in O)",
}


@pytest.mark.parametrize("line", PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_error_is_seen(line: str) -> None:
    first, second = orders_of("linear")
    values = draw_all((first, second), EXTENTS)
    assert error(compile_derivation(first, second), (first, second), values) < 1e-7
    assert error(compile_derivation(first, with_line(second, line)), (first, second), values) > 1e-6


def test_a_planted_error_in_a_line_of_the_first_order_is_seen() -> None:
    first, second = orders_of("batch_norm")
    values = draw_all((first, second), EXTENTS)
    wrong = with_line(second, "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)/N")
    assert error(compile_derivation(first, wrong), (first, second), values) > 1e-3
