"""What the printers of formulas share: sums, products and powers in reading order, with no parenthesis lost.

`Arrangement` is mixed into a SymPy printer. It decides what stands where and what needs brackets; the medium says how a
fraction, a bracket or a power looks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Pow, Rational

from derive.functions import MaxOver, where
from derive.graph import Quantity, name_of
from derive.indices import REDUCTIONS, substitute
from derive.printing.layout import Layout, goes_below
from derive.printing.names import Names

_HALF = Rational(1, 2)


class Arrangement:
    """Sums, products and powers of a printer of formulas. Raises TypeError for a node without a row in `_known`."""

    _known: frozenset[type]
    _functions: Mapping[type, str]
    # What reaches as far as it can, so that a term behind it would seem to belong to it.
    _open_ended: tuple[type, ...] = (MaxOver, where)
    _names: Names
    _layout: Layout

    # What a medium must say.

    @abstractmethod
    def bracket(self, text: str) -> str:
        """The text in parentheses."""

    @abstractmethod
    def fraction(self, above: str, below: Sequence[str]) -> str:
        """A fraction; `below` are the factors below the line."""

    @abstractmethod
    def raised(self, base: str, exponent: str) -> str:
        """A power of a base that has its brackets already."""

    @abstractmethod
    def root(self, radicand: str) -> str:
        """A square root."""

    @abstractmethod
    def joined(self, factors: Sequence[str]) -> str:
        """A product of factors that have their brackets already."""

    @abstractmethod
    def number(self, value: Rational) -> str:
        """A rational number that is not negative."""

    @abstractmethod
    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity."""

    # How a sign looks; a medium with markup has its own.

    def negated(self, text: str) -> str:
        """The text with a minus before it."""
        return f"-{text}"

    def is_negated(self, text: str) -> bool:
        """Whether a text begins with a minus."""
        return text.startswith("-")

    def added(self, text: str, term: str, negative: bool) -> str:
        """A sum with one more term, or less it."""
        return f"{text}{' - ' if negative else ' + '}{term}"

    # What is written in terms of another quantity.

    @abstractmethod
    def _cotangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str: ...

    @abstractmethod
    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str: ...

    @abstractmethod
    def _local_derivative(self, quantity: Quantity, indices: Sequence[Expr]) -> str: ...

    @abstractmethod
    def _tangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str: ...

    def _derived(self) -> Mapping[str, Callable[[Quantity, Sequence[Expr]], str]]:
        return {
            "cotangent": self._cotangent,
            "contribution": self._contribution,
            "local_derivative": self._local_derivative,
            "tangent": self._tangent,
        }

    def _ends(self, quantity: Quantity, indices: Sequence[Expr]) -> tuple[str, str]:
        """What a local derivative is the derivative of, and by what."""
        renaming = {own.symbol: new for own, new in zip(quantity.indices, indices, strict=True)}
        above, below = (self._print(substitute(e, renaming)) for e in (quantity.numerator, quantity.denominator))
        return above, below

    def _print(self, expression: Any, **_: Any) -> str:
        for kind in type(expression).__mro__:
            if kind in self._known:
                text: str = getattr(self, f"_print_{kind.__name__}")(expression)
                return text
        raise self._unknown(expression)

    def _unknown(self, expression: object) -> TypeError:
        return TypeError(f"{type(self).__name__} cannot print a {type(expression).__name__}: {expression!r}")

    def function_name(self, expression: Function) -> str:
        """The name of a function that is written with its arguments in parentheses."""
        if type(expression) not in self._functions:
            raise self._unknown(expression)
        return self._functions[type(expression)]

    def _print_Add(self, expression: Add) -> str:
        terms = self._layout.terms(expression)
        text = ""
        for number, (negative, term) in enumerate(terms):
            last = number == len(terms) - 1
            body = self._unsigned(term)
            if isinstance(term, Add) or (not last and self._is_open(term)):
                body = self.bracket(body)
            if number:
                text = self.added(text, body, negative)
            else:
                text = self.negated(body) if negative else body
        return text

    def _print_Mul(self, expression: Mul) -> str:
        text = self._unsigned(expression)
        return self.negated(text) if self._layout.product(expression).negative else text

    def _print_Rational(self, value: Rational) -> str:
        return self.negated(self.number(abs(value))) if value < 0 else self.number(abs(value))

    def _print_Indexed(self, expression: Indexed) -> str:
        return self.element(str(name_of(expression)), expression.indices)

    def _print_Pow(self, expression: Pow) -> str:
        if goes_below(expression.exp):
            return self._unsigned(expression)
        if expression.exp == _HALF:
            return self.root(self._print(expression.base))
        return self.raised(self._base(expression.base), self._exponent(expression.exp))

    def _exponent(self, exponent: Expr) -> str:
        if isinstance(exponent, Rational):
            return str(exponent)
        return self._print(exponent)

    def _unsigned(self, expression: Expr) -> str:
        """An expression without its sign: a term of a sum, or a whole product."""
        if isinstance(expression, Rational):
            return self.number(abs(expression))
        product = self._layout.product(expression)
        if product.factors == (expression,):
            return self._print(expression)
        coefficient = product.coefficient
        front = [] if coefficient == 1 else [self.number(coefficient)]
        if product.denominator:
            above = [] if coefficient.p == 1 else [self.number(Integer(coefficient.p))]
            below = [] if coefficient.q == 1 else [self.number(Integer(coefficient.q))]
            if is_decimal(coefficient):
                above, below = [self.number(coefficient)], []
            above = above if above or product.numerator else [self.number(Integer(1))]
            numerator = self._factors(product.numerator, front=above)
            front = [self.fraction(self.joined(numerator), self._factors(product.denominator, front=below))]
        factors = self._factors(product.factors, front=front, enclosed=False)
        return self.joined(factors) if factors else self.number(coefficient)

    def _factors(self, factors: Sequence[Expr], front: Sequence[str], enclosed: bool = True) -> list[str]:
        # What stands alone above or below a fraction's line is enclosed by it.
        alone = enclosed and not front and len(factors) == 1
        printed = list(front)
        for number, factor in enumerate(factors):
            text = self._print(factor)
            last = number == len(factors) - 1
            reaching = not last and isinstance(factor, (*REDUCTIONS, *self._open_ended))
            if not alone and (isinstance(factor, Add) or reaching or self.is_negated(text)):
                text = self.bracket(text)
            printed.append(text)
        return printed

    def _base(self, base: Expr) -> str:
        """The base of a power, in brackets unless it is one symbol."""
        text = self._print(base)
        return text if self._is_simple_base(base) else self.bracket(text)

    def _is_simple_base(self, base: Expr) -> bool:
        if isinstance(base, Integer):
            return bool(base >= 0)
        if isinstance(base, Rational):
            return False
        name = name_of(base)
        if name is None:
            return bool(base.is_Symbol)
        quantity = self._names.quantity(name)
        own = quantity.latex if quantity else None
        if quantity is not None and quantity.role == "cotangent":  # dx squared is not d of x squared
            return False
        return not (self._names.is_compound(name) or self._names.reading(name).exponent or (own and "^" in own))

    def _is_open(self, term: Expr) -> bool:
        """Whether a term ends in something whose reach is not clear from what follows."""
        factors = self._layout.product(term).factors
        last = factors[-1] if factors else None
        if isinstance(last, REDUCTIONS) and not isinstance(last, MaxOver):
            return self._is_open(last.function)
        return isinstance(last, self._open_ended)

    def body(self, reduction: Expr) -> str:
        """What stands behind a sum sign: in brackets where it is a sum, or has a sign, itself."""
        inner = reduction.function
        text = self._print(inner)
        signed = isinstance(inner, Add) or self._layout.product(inner).negative
        return self.bracket(text) if signed else text


def is_decimal(value: Rational) -> bool:
    """Whether a rational is better written as a decimal: 0.044715, but not 1/2."""
    rest = int(value.q)
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1 and value.q > 100


def is_power_of_ten(value: Rational) -> bool:
    """Whether a rational is 10**-3 or smaller still, which is better written as a power."""
    return bool(value.p == 1 and value.q > 100 and str(value.q).rstrip("0") == "1")


def decimal_text(value: Rational) -> str:
    """The exact decimal of a rational for which `is_decimal` holds."""
    digits, scaled = 0, value
    while scaled.q != 1:
        digits, scaled = digits + 1, scaled * 10
    text = str(abs(int(scaled))).rjust(digits + 1, "0")
    return ("-" if value < 0 else "") + f"{text[:-digits]}.{text[-digits:]}"
