"""Slips with factors: another exponent, a divisor for a factor, one too many or too few, one outside of its sum."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Add, Expr, Function, Indexed, Mul, Pow, Rational, Sum, Symbol

from derive.graph import Index, extent_symbol, name_of, reference
from derive.indices import REDUCTIONS, substitute
from derive.judging.places import VALUES, Ground, Place, Proposal, places_in

_EXPONENTS = tuple(Rational(n, 2) for n in (-3, -1, -2, 1, 2, 3, 4, -4, 6, -6))


def exponent(ground: Ground, place: Place) -> Iterator[Proposal]:
    """-1/2 for -3/2."""
    node = place.node
    if isinstance(node, Pow) and isinstance(node.exp, Rational):
        for exponent in (*_EXPONENTS, -node.exp):
            yield Pow(node.base, exponent), _exponent_text(ground, node.base, node.exp, exponent), 2


def factor(ground: Ground, place: Place) -> Iterator[Proposal]:
    """A factor for a divisor, a factor without its power, a factor too many."""
    node = place.node
    for position, factor in enumerate(node.args if isinstance(node, Mul) else ()):
        if factor.is_number:
            continue
        others = Mul(*(a for k, a in enumerate(node.args) if k != position))
        base = ground.text(factor)
        yield others, f"the factor {base} {_too_many(ground, place, factor)}", 3
        if isinstance(factor, Pow):
            continue
        yield others / factor, f"one divides by {base}, and does not multiply with it", 3
        for exponent in (2, 3) if not isinstance(factor, REDUCTIONS) else ():
            yield others * factor**exponent, f"the exponent of {base} should be {exponent}, not 1", 4
        if not isinstance(factor, REDUCTIONS) and not factor.has(Function):  # SymPy would look for signs
            yield others * Pow(factor, Rational(1, 2)), f"the root of {base} belongs here", 4
            yield others * Pow(factor, Rational(-1, 2)), f"one divides by the root of {base}", 4


def lost_factor(ground: Ground, place: Place) -> Iterator[Proposal]:
    """A factor that is missing inside a sum."""
    node = place.node
    if not isinstance(node, Sum) or not place.linear:
        return
    bound = [Index(symbol.name, str(high)) for symbol, _, high in node.limits]
    at = {index.extent: index.symbol for index in (*place.indices, *bound)}
    inner = {index.extent for index in bound}
    for quantity in ground.known.values():
        indexed = inner & set(quantity.extents) and set(quantity.extents) <= at.keys()
        if indexed and quantity.role in VALUES and len(set(quantity.extents)) == len(quantity.extents):
            factor = reference(quantity.name, [at[extent] for extent in quantity.extents])
            made = Sum(node.function * factor, *node.limits)
            yield made, f"the factor {ground.text(factor)} is missing in {ground.text(node)}", 4


def product_of_sums(ground: Ground, place: Place) -> Iterator[Proposal]:
    """sum(a)*sum(b) for sum(a*b)."""
    sums = [factor for factor in place.node.args if isinstance(factor, Sum)] if place.node.is_Mul else []
    for position, first in enumerate(sums):
        for second in sums[position + 1 :]:
            if len(first.limits) == len(second.limits) == 1 and first.limits[0][2] == second.limits[0][2]:
                body = substitute(second.function, {second.limits[0][0]: first.limits[0][0]})
                joined = Sum(first.function * body, *first.limits)
                others = [factor for factor in place.node.args if factor not in (first, second)]
                words = "the sum of the products belongs where the product of the sums stands"
                yield Mul(*others, joined), words, 1


def into_sum(ground: Ground, place: Place) -> Iterator[Proposal]:
    """A factor before a sum over its own index, which belongs inside."""
    node = place.node
    if not isinstance(node, Mul):
        return
    for position, factor in enumerate(node.args):
        others = Mul(*(a for k, a in enumerate(node.args) if k != position))
        for element in sorted(factor.atoms(Indexed), key=str) if isinstance(factor, (Indexed, Pow)) else ():
            quantity = ground.known.get(name_of(element) or "")
            for index, extent in zip(element.indices, quantity.extents if quantity else (), strict=True):
                moved = _pushed(others, factor, index, extent_symbol(extent)) if isinstance(index, Symbol) else None
                if moved is not None:
                    text = ground.text(factor)
                    yield moved, f"{text} is pulled out of a sum over its own index: it belongs inside", 2


def _too_many(ground: Ground, place: Place, factor: Expr) -> str:
    """Of a factor: is one too many, or stands twice where its base is there once more."""
    base = factor.base if isinstance(factor, Pow) else factor
    again = len([other for other in places_in(place.root, ()) if other.node == base]) > 1
    return "stands twice, and belongs there once" if again and not base.is_number else "is one too many"


def _exponent_text(ground: Ground, base: Expr, old: Expr, new: Expr) -> str:
    name = ground.text(base)
    if new == -old and abs(old) <= 1:
        what = name if abs(old) == 1 else f"the root of {name}"
        verb = "divides by" if new < 0 else "multiplies with"
        other = "does not multiply with" if new < 0 else "does not divide by"
        return f"one {verb} {what}, and {other} it: the exponent should be {new}, not {old}"
    return f"the exponent of {name} should be {new}, not {old}"


def _pushed(rest: Expr, factor: Expr, index: Symbol, extent: Symbol) -> Expr | None:
    """factor*rest with the factor inside every sum of `rest` over its own extent; None where there is none."""
    if isinstance(rest, Sum):
        for symbol, _, high in rest.limits:
            if high == extent and symbol != index:
                return Sum(rest.function * substitute(factor, {index: symbol}), *rest.limits)
        inner = _pushed(rest.function, factor, index, extent)
        return None if inner is None else Sum(inner, *rest.limits)
    if isinstance(rest, Add):
        parts = [_pushed(term, factor, index, extent) for term in rest.args]
        if all(part is None for part in parts):
            return None
        return Add(*(t * factor if part is None else part for t, part in zip(rest.args, parts, strict=True)))
    if isinstance(rest, Mul):
        for position, argument in enumerate(rest.args):
            moved = _pushed(argument, factor, index, extent)
            if moved is not None:
                return Mul(moved, *(a for k, a in enumerate(rest.args) if k != position))
    return None
