"""Root mean square layer normalization, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair, by_autograd


def forward(x: np.ndarray, gamma: np.ndarray, eps: float) -> tuple[Any, Any]:
    """The output, and what `backward` takes of it."""
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    xhat = x / rms
    return gamma * xhat, (xhat, gamma, rms)


def backward(dy: np.ndarray, saved: Any) -> tuple[Any, ...]:
    """The closed form."""
    xhat, gamma, rms = saved
    dgamma = (dy * xhat).sum(axis=0)
    dxhat = dy * gamma
    dx = (dxhat - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)) / rms
    return dx, dgamma


def torch_functions(torch: Any) -> list[Pair]:
    """The function of torch.nn.functional, which has no native backward on a CPU, by automatic differentiation."""

    def function(x: Any, gamma: Any, eps: float) -> Any:
        return torch.nn.functional.rms_norm(x, x.shape[1:], gamma, eps)

    return [by_autograd(torch, function, gradients=2)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any, gamma: Any, eps: float) -> Any:
        return gamma * x * jax.lax.rsqrt((x * x).mean(axis=1, keepdims=True) + eps)

    return function


def cancelling(values: dict[str, np.ndarray], noise: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Cotangents that gamma makes a multiple of xhat, which dx is orthogonal to, but for a thousandth of noise."""
    x, gamma = (np.asarray(values[name], np.longdouble) for name in ("x", "gamma"))
    xhat = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + np.longdouble(values["eps"]))
    return ((5 * xhat + noise[0] / 1000) / gamma,)
