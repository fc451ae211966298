"""Expressions and equations in MathML, made from the nodes themselves and not by way of LaTeX.

    Input    an expression, an equation or a fact of a derivation
    Output   markup of elements that stand side by side, for a `<math>` or an `<mrow>`

Only MathML Core is used. Every symbol of a quantity has its name in `data-q`, so that a page can light it up wherever
it stands. A sign between terms has the class `t`, a place between factors `f`: there a long line may be broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sympy import (
    Abs,
    Add,
    Expr,
    Function,
    Indexed,
    Integer,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    cos,
    exp,
    pi,
    sin,
    tanh,
)
from sympy.core.relational import Relational
from sympy.printing.printer import Printer

from derive.functions import MaxOver, ProductOver, delta, log1p, where
from derive.graph import Equation, Fact, Quantity, name_of
from derive.printing.arrange import Arrangement, decimal_text, is_decimal, is_power_of_ten
from derive.printing.layout import Layout
from derive.printing.mathml_names import accented, glyph_of, letter
from derive.printing.names import Names
from derive.printing.text_math import FACT_RELATIONS, FUNCTIONS, RELATIONS

_MINUS = '<mo form="prefix">−</mo>'
_TIMES = '<mo class="f" lspace="0.17em" rspace="0">\u2062</mo>'  # invisible, with the thin space of print
_DOT = '<mo class="f">⋅</mo>'
_APPLIED = "<mo>\u2061</mo>"
_UPRIGHT_D = '<mi mathvariant="normal">d</mi>'
# What is too tall for the raised position.
_TALL = ("<mfrac", "<munder", "<mtable", '<mrow class="b">')


class LayerMathmlPrinter(Arrangement, Printer):
    """Prints the expressions of a layer and of its derivation; without `marks` no symbol says whose it is."""

    _known = frozenset(
        {Add, Mul, Pow, Rational, Symbol, Indexed, Sum, MaxOver, ProductOver, Relational, type(pi), exp, Abs}
        | {log1p, where, delta, Function}
    )
    _functions = FUNCTIONS

    def __init__(self, names: Names | None = None, marks: bool = True) -> None:
        super().__init__()
        self._names = names or Names()
        self._layout = Layout(self._names)
        self._slanted = False
        self._marks = marks

    def equation(self, equation: Equation) -> str:
        """Left side = right side; the sign has the class `r`."""
        return self.related(self._markup(equation.left), "=", self._markup(equation.expression))

    def fact(self, fact: Fact) -> str:
        """A fact with its relation."""
        return self.related(self._markup(fact.left), FACT_RELATIONS[fact.relation], self._markup(fact.right))

    def inline(self, expression: Expr) -> str:
        """An expression for a line of text: a derivative that stands alone is written ∂L/∂x."""
        self._slanted = name_of(expression) is not None
        text = self._markup(expression)
        self._slanted = False
        return text

    def related(self, left: str, relation: str, right: str) -> str:
        """Two sides with a sign between them."""
        return f'{left}<mo class="r">{escape(relation)}</mo>{right}'

    def called(self, text: str, name: str) -> str:
        """A formula with the name that its value has from here on; both are markup."""
        return f'{text}<mo class="t">≕</mo>{name}'

    def _markup(self, expression: Expr) -> str:
        return str(self.doprint(expression))

    # Arrangement

    def negated(self, text: str) -> str:
        """The markup with a minus before it."""
        return _MINUS + text

    def is_negated(self, text: str) -> bool:
        """Whether markup begins with a minus."""
        return text.startswith(_MINUS)

    def added(self, text: str, term: str, negative: bool) -> str:
        """A sum with one more term, or less it."""
        return f'{text}<mo class="t" form="infix">{"−" if negative else "+"}</mo>{term}'

    def bracket(self, text: str) -> str:
        """The markup in parentheses that grow with it."""
        return f'<mrow class="b"><mo form="prefix">(</mo>{text}<mo form="postfix">)</mo></mrow>'

    def fraction(self, above: str, below: Sequence[str]) -> str:
        """A fraction."""
        return f"<mfrac>{row(above)}{row(self.joined(below))}</mfrac>"

    def raised(self, base: str, exponent: str) -> str:
        """A power."""
        return f"<msup>{row(base)}{row(exponent)}</msup>"

    def root(self, radicand: str) -> str:
        """A square root."""
        return f"<msqrt>{radicand}</msqrt>"

    def joined(self, factors: Sequence[str]) -> str:
        """A product by juxtaposition; a dot before a number."""
        text = ""
        for factor in factors:
            between = _DOT if factor.startswith(("<mn>", "<mfrac><mn>")) else _TIMES
            text += between + factor if text else factor
        return text

    def number(self, value: Rational) -> str:
        """An integer, a fraction, or a decimal where the denominator is a large power of ten."""
        if value.q == 1:
            return f"<mn>{value.p}</mn>"
        if is_power_of_ten(value):
            return f"<msup><mn>10</mn><mrow>{_MINUS}<mn>{len(str(value.q)) - 1}</mn></mrow></msup>"
        if is_decimal(value):
            return f"<mn>{decimal_text(value)}</mn>"
        return f"<mfrac><mn>{value.p}</mn><mn>{value.q}</mn></mfrac>"

    def _exponent(self, exponent: Expr) -> str:
        if not isinstance(exponent, Rational):
            return self._markup(exponent)
        size = f"<mn>{abs(exponent.p)}</mn>" + ("" if exponent.q == 1 else f"<mo>/</mo><mn>{exponent.q}</mn>")
        return self.negated(size) if exponent < 0 else size

    # Elements of quantities

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity: its symbol with indices, or a derivative in the chosen notation."""
        quantity = self._names.quantity(name)
        printer = self._derived().get(quantity.role) if quantity and quantity.latex is None else None
        if quantity is None or printer is None:
            glyph = glyph_of(name, quantity.latex if quantity else None, self._names.reading(name))
            return glyph.at(self._indices(indices), self._mark(name))
        before, self._marks = self._marks, False  # what is inside is a part of this symbol
        text = printer(quantity, indices)
        self._marks = before
        return f"<mrow{self._mark(name)}>{text}</mrow>"

    def _mark(self, name: str) -> str:
        return f' data-q="{escape(name)}"' if self._marks else ""

    def _cotangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of = self.element(str(quantity.of), indices)
        of = self.bracket(of) if self._names.is_compound(quantity.of) else of
        if self._names.notation == "d" or self._names.is_lower(quantity):
            return self._of_order(_UPRIGHT_D, quantity.order) + of
        if self._names.notation == "bar":
            return f'<mover accent="true">{row(of)}<mo stretchy="true">¯</mo></mover>'
        return self._quotient(f"<mo>∂</mo>{self._loss()}", f"<mo>∂</mo>{of}")

    def _loss(self) -> str:
        return "<mi>ℒ</mi>" if self._names.loss == "ℓ" else self.element(self._names.loss, ())

    def _of_order(self, letter: str, order: int) -> str:
        return letter if order == 1 else f"<msub>{letter}<mn>{order}</mn></msub>"

    def _quotient(self, above: str, below: str) -> str:
        if self._slanted:
            return f'{above}<mo lspace="0" rspace="0">/</mo>{below}'
        return f"<mfrac>{row(above)}{row(below)}</mfrac>"

    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        via = "<mtext>direct</mtext>"
        if quantity.via is not None:
            via = f"<mtext>via\u00a0</mtext>{self.symbol(quantity.via)}"
        whole = self._tangent if quantity.mode == "forward" else self._cotangent
        bar = '<mo form="postfix" stretchy="true" lspace="0" rspace="0">|</mo>'
        return f"<msub><mrow>{whole(quantity, indices)}{bar}</mrow>{row(via)}</msub>"

    def _local_derivative(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        above, below = self._ends(quantity, indices)
        return self._quotient(f"<mo>∂</mo>{above}", f"<mo>∂</mo>{below}")

    def _tangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of, nested = self.element(str(quantity.of), indices), self._names.is_compound(quantity.of)
        if quantity.order > 1:
            return self._of_order('<mi mathvariant="normal">D</mi>', quantity.order) + (
                self.bracket(of) if nested else of
            )
        primal = self._names.quantity(str(quantity.of))
        glyph = glyph_of(str(quantity.of), primal.latex if primal else None, self._names.reading(str(quantity.of)))
        # A dot on the letter of a square would be read as the square of a dotted letter.
        if self._names.is_derived(quantity.of) or glyph.exponent:
            return f"<msup>{row(self.bracket(of))}<mo>∙</mo></msup>"
        return glyph.with_base(accented(glyph.base, "\u0307")).at(self._indices(indices), "")

    # Names

    def symbol(self, name: str) -> str:
        """The symbol of a quantity without indices."""
        return self.element(name, ()) if self._names.role(name) != "local_derivative" else letter(name)

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return glyph_of(name).at("", "")

    def _indices(self, indices: Sequence[Expr]) -> str:
        printed = [self._print(index) for index in indices]
        short = all(text.startswith(("<mi>", "<mn>")) and len(text) == len("<mi>i</mi>") for text in printed)
        return ("" if short else "<mo>,</mo>").join(printed)

    # Nodes

    def _print_Symbol(self, symbol: Symbol) -> str:
        return self.index(symbol.name) if symbol.is_integer else self.element(symbol.name, ())

    def _print_Sum(self, expression: Sum) -> str:
        return self._reduced(expression, "∑")

    def _print_ProductOver(self, expression: ProductOver) -> str:
        return self._reduced(expression, "∏")

    def _print_MaxOver(self, expression: MaxOver) -> str:
        signs = ""
        for symbol, _, high in expression.limits:
            below = f"<mn>1</mn><mo>≤</mo>{self._print(symbol)}<mo>≤</mo>{self._print(high)}"
            signs += f'<munder><mo movablelimits="true" rspace="0.17em">max</mo>{row(below)}</munder>'
        return signs + self.body(expression)

    def _reduced(self, expression: Expr, operator: str) -> str:
        signs = ""
        for symbol, _, high in expression.limits:
            below = f"{self._print(symbol)}<mo>=</mo><mn>1</mn>"
            signs += f"<munderover><mo>{operator}</mo>{row(below)}{row(self._print(high))}</munderover>"
        return signs + self.body(expression)

    def _print_Relational(self, expression: Relational) -> str:
        relation = escape(RELATIONS[type(expression)])
        return f"{self._print(expression.lhs)}<mo>{relation}</mo>{self._print(expression.rhs)}"

    def _print_Pi(self, expression: Expr) -> str:
        return "<mi>π</mi>"

    def _print_exp(self, expression: exp) -> str:
        exponent = self._print(expression.args[0])
        if any(tall in exponent for tall in _TALL):
            return f"<mi>exp</mi>{_APPLIED}{self.bracket(exponent)}"
        return f'<msup><mi mathvariant="normal">e</mi>{row(exponent)}</msup>'

    def _print_Abs(self, expression: Abs) -> str:
        inside = self._print(expression.args[0])
        return f'<mrow><mo form="prefix" stretchy="true">|</mo>{inside}<mo form="postfix" stretchy="true">|</mo></mrow>'

    def _print_log1p(self, expression: log1p) -> str:
        argument = self._print(expression.args[0])
        negative = self.is_negated(argument)
        inside = self.added("<mn>1</mn>", argument.removeprefix(_MINUS), negative)
        return f"<mi>log</mi>{_APPLIED}{self.bracket(inside)}"

    def _print_where(self, expression: where) -> str:
        condition, a, b = (self._print(argument) for argument in expression.args)
        rows = ((a, f"<mtext>if\u00a0</mtext>{condition}"), (b, "<mtext>otherwise</mtext>"))
        cells = "".join(f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>" for value, when in rows)
        return f'<mrow><mo form="prefix">{{</mo><mtable class="cases">{cells}</mtable></mrow>'

    def _print_delta(self, expression: delta) -> str:
        return f"<msub><mi>δ</mi>{row(self._indices(expression.args))}</msub>"

    def _print_Pow(self, expression: Pow) -> str:
        base = expression.base
        if isinstance(base, (tanh, sin, cos)) and isinstance(expression.exp, Integer) and expression.exp > 1:
            raised = f"<msup><mi>{FUNCTIONS[type(base)]}</mi><mn>{expression.exp}</mn></msup>"
            return raised + _APPLIED + self._arguments(base.args)
        return super()._print_Pow(expression)

    def _print_Function(self, expression: Function) -> str:
        return f"<mi>{self.function_name(expression)}</mi>{_APPLIED}{self._arguments(expression.args)}"

    def _arguments(self, arguments: Sequence[Expr]) -> str:
        return self.bracket("<mo>,</mo>".join(self._print(argument) for argument in arguments))


def row(markup: str) -> str:
    """The elements as one."""
    return f"<mrow>{markup}</mrow>"
