"""One chain of equalities read whole: what its sides are in SymPy, or why one of them cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from sympy import Expr

from derive.claims.claim import Claim, Unreadable
from derive.claims.latex.bind import Bindings, ForgottenSumError, SideError
from derive.claims.latex.build import Builder
from derive.claims.latex.document import Document
from derive.claims.latex.extents import IndexUse, Known
from derive.claims.latex.place import Placement
from derive.claims.latex.rows import Chain
from derive.claims.latex.symbols import Symbols
from derive.claims.latex.tree import Binder, Derivative, Differential, Node, Reduction, Symbol, parts
from derive.claims.nesting import TOO_DEEP, TOO_DEEP_HINT, Nesting
from derive.errors import LayerError
from derive.graph import Index, Quantity
from derive.indices import free_indices


@dataclass
class ParsedChain:
    """A chain and the trees of its sides; a side that cannot be parsed has its error instead."""

    chain: Chain
    sides: list[Node | LayerError]


@dataclass
class Text:
    """What the reading of one text is about, and what it finds on the way."""

    document: Document
    symbols: Symbols
    known: Known
    definitions: dict[str, tuple[tuple[Index, ...], Expr]] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    nesting: Nesting = field(default_factory=Nesting)

    def note(self, quantity: Quantity, value: Expr) -> None:
        """Remember what a name of the author's own stands for."""
        self.definitions[quantity.name] = (quantity.indices, value)
        self.nesting.note(quantity.name, value)


