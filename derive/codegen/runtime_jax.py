"""The functions that a JAX module brings along; as `runtime.py`, with JAX alone.

Nothing here runs in this package, which does without JAX: their source goes into generated modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from derive.codegen.runtime import _check_shape

if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp


def _array(
    name: str, value: Any, axes: str, shape: tuple[int | str, ...], like: jax.Array | None = None
) -> jax.Array:
    """Return an argument as an array of JAX; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. `like` is an argument
    whose dtype it has to share.
    """
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected an array {axes}, got {type(value).__name__}: {error}") from error
    if array.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name}: expected float32 or float64, got {array.dtype}")
    if like is not None and array.dtype != like.dtype:
        raise TypeError(f"{name}: expected {like.dtype}, as the other arrays, got {array.dtype}")
    _check_shape(name, array.shape, axes, shape)
    return array


def _scalar(name: str, value: Any, like: jax.Array) -> jax.Array:
    """Return a real number (a Python number or a 0-d array) as a 0-d array of the dtype of another."""
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    if array.ndim > 0:
        raise ValueError(f"{name}: expected a number, got an array of shape {array.shape}")
    return array.astype(like.dtype)


def _constant(number: float, like: jax.Array) -> jax.Array:
    """Return a Python number as a 0-d array of the dtype of another."""
    return jnp.asarray(number, dtype=like.dtype)


def _close(left: jax.Array, right: jax.Array | float, like: jax.Array) -> bool:
    """Return whether two arrays are equal to half of the digits of the dtype, which rounding may take."""
    tolerance = float(jnp.finfo(like.dtype).eps) ** 0.5
    return bool(jnp.all(abs(left - right) <= tolerance * (1 + abs(right))))


def _sixteen_bits(value: Any) -> Any:
    """Return the dtype of an array of 16 bits; None for everything else."""
    dtype = getattr(value, "dtype", None)
    return dtype if dtype in (jnp.float16, jnp.bfloat16) else None


def _widened(*arguments: Any) -> list[Any]:
    """Return arrays of 16 bits in float32, and everything else as it is."""
    return [a if _sixteen_bits(a) is None else jnp.asarray(a, jnp.float32) for a in arguments]


def _rounded(array: jax.Array, dtype: Any) -> jax.Array:
    """Return an array in a dtype, if one is given."""
    return array if dtype is None else array.astype(dtype)


RUNTIME: tuple[Callable[..., Any], ...] = (
    _array,
    _check_shape,
    _scalar,
    _constant,
    _close,
    _sixteen_bits,
    _widened,
    _rounded,
)
