r"""Ordinary text in LaTeX: every character either prints as itself or is spelled out; none is a command."""

from __future__ import annotations

import unicodedata

from derive.printing.symbols import GREEK_LATEX

_ASCII = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': "''",
}  # fmt: skip
_SIGNS = {
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}", "×": r"$\times$", "·": r"$\cdot$",
    "−": "$-$", "±": r"$\pm$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "≈": r"$\approx$", "∞": r"$\infty$",
    "∂": r"$\partial$", "∑": r"$\Sigma$", "√": r"$\surd$", "→": r"$\to$", "⇒": r"$\Rightarrow$", "∈": r"$\in$",
    "°": r"$^\circ$", "§": r"\S{}", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "œ": r"\oe{}", "\u00a0": "~", "²": "$^2$", "³": "$^3$", "½": r"$\frac12$",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """The text, safe for pdflatex outside math mode. What its fonts lack is given by its code point."""
    pieces: list[str] = []
    for char in unicodedata.normalize("NFC", text):
        if char in _ASCII or char in _SIGNS:
            pieces.append(_ASCII.get(char) or _SIGNS[char])
        elif char in GREEK_LATEX:
            pieces.append(f"${GREEK_LATEX[char]}$")
        elif char.isascii():
            pieces.append(char if char.isprintable() or char == "\n" else " ")
        else:
            pieces.append(_accented(char))
    return "".join(pieces)


def _accented(char: str) -> str:
    base, *marks = list(unicodedata.normalize("NFD", char))
    if base.isascii() and len(marks) == 1 and marks[0] in _ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(base, base) if marks[0] != "\u0327" else base
        return rf"\{_ACCENTS[marks[0]]}{{{letter}}}"
    return f"[U+{ord(char):04X}]"
