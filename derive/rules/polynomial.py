"""Sums of monomials over indexed quantities: the normal form in which cotangents are compared and collapsed.

A monomial is a product of powers of bases. A base is a SymPy atom (an element, an extent, an opaque function) or a
`Total`: the sum of one monomial over bound indices, from which all that does not depend on them has been pulled out.
SymPy's own Add and Mul are not used here: they would multiply out a radicand such as var + eps behind our back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count, islice, permutations, product
from typing import Union

from sympy import Expr, Indexed, Integer, Rational, Symbol

from derive.functions import delta
from derive.graph import index_symbol
from derive.indices import free_indices, substitute

_ONE = Integer(1)
_MOST_ORDERS = 120

Base = Union[Expr, "Total"]
Monomial = tuple[tuple[Base, Rational], ...]
Limit = tuple[Symbol, Symbol]


class Total:
    """The sum of `monomial` over `limits`, pairs of (bound index, extent), in canonical names. Immutable."""

    __slots__ = ("key", "limits", "monomial")

    def __init__(self, monomial: Monomial, limits: tuple[Limit, ...]) -> None:
        self.monomial = monomial
        self.limits = limits
        over = ",".join(f"{symbol.name}:{extent.name}" for symbol, extent in limits)
        self.key = f"~[{over}]{monomial_key(monomial)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Total) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=200_000)
def base_key(base: Base) -> str:
    """A text by which bases are ordered; equal only for equal bases."""
    if isinstance(base, Total):
        return base.key
    if isinstance(base, Indexed):
        return f"{base.base.label.name}[{','.join(map(str, base.indices))}]"
    return str(base)


def monomial_key(monomial: Monomial) -> str:
    """A text by which monomials are ordered."""
    return "*".join(f"{base_key(base)}^{exponent}" for base, exponent in monomial)


@lru_cache(maxsize=200_000)
def base_indices(base: Base) -> tuple[Symbol, ...]:
    """The free indices of a base."""
    if isinstance(base, Total):
        bound = {symbol for symbol, _ in base.limits}
        return tuple(symbol for symbol in monomial_indices(base.monomial) if symbol not in bound)
    return free_indices(base)


def monomial_indices(monomial: Monomial) -> tuple[Symbol, ...]:
    """The free indices of a monomial, each once, in order of appearance."""
    return tuple(dict.fromkeys(symbol for base, _ in monomial for symbol in base_indices(base)))


def make_monomial(factors: Iterable[tuple[Base, Rational]]) -> tuple[Rational, Monomial]:
    """The product of powers, each base once and in order, with the number that falls out of it."""
    powers: dict[Base, Rational] = {}
    for base, exponent in factors:
        powers[base] = powers[base] + exponent if base in powers else exponent
    number: Rational = _ONE
    kept: list[tuple[Base, Rational]] = []
    for base, exponent in powers.items():
        if exponent == 0:
            continue
        if isinstance(base, delta):
            exponent = _ONE  # delta is 0 or 1
        if isinstance(base, Rational) and exponent.is_Integer:
            number *= base**exponent
        else:
            kept.append((base, exponent))
    kept.sort(key=lambda factor: base_key(factor[0]))
    return number, tuple(kept)


class Polynomial:
    """A sum of rational multiples of monomials. Immutable; terms that vanish are not kept."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[Monomial, Rational] | None = None) -> None:
        self.terms: dict[Monomial, Rational] = dict(terms or {})

    @staticmethod
    def of(base: Base, exponent: Rational = _ONE) -> Polynomial:
        """One power of one base."""
        number, monomial = make_monomial([(base, exponent)])
        return Polynomial({monomial: number})

    @staticmethod
    def number(value: Rational) -> Polynomial:
        """A constant."""
        return Polynomial({(): value} if value else {})

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            total = terms.get(monomial, 0) + coefficient
            if total:
                terms[monomial] = total
            else:
                del terms[monomial]
        return Polynomial(terms)

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[Monomial, Rational] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                number, monomial = make_monomial((*left, *right))
                total = terms.get(monomial, 0) + a * b * number
                if total:
                    terms[monomial] = total
                else:
                    terms.pop(monomial, None)
        return Polynomial(terms)

    def scaled(self, factor: Rational) -> Polynomial:
        """The polynomial times a number."""
        return Polynomial({monomial: c * factor for monomial, c in self.terms.items()}) if factor else Polynomial()

    def ordered(self) -> list[tuple[Monomial, Rational]]:
        """The terms in a fixed order."""
        return sorted(self.terms.items(), key=lambda term: (len(term[0]), monomial_key(term[0])))

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """The free indices."""
        return tuple(dict.fromkeys(symbol for monomial in self.terms for symbol in monomial_indices(monomial)))

    def renamed(self, renaming: Mapping[Symbol, Symbol]) -> Polynomial:
        """The same with free indices renamed."""
        result = Polynomial()
        for monomial, coefficient in self.terms.items():
            number, renamed = rename_monomial(monomial, renaming)
            result += Polynomial({renamed: coefficient * number})
        return result

    def mapped(self, change: Callable[[Base, Rational], Polynomial | None]) -> Polynomial:
        """The polynomial with each power of a base for which `change` has an answer replaced by that answer."""
        result = Polynomial()
        for monomial, coefficient in self.terms.items():
            kept: list[tuple[Base, Rational]] = []
            term = Polynomial.number(coefficient)
            for base, exponent in monomial:
                new = change(base, exponent)
                if new is None:
                    kept.append((base, exponent))
                else:
                    term *= new
            number, rest = make_monomial(kept)
            result += term * Polynomial({rest: number})
        return result


