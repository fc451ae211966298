"""The SymPy expressions of the sides of a chain, once it is known what everything in them refers to."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

import sympy
from sympy import Add, Basic, Expr, Integer, Mul, Pow, Sum

from derive.claims.latex.bind import Applied, Bindings, Bound, Cotangent, Element, Elemental, Local, Plain, Same, Use
from derive.claims.latex.document import Document
from derive.claims.latex.extents import IndexUse, Known, NumberUse
from derive.claims.latex.symbols import Meaning, Symbols
from derive.claims.latex.tree import (
    Call,
    Derivative,
    Differential,
    Indicator,
    Mask,
    Node,
    Number,
    Power,
    Product,
    Reduction,
    Symbol,
    Total,
)
from derive.errors import LayerError
from derive.functions import delta, where
from derive.graph import Index, extent_symbol, index_symbol, names_in, reference
from derive.indices import IndexNames, separate_bound, substitute
from derive.occurrences import occurrences
from derive.syntax.literals import check_number, power_fault, too_long
from derive.syntax.operations import CONSTANTS, FUNCTIONS, REDUCTIONS, multiply

MAX_WRITTEN_OUT = 2000
MAX_OPENED, MAX_DEPTH = 30_000, 120  # nodes of what is differentiated
MAX_ELEMENTS = 8  # of an extent that the text writes out: more elements than that nobody writes out
_COMPARISONS = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}

# A helper's own index symbols and what it stands for.
Definitions = Mapping[str, tuple[tuple[Index, ...], Expr]]


class Builder:
    """Builds the expressions of one chain."""

    def __init__(
        self, document: Document, symbols: Symbols, known: Known, bindings: Bindings, definitions: Definitions
    ) -> None:
        self._document = document
        self._symbols = symbols
        self._known = known
        self._bindings = bindings
        self._definitions = definitions
        self._graph = symbols.vocabulary.graph
        self._names = IndexNames(self._graph)
        # The indices of the chain as SymPy has them; those inside a reduction while it is built.
        self._at: dict[IndexUse, Expr] = {}
        self._written_out = 0
        self.largest: dict[str, int] = {}
        self.extents: dict[Expr, str] = {}

    def name_free(self, uses: Iterable[IndexUse]) -> None:
        """Give the free indices their symbols, by their letters where these name nothing else."""
        for use in uses:
            if use in self._at:
                continue
            extent = use.over.extent
            if extent is None:
                hint = f"let {use.letter} stand at a quantity that has its extent"
                raise self._document.error_from(max(use.at, 0), f"nothing fixes the extent of index {use.letter}", hint)
            self._at[use] = index_symbol(self._name(use.letter, extent))
            self.extents[self._at[use]] = extent

    def _name(self, letter: str, extent: str) -> str:
        taken = {symbol.name for symbol in self._at.values() if isinstance(symbol, sympy.Symbol)}
        used = taken | set(self._symbols.quantities) | set(self._graph.extents)
        return letter if letter not in used else self._names.choose(extent, used)

    def expression(self, node: Node) -> Expr:
        """The expression of a node. Raises LayerError for what has no value."""
        for kind, build in _BUILDERS:
            if isinstance(node, kind):
                made = build(self, node)
                check_number(self._document, self._document.place(node.at), made)
                return made
        raise AssertionError(f"unreachable: {type(node).__name__}")

    def _number(self, node: Number) -> Expr:
        return node.value

    def _total(self, node: Total) -> Expr:
        terms = []
        for negative, part in node.terms:
            term = self.expression(part)
            terms.append(multiply([Integer(-1), term]) if negative else term)
        self._check_size(node, terms)
        return Add(*terms) if len(terms) > 1 else terms[0]

    def _product(self, node: Product) -> Expr:
        factors: list[Expr] = []
        pending: list[tuple[bool, Node]] = [(False, node)]
        while pending:
            divides, part = pending.pop()
            if isinstance(part, Product):
                pending += [(divides != below, inner) for below, inner in reversed(part.factors)]
                continue
            if isinstance(part, Total) and len(part.terms) == 1:
                factors.append(Integer(-1) if part.terms[0][0] else Integer(1))
                pending.append((divides, part.terms[0][1]))
                continue
            factor = self.expression(part)
            if divides and factor == 0:
                raise self._error(part, "division by zero", "the divisor is always 0")
            factors.append(Pow(factor, -1) if divides else factor)
        self._check_size(node, factors)
        return multiply(factors)

    def _power(self, node: Power) -> Expr:
        return self._raised(node.exponent, self.expression(node.base), self.expression(node.exponent))

    def _raised(self, node: Node, base: Expr, exponent: Expr) -> Expr:
        fault = power_fault(base, exponent)
        if fault is not None:
            what = fault.problem if fault.part == "whole" else f"the {fault.part} of this power {fault.problem}"
            raise self._error(node, what, fault.hint)
        return Pow(base, exponent)

    def _call(self, node: Call) -> Expr:
        _, build = FUNCTIONS[node.name]
        return build(*(self.expression(argument) for argument in node.arguments))

    def _symbol(self, node: Symbol) -> Expr:
        found = self._bindings.of(node)
        if isinstance(found, Same):
            return self._same(found)
        if isinstance(found, Elemental):
            base, meaning = self.element(found.element), found.meaning
        else:
            assert isinstance(found, Plain), f"a symbol that refers to {type(found).__name__}"
            meaning = found.meaning
            base = self._plain(node, meaning)
        exponent: Expr = meaning.power
        if meaning.raised and node.exponent is not None:
            exponent = multiply([meaning.power, self.expression(node.exponent)])
        if meaning.kind == "e":
            return FUNCTIONS["exp"][1](exponent)
        return base if exponent == 1 else self._raised(node.exponent or node, base, exponent)

    def _plain(self, node: Symbol, meaning: Meaning) -> Expr:
        if meaning.kind == "extent":
            return extent_symbol(meaning.name)
        if meaning.kind == "alias":
            extent = self._known.aliases[meaning.name].extent
            if extent is None:
                hint = f"say which one it is: --symbols '{meaning.name}={self._graph.extents[0]}'"
                raise self._error(node, f"nothing says which extent {meaning.name} is", hint)
            return extent_symbol(extent)
        return CONSTANTS["pi"]

    def element(self, element: Element) -> Expr:
        """An element of a quantity, all its indices at hand."""
        return reference(element.quantity.name, self._indices(element))

    def _indices(self, element: Element) -> list[Expr]:
        found = [self._index(use) for use in element.places]
        for number, (place, index) in enumerate(zip(found, element.quantity.indices, strict=True)):
            if isinstance(place, Integer):
                if place > MAX_ELEMENTS:
                    at = element.ats[number] if number < len(element.ats) else element.at
                    hint = "write an index as a letter: x_{ij}"
                    raise self._document.error_from(at, f"at most {MAX_ELEMENTS} elements are written out", hint)
                self.largest[index.extent] = max(self.largest.get(index.extent, 1), int(place))
        return found

    def named(self, use: IndexUse) -> str:
        """The name that an index has in the expressions."""
        return str(self._index(use))

    def _index(self, use: Use) -> Expr:
        if isinstance(use, NumberUse):
            return Integer(use.value)
        if use not in self._at:
            self.name_free([use])
        return self._at[use]

    def _same(self, found: Same) -> Expr:
        return _equal(self._index(found.left), self._index(found.right))

    def _indicator(self, node: Indicator) -> Expr:
        found = self._bindings.of(node)
        assert isinstance(found, Same)
        return self._same(found)

    def _mask(self, node: Mask) -> Expr:
        holds = _COMPARISONS[node.relation](self.expression(node.left), self.expression(node.right))
        if holds in (sympy.true, sympy.false):
            return Integer(1) if holds == sympy.true else Integer(0)
        return where(holds, Integer(1), Integer(0))

    def _reduction(self, node: Reduction) -> Expr:
        found = self._bindings.of(node)
        assert isinstance(found, Bound)
        before = dict(self._at)
        numbered = [use for use in found.uses if use.number is not None]
        running = [use for use in found.uses if use.number is None]
        limits = [self._limits(node, use) for use in running]
        made = self._over(node, limits, numbered)
        self._at = before
        return made

    def _limits(self, node: Reduction, use: IndexUse) -> tuple[Expr, Integer, Expr]:
        extent = use.over.extent
        if extent is None:
            hint = f"let {use.letter} stand at a quantity that has its extent, or write where it ends"
            raise self._document.error_from(use.at, f"nothing fixes the extent of index {use.letter}", hint)
        symbol = index_symbol(self._name(use.letter, extent))
        self._at[use] = symbol
        return symbol, Integer(1), extent_symbol(extent)

    def _over(self, node: Reduction, limits: list[tuple[Expr, Integer, Expr]], numbered: list[IndexUse]) -> Expr:
        """The reduction; an index that ends at a number is written out."""
        if numbered:
            use, *rest = numbered
            terms = []
            for value in range(1, (use.number or 0) + 1):
                self._written_out += 1
                if self._written_out > MAX_WRITTEN_OUT:
                    hint = f"a formula that is written out has up to {MAX_WRITTEN_OUT} terms"
                    raise self._error(node, "this sum is too long to write out", hint)
                self._at[use] = Integer(value)
                terms.append(self._over(node, limits, rest))
            if node.kind == "max" and len(terms) > 1:
                raise self._error(node, "a maximum over numbers is not read", "write where it ends as an extent")
            return multiply(terms) if node.kind == "prod" else Add(*terms)
        body = self.expression(node.body)
        return REDUCTIONS[node.kind](body, *limits) if limits else body

    def _derivative(self, node: Derivative) -> Expr:
        found = self._bindings.of(node)
        if isinstance(found, Cotangent):
            return self.element(found.element)
        if isinstance(found, Local):
            return self._local(found)
        assert isinstance(found, Applied)
        return self._differentiated(node, self._opened(node, self.expression(node.above)), found.below)

    def _differential(self, node: Differential) -> Expr:
        found = self._bindings.of(node)
        assert isinstance(found, Cotangent)
        return self.element(found.element)

    def _local(self, found: Local) -> Expr:
        """The derivative of one quantity by another, by its name; 0 where there is none."""
        above, below = found.above.quantity.name, found.below.quantity.name
        upper, lower = self._indices(found.above), self._indices(found.below)
        if above == below:
            return Mul(*(_equal(a, b) for a, b in zip(upper, lower, strict=True)))
        try:
            quantity = self._symbols.vocabulary.derivative(above, below)
        except KeyError:
            return Integer(0)
        return reference(quantity.name, [*upper, *lower])

    def _opened(self, node: Node, expression: Expr) -> Expr:
        """An expression with the author's own names replaced by what they stand for."""
        for name in reversed(list(self._definitions)):
            indices, value = self._definitions[name]
            replaced = {}
            for part in expression.atoms(sympy.Indexed, sympy.Symbol):
                if isinstance(part, sympy.Indexed) and str(part.base.label.name) == name:
                    at = dict(zip([i.symbol for i in indices], part.indices, strict=True))
                    replaced[part] = substitute(separate_bound(value, f"{name} "), at)
                elif part == reference(name):
                    replaced[part] = value
            if replaced:
                # Names that use names twice double it each time.
                length = _size(expression, replaced) * _size(value)
                if length > MAX_OPENED or _depth(expression) + _depth(value) > MAX_DEPTH:
                    hint = "differentiate step by step, each name by the one before it"
                    raise self._error(node, "what stands for these names is too long to be differentiated", hint)
                expression = expression.xreplace(replaced)
        return expression

    def _differentiated(self, node: Derivative, expression: Expr, below: Element) -> Expr:
        """The derivative of an expression by one element, all other quantities held fixed.

        Where the expression does not have the quantity itself, but others that depend on it, it is the total one.
        """
        target, name = self._indices(below), below.quantity.name
        used = names_in(expression)
        above = [v for v in used if (v, name) in self._symbols.vocabulary.dependent] if name not in used else []
        terms = []
        for through in above or [name]:
            try:
                found = occurrences(separate_bound(expression, "bound "), through)
            except LayerError as error:
                raise self._error(node, error.message, error.hint) from None
            for occurrence in found:
                places = occurrence.indices
                same = [_equal(place, index) for place, index in zip(places, target, strict=True)] if not above else []
                total = [reference(f"{through}_wrt_{name}_total", [*places, *target])] if above else []
                term = multiply([occurrence.weight, *same, *total])
                terms.append(Sum(term, *occurrence.limits) if occurrence.limits else term)
        return Add(*terms)

    def _check_size(self, node: Node, made: list[Expr]) -> None:
        if too_long(made):
            raise self._error(node, "the numbers are too long", "numbers stay below 1e300")

    def _error(self, node: Node, message: str, hint: str) -> LayerError:
        return self._document.error_from(node.at, message, hint)


def _size(expression: Expr, parts: Container[object] | None = None) -> int:
    """How often any of some parts stand in an expression; without these, how long it is."""
    return sum(1 for part in sympy.preorder_traversal(expression) if parts is None or part in parts)


def _depth(expression: Basic) -> int:
    return 1 + max(map(_depth, expression.args), default=0)


def _equal(left: Expr, right: Expr) -> Expr:
    """1 where two indices are equal, else 0."""
    if left == right:
        return Integer(1)
    if isinstance(left, Integer) and isinstance(right, Integer):
        return Integer(0)
    return delta(left, right)


_BUILDERS: tuple[tuple[type, Callable[[Builder, Node], Expr]], ...] = (
    (Number, Builder._number),
    (Symbol, Builder._symbol),
    (Total, Builder._total),
    (Product, Builder._product),
    (Power, Builder._power),
    (Call, Builder._call),
    (Reduction, Builder._reduction),
    (Derivative, Builder._derivative),
    (Differential, Builder._differential),
    (Indicator, Builder._indicator),
    (Mask, Builder._mask),
)  # type: ignore[assignment]
