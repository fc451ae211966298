"""What a column scales, scaled once a column: in sums, and in what is linear in the large arrays.

    xhat[i, j] = (x[i, j] - mu[j])*f[j]
    dgamma[j] = sum(dy[i, j]*xhat[i, j])
    dx[i, j] = a[j]*(N*dy[i, j] - dgamma[j]*xhat[i, j] - dbeta[j])
    ──▶
    xhat_unscaled[i, j] = x[i, j] - mu[j]
    dgamma[j] = f[j]*sum(dy[i, j]*xhat_unscaled[i, j])
    dx[i, j] = dx_factor[j]*(dy[i, j] + dx_times_xhat[j]*xhat_unscaled[i, j] + dx_plus[j])

An element then takes a multiplication less, and a number less to load, for each scale. Everything is about the mean
still: x - mu is never expanded, nor is what cancels to nothing, such as dy - dbeta/N in a batch of one. What rounding
took from the mean is taken off once a column, too, where it is linear: it is so small that nothing cancels there.

    sum(dy[i, j]*(x[i, j] - mu[j] - mu_rest[j]))  ──▶  sum(dy[i, j]*(x[i, j] - mu[j])) - mu_rest[j]*sum(dy[i, j])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sympy import Add, Expr, Integer, Mul, Symbol, cancel, fraction

from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of, rebuilt
from derive.graph import fresh_name, name_of
from derive.indices import free_indices


def scale_once(
    program: Statements, outermost: Axis, results: Iterable[str], rests: Iterable[str], taken: Iterable[str]
) -> Statements:
    """The program with scales that lack the outermost axis taken out of what runs over it.

    `rests` are what rounding took from means.
    """
    return _Scaler(program, outermost.symbol, results, rests, taken).result()


class _Scaler:
    def __init__(
        self,
        program: Statements,
        outermost: Symbol,
        results: Iterable[str],
        rests: Iterable[str],
        taken: Iterable[str],
    ) -> None:
        self._program, self._outermost = program, outermost
        self._results, self._rests = set(results), set(rests)
        self._taken = {*taken, *program.shapes}
        self._scaled: dict[Expr, Expr] = {}  # the element of a map, and it as a scale times another map's element
        self._brackets: dict[Expr, Expr] = {}  # a bracket, and the element that stands for it, without its rest
        self._found: list[Statement] = []
        self._done: set[str] = set()

    def result(self) -> Statements:
        for statement in self._program.statements:
            if statement.name in self._done:
                continue
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
        self._done.add(statement.name)
        factors = Mul.make_args(statement.expression.xreplace(self._scaled))
        bound = set(statement.bound)
        scales = [factor for factor in factors if not bound & set(free_indices(factor))]
        if not scales or all(scale.is_number for scale in scales):
            self._found.append(statement)
            return
        moving = [factor for factor in factors if factor not in scales]
        about, rest = self._without_rest(statement, moving)
        inner = replace(statement, name=self._name(f"{statement.name}_unscaled"), expression=about)
        scaled = Mul(*scales, Add(inner.element, rest))
        self._found += [inner, Statement(statement.name, "map", statement.axes, (), scaled, None)]

    def _without_rest(self, statement: Statement, factors: list[Expr]) -> tuple[Expr, Expr]:
        """A summand about rounded means, and what their rest adds to its sum: that needs the sum of the other factors.

        The rest is 0 where it stays in the summand, since nothing else needs that sum.
        """
        for factor in factors:
            element, rest = self._rest_of(factor) or (factor, Integer(0))
            others = Mul(*(other for other in factors if other is not factor))
            if rest != 0 and not set(statement.bound) & set(free_indices(rest)):
                total = self._sum_of(statement, others)
                if total is not None:
                    return element * others, rest * total
        return Mul(*factors), Integer(0)

    def _sum_of(self, statement: Statement, summand: Expr) -> Expr | None:
        """The sum of a summand over the axes of another sum, if there is one; it then stands before that."""
        for other in self._program.statements:
            same = (set(other.axes), set(other.bound)) == (set(statement.axes), set(statement.bound))
            if same and other.kind == "sum" and other.expression.xreplace(self._scaled) == summand:
                if other.name not in self._done:
                    self._sum(other)
                return other.element
        return None

    def _rest_of(self, bracket: Expr) -> tuple[Expr, Expr] | None:
        """The element of a bracket without its rest, and the rest, where the bracket has one."""
        terms = bracket.args if isinstance(bracket, Add) else ()
        rests = [term for term in terms if self._is_rest(term)]
        elements = [term for term in terms if term not in rests]
        return (elements[0], Add(*rests)) if rests and len(elements) == 1 else None

    def _is_rest(self, term: Expr) -> bool:
        """Whether a term takes the rest of a column's mean off."""
        return name_of(-term) in self._rests and self._is_small(term)

    def _map(self, statement: Statement) -> None:
        statement = replace(statement, expression=self._without_brackets(statement, statement.expression))
        factors = Mul.make_args(statement.expression)
        moving = [factor for factor in factors if not self._is_small(factor)]
        plain = len(moving) == 1 and (name_of(moving[0]) is not None or self._rest_of(moving[0]) is not None)
        if statement.name not in self._results and len(factors) > 1 and plain:
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
        rest = Add(*(term for term in terms if self._is_rest(term)))
        if factor not in self._brackets:
            order = [axis.symbol for axis in self._program.axes]
            axes = tuple(sorted(free_indices(factor), key=order.index))
            name = self._name(f"{statement.name}_unscaled")
            known = Statement(name, "map", axes, (), factor - rest, statement.equation)
            self._brackets[factor] = known.element
            self._found.append(known)
        return Add(self._brackets[factor], rest)

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
        terms = [self._term(statement, element, _divided(each, scale)) for element, each in coefficients.items()]
        return Mul(*scales, scale, Add(pivot, *terms))

    def _coefficients(self, expression: Add) -> dict[Expr, Expr]:
        """The small coefficient of each large element, and what is small itself, under 1; empty for another sum."""
        found: dict[Expr, list[Expr]] = {}
        for term in expression.args:
            factors = Mul.make_args(term)
            moving = [factor for factor in factors if not self._is_small(factor)]
            if len(moving) > 1:
                return {}
            key = moving[0] if moving else Integer(1)
            small = Mul(*(factor for factor in factors if factor not in moving))
            split = self._rest_of(key)
            if split is not None:
                key, rest = split
                found.setdefault(Integer(1), []).append(small * rest)
            if key != 1 and name_of(key) is None:
                return {}
            found.setdefault(key, []).append(small)
        return {element: Add(*parts) for element, parts in found.items()}

    def _divides(self, sums: Mapping[Expr, Expr], element: Expr) -> bool:
        """Whether the coefficient of an element can be taken out: no other is then divided by what may be zero."""
        numerator, _ = fraction(sums[element])
        risky = set(elements_of(numerator))
        if element == 1 or sums[element].is_number:
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


def _divided(coefficient: Expr, scale: Expr) -> Expr:
    """A coefficient divided by a scale, term by term: one fraction would round a mean once more."""
    return Add(*(cancel(term / scale) for term in Add.make_args(coefficient)))


def _is_plain(coefficient: Expr) -> bool:
    """Whether a coefficient is a number, an element, or one times the other: nothing to compute once a column."""
    return all(factor.is_number or name_of(factor) is not None for factor in Mul.make_args(coefficient)) and (
        len(elements_of(coefficient)) < 2
    )
