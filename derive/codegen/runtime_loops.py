"""The functions that a generated module of compiled loops brings along. This file is read as text, never imported here.

Numba compiles what is marked `@_compiled`; the rest is Python around it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from derive.codegen.runtime import _are_apart, _check_shape, _fits

# Sums of products may be fused; nothing else may be rearranged, so that NaN and infinity stay what they are.
_compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
# Such a sum may be taken in any order: several elements at once.
_reordered = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})

# An index that cannot count from the end of an array: where Numba has to ask, it computes one element at a time.
_index = np.uint64

# Less work than for so many elements is not worth a second thread, which costs some 50 to 100 microseconds.
_SERIAL = 1 << 19
# Elements and rows of a block, at most. Its sums are added up on their own: the result is the same for any number of
# threads, and rounding errors grow with the rows of a block, not with all. Those of float64 are as large as the unit
# that float64 data are measured in, so there blocks are small.
_BLOCK, _BLOCK_ROWS, _BLOCK_ROWS_OF_FLOAT64 = 1 << 16, 1024, 64
# Elements from which on there are stripes: fewer are in a cache anyway. Bytes that stay in the cache of one core, and
# bytes of a row of a stripe that memory delivers at full speed.
_STRIPED, _CACHE, _RUN = 1 << 19, 1 << 20, 1 << 11
_POOL: list[ThreadPoolExecutor] = []


def _pool() -> ThreadPoolExecutor:
    """Return the threads that share the work; they are started when they are first needed."""
    if not _POOL:
        _POOL.append(ThreadPoolExecutor(max_workers=64, thread_name_prefix="derived"))
    return _POOL[0]


# A forked process has none of the threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.clear)


_NATIVE = (np.dtype(np.float32), np.dtype(np.float64))


def _dtype(name: str, value: object) -> np.dtype:
    """Return the dtype of an array argument; raise TypeError where it is none of a real array."""
    if isinstance(value, np.ndarray) and type(value) is np.ndarray and value.dtype in _NATIVE:
        return np.dtype(value.dtype)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    try:
        dtype = np.asarray(value).dtype.newbyteorder("=")
    except ValueError as error:
        raise TypeError(f"{name}: expected an array, got {type(value).__name__}: {error}") from error
    if dtype.name not in ("float32", "float64", "float16", "bfloat16"):
        raise TypeError(f"{name}: expected float32, float64, float16 or bfloat16, got {dtype}")
    return dtype


def _array(name: str, value: object, axes: str, shape: tuple[int | str, ...], dtype: np.dtype) -> np.ndarray:
    """Return an argument as an array that loops can run over, in C order; raise TypeError or ValueError otherwise.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. What has 16 bits becomes
    float32.
    """
    native = type(value) is np.ndarray and value.dtype is dtype and dtype in _NATIVE
    if not native and _dtype(name, value) != dtype:
        raise TypeError(f"{name}: expected {dtype}, as the other arrays, got {_dtype(name, value)}")
    array = np.asarray(value)
    if array.shape != shape:
        _check_shape(name, array.shape, axes, shape)
    return array if native and array.flags.c_contiguous else np.ascontiguousarray(array, dtype=_working(dtype))


def _dtype_of(value: object) -> np.dtype:
    """Return the dtype of results where all arguments are numbers: that of a NumPy float, else float64."""
    kind = np.asarray(value).dtype
    return kind if kind.name in ("float32", "float16", "bfloat16") else np.dtype(float)


def _working(dtype: np.dtype) -> np.dtype:
    """Return the dtype that loops read and write for arrays of a dtype."""
    return dtype if dtype.itemsize > 2 else np.dtype(np.float32)


def _scalar(name: str, value: object) -> float:
    """Return a real number (a Python or NumPy scalar, or a 0-d array) as a float."""
    if type(value) is float:
        return value
    if isinstance(value, np.ma.MaskedArray) or np.asarray(value).dtype.kind not in "fiu":
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    array = np.asarray(value)
    if array.ndim > 0:
        raise ValueError(f"{name}: expected a number, got an array of shape {array.shape}")
    return float(array[()])


def _result(name: str, out: Any, shape: tuple[int, ...], dtype: np.dtype, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Return the array that loops write a result to: `out` itself where they can, else a new one."""
    if out is None:
        return np.empty(shape, _working(dtype))
    _fits(name, out, shape, dtype)
    array: np.ndarray = out
    direct = array.flags.c_contiguous and array.dtype == _working(dtype) and type(array) is np.ndarray
    if direct and all(_are_apart(array, given) for given in inputs):
        return array
    return np.empty(shape, _working(dtype))


