"""The names of one derivation: which symbol each has, what part it plays, and in which order they were introduced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from derive.derivation import Derivation
from derive.errors import UsageError
from derive.graph import Quantity
from derive.printing.latex_names import reading_of
from derive.printing.symbols import BAR, Reading, plain_reading, read_name

Notation = Literal["leibniz", "d", "bar"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)

# Roles of quantities that are written in terms of another one, not with a symbol of their own.
DERIVED_ROLES = ("cotangent", "contribution", "local_derivative", "tangent")
# Symbols that formulas use in a fixed sense.
_RESERVED = (Reading("π"), Reading("δ"))
_DOT = "\u0307"


class Names:
    """Symbols and roles of the quantities that an expression mentions.

    Without quantities every name is a symbol on its own. Two names that would look alike get different symbols: the
    later one is written out as a word. Raises UsageError for an unknown notation.
    """

    def __init__(
        self,
        quantities: Mapping[str, Quantity] | None = None,
        notation: Notation = "leibniz",
    ) -> None:
        if notation not in NOTATIONS:
            raise UsageError(f"unknown notation {notation!r}; choose from {', '.join(NOTATIONS)}")
        self.notation: Notation = notation
        self._quantities: Mapping[str, Quantity] = quantities or {}
        self._positions = {name: number for number, name in enumerate(self._quantities)}
        roles = ("cotangent", "contribution")
        gradients = [q for q in self._quantities.values() if q.role in roles and q.mode == "reverse"]
        self.order = max((quantity.order for quantity in gradients), default=1)
        self._readings = self._distinct_readings()
        taken = {index.name for q in self._quantities.values() for index in q.indices}
        taken |= {index.extent for q in self._quantities.values() for index in q.indices}
        taken |= {q.name for q in self._quantities.values() if q.role not in DERIVED_ROLES}
        # The loss is no quantity of the layer, unless the layer has an L of its own. That of a higher order is.
        self.loss = next((q.name for q in self._quantities.values() if q.role == "loss"), "")
        self.loss = self.loss or ("L" if "L" not in taken else "ℓ")

    @classmethod
    def of(cls, derivation: Derivation, notation: Notation = "leibniz") -> Names:
        """The names that the steps and results of a derivation can mention."""
        return cls(derivation.known, notation)

    @property
    def known(self) -> Mapping[str, Quantity]:
        """Every quantity that has a symbol here, by its name."""
        return self._quantities

    def quantity(self, name: str) -> Quantity | None:
        """What is known about a name."""
        return self._quantities.get(name)

    def role(self, name: str | None) -> str:
        """The role of a name; empty for one that is not known."""
        quantity = self._quantities.get(name or "")
        return quantity.role if quantity else ""

    def is_gradient(self, name: str | None) -> bool:
        """Whether the name stands for a derivative of the loss, or for a tangent.

        The gradients of a lower order are quantities like any.
        """
        quantity = self._quantities.get(name or "")
        if quantity is None or quantity.role not in ("cotangent", "contribution"):
            return quantity is not None and quantity.role == "tangent"
        return not self.is_lower(quantity)

    def is_lower(self, quantity: Quantity) -> bool:
        """Whether a gradient is one of a lower order, which is written as dx in every notation."""
        return quantity.mode == "reverse" and quantity.order < self.order

    def is_derived(self, name: str | None) -> bool:
        """Whether the name is written in terms of another one, such as ∂L/∂x."""
        return self.role(name) in DERIVED_ROLES

    def is_compound(self, name: str | None) -> bool:
        """Whether what is written for the name needs brackets in a larger formula: ∂L/∂x, not dx or a dotted letter."""
        quantity = self._quantities.get(name or "")
        if quantity is None or not self.is_derived(name):
            return False
        if quantity.role == "cotangent":
            return not self.is_lower(quantity)
        if quantity.role != "tangent" or quantity.order > 1:
            return True
        primal = self._quantities.get(quantity.of or "")
        square = primal is not None and ("^" in primal.latex if primal.latex else self.reading(primal.name).exponent)
        return bool(square) or self.is_derived(quantity.of)

    def position(self, name: str) -> int:
        """When the name was introduced; unknown names come last."""
        return self._positions.get(name, len(self._positions))

    def reading(self, name: str) -> Reading:
        """The symbol of a name."""
        return self._readings.get(name) or read_name(name)

    def _distinct_readings(self) -> dict[str, Reading]:
        primal = [q for q in self._quantities.values() if q.role not in DERIVED_ROLES]
        fixed = [index for q in primal for index in q.indices]
        taken = set(_RESERVED)
        taken |= {read_name(name) for index in fixed for name in (index.name, index.extent)}
        if any(quantity.role == "tangent" for quantity in self._quantities.values()):
            # A dot says that something moves.
            plain = [reading for q in primal if not (reading := read_name(q.name)).accent]
            taken |= {replace(reading, accent=_DOT) for reading in plain if reading.is_letter}
        if self.notation == "bar":
            plain = [reading for q in primal if not (reading := read_name(q.name)).accent]
            taken |= {replace(reading, accent=BAR) for reading in plain if reading.is_letter}
        found: dict[str, Reading] = {}
        # A square such as the variance's gives way to sigma itself, wherever that stands.
        for quantity in sorted(primal, key=lambda q: bool(read_name(q.name).exponent)):
            reading = read_name(quantity.name)
            own = reading_of(quantity.name, quantity.latex) if quantity.latex is not None else None
            if own is not None and own not in taken:
                reading = own
            squared = Reading(reading.base, reading.accent, reading.subscripts)
            if quantity.latex is None and (reading in taken or squared in taken):
                reading = plain_reading(quantity.name)
            taken.add(reading)
            found[quantity.name] = reading
        return found
