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
    name: str,
    value: object,
    axes: str,
    shape: tuple[int | str, ...],
    dtype: np.dtype | None = None,
    working: np.dtype | None = None,
) -> np.ndarray:
    """Return an argument as a plain array in native byte order; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. What has the `dtype` that
    it must have is returned in the dtype that is worked in.
    """
    if type(value) is np.ndarray and value.dtype == dtype == working and value.shape == shape:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name}: expected an array {axes}, got {type(value).__name__}: {error}") from error
    kinds = (np.float32, np.float64, np.float16, np.longdouble)
    if array.dtype.type not in kinds and array.dtype.name != "bfloat16":
        raise TypeError(f"{name}: expected float16, bfloat16, float32, float64 or longdouble, got {array.dtype}")
    if dtype is not None and array.dtype.type is not dtype.type:
        raise TypeError(f"{name}: expected {dtype}, as the other arrays, got {array.dtype}")
    _check_shape(name, array.shape, axes, shape)
    return array.astype(working or array.dtype.newbyteorder("="), copy=False)


def _check_shape(name: str, came: tuple[int, ...], axes: str, shape: tuple[int | str, ...]) -> None:
    """Raise ValueError where the shape that came is not the one expected."""
    lengths: dict[int | str, int] = {}
    fits = len(came) == len(shape)
    for wanted, length in zip(shape, came, strict=False):
        fits = fits and length == (lengths.setdefault(wanted, length) if isinstance(wanted, str) else wanted)
    if not fits:
        expected = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
        meaning = "" if expected == axes else f" = {axes}"
        raise ValueError(f"{name}: expected shape {expected}{meaning}, got {came}")


def _scalar(name: str, value: object, dtype: np.dtype) -> np.floating:
    """Return a real number (a Python or NumPy scalar, or a 0-d array) in the dtype of the arrays."""
    if type(value) is not float:
        if isinstance(value, np.ma.MaskedArray) or np.asarray(value).dtype.kind not in "fiu":
            raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
        value = np.asarray(value)
        if value.ndim > 0:
            raise ValueError(f"{name}: expected a number, got an array of shape {value.shape}")
        value = value[()]
    number: np.floating = dtype.type(value)
    return number


def _dtype_of(value: object) -> np.dtype:
    """Return the dtype to compute in where all arguments are numbers: that of a NumPy float, else float64."""
    kind = np.asarray(value).dtype.type
    return np.dtype(kind if kind in (np.float32, np.longdouble) else np.float64)


def _working(dtype: np.dtype, precise: bool = False) -> np.dtype:
    """Return the dtype to work in: float32 for 16 bits; where it shall be precise, at least float64."""
    working = np.dtype(np.float32) if dtype.itemsize == 2 else dtype.newbyteorder("=")
    return np.promote_types(working, np.float64) if precise else working


