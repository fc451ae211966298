"""Formulas in MathML, as `LayerBlockPrinter` writes it, laid out for a terminal of so many columns.

    Input    markup, and a width
    Output   blocks that stand below each other, one if the formula fits

A formula is cut where that of a page would be, and its parts are filled into rows. What can be cut nowhere and still
is too wide, such as a fraction, is made narrower: what is in it is written in rows of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from derive.printing import blocks
from derive.printing.blocks import Block
from derive.printing.mathml_lines import Cutter, elements_of
from derive.printing.symbols import superscript_text

INDENT = 4  # of what goes on in the next row
_NARROWEST = 12  # nothing is made narrower than that
_RELATIONS = ("=", "≠", "<", "≤", ">", "≥")
_OPERATORS = ("munder", "munderover")


def lay_out(markup: str, width: int) -> list[Block]:
    """A formula in rows, each a block of at most so many columns if that can be done at all."""
    layout = _Layout()
    first, *others = layout.rows(elements_of(markup), width, INDENT)
    return [first, *(blocks.beside([blocks.text(" " * INDENT), other]) for other in others)]


class _Layout:
    """Draws the elements of one formula."""

    def __init__(self) -> None:
        self._drawn: dict[Element, Block] = {}
        self._cutter = Cutter(lambda elements: self.beside(elements).width)

    def rows(self, elements: list[Element], width: int, indent: int) -> list[Block]:
        """The elements in rows, the first of them so wide, the others narrower by the indent."""
        whole = self.beside(elements)
        if whole.width <= width:
            return [whole]
        rows: list[list[Element]] = []
        for part in self._parts(elements, width - indent):
            room = width if len(rows) == 1 else width - indent
            if rows and self.beside([*rows[-1], *part]).width <= room:
                rows[-1] += part
            else:
                rows.append(part)
        return [self._fitted(row, width if row is rows[0] else width - indent) for row in rows]

    def _parts(self, elements: list[Element], width: int) -> list[list[Element]]:
        """Where a row may begin: at terms and factors, and behind the sign of a sum where that is not enough."""
        if self.beside(elements).width <= width:
            return [elements]
        parts = [part for part in self._cutter.cut_up(elements, width) if part]
        if parts == [elements]:
            behind = [n for n in range(1, len(elements)) if elements[n - 1].tag in _OPERATORS]
            parts = [elements[: behind[-1]], elements[behind[-1] :]] if behind else []
        # A bracket that was opened is too wide by its end, maybe.
        return [piece for part in parts for piece in self._parts(part, width)] or [elements]

    def _fitted(self, elements: Sequence[Element], width: int) -> Block:
        """The elements beside each other, the widest made as narrow as the width demands."""
        whole = self.beside(elements)
        if whole.width <= width or not elements:
            return whole
        widest = max(elements, key=lambda element: self._block(element).width)
        room = width - whole.width + self._block(widest).width
        return self.beside(elements, {widest: self._narrowed(widest, room)})

    def _narrowed(self, element: Element, width: int) -> Block:
        """An element in at most so many columns, if that can be done."""
        if self._block(element).width <= width or width < _NARROWEST:
            return self._block(element)
        if element.tag == "mrow" and element.get("class") == "b":
            left, *inside, right = element
            return blocks.fenced(left.text or "", self._stacked(inside, width - 2), right.text or "")
        if element.tag in ("mrow", "mtd"):
            return self._narrowed(element[0], width) if len(element) == 1 else self._stacked(list(element), width)
        if element.tag == "mfrac":
            return blocks.fraction(*(self._narrowed(part, width - 2) for part in element))
        if element.tag == "msqrt":
            rooted = blocks.root(self._stacked(list(element), width - 4))
            excess = max(rooted.width - width, 0)  # since the stroke of a tall root is a wide one
            return blocks.root(self._stacked(list(element), width - 4 - excess)) if excess else rooted
        if element.tag == "msup":
            base, exponent = element
            taken = self._block(exponent).width
            if taken > width / 2:
                return blocks.raised(self._block(base), self._narrowed(exponent, width - self._block(base).width))
            return self._power(self._narrowed(base, width - taken), exponent)
        if element.tag == "mtable":
            return self._table(element, width)
        return self._block(element)

    def _stacked(self, elements: list[Element], width: int) -> Block:
        """The elements in rows that are one block."""
        first, *others = self.rows(elements, width, 2)
        indented = [blocks.beside([blocks.text("  "), other]) for other in others]
        return blocks.above([first, *indented], centered=False)

    # Elements

    def _block(self, element: Element) -> Block:
        if element not in self._drawn:
            self._drawn[element] = self._draw(element)
        return self._drawn[element]

    def _draw(self, element: Element) -> Block:
        inside = list(element)
        if element.tag in ("mi", "mn", "mo", "mtext"):
            return blocks.text((element.text or "").replace("\u00a0", " "))
        if element.tag in ("mrow", "mtd"):
            return self.beside(inside)
        if element.tag == "mfrac":
            return blocks.fraction(*map(self._block, inside))
        if element.tag == "msqrt":
            return _root(inside, self.beside(inside))
        if element.tag == "msup":
            return self._power(self._block(inside[0]), inside[1])
        if element.tag == "mover":  # the only accent that is no part of a symbol is a bar
            return blocks.overlined(self._block(inside[0]))
        if element.tag == "munder":
            return blocks.above([self._block(inside[0]), self._limit(inside[1])])
        if element.tag == "munderover":
            return blocks.above([self._limit(inside[2]), self._block(inside[0]), self._limit(inside[1])], main=1)
        if element.tag == "mtable":
            return self._table(element, None)
        raise TypeError(f"there is no picture in the terminal of the element {element.tag}")

    def _power(self, base: Block, exponent: Element) -> Block:
        """A power, with small digits where the exponent is an integer."""
        drawn = self._block(exponent)
        digits = drawn.rows[0].replace("−", "-")
        if drawn.height == 1 and re.fullmatch("-?[0-9]+", digits):
            small = Block((superscript_text(digits), *[" " * len(digits)] * base.baseline), base.baseline)
            return blocks.beside([base, small])
        return blocks.raised(base, drawn)

    def _limit(self, element: Element) -> Block:
        return self.beside(list(element), tight=True)

    def _table(self, table: Element, width: int | None) -> Block:
        """Cases: values, and behind them when they hold, or below them where that is too wide.

        The baseline is the empty row behind the first case, where a brace has its point.
        """
        cells = [[self._block(cell) for cell in row] for row in table]
        wide = max(value.width for value, _ in cells) + 3
        if width is None or wide + max(when.width for _, when in cells) <= width:
            cases = [blocks.beside([value, blocks.text(" " * (wide - value.width)), when]) for value, when in cells]
        else:
            cases = [self._stacked_case(row, width) for row in table]
        first, *others = cases
        spaced = [first, *(block for case in others for block in (blocks.text(""), case))]
        whole = blocks.above(spaced, centered=False)
        return Block(whole.rows, first.height)

    def _stacked_case(self, case: Element, width: int) -> Block:
        value, when = case
        below = blocks.beside([blocks.text("  "), self._narrowed(when, width - 2)])
        return blocks.above([self._narrowed(value, width), below], centered=False)

    # What stands side by side

    def beside(
        self, elements: Sequence[Element], narrowed: Mapping[Element, Block] | None = None, tight: bool = False
    ) -> Block:
        """Elements in a row, with signs that grow with what they enclose, also where one of a pair is not there.

        Some of the elements may have been narrowed already; what is `tight` has no space around its relations.
        """
        outer: list[tuple[str, list[Block]]] = []
        row: list[Block] = []
        for number, element in enumerate(elements):
            sign = (element.text or "") if element.tag == "mo" else ""
            if sign in ("(", "|", "{") and element.get("form") == "prefix":
                outer.append((sign, row))
                row = []
            elif sign in (")", "|") and element.get("form") == "postfix":
                begin, before = outer.pop() if outer else ("", [])
                row = [*before, blocks.fenced(begin, blocks.beside(row), sign)]
            elif element.tag == "mo":
                row.append(blocks.text(sign if tight else _spaced(elements, number)))
            else:
                row.append((narrowed or {}).get(element) or self._block(element))
                if element.tag in _OPERATORS:
                    row.append(blocks.text(" "))
        for begin, before in reversed(outer):
            row = [*before, blocks.fenced(begin, blocks.beside(row), "")]
        return blocks.beside(row)


def _root(elements: Sequence[Element], radicand: Block) -> Block:
    """A root; one symbol needs no parentheses."""
    return blocks.beside([blocks.text("√"), radicand]) if _is_symbol(elements) else blocks.root(radicand)


def _is_symbol(elements: Sequence[Element]) -> bool:
    return len(elements) == 1 and elements[0].tag in ("mi", "mn")


def _spaced(elements: Sequence[Element], number: int) -> str:
    """A sign with the spaces around it; with none before it where a row begins."""
    element = elements[number]
    sign, kind = element.text or "", element.get("class")
    following = elements[number + 1] if number + 1 < len(elements) else None
    if sign == "\u2061":
        return ""
    if kind == "f":
        sign = "·" if sign != "\u2062" or _needs_dot(elements, number) else ""
        return f" {sign} " if number and sign else f"{sign} "
    if kind in ("t", "r") or sign in _RELATIONS:
        return f" {sign} " if number else f"{sign} "
    if sign == "−":  # which would be one with the line of a fraction
        return "− " if following is not None and _innermost(following, 0).tag == "mfrac" else "−"
    return ", " if sign == "," else sign


def _needs_dot(elements: Sequence[Element], number: int) -> bool:
    """Whether factors would run into one another: at the begin of a row, between two fractions, beside a word."""
    if number == 0:
        return True
    left, right = _innermost(elements[number - 1], -1), _innermost(elements[number + 1], 0)
    if left.tag == "mfrac" or right.tag in ("mfrac", *_OPERATORS):
        return left.tag == right.tag
    applied = elements[number + 2].text == "\u2061" if number + 2 < len(elements) else False
    return left.get("class") == "b" or _is_word(left) or (_is_word(right) and not applied)


def _innermost(element: Element, place: int) -> Element:
    """The first or last element of a row."""
    while element.tag == "mrow" and element.get("class") != "b" and len(element):
        element = element[place]
    return element


def _is_word(element: Element) -> bool:
    """Whether a symbol is not one letter: a word, or an element with indices in brackets, or the root of a symbol."""
    if element.tag == "msqrt":
        return _is_symbol(list(element))
    name = element.text or ""
    letters = [char for char in name if unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lo")]
    return element.tag == "mi" and (len(letters) > 1 or "[" in name)
