"""Functions that NumPy lacks, as source text for generated modules and as functions made from that text."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """1/(1 + exp(-x)) to a few units in the last place; exp is only taken of -|x|, so that nothing overflows."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def _erf(x: np.ndarray) -> np.ndarray:
    """The error function, element by element in float64 by Python's math.erf: NumPy has none."""
    dtype = np.result_type(x, np.float32)
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=dtype)


FUNCTIONS: dict[str, Callable[..., Any]] = {"_sigmoid": _sigmoid, "_erf": _erf}


def source_of(name: str) -> str:
    """The definition of a function in FUNCTIONS, as it stands in a generated module."""
    return inspect.getsource(FUNCTIONS[name])
