"""The functions that a module for workers brings along besides those of NumPy's."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from derive.codegen.runtime import _array


def _wide_array(
    name: str, value: object, axes: str, shape: tuple[int | str, ...], dtype: np.dtype | None = None
) -> np.ndarray:
    """Return an argument as `_array` does; raise TypeError for one of 16 bits, too."""
    array = _array(name, value, axes, shape, dtype)
    if array.dtype.itemsize < 4:
        raise TypeError(f"{name}: expected float32, float64 or longdouble, got {array.dtype}")
    return array


def _count(name: str, value: Any) -> int:
    """Return a number of rows as a Python integer."""
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: expected an integer, got {type(value).__name__}") from error


def _check_alike(parts: Sequence[Any], kinds: tuple[type, ...]) -> None:
    """Raise TypeError or ValueError for what cannot be combined."""
    if not parts:
        raise ValueError("parts: expected the sums of at least one worker, got none")
    kind = type(parts[0])
    for part in parts:
        if type(part) is not kind or kind not in kinds:
            names = " or ".join(each.__name__ for each in kinds)
            raise TypeError(f"parts: expected {names}, all of one kind, got {type(part).__name__}")
        for field, first, value in zip(kind._fields, parts[0], part, strict=True):
            if np.asarray(value).dtype != np.asarray(first).dtype:
                raise TypeError(f"{field}: expected one dtype of all workers, got {np.asarray(value).dtype}")
            if np.shape(value) != np.shape(first):
                raise ValueError(f"{field}: expected one shape of all workers, got {np.shape(value)}")


COUNT, CHECK_ALIKE, WIDE_ARRAY = _count, _check_alike, _wide_array
