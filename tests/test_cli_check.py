"""`derive check`: arguments, exit codes, and what goes where."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from time_limits import within

from derive.cli import main

Capture = pytest.CaptureFixture[str]


def check(*arguments: str) -> int:
    return main(["check", *arguments])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.txt"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("dbeta[j] = sum(dy[i, j] for i in N)\n", 0, "the claim holds"),
        ("dbeta[j] = mean(dy[i, j] for i in N)\n", 1, "yours/true = 1/N"),
        ("dbeta[j] = sum(dy[i, j]*gamma[j] for i in N)\n", 1, "it holds only where gamma[j] == 1"),
        ("dbeta[j] = mean(dy[i, j] for i in N)\ndgamma[j] = (\n", 3, "1 wrong, 1 unreadable"),
    ],
)
def test_the_exit_code_is_the_verdict(mine: Path, capsys: Capture, text: str, code: int, words: str) -> None:
    mine.write_text(text)
    assert check("batch_norm", str(mine)) == code
    out, err = capsys.readouterr()
    assert words in out
    assert err == ""


def test_it_gives_data(tmp_path: Path, capsys: Capture) -> None:
    claims = tmp_path / "mine.tex"
    claims.write_text(r"$\frac{\partial L}{\partial \beta_j} = \sum_i \frac{\partial L}{\partial y_{ij}}$")
    assert check("batch_norm", str(claims), "--json") == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["verdict"], claim["line"]) == ("holds", 1)


def test_standard_input_is_recognized(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    for text in (r"\(\frac{dL}{d\beta_j} = \sum_i \frac{dL}{dy_{ij}}\)", "dbeta[j] = sum(dy[i, j] for i in N)"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert check("batch_norm", "-") == 0
        assert "the claim holds" in capsys.readouterr().out


def test_symbols(tmp_path: Path, capsys: Capture) -> None:
    claims = tmp_path / "mine.md"
    claims.write_text("The shift: $\\frac{dE}{db_j} = \\sum_{i=1}^m \\frac{dE}{do_{ij}}$\n")
    assert check("batch_norm", str(claims)) == 3
    assert "unknown symbol" in capsys.readouterr().out
    assert check("batch_norm", str(claims), "--symbols", "b=beta, o=y, m=N") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["batch_norm"], 2, "nothing to check"),
        (["batch_norm", "no_such_file.txt"], 2, "there is no file no_such_file.txt"),
        (["batch_norm", "."], 2, "is a folder"),
        (["no_such_layer", "README.md"], 2, "no layer is called"),
        (["-", "-"], 2, "cannot both come from standard input"),
        (["batch_norm", "-", "--function", "a.py:f"], 2, "one at a time"),
        (["batch_norm", "--forward", "a.py:f"], 2, "--forward goes with --function"),
        (["batch_norm", "--function", "a.py"], 2, "names no function"),
        (["batch_norm", "--function", "no_such_file.py:f"], 2, "there is no file"),
        (["batch_norm", "-", "--timeout", "-1"], 2, "expected a number of seconds"),
        (["batch_norm", "-", "--input-format", "word"], 2, "invalid choice"),
    ],
)
def test_a_bad_request(capsys: Capture, arguments: list[str], code: int, message: str) -> None:
    assert check(*arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00binary\x00", b"{" * 1_000_000, b"{" * 1_000_001, b"9**9**9", b"dx[i, j] = 9**9**9",
     b"\\input{/etc/passwd}", b"$\\frac" + b"{" * 100_000 + b"$", b"dx = " + b"(" * 100_000, b""],
    ids=range(9),
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".txt", ".tex"])
def test_hostile_files_end_in_a_clear_error(tmp_path: Path, capsys: Capture, content: bytes, suffix: str) -> None:
    claims = tmp_path / f"mine{suffix}"
    claims.write_bytes(content)
    with within(3, time.perf_counter):
        assert check("batch_norm", str(claims)) == 3
    out, err = capsys.readouterr()
    assert out or err


def test_a_function_is_announced_and_judged(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def backward(dy, x):\n    return 2 * dy\n")
    layer = tmp_path / "mine.layer"
    layer.write_text("x: [N]\ny[i] = 3*x[i]\n")
    assert check(str(layer), "--function", f"{file}:backward") == 1
    out, err = capsys.readouterr()
    assert "running backward" in err
    assert "yours/true = 2/3" in out
    assert "correct: dx[i] = 3*dy[i]" in out


def test_lint(tmp_path: Path, capsys: Capture) -> None:
    layer = tmp_path / "mine.layer"
    layer.write_text("x: [N]\nm = mean(x[i] for i in N)\nv = mean(x[i]**2 for i in N) - m**2\ny[i] = x[i]*v\n")
    assert check(str(layer), "--lint") == 0
    assert f"{layer}:3: warning: " in capsys.readouterr().out
    assert check(str(layer), "--lint", "--json") == 0
    assert [w["rule"] for w in json.loads(capsys.readouterr().out)["warnings"]] == ["cancellation"]
    assert check("batch_norm", "--lint") == 0
    assert "nothing unusual" in capsys.readouterr().out


def test_the_verdicts_can_go_to_a_file(mine: Path, tmp_path: Path, capsys: Capture) -> None:
    mine.write_text("dbeta[j] = 1\n")
    assert check("batch_norm", str(mine), "-o", str(tmp_path / "audit.txt")) == 1
    assert "1 wrong" in (tmp_path / "audit.txt").read_text()
    assert capsys.readouterr().out == ""


def test_the_help_loads_nothing() -> None:
    code = "import sys; from derive.cli import main; main(['check', '--help']); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
