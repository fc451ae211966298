"""Color and formulas in two dimensions: what a terminal is shown, a pipe, and a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from terminal import Terminal

from derive.cli import main

DERIVE = [sys.executable, "-m", "derive"]
SHOW = ["show", "batch_norm", "--detail", "brief"]
CODE = re.compile(r"\033\[[0-9;]*m")

PROGRESS = re.compile(r"(\r\033\[K[^\r]*)*\r\033\[K")


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return kept | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | settings


def piped(arguments: Sequence[str], **settings: str) -> str:
    settings.setdefault("COLUMNS", "80")
    return subprocess.run(
        [*DERIVE, *arguments], capture_output=True, text=True, encoding="utf-8", env=environment(**settings)
    ).stdout


def on_a_terminal(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, columns: int = 80, **settings: str
) -> str:
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    with Terminal([*DERIVE, *arguments], columns, environment=environment(**settings)) as terminal:
        # On a slow machine a line tells of progress, which is gone at the end.
        return PROGRESS.sub("", terminal.wait().replace("\r\n", "\n"))


def test_a_terminal_gets_color_and_a_pipe_the_same_without(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, plain = on_a_terminal(SHOW, monkeypatch), piped(SHOW)
    assert "\033[1mBatch norm\033[0m\n" in shown
    assert "\033" not in plain
    assert CODE.sub("", shown) == plain


@pytest.mark.parametrize(
    ("settings", "colored"),
    [({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "0"}, False)],
)
def test_what_its_user_wants_is_heeded(
    settings: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("\033" in on_a_terminal(SHOW, monkeypatch, **settings)) == colored


def test_never_and_always(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "\033" not in on_a_terminal([*SHOW, "--color", "never"], monkeypatch)
    always = piped([*SHOW, "--color", "always"], NO_COLOR="1", TERM="dumb")
    assert CODE.search(always)
    assert CODE.sub("", always) == piped(SHOW)
    for color, colored in (("auto", False), ("always", True)):
        path = tmp_path / color
        on_a_terminal([*SHOW, "--color", color, "-o", str(path)], monkeypatch)
        assert bool(CODE.search(path.read_text(encoding="utf-8"))) == colored


def test_data_has_no_color() -> None:
    assert "\033" not in piped([*SHOW, "--json", "--color", "always"])


def test_verify_and_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, claims = tmp_path / "small.layer", tmp_path / "mine.txt"
    layer.write_text("x: [N]\ny[i] = 2*x[i]\n")
    claims.write_text("dx[i] = 2*dy[i]\ndx[i] = 3*dy[i]\n")
    for arguments, words in (
        (["verify", str(layer)], ["\033[32mok\033[0m\n"]),
        (["check", str(layer), str(claims)], ["\033[32mholds\033[0m  ", "\033[1;31mWRONG\033[0m  "]),
    ):
        shown = on_a_terminal(arguments, monkeypatch)
        assert all(word in shown for word in words)
        assert CODE.sub("", shown) == piped(arguments)
        assert "\033" not in piped(arguments)
        assert piped([*arguments, "--color", "always"]) == shown


def test_formulas_are_in_two_dimensions_unless_they_are_to_be_flat() -> None:
    shown, flat = piped(SHOW), piped([*SHOW, "--flat"])
    assert "              xᵢⱼ − μⱼ\n        x̂ᵢⱼ = ──────────\n              √(σⱼ² + ε)\n" in shown
    assert "        x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε)\n" in flat
    assert "\n\n      ▌  ∂L " in shown


@pytest.mark.parametrize("options", [[], ["--flat"], ["--color", "never"]])
def test_ascii_is_the_layer_grammar(options: list[str]) -> None:
    shown = piped([*SHOW, *options], PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert shown.isascii()
    assert "        xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)\n" in shown


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (40, 64):
        shown = on_a_terminal(["show", "softmax"], monkeypatch, columns)
        lines = [CODE.sub("", line) for line in shown.splitlines()]
        assert columns - 8 < max(map(len, lines)) <= columns + 4  # accents are characters, too


def test_an_unknown_choice_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHOW, "--color", "sometimes"]) == 2
    assert "invalid choice: 'sometimes'" in capsys.readouterr().err
