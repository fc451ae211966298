"""`derive docs`: the same bytes anywhere, from two runs at once, and after one that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from robust_commands import DERIVE, changed, files_in, fill

from derive import docs
from derive.files import _locked_aside, is_aside, remove_asides, write_file

fcntl = pytest.importorskip("fcntl", reason="locks and signals as Unix has them")


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One that comes with the package, and one of somebody's own; the second has functions for each target."""
    return ["relu", str(fill(tmp_path_factory.mktemp("layers")) / "own.layer")]


@pytest.fixture(scope="module")
def alone(layers: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one run writes where nothing disturbs it."""
    folder = tmp_path_factory.mktemp("alone")
    subprocess.run([*DERIVE, "docs", *layers, "-o", str(folder)], check=True, capture_output=True, timeout=300)
    written = files_in(folder)
    assert {"docs/relu/derivation.html", "derived/own.py", "derived/torch/own.py"} <= set(written)
    return written


PLACES: list[dict[str, str | None]] = [
    {"PYTHONHASHSEED": "1", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Tokyo",
     "COLUMNS": "40", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    {"PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "TZ": "America/New_York", "COLUMNS": "200",
     "OMP_NUM_THREADS": "2", "HOME": None, "TMPDIR": "/nonexistent", "TERM": "dumb", "NO_COLOR": "1"},
]  # fmt: skip


@pytest.mark.parametrize("environment", PLACES, ids=["C", "UTF-8"])
def test_the_same_bytes_anywhere(
    environment: dict[str, str | None], layers: list[str], alone: dict[str, bytes], tmp_path: Path
) -> None:
    made = tmp_path / "a name with spaces"
    command = [*DERIVE, "docs", *reversed(layers), "-o", made.name]
    subprocess.run(command, cwd=tmp_path, env=changed(environment), check=True, capture_output=True, timeout=300)
    assert files_in(made) == alone


def test_two_runs_at_once(layers: list[str], alone: dict[str, bytes], tmp_path: Path) -> None:
    command = [*DERIVE, "docs", *layers, "-o", str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [(run.communicate(timeout=300)[1], run.returncode) for run in runs]
    assert [code for _, code in ends] == [0, 0], ends
    assert files_in(tmp_path) == alone


# The documents are given, so that what is tried is the writing; the number says at which rename it is killed, and
# whether before or after.
_KILLED = """
import json, os, signal, sys
import derive.docs, derive.files
from derive.layers import read_layer
expected = json.load(open(sys.argv[2]))
derive.docs.documents = lambda *given: expected
left, after, replace = int(sys.argv[3]), sys.argv[4] == "after", os.replace
def killed(*paths):
    global left
    left -= 1
    if left == 0 and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
    if left == 0 and after:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = killed
derive.docs.write_documents([read_layer("relu")], sys.argv[1], False)
"""


@pytest.mark.parametrize(("moment", "side"), [(1, "before"), (1, "after"), (9, "before"), (14, "after")])
def test_a_run_that_was_killed(moment: int, side: str, alone: dict[str, bytes], tmp_path: Path) -> None:
    folder, given = tmp_path / "made", tmp_path / "given.json"
    old = {path: b"old " + text for path, text in alone.items()}
    for path, text in old.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
    given.write_text(json.dumps({path: text.decode() for path, text in alone.items()}))

    def write(last: int) -> int:
        command = [sys.executable, "-c", _KILLED, str(folder), str(given), str(last), side]
        return subprocess.run(command, capture_output=True, timeout=120).returncode

    assert write(moment) == -signal.SIGKILL
    found = files_in(folder)
    new = [path for path in old if found[path] == alone[path]]
    assert len(new) == (moment if side == "after" else moment - 1)
    assert all(found[path] in (old[path], alone[path]) for path in old)
    left = set(found) - set(old)
    assert len(left) == (0 if side == "after" else 1)
    assert all(is_aside(Path(path)) for path in left)
    assert write(0) == 0
    assert files_in(folder) == alone


def test_documents_that_are_up_to_date_are_swept_too(alone: dict[str, bytes], tmp_path: Path) -> None:
    given = tmp_path / "given.json"
    given.write_text(json.dumps({path: text.decode() for path, text in alone.items()}))
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "made"), str(given), "0", "after"]
    subprocess.run(command, check=True, timeout=120)
    (tmp_path / "made" / "docs" / "relu" / ".derive-12345678.aside").write_text("half")
    subprocess.run(command, check=True, timeout=120)
    assert files_in(tmp_path / "made") == alone


def test_what_another_run_is_writing_is_neither_stale_nor_removed(
    alone: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {path: text.decode() for path, text in alone.items()} | {"docs/README.md": docs._MARK}
    monkeypatch.setattr(docs, "documents", lambda *given: expected)
    docs.write_documents([], str(tmp_path))
    with _locked_aside(tmp_path / "docs" / "relu") as (handle, aside):
        (tmp_path / "docs" / "relu" / "stale.md").write_text("")
        assert "stale.md" in docs.check_documents([], str(tmp_path))
        assert "aside" not in docs.check_documents([], str(tmp_path))
        assert docs.write_documents([], str(tmp_path)) == [f"{tmp_path}/docs/relu/stale.md (removed)"]
        assert Path(aside).exists()
        os.close(handle)


# Files that are aside


_WRITER = """
import sys
from derive.files import write_file
for number in range(int(sys.argv[3])):
    write_file(sys.argv[1], sys.argv[2]*20000 + "\\n")
"""


def test_two_writers_of_one_file_never_mix_nor_disturb_each_other(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("a" * 20000 + "\n")
    command = [sys.executable, "-c", _WRITER, str(target)]
    writers = [subprocess.Popen([*command, letter, "600"], stderr=subprocess.PIPE) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(target.read_text())
    said = [writer.communicate()[1] for writer in writers]
    assert said == [b"", b""]
    assert seen <= {letter * 20000 + "\n" for letter in "ab"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_is_being_written_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def look(source: str, target: str) -> None:
        remove_asides(tmp_path)
        assert is_aside(Path(source))
        assert Path(source).exists()
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    write_file(tmp_path / "a.txt", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("holds", [False, True], ids=["removed it", "holds it"])
def test_a_sweep_before_the_lock_is_on(holds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = tempfile.mkstemp, []

    def sweep_first(**settings: str) -> tuple[int, str]:
        handle, path = make(**settings)
        if not made:
            other = os.open(path, os.O_RDONLY)
            fcntl.flock(other, fcntl.LOCK_EX)
            if not holds:
                os.unlink(path)
                os.close(other)
        made.append(path)
        return handle, path

    monkeypatch.setattr(tempfile, "mkstemp", sweep_first)
    write_file(tmp_path / "a.txt", "text")
    assert len(made) == 2
    assert (tmp_path / "a.txt").read_text() == "text"


def test_only_what_was_left_aside_is_swept(tmp_path: Path) -> None:
    mine = [".derive-notes", "derive-1.aside", ".hidden.aside", ".derive-1.aside.txt"]
    for name in [*mine, ".derive-1.aside"]:
        (tmp_path / name).write_text("")
    write_file(tmp_path / "a.txt", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, "a.txt"])


def test_ctrl_c_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("old")

    def interrupt(source: str, target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a.txt", "new")
    assert files_in(tmp_path) == {"a.txt": b"old"}
