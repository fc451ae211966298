"""Means, centered quantities, variances and sums of squares, recognized by what they are, however they are written.

A quantity c is centered when a weighted sum of it vanishes identically: sum(w*c) = 0 over some of its indices, as it is
for c = u - sum(w*u)/sum(w). What is a multiple of sum(w*c**2) is its variance, up to that multiple. Both are decided in
the normal form (`rules/normal_form.py`), in which equal sums are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from sympy import Abs, Add, Expr, Integer, Mul, Pow, Rational, Sum, Symbol

from derive.graph import extent_symbol
from derive.indices import free_indices, index_extents, substitute, unused_symbols
from derive.lint.definitions import Definitions, Factor
from derive.rules.normal_form import polynomial_names
from derive.rules.polynomial import (
    Base,
    Monomial,
    Polynomial,
    Total,
    make_monomial,
    monomial_indices,
    rename_monomial,
    sum_over,
)

_ONE, _HALF = Integer(1), Rational(1, 2)
_MOST_TERMS = 12  # of what is centered: its square has as many squared
_MOST_FREE = 6  # indices, and
_MOST_SQUARES = 3  # squared factors of a summand, of which all choices are tried

Limits = tuple[tuple[Symbol, Symbol], ...]


@dataclass(frozen=True)
class Centered:
    """What is centered: `difference` in normal form, the (index, extent) pairs over which sum(weight*difference) = 0.

    `data` are the names of what its mean is taken off.
    """

    difference: Polynomial
    limits: Limits
    weight: Monomial
    data: frozenset[str]

    @property
    def indices(self) -> frozenset[Symbol]:
        return frozenset(symbol for symbol, _ in self.limits)

    @property
    def squares(self) -> Iterator[Polynomial]:
        """sum(weight*difference**2), and with the weight squared, as a mask may come to be, and left out."""
        twice = tuple((base, 2 * exponent) for base, exponent in self.weight)
        for weight in dict.fromkeys((self.weight, twice, ())):
            yield sum_over(Polynomial({weight: _ONE}) * self.difference * self.difference, self.limits)


@dataclass(frozen=True)
class Spread:
    """Something that is (multiple * variance + constant)**power."""

    power: Rational
    multiple: Monomial


@dataclass(frozen=True)
class Squares:
    """A term that is `outside` times the sum over `limits` of `weight` * `root`**2."""

    outside: Expr
    limits: tuple[tuple[Symbol, Integer, Symbol], ...]
    weight: Expr
    root: Expr

    def of(self, summand: Expr) -> Expr:
        """The weighted sum of something in place of the squares."""
        return Sum(self.weight * summand, *self.limits)

    @property
    def square_of_mean(self) -> Expr:
        """What equals the term where all are equal, and falls short of it by the variance elsewhere."""
        return self.outside * self.of(self.root) ** 2 / self.of(_ONE)


class Moments:
    """The moments in a layer."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._centered: dict[Expr, Centered | None] = {}

    def centered(self, expression: Expr) -> Centered | None:
        """The expression as something centered, by whatever definitions it takes to see that."""
        is_sum = isinstance(self._definitions.resolved(expression), Add)
        if not is_sum or not self._definitions.has_sum(expression):
            return None
        if expression not in self._centered:
            stages = self._definitions.stages(expression)
            found = (self._centered_at(stage) for (stage,) in stages)
            self._centered[expression] = next((each for each in found if each is not None), None)
        return self._centered[expression]

    def _centered_at(self, expression: Expr) -> Centered | None:
        difference = self._definitions.normal(expression)
        if difference is None or not 2 <= len(difference.terms) <= _MOST_TERMS:
            return None
        extents = index_extents(expression, self._definitions.graph.by_name)
        for mean in difference.terms:
            summand, limits = _summand(mean)
            for assigned in _assignments(limits, extents) if limits else ():
                _, renamed = rename_monomial(summand, assigned)
                over = tuple((assigned[symbol], extent) for symbol, extent in limits)
                for weight in _weights(renamed, difference, over):
                    if not sum_over(Polynomial({weight: _ONE}) * difference, over):
                        return Centered(difference, over, weight, _data(difference, over, weight))
        return None

    def spread(self, expression: Expr, difference: Expr) -> Spread | None:
        """The expression as a power of the variance of `difference`, perhaps with a constant added on the way."""
        for whole, center in self._definitions.stages(expression, difference):
            found = self._centered_at(center)
            if found is None:
                continue
            core, power = self._core(self._definitions.without_guards(whole))
            variance = self._definitions.normal(core)
            if variance is None:
                continue
            multiple = _multiple(_without(variance, found.data), found)
            if multiple is not None:
                return Spread(power, multiple)
        return None

    def _core(self, expression: Expr) -> tuple[Expr, Rational]:
        """What stands under the roots of an expression, constants left out, and the power that they amount to."""
        if isinstance(expression, Add):
            rest = self._definitions.without_constants(expression)
            return (rest, _ONE) if isinstance(rest, Add) else self._core(rest)
        if isinstance(expression, Pow) and isinstance(expression.exp, Rational):
            core, power = self._core(expression.base)
            return core, power * expression.exp
        if isinstance(expression, Abs):
            return self._core(expression.args[0])
        if isinstance(expression, Mul):
            varying = [factor for factor in expression.args if free_indices(factor) or factor.has(Sum)]
            if len(varying) == 1 and isinstance(varying[0], Pow):
                return self._core(varying[0])
        return expression, _ONE

    def squares(self, term: Expr) -> Iterator[Squares]:
        """The ways to see a term as a multiple of a sum of squares."""
        factors = self._definitions.factors(term)
        for place, factor in enumerate(factors):
            reduction = self._definitions.resolved(factor.base)
            if factor.exponent == 1 and isinstance(reduction, Sum):
                outside = _product(factors[:place] + factors[place + 1 :])
                yield from self._squares_in(reduction, outside)

    def _squares_in(self, reduction: Sum, outside: Expr) -> Iterator[Squares]:
        bound = {limit[0] for limit in reduction.limits}
        factors = self._definitions.factors(reduction.function)
        even = [f for f in factors if f.exponent > 0 and f.exponent % 2 == 0 and bound & set(free_indices(f.base))]
        for count in range(min(len(even), _MOST_SQUARES), 0, -1):
            for chosen in combinations(even[:_MOST_SQUARES], count):
                root = _product([Factor(f.base, f.exponent * _HALF) for f in chosen])
                weight = _product([f for f in factors if f not in chosen])
                yield Squares(outside, tuple(reduction.limits), weight, root)
        for inner in self.squares(reduction.function) if not even else ():
            # A sum of sums: one sum over all of the indices.
            avoid = bound | outside.atoms(Symbol) | reduction.function.atoms(Symbol)
            own = [limit[0] for limit in inner.limits]
            fresh = dict(zip(own, unused_symbols({*avoid, *own}), strict=False)) if bound & set(own) else {}
            limits = tuple((fresh.get(s, s), low, high) for s, low, high in inner.limits)
            weight, root = (substitute(e, fresh) for e in (inner.weight, inner.root))
            yield Squares(outside, (*reduction.limits, *limits), weight * inner.outside, root)

    def are_opposite(self, first: Expr, second: Expr) -> bool:
        """Whether two expressions add up to zero, and neither is zero itself."""
        for stage in self._definitions.stages(first, second):
            one, other = map(self._definitions.normal, stage)
            if one and other and not one + other:
                return True
        return False

    def vanishes(self, expression: Expr) -> bool:
        """Whether an expression is zero by the definitions of what is in it."""
        forms = (self._definitions.normal(stage) for (stage,) in self._definitions.stages(expression))
        return any(form is not None and not form for form in forms)


