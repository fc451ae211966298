"""Extents that divide a sum, taken into it where they cancel: an operation less on the largest arrays.

    a[j]/N*(N*dy[i, j] - b[j] - c[j]*xhat[i, j])  ──▶  a[j]*(dy[i, j] - b[j]/N - c[j]/N*xhat[i, j])
"""

from __future__ import annotations

from sympy import Add, Expr, Indexed, Mul, Pow, Symbol
from sympy.core.relational import Relational

from derive.graph import name_of
from derive.indices import free_indices


def divided_inside(expression: Expr) -> Expr:
    """The expression with each such sum divided term by term, where that makes less work.

    Conditions stay as they are: rounded in another way, they might not hold where they did.
    """
    if not expression.args or isinstance(expression, (Indexed, Relational)):
        return expression
    arguments = [divided_inside(argument) for argument in expression.args]
    made: Expr = expression if tuple(arguments) == expression.args else expression.func(*arguments)
    if not isinstance(made, Mul):
        return made
    for sum_ in made.args:
        if isinstance(sum_, Add):
            for divisor in dict.fromkeys(_shared(made, term) for term in sum_.args):
                if divisor != 1 and _saved(sum_, divisor) > 0:
                    others = (factor for factor in made.args if factor is not sum_)
                    return Mul(divisor, *others, Add(*(term / divisor for term in sum_.args)))
    return made


def _shared(product: Mul, term: Expr) -> Expr:
    """The extents that divide a product and are factors of a term."""
    below = {power.base for power in product.args if isinstance(power, Pow) and power.exp == -1}
    return Mul(*(factor for factor in Mul.make_args(term) if _is_extent(factor) and factor in below))


def _is_extent(factor: Expr) -> bool:
    return isinstance(factor, Symbol) and name_of(factor) is None


def _saved(sum_: Add, divisor: Expr) -> int:
    """How many operations on arrays with all axes of a sum are saved when its terms are divided one by one."""
    axes = set(free_indices(sum_))
    saved = 0
    for term in sum_.args:
        factors = [factor for factor in Mul.make_args(term) if factor != -1]
        large = [factor for factor in factors if set(free_indices(factor)) == axes]
        small = [factor for factor in factors if factor not in large]
        if large and set(small) == set(Mul.make_args(divisor)):
            saved += 1  # nothing is left to multiply by
        elif large and not any(free_indices(factor) or factor in Mul.make_args(divisor) for factor in small):
            saved -= 1
    return saved
