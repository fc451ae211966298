"""The local derivative of one equation by one quantity that it uses, written in the indices of both.

Both directions of the chain rule are made of these: the reverse sweep multiplies them by cotangents, the forward sweep
by tangents.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Expr, Mul, Sum, Symbol

from derive.errors import LayerError
from derive.functions import delta
from derive.graph import Equation, Index, Quantity, fresh_name, index_symbol, reference
from derive.indices import IndexNames, separate_bound, substitute
from derive.occurrences import Limits, Occurrence, occurrences


def uses_of(equation: Equation, name: str) -> tuple[dict[Symbol, Index], list[Occurrence]]:
    """Every occurrence of a quantity in an equation; and the symbols that stand there for the equation's own indices.

    Each use has names of its own for every index, so that nothing meets the indices of another equation by accident.
    Raises LayerError for a construct that has no rule, naming the equation.
    """
    own = {index.symbol: index_symbol(f"{index.name} of use") for index in equation.indices}
    expression = substitute(separate_bound(equation.expression, "bound "), own)
    try:
        found = occurrences(expression, name)
    except LayerError as error:
        error.message += f" (in the equation of {equation.name!r})"
        raise
    return {own[index.symbol]: index for index in equation.indices}, found


def contract(summand: Expr, places: Sequence[Expr], limits: Limits, targets: Sequence[Symbol]) -> Expr:
    """Sum over `limits` of summand * prod delta(place, target), with the deltas contracted."""
    bound = {limit[0] for limit in limits}
    renaming: dict[Symbol, Expr] = {}
    standing: list[Expr] = []
    for place, target in zip(places, targets, strict=True):
        if place in bound and place not in renaming:
            renaming[place] = target
        else:
            standing.append(delta(renaming.get(place, place), target))
    left = [limit for limit in limits if limit[0] not in renaming]
    body = substitute(summand * Mul(*standing), renaming)
    return Sum(body, *left) if left else body


def local_derivative(
    names: IndexNames,
    equation: Equation,
    free: dict[Symbol, Index],
    primal: Quantity,
    found: Sequence[Occurrence],
) -> tuple[Quantity, Equation, list[Symbol]]:
    """The local derivative, written in the indices of both; and, for each index of `primal`, the one that stands there.

    Where every occurrence has the same free index of the equation in a position, that position is this index and its
    delta is left out; elsewhere the position gets an index of its own.
    """
    taken = {index.name for index in equation.indices}
    at: list[Symbol] = []
    added: list[Index] = []
    for position, index in enumerate(primal.indices):
        places = {occurrence.indices[position] for occurrence in found}
        place = next(iter(places)) if len(places) == 1 else None
        if place in free and free[place].symbol not in at:
            at.append(free[place].symbol)
            continue
        name = fresh_name([index.name], taken) if index.name not in taken else names.choose(index.extent, taken)
        taken.add(name)
        added.append(Index(name, index.extent))
        at.append(added[-1].symbol)
    plain = {symbol: index.symbol for symbol, index in free.items()}
    terms = []
    for occurrence in found:
        places_now = [plain.get(place, place) for place in occurrence.indices]
        pairs = [(p, t) for p, t in zip(places_now, at, strict=True) if p != t]
        weight = substitute(occurrence.weight, plain)
        terms.append(contract(weight, [p for p, _ in pairs], occurrence.limits, [t for _, t in pairs]))
    indices = _union(equation.indices, primal.indices, tuple(added), at)
    quantity = Quantity(
        f"{equation.name}_wrt_{primal.name}",
        indices,
        "local_derivative",
        of=equation.name,
        via=primal.name,
        numerator=equation.left,
        denominator=reference(primal.name, at),
    )
    expression = names.apply(Add(*terms), [index.symbol for index in indices])
    return quantity, Equation(quantity.name, indices, expression), at


def _union(
    user: tuple[Index, ...], primal: tuple[Index, ...], added: tuple[Index, ...], at: Sequence[Symbol]
) -> tuple[Index, ...]:
    """The indices of both sides of a local derivative, in the order of the one that has them all, if one has."""
    own = tuple(Index(symbol.name, index.extent) for symbol, index in zip(at, primal, strict=True))
    return own if set(user) <= set(own) else (*user, *added)
