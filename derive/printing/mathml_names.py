r"""The symbols of quantities in MathML, from their readings, or from the LaTeX name that their author gave.

    sigma_1 ──▶ <msub><mi>σ</mi><mn>1</mn></msub>;   r"\hat{x}" ──▶ <mover accent="true"><mi>x</mi><mo>^</mo></mover>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from derive.printing.latex_names import write
from derive.printing.symbols import Reading, parse_glyph, read_name

# Combining accents as signs of their own, which stand above a letter.
_SIGNS = {
    "\u0303": "~", "\u0302": "^", "\u0304": "¯", "\u0307": "˙", "\u0308": "¨",
    "\u0301": "´", "\u0300": "`", "\u030c": "ˇ", "\u0306": "˘", "\u20d7": "→",
}  # fmt: skip
# Where the letters of an alphabet begin in Unicode, capitals and small ones; some were there before, elsewhere.
_ALPHABETS = {"bold": (0x1D400, 0x1D41A), "script": (0x1D49C, 0x1D4B6), "fraktur": (0x1D504, 0x1D51E)}
_ALPHABETS |= {"double-struck": (0x1D538, 0x1D552)}
_ELSEWHERE = {
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
}


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
        parts = [write(part, _MathmlWriter()) for part in (glyph.base, glyph.subscript, glyph.exponent)]
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


class _MathmlWriter:
    """The pieces of an author's LaTeX in MathML."""

    def letter(self, text: str) -> str:
        return letter(text)

    def number(self, digits: str) -> str:
        return f"<mn>{digits}</mn>"

    def sign(self, sign: str) -> str:
        return f"<mo>{sign}</mo>"

    def accented(self, base: str, accent: str) -> str:
        return accented(base, accent)

    def alphabet(self, text: str, alphabet: str) -> str:
        """Upright letters; those of other alphabets are letters of their own in Unicode."""
        if alphabet == "normal":
            return f'<mi mathvariant="normal">{escape(text)}</mi>'
        return letter("".join(_in_alphabet(char, alphabet) for char in text))

    def row(self, parts: Sequence[str]) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"


def _in_alphabet(char: str, alphabet: str) -> str:
    if char in _ELSEWHERE.get(alphabet, {}):
        return _ELSEWHERE[alphabet][char]
    if not (char.isascii() and char.isalpha()) or alphabet not in _ALPHABETS:
        return char
    first = _ALPHABETS[alphabet][char.islower()]
    return chr(first + ord(char) - ord("a" if char.islower() else "A"))
