r"""Expressions and equations in LaTeX: hats, subscripts x_{ij}, \partial, \sum with limits.

Only amsmath is needed for what is printed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import (
    Abs,
    Add,
    Eq,
    Expr,
    Function,
    Ge,
    Gt,
    Indexed,
    Integer,
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
from sympy.printing.latex import LatexPrinter

from derive.functions import (
    MaxOver,
    ProductOver,
    delta,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    where,
)
from derive.graph import Equation, Fact, Quantity, name_of
from derive.printing.arrange import Arrangement, decimal_text, is_decimal, is_power_of_ten
from derive.printing.layout import Layout
from derive.printing.names import Names, Notation
from derive.printing.symbols import Glyph, Reading, latex_glyph, parse_glyph, read_name

# Functions of one or more arguments in parentheses.
_FUNCTIONS: dict[type, str] = {
    log: r"\log",
    tanh: r"\tanh",
    sin: r"\sin",
    cos: r"\cos",
    erf: r"\operatorname{erf}",
    sign: r"\operatorname{sign}",
    relu: r"\operatorname{relu}",
    sigmoid: r"\operatorname{sigmoid}",
    softplus: r"\operatorname{softplus}",
    maximum: r"\max",
    minimum: r"\min",
}
_D = r"\mathrm{d}"  # of a gradient, where it has no loss above it
_THIN = r"\,"
# Those whose powers are written behind the name: \tanh^{2}.
_RAISED_BEHIND_NAME = (tanh, sin, cos)
_RELATIONS: dict[type, str] = {Eq: "=", Ne: r"\ne", Lt: "<", Le: r"\le", Gt: ">", Ge: r"\ge"}
_FACT_RELATIONS = {"==": "=", "!=": r"\ne", "<": "<", "<=": r"\le", ">": ">", ">=": r"\ge"}


class LayerLatexPrinter(Arrangement, LatexPrinter):
    """Prints the expressions of a layer and of its derivation."""

    _known = frozenset(
        {Add, Mul, Pow, Rational, Symbol, Indexed, Sum, MaxOver, ProductOver, Relational, type(pi), exp, Abs}
        | {log1p, where, delta, Function}
    )
    _functions = _FUNCTIONS

    def __init__(self, names: Names | None = None) -> None:
        super().__init__()
        self._names = names or Names()
        self._layout = Layout(self._names)
        self._slanted = False
        self._glyphs: dict[str, Glyph] = {}

    def equation(self, equation: Equation) -> tuple[str, str]:
        """Both sides of an equation."""
        return self.doprint(equation.left), self.doprint(equation.expression)

    def fact(self, fact: Fact) -> tuple[str, str, str]:
        """Left side, relation, right side of a fact."""
        return self.doprint(fact.left), _FACT_RELATIONS[fact.relation], self.doprint(fact.right)

    def inline(self, expression: Expr) -> str:
        r"""An expression for a line of text: a derivative that stands alone is written \partial L/\partial x."""
        self._slanted = name_of(expression) is not None
        latex = str(self.doprint(expression))
        self._slanted = False
        return latex

    def _quotient(self, above: str, below: str) -> str:
        return f"{above}/{below}" if self._slanted else rf"\frac{{{above}}}{{{below}}}"

    # Arrangement

    def bracket(self, text: str) -> str:
        """The text in parentheses that grow with it."""
        return rf"\left({text}\right)"

    def fraction(self, above: str, below: Sequence[str]) -> str:
        r"""A \frac."""
        return rf"\frac{{{above}}}{{{self.joined(below)}}}"

    def raised(self, base: str, exponent: str) -> str:
        """A power."""
        return f"{base}^{{{exponent}}}"

    def root(self, radicand: str) -> str:
        r"""A \sqrt."""
        return rf"\sqrt{{{radicand}}}"

    def joined(self, factors: Sequence[str]) -> str:
        """A product by juxtaposition, with a thin space where TeX would put none."""
        text = ""
        for factor in factors:
            if not text or factor.startswith((r"\left(", r"\sum", r"\max", r"\prod", r"\begin")):
                text += factor if not text else f" {factor}"
            elif factor[0].isdigit():
                text += rf" \cdot {factor}"
            else:
                text += f" {factor}" if text[-1].isdigit() or text.endswith(r"\right)") else rf"\,{factor}"
        return text

    def number(self, value: Rational) -> str:
        """An integer, a fraction, or a decimal where the denominator is a large power of ten."""
        if value.q == 1:
            return str(value.p)
        if is_power_of_ten(value):
            return f"10^{{-{len(str(value.q)) - 1}}}"
        return decimal_text(value) if is_decimal(value) else rf"\frac{{{value.p}}}{{{value.q}}}"

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity: its symbol with indices, or a derivative in the chosen notation."""
        quantity = self._names.quantity(name)
        printer = self._derived().get(quantity.role) if quantity and quantity.latex is None else None
        if quantity is None or printer is None:
            return self._glyph(name).at(self._indices(indices))
        return printer(quantity, indices)

    def _cotangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of = self.element(str(quantity.of), indices)
        of = self.bracket(of) if self._names.is_compound(quantity.of) else of
        if self._names.notation == "d" or self._names.is_lower(quantity):
            return (_D if quantity.order == 1 else rf"{_D}_{{{quantity.order}}}") + of
        if self._names.notation == "bar":
            return rf"\overline{{{of}}}"
        loss = r"\mathcal{L}" if self._names.loss == "ℓ" else self._glyph(self._names.loss).at("")
        return self._quotient(rf"\partial {loss}", _partial(of))

    def _contribution(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        via = r"\text{direct}" if quantity.via is None else rf"\text{{via }}{self.symbol(quantity.via)}"
        bar = "|" if self._slanted else r"\Big|"
        whole = self._tangent if quantity.mode == "forward" else self._cotangent
        return f"{whole(quantity, indices)}{bar}_{{{via}}}"

    def _local_derivative(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        above, below = self._ends(quantity, indices)
        return self._quotient(_partial(above), _partial(below))

    def _tangent(self, quantity: Quantity, indices: Sequence[Expr]) -> str:
        of, nested = self.element(str(quantity.of), indices), self._names.is_compound(quantity.of)
        if quantity.order > 1:
            return rf"\mathrm{{D}}_{{{quantity.order}}}{self.bracket(of) if nested else of}"
        glyph = self._glyph(str(quantity.of))
        # A dot on the letter of a square would be read as the square of a dotted letter.
        if self._names.is_derived(quantity.of) or glyph.exponent:
            return rf"{self.bracket(of)}^{{\scriptscriptstyle\bullet}}"
        return Glyph(rf"\dot{{{glyph.base}}}", glyph.subscript).at(self._indices(indices))

    # Names

    def symbol(self, name: str) -> str:
        """The symbol of a quantity without indices."""
        return self.element(name, ()) if self._names.role(name) != "local_derivative" else name

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return latex_glyph(read_name(name)).at("")

    def _glyph(self, name: str) -> Glyph:
        found = self._glyphs.get(name)
        if found is None:
            quantity = self._names.quantity(name)
            own = quantity.latex if quantity else None
            found = parse_glyph(name, own) if own else latex_glyph(self._names.reading(name))
            self._glyphs[name] = found
        return found

    def _indices(self, indices: Sequence[Expr]) -> str:
        short = all(_is_short(index) for index in indices)
        return ("" if short else ",").join(self._print(index) for index in indices)

    # Nodes

    def _print_Symbol(self, symbol: Symbol, style: str = "plain") -> str:
        return self.index(symbol.name) if symbol.is_integer else self.element(symbol.name, ())

    def _print_Pow(self, expression: Pow) -> str:
        base = expression.base
        if isinstance(base, _RAISED_BEHIND_NAME) and isinstance(expression.exp, Integer) and expression.exp > 1:
            return rf"{_FUNCTIONS[type(base)]}^{{{expression.exp}}}{self._arguments(base.args)}"
        return super()._print_Pow(expression)

    def _print_Sum(self, expression: Sum) -> str:
        return self._reduced(expression, r"\sum_{{{index}=1}}^{{{extent}}}")

    def _print_ProductOver(self, expression: ProductOver) -> str:
        return self._reduced(expression, r"\prod_{{{index}=1}}^{{{extent}}}")

    def _print_MaxOver(self, expression: MaxOver) -> str:
        return self._reduced(expression, r"\max_{{1\le {index}\le {extent}}}")

    def _reduced(self, expression: Expr, operator: str) -> str:
        signs = [operator.format(index=self._print(s), extent=self._print(high)) for s, _, high in expression.limits]
        return f"{''.join(signs)} {self.body(expression)}"

    def _print_Relational(self, expression: Relational) -> str:
        return f"{self._print(expression.lhs)} {_RELATIONS[type(expression)]} {self._print(expression.rhs)}"

    def _print_Pi(self, expression: Expr) -> str:
        return r"\pi"

    def _print_exp(self, expression: exp) -> str:
        exponent = self._print(expression.args[0])
        # In the raised position there is no room for what is tall or long.
        if any(tall in exponent for tall in (r"\frac", r"\sum", r"\max", r"\prod", r"\begin", r"\left")):
            return rf"\exp\left({exponent}\right)"
        return rf"\mathrm{{e}}^{{{exponent}}}"

    def _print_Abs(self, expression: Abs) -> str:
        return rf"\left|{self._print(expression.args[0])}\right|"

    def _print_log1p(self, expression: log1p) -> str:
        argument = self._print(expression.args[0])
        return rf"\log\left(1 {f'- {argument[1:]}' if argument.startswith('-') else f'+ {argument}'}\right)"

    def _print_where(self, expression: where) -> str:
        condition, a, b = (self._print(argument) for argument in expression.args)
        return rf"\begin{{cases}} {a} & \text{{if }} {condition} \\ {b} & \text{{otherwise}} \end{{cases}}"

    def _print_delta(self, expression: delta) -> str:
        return rf"\delta_{{{self._indices(expression.args)}}}"

    def _print_Function(self, expression: Function) -> str:
        return self.function_name(expression) + self._arguments(expression.args)

    def _arguments(self, arguments: Sequence[Expr]) -> str:
        return self.bracket(", ".join(self._print(argument) for argument in arguments))


def _partial(of: str) -> str:
    return rf"\partial{_THIN if of.startswith(_D) else ' '}{of}"


def _is_short(index: Expr) -> bool:
    if isinstance(index, Integer):
        return bool(0 <= index < 10)
    if not isinstance(index, Symbol):
        return False
    reading = read_name(index.name)
    return reading == Reading(reading.base) and reading.is_letter


def latex_expression(
    expression: Expr, quantities: Mapping[str, Quantity] | None = None, notation: Notation = "leibniz"
) -> str:
    """The LaTeX of one expression; `quantities` (such as a derivation's `by_name`) tell what its names are."""
    return str(LayerLatexPrinter(Names(quantities, notation)).doprint(expression))