def _are_apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays share no memory: those that own theirs do not, which is quickly seen."""
    if one is not other and one.flags.owndata and other.flags.owndata:
        return True
    return not np.shares_memory(one, other)


def _outputs(out: object, names: Sequence[str]) -> tuple[Any, ...]:
    """Return what `out` has for each result with axes, an array or None; raise TypeError or ValueError otherwise."""
    if out is None:
        return (None,) * len(names)
    given = (out,) if len(names) == 1 and not isinstance(out, tuple) else out
    if not isinstance(given, tuple) or len(given) != len(names):
        raise TypeError(f"out: expected an array or None for each of {', '.join(names)}, got {type(out).__name__}")
    for place, one in enumerate(given):
        for before, other in enumerate(given[:place]):
            if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and not _are_apart(one, other):
                both = f"{names[before]} and {names[place]}"
                raise ValueError(f"out: expected arrays that share no memory, got those for {both}")
    return given


def _check_out(out: object, dtype: np.dtype, /, **shapes: tuple[int, ...]) -> None:
    """Raise TypeError or ValueError where a result cannot be put into `out`; the names and `shapes` are theirs."""
    for (name, shape), array in zip(shapes.items(), _outputs(out, list(shapes)), strict=True):
        if array is not None:
            _fits(name, array, shape, dtype)


def _finished(out: Any, dtype: np.dtype, /, **results: Any) -> tuple[Any, ...]:
    """Return results in their dtype, arrays in those of `out`, which has been checked, that are not None."""
    if out is not None:
        names = [name for name, result in results.items() if isinstance(result, np.ndarray)]
        for name, array in zip(names, out if isinstance(out, tuple) else (out,), strict=True):
            if array is not None and array is not results[name]:
                np.copyto(array, results[name], casting="same_kind")
                results[name] = array
    return tuple(
        value.astype(dtype, copy=False) if isinstance(value, np.ndarray) else dtype.type(value)
        for value in results.values()
    )


def _fits(name: str, out: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise TypeError or ValueError where a result cannot be put into an array."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out: expected an array for {name}, got {type(out).__name__}")
    if out.dtype != dtype or out.shape != shape:
        raise ValueError(f"out: expected {dtype} of shape {shape} for {name}, got {out.dtype} of shape {out.shape}")
    if not out.flags.writeable:
        raise ValueError(f"out: the array for {name} is read-only")


def _are_close(one: Any, other: Any, dtype: np.dtype) -> bool:
    """Whether numbers that were rounded to a dtype are equal everywhere but for half of its digits."""
    bits = {"bfloat16": 7, "float16": 10}.get(dtype.name)
    tolerance = np.sqrt(2.0**-bits if bits else np.finfo(dtype).eps)
    with np.errstate(invalid="ignore"):
        close = np.abs(one - other) <= tolerance * (1 + np.abs(other))
        return bool(np.all((one == other) | (close & np.isfinite(other))))


def _sum(array: np.ndarray, axis: int | tuple[int, ...], dtype: Any = None) -> np.ndarray:
    """Return the sum over axes of which the first is one, with a small error however long that is.

    NumPy's sum over the first axis adds one row after the other, in the dtype of the array. Where there are more than
    64, that goes on for 16 rows only here, and several short rows make one; these sums are added up in float64.
    """
    array = array.sum(axis=axis[1:]) if isinstance(axis, tuple) else array
    if len(array) <= 64 or not array.size:
        return np.asarray(np.add.reduce(array, axis=0).astype(dtype or array.dtype, copy=False))
    rows, width = len(array), array.size // len(array)
    fold = max(1, min(1024 // width, rows // 16))
    whole = rows - rows % (16 * fold)
    runs = array[:whole].reshape(whole // (16 * fold), 16, fold * width).sum(axis=1)
    total: np.ndarray = runs.sum(axis=0, dtype=dtype or np.result_type(array.dtype, np.float64))
    if fold > 1:
        total = total.reshape(fold, width).sum(axis=0)
    if whole < rows:
        total += array[whole:].reshape(rows - whole, width).sum(axis=0)
    return total.reshape(array.shape[1:]).astype(dtype or array.dtype, copy=False)


def _sum_of_products(one: np.ndarray, other: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Return the sum over the first axis of the products of two arrays alike, as `_sum` does, without an array of them.

    Each 16 rows are added up in the dtype of the arrays, these sums in float64.
    """
    whole = len(one) - len(one) % 16
    shape = (whole // 16, 16, *one.shape[1:])
    runs = np.einsum("ri...,ri...->r...", one[:whole].reshape(shape), other[:whole].reshape(shape))
    total: np.ndarray = runs.sum(axis=0, dtype=dtype or np.result_type(one.dtype, np.float64))
    if whole < len(one):
        total += np.einsum("i...,i...->...", one[whole:], other[whole:])
    return total.astype(dtype or one.dtype, copy=False)


def _mean(array: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """Return the mean over axes of which the first is one, as `_sum` does."""
    total = _sum(array, axis)
    return np.asarray(total / (array.size // max(total.size, 1)))


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


ARRAY, SCALAR, DTYPE_OF, WORKING_OF, FINISHED, ARE_CLOSE = _array, _scalar, _dtype_of, _working, _finished, _are_close
CHECK_SHAPE, FITS, SUM, SUM_OF_PRODUCTS, MEAN = _check_shape, _fits, _sum, _sum_of_products, _mean
ARE_APART, CHECK_OUT, OUTPUTS, SIGMOID, ERF = _are_apart, _check_out, _outputs, _sigmoid, _erf
RUNTIME: tuple[Callable[..., Any], ...] = (
    ARRAY, CHECK_SHAPE, SCALAR, DTYPE_OF, WORKING_OF, ARE_APART, OUTPUTS, CHECK_OUT, FINISHED, FITS,
    ARE_CLOSE, SUM, SUM_OF_PRODUCTS, MEAN, SIGMOID, ERF
)  # fmt: skip


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
