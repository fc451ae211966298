"""Derivations as a module of plain NumPy functions: forward, backward, double_backward, and the residuals between them.

    Input    a Derivation, and if wanted that of its gradients' own gradients
    Output   the text of a module that imports NumPy alone; or the module itself, made from that text

Each line of the generated functions is one equation of a derivation, under the paper's name for it.
"""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from types import ModuleType

from derive.codegen.dialects import NUMPY
from derive.codegen.module import Parts, write_module
from derive.codegen.runtime import RUNTIME
from derive.derivation import Derivation, Form
from derive.errors import UsageError
from derive.graph import Graph, Mode
from derive.pipeline import derive_in_turn

# Of the gradients that there are functions for.
HIGHEST_ORDER = 2


def derivations_for_code(
    layer: Graph | str,
    form: Form,
    wrt: Sequence[str] | None = None,
    order: int = 1,
    mode: Mode = "reverse",
    in_terms_of: Sequence[str] = (),
) -> tuple[Derivation, ...]:
    """What `module_text` and `compile_derivation` take for functions up to an order.

    `layer` and the options are those of `derive_in_turn`. Raises what that raises, and UsageError for an order above 2
    and for the mode `forward`.
    """
    if mode == "forward":
        raise UsageError("functions are generated for gradients, not for tangents: leave out the mode forward")
    if not 1 <= order <= HIGHEST_ORDER:
        raise UsageError(f"functions are of order 1 (backward) and 2 (double_backward), not of order {order}")
    return derive_in_turn(layer, form, wrt, order, in_terms_of=in_terms_of)


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module, as `write_module` says."""
    return write_module(derivation, second, NUMPY, _PARTS)


def _imports(text: str) -> list[str]:
    return [*(["import math"] if "math." in text else []), "from typing import NamedTuple", "", "import numpy as np"]


_PARTS = Parts(_imports, RUNTIME)


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
