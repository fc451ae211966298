"""One side of an equality: tokens to a syntax tree, by recursive descent.

    total     [+-] product (+ product | - product)*
    product   factor ((* | / | nothing) factor)*
    factor    atom ^exponent
    atom      number, symbol, bracket, quotient, root, function, reduction, derivative

What is not in this grammar is an error that names it. Where people read the same signs in two ways (1/2x), that is an
error, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from sympy import Integer, Rational

from derive.claims.latex.brackets import group_end, outside
from derive.claims.latex.calls import COMPARISONS, ENDS, CallParser
from derive.claims.latex.document import Document
from derive.claims.latex.tokens import Token
from derive.claims.latex.tree import (
    Call,
    Derivative,
    Differential,
    Mask,
    Node,
    Number,
    Power,
    Product,
    Symbol,
    Total,
)
from derive.claims.latex.words import ACCENTS, FUNCTIONS, REDUCTIONS
from derive.syntax.expressions import MAX_DEPTH

MAX_TOKENS = 6_000
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"})


class Letters(Protocol):
    """What letters are beyond their looks."""

    def is_taken(self, letter: str) -> bool:
        """Whether a letter is the symbol of something other than an extent."""

    def is_extent(self, letter: str) -> bool:
        """Whether the author's table makes a letter an extent."""


def parse_side(document: Document, tokens: list[Token], letters: Letters, before: int) -> Node:
    """The tree of one side; `before` is the place before it."""
    if not tokens:
        raise document.error_from(before, "nothing stands on this side of the equality", "write the whole equality")
    if len(tokens) > MAX_TOKENS:
        raise document.error_from(tokens[0].start, "this side is too long", "give parts of it names of their own")
    parser = Parser(document, tokens, letters)
    made = parser.total()
    parser.finish()
    return made


