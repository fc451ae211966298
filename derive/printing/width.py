r"""How wide a formula is in print, in em of the surrounding text.

Estimated from the widths of Computer Modern, rather too large than too small, for LaTeX as this package writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)

# Widths of commands that print one symbol; any other command that takes no argument counts as a letter.
_COMMANDS = {
    r"\,": 0.17, r"\;": 0.28, r"\ ": 0.33, r"\quad": 1.0, r"\qquad": 2.0, r"\cdot": 0.72, r"\times": 1.22,
    r"\le": 1.33, r"\ge": 1.33, r"\ne": 1.33, r"\log": 1.45, r"\exp": 1.6, r"\tanh": 2.3, r"\sin": 1.4, r"\cos": 1.5,
    r"\Big": 0.0, r"\big": 0.0, r"\bigl": 0.0, r"\bigr": 0.0, r"\biggl": 0.2, r"\biggr": 0.2,
    r"\displaystyle": 0.0, r"\infty": 1.0, r"\dots": 1.2, r"\cdots": 1.5,
}  # fmt: skip
# Operators with limits above and below.
OPERATORS = {r"\sum": 1.45, r"\prod": 1.3, r"\max": 1.8, r"\min": 1.7}
_TEXT = (r"\mathrm", r"\text", r"\operatorname", r"\mathcal")
_ACCENTS = (r"\hat", r"\bar", r"\tilde", r"\dot", r"\ddot", r"\acute", r"\grave", r"\check", r"\breve", r"\overline")
_NARROW = dict.fromkeys("ijl|'", 0.38) | dict.fromkeys("()[]", 0.4) | {",": 0.45, ".": 0.28, "!": 0.28, ":": 0.83}
_WIDE = {"m": 0.9, "w": 0.75, "+": 1.25, "-": 1.25, "=": 1.35, "<": 1.35, ">": 1.35}
_SCRIPT = 0.75


@dataclass(frozen=True)
class Atom:
    """A piece of a formula that is never broken. `depth` counts the \\left( \\right) around it."""

    latex: str
    width: float
    depth: int


def width_of(latex: str, display: bool = True) -> float:
    """The printed width of a formula in em; in a line of text limits stand behind their operator."""
    return sum(atom.width for atom in _Scanner(latex, display).atoms())


def atoms_of(latex: str) -> list[Atom]:
    """A formula cut at every place where one could think of breaking it."""
    return list(_Scanner(latex).atoms())


class _Scanner:
    """Reads LaTeX as this package writes it."""

    def __init__(self, latex: str, display: bool = True) -> None:
        self._tokens = _TOKEN.findall(latex)
        self._display = display
        self._position = 0

    def atoms(self) -> Iterator[Atom]:
        depth = 0
        while self._position < len(self._tokens):
            start = self._position
            token, delimiter = self._tokens[start], "".join(self._tokens[start + 1 : start + 2])
            if token == r"\left" and delimiter != "(":
                width = self._enclosed()
            else:
                depth -= token == r"\right"
                width = self._unit()
            while self._peek() in ("^", "_"):
                width = self._scripts(width, self._tokens[start] in OPERATORS)
            yield Atom("".join(self._tokens[start : self._position]), width, depth)
            depth += token == r"\left" and delimiter == "("

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _scripts(self, base: float, limits: bool) -> float:
        """The width of a base with everything raised and lowered behind it."""
        widest = 0.0
        while self._peek() in ("^", "_"):
            self._next()
            widest = max(widest, _SCRIPT * self._unit())
        return max(base, widest) + 0.17 if limits and self._display else base + widest

    def _unit(self) -> float:
        """The width of one token with its arguments."""
        token = self._next()
        if token == "{":
            return self._group()
        if token in (r"\left", r"\right"):
            delimiter = self._next()
            return 0.12 if delimiter == "." else 0.8
        if token == r"\frac":
            return max(self._unit(), self._unit()) + 0.3
        if token == r"\sqrt":
            return self._unit() + 1.0
        if token in _ACCENTS:
            return self._unit()
        if token in _TEXT:
            return self._words()
        if token == r"\begin":
            return self._environment()
        if token.startswith("\\"):
            return OPERATORS.get(token, _COMMANDS.get(token, 0.65))
        return _NARROW.get(token) or _WIDE.get(token) or (0.0 if token.isspace() else 0.8 if token.isupper() else 0.58)

    def _group(self) -> float:
        """The width up to the closing brace."""
        width = 0.0
        while self._peek() not in ("}", ""):
            operator = self._peek() in OPERATORS
            unit = self._unit()
            while self._peek() in ("^", "_"):
                unit = self._scripts(unit, operator)
            width += unit
        self._next()
        return width

    def _enclosed(self) -> float:
        """The width of everything up to the \\right that closes the \\left at hand."""
        width, depth = 0.0, 0
        while self._peek():
            depth += {r"\left": 1, r"\right": -1}.get(self._peek(), 0)
            width += self._unit()
            if depth == 0:
                break
        return width

    def _words(self) -> float:
        """The width of upright words in braces."""
        self._next()
        start, depth = self._position, 1
        while depth and self._peek():
            depth += {"{": 1, "}": -1}.get(self._next(), 0)
        words = "".join(self._tokens[start : self._position - 1])
        return sum(0.85 if c.isupper() or c in "mw" else 0.52 for c in words if c not in "{}\\") + 0.17

    def _environment(self) -> float:
        """The width of a table-like environment: of its widest row."""
        self._words()
        start, depth = self._position, 1
        while depth and self._peek():
            depth += {r"\begin": 1, r"\end": -1}.get(self._next(), 0)
        inner = "".join(self._tokens[start : self._position - 1])
        self._words()
        return 1.0 + max(width_of(row.replace("&", r"\quad ")) for row in inner.split(r"\\"))
