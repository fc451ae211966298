"""Layer normalization, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> tuple[Any, Any]:
    """The output, and what `backward` takes of it."""
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    istd = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * istd
    return gamma * xhat + beta, (xhat, gamma, istd)


def backward(dy: np.ndarray, saved: Any) -> tuple[Any, ...]:
    """The closed form, as it stands in many a post."""
    xhat, gamma, istd = saved
    dbeta = dy.sum(axis=0)
    dgamma = (dy * xhat).sum(axis=0)
    dxhat = dy * gamma
    dx = istd * (dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=1, keepdims=True))
    return dx, dgamma, dbeta


def torch_functions(torch: Any) -> list[Pair]:
    """The native operators."""

    def torch_forward(x: Any, gamma: Any, beta: Any, eps: float) -> tuple[Any, Any]:
        y, mu, istd = torch.ops.aten.native_layer_norm(x, x.shape[1:], gamma, beta, eps)
        return y, (x, gamma, beta, mu, istd)

    def torch_backward(dy: Any, saved: Any) -> Any:
        x, gamma, beta, mu, istd = saved
        return torch.ops.aten.native_layer_norm_backward(
            dy, x, x.shape[1:], mu, istd, gamma, beta, [True, True, True]
        )

    return [(torch_forward, torch_backward)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
        mu = x.mean(axis=1, keepdims=True)
        var = x.var(axis=1, keepdims=True)
        return gamma * (x - mu) * jax.lax.rsqrt(var + eps) + beta

    return function


def cancelling(values: dict[str, np.ndarray], noise: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Cotangents that gamma makes a combination of the ones and xhat, which dx is orthogonal to, but for noise."""
    x, gamma = (np.asarray(values[name], np.longdouble) for name in ("x", "gamma"))
    variance = x.var(axis=1, keepdims=True) + np.longdouble(values["eps"])
    xhat = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(variance)
    return ((5 * xhat + 3 + noise[0] / 1000) / gamma,)
