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

from sympy import Add, Expr, Integer, Mul, Symbol, cancel, expand, fraction

from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of
from derive.graph import fresh_name, name_of
from derive.indices import free_indices


def scale_once(program: Statements, outermost: Axis, results: Iterable[str], taken: Iterable[str]) -> Statements:
    """The program with scales that lack the outermost axis taken out of what runs over it."""
    return _Scaler(program, outermost.symbol, results, taken).result()


class _Scaler:
    def __init__(self, program: Statements, outermost: Symbol, results: Iterable[str], taken: Iterable[str]) -> None:
        self._program, self._outermost = program, outermost
        self._results = set(results)
        self._taken = {*taken, *program.shapes}
        self._scaled: dict[Expr, Expr] = {}  # the element of a map, and it as a scale times another map's element
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
        expression = statement.expression
        factors = Mul.make_args(expression)
        scales = [factor for factor in factors if self._is_small(factor) and not factor.is_number]
        rest = Mul(*(factor for factor in factors if factor not in scales))
        if statement.name not in self._results and scales and isinstance(rest, Add) and self._is_linear(rest):
            unscaled = replace(statement, name=self._name(f"{statement.name}_unscaled"), expression=rest)
            scaled = Mul(*scales, unscaled.element)
            self._found += [unscaled, replace(statement, expression=scaled)]
            self._scaled[statement.element] = scaled
            return
        collected = self._collected(statement)
        self._found.append(replace(statement, expression=collected) if collected is not None else statement)

    def _is_linear(self, expression: Expr) -> bool:
        """Whether an expression is a sum of elements and of what is small: what is left of a scaled map."""
        return all(self._is_small(term) or name_of(term) is not None for term in expression.args)

    def _collected(self, statement: Statement) -> Expr | None:
        """The expression as a sum of large elements times small coefficients; None if it is not linear in them."""
        whole = expand(statement.expression.xreplace(self._scaled), deep=False)
        large = {e: None for e in elements_of(whole) if not self._is_small(e)}
        coefficients: dict[Expr, list[Expr]] = {}
        for term in Add.make_args(expand_products(whole)):
            factors = Mul.make_args(term)
            moving = [factor for factor in factors if not self._is_small(factor)]
            if len(moving) > 1 or any(factor not in large for factor in moving):
                return None
            key = moving[0] if moving else Integer(1)
            coefficients.setdefault(key, []).append(Mul(*(factor for factor in factors if factor not in moving)))
        sums = {element: Add(*parts) for element, parts in coefficients.items()}
        if len(sums) < 2 or all(_is_plain(plain) for element, plain in sums.items() if element != 1):
            return None  # nothing is scaled
        pivot = next((element for element in sums if self._divides(sums, element)), None)
        if pivot is None:
            return Add(*(self._term(statement, element, plain) for element, plain in sums.items()))
        scale = sums.pop(pivot)
        terms = [pivot, *(self._term(statement, element, cancel(plain / scale)) for element, plain in sums.items())]
        return Mul(scale, Add(*terms))

    def _divides(self, sums: Mapping[Expr, Expr], element: Expr) -> bool:
        """Whether the coefficient of an element can be taken out: no other is then divided by what may be zero."""
        numerator, _ = fraction(sums[element])
        risky = set(elements_of(numerator))
        if element == 1 or not risky:
            return False
        quotients = [cancel(plain / sums[element]) for other, plain in sums.items() if other != element]
        return all(not risky & set(elements_of(fraction(quotient)[1])) for quotient in quotients)

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


def expand_products(expression: Expr) -> Expr:
    """The expression with its products of sums multiplied out, but nothing inside functions, powers or small sums."""
    multiplied: Expr = expand(expression, power_base=False, power_exp=False, log=False, multinomial=False, deep=False)
    return multiplied
