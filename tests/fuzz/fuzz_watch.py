"""What an input may do to the process that reads it: nothing but use some time and memory, and end as it should.

A Watch goes over one process for good, since an audit hook cannot be taken away again; `fuzz_run.py` is that process.
"""

from __future__ import annotations

import faulthandler
import gc
import inspect
import os
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from time_limits import set_aside

import derive

MEGABYTE = 2**20
_OWN = str(Path(derive.__file__).resolve().parent)
_TESTS = str(Path(__file__).resolve().parent.parent)  # whose lines Python reads to show where an error came from
_LIBRARIES = (_OWN, sys.prefix, sys.base_prefix, _TESTS)
# Python looks for the file of a syntax error, to show its line.
_NO_FILE = ("<unknown>", "<string>")
# What a command runs that verifies the code it generates, or measures it.
_OWN_CODE = ("<derived ", "<lambdifygenerated", "<string>")
# It writes its arithmetic from the number of variables, once for each, and from nothing that was read.
_ARITHMETIC = "sympy/polys/monomials.py"
_LAZY = ("derive", "derived", "sympy", "mpmath", "numpy")
_WATCHED = (
    "exec", "open", "import", "os.", "shutil.", "subprocess.", "socket.", "ctypes.", "pty.", "urllib.", "webbrowser.",
    "pickle.", "tempfile.", "http.", "ftplib.", "smtplib.", "sqlite3.", "syslog.", "signal.", "resource.", "mmap.",
)  # fmt: skip
_HARMLESS = ("os.listdir", "os.scandir", "os.walk", "os.fwalk")
_ADDRESS = re.compile("0x[0-9a-f]+")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Wrong(Exception):  # noqa: N818 - what it is, is an input
    """An input that did not end as it should, and how."""


class Overdue(BaseException):
    """Raised by the watch where an input takes too long; no `except Exception` stops it."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with how an input ended: in one line, and where."""

    said: str
    trace: str = ""
    late: bool = False


def _caller_of_exec() -> str:
    """The file whose code has called exec: the first outside this one, on the way out."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def _peak() -> int:
    """The most megabytes that this process has had. On Linux `ru_maxrss` has those of its parent in it, too."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (MEGABYTE if sys.platform == "darwin" else 1024)


@dataclass
class Watch:
    """Runs a function on one input after another.

    `seconds` are those of the processor for one input, `megabytes` the most memory that the process may have had.
    Below `folder` an input may write, where there is one.
    """

    seconds: float
    megabytes: int = 500
    folder: str = ""
    _armed: bool = False
    _seen: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Set everything up; what is read from here on is watched."""
        warnings.simplefilter("error")
        faulthandler.enable()
        # Far beyond the memory that is allowed, so that nothing takes the machine down before it is told.
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _has_proc() else 0
        if size:
            resource.setrlimit(resource.RLIMIT_AS, (size + 2 * self.megabytes * MEGABYTE, resource.RLIM_INFINITY))
        signal.signal(signal.SIGPROF, self._overdue)
        sys.addaudithook(self._audit)

    def fault(self, run: Callable[[bytes], None], raw: bytes) -> Fault | None:
        """What is wrong with how `run`, which may raise Wrong itself, ends on an input; None where nothing is.

        What is late is tried once more, in the same time, when the garbage collector has nothing else to go through.
        """
        found = self._fault(run, raw)
        if found is not None and found.late:
            gc.collect()
            with set_aside():
                found = self._fault(run, raw)
        return found

    def _fault(self, run: Callable[[bytes], None], raw: bytes) -> Fault | None:
        self._seen.clear()
        # If the time is spent in C, the handler of the signal never runs; then the process ends, and says where.
        faulthandler.dump_traceback_later(60 + 10 * self.seconds, exit=True)
        signal.setitimer(signal.ITIMER_PROF, self.seconds, 0.2)
        self._armed = True
        raised: BaseException | None = None
        try:
            run(raw)
        except BaseException as error:  # whatever it is: that is the point
            raised = error
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
        if isinstance(raised, KeyboardInterrupt):
            raise raised
        found = None if raised is None else self._fault_of(raised)
        if self._seen:
            return Fault(f"it does what it must not: {self._seen[0]}", "\n".join(self._seen[:20]))
        peak = _peak()
        if found is None and peak > self.megabytes:
            allowed, self.megabytes = self.megabytes, peak + 100
            return Fault(f"it takes the process over {allowed} MB", f"{peak} MB")
        return found

    def _fault_of(self, error: BaseException) -> Fault:
        if isinstance(error, Wrong):
            return Fault(str(error))
        if isinstance(error, Overdue):
            return Fault(f"it takes more than {self.seconds:g} s", _where(error), late=True)
        return Fault(f"{type(error).__name__} at {_own_frame(error)}", _where(error))

    def _overdue(self, number: int, frame: FrameType | None) -> None:
        # In a callback of the garbage collector it would only be printed; the signal comes again.
        if self._armed and not (frame is not None and "hypothesis" in frame.f_code.co_filename):
            raise Overdue

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        watched = self._armed and event.startswith(_WATCHED) and event not in _HARMLESS
        if watched and not self._allowed(event, arguments):
            self._seen.append(_ADDRESS.sub("0x", f"{event} {str(arguments)[:300]}"))

    def _allowed(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "import":
            return bool(self.folder) or str(arguments[0]).partition(".")[0] in _LAZY
        if event == "exec":  # a module of a library, loaded late
            code = arguments[0]
            known = (*_LIBRARIES, *(_OWN_CODE if self.folder else ()))
            is_module = getattr(code, "co_name", "") == "<module>" and code.co_filename.startswith(known)
            return is_module or _caller_of_exec().endswith(_ARITHMETIC)
        if event == "subprocess.Popen":  # for someone's function, which the command line asks to be run
            return bool(self.folder) and arguments[0] == sys.executable and "derive.claims.served" in str(arguments[1])
        if event == "os.killpg":  # that process, when it is done
            return bool(self.folder)
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & _WRITING) or any(letter in (mode or "") for letter in "wax+")
            if not writes and str(path).startswith((*_LIBRARIES, *_NO_FILE)):
                return True
            # A command reads what it is given, and writes to its folder, which it opened before it has a number.
            return bool(self.folder) and (not writes or path == os.devnull or self._is_inside(path))
        paths = [part for part in arguments if isinstance(part, str | bytes | os.PathLike)]
        inside = bool(paths) and all(self._is_inside(path) for path in paths)
        return bool(self.folder) and event.startswith(("os.", "tempfile.", "shutil.")) and inside

    def _is_inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return True
        try:
            return os.path.realpath(os.fsdecode(path)).startswith(os.path.realpath(self.folder))
        except ValueError:  # a null character
            return True


def _has_proc() -> bool:
    return Path("/proc/self/statm").exists()


def _own_frame(error: BaseException) -> str:
    """The innermost frame of this project that an error went through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(_OWN)]
    return f"{Path(frames[-1].filename).relative_to(_OWN)}, {frames[-1].name}" if frames else "no line of derive"


def _where(error: BaseException) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines if len(lines) < 60 else [*lines[:15], "...", *lines[-40:]])
