"""Expressions in one line of Unicode, as one would type them for a person: σⱼ² + ε, Σᵢ, ∂L/∂xᵢⱼ."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from sympy import (
    Abs,
    Add,
    Eq,
    Expr,
    Function,
    Ge,
    Gt,
    Indexed,
    Le,
    Lt,
    Mul,
    Ne,
    Pow,
    Rational,
    Sum,
    Symbol,
    cos,
    erf,
    exp,
    log,
    pi,
    sign,
    sin,
    tanh,
)
from sympy.core.relational import Relational
from sympy.printing.str import StrPrinter

from derive.functions import MaxOver, ProductOver, delta, log1p, maximum, minimum, relu, sigmoid, softplus, where
from derive.graph import Equation, Fact, Quantity
from derive.printing.arrange import Arrangement, decimal_text, is_decimal, is_power_of_ten
from derive.printing.layout import Layout
from derive.printing.names import Names
from derive.printing.symbols import BAR, read_name, subscript_text, superscript_text, unicode_symbol

# How functions and relations are called in Unicode, in any medium.
FUNCTIONS: dict[type, str] = {
    function: function.__name__
    for function in (log, exp, tanh, sin, cos, erf, sign, log1p, sigmoid, softplus, relu, where)
} | {maximum: "max", minimum: "min"}
RELATIONS: dict[type, str] = {Eq: "=", Ne: "≠", Lt: "<", Le: "≤", Gt: ">", Ge: "≥"}
FACT_RELATIONS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


class LayerTextPrinter(Arrangement, StrPrinter):
    """Prints expressions in Unicode; indices as subscripts where `subscripts` is set, else in square brackets."""

    _known = frozenset(
        {Add, Mul, Pow, Rational, Symbol, Indexed, Sum, MaxOver, ProductOver, Relational, type(pi), Abs, delta}
        | {Function}
    )
    _functions = FUNCTIONS
    _open_ended = (MaxOver,)

    def __init__(self, names: Names | None = None, subscripts: bool = True) -> None:
        super().__init__()
        self._names = names or Names()
        self._layout = Layout(self._names)
        self._subscripts = subscripts

    def equation(self, equation: Equation) -> str:
        """Left side = right side."""
        return f"{self.doprint(equation.left)} = {self.doprint(equation.expression)}"

    def fact(self, fact: Fact) -> str:
        """A fact with its relation."""
        return f"{self.doprint(fact.left)} {FACT_RELATIONS[fact.relation]} {self.doprint(fact.right)}"

    # Arrangement

    def bracket(self, text: str) -> str:
        """The text in parentheses."""
        return f"({text})"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        """Above/below on one line, with the brackets that the slash needs."""
        bottom = self.joined(below)
        top = self.bracket(above) if _has_outside(above, "+-/") else above
        return f"{top}/{self.bracket(bottom) if _has_outside(bottom, ' /') else bottom}"

    def raised(self, base: str, exponent: str) -> str:
        """A power, with a raised exponent where that is an integer."""
        if exponent.isdigit():
            return base + superscript_text(exponent)
        return f"{base}^{exponent if exponent.isalnum() else f'({exponent})'}"

    def root(self, radicand: str) -> str:
        """A square root."""
        return f"√{radicand}" if radicand.isalnum() else f"√({radicand})"

    def joined(self, factors: Sequence[str]) -> str:
        """A product with dots."""
        return " · ".join(factors)

    def number(self, value: Rational) -> str:
        """An integer, a fraction or a decimal."""
        if is_power_of_ten(value):
            return "10" + superscript_text(f"-{len(str(value.q)) - 1}")
        return decimal_text(value) if is_decimal(value) else str(value)

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity: its symbol with indices, or a derivative in the chosen notation."""
        quantity = self._names.quantity(name)
        printer = self._derived().get(quantity.role) if quantity else None
        if quantity is None or printer is None:
            symbol, exponent = unicode_symbol(self._names.reading(name))
            return self._with_indices(symbol, exponent, indices)
        return printer(quantity, indices)

    def _cotangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of = self.element(str(quantity.of), indices)
        if self._names.is_compound(quantity.of):
            of = self.bracket(of)
        if self._names.notation == "d" or self._names.is_lower(quantity):
            return f"d{'' if quantity.order == 1 else self._lowered(str(quantity.order))}{of}"
        if self._names.notation == "bar":
            return self._accented(str(quantity.of), indices, BAR, f"bar({of})")
        return f"∂{self.loss()}/∂{of}"

    def loss(self) -> str:
        """The symbol of what is differentiated; where the layer has an L of its own, that of print."""
        return "ℒ" if self._names.loss == "ℓ" else "".join(unicode_symbol(self._names.reading(self._names.loss)))

    def _tangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of = self.element(str(quantity.of), indices)
        if quantity.order > 1:
            nested = self._names.is_compound(quantity.of)
            return f"D{subscript_text(str(quantity.order))}{self.bracket(of) if nested else of}"
        return self._accented(str(quantity.of), indices, "\u0307", f"dot({of})")

    def _accented(self, of: str, indices: Sequence[Expr], accent: str, otherwise: str) -> str:
        """The symbol with an accent where it is a bare letter; a second accent would be illegible."""
        reading = self._names.reading(of)
        if self._names.is_derived(of) or not reading.is_letter or reading.accent or reading.exponent:
            return otherwise
        symbol, _ = unicode_symbol(reading)
        return self._with_indices(unicodedata.normalize("NFC", symbol[0] + accent) + symbol[1:], "", indices)

    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        return self.whole(quantity, indices) + self.by_way(quantity)

    def whole(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        """A cotangent or tangent; of a contribution, what it is a part of."""
        forward = quantity.role == "tangent" or quantity.mode == "forward"
        return (self._tangent if forward else self._cotangent)(quantity, indices)

    def by_way(self, quantity: Quantity) -> str:
        """What a contribution comes through, in parentheses."""
        return "(direct)" if quantity.via is None else f"(via {self.element(quantity.via, ())})"

    def _local_derivative(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        above, below = self._ends(quantity, indices)
        return f"∂{above}/∂{below}"

    def _is_simple_base(self, base: Expr) -> bool:
        # A function has its parentheses already.
        return type(base) in FUNCTIONS or super()._is_simple_base(base)

    # Indices

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        symbol, exponent = unicode_symbol(read_name(name))
        return symbol + exponent

    def _with_indices(self, symbol: str, exponent: str, indices: Sequence[Expr]) -> str:
        if not indices:
            return symbol + exponent
        texts = [self._print(index) for index in indices]
        if self._subscripts:
            return symbol + self._lowered("".join(texts)) + exponent
        return f"{symbol}{exponent}[{', '.join(texts)}]"

    def _lowered(self, text: str) -> str:
        lowered = subscript_text(text)
        if lowered is None:
            raise ValueError(f"{text!r} has no Unicode subscripts")
        return lowered

    # Nodes

    def _print_Symbol(self, symbol: Symbol) -> str:
        return self.index(symbol.name) if symbol.is_integer else self.element(symbol.name, ())

    def _print_Sum(self, expression: Sum) -> str:
        return self._reduced(expression, "Σ")

    def _print_ProductOver(self, expression: ProductOver) -> str:
        return self._reduced(expression, "Π")

    def _print_MaxOver(self, expression: MaxOver) -> str:
        return self._reduced(expression, "max")

    def _reduced(self, expression: Expr, sign: str) -> str:
        texts = [self._print(limit[0]) for limit in expression.limits]
        signs = [sign + (self._lowered(text) if self._subscripts else f"_{text}") for text in texts]
        return f"{' '.join(signs)} {self.body(expression)}"

    def _print_Relational(self, expression: Relational) -> str:
        return f"{self._print(expression.lhs)} {RELATIONS[type(expression)]} {self._print(expression.rhs)}"

    def _print_Pi(self, expression: Expr) -> str:
        return "π"

    def _print_Abs(self, expression: Abs) -> str:
        return f"|{self._print(expression.args[0])}|"

    def _print_delta(self, expression: delta) -> str:
        return self._with_indices("δ", "", expression.args)

    def _print_Function(self, expression: Function) -> str:
        return f"{self.function_name(expression)}({', '.join(self._print(a) for a in expression.args)})"


def _has_outside(text: str, characters: str) -> bool:
    """Whether one of the characters stands outside all parentheses."""
    depth = 0
    for char in text:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(char, 0)
        if depth == 0 and char in characters:
            return True
    return False


def can_be_subscripts(indices: Sequence[str]) -> bool:
    """Whether every index can be written as a Unicode subscript, so that all are."""
    return all(len(index) == 1 and subscript_text(index) is not None for index in indices)
