"""What the author's side is, divided by the true one, as a formula: -1, 1/N, gamma[j], (var[j] + eps)**(-1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Symbol

from derive.graph import Equation, Graph, Index, extent_symbol, name_of, reference
from derive.indices import substitute
from derive.judging.points import Points

_MOST = 48  # of numerator and denominator: a simple number
_CLOSE = 1e-9
_HALVES = tuple(Rational(n, 2) for n in (2, -2, 1, -1, 3, -3, 4, -4, 6, -6))
_WHOLES = (Integer(1), Integer(-1))


@dataclass(frozen=True)
class Factor:
    """A factor that could have been lost or added: an expression and its values at the places of the claim."""

    base: Expr
    expression: Expr
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Ratios:
    """Finds formulas for ratios at the places of one claim.

    `at` gives the index, a letter or a number, that stands for each extent in the claim.
    """

    graph: Graph
    points: Points
    at: Mapping[str, Expr]

    def formula(self, ratios: Sequence[float]) -> Expr | None:
        """A number, or a number times one or two factors, that has these values; None where there is none.

        A place where the ratio is NaN says nothing.
        """
        known = [n for n, ratio in enumerate(ratios) if math.isfinite(ratio)]
        if not known or (len(known) < 2 and len(ratios) > 1):
            return None
        plain = _simple([ratios[n] for n in known])
        if plain is not None:
            return plain
        for factor in self.factors:
            number = _simple([_divided(ratios[n], factor.values[n]) for n in known])
            if number is not None:
                return number * factor.expression
        for first, second in self._pairs():
            if abs(_step(ratios, known, first, second) - 1) > _CLOSE:
                continue
            number = _simple([_divided(ratios[n], first.values[n] * second.values[n]) for n in known])
            if number is not None:
                return number * first.expression * second.expression
        return None

    @cached_property
    def factors(self) -> list[Factor]:
        """Extents, elements of the forward pass, radicands: each to several powers."""
        found = []
        for base, exponents in self._bases():
            values = self.points.values(base)
            if not all(math.isfinite(value) and value for value in values):
                continue
            for exponent in exponents:
                powers = tuple(_power(value, exponent) for value in values)
                if all(map(math.isfinite, powers)):
                    found.append(Factor(base, Pow(base, exponent), powers))
        return found

    def radicands(self) -> list[Expr]:
        """Those that can be written in the indices of the claim, in these."""
        found: dict[Expr, None] = {}
        for equation, base in self._radicands():
            own = {index.symbol: self.at.get(index.extent) for index in equation.indices}
            if all(own.get(letter) is not None for letter in _letters(base)):
                found.setdefault(substitute(base, {letter: own[letter] for letter in _letters(base)}))
        return list(found)

    def _radicands(self) -> Iterator[tuple[Equation, Expr]]:
        for equation in self.graph.equations:
            for power in sorted(equation.expression.atoms(Pow), key=str):
                if is_plain_sum(power.base):
                    yield equation, power.base

    def _bases(self) -> Iterator[tuple[Expr, Sequence[Rational]]]:
        for extent in self.graph.extents:
            yield extent_symbol(extent), _HALVES
            yield extent_symbol(extent) - 1, _WHOLES
        for radicand in self.radicands():
            yield radicand, _HALVES
        for quantity in self.graph.quantities:
            indices = [self.at.get(extent) for extent in quantity.extents]
            if all(index is not None for index in indices):
                yield reference(quantity.name, indices), _HALVES

    def _pairs(self) -> Iterator[tuple[Factor, Factor]]:
        for place, first in enumerate(self.factors):
            for second in self.factors[place + 1 :]:
                if second.base != first.base:
                    yield first, second


def index_of_extents(element: Expr | None, extents: Sequence[str], indices: Sequence[Index]) -> dict[str, Expr]:
    """For each extent the index that stands for it: as in the element that the claim is about, or else a free one."""
    found: dict[str, Expr] = {}
    if isinstance(element, Indexed):
        for index, extent in zip(element.indices, extents, strict=True):
            found.setdefault(extent, index)
    for index in indices:
        found.setdefault(index.extent, index.symbol)
    return found


def _simple(values: Sequence[float]) -> Rational | None:
    """The simple fraction that all values are; None where they differ."""
    first = values[0]
    if not all(math.isfinite(value) and abs(value - first) <= _CLOSE * abs(first) for value in values):
        return None
    fraction = Fraction(first).limit_denominator(_MOST)
    if abs(fraction.numerator) > _MOST or abs(float(fraction) - first) > _CLOSE * abs(first):
        return None
    return Rational(fraction.numerator, fraction.denominator)


def _divided(a: float, b: float) -> float:
    return a / b if b else math.nan


def _power(value: float, exponent: Rational) -> float:
    try:
        return float(value ** float(exponent)) if value > 0 or exponent.is_integer else math.nan
    except OverflowError:
        return math.nan


def _step(ratios: Sequence[float], known: Sequence[int], first: Factor, second: Factor) -> float:
    """How the ratio, divided by two factors, changes from the first place to the last."""
    a, b = known[0], known[-1]
    before = _divided(ratios[a], first.values[a] * second.values[a])
    return _divided(_divided(ratios[b], first.values[b] * second.values[b]), before)


def _letters(expression: Expr) -> list[Symbol]:
    found = {index for element in expression.atoms(Indexed) for index in element.indices if isinstance(index, Symbol)}
    return sorted(found, key=str)


def is_plain_sum(expression: Expr) -> bool:
    """Whether an expression adds up elements, scalars and numbers, such as var[j] + eps."""
    return bool(expression.is_Add) and all(
        term.is_number or name_of(term) or name_of(-term) for term in expression.args
    )


def is_number(formula: Expr) -> bool:
    """Whether a formula is a number alone."""
    return not isinstance(formula, (Mul, Add, Pow)) and bool(formula.is_number)
