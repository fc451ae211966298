r"""The LaTeX names that authors give, read piece by piece, for media that are not LaTeX.

    Input    r"\hat{\mathbf{x}}", and a writer that says how a letter, an accent, an alphabet looks in its medium
    Output   what the writer makes of it; None for what has no place in a symbol
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from derive.printing.symbols import ACCENT_LATEX, GREEK_LATEX, Reading, parse_glyph, unit_at

LETTERS = {latex: letter for letter, latex in GREEK_LATEX.items() if latex.startswith("\\")}
LETTERS |= {r"\epsilon": "ϵ", r"\phi": "ϕ", r"\ell": "ℓ", r"\vartheta": "ϑ", r"\varrho": "ϱ", r"\varpi": "ϖ"}
LETTERS |= {r"\imath": "ı", r"\jmath": "ȷ", r"\hbar": "ℏ", r"\nabla": "∇", r"\partial": "∂", r"\infty": "∞"}
_ACCENTS = {latex: sign for sign, latex in ACCENT_LATEX.items()}
_ACCENTS |= {r"\overline": "\u0304", r"\widehat": "\u0302", r"\widetilde": "\u0303", r"\vec": "\u20d7"}
_ALPHABETS = {r"\mathbf": "bold", r"\boldsymbol": "bold", r"\bm": "bold", r"\mathcal": "script", r"\mathscr": "script"}
_ALPHABETS |= {r"\mathbb": "double-struck", r"\mathfrak": "fraktur", r"\mathit": "italic"}
_ALPHABETS |= dict.fromkeys((r"\mathrm", r"\text", r"\operatorname", r"\mathsf", r"\mathtt", r"\textrm"), "normal")
_SIGNS = {"(": "(", ")": ")", ",": ",", "+": "+", "-": "−", "*": "∗", "'": "′", r"\prime": "′", r"\ast": "∗"}
_SIGNS |= {r"\top": "⊤", r"\star": "⋆", r"\dagger": "†", r"\ddagger": "‡", r"\circ": "∘", r"\perp": "⊥"}
_SIGNS |= {r"\odot": "⊙", r"\oplus": "⊕", r"\otimes": "⊗", r"\parallel": "∥", r"\pm": "±", r"\cdot": "⋅", "/": "/"}
_WORDS = (r"\max", r"\min", r"\arg", r"\log", r"\exp", r"\sup", r"\inf", r"\det", r"\dim", r"\ker", r"\gcd", r"\Pr")
_COMMAND = re.compile(r"\\[A-Za-z]+")


class Writer(Protocol):
    """How the pieces of a name look in a medium; None for one that has no place in it."""

    def letter(self, letter: str) -> str | None:
        """A letter."""

    def number(self, digits: str) -> str | None:
        """Digits."""

    def sign(self, sign: str) -> str | None:
        """A sign such as a prime."""

    def accented(self, base: str, accent: str) -> str | None:
        """What has been written already, with a combining accent on it."""

    def alphabet(self, text: str, alphabet: str) -> str | None:
        """Letters of an alphabet: normal, bold, italic, script, fraktur, double-struck."""

    def row(self, parts: Sequence[str]) -> str | None:
        """Several pieces behind one another."""


def write(latex: str, writer: Writer) -> str | None:
    """A name, or a part of one, as the writer writes it; nothing for nothing."""
    parts: list[str] = []
    position = 0
    while position < len(latex):
        if latex[position].isspace():
            position += 1
            continue
        digits = re.match(r"\d+", latex[position:])
        unit = digits[0] if digits else unit_at(latex, position)
        position += len(unit)
        if unit in _ACCENTS or unit in _ALPHABETS:  # TeX takes what comes next for the argument
            position += len(latex[position:]) - len(latex[position:].lstrip())
            argument = unit_at(latex, position)
            unit += argument if argument.startswith("{") else f"{{{argument}}}"
            position += len(argument)
        part = _unit(unit, writer)
        if part is None:
            return None
        parts += [part] if part else []
    return "".join(parts) if len(parts) < 2 else writer.row(parts)


def _unit(unit: str, writer: Writer) -> str | None:
    if unit.startswith("{"):
        return write(unit[1:-1], writer) if unit.endswith("}") else None
    if unit.isdigit():
        return writer.number(unit)
    if unit in LETTERS or re.fullmatch(r"[^\W\d_]", unit):
        return writer.letter(LETTERS.get(unit, unit))
    if unit in _SIGNS:
        return writer.sign(_SIGNS[unit])
    if unit in _WORDS:
        return writer.alphabet(unit[1:], "normal")
    command = _COMMAND.match(unit)
    if command is None or not (unit[command.end() :].startswith("{") and unit.endswith("}")):
        return None
    inside = unit[command.end() + 1 : -1]
    if command[0] in _ACCENTS:
        base = write(inside, writer)
        return writer.accented(base, _ACCENTS[command[0]]) if base else None
    if command[0] in _ALPHABETS:
        inside = LETTERS.get(inside.strip(), inside)
        return writer.alphabet(inside.strip(), _ALPHABETS[command[0]]) if re.fullmatch(r"[\w ]+", inside) else None
    return None


class _Plain:
    """Letters and words as they are; an accent behind its letter; no alphabets but the upright one."""

    def letter(self, letter: str) -> str:
        return letter

    def number(self, digits: str) -> str:
        return digits

    def sign(self, sign: str) -> None:
        return None

    def accented(self, base: str, accent: str) -> str | None:
        return base + accent if len(base) == 1 else None

    def alphabet(self, text: str, alphabet: str) -> str:
        return text

    def row(self, parts: Sequence[str]) -> str:
        return "".join(parts)


def reading_of(name: str, latex: str) -> Reading | None:
    """What an author's LaTeX says in plain letters; None where that would not be the same symbol."""
    glyph = parse_glyph(name, latex)
    base = write(glyph.base, _Plain())
    below = [write(part, _Plain()) for part in glyph.subscript.split(",")] if glyph.subscript else []
    if not base or not all(below) or not (glyph.exponent.isdigit() or not glyph.exponent):
        return None
    letters = unicodedata.normalize("NFD", base)
    marked = len(letters) == 2 and unicodedata.combining(letters[1])
    reading = Reading(letters[0], letters[1]) if marked else Reading(base)
    return replace(reading, subscripts=tuple(map(str, below)), exponent=glyph.exponent)
