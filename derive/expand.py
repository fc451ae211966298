"""A derivation written out for a small batch, element by element: what a page of handwritten notes has on it.

Frozen data, between `write_out` and the printers. Every line holds: both of its sides can be evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr, Integer

from derive.derivation import Derivation, Prose
from derive.graph import Equation, Quantity, reference

Place = tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """`left` = `right` in explicit elements. `label` is the name that the value has from here on, A[1].

    `rule` is `forward`, `chain-rule`, `local-derivative`, `total`, `fact` or `closed-form`.
    """

    left: Expr
    right: Expr
    rule: str
    label: Expr | None = None


@dataclass(frozen=True)
class Whole:
    """A quantity with all of its elements, in the order of `places`.

    `lines` say what each element is and are empty for what is given; `general` is the equation in letters, where it
    has not been shown before.
    """

    quantity: Quantity
    shape: Place
    places: tuple[Place, ...]
    lines: tuple[Line, ...] = ()
    general: Equation | None = None

    @property
    def elements(self) -> tuple[Expr, ...]:
        """The elements as symbols: x[1, 1], x[1, 2]."""
        return tuple(reference(self.quantity.name, [Integer(k) for k in place]) for place in self.places)

    @property
    def values(self) -> tuple[Expr, ...]:
        """What each element is; the element itself where it is given."""
        return tuple(line.right for line in self.lines) or self.elements

    def slices(self) -> list[tuple[Place, list[list[int]]]]:
        """The matrices of the array: the indices behind the first two, and rows of positions in `places`."""
        rows: dict[Place, dict[int, list[int]]] = {}
        for position, place in enumerate(self.places):
            rows.setdefault(place[2:], {}).setdefault(place[0] if len(place) > 1 else 1, []).append(position)
        return [(behind, list(matrix.values())) for behind, matrix in rows.items()]


@dataclass(frozen=True)
class Group:
    """Lines that belong together: for each element its lines. `at` is where all of the elements are: (j, 1)."""

    elements: tuple[tuple[Line, ...], ...]
    at: tuple[tuple[Expr, int], ...] = ()
    reason: Prose = ()


@dataclass(frozen=True)
class Section:
    """What is written under one heading."""

    heading: Prose
    parts: tuple[Whole | Group, ...]


@dataclass(frozen=True)
class WrittenOut:
    """A derivation for given extents. `labels` are the letters that stand for cotangents, each with `of` set."""

    derivation: Derivation
    extents: Mapping[str, int]
    sections: tuple[Section, ...]
    labels: tuple[Quantity, ...]

    @cached_property
    def by_name(self) -> dict[str, Quantity]:
        """Every quantity that a line can mention."""
        return {**self.derivation.by_name, **{label.name: label for label in self.labels}}

    def lines(self) -> Iterator[Line]:
        """Every line, in order."""
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Whole):
                    yield from part.lines
                else:
                    yield from (line for lines in part.elements for line in lines)
