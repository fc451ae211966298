"""What a slip of the pen could have been: the expressions that differ from the author's in one place.

    Input    the author's expression, what a slip can be made of
    Output   Edits, each the whole expression with one place changed, and what was changed in words

Nothing here knows what is right: each edit is tried, and the one that makes the claim true says what was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Expr, nan, oo, zoo

from derive.graph import Index
from derive.judging.places import Ground, Place, Proposal, places_in
from derive.judging.slips import RENAMING, SLIPS, Slip


@dataclass(frozen=True)
class Edit:
    """The whole expression with one place changed; `cost` is less for a likelier slip.

    What `renames` puts another quantity in: with a factor beside it, it explains too much.
    """

    expression: Expr
    message: str
    cost: float
    renames: bool = False


def edits_of(expression: Expr, indices: tuple[Index, ...], ground: Ground) -> list[Edit]:
    """Every edit of an expression over its free `indices`, the likeliest first."""
    found: dict[Expr, Edit] = {}
    for place in places_in(expression, indices):
        for slip in SLIPS:
            for made, message, cost in _made(slip, ground, place):
                if made == expression or made.has(zoo, nan, oo):
                    continue
                if made not in found or found[made].cost > cost:
                    found[made] = Edit(made, message, cost, slip in RENAMING)
    return sorted(found.values(), key=lambda edit: edit.cost)


def _made(slip: Slip, ground: Ground, place: Place) -> Iterator[Proposal]:
    """What a slip makes of the whole. SymPy looks without end for the sign of some powers of functions."""
    try:
        for node, message, cost in slip(ground, place):
            yield place.put(node), message, cost
    except RecursionError:
        return
