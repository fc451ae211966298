"""The tables of the page on higher orders: the derivatives of one function, computed and recorded, side by side.

    Input    the numbers of `higher_orders.py`
    Output   what the directives of the page put in

The directives are:

    {{inputs}}      the batch, as Python
    {{digits}}      every derivative by differences, and by every way that there is
    {{measured}}    the versions of torch that were asked
    {{torch}}       what they returned
    {{issue}}       the same for the example in torch's issue 196699
    {{saved}}       the wrong ones among these, made on purpose
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath

from derive.arithmetic import Number
from derive.pages.higher_orders import (
    WAYS,
    Way,
    by_sweeps,
    closed,
    differences,
    recorded,
    saved_gradient,
    saved_tangent,
)

Cell = float | str  # what torch returned, or the message with which it declined

NAMES = {1: "f′", 2: "f″", 3: "f‴"}
# What the recorded rows are about: a name, and the key of `differences`.
TORCH_ROWS: Mapping[str, tuple[str, int | str]] = {
    **{str(order): (name, order) for order, name in NAMES.items()},
    "mixed": ("∂²f/∂s∂t", "mixed"),
}
WRONG = 1e-9  # relative; a right answer in float64 is well within, a wrong one far outside
_SHOWN = 30  # digits


def _input_lines() -> str:
    return "\n".join(f"{name} = {json.dumps(nested)}" for name, nested in recorded()["inputs"].items())


def _digits_table() -> str:
    """Each derivative as the differences have it, and all that `derive` makes of it."""
    lines = ["| | | digits | minus the differences |", "| :-- | :-- | --: | --: |"]
    for order, name in NAMES.items():
        rows = [(compose(way), by_sweeps(way, "v" * order)) for way in WAYS if len(way) == order]
        if order > 1:
            rows.append((f"`derive(…, order={order})`, closed", closed(order)))
        lines += _digit_rows(name, differences()[order], rows)
    mixed: Way = ("forward", "forward")
    lines += _digit_rows(TORCH_ROWS["mixed"][0], differences()["mixed"], [(compose(mixed), by_sweeps(mixed, "uv"))])
    return "\n".join(lines)


def _digit_rows(name: str, truth: Number, rows: Sequence[tuple[str, Number]]) -> list[str]:
    lines = [f"| **{name}** | differences of the true function | {_long(truth)} | |"]
    return lines + [f"| | {how} | {_long(value)} | {_short(value - truth)} |" for how, value in rows]


def _long(value: Number) -> str:
    return str(mpmath.nstr(value, _SHOWN, strip_zeros=False)).replace("-", "−")


def _short(value: Number) -> str:
    return str(mpmath.nstr(value, 1)).replace(".0e", "e").replace("-", "−")


def compose(way: Way) -> str:
    """The calls that a way is, the last sweep outermost."""
    calls = ["vjp" if mode == "reverse" else "jvp" for mode in reversed(way)]
    return "`" + "(".join([*calls, recorded()["layer"]]) + ")" * len(calls) + "`"


def _torch_table() -> str:
    """A row for every way to ask torch, a column for every way to write the function; wrong numbers stand out."""
    measured, columns = recorded()["torch"], recorded()["columns"]
    lines = ["| | torch | true | " + " | ".join(columns) + " |", "| :-- | :-- |" + " --: |" * (len(columns) + 1)]
    shown = ""
    for rows in zip(*(one["rows"] for one in measured), strict=True):
        name, key = TORCH_ROWS[rows[0]["derivative"]]
        truth = float(differences()[key])
        cells = [_versions([_cell(row[column], truth) for row in rows]) for column in columns]
        label = f"**{name}**" if name != shown else ""
        lines.append("| " + " | ".join([label, f"`{rows[0]['how']}`", _plain(truth), *cells]) + " |")
        shown = name
    return "\n".join(lines)


def _versions(cells: Sequence[str]) -> str:
    """What the versions of torch agree on, or what each has."""
    if len(set(cells)) == 1:
        return cells[0]
    return "; ".join(f"{_version(one)}: {cell}" for one, cell in zip(recorded()["torch"], cells, strict=True))


def _version(measurement: Mapping[str, Any]) -> str:
    return str(measurement["torch"]).partition("+")[0]


def is_wrong(cell: Cell, truth: float) -> bool:
    """Whether torch returned a number and it is not the derivative."""
    return not isinstance(cell, str) and not abs(cell - truth) <= WRONG * abs(truth)


def _cell(cell: Cell, truth: float) -> str:
    if isinstance(cell, str):
        return "raises"
    return f"**{_plain(cell)}** wrong" if is_wrong(cell, truth) else _plain(cell)


def _saved_table() -> str:
    """The wrong numbers of the fused norms, and the same mistake made on purpose."""
    rows = [
        ("3", "func.grad(func.grad(func.grad(f)))", "the closed gradient of order 2, once more", saved_gradient()),
        ("2", "func.jvp(func.jvp(f))", "the tangent, once more", saved_tangent("vv")),
        ("3", "func.jvp(func.jvp(func.jvp(f)))", "the tangent, twice more", saved_tangent("vvv")),
        ("mixed", "func.jvp(func.jvp(f)), t first", "the tangent, once more", saved_tangent("vu")),
        ("mixed", "func.jvp(func.jvp(f)), s first", "the tangent, once more", saved_tangent("uv")),
    ]
    head = f"| | torch | {recorded()['fused']} | differentiated with μ and σ² held | |"
    lines = [head, "| :-- | :-- | --: | :-- | --: |"]
    for derivative, how, ours, value in rows:
        name, theirs = TORCH_ROWS[derivative][0], torch_number(derivative, how)
        lines.append(f"| **{name}** | `{how}` | {_plain(theirs)} | {ours} | {_plain(float(value))} |")
    return "\n".join(lines)


def torch_number(derivative: str, how: str) -> float:
    """What the last version of torch that was measured returned for the fused function."""
    rows = recorded()["torch"][-1]["rows"]
    return float(next(row[recorded()["fused"]] for row in rows if (row["derivative"], row["how"]) == (derivative, how)))


def _measured() -> str:
    """What was measured, on what, and when."""
    lines = []
    for one in recorded()["torch"]:
        on = f"Python {one['python']}, {one['dtype']}, {one['device']}, {one['date']}"
        declined = sorted({cell for row in one["rows"] for cell in row.values() if "Error: " in str(cell)})
        lines.append(f"- torch {one['torch']}, {on}" + "".join(f"; raises: `{message}`" for message in declined))
    return "\n".join(lines)


def _issue() -> str:
    """The example of torch's issue 196699, as each version computes it."""
    lines = []
    for one in recorded()["torch"]:
        found = {column: _plain(value) for column, value in one["issue 196699"].items()}
        lines.append(f"- torch {_version(one)}: {found['fused']} fused, {found['primitives']} from primitives")
    return "\n".join(lines)


def _plain(value: float) -> str:
    return f"{value:.9f}".replace("-", "−")


WRITERS: dict[str, Callable[[str, str], str]] = {
    "inputs": lambda name, rest: _input_lines(),
    "digits": lambda name, rest: _digits_table(),
    "torch": lambda name, rest: _torch_table(),
    "saved": lambda name, rest: _saved_table(),
    "measured": lambda name, rest: _measured(),
    "issue": lambda name, rest: _issue(),
}
