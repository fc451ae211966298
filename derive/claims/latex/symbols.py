r"""What the symbols of a formula mean: the quantities of the layer by their looks, the author's own, and the table.

A quantity is known by its name as it is printed (xhat is \hat{x}, var is \sigma^2) and by the LaTeX that the layer
gives it. Nothing else is guessed: a symbol without a meaning is an error that shows the nearest ones.
"""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sympy import Rational

from derive.claims.latex.document import Document
from derive.claims.latex.patterns import (
    Kind,
    Pattern,
    digits,
    identifier,
    looks,
    looks_like,
    shown,
    spelled,
    whole_exponent,
)
from derive.claims.latex.tree import Subscript, Symbol
from derive.claims.vocabulary import Vocabulary
from derive.errors import LayerError
from derive.graph import Index, Quantity, fresh_name
from derive.syntax.names import did_you_mean
from derive.syntax.operations import WORDS

LOSSES = frozenset("LℓJE")
Looks = dict[tuple[str, tuple[str, ...]], list[Pattern]]
_LOSS_WORDS = frozenset({"loss", "Loss", "cost", "Cost"})
_HALF, _ONE = Rational(1, 2), Rational(1)


@dataclass(frozen=True)
class Meaning:
    """What a symbol stands for, the subscripts that are left as its indices, and the power that it is taken to.

    `power` multiplies the exponent; `raised` tells whether the exponent of the symbol is still to be applied.
    """

    kind: Kind
    name: str
    indices: tuple[Subscript, ...] = ()
    power: Rational = _ONE
    raised: bool = False


