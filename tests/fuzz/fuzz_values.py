"""What a layer's equations are worth, computed from Python's syntax tree and nothing of the parser's: is it read right?

Numbers are mpmath's with 60 digits, and the graph is evaluated by its own interpreter. What has no value, or hangs on
two values that are all but equal, says nothing.
"""

from __future__ import annotations

import ast
import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import sympy
from fuzz_watch import Wrong

from derive.arithmetic import PRECISE
from derive.graph import Graph
from derive.interpret import convert, run

_CONTEXT = mpmath.MPContext()
_CONTEXT.dps = 60
_MOST_STEPS, _MOST_ELEMENTS = 4_000, 80
_ALIKE = _CONTEXT.mpf(10) ** -30
Value = Any
Indices = dict[str, int]

_ONE: dict[str, Callable[[Value], Value]] = {
    "sqrt": _CONTEXT.sqrt, "exp": _CONTEXT.exp, "log": _CONTEXT.log, "log1p": _CONTEXT.log1p,
    "tanh": _CONTEXT.tanh, "sigmoid": lambda a: 1 / (1 + _CONTEXT.exp(-a)), "erf": _CONTEXT.erf, "sin": _CONTEXT.sin,
    "softplus": lambda a: _CONTEXT.log1p(_CONTEXT.exp(a)), "cos": _CONTEXT.cos, "abs": abs,
    "sign": lambda a: _compare(a, 0), "relu": lambda a: max(a, _CONTEXT.mpf(0)),
}  # fmt: skip
_HOLDS: dict[type[ast.cmpop], Callable[[int], bool]] = {
    ast.Lt: lambda c: c < 0, ast.LtE: lambda c: c <= 0, ast.Gt: lambda c: c > 0, ast.GtE: lambda c: c >= 0,
    ast.Eq: lambda c: c == 0, ast.NotEq: lambda c: c != 0,
}  # fmt: skip


class _Skip(Exception):  # noqa: N818 - no error, but nothing to compare
    pass


def check_values(text: str, graph: Graph) -> None:
    """That every equation of a small layer has the value that its text has."""
    extents = dict(zip(graph.extents, itertools.cycle((2, 3)), strict=False))
    if sum(math.prod(extents[e] for e in quantity.extents) for quantity in graph.quantities) > _MOST_ELEMENTS:
        return
    rng = random.Random(len(text))
    given = {
        quantity.name: {
            place: quantity.default if quantity.default is not None else sympy.Rational(rng.randint(-40, 60), 23)
            for place in itertools.product(*(range(1, extents[e] + 1) for e in quantity.extents))
        }
        for quantity in graph.inputs
    }
    evaluation = _Evaluation(text, extents, {n: {p: _exact(v) for p, v in a.items()} for n, a in given.items()})
    nodes = {_target(s): s for s in ast.parse(text).body if isinstance(s, ast.Assign)}
    expected: dict[str, dict[tuple[int, ...], Value]] = {}
    for equation in graph.equations:
        try:
            expected[equation.name] = evaluation.array(nodes[equation.name], equation.indices)
        except (_Skip, ArithmeticError, ValueError, TypeError):  # TypeError: a complex number compared
            break
        evaluation.values[equation.name] = expected[equation.name]
    kept = [equation for equation in graph.equations if equation.name in expected]
    found = run(kept, convert(given, PRECISE), extents, PRECISE)
    for name, array in expected.items():
        for place, value in array.items():
            _compare_values(name, value, found[name][place])


def _compare_values(name: str, expected: Value, found: Value) -> None:
    if not (_CONTEXT.isfinite(expected) and mpmath.isfinite(found)) or abs(expected) > 1e60:
        return
    if abs(_CONTEXT.mpf(found) - expected) > 1e-20 * (1 + abs(expected)):
        shown = f"{mpmath.nstr(expected, 8)}, not {mpmath.nstr(found, 8)}"
        raise Wrong(f"{name} is read as what has another value: {shown}")


def _exact(value: sympy.Rational) -> Value:
    return _CONTEXT.mpf(int(value.p)) / int(value.q)


