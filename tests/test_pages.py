"""The pages: each block of code in them is run, and what they show is what comes out."""

import io
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import derive
from derive.cli import FAILED, LAYER, OK, main
from derive.layers import layer_names
from derive.pages import fill, layer_text, page_layers, page_names, page_text

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [block for name in page_names() for block in BLOCK.findall(page_text(name))]
CONSOLE = [text for kind, _, text in BLOCKS if kind == "console"]
ERRORS = [text for text in CONSOLE if text.startswith("$ printf ")]
COMMANDS = [text for text in CONSOLE if text not in ERRORS]
PYTHON = [text for kind, info, text in BLOCKS if kind == "python" and not info]
FILES = {info.removeprefix("file="): text for _, info, text in BLOCKS if info.startswith("file=")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files of the pages in it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_something_to_run() -> None:
    assert page_names() == ["bench", "check", "higher_orders", "other_libraries", "write_your_own_layer"]
    assert {f"{name}.layer" for name in page_layers()} == {name for name in FILES if name.endswith(".layer")}
    assert set(FILES) >= {"layer_norm.tex", "staged.txt", "mine.py", "dask_batch_norm.py", "jax_batch_norm.py"}
    assert "torch_sync_batch_norm.py" in FILES
    assert len(PYTHON) >= 3
    assert len(COMMANDS) >= 4
    assert len(ERRORS) >= 20
    assert {info for _, info, _ in BLOCKS} == {"", "result", "generated", *(f"file={name}" for name in FILES)}


def test_the_layers_do_not_ship() -> None:
    assert not set(page_layers()) & set(layer_names())


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.splitlines()[0])
def test_a_command_prints_what_the_page_shows(
    block: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _, expected = block.removeprefix("$ derive ").partition("\n")
    arguments, _, pipe = command.partition(" | ")
    monkeypatch.setenv("COLUMNS", "100")
    assert main(shlex.split(arguments)) == (FAILED if arguments.startswith("check ") else OK)
    printed = capsys.readouterr().out
    assert pipe in ("", "head -n 1")
    assert expected == (printed.partition("\n")[0] + "\n" if pipe else printed.rstrip() + "\n")


@pytest.mark.parametrize("block", ERRORS, ids=lambda block: block.splitlines()[0][10:60])
def test_an_error_is_the_one_that_the_page_shows(
    block: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _, expected = block.partition("\n")
    text, _, rest = command.removeprefix("$ printf '").partition("'")
    assert rest == " | derive show -"
    given = text.replace("\\n", "\n").encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given)))
    assert main(["show", "-"]) == LAYER
    assert expected == capsys.readouterr().err
    assert re.match(r"<stdin>:\d+:\d+: ", expected)
    assert re.search(r"^ *\^$", expected, re.MULTILINE)
    assert "\n  help: " in expected


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: next(line for line in block.splitlines()[2:] if line))
def test_python_runs(block: str, folder: Path) -> None:
    for library in ("jax", "torch"):
        if f"import {library}\n" in block:
            pytest.importorskip(library, reason=f"{library} is not installed, so what a page does with it is not tried")
    exec(compile(block, "page", "exec"), {"__name__": "page"})


def test_results_and_functions_are_those_of_the_layers() -> None:
    shown = [line for _, info, text in BLOCKS if info == "result" for line in text.splitlines()]
    derivations = [derive.derive(derive.parse(layer_text(name), name)) for name in page_layers()]
    assert shown
    assert set(shown) <= {derive.text(result) for found in derivations for result in found.results}


class TestDirectives:
    def test_the_shape_of_a_mistake_in_a_page(self) -> None:
        assert fill("{{error}}\nx: [N]\n{{end}}\n") == (
            "```console\n$ printf 'x: [N]\\n' | derive show -\n<stdin>:1:1: the layer has no equation\n"
            "  help: write the inputs, `x: [N, D]`, and the equations, `y[i, j] = 2*x[i, j]`\n```\n"
        )

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{{error}}\nx: [N]\ny[i] = x[i]\n{{end}}\n", "is no error"),
            ("{{error}}\ny = 'a'\n{{end}}\n", "needs quoting"),
            ("{{shw quantile_huber}}", "no directive"),
            ("{{show quantile}}", "no directive"),
            ("{{steps quantile_huber Never said.}}", "no step of quantile_huber says"),
        ],
    )
    def test_what_cannot_be_followed(self, template: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            fill(template)
