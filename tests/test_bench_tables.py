"""The tables, from numbers that are made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from derive.bench.record import record, recorded, report_data
from derive.bench.speed import Case, Row
from derive.bench.tables import (
    Report,
    error_text,
    overview_table,
    plain_table,
    ratio_text,
    report_markdown,
    report_text,
    seconds_text,
    speed_table,
)
from derive.bench.timing import PHASES, Spread


def row(name: str, median: float) -> Row:
    times: Spread = {"median": median, "low": median * 0.9, "high": median * 1.1, "samples": 5}
    return {"name": name, "times": {"forward": times, "backward": {**times, "median": 2 * median}}}


def case(*rows: Row, limit: bool = True) -> Case:
    return {
        "shape": {"N": 64, "D": 128},
        "dtype": "float32",
        "rows": list(rows),
        "bandwidth": 2e10,
        "moves": {"forward": 3.0, "backward": 5.0} if limit else {},
        "limit": {"forward": 1e-3, "backward": 2e-3} if limit else {},
    }


CASE = case(row("numpy", 2e-3), row("by hand", 4e-3), row("torch", 1e-3))
REPORT: Report = {
    "layer": "mine",
    "date": "2030-01-31",
    "machine": {"processor": "Abacus", "cores": 2, "versions": {"Python": "3.12.0"}},
    "speed": {"cases": [CASE], "notes": ["jax is not installed"]},
    "accuracy": {
        "results": ["y", "dx"],
        "candidates": ["reference", "numpy", "by hand"],
        "cases": [
            {
                "dtype": "float32",
                "case": "easy",
                "shape": {"N": 4},
                "errors": {"reference": [0.0, 1e-9], "numpy": [0.92, math.nan], "by hand": None},
            },
            {
                "dtype": "float32",
                "case": "hard",
                "shape": {"N": 4},
                "errors": {"reference": [0.0, 0.0], "numpy": [12345.0, math.inf], "by hand": [150.0, 12.3]},
            },
        ],
        "notes": [],
    },
}


def test_ratios_come_first() -> None:
    titles, rows = speed_table(CASE, "forward")
    assert titles == ["forward", "÷ by hand", "÷ torch", "of the limit", "median", "quartiles"]
    assert rows[0] == ["numpy", "0.50", "2.00", "50 %", "2 ms", "1.8–2.2 ms"]
    assert [cells[1] for cells in rows] == ["0.50", "1.00", "0.25"]
    assert speed_table(CASE, "backward")[1][0][3:5] == ["50 %", "4 ms"]


def test_without_baselines_it_is_the_chain_rule_and_without_a_limit_none() -> None:
    titles, rows = speed_table(case(row("numpy", 1e-6), row("chain rule", 3e-6), limit=False), "forward")
    assert titles == ["forward", "÷ chain rule", "median", "quartiles"]
    assert rows[0] == ["numpy", "0.33", "1 µs", "0.9–1.1 µs"]


def test_shapes_side_by_side() -> None:
    other: Case = {**case(row("numpy", 1.0), row("by hand", 1.0)), "shape": {"N": 7}}
    titles, rows = overview_table([CASE, other], "forward")
    assert titles == ["", "64x128", "7"]
    assert rows[0] == ["numpy", "0.50 / 2.00 / 50 % / 2 ms", "1.00 / 0 % / 1 s"]
    assert rows[2] == ["torch", "0.25 / 1.00 / 100 % / 1 ms", "–"]


def test_the_text_of_a_report() -> None:
    text = report_text(REPORT)
    assert text.startswith("mine, measured on 2030-01-31, Abacus, 2 cores; Python 3.12.0\n\nN × D = 64x128, float32\n")
    assert "The limit, at 20 GB/s: 3 arrays forward, 1 ms; 5 arrays backward, 2 ms.\n" in text
    assert "Errors in u, float32: y / dx\n" in text
    assert "easy         0 / <0.01  0.92 / nan         –\n" in text
    assert "hard             0 / 0   1e4 / inf  150 / 12\n" in text
    assert text.endswith("\njax is not installed\n")
    assert "  \n" not in text
    assert not any(line != line.rstrip() for line in text.splitlines())


def test_the_page_is_tables_of_markdown() -> None:
    text = report_markdown(REPORT)
    assert text.startswith("## mine\n\nMeasured on 2030-01-31, Abacus, 2 cores; Python 3.12.0.\n")
    assert "### Forward, float32: ÷ by hand / ÷ torch / share of the limit / median\n" in text
    assert "| numpy   |  0.50 / 2.00 / 50 % / 2 ms |\n" in text
    assert "| hard |" in text
    assert text.endswith("- jax is not installed\n")


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    path = record(REPORT, tmp_path)
    assert path.name == "mine.json"
    text = path.read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert [report_markdown(report) for report in recorded(tmp_path)] == [report_markdown(REPORT)]
    assert record(REPORT, tmp_path).read_text() == text


def test_numbers_are_rounded_in_the_data() -> None:
    data = report_data({**REPORT, "speed": {"cases": [case(row("numpy", 1 / 3))], "notes": []}})
    assert data["speed"]["cases"][0]["rows"][0]["times"]["forward"]["median"] == 0.3333
    assert data["accuracy"]["cases"][0]["errors"]["numpy"] == [0.92, "nan"]


def test_numbers() -> None:
    assert [seconds_text(s) for s in (2.5e-6, 1.234e-4, 0.9994, 12.34)] == ["2.5 µs", "123 µs", "999 ms", "12.3 s"]
    assert [ratio_text(r) for r in (0.001, 0.987, 12.34, 1234.0)] == ["0.00", "0.99", "12.3", "1.23e+03"]
    assert [error_text(e) for e in (0.0, 0.001, 0.92, 12.3, 123.4, 1e6)] == ["0", "<0.01", "0.92", "12", "123", "1e6"]
    assert plain_table(["", "a"], [["row", "1"]]) == "     a\nrow  1\n"
    assert PHASES == ("forward", "backward")
