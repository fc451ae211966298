"""The functions of generated NumPy modules that go over tiles of large arrays; their source goes there as it stands.

They use nothing but NumPy, the standard library and the functions of `runtime`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from derive.codegen.runtime import _are_apart, _sum

CONSTANTS = """\
# Bytes of an array above which functions go over tiles, of a tile, and of a row of one: at most, and at least.
_LARGE, _TILE, _WIDEST, _NARROWEST = 1 << 22, 1 << 20, 1 << 15, 1 << 12
# What each thread computes with, and the threads.
_OWN = threading.local()
_POOL: list[ThreadPoolExecutor] = []"""
_LARGE, _TILE, _WIDEST, _NARROWEST = 1 << 22, 1 << 20, 1 << 15, 1 << 12
_OWN = threading.local()
_POOL: list[ThreadPoolExecutor] = []


def _is_large(array: np.ndarray, columns: bool = False) -> bool:
    """Whether an array is so large that it pays off to go over tiles: of whole rows, or of `columns`, too."""
    narrow = columns or array.nbytes <= len(array) * _WIDEST
    return array.nbytes >= _LARGE and narrow and array.dtype in (np.float32, np.float64)


def _result(
    out: Any, place: int, shape: tuple[int, ...], dtype: np.dtype, inputs: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return an array for a result: that of `out`, where it can be written to at once, else a new one."""
    array = out[place] if isinstance(out, tuple) else out
    fits = type(array) is np.ndarray and array.dtype == dtype and array.flags.carray
    if fits and all(_are_apart(array, given) for given in inputs):
        return np.asarray(array)
    return np.empty(shape, dtype)


def _in_tiles(
    function: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    others: Sequence[Any],
    threads: int | None,
    columns: bool = False,
) -> list[Any]:
    """Call a function for tiles of arrays; return the sums of what it returns.

    Tiles are rows; where what becomes of each of the `columns` depends on no other, `_tiles_of_columns`. They are the
    same for any number of threads, and so is the order in which their sums are added up.
    """
    groups = _tiles_of_columns(arrays, others) if columns else [_tiles(arrays, others)]
    tiles = [tile for group in groups for tile in group]
    threads = min(_threads(threads), len(tiles))

    def work(place: int) -> list[Any]:
        own = tiles[len(tiles) * place // threads : len(tiles) * (place + 1) // threads]
        with np.errstate(**errors):
            return [function(*tile) for tile in own]

    errors: Any = np.geterr()
    futures = [_pool().submit(work, place) for place in range(1, threads)]
    found = [part for parts in (work(0), *(future.result() for future in futures)) for part in parts]
    if found[0] is None:
        return []
    sums: list[Any] = []
    for parts in zip(*found, strict=True):
        shape = arrays[0].shape[1:] if columns else np.shape(parts[0])
        width = arrays[0][0].size if columns else parts[0].size
        left, totals = iter(parts), []
        for group in groups:
            # Where several rows lie side by side, a part has a sum for each column of each of them.
            here = [next(left) for _ in group]
            flat = [np.reshape(part, (-1, min(part.size, width))) for part in here]
            totals.append(_sum(np.concatenate(flat, dtype=np.float64), 0))
        sums.append(np.concatenate(totals).reshape(shape).astype(arrays[0].dtype)[()])
    return sums


def _tiles(arrays: Sequence[np.ndarray], others: Sequence[Any]) -> list[list[Any]]:
    """Return arguments for each tile of rows: those of the `arrays`, and the `others`."""
    length = max(_TILE // max(1, *(array[:1].nbytes for array in arrays)), 1)
    rows = range(0, len(arrays[0]), length)
    return [[*(array[start : start + length] for array in arrays), *others] for start in rows]


def _tiles_of_columns(arrays: Sequence[np.ndarray], others: Sequence[Any]) -> list[list[list[Any]]]:
    """Return arguments for each tile, in groups of the same columns; only the last tile of a group has no more rows.

    All `arrays` have the same shape, and so have those of `others` that have axes: that of a row. Where rows are wide,
    a tile has some of their columns. Where they are narrow, several are one row of a tile, with `others` as often; what
    rows are left over is a tile of its own. These are repeated for each row, too: NumPy is faster with equal shapes.
    """
    rows, width = len(arrays[0]), arrays[0][0].size
    if not all(array.flags.c_contiguous for array in arrays):
        return [_tiles(arrays, others)]
    itemsize = max(array.itemsize for array in arrays)
    flat = [array.reshape(rows, width) for array in arrays]
    spread = [np.reshape(other, -1) if np.ndim(other) else other for other in others]
    if width * itemsize > 2 * _WIDEST:
        count = 2 * _WIDEST // itemsize
        parts = [slice(start, start + count) for start in range(0, width, count)]
        return [
            _tiles([array[:, part] for array in flat], [o[part] if np.ndim(o) else o for o in spread]) for part in parts
        ]
    fold = min(max(_NARROWEST // (width * itemsize), 1), rows)
    whole = rows - rows % fold
    wide = [array[:whole].reshape(whole // fold, fold * width) for array in flat]
    group: list[list[Any]] = []
    repeated = [np.tile(other, fold) if np.ndim(other) else other for other in spread]
    for tile in _tiles(wide, []):
        if not group and len(tile[0]) < len(wide[0]):
            repeated = [np.tile(other, (len(tile[0]), 1)) if np.ndim(other) else other for other in repeated]
        group.append([*tile, *(other[: len(tile[0])] if np.ndim(other) == 2 else other for other in repeated)])
    if whole < rows:
        group.append([*(array[whole:] for array in flat), *spread])
    return [group]


def _threads(threads: int | None) -> int:
    """Return how many threads to use: as many as asked for, else one for each core that this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads: expected a number of at least 1, got {threads!r}")
    return threads


def _pool() -> ThreadPoolExecutor:
    """Return the threads that share the work; they are started when they are first needed."""
    if not _POOL:
        _POOL.append(ThreadPoolExecutor(max_workers=64, thread_name_prefix="derived"))
    return _POOL[0]


def _scratch(tile: np.ndarray, count: int) -> list[np.ndarray]:
    """Return arrays like a tile for what is computed on the way; each thread has its own, the same for all tiles."""
    kept: list[np.ndarray] = _OWN.__dict__.setdefault("kept", [])
    if len(kept) < count or any(array.nbytes < tile.nbytes for array in kept[:count]):
        kept[:] = [np.empty(tile.nbytes, np.uint8) for _ in range(max(count, len(kept)))]
    return [array[: tile.nbytes].view(tile.dtype).reshape(tile.shape) for array in kept[:count]]


IS_LARGE, RESULT, IN_TILES, SCRATCH = _is_large, _result, _in_tiles, _scratch
TILE_RUNTIME: tuple[Callable[..., Any], ...] = (
    IS_LARGE, RESULT, IN_TILES, _tiles, _tiles_of_columns, _threads, _pool, SCRATCH
)  # fmt: skip
