"""A derivation written out for a small batch, for the terminal: Unicode, or plain ASCII in the layer grammar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Expr, Symbol

from derive.expand import Group, Line, Whole, WrittenOut
from derive.printing.blocks import columns
from derive.printing.elements import Wholes, place_prose, text_printer, title_prose
from derive.printing.names import Notation
from derive.printing.text import TextWriter, wrap_formula

_INDENT = "    "
_BRACKETS = ("⎡", "⎤"), ("⎢", "⎥"), ("⎣", "⎦")


def expanded_text(
    written: WrittenOut, notation: Notation = "leibniz", width: int = 100, unicode: bool = True
) -> str:
    """What is written out, as text of at most `width` columns; with `unicode=False` in the layer grammar.

    Raises UsageError for an unknown notation.
    """
    page = _Page(written, notation, max(width, 40), unicode)
    title = page.writer.prose(title_prose(written))
    blocks = [title + "\n" + ("═" if unicode else "=") * columns(title)]
    for section in written.sections:
        heading = page.writer.prose(section.heading)
        blocks.append(heading + "\n" + ("─" if unicode else "-") * columns(heading))
        for part in section.parts:
            blocks += page.whole(part) if isinstance(part, Whole) else page.group(part)
    return "\n\n".join(blocks) + "\n"


class _Page:
    """Writes the parts of a page."""

    def __init__(self, written: WrittenOut, notation: Notation, width: int, unicode: bool) -> None:
        self._wholes = Wholes(written, notation)
        self._unicode = unicode
        self._width = width
        self.writer = TextWriter(text_printer(written, self._wholes) if unicode else None, width)

    def group(self, group: Group) -> Iterator[str]:
        for prose in (group.reason, place_prose(group)):
            if prose:
                yield self.writer.wrapped(self.writer.prose(prose))
        for lines in group.elements:
            yield self._lines(lines)

    def _lines(self, lines: Sequence[Line]) -> str:
        return "\n".join(row for line in lines for row in self._rows(self._line(line)))

    def _rows(self, formula: str) -> list[str]:
        return [_INDENT + row for row in wrap_formula(formula, self._width - len(_INDENT))]

    def _line(self, line: Line) -> str:
        left, right = self.writer.expression(line.left), self.writer.expression(line.right)
        label = "" if line.label is None else f" =: {self.writer.expression(line.label)}"
        return f"{left} = {right}{label}"

    # Arrays

    def whole(self, whole: Whole) -> Iterator[str]:
        if whole.general is not None:
            yield "\n".join(self._rows(self.writer.line(whole.general)))
        if not whole.shape:
            yield self._lines(whole.lines) if whole.lines else _INDENT + self.writer.expression(whole.elements[0])
            return
        tables = self._tables(whole, whole.values)
        if tables is None:
            tables = self._tables(whole, whole.elements) or list(self._rows_of(whole))
            yield from ("\n".join(table) for table in tables)
            by_column = sorted(range(len(whole.places)), key=lambda position: whole.places[position][::-1])
            if whole.lines:
                yield self._lines([whole.lines[position] for position in by_column])
        else:
            yield from ("\n".join(table) for table in tables)

    def _tables(self, whole: Whole, entries: Sequence[Expr]) -> list[list[str]] | None:
        """A list in brackets, or a matrix, or a matrix for each slice, each as rows of text; None if it is too wide."""
        printed = [self.writer.expression(entry) for entry in entries]
        tables = []
        for behind, positions in whole.slices():
            left = f"{_INDENT}{self._symbol(whole, behind)} = "
            if len(whole.shape) == 1:
                tables.append(_list(left, printed, self._width))
            else:
                tables.append(_matrix(left, [[printed[p] for p in row] for row in positions], self._unicode))
        return tables if all(columns(row) <= self._width for table in tables for row in table) else None

    def _rows_of(self, whole: Whole) -> Iterator[list[str]]:
        """The rows of each matrix, which can be broken where they are too wide."""
        for behind, positions in whole.slices():
            for number, row in enumerate(positions, start=1):
                left = f"{_INDENT}{self._symbol(whole, behind, number)} = "
                yield _list(left, [self.writer.expression(whole.elements[position]) for position in row], self._width)

    def _symbol(self, whole: Whole, behind: Sequence[int], row: int | None = None) -> str:
        if self._unicode and row is not None:
            return self.writer.expression(self._wholes.row_element(whole, row, behind))
        if self._unicode:
            return self.writer.expression(self._wholes.slice_element(whole, behind))
        # In the grammar an array has its own name, and a slice a colon where NumPy would want one.
        name = self.writer.expression(Symbol(whole.quantity.name, real=True))
        if row is None and not behind:
            return name
        return f"{name}[{', '.join(map(str, [':' if row is None else row, ':', *behind]))}]"


def _list(left: str, entries: Sequence[str], width: int) -> list[str]:
    rows = [f"{left}[{entries[0]}"]
    for entry in entries[1:]:
        rows[-1] += ","
        if columns(rows[-1]) + columns(entry) + 3 <= width:
            rows[-1] += f"  {entry}"
        else:
            rows.append(" " * (columns(left) + 1) + entry)
    rows[-1] += "]"
    return rows


def _matrix(left: str, rows: Sequence[Sequence[str]], unicode: bool) -> list[str]:
    wide = [max(columns(entry) for entry in column) for column in zip(*rows, strict=True)]
    text = []
    for number, row in enumerate(rows):
        opening, closing = "[", "]"
        if unicode and len(rows) > 1:
            opening, closing = _BRACKETS[0 if number == 0 else 2 if number == len(rows) - 1 else 1]
        cells = "   ".join(entry + " " * (w - columns(entry)) for entry, w in zip(row, wide, strict=True))
        text.append(f"{left if number == 0 else ' ' * columns(left)}{opening} {cells} {closing}")
    return text
