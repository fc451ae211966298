"""What someone claims about a layer: equalities, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Expr

from derive.errors import LayerError
from derive.graph import Index, Quantity, Relation


@dataclass(frozen=True)
class Claim:
    """`left relation right` for every value of the free `indices`.

    `line` is where it stands and `text` how its author wrote it, in one line. Each `=` of a chain A = B = C is a claim
    of its own: the second one has B on its left, and A as `head`. A line that gives a name to something `defines` that
    name as a helper, and claims nothing; its left side is the helper's general element. A claim with a `mismatch`, an
    index that runs over two extents, has no value where these are unlike.
    """

    line: int
    text: str
    left: Expr
    right: Expr
    indices: tuple[Index, ...] = ()
    relation: Relation = "=="
    head: Expr | None = None
    defines: Quantity | None = None
    mismatch: LayerError | None = None


@dataclass(frozen=True)
class Unreadable:
    """A line that is not understood, and why."""

    line: int
    text: str
    error: LayerError


@dataclass(frozen=True)
class Claims:
    """A derivation as it was read, line by line.

    `sizes` are the extents that the text itself fixes (N = 2), `largest` the largest number that stands in the place
    of an index over each extent, for a derivation that writes a small batch out (x_{11}). `notes` say what was read and
    is no claim.
    """

    file: str
    lines: tuple[Claim | Unreadable, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
