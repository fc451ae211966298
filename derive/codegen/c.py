"""Derivations as a file of C99: `LAYER_forward` and `LAYER_backward` around the stages of a schedule.

    Input    a Derivation
    Output   the text of one file that needs a C99 compiler alone, with OpenMP and streaming stores where there are any

schedule/ finds the loops, c_printer.py prints them, functions_of_c.py the functions around them; runtime_c.h is what
files bring along, and c_names.py keeps a layer's names away from those of C.
"""

from __future__ import annotations

import re

from derive.codegen.contract import Checks
from derive.codegen.dialects import NUMPY, Like
from derive.codegen.functions_of_c import CFunction
from derive.codegen.loops import functions_of, text_around
from derive.codegen.module import module_description
from derive.codegen.residuals import Residuals
from derive.codegen.runtime_c import definitions_for, identifiers
from derive.codegen.schedule.recompute import Saved
from derive.codegen.signatures import bundle
from derive.codegen.wrapping import prose
from derive.derivation import Derivation

_COMPILED = (
    "Compile with `cc -O3 -march=native -ffp-contract=fast -fno-trapping-math -fopenmp -c {file}` and link with -lm."
    " Never with -ffast-math; -fno-trapping-math changes no result, but lets gcc compute several elements at once."
    " -DREAL=double makes the arrays double instead of float; numbers, and statistics that are saved for backward, are"
    " double anyway, and so is all arithmetic. Without -fopenmp there is one thread."
)
_CONTRACT = (
    "Arrays are in C order, without gaps, and results overlap with nothing else. Both functions return 0, or 1 where"
    " there is no memory. `threads` is how many to use, 0 for as many as pay off; the results do not depend on it."
    " Nothing is checked: it is for the caller to see to it that {conditions}."
)


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the file.

    Raises TypeError for an expression without loops. There is nothing of order 2: `second` must be None.
    """
    assert second is None
    layer, (saved, forward, backward) = layer_name(derivation), _functions(derivation)
    parts = []
    for function in (forward, backward):
        public = [*_documentation(function, derivation, layer), *function.public_lines(layer)]
        parts += ["\n".join(function.stage_lines), "\n".join(public)]
    body = "\n\n\n".join(parts)
    text = "\n\n\n".join([*definitions_for(body), body])
    headers = ["math.h", "stddef.h", "stdint.h", "stdlib.h", *(["string.h"] if "memcpy" in identifiers(text) else [])]
    includes = "\n".join(f"#include <{header}>" for header in headers)
    return "\n\n\n".join([_head(derivation, saved, layer), includes, text]) + "\n"


def declarations(derivation: Derivation, real: str) -> str:
    """The prototypes of both functions, for arrays of `real`: float or double."""
    _, forward, backward = _functions(derivation)
    return "\n".join(function.declaration(layer_name(derivation), real) for function in (forward, backward))


def python_text(derivation: Derivation) -> str:
    """A module for Python with the functions of a module of loops, which calls `_run` for those in C.

    `_run(function, dtype, threads, *arguments)` has to be put into it.
    """
    return text_around("", derivation, *_functions(derivation))


def layer_name(derivation: Derivation) -> str:
    """The name of the layer as an identifier."""
    name = re.sub(r"\W", "_", derivation.forward.name)
    return name if name.isidentifier() else f"layer_{name}"


def _functions(derivation: Derivation) -> tuple[Saved, CFunction, CFunction]:
    saved, forward, backward = functions_of(derivation)
    return saved, CFunction.of(forward, derivation), CFunction.of(backward, derivation)


def _head(derivation: Derivation, saved: Saved, layer: str) -> str:
    """The comment at the top."""
    residuals = Residuals(saved.quantities, (), True, "backward needs", NUMPY)
    description, _, last = module_description(derivation, None, residuals).rpartition("\n\n")
    checks = Checks(derivation.forward, Like("dtype"), NUMPY, "")
    conditions = ", ".join(checks.conditions) or "the extents are those of the arrays"
    use = [
        line
        for text in (_COMPILED.format(file=f"{layer}.c"), _CONTRACT.format(conditions=conditions))
        for line in ("", *prose(text))
    ]  # fmt: skip
    return in_comment("\n".join([description, *use, "", last]))


def in_comment(text: str) -> str:
    """A text as a comment, which nothing in it ends."""
    text = text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
    return f"/*\n{text}\n*/"


def _documentation(function: CFunction, derivation: Derivation, layer: str) -> list[str]:
    graph = derivation.forward if function.name == "forward" else derivation.backward
    outputs = bundle([derivation.forward.by_name[name] for name in derivation.forward.outputs])
    noun = "gradient" if len(graph.outputs) == 1 else "gradients"
    results = bundle([graph.by_name[name] for name in graph.outputs])
    if function.name == "forward":
        what = f"{results}, and what {layer}_backward needs."
    else:
        what = f"{results}, the {noun} of a loss whose gradient with respect to {outputs} is given."
    rows = {function.name_of(name): meaning for _, name, meaning in function.arguments()}
    width = max(map(len, rows)) + 4
    return [
        *(f"// {line}" for line in prose(what)),
        "//",
        *(f"//     {name:{width}}{meaning}" for name, meaning in rows.items()),
    ]
