"""Visible rewrites of sums, one identity each."""

from __future__ import annotations

from sympy import Add, Expr, Indexed, Mul, Pow, Sum, Symbol
from sympy.logic.boolalg import Boolean

from derive.graph import name_of
from derive.indices import REDUCTIONS, free_indices, rebuild, separate_bound, substitute


def pull_out(expression: Expr) -> Expr:
    """sum_i c*a_i = c * sum_i a_i: what does not depend on the bound indices stands before its sum.

    A condition stays as it is: x == max(x) holds of the very same numbers, not of equal expressions.
    """
    if not expression.args or isinstance(expression, Boolean):
        return expression
    if isinstance(expression, Sum):
        bound = {limit[0] for limit in expression.limits}
        outside: list[Expr] = []
        inside: list[Expr] = []
        for factor in Mul.make_args(pull_out(expression.function)):
            (inside if bound & set(free_indices(factor)) else outside).append(factor)
        return Mul(*outside, Sum(Mul(*inside), *expression.limits))
    if isinstance(expression, REDUCTIONS):
        return expression
    return rebuild(expression, [pull_out(argument) for argument in expression.args])


def find_sums(expression: Expr) -> list[Sum]:
    """The outermost sums of an expression, in order; none of conditions."""
    if isinstance(expression, Boolean):
        return []
    if isinstance(expression, Sum):
        return [expression]
    return [found for argument in expression.args for found in find_sums(argument)]


def replace_sum(expression: Expr, old: Sum, new: Expr) -> Expr:
    """The expression with one of its outermost sums replaced."""
    if expression == old:
        return new
    if isinstance(expression, (*REDUCTIONS, Boolean)) or not expression.args:
        return expression
    return rebuild(expression, [replace_sum(argument, old, new) for argument in expression.args])


def put_in(expression: Expr, name: str, indices: tuple[Symbol, ...], value: Expr, opaque: bool = True) -> Expr:
    """The expression with every element of `name` replaced by `value`, which is written in `indices`.

    Without `opaque`, what stands under a root, in a denominator or in a function is left as it is.
    """
    # SymPy makes one sum of a sum of a sum, and loses one of two bound indices of the same name.
    return _put_in(expression, name, indices, separate_bound(value, "put in "), opaque)


def _put_in(expression: Expr, name: str, indices: tuple[Symbol, ...], value: Expr, opaque: bool) -> Expr:
    if isinstance(expression, (Indexed, Symbol)):
        if name_of(expression) != name:
            return expression
        at = expression.indices if isinstance(expression, Indexed) else ()
        return substitute(value, dict(zip(indices, at, strict=True)))
    if not expression.args or (not opaque and _is_opaque(expression)):
        return expression
    if isinstance(expression, REDUCTIONS):
        body = _put_in(expression.function, name, indices, value, opaque)
        return expression.func(body, *expression.limits)
    return rebuild(expression, [_put_in(argument, name, indices, value, opaque) for argument in expression.args])


def _is_opaque(expression: Expr) -> bool:
    if isinstance(expression, Pow):
        return not (expression.exp.is_Integer and expression.exp > 0)
    return not isinstance(expression, (Add, Mul, Sum))
