"""The notebooks of the documents: what they show is what Jupyter shows."""

from __future__ import annotations

import importlib
import importlib.util
import json
from typing import Any

import pytest

from derive.pages.notebooks import Cell, executed, notebook_names, notebook_text, notebook_title, read_cells

NEEDED = ("nbformat", "nbclient", "ipykernel")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
needs_jupyter = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def outputs(*sources: str) -> list[Any]:
    notebook = executed([Cell(True, source) for source in sources])
    return [cell["outputs"] for cell in notebook["cells"]]


def test_a_file_is_read_in_cells() -> None:
    text = "# A title\n\n- a text\n\n```python\nx = 1\n```\n\n```python\n# a comment\nx\n```\n"
    cells = read_cells(text)
    assert cells == [Cell(False, "# A title\n\n- a text"), Cell(True, "x = 1"), Cell(True, "# a comment\nx")]


def test_a_cell_shows_what_it_prints_and_what_it_ends_with() -> None:
    assert outputs("x = 2", "print(x)\nx + 1\nx*3", "None", "print('a')\nprint('b')") == [
        [],
        [
            {"name": "stdout", "output_type": "stream", "text": ["2\n"]},
            {"data": {"text/plain": ["6"]}, "execution_count": 2, "metadata": {}, "output_type": "execute_result"},
        ],
        [],
        [{"name": "stdout", "output_type": "stream", "text": ["a\n", "b\n"]}],
    ]


def test_an_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        outputs("1/0")


@pytest.mark.parametrize("name", notebook_names())
def test_it_shows_formulas_and_has_no_path_in_it(name: str) -> None:
    text = notebook_text(name)
    assert notebook_title(name) in text
    assert text.count("<math") > 50
    assert "0x" not in text
    assert "/home" not in text
    assert "Traceback" not in text
    kinds = [set(output.get("data", {})) for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
    assert sum({"text/html", "text/latex", "text/plain"} <= kind for kind in kinds) >= 5


@needs_jupyter
@pytest.mark.parametrize("name", notebook_names())
@pytest.mark.filterwarnings("default")  # those of Jupyter's own libraries
def test_jupyter_shows_the_same(name: str) -> None:
    nbclient, nbformat = map(importlib.import_module, ("nbclient", "nbformat"))
    ours = nbformat.reads(notebook_text(name), 4)
    nbformat.validate(ours)
    theirs = nbformat.reads(notebook_text(name), 4)
    for cell in theirs.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbclient.NotebookClient(theirs, timeout=300).execute()
    for mine, other in zip(ours.cells, theirs.cells, strict=True):
        assert mine.source == other.source
        assert mine.get("outputs") == other.get("outputs")
        assert mine.get("execution_count") == other.get("execution_count")
