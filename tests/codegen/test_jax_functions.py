"""The JAX functions: values, gradients, and what becomes of them under JAX's transformations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed, so its target is not tried: pip install -e '.[jax]'")

import jax
import jax.numpy as jnp
from libraries import Library, double_precision
from own_layers import EXTENTS, LAYERS, WEIGHTED, call, double_module_of, draw, orders_of, parse_layer, truth
from quality import AWKWARD, assert_clean
from random_expressions import assert_computes, random_equation

from derive.codegen.jax import Jax, module_text
from derive.codegen.numpy import compile_text, derivations_for_code
from derive.codegen.runtime_jax import RUNTIME
from derive.codegen.signatures import function_name

ROOT = Path(__file__).parents[2]
JAX = Library(("jax",), jnp.asarray)


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with double_precision():
        yield


@cache
def jax_module(name: str) -> ModuleType:
    return compile_text(module_text(orders_of(name)[0]), name)


def layer(name: str) -> Any:
    return getattr(jax_module(name), function_name(orders_of(name)[0].forward))


def arrays(name: str, dtype: Any = np.float64) -> tuple[dict[str, Any], list[str], list[str]]:
    """Values as JAX's arrays, the names of the inputs, and of those that are differentiated."""
    derivation = orders_of(name)[0]
    values = draw(derivation, EXTENTS, dtype=dtype)
    inputs = derivation.forward.inputs
    made = {key: jnp.asarray(value, dtype) for key, value in values.items()}
    return made, [q.name for q in inputs], [q.name for q in inputs if q.role != "constant"]


def gradients(function: Any, values: dict[str, Any], inputs: list[str], wanted: list[str]) -> Any:
    """The function of the inputs to differentiate, and given cotangents of the outputs, that yields the gradients."""

    def pull(given: Any, of: dict[str, Any]) -> Any:
        _, back = jax.vjp(lambda some: function(*({**values, **some}[name] for name in inputs)), of)
        return back(given)[0]

    return pull, {name: values[name] for name in wanted}


def assert_close(found: Any, expected: Any, name: str, tolerance: float = 1e-11) -> None:
    assert np.shape(expected) == np.shape(found), name
    scale = max(1.0, np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values(name: str, dtype: Any) -> None:
    derivation = orders_of(name)[0]
    values = draw(derivation, EXTENTS, dtype=dtype)
    expected = truth(derivation, values)
    found = call(jax_module(name), derivation, values)
    for key, value in found.items():
        assert isinstance(value, jax.Array)
        assert value.dtype == dtype, key
        assert_close(value, expected[key], key, 1e-12 if dtype is np.float64 else 1e-4)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_the_derived_ones(name: str, compiled: bool) -> None:
    derivation = orders_of(name)[0]
    values, inputs, wanted = arrays(name)
    expected = truth(derivation, {key: np.asarray(value) for key, value in values.items()})
    pull, of = gradients(layer(name), values, inputs, wanted)
    outputs = derivation.forward.outputs
    given = tuple(values[f"d{output}"] for output in outputs)
    found = (jax.jit(pull) if compiled else pull)(given if len(given) > 1 else given[0], of)
    for key in wanted:
        assert_close(found[key], expected[f"d{key}"], key)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients_are_those_derived_again(name: str) -> None:
    first, second = orders_of(name)
    values, inputs, wanted = arrays(name)
    outputs = first.forward.outputs
    rng = np.random.default_rng(3)
    again = {q.name: rng.normal(size=[EXTENTS[e] for e in q.extents]) for q in second.backward.inputs if q.order == 2}
    of = {str(q.of): q.name for q in second.backward.inputs if q.order == 2}
    given = tuple(values[f"d{output}"] for output in outputs)
    pull, differentiated = gradients(layer(name), values, inputs, wanted)

    @jax.jit
    def twice(given: Any, differentiated: Any) -> Any:
        _, back = jax.vjp(pull, given if len(given) > 1 else given[0], differentiated)
        return back({key: jnp.asarray(again[of[f"d{key}"]]) for key in wanted})

    of_given, of_inputs = twice(given, differentiated)
    found = dict(zip((f"d{o}" for o in outputs), of_given if len(given) > 1 else (of_given,), strict=True)) | of_inputs
    module = double_module_of(name)
    numbers = {key: np.asarray(value) for key, value in values.items()}
    _, residuals = module.forward(*(numbers[key] for key in inputs))
    dys = tuple(np.asarray(g) for g in given)
    arguments = [again[of[output]] for output in second.forward.outputs]
    expected = module.double_backward(*arguments, dys if len(dys) > 1 else dys[0], residuals)
    names = second.backward.outputs
    for key, value in zip(names, expected if len(names) != 1 else (expected,), strict=True):
        assert_close(found[str(second.backward.by_name[key].of)], value, key, 1e-10)


VMAPPED = ["batch_norm", "softmax", "regression", "gates", "masked", "broadcast", "transposition"]


@pytest.mark.parametrize("name", VMAPPED)
def test_vmap(name: str) -> None:
    values, inputs, wanted = arrays(name)
    function = layer(name)

    def total(some: dict[str, Any]) -> Any:
        found = function(*({**values, **some}[key] for key in inputs))
        return sum((output**3).sum() for output in (found if isinstance(found, tuple) else (found,)))

    one = {key: values[key] for key in wanted}
    both = {key: jnp.stack([value, value / 2]) for key, value in one.items()}
    found = jax.vmap(jax.grad(total))(both)
    for place in range(2):
        expected = jax.grad(total)({key: value[place] for key, value in both.items()})
        for key in wanted:
            assert_close(found[key][place], expected[key], key)


def test_residuals_pass_between_compiled_functions() -> None:
    for name in LAYERS:
        derivation, module = orders_of(name)[0], jax_module(name)
        values, _, _ = arrays(name)
        compiled = ModuleType(name)
        compiled.forward, compiled.backward = jax.jit(module.forward), jax.jit(module.backward)  # type: ignore[attr-defined]
        expected = truth(derivation, {key: np.asarray(value) for key, value in values.items()})
        for key, value in call(compiled, derivation, values).items():
            assert_close(value, expected[key], f"{name}: {key}")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_are_computed_with_in_float32_and_rounded_once(dtype: str) -> None:
    values, inputs, _ = arrays("batch_norm", np.float32)
    narrow = [values[name].astype(dtype) for name in inputs[:3]]
    wide = [value.astype(jnp.float32) for value in narrow]
    function = layer("batch_norm")
    one, back = jax.vjp(lambda *given: function(*given), *narrow)
    other, wide_back = jax.vjp(lambda *given: function(*given), *wide)
    assert one.dtype == dtype
    np.testing.assert_array_equal(one, other.astype(dtype))
    dy = values["dy"].astype(dtype)
    for found, expected in zip(back(dy), wide_back(dy.astype(jnp.float32)), strict=True):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected.astype(dtype))


