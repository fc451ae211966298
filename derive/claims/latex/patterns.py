"""How the quantities of a layer look in LaTeX, and how a symbol is told to look like one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from derive.claims.latex.document import Document
from derive.claims.latex.syntax import Parser
from derive.claims.latex.tokens import tokenize
from derive.claims.latex.tree import Number, Subscript, Symbol
from derive.errors import DeriveError
from derive.graph import Quantity
from derive.printing.symbols import ACCENT_LATEX, GREEK_LATEX, read_name

Kind = Literal["quantity", "extent", "alias", "loss", "pi", "e", "delta"]


@dataclass(frozen=True)
class Pattern:
    """How a meaning looks: its letter, accent and own subscripts, and the exponent that belongs to it."""

    base: str
    accent: str
    own: tuple[str, ...]
    exponent: str
    kind: Kind
    name: str
    font: str = ""


def looks(quantity: Quantity) -> list[Pattern]:
    """How a quantity of the layer looks: as its name is printed, and as the layer's author writes it."""
    reading = read_name(quantity.name)
    base = unicodedata.normalize("NFKC", reading.base)
    found = [Pattern(base, reading.accent, reading.subscripts, reading.exponent, "quantity", quantity.name)]
    if reading.base != quantity.name and len(quantity.name) > 1:
        found.append(Pattern(quantity.name, "", (), "", "quantity", quantity.name))
    if quantity.latex:
        own = read_pattern(quantity.latex)
        if own is not None:
            exponent = whole_exponent(own)
            texts = tuple(s.text for s in own.subscripts)
            # The author's own symbol is the only one.
            found[0] = Pattern(own.base, own.accent, texts, exponent, "quantity", quantity.name)
    return found


def spelled(symbol: Symbol) -> str:
    """A symbol that is no quantity, with its subscripts: d_k."""
    return "_".join([symbol.base, *(s.text for s in symbol.subscripts)])


class _AnyLetter:
    """In a table every letter is a symbol."""

    def is_taken(self, letter: str) -> bool:
        return True

    def is_extent(self, letter: str) -> bool:
        return False


def read_pattern(latex: str) -> Symbol | None:
    """A single symbol from its LaTeX; None for anything else."""
    try:
        document = Document(latex, "symbol")
        parser = Parser(document, tokenize(document, 0, len(document.text)), _AnyLetter())
        made = parser.total()
        parser.finish()
    except DeriveError:
        return None
    return made if isinstance(made, Symbol) else None


def looks_like(pattern: Pattern, symbol: Symbol) -> bool:
    """Whether a symbol is a pattern's letter with its accent; a font counts where the pattern has one."""
    return pattern.base == symbol.base and pattern.accent == symbol.accent and pattern.font in ("", symbol.font)


def shown(pattern: Pattern) -> str:
    """A pattern in LaTeX, for messages."""
    base = GREEK_LATEX.get(pattern.base, pattern.base if len(pattern.base) == 1 else f"\\mathrm{{{pattern.base}}}")
    if pattern.accent:
        base = f"{ACCENT_LATEX[pattern.accent]}{{{base}}}"
    below = f"_{{{','.join(pattern.own)}}}" if pattern.own else ""
    return base + below + (f"^{pattern.exponent}" if pattern.exponent else "")


def whole_exponent(symbol: Symbol) -> str:
    """The exponent of a symbol where it is a whole number."""
    exponent = symbol.exponent
    if isinstance(exponent, Number) and exponent.value.is_integer and 0 < exponent.value < 10:
        return str(exponent.value)
    return ""


def digits(subscript: Subscript) -> tuple[str, ...]:
    """A number as its digits; anything else as it is."""
    return tuple(subscript.text) if subscript.kind == "number" else (subscript.text,)


def identifier(symbol: Symbol, own: tuple[str, ...]) -> str:
    """A name in the layer grammar for a symbol: \\tilde{x}_1 is xtilde_1."""
    base = GREEK_LATEX.get(symbol.base, symbol.base).strip("\\{}").removeprefix("mathrm{")
    accent = ACCENT_LATEX[symbol.accent].strip("\\") if symbol.accent else ""
    exponent = f"_{whole_exponent(symbol)}" if whole_exponent(symbol) else ""
    name = "_".join([{"lambda": "lam", "ℓ": "ell"}.get(base, base) + accent, *own]) + exponent
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    return name if name.isidentifier() and not name.startswith("_") else f"own_{name}"
