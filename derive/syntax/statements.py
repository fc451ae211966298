r"""The lines of a layer, sorted by what they are: declarations, equations, facts, and remarks about a name.

    x: [N, D]                   Declaration
    eps: constant = 1e-5        Declaration
    y[i, j] = x[i, j] + eps     Definition
    assert eps > 0              Assertion
    y: r"\hat y"                Remark
    y: output                   Remark
    p: intermediate             Remark

Expressions stay syntax trees here; `expressions.py` reads them.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, field
from typing import Literal

from derive.syntax.hints import STATEMENTS
from derive.syntax.source import Source

_LINES = "a line is `x: [N, D]`, `y[i, j] = expression` or `assert fact`"
_ANNOTATIONS = (
    "`x: [N, D]`, `s: []`, `t: constant[N]`, `eps: constant = 1e-5`, `y: output`, `p: intermediate` "
    'or `y: r"\\hat y"`'
)


RemarkKind = Literal["LaTeX name", "output", "intermediate"]
_ROLES: dict[str, RemarkKind] = {"output": "output", "intermediate": "intermediate"}


@dataclass(frozen=True)
class Declaration:
    """An input (or `constant`) with its extents, and for a constant scalar perhaps a default."""

    node: ast.Name
    extents: tuple[ast.Name, ...]
    constant: bool
    default: ast.expr | None


@dataclass(frozen=True)
class Definition:
    """An equation: the name at `node`, its indices and its right side."""

    node: ast.Name
    target: ast.expr
    indices: tuple[ast.expr, ...]
    value: ast.expr


@dataclass(frozen=True)
class Assertion:
    """A comparison after `assert`."""

    node: ast.Assert
    test: ast.Compare


@dataclass(frozen=True)
class Remark:
    """What is said of the quantity at `node`: its LaTeX name, or that it is an output, or that it is none."""

    node: ast.Name
    kind: RemarkKind
    latex: str = ""


@dataclass
class Statements:
    """The lines of a text by kind, each kind in file order."""

    description: str = ""
    declarations: list[Declaration] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    # Equations and facts in the order of the text, for a derivation.
    lines: list[Definition | Assertion] = field(default_factory=list)


def read_statements(source: Source) -> Statements:
    """Sort the statements of a text. Raises LayerError for whatever is none of the lines above."""
    found = Statements()
    body = list(source.tree.body)
    if body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found.description = _description(source, value)
            del body[0]
    for statement in body:
        if isinstance(statement, ast.AnnAssign):
            _read_annotation(source, statement, found)
        elif isinstance(statement, ast.Assign):
            definition = _read_definition(source, statement)
            found.definitions.append(definition)
            found.lines.append(definition)
        elif isinstance(statement, ast.Assert):
            assertion = _read_assertion(source, statement)
            found.assertions.append(assertion)
            found.lines.append(assertion)
        else:
            raise _no_line(source, statement)
    return found


def _description(source: Source, node: ast.Constant) -> str:
    description = inspect.cleandoc(str(node.value)).strip()
    if not all(c.isprintable() or c in "\n\t" for c in description):
        raise source.error(node, "control character in the description", 'write it as a raw string: r"""..."""')
    return description


def _read_annotation(source: Source, statement: ast.AnnAssign, found: Statements) -> None:
    """One `name: ...` line."""
    target, annotation, default = statement.target, statement.annotation, statement.value
    if not isinstance(target, ast.Name) or not statement.simple:
        raise source.error(target, "only a bare name can stand before `:`", f"write {_ANNOTATIONS}")
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        found.remarks.append(Remark(target, "LaTeX name", _latex(source, annotation)))
    elif isinstance(annotation, ast.Name) and annotation.id in _ROLES:
        found.remarks.append(Remark(target, _ROLES[annotation.id]))
    else:
        constant, extents = _read_shape(source, annotation)
        if default is not None and not constant:
            hint = f"write {target.id}: constant = ..., or leave the value out"
            raise source.error(default, "only a constant has a default", hint)
        if default is not None and extents:
            raise source.error(default, "only a scalar has a default", "leave the value out")
        found.declarations.append(Declaration(target, extents, constant, default))
        return
    if default is not None:
        raise source.error(default, "a value is out of place here", "write the equation on a line of its own")


def _read_shape(source: Source, node: ast.expr) -> tuple[bool, tuple[ast.Name, ...]]:
    """`[N, D]`, `[]`, `constant` or `constant[N, D]`: whether it is constant, and the extents."""
    if isinstance(node, ast.List):
        return False, tuple(_extent(source, element) for element in node.elts)
    if isinstance(node, ast.Name) and node.id == "constant":
        return True, ()
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "constant":
        elements = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return True, tuple(_extent(source, element) for element in elements)
    raise source.error(node, f"`{source.spelling(node)}` does not say what the name is", f"write {_ANNOTATIONS}")


def _extent(source: Source, node: ast.expr) -> ast.Name:
    if isinstance(node, ast.Name):
        return node
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        hint = "give it a letter, such as K; the derivation holds for every value of it"
        raise source.error(node, "an extent is a name, not a number", hint)
    raise source.error(node, "an extent is a plain name such as N", "give a computed extent a name of its own")


def _latex(source: Source, node: ast.Constant) -> str:
    """The LaTeX name in a string: printable, one line, and closed in itself."""
    text = str(node.value)
    if not text.strip():
        raise source.error(node, "the LaTeX name is empty", 'write it as name: r"\\sigma"')
    if not text.isprintable():
        raise source.error(node, "control character in a LaTeX name", 'write it as a raw string: name: r"\\beta"')
    depth = 0
    escaped = False
    for c in text:
        if escaped:
            escaped = False
        elif c == "\\":
            escaped = True
        elif c in "$%#&":
            raise source.error(node, f"{c} in a LaTeX name would end or break the formula", f"write \\{c}")
        else:
            depth += (c == "{") - (c == "}")
            if depth < 0:
                break
    if depth or escaped:
        raise source.error(node, "the LaTeX name is not closed in itself", "balance its braces; end it without \\")
    return text.strip()


def _read_definition(source: Source, statement: ast.Assign) -> Definition:
    """One equation."""
    target = statement.targets[0]
    if len(statement.targets) > 1:
        raise source.error(statement.targets[1], "an equation has one left side", "write one equation for each name")
    if isinstance(target, ast.Name):
        return Definition(target, target, (), statement.value)
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        written = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        return Definition(target.value, target, tuple(written), statement.value)
    hint = "write y[i, j] = expression, or L = expression"
    raise source.error(target, "the left side of an equation is a name with its indices", hint)


def _read_assertion(source: Source, statement: ast.Assert) -> Assertion:
    """One fact."""
    if statement.msg is not None:
        hint = "leave out the comma and what follows; comments begin with #"
        raise source.error(statement.msg, "a fact has no message", hint)
    test = statement.test
    if not isinstance(test, ast.Compare):
        hint = "write two facts" if isinstance(test, ast.BoolOp) else "write a bound such as `assert eps > 0`"
        raise source.error(test, "a fact is a comparison", hint)
    return Assertion(statement, test)


def _no_line(source: Source, statement: ast.stmt) -> Exception:
    if isinstance(statement, ast.Expr):
        value = statement.value
        if isinstance(value, ast.Lambda):
            hint = "choose another name, such as lam"
            return source.error(statement, "lambda is a word of Python and cannot be a name", hint)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            hint = "the description comes first; comments begin with #"
            return source.error(statement, "a text is out of place here", hint)
        if isinstance(value, ast.Compare):
            hint = "a fact begins with assert; an equation has one ="
            return source.error(statement, "a comparison alone says nothing", hint)
        return source.error(statement, "an expression without a name", _LINES)
    what, hint = STATEMENTS.get(type(statement), (f"{type(statement).__name__}, a statement of Python, is", _LINES))
    return source.error(statement, f"{what} not in the grammar", hint)
