"""A derivation written out for a small batch, as a part of a web page: matrices, and each element line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Expr

from derive.expand import Group, Line, Whole, WrittenOut
from derive.printing.elements import ElementMathmlPrinter, Wholes, place_prose
from derive.printing.html import HtmlWriter
from derive.printing.mathml_lines import pieces, width_of
from derive.printing.names import Notation

# In em. A matrix that is wider has symbols, and what they are is said line by line.
_WIDEST = 30.0


def expanded_html(written: WrittenOut, notation: Notation = "leibniz") -> str:
    """What is written out, under headings. Raises UsageError for an unknown notation."""
    return "\n".join(_Page(written, notation).parts())


class _Page:
    def __init__(self, written: WrittenOut, notation: Notation) -> None:
        self._written = written
        self._wholes = Wholes(written, notation)
        self._printer = ElementMathmlPrinter(self._wholes.names)
        self._writer = HtmlWriter(self._printer)

    def parts(self) -> Iterator[str]:
        for section in self._written.sections:
            yield f"<h3>{self._writer.prose(section.heading)}</h3>"
            for part in section.parts:
                yield from self._whole(part) if isinstance(part, Whole) else self._group(part)

    def _print(self, expression: Expr) -> str:
        return str(self._printer.doprint(expression))

    def _group(self, group: Group) -> Iterator[str]:
        for prose in (group.reason, place_prose(group)):
            if prose:
                yield f"<p>{self._writer.prose(prose)}</p>"
        for lines in group.elements:
            yield from map(self._line, lines)

    def _line(self, line: Line) -> str:
        text = self._printer.related(self._print(line.left), "=", self._print(line.right))
        return _formula(text if line.label is None else self._printer.called(text, self._print(line.label)))

    def _whole(self, whole: Whole) -> Iterator[str]:
        if whole.general is not None:
            yield self._writer.display(whole.general, boxed=True)
        if not whole.shape:
            yield from map(self._line, whole.lines) if whole.lines else [_formula(self._print(whole.elements[0]))]
            return
        matrices = self._matrices(whole, whole.values)
        if all(width_of(matrix) <= _WIDEST for matrix in matrices):
            yield from map(_scrolling, matrices)
            return
        yield from map(_scrolling, self._matrices(whole, whole.elements))
        columns = sorted(range(len(whole.lines)), key=lambda position: whole.places[position][::-1])
        yield from (self._line(whole.lines[position]) for position in columns)

    def _matrices(self, whole: Whole, entries: Sequence[Expr]) -> list[str]:
        """A matrix for each slice of the array; a vector is one row. A cell is marked with the element that it is."""
        printed = [
            f"<mtd{self._printer.mark_of(whole.quantity, place)}>{self._print(entry)}</mtd>"
            for place, entry in zip(whole.places, entries, strict=True)
        ]
        return [
            self._printer.related(
                self._print(self._wholes.slice_element(whole, behind)),
                "=",
                _matrix([[printed[position] for position in row] for row in rows]),
            )
            for behind, rows in whole.slices()
        ]


def _matrix(rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<mtr>{''.join(row)}</mtr>" for row in rows)
    table = f'<mtable class="matrix" displaystyle="true">{cells}</mtable>'
    return f'<mrow><mo form="prefix">[</mo>{table}<mo form="postfix">]</mo></mrow>'


def _formula(markup: str) -> str:
    return f'<div class="formula">{" ".join(pieces(markup))}</div>'


def _scrolling(markup: str) -> str:
    """A formula that cannot be cut, and scrolls by itself where it is wider than the page."""
    inside = f'<div class="whole"><math displaystyle="true">{markup}</math></div>'
    return f'<div class="scrolls" tabindex="0" role="group" aria-label="a matrix">{inside}</div>'
