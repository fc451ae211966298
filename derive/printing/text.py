"""A derivation for the terminal: Unicode formulas on one line each, wrapped to a width; or plain ASCII grammar."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from sympy import Expr, Indexed, Integer, Symbol

from derive.derivation import Derivation, Detail, Prose, Step
from derive.graph import Equation, Fact
from derive.printing.grammar import equation_text, expression_text
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
# Where a formula can be broken: before a term, a factor, the range of a sum.
_CUTS = ((" + ", 0), (" - ", 0), (" · ", 1), ("*", 1), (" for ", 1))


def show_text(
    derivation: Derivation,
    notation: Notation = "leibniz",
    detail: Detail = "steps",
    width: int = 100,
    unicode: bool = True,
) -> str:
    """A derivation as text of at most `width` columns; with `unicode=False` in the names of the layer grammar.

    Raises UsageError for an unknown notation.
    """
    names = Names.of(derivation, notation)
    writer = TextWriter(LayerTextPrinter(names, all_subscripts(derivation)) if unicode else None, width)
    title = title_of(derivation) if derivation.order == 1 else heading_of(derivation)
    blocks = [title + "\n" + ("═" if unicode else "=") * columns(title)]
    blocks += [writer.wrapped(paragraph) for paragraph in paragraphs_of(derivation)]
    blocks.append(_given(derivation, writer))
    blocks += [writer.wrapped(writer.prose(remark)) for remark in remarks_on(derivation, detail)]
    for section in sections_of(derivation, detail):
        heading = writer.prose(section.heading)
        blocks.append(heading + "\n" + ("─" if unicode else "-") * columns(heading))
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
        lines.append(writer.wrapped(note, front=front, hanging=columns(front)))
    assumed = ", ".join(writer.line(fact) for fact in derivation.forward.facts)
    if assumed:
        lines += ["", writer.wrapped(f"Assumed: {assumed}")]
    return "\n".join(["Given", *lines])


class TextWriter:
    """Writes steps, sentences and formulas; without a printer in the layer grammar."""

    def __init__(self, printer: LayerTextPrinter | None, width: int) -> None:
        self._printer = printer
        self._width = max(width, 40)

    def step(self, step: Step) -> str:
        """A numbered sentence, and the formula below it; a result is marked with a bar."""
        text = self.wrapped(f"{rule_words(step)}. {self.prose(step.reason)}", front=f"{step.number:>3}. ", hanging=5)
        line = line_of(step)
        if line is None:
            return text
        formula = self.line(line) + (f" =: {self._label(step.label)}" if step.label else "")
        mark = ("▌ " if self._printer else "> ") if step.boxed else "  "
        rows = wrap_formula(formula, self._width - _FORMULA_INDENT)
        return "\n".join([text, *(" " * (_FORMULA_INDENT - 2) + mark + row for row in rows)])

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
            if not empty and columns(lines[-1]) + 1 + columns(word) > self._width:
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


def columns(text: str) -> int:
    """The columns of a terminal that a text takes: none for a combining accent, two for a wide character."""
    wide = ("W", "F")
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in wide else 1 for c in text)


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
