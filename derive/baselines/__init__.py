"""What people compute a layer with today: written by hand in NumPy, by torch, by JAX. One file a layer, found by name.

    Input    the name of a layer
    Output   the module of its baselines, or None where there is none

A module here has some of these. Arrays come in the order of the layer's inputs, constants with a default last, as the
generated functions take them; gradients are returned in input order. None of them imports torch or JAX: they get it.

    forward(*inputs) -> (outputs, saved)              NumPy, as a competent person writes it
    backward(cotangents, saved) -> gradients
    torch_functions(torch) -> [(forward, backward)]   the ways that torch has of it: layouts, operators
    jax_function(jax) -> function of the inputs       its backward is JAX's own, by jax.vjp
    cancelling(values, noise) -> cotangents           for these the gradient of the first input cancels;
                                                      `noise` has their shapes and the size of 1

What a baseline returns is held against the generated functions before it is measured.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

# A forward and a backward of one way to compute a layer.
Pair = tuple[Callable[..., Any], Callable[..., Any]]


def baseline_names() -> list[str]:
    """The names of the layers that there are baselines for, sorted."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__))


def baselines_of(name: str) -> ModuleType | None:
    """The module of a layer's baselines, if there is one."""
    if name not in baseline_names():
        return None
    return importlib.import_module(f"{__name__}.{name}")


def by_autograd(torch: Any, function: Callable[..., Any], gradients: int) -> Pair:
    """A forward and a backward of a torch function, by its automatic differentiation, for its first inputs."""

    def forward(*inputs: Any) -> tuple[Any, Any]:
        leaves = [array.detach().requires_grad_() for array in inputs[:gradients]]
        output = function(*leaves, *inputs[gradients:])
        return output, (output, leaves)

    def backward(cotangent: Any, saved: Any) -> Any:
        output, leaves = saved
        found = torch.autograd.grad(output, leaves, cotangent, retain_graph=True)
        return found[0] if gradients == 1 else found

    return forward, backward
