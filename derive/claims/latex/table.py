r"""The user's table of symbols, 'm=N, \ell=L, \mathcal{B}='."""

from __future__ import annotations

from derive.claims.latex.patterns import Kind, Pattern, read_pattern
from derive.claims.latex.symbols import LOSSES
from derive.claims.latex.tree import Number, Symbol
from derive.claims.vocabulary import Vocabulary
from derive.errors import UsageError
from derive.syntax.names import did_you_mean

_FORM = r"a table of symbols looks like 'm=N, \ell=L, \mathcal{B}='"


def read_table(symbols: str, vocabulary: Vocabulary) -> tuple[list[Pattern], list[Symbol]]:
    """The patterns of a table, and the subscripts that it says to ignore.

    Raises UsageError for what is no table, and for a name that the layer lacks.
    """
    patterns: list[Pattern] = []
    ignored: list[Symbol] = []
    if len(symbols) > 10_000:
        raise UsageError(f"the table of symbols is too long: {len(symbols)} characters; {_FORM}")
    for entry in _entries(symbols):
        left, sign, name = (part.strip() for part in entry.partition("="))
        symbol = read_pattern(left) if left else None
        if not sign or symbol is None:
            raise UsageError(f"cannot read the entry {entry!r}: one symbol, an = and a name of the layer; {_FORM}")
        if name:
            patterns.append(_pattern(symbol, name, vocabulary))
        else:
            ignored.append(symbol)
    return patterns, ignored


def _entries(symbols: str) -> list[str]:
    """The table cut at the commas outside braces."""
    found, depth = [""], 0
    for char in symbols:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            found.append("")
        else:
            found[-1] += char
    return [entry.strip() for entry in found if entry.strip()]


def _pattern(symbol: Symbol, name: str, vocabulary: Vocabulary) -> Pattern:
    own = tuple(s.text for s in symbol.subscripts)
    exponent = symbol.exponent
    raised = str(exponent.value) if isinstance(exponent, Number) else ""
    extents = vocabulary.graph.extents
    word = name.removeprefix("\\mathcal{").rstrip("}").removeprefix("\\").replace("ell", "ℓ")
    kind: Kind
    if name in vocabulary.known:
        kind = "quantity"
    elif name in extents:
        kind = "extent"
    elif word in LOSSES or word.lower() == "loss":
        kind = "loss"
    else:
        names = [*(q for q in vocabulary.known if "_wrt_" not in q and "_via_" not in q), *extents]
        near = did_you_mean(name, names) or f"the names are {', '.join(names)}, and L for the loss"
        raise UsageError(f"the table of symbols says {symbol.base}={name}, and the layer has no {name}; {near}")
    return Pattern(symbol.base, symbol.accent, own, raised, kind, name, symbol.font)
