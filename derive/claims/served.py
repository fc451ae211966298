"""The process of its own that someone's functions run in: the other end of the pipe to a `Worker`.

    Input    requests, a line of JSON each: load a function of a file, or call one that is loaded
    Output   answers, a line of JSON each, in the same order

What the functions print goes to standard error. NumPy and the standard library are all that is imported, so that the
process starts quickly.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from derive.claims.worker import Packed, pack_array, unpack_array

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

_ADDRESS_SPACE = 8 << 30  # bytes
_LARGEST_ARRAY = 1 << 22  # elements; of a larger one only the shape is told
_MOST_VALUES = 100
_LONGEST_TEXT = 500


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
        kept = [name for name, value in request["arguments"].items() if is_kept(value)]
        self.given[request["function"]] = [
            (name, array, array.tobytes())
            for name, value in named.items()
            for array in _arrays_in(value)
            if name not in kept
        ]
        positional = []
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(named.pop(parameter.name, parameter.default))
        result = function(*positional, **named)
        if request["outputs"]:
            self.outputs, cache = split_outputs(result, request["outputs"])
            self.cache = cache[0] if cache else None
            answer = {"values": [pack(value, True) for value in self.outputs], "keeps": bool(cache)}
            if not self.outputs:
                answer["came"] = pack(result)
        else:
            answer = {"result": pack(result)}
        entries = [entry for given in self.given.values() for entry in given]
        return {**answer, "wrote": [name for name, array, before in entries if array.tobytes() != before]}

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


def is_kept(value: Any) -> bool:
    """Whether an argument is what the forward function returned: that is nobody else's."""
    return isinstance(value, dict) and not {"cache", "output"}.isdisjoint(value)


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
        if len(value) > _MOST_VALUES:
            return {"other": f"dict with {len(value)} entries"}
        return {"dict": {str(name)[:_LONGEST_TEXT]: pack(entry, True) for name, entry in value.items()}}
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
        # From text and not from bytes: then a syntax error counts characters.
        return self.source_to_code(importlib.util.decode_source(self.get_data(path)), path)


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
