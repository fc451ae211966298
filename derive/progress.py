"""What is being done, said on a terminal while it lasts.

    Input    sentences, told to a callback as the work goes on
    Output   on a terminal a line, each sentence in the place of the last; elsewhere nothing

The work knows nothing of this: it tells any `Callable[[str], None]`, by default one that does nothing.
"""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable
from typing import TextIO

_CLEAR = "\r\033[K"


class ProgressLine:
    """The line, while its `with` lasts; it is called with each sentence, and gone at the end, however that comes.

    Nothing is shown before so many seconds of `patience` are over, by the `clock`: what is done sooner leaves no trace.
    """

    def __init__(
        self, stream: TextIO, patience: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._begin = clock() + patience
        # A terminal that calls itself dumb cannot clear a line.
        self._is_seen = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_shown = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_shown:
            self._write("")

    def __call__(self, sentence: str) -> None:
        """Show a sentence in the place of the last one."""
        if self._is_seen and self._clock() >= self._begin:
            self._is_shown = True  # first, since Ctrl-C may come at any time
            self._write(self._fitted(sentence))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(_CLEAR + text)
            self._stream.flush()
        except OSError:  # the terminal is gone; the work is not about it
            self._is_seen = self._is_shown = False

    def _fitted(self, sentence: str) -> str:
        """The sentence as the terminal can show it, on one line, and short of the last column: there it would wrap."""
        encoding = self._stream.encoding or "ascii"
        printable = "".join(c if c.isprintable() else "\ufffd" for c in sentence)
        room, text = self._columns() - 1, ""
        for character in printable.encode(encoding, "replace").decode(encoding):
            room -= 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
            if room < 0:
                break
            text += character
        return text

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:
            return 80