def _target(statement: ast.Assign) -> str:
    target = statement.targets[0]
    name = target.value if isinstance(target, ast.Subscript) else target
    assert isinstance(name, ast.Name)
    return name.id


def _compare(left: Value, right: Value) -> int:
    gap = left - right
    if gap and abs(gap) < _ALIKE * (1 + abs(left)):
        raise _Skip
    return int(gap > 0) - int(gap < 0)


class _Evaluation:
    def __init__(self, text: str, extents: dict[str, int], values: dict[str, dict[tuple[int, ...], Value]]) -> None:
        self._text = text
        self._extents = extents
        self.values = values
        self._steps = 0

    def array(self, statement: ast.Assign, indices: Any) -> dict[tuple[int, ...], Value]:
        letters = [index.name for index in indices]
        ranges = [range(1, self._extents[index.extent] + 1) for index in indices]
        return {p: self.value(statement.value, dict(zip(letters, p, strict=True))) for p in itertools.product(*ranges)}

    def value(self, node: ast.expr, at: Indices) -> Value:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _Skip
        if isinstance(node, ast.Constant):
            written = (ast.get_source_segment(self._text, node) or "").replace("_", "")
            number = Fraction(node.value) if isinstance(node.value, int) else Fraction(written)
            return _CONTEXT.mpf(number.numerator) / number.denominator
        if isinstance(node, ast.Name):
            if node.id in self.values:
                return self.values[node.id][()]
            return _CONTEXT.pi if node.id == "pi" else _CONTEXT.mpf(self._extents[node.id])
        if isinstance(node, ast.Subscript):
            assert isinstance(node.value, ast.Name)
            written_at = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self.values[node.value.id][tuple(self._index(index, at) for index in written_at)]
        if isinstance(node, ast.UnaryOp):
            operand = self.value(node.operand, at)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp):
            return self._operation(node, at)
        assert isinstance(node, ast.Call)
        return self._call(node, at)

    def _index(self, node: ast.expr, at: Indices) -> int:
        assert isinstance(node, ast.Name)
        return at[node.id]

    def _operation(self, node: ast.BinOp, at: Indices) -> Value:
        left, right = self.value(node.left, at), self.value(node.right, at)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            return left / right
        if abs(right) > 1_000:
            raise _Skip
        return self._real(left**right)

    def _real(self, value: Value) -> Value:
        if isinstance(value, _CONTEXT.mpc):
            raise _Skip
        return value

    def _call(self, node: ast.Call, at: Indices) -> Value:
        assert isinstance(node.func, ast.Name)
        name, arguments = node.func.id, node.args
        if name in ("sum", "mean", "max", "prod"):
            return self._reduction(name, node.args[0], at)
        if name == "delta":
            return _CONTEXT.mpf(self._index(arguments[0], at) == self._index(arguments[1], at))
        if name == "where":
            condition = arguments[0]
            assert isinstance(condition, ast.Compare)
            sides = self.value(condition.left, at), self.value(condition.comparators[0], at)
            holds = _HOLDS[type(condition.ops[0])](_compare(*sides))
            return self.value(arguments[1] if holds else arguments[2], at)
        values = [self.value(argument, at) for argument in arguments]
        if name in ("maximum", "minimum"):
            return max(values) if name == "maximum" else min(values)
        if name in ("exp", "softplus", "sigmoid", "sin", "cos") and abs(values[0]) > 1_000:
            raise _Skip
        return self._real(_ONE[name](values[0]))

    def _reduction(self, name: str, node: ast.expr, at: Indices) -> Value:
        assert isinstance(node, ast.GeneratorExp)
        letters = [clause.target.id for clause in node.generators if isinstance(clause.target, ast.Name)]
        sizes = [self._extents[clause.iter.id] for clause in node.generators if isinstance(clause.iter, ast.Name)]
        values = [
            self.value(node.elt, {**at, **dict(zip(letters, place, strict=True))})
            for place in itertools.product(*(range(1, size + 1) for size in sizes))
        ]
        if name == "max":
            return max(values)
        if name == "prod":
            return _CONTEXT.fprod(values)
        return _CONTEXT.fsum(values) / (len(values) if name == "mean" else 1)
