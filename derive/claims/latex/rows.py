r"""The equalities of a formula: its rows and columns joined and split into chains A = B = C.

    Input    the tokens of a formula
    Output   Chains; each side is a list of tokens

A piece without `=` says nothing that could be judged, and is left out: a condition, a range, a lone symbol. What may
as well be a part of an equation is never left out silently; it becomes an error of that equation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from derive.claims.latex.brackets import CLOSING, OPENING, group_end, outside
from derive.claims.latex.conditions import HINT, MESSAGE, index_letters, is_condition, with_conditions
from derive.claims.latex.document import Document
from derive.claims.latex.formulas import Layout
from derive.claims.latex.tokens import Token
from derive.errors import LayerError

Tokens = list[Token]
_BETWEEN = frozenset({",", "quad", "text", "separator", "."})
_PROSE = re.compile(r"[A-Za-z]{3,}|[A-Za-z]{1,2} [A-Za-z]{2,}")  # at the beginning of a line
_WORD = re.compile(r"[A-Za-z]+")
# What begins a condition or a remark, after which the equation does not go on.
_LEAD_WORDS = """
    and or where with for if so thus then since hence therefore let as is in that from all any when while but also here
    now each every note because using by via over see recall given
"""
_LEADS = frozenset(_LEAD_WORDS.split())
_MOST_ROWS = 30  # that one bracket spans
_CONDITIONS = frozenset({"relation", "dots", "text", "=", "=:"})


@dataclass
class Chain:
    """Sides, and the equality sign before each but the first; `errors` say, by its number, why a side is not read."""

    sides: list[Tokens]
    signs: list[Token] = field(default_factory=list)
    errors: dict[int, LayerError] = field(default_factory=dict)


@dataclass(frozen=True)
class _Piece:
    """What stands between two separators. `before` is the separator; `open` whether the row's first column is empty."""

    before: str
    tokens: Tokens
    open: bool = False


def find_chains(document: Document, tokens: Tokens, layout: Layout) -> list[Chain]:
    """The chains of equalities in a formula."""
    tokens = _plain_signs(document, with_conditions(tokens))
    if layout == "rows" and any(token.kind == "&" for token in tokens):
        layout = "columns"  # of an aligned inside
    pieces = [piece for row in _rows(tokens) for piece in _pieces(row, layout)]
    return _Joiner(document, layout).chains(pieces)


def _plain_signs(document: Document, tokens: Tokens) -> Tokens:
    r"""\overset{..}{=} as a plain =, and the frames around a formula taken off."""
    made: Tokens = []
    place = 0
    frames: list[int] = []
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "command" and token.text in ("overset", "stackrel", "underset"):
            first = group_end(tokens, place + 1)
            second = group_end(tokens, first)
            inner = [t for t in tokens[first:second] if t.kind not in "{}"]
            if len(inner) != 1 or inner[0].kind not in ("=", "=:", "relation"):
                hint = "write the sign, or the symbol, alone"
                raise document.error_from(token.start, f"\\{token.text} is read only around an equality sign", hint)
            made.append(replace(inner[0], start=token.start, end=tokens[second - 1].end))
            place = second
        elif token.kind == "command" and token.text in ("boxed", "fbox", "ensuremath"):
            end = group_end(tokens, place + 1)
            if end > place + 2 and tokens[place + 1].kind == "{":
                frames += [place + 1, end - 1]
            place += 1
        else:
            if place not in frames:
                made.append(token)
            place += 1
    return made


def _rows(tokens: Tokens) -> list[Tokens]:
    """The rows; a bracket that is open at the end of one goes on in the next, if it is closed there."""
    rows: list[Tokens] = [[]]
    for token in tokens:
        if token.kind == "row":
            rows.append([])
        else:
            rows[-1].append(token)
    joined: list[Tokens] = []
    place = 0
    while place < len(rows):
        last = place
        depth = _depth(rows[place])
        for row in rows[place + 1 : place + _MOST_ROWS]:
            if depth <= 0 or any(token.kind == "=" for token in row[:2]):
                break
            last += 1
            depth += _depth(row)
        last = last if depth == 0 else place
        joined.append(_inside_spaced([token for row in rows[place : last + 1] for token in row]))
        place = last + 1
    return joined


