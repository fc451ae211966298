"""Notebooks of the documents, executed.

    Input    a Markdown file beside this module: each block of Python is a cell, and so is the text between two blocks
    Output   a Jupyter notebook (nbformat 4.5) with what its cells print and end with

The cells are run here and not in Jupyter, so that the documents need no more than the package does; a test runs the
notebook in Jupyter and finds the same outputs.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LAST = "_"  # where Jupyter, too, keeps what a cell ends with
_TARGET = ast.Name(_LAST, ast.Store())
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Cell:
    """A cell: Markdown, or code."""

    is_code: bool
    source: str


def notebook_names() -> list[str]:
    """The names of the notebooks, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.md"))


def notebook_text(name: str) -> str:
    """A notebook, executed, as the text of an `.ipynb` file. An error in a cell is raised."""
    cells = read_cells((_FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    return json.dumps(executed(cells), indent=1, ensure_ascii=False) + "\n"


def notebook_title(name: str) -> str:
    """The heading that a notebook begins with."""
    first = read_cells((_FOLDER / f"{name}.md").read_text(encoding="utf-8"))[0]
    return first.source.partition("\n")[0].removeprefix("# ")


def read_cells(text: str) -> list[Cell]:
    """The cells of a file."""
    # What the pattern has caught stands at every other place.
    parts = enumerate(_BLOCK.split(text))
    return [Cell(number % 2 == 1, part.strip()) for number, part in parts if part.strip()]


def executed(cells: list[Cell]) -> dict[str, Any]:
    """The cells as a notebook, those of code run one after the other."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    written: list[dict[str, Any]] = []
    count = 0
    for number, cell in enumerate(cells, start=1):
        entry: dict[str, Any] = {"cell_type": "code" if cell.is_code else "markdown", "id": f"cell-{number}"}
        entry |= {"metadata": {}, "source": _lines(cell.source)}
        if cell.is_code:
            count += 1
            entry |= {"execution_count": count, "outputs": list(_outputs(cell.source, namespace, count))}
        written.append(entry)
    return {"cells": written, "metadata": {"kernelspec": _KERNEL}, "nbformat": 4, "nbformat_minor": 5}


def _outputs(source: str, namespace: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """What a cell prints, then what it ends with."""
    tree = ast.parse(source)
    namespace[_LAST] = None
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        tree.body[-1] = ast.fix_missing_locations(ast.copy_location(ast.Assign([_TARGET], last.value), last))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
    value = namespace[_LAST]
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
    if value is not None:
        forms = {"text/html": "_repr_html_", "text/latex": "_repr_latex_"}
        data = {kind: _lines(getattr(value, form)()) for kind, form in forms.items() if hasattr(value, form)}
        data["text/plain"] = _lines(repr(value))
        yield {"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}


def _lines(text: str) -> list[str]:
    """A text as a notebook keeps it, in lines."""
    return text.splitlines(keepends=True)
