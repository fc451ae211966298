r"""The symbols of quantities in MathML, from their readings, or from the LaTeX name that their author gave.

    sigma_1 ──▶ <msub><mi>σ</mi><mn>1</mn></msub>;   r"\hat{x}" ──▶ <mover accent="true"><mi>x</mi><mo>^</mo></mover>
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape

from derive.printing.symbols import ACCENT_LATEX, GREEK_LATEX, Reading, parse_glyph, read_name

# Combining accents as signs of their own, which stand above a letter.
_SIGNS = {
    "\u0303": "~", "\u0302": "^", "\u0304": "¯", "\u0307": "˙", "\u0308": "¨",
    "\u0301": "´", "\u0300": "`", "\u030c": "ˇ", "\u0306": "˘",
}  # fmt: skip
_LETTERS = {latex: letter for letter, latex in GREEK_LATEX.items()} | {r"\epsilon": "ϵ", r"\phi": "ϕ", r"\ell": "ℓ"}
_ACCENTS = {latex: sign for sign, latex in ACCENT_LATEX.items()} | {r"\overline": "\u0304", r"\widehat": "\u0302"}
_VARIANTS = {r"\mathbf": "bold", r"\mathcal": "script"}
_VARIANTS |= dict.fromkeys((r"\mathrm", r"\text", r"\operatorname"), "normal")
_SCRIPT = {"B": "ℬ", "E": "ℰ", "F": "ℱ", "H": "ℋ", "I": "ℐ", "L": "ℒ", "M": "ℳ", "R": "ℛ"}
_COMMAND = re.compile(r"(\\[A-Za-z]+)\s*\{([^{}]*)\}")
# What stands behind one another: a command with its argument, a group, a number, any other character.
_UNIT = re.compile(r"\\[A-Za-z]+\{[^{}]*\}|\\[A-Za-z]+|\{[^{}]*\}|\d+|[^\s{}\\]")
_SIGNS_BETWEEN = {"(": "(", ")": ")", ",": ",", "+": "+", "-": "−", "*": "∗", "'": "′", r"\prime": "′", r"\ast": "∗"}


@dataclass(frozen=True)
class MathmlGlyph:
    """The MathML of a symbol, in parts, so that indices and powers can be set at the right place."""

    base: str
    subscript: str = ""
    exponent: str = ""

    def at(self, indices: str, attributes: str) -> str:
        """The symbol with `indices` (joined already) behind its own subscripts; the attributes go to the whole."""
        below = "<mo>,</mo>".join(part for part in (self.subscript, indices) if part)
        if below and self.exponent:
            return f"<msubsup{attributes}>{self.base}<mrow>{below}</mrow><mrow>{self.exponent}</mrow></msubsup>"
        if below:
            return f"<msub{attributes}>{self.base}<mrow>{below}</mrow></msub>"
        if self.exponent:
            return f"<msup{attributes}>{self.base}<mrow>{self.exponent}</mrow></msup>"
        return f"<mrow{attributes}>{self.base}</mrow>" if attributes else self.base

    def with_base(self, base: str) -> MathmlGlyph:
        """The same with another letter."""
        return replace(self, base=base)


def glyph_of(name: str, latex: str | None = None, reading: Reading | None = None) -> MathmlGlyph:
    """The symbol of a name: as its author writes it in LaTeX, where that can be read, else as it reads."""
    if latex is not None:
        glyph = parse_glyph(name, latex)
        parts = [_from_latex(part) for part in (glyph.base, glyph.subscript, glyph.exponent)]
        if None not in parts:
            return MathmlGlyph(*map(str, parts))
    return _read(reading or read_name(name))


def _read(reading: Reading) -> MathmlGlyph:
    base = letter(reading.base)
    if reading.accent:
        base = accented(base, reading.accent)
    below = "<mo>,</mo>".join(
        f"<mn>{part}</mn>" if part.isascii() and part.isdigit() else _read(read_name(part)).at("", "")
        for part in reading.subscripts
    )
    return MathmlGlyph(base, below, f"<mn>{reading.exponent}</mn>" if reading.exponent else "")


def letter(text: str) -> str:
    """A letter, in italics, or a word, upright."""
    return f"<mi>{escape(text)}</mi>"


def accented(base: str, accent: str) -> str:
    """A letter with a combining accent as a sign above it."""
    return f'<mover accent="true">{base}<mo stretchy="false">{_SIGNS[accent]}</mo></mover>'


def _from_latex(latex: str) -> str | None:
    """Letters, numbers, accents, alphabets, and such behind each other or in parentheses; None for anything else."""
    latex = latex.strip()
    if latex in ("", "{}"):
        return ""
    if latex.isdigit():
        return f"<mn>{latex}</mn>"
    if latex in _LETTERS:
        return letter(_LETTERS[latex])
    if re.fullmatch(r"[^\W\d_]", latex):
        return letter(latex)
    if latex in _SIGNS_BETWEEN:
        return f"<mo>{_SIGNS_BETWEEN[latex]}</mo>"
    found = _COMMAND.fullmatch(latex)
    if found is not None:
        return _command(found[1], found[2])
    units = _UNIT.findall(latex)
    if len(units) < 2 or "".join(units) != latex.replace(" ", ""):
        return _from_latex(latex[1:-1]) if latex.startswith("{") and latex.endswith("}") else None
    parts = [_from_latex(unit) for unit in units]
    return None if None in parts else f"<mrow>{''.join(map(str, parts))}</mrow>"


def _command(command: str, inside: str) -> str | None:
    if command in _ACCENTS:
        base = _from_latex(inside)
        return accented(base, _ACCENTS[command]) if base else None
    if command in _VARIANTS and re.fullmatch(r"[\w ]+", inside):
        return _in_alphabet(inside.strip(), _VARIANTS[command])
    return None


def _in_alphabet(text: str, variant: str) -> str:
    """Upright letters; bold and calligraphic ones are letters of their own in Unicode."""
    if variant == "normal":
        return f'<mi mathvariant="normal">{escape(text)}</mi>'
    if not (text.isascii() and text.isalpha()) or (variant == "script" and not text.isupper()):
        return letter(text)
    if variant == "script":
        return letter("".join(_SCRIPT.get(c) or chr(0x1D49C + ord(c) - ord("A")) for c in text))
    return letter("".join(chr((0x1D400 if c.isupper() else 0x1D41A) + ord(c.upper()) - ord("A")) for c in text))
