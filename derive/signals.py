"""Signals that end a command, as exceptions: what was begun is tidied up on the way out.

    Input    SIGINT, SIGTERM or SIGHUP, while a `with Heeded()` lasts
    Output   KeyboardInterrupt, or Terminated; a second one ends the process at once
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without loading typing for `derive --help`
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not known to every system


class Terminated(BaseException):
    """The process is asked to end, by the signal with this `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Heeded:
    """Signals are heeded while its `with` lasts, where nobody has said what else is to be done with them.

    What a shell starts with `nohup`, or behind its back, ignores some of them, and goes on to do so.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Heeded:
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) not in (signal.SIG_DFL, signal.default_int_handler):
                continue
            try:
                self._before[number] = signal.signal(number, self._raise)
            except ValueError:  # only the main thread may
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        for other in self._before:
            signal.signal(other, signal.SIG_DFL)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)
