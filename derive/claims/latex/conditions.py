r"""Conditions on indices behind a formula: \quad (i \neq j), \text{if } k < i. They change what is claimed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from derive.claims.latex.brackets import CLOSING, OPENING, group_end
from derive.claims.latex.tokens import Token

MESSAGE = "a condition on the indices is not read: write delta(i, j) for what holds for equal ones"
HINT = "write \\delta_{ij} for what holds for equal indices, and 1 - \\delta_{ij} for unlike ones"
_UNLIKE = frozenset({"\\ne", "\\neq", "≠"})
_ORDERS = frozenset({"<", ">", "\\lt", "\\gt", "\\le", "\\leq", "\\leqslant", "\\ge", "\\geq", "\\geqslant", "≤", "≥"})
_PARTS = frozenset({"letter", "number", "relation", "=", ",", "text", *OPENING, *CLOSING})
_SIGN = r"(?:\\neq?|\\not\s*=|!=|≠|=|<|>)"
# if $i \neq j$, all within one \text{...}
_IN_TEXT = re.compile(
    rf"[\s,(]*(?:if|for|when|where|with|unless|case)\s+\$?\s*([a-z])\s*({_SIGN})\s*([a-z])\s*\$?[\s,.)]*"
)


def with_conditions(tokens: Iterable[Token]) -> list[Token]:
    r"""The tokens, with a condition that stands within one \text{...} as tokens of its own."""
    made: list[Token] = []
    for token in tokens:
        match = _IN_TEXT.fullmatch(token.text) if token.kind == "text" else None
        made.append(token)
        if match is not None:
            left, sign, right = match.groups()
            made[-1] = replace(token, text="if")
            said = sign if sign in ("<", ">", "=") else "≠"
            parts = (("open", "("), ("letter", left), ("relation", said), ("letter", right), ("close", ")"))
            made += [Token(kind, part, token.start, token.end) for kind, part in parts]
    return made


def index_letters(tokens: Sequence[Token]) -> set[str]:
    """The letters that stand below a symbol somewhere."""
    found: set[str] = set()
    for place, token in enumerate(tokens):
        if token.kind == "_":
            group = tokens[place + 1 : group_end(tokens, place + 1)]
            found |= {inner.text for inner in group if inner.kind == "letter"}
    return found


def is_condition(piece: Sequence[Token], letters: set[str]) -> bool:
    """Whether a piece without a claim compares two indices; `letters` are those of the formula before it."""
    if any(token.kind not in _PARTS for token in piece):
        return False
    for left, sign, right in zip(piece, piece[1:], piece[2:], strict=False):
        unlike = sign.text in _UNLIKE
        if sign.kind not in ("relation", "=") or not (unlike or sign.text == "=" or sign.text in _ORDERS):
            continue
        indices = [side.kind == "letter" and side.text in letters for side in (left, right)]
        numbers = [side.kind == "number" for side in (left, right)]
        if all(indices) or (unlike and any(indices) and any(numbers)):
            return True
    return False
