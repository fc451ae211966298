"""The errors that a user of `derive` can meet, each with what came, what was expected, and how to mend it."""

from __future__ import annotations

import re
from collections import namedtuple

# A longer line is shown around the caret only.
SHOWN_BEFORE, SHOWN_AFTER = 80, 40
# A longer word (a name, a number) is shown with its two ends only, and a longer message up to there.
LONGEST_WORD, LONGEST_MESSAGE = 120, 1500


class DeriveError(Exception):
    """Base of every error that `derive` raises on purpose. Whatever its message quotes, it can be shown and read."""

    def __init__(self, message: str = "") -> None:
        super().__init__(readable(message))


class Location(namedtuple("Location", ("file", "line", "column", "text"))):
    """A place in a text: 1-based `line`, 0-based `column` counted in characters, and the `text` of that line."""

    # Neither a dataclass nor typing.NamedTuple: a command that only complains should not have to load them.
    __slots__ = ()

    file: str
    line: int
    column: int
    text: str

    def excerpt(self) -> tuple[str, str]:
        """The line and, below it, the caret; of a long line only what is near the caret."""
        start = max(0, self.column - SHOWN_BEFORE)
        end = self.column + SHOWN_AFTER
        before, after = self.text[start : self.column], self.text[self.column : end]
        if start:
            before = "…" + before[1:]
        if end < len(self.text):
            after = after[:-1] + "…"
        # A tab keeps its width only if the caret's line repeats it.
        pad = "".join("\t" if c == "\t" else " " for c in before)
        return _printable(before + after), pad + "^"


class LayerError(DeriveError):
    """A layer (or derivation) text cannot be used as it stands.

    `message` says what is wrong, `hint` how to mend it, and `location` where it is. Printed, it shows the line with
    a caret under the culprit.
    """

    def __init__(self, message: str, hint: str = "", location: Location | None = None) -> None:
        super().__init__(message)
        self.message = readable(message)
        self.hint = readable(hint)
        self.location = location

    def __str__(self) -> str:
        lines = []
        if self.location is None:
            lines.append(self.message)
        else:
            at = self.location
            lines.append(f"{_printable(at.file)}:{at.line}:{at.column + 1}: {self.message}")
            if at.text:
                lines += [f"    {part}" for part in at.excerpt()]
        if self.hint:
            lines.append(f"  help: {self.hint}")
        return "\n".join(lines)


class UsageError(DeriveError):
    """A request that cannot be met: an unknown layer, form, quantity or extent."""


def _printable(text: str, besides: str = "\t") -> str:
    """The text with each control character, but those `besides`, replaced by one that a terminal only shows."""
    return "".join(c if c.isprintable() or c in besides else "\ufffd" for c in text)


def readable(text: str) -> str:
    """What a message says, with whatever it quotes printable and at a length that somebody reads."""
    if len(text) > LONGEST_WORD:
        text = re.sub(rf"\w{{{LONGEST_WORD + 1},}}", lambda word: f"{word[0][:40]}…{word[0][-20:]}", text)
    text = text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"
    return text if text.isprintable() else _printable(text, "\t\n")
