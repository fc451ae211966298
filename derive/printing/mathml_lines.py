"""A formula in MathML as pieces, each a `<math>` of its own, between which a browser may begin a new line.

    a = b + c·(d − e)   ──▶   a =  |  b  |  + c·(d  |  − e)

Browsers break no line inside a `<math>`. So a long formula is cut before the signs of its terms; what is still wider
than a narrow screen is cut between its factors, and where that does not do, inside its brackets.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from xml.etree.ElementTree import Element

# In em of the formula. A telephone shows about 21 of them.
NARROW = 17.0
_RAISED = 0.71  # of letters in the raised and lowered positions
_WIDTHS = {"mi": 0.6, "mn": 0.5, "mo": 1.1, "mtext": 0.45}


def inline(markup: str, width: float = NARROW) -> str:
    """A formula in a line of text; a long one as pieces, too."""
    return " ".join(_math(part, display=False) for part in _IN_EM.cut_up(elements_of(markup), width))


def pieces(markup: str, width: float = NARROW) -> list[str]:
    """The formula for a display, as `<math>` elements in order; one that fits the width is one piece."""
    return [_math(part, display=True) for part in _IN_EM.cut_up(elements_of(markup), width)]


def elements_of(markup: str) -> list[Element]:
    """The elements that stand side by side in markup."""
    return list(ElementTree.fromstring(f"<math>{markup}</math>"))


def width_of(markup: str) -> float:
    """About how wide markup is, in em."""
    return _width(elements_of(markup))


class Cutter:
    """Cuts formulas for a medium; `measure` says how wide elements are in it that stand side by side."""

    def __init__(self, measure: Callable[[Sequence[Element]], float]) -> None:
        self._measure = measure

    def cut_up(self, elements: Sequence[Element], width: float) -> list[list[Element]]:
        """The left side with its sign, and the parts of the right one; all in one piece if that fits the width."""
        if self._measure(elements) <= width:
            return [list(elements)]
        side = next((n for n, element in enumerate(elements) if element.get("class") == "r"), -1) + 1
        return [*([list(elements[:side])] if side else []), *self._parts(elements[side:], width)]

    def _parts(self, elements: Sequence[Element], width: float) -> Iterator[list[Element]]:
        """The parts of a sum: its terms, and of a term that is too wide its factors."""
        for term in _cut(elements, "t"):
            if self._measure(term) <= width:
                yield term
                continue
            held: list[Element] = []
            for factor in _cut(term, "f"):
                opens = self._measure(factor) > width and self._bracket(factor) is not None
                # A short factor stays with the bracket that it multiplies.
                short = opens and self._measure(held) < width / 3
                if held and self._measure([*held, *factor]) > width and not short:
                    yield held
                    held = []
                held += factor
                if opens:
                    *opened, held = self._opened(held, width)
                    yield from opened
            if held:
                yield held

    def _opened(self, elements: Sequence[Element], width: float) -> list[list[Element]]:
        """What has a bracket that is too wide, cut inside it."""
        place = self._bracket(elements)
        assert place is not None
        left, *inside, right = elements[place]
        # Each half would grow with what stands beside it in its own piece.
        size = f"{_height(inside):.2f}em"
        left, right = (_sized(half, size) for half in (left, right))
        # The first part stands behind what is before the bracket.
        parts = list(self._parts(inside, max(width - self._measure([*elements[:place], left]), width / 2)))
        parts[0] = [*elements[:place], left, *parts[0]]
        parts[-1] = [*parts[-1], right, *elements[place + 1 :]]
        return parts

    def _bracket(self, elements: Sequence[Element]) -> int | None:
        """The place of the widest bracket."""
        places = [n for n, element in enumerate(elements) if element.get("class") == "b"]
        return max(places, key=lambda n: self._measure([elements[n]]), default=None)


def _cut(elements: Sequence[Element], sign: str) -> list[list[Element]]:
    """The elements, cut before each of those with a class."""
    parts: list[list[Element]] = [[]]
    for element in elements:
        if element.get("class") == sign and parts[-1]:
            parts.append([])
        parts[-1].append(element)
    return parts


def _math(elements: Sequence[Element], display: bool) -> str:
    inside = "".join(ElementTree.tostring(element, encoding="unicode") for element in elements)
    style = ' displaystyle="true"' if display else ""
    return f"<math{style}>{inside}</math>"


def _sized(sign: Element, size: str) -> Element:
    """A bracket as high as is said."""
    sized = copy(sign)
    sized.attrib |= {"minsize": size, "maxsize": size}
    return sized


def _height(elements: Sequence[Element]) -> float:
    return max(map(_height_of, elements), default=1.0)


def _height_of(element: Element) -> float:
    """About how high an element is, in em, as a bracket around it must be."""
    inside = [_height_of(child) for child in element]
    if element.tag == "mfrac":
        return sum(inside) + 0.2
    if element.tag in ("munder", "munderover"):
        return 1.6 + _RAISED * sum(inside[1:])
    if element.tag in ("msub", "msup", "msubsup", "mover", "msqrt"):
        return max(inside) + 0.2
    if element.tag == "mtable":
        return sum(inside) + 0.5
    return max(inside, default=1.0)


def _width(elements: Sequence[Element]) -> float:
    return sum(map(_width_of, elements))


def _width_of(element: Element) -> float:
    """About how wide an element is; of what stands one above the other, the widest."""
    kind = element.tag
    if kind in _WIDTHS:
        text = element.text or ""
        return 0.2 if text in ("\u2062", "\u2061") else _WIDTHS[kind] * max(len(text), 1)
    inside = [_width_of(child) for child in element]
    if kind == "mfrac":
        return max(inside) + 0.2
    if kind in ("munder", "munderover", "mover"):
        return max(inside[0], *(_RAISED * each for each in inside[1:])) + 0.1
    if kind in ("msub", "msup"):
        return inside[0] + _RAISED * inside[1]
    if kind == "msubsup":
        return inside[0] + _RAISED * max(inside[1:])
    if kind == "mtable":
        return max((_width(list(line)) for line in element), default=0.0) + 1.0
    return sum(inside) + (0.9 if kind == "msqrt" else 0.0)


_IN_EM = Cutter(_width)
