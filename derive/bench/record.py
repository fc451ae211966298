"""Measurements as data in files: what the page about them is made from, so that documents never depend on a machine.

    Input    a Report
    Output   a file of JSON beside the pages; and back
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from derive.bench.tables import Report
from derive.files import write_file

FOLDER = Path(__file__).parent.parent / "pages" / "measured"


def report_data(report: Report) -> Any:
    """The report as data for JSON: numbers to four digits, which is more than they are good for.

    What is not finite is a string, "nan" or "inf": JSON has no number for it, and `float` reads it.
    """
    return _plain(report)


def record(report: Report, folder: Path | None = None) -> Path:
    """Write the report where the page finds it; the file."""
    path = (folder or FOLDER) / f"{report['layer']}.json"
    write_file(path, json.dumps(report_data(report), indent=1, ensure_ascii=False) + "\n")
    return path


def recorded(folder: Path | None = None) -> Iterator[Report]:
    """The reports that are recorded, by the name of the layer."""
    for path in sorted((folder or FOLDER).glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def _plain(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.4g}") if math.isfinite(data) else str(data)
    if isinstance(data, dict):
        return {name: _plain(value) for name, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list) else data
