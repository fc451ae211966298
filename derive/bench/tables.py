"""The tables of what was measured: ratios first, since they are what carries over to another machine.

    Input    a Report
    Output   text for a terminal, or Markdown
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypedDict, TypeVar

from derive.bench.accuracy import REFERENCE, Accuracy, Errors
from derive.bench.functions import BY_HAND, CHAIN_RULE, TORCH
from derive.bench.machine import Machine
from derive.bench.shapes import shape_text
from derive.bench.speed import Case, Row, Speed
from derive.bench.timing import PHASES, Spread
from derive.counting import aligned_table

# What a time is divided by: the first two that are there.
_BASES = (BY_HAND, TORCH, CHAIN_RULE)
_ABSENT = "–"

AnyCase = TypeVar("AnyCase", Case, Errors)
# Titles and rows.
Table = tuple[list[str], list[list[str]]]


class Report(TypedDict):
    """What was measured of a layer, when, and on what; what was not measured is None."""

    layer: str
    date: str
    machine: Machine
    speed: Speed | None
    accuracy: Accuracy | None


def report_text(report: Report) -> str:
    """The report for a terminal: a table for each shape, dtype and phase, and for the errors of each dtype."""
    parts = [f"{report['layer']}, {_provenance(report)}\n"]
    for case in report["speed"]["cases"] if report["speed"] else ():
        parts.append("\n".join(filter(None, [case_title(case), _limit_sentence(case)])) + "\n")
        parts += [plain_table(*speed_table(case, phase)) for phase in PHASES]
    if accuracy := report["accuracy"]:
        for dtype, cases in by_dtype(accuracy["cases"]):
            parts += [f"{_errors_title(accuracy, dtype)}\n", plain_table(*accuracy_table(accuracy, cases))]
    return "\n".join([*parts, *(f"{note}\n" for note in _notes(report))])


def report_markdown(report: Report) -> str:
    """The report as a part of a page: the shapes side by side."""
    parts = [f"## {report['layer']}\n", f"{_provenance(report)[:1].upper()}{_provenance(report)[1:]}.\n"]
    for dtype, cases in by_dtype(report["speed"]["cases"] if report["speed"] else []):
        for phase in PHASES:
            titles, rows = overview_table(cases, phase)
            parts += [f"### {phase.capitalize()}, {dtype}: {_cell_text(cases)}\n", aligned_table(titles, rows)]
    if accuracy := report["accuracy"]:
        for dtype, errors in by_dtype(accuracy["cases"]):
            parts += [f"### {_errors_title(accuracy, dtype)}\n", aligned_table(*accuracy_table(accuracy, errors))]
    notes = _notes(report)
    return "\n".join([*parts, *(["".join(f"- {note}\n" for note in notes)] if notes else [])])


def by_dtype(cases: Sequence[AnyCase]) -> Iterator[tuple[str, list[AnyCase]]]:
    """The cases of each dtype."""
    for dtype in dict.fromkeys(case["dtype"] for case in cases):
        yield dtype, [case for case in cases if case["dtype"] == dtype]


def plain_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = [
        "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])
        for cells in (titles, *rows)
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _provenance(report: Report) -> str:
    own = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in own["versions"].items())
    return f"measured on {report['date']}, {own['processor']}, {own['cores']} cores; {versions}"


def _notes(report: Report) -> list[str]:
    """What there was to remark, each once."""
    return list(dict.fromkeys(n for part in (report["speed"], report["accuracy"]) if part for n in part["notes"]))


def _errors_title(accuracy: Accuracy, dtype: str) -> str:
    return f"Errors in u, {dtype}: {' / '.join(accuracy['results'])}"


def case_title(case: Case) -> str:
    """N × D = 4096x1024, float32."""
    return f"{' × '.join(case['shape']) or 'scalars'} = {shape_text(case['shape'])}, {case['dtype']}"


def _limit_sentence(case: Case) -> str:
    if not case["limit"]:
        return ""
    parts = [f"{case['moves'][p]:.3g} arrays {p}, {seconds_text(case['limit'][p])}" for p in PHASES]
    return f"The limit, at {case['bandwidth'] / 1e9:.3g} GB/s: {'; '.join(parts)}."


def speed_table(case: Case, phase: str) -> Table:
    """A row for each contender: its ratios, its share of the limit, its median and quartiles."""
    bases = _bases(case)
    limit = ["of the limit"] if case["limit"] else []
    titles = [phase, *(f"÷ {base['name']}" for base in bases), *limit, "median", "quartiles"]
    return titles, [[row["name"], *_ratios(case, row, bases, phase), *_times(row, phase)] for row in case["rows"]]


def overview_table(cases: Sequence[Case], phase: str) -> Table:
    """A row for each contender and a column for each shape: ratios, share of the limit, median."""
    names = dict.fromkeys(row["name"] for case in cases for row in case["rows"])
    titles = ["", *(shape_text(case["shape"]) for case in cases)]
    return titles, [[name, *(_overview_cell(case, name, phase) for case in cases)] for name in names]


def _overview_cell(case: Case, name: str, phase: str) -> str:
    row = next((row for row in case["rows"] if row["name"] == name), None)
    if row is None:
        return _ABSENT
    return " / ".join([*_ratios(case, row, _bases(case), phase), _times(row, phase)[0]])


def _cell_text(cases: Sequence[Case]) -> str:
    """What the cells of an overview hold."""
    limit = ["share of the limit"] if cases[0]["limit"] else []
    return " / ".join([*(f"÷ {base['name']}" for base in _bases(cases[0])), *limit, "median"])


def _bases(case: Case) -> list[Row]:
    return [row for name in _BASES for row in case["rows"] if row["name"] == name][:2]


def _ratios(case: Case, row: Row, bases: Sequence[Row], phase: str) -> list[str]:
    own = row["times"][phase]["median"]
    share = [f"{100 * case['limit'][phase] / own:.0f} %"] if case["limit"] else []
    return [*(ratio_text(own / base["times"][phase]["median"]) for base in bases), *share]


def _times(row: Row, phase: str) -> list[str]:
    return [seconds_text(row["times"][phase]["median"]), _quartiles_text(row["times"][phase])]


def _quartiles_text(times: Spread) -> str:
    """The quartiles, in the unit of the upper one."""
    number, unit = seconds_text(times["high"]).split(" ")
    factor = _UNITS[unit]
    return f"{times['low'] * factor:.3g}–{number} {unit}"


_UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6}


def seconds_text(seconds: float) -> str:
    """Three digits, in seconds, milliseconds or microseconds."""
    unit = "s" if seconds >= 1 else "ms" if seconds >= 1e-3 else "µs"
    return f"{_three_digits(seconds * _UNITS[unit])} {unit}"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio_text(ratio: float) -> str:
    """Two digits behind the point, fewer of large numbers."""
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.3g}"


def accuracy_table(accuracy: Accuracy, cases: Sequence[Errors]) -> Table:
    """Titles and rows: for each case and candidate the errors, in the order of the results."""
    there = [name for name in accuracy["candidates"] if any(case["errors"].get(name) for case in cases)]
    rows = [[case["case"], *(_errors_text(case["errors"].get(name)) for name in there)] for case in cases]
    return ["", *(f"{name} itself" if name == REFERENCE else name for name in there)], rows


def _errors_text(errors: Sequence[float | None] | None) -> str:
    return _ABSENT if errors is None else " / ".join(map(error_text, errors))


def error_text(error: float | None) -> str:
    """Two digits; one and an exponent of what is large."""
    if error is None:
        return _ABSENT
    error = float(error)  # recorded, what is not finite is a string
    if not math.isfinite(error):
        return "nan" if math.isnan(error) else "inf"
    if error == 0:
        return "0"
    if error < 0.01:
        return "<0.01"
    if error < 1000:
        return f"{error:.2g}" if error < 100 else f"{error:.0f}"
    digit, _, exponent = f"{error:.0e}".partition("e")
    return f"{digit}e{int(exponent)}"
