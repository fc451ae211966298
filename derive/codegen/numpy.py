"""Derivations as a module of plain NumPy functions: forward, backward, double_backward, and the residuals between them.

    Input    a Derivation, and if wanted that of its gradients' own gradients
    Output   the text of a module that imports NumPy alone; or the module itself, made from that text

Each line of the generated functions is one equation of a derivation, under the paper's name for it.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Sequence
from types import ModuleType

from derive.codegen.axes import Code
from derive.codegen.centering import with_rests
from derive.codegen.dialects import Dialect, Like, axis_text
from derive.codegen.module import Parts, write_module
from derive.codegen.runtime import ARE_CLOSE, MEAN, RUNTIME, SUM, WORKING_OF
from derive.codegen.runtime_tiles import CONSTANTS, TILE_RUNTIME
from derive.derivation import Derivation, Form
from derive.errors import UsageError
from derive.graph import Graph, Mode
from derive.pipeline import derive_in_turn

_SUMS = {"sum": SUM.__name__, "mean": MEAN.__name__}


class Numpy(Dialect):
    """NumPy as the generated modules have it: sums over many rows that keep their digits, `out`, `precise`."""

    has_options = True
    dtypes = "float16, bfloat16, float32, float64 or longdouble"

    def reduce(self, method: str, body: Code, places: Sequence[int] | None) -> str:
        if method in _SUMS and places is not None and places[0] == 0:
            return f"{_SUMS[method]}({body}, axis={axis_text(places)})"
        return super().reduce(method, body, places)

    def working_lines(self, array: str) -> list[str]:
        return [
            f"    dtype = {array}.dtype",
            f"    {array} = {array}.astype({WORKING_OF.__name__}(dtype, precise), copy=False)",
        ]

    def given_to_arrays(self, like: Like) -> str:
        return f"dtype, {like.dtype}"

    def close(self, left: Code, right: Code, like: Like) -> str:
        return f"{ARE_CLOSE.__name__}({left}, {right}, dtype)"


# Of the gradients that there are functions for.
HIGHEST_ORDER = 2


def derivations_for_code(
    layer: Graph | str,
    form: Form,
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
    timeout: float | None = None,
) -> tuple[Derivation, ...]:
    """What `module_text` and `compile_derivation` take for functions up to an order.

    `layer` and the options are those of `derive_in_turn`. Raises what that raises, and UsageError for an order above 2
    and for the mode `forward`.
    """
    if mode == "forward":
        raise UsageError("functions are generated for gradients, not for tangents: leave out the mode forward")
    if not 1 <= order <= HIGHEST_ORDER:
        raise UsageError(f"functions are of order 1 (backward) and 2 (double_backward), not of order {order}")
    return derive_in_turn(layer, form, wrt, order, in_terms_of=in_terms_of, timeout=timeout)


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module, as `write_module` says."""
    return write_module(derivation, second, Numpy(), _PARTS)


def _imports(text: str) -> list[str]:
    text += CONSTANTS if "_LARGE" in text else ""
    typing = "Any, NamedTuple" if re.search(r"\bAny\b", text) else "NamedTuple"
    abstract = [name for name in ("Callable", "Sequence") if f"{name}[" in text]
    return [
        *(f"import {name}" for name in ("math", "os", "threading") if f"{name}." in text),
        *([f"from collections.abc import {', '.join(abstract)}"] if abstract else []),
        *(["from concurrent.futures import ThreadPoolExecutor"] if "ThreadPoolExecutor" in text else []),
        f"from typing import {typing}",
        "",
        "import numpy as np",
        *(["", CONSTANTS] if "_LARGE" in text else []),
    ]


_PARTS = Parts(_imports, (*RUNTIME, *TILE_RUNTIME), rewrite=with_rests)


def compile_derivation(derivation: Derivation, second: Derivation | None = None) -> ModuleType:
    """The module of a derivation, with `forward`, `backward` and `Residuals`; with `second`, `double_backward`, too."""
    return compile_text(module_text(derivation, second), derivation.forward.name)


def compile_text(text: str, name: str) -> ModuleType:
    """A module from the text that `module_text` wrote: never from anybody else's.

    The text is kept for tracebacks and `inspect`.
    """
    module = ModuleType(name, None)
    file = f"<derived {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module
