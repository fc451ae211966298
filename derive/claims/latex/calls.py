"""Functions, reductions and indicators: what is applied to an argument behind it."""

from __future__ import annotations

from typing import Literal

from derive.claims.latex.brackets import group_end
from derive.claims.latex.document import Document
from derive.claims.latex.scripts import ScriptParser
from derive.claims.latex.tokens import Token
from derive.claims.latex.tree import Call, Indicator, Node, Number, Power, Reduction, Subscript, Total
from derive.claims.latex.words import COMMANDS, REDUCTIONS, SIGNS
from derive.errors import LayerError

ENDS = frozenset({"close", "}", ",", "=", "=:", "relation", "separator", "quad", "text", "."})
COMPARISONS: dict[str, Literal["<", "<=", ">", ">="]] = {
    "<": "<", ">": ">", "\\lt": "<", "\\gt": ">", "≤": "<=", "≥": ">=", "\\le": "<=", "\\leq": "<=",
    "\\leqslant": "<=", "\\ge": ">=", "\\geq": ">=", "\\geqslant": ">=",
}  # fmt: skip
_CLOSES = {"(": ")", "[": "]", "{": "}", "|": "|"}


class CallParser(ScriptParser):
    """The part of the parser that reads what is applied to something."""

    def __init__(self, document: Document, tokens: list[Token]) -> None:
        super().__init__(document, tokens)
        # How many bars of an absolute value are open.
        self._bars = 0
        # Where the last function began whose argument has no bracket.
        self._bare_call = -1

    def product(self) -> Node:
        """A product of factors."""
        raise NotImplementedError

    def factor(self) -> Node:
        """One factor with its exponent."""
        raise NotImplementedError

    def group(self) -> Node:
        """A group in braces."""
        raise NotImplementedError

    def signs(self) -> bool:
        """Whether the signs that stand here make a minus."""
        raise NotImplementedError

    def _close(self, opening: Token) -> None:
        token = self.peek()
        closing = _CLOSES[opening.text]
        if token is None or token.kind not in ("close", "|"):
            if token is not None and token.kind not in ("}",):
                raise self._unexpected(token)
            raise self.error(opening.start, f"this {opening.text} is never closed", f"close it: {closing}")
        if token.text != closing:
            hint = f"close it with {closing}"
            raise self.error(token.start, f"the bracket {opening.text} is closed by {token.text}", hint)
        self.advance()

    def _call(self, token: Token, name: str) -> Node:
        """A function, of what stands in brackets or of the one factor behind it."""
        self.advance()
        power = self.exponent() if self._next_is("^", 0) else None
        following = self.peek()
        if following is None or following.kind in ENDS or following.kind in ("_", "op"):
            raise self.error(token.start, f"{name} without its argument", f"write {name}(x); its base, if any, is e")
        if following.kind == "open" and following.text != "|":
            arguments = self._arguments(following)
        else:
            arguments = [self.group() if following.kind == "{" else self.factor()]
            self._bare_call = token.start
        if name in ("maximum", "minimum"):
            if len(arguments) != 2:
                hint = "the largest of many is \\max_{k} x_{ik}"
                raise self.error(token.start, f"{name} is of two values here, not {len(arguments)}", hint)
        elif len(arguments) != 1:
            raise self.error(token.start, f"{name} takes one value, not {len(arguments)}", f"write {name}(x)")
        made: Node = Call(token.start, name, tuple(arguments))
        return made if power is None else self._powered(token, made, power)

    def _powered(self, token: Token, call: Node, power: Node) -> Node:
        """tanh^2(x) is (tanh x)^2, and tanh^{-1} is no power."""
        if isinstance(power, Number) and power.value > 0:
            return Power(token.start, call, power)
        message = "this exponent may mean the inverse function"
        raise self.error(token.start, message, "write the power outside a bracket")

    def _arguments(self, opening: Token) -> list[Node]:
        self.advance()
        outer, self._bars = self._bars, 0
        found = [self.total()]
        while (token := self.peek()) is not None and token.kind == ",":
            self.advance()
            found.append(self.total())
        self._close(opening)
        self._bars = outer
        return found

    def _reduction(self, token: Token) -> Node:
        self.advance()
        binders = self.binders(token)
        following = self.peek()
        if following is None or following.kind in ENDS:
            raise self.error(token.start, f"nothing behind \\{token.text}", "write what is summed up behind it")
        negative = self.signs()
        body = self.product()
        if negative:
            body = Total(body.at, ((True, body),))
        return Reduction(token.start, REDUCTIONS[token.text], binders, body)

    def mask(self, token: Token, inside: list[Token]) -> Node:
        """1[x > 0]: 1 where a comparison of two values holds."""
        raise NotImplementedError

    def is_mask(self, place: int) -> bool:
        """Whether a bracket or an index at a place has one comparison in it."""
        place += self.tokens[place : place + 1] != [] and self.tokens[place].kind == "_"
        if place >= len(self.tokens) or self.tokens[place].kind not in ("open", "{"):
            return False
        inside = self.tokens[place + 1 : group_end(self.tokens, place) - 1]
        return len([t for t in inside if t.text in COMPARISONS]) == 1 and all(t.kind != "=" for t in inside)

    def _indicator(self, token: Token) -> Node:
        masks = self.is_mask(self.place + 1)
        self.advance()
        inside = self.enclosed(token)
        if masks:
            return self.mask(token, inside)
        letters = [t for t in inside if t.kind not in ("=", "{", "}", "open", "close")]
        signs = [t for t in inside if t.kind == "="]
        if len(signs) != 1 or len(letters) != 2 or any(t.kind not in ("letter", "number") for t in letters):
            hint = "write \\mathbb{1}[i = j], with two indices"
            raise self.error(token.start, "this 1 is read only with a condition behind it", hint)
        left, right = (Subscript(t.start, "letter" if t.kind == "letter" else "number", t.text) for t in letters)
        return Indicator(token.start, left, right)

    def _next_is(self, kind: str, ahead: int = 1) -> bool:
        place = self.place + ahead
        return place < len(self.tokens) and self.tokens[place].kind == kind

    def _unexpected(self, token: Token) -> LayerError:
        if token.kind == "command":
            message, hint = COMMANDS.get(token.text, (f"\\{token.text} is not understood", "write it in other words"))
            return self.error(token.start, message, hint)
        message, hint = SIGNS.get(token.kind, (f"{token.text} is out of place here", "delete it"))
        return self.error(token.start, message, hint)
