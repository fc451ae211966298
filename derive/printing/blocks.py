"""Formulas in two dimensions: blocks of text that are put beside and above one another.

    Input    blocks: rows of Unicode text, all of one width, one of which is the baseline
    Output   a block

Widths are in columns of a terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = "─"
_OVERLINE = "_"  # in the row above it lies close to what is below it
# A sign for one row, and its top, middle and bottom for several.
_FENCES = {"(": ("(", "⎛", "⎜", "⎝"), ")": (")", "⎞", "⎟", "⎠"), "|": ("|", "│", "│", "│")}


@dataclass(frozen=True)
class Block:
    """Rows of the same width; beside another block, the rows with the number `baseline` come into one line."""

    rows: tuple[str, ...]
    baseline: int = 0

    @property
    def width(self) -> int:
        """The columns of each row."""
        return columns(self.rows[0])

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.rows)


def text(line: str) -> Block:
    """One row."""
    return Block((line,))


def beside(blocks: Sequence[Block]) -> Block:
    """The blocks from left to right, all on one baseline."""
    above = max((block.baseline for block in blocks), default=0)
    height = above + max((block.height - block.baseline for block in blocks), default=1)
    rows = [""] * height
    for block in blocks:
        top = above - block.baseline
        for number in range(height):
            inside = top <= number < top + block.height
            rows[number] += block.rows[number - top] if inside else " " * block.width
    return Block(tuple(rows), above)


def above(blocks: Sequence[Block], main: int = 0, centered: bool = True) -> Block:
    """The blocks from top to bottom; the baseline is that of the block with the number `main`."""
    width = max(block.width for block in blocks)
    rows: list[str] = []
    baseline = 0
    for number, block in enumerate(blocks):
        if number == main:
            baseline = len(rows) + block.baseline
        left = (width - block.width) // 2 if centered else 0
        rows += [" " * left + row + " " * (width - block.width - left) for row in block.rows]
    return Block(tuple(rows), baseline)


def fraction(over: Block, under: Block) -> Block:
    """One block over another, with a line that is longer than the lines of fractions in them."""
    width = max(over.width, under.width)
    if any(part.width == width and _has_line(part) for part in (over, under)):
        width += 2
    return above([over, text(_LINE * width), under], main=1)


def _has_line(block: Block) -> bool:
    """Whether a line of a fraction reaches to an end of the block."""
    return any(row.startswith(_LINE) or row.endswith(_LINE) for row in block.rows)


def raised(base: Block, exponent: Block) -> Block:
    """A power: the exponent ends in the top row of a tall base, and in the row above a flat one."""
    lift = max(base.baseline, 1 if base.height == 1 else 0)
    blank = (" " * exponent.width,) * lift
    return beside([base, Block(exponent.rows + blank, exponent.height - 1 + lift)])


def fenced(begin: str, inside: Block, end: str) -> Block:
    """A block between signs that are as tall as it is; a sign may be left out."""
    return beside([_fence(begin, inside), inside, _fence(end, inside)])


def _fence(sign: str, inside: Block) -> Block:
    if sign == "{":
        return _brace(inside)
    if not sign:
        return text("")
    one, top, middle, bottom = _FENCES[sign]
    if inside.height == 1:
        return text(one)
    return Block((top, *(middle,) * (inside.height - 2), bottom), inside.baseline)


def _brace(inside: Block) -> Block:
    """A brace in front of three rows or more; its point is in the baseline."""
    rows = ["⎪ "] * inside.height
    rows[0], rows[-1], rows[inside.baseline] = "⎧ ", "⎩ ", "⎨ "
    return Block(tuple(rows), inside.baseline)


def overlined(inside: Block) -> Block:
    """A block with a line above it."""
    return above([text(_OVERLINE * inside.width), inside], main=1)


def root(radicand: Block) -> Block:
    """A square root: one row in parentheses, more of them below a line to which the stroke rises."""
    height = radicand.height
    if height == 1:
        return beside([text("√"), fenced("(", radicand, ")")])
    stroke = [" " * (height - row) + "╱" + " " * row for row in range(height)]
    stroke[-1] = "╲╱" + stroke[-1][2:]
    return beside([Block(tuple(stroke), radicand.baseline), overlined(radicand)])


def columns(line: str) -> int:
    """The columns of a terminal that a text takes: none for a combining accent, two for a wide character."""
    wide = ("W", "F")
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in wide else 1 for c in line)
