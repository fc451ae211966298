"""The tokens of a formula: LaTeX with its spacing, fonts and line-ups taken off.

    Input    a Document and the two ends of a formula in it
    Output   a list of Tokens, each with its place

Nothing is looked up here: a letter is a letter, and a command without a row in these tables keeps its name, so that
the parser can say that it is not understood.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from derive.claims.latex.document import Document
from derive.errors import LayerError
from derive.printing.symbols import ACCENT_LATEX, GREEK_LATEX

MAX_TOKENS = 40_000


@dataclass(frozen=True)
class Token:
    """`kind` is what it is to the parser; `text` is a letter in Unicode, a command without its backslash, ..."""

    kind: str
    text: str
    start: int
    end: int
    font: str = ""


LETTERS = {latex[1:]: letter for letter, latex in GREEK_LATEX.items() if re.fullmatch(r"\\[a-zA-Z]+", latex)} | {
    "epsilon": "ε", "phi": "φ", "vartheta": "θ", "varrho": "ρ", "varkappa": "κ", "varpi": "π", "ell": "ℓ",
}  # fmt: skip
_COMBINING = frozenset(ACCENT_LATEX)

_OPERATORS = {"cdot": "*", "times": "*", "ast": "*", "odot": "*", "div": "/", "slash": "/"}
_SIGNS = {
    "+": "op", "-": "op", "*": "op", "/": "op", "=": "=", "_": "_", "^": "^", "'": "'", "{": "{", "}": "}",
    "(": "open", "[": "open", ")": "close", "]": "close", "|": "|", ",": ",", ";": ",", "&": "&", ".": ".",
    "<": "relation", ">": "relation", "!": "!", ":": ":",
}  # fmt: skip
_UNICODE = {
    "−": ("op", "-"), "·": ("op", "*"), "×": ("op", "*"), "⋅": ("op", "*"), "÷": ("op", "/"),
    "∂": ("command", "partial"), "∑": ("command", "sum"), "∏": ("command", "prod"), "≈": ("relation", "≈"),
    "≤": ("relation", "≤"), "≥": ("relation", "≥"), "≠": ("relation", "≠"), "∈": ("relation", "∈"),
    "≡": ("=", "≡"), "≔": ("=", "≔"), "←": ("=", "←"), "…": ("dots", "…"), "ℓ": ("letter", "ℓ"),
    "⇒": ("separator", "⇒"),
}  # fmt: skip
_RELATION_WORDS = """
    approx propto sim simeq cong le leq leqslant ge geq geqslant ll gg ne neq in notin ni subset subseteq lt gt mapsto
    to rightarrow longrightarrow mid perp
"""
_RELATIONS = frozenset(_RELATION_WORDS.split())
_EQUALS = frozenset({"equiv", "coloneqq", "coloneq", "triangleq", "doteq", "colonequals", "eqqcolon",
                     "gets", "leftarrow"})
_SPACES = frozenset({"quad", "qquad", "hfill", "hspace"})
_SEPARATOR_WORDS = """
    implies impliedby iff Rightarrow Longrightarrow Leftrightarrow Longleftrightarrow therefore because forall land
    wedge
"""
_SEPARATORS = frozenset(_SEPARATOR_WORDS.split())
_DROPPED_WORDS = """
    , ; : ! > displaystyle textstyle scriptstyle limits nolimits nonumber notag mathopen mathclose mathrel mathbin
    mathord allowbreak thinspace medspace thickspace negthinspace enspace enskip strut rm bf it boldmath relax
    noindent hline centering smallskip medskip bigskip
"""
_DROPPED = frozenset(_DROPPED_WORDS.split()) | {" ", "\n", "\t"}
_DROPPED_WITH_ARGUMENT = frozenset({"label", "tag", "vspace", "color", "vphantom", "hphantom", "footnote", "cite"})
_DELIMITED = re.compile(r"(left|right|middle|[bB]ig{1,2}[lrm]?)")
_DELIMITERS = {
    "{": ("open", "{"), "}": ("close", "}"), "lbrace": ("open", "{"), "rbrace": ("close", "}"),
    "lbrack": ("open", "["), "rbrack": ("close", "]"), "lvert": ("open", "|"), "rvert": ("close", "|"),
    "vert": ("|", "|"),
}  # fmt: skip
_TEXT_FONT_WORDS = """
    text textrm textit textbf textsf texttt textnormal textup mbox hbox intertext shortintertext
"""
_TEXT_FONTS = frozenset(_TEXT_FONT_WORDS.split())
_MATH_FONTS = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "symbf": "bold", "mathrm": "upright",
    "mathit": "", "mathnormal": "", "mathsf": "upright", "mathtt": "upright", "mathbb": "blackboard",
    "mathbbm": "blackboard",
    "mathcal": "calligraphic", "mathscr": "calligraphic", "cal": "calligraphic", "mathfrak": "fraktur",
    "operatorname": "upright", "mathop": "upright",
}  # fmt: skip
# Rows and columns that only line formulas up.
_TRANSPARENT = frozenset({"aligned", "alignedat", "split", "gathered", "multlined"})
# Words of a sentence, not of a formula.
_PROSE_WORDS = """
    and or where with for if so thus then since hence therefore let as is in the we that have get by from all any
    when while but also here now each every gives yields note because using via otherwise const
