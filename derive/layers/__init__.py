"""The layers that come with the package, and reading a layer's text from wherever the user has it.

A layer is a `.layer` file beside this module; adding one is adding a file. Nothing here parses a layer, so that
listing them costs nothing.
"""

from __future__ import annotations

import ast
import difflib
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from derive.errors import LayerError, Location, UsageError

SUFFIX = ".layer"
# Far above any layer; a wrong file (an archive, a device without an end) is refused before it is read whole.
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class LayerText:
    """A layer as text: its `name`, the `file` that messages cite, and the `text` itself."""

    name: str
    file: str
    text: str


def layer_names() -> list[str]:
    """The names of the layers that come with the package, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob(f"*{SUFFIX}"))


def read_layer(spec: str) -> LayerText:
    """The text of a layer: `spec` is a built-in name, a path to a `.layer` file, or `-` for standard input.

    Raises UsageError when there is no such layer or its file cannot be read, LayerError when it is not UTF-8.
    """
    if spec == "-":
        return _read_standard_input("layer")
    if spec.endswith(SUFFIX) or "/" in spec or "\\" in spec:
        return _read_file(Path(spec), spec)
    if spec in layer_names():
        path = Path(__file__).parent / f"{spec}{SUFFIX}"
        return _read_file(path, path.name)
    raise UsageError(_unknown(spec))


def read_document(spec: str) -> LayerText:
    """The text of a derivation: `spec` is a path to any text file, or `-` for standard input.

    Raises UsageError when it cannot be read, LayerError when it is too large or not UTF-8.
    """
    if spec == "-":
        return _read_standard_input("derivation")
    return _read_file(Path(spec), spec)


def summary(text: str) -> str:
    """The first line of a layer's docstring; empty when there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape such as \s in a docstring that is not raw
            description = ast.get_docstring(ast.parse(text.removeprefix("\ufeff")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    lines = (description or "").strip().splitlines()
    return lines[0].strip() if lines else ""


def _unknown(spec: str) -> str:
    names = layer_names()
    near = difflib.get_close_matches(spec, names, n=3, cutoff=0.5)
    if near:
        advice = f"did you mean {' or '.join(near)}?"
    else:
        advice = f"the built-in layers are {', '.join(names)}"
    # os.path, for which there is nothing under a name that is too long or has a null character in it.
    if os.path.isfile(f"{spec}{SUFFIX}"):
        advice = f"the file in this folder is read as {spec}{SUFFIX}"
    elif os.path.isfile(spec):
        advice = f"a layer file's name ends in {SUFFIX}; the file in this folder can be read as ./{spec}"
    return f"no layer is called {spec!r}\n  help: {advice}"


def _read_standard_input(name: str) -> LayerText:
    if sys.stdin is None:
        raise UsageError("cannot read standard input: it is closed")
    try:
        raw = _read(sys.stdin.buffer, "standard input")
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error.strerror or error}") from None
    return LayerText(name, "<stdin>", _decode(raw, "<stdin>"))


def _read_file(path: Path, spec: str) -> LayerText:
    shown = spec if spec.isprintable() else repr(spec)  # one line, whatever the name is
    try:
        with path.open("rb") as stream:
            raw = _read(stream, shown)
    except IsADirectoryError:
        raise UsageError(f"{shown} is a folder, not a file") from None
    except FileNotFoundError:
        raise UsageError(f"there is no file {shown}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read {spec!r}: {reason}") from None
    # The name goes into texts, programs and names of files: what could not stand there is left out.
    name = "".join(c if c.isprintable() else "_" for c in path.stem)
    return LayerText(name, shown, _decode(raw, shown))


def _read(stream: BinaryIO, shown: str) -> bytes:
    raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise LayerError(
            f"{shown} is larger than {MAX_BYTES} bytes", "what is read here is a page of text; is this the right file?"
        )
    return raw


def _decode(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = _with_unix_ends(raw[: error.start].decode("utf-8-sig"))
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1)
        wrong = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        location = Location(file, line, column, before[before.rfind("\n") + 1 :])
        raise LayerError(wrong, "save the file as UTF-8", location) from None
    return _with_unix_ends(text)


def _with_unix_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
