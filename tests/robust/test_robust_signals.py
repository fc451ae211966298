"""Signals in the middle of a command: a clear line, the exit code of a shell, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from robust_commands import files_in, fill

from derive.signals import Heeded, Terminated

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are signals as Unix has them")

# The process sends the signal to itself: a while after a module is loaded, so that it is in the middle of the work on a
# busy machine, too. What a shell runs behind its back ignores Ctrl-C, and so would what the tests run then.
_SIGNALED = """
import os, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
number, module = int(sys.argv[1]), sys.argv[2]
def send():
    while module not in sys.modules:
        time.sleep(0.002)
    time.sleep(0.05)
    os.kill(os.getpid(), number)
threading.Thread(target=send, daemon=True).start()
from derive.cli import main
sys.exit(main(sys.argv[3:]))
"""
CODES = {signal.SIGINT: (130, "derive: interrupted\n"), signal.SIGTERM: (143, "derive: terminated\n")}
LONG = {
    "verify": (["verify", "batch_norm"], "derive.verifier"),
    "docs": (["docs", "batch_norm", "-o", "made"], "derive.simplify"),
    "check": (["check", "batch_norm", "claims.txt"], "derive.simplify"),
    "html": (["html", "batch_norm", "-o", "page.html"], "derive.simplify"),
    "bench": (["bench", "batch_norm", "--targets", "numpy"], "derive.bench.worker"),
    "code": (["code", "batch_norm", "--order", "2", "-o", "page.html"], "derive.simplify"),
}


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("name", LONG)
def test_a_long_command(name: str, number: signal.Signals, tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "claims.txt").write_text("dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)\n")
    (tmp_path / "page.html").write_text("old")
    before = files_in(tmp_path)
    arguments, module = LONG[name]
    command = [sys.executable, "-c", _SIGNALED, str(int(number)), module, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == CODES[number]
    assert done.stdout == ""
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_somebody_s_function_ends_with_the_command(number: signal.Signals, tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, time\ndef slow(dy, x, c):\n"
        "    pathlib.Path('pid.new').write_text(str(os.getpid())); os.rename('pid.new', 'pid'); time.sleep(600)\n"
    )
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import derive.cli as c; "
    command = [sys.executable, "-c", code + "sys.exit(c.main(sys.argv[1:]))"]
    command += ["check", "own.layer", "--function", "slow.py:slow", "--timeout", "300"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert _within(60, (tmp_path / "pid").exists)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    announced, *rest = said.splitlines(keepends=True)
    assert announced.startswith("derive: running slow from slow.py")
    assert (process.returncode, "".join(rest)) == CODES[number]
    pid = int((tmp_path / "pid").read_text())
    assert _within(60, lambda: not _is_alive(pid))


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """What tidies up after the first may hang."""
    code = (
        "import os, signal, sys\nfrom derive.signals import Heeded\n"
        "with Heeded():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n        os.kill(os.getpid(), signal.SIGTERM)\n        print('not ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, b"", b"")


def test_what_ignores_a_signal_goes_on_to() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Heeded():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (*CODES, signal.SIGHUP)]
    with pytest.raises(Terminated), Heeded():
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in (*CODES, signal.SIGHUP)] == before


def _within(seconds: float, holds: object) -> bool:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
