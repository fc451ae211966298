"""Which extent each index of a text runs over: unknowns that are made equal where the text says that they are.

As in `derive/syntax/extents.py`, but an unknown can also be tried out with one extent and then another.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Unknown:
    """An extent, perhaps not known yet."""

    def __init__(self, extent: str | None = None) -> None:
        self._extent = extent
        self._equal: Unknown | None = None

    @property
    def root(self) -> Unknown:
        """The one that stands for all that are equal to this."""
        unknown = self
        while unknown._equal is not None:
            unknown = unknown._equal
        return unknown

    @property
    def extent(self) -> str | None:
        """The extent, or None as long as nothing fixes it."""
        return self.root._extent

    def fix(self, extent: str) -> bool:
        """Give it an extent; False when it has another one."""
        root = self.root
        root._extent = root._extent or extent
        return root._extent == extent

    def unite(self, other: Unknown) -> bool:
        """Make two equal; False when they have different extents."""
        mine, theirs = self.root, other.root
        if mine is not theirs and None not in (mine._extent, theirs._extent):
            return mine._extent == theirs._extent
        if mine is not theirs:
            theirs._extent = theirs._extent or mine._extent
            mine._equal = theirs
        return True


@dataclass(eq=False)
class IndexUse:
    """One index of one formula, free or bound: its letter, its extent, and where it is met first.

    `number` is where a bound one ends that is written out. `side` is the first side with a free one on it.
    """

    letter: str
    at: int
    over: Unknown = field(default_factory=Unknown)
    bound: bool = False
    number: int | None = None
    side: int = 0


@dataclass(eq=False)
class NumberUse:
    """A number in the place of an index."""

    value: int
    at: int
    over: Unknown = field(default_factory=Unknown)


@dataclass
class Known:
    """What the text as a whole says: what each alias (m) of an extent stands for, and what each letter runs over."""

    aliases: dict[str, Unknown] = field(default_factory=dict)
    letters: dict[str, set[str]] = field(default_factory=dict)

    def over(self, letter: str) -> str | None:
        """The one extent that a letter runs over wherever that is clear."""
        found = self.letters.get(letter, set())
        return next(iter(found)) if len(found) == 1 else None
