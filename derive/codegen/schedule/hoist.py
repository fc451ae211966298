"""What does not depend on every axis of a statement, as statements of their own.

    dx[i, j] = gamma[j]*(N*dy[i, j] - dbeta[j])/(N*sqrt(var[j] + eps))
    ──▶  dx_factor[j] = gamma[j]/(N*sqrt(var[j] + eps));   dx[i, j] = dx_factor[j]*(N*dy[i, j] - dbeta[j])

Only what costs a division, a root or a function, or has several elements of arrays: a product of one element and a
number is cheaper to compute again than to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sympy import Add, Expr, Function, Integer, Mul, Pow, Symbol

from derive.codegen.schedule.statements import Statement, Statements, elements_of, rebuilt
from derive.functions import delta
from derive.graph import fresh_name
from derive.indices import free_indices


def hoist(program: Statements, taken: Iterable[str]) -> Statements:
    """The program with such parts hoisted; equal parts are one statement."""
    return _Hoister(program, taken).result()


class _Hoister:
    def __init__(self, program: Statements, taken: Iterable[str]) -> None:
        self._program = program
        self._taken = {*taken, *program.shapes}
        self._found: list[Statement] = []
        self._known: dict[Expr, Statement] = {}
        self._statement: Statement | None = None

    def result(self) -> Statements:
        for statement in self._program.statements:
            self._statement = statement
            # What has few axes is cheap anyway.
            if len(statement.domain) > 1:
                statement = replace(statement, expression=self._inside(statement.expression))
            self._found.append(statement)
        shapes = self._program.shapes | {s.name: s.axes for s in self._known.values()}
        return Statements(self._found, self._program.axes, shapes)

    def _inside(self, expression: Expr) -> Expr:
        if not expression.args or isinstance(expression, delta) or expression.is_Relational:
            return expression
        if not expression.atoms(Symbol) or expression in (e for e in elements_of(expression)):
            return expression
        assert self._statement is not None
        whole = self._statement.domain
        own = frozenset(free_indices(expression))
        if own < whole:
            return self._hoisted(expression, "factor" if isinstance(expression, (Mul, Pow)) else "term")
        if isinstance(expression, Mul):
            return self._product(expression)
        return rebuilt(expression, [self._inside(argument) for argument in expression.args])

    def _product(self, expression: Mul) -> Expr:
        """A product with the factors that share few axes put together; plain numbers go with them."""
        assert self._statement is not None
        groups: dict[frozenset[Symbol], list[Expr]] = {}
        for factor in expression.args:
            groups.setdefault(frozenset(free_indices(factor)), []).append(factor)
        numbers = groups.pop(frozenset(), [])
        small = sorted((axes for axes in groups if axes < self._statement.domain), key=len)
        factors = [self._inside(f) for axes, group in groups.items() if axes not in small for f in group]
        for axes in small:
            within = next((other for other in small if axes < other), None)
            if within is not None:
                groups[within] += groups[axes]
                continue
            factors.append(self._hoisted(Mul(*numbers, *groups[axes]), "factor"))
            numbers = []
        if numbers:
            factors.append(self._hoisted(Mul(*numbers), "factor"))
        return Mul(*factors)

    def _hoisted(self, expression: Expr, suffix: str) -> Expr:
        if not _is_worth_it(expression):
            return expression
        known = self._known.get(expression)
        if known is None:
            assert self._statement is not None
            name = fresh_name([f"{self._statement.name}_{suffix}", f"{self._statement.name}_{suffix}2"], self._taken)
            self._taken.add(name)
            free = free_indices(expression)
            order = [axis.symbol for axis in self._program.axes]
            axes = tuple(sorted(free, key=order.index))
            known = Statement(name, "map", axes, (), expression, None)
            self._known[expression] = known
            self._found.append(known)
        return known.element


def _is_worth_it(expression: Expr) -> bool:
    """Whether an expression costs more than a multiplication of one element by numbers."""
    if expression.atoms(Function) - expression.atoms(delta):
        return True
    if any(not _is_square(power) for power in expression.atoms(Pow)):
        return True
    elements = elements_of(expression)
    return len(elements) > 1 and not isinstance(expression, Add)


def _is_square(power: Pow) -> bool:
    return isinstance(power.exp, Integer) and 0 < power.exp <= 3
