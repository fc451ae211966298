"""Batch normalization in training mode, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> tuple[Any, Any]:
    """The output, and what `backward` takes of it."""
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    istd = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * istd
    return gamma * xhat + beta, (xhat, gamma, istd)


def backward(dy: np.ndarray, saved: Any) -> tuple[Any, ...]:
    """The closed form, as it stands in many a post."""
    xhat, gamma, istd = saved
    N = len(dy)
    dbeta = dy.sum(axis=0)
    dgamma = (dy * xhat).sum(axis=0)
    dx = gamma * istd / N * (N * dy - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def torch_functions(torch: Any) -> list[Pair]:
    """The native operators on the matrix, and on it as an image of one pixel whose channels come last."""

    def flat_forward(x: Any, gamma: Any, beta: Any, eps: float) -> tuple[Any, Any]:
        y, mu, istd = torch.ops.aten.native_batch_norm(x, gamma, beta, None, None, True, 0.0, eps)
        return y, (x, gamma, mu, istd, eps)

    def flat_backward(dy: Any, saved: Any) -> Any:
        x, gamma, mu, istd, eps = saved
        return torch.ops.aten.native_batch_norm_backward(
            dy, x, gamma, None, None, mu, istd, True, eps, [True, True, True]
        )

    def as_image(matrix: Any) -> Any:
        return matrix[:, :, None, None].contiguous(memory_format=torch.channels_last)

    def image_forward(x: Any, gamma: Any, beta: Any, eps: float) -> tuple[Any, Any]:
        y, saved = flat_forward(as_image(x), gamma, beta, eps)
        return y[:, :, 0, 0], saved

    def image_backward(dy: Any, saved: Any) -> Any:
        dx, dgamma, dbeta = flat_backward(as_image(dy), saved)
        return dx[:, :, 0, 0], dgamma, dbeta

    return [(flat_forward, flat_backward), (image_forward, image_backward)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        return gamma * (x - mu) * jax.lax.rsqrt(var + eps) + beta

    return function


def cancelling(values: dict[str, np.ndarray], noise: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Cotangents in the span of the ones and xhat, which dx is orthogonal to, but for a thousandth of noise."""
    x = np.asarray(values["x"], np.longdouble)
    xhat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + np.longdouble(values["eps"]))
    return (5 * xhat + 3 + noise[0] / 1000,)
