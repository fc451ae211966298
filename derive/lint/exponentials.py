"""Exponentials that overflow, and logarithms of what has vanished.

Said only where the exponent is a polynomial in the inputs, so that it has no bound, and nothing is taken off it that
could be its maximum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from sympy import Add, Expr, Integer, Rational, Sum, Symbol, exp, log

from derive.functions import MaxOver
from derive.graph import extent_symbol, name_of, names_in
from derive.indices import index_extents, substitute
from derive.lint.definitions import Definitions
from derive.lint.places import Place, Warned, is_product
from derive.printing.grammar import expression_text
from derive.rules.polynomial import Base, Monomial, Polynomial, Total, monomial_indices

_MOST_FREE = 6

Limits = tuple[tuple[Symbol, Integer, Symbol], ...]


@dataclass(frozen=True)
class _Softmax:
    """exp(exponent) divided by `total`, its sum over `limits`; `elsewhere` if that is an equation of its own."""

    exponent: Expr
    total: Expr
    limits: Limits
    elsewhere: bool


@dataclass
class Exponentials:
    """The rules about softmax and the logarithm of a sum of exponentials."""

    definitions: Definitions

    def look_at(self, place: Place) -> Iterator[Warned]:
        """Judge one product, or one logarithm."""
        if is_product(place.expression):
            for softmax in self._softmaxes(place.expression):
                if not softmax.elsewhere and self._overflows(softmax.exponent, softmax.limits):
                    message = _overflow("the quotient", softmax.exponent, softmax.limits)
                    yield Warned("exp-overflow", message, place.equation)
        elif isinstance(place.expression, log):
            yield from self._logarithm(place)

    def _logarithm(self, place: Place) -> Iterator[Warned]:
        argument = place.expression.args[0]
        for softmax in self._softmaxes(argument):
            if self._is_unbounded(softmax.exponent):
                yield Warned("log-of-quotient", _of_softmax(argument, softmax), place.equation)
        reduction = self.definitions.resolved(argument)
        if isinstance(reduction, Sum):
            for exponent in self._exponents(reduction.function):
                if self._overflows(exponent, reduction.limits):
                    message = _overflow("the logarithm", exponent, reduction.limits)
                    yield Warned("log-overflow", message, place.equation)

    def _softmaxes(self, expression: Expr) -> Iterator[_Softmax]:
        """The softmaxes in a product: an exponential, and the sum of the same exponential as a divisor."""
        factors = self.definitions.factors(expression)
        exponents = [(e, f) for f in factors if f.exponent == 1 for e in self._exponents(f.base)]
        for divisor in factors if exponents else ():
            total = self.definitions.resolved(divisor.base)
            if divisor.exponent == -1 and isinstance(total, Sum):
                for exponent, factor in exponents:
                    elsewhere = not set(divisor.opened).isdisjoint(factor.opened)
                    for limits in self._normalized(exponent, total):
                        yield _Softmax(exponent, divisor.base, limits, elsewhere)

    def _normalized(self, exponent: Expr, total: Sum) -> Iterator[Limits]:
        """The indices of an exponent over which a sum is that of exp(exponent), as limits."""
        extents = index_extents(exponent, self.definitions.graph.by_name)
        for summed in self._exponents(total.function):
            for chosen in permutations(list(extents)[:_MOST_FREE], len(total.limits)):
                pairs = list(zip(total.limits, chosen, strict=True))
                if any(extent_symbol(extents[symbol]) != limit[2] for limit, symbol in pairs):
                    continue
                renamed = substitute(summed, {limit[0]: symbol for limit, symbol in pairs})
                if self._are_equal(renamed, exponent):
                    yield tuple((symbol, *limit[1:]) for limit, symbol in pairs)

    def _exponents(self, expression: Expr) -> list[Expr]:
        """The exponents of the exponentials that are factors of an expression."""
        bases = [self.definitions.resolved(f.base) for f in self.definitions.factors(expression) if f.exponent == 1]
        return [base.args[0] for base in bases if isinstance(base, exp)]

    def _are_equal(self, first: Expr, second: Expr) -> bool:
        for stage in self.definitions.stages(first, second):
            one, other = map(self.definitions.normal, stage)
            if one is not None and one == other:
                return True
        return False

    def _overflows(self, exponent: Expr, limits: Limits) -> bool:
        """Whether an exponent has no bound, and no term that is the same for all that are summed: a maximum."""
        form, indices = self._in_inputs(exponent), {limit[0] for limit in limits}
        return form is not None and all(
            indices & set(monomial_indices(term)) and not any(_is_maximum(base) for base, _ in term)
            for term in form.terms
        )

    def _is_unbounded(self, exponent: Expr) -> bool:
        form = self._in_inputs(exponent)
        return form is not None and any(not any(_is_maximum(base) for base, _ in term) for term in form.terms)

    def _in_inputs(self, exponent: Expr) -> Polynomial | None:
        """The exponent as a polynomial in the inputs and in maxima of such; None where it is none."""
        *_, (last,) = self.definitions.stages(exponent)
        form = self.definitions.normal(last)
        if form is None or not form.terms:
            return None
        return form if all(self._is_polynomial(term) for term in form.terms) else None

    def _is_polynomial(self, term: Monomial) -> bool:
        """Whether a term has no bound, whatever the facts of the layer."""
        kinds = [self._is_free(base, exponent) for base, exponent in term]
        return None not in kinds and True in kinds

    def _is_free(self, base: Base, exponent: Rational) -> bool | None:
        """Whether a factor has no bound; False for a number or a scalar, None for what the rules know nothing of."""
        if isinstance(base, Total):
            return True if exponent == 1 and self._is_polynomial(base.monomial) else None
        if _is_maximum(base):
            return True
        name = name_of(base)
        if name is None:
            return False if base.is_number or base.is_integer else None
        graph = self.definitions.graph
        if name in graph.equation_of:
            return None
        # A scalar may divide, as a temperature does, and may have a sign.
        if not graph.by_name[name].indices:
            return False
        limited = any(name in names_in(side) for fact in graph.facts for side in (fact.left, fact.right))
        return None if limited or not (exponent.is_Integer and exponent > 0) else True


def _overflow(what: str, exponent: Expr, limits: Limits) -> str:
    shown = expression_text(exponent)
    return (
        f"exp({shown}) is infinite where {shown} is large (above 709 in double precision), and {what} is then no "
        f"number: take {expression_text(MaxOver(exponent, *limits))} off before exp"
    )


def _of_softmax(argument: Expr, softmax: _Softmax) -> str:
    instead = Add(softmax.exponent, -log(softmax.total, evaluate=False))
    return (
        f"{expression_text(argument)} is an exponential divided by the sum of all, and becomes 0 where its exponent is "
        f"far below the largest: the logarithm is then infinite, and its derivative NaN; write "
        f"{expression_text(instead)} for the logarithm"
    )


def _is_maximum(base: Base) -> bool:
    return isinstance(base, MaxOver)
