"""Writing files so that nothing is ever half-written: aside first, then renamed into place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from derive.errors import UsageError


def write_file(path: str | Path, text: str) -> None:
    """Write a text as UTF-8 with Unix line ends; the old file stays whole until the new one is.

    What exists and is no regular file (a pipe, /dev/stdout) is written to directly. Raises UsageError if it cannot.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            return
        _replace(target.resolve(), text)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror or error}") from None


def _replace(target: Path, text: str) -> None:
    if target.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    handle, aside = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        os.chmod(aside, mode)
        os.replace(aside, target)
    except BaseException:
        os.unlink(aside)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
