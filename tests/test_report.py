"""The table, its JSON, and that a report cannot pass by being empty."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from derive.report import Report, Row

GOOD = Row("dx[i, j] = dy[i, j]", "complex step", 3.2e-16, 1e-8, "12 sets of data", 7)
EXACT = Row("dgamma", "exact scalar diff", 0.0, 0.0, "4 sets of data")
BAD = Row("dvar[j] = 0", "50 digits", 0.25, 1e-30, "N=1, D=4, ordinary", 9)
LOST = Row("dmu takes every path: var", "uses in the graph", math.inf, 0.0, "", None, "it leaves out var")


def report(*rows: Row) -> Report:
    return Report("batch_norm", "mean", 1, ("N=3, D=2, ordinary", "N=1, D=4, ordinary"), rows)


def test_a_report_passes_when_every_row_does() -> None:
    assert report(GOOD, EXACT).passed
    assert not report(GOOD, BAD).passed
    assert report(GOOD, BAD, LOST).failures == (BAD, LOST)


def test_an_empty_report_does_not_pass() -> None:
    assert not report().passed


@pytest.mark.parametrize(("worst", "passed"), [(0.9e-9, True), (1e-9, True), (1.1e-9, False), (math.nan, False)])
def test_a_row_passes_within_its_bound(worst: float, passed: bool) -> None:
    assert Row("", "", worst, 1e-9, "").passed is passed


def test_a_row_with_a_complaint_does_not_pass() -> None:
    assert not Row("", "", 0.0, 1e-9, "", note="it cannot be evaluated").passed


def test_the_committed_report_has_bounds_and_no_floats() -> None:
    assert report(GOOD, EXACT).to_json() == {
        "layer": "batch_norm",
        "form": "mean",
        "mode": "reverse",
        "order": 1,
        "passed": True,
        "data": ["N=3, D=2, ordinary", "N=1, D=4, ordinary"],
        "rows": [
            {"step": 7, "line": "dx[i, j] = dy[i, j]", "oracle": "complex step", "bound": "< 1e-08", "passed": True},
            {"step": None, "line": "dgamma", "oracle": "exact scalar diff", "bound": "exact", "passed": True},
        ],
    }


def test_the_terminal_gets_the_measured_errors() -> None:
    rows = report(GOOD, BAD, LOST).to_json(measured=True)["rows"]
    assert [row["worst"] for row in rows] == [3.2e-16, 0.25, "inf"]
    assert [row["data"] for row in rows] == ["12 sets of data", "N=1, D=4, ordinary", ""]
    assert [row.get("note") for row in rows] == [None, None, "it leaves out var"]


def test_json_is_json() -> None:
    for measured in (False, True):
        found = report(GOOD, BAD, LOST, Row("x", "y", math.nan, 1.0, "")).to_json(measured)
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_table() -> None:
    lines = report(GOOD, EXACT, BAD, LOST).text().splitlines()
    assert lines[0] == "batch_norm, mean form: 2 of 4 checks FAILED, on 2 sets of data"
    assert "   7  dx[i, j] = dy[i, j] " in lines[4]
    assert lines[4].endswith("complex step          3e-16   ok")
    assert lines[5].endswith("exact scalar diff         0   ok")
    assert lines[6].endswith("50 digits             2e-01 FAIL")
    assert lines[7] == "      ! the error is 0.25, allowed is < 1e-30, on N=1, D=4, ordinary"
    assert lines[9] == "      ! it leaves out var"
    assert lines[-1] == "data: N=3, D=2, ordinary; N=1, D=4, ordinary"


def test_the_table_names_an_order_above_the_first() -> None:
    head = replace(report(GOOD), order=2).text().splitlines()[0]
    assert head == "batch_norm, mean form, order 2: all 1 checks passed, on 2 sets of data"


def test_the_table_with_bounds_only() -> None:
    lines = report(GOOD, EXACT).text(measured=False).splitlines()
    assert lines[0] == "batch_norm, mean form: all 2 checks passed, on 2 sets of data"
    assert lines[4].endswith("< 1e-08   ok")
    assert lines[5].endswith("exact   ok")
    assert "3e-16" not in report(GOOD).text(measured=False)


def test_long_lines_are_wrapped_into_100_columns() -> None:
    long = Row("dx[i, j] = " + " + ".join(f"term_{k}[i, j]" for k in range(40)), "50 digits", 0.0, 1e-30, "", 1)
    text = report(long).text()
    assert max(map(len, text.splitlines())) <= 100
    assert all(f"term_{k}[i," in text for k in range(40))


def test_warnings_are_about_the_layer_and_change_no_verdict() -> None:
    long = "line 7: " + "what is the matter with it " * 9
    warned = replace(report(GOOD, EXACT), warnings=("line 3: something", long.strip()))
    assert warned.passed
    assert not replace(report(GOOD, BAD), warnings=("line 3: something",)).passed
    lines = warned.text().splitlines()
    assert lines[: lines.index("warning: line 3: something") - 1] == report(GOOD, EXACT).text().splitlines()
    assert lines[0].endswith("all 2 checks passed, on 2 sets of data")
    assert max(map(len, lines)) <= 100
    shown = [line.removeprefix("warning:").strip() for line in lines[lines.index("warning: line 3: something") + 2 :]]
    assert " ".join(shown) == long.strip()
    assert len(shown) > 1


def test_json_has_warnings_only_where_there_are_any() -> None:
    assert "warnings" not in report(GOOD, EXACT).to_json()
    warned = replace(report(GOOD, EXACT), warnings=("line 3: something",)).to_json()
    assert warned.pop("warnings") == ["line 3: something"]
    assert warned == report(GOOD, EXACT).to_json()
