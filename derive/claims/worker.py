"""A process of its own for someone's functions, and both ends of the pipe to it.

    Input    requests, a line of JSON each: load a function of a file, or call one that is loaded
    Output   answers, a line of JSON each, in the same order

What travels is numbers, names and texts, in both directions: nothing that could run anything on the other side. What
the functions print goes to standard error. NumPy and the standard library are all that is imported, so that the
process starts quickly.
"""

from __future__ import annotations

import base64
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

Packed = dict[str, Any]
Process = subprocess.Popen[bytes]

_START_LIMIT = 60.0  # seconds, for Python and NumPy alone
_ADDRESS_SPACE = 8 << 30  # bytes
_LONGEST_ANSWER = 1 << 27  # bytes
_LARGEST_ARRAY = 1 << 22  # elements; of a larger one only the shape is told
_MOST_VALUES = 100
_LONGEST_TEXT = 500
# The paths are given, so that no file of the folder that one happens to be in stands in the way.
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from derive.claims.worker import serve; serve()"
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # the arrays are small


def pack_array(array: np.ndarray) -> Packed:
    """An array as JSON has it: its shape, and its elements as 64-bit floats, bit for bit."""
    content = np.ascontiguousarray(array, dtype="<f8").tobytes()
    return {"shape": list(array.shape), "array": base64.b64encode(content).decode()}


def unpack_array(packed: Packed) -> np.ndarray:
    """The array again, one that nobody else has. Raises ValueError, KeyError or TypeError for anything else."""
    content = np.frombuffer(base64.b64decode(packed["array"]), dtype="<f8")
    return content.reshape(tuple(packed["shape"])).astype(np.float64)


# ── our end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    while (request := requests.get()) is not None:
        answer = b""
        with suppress(OSError, ValueError):
            while request:
                request = request[process.stdin.write(request) :]
            while not answer.endswith(b"\n") and len(answer) < _LONGEST_ANSWER:
                more = process.stdout.read(1 << 20)
                answer = answer + more if more else b"\n"
        answers.put(answer)


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
        thread.join(1.0)
    if not thread.is_alive():
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _ending(code: int) -> str:
    if code == -getattr(signal, "SIGKILL", 0):
        return "it was killed, or no longer answered"
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"
    return f"exit code {code}"


# ── the other end ────────────────────────────────────────────────────────────────────────────────────────────────────


def serve() -> None:
    """Answer requests until there are no more: the whole life of the process."""
    requests, answers = _take_pipes()
    own, session = os.getpid(), Session()
    for line in requests:
        request = json.loads(line)
        try:
            answer = session.answer(request)
        except BaseException as error:  # whatever someone's code raises, SystemExit too
            answer = {"error": describe_error(error, session.files)}
        if os.getpid() != own:  # a function that forked returns twice
            break
        try:
            answers.write(json.dumps({**answer, "number": request["number"]}).encode() + b"\n")
        except OSError:  # someone's code has closed the pipe
            break
    os._exit(0)  # neither exit functions nor threads of someone's code are waited for


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes, out of reach of what is printed, and of what reads standard input."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(nothing, 1)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace", write_through=True)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb", buffering=0)


