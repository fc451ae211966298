"""Derivations as a module of NumPy functions for workers that hold some rows of a batch each.

    Input    a Derivation
    Output   the text of a module that imports NumPy alone

`forward_partial` and `backward_partial` sum up over the rows of one worker, `combine` puts the sums of all workers
together, and `forward_finish` and `backward_finish` compute the rest; where sums wait for sums, there is a partial for
each round. split.py finds the sums and their rounds, worker_functions.py writes the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.codegen.module import module_docstring, suppressions
from derive.codegen.runtime import ARRAY, RUNTIME, sources_for
from derive.codegen.runtime_workers import CHECK_ALIKE, COUNT, WIDE_ARRAY
from derive.codegen.worker_functions import backward_functions, forward_functions
from derive.codegen.worker_parts import Parts, Sums, parts_of
from derive.codegen.wrapping import call, prose
from derive.derivation import Derivation
from derive.errors import UsageError
from derive.functions import MaxOver, ProductOver

# How two parts of a reduction are one; sums are added.
_OPERATIONS = {MaxOver: "np.maximum", ProductOver: "operator.mul"}
# Names of `typing`, and what a text that needs them has in it.
_TYPES = {"Any": "[Any]", "TypeVar": "Sequence[Sums]"}
_WORDS = {MaxOver: "the maximum", ProductOver: "the product"}


def module_text(derivation: Derivation, second: Derivation | None = None) -> str:
    """The source of the module.

    Raises UsageError for a layer whose rows cannot be spread over workers, or a derivation in forward mode, and
    TypeError for an expression without array code. There is nothing of order 2: `second` must be None.
    """
    assert second is None
    if derivation.mode == "forward":
        raise UsageError("functions are generated for gradients, not for tangents: leave out the mode forward")
    parts = parts_of(derivation)
    functions = [*forward_functions(parts), *backward_functions(parts)]
    if parts.sums:
        functions.append(_combine_lines(parts.sums))
    body = "\n\n\n".join("\n".join(lines) for lines in functions)
    # Sums over rows in 16 bits would be rounded at every row.
    body = body.replace(f"{ARRAY.__name__}(", f"{WIDE_ARRAY.__name__}(")
    classes = [*(_class_lines(sums) for sums in parts.sums), parts.residuals.class_lines()]
    sources = sources_for(body, [*RUNTIME, WIDE_ARRAY, COUNT, CHECK_ALIKE])
    saved = (*parts.residuals.quantities, *(q for sums in parts.sums for q in sums.quantities))
    names = replace(parts.residuals, quantities=saved)
    return "\n".join([
        *suppressions(derivation, None, names),
        module_docstring(derivation, None, parts.whole, _remark(parts)),
        "",
        "from __future__ import annotations",
        "",
        *_imports("\n".join([body, *sources])),
        *(f"\n\n{text}" for text in ("\n".join(lines) for lines in classes)),
        *_type_lines(parts.sums),
        "",
        "",
        body,
        *(f"\n\n{source}" for source in sources),
    ]) + "\n"  # fmt: skip


def can_be_split(derivation: Derivation) -> bool:
    """Whether the rows of a layer can be spread over workers."""
    try:
        parts_of(derivation)
    except UsageError:
        return False
    return True


def _imports(text: str) -> list[str]:
    modules = [name for name in ("functools", "math", "operator") if f"{name}." in text]
    sequence = ["from collections.abc import Sequence"] if "Sequence[" in text else []
    typed = [name for name, mark in _TYPES.items() if mark in text]
    names = sorted(["NamedTuple", *typed])
    lines = [*(f"import {name}" for name in modules), *sequence, f"from typing import {', '.join(names)}"]
    return [*lines, "", "import numpy as np"]


def _remark(parts: Parts) -> str:
    """What the functions are for, and the order in which they are called."""
    rows = parts.rows
    whole = (
        f"The rows of the batch, the axis {rows.extent}, are spread over workers: each has {rows.local} of them, as"
        " many as it likes, or none, and calls the functions with its part of each array that has this axis, and with"
        " the whole of all others. A result with this axis is the worker's part of it; any other is that of the whole"
        " batch, the same on every worker."
    )
    if not parts.sums:
        return f"{whole} Nothing is reduced over the rows, so that the workers need nothing of each other."
    names = [f"`{sums.partial}`" for sums in parts.sums]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return (
        f"{whole} What {listed} return{'s' if len(names) == 1 else ''} on each worker, `combine` puts"
        " together, and what comes next takes that."
    )


def _class_lines(sums: Sums) -> list[str]:
    """The NamedTuple of what one partial returns."""
    return [
        f"class {sums.kind}(NamedTuple):",
        f'    """What `{sums.partial}` takes of the rows of one worker, and `combine` of those of all."""',
        "",
        *sums.field_lines(),
    ]


def _type_lines(sums: Sequence[Sums]) -> list[str]:
    """The lines that say what `combine` takes, where it takes several types."""
    if len(sums) < 2:
        return []
    return ["", "", *call("Sums = TypeVar", ['"Sums"', *(each.kind for each in sums)], "", indent=0)]


def _combine_lines(sums: Sequence[Sums]) -> list[str]:
    """The function `combine`."""
    others = {e.name: type(e.expression) for each in sums for e in each.equations if type(e.expression) in _OPERATIONS}
    kind = sums[0].kind if len(sums) == 1 else "Sums"
    groups = {how: [name for name in others if others[name] is how] for how in others.values()}
    said = [f"; of {', '.join(names)}, {_WORDS[how]}" for how, names in groups.items()]
    rule = f"Of the parts of each field, the sum is taken{''.join(said)}."
    if not others:
        rule = "The parts of each field are added, so that an all-reduce (sum) of each does the same."
    first = "Return the sums over the rows of all workers from those of each, in any order."
    wrong = "Parts of another type or dtype are a TypeError, those of another shape, or none at all, a ValueError."
    kinds = f"({', '.join(each.kind for each in sums)}{',' * (len(sums) == 1)})"
    lines = [
        f"def combine(parts: Sequence[{kind}]) -> {kind}:",
        f'    """{first}',
        "",
        *prose(f"{rule} {wrong}", 4),
        '    """',
        *call(CHECK_ALIKE.__name__, ["parts", kinds], ""),
    ]
    if not others:
        return [
            *lines,
            "    added = (functools.reduce(operator.add, values) for values in zip(*parts, strict=True))",
            "    return type(parts[0])(*added)",
        ]
    table = [f'"{name}": {_OPERATIONS[how]}' for name, how in others.items()]
    return [
        *lines,
        f"    operations = {{{', '.join(table)}}}",
        "    fields = zip(parts[0]._fields, zip(*parts, strict=True), strict=True)",
        "    made = (functools.reduce(operations.get(field, operator.add), values) for field, values in fields)",
        "    return type(parts[0])(*made)",
    ]
