"""Expressions written out for given extents: sums as additions of elements, extents as numbers, no index left.

    Input    an expression, a number for each extent, a number for each free index
    Output   the expression in explicit elements, x[1, 1] + x[2, 1]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from math import prod

from sympy import Add, Expr, I, Indexed, Integer, Mul, Sum, Symbol, false, nan, oo, true, zoo
from sympy.core.relational import Relational

from derive.errors import UsageError
from derive.functions import MaxOver, ProductOver, delta, limits_of, maximum, where
from derive.graph import index_symbol, reference
from derive.indices import REDUCTIONS, rebuild

# Of one expression: more elements than this nobody reads.
MOST_TERMS = 1000
_ZERO, _ONE = Integer(0), Integer(1)


def unroll(expression: Expr, extents: Mapping[str, int], at: Mapping[str, int]) -> Expr:
    """The expression at one place of its free indices, every reduction written out.

    To be called with SymPy's `distribute` off. Terms that are sums themselves stay apart: (x1 - mu) + (x2 - mu).
    Raises UsageError for a value that does not exist, such as 1/(N - 1) for N = 1, and for more than `MOST_TERMS`
    elements.
    """
    terms = _count(expression, extents)
    if terms > MOST_TERMS:
        raise UsageError(f"it would have {terms} elements; at most {MOST_TERMS} are written out")
    values = {index_symbol(name): Integer(value) for name, value in {**extents, **at}.items()}
    result = _visit(expression, values)
    if result.has(zoo, nan, oo, -oo, I):
        raise UsageError("it is not defined")
    return result


def _count(expression: Expr, extents: Mapping[str, int]) -> int:
    """How many elements and numbers the expression has when it is written out."""
    if isinstance(expression, (Indexed, Symbol)):
        return 1
    if isinstance(expression, REDUCTIONS):
        return prod(extents[high.name] for _, high in limits_of(expression)) * _count(expression.function, extents)
    return sum(_count(argument, extents) for argument in expression.args)


def _visit(node: Expr, values: Mapping[Symbol, Integer]) -> Expr:
    if isinstance(node, Symbol):
        return values.get(node, node)
    if isinstance(node, Indexed):
        return reference(node.base.label.name, [values.get(index, index) for index in node.indices])
    if isinstance(node, delta):
        first, second = (values.get(index, index) for index in node.args)
        return _ONE if first == second else _ZERO
    if isinstance(node, where):
        return _choose(node, values)
    if isinstance(node, Relational):
        return node.func(*(_visit(argument, values) for argument in node.args))
    if isinstance(node, REDUCTIONS):
        return _reduce(node, list(_terms(node, values)))
    if isinstance(node, Add):
        return _add(_spliced(node.args, [_visit(argument, values) for argument in node.args]))
    return rebuild(node, [_visit(argument, values) for argument in node.args])


def _choose(node: where, values: Mapping[Symbol, Integer]) -> Expr:
    """The branch that holds, where the condition is about indices and extents alone."""
    condition = _visit(node.args[0], values)
    if condition in (true, false):
        return _visit(node.args[1 if condition == true else 2], values)
    return where(condition, *(_visit(branch, values) for branch in node.args[1:]))


def _terms(node: Expr, values: Mapping[Symbol, Integer]) -> Iterator[Expr]:
    """What a reduction is over, for each setting of its bound indices."""
    limits = list(limits_of(node))
    for place in itertools.product(*(range(1, int(values[high]) + 1) for _, high in limits)):
        bound = {symbol: Integer(position) for (symbol, _), position in zip(limits, place, strict=True)}
        yield _visit(node.function, {**values, **bound})


def _reduce(node: Expr, terms: Sequence[Expr]) -> Expr:
    if isinstance(node, ProductOver):
        return Mul(*terms)
    if isinstance(node, MaxOver):
        largest = terms[0]
        for term in terms[1:]:
            largest = maximum(largest, term)
        return largest
    if len(set(terms)) == 1:
        return Integer(len(terms)) * terms[0]
    return _add(_spliced([node.function] * len(terms), terms))


def _spliced(origins: Sequence[Expr], terms: Sequence[Expr]) -> list[Expr]:
    """The terms of a sum, with those of the sums among them in their place."""
    result: list[Expr] = []
    for origin, term in zip(origins, terms, strict=True):
        is_sum = isinstance(origin, Sum) and isinstance(term, Add)
        result += term.args if is_sum else [term]
    return result


def _add(terms: Sequence[Expr]) -> Expr:
    # SymPy would make x1 + x2 - 2*mu of (x1 - mu) + (x2 - mu), in which nobody sees the two samples any more.
    kept = [term for term in terms if term != 0]
    if len(kept) > 1 and any(isinstance(term, Add) for term in kept):
        return Add(*kept, evaluate=False)
    return Add(*kept)
