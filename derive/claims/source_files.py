"""The files that someone's functions stand in, and the places in them.

    Input    path.py:name, as a user writes it; a path and the number of a line
    Output   the path and the name; the Location that an error shows
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from derive.errors import Location, UsageError


def split_name(text: str) -> tuple[str, str]:
    """The path and the name in path.py:name. Raises UsageError for another text, and for a file that is not there."""
    path, colon, name = text.rpartition(":")
    if not colon or not path or not name.isidentifier():
        raise UsageError(f"{text!r} names no function\n  help: write the file and the function: path.py:function")
    if not Path(path).is_file():
        near = difflib.get_close_matches(Path(path).name, _neighbors(Path(path)), n=2)
        hint = f"\n  help: did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"there is no file {path!r}{hint}")
    return path, unicodedata.normalize("NFKC", name)  # as Python does


def _neighbors(path: Path) -> list[str]:
    with suppress(OSError, ValueError):
        return sorted(entry.name for entry in path.parent.glob("*.py"))
    return []


def lines_of(path: str) -> list[str]:
    """The lines of a file; none where it cannot be read."""
    with suppress(OSError, ValueError):
        return Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    return []


def line_of_definition(lines: Sequence[str], name: str, first: int) -> int:
    """The line that defines a function: at or below the `first`, which may be a decorator's; else the first mention."""
    for pattern, start in ((rf"\s*(async\s+)?def\s+{name}\b", first), (rf".*\b{name}\b", 1)):
        for number, line in enumerate(lines[start - 1 :], start=start):
            if re.match(pattern, line):
                return number
    return 1


def location_in(path: str, line: int, column: int | None = None) -> Location:
    """A place in a file: without a column it is the first letter of the line."""
    lines = lines_of(path)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return Location(path, line, len(text) - len(text.lstrip()) if column is None else min(column, len(text)), text)
