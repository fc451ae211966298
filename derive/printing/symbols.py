"""What a name looks like on paper: `sigma` is σ, `xhat` is x with a hat, `x1` is x with an index 1.

A name is read once into a `Reading` (letter, accent, subscripts, exponent), and written from it in LaTeX or Unicode.
What cannot be read is a word, set upright.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache

from derive.errors import LayerError

# Name in the layer grammar, LaTeX, Unicode. A capital that LaTeX lacks is the Latin letter that it looks like.
_GREEK_ROWS = (
    ("alpha", r"\alpha", "α"), ("beta", r"\beta", "β"), ("gamma", r"\gamma", "γ"), ("delta", r"\delta", "δ"),
    ("epsilon", r"\varepsilon", "ε"), ("zeta", r"\zeta", "ζ"), ("eta", r"\eta", "η"), ("theta", r"\theta", "θ"),
    ("iota", r"\iota", "ι"), ("kappa", r"\kappa", "κ"), ("lamda", r"\lambda", "λ"), ("mu", r"\mu", "μ"),
    ("nu", r"\nu", "ν"), ("xi", r"\xi", "ξ"), ("omicron", "o", "ο"), ("pi", r"\pi", "π"),
    ("rho", r"\rho", "ρ"), ("sigma", r"\sigma", "σ"), ("finalsigma", r"\varsigma", "ς"), ("tau", r"\tau", "τ"),
    ("upsilon", r"\upsilon", "υ"), ("phi", r"\varphi", "φ"), ("chi", r"\chi", "χ"), ("psi", r"\psi", "ψ"),
    ("omega", r"\omega", "ω"),
    ("Alpha", r"\mathrm{A}", "Α"), ("Beta", r"\mathrm{B}", "Β"), ("Gamma", r"\Gamma", "Γ"),
    ("Delta", r"\Delta", "Δ"), ("Epsilon", r"\mathrm{E}", "Ε"), ("Zeta", r"\mathrm{Z}", "Ζ"),
    ("Eta", r"\mathrm{H}", "Η"), ("Theta", r"\Theta", "Θ"), ("Iota", r"\mathrm{I}", "Ι"),
    ("Kappa", r"\mathrm{K}", "Κ"), ("Lambda", r"\Lambda", "Λ"), ("Mu", r"\mathrm{M}", "Μ"),
    ("Nu", r"\mathrm{N}", "Ν"), ("Xi", r"\Xi", "Ξ"), ("Omicron", r"\mathrm{O}", "Ο"), ("Pi", r"\Pi", "Π"),
    ("Rho", r"\mathrm{P}", "Ρ"), ("Sigma", r"\Sigma", "Σ"), ("Tau", r"\mathrm{T}", "Τ"),
    ("Upsilon", r"\Upsilon", "Υ"), ("Phi", r"\Phi", "Φ"), ("Chi", r"\mathrm{X}", "Χ"), ("Psi", r"\Psi", "Ψ"),
    ("Omega", r"\Omega", "Ω"),
)  # fmt: skip
GREEK_LATEX = {unicode: latex for _, latex, unicode in _GREEK_ROWS}
GREEK_NAMES = {name: unicode for name, _, unicode in _GREEK_ROWS} | {"eps": "ε", "lam": "λ", "lambda": "λ"}

# Accent in a name, LaTeX command, combining character.
_ACCENT_ROWS = (
    ("tilde", r"\tilde", "\u0303"), ("hat", r"\hat", "\u0302"), ("bar", r"\bar", "\u0304"), ("dot", r"\dot", "\u0307"),
    ("ddot", r"\ddot", "\u0308"), ("acute", r"\acute", "\u0301"), ("grave", r"\grave", "\u0300"),
    ("check", r"\check", "\u030c"), ("breve", r"\breve", "\u0306"),
)  # fmt: skip
ACCENT_LATEX = {combining: latex for _, latex, combining in _ACCENT_ROWS}
BAR = "\u0304"
_ACCENT_SUFFIXES = {name: combining for name, _, combining in _ACCENT_ROWS[:4]}

_DIGITS = "0123456789"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = dict(zip("0123456789aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


@dataclass(frozen=True)
class Reading:
    """A name as a symbol: `base` is one letter or a word, `accent` a combining character."""

    base: str
    accent: str = ""
    subscripts: tuple[str, ...] = ()
    exponent: str = ""

    @property
    def is_letter(self) -> bool:
        """Whether the base is one letter, so that it is set in italics."""
        return len(self.base) == 1


@dataclass(frozen=True)
class Glyph:
    """The LaTeX of a symbol, in parts, so that indices and powers can be set at the right place."""

    base: str
    subscript: str = ""
    exponent: str = ""

    def at(self, indices: str) -> str:
        """The symbol with `indices` (joined already) behind its own subscripts."""
        below = ",".join(part for part in (self.subscript, indices) if part)
        return self.base + (f"_{{{below}}}" if below else "") + (f"^{{{self.exponent}}}" if self.exponent else "")


@cache
def read_name(name: str) -> Reading:
    """The symbol that a name stands for; any name has one."""
    head, *tails = name.split("_")
    if not head or not all(tails):
        return Reading(name)
    reading = _read_head(head)
    for tail in tails:
        if tail in _ACCENT_SUFFIXES and reading.is_letter and not reading.accent:
            reading = replace(reading, accent=_ACCENT_SUFFIXES[tail])
        else:
            reading = replace(reading, subscripts=(*reading.subscripts, tail))
    return reading


def _read_head(head: str) -> Reading:
    stem = head.rstrip(_DIGITS)
    digits = head[len(stem) :]
    if digits and stem:
        reading = _read_head(stem)
        return replace(reading, subscripts=(*reading.subscripts, digits))
    if head == "var":
        return Reading("σ", exponent="2")
    if head in GREEK_NAMES:
        return Reading(GREEK_NAMES[head])
    letters = unicodedata.normalize("NFD", head)
    if len(letters) == 1:
        return Reading(letters)
    if len(letters) == 2 and letters[1] in ACCENT_LATEX:
        return Reading(letters[0], accent=letters[1])
    for suffix, combining in _ACCENT_SUFFIXES.items():
        if head.endswith(suffix) and len(head) > len(suffix):
            below = _read_head(head[: -len(suffix)])
            if below.is_letter and not below.accent:
                return replace(below, accent=combining)
    return Reading(head)


def plain_reading(name: str) -> Reading:
    """The name as an upright word, for one whose symbol another quantity has already."""
    return Reading(name if len(name) > 1 else f"{name}'")


def latex_glyph(reading: Reading) -> Glyph:
    """A reading in LaTeX; anything that pdflatex does not know is spelled by its code point."""
    base = _letter_latex(reading.base) if reading.is_letter else word_latex(reading.base)
    if reading.accent:
        base = f"{ACCENT_LATEX[reading.accent]}{{{base}}}"
    below = ",".join(part if part.isascii() and part.isdigit() else latex_glyph(read_name(part)).at("")
                     for part in reading.subscripts)  # fmt: skip
    return Glyph(base, below, reading.exponent)


def _letter_latex(letter: str) -> str:
    if letter in GREEK_LATEX:
        return GREEK_LATEX[letter]
    return letter if letter.isascii() and letter.isalpha() else word_latex(letter)


def word_latex(word: str) -> str:
    """A word set upright in math mode, safe for pdflatex whatever letters it has."""
    pieces: list[str] = []
    for char in unicodedata.normalize("NFD", word):
        if char in ACCENT_LATEX and pieces:
            pieces[-1] = f"{ACCENT_LATEX[char]}{{{pieces[-1]}}}"
        elif char in GREEK_LATEX:
            pieces.append(GREEK_LATEX[char])
        elif char.isascii():
            pieces.append(r"\_" if char == "_" else char)
        else:
            pieces.append(f"U{ord(char):04X}")
    return rf"\mathrm{{{''.join(pieces)}}}"


def parse_glyph(name: str, latex: str) -> Glyph:
    """The author's own LaTeX for `name`, its subscript and exponent taken apart so that indices can join them.

    Raises LayerError for a line break or a backtick, which the media that formulas go into do not allow.
    """
    if "`" in latex or "\\\\" in latex:
        raise LayerError(
            f"the LaTeX name of {name!r} cannot stand inside a line: {latex}",
            r"write one symbol, such as r'\sigma^2', without a backtick or a line break",
        )
    parts = {"": "", "_": "", "^": ""}
    where, position = "", 0
    while position < len(latex):
        char = latex[position]
        if char in "_^":
            where, position = char, position + 1
            unit = unit_at(latex, position)
            parts[where] += unit[1:-1] if unit.startswith("{") else unit
        else:
            unit = unit_at(latex, position)
            parts[""] += unit
        position += len(unit)
    base = parts[""].strip()
    if any(sign in _outside_braces(base) for sign in "+-=<> "):
        base = f"{{{base}}}" if "\\" in base and not any(s in base for s in "+-=<>") else rf"\left({base}\right)"
    return Glyph(base or "{}", parts["_"], parts["^"])


def unit_at(latex: str, position: int) -> str:
    """What TeX takes as one argument at `position`: a group, a command with the groups behind it, or a character."""
    if position >= len(latex):
        return ""
    end = position + 1
    if latex[position] == "{":
        depth = 1
        while depth and end < len(latex):
            escaped = latex[end] == "\\"
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1 + escaped
    elif latex[position] == "\\":
        while end < len(latex) and latex[end].isalpha():
            end += 1
        end = max(end, position + 2)
        while end < len(latex) and latex[end] == "{":
            end += len(unit_at(latex, end))
    return latex[position:end]


def _outside_braces(latex: str) -> str:
    kept, depth = [], 0
    for char in latex:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            kept.append(char)
    return "".join(kept)


def unicode_symbol(reading: Reading) -> tuple[str, str]:
    """A reading in Unicode, in two parts: the symbol with its own subscripts, and its exponent."""
    if reading.is_letter:
        base = unicodedata.normalize("NFC", reading.base + reading.accent)
    else:
        base = reading.base
    for part in reading.subscripts:
        short = len(part) == 1 or part.isdigit()
        base += (subscript_text(part) if short else None) or f"_{part}"
    return base, superscript_text(reading.exponent)


def subscript_text(text: str) -> str | None:
    """The text in Unicode subscripts; None where one of its characters has none."""
    if all(char in _SUBSCRIPTS for char in text):
        return "".join(_SUBSCRIPTS[char] for char in text)
    return None


def superscript_text(integer: str) -> str:
    """An integer in Unicode superscripts."""
    return integer.translate(_SUPERSCRIPTS)
