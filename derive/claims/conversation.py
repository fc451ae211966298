"""The conversation with the process that someone's functions run in.

    Input    the file and the name of a function; the arguments of a call
    Output   the function as it is loaded; the answer, packed as it comes from the process

Whatever goes wrong in that process is a LayerError, with the place in the user's own file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from derive.claims.parameters import Loaded, Parameter
from derive.claims.source_files import line_of_definition, lines_of, location_in
from derive.claims.worker import Ended, Overdue, Packed, Worker
from derive.errors import LayerError, Location

T = TypeVar("T")


@dataclass(frozen=True)
class Talk:
    """The process, how long it may take over one answer, and the files in it as the user named them."""

    worker: Worker
    timeout: float
    shown: dict[str, str] = field(default_factory=dict)

    def load(self, path: str, name: str) -> Loaded:
        """Load a function of a file."""
        file = str(Path(path).resolve())
        self.shown[file] = path
        answer = self._ask(
            {"do": "load", "file": file, "name": name},
            late=f"{path} was not imported",
            over=f"the import of {path} ended the process",
            wrong=f"the import of {path} raised",
            hint="the file is imported by itself, in a process of its own, and must be Python that can be",
        )
        return read_answer(path, None, lambda: self._loaded(path, name, answer))

    def _loaded(self, path: str, name: str, answer: Packed) -> Loaded:
        if "missing" in answer:
            raise _not_there(path, name, answer)
        kept = [(str(n), str(k), bool(r)) for n, k, r in answer["parameters"] if not k.startswith("VAR_")]
        line = line_of_definition(lines_of(path), name, int(answer["first"]))
        return Loaded(path, name, int(answer["function"]), tuple(Parameter(*entry) for entry in kept), line)

    def call(self, function: Loaded, request: Packed, text: str) -> Packed:
        """Call a function; `text` is the call as a reader sees it."""
        return self._ask(
            {"do": "call", "function": function.number, **request},
            late=f"{function.name} did not return",
            over=f"{function.name} ended its process",
            wrong=f"{function.name} raised",
            hint=f"it was called as {text}",
            location=function.location,
        )

    def _ask(
        self, request: Packed, *, late: str, over: str, wrong: str, hint: str = "", location: Location | None = None
    ) -> Packed:
        try:
            answer = self.worker.ask(request, self.timeout)
        except Overdue:
            raise LayerError(f"{late} within {self.timeout:g} s", hint, location) from None
        except Ended as how:
            raise LayerError(f"{over} ({how})", hint, location) from None
        if "error" in answer:
            title = wrong.removesuffix(" raised")
            raise read_answer(title, location, lambda: self._raised(answer["error"], wrong, hint, location))
        return answer

    def _raised(self, error: Packed, wrong: str, hint: str, location: Location | None) -> LayerError:
        """What someone's code raised, at the place in their own file."""
        text = ": ".join(part for part in (f"{wrong} {error['type']}", " ".join(str(error["text"]).split())) if part)
        if error["file"] is not None:
            shown = self.shown.get(error["file"], str(error["file"]))
            location = location_in(shown, int(error["line"]), error["column"])
        return LayerError(text, hint, location)


def read_answer(title: str, location: Location | None, read: Callable[[], T]) -> T:
    """What is read in an answer. Someone's code can write answers, too, so it may be anything."""
    try:
        return read()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise LayerError(f"{title} has disturbed the process that it runs in", "", location) from None


def _not_there(path: str, name: str, answer: Packed) -> LayerError:
    names = [str(known) for known in answer["names"]]
    near = difflib.get_close_matches(name, names, n=2)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"its functions are {', '.join(names[:20])}" if names else "it has no functions"
    if answer["missing"]:
        return LayerError(f"{name} in {path} is no function that says what its parameters are", hint)
    return LayerError(f"there is no function {name!r} in {path}", hint)
