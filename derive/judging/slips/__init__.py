"""The slips of the pen that are looked for, a function for each: adding one is adding a function to this list.

Each takes a place of the author's expression and proposes what should stand there, in which case what was wrong, and
how unlikely that is. None of them knows what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from derive.judging.places import Ground, Place, Proposal
from derive.judging.slips.extents import axis, extent
from derive.judging.slips.factors import exponent, factor, into_sum, lost_factor, product_of_sums
from derive.judging.slips.functions import function, operator
from derive.judging.slips.names import everywhere, index, name, swapped
from derive.judging.slips.terms import diagonal, dropped_term, outside_root, sign

Slip = Callable[[Ground, Place], Iterator[Proposal]]

# What puts another quantity in: with a factor beside it, it explains too much.
RENAMING: tuple[Slip, ...] = (name, everywhere, lost_factor)
SLIPS: tuple[Slip, ...] = (
    sign,
    dropped_term,
    outside_root,
    swapped,
    exponent,
    factor,
    index,
    name,
    extent,
    into_sum,
    diagonal,
    axis,
    everywhere,
    lost_factor,
    product_of_sums,
    function,
    operator,
)
