"""The line that says what is being done: when it is there, how wide it is, that it goes, and what it says."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from terminal import Terminal

import derive
from derive.docs import check_documents, write_documents
from derive.layers import LayerText
from derive.progress import ProgressLine

CLEAR = "\r\033[K"
SMALL = "x: [N]\ny[i] = 2*x[i]\n"
# Someone who is told at once, so that it is seen in whatever takes less than a second, too. What a shell runs behind
# its back ignores Ctrl-C, and so would what the tests run then.
IMPATIENT = """
import functools, signal, sys, derive.cli as c
signal.signal(signal.SIGINT, signal.default_int_handler)
c._progress = functools.partial(c._progress, patience=0)
sys.exit(c.main(sys.argv[1:]))
"""
DERIVE = [sys.executable, "-c", IMPATIENT]


class Screen(io.StringIO):
    """What a terminal is told, one that has no size: it counts as 80 columns wide."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that goes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.layer"
    path.write_text(SMALL)
    return str(path)


class TestTheLine:
    def test_nothing_before_a_second_is_over(self) -> None:
        screen, clock = Screen(), Clock()
        with ProgressLine(screen, clock=clock) as progress:
            progress("one")
            clock.now += 0.99
            progress("two")
        assert screen.getvalue() == ""

    def test_then_each_in_the_place_of_the_last_and_none_at_the_end(self) -> None:
        screen, clock = Screen(), Clock()
        with ProgressLine(screen, clock=clock) as progress:
            progress("one")
            clock.now += 1
            progress("two")
            progress("three")
            assert screen.getvalue() == f"{CLEAR}two{CLEAR}three"
        assert screen.getvalue() == f"{CLEAR}two{CLEAR}three{CLEAR}"

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_it_goes_when_the_work_fails(self, error: type[BaseException]) -> None:
        screen = Screen()

        def work() -> None:
            with ProgressLine(screen, patience=0) as progress:
                progress("one")
                raise error

        with pytest.raises(error):
            work()
        assert screen.getvalue() == f"{CLEAR}one{CLEAR}"

    def test_it_goes_when_the_writing_is_interrupted(self) -> None:
        class Interrupted(Screen):
            def flush(self) -> None:
                if self.getvalue().endswith("one"):
                    raise KeyboardInterrupt

        screen = Interrupted()
        with pytest.raises(KeyboardInterrupt), ProgressLine(screen, patience=0) as progress:
            progress("one")
        assert screen.getvalue() == f"{CLEAR}one{CLEAR}"

    def test_nothing_where_there_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        file, dumb = io.StringIO(), Screen()
        with ProgressLine(file, patience=0) as progress:
            progress("one")
        monkeypatch.setenv("TERM", "dumb")
        with ProgressLine(dumb, patience=0) as progress:
            progress("one")
        assert file.getvalue() == dumb.getvalue() == ""

    @pytest.mark.parametrize(
        ("sentence", "shown"),
        [
            ("a" * 200, "a" * 79),
            ("a" * 79, "a" * 79),
            ("層" * 200, "層" * 39),  # two columns each
            ("one\ntwo\rthree\033[31m\t", "one\ufffdtwo\ufffdthree\ufffd[31m\ufffd"),
            ("\udc80", "\ufffd"),
        ],
        ids=["long", "full", "wide", "control", "surrogate"],
    )
    def test_it_is_one_line_that_does_not_wrap(self, sentence: str, shown: str) -> None:
        screen = Screen()
        ProgressLine(screen, patience=0)(sentence)
        assert screen.getvalue() == f"{CLEAR}{shown}"

    def test_what_the_terminal_cannot_write_takes_no_more_room(self) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
        stream.isatty = lambda: True  # type: ignore[method-assign]
        ProgressLine(stream, patience=0)("μ" * 100)
        assert raw.getvalue() == CLEAR.encode() + b"?" * 79


