"""Modules of loops for the tests: compiled by Numba, or run by Python as they stand, which takes no time to compile."""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

import numba
from own_layers import LAYERS, derivation_of

from derive.codegen.loops import module_text
from derive.codegen.numpy import derivations_for_code
from derive.derivation import Derivation
from derive.workshop import CODE_FORM

_FOLDER = Path(tempfile.mkdtemp(prefix="derived_loops_"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


@cache
def loops_text(name: str) -> str:
    """The text of the module of a layer: one of the tests' own, or a shipped one."""
    derivation = derivation_of(name, CODE_FORM) if name in LAYERS else derivations_for_code(name, CODE_FORM)[0]
    return module_text(derivation)


@cache
def loops_of(name: str, compiled: bool = False) -> ModuleType:
    """The module of a layer."""
    return _module(f"loops_{name}_{compiled}", loops_text(name), compiled)


def module_from(derivation: Derivation, compiled: bool = False) -> ModuleType:
    """The module of a derivation."""
    return _module(f"loops_of_{derivation.forward.name}_{compiled}", module_text(derivation), compiled)


def _module(name: str, text: str, compiled: bool) -> ModuleType:
    file = _FOLDER / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = numba.config.DISABLE_JIT
    numba.config.DISABLE_JIT = not compiled
    try:
        spec.loader.exec_module(module)
    finally:
        numba.config.DISABLE_JIT = before
    return module
