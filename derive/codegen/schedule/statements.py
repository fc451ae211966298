"""Equations taken apart into statements: each a map or one reduction, over axes that all statements share.

    dx[i, j] = a[j]*(dy[i, j] - sum(dy[k, j] for k in N)/N)
    ──▶  dx_sum[j] += dy[i, j];   dx[i, j] = a[j]*(dy[i, j] - dx_sum[j]/N)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from sympy import Add, Basic, Expr, Indexed, Mul, Pow, Sum, Symbol

from derive.codegen.centering import distance
from derive.codegen.products import Summation, take_apart
from derive.functions import MaxOver, ProductOver, limits_of
from derive.graph import Equation, Quantity, fresh_name, index_symbol, name_of, reference
from derive.indices import REDUCTIONS, free_indices
from derive.printing.layout import Layout

Kind = Literal["map", "sum", "max", "prod", "first"]
_KINDS: dict[type[Expr], Kind] = {Sum: "sum", MaxOver: "max", ProductOver: "prod"}


@dataclass(frozen=True)
class Axis:
    """A loop: its index, and the extents whose product it runs over; several where axes are merged."""

    name: str
    extents: tuple[str, ...]

    @property
    def symbol(self) -> Symbol:
        return index_symbol(self.name)


@dataclass(frozen=True)
class Statement:
    """`name[axes] = expression` for a map; else the reduction of the expression over the `bound` axes.

    The kind `first` is the mean over the first few places only, as a guess of the whole mean.

    `equation` is what it is part of, `extents` are those of the indices while they are the equation's own.
    """

    name: str
    kind: Kind
    axes: tuple[Symbol, ...]
    bound: tuple[Symbol, ...]
    expression: Expr
    equation: Equation | None = None
    extents: Mapping[Symbol, str] = field(default_factory=dict, compare=False)

    @property
    def domain(self) -> frozenset[Symbol]:
        """The axes that it takes loops over, apart from the few rows that are read of a `first`."""
        return frozenset(self.axes if self.kind == "first" else (*self.axes, *self.bound))

    @property
    def element(self) -> Expr:
        return reference(self.name, self.axes)


@dataclass
class Statements:
    """The statements of one function, in order, with the axes of every array that they mention."""

    statements: list[Statement]
    axes: list[Axis]
    shapes: dict[str, tuple[Symbol, ...]] = field(default_factory=dict)

    @property
    def by_name(self) -> dict[str, Statement]:
        return {statement.name: statement for statement in self.statements}


def elements_of(expression: Basic) -> list[Indexed]:
    """Every element of an array in an expression without reductions, in order, some more than once."""
    if isinstance(expression, Indexed):
        return [expression]
    return [element for argument in expression.args for element in elements_of(argument)]


def names_of(expression: Basic) -> list[str]:
    """The names of the quantities in an expression, in order, each once."""
    found: dict[str, None] = {}

    def visit(node: Basic) -> None:
        name = name_of(node)
        if name is not None:
            found.setdefault(name)
        elif not isinstance(node, Indexed):
            for argument in node.args:
                visit(argument)

    visit(expression)
    return list(found)


def rebuilt(expression: Expr, arguments: Sequence[Expr]) -> Expr:
    """The expression with other arguments; itself where they are the same, since SymPy might evaluate a new one."""
    made: Expr = expression if tuple(arguments) == expression.args else expression.func(*arguments)
    return made


def take_equations_apart(
    equations: Sequence[Equation], known: Mapping[str, Quantity], layout: Layout, taken: Iterable[str]
) -> list[Statement]:
    """The statements of some equations, in the equations' own indices. `taken` are names not to be given again."""
    return _Taker(known, layout, taken).statements_of(equations)


def _plain(expression: Expr) -> Expr:
    """The expression with each distance from a mean as x - m - rest: numbers in float64 need no more care."""
    found = {}
    for node in expression.atoms(distance):
        element, mean, rest = node.args
        found[node] = Add(element, -mean, -rest)
    plain: Expr = expression.xreplace(found)
    return plain