def rename_monomial(monomial: Monomial, renaming: Mapping[Symbol, Symbol]) -> tuple[Rational, Monomial]:
    """A monomial with free indices renamed."""
    return make_monomial((rename_base(base, renaming), exponent) for base, exponent in monomial)


def rename_base(base: Base, renaming: Mapping[Symbol, Symbol]) -> Base:
    """A base with free indices renamed."""
    changes = tuple((old, renaming[old]) for old in base_indices(base) if renaming.get(old, old) != old)
    return _renamed(base, changes) if changes else base


@lru_cache(maxsize=200_000)
def _renamed(base: Base, changes: tuple[tuple[Symbol, Symbol], ...]) -> Base:
    free = dict(changes)
    if not isinstance(base, Total):
        return substitute(base, free)
    # No index is captured: the sum has names of its own meanwhile.
    apart, limits = names_apart(base, free.values())
    number, monomial = rename_monomial(base.monomial, {**free, **apart})
    assert number == 1
    return make_total(monomial, limits)


def names_apart(total: Total, others: Iterable[Symbol] = ()) -> tuple[dict[Symbol, Symbol], list[Limit]]:
    """New names for the bound indices of a total, and its limits in them.

    No canonical name is equal to one of them, nor is what is free in the total, nor any of the `others`.
    """
    avoid = (*base_indices(total), *others)
    ends = (f" apart {n}" for n in count(1))
    end = next(end for end in ends if not any(symbol.name.endswith(end) for symbol in avoid))
    apart = {symbol: index_symbol(symbol.name + end) for symbol, _ in total.limits}
    return apart, [(apart[symbol], extent) for symbol, extent in total.limits]


def sum_over(summand: Polynomial, limits: Sequence[Limit]) -> Polynomial:
    """The sum of a polynomial over bound indices: pushed through addition, with all that does not depend pulled out."""
    result = Polynomial()
    for monomial, coefficient in summand.terms.items():
        result += _sum_monomial(monomial, list(limits)).scaled(coefficient)
    return result


def _sum_monomial(monomial: Monomial, limits: list[Limit]) -> Polynomial:
    monomial, limits = _contract_deltas(monomial, limits)
    bound = dict(limits)
    outside: list[tuple[Base, Rational]] = []
    inside: list[tuple[Base, Rational]] = []
    names = count(1)
    for base, exponent in monomial:
        if not any(symbol in bound for symbol in base_indices(base)):
            outside.append((base, exponent))
        elif isinstance(base, Total) and exponent == 1:
            # A sum inside a sum becomes one sum over both indices.
            fresh = {symbol: index_symbol(f"{extent.name} inner {next(names)}") for symbol, extent in base.limits}
            bound |= {fresh[symbol]: extent for symbol, extent in base.limits}
            inside += rename_monomial(base.monomial, fresh)[1]
        else:
            inside.append((base, exponent))
    for group, over in _components(inside, bound):
        number, factors = make_monomial(group)
        assert number == 1
        outside += [(make_total(factors, tuple(over)), _ONE)] if factors else [(extent, _ONE) for _, extent in over]
    number, result = make_monomial(outside)
    return Polynomial({result: number})


