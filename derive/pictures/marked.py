"""Formulas with marks for what is lowered, raised or slanted: an expression in, runs of text with a place and size out.

Unicode has subscripts for a few letters only, and a picture can lower any text. So the printer here is the one for
text, with marks where that one looks for special characters; `read_lines` turns the marks into runs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Rational

from derive.graph import Quantity
from derive.pictures.measure import width_of_text
from derive.printing.arrange import is_power_of_ten
from derive.printing.names import Names
from derive.printing.rows import Piece, fill
from derive.printing.symbols import BAR, Reading, read_name
from derive.printing.text_math import LayerTextPrinter

# Of the private use area, which no identifier contains.
_DOWN, _UP, _SLANT, _END = "\ue000", "\ue001", "\ue002", "\ue003"
_MINUS = "\u2212"  # as long as a plus; no name has a hyphen
_SHRINK = 0.72  # how large a subscript is beside what it belongs to
_DROP, _RISE = 0.28, -0.38  # how far it is moved down, in sizes of what it belongs to


@dataclass(frozen=True)
class Run:
    """Text of one kind: `size` and `shift` (downwards) in units of the line's font size."""

    text: str
    size: float = 1.0
    shift: float = 0.0
    slanted: bool = False

    @property
    def width(self) -> float:
        return self.size * width_of_text(self.text)


Line = tuple[Run, ...]


class MarkedPrinter(LayerTextPrinter):
    """Prints expressions as `LayerTextPrinter` does, with marks in place of Unicode sub- and superscripts."""

    def __init__(self, names: Names) -> None:
        super().__init__(names, subscripts=True)

    def raised(self, base: str, exponent: str) -> str:
        """A power, with any exponent raised."""
        return base + _UP + exponent + _END

    def root(self, radicand: str) -> str:
        """A square root, with brackets unless it is of one symbol."""
        return f"√{radicand}" if _bare(radicand).isalnum() else f"√({radicand})"

    def number(self, value: Rational) -> str:
        """A number; powers of ten have a raised exponent."""
        if is_power_of_ten(value):
            return self.raised("10", f"-{len(str(value.q)) - 1}")
        return super().number(value)

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity, with its indices lowered."""
        quantity = self._names.quantity(name)
        printer = self._derived().get(quantity.role) if quantity else None
        if quantity is None or printer is None:
            return self._set(self._names.reading(name), indices)
        return printer(quantity, indices)

    def index(self, name: str) -> str:
        """An index or an extent."""
        return self._set(read_name(name), ())

    def _set(self, reading: Reading, indices: Sequence[Expr]) -> str:
        base = unicodedata.normalize("NFC", reading.base + reading.accent)
        own = [self.index(part) for part in reading.subscripts]
        slanted = f"{_SLANT}{base}{_END}" if reading.is_letter and not base.isdigit() else base
        return self._scripts(slanted, own, reading.exponent, indices)

    def _with_indices(self, symbol: str, exponent: str, indices: Sequence[Expr]) -> str:
        return self._scripts(symbol, [], exponent, indices)

    def _scripts(self, symbol: str, own: Sequence[str], exponent: str, indices: Sequence[Expr]) -> str:
        texts = [self._print(index) for index in indices]
        short = all(len(_bare(text)) == 1 for text in texts)
        below = ",".join(part for part in (*own, ("" if short else ",").join(texts)) if part)
        lowered = self._lowered(below) if below else ""
        return symbol + lowered + (f"{_UP}{exponent}{_END}" if exponent else "")

    def _lowered(self, text: str) -> str:
        return _DOWN + text + _END

    def _accented(self, of: str, indices: Sequence[Expr], accent: str, otherwise: str) -> str:
        reading = self._names.reading(of)
        if self._names.is_derived(of) or not reading.is_letter or reading.accent or reading.exponent:
            return otherwise if accent != BAR else otherwise.removeprefix("bar")
        return self._set(replace(reading, accent=accent), indices)

    def loss(self) -> str:
        return "ℒ" if self._names.loss == "ℓ" else self._set(self._names.reading(self._names.loss), ())

    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        via = "direct" if quantity.via is None else f"via {self.element(quantity.via, ())}"
        whole = self._tangent if quantity.mode == "forward" else self._cotangent
        return f"{whole(quantity, indices)}|{self._lowered(via)}"


def _bare(text: str) -> str:
    return "".join(char for char in text if not _DOWN <= char <= _END)


def read_lines(marked: str) -> tuple[Line, ...]:
    """The runs of each line of a marked text. A mark that is open at the end of a line goes on in the next."""
    lines: list[list[Run]] = [[]]
    kinds = [Run("")]
    for char in marked.replace("-", _MINUS):
        now = kinds[-1]
        if char == "\n":
            lines.append([])
        elif char == _END:
            kinds.pop()
        elif char in (_DOWN, _UP):
            shift = now.shift + now.size * (_DROP if char == _DOWN else _RISE)
            kinds.append(Run("", now.size * _SHRINK, shift))
        elif char == _SLANT:
            kinds.append(replace(now, slanted=True))
        elif lines[-1] and replace(lines[-1][-1], text="") == now:
            lines[-1][-1] = replace(now, text=lines[-1][-1].text + char)
        else:
            lines[-1].append(replace(now, text=char))
    return tuple(tuple(line) for line in lines)


def width_of_line(line: Line) -> float:
    """The width of a line in units of its font size."""
    return sum(run.width for run in line)


def break_marked(marked: str, width: float) -> str:
    """The marked text with line breaks, before signs and behind dots, so that its lines are not wider than `width`.

    The width is in units of the font size. What cannot be broken may be wider.
    """
    if _width(marked) <= width:
        return marked
    return "\n".join(row.strip() for row in fill(_pieces(marked), width, str.lstrip))


def _pieces(marked: str) -> list[Piece]:
    """The text cut before + and - (levels 0, 2, ... by depth) and behind dots and commas (levels 1, 3, ...)."""
    pieces: list[Piece] = []
    start, level, depth, lowered = 0, 0, 0, 0
    for position, char in enumerate(marked):
        cut = 2 * depth if marked.startswith((" + ", " - "), position) else None
        if marked[max(position - 2, 0) : position] in ("· ", ", "):
            cut = 2 * depth + 1
        if cut is not None and not lowered and position > start:
            pieces.append(Piece(marked[start:position], _width(marked[start:position]), level))
            start, level = position, cut
        depth += {"(": 1, ")": -1}.get(char, 0)
        lowered += {_DOWN: 1, _UP: 1, _SLANT: 1, _END: -1}.get(char, 0)
    return [*pieces, Piece(marked[start:], _width(marked[start:]), level)]


def _width(marked: str) -> float:
    return sum(width_of_line(line) for line in read_lines(marked))