class _Taker:
    def __init__(self, known: Mapping[str, Quantity], layout: Layout, taken: Iterable[str]) -> None:
        self._known, self._layout = known, layout
        self._taken = {*known, *taken}
        self._found: list[Statement] = []
        self._reductions: dict[tuple[object, ...], Statement] = {}
        self._equation: Equation | None = None
        self._extents: dict[Symbol, str] = {}  # of the indices in scope

    def statements_of(self, equations: Sequence[Equation]) -> list[Statement]:
        for equation in equations:
            self._equation = equation
            self._extents = {index.symbol: index.extent for index in equation.indices}
            axes = tuple(index.symbol for index in equation.indices)
            expression = self._without_reductions(_plain(equation.expression), equation.name)
            name = name_of(expression)
            last = self._found[-1] if self._found else None
            alone = last is not None and name == last.name and set(last.axes) == set(axes) and last.equation is equation
            if alone and last is not None and expression == last.element:
                # The whole equation is one reduction: it takes the equation's name.
                self._found[-1] = replace(last, name=equation.name, axes=axes)
                self._reductions = {key: s for key, s in self._reductions.items() if s.name != last.name}
                self._taken.discard(last.name)
            else:
                self._found.append(Statement(equation.name, "map", axes, (), expression, equation, self._extents))
        return self._found

    def _without_reductions(self, expression: Expr, name: str) -> Expr:
        """The expression with the result of a statement in the place of each of its reductions."""
        if not expression.has(*REDUCTIONS):
            return expression
        if isinstance(expression, (Sum, Mul)):
            product = take_apart(expression, self._layout)
            above = [self._summed(f, name) if isinstance(f, Summation) else f for f in product.above]
            above = [self._without_reductions(factor, name) for factor in above]
            below = [self._without_reductions(factor, name) for factor in product.below]
            return Mul(product.coefficient, *above, *(Pow(factor, -1) for factor in below))
        if isinstance(expression, (MaxOver, ProductOver)):
            limits = list(limits_of(expression))
            with self._inside(limits):
                return self._reduce(_KINDS[type(expression)], expression.function, limits, name)
        return rebuilt(expression, [self._without_reductions(argument, name) for argument in expression.args])

    def _summed(self, sum_: Summation, name: str) -> Expr:
        with self._inside(sum_.limits):
            factors = [*(self._summed(f, name) if isinstance(f, Summation) else f for f in sum_.above)]
            factors += [Pow(factor, -1) for factor in sum_.below]
            return self._reduce("sum", Mul(*factors), sum_.limits, name)

    @contextmanager
    def _inside(self, limits: Sequence[tuple[Symbol, Symbol]]) -> Iterator[None]:
        """In the scope of a reduction: one index may stand for two extents in two sums of an equation."""
        around = self._extents
        self._extents = {**around, **{symbol: extent.name for symbol, extent in limits}}
        yield
        self._extents = around

    def _reduce(self, kind: Kind, body: Expr, limits: Sequence[tuple[Symbol, Symbol]], name: str) -> Expr:
        body = self._without_reductions(body, name)
        present = free_indices(body)
        bound = tuple(symbol for symbol, _ in limits)
        first = [index.symbol for index in self._equation.indices] if self._equation else []
        order = {symbol: place for place, symbol in enumerate(first)}
        free = [symbol for symbol in present if symbol not in bound]
        axes = tuple(sorted(free, key=lambda symbol: order.get(symbol, len(order))))
        extents = {symbol: self._extents[symbol] for symbol in (*axes, *bound)}
        key = kind, body, bound, tuple(extents.items())
        known = self._reductions.get(key)
        if known is None:
            made = fresh_name([f"{name}_{kind}", f"{name}_{kind}2"], self._taken)
            self._taken.add(made)
            known = Statement(made, kind, axes, bound, body, self._equation, extents)
            self._reductions[key] = known
            self._found.append(known)
        return known.element


def merge_equal(program: Statements, kept: Iterable[str]) -> Statements:
    """The program with each reduction once, whatever the order of its axes; the names in `kept` stay."""
    wanted = set(kept)
    known: dict[tuple[Kind, Expr, frozenset[Symbol], frozenset[Symbol]], Statement] = {}
    merged: dict[str, tuple[Statement, Statement]] = {}
    statements: list[Statement] = []
    for statement in program.statements:
        statement = replace(statement, expression=_with_merged(statement.expression, merged))
        key = statement.kind, statement.expression, frozenset(statement.axes), frozenset(statement.bound)
        same = known.get(key) if statement.kind != "map" else None
        if same is not None and statement.name not in wanted:
            merged[statement.name] = statement, same
            continue
        known.setdefault(key, statement)
        statements.append(statement)
    shapes = {name: shape for name, shape in program.shapes.items() if name not in merged}
    return Statements(statements, program.axes, shapes)


def _with_merged(expression: Expr, merged: Mapping[str, tuple[Statement, Statement]]) -> Expr:
    """The expression with the elements of each merged statement as those of the one that it is equal to."""
    found = {own.element: same.element for own, same in merged.values() if not own.axes}
    for element in elements_of(expression):
        own, same = merged.get(name_of(element) or "", (None, None))
        if own is not None and same is not None:
            places = dict(zip(own.axes, element.indices, strict=True))
            found[element] = reference(same.name, [places[axis] for axis in same.axes])
    replaced: Expr = expression.xreplace(found) if found else expression
    return replaced


def maximized(program: Statements) -> set[str]:
    """The maps whose elements a maximum is taken of, or their negatives: they are computed once.

    A gradient asks where they are equal to the maximum, and they may be subtracted from it. A compiler may round them
    differently in two places: then none would be equal, or one larger than the largest.
    """
    found = {name_of(sign * s.expression) for s in program.statements if s.kind == "max" for sign in (1, -1)}
    return {s.name for s in program.statements if s.kind == "map" and s.name in found}


def renamed(expression: Expr, renaming: Mapping[str, str]) -> Expr:
    """The expression with other names for some quantities."""
    found = {}
    for node in expression.atoms(Indexed, Symbol) if renaming else ():
        name = name_of(node) or ""
        if name in renaming:
            found[node] = reference(renaming[name], node.indices if isinstance(node, Indexed) else ())
    replaced: Expr = expression.xreplace(found) if found else expression
    return replaced
