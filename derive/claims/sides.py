"""The sides of one line as Python's syntax trees.

    Input    a LogicalLine, and the quantities that are known
    Output   the line as a Source at its place in the file, and a tree for each side of `A = B = C`

What people write another way than the names are kept, Greek letters and the two sets of indices of a local derivative,
is brought into these names here, in the tree.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

from derive.claims.logical_lines import LogicalLine, in_one_line
from derive.errors import LayerError, Location
from derive.printing.symbols import GREEK_NAMES
from derive.syntax.extents import Slot
from derive.syntax.source import Source

_WORD = re.compile(r"[^\W\d]\w*")
Slots: TypeAlias = Mapping[str, tuple[Slot, ...]]


def read_sides(file: str, line: LogicalLine, slots: Slots) -> tuple[Source, list[ast.expr]]:
    """The sides of a line, read by Python as the tuple (A, B, C)."""
    if not line.separators:
        hint = "a claim is `name[i, j] = expression`, or `assert fact`"
        raise line_error(file, line, 0, "this line claims nothing: it has no =", hint)
    text = list(line.text)
    for at, length in line.separators:
        text[at : at + length] = [",", *" " * (length - 1)]
    if in_one_line(line.text).startswith("assert "):
        at = line.text.index("assert")
        text[at : at + 6] = "(     "
        text.append(")")
    for place, side in enumerate(line.sides):
        if not side:  # Python takes a tuple with a comma at its end
            at = line.separators[min(place, len(line.separators) - 1)][0]
            hint = "write both sides on one line, or in brackets that go on to the next"
            raise line_error(file, line, at, "one side of this = is empty", hint)
    source = line_source(file, line, "".join(text))
    statement = source.tree.body[0] if len(source.tree.body) == 1 else None
    value = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(value, ast.Tuple) or len(value.elts) != len(line.sides):
        hint = "write one equation a line, without commas between values"
        raise line_error(file, line, 0, "the sides of this line are not single expressions", hint)
    use_both_indices(value, slots)
    _spell_greek_out(value, slots)
    return source, value.elts


def line_source(file: str, line: LogicalLine, parsed: str = "") -> Source:
    """The line at its place in the file."""
    above = "\n" * (line.line - 1)
    return Source(above + line.text, file, above + parsed if parsed else "")


def line_error(file: str, line: LogicalLine, position: int, message: str, hint: str) -> LayerError:
    """An error at a position of a line that Python has not read."""
    number = line.line_at(position)
    column = position - line.text.rfind("\n", 0, position) - 1
    shown = line.text.split("\n")[number - line.line]
    return LayerError(message, hint, Location(file, number, column, shown))


def use_both_indices(tree: ast.AST, slots: Slots) -> None:
    """Let the name of a local derivative with the indices of both quantities stand for just that."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and "_wrt_" in node.value.id:
            count = len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
            both = f"{node.value.id}_each"
            own = slots.get(node.value.id)
            if both in slots and (own is None or len(own) != count):
                node.value.id = both


def _spell_greek_out(tree: ast.AST, slots: Slots) -> None:
    """Let dβ stand for dbeta where only that is known."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in slots and not node.id.isascii():
            spelled = node.id
            for name, letter in GREEK_NAMES.items():
                if spelled.replace(letter, name) in slots:
                    node.id = spelled.replace(letter, name)


def words_of(text: str) -> set[str]:
    """The words of a text as Python reads them, those in Greek letters spelled out, too."""
    words = set(_WORD.findall(unicodedata.normalize("NFKC", text)))
    greek = [word for word in words if not word.isascii()]
    return words | {word.replace(letter, name) for word in greek for name, letter in GREEK_NAMES.items()}


def target(node: ast.expr) -> ast.Name | None:
    """The name of `name` or `name[i, j]`, with distinct letters as indices; None for anything else."""
    if isinstance(node, ast.Name):
        return node
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        written = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        letters = [index.id for index in written if isinstance(index, ast.Name)]
        if len(set(letters)) == len(written):
            return node.value
    return None


def letters_on(node: ast.expr) -> list[ast.Name]:
    """The letters that stand as the indices of `name[i, j]`."""
    if not isinstance(node, ast.Subscript):
        return []
    written = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [index for index in written if isinstance(index, ast.Name)]