@dataclass
class Session:
    """What is loaded, and what the last call of the forward function left for the backward one."""

    functions: list[Callable[..., Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    cache: Any = None
    given: dict[int, list[tuple[str, np.ndarray, bytes]]] = field(default_factory=dict)

    def answer(self, request: Packed) -> Packed:
        """The answer to one request."""
        _set_alarm(int(2 * request["limit"]) + 5)
        try:
            return {"start": self._start, "load": self._load, "call": self._call}[request["do"]](request)
        finally:
            _set_alarm(0)

    def _start(self, _: Packed) -> Packed:
        if resource is not None:
            for kind, wanted in ((resource.RLIMIT_AS, _ADDRESS_SPACE), (resource.RLIMIT_CORE, 0)):
                with suppress(OSError, ValueError):
                    hard = resource.getrlimit(kind)[1]
                    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
                    resource.setrlimit(kind, (allowed, hard))
        return {}

    def _load(self, request: Packed) -> Packed:
        """Import a file and find a function in it: its number, its parameters, and where it is defined."""
        path, name = request["file"], request["name"]
        self.files.append(path)
        module = import_file(path)
        function = getattr(module, name, None)
        if not callable(function):
            names = [n for n, value in vars(module).items() if inspect.isroutine(value)]
            return {"missing": hasattr(module, name), "names": names[:1000]}
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # one that is not written in Python
            return {"missing": True, "names": []}
        self.functions.append(function)
        return {
            "function": len(self.functions) - 1,
            "parameters": [[p.name, p.kind.name, p.default is p.empty] for p in parameters],
            "first": getattr(getattr(inspect.unwrap(function), "__code__", None), "co_firstlineno", 1),
        }

    def _call(self, request: Packed) -> Packed:
        """Call a function; of a forward one, `outputs` says how many values it returns beside the cache."""
        function = self.functions[request["function"]]
        named = {name: self._unpack(value) for name, value in request["arguments"].items()}
        self.given[request["function"]] = [
            (name, array, array.tobytes()) for name, value in named.items() for array in _arrays_in(value)
        ]
        positional = []
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(named.pop(parameter.name, parameter.default))
        result = function(*positional, **named)
        if request["outputs"]:
            self.outputs, kept = split_outputs(result, request["outputs"])
            self.cache = kept[0] if kept else None
            answer = {"values": [pack(value, True) for value in self.outputs], "keeps": bool(kept)}
            if not self.outputs:
                answer["came"] = pack(result)
        else:
            answer = {"result": pack(result)}
        given = [entry for entries in self.given.values() for entry in entries]
        return {**answer, "wrote": [name for name, array, before in given if array.tobytes() != before]}

    def _unpack(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "cache" in value:
            return self.cache
        if "output" in value:
            return self.outputs[value["output"]]
        if "settings" in value:
            return {name: self._unpack(entry) for name, entry in value["settings"].items()}
        if "tuple" in value:
            return tuple(self._unpack(entry) for entry in value["tuple"])
        array = unpack_array(value)
        return array if array.ndim else np.float64(array)


def _set_alarm(seconds: int) -> None:
    """End the process after a time, also when nobody is left to end it; 0 is never."""
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)


def _arrays_in(value: Any) -> list[np.ndarray]:
    entries = value if isinstance(value, tuple) else (value,)
    return [entry for entry in entries if isinstance(entry, np.ndarray)]


def split_outputs(result: Any, count: int) -> tuple[list[Any], list[Any]]:
    """What a forward function returned: its outputs, and the cache if there is one. No outputs: it is neither."""
    if not isinstance(result, tuple):
        return ([result], []) if count == 1 else ([], [])
    if len(result) == 2 and isinstance(result[0], (tuple, list)) and len(result[0]) == count:
        return list(result[0]), [result[1]]
    if len(result) in (count, count + 1):
        return list(result[:count]), list(result[count:])
    return [], []


def pack(value: Any, inside: bool = False) -> Packed:
    """What a function returned, as JSON has it: arrays by their elements, anything else by what it is."""
    fields = getattr(value, "_fields", None)
    if isinstance(value, tuple) and fields is not None and not inside:
        value = dict(zip(fields, value, strict=False))
    if isinstance(value, (tuple, list)) and not inside:
        entries = list(value)
        return {"tuple": [pack(entry, True) for entry in entries[:_MOST_VALUES]], "count": len(entries)}
    if isinstance(value, dict) and not inside:
        return {"dict": {str(k)[:_LONGEST_TEXT]: pack(v, True) for k, v in list(value.items())[:_MOST_VALUES]}}
    if value is None:
        return {"none": True}
    return _pack_numbers(value)


def _pack_numbers(value: Any) -> Packed:
    other = {"other": type(value).__name__[:_LONGEST_TEXT]}
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            return {"other": f"{other['other']} of dtype {array.dtype}"} if array.ndim else other
        if array.size > _LARGEST_ARRAY:
            return {"shape": list(array.shape), "array": None}
        return pack_array(array.astype(np.float64))
    except Exception:
        return other


def import_file(path: str) -> ModuleType:
    """Import a file by its path, once. It finds its neighbors; one in a package is imported as a part of it."""
    known = [m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == path]
    if known:
        return known[0]
    top, parts = Path(path).parent, [Path(path).stem]
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    while (top / "__init__.py").is_file() and top.name.isidentifier() and parts[0].isidentifier():
        top, parts = top.parent, [top.name, *parts]
    if len(parts) > 1 and path.endswith(".py"):
        sys.path.insert(0, str(top))
        return importlib.import_module(".".join(parts))
    name = parts[-1] if parts[-1] not in sys.modules else f"{parts[-1]} at {path}"
    loader = _Loader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class _Loader(importlib.machinery.SourceFileLoader):
    """Takes the source as it is now: what was compiled before may be as old as one second."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def describe_error(error: BaseException, files: Collection[str]) -> Packed:
    """What someone's code raised, and where: the innermost place in the files that were given."""
    try:
        text = str(error)[:_LONGEST_TEXT]
    except Exception:
        text = ""
    described = {"type": type(error).__name__, "text": text, "file": None, "line": 0, "column": None}
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        column = max((error.offset or 1) - 1, 0)
        return {**described, "text": error.msg, "file": error.filename, "line": error.lineno or 1, "column": column}
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename in files:
            described.update(file=frame.f_code.co_filename, line=line)
    return described
