"""Where the rules look: the products and the sums in the equations of a layer, each whole, and what is around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Sum, Symbol

from derive.graph import Equation, Graph
from derive.indices import REDUCTIONS

_ONE = Integer(1)


@dataclass(frozen=True)
class Place:
    """A product or a sum in an equation.

    Where it is the whole summand of a sum over bound indices, `around` is that sum, and `outside` what the sum is
    multiplied with.
    """

    equation: Equation
    expression: Expr
    around: Sum | None = None
    outside: Expr = _ONE


@dataclass(frozen=True)
class Warned:
    """What a rule has found: its name and sentence, and the equation that it is about."""

    rule: str
    message: str
    equation: Equation


def places(graph: Graph) -> Iterator[Place]:
    """Every product, every sum and every function, in the order of the equations, the outer ones first."""
    for equation in graph.equations:
        yield from _places(Place(equation, equation.expression))


def _places(place: Place) -> Iterator[Place]:
    expression = place.expression
    if isinstance(expression, (Symbol, Indexed)) or not expression.args:
        return
    yield place
    if isinstance(expression, REDUCTIONS):
        around = expression if isinstance(expression, Sum) else None
        yield from _places(Place(place.equation, expression.function, around, place.outside))
    elif isinstance(expression, (Mul, Pow)):
        for inner in _leaves(expression):
            outside = expression / inner if isinstance(inner, Sum) else _ONE
            yield from _places(Place(place.equation, inner, None, outside))
    else:
        for argument in expression.args:
            yield from _places(Place(place.equation, argument))


def _leaves(expression: Expr) -> Iterator[Expr]:
    """What a product is made of: no products, and no powers of a fixed exponent."""
    if isinstance(expression, Mul):
        for argument in expression.args:
            yield from _leaves(argument)
    elif isinstance(expression, Pow) and isinstance(expression.exp, Rational):
        yield from _leaves(expression.base)
    elif isinstance(expression, Pow):
        yield from expression.args
    else:
        yield expression


def is_product(expression: Expr) -> bool:
    """Whether an expression is a product or a power."""
    return isinstance(expression, (Mul, Pow))


def is_sum(expression: Expr) -> bool:
    """Whether an expression is a sum of terms."""
    return isinstance(expression, Add)
