"""Every code block of the README, run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [match.groups() for match in BLOCK.finditer((ROOT / "README.md").read_text())]
CONSOLE = [text for kind, _, text in BLOCKS if kind == "console"]
PYTHON = [text for kind, file, text in BLOCKS if kind == "python" and file is None]
FILES = {file: text for _, file, text in BLOCKS if file}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the README in it, and the documents beside them."""
    place = tmp_path_factory.mktemp("readme")
    for name, text in FILES.items():
        (place / name).write_text(text)
    (place / "output").symlink_to(ROOT / "output")
    return place


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {kind for kind, _, _ in BLOCKS} == {"sh", "console", "python", "text"}
    assert len(CONSOLE) >= 6
    assert len(PYTHON) >= 2


def test_the_first_block_is_what_the_ci_runs() -> None:
    kind, _, text = BLOCKS[0]
    commands = [line.split("#")[0].strip() for line in text.splitlines()]
    assert kind == "sh"
    assert commands == [
        "pip install . && derive latex batch_norm",
        "pip install -e '.[test,array-api,c,dask,jax,loops,notebook,torch]' && pytest",
    ]
    ci = (ROOT / ".ci" / "run").read_text().replace("pip install -q", "pip install")
    assert all(command in ci for command in commands)


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.splitlines()[0])
def test_a_command_prints_what_the_readme_shows(block: str, folder: Path) -> None:
    command, _, expected = block.removeprefix("$ ").partition("\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
    assert expected.rstrip() == (done.stdout + done.stderr).rstrip()


def test_what_is_committed_is_among_them() -> None:
    assert "$ derive docs --check && echo up to date\nup to date" in [block.rstrip() for block in CONSOLE]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.splitlines()[0])
def test_python_runs(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
