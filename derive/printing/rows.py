"""Filling rows with the pieces of a formula, in any medium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """What stays together; the lower its `level`, the better may a row begin with it."""

    text: str
    width: float
    level: int


def fill(
    pieces: Sequence[Piece], width: float, begin: Callable[[str], str], level: int = 0, taken: float = 0.0
) -> list[str]:
    """Fill rows from left to right, broken at pieces of at most `level`, and deeper only inside what is too wide.

    `begin` turns the text that a row begins with, the first row excepted, into what stands there. Of the first row
    `taken` is in use already; if nothing more fits there, the first row is empty. Levels of sums are even, those of
    factors odd.
    """
    rows = [""] if taken else []
    used = taken
    for segment in _segments(pieces, level):
        needed = sum(piece.width for piece in segment)
        text = "".join(piece.text for piece in segment)
        if rows and used + needed <= width:
            rows[-1] += text
            used += needed
        elif needed <= width or len(segment) == 1:
            rows.append(begin(text) if rows else text)
            used = needed
        else:
            # A factor goes on in the row of those before it, a term begins its own.
            joins = bool(rows) and segment[0].level % 2 == 1
            deeper = min(piece.level for piece in segment[1:])
            first, *others = fill(segment, width, begin, deeper, used if joins else 0.0)
            if joins:
                rows[-1] += first
            else:
                rows.append(begin(first) if rows else first)
            rows += others
            # What the last row holds is not known here: the next segment begins a new one.
            used = width
    return rows


def _segments(pieces: Sequence[Piece], level: int) -> list[list[Piece]]:
    segments: list[list[Piece]] = []
    for piece in pieces:
        if not segments or piece.level <= level:
            segments.append([])
        segments[-1].append(piece)
    return segments
