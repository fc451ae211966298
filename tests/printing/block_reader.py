"""Reads a formula in two dimensions back, as a person would, and writes it in the layer grammar.

What stands where is all that it goes by: which row is the baseline of a part is not told, but found by trying each; a
part is read when nothing of it is left over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SMALL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
CLOSES = {"(": ")", "⎛": "⎞", "|": "|", "│": "│"}


class UnreadableError(ValueError):
    """A part that is no formula with the baseline that is tried."""


def read(rows: Sequence[str]) -> str:
    """The formula in a rectangle of text, whichever of its rows is the baseline."""
    rows = cropped(rows)
    for baseline in range(len(rows)):
        try:
            return Reader(rows, baseline).formula()
        except UnreadableError:
            continue
    raise UnreadableError("\n".join(rows))


def cropped(rows: Sequence[str]) -> list[str]:
    """A part without the empty rows and columns around it."""
    filled = [n for n, row in enumerate(rows) if row.strip()]
    if not filled:
        raise UnreadableError("nothing")
    kept = rows[filled[0] : filled[-1] + 1]
    left = min(len(row) - len(row.lstrip()) for row in kept if row.strip())
    return [row[left:] for row in kept]


class Reader:
    """Reads from left to right along one baseline; what was read is blanked out."""

    def __init__(self, rows: Sequence[str], baseline: int) -> None:
        self.grid = [list(row) for row in rows]
        self.width = len(rows[0])
        self.baseline = baseline
        self.at = 0

    def formula(self) -> str:
        parts = []
        while self.at < self.width:
            parts.append(self.item())
        if any(char != " " for row in self.grid for char in row):
            raise UnreadableError
        text = " ".join(part for part in parts if part)
        return re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text).replace("· ", "* ")

    def take(self, top: int, bottom: int, left: int, right: int) -> list[str]:
        """The part of the rectangle, out of it."""
        part = ["".join(row[left:right]) for row in self.grid[top:bottom]]
        for row in self.grid[top:bottom]:
            row[left:right] = " " * (right - left)
        return part

    def run(self, row: int, left: int, sign: str) -> int:
        """Where a run of a sign ends."""
        while left < self.width and self.grid[row][left] == sign:
            left += 1
        return left

    def item(self) -> str:
        char = self.grid[self.baseline][self.at]
        if char == " ":
            return self.tall_root() if any(row[self.at] == "╲" for row in self.grid) else self.skip()
        if char in "╱╲":
            return self.tall_root()
        if char == "─":
            return self.fraction()
        if char in "(⎛⎜⎝|│":
            return self.power(self.bracket())
        if char == "√":
            self.take(self.baseline, self.baseline + 1, self.at, self.at + 1)
            self.at += 1
            bare = self.grid[self.baseline][self.at : self.at + 1] != ["("]
            return f"sqrt({self.word()})" if bare else self.power(f"sqrt{self.bracket()}")
        if char.isalnum():
            word = self.word()
            if word in ("exp", "tanh", "log"):
                return self.power(word + self.bracket())
            return self.power(word)
        self.take(self.baseline, self.baseline + 1, self.at, self.at + 1)
        self.at += 1
        if char not in "+−·/":
            raise UnreadableError(char)
        return char.replace("−", "-")

    def skip(self) -> str:
        self.at += 1
        return ""

    def word(self) -> str:
        end = self.at
        while end < self.width and re.match("[A-Za-z0-9.]", self.grid[self.baseline][end]):
            end += 1
        (word,) = self.take(self.baseline, self.baseline + 1, self.at, end)
        self.at = end
        if not word:
            raise UnreadableError
        return word

    def fraction(self) -> str:
        end = self.run(self.baseline, self.at, "─")
        self.take(self.baseline, self.baseline + 1, self.at, end)
        over = self.take(0, self.baseline, self.at, end)
        under = self.take(self.baseline + 1, len(self.grid), self.at, end)
        self.at = end
        return f"(({read(over)})/({read(under)}))"

    def bracket(self) -> str:
        """What is between brackets or bars; the baseline goes through, and is not any row of what is in them."""
        opening = self.grid[self.baseline][self.at]
        top, bottom = self.baseline, self.baseline + 1
        if opening not in "(|":
            column = [row[self.at] for row in self.grid]
            while top > 0 and column[top] not in "⎛" and column[top - 1] in "⎛⎜│":
                top -= 1
            while bottom < len(column) and column[bottom - 1] != "⎝" and column[bottom] in "⎜⎝│":
                bottom += 1
            opening = column[top]
        if opening not in CLOSES or (opening == "⎛" and self.grid[bottom - 1][self.at] != "⎝"):
            raise UnreadableError
        end = self.end_of(opening, top, bottom)
        inside = [row[1:-1] for row in self.take(top, bottom, self.at, end + 1)]
        self.at = end + 1
        return f"{'abs' if opening in '|│' else ''}({Reader(inside, self.baseline - top).formula()})"

    def end_of(self, opening: str, top: int, bottom: int) -> int:
        """The column of the bracket that closes one; it has the same rows."""
        depth = 1
        for column in range(self.at + 1, self.width):
            first, last = self.grid[top][column], self.grid[bottom - 1][column]
            if opening == "⎛" and (first == "⎛") != (last == "⎝"):
                continue  # a smaller one inside
            depth += -1 if first == CLOSES[opening] and (opening != "⎛" or last == "⎠") else first == opening
            if depth == 0:
                return column
        raise UnreadableError

    def tall_root(self) -> str:
        bottom = next((n for n, row in enumerate(self.grid) if row[self.at] == "╲"), None)
        if bottom is None:
            raise UnreadableError
        row, column = bottom, self.at + 1
        while row >= 0 and column < self.width and self.grid[row][column] == "╱":
            self.grid[row][column] = " "
            row, column = row - 1, column + 1
        self.grid[bottom][self.at] = " "
        end = self.run(row, column, "_")
        if end == column or not row < self.baseline <= bottom:
            raise UnreadableError
        self.take(row, row + 1, column, end)
        inside = self.take(row + 1, bottom + 1, column, end)
        self.at = end
        return self.power(f"sqrt({Reader(inside, self.baseline - row - 1).formula()})")

    def power(self, base: str) -> str:
        """A base with the exponent behind it: small digits, or what is raised above an empty baseline."""
        for row in range(self.baseline + 1):
            end = self.at
            while end < self.width and self.grid[row][end] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
                end += 1
            if end > self.at:
                (digits,) = self.take(row, row + 1, self.at, end)
                self.at = end
                return f"{base}**({digits.translate(SMALL)})"
        end = self.at
        while end < self.width and all(row[end] == " " for row in self.grid[self.baseline :]):
            end += 1
        above = [row[self.at : end] for row in self.grid[: self.baseline]]
        if not any(row and row[0] != " " for row in above):
            return base
        exponent = self.take(0, self.baseline, self.at, end)
        self.at = end
        return f"{base}**({read(exponent)})"
