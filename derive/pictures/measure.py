"""How wide a text is in print: a text in, its width in units of the font size out.

A picture does not know which font a reader has. The widths are those of a wide serif font, so that a box that is made
for them holds the text in any.
"""

from __future__ import annotations

import unicodedata

_WIDTHS = {
    char: width
    for width, chars in (
        (0.31, "ijl.,;:'| ·!"),
        (0.38, "()[]{}ftI/ιJ"),
        (0.48, "rsz√²³¹⁰⁴⁵⁶⁷⁸⁹⁻"),
        (0.92, "mwMW"),
        (0.80, "=+-−<>≤≥≠→×QGOHNDUKΘΩΦ"),
    )
    for char in chars
}
_OTHER, _CAPITAL, _WIDE = 0.60, 0.72, 1.0
_SUBSCRIPTS = range(0x2080, 0x20A0)
_MODIFIERS = range(0x1D62, 0x1D6B)  # ᵢ, ᵣ and the like


def width_of_text(text: str) -> float:
    """The width of a text in units of its font size, rather too large than too small."""
    return sum(_width(char) for char in text)


def _width(char: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return _WIDE
    if ord(char) in _SUBSCRIPTS or ord(char) in _MODIFIERS:
        return 0.4
    return _CAPITAL if char.isupper() else _OTHER
