"""Documents set by pdflatex: its log, and what it complains of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def log_of(source: str, folder: Path) -> str:
    """The log of pdflatex, which must have come to the end."""
    (folder / "page.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True)
    log = (folder / "page.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


def complaints(source: str, folder: Path) -> list[str]:
    """What is in the margins, or what the fonts lack."""
    return re.findall(r"Overfull.*|LaTeX Warning.*|Missing character.*", log_of(source, folder))
