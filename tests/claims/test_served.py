"""The other end of the pipe: what someone's functions print, import and find around them."""

from pathlib import Path

import numpy as np
import pytest
from function_samples import BATCH_NORM, PLAIN, Write, assert_right, batch, truth

from derive.claims.functions import load_function


@pytest.mark.parametrize(
    "statement",
    [
        "print('{\"number\": 3}')",
        "os.write(1, b'{\"number\": 3}\\n')",
        "sys.__stdout__.write('x'*100_000)",
        "os.system('echo shell')",
        "sys.stdout.close()",
        "sys.stdout.closed or os.close(1); sys.stdout.close()",
        "os.closerange(0, 3)",
        "sys.stdin.read()",
        "sys.stdout = None",
        "os.chdir('/')",
        "os.fork() or None",  # the child returns, too
    ],
)
def test_what_is_printed_does_not_mix_with_what_is_returned(write: Write, statement: str) -> None:
    text = f"import os, sys\n{PLAIN}".replace("    return", f"    {statement}\n    return")
    with load_function(BATCH_NORM, write(text)) as loaded:
        inputs, cotangents = batch()
        for _ in range(1 if "close" in statement else 2):
            found = loaded.values(inputs, cotangents)
            np.testing.assert_allclose(found["dx"], truth(inputs, cotangents)["dx"])


def test_what_is_printed_goes_to_standard_error(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    with load_function(BATCH_NORM, write(PLAIN.replace("    return", "    print('σ', end='')\n    return"))) as loaded:
        loaded.values(*batch())
    assert capfd.readouterr() == ("", "σ")


def test_a_neighbor_is_found(write: Write) -> None:
    write("TWO = 2\n", file="neighbor.py")
    function = write("from neighbor import TWO\ndef backward(dy, x):\n    return TWO*x\n")
    with load_function(BATCH_NORM, function) as loaded:
        inputs, cotangents = batch()
        assert (loaded.values(inputs, cotangents)["dx"] == 2 * inputs["x"]).all()


def test_a_part_of_a_package_finds_its_neighbors(write: Write) -> None:
    write("", file="nets/__init__.py")
    write("TWO = 2\n", file="nets/neighbor.py")
    function = write("from .neighbor import TWO\ndef backward(dy, x):\n    return TWO*x\n", file="nets/layers.py")
    with load_function(BATCH_NORM, function) as loaded:
        inputs, cotangents = batch()
        assert (loaded.values(inputs, cotangents)["dx"] == 2 * inputs["x"]).all()


@pytest.mark.parametrize("file", ["json.py", "numpy.py", "claim.py", "two words.py", "notes", "queue.py"])
def test_a_file_may_have_any_name(write: Write, file: str) -> None:
    with load_function(BATCH_NORM, write(PLAIN, file=file)) as loaded:
        assert_right(loaded)


def test_the_folder_that_one_is_in_does_not_matter(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = write(PLAIN)
    for name in ("derive", "numpy", "json", "base64"):
        write("raise SystemExit", file=f"{name}.py")
    monkeypatch.chdir(tmp_path)
    write(PLAIN, file="sub/mine.py")
    with load_function(BATCH_NORM, "sub/mine.py:backward") as loaded:
        assert loaded.file == "sub/mine.py"
        assert_right(loaded)
    assert function


def test_the_file_is_imported_once_and_read_anew(write: Write) -> None:
    text = "n = 0\ndef backward(dy, x):\n    global n\n    n += 1\n    return x*0 + n\n"
    with load_function(BATCH_NORM, write(text)) as loaded:
        assert [loaded.values(*batch())["dx"][0, 0] for _ in range(3)] == [1, 2, 3]
    with load_function(BATCH_NORM, write(text.replace("n = 0", "n = 7"))) as loaded:
        assert loaded.values(*batch())["dx"][0, 0] == 8


def test_nothing_of_sympy_is_loaded(write: Write) -> None:
    text = "import sys\ndef backward(dy, x):\n    assert not {'sympy', 'derive.graph'} & set(sys.modules)\n"
    with load_function(BATCH_NORM, write(text + "    return x\n")) as loaded:
        loaded.values(*batch())


def test_the_process_has_a_limit_of_its_own(write: Write) -> None:
    text = "import signal, resource\ndef backward(dy, x):\n    x[0, 0] = signal.getitimer(signal.ITIMER_REAL)[0]\n"
    text += "    x[0, 1] = resource.getrlimit(resource.RLIMIT_AS)[0]\n    return x\n"
    with load_function(BATCH_NORM, write(text), timeout=10) as loaded:
        seconds, bytes_, _ = loaded.values(*batch())["dx"][0]
    assert 20 < seconds < 26
    assert 0 < bytes_ <= 8 * 2**30
