"""The process of someone's functions ends in time, and always: whatever they do, and however its parent ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from function_samples import BATCH_NORM, PLAIN, Write, batch, complaint, gone, served_processes

from derive.claims.functions import load_function
from derive.errors import LayerError

KILLED = "it was killed, or no longer answered"

# It heeds Ctrl-C wherever the tests run: what a shell runs behind its back would not.
SCRIPT = """\
import signal
import sys
import numpy as np
import derive
from derive.claims.functions import load_function

signal.signal(signal.SIGINT, signal.default_int_handler)
with load_function(derive.load("batch_norm"), sys.argv[1], timeout=60) as loaded:
    print(loaded.pid, flush=True)
    one = np.ones((2, 2))
    loaded.values({"x": one, "gamma": one[0], "beta": one[0], "eps": 1.0}, {"y": one})
"""


@pytest.mark.parametrize(
    "statement",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import os; os.fork(); __import__('time').sleep(1000)",
        "import os, time\n    for _ in range(5): os.fork()\n    time.sleep(1000)",
        "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 14, 15)]; time.sleep(1000)",
        "import os, time; os.fork() or (os.setsid(), time.sleep(4), os._exit(0)); time.sleep(1000)",
        "try:\n        while True: pass\n    except BaseException: pass",
    ],
)
def test_what_does_not_return_is_ended(write: Write, statement: str) -> None:
    function = write(f"def backward(dy, x):\n    {statement}\n")
    with load_function(BATCH_NORM, function, timeout=1.0) as loaded:
        start = time.monotonic()
        with pytest.raises(LayerError, match=r"^.*: backward did not return within 1 s\n"):
            loaded.values(*batch())
        assert time.monotonic() - start < 3.5
        assert gone(loaded.pid)
        with pytest.raises(LayerError, match="it was ended before"):
            loaded.values(*batch())


def test_an_import_that_does_not_end(write: Write) -> None:
    error = complaint(BATCH_NORM, write("while True: pass\n"), timeout=1.0)
    assert error.message.endswith("mine.py was not imported within 1 s")


def test_a_forward_function_that_does_not_return(write: Write) -> None:
    text = f"{PLAIN}\ndef forward(x):\n    while True: pass\n"
    error = complaint(BATCH_NORM, write(text), write(text, "forward"), timeout=1.0)
    assert error.message == "forward did not return within 1 s"


def test_a_closed_pipe(write: Write) -> None:
    error = complaint(BATCH_NORM, write("import os\ndef backward(dy, x):\n    os.closerange(0, 100)\n    return x\n"))
    # It ends because nobody hears it, or is ended because it is not heard.
    assert error.message in [f"backward ended its process ({how})" for how in ("exit code 0", KILLED)]


@pytest.mark.parametrize(
    ("statement", "how"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os._exit(0)", "exit code 0"),
        ("os.kill(os.getpid(), 11)", "signal SIGSEGV"),
        ("import ctypes; ctypes.string_at(0)", "signal SIGSEGV"),
        ("os.kill(os.getpid(), 19); time.sleep(9)", ""),
        ("[os.write(n, b'{}\\n') for n in range(3, 9) if is_pipe(n)]", KILLED),
        ("[os.write(n, b'['*10**6 + b'\\n') for n in range(3, 9) if is_pipe(n)]", KILLED),
    ],
)
def test_what_ends_its_process(write: Write, statement: str, how: str) -> None:
    text = "import os, time, fcntl\ndef is_pipe(n):\n    try:\n        return fcntl.fcntl(n, fcntl.F_GETFL) & 3 == 1\n"
    text += f"    except OSError:\n        return False\ndef backward(dy, x):\n    {statement}\n    return x\n"
    error = complaint(BATCH_NORM, write(text), timeout=2.0)
    assert error.message == (f"backward ended its process ({how})" if how else "backward did not return within 2 s")


def start_script(write: Write) -> tuple[subprocess.Popen[str], int]:
    function = write("def backward(dy, x):\n    print('begun', flush=True)\n    while True: pass\n")
    script = write(SCRIPT, file="script.py").rpartition(":")[0]
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, script, function], stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    worker = int(process.stdout.readline())
    assert process.stderr.readline() == "begun\n"
    return process, worker


def test_an_interrupt_leaves_no_process_behind(write: Write) -> None:
    process, worker = start_script(write)
    assert not gone(worker)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert gone(worker)


def test_without_with_the_process_ends_as_well(write: Write) -> None:
    loaded = load_function(BATCH_NORM, write(PLAIN))
    pid = loaded.pid
    assert str(pid) in served_processes()  # which are none after each of these tests
    del loaded
    assert gone(pid)
    assert str(pid) not in served_processes()


def test_an_error_while_loading_leaves_no_process_behind(write: Write, tmp_path: Path) -> None:
    text = f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nraise ValueError\n"
    complaint(BATCH_NORM, write(text))
    assert gone(int((tmp_path / "pid").read_text()))