class ChainReader:
    """Reads one chain."""

    def __init__(self, text: Text, parsed: ParsedChain) -> None:
        self._text = text
        self._chain = parsed.chain
        self._nodes = {k: side for k, side in enumerate(parsed.sides) if not isinstance(side, LayerError)}
        self._errors = {k: side for k, side in enumerate(parsed.sides) if isinstance(side, LayerError)}
        # A name that is given behind `=:` stands for the first side.
        self._named = {
            k: side
            for k, side in self._nodes.items()
            if k and self._chain.signs[k - 1].kind == "=:" and isinstance(side, Symbol) and self._is_new(side)
        }
        # What holds only where two extents are equal, or with a sum that is not there, by its side.
        self._mismatches: dict[int, LayerError] = {}
        self._forgotten: dict[int, LayerError] = {}
        self._gradient_of: Quantity | None = None
        self._defines = self._defined()
        self._values: dict[int, Expr] = {}
        self._indices: dict[Expr, str] = {}
        self._defined_as: Quantity | None = None

    def _is_new(self, symbol: Symbol) -> bool:
        return self._text.symbols.is_unknown(symbol, self._text.known.aliases)

    def _defined(self) -> Symbol | None:
        """The symbol that the first side defines; for a gradient that the layer does not compute, the one below it."""
        first = self._nodes.get(0)
        below = self._below(first)
        if below is not None:
            return below
        if not isinstance(first, Symbol) or 0 in self._named:
            return None
        if not self._text.symbols.can_be_defined(first, self._text.known.aliases):
            return None
        error = self._text.symbols.other_case(first)
        if error is not None:
            self._fail(0, error)
            return None
        return first

    def _below(self, first: Node | None) -> Symbol | None:
        """The p of ∂L/∂p alone on the left, of which nothing says so far what it is."""
        symbols, aliases = self._text.symbols, self._text.known.aliases
        if isinstance(first, Derivative) and isinstance(first.above, Symbol) and symbols.is_loss(first.above):
            below: Node | None = first.below
        else:
            below = first.of if isinstance(first, Differential) and first.sign == "d" else None
        if not isinstance(below, Symbol) or any(s.kind == "number" for s in below.subscripts):
            return None
        if symbols.is_unknown(below, aliases):
            return None
        try:
            meaning = symbols.meaning(below, aliases)
        except LayerError:
            return None
        if not symbols.is_unused(meaning.name) or symbols.cotangent(meaning.name) or meaning.raised:
            return None
        self._gradient_of = symbols.quantities[meaning.name]
        return below

    def _fail(self, side: int, error: LayerError) -> None:
        self._nodes.pop(side, None)
        self._errors[side] = error

    def read(self) -> list[Claim | Unreadable]:
        """The claims of the chain."""
        builder = None
        while builder is None and self._left():
            builder = self._attempt()
        if self._defines is not None and self._defined_as is None:
            self._text.symbols.give_up(self._defines)
            self._errors.setdefault(0, self._errors.get(1) or next(iter(self._errors.values())))
        return [self._claim(k) for k in range(1, len(self._chain.sides))]

    def _left(self) -> list[int]:
        """The sides that are expressions and can still be read."""
        first = 1 if self._defines is not None else 0
        return [k for k in self._nodes if k >= first and k not in self._named]

    def _attempt(self) -> Builder | None:
        """Read all the sides that can be; None, with one side less to read, where one cannot."""
        text = self._text
        bindings = Bindings(text.document, text.symbols, text.known)
        sides = self._left()
        if self._defines is not None and 1 not in sides:
            self._nodes.pop(0, None)
            self._fail(0, self._errors[1])
            self._text.symbols.give_up(self._defines)
            self._defines = None
            return None
        side = sides[0]
        try:
            for side in sides:
                bindings.bind(self._nodes[side], side)
            numeric = not has_symbol(self._nodes[sides[0]])
            graph = text.symbols.vocabulary.graph
            placement = Placement(text.document, graph, bindings, text.known, sides[0], numeric)
            placement.complete()
            builder = Builder(text.document, text.symbols, text.known, bindings, text.definitions)
            used = self._free(bindings, placement)
            builder.name_free(used)
            for side in sides:
                self._values[side] = builder.expression(self._nodes[side])
        except ForgottenSumError as error:
            self._sum_over(error)
            return None
        except SideError as error:
            self._fail(error.side, self._forgotten.get(error.side, error.error))
            return None
        except LayerError as error:
            self._fail(side, self._forgotten.get(side, error))
            return None
        refused = self._refused(bindings, sides)
        if refused is not None:
            self._fail(*refused)
            return None
        self._mismatches = {**bindings.mismatches, **self._forgotten}
        self._keep(bindings, placement, builder)
        return builder

    def _sum_over(self, error: ForgottenSumError) -> None:
        """Read a side as the sum over the indices that are nowhere else, to say what is wrong with it."""
        if self._defines is not None and error.side == 1:
            self._fail(error.side, error.error)
            return
        binders = tuple(Binder(at, use.letter) for use, at in error.uses.items())
        self._nodes[error.side] = Reduction(binders[0].at, "sum", binders, self._nodes[error.side])
        self._forgotten.setdefault(error.side, error.error)

    def _refused(self, bindings: Bindings, sides: list[int]) -> tuple[int, LayerError] | None:
        """A side that has to be right for the others to mean anything: the first, or a definition."""
        first = sides[0]
        if first in bindings.mismatches:
            return first, bindings.mismatches[first]
        if (self._defines is not None or self._named) and self._text.nesting.is_too_deep(self._values[first]):
            return first, self._text.document.error_from(self._nodes[first].at, TOO_DEEP, TOO_DEEP_HINT)
        free = bindings.seen_on.get(first, {})
        written = {s.text for s in self._defines.subscripts} if self._defines is not None else set()
        if written & {use.letter for use in free}:
            for use, at in free.items():
                if use.letter not in written:
                    hint = f"sum over it, \\sum_{{{use.letter}}}, or give it to the left side"
                    message = f"index {use.letter} is neither on the left nor bound by a sum"
                    return first, self._text.document.error_from(at, message, hint)
        return None

    def _free(self, bindings: Bindings, placement: Placement) -> list[IndexUse]:
        return list(dict.fromkeys([*bindings.free.values(), *placement.implicit.values()]))

    def _keep(self, bindings: Bindings, placement: Placement, builder: Builder) -> None:
        """Remember what the chain says about the text as a whole, and define its name."""
        if placement.clear and not bindings.mismatches:
            for use in bindings.met:
                if use.over.extent is not None:
                    self._text.known.letters.setdefault(use.letter, set()).add(use.over.extent)
        for extent, value in builder.largest.items():
            self._text.largest[extent] = max(value, self._text.largest.get(extent, 1))
        self._indices = builder.extents
        if self._defines is not None:
            value = self._values[1]
            names = {letter: builder.named(use) for letter, use in bindings.free.items()}
            self._defined_as = self._defined_gradient(self._defines, value, names) or self._define(self._defines, value)
            self._values[0] = self._defined_as.element
        for side, symbol in self._named.items():
            head = min(self._left())
            quantity = self._define(symbol, self._values[head])
            self._values[side] = quantity.element

    def _define(self, symbol: Symbol, value: Expr) -> Quantity:
        """Give the author's own symbol its name; what cannot be an index belongs to it."""
        free = {s.name: s for s in free_indices(value)}
        written = [s.text for s in symbol.subscripts if s.kind == "letter" and s.text in free]
        letters = list(dict.fromkeys(written))
        own = tuple(s.text for s in symbol.subscripts if s.text not in letters)
        letters += [name for name in free if name not in letters]
        indices = tuple(Index(letter, self._indices[free[letter]]) for letter in letters)
        quantity = self._text.symbols.define(symbol, own, indices)
        self._text.note(quantity, value)
        return quantity

    def _defined_gradient(self, symbol: Symbol, value: Expr, names: Mapping[str, str]) -> Quantity | None:
        """The helper for ∂L/∂p, in the letters that are written, and for those that are not in the value's."""
        if self._gradient_of is None:
            return None
        own = self._gradient_of.indices
        free = {s.name: self._indices[s] for s in free_indices(value)}
        written = [names.get(s.text, s.text) for s in symbol.subscripts if s.kind == "letter"]
        places = next(
            (
                chosen
                for chosen in combinations(range(len(own)), len(written))
                if all(free.get(w, own[p].extent) == own[p].extent for w, p in zip(written, chosen, strict=True))
            ),
            (),
        )
        at = dict(zip(places, written, strict=False))
        others = {extent: name for name, extent in free.items() if name not in written}
        letters = [at.get(place) or others.get(index.extent, index.name) for place, index in enumerate(own)]
        indices = tuple(Index(letter, index.extent) for letter, index in zip(letters, own, strict=True))
        quantity = self._text.symbols.define_gradient(self._gradient_of.name, indices)
        self._text.note(quantity, value)
        self._indices.update({index.symbol: index.extent for index in indices})
        return quantity

    def _claim(self, k: int) -> Claim | Unreadable:
        """The claim of the k-th equality sign."""
        chain, document = self._chain, self._text.document
        begin = chain.signs[k - 1].start
        right = chain.sides[k]
        line = document.line_of(right[0].start if right else begin)
        left = chain.sides[0] if k == 1 else []
        shown = document.shown(left[0].start if left else begin, right[-1].end if right else chain.signs[k - 1].end)
        before = 0 if k in self._named else k - 1
        while before in self._named:
            before -= 1
        error = self._errors.get(k) or self._errors.get(before)
        if error is not None:
            return Unreadable(line, shown, error)
        if k in self._named:
            name = self._values[k]
            defined = next(q for q in self._text.symbols.quantities.values() if q.element == name)
            return Claim(line, shown, name, self._values[min(self._left())], defined.indices, defines=defined)
        defines = self._defined_as if k == 1 else None
        head = self._values.get(0) if k > 1 else None
        if before in self._mismatches and head is not None:
            before = 0  # what is judged already
        left_value, right_value, indices = self._values[before], self._values[k], self._free_of(before, k)
        mismatch = self._mismatches.get(k)
        return Claim(line, shown, left_value, right_value, indices, head=head, defines=defines, mismatch=mismatch)

    def _free_of(self, left: int, right: int) -> tuple[Index, ...]:
        symbols = dict.fromkeys([*free_indices(self._values[left]), *free_indices(self._values[right])])
        return tuple(Index(symbol.name, self._indices[symbol]) for symbol in symbols)


def has_symbol(node: Node) -> bool:
    """Whether any symbol stands in a tree."""
    return isinstance(node, Symbol) or any(has_symbol(part) for part in parts(node))
