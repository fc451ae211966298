"""Where a quantity stands in an expression, and what a change of it does there.

Each place is one occurrence,

    sum over bound indices of  weight * delta(p_1, m_1) * delta(p_2, m_2) * ...

for the derivative with respect to v[m_1, m_2, ...] of an expression in which v stands as v[p_1, p_2, ...].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import (
    Abs,
    Add,
    Eq,
    Expr,
    Function,
    Ge,
    Gt,
    Indexed,
    Integer,
    Le,
    Mul,
    Pow,
    Sum,
    Symbol,
    cos,
    erf,
    exp,
    log,
    pi,
    sign,
    sin,
    sqrt,
    tanh,
)
from sympy.core.relational import Relational

from derive.errors import LayerError
from derive.functions import MaxOver, ProductOver, delta, log1p, maximum, minimum, relu, sigmoid, softplus, where
from derive.graph import name_of, names_in
from derive.indices import REDUCTIONS, separate_bound

_ONE, _ZERO = Integer(1), Integer(0)

# d f(a, b, ...) / d argument number k, for each function of the grammar. SymPy's functions are not to evaluate here:
# with its `distribute` off, tanh(-1 - c) would look for its sign without end.
_DERIVATIVES: dict[type[Function], Sequence[Callable[..., Expr]]] = {
    exp: [lambda a: exp(a, evaluate=False)],
    log: [lambda a: 1 / a],
    log1p: [lambda a: 1 / (1 + a)],
    tanh: [lambda a: 1 - tanh(a, evaluate=False) ** 2],
    sigmoid: [lambda a: sigmoid(a) * (1 - sigmoid(a))],
    softplus: [lambda a: sigmoid(a)],
    erf: [lambda a: 2 / sqrt(pi) * exp(-(a**2), evaluate=False)],
    sin: [lambda a: cos(a, evaluate=False)],
    cos: [lambda a: -sin(a, evaluate=False)],
    Abs: [lambda a: sign(a, evaluate=False)],
    sign: [lambda a: _ZERO],
    relu: [lambda a: where(Gt(a, 0, evaluate=False), _ONE, _ZERO)],
}

Limits = tuple[tuple[Symbol, Expr, Expr], ...]


@dataclass(frozen=True)
class Occurrence:
    """One place where a quantity stands: its indices there, what multiplies its change, and the sums around it."""

    weight: Expr
    indices: tuple[Expr, ...]
    limits: Limits = ()


def occurrences(expression: Expr, name: str) -> list[Occurrence]:
    """Every occurrence of the quantity `name` in an expression whose reductions all have bound indices of their own.

    Raises LayerError for a construct without a rule: a silent zero would be a wrong gradient.
    """
    if name not in names_in(expression):
        return []
    if name_of(expression) == name:
        indices = expression.indices if isinstance(expression, Indexed) else ()
        return [Occurrence(_ONE, tuple(indices))]
    if isinstance(expression, REDUCTIONS):
        inner = _reduction_weight(expression)
        limits = tuple(tuple(limit) for limit in expression.limits)
        return [
            Occurrence(inner * found.weight, found.indices, limits + found.limits)
            for found in occurrences(expression.function, name)
        ]
    if isinstance(expression, (where, maximum, minimum)):
        return _branches(*_as_choice(expression), name)
    result: list[Occurrence] = []
    for position, argument in enumerate(expression.args):
        if name in names_in(argument):
            factor = _partial(expression, position)
            if factor != 0:
                inside = occurrences(argument, name)
                result += [Occurrence(factor * o.weight, o.indices, o.limits) for o in inside]
    return _merge(result)


def _as_choice(expression: Expr) -> tuple[Relational, Expr, Expr]:
    """The condition and the two branches of a `where`, or of what is one: maximum(a, b) is where(a >= b, a, b)."""
    if isinstance(expression, where):
        condition, first, second = expression.args
    else:
        first, second = expression.args
        condition = (Ge if isinstance(expression, maximum) else Le)(first, second, evaluate=False)
    return condition, first, second


def _branches(condition: Relational, first: Expr, second: Expr, name: str) -> list[Occurrence]:
    """The derivative of where(c, a, b) is where(c, da, db), not where(c, 1, 0)*da + ...

    An author guards with it what is not defined everywhere, and 0 times that is NaN. The condition itself is a step:
    its derivative is 0, and at the step the convention of the branch that is taken holds.
    """
    weights: dict[tuple[tuple[Expr, ...], Limits], list[Expr]] = {}
    for branch, argument in enumerate((first, second)):
        for found in occurrences(argument, name):
            weights.setdefault((found.indices, found.limits), [_ZERO, _ZERO])[branch] = found.weight
    return [Occurrence(where(condition, a, b), *place) for place, (a, b) in weights.items()]


def _partial(node: Expr, position: int) -> Expr:
    """The partial derivative of one node with respect to one of its arguments."""
    if isinstance(node, Add):
        return _ONE
    if isinstance(node, Mul):
        return Mul(*(a for k, a in enumerate(node.args) if k != position))
    if isinstance(node, Pow):
        base, exponent = node.args
        return exponent * base ** (exponent - 1) if position == 0 else node * log(base)
    if isinstance(node, exp):
        return node
    rules = _DERIVATIVES.get(type(node))
    if rules is None:
        kind = type(node).__name__
        supported = ", ".join(sorted(function.__name__ for function in (*_DERIVATIVES, where, maximum, minimum)))
        raise LayerError(f"{kind} has no rule for its derivative", f"supported: {supported}")
    return rules[position](*node.args)


def _reduction_weight(reduction: Expr) -> Expr:
    """The derivative of a reduction with respect to its summand at the bound index."""
    if isinstance(reduction, Sum):
        return _ONE
    # The other elements need a bound index of their own.
    again = separate_bound(reduction, f"{reduction.limits[0][0].name} again ")
    if isinstance(reduction, MaxOver):
        here = where(Eq(reduction.function, reduction, evaluate=False), _ONE, _ZERO)
        ties = where(Eq(again.function, reduction, evaluate=False), _ONE, _ZERO)
        return here / Sum(ties, *again.limits)
    assert isinstance(reduction, ProductOver)
    same = Mul(*(delta(a[0], b[0]) for a, b in zip(again.limits, reduction.limits, strict=True)))
    # Not product/factor: that would fail where the factor is zero.
    return ProductOver(same + (1 - same) * again.function, *again.limits)


def _merge(found: list[Occurrence]) -> list[Occurrence]:
    """Add up the weights of occurrences at the same indices."""
    merged: dict[tuple[tuple[Expr, ...], Limits], list[Expr]] = {}
    for occurrence in found:
        merged.setdefault((occurrence.indices, occurrence.limits), []).append(occurrence.weight)
    return [Occurrence(Add(*weights), *key) for key, weights in merged.items()]