def _product(factors: Sequence[Factor]) -> Expr:
    return Mul(*(Pow(factor.base, factor.exponent) for factor in factors))


def _summand(monomial: Monomial) -> tuple[Monomial, Limits]:
    """What is summed in a monomial, and over which indices: of all its sums, as if they were one."""
    totals = [base for base, exponent in monomial if isinstance(base, Total) and exponent == 1]
    limits = [limit for total in totals for limit in total.limits]
    if len({symbol for symbol, _ in limits}) < len(limits):
        return (), ()
    return make_monomial(factor for total in totals for factor in total.monomial)[1], tuple(limits)


def _assignments(limits: Limits, extents: dict[Symbol, str]) -> Iterator[dict[Symbol, Symbol]]:
    """The ways to let bound indices be free ones of the same extents."""
    free = list(extents)[:_MOST_FREE]
    for chosen in permutations(free, len(limits)):
        if all(extent_symbol(extents[symbol]) == extent for symbol, (_, extent) in zip(chosen, limits, strict=True)):
            yield {bound: symbol for symbol, (bound, _) in zip(chosen, limits, strict=True)}


def _weights(summand: Monomial, difference: Polynomial, limits: Limits) -> Iterator[Monomial]:
    """What is left of a summand when one of the terms of the difference is taken for what it is the mean of."""
    indices = {symbol for symbol, _ in limits}
    for term in difference.terms:
        if indices <= set(monomial_indices(term)):
            _, weight = make_monomial((*summand, *((base, -exponent) for base, exponent in term)))
            # What does not depend on the indices is of no interest in a weight.
            varying = [(base, exponent) for base, exponent in weight if indices & set(_indices_of(base))]
            if all(exponent > 0 for _, exponent in varying):
                yield tuple(varying)


def _indices_of(base: Base) -> tuple[Symbol, ...]:
    return monomial_indices(((base, _ONE),))


def _data(difference: Polynomial, limits: Limits, weight: Monomial) -> frozenset[str]:
    indices = {symbol for symbol, _ in limits}
    own = Polynomial({term: _ONE for term in difference.terms if indices & set(monomial_indices(term))})
    return frozenset(polynomial_names(own)) - frozenset(polynomial_names(Polynomial({weight: _ONE})))


def _without(variance: Polynomial, data: frozenset[str]) -> Polynomial:
    """A normal form without the terms that have nothing to do with the data."""
    terms = variance.terms.items()
    return Polynomial({term: c for term, c in terms if not data.isdisjoint(polynomial_names(Polynomial({term: c})))})


def _multiple(variance: Polynomial, centered: Centered) -> Monomial | None:
    """What the squares of something centered are to be multiplied with to give `variance`, if there is such a thing."""
    for squares in centered.squares:
        if len(squares.terms) != len(variance.terms) or not squares:
            continue
        first, coefficient = squares.ordered()[0]
        for term, other in variance.terms.items():
            number, multiple = make_monomial((*term, *((base, -exponent) for base, exponent in first)))
            factor = Polynomial({multiple: number * other / coefficient})
            foreign = centered.data.isdisjoint(polynomial_names(factor))
            if foreign and squares * factor == variance:
                return multiple
    return None
