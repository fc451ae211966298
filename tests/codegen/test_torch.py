"""The torch functions: values, gradients of both orders by finite differences, and what autograd asks for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed, so its target is not tried: pip install -e '.[torch]'")

import torch
from libraries import Library
from own_layers import EXTENTS, LAYERS, call, draw, orders_of, parse_layer, truth
from quality import AWKWARD, assert_clean
from random_expressions import assert_computes, random_equation

from derive.codegen.numpy import compile_text, derivations_for_code
from derive.codegen.runtime_torch import RUNTIME
from derive.codegen.signatures import function_name
from derive.codegen.torch import Torch, module_text

ROOT = Path(__file__).parents[2]
TORCH = Library(("torch",), torch.asarray, lambda tensor: tensor.detach().numpy())
# Where random points are not near a kink: all but ties of what is compared.
SHAPES = {"N": 3, "D": 2, "B": 2, "F": 3, "C": 2, "H": 2, "W": 2, "O": 2, "Q": 2, "E": 2, "K": 3, "T": 2, "M": 2}


@cache
def torch_module(name: str, order: int = 2) -> ModuleType:
    return compile_text(module_text(*orders_of(name)[:order]), name)


def tensors(name: str, dtype: Any = None, requires_grad: bool = True) -> list[Any]:
    """Arguments of the layer: tensors, and constants with a default as numbers."""
    derivation = orders_of(name)[0]
    values = draw(derivation, SHAPES, seed=1)
    arguments = []
    for quantity in derivation.forward.inputs:
        value = values[quantity.name]
        if quantity.default is None:
            value = torch.asarray(np.asarray(value)).to(dtype or torch.float64)
            value.requires_grad_(requires_grad and quantity.role != "constant")
        arguments.append(value)
    return arguments


def layer(name: str, order: int = 2) -> Any:
    return getattr(torch_module(name, order), function_name(orders_of(name)[0].forward))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values(name: str, dtype: Any) -> None:
    derivation = orders_of(name)[0]
    values = draw(derivation, EXTENTS, dtype=dtype)
    expected = truth(derivation, values)
    given = {q.name: q.default for q in derivation.forward.inputs}
    arrays = {n: v if given.get(n) is not None else torch.asarray(np.asarray(v)) for n, v in values.items()}
    for key, value in call(torch_module(name), derivation, arrays).items():
        assert value.dtype == torch.asarray(np.zeros((), dtype)).dtype, key
        assert expected[key].shape == tuple(value.shape), key
        scale = max(1.0, np.max(np.abs(expected[key]), initial=0.0))
        atol = (1e-12 if dtype is np.float64 else 1e-4) * scale
        np.testing.assert_allclose(value.numpy(), expected[key], rtol=0, atol=atol, err_msg=key)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_by_differences(name: str) -> None:
    assert torch.autograd.gradcheck(layer(name), tensors(name))
    assert torch.autograd.gradcheck(layer(name, order=1), tensors(name))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients_by_differences(name: str) -> None:
    assert torch.autograd.gradgradcheck(layer(name), tensors(name))


@pytest.mark.parametrize("name", ["batch_norm", "gates", "softmax"])
def test_what_is_not_derived_is_an_error(name: str) -> None:
    """No order is left to autograd: it would take what is saved for constant, and be wrong without a word."""
    for order in (1, 2):
        arguments = tensors(name)
        found = layer(name, order)(*arguments)
        wanted = [a for a in arguments if isinstance(a, torch.Tensor)]
        total = sum((f**3).sum() for f in (found if isinstance(found, tuple) else (found,)))
        for _ in range(order):
            gradients = torch.autograd.grad(total, wanted, create_graph=True, materialize_grads=True)
            total = sum((gradient**3).sum() for gradient in gradients)
        with pytest.raises(RuntimeError, match="the highest order that was derived"):
            torch.autograd.grad(total, wanted, allow_unused=True)


@pytest.mark.parametrize("name", LAYERS)
def test_results_share_no_memory_with_arguments(name: str) -> None:
    arguments = tensors(name, requires_grad=False)
    found = layer(name)(*arguments)
    for result in found if isinstance(found, tuple) else (found,):
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                assert result.untyped_storage().data_ptr() != argument.untyped_storage().data_ptr()


def test_only_the_gradients_that_are_asked_for() -> None:
    x, gamma, beta, eps = tensors("batch_norm")
    gamma.requires_grad_(False)
    y = layer("batch_norm")(x, gamma, beta, eps)
    *stand_ins, dx, dgamma, dbeta, deps = y.grad_fn.apply(torch.ones_like(y), None, None)
    assert {None} == {*stand_ins, dgamma, deps}
    assert dx.shape == x.shape
    assert dbeta.shape == beta.shape


@pytest.mark.parametrize("order", [1, 2])
def test_what_is_saved_is_what_is_computed_with(order: int) -> None:
    arguments = tensors("batch_norm")
    saved: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        layer("batch_norm", order)(*arguments)
    sizes = sorted(t.untyped_storage().nbytes() // 8 for t in saved)
    stand_ins = 3 if order == 1 else 2
    assert sizes == [*([1] * (stand_ins + 1)), 2, 2, 6]  # eps, gamma, var, xhat: not x


def test_constants_get_no_gradient() -> None:
    x, w, t, lam = tensors("regression")
    t.requires_grad_(True)
    layer("regression")(x, w, t, lam).backward()
    assert t.grad is None
    assert x.grad is not None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_computed_with_in_float32_and_rounded_once(dtype: Any) -> None:
    narrow = tensors("batch_norm", dtype)
    wide = [a.detach().float().requires_grad_() if isinstance(a, torch.Tensor) else a for a in narrow]
    function = layer("batch_norm")
    one, other = function(*narrow), function(*wide)
    assert one.dtype == dtype
    assert torch.equal(one, other.to(dtype))
    dy = torch.ones_like(one) * torch.arange(6, dtype=dtype).reshape(3, 2)
    found = torch.autograd.grad(one, narrow[:3], dy)
    expected = torch.autograd.grad(other, wide[:3], dy.float())
    for gradient, true in zip(found, expected, strict=True):
        assert gradient.dtype == dtype
        assert torch.equal(gradient, true.to(dtype))


def test_a_large_batch_of_float16_does_not_overflow() -> None:
    x = torch.randn(70000, 1, dtype=torch.float16, generator=torch.Generator().manual_seed(0)).requires_grad_()
    one = torch.ones(1, dtype=torch.float16)
    y = layer("batch_norm")(x, one, one)
    y.backward(torch.ones_like(y))
    assert torch.isfinite(x.grad).all()  # N*dy is above the largest float16, 65504


def test_parameters_in_float32_go_with_half_data() -> None:
    x, gamma, beta, eps = tensors("batch_norm", torch.bfloat16)
    gamma, beta = (a.detach().float().requires_grad_() for a in (gamma, beta))
    y = layer("batch_norm")(x, gamma, beta, eps)
    assert y.dtype == torch.bfloat16
    y.sum().backward()
    assert (x.grad.dtype, gamma.grad.dtype) == (torch.bfloat16, torch.float32)


ERRORS: dict[str, tuple[Any, type[Exception], str]] = {
    "shape": (lambda x, g, b: (x, g[:1], b), ValueError, "gamma: expected shape (2,) = (D,), got (1,)"),
    "axes": (lambda x, g, b: (g, g, b), ValueError, "x: expected shape (N, D), got (2,)"),
    "array": (lambda x, g, b: (x.detach().numpy(), g, b), TypeError, "x: expected a tensor (N, D), got ndarray"),
    "dtypes": (
        lambda x, g, b: (x, g.float(), b),
        TypeError,
        "gamma: expected torch.float64, as the other arrays, got torch.float32",
    ),
    "integers": (
        lambda x, g, b: (x.int(), g, b), TypeError, "x: expected torch.float32 or torch.float64, got torch.int32",
    ),
    "empty": (lambda x, g, b: (x[:0], g, b), ValueError, "x: expected N >= 1, got shape torch.Size([0, 2])"),
    "eps": (lambda x, g, b: (x, g, b, 0.0), ValueError, "eps: expected eps > 0, got eps = 0.0"),
    "eps text": (lambda x, g, b: (x, g, b, "1"), TypeError, "eps: expected a real number, got str"),
    "eps vector": (lambda x, g, b: (x, g, b, g), ValueError, "eps: expected a number, got a tensor of shape (2,)"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_what_is_wrong_is_said(change: Any, kind: type[Exception], message: str) -> None:
    arguments = change(*tensors("batch_norm")[:3])
    for function in (layer("batch_norm"), torch_module("batch_norm").forward):
        with pytest.raises(kind) as error:
            function(*arguments)
        assert str(error.value).startswith(message)


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_random_expressions(start: int) -> None:
    text = module_text(*derivations_for_code(parse_layer("x: [N]\ny[i] = softplus(x[i]) + maximum(x[i], 1)"), "reuse"))
    own = compile_text(text, "runtime")
    runtime = {f.__name__: getattr(own, f.__name__) for f in RUNTIME if hasattr(own, f.__name__)} | {"torch": torch}
    for seed in range(start, start + 20):
        assert_computes(random_equation(seed), Torch(), runtime, TORCH, seed)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", ["batch_norm", "softmax", "attention", "gates", "masked"])
def test_functions_of_functions(name: str, order: int) -> None:
    x, *others = tensors(name, requires_grad=False)
    function = layer(name, order)

    def total(x: Any) -> Any:
        found = function(x, *others)
        return sum((output**3).sum() for output in (found if isinstance(found, tuple) else (found,)))

    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(total(leaf), leaf)
    both = torch.stack([x, 2 * x])
    torch.testing.assert_close(torch.vmap(total)(both), torch.stack([total(x), total(2 * x)]))
    torch.testing.assert_close(torch.vmap(torch.func.grad(total))(both)[0], expected)
    if order == 2:
        hessian = torch.autograd.functional.hessian(total, x)
        torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(total))(x), hessian)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the compiler itself imports
@pytest.mark.parametrize("order", [1, 2])
def test_the_compiler_takes_it_whole(order: int) -> None:
    arguments = tensors("batch_norm")
    compiled = torch.compile(layer("batch_norm", order), backend="eager", fullgraph=True)
    one, other = compiled(*arguments), layer("batch_norm", order)(*arguments)
    torch.testing.assert_close(one, other)
    found, expected = (torch.autograd.grad((y**2).sum(), arguments[:3]) for y in (one, other))
    torch.testing.assert_close(found, expected)


NAMES = ["forward", "torch", "math", "backward", "Residuals", "3d", "my-layer", "for", "Big"]


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_may_be_called_anything(name: str) -> None:
    text = "x: [N]\nctx: []\ninputs: []\nx_stand_in: [N]\ny[i] = exp(x[i])*ctx*pi + sin(inputs*x_stand_in[i])"
    graph = parse_layer(text, name)
    module = compile_text(module_text(*derivations_for_code(graph, "reuse", order=2)), "any")
    function = getattr(module, function_name(graph))
    shapes = [(3,), (), (), (3,)]
    arguments = [torch.linspace(0.5, 1, 3)[: len(shape) * 2 + 1].double() for shape in shapes]
    arguments = [a.reshape(shape).requires_grad_() for a, shape in zip(arguments, shapes, strict=True)]
    assert torch.autograd.gradcheck(function, arguments)
    assert torch.autograd.gradgradcheck(function, arguments)


def test_generated_modules_pass_the_linter_and_the_type_checker(tmp_path: Path) -> None:
    awkward = {**AWKWARD, "Big": "x: [N]\ny[i] = x[i]**2"}
    texts = {f"{name}_{order}": module_text(*orders_of(name)[:order]) for name in LAYERS for order in (1, 2)}
    for name, text in awkward.items():
        texts[name] = module_text(*derivations_for_code(parse_layer(text, name), "reuse", order=2))
    assert_clean(texts, tmp_path)
