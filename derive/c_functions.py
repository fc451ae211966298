"""The C of a derivation, compiled, and called with NumPy arrays.

    Input    a Derivation
    Output   a module with `forward` and `backward`, which take and return what a module of loops does

It needs cffi, which is an optional extra, and a C compiler. float and double are compiled when they are first used.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derive.codegen import c
from derive.codegen.numpy import compile_text
from derive.derivation import Derivation
from derive.errors import UsageError
from derive.files import write_file

FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-trapping-math", "-fopenmp")
_LINKED = ("-fopenmp", "-lm")


def compile_c(derivation: Derivation, folder: str | Path | None = None, flags: tuple[str, ...] = ()) -> ModuleType:
    """The functions of a derivation, compiled from its C.

    What is compiled is kept in `folder`, and found there the next time; without one it is in a temporary folder. The
    `flags` are added to the usual ones. Raises UsageError where cffi is missing.
    """
    module = compile_text(c.python_text(derivation), derivation.forward.name)
    libraries: dict[str, Any] = {}
    place = Path(folder if folder is not None else tempfile.mkdtemp(prefix="derive_c_"))
    if folder is None:
        weakref.finalize(module, shutil.rmtree, place, ignore_errors=True)

    def run(function: str, dtype: np.dtype[Any], threads: int | None, *arguments: Any) -> None:
        if threads is not None and (not isinstance(threads, int) or threads < 1):
            raise ValueError(f"threads: expected a number of at least 1, got {threads!r}")
        real = "double" if dtype.itemsize > 4 else "float"
        if real not in libraries:
            libraries[real] = _library(derivation, real, place, flags)
        library = libraries[real]
        buffer = library.ffi.from_buffer
        given = [
            buffer("float[]" if a.dtype.itemsize == 4 else "double[]", a) if isinstance(a, np.ndarray) else a
            for a in arguments
        ]
        if getattr(library.lib, f"{c.layer_name(derivation)}_{function}")(*given, threads or 0):
            raise MemoryError(f"{function}: there is no memory for its sums")

    setattr(module, "_run", run)  # noqa: B010 - a module has no such attribute for the type checker
    return module


def _library(derivation: Derivation, real: str, folder: Path, flags: tuple[str, ...]) -> Any:
    """The compiled functions for arrays of float or double: those in the folder, or new ones."""
    text = c.module_text(derivation)
    options = [*FLAGS, *flags, f"-DREAL={real}"]
    key = hashlib.sha256("\n".join([text, *options, sys.version]).encode()).hexdigest()[:20]
    name = f"_derive_c_{key}"
    found = sorted(folder.glob(f"{name}.*.so")) or sorted(folder.glob(f"{name}.*.pyd"))
    return _loaded(name, found[0] if found else _built(derivation, text, real, options, folder, name))


def _built(derivation: Derivation, text: str, real: str, options: list[str], folder: Path, name: str) -> Path:
    try:
        cffi = importlib.import_module("cffi")
    except ImportError as error:
        raise UsageError("compiled C needs cffi: pip install 'derive[c]'") from error
    declarations = c.declarations(derivation, real)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        source = Path(own) / f"{c.layer_name(derivation)}.c"
        write_file(source, text)
        builder = cffi.FFI()
        builder.cdef(declarations)
        builder.set_source(
            name, f"#include <stdint.h>\n{declarations}", sources=[str(source)], extra_compile_args=options,
            extra_link_args=list(_LINKED),
        )  # fmt: skip
        built = Path(builder.compile(tmpdir=own))
        # Where another process has built the same, either will do.
        target = folder / built.name
        os.replace(built, target)
    return target


def _loaded(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
