"""A derivation for the terminal: formulas in two dimensions, or on one line each, wrapped to a width.

Without Unicode they are in the plain ASCII of the layer grammar.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, Indexed, Integer, Symbol

from derive.color import PLAIN, Palette
from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact
from derive.printing.block_math import LayerBlockPrinter
from derive.printing.blocks import columns
from derive.printing.grammar import equation_text, expression_text
from derive.printing.mathml_blocks import lay_out
from derive.printing.names import Names, Notation
from derive.printing.outline import (
    given_of,
    heading_of,
    line_of,
    paragraphs_of,
    remarks_on,
    rule_words,
    sections_of,
    title_of,
)
from derive.printing.rows import Piece, fill
from derive.printing.symbols import read_name
from derive.printing.text_math import LayerTextPrinter, can_be_subscripts

_FORMULA_INDENT = 8
_CONTINUED = "    "
_NOTE = 16  # columns that a note beside a table has at least
# Where a formula can be broken: before a term, a factor, the range of a sum.
_CUTS = ((" + ", 0), (" - ", 0), (" · ", 1), ("*", 1), (" for ", 1))


def show_text(
    derivation: Derivation,
    notation: Notation = "leibniz",
    detail: Detail = "steps",
    width: int = 100,
    unicode: bool = True,
    flat: bool = True,
    palette: Palette = PLAIN,
) -> str:
    """A derivation as text of at most `width` columns; with `unicode=False` in the names of the layer grammar.

    A `flat` formula is on one line, as in a sentence, else in two dimensions if it is in Unicode.
    Raises UsageError for an unknown notation.
    """
    names = Names.of(derivation, notation)
    lowered = unicode and all_subscripts(derivation)
    printer = LayerTextPrinter(names, lowered) if unicode else None
    tall = LayerBlockPrinter(names, lowered) if unicode and not flat else None
    writer = TextWriter(printer, width, tall, palette)
    title = title_of(derivation) if derivation.order == 1 else heading_of(derivation)
    blocks = [writer.headed(title, "═" if unicode else "=")]
    blocks += [writer.wrapped(paragraph) for paragraph in paragraphs_of(derivation.forward)]
    blocks.append(palette.heading("Given") + "\n" + _given(derivation, writer))
    blocks += [writer.wrapped(writer.prose(remark)) for remark in remarks_on(derivation, detail)]
    for section in sections_of(derivation, detail):
        blocks.append(writer.headed(writer.prose(section.heading), "─" if unicode else "-"))
        blocks += [writer.step(step) for step in section.steps]
    return "\n\n".join(blocks) + "\n"


def _given(derivation: Derivation, writer: TextWriter) -> str:
    rows = []
    for given in given_of(derivation):
        shape = f"[{', '.join(given.quantity.extents)}]" if given.quantity.extents else "scalar"
        rows.append((writer.expression(given.quantity.element), shape, writer.prose(given.note)))
    wide = [max((columns(row[n]) for row in rows), default=0) for n in range(2)]
    lines = []
    for symbol, shape, note in rows:
        front = f"  {_padded(symbol, wide[0])}  {_padded(shape, wide[1])}  "
        if columns(front) + _NOTE > writer.width:
            lines.append(f"  {symbol}")
            front, note = " " * _FORMULA_INDENT, f"{shape}: {note}"
        lines.append(writer.wrapped(note, front=front, hanging=columns(front)))
    assumed = ", ".join(writer.line(fact) for fact in derivation.forward.facts)
    if assumed:
        lines += ["", writer.wrapped(f"Assumed: {assumed}")]
    return "\n".join(lines)


class TextWriter:
    """Writes steps, sentences and formulas; without a printer in the layer grammar.

    With a printer for it, the formulas of steps are in two dimensions; sentences are not.
    """

    def __init__(
        self,
        printer: LayerTextPrinter | None,
        width: int,
        tall: LayerBlockPrinter | None = None,
        palette: Palette = PLAIN,
    ) -> None:
        self._printer = printer
        self.width = max(width, 40)
        self._tall = tall
        self._palette = palette

    def headed(self, text: str, sign: str) -> str:
        """A heading with a line of such signs below it."""
        lines = self.wrapped(text)
        return self._palette.heading(lines + "\n" + sign * max(map(columns, lines.split("\n"))))

    def step(self, step: Step) -> str:
        """A numbered sentence, and the formula below it; a result is marked with a bar."""
        front, rule = f"{step.number:>3}. ", f"{rule_words(step)}."
        text = self.wrapped(f"{rule} {self.prose(step.reason)}", front=front, hanging=len(front))
        text = text.replace(front + rule, front + self._palette.rule(rule), 1)
        line = line_of(step)
        if line is None:
            return text
        rows = self._rows(line, step.label)
        mark = self._palette.result("▌" if self._printer else ">") if step.boxed else " "
        indent = " " * (_FORMULA_INDENT - 2)
        # Above what is taller than a line there is room, and the bar begins below it.
        room = [""] if self._tall and len(rows) > 1 else []
        return "\n".join([text, *room, *(f"{indent}{mark} {row}".rstrip() for row in rows)])

    def _rows(self, line: Equation | Fact, label: str | None) -> list[str]:
        """A formula in rows of text that fit the width."""
        width = self.width - _FORMULA_INDENT
        if self._tall is None:
            return wrap_formula(self.line(line) + (f" =: {self._label(label)}" if label else ""), width)
        markup = self._tall.fact(line) if isinstance(line, Fact) else self._tall.equation(line)
        if label:
            markup = self._tall.called(markup, self._tall.index(label))
        first, *others = lay_out(markup, width)
        rows = [*first.rows]
        for block in others:
            rows += ["", *block.rows]
        return rows

    def _label(self, label: str) -> str:
        return self._printer.index(label) if self._printer else label

    def expression(self, expression: Expr) -> str:
        """An expression on one line."""
        return str(self._printer.doprint(expression)) if self._printer else expression_text(expression)

    def line(self, line: Equation | Fact) -> str:
        """An equation or a fact on one line."""
        if self._printer is None:
            return equation_text(line).removeprefix("assert ")
        return self._printer.fact(line) if isinstance(line, Fact) else self._printer.equation(line)

    def prose(self, prose: Prose) -> str:
        """A sentence with its formulas, not wrapped."""
        return "".join(part if isinstance(part, str) else self.expression(part) for part in prose)

    def wrapped(self, text: str, front: str = "", hanging: int = 0) -> str:
        """Words filled into lines behind `front`, all but the first with a hanging indent."""
        # Not textwrap: it counts characters, not columns.
        lines = [front]
        empty = True
        for word in text.split():
            if not empty and columns(lines[-1]) + 1 + columns(word) > self.width:
                lines.append(" " * hanging)
                empty = True
            lines[-1] += word if empty else f" {word}"
            empty = False
        return "\n".join(lines)


def wrap_formula(formula: str, width: int) -> list[str]:
    """A formula broken before + and -, also inside brackets, and before factors and arguments where that must be."""
    if columns(formula) <= width:
        return [formula]
    first, *others = fill(_pieces(formula), width - len(_CONTINUED), str.lstrip)
    return [first.rstrip(), *(_CONTINUED + row.rstrip() for row in others)]


def _pieces(formula: str) -> list[Piece]:
    """The formula cut before + and - (levels 0, 2, 4, ... by depth), before factors and behind commas (1, 3, ...)."""
    pieces: list[Piece] = []
    start, level, depth, indices = 0, 0, 0, 0
    for position, char in enumerate(formula):
        depth += {"(": 1, ")": -1}.get(char, 0)
        indices += {"[": 1, "]": -1}.get(char, 0)
        if indices or position == start or "**" in formula[position - 1 : position + 2]:
            continue
        cut = next((2 * depth + level for sign, level in _CUTS if formula.startswith(sign, position)), None)
        if formula[position - 2 : position] == ", ":
            cut = 2 * depth + 1
        if cut is not None:
            pieces.append(Piece(formula[start:position], columns(formula[start:position]), level))
            start, level = position, cut
    return [*pieces, Piece(formula[start:], columns(formula[start:]), level)]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def all_subscripts(derivation: Derivation) -> bool:
    """Whether indices can be Unicode subscripts throughout: all are letters that have one, and no name ends in one."""
    primal = ("input", "constant", "intermediate")
    known = [q for lower in derivation.orders for q in lower.by_name.values()]
    if any(read_name(q.name).subscripts for q in known if q.role in primal):
        return False
    indices = {index.name for quantity in derivation.by_name.values() for index in quantity.indices}
    for expression in _expressions(derivation):
        indices |= {symbol.name for symbol in expression.atoms(Symbol) if symbol.is_integer}
        indices |= {str(i) for e in expression.atoms(Indexed) for i in e.indices if isinstance(i, Integer)}
    return can_be_subscripts(sorted(indices - set(derivation.backward.extents)))


def _expressions(derivation: Derivation) -> Iterator[Expr]:
    """Everything that the steps show."""
    for step in derivation.steps:
        yield from (part for part in step.reason if isinstance(part, Expr))
        for line in (step.equation, step.display):
            if isinstance(line, Equation):
                yield line.expression
            elif isinstance(line, Fact):
                yield from (line.left, line.right)
