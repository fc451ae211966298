"""Matching up to the names of indices: does a pattern, with its free indices as unknowns, equal an expression?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from sympy import Add, Basic, Expr, Mul, Rational, Symbol

from derive.indices import REDUCTIONS, free_indices, separate_bound
from derive.rules.polynomial import Base, Monomial, Total

Binding = dict[Symbol, Symbol]

# Sums and products of more terms than this are compared in order only.
_MOST_ARGUMENTS = 5


def whole_matches(pattern: Expr, target: Expr) -> Iterator[Binding]:
    """Every renaming of the free indices of `pattern` that makes it equal to `target`; bound names do not matter."""
    if pattern.args and pattern.func is not target.func:
        return
    own, free = free_indices(pattern), free_indices(target)
    separated, unknown = _prepared(pattern)
    for binding in match(separated, target, unknown, {}):
        if all(binding[symbol] in free or not isinstance(binding[symbol], Symbol) for symbol in own):
            yield {symbol: binding[symbol] for symbol in own}


@lru_cache(maxsize=1_000)
def _prepared(pattern: Expr) -> tuple[Expr, frozenset[Symbol]]:
    """The pattern with bound indices that nobody else has, and all indices that stand for others."""
    separated = separate_bound(pattern, "pattern ")
    bound = {limit[0] for node in separated.atoms(*REDUCTIONS) for limit in node.limits}
    return separated, frozenset(free_indices(pattern)) | bound


def match(pattern: Basic, target: Basic, unknown: frozenset[Symbol], bound: Binding) -> Iterator[Binding]:
    """Every extension of `bound` that makes `pattern` equal to `target` when its unknown indices are replaced."""
    if isinstance(pattern, Symbol):
        if pattern in unknown:
            if pattern not in bound:
                yield {**bound, pattern: target}
            elif bound[pattern] == target:
                yield bound
        elif pattern == target:
            yield bound
        return
    if not pattern.args or pattern.func is not target.func or len(pattern.args) != len(target.args):
        if pattern == target:
            yield bound
        return
    if isinstance(pattern, (Add, Mul)) and len(pattern.args) <= _MOST_ARGUMENTS:
        yield from _match_unordered(pattern.args, target.args, unknown, bound)
    else:
        yield from _match_ordered(pattern.args, target.args, unknown, bound)


def _match_ordered(
    patterns: Sequence[Basic], targets: Sequence[Basic], unknown: frozenset[Symbol], bound: Binding
) -> Iterator[Binding]:
    if not patterns:
        yield bound
        return
    for extended in match(patterns[0], targets[0], unknown, bound):
        yield from _match_ordered(patterns[1:], targets[1:], unknown, extended)


def _match_unordered(
    patterns: Sequence[Basic], targets: Sequence[Basic], unknown: frozenset[Symbol], bound: Binding
) -> Iterator[Binding]:
    if not patterns:
        yield bound
        return
    for position, target in enumerate(targets):
        rest = [*targets[:position], *targets[position + 1 :]]
        for extended in match(patterns[0], target, unknown, bound):
            yield from _match_unordered(patterns[1:], rest, unknown, extended)


def match_factors(
    pattern: Monomial, target: Monomial, unknown: frozenset[Symbol], bound: Mapping[Symbol, Symbol]
) -> Iterator[tuple[Binding, Monomial]]:
    """Every way to find all factors of `pattern` among those of `target`, with the factors that are left."""
    if not pattern:
        yield dict(bound), target
        return
    base, exponent = pattern[0]
    for position, (candidate, power) in enumerate(target):
        if power == exponent:
            rest = (*target[:position], *target[position + 1 :])
            for extended in _match_base(base, candidate, unknown, dict(bound)):
                yield from match_factors(pattern[1:], rest, unknown, extended)


def _match_base(pattern: Base, target: Base, unknown: frozenset[Symbol], bound: Binding) -> Iterator[Binding]:
    if isinstance(pattern, Total) or isinstance(target, Total):
        # Nested totals stand under a power; they are compared whole.
        if pattern == target:
            yield bound
        return
    if isinstance(pattern, Rational):
        if pattern == target:
            yield bound
        return
    yield from match(pattern, target, unknown, bound)
