"""A process of its own for someone's functions: our end of the pipe to it. The other end is `derive.claims.served`.

    Input    requests, a line of JSON each: load a function of a file, or call one that is loaded
    Output   answers, a line of JSON each, in the same order

What travels is numbers, names and texts, in both directions: nothing that could run anything on the other side. The
process imports this module, too, so NumPy and the standard library are all that is imported here.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import IO, Any

import numpy as np

Packed = dict[str, Any]
Process = subprocess.Popen[bytes]

_START_LIMIT = 60.0  # seconds, for Python and NumPy alone
_LONGEST_ANSWER = 1 << 27  # bytes
# The paths are given, so that no file of the folder that one happens to be in stands in the way.
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from derive.claims.served import serve; serve()"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the arrays are small


def pack_array(array: np.ndarray) -> Packed:
    """An array as JSON has it: its shape, and its elements as 64-bit floats, bit for bit."""
    content = np.ascontiguousarray(array, dtype="<f8").tobytes()
    return {"shape": list(array.shape), "array": base64.b64encode(content).decode()}


def unpack_array(packed: Packed) -> np.ndarray:
    """The array again, one that nobody else has. Raises ValueError, KeyError or TypeError for anything else."""
    content = np.frombuffer(base64.b64decode(packed["array"]), dtype="<f8")
    return content.reshape(tuple(packed["shape"])).astype(np.float64)


class Overdue(Exception):  # noqa: N818 - it says what happened
    """No answer came within the time limit; the process is no more."""


class Ended(Exception):  # noqa: N818
    """The process has ended, or says what cannot be understood. The text says how it ended."""


class Worker:
    """A process that answers one request at a time. `close` ends it, and all that it has started in its group."""

    def __init__(self) -> None:
        """Start the process. Raises OSError, Overdue or Ended where that fails."""
        command = [sys.executable, "-B", "-W", "ignore", "-c", _PROGRAM, *map(os.path.abspath, sys.path)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )
        self._process = process
        self._requests: queue.Queue[bytes | None] = queue.Queue()
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._number = 0
        # Reading and writing can block for ever, whatever is killed: a child of the process may hold the pipes.
        thread = threading.Thread(target=_converse, args=(process, self._requests, self._answers), daemon=True)
        self._end = weakref.finalize(self, _end, process, self._requests, thread)
        try:
            thread.start()
            self.ask({"do": "start"}, _START_LIMIT)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Packed, limit: float) -> Packed:
        """The answer to a request. Raises Overdue after `limit` seconds, Ended where there is no answer."""
        if not self._end.alive:
            raise Ended("it was ended before")
        self._number += 1
        self._requests.put(json.dumps({**request, "number": self._number, "limit": limit}).encode() + b"\n")
        try:
            answer = json.loads(self._answers.get(timeout=limit))
        except queue.Empty:
            self.close()
            raise Overdue from None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("number") != self._number:
            self.close()
            raise Ended(_ending(self._process.returncode))
        return answer

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._end()


def _converse(process: Process, requests: queue.Queue[bytes | None], answers: queue.Queue[bytes]) -> None:
    """Pass requests on, and put an answer for each: an empty one where the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        while (request := requests.get()) is not None:
            answers.put(_exchange(process.stdin, process.stdout, request))


def _exchange(stdin: IO[bytes], stdout: IO[bytes], request: bytes) -> bytes:
    answer = b""
    with suppress(OSError, ValueError):
        while request:
            request = request[stdin.write(request) :]
        while not answer.endswith(b"\n") and len(answer) < _LONGEST_ANSWER:
            answer += stdout.read(1 << 20) or b"\n"
    return answer


def _end(process: Process, requests: queue.Queue[bytes | None], thread: threading.Thread) -> None:
    """Kill the process and its group, and tidy up after it."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # it is waited for below, so the number is still its own
    process.wait()
    requests.put(None)
    with suppress(RuntimeError):  # it was never started
        thread.join(1.0)  # not for ever: see above


def _ending(code: int) -> str:
    if code == -getattr(signal, "SIGKILL", 0):
        return "it was killed, or no longer answered"
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"
    return f"exit code {code}"