ERRORS: dict[str, tuple[Any, type[Exception], str]] = {
    "shape": (lambda x, g, b: (x, g[:1], b), ValueError, "gamma: expected shape (4,) = (D,), got (1,)"),
    "axes": (lambda x, g, b: (g, g, b), ValueError, "x: expected shape (N, D), got (4,)"),
    "nothing": (lambda x, g, b: (None, g, b), TypeError, "x: expected an array (N, D), got NoneType"),
    "text": (lambda x, g, b: ("abc", g, b), TypeError, "x: expected an array (N, D), got str"),
    "dtypes": (
        lambda x, g, b: (x, g.astype(jnp.float32), b),
        TypeError,
        "gamma: expected float64, as the other arrays, got float32",
    ),
    "integers": (lambda x, g, b: (x.astype(int), g, b), TypeError, "x: expected float32 or float64, got int64"),
    "empty": (lambda x, g, b: (x[:0], g, b), ValueError, "x: expected N >= 1, got shape (0, 4)"),
    "eps": (lambda x, g, b: (x, g, b, 0.0), ValueError, "eps: expected eps > 0, got eps = 0.0"),
    "eps text": (lambda x, g, b: (x, g, b, "1"), TypeError, "eps: expected a real number, got str"),
    "eps bool": (lambda x, g, b: (x, g, b, True), TypeError, "eps: expected a real number, got bool"),
    "eps vector": (lambda x, g, b: (x, g, b, g), ValueError, "eps: expected a number, got an array of shape (4,)"),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("change", "kind", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_what_is_wrong_is_said(change: Any, kind: type[Exception], message: str, compiled: bool) -> None:
    values, _, _ = arrays("batch_norm")
    arguments = change(values["x"], values["gamma"], values["beta"])
    for function in (layer("batch_norm"), jax_module("batch_norm").forward):

        def called(function: Any = function) -> Any:
            return function(*arguments)

        with pytest.raises(kind) as error:
            (jax.jit(called) if compiled else called)()
        assert str(error.value).startswith(message)


def test_facts_about_arrays_are_checked_when_that_is_asked_for() -> None:
    module = compile_text(module_text(*derivations_for_code(parse_layer(WEIGHTED), "staged")), "weighted")
    good = {"x": np.ones((2, 3)), "t": np.full((2, 3), 1 / 3), "w": np.array([1.0, -2.0])}
    assert np.isfinite(module.forward(**good, check=True)[0])
    bad = good | {"t": np.full((2, 3), 0.3)}
    assert np.isfinite(jax.jit(module.forward)(**bad)[0])
    with pytest.raises(ValueError, match="t: expected sum"):
        module.forward(**bad, check=True)


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_random_expressions(start: int) -> None:
    text = module_text(*derivations_for_code(parse_layer("x: [N]\na: []\nb = a*2\ny[i] = x[i]\nz = N"), "reuse"))
    own = compile_text(text, "runtime")
    runtime = {f.__name__: getattr(own, f.__name__) for f in RUNTIME if hasattr(own, f.__name__)}
    for seed in range(start, start + 20):
        assert_computes(random_equation(seed), Jax(), runtime | {"jnp": jnp, "jax": jax}, JAX, seed)


@pytest.mark.parametrize("name", ["forward", "jax", "jnp", "math", "Residuals", "3d", "my-layer", "Big"])
def test_a_layer_may_be_called_anything(name: str) -> None:
    graph = parse_layer("x: [N]\na: []\ny[i] = exp(x[i])*a*pi", name)
    module = compile_text(module_text(*derivations_for_code(graph, "reuse")), "any")
    function = getattr(module, function_name(graph))
    found = jax.grad(lambda a: function(jnp.zeros(3), a).sum())(2.0)
    np.testing.assert_allclose(found, 3 * np.pi)


def test_generated_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    texts = {name: module_text(orders_of(name)[0]) for name in LAYERS}
    for name, text in AWKWARD.items():
        texts[name] = module_text(*derivations_for_code(parse_layer(text, name), "reuse"))
    assert_clean(texts, tmp_path)
