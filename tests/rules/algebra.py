"""Expressions from text, their text, and their values on random numbers, for the tests of the rules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import product

from lines import parse_equations
from sympy import Expr, Rational
from sympy.core.parameters import distribute

from derive.arithmetic import PRECISE
from derive.graph import Equation, Graph, Index, Quantity
from derive.indices import IndexNames, free_indices
from derive.interpret import Array, convert, evaluate
from derive.printing.grammar import expression_text
from derive.rules.normal_form import Vocabulary, expression_of
from derive.rules.polynomial import Polynomial

EXTENTS = {"N": 3, "D": 2}
_I, _J, _K = Index("i", "N"), Index("j", "D"), Index("k", "N")
KNOWN = {
    name: Quantity(name, indices, "input")
    for name, indices in {
        "x": (_I, _J),
        "y": (_I, _J),
        "s": (_I, _K),
        "w": (_I,),
        "v": (_I,),
        "mu": (_J,),
        "var": (_J,),
        "t": (),
        "eps": (),
    }.items()
}
_GRAPH = Graph("sample", "", tuple(KNOWN.values()), (), (), ())
_EXTENT = {"i": "N", "j": "D", "k": "N"}


def expr(text: str, left: str = "i, j") -> Expr:
    """The expression of a text about the quantities above, whose free indices are `left`."""
    with distribute(False):
        (equation,) = parse_equations(f"result[{left}] = {text}" if left else f"result = {text}", KNOWN)
    assert isinstance(equation, Equation)
    return equation.expression


def normal(text: str, vocabulary: Vocabulary | None = None, left: str = "i, j") -> Polynomial:
    """The normal form of a text."""
    return (vocabulary or Vocabulary()).normalize(expr(text, left))


def shown(found: Expr | Polynomial) -> str:
    """An expression or a normal form as a person would write it."""
    expression = expression_of(found) if isinstance(found, Polynomial) else found
    return expression_text(IndexNames(_GRAPH).apply(expression, free_indices(expression)))


@cache
def _random_values(seed: int, low: int) -> dict[str, Array]:
    rng = random.Random(seed)
    return convert(
        {
            name: {
                place: Rational(rng.randint(low, 40), rng.randint(1, 9))
                for place in product(*(range(1, EXTENTS[extent] + 1) for extent in quantity.extents))
            }
            for name, quantity in KNOWN.items()
        },
        PRECISE,
    )


def same_values(first: Expr | Polynomial, second: Expr | Polynomial, low: int = 1, left: Sequence[str] = "ijk") -> bool:
    """Whether two expressions in the indices `left` agree on random numbers, positive ones unless `low` is negative."""
    pair = [expression_of(e) if isinstance(e, Polynomial) else e for e in (first, second)]
    places = list(product(*(range(1, EXTENTS[_EXTENT[name]] + 1) for name in left)))
    for values in (_random_values(1, low), _random_values(2, low)):
        for place in places:
            at = dict(zip(left, place, strict=True))
            a, b = (evaluate(e, values, EXTENTS, at, PRECISE) for e in pair)
            if not abs(a - b) <= 1e-30 * (1 + abs(a)):
                return False
    return True
