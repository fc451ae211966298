"""The array libraries that generated functions run on: how to make their arrays, and to read them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from derive.derivation import Derivation


@dataclass(frozen=True)
class Library:
    """A library: the modules that it takes, how a NumPy array becomes one of its own, and how that is read."""

    needs: tuple[str, ...]
    make: Callable[[np.ndarray], Any]
    read: Callable[[Any], np.ndarray] = np.asarray


def _from_strict(array: Any) -> np.ndarray:
    return np.asarray(array._array)


LIBRARIES: dict[str, Library] = {
    "numpy": Library((), np.asarray),
    "array_api_strict": Library(
        ("array_api_strict",), lambda a: importlib.import_module("array_api_strict").asarray(a), _from_strict
    ),
    "torch": Library(
        ("torch", "array_api_compat"), lambda a: importlib.import_module("torch").asarray(a), lambda t: t.numpy()
    ),
    "jax": Library(("jax",), lambda a: importlib.import_module("jax.numpy").asarray(a)),
    "dask": Library(
        ("dask", "array_api_compat"),
        lambda a: importlib.import_module("dask.array").from_array(a, chunks=2),
        lambda a: np.asarray(a.compute()),
    ),
}


@contextmanager
def double_precision() -> Iterator[None]:
    """JAX with 64 bits, which it has only where that is asked for."""
    config = importlib.import_module("jax").config
    before = config.jax_enable_x64
    config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        config.update("jax_enable_x64", before)


@contextmanager
def library(name: str) -> Iterator[Library]:
    """A library, in double precision where that has to be asked for; the test is skipped where it is not there."""
    found = LIBRARIES[name]
    for module in found.needs:
        pytest.importorskip(module, reason=f"{module} is not installed, so the functions are not tried on {name}")
    with double_precision() if name == "jax" else nullcontext():
        yield found


def made(values: Mapping[str, Any], derivation: Derivation, own: Library) -> dict[str, Any]:
    """Drawn values as arrays of a library; numbers as 0-d arrays, but constants with a default as Python numbers."""
    by_name = derivation.backward.by_name
    return {
        name: value if by_name[name].default is not None else own.make(np.asarray(value))
        for name, value in values.items()
    }