"""
_PROSE = frozenset(_PROSE_WORDS.split())

_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+(?![\d.]))?")
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_STARRED = frozenset({"operatorname", "tag", "hspace", "vspace"})
_ROW_SPACE = re.compile(r"\*?(\s*\[\s*-?[\d.]+\s*\\?[a-z]+\s*\])?")
_NAME = re.compile(r"\s*\{\s*([a-zA-Z]+\*?)\s*\}(\s*\[[a-z]\])?")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def tokenize(document: Document, start: int, end: int, by_line: bool = False) -> list[Token]:
    """The tokens of the formula between two places; `by_line` tells whether a line is a row.

    Raises LayerError for what no formula contains.
    """
    return _Tokenizer(document, start, end, by_line).tokens()


class _Tokenizer:
    def __init__(self, document: Document, start: int, end: int, by_line: bool) -> None:
        self._document = document
        self._by_line = by_line
        self._text = document.text
        self._at = start
        self._end = end
        self._found: list[Token] = []
        # Where a \left or \big began whose bracket comes next, and what it was.
        self._delimiter: tuple[int, str] | None = None

    def tokens(self) -> list[Token]:
        while self._at < self._end:
            self._next()
            if len(self._found) > MAX_TOKENS:
                raise self._document.error_from(self._at, "the formula is too long", "is this the right file?")
        if self._delimiter:
            raise self._no_bracket(*self._delimiter)
        return self._found

    def _next(self) -> None:
        char = self._text[self._at]
        if char == "\n" and self._by_line:
            self._add("row", char, self._at + 1)
        elif char.isspace() or char == "~":
            self._at += 1
        elif char == "%":
            newline = self._text.find("\n", self._at)
            self._at = self._end if newline < 0 else min(newline, self._end)
        elif char == "\\":
            self._command()
        elif number := _NUMBER.match(self._text, self._at, self._end):
            self._add("number", number[0], number.end())
        elif char in _SIGNS:
            self._sign(char)
        elif char in _UNICODE:
            self._add(*_UNICODE[char], self._at + 1)
        elif char in _COMBINING and self._found and self._found[-1].kind == "letter":
            self._add("combining", char, self._at + 1)
        elif char.isalpha() and len(letter := unicodedata.normalize("NFKC", char)) == 1:
            self._letter(letter)
        else:
            shown = char if char.isprintable() else f"U+{ord(char):04X}"
            message = f"the character {shown} has no meaning in a formula"
            raise self._document.error_from(self._at, message, "write the formula in LaTeX")

    def _letter(self, letter: str) -> None:
        parts = unicodedata.normalize("NFD", letter)
        at = self._at + 1
        self._add("letter", parts[0], at)
        if len(parts) == 2 and parts[1] in _COMBINING:
            self._found.append(Token("combining", parts[1], at - 1, at))

    def _sign(self, char: str) -> None:
        following = self._text[self._at + 1 : self._at + 2] if self._at + 1 < self._end else ""
        if char == "^" and following == "^":
            hint = "write the power in braces: x^{2}"
            raise self._document.error_from(self._at, "^^ is TeX's way to hide a character, and is not read", hint)
        if char == ":" and following == "=":
            self._add("=", ":=", self._at + 2)
        elif char == "=" and following == ":":
            self._add("=:", "=:", self._at + 2)
        elif self._text.startswith("...", self._at):
            self._add("dots", "...", self._at + 3)
        else:
            self._add(_SIGNS[char], char, self._at + 1)

    def _add(self, kind: str, text: str, end: int, font: str = "") -> None:
        """Add the token that begins here and go behind it."""
        start = self._at
        if self._delimiter:
            start, side = self._delimiter
            self._delimiter = None
            if kind == "." and side in ("left", "right"):
                self._at = end
                return
            if kind not in ("open", "close", "|") and not (kind == "op" and text == "/"):
                raise self._no_bracket(start, side)
            if kind == "|" and side[-1] in "lt":
                kind = {"left": "open", "right": "close", "l": "open"}.get(side, "|")
            elif kind == "|" and side[-1] == "r":
                kind = "close"
        self._found.append(Token(kind, text, start, end, font))
        self._at = end

    def _no_bracket(self, start: int, side: str) -> LayerError:
        hint = "write \\left( ... \\right)"
        return self._document.error_from(start, f"\\{side} without a bracket behind it", hint)

    def _command(self) -> None:
        match = _COMMAND.match(self._text, self._at, self._end)
        if match is None:
            raise self._document.error_from(self._at, "a backslash alone", "delete it, or write the command behind it")
        name, end = match[1], match.end()
        end += name in _STARRED and self._text[end : end + 1] == "*"
        if name == "\\":
            space = _ROW_SPACE.match(self._text, end, self._end)
            self._add("row", "\\\\", space.end() if space else end)
        elif name in _TEXT_FONTS:
            self._words(name, end)
        elif name in _MATH_FONTS:
            self._font(name, end)
        elif _DELIMITED.fullmatch(name):
            self._delimiter = self._delimiter or (self._at, name)
            self._at = end
        elif name in ("begin", "end"):
            self._environment(name, end)
        elif name in _DROPPED:
            self._at = end
        elif name in _DROPPED_WITH_ARGUMENT:
            self._at = self._argument(end)[1]
        else:
            self._named(name, end)

    def _named(self, name: str, end: int) -> None:
        if name in LETTERS:
            self._add("letter", LETTERS[name], end)
        elif name in _DELIMITERS:
            self._add(*_DELIMITERS[name], end)
        elif name in _OPERATORS:
            self._add("op", _OPERATORS[name], end)
        elif name in _EQUALS:
            self._add("=:" if name == "eqqcolon" else "=", name, end)
        elif name in _RELATIONS:
            self._add("relation", f"\\{name}", end)
        elif name in _SPACES:
            self._add("quad", f"\\{name}", self._argument(end)[1] if name == "hspace" else end)
        elif name in _SEPARATORS:
            self._add("separator", f"\\{name}", end)
        elif name in ("ldots", "dots", "cdots", "dotsc", "dotsb", "vdots"):
            self._add("dots", f"\\{name}", end)
        else:
            self._add("command", name, end)

    def _environment(self, name: str, end: int) -> None:
        match = _NAME.match(self._text, end, self._end)
        inner = match[1] if match else ""
        if match and inner.rstrip("*") in _TRANSPARENT:
            self._at = match.end()
            if name == "begin" and inner == "alignedat":
                self._at = self._argument(self._at)[1]
        else:
            # A matrix, or cases: not read, and its rows are none of the formula's.
            close = self._text.find(f"\\end{{{inner}}}", end, self._end) if name == "begin" else -1
            behind = match.end() if match else end
            self._add("command", f"{name}{{{inner}}}", close + len(inner) + 6 if close >= 0 else behind)

    def _argument(self, at: int) -> tuple[str, int]:
        """The text of the group in braces at a place, and the place behind it; nothing where there is no group."""
        begin = at
        while begin < self._end and self._text[begin].isspace():
            begin += 1
        if begin >= self._end or self._text[begin] != "{":
            return "", at
        depth, here = 0, begin
        while here < self._end:
            char = self._text[here]
            depth += (char == "{") - (char == "}")
            if depth == 0:
                return self._text[begin + 1 : here], here + 1
            here += 2 if char == "\\" else 1
        raise self._document.error_from(begin, "this brace is never closed", "close it: }")

    def _words(self, name: str, end: int) -> None:
        r"""\text{...}: a word of the formula, or prose between formulas."""
        content, behind = self._argument(end)
        word = content.strip().replace("\\_", "_")
        if name.startswith(("intertext", "shortintertext")):
            self._add("row", content, behind)
        elif len(word) == 1 and word.isalpha():
            self._add("letter", word, behind, "upright")
        elif _WORD.fullmatch(word) and word.lower() not in _PROSE:
            self._add("word", word, behind, "upright")
        else:
            self._add("text", content, behind)

    def _font(self, name: str, end: int) -> None:
        r"""\mathbf{x} is a letter with a font, \mathrm{rms} a word; around anything larger a font says nothing."""
        font = _MATH_FONTS[name]
        content, behind = self._argument(end)
        if behind == end:
            self._bare_font(font, end)
            return
        word = content.strip().replace("\\_", "_").replace("\\,", "")
        letter = LETTERS.get(word[1:], word) if word.startswith("\\") else word
        if font == "blackboard" and letter in ("E", "P", "V"):
            self._add("command", "mathbb", behind)
        elif len(letter) == 1 and (letter.isalpha() or letter == "ℓ"):
            self._add("letter", letter, behind, font)
        elif word == "1" and font != "upright":
            self._add("indicator", "1", behind, font)
        elif _WORD.fullmatch(word):
            self._add("word", word, behind, font)
        else:
            self._at = end

    def _bare_font(self, font: str, end: int) -> None:
        """A font before one letter without braces."""
        start, self._at = self._at, end
        while self._at < self._end and self._text[self._at].isspace():
            self._at += 1
        match = _COMMAND.match(self._text, self._at, self._end)
        char = self._text[self._at] if self._at < self._end else ""
        if match and match[1] in LETTERS:
            self._found.append(Token("letter", LETTERS[match[1]], start, match.end(), font))
            self._at = match.end()
        elif char == "1" and font != "upright":
            self._found.append(Token("indicator", "1", start, self._at + 1, font))
            self._at += 1
        elif char.isalpha():
            self._found.append(Token("letter", unicodedata.normalize("NFKC", char)[0], start, self._at + 1, font))
            self._at += 1
