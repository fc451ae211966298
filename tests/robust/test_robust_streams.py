"""Standard streams that are closed, full, or gone with whoever read them; names and encodings on the way there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from robust_commands import COMMANDS, fill, is_clear, run, shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are streams as a shell of Unix has them")

CLOSED = b"derive: the output was closed before all of it was written\n"
WITH_OUTPUT = [name for name in COMMANDS if name != "docs"]
CLOSED_TOO = ["list", "show", "check", "check:lint", "completion"]  # each way in which they look at their output
WORKING_WITH_PROGRESS = ["html", "verify", "check", "docs", "bench"]  # they look at standard error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [*(COMMANDS[name] for name in WITH_OUTPUT), ["--help"]], ids=str)
def test_a_full_disk_behind_standard_output(arguments: list[str], folder: Path) -> None:
    done = shell('"$@" >/dev/full', arguments, folder)
    assert (done.returncode, done.stderr) == (2, b"derive: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("arguments", [*(COMMANDS[name] for name in CLOSED_TOO), ["--version"]], ids=str)
def test_standard_output_closed(arguments: list[str], folder: Path) -> None:
    done = shell('"$@" >&-', arguments, folder)
    assert (done.returncode, done.stderr) == (141, CLOSED)


def test_what_needs_no_standard_output_works_without_it(folder: Path) -> None:
    done = shell('"$@" >&-', ["show", "own.layer", "-o", "shown.txt"], folder)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "dx[i]" in (folder / "shown.txt").read_text() or "∂" in (folder / "shown.txt").read_text()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [COMMANDS["show"], ["--help"]], ids=str)
def test_a_reader_that_leaves(arguments: list[str], unbuffered: str, folder: Path) -> None:
    done = shell('"$@" | true; exit ${PIPESTATUS[0]}', arguments, folder, {"PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (141, CLOSED)


def test_a_reader_that_leaves_a_named_stream(folder: Path) -> None:
    line = '"$@" | true; exit ${PIPESTATUS[0]}'
    done = shell(line, ["html", "own.layer", "-o", "/dev/stdout"], folder)
    assert (done.returncode, done.stderr) == (141, CLOSED)


@pytest.mark.parametrize(
    ("name", "redirection"), [*((name, "2>&-") for name in WORKING_WITH_PROGRESS), ("check", "2>/dev/full")]
)
def test_the_work_does_not_need_standard_error(name: str, redirection: str, folder: Path) -> None:
    done = shell(f'"$@" {redirection}', COMMANDS[name], folder)
    assert done.returncode == 0
    assert (done.stdout != b"") is (name != "docs")
    if name == "docs":
        assert (folder / "made" / "derived" / "own.py").is_file()


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("arguments", "code"), [(["show", "nope"], 2), (["nope"], 2), (["show", "bytes.layer"], 3)])
def test_the_exit_code_does_not_need_standard_error(
    arguments: list[str], code: int, redirection: str, folder: Path
) -> None:
    (folder / "bytes.layer").write_bytes(b"\xff")
    done = shell(f'"$@" {redirection}', arguments, folder)
    assert (done.returncode, done.stdout) == (code, b"")


def test_no_file_takes_the_place_of_a_closed_stream(folder: Path) -> None:
    """The first file that is opened would be standard error to everything that writes there by number."""
    loud = "import os\ndef loud(dy, x, c):\n    os.write(2, b'LOUD')\n    return c*dy, (x*dy).sum()\n"
    (folder / "loud.py").write_text(loud)
    arguments = ["check", "own.layer", "--function", "loud.py:loud", "-o", "verdict.txt"]
    assert shell('"$@" >&- 2>&-', arguments, folder).returncode == 0
    assert "LOUD" not in (folder / "verdict.txt").read_text()


@pytest.mark.parametrize("arguments", [["show", "-"], ["check", "own.layer", "-"]], ids=str)
@pytest.mark.parametrize(("line", "why"), [('"$@" <&-', "it is closed"), ('"$@" 0>unread', "Bad file descriptor")])
def test_standard_input_that_cannot_be_read(arguments: list[str], line: str, why: str, folder: Path) -> None:
    done = shell(line, arguments, folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"derive: cannot read standard input: {why}\n"


def test_standard_input_is_not_needed_otherwise(folder: Path) -> None:
    assert shell('"$@" <&-', COMMANDS["verify"], folder).returncode == 0


def test_a_layer_on_standard_input_is_read_once(folder: Path) -> None:
    done = shell('"$@" <own.layer', ["check", "-", "claims.txt", "--lint"], folder)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"the claim holds" in done.stdout
    done = shell('(cat own.layer >pipe.layer) & "$@"', ["check", "pipe.layer", "--lint"], _with_pipe(folder))
    assert (done.returncode, done.stdout) == (0, b"pipe: nothing unusual\n")


def test_a_device_without_an_end_is_no_layer(folder: Path) -> None:
    done = shell('"$@" </dev/zero', ["show", "-"], folder)
    assert (done.returncode, b"larger than" in done.stderr) == (3, True)


ENVIRONMENTS: list[dict[str, str | None]] = [
    {"LC_ALL": None, "LANG": None, "HOME": None},
    {"LC_ALL": "xx_YY.UTF-9", "LANG": "nowhere", "TMPDIR": "/nonexistent"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii", "COLUMNS": "-5"},
    {"PYTHONIOENCODING": "utf-16", "COLUMNS": "wide"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize("name", ["list", "check"])
def test_any_locale_and_environment(name: str, environment: dict[str, str | None], folder: Path) -> None:
    done = run(COMMANDS[name], folder, environment)
    assert (done.returncode, done.stderr) == (0, b"")


def test_measuring_needs_neither_a_home_nor_its_own_temporary_folder(folder: Path) -> None:
    done = run(COMMANDS["bench"], folder, {"TMPDIR": "/nonexistent", "HOME": None})
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((command, b"\xff\xfe") for command in ("show", "docs:check", "check:lint")),
        *(("code", name) for name in (b"\xff\xfe", b"two\nlines", b"\x1b[31mred")),
    ],
)
def test_any_name_of_a_layer_file(command: str, name: bytes, folder: Path) -> None:
    layer = os.fsdecode(name + b".layer")
    (folder / "own.layer").rename(folder / layer)
    done = run([layer if a == "own.layer" else a for a in COMMANDS[command]], folder)
    assert done.returncode == (1 if command == "docs:check" else 0), done.stderr
    assert b"Traceback" not in done.stderr
    assert name not in done.stdout
    if command == "code":
        compile(done.stdout, "own.py", "exec")


@pytest.mark.parametrize("name", [b"no\xff", b"no\nfile", b"no\x1b[31m", b"no" * 3000])
def test_any_name_of_a_file_that_is_not_there(name: bytes, folder: Path) -> None:
    for arguments in (
        ["show", os.fsdecode(b"./" + name)],
        ["check", "own.layer", os.fsdecode(name)],
        ["check", "own.layer", "--function", os.fsdecode(name + b":f")],
        ["latex", "own.layer", "-o", os.fsdecode(b"no/" + name)],
    ):
        done = run(arguments, folder)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.count(b"\n") == 1
        assert b"\x1b" not in done.stderr


def test_a_name_that_looks_like_an_option(folder: Path) -> None:
    (folder / "own.layer").rename(folder / "-o.layer")
    for arguments in (["show", "--", "-o.layer"], ["show", "./-o.layer", "-o", "./-x"]):
        assert run(arguments, folder).returncode == 0
    assert (folder / "-x").is_file()
    done = run(["show", "-q.layer"], folder)
    assert (done.returncode, is_clear(done.stderr)) == (2, True)


def test_a_folder_that_has_been_deleted(folder: Path) -> None:
    gone = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
    for arguments, code in (
        *((["show", "relu"], 0), (["list"], 0)),
        *((["show", "own.layer"], 2), (["show", "relu", "-o", "x"], 2), (["docs", "relu", "-o", "x"], 2)),
    ):
        line = gone.replace('"$@"', '"$1" -P -m "${@:3}"') if sys.version_info >= (3, 11) else gone
        done = shell(line, arguments, folder)
        assert (done.returncode, code == 0 or is_clear(done.stderr)) == (code, True), done.stderr


def _with_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.layer")
    return folder
