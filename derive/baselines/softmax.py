"""Softmax of each row, as it is computed without `derive`."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.baselines import Pair


def forward(x: np.ndarray) -> tuple[Any, Any]:
    """The output, which is what `backward` takes, too."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p, p


def backward(dp: np.ndarray, saved: Any) -> Any:
    """The closed form."""
    p = saved
    return p * (dp - (dp * p).sum(axis=1, keepdims=True))


def torch_functions(torch: Any) -> list[Pair]:
    """The native operators."""

    def torch_forward(x: Any) -> tuple[Any, Any]:
        p = torch.ops.aten._softmax(x, 1, False)
        return p, p

    def torch_backward(dp: Any, saved: Any) -> Any:
        return torch.ops.aten._softmax_backward_data(dp, saved, 1, saved.dtype)

    return [(torch_forward, torch_backward)]


def jax_function(jax: Any) -> Any:
    """The forward pass."""

    def function(x: Any) -> Any:
        return jax.nn.softmax(x, axis=1)

    return function


def cancelling(values: dict[str, np.ndarray], noise: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Nearly constant cotangents: the rows of the output sum to one whatever the input is."""
    return (3 + noise[0] / 1000,)
