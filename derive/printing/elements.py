"""Printers for explicit elements, as in notes: x₁₁, (x₁₁ + x₂₁)/2, X for the matrix of x, x_{··1} for a slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import Add, Expr, Function, Integer, Symbol

from derive.derivation import Prose
from derive.expand import Group, Whole, WrittenOut
from derive.functions import maximum, minimum
from derive.graph import Quantity, extent_symbol, index_symbol, name_of, reference
from derive.printing.arrange import Arrangement
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.mathml import LayerMathmlPrinter
from derive.printing.names import DERIVED_ROLES, Names, Notation
from derive.printing.outline import title_of
from derive.printing.symbols import read_name
from derive.printing.text_math import LayerTextPrinter, can_be_subscripts
from derive.printing.width import width_of

# Stands for an index that takes all of its values.
_DOT = "·"
_ANY = index_symbol(_DOT)


class _AsInNotes(Arrangement):
    """A mean of plain elements is one fraction; the largest of several is one maximum."""

    def _unsigned(self, expression: Expr) -> str:
        product = self._layout.product(expression)
        if product.coefficient.p == 1 and product.coefficient.q > 1 and not product.denominator:
            total = product.factors[0] if len(product.factors) == 1 else None
            if isinstance(total, Add) and all(self._is_plain(term) for term in total.args):
                return self.fraction(self._print(total), [self.number(Integer(product.coefficient.q))])
        return super()._unsigned(expression)

    def _is_plain(self, term: Expr) -> bool:
        name = name_of(term)
        return name is not None and not self._names.is_derived(name)


class ElementLatexPrinter(_AsInNotes, LayerLatexPrinter):
    """Elements in LaTeX. What would stand below a fraction's line and be wider than `widest` can be broken instead."""

    def __init__(self, names: Names, widest: float) -> None:
        super().__init__(names)
        self._widest = widest

    def fraction(self, above: str, below: Sequence[str]) -> str:
        r"""A \frac, or a product with the power -1."""
        if width_of(self.joined(below)) <= self._widest:
            return super().fraction(above, below)
        factors = [] if above == "1" else [self.bracket(above) if " + " in above or " - " in above else above]
        return self.joined([*factors, self.raised(self.bracket(self.joined(below)), "-1")])

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return r"\cdot" if name == _DOT else super().index(name)

    def _print_Function(self, expression: Function) -> str:
        return str(super()._print_Function(_flat(expression)))


class ElementTextPrinter(_AsInNotes, LayerTextPrinter):
    """Elements in Unicode; letters and numbers as subscripts, or either of them in square brackets."""

    def __init__(self, names: Names, lower_letters: bool, lower_numbers: bool) -> None:
        super().__init__(names)
        self._lower = {False: lower_letters, True: lower_numbers}

    def _with_indices(self, symbol: str, exponent: str, indices: Sequence[Expr]) -> str:
        self._subscripts = self._lower[all(isinstance(index, Integer) or index == _ANY for index in indices)]
        return super()._with_indices(symbol, exponent, indices)

    def _reduced(self, expression: Expr, sign: str) -> str:
        self._subscripts = self._lower[False]
        return super()._reduced(expression, sign)

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return name if name == _DOT else super().index(name)

    def _lowered(self, text: str) -> str:
        return _DOT.join(LayerTextPrinter._lowered(self, part) for part in text.split(_DOT))

    def _print_Function(self, expression: Function) -> str:
        return str(super()._print_Function(_flat(expression)))


class ElementMathmlPrinter(_AsInNotes, LayerMathmlPrinter):
    """Elements in MathML, each with its place in `data-at`, such as `i=1 j=2`: what has a part of it belongs to it."""

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self._place = ""

    def element(self, name: str, indices: Sequence[Expr]) -> str:
        """The element of a quantity, marked with its place."""
        quantity = self._names.quantity(name)
        known = quantity.indices if quantity is not None and len(quantity.indices) == len(indices) else ()
        values = [f"{own.name}={value}" for own, value in zip(known, indices) if isinstance(value, Integer)]  # noqa: B905
        before, self._place = self._place, " ".join(values)
        text = super().element(name, indices)
        self._place = before
        return text

    def mark_of(self, quantity: Quantity, place: Sequence[int]) -> str:
        """The attributes of what holds the element of a quantity at a place."""
        at = " ".join(f"{index.name}={value}" for index, value in zip(quantity.indices, place, strict=True))
        return f'{super()._mark(quantity.name)} data-at="{at}"'

    def index(self, name: str) -> str:
        """The symbol of an index or an extent."""
        return f"<mo>{_DOT}</mo>" if name == _DOT else super().index(name)

    def _mark(self, name: str) -> str:
        mark = super()._mark(name)
        return f'{mark} data-at="{self._place}"' if mark and self._place else mark

    def _print_Function(self, expression: Function) -> str:
        return str(super()._print_Function(_flat(expression)))


