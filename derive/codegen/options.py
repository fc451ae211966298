"""What generated functions with `out`, `threads` and `precise` have more: parameters, sentences, results, tiles."""

from __future__ import annotations

from collections.abc import Sequence

from derive.codegen.contract import tuple_text
from derive.codegen.residuals import WORKING
from derive.codegen.runtime import CHECK_OUT, FINISHED
from derive.codegen.runtime_tiles import IS_LARGE
from derive.codegen.signatures import signature
from derive.codegen.tiled_functions import TiledFunction
from derive.codegen.wrapping import WIDTH, call, prose, statement
from derive.graph import Quantity

_OPTIONS = {
    "out": "`out` is an array that the result goes into, or a tuple with an array or None for each result with axes.",
    "threads": "`threads` is how many to use for large arrays, None for as many as pay off; no result depends on it.",
    "precise": (
        "What has 16 bits is computed in float32, all else in its own dtype; with `precise` in float64 at least, and"
        " rounded once."
    ),
}


def options_of(results: Sequence[Quantity]) -> list[str]:
    """The parameters `out` and `threads`."""
    arrays = [quantity for quantity in results if quantity.indices]
    kind = "np.ndarray | None" if len(arrays) == 1 else "tuple[np.ndarray | None, ...] | None"
    return [*([f"out: {kind} = None"] if arrays else []), "threads: int | None = None"]


def option_sentences(options: Sequence[str]) -> list[str]:
    """What the docstring says of the options."""
    return [_OPTIONS[option.partition(":")[0]] for option in options]


def out_lines(results: Sequence[Quantity], options: Sequence[str]) -> list[str]:
    """The lines that check `out`, before anything is computed, where there is that option."""
    if not any(option.startswith("out:") for option in options):
        return []
    shapes = [f"{q.name}={tuple_text(q.extents)}" for q in results if q.indices]
    return ["    if out is not None:", *call(CHECK_OUT.__name__, ["out", "dtype", *shapes], "", 8)]


def finished(names: Sequence[str], options: Sequence[str]) -> str:
    """The text of results in their dtype, in `out` where there is that option."""
    out = "out" if any(option.startswith("out:") for option in options) else "None"
    return f"{FINISHED.__name__}({', '.join([out, 'dtype', *(f'{name}={name}' for name in names)])})"


def finished_lines(gradients: Sequence[Quantity], options: Sequence[str]) -> list[str]:
    """The lines that make gradients what is returned."""
    names = [q.name for q in gradients]
    text = finished(names, options)
    target = ", ".join(names) if len(names) > 1 else tuple_text(names)
    if len(target) < WIDTH // 2:
        return statement(target, text)
    head, arguments = text.split("(", maxsplit=1)
    values = call(f") = {head}", arguments.removesuffix(")").split(", "), "")
    return ["    (", *prose(f"{', '.join(names)},", 8), *values]


def tile_lines(
    name: str,
    tiled: TiledFunction | None,
    names: Sequence[str],
    saved: set[str],
    options: Sequence[str],
    kind: str,
    returned: Sequence[str],
) -> tuple[list[str], list[str]]:
    """The lines that call a function that goes over tiles where that pays off, and its own; none where there is none.

    `names` are what it may be given, `saved` those that it returns besides what it computes.
    """
    if tiled is None:
        return [], []
    given = [each for each in names if each in tiled.uses or each in saved]
    given += ["dtype", *(["out"] if any(option.startswith("out:") for option in options) else []), "threads"]
    types = {"dtype": "np.dtype", WORKING: "np.dtype", "threads": "int | None"}
    calling = [
        f"    if {IS_LARGE.__name__}({tiled.large}{', columns=True' if tiled.by_column else ''}):",
        *call(f"return _{name}_in_tiles", given, "", 8),
    ]
    return calling, [
        "",
        "",
        *signature(f"_{name}_in_tiles", [f"{each}: {types.get(each, 'Any')}" for each in given], kind),
        *prose(f'"""Return what `{name}` does, by way of tiles of rows, which stay in the cache meanwhile."""', 4),
        *tiled.body,
        *returned,
        *tiled.passes,
    ]
