"""The functions and reductions of the layer grammar, and what each builds in SymPy.

Adding a function to the grammar is adding a row here.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Expr, Integer, Mul, Pow, Rational, Sum

from derive import functions


def _inert(function: type[Expr]) -> Callable[[Expr], Expr]:
    """A function of SymPy's that evaluates only for a number.

    With SymPy's `distribute` off, tanh(-1 - c) would look for its sign without end.
    """
    return lambda e: function(e) if isinstance(e, Rational) else function(e, evaluate=False)


FUNCTIONS: dict[str, tuple[int, Callable[..., Expr]]] = {
    "sqrt": (1, lambda e: Pow(e, Rational(1, 2))),
    "exp": (1, _inert(sympy.exp)),
    "log": (1, _inert(sympy.log)),
    "log1p": (1, functions.log1p),
    "tanh": (1, _inert(sympy.tanh)),
    "sigmoid": (1, functions.sigmoid),
    "softplus": (1, functions.softplus),
    "erf": (1, _inert(sympy.erf)),
    "sin": (1, _inert(sympy.sin)),
    "cos": (1, _inert(sympy.cos)),
    "abs": (1, _inert(sympy.Abs)),
    "sign": (1, _inert(sympy.sign)),
    "relu": (1, functions.relu),
    "maximum": (2, functions.maximum),
    "minimum": (2, functions.minimum),
}
REDUCTIONS: dict[str, Callable[..., Expr]] = {
    "sum": Sum,
    "mean": lambda e, *limits: Mul(Sum(e, *limits), *(Pow(extent, -1) for _, _, extent in limits)),
    "max": functions.MaxOver,
    "prod": functions.ProductOver,
}
CONSTANTS: dict[str, Expr] = {"pi": sympy.pi}
WORDS = (*FUNCTIONS, *REDUCTIONS, *CONSTANTS, "where", "delta")


def multiply(factors: list[Expr]) -> Expr:
    """The product, in which 2*(x - mu) stays as it is written; Mul alone would make 2*x - 2*mu of it."""
    coefficient: Expr = Integer(1)
    others = []
    for factor in factors:
        number, other = factor.as_coeff_Mul()
        coefficient *= number
        others.append(other)
    number, product = Mul(*others).as_coeff_Mul()
    coefficient *= number
    if product.is_Add and coefficient not in (0, 1):
        return Mul(coefficient, product, evaluate=False)
    return Mul(coefficient, product)
