"""A text in the layer grammar as its lines, each read on its own: one that is broken does not take the rest with it.

    Input    a text
    Output   LogicalLines, in order: where each begins, its text, and where its sides are separated

A line goes on as long as a bracket is open, but not into what looks like the next line: a bracket that was forgotten is
the fault of one line. A chain A = B = C has two separators; Python's own parser would take only names before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NEXT = re.compile(r"(?:assert\b|[^\W\d]\w*\s*(?:\[[^\]\n]*\])?\s*=(?!=))")
_STRING = re.compile(r'[rRbBuUfF]{0,2}("""|\'\'\'|"|\')')
_BEFORE_EQUAL = "<>!"


@dataclass(frozen=True)
class LogicalLine:
    """A line, perhaps over several lines of the file. `line` is the number of its first one.

    `separators` are the places of the `=` (or `==`, `:=`) outside of all brackets, each with its length.
    """

    line: int
    text: str
    separators: tuple[tuple[int, int], ...]

    @property
    def sides(self) -> list[str]:
        """What stands between the separators, in one line each, without comments."""
        bounds = [0, *(edge for at, length in self.separators for edge in (at, at + length)), len(self.text)]
        return [in_one_line(self.text[a:b]) for a, b in zip(bounds[::2], bounds[1::2], strict=True)]

    def line_at(self, position: int) -> int:
        """The number of the line of the file that has what stands at a position of the text."""
        return self.line + self.text.count("\n", 0, position)


def in_one_line(text: str) -> str:
    """A piece of a line without its comments and line ends."""
    return " ".join(" ".join(part.partition("#")[0] for part in text.split("\n")).split())


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """The lines of a text that have anything on them but comments and strings."""
    position, number = 0, 1
    while position < len(text):
        end, separators = _end_of_line(text, position)
        piece = text[position:end]
        if in_one_line(piece) and not _is_string(piece):
            skipped = len(piece) - len(piece.lstrip("\n"))
            moved = tuple((at - position - skipped, length) for at, length in separators)
            yield LogicalLine(number + skipped, piece[skipped:], moved)
        number += piece.count("\n") + 1
        position = end + 1


def _end_of_line(text: str, start: int) -> tuple[int, list[tuple[int, int]]]:
    """Where the line that begins at `start` ends, and its separators."""
    depth, position = 0, start
    separators: list[tuple[int, int]] = []
    while position < len(text):
        char = text[position]
        if char == "#":
            position = _find(text, "\n", position)
            continue
        if char in "\"'":
            position = _after_string(text, position)
            continue
        if char == "\n" and (depth <= 0 or _NEXT.match(text, position + 1)):
            return position, separators
        if char == "\\" and text[position + 1 : position + 2] == "\n":
            position += 2
            continue
        depth += (char in "([{") - (char in ")]}")
        if char == "=" and depth <= 0:
            length = _separator(text, position)
            before = position - 1 if text[position - 1 : position] == ":" else position
            if length:
                separators.append((before, position - before + length))
            position += max(length, 1)
            continue
        position += 1
    return len(text), separators


def _separator(text: str, position: int) -> int:
    """The length of the sign of equality at a position; 0 for the end of <=, >= or !=."""
    if text[position - 1 : position] in tuple(_BEFORE_EQUAL):
        return 0
    return 2 if text[position + 1 : position + 2] == "=" else 1


def _after_string(text: str, position: int) -> int:
    """The position after a string; one that is not closed ends with its line."""
    quote = text[position : position + 3]
    if quote in ('"""', "'''"):
        return min(_find(text, quote, position + 3) + 3, len(text))
    line_end = _find(text, "\n", position)
    end = text.find(text[position], position + 1, line_end)
    return line_end if end < 0 else end + 1


def _find(text: str, wanted: str, start: int) -> int:
    found = text.find(wanted, start)
    return len(text) if found < 0 else found


def _is_string(piece: str) -> bool:
    """Whether a line is a text, as the description at the top of a layer is."""
    stripped = piece.strip()
    match = _STRING.match(stripped)
    return match is not None and _after_string(stripped, match.end() - len(match[1])) >= len(stripped)
