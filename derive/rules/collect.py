"""Factoring: from the normal form to the shape that is read and computed.

What all terms share goes in front; of the rest, what several share is bracketed. Where the powers of the extents go
is the difference between the forms: `mean` leaves 1/N with the sums over N, `sum` takes it out in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Integer, Mul, Pow, Rational, Sum, Symbol

from derive.graph import name_of
from derive.indices import free_indices, is_indexed
from derive.rules.cost import cost
from derive.rules.normal_form import base_expression
from derive.rules.polynomial import (
    Base,
    Limit,
    Monomial,
    Polynomial,
    Total,
    base_indices,
    base_key,
    height_of,
    make_monomial,
    make_total,
    monomial_indices,
    rename_monomial,
)

_ONE = Integer(1)
# So many ways to take out what some terms share are compared, and one less with each bracket further inside.
_MOST_WAYS = 3
# The orders of so many sums inside one another are all tried; there are 24 of four, 40320 of eight.
_MOST_ORDERED = 4


@dataclass(frozen=True)
class Mean:
    """A sum together with the 1/N of the extents that it runs over."""

    sum: Base
    limits: tuple[Limit, ...]


Factor = Base | Mean
Term = tuple[Rational, dict[Factor, Rational]]


def collect(polynomial: Polynomial, means: bool) -> Expr:
    """The polynomial, factored. With `means`, a sum over N keeps its factor 1/N beside it."""
    polynomial = polynomial.mapped(_nested_power)
    terms = [_split(monomial, coefficient, means) for monomial, coefficient in polynomial.ordered()]
    return _factor(terms, means)


def _nested_power(base: Base, exponent: Rational) -> Polynomial | None:
    nested = nest(base) if isinstance(base, Total) else base
    return None if nested is base else Polynomial.of(nested, exponent)


def nest(total: Total) -> Total:
    """A sum over several indices as sums inside one another, where no array is then as large as the whole summand.

    sum_ik a_ij*b_ij*c_ik, which runs over three indices, is sum_i a_ij*b_ij*(sum_k c_ik), which runs over two.
    """
    largest = len(monomial_indices(total.monomial))
    # No order of the sums makes a factor smaller that has all of the indices itself.
    if len(total.limits) < 2 or largest == max((len(base_indices(base)) for base, _ in total.monomial), default=0):
        return total
    limits = list(total.limits)
    choices = [_taken_in(total.monomial, limits, limit) for limit in _first_in(total.monomial, limits)]
    size, best = min(choices, key=lambda choice: choice[0])
    return best if size < largest else total


def _first_in(summand: Monomial, limits: list[Limit]) -> list[Limit]:
    """The sums that may be taken in first: any of a few, of many the one over the smallest product."""
    if len(limits) <= _MOST_ORDERED:
        return limits
    return [min(limits, key=lambda limit: len(monomial_indices(_inside(summand, limit))))]


def _inside(summand: Monomial, limit: Limit) -> Monomial:
    return tuple(factor for factor in summand if limit[0] in base_indices(factor[0]))


def _taken_in(summand: Monomial, limits: list[Limit], limit: Limit) -> tuple[int, Total]:
    """A sum over `limits` with the one over `limit` taken in, and the size of the larger summand."""
    inside = _inside(summand, limit)
    outside = [factor for factor in summand if factor not in inside]
    inner = make_total(inside, [limit])
    _, monomial = make_monomial([*outside, (inner, _ONE)])
    outer = nest(make_total(monomial, [other for other in limits if other != limit]))
    return max(_size(inner), _size(outer)), outer


def _size(total: Total) -> int:
    """The number of indices of the largest summand in a sum."""
    within = [_size(base) for base, _ in total.monomial if isinstance(base, Total)]
    return max([len(monomial_indices(total.monomial)), *within])


def _split(monomial: Sequence[tuple[Base, Rational]], coefficient: Rational, means: bool) -> Term:
    powers: dict[Factor, Rational] = dict(monomial)
    if means:
        for base, exponent in monomial:
            if isinstance(base, Total) and exponent == 1 and all(powers.get(n, 0) <= -1 for _, n in base.limits):
                del powers[base]
                powers[Mean(base, base.limits)] = _ONE
                for _, extent in base.limits:
                    powers[extent] += 1
    return coefficient, {base: exponent for base, exponent in powers.items() if exponent != 0}


def _factor(terms: list[Term], means: bool, ways: int = _MOST_WAYS) -> Expr:
    if not terms:
        return Integer(0)
    terms = _merge_sums(terms, means)
    common = _common(terms, means)
    terms = [_divide(term, common) for term in terms]
    number = _common_number(terms)
    terms = [(coefficient / number, powers) for coefficient, powers in terms]
    return Mul(number, *(_power(base, exponent) for base, exponent in common.items()), _bracket(terms, means, ways))


def _bracket(terms: list[Term], means: bool, number: int) -> Expr:
    """The sum of terms that have nothing all in common, what several share taken out: the cheapest of a few ways."""
    ways = []
    for shared in _shared(terms)[:number]:
        having = [term for term in terms if _has(term, shared)]
        others = [term for term in terms if not _has(term, shared)]
        ways.append(Add(_factor(having, means, max(number - 1, 1)), *(_product(*term) for term in others)))
    if not ways:
        return Add(*(_product(coefficient, powers) for coefficient, powers in terms))
    return ways[0] if len(ways) == 1 else min(ways, key=lambda way: cost([(0, way)]))


def _merge_sums(terms: list[Term], means: bool) -> list[Term]:
    """Join sums over the same indices that stand with the same factors and share some inside: one pass, not two.

    sum_n x*d*s - sum_n x*d*s**2 is sum_n x*d*(s - s**2).
    """
    groups: dict[tuple[object, ...], list[tuple[Rational, Factor, dict[Factor, Rational]]]] = {}
    result: list[Term] = []
    for coefficient, powers in terms:
        sums = [base for base, exponent in powers.items() if _is_sum(base) and exponent == 1]
        if len(sums) != 1:
            result.append((coefficient, powers))
            continue
        rest = {base: exponent for base, exponent in powers.items() if base != sums[0]}
        total = _total(sums[0])
        extents = tuple(extent for _, extent in total.limits)
        key = (frozenset(rest.items()), extents, frozenset(base_indices(total)), isinstance(sums[0], Mean))
        groups.setdefault(key, []).append((coefficient, sums[0], rest))
    for members in groups.values():
        _, held, rest = members[0]
        # The names of bound indices tell how many sums stand inside: the highest names are free in all of them.
        limits = max((_total(other).limits for _, other, _ in members), key=lambda limits: height_of(limits[0][0]))
        for cluster in _sharing([(coefficient, _over(_total(other), limits)) for coefficient, other, _ in members]):
            joined: Base = Total(cluster[0][1], limits)
            coefficient = cluster[0][0]
            if len(cluster) > 1:
                coefficient = _ONE
                inner = collect(Polynomial({monomial: number for number, monomial in cluster}), means)
                joined = Sum(inner, *((symbol, _ONE, extent) for symbol, extent in limits))
            result.append((coefficient, {**rest, (Mean(joined, limits) if isinstance(held, Mean) else joined): _ONE}))
    return result


def _over(total: Total, limits: tuple[Limit, ...]) -> Monomial:
    """The summand of a total, written with other bound indices over the same extents."""
    renaming = {own: new for (own, _), (new, _) in zip(total.limits, limits, strict=True)}
    return total.monomial if total.limits == limits else rename_monomial(total.monomial, renaming)[1]


def _sharing(summands: list[tuple[Rational, Monomial]]) -> list[list[tuple[Rational, Monomial]]]:
    """Group summands so that those of a group have a factor in common, and what they do not share fits in an array.

    The second keeps matrix products with different matrices apart: sum_k A_ik*b_kj + C_ik*d_kj is no product any more.
    """
    groups: list[tuple[set[Base], list[tuple[Rational, Monomial]]]] = []
    for summand in summands:
        bases = {base for base, _ in summand[1]}
        for position, (common, group) in enumerate(groups):
            if common & bases and _fits_an_array([*group, summand], common & bases):
                groups[position] = (common & bases, [*group, summand])
                break
        else:
            groups.append((bases, [summand]))
    return [group for _, group in groups]


def _fits_an_array(summands: Sequence[tuple[Rational, Monomial]], common: set[Base]) -> bool:
    """Whether one array in what the summands do not share has all the indices of it."""
    sizes = [set(base_indices(base)) for _, monomial in summands for base, _ in monomial if base not in common]
    return any(size == set().union(*sizes) for size in sizes) or not sizes


def _common(terms: Sequence[Term], means: bool) -> dict[Factor, Rational]:
    """What divides every term. Of an extent, all the denominators; of anything else, what each term has."""
    bases = {base: None for _, powers in terms for base in powers}
    result: dict[Factor, Rational] = {}
    for base in bases:
        exponents = [powers.get(base, Integer(0)) for _, powers in terms]
        denominators = not means and _is_extent(base) and len(terms) > 1
        if denominators or all(e > 0 for e in exponents):
            exponent = min(exponents)
        elif all(e < 0 for e in exponents):
            exponent = max(exponents)
        else:
            continue
        if exponent:
            result[base] = exponent
    return result


def _common_number(terms: Sequence[Term]) -> Rational:
    """The number in front: the one that all coefficients share but for their signs; negative where all terms are."""
    sizes = {abs(coefficient) for coefficient, _ in terms}
    size = sizes.pop() if len(sizes) == 1 else _ONE
    return -size if all(coefficient < 0 for coefficient, _ in terms) else size


def _divide(term: Term, common: dict[Factor, Rational]) -> Term:
    coefficient, powers = term
    left = {base: powers.get(base, Integer(0)) - common.get(base, Integer(0)) for base in {**powers, **common}}
    return coefficient, {base: exponent for base, exponent in left.items() if exponent}


def _shared(terms: Sequence[Term]) -> list[Factor]:
    """The factors that at least two but not all terms share, worth most first; only what costs array work counts."""
    counts: dict[Factor, int] = {}
    for _, powers in terms:
        for base, exponent in powers.items():
            if exponent > 0 and is_indexed(base_expression(_held(base))):
                counts[base] = counts.get(base, 0) + 1
    shared = [base for base, number in counts.items() if 1 < number < len(terms)]
    return sorted(shared, key=lambda base: (_rank(base), counts[base], _key(base)), reverse=True)


def _has(term: Term, base: Factor) -> bool:
    return bool(term[1].get(base, 0) > 0)


def _rank(base: Factor) -> int:
    expression = base_expression(_held(base))
    return len(free_indices(expression.function if isinstance(expression, Sum) else expression))


def _key(base: Factor) -> str:
    return base_key(_held(base))


def _held(base: Factor) -> Base:
    return base.sum if isinstance(base, Mean) else base


def _total(base: Factor) -> Total:
    held = _held(base)
    assert isinstance(held, Total)
    return held


def _is_sum(base: Factor) -> bool:
    return isinstance(_held(base), Total)


def _is_extent(base: Factor) -> bool:
    return isinstance(base, Symbol) and name_of(base) is None


def _product(coefficient: Rational, powers: dict[Factor, Rational]) -> Expr:
    return Mul(coefficient, *(_power(base, exponent) for base, exponent in powers.items()))


def _power(base: Factor, exponent: Rational) -> Expr:
    if isinstance(base, Mean):
        extents = [Pow(extent, -1) for _, extent in base.limits]
        return Pow(Mul(*extents, base_expression(base.sum)), exponent)
    return Pow(base_expression(base), exponent)
