"""Expressions as they are laid out in two dimensions: the structure of MathML, the symbols of a line of text.

    Input    an expression, an equation or a fact of a derivation
    Output   markup for `mathml_blocks`, in which each symbol is one element: <mi>x̂ᵢⱼ</mi>, <mi>s[row, col]</mi>

So a symbol looks the same in a formula as in the sentence before it. Only derivatives are taken apart, as fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sympy import Expr
from sympy.core.relational import Relational

from derive.functions import delta
from derive.graph import Quantity
from derive.printing.mathml import LayerMathmlPrinter, row
from derive.printing.mathml_names import letter
from derive.printing.names import Names
from derive.printing.text_math import RELATIONS, LayerTextPrinter


class LayerBlockPrinter(LayerMathmlPrinter):
    """Prints for the terminal; indices as subscripts where `subscripts` is set, else in square brackets."""

    def __init__(self, names: Names | None = None, subscripts: bool = True) -> None:
        super().__init__(names)
        self._text = LayerTextPrinter(names, subscripts)

    def called(self, text: str, name: str) -> str:
        """A formula with the name that its value has from here on; both are markup."""
        return f'{text}<mo class="t">=:</mo>{name}'

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity: its symbol with indices, or a derivative in the chosen notation."""
        quantity = self._names.quantity(name)
        printer = self._derived().get(quantity.role) if quantity else None
        if quantity is None or printer is None:
            return letter(self._text.element(name, indices))
        return row(printer(quantity, indices))

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return letter(self._text.index(name))

    def _cotangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        symbol = self._text.whole(quantity, indices)
        # What has no symbol of its own is a fraction, or has a line above it.
        if "/" in symbol or symbol.startswith("bar("):
            return super()._cotangent(quantity, indices)
        return letter(symbol)

    def _loss(self) -> str:
        return letter(self._text.loss())

    def _tangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        return letter(self._text.whole(quantity, indices))

    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        whole = self._tangent if quantity.mode == "forward" else self._cotangent
        return f"{whole(quantity, indices)}<mtext>{escape(self._text.by_way(quantity))}</mtext>"

    def _print_Relational(self, expression: Relational) -> str:
        # As a sign between terms: a condition can be broken there.
        left, right = self._print(expression.lhs), self._print(expression.rhs)
        return f'{left}<mo class="t">{escape(RELATIONS[type(expression)])}</mo>{right}'

    def _print_delta(self, expression: delta) -> str:
        return letter(self._text.doprint(expression))
