"""Expressions written out for given extents: sums as additions of elements, extents as numbers, no index left.

    Input    an expression, a number for each extent, a number for each free index
    Output   the expression in explicit elements, x[1, 1] + x[2, 1]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from sympy import Add, Expr, Function, I, Indexed, Integer, Mul, Rational, Sum, Symbol, false, nan, oo, true, zoo
from sympy.core.relational import Relational

from derive.errors import UsageError
from derive.functions import MaxOver, ProductOver, delta, limits_of, maximum, where
from derive.graph import index_symbol, reference
from derive.indices import REDUCTIONS, free_indices, rebuild

# Of one expression: more elements than this nobody reads.
MOST_TERMS = 1000
_ZERO, _ONE = Integer(0), Integer(1)
Numbers = Mapping[Symbol, Integer]


def unroll(
    expression: Expr, extents: Mapping[str, int], at: Mapping[str, int], maxima: Mapping[Expr, Expr] | None = None
) -> Expr:
    """The expression at one place of its free indices, every reduction written out.

    To be called with SymPy's `distribute` off. Terms that are sums themselves stay apart: (x1 - mu) + (x2 - mu).
    A maximum over an index that is a key of `maxima` is replaced by the value there.
    Raises UsageError for a value that does not exist, such as 1/(N - 1) for N = 1, and for more than `MOST_TERMS`
    elements to add up.
    """
    terms = _count(expression, extents)
    if terms > MOST_TERMS:
        raise UsageError(f"it has {terms} terms; at most {MOST_TERMS} are written out")
    values = {index_symbol(name): Integer(value) for name, value in {**extents, **at}.items()}
    return _existing(_Unrolling(maxima or {}).visit(expression, values))


def _existing(value: Expr) -> Expr:
    """The value, which must be a real number."""
    if value.has(zoo, nan, oo, -oo, I):
        raise UsageError("it divides by zero, or is undefined for another reason")
    return value


def _count(expression: Expr, extents: Mapping[str, int]) -> int:
    """How many elements and numbers the expression has when it is written out."""
    if isinstance(expression, (Indexed, Symbol)):
        return 1
    if isinstance(expression, REDUCTIONS):
        return prod(extents[high.name] for _, high in limits_of(expression)) * _count(expression.function, extents)
    return sum(_count(argument, extents) for argument in expression.args)


@dataclass(frozen=True)
class _Unrolling:
    """Visits an expression with a number for each index and extent."""

    maxima: Mapping[Expr, Expr]

    def visit(self, node: Expr, values: Numbers) -> Expr:
        if isinstance(node, Symbol):
            return values.get(node, node)
        if isinstance(node, Indexed):
            return reference(node.base.label.name, [values.get(index, index) for index in node.indices])
        if isinstance(node, delta):
            first, second = (values.get(index, index) for index in node.args)
            return _ONE if first == second else _ZERO
        if isinstance(node, where):
            return self.choose(node, values)
        if isinstance(node, Relational):
            return node.func(*(self.visit(argument, values) for argument in node.args))
        if isinstance(node, REDUCTIONS):
            parts = _separate(node) if isinstance(node, Sum) else [node]
            return Mul(*(self.reduce(part, list(self.terms(part, values))) for part in parts))
        arguments = [self.visit(argument, values) for argument in node.args]
        if isinstance(node, Function) and all(isinstance(argument, Rational) for argument in arguments):
            _existing(node.func(*arguments))  # log(0) stays as it is in what is rebuilt
        return _add(_spliced(arguments)) if isinstance(node, Add) else rebuild(node, arguments)

    def choose(self, node: where, values: Numbers) -> Expr:
        """The branch that holds, where the condition is about indices and extents alone."""
        condition = self.visit(node.args[0], values)
        if condition in (true, false):
            return self.visit(node.args[1 if condition == true else 2], values)
        return where(condition, *(self.visit(branch, values) for branch in node.args[1:]), evaluate=False)

    def terms(self, node: Expr, values: Numbers) -> Iterator[Expr]:
        """What a reduction is over, for each setting of its bound indices."""
        limits = list(limits_of(node))
        for place in itertools.product(*(range(1, int(values[high]) + 1) for _, high in limits)):
            bound = {symbol: Integer(position) for (symbol, _), position in zip(limits, place, strict=True)}
            yield self.visit(node.function, {**values, **bound})

    def reduce(self, node: Expr, terms: Sequence[Expr]) -> Expr:
        """A sum, product or maximum of explicit terms."""
        if isinstance(node, ProductOver):
            return Mul(*terms)
        if isinstance(node, MaxOver):
            largest = terms[0]
            for term in terms[1:]:
                largest = maximum(largest, term, evaluate=False)
            return self.maxima.get(largest, largest)
        if len(set(terms)) == 1:
            return Integer(len(terms)) * terms[0]
        return _add(_spliced(terms) if isinstance(node.function, Sum) else terms)


def _separate(total: Sum) -> list[Sum]:
    """sum_ij a_i*b_j = (sum_i a_i)*(sum_j b_j): the sums of which a sum over several indices is the product."""
    parts = [([limit], [Integer(1)]) for limit in total.limits]
    for factor in Mul.make_args(total.function):
        used = set(free_indices(factor))
        joined = [part for part in parts if any(limit[0] in used for limit in part[0])] or parts[:1]
        limits = [limit for part in joined for limit in part[0]]
        factors = [other for part in joined for other in part[1]]
        parts = [part for part in parts if part not in joined] + [(limits, [*factors, factor])]
    return [Sum(Mul(*factors), *limits) for limits, factors in parts]


def _spliced(terms: Sequence[Expr]) -> list[Expr]:
    """The terms of a sum, with those of the sums among them in their place."""
    return [part for term in terms for part in (term.args if isinstance(term, Add) else (term,))]


def _add(terms: Sequence[Expr]) -> Expr:
    # SymPy would make x1 + x2 - 2*mu of (x1 - mu) + (x2 - mu), in which nobody sees the two samples any more.
    kept = [term for term in terms if term != 0]
    if len(kept) > 1 and any(isinstance(term, Add) for term in kept):
        return Add(*kept, evaluate=False)
    return Add(*kept)
