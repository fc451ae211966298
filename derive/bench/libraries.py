"""What is installed besides NumPy: optional, loaded when it is asked for, and never needed.

    Input    the name of a library
    Output   the library, and how arrays get into it, out of it, and done
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from derive.errors import UsageError


@dataclass(frozen=True)
class Library:
    """A library of arrays.

    `wait` returns when a result is there: some compute while Python goes on. `compiled` makes a function fast, where
    that is how the library is used.
    """

    module: Any
    from_numpy: Callable[[np.ndarray], Any]
    to_numpy: Callable[[Any], np.ndarray]
    wait: Callable[[Any], Any] | None = None
    compiled: Callable[[Any], Any] | None = None

    def given(self, value: Any) -> Any:
        """A value as the library takes it: arrays are its own, numbers stay numbers."""
        return self.from_numpy(value) if isinstance(value, np.ndarray) else value


@cache
def optional(name: str) -> ModuleType | None:
    """A library, if it is installed.

    The one place where something is imported late: what is optional must not be needed, nor loaded before it is.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def is_installed(name: str) -> bool:
    """Whether there is such a library, without loading it."""
    return importlib.util.find_spec(name) is not None


def dtype_named(name: str) -> np.dtype:
    """A dtype by its name; bfloat16 is ml_dtypes'. Raises UsageError where that is not installed."""
    if name != "bfloat16":
        return np.dtype(name)
    ml_dtypes: Any = optional("ml_dtypes")
    if ml_dtypes is None:
        raise UsageError("bfloat16: ml_dtypes is not installed")
    found: np.dtype = np.dtype(ml_dtypes.bfloat16)
    return found


def library(name: str) -> Library | None:
    """A library by its name, if it is installed: numpy, torch, jax."""
    return _LIBRARIES[name]()


def _numpy() -> Library:
    return Library(np, lambda array: array, np.asarray)


@cache
def _torch() -> Library | None:
    torch: Any = optional("torch")
    if torch is None:
        return None

    def from_numpy(array: np.ndarray) -> Any:
        if array.dtype.name == "bfloat16":  # torch does not know NumPy's; the bits are the same
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    def to_numpy(tensor: Any) -> np.ndarray:
        if not isinstance(tensor, torch.Tensor):
            return np.asarray(tensor)
        tensor = tensor.detach()
        return np.asarray((tensor.to(torch.float64) if tensor.dtype == torch.bfloat16 else tensor).numpy())

    return Library(torch, from_numpy, to_numpy)


@cache
def _jax() -> Library | None:
    jax: Any = optional("jax")
    if jax is None:
        return None
    jax.config.update("jax_enable_x64", True)  # or it would round float64 to float32

    return Library(jax, jax.numpy.asarray, np.asarray, jax.block_until_ready, jax.jit)


_LIBRARIES: dict[str, Callable[[], Library | None]] = {"numpy": _numpy, "torch": _torch, "jax": _jax}