def _inside_spaced(tokens: Tokens) -> Tokens:
    """The tokens of a row without what only spaces it out inside a bracket."""
    kept: Tokens = []
    depth = 0
    for token in tokens:
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if depth <= 0 or token.kind not in ("&", "quad"):
            kept.append(token)
    return kept


def _depth(tokens: Tokens) -> int:
    return sum((token.kind in OPENING) - (token.kind in CLOSING) for token in tokens)


def _pieces(row: Tokens, layout: Layout) -> list[_Piece]:
    """A row cut at what stands between two formulas."""
    cells = _cut(row, ("&",)) if layout == "columns" else [("row", [t for t in row if t.kind != "&"])]
    found: list[_Piece] = []
    for number, (_, cell) in enumerate(cells):
        # In align every second column begins another equation.
        ends_open = number > 0 and bool(cells[number - 1][1]) and cells[number - 1][1][-1].kind in ("=", "op")
        apart = number > 0 and number % 2 == 0 and bool(cell) and cell[0].kind not in ("=", "op") and not ends_open
        starts = "quad" if apart and any(t.kind == "=" for c in cells[number:] for t in c[1]) else "row"
        starts = "," if apart and starts == "row" else starts
        if not any(piece.tokens for piece in found):
            cell = _unindented(cell)
        for before, tokens in _cut(_without_ranges(cell), _BETWEEN):
            if before == "" and number > 0 and not apart and found:
                last = found.pop()
                found.append(_Piece(last.before, [*last.tokens, *tokens], last.open))
            else:
                first = not found
                is_open = first and number == 0 and not cell and len(cells) > 1
                found.append(_Piece(before or (starts if not first else "row"), tokens, is_open))
    return found


def _unindented(tokens: Tokens) -> Tokens:
    """The tokens without the space that they begin with."""
    first = next((place for place, token in enumerate(tokens) if token.kind != "quad"), len(tokens))
    return tokens[first:]


def _cut(tokens: Tokens, kinds: Sequence[str] | frozenset[str]) -> list[tuple[str, Tokens]]:
    """The stretches between tokens of some kinds outside all brackets, each with the kind before it."""
    found: list[tuple[str, Tokens]] = [("", [])]
    depth = 0
    for token in tokens:
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if depth <= 0 and token.kind in kinds:
            before = found[-1][0] if not found[-1][1] and len(found) > 1 else ""
            if not found[-1][1] and len(found) > 1:
                found.pop()
            # Of several separators the strongest counts: a comma before a \quad is a comma.
            found.append((before if before in (",", "text", "separator") else _separator(token), []))
        else:
            found[-1][1].append(token)
    return found


def _separator(token: Token) -> str:
    """What a token separates like; prose that does not lead to a condition may stand inside an equation."""
    if token.kind == ".":
        return "quad"
    words = _WORD.findall(token.text) if token.kind == "text" else []
    return "quad" if words and words[0].lower() not in _LEADS else token.kind


def _without_ranges(tokens: Tokens) -> Tokens:
    r"""The tokens without i = 1, \ldots, N."""
    kept: Tokens = []
    place = 0
    while place < len(tokens):
        end = _range_end(tokens, place)
        if end:
            kept.append(Token("text", "", tokens[place].start, tokens[end - 1].end))
            place = end
        else:
            kept.append(tokens[place])
            place += 1
    return kept


def _range_end(tokens: Tokens, place: int) -> int:
    """The place behind a range that begins here; 0 where none does."""
    if tokens[place].kind != "letter" or (place and tokens[place - 1].kind not in _BETWEEN | {"open", "&"}):
        return 0
    kinds = [token.kind for token in tokens[place : place + 8]]
    here = 1
    while kinds[here : here + 2] == [",", "letter"]:
        here += 2
    if kinds[here : here + 2] != ["=", "number"]:
        return 0
    here += 2
    if kinds[here : here + 2] == [",", "number"]:
        while kinds[here : here + 2] == [",", "number"]:
            here += 2
        if kinds[here : here + 2] != [",", "dots"]:
            return place + here
    if kinds[here : here + 1] == [","]:
        here += 1
    if kinds[here : here + 2] == [".", "."]:
        here += 2
    elif kinds[here : here + 1] == ["dots"]:
        here += 1
    else:
        return 0
    here += kinds[here : here + 1] == [","]
    return place + here + (kinds[here : here + 1] in (["letter"], ["number"], ["word"]))


