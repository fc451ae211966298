"""Centered quantities that are divided by their variance, or multiplied by its root, and not divided by the root.

With c centered and V its variance, c**a * V**b has no scale left where b = -a/2. Warned of is b = -a, where the root
was forgotten, and b = a/2 or a, where the quotient was turned round. A slope, sum(c*y)/sum(c**2), and what it is used
in, has another quantity for the rest of the scale, and is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from sympy import Add, Expr, Integer, Mul, Pow, Rational, Sum

from derive.graph import name_of
from derive.indices import free_indices
from derive.lint.definitions import Definitions, Term
from derive.lint.moments import Centered, Moments, Spread
from derive.lint.places import Place, Warned, is_product, is_sum
from derive.printing.grammar import expression_text
from derive.rules.normal_form import monomial_expression
from derive.rules.polynomial import Base, Total, make_monomial

_ONE, _HALF = Integer(1), Rational(1, 2)
_MOST_DISTRIBUTED = 8  # terms of a sum that are held against one another


@dataclass(frozen=True)
class _Part:
    """A base in a product, with its whole exponent there, and the elements that were opened to see it."""

    base: Expr
    exponent: Rational
    opened: tuple[Expr, ...] = ()

    @property
    def power(self) -> Expr:
        return Pow(self.base, self.exponent)


@dataclass(frozen=True)
class _Scaled:
    """A product with something centered in it: the `spreads` are powers of its variance, the `rest` are the others."""

    difference: _Part
    centered: Centered
    spreads: dict[_Part, Spread]
    rest: list[_Part]

    @property
    def power(self) -> Rational:
        """The power of the variance."""
        return sum((part.exponent * spread.power for part, spread in self.spreads.items()), Integer(0))

    @property
    def opened(self) -> set[str]:
        return {name_of(element) or "" for part in (self.difference, *self.spreads) for element in part.opened}


@dataclass
class Scaling:
    """The two rules.

    An equation is not warned of where its use makes up for it: `mended` has the names of these. What is scaled as it
    should be, by the equations in `right`, may well be multiplied by the root afterwards.
    """

    definitions: Definitions
    moments: Moments
    found: dict[str, list[Warned]] = field(default_factory=dict)
    mended: set[str] = field(default_factory=set)
    right: set[str] = field(default_factory=set)

    def look_at(self, place: Place) -> None:
        """Judge one product, or the products that a sum distributes a difference over."""
        if is_product(place.expression):
            self._judge(place, self._parts(Term(place.expression)))
        elif is_sum(place.expression):
            for parts in self._distributed(place.expression):
                self._judge(place, parts)

    def warnings(self) -> list[Warned]:
        """What was found, without what is mended elsewhere."""
        outputs = self.definitions.graph.outputs
        return [w for name, found in self.found.items() if name in outputs or name not in self.mended for w in found]

    def _parts(self, term: Term) -> list[_Part]:
        found: dict[Expr, _Part] = {}
        for factor in self.definitions.factors(term.expression):
            before = found.get(factor.base, _Part(factor.base, Integer(0)))
            opened = tuple(dict.fromkeys((*before.opened, *term.opened, *factor.opened)))
            found[factor.base] = _Part(factor.base, before.exponent + factor.exponent, opened)
        return [part for part in found.values() if part.exponent != 0]

    def _distributed(self, expression: Expr) -> Iterator[list[_Part]]:
        """For x*s - mu*s, which is (x - mu)*s: the difference and what it is multiplied with."""
        terms = [self._parts(term) for term in self.definitions.terms(expression)[:_MOST_DISTRIBUTED]]
        for one, other in combinations(terms, 2):
            theirs = {part.base: part.exponent for part in other}
            common = [part for part in one if theirs.get(part.base) == part.exponent and not part.base.is_number]
            if common:
                shared = {part.base for part in common}
                rests = [self._folded([part for part in each if part.base not in shared]) for each in (one, other)]
                yield [_Part(Add(*rests), _ONE), *common]

    def _folded(self, parts: list[_Part]) -> Expr:
        """A product with the first name back in it whose whole definition is there."""
        powers = {part.base: part.exponent for part in parts}
        for element in dict.fromkeys(element for part in parts for element in part.opened):
            value = self.definitions.definition(element)
            inside = {part.base: part.exponent for part in self._parts(Term(value))} if value is not None else {}
            if inside and inside.items() <= powers.items():
                return element * _product([part for part in parts if part.base not in inside])
        return _product(parts)

    def _judge(self, place: Place, parts: list[_Part]) -> None:
        sources = {part: self.definitions.sources(part.base) for part in parts}
        for part in parts:
            others = [other for other in parts if other is not part]
            related = part.exponent > 0 and any(sources[part] & sources[other] for other in others)
            centered = self.moments.centered(part.base) if related else None
            if centered is None:
                continue
            spreads = {other: spread for other in others if (spread := self._spread(other.base, part.base)) is not None}
            rest = [other for other in others if other not in spreads]
            if spreads:
                self._judge_scale(place, _Scaled(part, centered, spreads, rest))

    def _spread(self, base: Expr, difference: Expr) -> Spread | None:
        related = self.definitions.sources(base) & self.definitions.sources(difference)
        return self.moments.spread(base, difference) if related else None

    def _judge_scale(self, place: Place, scaled: _Scaled) -> None:
        exponent = scaled.difference.exponent
        rules = {
            -exponent: ("centered-over-variance", _over_variance),
            exponent * _HALF: ("multiplied-by-root", _multiplied),
            exponent: ("multiplied-by-root", _multiplied),
        }
        right = scaled.power == -exponent * _HALF or any(self._completes(part, scaled.centered) for part in scaled.rest)
        if right or self._is_slope(place, scaled):
            self.mended |= scaled.opened
            self.right.add(place.equation.name)
        elif scaled.power in rules and not scaled.opened & self.found.keys():
            if scaled.power > 0 and scaled.opened & self.right:
                return
            rule, message = rules[scaled.power]
            warned = Warned(rule, message(scaled, self._shown(scaled)), place.equation)
            self.found.setdefault(place.equation.name, []).append(warned)

    def _completes(self, part: _Part, centered: Centered) -> bool:
        """Whether a factor is of the data that are centered: reduced to a covariance, or centered once more."""
        if self.moments.centered(part.base) is not None:
            return True
        graph = self.definitions.graph
        data = {source for name in centered.data for source in self.definitions.sources(graph.by_name[name].element)}
        return bool(self.definitions.sources(part.base) & data) and not centered.indices & set(free_indices(part.base))

    def _is_slope(self, place: Place, scaled: _Scaled) -> bool:
        """Whether the product is summed with another quantity, and as the variance is: sum(c*y)/sum(c**2)."""
        indices = scaled.centered.indices
        if place.around is None or {limit[0] for limit in place.around.limits} != indices:
            return False
        if not any(indices & set(free_indices(part.base)) for part in scaled.rest):
            return False
        averaging = [part.power for part in scaled.rest if _is_extent(part.base)]
        outside = self.definitions.normal(Mul(place.outside, *averaging))
        if outside is None or len(outside.terms) != 1:
            return False
        [monomial] = outside.terms
        multiples = [(b, x * p.exponent) for p, s in scaled.spreads.items() for b, x in s.multiple if s.power == 1]
        # Sums against sums, or means against means.
        _, ratio = make_monomial((*monomial, *multiples))
        return bool(sum(exponent for base, exponent in ratio if isinstance(base, Total) or _is_extent(base)) == 0)

    def _shown(self, scaled: _Scaled) -> list[tuple[Expr, Rational]]:
        """The spreads as the author would call them: the variance by its name, or with what makes a mean of a sum."""
        named: list[tuple[Expr, Rational]] = []
        for part in scaled.spreads:
            for element in reversed(part.opened):
                spread = self._spread(element, scaled.difference.base)
                if spread is not None and spread.power == 1:
                    named.append((element, part.exponent))
                    break
        if len(named) == len(scaled.spreads):
            return named
        parts = [*scaled.spreads]
        if any(isinstance(part.base, Sum) for part in parts):
            weights = self.definitions.sources(monomial_expression(scaled.centered.weight))
            parts += [part for part in scaled.rest if self._is_averaging(part, weights)]
        return [(part.base, part.exponent) for part in parts]

    def _is_averaging(self, part: _Part, weights: frozenset[str]) -> bool:
        sources = self.definitions.sources(part.base)
        return _is_extent(part.base) or (bool(sources) and sources <= weights)


def _product(parts: list[_Part]) -> Expr:
    return Mul(*(part.power for part in parts))


def _is_extent(base: Base) -> bool:
    """Whether a base is made of extents and numbers: N, or N - 1."""
    return not isinstance(base, Total) and bool(base.is_integer) and not base.is_number and not base.has(Sum)


def _over_variance(scaled: _Scaled, shown: list[tuple[Expr, Rational]]) -> str:
    center, exponent = expression_text(scaled.difference.base), scaled.difference.exponent
    if exponent == 1:
        return (
            f"{center} is divided by {_text(shown, -1)}, which is its variance, so that the quotient depends on the "
            f"scale of {center}: divide by the standard deviation, {_text(shown, -_HALF)}"
        )
    return (
        f"{expression_text(scaled.difference.power)} is divided by {_text(shown, -1)}, the variance of {center} to the "
        f"power {exponent}, so that the quotient depends on the scale of {center}: divide by {_text(shown, -_HALF)}"
    )


def _multiplied(scaled: _Scaled, shown: list[tuple[Expr, Rational]]) -> str:
    center, power = expression_text(scaled.difference.base), scaled.power
    is_root = power == scaled.difference.exponent * _HALF
    variance = {_ONE: "the variance", _HALF: "the root of the variance"}
    what = variance.get(power, f"the power {power} of the variance")
    return (
        f"{expression_text(scaled.difference.power)} is multiplied by {_text(shown, 1)}, {what} of {center}, so that "
        f"the scale of {center} is raised and not taken out: divide by {_text(shown, 1 if is_root else _HALF)}"
    )


def _text(shown: list[tuple[Expr, Rational]], times: Rational | int) -> str:
    return expression_text(Mul(*(Pow(base, exponent * times) for base, exponent in shown)))
