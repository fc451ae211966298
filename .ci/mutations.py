"""The small changes of a module that `.ci/mutants` tries: where they are, and what stands there instead."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What an operator becomes. Of `is` and `in`, the tree says which; the text between two operands is searched for it.
OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"), ast.NotIn: (r"not\s+in", "in"),
    ast.Is: ("is", "is not"), ast.IsNot: (r"is\s+not", "is"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.Add: (r"\+", "-"), ast.Sub: ("-", "+"), ast.Mult: (r"\*", "/"), ast.Div: ("/", "*"), ast.Pow: (r"\*\*", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: (r"\|", "&"),
}  # fmt: skip
NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}
# What is called with two arguments that are not alike.
ORDERED = {"Pow", "range", "zip"}
# In code that is written out: what stands between the braces of an f-string is Python, and is left alone.
WRITTEN = {" + ": " - ", " - ": " + ", " * ": " / ", "*": "/", " / ": " * ", "/": "*", " < ": " <= ", " > ": " >= ",
           " += ": " -= ", "keepdims=True": "keepdims=False"}  # fmt: skip
IN_CODE = re.compile("|".join(re.escape(text) for text in sorted(WRITTEN, key=len, reverse=True)))


@dataclass(frozen=True)
class Mutant:
    """One change: from `start` to `end`, in bytes of the file, stands `new`."""

    file: str
    function: str
    start: int
    end: int
    new: str

    @cached_property
    def _source(self) -> bytes:
        return (ROOT / self.file).read_bytes()

    @cached_property
    def text(self) -> bytes:
        """The whole changed file."""
        return self._source[: self.start] + self.new.encode() + self._source[self.end :]

    @cached_property
    def line(self) -> int:
        """The line that the change begins in."""
        return self._source.count(b"\n", 0, self.start) + 1

    @cached_property
    def lines(self) -> tuple[str, str]:
        """The lines that it is in, as they are and changed, each as one, so that no layout and no number matters."""
        first = self._source.rfind(b"\n", 0, self.start) + 1
        last = self._source.find(b"\n", self.end) % (len(self._source) + 1)
        after = self.text[first : last + len(self.text) - len(self._source)]
        old, new = (" ".join(part.decode().split()) for part in (self._source[first:last], after))
        return old, new

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.file, self.function, *self.lines)

    def __str__(self) -> str:
        old, new = self.lines
        return f"{self.file}  {self.function}\n- {old}\n+ {new}"


class Mutations(ast.NodeVisitor):
    """All changes of a module. Prose, types, and what speeds things up are no part of what it computes: not those."""

    def __init__(self, file: str) -> None:
        self.found: list[Mutant] = []
        self._file = file
        self._source = (ROOT / file).read_bytes()
        self._lines = [0]
        for line in self._source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._function: list[str] = []
        self.visit(ast.parse(self._source))

    def _add(self, start: int, end: int, new: str) -> None:
        function = ".".join(self._function) or "(module)"
        if self._source[start:end] != new.encode():
            self.found.append(Mutant(self._file, function, start, end, new))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _replace(self, node: ast.AST, *texts: str) -> None:
        for text in texts:
            self._add(*self._span(node), text)

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _between(self, left: ast.AST, right: ast.AST, operator: ast.AST) -> None:
        """The operator between two operands, beside parentheses only."""
        if type(operator) in OPERATORS:
            old, new = OPERATORS[type(operator)]
            start = self._span(left)[1]
            found = re.search(old.encode(), self._source[start : self._span(right)[0]])
            if found:
                self._add(start + found.start(), start + found.end(), new)

    def _condition(self, test: ast.expr) -> None:
        self._replace(test, f"(not ({self._text(test)}))", "True", "False")

    def _scope(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self._function.append(node.name)
        for statement in node.body:
            self.visit(statement)
        for default in (*node.args.defaults, *node.args.kw_defaults) if isinstance(node, ast.FunctionDef) else ():
            if default is not None:
                self.visit(default)
        self._function.pop()

    visit_FunctionDef = visit_ClassDef = _scope  # neither decorators nor types

    def visit_If(self, node: ast.If) -> None:
        if self._text(node.test) != "TYPE_CHECKING":
            self._condition(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    visit_IfExp = visit_While

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._condition(test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, node.comparators):  # noqa: B905 - one more on the left
            self._between(left, right, operator)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self._between(left, right, node.op)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if self._function or not isinstance(node.op, ast.BitOr):  # of a module: a type
            self._between(node.left, node.right, node.op)
            self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.Not, ast.USub)):
            self._replace(node, self._text(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value))
        elif isinstance(node.value, int):
            self._replace(node, str(node.value + 1))
        elif isinstance(node.value, str):
            self._written(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._written(node)

    def _written(self, node: ast.AST) -> None:
        """Operators of code that is written out."""
        if "/codegen/" not in self._file or self._text(node).startswith('"""'):
            return
        text = re.sub(r"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", lambda braces: "\0" * len(braces[0].encode()), self._text(node))
        start, _ = self._span(node)
        for found in IN_CODE.finditer(text):
            place = start + len(text[: found.start()].encode())
            self._add(place, place + len(found[0].encode()), WRITTEN[found[0]])

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Name) and name in NAMES:
            self._replace(node.func, NAMES[name])
        if name in ORDERED and len(node.args) > 1 and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
            first, second = node.args[:2]
            between = self._source[self._span(first)[1] : self._span(second)[0]].decode()
            swapped = self._text(second) + between + self._text(first)
            self._add(self._span(first)[0], self._span(second)[1], swapped)
        if name != "cast":
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg != "strict":  # of zip: it holds as it is, and says so
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")  # and no further: what is in it is prose

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                self._replace(node, "return None")
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self._replace(node, "pass")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        self.visit(node.value)

    def visit_Continue(self, node: ast.Continue | ast.Break) -> None:
        self._replace(node, "pass")

    visit_Break = visit_Continue

    def visit_Assign(self, node: ast.Assign) -> None:
        # Of a name, it would be an obvious crash; and a module's is the name of a type, where it is subscripted.
        if self._function and isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
            self._replace(node, "pass")
        if self._function or not isinstance(node.value, ast.Subscript):
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        """It says what holds; nothing depends on it."""


def compiles(text: bytes) -> bool:
    """Whether a text is Python."""
    try:
        compile(text, "", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
