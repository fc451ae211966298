"""Batch normalization of images in training mode, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair

_AXES = (0, 2, 3)


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> tuple[Any, Any]:
    """The output, and what `backward` takes of it."""
    mu = x.mean(axis=_AXES, keepdims=True)
    var = x.var(axis=_AXES, keepdims=True)
    istd = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * istd
    scale = gamma[:, None, None]
    return scale * xhat + beta[:, None, None], (xhat, scale, istd)


def backward(dy: np.ndarray, saved: Any) -> tuple[Any, ...]:
    """The closed form, as it stands in many a post."""
    xhat, scale, istd = saved
    M = dy.size // dy.shape[1]
    dbeta = dy.sum(axis=_AXES)
    dgamma = (dy * xhat).sum(axis=_AXES)
    dx = scale * istd / M * (M * dy - dbeta[:, None, None] - xhat * dgamma[:, None, None])
    return dx, dgamma, dbeta


def torch_functions(torch: Any) -> list[Pair]:
    """The native operators on images as they lie, channels first."""

    def torch_forward(x: Any, gamma: Any, beta: Any, eps: float) -> tuple[Any, Any]:
        y, mu, istd = torch.ops.aten.native_batch_norm(x, gamma, beta, None, None, True, 0.0, eps)
        return y, (x, gamma, mu, istd, eps)

    def torch_backward(dy: Any, saved: Any) -> Any:
        x, gamma, mu, istd, eps = saved
        return torch.ops.aten.native_batch_norm_backward(
            dy, x, gamma, None, None, mu, istd, True, eps, [True, True, True]
        )

    return [(torch_forward, torch_backward)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
        mu = x.mean(axis=_AXES, keepdims=True)
        var = x.var(axis=_AXES, keepdims=True)
        return gamma[:, None, None] * (x - mu) * jax.lax.rsqrt(var + eps) + beta[:, None, None]

    return function


def cancelling(values: dict[str, np.ndarray], noise: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Cotangents in the span of the ones and xhat, which dx is orthogonal to, but for a thousandth of noise."""
    x = np.asarray(values["x"], np.longdouble)
    variance = x.var(axis=_AXES, keepdims=True) + np.longdouble(values["eps"])
    xhat = (x - x.mean(axis=_AXES, keepdims=True)) / np.sqrt(variance)
    return (5 * xhat + 3 + noise[0] / 1000,)
