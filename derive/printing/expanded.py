r"""A derivation written out for a small batch, in LaTeX and in Markdown, and as data.

Vectors are lists in brackets, as in notes, matrices a bmatrix; what does not fit a line is given element by element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr

from derive.derivation import Prose
from derive.expand import Group, Line, Whole, WrittenOut
from derive.printing.data import prose_text
from derive.printing.elements import ElementLatexPrinter, Wholes, place_prose, title_prose
from derive.printing.expanded_text import expanded_text
from derive.printing.grammar import equation_text, expression_text
from derive.printing.latex import FORMULA_WIDTH, PREAMBLE, SMALLER, LatexWriter, formula
from derive.printing.lines import break_formula
from derive.printing.markdown import MarkdownWriter, accepted
from derive.printing.names import Notation
from derive.printing.width import width_of

__all__ = ["expanded_data", "expanded_latex", "expanded_markdown", "expanded_text"]

# Of one display, in which there is no page break; a single formula may take more.
_MOST_ROWS = 8
_FULL_PAGE = 16
_MOST_BELOW = 0.7  # of a line, for what stands below a fraction's line
_BOX = 1.0  # what \boxed adds to the width
_DOCUMENT_WIDTH = 37.0  # of the 39 em that a line of the article has


@dataclass(frozen=True)
class _Words:
    """A sentence, or a heading."""

    prose: Prose
    heading: bool = False


@dataclass(frozen=True)
class _Formula:
    """What stands in a display, and its width."""

    latex: str
    width: float


def expanded_latex(written: WrittenOut, notation: Notation = "leibniz", document: bool = False) -> str:
    """What is written out, in LaTeX that needs amsmath alone; with `document` a complete article.

    Raises UsageError for an unknown notation.
    """
    page = _Page(written, notation, _DOCUMENT_WIDTH if document else FORMULA_WIDTH)
    writer = LatexWriter(page.printer)
    body = ""
    for piece in page.pieces():
        if isinstance(piece, _Formula):
            # In the paragraph of what is before it: TeX begins a new one with an empty line.
            body += f"{_displayed(piece, page.width)}\n"
        else:
            text = writer.prose(piece.prose)
            body += f"\n\\subsection*{{{text}}}\n\n" if piece.heading else f"\n{text}\n"
    if not document:
        return body
    title = rf"\section*{{{writer.prose(title_prose(written))}}}"
    return "\n".join([f"{PREAMBLE}\\begin{{document}}", "", title, "", body, r"\end{document}", ""])


def _displayed(piece: _Formula, width: float) -> str:
    """A display, in smaller letters only where it has a part that is too wide and cannot be broken."""
    text = f"\\[\n{piece.latex}\n\\]"
    if piece.width <= width:
        return text
    size = next((name for name, ratio in SMALLER if piece.width * ratio <= width), SMALLER[-1][0])
    return f"{{{size}\n{text}\\par}}"


def expanded_markdown(written: WrittenOut, notation: Notation = "leibniz") -> str:
    """What is written out, in Markdown as GitHub renders it. Raises UsageError for an unknown notation."""
    page = _Page(written, notation)
    writer = MarkdownWriter(page.printer)
    blocks = [f"# {writer.prose(title_prose(written))}"]
    for piece in page.pieces():
        if isinstance(piece, _Formula):
            blocks.append(f"```math\n{accepted(piece.latex)}\n```")
        else:
            blocks.append(("## " if piece.heading else "") + writer.prose(piece.prose))
    return "\n\n".join(blocks) + "\n"


def expanded_data(written: WrittenOut, notation: Notation = "leibniz") -> dict[str, Any]:
    """What is written out, in dicts, lists, strings and numbers.

    Equations are text in the layer grammar, with numbers as indices; `labels` maps each letter to the quantity that
    it stands for. Raises UsageError for an unknown notation.
    """
    page = _Page(written, notation)
    sections = []
    for section in written.sections:
        wholes = [part for part in section.parts if isinstance(part, Whole)]
        lines = [line for part in section.parts for line in _lines_of(part)]
        sections.append(
            {
                "heading": prose_text(section.heading),
                "quantities": [_whole_data(whole) for whole in wholes],
                "lines": [_line_data(line, page) for line in lines],
            }
        )
    return {
        "layer": written.derivation.forward.name,
        "form": written.derivation.form,
        "order": written.derivation.order,
        "extents": dict(written.extents),
        "labels": {label.name: label.of for label in written.labels},
        "sections": sections,
    }


def _lines_of(part: Whole | Group) -> Sequence[Line]:
    return part.lines if isinstance(part, Whole) else [line for lines in part.elements for line in lines]


def _whole_data(whole: Whole) -> dict[str, Any]:
    return {
        "name": whole.quantity.name,
        "shape": list(whole.shape),
        "general": None if whole.general is None else equation_text(whole.general),
        "elements": [expression_text(element) for element in whole.elements],
    }


def _line_data(line: Line, page: _Page) -> dict[str, Any]:
    return {
        "rule": line.rule,
        "equation": f"{expression_text(line.left)} = {expression_text(line.right)}",
        "label": None if line.label is None else expression_text(line.label),
        "latex": formula(page.rows(line)),
    }


class _Page:
    """Turns what is written out into headings, sentences and displays."""

    def __init__(self, written: WrittenOut, notation: Notation, width: float = FORMULA_WIDTH) -> None:
        self.width = width
        self._written = written
        self._wholes = Wholes(written, notation)
        self.printer = ElementLatexPrinter(self._wholes.names, _MOST_BELOW * width)

    def pieces(self) -> Iterator[_Words | _Formula]:
        for section in self._written.sections:
            yield _Words(section.heading, heading=True)
            for part in section.parts:
                yield from self._whole(part) if isinstance(part, Whole) else self._group(part)

    def rows(self, line: Line, indent: float = 0.0) -> list[str]:
        """The rows of a line, `indent` narrower than the page."""
        left, right = self._print(line.left), self._print(line.right)
        if line.rule == "fact":
            return break_formula("", "", f"{left} = {right}", self.width)
        if line.label is not None:
            right += f" =: {self._print(line.label)}"
        return break_formula(left, "=", right, self.width - indent)

    def _print(self, expression: Expr) -> str:
        return str(self.printer.doprint(expression))

    # Lines

    def _group(self, group: Group) -> Iterator[_Words | _Formula]:
        for prose in (group.reason, place_prose(group)):
            if prose:
                yield _Words(prose)
        yield from self._displays(group.elements)

    def _displays(self, elements: Sequence[Sequence[Line]]) -> Iterator[_Formula]:
        """The lines of several elements below each other, several about one element in a display of their own."""
        widest = max(width_of(self._print(line.left)) for lines in elements for line in lines)
        display: list[str] = []
        for lines in elements:
            for number, line in enumerate(lines):
                rows = self.rows(line, widest - width_of(self._print(line.left)))
                begins_element = number == 0 and len(lines) > 1
                if display and (begins_element or len(display) + len(rows) > _MOST_ROWS):
                    yield _aligned(display)
                    display = []
                display += rows
                while len(display) > _FULL_PAGE:
                    yield _aligned(display[:_FULL_PAGE])
                    del display[:_FULL_PAGE]
        if display:
            yield _aligned(display)

    # Arrays

    def _whole(self, whole: Whole) -> Iterator[_Formula]:
        if whole.general is not None:
            left, right = self.printer.equation(whole.general)
            rows = break_formula(left, "=", right, self.width - _BOX)
            yield _Formula(formula(rows, boxed=True), _aligned(rows).width + _BOX)
        if not whole.shape:
            yield from self._displays([whole.lines]) if whole.lines else [_alone(self._print(whole.elements[0]))]
            return
        tables = self._tables(whole, whole.values)
        if tables is None:
            yield from self._tables(whole, whole.elements) or self._rows_of(whole)
            columns = sorted(range(len(whole.places)), key=lambda position: whole.places[position][::-1])
            if whole.lines:
                yield from self._displays([[whole.lines[position]] for position in columns])
        else:
            yield from tables

    def _tables(self, whole: Whole, entries: Sequence[Expr]) -> list[_Formula] | None:
        """A list in brackets, or a matrix, or a matrix for each slice; None if that is too wide."""
        printed = [self._print(entry) for entry in entries]
        tables = []
        for behind, positions in whole.slices():
            left = self._print(self._wholes.slice_element(whole, behind))
            if len(whole.shape) == 1:
                tables.append(_list(left, printed, self.width))
            else:
                tables.append(_matrix(left, [[printed[position] for position in row] for row in positions]))
        return tables if all(table.width <= self.width for table in tables) else None

    def _rows_of(self, whole: Whole) -> Iterator[_Formula]:
        """The rows of each matrix, which can be broken where they are too wide."""
        for behind, positions in whole.slices():
            for number, row in enumerate(positions, start=1):
                left = self._print(self._wholes.row_element(whole, number, behind))
                yield _list(left, [self._print(whole.elements[position]) for position in row], self.width)


def _aligned(rows: Sequence[str]) -> _Formula:
    """Rows that are aligned at their first &."""
    sides = [row.split("&", 1) for row in rows]
    width = max(width_of(left) for left, _ in sides) + max(width_of(right) for _, right in sides)
    return _Formula(formula(rows), width)


def _alone(latex: str) -> _Formula:
    return _Formula(latex, width_of(latex))


def _matrix(left: str, rows: Sequence[Sequence[str]]) -> _Formula:
    tall = any(r"\frac" in entry for row in rows for entry in row)
    body = (r" \\[16pt] " if tall else r" \\ ").join(" & ".join(row) for row in rows)
    found = _alone(rf"{left} = \begin{{bmatrix}} {body} \end{{bmatrix}}")
    # In a matrix TeX makes fractions small.
    large = body.replace(r"\frac", r"\dfrac")
    return _Formula(rf"{left} = \begin{{bmatrix}} {large} \end{{bmatrix}}", found.width)


def _list(left: str, entries: Sequence[str], limit: float) -> _Formula:
    """A row vector as a list in brackets, on several rows where it is long."""
    separated = r",\; ".join(entries)
    alone = _alone(rf"{left} = \left[{separated}\right]")
    if alone.width <= limit:
        return alone
    start = width_of(left) + 2.0
    rows: list[str] = []
    used = 0.0
    for entry in entries:
        width = width_of(entry) + 0.8
        if rows and start + used + width <= limit:
            rows[-1] += rf",\; {entry}"
            used += width
        else:
            rows.append(entry)
            used = width
    size = r"\bigg" if any(r"\frac" in entry for entry in entries) else r"\big"
    first, *others = rows
    text = [rf"{left} &= {size}l[{first}", *(rf"&\quad {row}" for row in others)]
    return _aligned([*(f"{row}," for row in text[:-1]), rf"{text[-1]}{size}r]"])
