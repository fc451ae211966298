"""The functions that a torch module brings along; as `runtime.py`, with torch alone.

Nothing here runs in this package, which does without torch: their source goes into generated modules.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

from derive.codegen.runtime import _check_shape

if TYPE_CHECKING:
    import torch


def _array(
    name: str, value: object, axes: str, shape: tuple[int | str, ...], like: torch.Tensor | None = None
) -> torch.Tensor:
    """Return a tensor; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. `like` is an argument
    whose dtype it has to share.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name}: expected a tensor {axes}, got {type(value).__name__}")
    if value.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name}: expected torch.float32 or torch.float64, got {value.dtype}")
    if like is not None and value.dtype != like.dtype:
        raise TypeError(f"{name}: expected {like.dtype}, as the other arrays, got {value.dtype}")
    _check_shape(name, tuple(value.shape), axes, shape)
    return value


def _scalar(name: str, value: object, like: torch.Tensor) -> torch.Tensor:
    """Return a real number (a Python number, or a 0-d tensor of the same dtype) as a 0-d tensor."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return _constant(float(value), like)
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    if value.ndim > 0:
        raise ValueError(f"{name}: expected a number, got a tensor of shape {tuple(value.shape)}")
    if value.dtype != like.dtype:
        raise TypeError(f"{name}: expected {like.dtype}, as the other arrays, got {value.dtype}")
    return value


def _constant(number: float, like: torch.Tensor) -> torch.Tensor:
    """Return a Python number as a 0-d tensor that goes with another tensor."""
    return torch.tensor(number, dtype=like.dtype, device=like.device)


def _close(left: torch.Tensor, right: torch.Tensor | float, like: torch.Tensor) -> bool:
    """Return whether two tensors are equal to half of the digits of the dtype, which rounding may take."""
    tolerance = torch.finfo(like.dtype).eps ** 0.5
    return bool(torch.all(abs(left - right) <= tolerance * (1 + abs(right))))


def _softplus(x: torch.Tensor) -> torch.Tensor:
    """Return log(1 + exp(x)); torch's own leaves digits away for large x."""
    return torch.logaddexp(x, torch.zeros_like(x))


def _widened(*arguments: object) -> list[Any]:
    """Return tensors of 16 bits in float32, and everything else as it is."""
    narrow = (torch.float16, torch.bfloat16)
    return [a.float() if isinstance(a, torch.Tensor) and a.dtype in narrow else a for a in arguments]


def _wanted(needed: tuple[bool, ...], gradients: tuple[torch.Tensor | None, ...]) -> tuple[torch.Tensor | None, ...]:
    """Return the gradients that autograd asks for, and None for the others."""
    return tuple(gradient if asked else None for asked, gradient in zip(needed, gradients, strict=True))


RUNTIME: tuple[Callable[..., Any], ...] = (
    _array,
    _check_shape,
    _scalar,
    _constant,
    _close,
    _softplus,
    _widened,
    _wanted,
)
