"""Cross-entropy of a softmax with targets that sum to one, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair, by_autograd


def forward(x: np.ndarray, t: np.ndarray) -> tuple[Any, Any]:
    """The loss, and what `backward` takes of it."""
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    s = e.sum(axis=1, keepdims=True)
    loss = -(t * (shifted - np.log(s))).sum(axis=1).mean()
    return loss, (e / s, t)


def backward(dL: Any, saved: Any) -> Any:
    """The closed form."""
    p, t = saved
    return dL / len(p) * (p - t)


def torch_functions(torch: Any) -> list[Pair]:
    """The function of torch.nn.functional, by automatic differentiation: there is no single operator for it."""

    def function(x: Any, t: Any) -> Any:
        return torch.nn.functional.cross_entropy(x, t)

    return [by_autograd(torch, function, gradients=1)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any, t: Any) -> Any:
        return -(t * jax.nn.log_softmax(x, axis=1)).sum(axis=1).mean()

    return function
