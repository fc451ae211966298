"""The generated NumPy modules: values against the interpreter, dtypes, layouts, and what must never happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_layers import (
    EXTENTS,
    LAYERS,
    call,
    closed_batch_norm,
    derivation_of,
    draw,
    module_of,
    parse_layer,
    truth,
)
from quality import AWKWARD, assert_clean, same_under_hash_seeds

from derive.codegen.numpy import compile_derivation, compile_text, derivations_for_code, module_text
from derive.derivation import Derivation
from derive.differentiate import vjp
from derive.errors import UsageError
from derive.pipeline import derive

ROOT = Path(__file__).parents[2]


def assert_true(derivation: Derivation, values: dict[str, Any], found: dict[str, Any], tolerance: float) -> None:
    expected = truth(derivation, values)
    for name, value in found.items():
        scale = max(1.0, np.max(np.abs(expected[name]), initial=0.0))
        assert expected[name].shape == np.shape(value), name
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("form", ["staged", "reuse", "mean", "sum"])
@pytest.mark.parametrize("name", LAYERS)
def test_values(name: str, form: Any) -> None:
    derivation = derivation_of(name, form)
    values = draw(derivation, EXTENTS)
    found = call(module_of(name, form), derivation, values)
    assert_true(derivation, values, found, 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("name", LAYERS)
def test_the_dtype_is_kept(name: str, dtype: Any) -> None:
    derivation = derivation_of(name, "reuse")
    values = draw(derivation, EXTENTS, dtype=dtype)
    found = call(module_of(name, "reuse"), derivation, values)
    assert {dtype} == {np.asarray(value).dtype.type for value in found.values()}
    assert_true(derivation, values, found, 1e-4 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_results_own_their_memory_and_arguments_are_left_alone(name: str) -> None:
    derivation = derivation_of(name, "reuse")
    values = draw(derivation, EXTENTS)
    before = {key: np.copy(value) for key, value in values.items()}
    for value in values.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    found = call(module_of(name, "reuse"), derivation, values)
    for key, value in values.items():
        np.testing.assert_array_equal(value, before[key])
        for name_, result in found.items():
            assert not np.shares_memory(value, result), (key, name_)
    results = list(found.items())
    for place, (one, first) in enumerate(results):
        assert not np.ndim(first) or first.flags.writeable, one
        assert not [other for other, second in results[:place] if np.shares_memory(first, second)], one


def rearranged(array: np.ndarray, how: str) -> np.ndarray:
    """The same values in another memory layout."""
    if how == "fortran":
        return np.asfortranarray(array)
    if how == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if how == "negative":
        return array[::-1].copy()[::-1]
    if how == "swapped":
        return array.astype(array.dtype.newbyteorder())
    return array


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["batch_norm", "layer_norm", "linear", "attention", "max_pool", "diagonal", "transposed"]),
    sizes=st.lists(st.integers(1, 4), min_size=8, max_size=8),
    how=st.sampled_from(["plain", "fortran", "strided", "negative", "swapped"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_and_layout(name: str, sizes: list[int], how: str, dtype: Any, seed: int) -> None:
    derivation, module = MODULES[name]
    extents = dict(zip(derivation.forward.extents, sizes, strict=False))
    values = draw(derivation, extents, seed, dtype)
    other = {key: rearranged(v, how) if np.ndim(v) else v for key, v in values.items()}
    found = call(module, derivation, other)
    assert {dtype} == {np.asarray(value).dtype.type for value in found.values()}
    assert all(np.asarray(value).dtype.isnative for value in found.values())
    if dtype is np.float64:
        # Normalizing by a variance near zero magnifies rounding.
        assert_true(derivation, values, found, 1e-8)


MODULES: dict[str, tuple[Derivation, Any]] = {
    name: (derivation_of(name, "reuse"), module_of(name, "reuse"))
    for name in ("layer_norm", "linear", "attention", "max_pool", "diagonal", "transposed")
} | {"batch_norm": (closed_batch_norm(), compile_derivation(closed_batch_norm()))}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_stays_in_its_column(bad: float) -> None:
    derivation, module = MODULES["batch_norm"]
    values = draw(derivation, EXTENTS)
    clean = call(module, derivation, values)
    values["x"][1, 2] = bad
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        found = call(module, derivation, values)
    others = [0, 1, 3]
    for name in ("y", "dx", "dgamma", "dbeta"):
        np.testing.assert_array_equal(found[name][..., others], clean[name][..., others], err_msg=name)
    assert np.isnan(found["dx"][:, 2]).all()


@pytest.mark.parametrize(("name", "cotangent"), [("diagonal", "dw"), ("max_pool", "dy")])
def test_a_condition_does_not_spread_nan(name: str, cotangent: str) -> None:
    derivation, module = derivation_of(name), module_of(name)
    values = draw(derivation, EXTENTS)
    values[cotangent][0] = np.nan
    found = call(module, derivation, values)["dx"]
    assert np.isfinite(found[1:]).all()
    assert np.isnan(found[0]).any()


def test_a_batch_of_one_has_no_gradient() -> None:
    derivation, module = MODULES["batch_norm"]
    values = draw(derivation, {"N": 1, "D": 3})
    found = call(module, derivation, values)
    np.testing.assert_array_equal(found["dx"], np.zeros((1, 3)))
    np.testing.assert_array_equal(found["y"], values["beta"][None])


@pytest.mark.parametrize(("name", "extents"), [("batch_norm", {"N": 3, "D": 0}), ("linear", {"N": 0, "D": 2, "O": 3})])
def test_what_is_not_reduced_over_may_be_empty(name: str, extents: dict[str, int]) -> None:
    derivation, module = MODULES[name]
    found = call(module, derivation, draw(derivation, extents))
    for quantity in derivation.backward.quantities:
        if quantity.name in found:
            assert tuple(extents[e] for e in quantity.extents) == found[quantity.name].shape


def test_a_constant_column_is_finite() -> None:
    derivation, module = MODULES["batch_norm"]
    values = draw(derivation, EXTENTS, dtype=np.float32)
    values["x"][:, 1] = 3e6
    found = call(module, derivation, values)
    np.testing.assert_allclose(found["y"][:, 1], values["beta"][1], rtol=1e-6)
    assert all(np.isfinite(value).all() for value in found.values())


def test_sigmoid_and_softplus_do_not_overflow() -> None:
    text = "x: [N]\ny[i] = sigmoid(x[i])\nz[i] = softplus(x[i])"
    module = compile_derivation(Derivation(g := parse_layer(text), vjp(g), "staged", (), ()))
    x = np.array([-1e4, -800, -40, 0, 40, 800, 1e4])
    (y, z), residuals = module.forward(x)
    np.testing.assert_allclose(y, [0, 0, np.exp(-40.0), 0.5, 1, 1, 1], rtol=1e-15)
    np.testing.assert_allclose(z, [0, 0, np.exp(-40.0), np.log(2), 40, 800, 1e4], rtol=1e-15)
    assert np.isfinite(module.backward((x, x), residuals)).all()


def test_the_closed_form_is_what_a_person_would_write() -> None:
    text = module_text(closed_batch_norm())
    expected = """\
    gamma, eps, var, xhat, dtype = residuals
    N, D = xhat.shape
    dy = _array("dy", dy, "(N, D)", (N, D), dtype, xhat.dtype)
    if out is not None:
        _check_out(out, dtype, dx=(N, D), dgamma=(D,), dbeta=(D,))

    if _is_large(dy, columns=True):
        return _backward_in_tiles(gamma, eps, var, xhat, dy, N, D, dtype, out, threads)
    # dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)
    dgamma = _sum(dy * xhat, axis=0)
    # dbeta[j] = sum(dy[i, j] for i in N)
    dbeta = _sum(dy, axis=0)
