"""The evidence for a derivation: one row for each line and oracle.

What is committed states the bounds that were met; the measured errors, which differ from machine to machine in their
last digits, are for the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from derive.color import PLAIN, Palette
from derive.shown import Shown

_COLUMNS = 100
_LINE = 58


@dataclass(frozen=True)
class Row:
    """One line of a derivation (or one function, or one property) against one oracle.

    `worst` is the largest relative error on all the data, `data` where it was found; `note` says what is wrong where
    that is not a number. `step` is the number of the derivation's step, if the row is about one.
    """

    line: str
    oracle: str
    worst: float
    bound: float
    data: str
    step: int | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is within its bound; a NaN is not."""
        return not self.note and self.worst <= self.bound

    @property
    def fault(self) -> str:
        """Why it did not pass; empty where it did."""
        if self.passed:
            return ""
        return self.note or f"the error is {self.worst:.2g}, allowed is {self.bound_text}, on {self.data}"

    @property
    def bound_text(self) -> str:
        """What was required: "exact", or "< 1e-30"."""
        return "exact" if self.bound == 0 else f"< {self.bound:.0e}"


@dataclass(frozen=True)
class Report(Shown):
    """What was checked for one derivation, on which data, and how it came out.

    `warnings` are about the layer itself, or say what was left out, each a line of text; whether the derivation passed
    is another matter.
    """

    layer: str
    form: str
    order: int
    data: tuple[str, ...]
    rows: tuple[Row, ...]
    mode: str = "reverse"
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Report on {self.headline}>"

    @property
    def passed(self) -> bool:
        """Whether every row passed, and there was something to pass."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that did not pass."""
        return tuple(row for row in self.rows if not row.passed)

    @property
    def headline(self) -> str:
        """What was checked, and how it came out, on one line."""
        failed = len(self.failures)
        verdict = f"{failed} of {len(self.rows)} checks FAILED" if failed else f"all {len(self.rows)} checks passed"
        order = f", order {self.order}" if self.order > 1 else ""
        mode = "" if self.mode == "reverse" else f", {self.mode} mode"
        return f"{self.layer}, {self.form} form{order}{mode}: {verdict}, on {len(self.data)} sets of data"

    def to_json(self, measured: bool = False) -> dict[str, Any]:
        """The report as plain dictionaries and lists; with the measured errors when asked, else only the bounds."""
        rows: list[dict[str, Any]] = []
        for row in self.rows:
            entry: dict[str, Any] = {"step": row.step, "line": row.line, "oracle": row.oracle, "bound": row.bound_text}
            if measured or not row.passed:
                entry |= {"worst": str(row.worst) if row.worst != row.worst or row.worst > 1e300 else row.worst}
                entry |= {"data": row.data}
            rows.append(entry | ({"note": row.note} if row.note else {}) | {"passed": row.passed})
        return {
            "layer": self.layer,
            "form": self.form,
            "mode": self.mode,
            "order": self.order,
            "passed": self.passed,
            "data": list(self.data),
            "rows": rows,
            **({"warnings": list(self.warnings)} if self.warnings else {}),
        }

    def text(self, measured: bool = True, palette: Palette = PLAIN) -> str:
        """The report as a table of 100 columns; with the measured errors, or only the bounds that were met."""
        titles = _columns("step", "line", "oracle", "error" if measured else "bound", "")
        head = palette.bad(self.headline) if self.failures else self.headline
        lines = [head, "", palette.heading(titles), "-" * _COLUMNS]
        for row in self.rows:
            lines += _row_lines(row, measured, palette)
        width = _COLUMNS - 6
        data = textwrap.wrap("; ".join(self.data), width, initial_indent="data: ", subsequent_indent="      ")
        for warning in self.warnings:
            data += ["", *textwrap.wrap(f"warning: {warning}", _COLUMNS, subsequent_indent=" " * 9)]
        return "\n".join([*lines, "", *data]) + "\n"


def _row_lines(row: Row, measured: bool, palette: Palette) -> Iterator[str]:
    first, *more = textwrap.wrap(row.line, _LINE, subsequent_indent="  ") or [""]
    error = f"{row.worst:.0e}" if measured and row.worst else ("0" if measured else row.bound_text)
    verdict = "ok" if row.passed else "FAIL"
    front = _columns("" if row.step is None else str(row.step), first, row.oracle, error, verdict).removesuffix(verdict)
    yield front + (palette.good(verdict) if row.passed else palette.bad(verdict))
    for line in more:
        yield _columns("", line, "", "", "")
    for line in textwrap.wrap(row.fault, _COLUMNS - 10):
        yield f"      ! {line}"


def _columns(step: str, line: str, oracle: str, error: str, verdict: str) -> str:
    return f"{step:>4}  {line:<{_LINE}}  {oracle:<19} {error:>7} {verdict:>4}".rstrip()
