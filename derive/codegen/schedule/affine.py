"""What a column scales, scaled once a column: in sums, and in what is linear in the large arrays.

    xhat[i, j] = (x[i, j] - mu[j])*f[j]
    dgamma[j] = sum(dy[i, j]*xhat[i, j])
    dx[i, j] = a[j]*(N*dy[i, j] - dgamma[j]*xhat[i, j] - dbeta[j])
    ──▶
    xhat_unscaled[i, j] = x[i, j] - mu[j]
    dgamma[j] = f[j]*sum(dy[i, j]*xhat_unscaled[i, j])
    dx[i, j] = dx_factor[j]*(dy[i, j] + dx_times_xhat[j]*xhat_unscaled[i, j] + dx_plus[j])

An element then takes a multiplication less, and a number less to load, for each scale. Everything is about the mean
still: x - mu is never expanded, nor is what cancels to nothing, such as dy - dbeta/N in a batch of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol, cancel, fraction

from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of, names_of, rebuilt
from derive.graph import fresh_name, name_of
from derive.indices import free_indices


def scale_once(program: Statements, outermost: Axis, results: Iterable[str], taken: Iterable[str]) -> Statements:
    """The program with scales that lack the outermost axis taken out of what runs over it, but for the `results`."""
    return _Scaler(program, outermost.symbol, results, taken).result()


class _Scaler:
    def __init__(self, program: Statements, outermost: Symbol, results: Iterable[str], taken: Iterable[str]) -> None:
        self._program, self._outermost = program, outermost
        self._results = set(results)
        self._taken = {*taken, *program.shapes}
        self._scaled: dict[Expr, Expr] = {}  # the element of a map, and it as a scale times another map's element
        self._brackets: dict[Expr, Statement] = {}
        self._found: list[Statement] = []

    def result(self) -> Statements:
        for statement in self._program.statements:
            large = self._outermost in statement.domain and len(statement.domain) > 1
            if large and statement.kind == "sum":
                self._sum(statement)
            elif large and statement.kind == "map":
                self._map(statement)
            else:
                self._found.append(statement)
        shapes = self._program.shapes | {s.name: s.axes for s in self._found}
        return Statements(self._found, self._program.axes, shapes)

    def _is_small(self, expression: Expr) -> bool:
        return self._outermost not in free_indices(expression)

    def _name(self, wanted: str) -> str:
        name = fresh_name([wanted, f"{wanted}2"], self._taken)
        self._taken.add(name)
        return name

    def _sum(self, statement: Statement) -> None:
        """A sum, with the scales of its summand behind it."""
        factors = Mul.make_args(statement.expression.xreplace(self._scaled))
        bound = set(statement.bound)
        scales = [factor for factor in factors if not bound & set(free_indices(factor))]
        if not scales or all(scale.is_number for scale in scales):
            self._found.append(statement)
            return
        unscaled = Mul(*(factor for factor in factors if factor not in scales))
        inner = replace(statement, name=self._name(f"{statement.name}_unscaled"), expression=unscaled)
        scaled = Mul(*scales, inner.element)
        self._found += [inner, Statement(statement.name, "map", statement.axes, (), scaled, None)]

    def _map(self, statement: Statement) -> None:
        statement = replace(statement, expression=self._without_brackets(statement, statement.expression))
        factors = Mul.make_args(statement.expression)
        moving = [factor for factor in factors if not self._is_small(factor)]
        if statement.name not in self._results and len(factors) > 1 and len(moving) == 1 and name_of(moving[0]):
            self._found.append(statement)
            self._scaled[statement.element] = statement.expression
            return
        collected = self._collected(statement)
        self._found.append(replace(statement, expression=collected) if collected is not None else statement)

    def _without_brackets(self, statement: Statement, expression: Expr) -> Expr:
        """The expression with a map of its own for each scaled bracket such as x - mu: that is never multiplied out."""
        if not isinstance(expression, (Add, Mul)):
            return expression
        if isinstance(expression, Mul):
            parts = [self._bracket(statement, factor) for factor in expression.args]
        else:
            parts = [self._without_brackets(statement, term) for term in expression.args]
        return rebuilt(expression, parts)

    def _bracket(self, statement: Statement, factor: Expr) -> Expr:
        terms = factor.args if isinstance(factor, Add) else ()
        small = [self._is_small(term) for term in terms]
        if not terms or all(small) or not any(small) or any(name_of(term) is name_of(-term) is None for term in terms):
            return factor if not isinstance(factor, Add) else self._without_brackets(statement, factor)
        known = self._brackets.get(factor)
        if known is None:
            order = [axis.symbol for axis in self._program.axes]
            axes = tuple(sorted(free_indices(factor), key=order.index))
            name = self._name(f"{statement.name}_unscaled")
            known = Statement(name, "map", axes, (), factor, statement.equation)
            self._brackets[factor] = known
            self._found.append(known)
        return known.element

    def _collected(self, statement: Statement) -> Expr | None:
        """A sum of large elements times small coefficients, or such a sum scaled, with these computed once a column.

        None where the expression is something else, or nothing would be gained.
        """
        expression = statement.expression.xreplace(self._scaled)
        factors = Mul.make_args(expression)
        sums = [factor for factor in factors if isinstance(factor, Add) and not self._is_small(factor)]
        scales = [factor for factor in factors if factor not in sums]
        if len(sums) != 1 or not all(map(self._is_small, scales)):
            return None
        coefficients = self._coefficients(sums[0])
        plain = all(_is_plain(coefficient) for element, coefficient in coefficients.items() if element != 1)
        if len(coefficients) < 2 or (plain and not scales):
            return None
        if not scales:
            return Add(*(self._term(statement, element, each) for element, each in coefficients.items()))
        pivot = next((element for element in coefficients if self._divides(coefficients, element)), None)
        if pivot is None:
            return None
        scale = coefficients.pop(pivot)
        terms = [self._term(statement, element, cancel(each / scale)) for element, each in coefficients.items()]
        return Mul(*scales, scale, Add(pivot, *terms))

    def _coefficients(self, expression: Add) -> dict[Expr, Expr]:
        """The small coefficient of each large element, and what is small itself, under 1; empty for another sum."""
        found: dict[Expr, list[Expr]] = {}
        for term in expression.args:
            factors = Mul.make_args(term)
            moving = [factor for factor in factors if not self._is_small(factor)]
            if len(moving) > 1 or any(name_of(factor) is None for factor in moving):
                return {}
            key = moving[0] if moving else Integer(1)
            found.setdefault(key, []).append(Mul(*(factor for factor in factors if factor not in moving)))
        return {element: Add(*parts) for element, parts in found.items()}

    def _divides(self, sums: Mapping[Expr, Expr], element: Expr) -> bool:
        """Whether the coefficient of an element can be taken out: no other is then divided by what may be zero."""
        scale = sums[element]
        if element == 1 or scale.is_number:
            return False
        numerator, _ = fraction(scale)
        names = set(names_of(numerator))
        lengths = {base for base in _bases(numerator) if isinstance(base, Add)}  # N - 1, which is 0 for one row
        below = [fraction(cancel(plain / scale))[1] for other, plain in sums.items() if other != element]
        return all(names.isdisjoint(names_of(each)) and lengths.isdisjoint(_bases(each)) for each in below)

    def _term(self, statement: Statement, element: Expr, coefficient: Expr) -> Expr:
        """A term of a sum, its coefficient as a map of its own unless that is a number or an element."""
        if _is_plain(coefficient):
            return coefficient * element
        what = f"times_{self._origin(element)}" if element != 1 else "plus"
        axes = tuple(axis for axis in statement.axes if axis in free_indices(coefficient))
        made = Statement(self._name(f"{statement.name}_{what}"), "map", axes, (), coefficient, None)
        self._found.append(made)
        return made.element * element

    def _origin(self, element: Expr) -> str:
        """The name of an element, without what was added to it here."""
        return (name_of(element) or "").removesuffix("_unscaled")


def _is_plain(coefficient: Expr) -> bool:
    """Whether a coefficient is a number, an element, or one times the other: nothing to compute once a column."""
    return all(factor.is_number or name_of(factor) is not None for factor in Mul.make_args(coefficient)) and (
        len(elements_of(coefficient)) < 2
    )


def _bases(expression: Expr) -> set[Expr]:
    """What an expression is a product of powers of."""
    return {factor.as_base_exp()[0] for factor in Mul.make_args(sympy.factor(expression))}