class Parser(CallParser):
    """Reads one list of tokens from left to right."""

    def __init__(self, document: Document, tokens: list[Token], letters: Letters) -> None:
        super().__init__(document, tokens)
        self._letters = letters
        self._depth = 0

    def finish(self) -> None:
        """Raise LayerError when something is left."""
        token = self.peek()
        if token is not None:
            raise self._unexpected(token)

    def total(self) -> Node:
        """A sum of products, or the quotient of two that TeX's \\over makes."""
        at = self.here()
        made = self._sum()
        token = self.peek()
        if token is None or not _is_over(token):
            return made
        self.advance()
        made = self._divided(at, made, self._sum())
        again = self.peek()
        if again is not None and _is_over(again):
            raise self.error(again.start, "a second \\over is read in two ways", "write \\frac{..}{..}")
        return made

    def _sum(self) -> Node:
        at = self.here()
        terms = [(self.signs(), self.product())]
        while (token := self.peek()) and token.kind == "op" and token.text in "+-":
            terms.append((self.signs(), self.product()))
        return terms[0][1] if len(terms) == 1 and not terms[0][0] else Total(at, tuple(terms))

    def signs(self) -> bool:
        """Whether the signs that stand here make a minus."""
        negative = False
        while (token := self.peek()) and token.kind == "op" and token.text in "+-":
            negative ^= token.text == "-"
            self.advance()
        return negative

    def product(self) -> Node:
        at = self.here()
        factors: list[tuple[bool, Node]] = [(False, self.factor())]
        while (token := self.peek()) is not None and not self._at_end(token):
            divides = False
            if token.kind == "op":
                if token.text in "+-":
                    break
                divides = token.text == "/"
                self.advance()
                if self.signs():
                    factors.append((False, Number(token.start, Integer(-1))))
            else:
                self._check_juxtaposed(factors[-1], token)
            made = self.factor()
            if token.kind == "open":
                self._check_applied(factors[-1][1], made)
            self._append(factors, divides, made)
        if len(factors) == 1:
            return factors[0][1]
        return Product(at, tuple(factors))

    def _at_end(self, token: Token) -> bool:
        return token.kind in ENDS or (token.kind == "|" and self._bars > 0) or _is_over(token)

    def _check_juxtaposed(self, last: tuple[bool, Node], token: Token) -> None:
        """Refuse what is read in two ways: 1/2x, 2 3, 2\\frac12, log x y."""
        divides, node = last
        plain = token.kind in ("letter", "word", "number")
        if divides and plain and isinstance(node, (Symbol, Number)):
            message = "it is not clear whether this stands below the line, too"
            raise self.error(token.start, message, "write \\frac{..}{..}")
        if isinstance(node, Number) and token.kind == "number":
            raise self.error(token.start, "two numbers side by side", "write \\cdot between them")
        if isinstance(node, Number) and token.kind == "command" and token.text in _FRACTIONS and self._all_numbers():
            raise self.error(token.start, "a number and a fraction side by side are read in two ways", "write \\cdot")
        if isinstance(node, Call) and self._bare_call == node.at and (plain or token.kind == "open"):
            message = "it is not clear where the argument of the function ends"
            raise self.error(token.start, message, "write it in brackets")

    def _check_applied(self, last: Node, bracket: Node) -> None:
        """Refuse what looks like a function of something: \\Phi(x)."""
        alone = isinstance(bracket, Product) and len(bracket.factors) == 1
        if alone and isinstance(last, Symbol) and not last.subscripts and last.exponent is None:
            message = "this reads as a function of what stands in the bracket"
            raise self.error(last.at, message, "write \\cdot for a product, and the indices of each quantity")

    def _all_numbers(self) -> bool:
        kinds = [token.kind for token in self.tokens[self.place + 1 : self.place + 7]]
        return kinds == ["{", "number", "}"] * 2 or kinds[:1] == ["number"]

    def _append(self, factors: list[tuple[bool, Node]], divides: bool, node: Node) -> None:
        """Add a factor; a differential below one is a derivative."""
        above = factors[-1][1]
        if divides and not factors[-1][0] and isinstance(above, Differential) and isinstance(node, Differential):
            factors[-1] = (False, self._quotient_of(above.at, above, node))
        else:
            factors.append((divides, node))

    def factor(self) -> Node:
        token = self.peek()
        if token is None or token.kind in (",", "op"):
            at = self.here()
            raise self.error(at, "something is missing here", "write what is added, multiplied or divided by")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.error(token.start, f"nested more than {MAX_DEPTH} deep", "give a part of it a name of its own")
        node = self._atom(token)
        if isinstance(node, Derivative | Differential):
            node = replace(node, via=self._via())
        while (token := self.peek()) is not None and token.kind in ("^", "_", "'", "!"):
            if token.kind == "_":
                hint = "write the index at each symbol: x_{ij}"
                raise self.error(token.start, "an index stands behind a symbol", hint)
            if token.kind != "^":
                raise self._unexpected(token)
            node = Power(node.at, node, self.exponent())
        self._depth -= 1
        return node

    def _via(self) -> Symbol | None:
        """The quantity that a part of a gradient comes through: |_{\\text{via } \\hat{x}} behind a derivative."""
        signs = self.tokens[self.place : self.place + 4]
        if [token.kind for token in signs] != ["|", "_", "{", "text"] or signs[3].text.strip() != "via":
            return None
        self.place += 4
        made = self.total()
        if not isinstance(made, Symbol):
            raise self.error(signs[3].start, "a gradient comes through one quantity", "write |_{\\text{via } \\hat{x}}")
        self.expect("}", signs[2])
        return made

    def _atom(self, token: Token) -> Node:
        if self._is_differential(token):
            return self._differential(token)
        if token.kind in ("letter", "word"):
            return self._letter(token)
        if token.kind == "number":
            if token.text == "1" and self.is_mask(self.place + 1):
                return self._indicator(replace(token, kind="indicator"))
            self.advance()
            return Number(token.start, self.number(token))
        if token.kind == "{":
            return self.group()
        if token.kind in ("open", "|"):
            return self._bracket()
        if token.kind == "indicator":
            return self._indicator(token)
        if token.kind == "command":
            return self._command(token)
        raise self._unexpected(token)

    def mask(self, token: Token, inside: list[Token]) -> Node:
        """1[x > 0]: 1 where a comparison of two values holds."""
        while len(inside) > 1 and inside[0].kind in ("open", "{") and group_end(inside, 0) == len(inside):
            inside = inside[1:-1]
        place = next((place for place, kind in enumerate(outside(inside)) if kind == "relation"), None)
        if place is None or inside[place].text not in COMPARISONS:
            hint = "write \\mathbb{1}[x_{ij} > 0]"
            raise self.error(token.start, "this 1 is read only with a comparison behind it", hint)
        sides = []
        for part in (inside[:place], inside[place + 1 :]):
            if not part:
                raise self.error(inside[place].start, "a comparison is of two values", "write \\mathbb{1}[x_{ij} > 0]")
            inner = Parser(self.document, part, self._letters)
            inner._depth = self._depth
            sides.append(inner.total())
            inner.finish()
        return Mask(token.start, COMPARISONS[inside[place].text], *sides)

    def _letter(self, token: Token) -> Node:
        following = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else None
        called = following is not None and following.kind == "open"
        if token.kind == "word" and token.text in FUNCTIONS and not self._letters.is_taken(token.text):
            return self._call(token, FUNCTIONS[token.text])
        if token.text == "σ" and called and not self._letters.is_taken("σ"):
            return self._call(token, "sigmoid")
        self.advance()
        return self.scripts(Symbol(token.start, token.end, token.text, "", token.font))

    def _command(self, token: Token) -> Node:
        name = token.text
        if name in _FRACTIONS:
            return self._fraction(token)
        if name == "sqrt":
            return self._root(token)
        if name in ACCENTS:
            return self.scripts(self.accented(token))
        if name in REDUCTIONS and (name != "max" or self._next_is("_")):
            return self._reduction(token)
        if name in FUNCTIONS:
            return self._call(token, FUNCTIONS[name])
        raise self._unexpected(token)

    def group(self) -> Node:
        """A group in braces; around one symbol it says nothing: {\\sigma_j}^2."""
        opening = self.advance()
        inner = self.total()
        self.expect("}", opening)
        return self.scripts(inner) if isinstance(inner, Symbol) else inner

    def _bracket(self) -> Node:
        opening = self.advance()
        outer, self._bars = self._bars, 1 if opening.kind == "|" else 0
        inner = self.total()
        self._close(opening)
        self._bars = outer
        return Call(opening.start, "abs", (inner,)) if opening.text == "|" else self._sealed(opening, inner)

    def _sealed(self, opening: Token, inner: Node) -> Node:
        """In brackets a symbol keeps its exponent to itself."""
        return Product(opening.start, ((False, inner),)) if isinstance(inner, (Symbol, Differential)) else inner

    def _fraction(self, token: Token) -> Node:
        self.advance()
        above, below = self.argument(token), self.argument(token)
        return self._divided(token.start, above, below)

    def _divided(self, at: int, above: Node, below: Node) -> Node:
        """A quotient; of two differentials a derivative."""
        bare = isinstance(above, Symbol) and _is_bare_d(above)
        if bare and isinstance(below, Differential) and not self._letters.is_taken("d"):
            above = Differential(above.at, "d", None)
        if isinstance(above, Differential) and isinstance(below, Differential):
            return self._quotient_of(at, above, below)
        return Product(at, ((False, above), (True, below)))

    def _quotient_of(self, at: int, above: Differential, below: Differential) -> Node:
        """The derivative that two differentials make; with nothing above, of the factor that follows."""
        if not isinstance(below.of, Symbol):
            raise self.error(below.at, "a derivative is by one symbol", "write \\frac{\\partial L}{\\partial x_{ij}}")
        if above.of is not None:
            return Derivative(at, above.of, below.of)
        token = self.peek()
        if token is None or token.kind in ENDS or token.kind == "op":
            raise self.error(at, "nothing to differentiate", "write it behind the operator, in brackets")
        operand = self.factor()
        token = self.peek()
        if token is not None and not self._at_end(token) and token.kind != "op":
            message = "it is not clear what is differentiated"
            raise self.error(token.start, message, "put what stands behind the operator into brackets")
        return Derivative(at, operand, below.of)

    def _root(self, token: Token) -> Node:
        self.advance()
        degree: Node | None = None
        following = self.peek()
        if following is not None and following.kind == "open" and following.text == "[":
            self.advance()
            degree = self.total()
            self._close(following)
        body = self.argument(token)
        if degree is None:
            return Power(token.start, body, Number(token.start, Rational(1, 2)))
        one = Number(token.start, Integer(1))
        return Power(token.start, body, Product(token.start, ((False, one), (True, degree))))

    def _is_differential(self, token: Token) -> bool:
        if token.kind == "command":
            return token.text == "partial"
        plain = token.kind == "letter" and token.text == "d" and token.font in ("", "upright")
        if not plain or self._letters.is_taken("d"):
            return False
        following = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else None
        if following is not None and following.start > token.end and self._letters.is_extent("d"):
            return False  # d \, x is a product then, and dx still the differential
        return following is not None and (
            following.kind in ("letter", "word") or (following.kind == "command" and following.text in ACCENTS)
        )

    def _differential(self, token: Token) -> Node:
        self.advance()
        sign: str = "∂" if token.kind == "command" else "d"
        following = self.peek()
        if following is not None and following.kind == "^":
            message = "a derivative of higher order is not read"
            hint = "write it as a derivative of a derivative, each with a name of its own"
            raise self.error(token.start, message, hint)
        if following is not None and following.kind == "_":
            hint = "write \\frac{\\partial L}{\\partial x_{ij}}"
            raise self.error(token.start, "∂ with an index is not in the grammar", hint)
        of: Node | None = None
        if following is not None and (following.kind in ("letter", "word", "open", "{") or self._begins(following)):
            of = self._operand(following)
        return Differential(token.start, "∂" if sign == "∂" else "d", of)

    def _begins(self, token: Token) -> bool:
        """Whether a command is a letter with an accent, or a function."""
        return token.kind == "command" and (token.text in ACCENTS or token.text in FUNCTIONS)

    def _operand(self, token: Token) -> Node:
        word = token.kind in ("command", "word") and token.text in FUNCTIONS
        called = word and not self._letters.is_taken(token.text)
        if called or token.kind in ("open", "{"):
            return self._atom(token)
        if token.kind == "command":
            return self.scripts(self.accented(token))
        self.advance()
        return self.scripts(Symbol(token.start, token.end, token.text, "", token.font))



def _is_over(token: Token) -> bool:
    """Whether it is the line of {a \\over b}."""
    return token.kind == "command" and token.text == "over"


def _is_bare_d(symbol: Symbol) -> bool:
    return symbol.base == "d" and not symbol.accent and not symbol.subscripts and symbol.exponent is None
