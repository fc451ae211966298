"""What is read and what is written: each kind of file that is no text, and each place that takes none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from robust_commands import (
    CLAIM,
    COMMANDS,
    LAYER,
    WITH_A_FILE,
    WITH_A_LAYER,
    files_in,
    fill,
    is_clear,
    is_root,
    need_permissions,
    run,
)

from derive.cli import main
from derive.docs import write_documents
from derive.errors import UsageError
from derive.layers import read_layer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are files as Unix has them")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path)


# What is read


def _holding(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


UNREADABLE: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "missing": (lambda path: None, 2, "there is no file"),
    "a folder": (lambda path: path.mkdir(), 2, "is a folder, not a file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), 2, "there is no file"),
    "a loop of links": (lambda path: path.symlink_to(path.name), 2, "Too many levels of symbolic links"),
    "a device without an end": (lambda path: path.symlink_to("/dev/zero"), 3, "larger than 1000000 bytes"),
    "nothing": (_holding(b""), 3, ":1:1: "),
    "10 MB": (_holding(b"# twenty characters\n" * 500_000), 3, "larger than 1000000 bytes"),
    "Latin-1": (_holding(b'# caf\xe9\n' + LAYER), 3, ":1:6: byte 0xe9 is not UTF-8"),
    "UTF-16": (_holding(LAYER.decode().encode("utf-16")), 3, ":1:1: byte 0xff is not UTF-8"),
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("name", WITH_A_LAYER)
def test_no_layer(name: str, what: str, folder: Path, capsys: Capture) -> None:
    make, code, message = UNREADABLE[what]
    (folder / "own.layer").unlink()
    make(folder / "own.layer")
    before = files_in(folder) if what != "a loop of links" else {}
    assert main(COMMANDS[name]) == code
    out, err = capsys.readouterr()
    assert (out, message in err, "own.layer" in err) == ("", True, True)
    assert err.count("\n") <= 4  # with the line, a caret and a hint
    assert before in ({}, files_in(folder))


@pytest.mark.parametrize("what", UNREADABLE)
def test_no_derivation(what: str, folder: Path, capsys: Capture) -> None:
    make, code, message = UNREADABLE[what]
    (folder / "claims.txt").unlink()
    make(folder / "claims.txt")
    assert main(["check", "own.layer", "claims.txt"]) == code
    out, err = capsys.readouterr()
    assert (out, message in err, "claims.txt" in err) == ("", True, True)


@pytest.mark.parametrize("name", ["show", "docs", "check"])
def test_null_bytes(name: str, folder: Path, capsys: Capture) -> None:
    (folder / "own.layer").write_bytes(LAYER + b"\0\n")
    assert main(COMMANDS[name]) == 3
    assert "own.layer:4:1: control character U+0000" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["own.layer", "claims.txt"])
@pytest.mark.parametrize("other", [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n"),
                                   lambda text: text.replace(b"\n", b"\r")], ids=["mark", "CRLF", "CR"])  # fmt: skip
def test_marks_and_line_ends_make_no_difference(
    file: str, other: Callable[[bytes], bytes], folder: Path, capsys: Capture
) -> None:
    path = folder / file
    path.write_bytes(b"# a line\n" + (LAYER if file == "own.layer" else CLAIM))
    results = []
    for _ in range(2):
        assert main(["check", "own.layer", "claims.txt", "--json"]) == 0
        results.append(capsys.readouterr().out)
        path.write_bytes(other(path.read_bytes()))
    assert results[0] == results[1]
    assert '"line"' in results[0]


def test_a_layer_that_may_not_be_read(folder: Path) -> None:
    (folder / "own.layer").chmod(0)
    need_permissions(folder / "own.layer")
    done = run(["show", "own.layer"], folder, bound=True)
    assert (done.returncode, done.stderr) == (2, b"derive: cannot read 'own.layer': Permission denied\n")


# What is written


@pytest.mark.parametrize("name", [name for name in WITH_A_FILE if name != "bench"])  # seconds, by the same function
def test_a_place_that_takes_no_file(name: str, folder: Path, capsys: Capture) -> None:
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    before = files_in(folder)
    for place, why in (
        ("folder", "it is a folder"), ("no/where.txt", "No such file or directory"), ("loop", "Too many levels"),
        ("own.layer/x", "Not a directory"), ("x" * 256, "File name too long"), ("", "expected a path"),
    ):  # fmt: skip
        assert main([*COMMANDS[name], "-o", place]) == 2
        out, err = capsys.readouterr()
        assert (out, why in err, is_clear(err.encode())) == ("", True, True)
    assert files_in(folder) == before


def test_the_longest_name(folder: Path) -> None:
    for length in (250, 255):
        assert main(["graph", "own.layer", "-o", "x" * length]) == 0
        assert (folder / ("x" * length)).stat().st_size > 0


def test_links_stay_and_what_they_lead_to_is_written(folder: Path) -> None:
    (folder / "real.svg").write_text("old")
    for name, target in (("link", "real.svg"), ("dangling", "new.svg")):
        (folder / name).symlink_to(target)
        assert main(["graph", "own.layer", "-o", name]) == 0
        assert os.readlink(folder / name) == target
        assert (folder / target).read_text().startswith("<svg")
    assert not [path for path in files_in(folder) if "aside" in path]


def test_a_file_that_is_read_only_is_not_replaced(folder: Path) -> None:
    precious = folder / "precious.svg"
    precious.write_text("old")
    precious.chmod(0o444)
    need_permissions(precious)
    done = run(["graph", "own.layer", "-o", "precious.svg"], folder, bound=True)
    assert (done.returncode, done.stderr) == (2, b"derive: cannot write 'precious.svg': Permission denied\n")
    assert precious.read_text() == "old"


@pytest.mark.parametrize("arguments", [["graph", "own.layer", "-o", "shut/a.svg"], ["docs", "own.layer", "-o", "shut"]])
def test_a_folder_that_is_read_only(arguments: list[str], folder: Path) -> None:
    shut = folder / "shut"
    shut.mkdir()
    (shut / "a.svg").write_text("old")
    shut.chmod(0o555)
    need_permissions(shut)
    done = run(arguments, folder, bound=True)
    shut.chmod(0o755)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert done.stderr.endswith(b": Permission denied\n")
    assert files_in(shut) == {"a.svg": b"old"}


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize("place", ["own.layer", "own.layer/deeper", "loop"])
def test_a_file_in_the_place_of_a_folder(check: list[str], place: str, folder: Path, capsys: Capture) -> None:
    (folder / "loop").symlink_to("loop")
    assert main(["docs", "relu", *check, "-o", place]) == 2
    assert capsys.readouterr().err == f"derive: {place.partition('/')[0]!r} is not a folder\n"
    assert (folder / "own.layer").read_bytes() == LAYER


@pytest.fixture
def full(folder: Path) -> Iterator[Path]:
    """A disk of a few pages of memory, all of them in use."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = is_root() and subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("only root can make a small disk, and not in every container")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk(full: Path, capsys: Capture) -> None:
    (full / "page.html").write_text("old")
    assert main(["html", "own.layer", "-o", str(full / "page.html")]) == 0  # 45 kB fit once, and not twice
    whole = files_in(full)
    assert len(whole["page.html"]) > 32_768
    assert main(["html", "own.layer", "--detail", "full", "-o", str(full / "page.html")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert files_in(full) == whole


def test_documents_on_a_full_disk(full: Path, folder: Path, capsys: Capture) -> None:
    assert main(["docs", "own.layer", "-o", str(full)]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "No space left on device" in err) == (1, True)
    assert main(["docs", "own.layer", "-o", str(folder / "whole")]) == 0
    whole, part = files_in(folder / "whole"), files_in(full)
    assert set(part.items()) < set(whole.items())


def test_the_documents_of_somebody_else_are_not_touched(folder: Path) -> None:
    for name in ("docs/manual.md", "docs/README.md", "derived/__init__.py", "docs/index.html", "derived/own/manual.md"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text("mine")
        with pytest.raises(UsageError, match=f"{name}' is not of these documents"):
            write_documents([read_layer("own.layer")], str(folder))
        assert (folder / name).read_text() == "mine"
        (folder / name).unlink()
