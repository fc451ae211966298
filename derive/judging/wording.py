"""A ratio of the author's side to the true one, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sympy import Expr, Integer, Mul, Pow

from derive.graph import extent_symbol
from derive.judging.ratio import is_number

Text = Callable[[Expr], str]


def words_for(formula: Expr, expression: Expr | None, extents: Sequence[str], text: Text) -> list[str]:
    """What a simple ratio means: as the coefficient and exponents that the author should have, or in general.

    `expression` is the author's, where it is known; `text` writes one in the layer grammar.
    """
    if formula == -1:
        return ["the sign is wrong"]
    for extent in extents:
        size = extent_symbol(extent)
        known = {
            size: f"the factor 1/{extent} is missing: a sum where a mean belongs",
            1 / size: f"the factor 1/{extent} is one too many: a mean where a sum belongs",
            size / (size - 1): f"{extent} - 1 where {extent} belongs",
            (size - 1) / size: f"{extent} where {extent} - 1 belongs",
        }
        if formula in known:
            return [known[formula]]
    found = list(_should_be(formula, expression, text)) if expression is not None else []
    base, exponent = base_and_exponent(formula)
    if not found and abs(exponent) == 1 and not isinstance(base, Mul) and not is_number(base):
        return [f"the factor {text(base)} is {'missing' if exponent == -1 else 'one too many'}"]
    if not found and is_number(formula) and formula != 0:
        return [f"the coefficient is {text(formula)} times what it should be"]
    return found


def _should_be(formula: Expr, expression: Expr, text: Text) -> Iterator[str]:
    """The coefficient and the exponents of a product, divided by a formula, where they are other ones then."""
    wrong, factors = formula.as_coeff_Mul()
    own, product = expression.as_coeff_Mul()
    exponents = dict(map(base_and_exponent, Mul.make_args(product)))
    lacking = dict(map(base_and_exponent, Mul.make_args(factors))) if factors != 1 else {}
    if not lacking.keys() <= exponents.keys():
        return
    if wrong != 1:
        yield f"the coefficient should be {text(own / wrong)}, not {text(own)}"
    for base, exponent in lacking.items():
        old = exponents[base]
        yield f"the exponent of {text(base)} should be {old - exponent}, not {old}"


def base_and_exponent(factor: Expr) -> tuple[Expr, Expr]:
    """x**a as x and a."""
    return (factor.base, factor.exp) if isinstance(factor, Pow) else (factor, Integer(1))