def _flat(expression: Function) -> Function:
    """max(max(a, b), c) as max(a, b, c)."""
    kind = type(expression)
    if kind not in (maximum, minimum):
        return expression
    arguments = [part for a in expression.args for part in (_flat(a).args if type(a) is kind else (a,))]
    return kind(*arguments)


class Wholes:
    """The symbols of whole arrays: a capital letter for a matrix, where that is free; `names` knows them, too."""

    def __init__(self, written: WrittenOut, notation: Notation) -> None:
        self._whole = _whole_quantities(written.by_name)
        known = {**written.by_name, **{quantity.name: quantity for quantity in self._whole.values()}}
        self.names = Names(known, notation)

    def element(self, quantity: Quantity) -> Expr:
        """What a printer writes the whole array with."""
        name = self._whole[quantity.name].name if quantity.name in self._whole else quantity.name
        return Symbol(name, real=True)

    def slice_element(self, whole: Whole, behind: Sequence[int]) -> Expr:
        """The same for a matrix of an array with more than two indices, `behind` being those behind the first two."""
        if not behind:
            return self.element(whole.quantity)
        return reference(whole.quantity.name, [_ANY, _ANY, *(Integer(k) for k in behind)])

    def row_element(self, whole: Whole, row: int, behind: Sequence[int]) -> Expr:
        """The same for one row of such a matrix."""
        return reference(whole.quantity.name, [Integer(row), _ANY, *(Integer(k) for k in behind)])


def _whole_quantities(quantities: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """By name, the matrices that have a letter of their own: X for x, and dX for dx."""
    readings = Names(quantities)
    taken = {readings.reading(name) for name in quantities} | {read_name("L")}
    taken |= {read_name(name) for q in quantities.values() for i in q.indices for name in (i.name, i.extent)}
    found: dict[str, Quantity] = {}
    for name, quantity in quantities.items():
        reading = readings.reading(name)
        small = reading.is_letter and reading.base.isascii() and reading.base.islower() and reading == read_name(name)
        if len(quantity.indices) < 2 or quantity.latex or quantity.role in DERIVED_ROLES or not small:
            continue
        capital, large = name[:1].upper() + name[1:], replace(reading, base=reading.base.upper())
        if read_name(capital) == large and large not in taken:
            found[name] = replace(quantity, name=capital, indices=())
            taken.add(large)
    for name, quantity in quantities.items():
        of = found.get(quantity.of or "")
        if of is not None and quantity.role == "cotangent" and f"d{of.name}" not in quantities:
            found[name] = replace(quantity, name=f"d{of.name}", of=of.name, indices=())
    return found


def text_printer(written: WrittenOut, wholes: Wholes) -> ElementTextPrinter:
    """A printer with indices as subscripts, where every name and index allows it."""
    subscripts = [part for q in written.derivation.forward.quantities for part in read_name(q.name).subscripts]
    letters = {index.name for quantity in written.by_name.values() for index in quantity.indices}
    for equation in written.derivation.results:
        letters |= {symbol.name for symbol in equation.expression.atoms(Symbol) if symbol.is_integer}
    letters -= set(written.derivation.forward.extents)
    lower_letters = not subscripts and can_be_subscripts(sorted(letters))
    return ElementTextPrinter(wholes.names, lower_letters, not any(part[-1].isdigit() for part in subscripts))


def title_prose(written: WrittenOut) -> Prose:
    """The title of a page: the layer, and for which extents."""
    title: list[str | Expr] = [title_of(written.derivation)]
    for number, (name, value) in enumerate(written.extents.items()):
        title += [", " if number else " for ", extent_symbol(name), f" = {value}"]
    return (*title, ", element by element")


def place_prose(group: Group) -> Prose:
    """Which elements a group is about: for j = 1; empty where it is about all."""
    words: list[str | Expr] = []
    for number, (index, value) in enumerate(group.at):
        words += [", " if number else "For ", index, f" = {value}"]
    return (*words, ":") if words else ()