class TestOnATerminal:
    def test_verify_takes_longer_than_a_second(self, tmp_path: Path) -> None:
        """The command itself, as it is: nothing at first, then checks, and no trace of them."""
        command = [sys.executable, "-m", "derive", "verify", "attention"]
        start = time.monotonic()
        with (tmp_path / "out").open("w") as output, Terminal(command, 40, output=output.fileno()) as terminal:
            terminal.wait_for(CLEAR)
            assert time.monotonic() - start > 1
            shown = terminal.wait()
        assert terminal.process.returncode == 0
        assert "all 1" in (tmp_path / "out").read_text()
        first, *lines, last = shown.split(CLEAR)
        assert (first, last) == ("", "")
        assert len(lines) > 3
        assert all(re.match(r"check \d+, [\w ]+: ", line) for line in lines)
        assert max(map(len, lines)) == 39

    @pytest.mark.parametrize("columns", [1, 30])
    def test_docs_in_few_columns(self, columns: int, small: str, tmp_path: Path) -> None:
        command = [*DERIVE, "docs", small, "-o", str(tmp_path / "out")]
        with Terminal(command, columns, environment={"PYTHONIOENCODING": "utf-8"}) as terminal:
            shown = terminal.wait()
        assert terminal.process.returncode == 0
        first, *lines, after = shown.split(CLEAR)
        assert first == ""
        assert len(lines) > 10
        assert all(len(unicodedata.normalize("NFC", line)) < columns for line in lines)
        if columns == 30:
            assert "small, 1 of 1: the derivation"[:29] in lines
        assert f"{tmp_path}/out/docs/small/derivation.tex\r\n" in after

    def test_check(self, small: str, tmp_path: Path) -> None:
        claims = tmp_path / "mine.txt"
        claims.write_text("dx[i] = 2*dy[i]\ndx[i] = 3*dy[i]\n")
        with Terminal([*DERIVE, "check", small, str(claims)]) as terminal:
            shown = terminal.wait()
        assert terminal.process.returncode == 1
        *lines, after = shown.split(CLEAR)
        assert lines == [
            "",
            "line 1: dx[i] = 2*dy[i]",
            "line 2: dx[i] = 3*dy[i]",
            "line 2, what is the matter with it: dx[i] = 3*dy[i]",
        ]
        assert after.startswith("small, ")

    def test_ctrl_c(self) -> None:
        with Terminal([*DERIVE, "verify", "lstm_cell"]) as terminal:
            terminal.wait_for("check ")
            terminal.process.send_signal(signal.SIGINT)
            shown = terminal.wait()
        assert terminal.process.returncode == 130
        assert shown.endswith(f"{CLEAR}derive: interrupted\r\n")

    def test_an_error(self, tmp_path: Path) -> None:
        layer = tmp_path / "impossible.layer"
        layer.write_text("a: constant\nx: [N]\nassert a > 1\nassert a < 0\ny[i] = a*x[i]\n")
        with Terminal([*DERIVE, "verify", str(layer)]) as terminal:
            shown = terminal.wait()
        assert terminal.process.returncode == 3
        *lines, after = shown.split(CLEAR)
        assert lines == ["", "the derivation", "the functions and the data"]
        assert after.startswith("impossible:3:1: the fact 'assert a > 1' cannot be drawn\r\n")


def test_nothing_where_standard_error_is_a_pipe(small: str, tmp_path: Path) -> None:
    claims = tmp_path / "mine.txt"
    claims.write_text("dx[i] = 2*dy[i]\n")
    out = str(tmp_path / "out")
    for arguments, code in (
        (["verify", small], 0),
        (["check", small, str(claims)], 0),
        (["docs", small, "--check", "-o", out], 1),
        (["bench", small, "--shape", "3", "--seconds", "0.01", "--targets", "numpy", "--dtype", "float64"], 0),
    ):
        done = subprocess.run([*DERIVE, *arguments], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (code, ""), arguments
        assert done.stdout
        assert "\033" not in done.stdout


class TestWhatIsTold:
    def test_of_each_check(self) -> None:
        told: list[str] = []
        report = derive.verify(derive.parse(SMALL), progress=told.append)
        assert told[:2] == ["the derivation", "the functions and the data"]
        assert told[2:] == [f"check {n}, {row.oracle}: {row.line}" for n, row in enumerate(report.rows, start=1)]

    def test_of_each_array_of_a_function(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        file.write_text("def backward(dy, x):\n    return 2 * dy\n")
        told: list[str] = []
        derive.check_function(derive.parse(SMALL), f"{file}:backward", progress=told.append)
        (text,) = told
        assert text.startswith("dx, as returned by ")

    def test_of_each_document(self, tmp_path: Path) -> None:
        told: list[str] = []
        sources = [LayerText("one", "<test>", SMALL), LayerText("two", "<test>", SMALL)]
        written = write_documents(sources, str(tmp_path), whole=False, progress=told.append)
        assert written
        assert told[:2] == ["one, 1 of 2: functions", "one, 1 of 2: the derivation"]
        assert "two, 2 of 2: functions" in told
        assert any(re.match(r"two, 2 of 2: check \d+, 50 digits: dx\[i\] = ", text) for text in told)
        again: list[str] = []
        assert check_documents(sources, str(tmp_path), whole=False, progress=again.append) == ""
        assert again == told
