"""Slips with extents: N for N - 1, one extent for another, sums along the other axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sympy import Add, Expr, Indexed, Integer, Sum, Symbol

from derive.graph import Index, extent_symbol, index_symbol
from derive.indices import REDUCTIONS, is_indexed, rebuild, substitute
from derive.judging.places import Ground, Place, Proposal


def extent(ground: Ground, place: Place) -> Iterator[Proposal]:
    """N for N - 1, one extent for another."""
    node = place.node
    extents = [extent_symbol(extent) for extent in ground.vocabulary.graph.extents]
    if isinstance(node, Symbol) and node in extents:
        yield node - 1, f"{node} - 1 belongs where {node} stands", 3
        for other in extents:
            yield other, f"{other} belongs where {node} stands", 2
    if place.whole:
        for own in extents:
            for other in extents:
                yield _with_sizes(node, {own: other}), f"{other} belongs where {own} stands", 2
    if isinstance(node, Add) and len(node.args) == 2 and Integer(-1) in node.args:
        whole = node + 1
        if whole in extents:
            yield whole, f"{whole} belongs where {ground.text(node)} stands", 1


def axis(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Sums over another index than they should: over the rows for over the columns."""
    node = place.node
    if not (place.whole or isinstance(node, Sum)):
        return
    extents = {str(high) for total in node.atoms(Sum) for _, _, high in total.limits}
    for own in [index for index in place.indices if index.extent in extents]:
        for other in [index for index in place.indices if index.extent != own.extent]:
            made = _along(node, own, other)
            message = f"the sum runs over {own.extent}, and should run over {other.extent}"
            yield made, message, 2
            sizes = {extent_symbol(own.extent): extent_symbol(other.extent)}
            yield _with_sizes(made, sizes), message, 2


def _along(node: Expr, own: Index, other: Index) -> Expr:
    """Every sum over the extent of `own` as one over that of `other`: what was summed stays, and what stayed is."""
    if isinstance(node, Sum):
        body = _along(node.function, own, other)
        limits = list(node.limits)
        for position, (symbol, low, high) in enumerate(limits):
            if str(high) == own.extent:
                fresh = index_symbol(f"{symbol.name}_")
                body = substitute(body, {symbol: own.symbol, other.symbol: fresh})
                limits[position] = (fresh, low, extent_symbol(other.extent))
        return Sum(body, *limits)
    if isinstance(node, Indexed) or not is_indexed(node):
        return node
    return rebuild(node, [_along(argument, own, other) for argument in node.args])


def _with_sizes(node: Expr, sizes: Mapping[Symbol, Symbol]) -> Expr:
    """Other extents where they are numbers; the ranges of sums stay."""
    if isinstance(node, Symbol):
        return sizes.get(node, node)
    if isinstance(node, REDUCTIONS):
        return node.func(_with_sizes(node.function, sizes), *node.limits)
    if isinstance(node, Indexed) or not node.args:
        return node
    return rebuild(node, [_with_sizes(argument, sizes) for argument in node.args])
