"""Expressions about single elements, as text for compiled loops: Python for Numba, or C.

    gamma[j]*xhat_ij/(N*sqrt(var[j] + eps))  ──▶  gamma[j] * xhat_ij / (N * math.sqrt(var[j] + eps))

All arithmetic is in float64. Names, numbers and indices are those of `schedule`: an Indexed is an element of an array,
a Symbol a number or an extent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Abs, Add, Expr, Indexed, Integer, Mul, NumberSymbol, Pow, Rational, Symbol, sign
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne, Relational

from derive.codegen.axes import ATOM, COMPARISON, PRODUCT, SUM
from derive.codegen.decimals import decimal_text
from derive.codegen.schedule.moments import rounding_error
from derive.functions import delta, log1p, maximum, minimum, relu, sigmoid, softplus, where
from derive.printing.layout import Layout

_RELATIONS: dict[type[Relational], str] = {Eq: "==", Ne: "!=", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}
# What C's and Python's libraries call the same.
_MATH: dict[type[Expr], str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    log1p: "log1p",
    sympy.tanh: "tanh",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.erf: "erf",
}
# What a module brings along, where it needs them; the names have the dialect's prefix.
_OWN: dict[type[Expr], str] = {
    sigmoid: "sigmoid",
    softplus: "softplus",
    relu: "relu",
    sign: "sign",
    maximum: "larger",
    minimum: "smaller",
}
_TIMES, _PLUS = " * ", " + "
# What a call of a function of the library costs, in passes over the same elements.
_CALL = 8


@dataclass(frozen=True)
class Dialect:
    """How a language writes what Python and C do not write alike.

    `math` and `own` are the prefixes of the library's functions and of a module's own, `functions` those that are
    called something else altogether. `name` says what a number, an extent or an index is called.
    """

    math: str
    own: str
    element: Callable[[str, Sequence[str]], str]
    extent: str
    choose: str
    absolute: str
    constants: Mapping[type[Expr], str]
    functions: Mapping[type[Expr], str]
    name: Callable[[str], str] = str


class ScalarPrinter:
    """Prints expressions in a dialect; `layout` has the reading order of factors and terms.

    Raises TypeError, with the type's name, for a node that it does not know.
    """

    def __init__(self, dialect: Dialect, layout: Layout) -> None:
        self._dialect, self._layout = dialect, layout

    def text(self, expression: Expr) -> str:
        """The text of an expression."""
        return self._print(expression)[0]

    def _within(self, expression: Expr, precedence: int) -> str:
        text, own = self._print(expression)
        return text if own >= precedence else f"({text})"

    def _print(self, expr: Expr) -> tuple[str, int]:
        if isinstance(expr, Indexed):
            indices = [self._dialect.name(str(index)) for index in expr.indices]
            return self._dialect.element(str(expr.base.label), indices), ATOM
        if isinstance(expr, Symbol):
            name = self._dialect.name(str(expr))
            return (self._dialect.extent.format(name) if expr.is_integer else name), ATOM
        if isinstance(expr, Rational):
            return self._rational(expr)
        if isinstance(expr, NumberSymbol) and type(expr) in self._dialect.constants:
            return self._dialect.constants[type(expr)], ATOM
        if isinstance(expr, Add):
            return self._sum(expr)
        if isinstance(expr, Mul) or (isinstance(expr, Pow) and expr.exp.is_Rational and expr.exp < 0):
            return self._product(expr)
        if isinstance(expr, Pow) and not isinstance(expr, sympy.exp):
            return self._power(expr.base, expr.exp)
        return self._function(expr), ATOM

    def _rational(self, value: Rational) -> tuple[str, int]:
        size = abs(value)
        decimal = decimal_text(size)
        text, precedence = (f"{size.p}.0 / {size.q}.0", PRODUCT) if decimal is None else (_float(decimal), ATOM)
        return (f"-{text}", SUM) if value < 0 else (text, precedence)

    def _sum(self, expr: Add) -> tuple[str, int]:
        text = ""
        terms = sorted(self._layout.terms(expr), key=lambda term: term[0])  # what is added first
        for negative, term in terms:
            operator = (" - " if negative else _PLUS) if text else ("-" if negative else "")
            text += operator + self._within(-term if negative else term, SUM + 1)
        return text, SUM

    def _product(self, expr: Expr) -> tuple[str, int]:
        product = self._layout.product(expr)
        below = list(product.denominator)
        above: list[Expr] = []
        for factor in (*product.numerator, *product.factors):
            if isinstance(factor, Pow) and factor.exp.is_Rational and factor.exp < 0:
                below.append(Pow(factor.base, -factor.exp))  # v**(-3/2)
            else:
                above.append(factor)
        decimal = decimal_text(product.coefficient)
        number, divisor = (decimal, "1") if decimal is not None else map(str, product.coefficient.as_numer_denom())
        top = [] if number == "1" and above else [_float(number)]
        top += [self._within(factor, PRODUCT) for factor in above]
        bottom = [] if divisor == "1" else [f"{divisor}.0"]
        bottom += [self._within(factor, ATOM if len(below) == 1 and not bottom else PRODUCT) for factor in below]
        text = _TIMES.join(top)
        if bottom:
            text += f" / {bottom[0]}" if len(bottom) == 1 else f" / ({_TIMES.join(bottom)})"
        precedence = PRODUCT if len(top) > 1 or bottom or not above else self._print(above[0])[1]
        return (f"-{text}", SUM) if product.negative else (text, precedence)

    def _power(self, base: Expr, exponent: Expr) -> tuple[str, int]:
        if exponent == Rational(1, 2):
            return f"{self._dialect.math}sqrt({self.text(base)})", ATOM
        if exponent == Rational(3, 2):
            inside = self._within(base, PRODUCT)
            return f"{inside} * {self._dialect.math}sqrt({self.text(base)})", PRODUCT
        if exponent == 2:
            return f"{self._dialect.own}square({self.text(base)})", ATOM
        if isinstance(exponent, Integer) and 2 < exponent <= 4 and (isinstance(base, (Indexed, Symbol))):
            return _TIMES.join([self._within(base, PRODUCT)] * int(exponent)), PRODUCT
        return f"{self._dialect.math}pow({self.text(base)}, {self.text(exponent)})", ATOM

    def _function(self, expr: Expr) -> str:
        kind = type(expr)
        if kind is rounding_error:
            total, one, other = (self._within(argument, ATOM) for argument in expr.args)
            part = f"({total} - {one})"
            return f"(({one} - ({total} - {part})) + ({other} - {part}))"
        if kind is where:
            condition, one, other = expr.args
            return self._dialect.choose.format(self._condition(condition), self.text(one), self.text(other))
        if kind is delta:
            one, other = (self._dialect.name(str(index)) for index in expr.args)
            return "1.0" if one == other else self._dialect.choose.format(f"{one} == {other}", "1.0", "0.0")
        arguments = ", ".join(self.text(argument) for argument in expr.args)
        if kind is Abs:
            return f"{self._dialect.absolute}({arguments})"
        if kind in self._dialect.functions:
            return f"{self._dialect.functions[kind]}({arguments})"
        if kind in _MATH:
            return f"{self._dialect.math}{_MATH[kind]}({arguments})"
        if kind in _OWN:
            return f"{self._dialect.own}{_OWN[kind]}({arguments})"
        raise TypeError(f"there are no loops for {kind.__name__}: {expr}")

    def _condition(self, condition: Expr) -> str:
        if type(condition) in _RELATIONS:
            left, right = (self._within(side, COMPARISON + 1) for side in condition.args)
            return f"{left} {_RELATIONS[type(condition)]} {right}"
        if condition in (sympy.true, sympy.false):
            return "1 == 1" if condition == sympy.true else "1 == 0"
        raise TypeError(f"there are no loops for {type(condition).__name__}: {condition}")


def price_of_calls(expression: Expr, known: Mapping[type[Expr], int]) -> int:
    """What the functions in an expression cost: `known` has those that cost less than a function of the library."""
    calls = expression.atoms(*_MATH, sigmoid, softplus)
    powers = [power for power in expression.atoms(Pow) if not (2 * power.exp).is_Integer]
    return sum(known.get(type(call), _CALL) for call in calls) + _CALL * len(powers)


def _float(decimal: str) -> str:
    """A decimal number as a literal that is no integer: 3.0, 0.5, 1e-5."""
    return decimal if any(letter in decimal for letter in ".e") else f"{decimal}.0"
