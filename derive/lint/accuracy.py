"""What is right on paper and not in floating point: a variance as a difference, and a root whose slope is infinite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from sympy import Add, Expr, Mul, Pow, Rational

from derive.graph import Equation, Fact, name_of
from derive.indices import free_indices, substitute
from derive.lint.definitions import Definitions, Factor, Term
from derive.lint.moments import Moments, Squares
from derive.lint.places import Place, Warned, is_product, is_sum
from derive.printing.grammar import expression_text
from derive.rules.polynomial import Monomial, Polynomial, Total

_HALF = Rational(1, 2)
_MOST_TERMS = 8


@dataclass(frozen=True)
class Cancellation:
    """A mean of squares, and the square of the mean that is taken off it."""

    squares: Squares
    minuend: Expr
    subtrahend: Expr


@dataclass
class Accuracy:
    """The rules about differences and roots."""

    definitions: Definitions
    moments: Moments

    def look_at(self, place: Place) -> Iterator[Warned]:
        """Judge one sum, or the divisors of one product."""
        if is_sum(place.expression):
            terms = self.definitions.terms(place.expression)
            # What is opened is judged where it stands, unless the two are in different equations.
            found = self._cancellation(terms)
            if found is not None:
                yield Warned("cancellation", self._cancels(found), place.equation)
        elif is_product(place.expression):
            for factor in self.definitions.factors(place.expression):
                if factor.exponent < 0:
                    yield from self._divisor(place.equation, factor)

    def _cancellation(self, terms: Sequence[Term]) -> Cancellation | None:
        """The first pair of terms that is a variance as a difference, of those that are not in one equation already."""
        if len(terms) > _MOST_TERMS:
            return None
        for term in terms:
            for squares in self.moments.squares(term.expression):
                sources = self.definitions.sources(squares.root)
                others = [o for o in terms if o is not term and self.definitions.sources(o.expression) & sources]
                for chosen in (*combinations(others, 1), *combinations(others, 2)):
                    subtrahend = Add(*(other.expression for other in chosen))
                    if not _opened_together(term, *chosen) and self.moments.are_opposite(
                        squares.square_of_mean, subtrahend
                    ):
                        return Cancellation(squares, term.expression, subtrahend)
        return None

    def _cancels(self, found: Cancellation) -> str:
        squares = found.squares
        root = expression_text(squares.root)
        mean = self._mean(found)
        instead = (
            f"take the mean of {root} off first, and square what is left"
            if mean is None
            else f"write {expression_text(squares.outside * squares.of((squares.root - mean) ** 2))}"
        )
        return (
            f"{_difference_text(found)} is a variance as a difference of two squares: where {root} is far from 0 they "
            f"are nearly equal, and no digit of the difference is right; {instead}"
        )

    def _mean(self, found: Cancellation) -> Expr | None:
        """The author's own mean of what is squared, if what is taken off is its square."""
        for factor in self.definitions.factors(found.subtrahend):
            candidates = (*reversed(factor.opened), factor.base)
            for candidate in candidates:
                if not free_indices(candidate) and not self.definitions.sources(candidate):
                    continue
                if self.moments.vanishes(found.squares.of(found.squares.root - candidate)):
                    return candidate
        return None

    def _divisor(self, equation: Equation, divisor: Factor) -> Iterator[Warned]:
        """A divisor that is the root of something that can be 0, and an eps beside it."""
        terms = self.definitions.terms(divisor.base)
        constants = [term for term in terms if self.definitions.is_constant(term.expression)]
        roots = [term for term in terms if term not in constants]
        if not constants or len(roots) != 1:
            return
        radicand = self._radicand(roots[0].expression)
        if radicand is not None and self._can_vanish(radicand):
            opened = (*divisor.opened, *constants[0].opened)
            # It is about the line in which the two are added, wherever that divides.
            written = self.definitions.graph.equation_of[name_of(opened[-1]) or ""] if opened else equation
            eps = Add(*(term.expression for term in constants))
            yield Warned("eps-outside-root", _beside(eps, roots[0].expression, radicand), written)

    def _radicand(self, expression: Expr) -> Expr | None:
        """What stands under the root that an expression is, by its author's name for it; None for no root."""
        root = self.definitions.resolved(expression)
        if isinstance(root, Pow):
            return root.base if root.exp == _HALF else None
        varying = [factor for factor in Mul.make_args(root) if self.definitions.sources(factor)]
        if not isinstance(root, Mul) or len(varying) != 1:
            return None
        radicand = self._radicand(varying[0])
        # SymPy makes sqrt(sum(...))/sqrt(N) of the root of a mean.
        return None if radicand is None else (root / varying[0]) ** 2 * radicand

    def _can_vanish(self, radicand: Expr) -> bool:
        """Whether all that stands under a root are sums of squares, with nothing that keeps them away from 0."""
        if any(self._excludes_zero(fact, radicand) for fact in self.definitions.graph.facts):
            return False
        terms = self.definitions.terms(radicand)
        if all(next(self.moments.squares(term.expression), None) is not None for term in terms):
            return True
        return len(terms) <= _MOST_TERMS and self._cancellation([Term(t.expression) for t in terms]) is not None

    def _excludes_zero(self, fact: Fact, radicand: Expr) -> bool:
        """Whether a fact of the layer says that the radicand is positive, up to a factor that no data are in."""
        if fact.relation not in (">", ">=", "!=") or (fact.relation == ">=" and not fact.right.is_positive):
            return False
        own, there = free_indices(fact.left), free_indices(radicand)
        if len(own) != len(there):
            return False
        left = substitute(fact.left, dict(zip(own, there, strict=True)))
        for stage in self.definitions.stages(left, radicand):
            one, other = map(self.definitions.normal, stage)
            if one is not None and other is not None and _without_extents(one) == _without_extents(other):
                return True
        return False


def _opened_together(*terms: Term) -> bool:
    """Whether some terms come from one and the same equation that was opened: they are judged there."""
    common = set(terms[0].opened).intersection(*(term.opened for term in terms[1:]))
    return bool(common)


def _difference_text(found: Cancellation) -> str:
    return expression_text(Add(found.minuend, found.subtrahend))


def _beside(eps: Expr, root: Expr, radicand: Expr) -> str:
    return (
        f"{expression_text(eps)} stands beside {expression_text(root)} and not under the root: where "
        f"{expression_text(radicand)} is 0 the quotient is finite, but the derivative of the root is infinite, and the "
        f"backward pass gives NaN; write {expression_text(Pow(Add(radicand, eps), _HALF))}"
    )


def _without_extents(form: Polynomial) -> frozenset[Monomial]:
    """The terms of a normal form without their coefficients and the powers of extents in them."""
    return frozenset(
        tuple((base, exponent) for base, exponent in term if isinstance(base, Total) or not base.is_integer)
        for term in form.terms
    )
