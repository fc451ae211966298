"""The functions that a generated module brings along, where it needs them: their source goes into it as it stands.

They use nothing but NumPy and the standard library.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def _array(
    name: str, value: object, axes: str, shape: tuple[int | str, ...], dtype: np.dtype | None = None
) -> np.ndarray:
    """Return an argument as a plain array in native byte order; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name}: expected an array {axes}, got {type(value).__name__}: {error}") from error
    if array.dtype.type not in (np.float32, np.float64, np.longdouble):
        raise TypeError(f"{name}: expected float32, float64 or longdouble, got {array.dtype}")
    if dtype is not None and array.dtype.type is not dtype.type:
        raise TypeError(f"{name}: expected {dtype}, as the other arrays, got {array.dtype}")
    lengths: dict[int | str, int] = {length: length for length in shape if isinstance(length, int)}
    if array.ndim != len(shape) or any(
        lengths.setdefault(length, came) != came for length, came in zip(shape, array.shape, strict=True)
    ):
        expected = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
        meaning = "" if expected == axes else f" = {axes}"
        raise ValueError(f"{name}: expected shape {expected}{meaning}, got {array.shape}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _scalar(name: str, value: object, dtype: np.dtype) -> np.floating:
    """Return a real number (a Python or NumPy scalar, or a 0-d array) in the dtype of the arrays."""
    if isinstance(value, np.ma.MaskedArray) or np.asarray(value).dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    array = np.asarray(value)
    if array.ndim > 0:
        raise ValueError(f"{name}: expected a number, got an array of shape {array.shape}")
    number: np.floating = dtype.type(array[()])
    return number


def _dtype_of(value: object) -> np.dtype:
    """Return the dtype to compute in where all arguments are numbers: that of a NumPy float, else float64."""
    kind = np.asarray(value).dtype.type
    return np.dtype(kind if kind in (np.float32, np.longdouble) else np.float64)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1/(1 + exp(-x)) to a few units in the last place; exp is taken of -|x| only, which cannot overflow."""
    decay = np.exp(-np.abs(x))
    result: np.ndarray = np.where(x >= 0, 1, decay) / (1 + decay)
    return result


def _erf(x: np.ndarray) -> np.ndarray:
    """Return the error function of each element. NumPy has none: it is Python's math.erf, that of the C library.

    That computes in float64. Measured against 36 digits, the error is below 0.51 units in the last place for float32
    and below 1 unit for float64. A longdouble gets no more than the precision of float64: a relative error below
    2.3e-16, and below |x| = 2.3e-308 an absolute one below 1e-323.
    """
    # Beyond 6 it is 1 in every digit; a longdouble from there may be more than a float64 can hold.
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(np.clip(x, -6, 6)), dtype=np.result_type(x, np.float32))


ARRAY, SCALAR, DTYPE_OF, SIGMOID, ERF = _array, _scalar, _dtype_of, _sigmoid, _erf
RUNTIME: tuple[Callable[..., Any], ...] = (ARRAY, SCALAR, DTYPE_OF, SIGMOID, ERF)


def sources_for(text: str, functions: Sequence[Callable[..., object]]) -> list[str]:
    """The sources of those of the functions that a text calls, and of what these call, in the order of `functions`."""
    sources = {function.__name__: inspect.getsource(function).rstrip() for function in functions}
    called: set[str] = set()
    texts = [text]
    while texts:
        new = {name for name in sources if f"{name}(" in texts[-1]} - called
        texts.pop()
        called |= new
        texts += [sources[name] for name in new]
    return [source for name, source in sources.items() if name in called]
