"""The standard streams, as a shell may leave them: closed, on a full disk, or gone with whoever read them.

    Input    a text for standard output, or for standard error
    Output   it is written, or an error says why standard output does not take it. What standard error does not take
             is dropped: it changes neither the work nor the exit code
"""

from __future__ import annotations

import io
import os
import sys

from derive.errors import UsageError

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from typing import TextIO


class _Closed(io.TextIOBase):
    """Standard output that a shell has closed, as `>&-` does: the same as a pipe whose reader is gone."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise BrokenPipeError


def open_missing() -> None:
    """Put something in the place of each standard stream that is closed, except that `sys.stdin` stays None.

    The numbers 0 to 2 would otherwise go to the next files that are opened, and what a library prints would end there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free is this one
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives


def write_output(text: str) -> None:
    """Write a text to standard output, all of it.

    Raises BrokenPipeError where it is closed, UsageError where it does not take the text for another reason.
    """
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:
            # JSON and LaTeX may hold any letter, and a pipe's encoding is whatever the locale says: UTF-8 where it
            # fails. What no UTF-8 can say stands in a file's name only.
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        raise
    except OSError as error:
        _silence(sys.stdout)
        raise UsageError(f"cannot write to standard output: {error.strerror or error}") from None


def tell(text: str) -> None:
    """Write a text to standard error, if that takes it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Drop what a stream still holds: at exit the interpreter would write it once more, and complain."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except OSError:  # it is no file of the system
        pass
