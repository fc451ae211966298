"""Products taken apart for array code: what stands above and below the line, and sums with their factors pulled out.

    sum(a[j]*x[i, j]/(2*N) for i in N)  ──▶  1/2 · a[j] · (sum of x[i, j] over i) / N

A factor that does not have the bound index is multiplied once, after the sum: the array of the products stays small,
a contraction shows itself, and a mean (a sum over N divided by N) can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr, Pow, Rational, Sum, Symbol, exp

from derive.functions import limits_of
from derive.indices import free_indices
from derive.printing.layout import Layout

Limits = tuple[tuple[Symbol, Symbol], ...]


@dataclass(frozen=True)
class Product:
    """coefficient · above / below. The coefficient has the sign."""

    coefficient: Rational
    above: tuple[Expr | Summation, ...]
    below: tuple[Expr, ...]


@dataclass(frozen=True)
class Summation:
    """The sum of above/below over (index, extent) pairs; each factor has an index that is summed over."""

    above: tuple[Expr | Summation, ...]
    below: tuple[Expr, ...]
    limits: Limits

    @property
    def bound(self) -> frozenset[Symbol]:
        return frozenset(symbol for symbol, _ in self.limits)


def indices_of(factor: Expr | Summation) -> frozenset[Symbol]:
    """The free indices of a factor."""
    if isinstance(factor, Summation):
        inside = [indices_of(part) for part in (*factor.above, *factor.below)]
        return frozenset[Symbol]().union(*inside) - factor.bound
    return frozenset(free_indices(factor))


def take_apart(expression: Expr, layout: Layout) -> Product:
    """Any expression as a product, its sums included, in the reading order of the layout."""
    read = layout.product(expression)
    coefficient = -read.coefficient if read.negative else read.coefficient
    above: list[Expr | Summation] = []
    below: list[Expr] = list(read.denominator)
    for factor in (*read.numerator, *read.factors):
        if isinstance(factor, Sum):
            inner = _take_sum_apart(factor, layout)
            coefficient *= inner.coefficient
            above += inner.above
            below += inner.below
        elif isinstance(factor, Pow) and not isinstance(factor, exp) and factor.exp.is_Rational and factor.exp < 0:
            below.append(Pow(factor.base, -factor.exp))
        else:
            above.append(factor)
    for factor in list(below):
        if isinstance(factor, Symbol) and factor in above:  # a mean over an index that the summand does not have
            above.remove(factor)
            below.remove(factor)
    return Product(coefficient, tuple(above), tuple(below))


def _take_sum_apart(expression: Sum, layout: Layout) -> Product:
    inner = take_apart(expression.function, layout)
    above, below = pull_out(Summation(inner.above, inner.below, tuple(limits_of(expression))))
    return Product(inner.coefficient, above, below)


def pull_out(summation: Summation) -> tuple[tuple[Expr | Summation, ...], tuple[Expr, ...]]:
    """What stands above and below the line once every factor without a bound index has left the sum.

    Factors that share no bound index, directly or through others, are summed apart.
    """
    factors = [*((f, True) for f in summation.above), *((f, False) for f in summation.below)]
    left = [(factor, up) for factor, up in factors if not indices_of(factor) & summation.bound]
    above = [factor for factor, up in left if up]
    below = [factor for factor, up in left if not up]
    for connected in _connected(factors, summation.bound):
        part = [(factor, up) for factor, up in factors if indices_of(factor) & connected]
        limits = tuple(limit for limit in summation.limits if limit[0] in connected)
        above.append(Summation(tuple(f for f, up in part if up), tuple(f for f, up in part if not up), limits))
    used = frozenset[Symbol]().union(*(indices_of(factor) for factor, _ in factors))
    counts = [extent for symbol, extent in summation.limits if symbol not in used]
    return (*counts, *above), tuple(below)


def _connected(
    factors: Sequence[tuple[Expr | Summation, bool]], bound: frozenset[Symbol]
) -> list[frozenset[Symbol]]:
    """The bound indices, in sets that occur together."""
    sets: list[frozenset[Symbol]] = []
    for factor, _ in factors:
        own = indices_of(factor) & bound
        if own:
            touching = [known for known in sets if known & own]
            sets = [known for known in sets if not known & own] + [own.union(*touching)]
    return sets


def maximal_sets(sets: Sequence[frozenset[Symbol]]) -> list[frozenset[Symbol]]:
    """The index sets that no other contains, each once, in order."""
    distinct = list(dict.fromkeys(sets))
    return [one for one in distinct if not any(one < other for other in distinct)]
