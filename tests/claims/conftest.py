"""The fixture of the tests that run someone's functions."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from function_samples import Write, served_processes


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Write a file, and name a function in it. Whoever runs it leaves no process behind."""
    before = served_processes()

    def write_function(text: str, name: str = "backward", file: str = "mine.py") -> str:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return f"{path}:{name}"

    yield write_function
    assert served_processes() <= before
