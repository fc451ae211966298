r"""A derivation in LaTeX to claims about a layer.

    text ──Document──▶ find_formulas ──▶ tokenize ──▶ find_chains ──▶ parse_side ──▶ ChainReader ──▶ Claims
            places       mathematics       tokens       A = B = C       trees         meanings, indices, SymPy

A strict subset of what people write is read; anything else is an error with its place, never a guess. Nothing in the
text is expanded, followed or run. A text with indices or aliases (\sum_{i=1}^{m}) is read twice: what they run over
may become clear only further down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from derive.claims.claim import Claim, Claims, Unreadable
from derive.claims.latex.build import MAX_ELEMENTS
from derive.claims.latex.chains import ChainReader, ParsedChain, Text, has_symbol
from derive.claims.latex.document import Document
from derive.claims.latex.extents import Known, Unknown
from derive.claims.latex.formulas import Refused, find_formulas
from derive.claims.latex.patterns import spelled
from derive.claims.latex.rows import find_chains
from derive.claims.latex.symbols import Symbols
from derive.claims.latex.syntax import parse_side
from derive.claims.latex.table import read_table
from derive.claims.latex.tokens import Token, tokenize
from derive.claims.latex.tree import Derivative, Node, Number, Reduction, Symbol
from derive.claims.latex.users import Users, nodes_in
from derive.claims.vocabulary import Vocabulary
from derive.errors import LayerError

# Comments and strings of the layer grammar, where a backslash or a dollar says nothing about the text.
_REMARKS = re.compile(r'"{3}.*?"{3}|' + r"'{3}.*?'{3}|r?\"[^\"\n]*\"|#[^\n]*", re.DOTALL)
_EQUALITY = re.compile(r"[=≡≔←]|\\(equiv|colon|coloneq|eqqcolon|triangleq|doteq|gets|leftarrow)")
MAX_EQUALITIES = 2_000
_SHOWN = 500  # characters of a formula that is not understood as a whole
_LATEX = re.compile(r"\\[a-zA-Z]+|\\[(\[]|\$|[_^]\{|[_^]\\")


def looks_like_latex(text: str) -> bool:
    """Whether a text is LaTeX, or Markdown with LaTeX in it, rather than the layer grammar."""
    return _LATEX.search(_REMARKS.sub("", text)) is not None


def read_latex(text: str, file: str, vocabulary: Vocabulary, symbols: str = "") -> Claims:
    """The claims of a derivation in LaTeX about the layer that `vocabulary` is of.

    `symbols` maps the author's letters to the layer's names. Raises LayerError for a text without a formula that could
    be read, and UsageError for a malformed table; a formula that is not understood becomes an Unreadable line.
    """
    patterns, ignored = read_table(symbols, vocabulary)
    document = Document(text, file)
    meanings = Symbols(document, vocabulary, patterns, ignored)
    return _Reading(document, meanings).claims()


@dataclass
class _Sizes:
    """The numbers that the text gives to extents and their aliases, in order."""

    found: dict[str, list[int]] = field(default_factory=dict)
    aliases: dict[str, list[int]] = field(default_factory=dict)


class _Reading:
    def __init__(self, document: Document, symbols: Symbols) -> None:
        self._document = document
        self._symbols = symbols
        self._entries = list(self._parsed())
        self._known = Known({name: Unknown() for name in self._aliases()})
        self._letters = set(self._index_letters())
        self._sizes = _Sizes()
        self._notes: dict[str, None] = {}
        self._symbols.outer_loss = any(self._is_by_loss(node) for node in self._nodes())

    def _is_by_loss(self, node: Node) -> bool:
        """Whether a node is the derivative of a loss by the output that the layer calls one: ∂ℓ/∂L."""
        if not isinstance(node, Derivative) or not isinstance(node.above, Symbol):
            return False
        above, below = node.above, node.below
        other = (above.base, above.font) != (below.base, below.font)
        return other and self._symbols.is_loss(above) and self._symbols.is_output_loss(below.base)

    def claims(self) -> Claims:
        """The lines of the text."""
        lines, largest = self._lines()
        if self._known.letters or self._known.aliases:
            self._symbols.forget()
            self._sizes = _Sizes()
            lines, largest = self._lines()
        if not lines and not self._sizes.found and not self._sizes.aliases and not self._notes:
            hint = "write the derivation's equalities as formulas: $...$, \\[...\\], align, or one a line"
            raise self._document.plain_error("no formula with an = is found", hint)
        return Claims(self._document.file, tuple(lines), self._fixed(largest), largest, tuple(self._notes))

    def _fixed(self, largest: dict[str, int]) -> dict[str, int]:
        """The extents of a batch that the text writes out; any other size is that of an example, and says nothing."""
        sizes = {extent: list(found) for extent, found in self._sizes.found.items()}
        for name, found in self._sizes.aliases.items():
            extent = self._known.aliases[name].extent
            if extent is not None:
                sizes[extent] = [*sizes.get(extent, []), *found]
        return {
            extent: found[0]
            for extent, found in sizes.items()
            if extent in largest and len(set(found)) == 1 and found[0] <= MAX_ELEMENTS
        }

    def _lines(self) -> tuple[list[Claim | Unreadable], dict[str, int]]:
        """The lines as far as they are understood so far, and the largest index of each extent that is a number."""
        text = Text(self._document, self._symbols, self._known)
        found: list[list[Claim | Unreadable]] = []
        waiting: list[tuple[int, ParsedChain]] = []
        for entry in self._entries:
            if isinstance(entry, Unreadable):
                found.append([entry])
            elif not self._is_setting(entry):
                found.append(ChainReader(text, entry).read())
                waiting.append((len(found) - 1, entry))
        self._read_again(text, found, waiting)
        return [line for lines in found for line in lines], text.largest

    def _read_again(
        self, text: Text, found: list[list[Claim | Unreadable]], entries: list[tuple[int, ParsedChain]]
    ) -> None:
        """Read what is not understood once more: "..., where D_i = ..." stands behind what uses it."""
        waiting = {k: entry for k, entry in entries if _is_unread(found[k])}

        def read(numbers: Iterable[int]) -> None:
            for k in numbers:
                found[k] = ChainReader(text, waiting[k]).read()
                if not _is_unread(found[k]):
                    del waiting[k]

        users = Users(waiting if text.definitions else {})
        read_with = 0
        while read_with < len(text.definitions):
            # First those only that use what is new: to read all of them each time would take long.
            last = 0
            while last < len(text.definitions):
                new, last = self._symbols.looks_of(list(text.definitions)[last:]), len(text.definitions)
                read(sorted(users.of(new) & waiting.keys()))
            read_with = len(text.definitions)
            read(list(waiting))

    def _parsed(self) -> Iterator[ParsedChain | Unreadable]:
        """The chains of the document with the trees of their sides."""
        count = 0
        for formula in find_formulas(self._document):
            if isinstance(formula, Refused):
                yield self._unreadable(formula.start, formula.end, formula.error)
                continue
            if not _EQUALITY.search(self._document.text, formula.start, formula.end):
                continue
            try:
                tokens = tokenize(self._document, formula.start, formula.end, formula.layout == "lines")
                chains = find_chains(self._document, tokens, formula.layout)
            except LayerError as error:
                yield self._unreadable(formula.start, formula.end, error)
                continue
            for chain in chains:
                count += len(chain.signs)
                if count > MAX_EQUALITIES:
                    at = chain.signs[0].start
                    raise self._document.error_from(at, "too many equalities", "check a long text part by part")
                sides: list[Node | LayerError] = []
                for number, side in enumerate(chain.sides):
                    wrong = chain.errors.get(number)
                    sides.append(wrong or self._side(chain.signs[max(number - 1, 0)].start, side))
                yield ParsedChain(chain, sides)

    def _side(self, before: int, tokens: list[Token]) -> Node | LayerError:
        try:
            return parse_side(self._document, tokens, self._symbols, before)
        except LayerError as error:
            return error

    def _unreadable(self, start: int, end: int, error: LayerError) -> Unreadable:
        line = self._document.line_of(start) if error.location is None else error.location.line
        shown = self._document.shown(start, min(end, start + _SHOWN))
        return Unreadable(line, shown if end <= start + _SHOWN else f"{shown}…", error)

    def _index_letters(self) -> Iterator[str]:
        for node in self._nodes():
            if isinstance(node, Symbol):
                yield from (s.text for s in node.subscripts if s.kind == "letter")
            elif isinstance(node, Reduction):
                yield from (binder.letter for binder in node.binders)

    def _nodes(self) -> Iterator[Node]:
        """Every node in the text."""
        for entry in self._entries:
            if isinstance(entry, ParsedChain):
                yield from nodes_in(entry)

    def _aliases(self) -> list[str]:
        """The symbols at which sums end that are no extents of the layer."""
        found = []
        for node in self._nodes():
            for binder in node.binders if isinstance(node, Reduction) else ():
                upper = binder.upper
                if isinstance(upper, Symbol) and self._is_alias(upper):
                    found.append(spelled(upper))
        return found

    def _is_alias(self, upper: Symbol) -> bool:
        return self._symbols.ends_at(upper) is None and self._symbols.is_unknown(upper, {})

    def _is_setting(self, parsed: ParsedChain) -> bool:
        """Whether a chain only says how large an extent is, what a constant is, or where an index begins."""
        *names, last = parsed.sides
        if all(isinstance(side, Symbol) and self._is_index(side) for side in parsed.sides):
            return True
        if isinstance(last, LayerError) or has_symbol(last):
            return False
        plain = [name for name in names if isinstance(name, Symbol) and not name.accent and name.exponent is None]
        if len(plain) < len(names):
            return False
        if all(self._is_given(name) for name in plain):
            chain = parsed.chain
            shown = self._document.shown(chain.sides[0][0].start, chain.sides[-1][-1].end)
            self._notes[f"not judged, since it is assumed: {shown}"] = None
            return True
        return all(self._set(name, last) for name in plain)

    def _is_given(self, name: Symbol) -> bool:
        """Whether a symbol is an input of the layer, which can have any value."""
        if self._symbols.is_unknown(name, self._known.aliases):
            return False
        try:
            meaning = self._symbols.meaning(name, self._known.aliases)
        except LayerError:
            return False
        graph = self._symbols.vocabulary.graph
        quantity = graph.by_name.get(meaning.name) if meaning.kind == "quantity" and meaning.power == 1 else None
        return quantity is not None and quantity.role == "input" and quantity.name not in graph.equation_of

    def _set(self, name: Symbol, value: Node) -> bool:
        aliases = self._known.aliases
        size = int(value.value) if isinstance(value, Number) and value.value.is_integer else 0
        if not self._symbols.is_unknown(name, aliases):
            try:
                meaning = self._symbols.meaning(name, aliases)
            except LayerError:
                return False
            if meaning.kind in ("extent", "alias") and size > 0:
                sizes = self._sizes.found if meaning.kind == "extent" else self._sizes.aliases
                sizes.setdefault(meaning.name, []).append(size)
                return True
            quantity = self._symbols.quantities.get(meaning.name)
            return quantity is not None and quantity.role == "constant" and quantity.default is not None
        return size > 0 and self._is_index(name)

    def _is_index(self, symbol: Symbol) -> bool:
        """Whether a symbol alone is an index that the text uses."""
        bare = not (symbol.subscripts or symbol.accent or symbol.exponent)
        return bare and symbol.base in self._letters and self._symbols.is_unknown(symbol, self._known.aliases)


def _is_unread(lines: list[Claim | Unreadable]) -> bool:
    return all(isinstance(line, Unreadable) for line in lines)
