"""Slips with names and indices: another quantity, another index, two that are swapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr, Indexed, Integer, Symbol

from derive.claims.vocabulary import elements
from derive.graph import Quantity, name_of, names_in, reference
from derive.indices import substitute
from derive.judging.places import VALUES, Ground, Place, Proposal

_MOST_NUMBER = 3  # of an index that could have been meant
_EVERYWHERE = 0.5  # what it costs more to be mistaken several times than once


def index(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Another index of the same extent, or two that are swapped."""
    node = place.node
    quantity = ground.known.get(name_of(node) or "")
    if not isinstance(node, Indexed) or quantity is None:
        return
    runs_over = {index.symbol: index.extent for index in place.indices}
    pairs = zip(node.indices, quantity.extents, strict=True)
    misplaced = {own for own, extent in pairs if runs_over.get(own, extent) != extent}
    for position, (own, extent) in enumerate(zip(node.indices, quantity.extents, strict=True)):
        for number in range(1, _MOST_NUMBER + 1) if isinstance(own, Integer) else ():
            made = [*node.indices[:position], Integer(number), *node.indices[position + 1 :]]
            yield _instead(ground, node, made, 3)
        for index in place.indices:
            if index.extent == extent and index.symbol != own:
                made = [*node.indices[:position], index.symbol, *node.indices[position + 1 :]]
                # A free index in a sum over another one of its kind is likely to be forgotten.
                yield _instead(ground, node, made, 1 if index in place.bound and own not in place.bound_symbols else 3)
        for other in range(position + 1, len(node.indices)):
            if quantity.extents[other] == extent or {own, node.indices[other]} & misplaced:
                made = list(node.indices)
                made[position], made[other] = made[other], made[position]
                replaced, message, _ = _instead(ground, node, made, 1)
                yield replaced, f"{message}: the indices are swapped", 1


def swapped(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Two free indices of one extent that are swapped throughout."""
    for position, first in enumerate(place.indices if place.whole else ()):
        for second in place.indices[position + 1 :]:
            if first.extent == second.extent:
                made = substitute(place.node, {first.symbol: second.symbol, second.symbol: first.symbol})
                yield made, f"the indices {first.name} and {second.name} are swapped throughout", 1


def name(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Another quantity of the same shape: x for xhat."""
    node = place.node
    quantity = ground.known.get(name_of(node) or "")
    if quantity is None or quantity.role not in VALUES:
        return
    yield from _other_shape(ground, place, quantity)
    for other in ground.known.values():
        alike = other.extents == quantity.extents and other.name not in (quantity.name, ground.target)
        if alike and other.role in VALUES:
            made = reference(other.name, node.indices if isinstance(node, Indexed) else ())
            given = other.role == "cotangent" and quantity.role != "cotangent"
            yield made, f"{ground.text(made)} belongs where {ground.text(node)} stands", 5 if given else 3


def everywhere(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Another quantity of the same shape, wherever the one stands."""
    if not place.whole:
        return
    letters = {index.symbol for index in place.indices}
    for own in names_in(place.node):
        found = sorted((e for e in elements(place.node) if name_of(e) == own), key=str)
        found.sort(key=lambda e: not set(_letters(e)) <= letters)  # the general one first
        one = replace(place, node=found[0])
        for made, message, cost in name(ground, one) if len(found) > 1 else ():
            other = name_of(made) or ""
            renaming = {e: reference(other, e.indices if isinstance(e, Indexed) else ()) for e in found}
            yield place.node.xreplace(renaming), message, cost + _EVERYWHERE


def _instead(ground: Ground, node: Expr, indices: Sequence[Expr], cost: float) -> Proposal:
    made = reference(name_of(node) or "", indices)
    return made, f"{ground.text(made)} belongs where {ground.text(node)} stands", cost


def _other_shape(ground: Ground, place: Place, quantity: Quantity) -> Iterator[Proposal]:
    """A quantity of another shape, where there is just one way to write its indices: K[j, d] for Q[i, d]."""
    at: dict[str, list[Symbol]] = {}
    for index in place.indices:
        at.setdefault(index.extent, []).append(index.symbol)
    for other in ground.known.values():
        if other.extents == quantity.extents or other.role not in VALUES or other.name == ground.target:
            continue
        if len(other.extents) == len(quantity.extents) and all(len(at.get(e, ())) == 1 for e in other.extents):
            made = reference(other.name, [at[e][0] for e in other.extents])
            yield made, f"{ground.text(made)} belongs where {ground.text(place.node)} stands", 3


def _letters(element: Expr) -> list[Symbol]:
    return [index for index in getattr(element, "indices", ()) if isinstance(index, Symbol)]
