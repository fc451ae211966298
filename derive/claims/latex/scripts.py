"""What hangs on a symbol: indices below and in brackets above, exponents, accents; and the arguments of commands."""

from __future__ import annotations

from dataclasses import replace

from sympy import Rational

from derive.claims.latex.document import Document
from derive.claims.latex.tokens import Token
from derive.claims.latex.tree import Binder, Node, Number, Subscript, Symbol
from derive.claims.latex.words import ACCENTS, SIGNS
from derive.errors import LayerError
from derive.syntax.literals import number

_TRANSPOSING = frozenset({"top", "intercal", "dagger"})
_TRANSPOSED = ("a transposed matrix is not in the grammar", "write one element: x_{ij}")
_FULL = "an index runs over all of its extent: \\sum_{i=1}^{N}"
MAX_POWERS = 20  # one in the exponent of the other
MAX_TERMS = 100  # of a sum that ends at a number


class ScriptParser:
    """The part of the parser that reads around a symbol. `place` is the token that comes next."""

    def __init__(self, document: Document, tokens: list[Token]) -> None:
        self.document = document
        self.tokens = list(tokens)
        self.place = 0
        self._powers = 0

    def total(self) -> Node:
        """A sum of products."""
        raise NotImplementedError

    def peek(self) -> Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def advance(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def here(self) -> int:
        """The place in the text of what comes next."""
        token = self.peek()
        return token.start if token is not None else self.tokens[-1].end if self.tokens else 0

    def error(self, at: int, message: str, hint: str = "") -> LayerError:
        return self.document.error_from(at, message, hint)

    def expect(self, kind: str, opening: Token) -> None:
        token = self.peek()
        if token is None or token.kind != kind:
            if token is not None and token.kind == "close":
                raise self.error(token.start, "this bracket was not opened", "open it, or delete it")
            if token is not None:
                hint = "delete it, or close the group before it"
                raise self.error(token.start, f"{token.text} is out of place here", hint)
            raise self.error(opening.start, "this brace is never closed", "close it: }")
        self.advance()

    def number(self, token: Token) -> Rational:
        """The exact value of a number."""
        return number(self.document, self.document.literal(token.text, token.start))

    def argument(self, command: Token) -> Node:
        """What TeX takes as one argument: a group, a letter, or a digit."""
        token = self.peek()
        if token is None or token.kind not in ("{", "letter", "number", "word"):
            at = self.here()
            hint = f"write \\{command.text}{{...}} with braces"
            raise self.error(at, f"\\{command.text} lacks an argument here", hint)
        self.advance()
        if token.kind == "{":
            inner = self.total()
            self.expect("}", token)
            return inner
        if token.kind == "number":
            return Number(token.start, self.number(self._digit(token)))
        return Symbol(token.start, token.end, token.text, "", token.font)

    def _digit(self, token: Token) -> Token:
        """The first digit of a number; the others stay where they are."""
        if len(token.text) == 1:
            return token
        if not token.text.isdigit():
            raise self.error(token.start, "it is not clear where the argument ends", "write it in braces")
        self.place -= 1
        self.tokens[self.place] = replace(token, text=token.text[1:], start=token.start + 1)
        return replace(token, text=token.text[0], end=token.start + 1)

    def accented(self, token: Token) -> Symbol:
        """A symbol with an accent."""
        self.advance()
        inner = self.argument(token)
        if not isinstance(inner, Symbol):
            raise self.error(token.start, f"\\{token.text} stands over one letter", f"write \\{token.text}{{x}}_{{ij}}")
        if inner.accent:
            raise self.error(token.start, "two accents over one letter", "choose another letter")
        return replace(inner, at=token.start, end=self._behind(), accent=ACCENTS[token.text])

    def _behind(self) -> int:
        return self.tokens[self.place - 1].end

    def scripts(self, symbol: Symbol) -> Symbol:
        """The symbol with what stands below and above it."""
        above: tuple[Subscript, ...] = ()
        below: tuple[Subscript, ...] | None = None
        while (token := self.peek()) is not None and token.kind in ("_", "^", "'", "combining"):
            if token.kind == "combining":
                self.advance()
                symbol = replace(symbol, accent=token.text, end=token.end)
            elif token.kind == "'":
                raise self.error(token.start, *SIGNS["'"])
            elif token.kind == "_":
                if below is not None:
                    raise self.error(token.start, "two indices below one symbol", "write them in one group: x_{ij}")
                below = self._subscripts()
            elif (indices := self._upper_indices()) is not None:
                above += indices
            elif symbol.exponent is not None:
                break
            else:
                symbol = replace(symbol, exponent=self.exponent())
        subscripts = (*above, *symbol.subscripts, *(below or ()))
        return replace(symbol, subscripts=subscripts, end=self._behind())

    def _upper_indices(self) -> tuple[Subscript, ...] | None:
        """The indices of x^{(i)}; None where an exponent stands."""
        inside = [token.kind for token in self.tokens[self.place + 1 : self.place + 8]]
        if inside[:2] != ["{", "open"] or "close" not in inside:
            return None
        end = inside.index("close")
        if inside[end + 1 : end + 2] != ["}"] or any(kind not in ("letter", "number", ",") for kind in inside[2:end]):
            return None
        begin = self.place + 3
        self.place += end + 3
        return tuple(self._subscript(token) for token in self.tokens[begin : begin + end - 2] if token.kind != ",")

    def _subscripts(self) -> tuple[Subscript, ...]:
        sign = self.advance()
        inside = self.enclosed(sign)
        found = [self._subscript(token) for token in inside if token.kind not in ("{", "}", ",")]
        if not found:
            raise self.error(sign.start, "an empty index", "delete it")
        return tuple(found)

    def enclosed(self, sign: Token) -> list[Token]:
        """The tokens of the group, or the single token, that follows; here an index in a bracket, too: 1[i = j]."""
        token = self.peek()
        if token is not None and token.kind == "_" and sign.kind == "indicator":
            self.advance()
            token = self.peek()
        if token is None or token.kind not in ("{", "open", "letter", "number", "word", "indicator", "dots", "op"):
            raise self.error(sign.start, "nothing follows this sign", "write the index behind it: x_{ij}")
        self.advance()
        if token.kind == "number" and len(token.text) > 1:
            hint = f"write {sign.text}{{{token.text}}}"
            raise self.error(token.start, "without braces only the first digit stands there", hint)
        if token.kind not in ("{", "open") or (token.kind == "open" and sign.kind != "indicator"):
            return [token]
        depth, begin = 1, self.place
        while depth:
            inner = self.peek()
            if inner is None:
                raise self.error(token.start, "this brace is never closed", "close it")
            depth += (inner.kind in ("{", "open")) - (inner.kind in ("}", "close"))
            self.advance()
        return self.tokens[begin : self.place - 1]

    def _subscript(self, token: Token) -> Subscript:
        if token.kind == "letter":
            return Subscript(token.start, "letter", token.text, token.font)
        if token.kind == "number" and token.text.isdigit():
            return Subscript(token.start, "number", token.text)
        if token.kind in ("word", "text", "indicator"):
            return Subscript(token.start, "word", token.text.strip(), token.font)
        hint = "write one plain index for each extent: x_{ij}, x_{i,j}, x_{11}"
        raise self.error(token.start, "an index is a letter or a number", hint)

    def exponent(self) -> Node:
        """The exponent after a ^."""
        sign = self.advance()
        token = self.peek()
        if token is None or token.kind not in ("{", "letter", "number", "word"):
            if token is not None and token.text in _TRANSPOSING:
                raise self.error(sign.start, *_TRANSPOSED)
            hint = "write the exponent in braces: x^{-1}"
            raise self.error(sign.start, "nothing that can be an exponent follows", hint)
        if token.kind == "number" and len(token.text) > 1:
            hint = f"write ^{{{token.text}}}"
            raise self.error(token.start, "without braces only the first digit is the exponent", hint)
        inside = [t for t in self.tokens[self.place : self.place + 3] if t.kind not in "{}"]
        alone = token.kind == "letter" or len(inside) == 1
        if inside and (inside[0].text in _TRANSPOSING or (inside[0].text == "T" and alone)):
            raise self.error(sign.start, *_TRANSPOSED)
        self._powers += 1
        if self._powers > MAX_POWERS:
            raise self.error(sign.start, f"more than {MAX_POWERS} powers in each other", "give one a name of its own")
        made = self.argument(sign)
        self._powers -= 1
        return made

    def binders(self, command: Token) -> tuple[Binder, ...]:
        """The indices of a reduction, with where each ends."""
        below: list[Token] | None = None
        above: list[Token] | None = None
        while (token := self.peek()) is not None and token.kind in ("_", "^"):
            self.advance()
            if (above if token.kind == "^" else below) is not None:
                raise self.error(token.start, "two limits at one place", _FULL)
            if token.kind == "_":
                below = self.enclosed(token)
            else:
                above = self.enclosed(token)
        if not below:
            hint = f"write \\{command.text}_{{i=1}}^{{N}} or \\{command.text}_{{i}}"
            raise self.error(command.start, f"\\{command.text} without an index", hint)
        letters, over = self._bound(below)
        ends = self._ends(above) if above else over
        if len(ends) == 1:
            ends = ends * len(letters)
        if ends and len(ends) != len(letters):
            raise self.error(command.start, "one end for each index", _FULL)
        if not ends:
            return tuple(Binder(t.start, t.text) for t in letters)
        return tuple(Binder(t.start, t.text, end) for t, end in zip(letters, ends, strict=True))

    def _bound(self, tokens: list[Token]) -> tuple[list[Token], list[Symbol | int]]:
        """The letters of i, j = 1 or of i \\in N, and in the latter what they run over."""
        if [t.text for t in tokens[:1]] == ["1"] and len(tokens) > 4 and _is_at_most(tokens[1], tokens[3]):
            return [tokens[2]], self._ends(tokens[4:])
        letters: list[Token] = []
        rest = list(tokens)
        while rest and rest[0].kind in ("letter", ","):
            token = rest.pop(0)
            if token.kind == "letter":
                if any(token.text == other.text for other in letters):
                    raise self.error(token.start, f"index {token.text} is bound twice", "name each index once")
                letters.append(token)
        if not letters:
            raise self.error(tokens[0].start, "a reduction runs over an index, a letter", _FULL)
        if not rest:
            return letters, []
        if rest[0].kind == "=" and len(rest) == 2 and rest[1].kind == "number":
            if rest[1].text != "1":
                raise self.error(rest[1].start, "an index begins at 1", _FULL)
            return letters, []
        if rest[0].text in ("\\in", "∈") and len(rest) > 1:
            return letters, self._ends(rest[1:])
        raise self.error(rest[0].start, "a condition on an index is not in the grammar", f"{_FULL}; subtract the rest")

    def _ends(self, tokens: list[Token]) -> list[Symbol | int]:
        found: list[Symbol | int] = []
        power = next((token for token in tokens if token.kind == "^"), None)
        if power is not None:
            raise self.error(power.start, "an index runs over an extent, over all of it", _FULL)
        inner = ScriptParser(self.document, tokens)
        while (token := inner.peek()) is not None:
            inner.advance()
            if token.kind in ("letter", "word"):
                found.append(inner.scripts(Symbol(token.start, token.end, token.text, "", token.font)))
            elif token.kind == "number" and token.text.isdigit() and len(token.text) <= 3:
                if not 1 <= int(token.text) <= MAX_TERMS:
                    hint = f"a sum that ends at a number has up to {MAX_TERMS} terms"
                    raise self.error(token.start, "this end is too large to write out", hint)
                found.append(int(token.text))
            elif token.kind != ",":
                raise self.error(token.start, "an index runs over an extent, over all of it", _FULL)
        if not found or (len(found) > 1 and not any(token.kind == "," for token in tokens)):
            raise self.error(tokens[0].start, "an index runs over one extent", _FULL)
        return found


def _is_at_most(*signs: Token) -> bool:
    return all(sign.text in ("\\le", "\\leq", "\\leqslant", "≤") for sign in signs)
