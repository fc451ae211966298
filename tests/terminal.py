"""A program on a terminal of its own: what it shows there, and keys for it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_PATIENCE = 60.0  # seconds, on a machine that is busy with other tests


class Terminal:
    """A program whose standard input and standard error, and output unless it goes elsewhere, are a terminal."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 80,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        output: int | None = None,
    ) -> None:
        self._screen, program = pty.openpty()
        fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # what is read may end inside a character
        self.process = subprocess.Popen(
            command,
            stdin=program,
            stdout=program if output is None else output,
            stderr=program,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        os.close(program)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._screen)

    def type(self, keys: str) -> None:
        """Send keys, as from a keyboard."""
        os.write(self._screen, keys.encode())

    def wait_for(self, text: str, after: int = 0) -> int:
        """Read until `text` has been shown behind the place `after`; the place behind it."""
        while (found := self.shown.find(text, after)) < 0:
            assert self._read(), f"it ended without {text!r}: {self.shown!r}"
        return found + len(text)

    def wait(self) -> str:
        """Read until the program ends; all that was shown."""
        while self._read():
            pass
        self.process.wait(_PATIENCE)
        return self.shown

    def _read(self) -> bool:
        start = time.monotonic()
        while not select.select([self._screen], [], [], 1.0)[0]:
            assert time.monotonic() - start < _PATIENCE, f"it shows nothing more: {self.shown!r}"
        try:
            part = os.read(self._screen, 65536)
        except OSError:  # Linux says so when no program has the terminal any longer
            return False
        self.shown += self._decoder.decode(part)
        return bool(part)