def _contract_deltas(monomial: Monomial, limits: list[Limit]) -> tuple[Monomial, list[Limit]]:
    for base, _ in monomial:
        if isinstance(base, delta):
            bound = [symbol for symbol, _ in limits]
            gone, stays = next(((a, b) for a, b in (base.args, base.args[::-1]) if a in bound), (None, None))
            if gone is not None:
                rest = tuple(factor for factor in monomial if factor[0] != base)
                _, renamed = rename_monomial(rest, {gone: stays})
                return _contract_deltas(renamed, [limit for limit in limits if limit[0] != gone])
    return monomial, limits


def _components(
    factors: Sequence[tuple[Base, Rational]], bound: Mapping[Symbol, Symbol]
) -> list[tuple[list[tuple[Base, Rational]], list[Limit]]]:
    """Split a product into the parts that share no bound index, each with its own indices."""
    groups: list[tuple[list[tuple[Base, Rational]], set[Symbol]]] = [([], {symbol}) for symbol in bound]
    for factor in factors:
        touched = {symbol for symbol in base_indices(factor[0]) if symbol in bound}
        joined = [group for group in groups if group[1] & touched]
        groups = [group for group in groups if not group[1] & touched]
        merged = [f for group in joined for f in group[0]] + [factor]
        groups.append((merged, touched.union(*(group[1] for group in joined))))
    return [(group, [(s, extent) for s, extent in bound.items() if s in symbols]) for group, symbols in groups]


def make_total(monomial: Monomial, limits: Sequence[Limit]) -> Total:
    """A Total with canonical bound names: by extent and height, and among equal extents the smallest in order.

    Where a free index has such a name, because a sum around this one does, the next height has names that are free.
    """
    own = dict(limits)
    taken = {symbol.name.partition(".")[0] for symbol in monomial_indices(monomial) if symbol not in own}
    height = 1 + max((_height(base) for base, _ in monomial), default=0)
    while any(f"{extent.name} {height}" in taken for extent in own.values()):
        height += 1
    by_extent: dict[Symbol, list[Symbol]] = {}
    for symbol, extent in sorted(limits, key=lambda limit: limit[1].name):
        by_extent.setdefault(extent, []).append(symbol)
    best: Total | None = None
    # Beyond a handful of like indices the smallest is not worth its price: equal sums may then go unrecognized.
    choices = product(*(permutations(symbols) for symbols in by_extent.values()))
    for orders in islice(choices, _MOST_ORDERS):
        renaming = {
            symbol: index_symbol(f"{extent.name} {height}.{position}")
            for extent, order in zip(by_extent, orders, strict=True)
            for position, symbol in enumerate(order)
        }
        _, renamed = rename_monomial(monomial, renaming)
        ordered = zip(by_extent, orders, strict=True)
        limits_now = tuple((renaming[symbol], extent) for extent, order in ordered for symbol in order)
        candidate = Total(renamed, limits_now)
        if best is None or base_key(candidate) < base_key(best):
            best = candidate
    assert best is not None
    return best


@lru_cache(maxsize=200_000)
def _height(base: Base) -> int:
    """How many sums stand inside one another."""
    if isinstance(base, Total):
        return 1 + max(_height(inner) for inner, _ in base.monomial)
    bound = base.atoms(Symbol) - set(free_indices(base))
    return max((height_of(symbol) for symbol in bound if " " in symbol.name), default=0)


def height_of(symbol: Symbol) -> int:
    """How many sums stand inside the one that a canonical bound index belongs to, that one included."""
    return int(symbol.name.rpartition(" ")[2].split(".")[0])
