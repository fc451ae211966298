"""Which extent each index runs over, found by making equal what the text says is equal.

A Slot is one unknown: the extent of a free index, or of one position of a quantity. Every use `x[i, j]` unites the
slot of the index with the slot of the position. (Union-find: slots that are known to be equal point at one of them.)
"""

from __future__ import annotations


class Slot:
    """An extent, perhaps not known yet. `because` is the text that fixed it."""

    def __init__(self, extent: str | None = None, because: str = "") -> None:
        self._extent = extent
        self._because = because
        self._equal: Slot | None = None

    @property
    def extent(self) -> str | None:
        """The extent, or None as long as nothing fixes it."""
        return self._root()._extent

    @property
    def because(self) -> str:
        """The text that fixed the extent."""
        return self._root()._because

    def unite(self, other: Slot) -> bool:
        """Make two slots equal; False when they have different extents."""
        mine, theirs = self._root(), other._root()
        if mine is theirs:
            return True
        if mine._extent is None:
            mine._equal = theirs
            return True
        if theirs._extent is None:
            theirs._equal = mine
            return True
        return mine._extent == theirs._extent

    def _root(self) -> Slot:
        slot = self
        while slot._equal is not None:
            slot = slot._equal
        return slot