def _finished(result: np.ndarray, out: Any, dtype: np.dtype) -> np.ndarray:
    """Return a result in its dtype, in `out` where that is given."""
    if out is None:
        return result if result.dtype is dtype else result.astype(dtype)
    if out is not result:
        np.copyto(out, result, casting="same_kind")
    array: np.ndarray = out
    return array


def _kept(result: np.ndarray, out: Any) -> np.ndarray:
    """Return a result as it is kept for `backward`: a copy of one in `out`, which the caller may write to."""
    return result.copy() if result is out else result


def _threads(threads: int | None, work: int) -> int:
    """Return how many threads to use for so much work: as many as asked for, else what pays off."""
    if threads is None:
        return 1 if work < _SERIAL else _cores()
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads: expected a number of at least 1, got {threads!r}")
    return threads


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rows(length: int, size: int, itemsize: int) -> int:
    """Return how many rows make a block, of `length` rows that have `size` elements of `itemsize` bytes together."""
    most = _BLOCK_ROWS_OF_FLOAT64 if itemsize == 8 else _BLOCK_ROWS
    if size <= _BLOCK:
        return max(1, min(length, most))
    # Not fewer, lest the parts outgrow the data.
    rows = max(_BLOCK * length // size, min(16, (length + 7) // 8))
    return max(1, min(length, most, rows))


def _stripe(length: int, extent: int, size: int, arrays: int, itemsize: int) -> int:
    """Return how wide a stripe is whose rows stay in the cache through all passes; 0 where there is no such stripe.

    There are `length` rows, each with `extent` columns, and `size` elements in each of some arrays.
    """
    if size < _STRIPED:
        return 0
    column = max(size // max(extent, 1), 1)  # elements of a column, all rows
    inner = max(column // max(length, 1), 1)  # those of them that lie side by side
    width = min(_CACHE // (column * arrays * itemsize), extent)
    if width * inner * itemsize < _RUN <= inner * itemsize:
        width = 1  # a channel of an image: what does not stay in this cache does in the next
    if inner == 1 and itemsize == 8 and length > 2 * _BLOCK_ROWS_OF_FLOAT64:
        return 0  # too many rows to add up one by one
    return width if width * inner * itemsize >= _RUN else 0


def _run(
    kernel: Callable[..., bool], passes: str, extent: int, blocks: int, width: int, threads: int,
    arguments: tuple[Any, ...],
) -> None:  # fmt: skip
    """Run the stages of a kernel: all in one thread, stripe by stripe, or stage by stage over blocks of rows.

    `passes` has a letter for each stage: p for a pass, which threads share, and any other for what one thread does.
    """
    if width:
        starts = range(0, extent, width)
        _share([(0, start, min(start + width, extent), 0, 1) for start in starts], kernel, threads, arguments)
    elif threads == 1 or blocks == 1:
        kernel(0, 0, extent, 0, blocks, *arguments)
    else:
        count = min(blocks, 4 * threads)
        ranges = [(blocks * place // count, blocks * (place + 1) // count) for place in range(count)]
        for stage, letter in enumerate(passes, 1):
            if letter == "p":
                _share([(stage, 0, extent, *blocks_) for blocks_ in ranges], kernel, threads, arguments)
            elif kernel(stage, 0, extent, 0, blocks, *arguments):  # the pass before it has to be gone through again
                _share([(stage - 1, 0, extent, *blocks_) for blocks_ in ranges], kernel, threads, arguments)
                kernel(stage, 0, extent, 0, blocks, *arguments)


def _share(tasks: Sequence[tuple[int, ...]], kernel: Callable[..., bool], threads: int, arguments: Any) -> None:
    """Call the kernel for each task, in several threads; the calling one is among them."""
    def work(place: int) -> None:
        for task in tasks[len(tasks) * place // threads : len(tasks) * (place + 1) // threads]:
            kernel(*task, *arguments)

    others = [_pool().submit(work, place) for place in range(1, threads)]
    work(0)
    for other in others:
        other.result()


@_reordered
def _add(total: float, term: float) -> float:
    """Return the sum of two numbers."""
    return total + term


@_compiled
def _key(x: float) -> int:
    """Return a whole number that grows as x does, with NaN above all: several can be compared at once."""
    bits = np.float64(x).view(np.int64)
    return int(bits ^ ((bits >> 63) & np.int64(0x7FFFFFFFFFFFFFFF)) if x == x else np.int64(0x7FFFFFFFFFFFFFFF))


@_compiled
def _of_key(key: int) -> float:
    """Return the number that has a key."""
    value: float = np.int64(key ^ ((key >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))).view(np.float64)
    return value


@_compiled
def _larger(one: float, other: float) -> float:
    """Return the larger of two numbers; NaN if one of them is."""
    return other if other > one or other != other else one


@_compiled
def _smaller(one: float, other: float) -> float:
    """Return the smaller of two numbers; NaN if one of them is."""
    return other if other < one or other != other else one


@_compiled
def _square(x: float) -> float:
    """Return x squared."""
    return x * x


@_compiled
def _relu(x: float) -> float:
    """Return x where it is positive or NaN, else 0."""
    return x if x > 0.0 or x != x else 0.0


@_compiled
def _sign(x: float) -> float:
    """Return 1, -1 or 0; NaN for NaN."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x


@_compiled
def _exp(x: float) -> float:
    """Return exp(x), to about one unit in the last place of float64; written so that several are computed at once."""
    x = 710.0 if x > 710.0 else x
    x = -746.0 if x < -746.0 else x
    # x = k*log(2) + r, with log(2) in two parts (fdlibm's).
    k = np.rint(x * 1.4426950408889634)
    r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
    p = 1.0 / 6227020800.0  # Taylor's coefficients
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    # 2**k in two factors, whose exponents are put in place: one alone would overflow before the result does.
    n = np.float64(k + 6755399441055744.0).view(np.int64) - np.int64(0x4338000000000000)
    half = n >> 1
    result: float = p * np.int64((half + 1023) << 52).view(np.float64)
    return result * float(np.int64((n - half + 1023) << 52).view(np.float64))


@_compiled
def _sigmoid(x: float) -> float:
    """Return 1/(1 + exp(-x)); exp is taken of -|x| only, which cannot overflow."""
    decay = _exp(-abs(x))
    result: float = (1.0 if x >= 0.0 else decay) / (1.0 + decay)
    return result


@_compiled
def _softplus(x: float) -> float:
    """Return log(1 + exp(x))."""
    result: float = _larger(x, 0.0) + math.log1p(_exp(-abs(x)))
    return result


@_compiled
def _total(parts: np.ndarray) -> None:
    """Add the parts of all blocks up, in pairs, which keeps rounding errors small; the sum is in the first."""
    flat = parts.reshape(parts.shape[0], parts.size // parts.shape[0])
    count = parts.shape[0]
    while count > 1:
        half = (count + 1) // 2
        for block in range(half, count):
            for place in range(flat.shape[1]):
                flat[block - half, place] += flat[block, place]
        count = half


@_compiled
def _product(parts: np.ndarray) -> None:
    """Multiply the parts of all blocks; the product is in the first."""
    flat = parts.reshape(parts.shape[0], parts.size // parts.shape[0])
    for block in range(1, parts.shape[0]):
        for place in range(flat.shape[1]):
            flat[0, place] *= flat[block, place]


@_compiled
def _largest(parts: np.ndarray) -> None:
    """Find the largest part of all blocks; it is in the first."""
    flat = parts.reshape(parts.shape[0], parts.size // parts.shape[0])
    for block in range(1, parts.shape[0]):
        for place in range(flat.shape[1]):
            flat[0, place] = _larger(flat[0, place], flat[block, place])


@_compiled
def _settle(shift: np.ndarray, offset: np.ndarray, spread: np.ndarray, start: int, stop: int) -> bool:
    """Move each shift that is far from the mean, for the spread, to the mean; return whether there was one.

    The sums about such a shift have lost digits, and are to be taken again.
    """
    again = False
    inner = shift.size // max(shift.shape[0], 1)
    shifts, offsets, spreads = shift.reshape(-1), offset.reshape(-1), spread.reshape(-1)
    for place in range(start * inner, stop * inner):
        if _square(offsets[place]) > 4.0 * spreads[place]:
            shifts[place] += offsets[place]
            again = True
    return again
