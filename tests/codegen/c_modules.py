"""Compiled C for the tests."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

from own_layers import LAYERS, derivation_of

from derive.c_functions import compile_c
from derive.codegen.c import module_text
from derive.codegen.numpy import derivations_for_code
from derive.derivation import Derivation
from derive.workshop import CODE_FORM

_FOLDER = Path(tempfile.mkdtemp(prefix="derived_c_"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
# What a person who writes kernels has switched on.
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Werror")


@cache
def derivation_for_c(name: str) -> Derivation:
    """The derivation of a layer: one of the tests' own, or a shipped one."""
    return derivation_of(name, CODE_FORM) if name in LAYERS else derivations_for_code(name, CODE_FORM)[0]


@cache
def c_text(name: str) -> str:
    """The file of a layer."""
    return module_text(derivation_for_c(name))


@cache
def c_of(name: str, *flags: str) -> ModuleType:
    """The compiled functions of a layer."""
    return compile_c(derivation_for_c(name), _FOLDER, flags)


def compile_text(text: str, folder: Path, *flags: str, compiler: str = "gcc") -> subprocess.CompletedProcess[str]:
    """What a compiler says to a text; the object file is `out.o` in the folder."""
    source = folder / "source.c"
    source.write_text(text, encoding="utf-8")
    command = [compiler, *flags, "-c", str(source), "-o", str(folder / "out.o")]
    return subprocess.run(command, capture_output=True, text=True, check=False)