class Symbols:
    """The meanings of one text. It learns the author's own names as they are defined."""

    def __init__(
        self, document: Document, vocabulary: Vocabulary, table: Iterable[Pattern], ignored: Iterable[Symbol]
    ) -> None:
        self._document = document
        self.vocabulary = vocabulary
        self.quantities: dict[str, Quantity] = dict(vocabulary.known)
        self._table = tuple(table)
        self._ignored = tuple(ignored)
        self._own: dict[str, Pattern] = {}
        # Whether the text has a loss of its own beyond the output that the layer calls one.
        self.outer_loss = False
        self._unread: set[tuple[str, str]] = set()  # letter and accent
        self._near: dict[str, str] = {}  # what an unknown symbol is near to
        self._gradients: dict[str, str] = {}  # what the author names ∂L/∂p, where the layer does not compute L from p
        self._layer = [pattern for q in vocabulary.graph.quantities for pattern in looks(q)]
        self._extents = frozenset(vocabulary.graph.extents)
        # By letter and what is its own below it: a long text has many names, and asks for each of them often.
        self._looks: Looks = {}
        self._own_looks: Looks = {}
        for pattern in self._layer:
            self._looks.setdefault((pattern.base, pattern.own), []).append(pattern)

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return (*self._table, *self._own.values(), *self._layer)

    def looks_of(self, names: Collection[str]) -> list[Pattern]:
        """The patterns of the author's own names; of the name of a gradient those of what it is by."""
        of = {gradient: name for name, gradient in self._gradients.items()}
        by = {of.get(name) for name in names}
        own = [self._own[name] for name in names if name in self._own]
        return [*own, *(pattern for pattern in self._layer if pattern.name in by)]

    def forget(self) -> None:
        """Forget the author's own names, to read the text again from its beginning."""
        self.quantities = dict(self.vocabulary.known)
        self._own.clear()
        self._own_looks.clear()
        self._near.clear()
        self._unread.clear()
        self._gradients.clear()

    def is_taken(self, letter: str) -> bool:
        """Whether a letter, without an accent, is the symbol of something other than an extent."""
        return any(p.base == letter and not p.accent and not p.own and p.kind != "extent" for p in self.patterns)

    def is_extent(self, letter: str) -> bool:
        """Whether the author's table makes a letter an extent."""
        return any(p.base == letter and p.kind == "extent" for p in self._table)

    def is_loss(self, symbol: Symbol) -> bool:
        """Whether a symbol above a derivative is the loss."""
        if symbol.accent or symbol.exponent is not None or self._indices(symbol):
            return False
        mapped = self._in_table(symbol)
        if mapped is not None:
            return mapped.kind == "loss" or self._is_loss_output(mapped.name)
        if symbol.base in _LOSS_WORDS:
            return symbol.base not in self.quantities
        if symbol.base not in LOSSES:
            return False
        if symbol.font == "calligraphic" or symbol.base == "ℓ":
            return True
        quantity = next((q for q in self._layer if q.base == symbol.base and not q.accent), None)
        if quantity is not None:
            return self._is_loss_output(quantity.name)
        return symbol.base not in self._extents

    def _is_loss_output(self, name: str) -> bool:
        """Whether the layer computes the loss itself, under this name."""
        return not self.outer_loss and self.is_output_loss(name)

    def is_output_loss(self, name: str) -> bool:
        """Whether an output of the layer has the name of a loss."""
        return name in LOSSES and name in self.vocabulary.graph.outputs and not self.quantities[name].indices

    def cotangent(self, name: str) -> str | None:
        """The name of the gradient of a quantity: as the layer has it, or as the author defines it."""
        return self.vocabulary.cotangents.get(name) or self._gradients.get(name)

    def is_unused(self, name: str) -> bool:
        """Whether the layer computes a quantity that leads to no output, so that its gradient is the author's own."""
        return name in self.vocabulary.graph.equation_of and name not in self.vocabulary.cotangents

    def is_unknown(self, symbol: Symbol, aliases: Mapping[str, object]) -> bool:
        """Whether a symbol means nothing so far, so that an equation can define it."""
        return not self._candidates(symbol) and self._builtin(symbol, aliases) is None

    def is_root(self, symbol: Symbol) -> bool:
        """Whether a symbol is the root of one that the layer has squared: sigma beside sigma^2.

        Many write it for the root of sigma^2 + eps, and say so: then it is a name of their own.
        """
        found = [pattern for pattern, _ in self._candidates(symbol)]
        squared = all(pattern.exponent and pattern in self._layer for pattern in found)
        return symbol.exponent is None and bool(found) and squared

    def can_be_defined(self, symbol: Symbol, aliases: Mapping[str, object]) -> bool:
        """Whether an equation with this symbol alone on its left can be its definition.

        It means nothing so far, or is such a root, or is Kronecker's delta, of which nobody says what it is.
        """
        delta = symbol.base == "δ" and not symbol.accent and not self._candidates(symbol)
        return self.is_unknown(symbol, aliases) or self.is_root(symbol) or delta

    def meaning(self, symbol: Symbol, aliases: Mapping[str, object]) -> Meaning:
        """What a symbol means. Raises LayerError when it means nothing, or has too many indices."""
        found = self._candidates(symbol)
        if not found:
            builtin = self._builtin(symbol, aliases)
            if builtin is None:
                raise self._unknown(symbol)
            return builtin
        fitting = [made for pattern, split in found if (made := self._made(symbol, pattern, split)) is not None]
        if not fitting:
            raise self._too_many(symbol, found[0][0])
        return fitting[0]

    def _indices(self, symbol: Symbol) -> tuple[Subscript, ...]:
        """The subscripts of a symbol that mean something."""
        return tuple(s for s in symbol.subscripts if not self._is_ignored(s))

    def _is_ignored(self, subscript: Subscript) -> bool:
        if any(subscript.text == s.base and s.font in ("", subscript.font) for s in self._ignored):
            return True
        # \mathcal{B} or B, the batch, is the usual one.
        batch = subscript.text == "B" and subscript.font in ("", "calligraphic", "upright", "bold")
        return batch and "B" not in self._extents and not any("B" in p.own for p in self.patterns)

    def _in_table(self, symbol: Symbol) -> Pattern | None:
        alike = [pattern for pattern in self._table if looks_like(pattern, symbol)]
        texts = tuple(s.text for s in self._indices(symbol)) if alike else ()
        fitting = [p for p in alike if p.own == texts[: len(p.own)]]
        return max(fitting, key=lambda p: (p.font != "", len(p.own)), default=None)

    def _candidates(self, symbol: Symbol) -> list[tuple[Pattern, tuple[Subscript, ...]]]:
        """The patterns that a symbol matches, the table first and then the longest, with the indices that remain."""
        indices = self._indices(symbol)
        mapped = self._in_table(symbol)
        if mapped is not None:
            return [(mapped, indices[len(mapped.own) :])]
        whole = tuple(s.text for s in indices)
        apart = tuple(t for s in indices for t in digits(s))
        # Where a pattern has more of its own than there are subscripts, x_{12} are two.
        starts = [whole[:n] for n in range(len(whole) + 1)] + [apart[:n] for n in range(len(whole) + 1, len(apart) + 1)]
        keys = [(symbol.base, own) for own in starts]
        alike = [p for looks in (self._own_looks, self._looks) for key in keys for p in looks.get(key, ())]
        alike += self._words(symbol)
        found = [(pattern, indices[len(pattern.own) :]) for pattern in alike if looks_like(pattern, symbol)]
        if symbol.base == "e" and symbol.exponent is not None and not indices and not symbol.accent:
            # e^{...}: an array of this name would have its indices.
            found = [f for f in found if not self._has_indices(f[0])]
        if symbol.base in self._extents and not indices:
            # D alone is the extent, beside a D_i of the author's own.
            own = self._own.values()
            found = [f for f in found if f[0] not in own or not self._has_indices(f[0])]
        exact = whole_exponent(symbol)

        def unlike(pattern: Pattern) -> int:
            return 1 if not pattern.exponent else 0 if pattern.exponent == exact else 2

        return sorted(found, key=lambda f: (-len(f[0].own), unlike(f[0])))

    def _has_indices(self, pattern: Pattern) -> bool:
        return pattern.kind == "quantity" and bool(self.quantities[pattern.name].indices)

    def _words(self, symbol: Symbol) -> list[Pattern]:
        """A word that is spelled like a name: \\mathrm{dvar}."""
        if len(symbol.base) > 1 and symbol.base in self.quantities:
            return [Pattern(symbol.base, "", (), "", "quantity", symbol.base)]
        return []

    def _made(self, symbol: Symbol, pattern: Pattern, left: tuple[Subscript, ...]) -> Meaning | None:
        rank = len(self.quantities[pattern.name].indices) if pattern.kind == "quantity" else 0
        split = tuple(replace(s, text=digit) for s in left for digit in digits(s))
        indices = split if len(split) == rank else left
        words = [s for s in indices if s.kind == "word"]
        if len(indices) > rank or words:
            return None
        raised = symbol.exponent is not None
        if not pattern.exponent:
            return Meaning(pattern.kind, pattern.name, indices, _ONE, raised)
        if whole_exponent(symbol) == pattern.exponent:
            return Meaning(pattern.kind, pattern.name, indices)
        return Meaning(pattern.kind, pattern.name, indices, 1 / Rational(int(pattern.exponent)), raised)

    def _builtin(self, symbol: Symbol, aliases: Mapping[str, object]) -> Meaning | None:
        """What a symbol means without a layer: an extent, an alias of one, pi, e to a power, Kronecker's delta."""
        indices = self._indices(symbol)
        raised = symbol.exponent is not None
        if symbol.accent:
            return None
        if symbol.base == "δ" and indices:
            split = tuple(replace(s, text=digit) for s in indices for digit in digits(s))
            return Meaning("delta", "delta", split if len(split) == 2 else indices, _ONE, raised)
        if spelled(symbol) in aliases:
            return Meaning("alias", spelled(symbol), (), _ONE, raised)
        if indices:
            return None
        if symbol.base in self._extents:
            return Meaning("extent", symbol.base, (), _ONE, raised)
        if symbol.base == "π":
            return Meaning("pi", "pi", (), _ONE, raised)
        if symbol.base == "e" and raised:
            return Meaning("e", "e", (), _ONE, raised)
        return None

    def ends_at(self, symbol: Symbol) -> str | None:
        """The extent that the upper end of a sum is, in the table or by its name."""
        mapped = self._in_table(symbol)
        if mapped is not None:
            return mapped.name if mapped.kind == "extent" else None
        return symbol.base if symbol.base in self._extents else None

    def define(self, symbol: Symbol, own: tuple[str, ...], indices: tuple[Index, ...]) -> Quantity:
        """Give the author's own symbol its name; `own` are the subscripts that belong to it."""
        exponent = whole_exponent(symbol)
        letters = {index.name for quantity in self.quantities.values() for index in quantity.indices}
        used = {*self.quantities, *self._extents, *WORDS, *letters}
        name = identifier(symbol, own)
        candidates = [name, f"{name}_"] if not keyword.iskeyword(name) else [f"{name}_"]
        quantity = Quantity(fresh_name(candidates, used), indices, "helper")
        self._near.clear()
        pattern = Pattern(symbol.base, symbol.accent, own, exponent, "quantity", quantity.name)
        self._own[quantity.name] = pattern
        self._own_looks.setdefault((pattern.base, pattern.own), []).append(pattern)
        self.quantities[quantity.name] = quantity
        return quantity

    def define_gradient(self, name: str, indices: tuple[Index, ...]) -> Quantity:
        """Let ∂L/∂p be a name of the author's own."""
        quantity = Quantity(fresh_name([f"d{name}", f"d{name}_"], self.quantities), indices, "helper")
        self._gradients[name] = quantity.name
        self.quantities[quantity.name] = quantity
        return quantity

    def give_up(self, symbol: Symbol) -> None:
        """Remember a symbol whose definition cannot be read."""
        self._unread.add((symbol.base, symbol.accent))

    def other_case(self, symbol: Symbol) -> LayerError | None:
        """Why a symbol cannot be defined that differs from the layer's only in case."""
        near = [p for p in self._layer if p.base.lower() == symbol.base.lower() and p.accent == symbol.accent]
        if symbol.base.swapcase() not in [p.base for p in near if not p.own] or symbol.base in [p.base for p in near]:
            return None
        return self._unknown(symbol)

    def _too_many(self, symbol: Symbol, pattern: Pattern) -> LayerError:
        written = self._document.shown(symbol.at, symbol.end)
        indices = self._indices(symbol)
        at = indices[0].at if indices else symbol.at
        word = next((s for s in indices if s.kind == "word"), None)
        if word is not None:
            hint = f"if it says nothing, name it: --symbols '{word.text}='"
            return self._document.error_from(word.at, f"{word.text} is not an index", hint)
        if pattern.kind != "quantity":
            return self._document.error_from(at, f"{pattern.name} has no index", f"write {pattern.name} alone")
        own = self.quantities[pattern.name].indices
        letters = "".join(index.name for index in own)
        count = f"{len(own)} {'index' if len(own) == 1 else 'indices'}" if own else "no index"
        hint = f"it is {pattern.name}[{', '.join(letters)}] in the layer" if own else f"write {pattern.name} alone"
        message = f"{written} has {len(indices)} indices, and {pattern.name} has {count}"
        return self._document.error_from(at, message, hint)

    def _unknown(self, symbol: Symbol) -> LayerError:
        written = self._document.shown(symbol.at, symbol.end)
        if (symbol.base, symbol.accent) in self._unread:
            hint = "mend the line that defines it"
            return self._document.error_from(symbol.at, f"{written} is defined on a line that cannot be read", hint)
        listing: dict[str, str] = {}
        for pattern in self.patterns:
            if pattern.name not in listing.values():
                listing[shown(pattern)] = pattern.name
        plain = shown(Pattern(symbol.base, symbol.accent, (), "", "quantity", ""))
        near = self._near.get(plain)
        if near is None:
            near = self._near[plain] = did_you_mean(plain, listing)
        nearest = [text for text in listing if near.startswith((f"did you mean {text} or", f"did you mean {text}?"))]
        listed = ", ".join([*nearest, *(text for text in listing if text not in nearest)])
        if nearest:
            hint = f"{near} the symbols are {listed}; say what it is: --symbols '{plain}={listing[nearest[0]]}'"
        else:
            names = ", ".join(quantity.name for quantity in self.vocabulary.graph.quantities)
            hint = f"say what it is: --symbols '{plain}=NAME', with NAME one of {names}"
        return self._document.error_from(symbol.at, f"unknown symbol {written}", hint)
