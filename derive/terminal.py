"""What the place can show that a result goes to: `output`, the path of a file, or None for standard output.

    Input    where the result goes, what the environment says, what is asked for
    Output   the width of texts, whether they may have Greek letters, and their colors
"""

from __future__ import annotations

import os
import shutil
import sys

from derive.color import Palette


def columns(output: str | None) -> int:
    """How wide a text is to be: as the terminal, within reason."""
    return 100 if output else max(40, min(shutil.get_terminal_size((100, 24)).columns, 120))


def has_unicode(output: str | None) -> bool:
    """Whether Greek letters can be shown: in a file always, on a terminal by its encoding.

    Under a locale such as C, Python writes UTF-8 all the same, but a terminal that was told so shows none.
    """
    encoding = "utf-8" if output else (sys.stdout.encoding or "ascii")
    if not output and sys.stdout.isatty():
        names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
        locale = next(filter(None, names), "utf-8")  # where nothing is said, Python is right more often than not
        if "utf" not in locale.lower() and "PYTHONIOENCODING" not in os.environ:
            return False
    try:
        "μ̂Σ∂".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def palette(color: str, output: str | None) -> Palette:
    """The colors that are asked for, or that a terminal can show and its user wants (no-color.org)."""
    colored = color == "always"
    if color == "auto" and output is None and sys.stdout.isatty():
        colored = os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")
    return Palette(colored)
