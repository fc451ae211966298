"""What the symbols and indices of one chain of equalities refer to.

    Input    the syntax trees of the sides
    Output   for every symbol, reduction and derivative in them what it refers to; every element with its indices

Nothing is decided here about indices that are left out; `place.py` does that, with all elements at hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from derive.claims.latex.document import Document
from derive.claims.latex.extents import IndexUse, Known, NumberUse
from derive.claims.latex.patterns import spelled
from derive.claims.latex.symbols import Meaning, Symbols
from derive.claims.latex.tree import (
    Binder,
    Derivative,
    Differential,
    Indicator,
    Node,
    Reduction,
    Subscript,
    Symbol,
    parts,
)
from derive.errors import LayerError
from derive.graph import Quantity
from derive.syntax.expressions import MAX_INDEX

Use: TypeAlias = IndexUse | NumberUse


@dataclass(eq=False)
class Element:
    """A quantity at the indices that are written; `places` are all its indices once it is known which are meant.

    `around` are the bound indices that it stands within.
    """

    at: int
    quantity: Quantity
    written: tuple[Use, ...]
    side: int
    around: tuple[IndexUse, ...]
    ats: tuple[int, ...] = ()
    places: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Elemental:
    """A symbol that is an element of a quantity, with what it means beyond that."""

    element: Element
    meaning: Meaning


@dataclass(frozen=True)
class Plain:
    """A symbol that is no quantity."""

    meaning: Meaning


@dataclass(frozen=True)
class Cotangent:
    """The derivative of the loss by an element, as an element of the cotangent."""

    element: Element


@dataclass(frozen=True)
class Local:
    """The derivative of one element by another."""

    above: Element
    below: Element


@dataclass(frozen=True)
class Applied:
    """The derivative of an expression by an element."""

    below: Element


@dataclass(frozen=True)
class Same:
    """Whether two indices are equal, 1 or 0."""

    left: Use
    right: Use


@dataclass(frozen=True)
class Bound:
    """The indices of a reduction."""

    uses: tuple[IndexUse, ...]


Reference: TypeAlias = Elemental | Plain | Cotangent | Local | Applied | Same | Bound


@dataclass
class Scope:
    """The bound indices around a node, by letter and from the outside in."""

    bound: dict[str, IndexUse] = field(default_factory=dict)
    around: tuple[IndexUse, ...] = ()

    def within(self, uses: tuple[IndexUse, ...]) -> Scope:
        return Scope(self.bound | {use.letter: use for use in uses}, (*self.around, *uses))


class Bindings:
    """The references of one chain. `free` are the indices that nothing binds, in the order in which they are met."""

    def __init__(self, document: Document, symbols: Symbols, known: Known) -> None:
        self._document = document
        self._symbols = symbols
        self._known = known
        self._references: dict[int, Reference] = {}
        self._nodes: list[Node] = []  # keeps the identities apart
        self.elements: list[Element] = []
        self.free: dict[str, IndexUse] = {}
        self.met: list[IndexUse] = []
        self.seen_on: dict[int, dict[IndexUse, int]] = {}
        # The first index on each side that runs over two extents.
        self.mismatches: dict[int, LayerError] = {}

    def of(self, node: Node) -> Reference | None:
        """What a node refers to."""
        return self._references.get(id(node))

    def bind(self, node: Node, side: int) -> None:
        """Find what everything on one side refers to. Raises LayerError for a symbol without a meaning."""
        self._visit(node, side, Scope())

    def _note(self, node: Node, reference: Reference) -> None:
        self._references[id(node)] = reference
        self._nodes.append(node)

    def _visit(self, node: Node, side: int, scope: Scope) -> None:
        if isinstance(node, Symbol):
            self._symbol(node, side, scope)
        elif isinstance(node, Derivative):
            self._derivative(node, side, scope)
        elif isinstance(node, Differential):
            self._differential(node, side, scope)
        elif isinstance(node, Indicator):
            pair = (self._use(node.left, side, scope), self._use(node.right, side, scope))
            self._note(node, self._same(*pair))
        elif isinstance(node, Reduction):
            uses = tuple(self._bound(binder, scope) for binder in node.binders)
            self._note(node, Bound(uses))
            self._visit(node.body, side, scope.within(uses))
        else:
            for part in parts(node):
                self._visit(part, side, scope)

    def _bound(self, binder: Binder, scope: Scope) -> IndexUse:
        use = IndexUse(binder.letter, binder.at, bound=True)
        self.met.append(use)
        if isinstance(binder.upper, int):
            use.number = binder.upper
        elif binder.upper is not None:
            extent = self._symbols.ends_at(binder.upper)
            if extent is not None:
                use.over.fix(extent)
            elif (name := spelled(binder.upper)) in self._known.aliases:
                use.over = self._known.aliases[name]
            else:
                message = f"{name} is not an extent of the layer"
                hint = f"say which one it is: --symbols '{name}={self._symbols.vocabulary.graph.extents[0]}'"
                raise self._document.error_from(binder.upper.at, message, hint)
        return use

    def _symbol(self, node: Symbol, side: int, scope: Scope) -> None:
        meaning = self._symbols.meaning(node, self._known.aliases)
        if meaning.kind == "quantity":
            element = self._element(node, self._symbols.quantities[meaning.name], meaning.indices, side, scope)
            self._note(node, Elemental(element, meaning))
        elif meaning.kind == "delta":
            self._note(node, self._kronecker(node, meaning, side, scope))
        elif meaning.kind == "loss":
            hint = "write what it is the sum of, or let it stand above a derivative"
            raise self._document.error_from(node.at, "the loss is not a value of this layer", hint)
        else:
            self._note(node, Plain(meaning))
        if meaning.raised and node.exponent is not None:
            self._visit(node.exponent, side, scope)

    def _kronecker(self, node: Symbol, meaning: Meaning, side: int, scope: Scope) -> Same:
        if len(meaning.indices) != 2:
            hint = "Kronecker's delta is \\delta_{ij}; another \\delta needs a name: --symbols '\\delta=dy'"
            raise self._document.error_from(node.at, "\\delta with two indices was expected", hint)
        if meaning.raised:
            raise self._document.error_from(node.at, "a power of Kronecker's delta", "leave the power out")
        left, right = (self._use(index, side, scope) for index in meaning.indices)
        return self._same(left, right)

    def _same(self, left: Use, right: Use) -> Same:
        if not left.over.unite(right.over):
            hint = "the two indices of a delta run over one extent"
            raise self._document.error_from(right.at, "these two indices run over two extents", hint)
        return Same(left, right)

    def _element(
        self, node: Symbol, quantity: Quantity, indices: tuple[Subscript, ...], side: int, scope: Scope
    ) -> Element:
        written = tuple(self._use(index, side, scope) for index in indices)
        element = Element(node.at, quantity, written, side, scope.around, tuple(index.at for index in indices))
        self.elements.append(element)
        return element

    def _use(self, subscript: Subscript, side: int, scope: Scope) -> Use:
        if subscript.kind == "number":
            digits = subscript.text
            if len(digits) > len(str(MAX_INDEX)) or not 1 <= int(digits) <= MAX_INDEX:
                message = f"an index is a number from 1 to {MAX_INDEX}"
                raise self._document.error_from(subscript.at, message, "the first element is x_{1}")
            return NumberUse(int(digits), subscript.at)
        use = scope.bound.get(subscript.text)
        if use is None:
            use = self.free.get(subscript.text)
            if use is None:
                use = self.free[subscript.text] = IndexUse(subscript.text, subscript.at, side=side)
                self.met.append(use)
            self.seen_on.setdefault(side, {}).setdefault(use, subscript.at)
        return use

    def _derivative(self, node: Derivative, side: int, scope: Scope) -> None:
        below, above = node.below, node.above
        if isinstance(above, Symbol) and self._symbols.is_loss(above):
            self._note(node, Cotangent(self._cotangent(below, node.via, side, scope)))
            return
        if node.via is not None:
            raise self._document.error_from(node.via.at, "only a gradient of the loss has parts", "leave the via out")
        _, lower = self._whole(below, side, scope)
        if isinstance(above, Symbol):
            meaning = self._symbols.meaning(above, self._known.aliases)
            if meaning.kind == "quantity" and not meaning.raised and meaning.power == 1:
                quantity = self._symbols.quantities[meaning.name]
                if quantity.name in self._symbols.vocabulary.graph.by_name:
                    upper = self._element(above, quantity, meaning.indices, side, scope)
                    self._note(node, Local(upper, lower))
                    return
        self._visit(above, side, scope)
        self._note(node, Applied(lower))

    def _part(self, cotangent: Quantity, via: Symbol) -> Quantity:
        """The part of a gradient that comes through a quantity."""
        name = self._symbols.meaning(via, self._known.aliases).name
        parts_of = (q for q in self._symbols.vocabulary.known.values() if q.role == "contribution" and q.via == name)
        found = next((q for q in parts_of if q.of == cotangent.of), None)
        if found is None:
            hint = "a part comes through a quantity whose equation uses the one below"
            raise self._document.error_from(via.at, f"{cotangent.name} has no part that comes through {name}", hint)
        return found

    def _whole(self, node: Symbol, side: int, scope: Scope) -> tuple[Meaning, Element]:
        """The quantity that something is differentiated by, as an element."""
        meaning = self._symbols.meaning(node, self._known.aliases)
        if meaning.kind != "quantity":
            raise self._document.error_from(node.at, "a derivative is by a quantity", "write \\partial x_{ij} below")
        if meaning.raised or meaning.power != 1:
            exponent = next((p.exponent for p in self._symbols.patterns if p.name == meaning.name and p.exponent), "")
            wanted = f"the quantity is the symbol to the power {exponent}" if exponent else "leave the exponent out"
            message = f"a derivative is by a quantity, and this is a power of {meaning.name}"
            raise self._document.error_from(node.at, message, wanted)
        return meaning, self._element(node, self._symbols.quantities[meaning.name], meaning.indices, side, scope)

    def _cotangent(self, node: Symbol, via: Symbol | None, side: int, scope: Scope) -> Element:
        meaning, element = self._whole(node, side, scope)
        name = self._symbols.cotangent(meaning.name)
        if name is None and self._symbols.is_unused(meaning.name):
            loss = f"the layer does not compute L from {meaning.name}"
            hint = f"define it on a line of its own: \\frac{{\\partial L}}{{\\partial {meaning.name}}} = ..."
            raise self._document.error_from(node.at, f"{loss}; say first what this is", hint)
        if name is None:
            quantity = self._symbols.quantities[meaning.name]
            what = {"constant": "a constant of the layer", "helper": "a name of the author's own"}
            message = f"{meaning.name} is {what.get(quantity.role, 'not a quantity of the layer')}, and has no gradient"
            hint = f"those with one are {', '.join(self._symbols.vocabulary.cotangents)}"
            raise self._document.error_from(node.at, message, hint)
        element.quantity = self._symbols.quantities[name]
        if via is not None:
            element.quantity = self._part(element.quantity, via)
        return element

    def _differential(self, node: Differential, side: int, scope: Scope) -> None:
        """d before a symbol, in no quotient, is its cotangent."""
        if node.sign == "∂" or not isinstance(node.of, Symbol):
            hint = "a derivative is a quotient: \\frac{\\partial L}{\\partial x_{ij}}"
            raise self._document.error_from(node.at, f"{node.sign} is half of a derivative here", hint)
        if self._symbols.is_loss(node.of) and self._symbols.is_unknown(node.of, self._known.aliases):
            hint = "a derivative is a quotient: \\frac{dL}{dx_{ij}}"
            raise self._document.error_from(node.at, "the d of the loss is half of a derivative here", hint)
        self._note(node, Cotangent(self._cotangent(node.of, node.via, side, scope)))

    def unite_written(self) -> None:
        """Give every index the extent of its place, on elements with all indices written. The first one counts."""
        for element in self.elements:
            if len(element.written) == len(element.quantity.indices):
                for number, (use, index) in enumerate(zip(element.written, element.quantity.indices, strict=True), 1):
                    if not use.over.fix(index.extent):
                        error = self._two_extents(element, use, index.extent, number)
                        self.mismatches.setdefault(element.side, error)
                element.places = element.written

    def _two_extents(self, element: Element, use: Use, extent: str, number: int) -> LayerError:
        letter = use.letter if isinstance(use, IndexUse) else str(use.value)
        message = f"index {letter} runs over two extents, {use.over.extent} and {extent}"
        hint = f"place {number} of {element.quantity.name} is {extent}; mind the order of the indices"
        return self._document.error_from(element.ats[number - 1], message, hint)


class SideError(LayerError):
    """An error that makes one side of a chain unreadable."""

    def __init__(self, error: LayerError, side: int) -> None:
        super().__init__(error.message, error.hint, error.location)
        self.side = side
        self.error = error


class ForgottenSumError(SideError):
    """An index of one side that the first one lacks, and that no sum binds; `uses` are all of these on that side."""

    def __init__(self, error: LayerError, side: int, uses: dict[IndexUse, int]) -> None:
        super().__init__(error, side)
        self.uses = uses
