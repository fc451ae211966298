"""Inputs for the targets: right ones that were changed, and ones that are meant to hurt.

Every strategy gives bytes, which is what a file or standard input holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import fuzz_pieces as pieces
from fuzz_commands import command_lines
from fuzz_large import COUNTS, large, large_claims, large_latex
from hypothesis import strategies as st

Tokens = list[str]
Draw = Callable[[st.SearchStrategy], Any]

MOST_CHANGES = 6
_DEPTHS = st.one_of(st.integers(1, 120), st.sampled_from([250, 1_000, 5_000, 20_000, 50_000, 100_000]))
_BRACKETS = (
    ("(", ")"), ("[", "]"), ("{", "}"), ("-", ""), ("exp(", ")"), ("exp(1 + ", ")"), ("1/(1 + ", ")"), ("x[", "]"),
    ("sum(", " for i in N)"), ("where(", " > 0, 1, 2)"), ("not ", ""), ("2**(", ")"), ("relu(", ")"), ("abs(-", ")"),
    ("lambda: ", ""), ("sqrt(2*", ")"), ("maximum(1, ", ")"), ("f'{", "}'"), ("log(1 + ", "**2)"), ("tanh(", ")"),
)  # fmt: skip
_LATEX_BRACKETS = (
    ("{", "}"), ("(", ")"), ("[", "]"), (r"\left(", r"\right)"), (r"\frac{1}{", "}"), (r"\frac{", "}{2}"),
    (r"\sqrt{", "}"), (r"\exp(", ")"), (r"\hat{", "}"), (r"\mathbf{", "}"), ("^{", "}"), ("_{", "}"), ("|", "|"),
    (r"\sum_k ", ""), (r"\text{", "}"), (r"\begin{aligned}", r"\end{aligned}"), ("$", "$"), ("-", ""),
    (r"\{", r"\}"), (r"\left|", r"\right|"), (r"\boxed{", "}"), (r"1\{", r"\}"), (r"\overset{a}{", "}"),
    (r"\frac{\partial}{\partial x_{ij}}(", ")"),
)  # fmt: skip


def _place(draw: Draw, tokens: Tokens) -> int:
    return draw(st.integers(0, max(len(tokens) - 1, 0)))


class Mutations:
    """Changes of a text that is cut into tokens; `phrases` are what stands in it elsewhere."""

    def __init__(self, texts: Sequence[str], phrases: Sequence[str], brackets: Sequence[tuple[str, str]]) -> None:
        self.texts = list(texts)
        groups = (phrases, pieces.SIGNS, pieces.NUMBERS, pieces.NAMES)
        self._pool = st.one_of(*(st.sampled_from(list(group)) for group in groups))
        self._brackets = list(brackets)
        self._changes = [
            self._delete, self._double, self._swap, self._replace, self._replace, self._insert, self._insert,
            self._nest, self._delete_line, self._double_line, self._swap_lines, self._rename, self._cut,
            self._repeat, self._splice, self._stretch_number, self._any_text,
        ]  # fmt: skip

    def strategy(self) -> st.SearchStrategy[bytes]:
        """Texts with a few changes each."""

        @st.composite
        def changed(draw: Draw) -> bytes:
            tokens = pieces.TOKEN.findall(draw(st.sampled_from(self.texts)))
            for change in draw(st.lists(st.sampled_from(self._changes),
            max_size=MOST_CHANGES)):
                tokens = change(draw, tokens)
            return "".join(tokens).encode("utf-8", "surrogatepass")

        return changed()

    def _delete(self, draw: Draw, tokens: Tokens) -> Tokens:
        at = _place(draw, tokens)
        return tokens[:at] + tokens[at + 1 :]

    def _double(self, draw: Draw, tokens: Tokens) -> Tokens:
        at = _place(draw, tokens)
        return tokens[: at + 1] + tokens[at:]

    def _swap(self, draw: Draw, tokens: Tokens) -> Tokens:
        a, b = _place(draw, tokens), _place(draw, tokens)
        made = list(tokens)
        if made:
            made[a], made[b] = made[b], made[a]
        return made

    def _replace(self, draw: Draw, tokens: Tokens) -> Tokens:
        at = _place(draw, tokens)
        return [*tokens[:at], str(draw(self._pool)), *tokens[at + 1 :]]

    def _insert(self, draw: Draw, tokens: Tokens) -> Tokens:
        at = _place(draw, tokens)
        return [*tokens[:at], str(draw(self._pool)), *tokens[at:]]

    def _nest(self, draw: Draw, tokens: Tokens) -> Tokens:
        at, length, depth = _place(draw, tokens), draw(st.integers(0, 12)), draw(_DEPTHS)
        opening, closing = draw(st.sampled_from(self._brackets))
        closed = draw(st.booleans())
        inner = tokens[at : at + length]
        return [*tokens[:at], opening * depth, *inner, closing * depth * bool(closed), *tokens[at + len(inner) :]]

    def _delete_line(self, draw: Draw, tokens: Tokens) -> Tokens:
        lines = "".join(tokens).split("\n")
        del lines[_place(draw, lines)]
        return pieces.TOKEN.findall("\n".join(lines))

    def _double_line(self, draw: Draw, tokens: Tokens) -> Tokens:
        lines = "".join(tokens).split("\n")
        a, b = _place(draw, lines), _place(draw, lines)
        return pieces.TOKEN.findall("\n".join([*lines[:b], lines[a], *lines[b:]]))

    def _swap_lines(self, draw: Draw, tokens: Tokens) -> Tokens:
        lines = "".join(tokens).split("\n")
        a, b = _place(draw, lines), _place(draw, lines)
        lines[a], lines[b] = lines[b], lines[a]
        return pieces.TOKEN.findall("\n".join(lines))

    def _rename(self, draw: Draw, tokens: Tokens) -> Tokens:
        """One word everywhere; a long one, one in another alphabet, a word of Python or of the grammar."""
        words = sorted({token for token in tokens if token[:1].isalpha()}) or ["x"]
        old, new = draw(st.sampled_from(words)), str(draw(st.sampled_from(pieces.NAMES)))
        return [new if token == old else token for token in tokens]

    def _cut(self, draw: Draw, tokens: Tokens) -> Tokens:
        text = "".join(tokens)
        return [text[: draw(st.integers(0, len(text)))]]

    def _repeat(self, draw: Draw, tokens: Tokens) -> Tokens:
        at, length, count = _place(draw, tokens), draw(st.integers(1, 12)), draw(COUNTS)
        part = "".join(tokens[at : at + length])
        return [*tokens[:at], part * min(count, 160_000 // max(len(part), 1)),
        *tokens[at:]]

    def _splice(self, draw: Draw, tokens: Tokens) -> Tokens:
        other = pieces.TOKEN.findall(draw(st.sampled_from(self.texts)))
        return tokens[: _place(draw, tokens)] + other[_place(draw, other) :]

    def _stretch_number(self, draw: Draw, tokens: Tokens) -> Tokens:
        numbers = [at for at, token in enumerate(tokens) if token.isdecimal()]
        made = list(tokens)
        if numbers:
            made[draw(st.sampled_from(numbers))] = str(draw(st.sampled_from(pieces.NUMBERS)))
        return made

    def _any_text(self, draw: Draw, tokens: Tokens) -> Tokens:
        at = _place(draw, tokens)
        return [*tokens[:at], str(draw(st.text(max_size=8))), *tokens[at:]]


_ATOMS = st.one_of(
    st.sampled_from(["x[i, j]", "x[i, j]", "w[j]", "s", "c", "N", "D", "pi", "p[j, i]"]),
    st.sampled_from([number for number in pieces.NUMBERS if len(number) < 60]),
    st.integers(-9, 9).map(str),
)
_ONE = ("sqrt", "exp", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "sin", "cos", "abs", "sign", "relu", "-")


# The arrays and extents of the letters that sums are over.
_OVER = {letter: ("u", "N") if letter in "kmoq" else ("w", "D") for letter in "klmnopqr"}
_SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(_ONE), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["maximum", "minimum"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        st.tuples(inner, _SIGNS, inner, inner, inner).map(
            lambda t: f"where({t[0]} {t[1]} {t[2]}, {t[3]}, {t[4]})"
        ),
        st.tuples(st.sampled_from(["sum", "mean", "max", "prod"]), inner, st.sampled_from("klmnopqr")).map(
            lambda t: f"{t[0]}(({t[1]})*{_OVER[t[2]][0]}[{t[2]}] for {t[2]} in {_OVER[t[2]][1]})"
        ),
    )


EXPRESSIONS = st.recursive(_ATOMS, _compound, max_leaves=12)
_HEAD = "x: [N, D]\np: [D, N]\nw: [D]\nu: [N]\ns: []\nc: constant = 1/3\n"


@st.composite
def formulas(draw: Draw) -> bytes:
    """Layers of one equation or fact, with any expression in it: what SymPy makes of it is the question."""
    line = f"y[i, j] = {draw(st.sampled_from(['', 'x[i, j] + ', 'x[i, j]*']))}{draw(EXPRESSIONS)}"
    if draw(st.integers(0, 3)) == 0:
        line += f"\nassert {draw(EXPRESSIONS)} {draw(_SIGNS)} {draw(EXPRESSIONS)}"
    return f"{_HEAD}{line}\n".encode()


_ANY_TEXT = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
_BYTES = st.one_of(st.binary(max_size=200), _ANY_TEXT)


def _with_bytes(texts: Sequence[str]) -> st.SearchStrategy[bytes]:
    """A right text with some bytes in it that belong to nothing."""
    cut = st.tuples(st.sampled_from(list(texts)), st.integers(0, 400), _BYTES)
    return cut.map(lambda t: t[0].encode()[: t[1]] + t[2] + t[0].encode()[t[1] :])


@st.composite
def _claims_of_expressions(draw: Draw) -> bytes:
    """Lines about batch norm with any expression in them."""
    lines = "\n".join(f"dgamma[j] = {draw(EXPRESSIONS)}" for _ in range(draw(st.integers(1,
    3))))
    return lines.replace("w[", "gamma[").replace("u[k]", "x[k, j]").replace("p[j, i]", "x[1, j]").encode()


@st.composite
def _soup(draw: Draw) -> bytes:
    """Pieces of LaTeX in any order."""
    begin = draw(st.sampled_from(["$", "$$", "", r"\begin{align}", r"\[", r"\(", "```math\n"]))
    end = {"\\[": "\\]", "\\(": "\\)", "```math\n": "\n```"}.get(str(begin), str(begin).replace("begin", "end"))
    words = draw(st.lists(st.sampled_from(list(pieces.LATEX_PHRASES)), max_size=30))
    left = draw(st.sampled_from(["dx_{ij} = ", "y = ", r"\frac{\partial L}{\partial x_{ij}} &= ", ""]))
    return f"{begin}{left}{' '.join(words)}{end}".encode()


_LAYERS = Mutations(pieces.LAYER_TEXTS, pieces.PHRASES, _BRACKETS)
_GRAMMAR = Mutations(pieces.GRAMMAR_TEXTS, pieces.PHRASES, _BRACKETS)
_LATEX = Mutations(pieces.LATEX_TEXTS, (*pieces.LATEX_PHRASES, *pieces.PHRASES[:20]), _LATEX_BRACKETS)
_SHORT = Mutations([t for t in pieces.LAYER_TEXTS if len(t) < 500], pieces.PHRASES, _BRACKETS)

_CHANGED = {name: made.strategy() for name, made in {"layers": _LAYERS, "grammar": _GRAMMAR, "latex": _LATEX}.items()}

STRATEGIES: dict[str, st.SearchStrategy[bytes]] = {
    "layers": st.one_of(
        _CHANGED["layers"], _CHANGED["layers"], formulas(), large(), _with_bytes(pieces.LAYER_TEXTS), _BYTES
    ),
    "grammar": st.one_of(
        _CHANGED["grammar"], _CHANGED["grammar"], _claims_of_expressions(), large_claims(),
        _with_bytes(pieces.GRAMMAR_TEXTS), _BYTES,
    ),
    "latex": st.one_of(
        _CHANGED["latex"], _CHANGED["latex"], _soup(), large_latex(), _with_bytes(pieces.LATEX_TEXTS), _BYTES
    ),
    "arguments": command_lines().map(lambda given: json.dumps(given).encode()),
    "values": st.one_of(formulas(), formulas(), _SHORT.strategy()),
    "verdicts": st.one_of(_CHANGED["grammar"], _claims_of_expressions(), _CHANGED["latex"]),
    "derivations": st.one_of(_SHORT.strategy(), formulas(), large()),
}  # fmt: skip