class _Joiner:
    """Puts pieces together into chains."""

    def __init__(self, document: Document, layout: Layout) -> None:
        self._document = document
        self._layout = layout
        self._found: list[Chain] = []
        self._begun = 0  # the first side of the row that is being read

    def chains(self, pieces: Sequence[_Piece]) -> list[Chain]:
        for piece in pieces:
            if piece.tokens:
                self._add(piece)
        return self._found

    def _add(self, piece: _Piece) -> None:
        tokens, first = piece.tokens, piece.tokens[0]
        last = self._found[-1] if self._found else None
        if last is not None and self._is_condition(last, piece):
            for side in range(max(self._begun, 1), len(last.sides)):
                last.errors.setdefault(side, self._document.error_from(first.start, MESSAGE, HINT))
            return
        equal = any(kind in ("=", "=:") for kind in outside(tokens))
        joins = piece.before in ("row", "quad")
        if first.kind in ("=", "=:"):
            if last is None:
                hint = "write the left side, or let the row follow the one that it goes on with"
                error = self._document.error_from(first.start, "nothing stands before this =", hint)
                last = Chain([[]], errors={0: error})
                self._found.append(last)
            self._begun = len(last.sides) if piece.before == "row" else self._begun
            self._extend(last, tokens)
            return
        if last is not None and joins and self._goes_on(last, piece, equal):
            self._extend(last, tokens)
        elif equal:
            chain = Chain([[]])
            self._begun = 0
            self._found.append(chain)
            self._extend(chain, tokens)
        elif last is not None and self._may_belong(piece):
            hint = "join the two, or put a comma between an equation and a condition"
            error = self._document.error_from(first.start, "it is not clear whether this belongs to the equation", hint)
            last.errors.setdefault(len(last.sides) - 1, error)

    def _is_condition(self, last: Chain, piece: _Piece) -> bool:
        """Whether a piece says for which indices the chain before it holds."""
        before = [token for side in last.sides for token in side]
        return bool(before) and is_condition(piece.tokens, index_letters(before))

    def _goes_on(self, last: Chain, piece: _Piece, equal: bool) -> bool:
        """Whether a piece goes on with the side before it."""
        first = piece.tokens[0]
        side = last.sides[-1]
        if not side or side[-1].kind == "op" or _depth(side) > 0:
            return True
        if first.kind == "op":
            # A row may begin with its own minus sign, but not where an = would stand.
            named = all(kind != "=" for kind in outside(piece.tokens))
            return first.text != "-" or not equal or named or (self._layout == "columns" and piece.open)
        if equal or any(kind == "relation" for kind in outside(piece.tokens)):
            return False
        return piece.before == "row" and (self._layout == "one" or (self._layout == "columns" and piece.open))

    def _may_belong(self, piece: _Piece) -> bool:
        """Whether a piece without an = may be meant as a part of the equation before it."""
        if piece.before not in (",", "row", "quad"):
            return False
        if piece.tokens[0].kind == "op":
            return True
        if self._layout == "lines" and _PROSE.match(self._document.text, piece.tokens[0].start):
            return False
        inside = [t for t in piece.tokens if t.kind not in ("open", "close")]
        number = len(inside) == 1 and inside[0].kind == "number" and len(piece.tokens) == 3
        letter = len(inside) == 1 and inside[0].kind == "letter" and piece.before == ","
        bracketed = piece.tokens[0].kind in OPENING and group_end(piece.tokens, 0) == len(piece.tokens)
        kinds = outside(piece.tokens[1:-1] if bracketed else piece.tokens)
        return not number and not letter and not any(kind in _CONDITIONS for kind in kinds)

    def _extend(self, chain: Chain, tokens: Tokens) -> None:
        """Go on with the last side of a chain; each equality sign begins a new one."""
        for token, kind in zip(tokens, outside(tokens), strict=True):
            if kind in ("=", "=:"):
                chain.signs.append(token)
                chain.sides.append([])
            elif kind == "relation":
                message = f"{token.text} is no equality, and cannot be judged as one"
                hint = "write each equality, and each condition, as a formula of its own"
                error = self._document.error_from(token.start, message, hint)
                chain.errors.setdefault(len(chain.sides) - 1, error)
                chain.sides[-1].append(token)
            else:
                chain.sides[-1].append(token)