"""
    assert expected in text
    assert "= _finished(out, dtype, dx=dx, dgamma=dgamma, dbeta=dbeta)\n    return dx, dgamma, dbeta\n" in text
    assert "    return _finished(out, dtype, y=y)[0], Residuals(gamma, eps, var, xhat, dtype)\n" in text
    assert "eps: float | np.floating = 1e-5" in text
    assert "dx = gamma / np.sqrt(var + eps) * (dy - dbeta / N - dgamma / N * xhat)" in text
    assert """\
    # x_centered[i, j] = x[i, j] - mu[j]
    x_centered = x - mu - mu_rest
    # var[j] = mean(x_centered[i, j]**2 for i in N)
    var = _mean(x_centered**2, axis=0)
    # xhat[i, j] = x_centered[i, j]/sqrt(var[j] + eps)
    xhat = x_centered / np.sqrt(var + eps)
""" in text


TWO_MEANS = """
x: [N, D]
w: [N]
assert w[i] > 0
a[j] = mean(x[i, j] for i in N)
b[j] = sum(w[i]*x[i, j] for i in N)/sum(w[i] for i in N)
c[j] = mean((x[k, j] - a[j])**2 for k in N)
y[i, l] = (x[i, l] - a[l])*(x[i, l] - b[l]) + (x[i, l] - b[l])**3 + c[l]
"""


def test_a_distance_has_a_name_where_it_is_needed_twice() -> None:
    (derivation,) = derivations_for_code(parse_layer(TWO_MEANS, "two_means", "two means"), "reuse")
    text = module_text(derivation)
    assert "    x_centered = x - a - a_rest\n    # c[j] = mean(x_centered[k, j]**2 for k in N)\n" in text
    assert "    x_centered2 = x - b - b_rest\n" in text
    assert "    y = x_centered2**3 + x_centered * x_centered2 + c\n" in text
    values = {name: np.abs(value) for name, value in draw(derivation, {"N": 6, "D": 3}).items()}
    expected = truth(derivation, values)
    for name, value in call(compile_text(text, "two_means"), derivation, values).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("what", ["2*mean", "sum"])
def test_only_a_mean_has_a_rest(what: str) -> None:
    text = f"x: [N, D]\nm[j] = {what}(x[i, j] for i in N)\ny[i, j] = (x[i, j] - m[j])**3"
    (derivation,) = derivations_for_code(parse_layer(text, "no_mean"), "reuse")
    values = draw(derivation, EXTENTS)
    assert_true(derivation, values, call(compile_derivation(derivation), derivation, values), 1e-12)


def test_a_distance_that_is_needed_once_has_none() -> None:
    derivation = derivation_of("sample_variance")
    text = module_text(derivation)
    assert "_centered" not in text[: text.index("def backward(")]


def test_only_numpy_and_the_standard_library_are_imported() -> None:
    for name in LAYERS:
        lines = module_text(derivation_of(name)).splitlines()
        imports = {line for line in lines if line.startswith(("import ", "from "))}
        assert imports <= {
            "from __future__ import annotations",
            "from typing import NamedTuple",
            "from typing import Any, NamedTuple",
            "import numpy as np",
            "import math",
            "import os",
            "import threading",
            "from collections.abc import Sequence",
            "from collections.abc import Callable, Sequence",
            "from concurrent.futures import ThreadPoolExecutor",
        }


def test_math_is_imported_for_erf_alone() -> None:
    with_math = [name for name in LAYERS if "\nimport math\n" in module_text(derivation_of(name))]
    assert with_math == ["gelu"]


def test_what_an_author_writes_in_the_description_stays_in_the_docstring() -> None:
    poison = '"""\nimport os\n"""  \\'
    graph = parse_layer("x: [N]\ny[i] = 2*x[i]")
    graph = type(graph)("poison", poison, graph.quantities, graph.equations, graph.facts, graph.outputs)
    module = compile_derivation(Derivation(graph, vjp(graph), "staged", (), ()))
    assert not hasattr(module, "os")
    assert module.__doc__ is not None
    assert module.__doc__.startswith(poison)


def test_a_gradient_that_is_zero() -> None:
    derivation = derivation_of("independent")
    found = call(module_of("independent"), derivation, draw(derivation, EXTENTS, dtype=np.float32))
    np.testing.assert_array_equal(found["dw"], np.zeros(3, np.float32))
    assert "np.zeros((N,), dtype=working)" in module_text(derivation)


def test_numbers_come_back_as_scalars_of_the_dtype() -> None:
    derivation = derivation_of("regression", "reuse")
    found = call(module_of("regression", "reuse"), derivation, draw(derivation, EXTENTS, dtype=np.float32))
    assert isinstance(found["L"], np.float32)
    module = module_of("numbers")
    y, residuals = module.forward(0.5, 2)
    assert isinstance(y, np.float64)
    assert np.float64 is type(module.backward(1, residuals)[0])
    assert isinstance(module.forward(np.float32(0.5), 2)[0], np.float32)


def test_compiled_text_is_there_for_tracebacks() -> None:
    module = compile_text("def forward(x):\n    return 1 / x\n", "reciprocal")
    with pytest.raises(ZeroDivisionError) as caught:
        module.forward(0)
    assert "return 1 / x" in str(caught.traceback[-1].statement)


def test_tangents_have_no_functions() -> None:
    with pytest.raises(UsageError, match="not for tangents"):
        module_text(derive("relu", mode="forward"))


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    assert same_under_hash_seeds("numpy").count("def forward(") == len(LAYERS)


def test_generated_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    texts = {name: module_text(derivation_of(name)) for name in LAYERS}
    texts |= {name: module_text(derive(parse_layer(text, name), "staged")) for name, text in AWKWARD.items()}
    assert_clean(texts, tmp_path)


def test_a_declared_intermediate_is_computed_where_backward_needs_it() -> None:
    text = "x: [N, C]\np: intermediate\nq: intermediate\n"
    text += "e[n, c] = exp(x[n, c])\ns[n] = sum(e[n, c] for c in C)\ny[n] = log(s[n])\n"
    module = module_text(derive(parse_layer(text + "p[n, c] = e[n, c]/s[n]\nq[n, c] = e[n, c]/2\n")))
    assert "    p = e / s[:, None]\n" in module
    assert "return _finished(out, dtype, y=y)[0], Residuals(p, dtype)\n" in module
    assert "q" not in [line.split()[0] for line in module.splitlines() if line.strip()]
