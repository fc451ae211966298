"""Visible rewrites of sums, one identity each."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, Indexed, Integer, Mul, Sum, Symbol

from derive.graph import name_of
from derive.indices import REDUCTIONS, free_indices, rebuild, substitute


def pull_out(expression: Expr) -> Expr:
    """sum_i c*a_i = c * sum_i a_i: what does not depend on the bound indices stands before its sum."""
    if not expression.args:
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
    """The outermost sums of an expression, in order."""
    if isinstance(expression, Sum):
        return [expression]
    return [found for argument in expression.args for found in find_sums(argument)]


def replace_sum(expression: Expr, old: Sum, new: Expr) -> Expr:
    """The expression with one of its outermost sums replaced."""
    if expression == old:
        return new
    if isinstance(expression, REDUCTIONS) or not expression.args:
        return expression
    return rebuild(expression, [replace_sum(argument, old, new) for argument in expression.args])


def put_in(expression: Expr, name: str, indices: tuple[Symbol, ...], value: Expr) -> Expr:
    """The expression with every element of `name` replaced by `value`, which is written in `indices`."""
    return map_elements(expression, name, lambda at: substitute(value, dict(zip(indices, at, strict=True))))


def map_elements(expression: Expr, name: str, change: Callable[[tuple[Expr, ...]], Expr]) -> Expr:
    """The expression with every element of `name` replaced by what `change` makes of its indices."""
    if isinstance(expression, (Indexed, Symbol)):
        if name_of(expression) != name:
            return expression
        return change(tuple(expression.indices) if isinstance(expression, Indexed) else ())
    if not expression.args or isinstance(expression, Integer):
        return expression
    if isinstance(expression, REDUCTIONS):
        return expression.func(map_elements(expression.function, name, change), *expression.limits)
    return rebuild(expression, [map_elements(argument, name, change) for argument in expression.args])
