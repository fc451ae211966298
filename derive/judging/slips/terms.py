"""Slips with terms: another sign, one too many, one of a sum of the layer that is missing."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Add, Expr, Indexed, Integer, Mul, Pow, Rational, Sum

from derive.functions import delta
from derive.graph import name_of
from derive.indices import canonical_bound, free_indices, substitute
from derive.judging.places import Ground, Place, Proposal


def sign(ground: Ground, place: Place) -> Iterator[Proposal]:
    """A term with the other sign, or one too many."""
    node = place.node
    if isinstance(node, Add):
        for position, term in enumerate(node.args):
            others = [a for k, a in enumerate(node.args) if k != position]
            shown = ground.text(-term if term.could_extract_minus_sign() else term)
            sign = "+" if term.could_extract_minus_sign() else "-"
            yield Add(*others, -term), f"the sign of {shown} should be {sign}", 1
            yield Add(*others), f"the term {shown} is one too many", 3


def dropped_term(ground: Ground, place: Place) -> Iterator[Proposal]:
    """var[j] where the layer has var[j] + eps, x[i, j] for x[i, j] - mu[j]; and the other way round."""
    node = place.node
    if not isinstance(node, (Indexed, Add, Mul, Sum, Pow)):
        return
    plain = canonical_bound(node)
    for total in _sums_at(ground, place):
        for term in total.args:
            rest = Add(*(other for other in total.args if other != term))
            shown = ground.text(-term if term.could_extract_minus_sign() else term)
            missing = "not subtracted" if term.could_extract_minus_sign() else "missing"
            if plain == canonical_bound(rest):
                yield total, f"{shown} is {missing}: {ground.text(total)}, not {ground.text(rest)}", 1
            if plain == canonical_bound(total):
                yield rest, f"{shown} is one too many: {ground.text(rest)}, not {ground.text(total)}", 3
            for product, others, exponent in _powers(node):
                if canonical_bound(product) == canonical_bound(rest):
                    words = f"{shown} is {missing}: {ground.text(total)}, not {ground.text(rest)}"
                    yield Mul(*others, Pow(total, exponent)), words, 1


def outside_root(ground: Ground, place: Place) -> Iterator[Proposal]:
    """sqrt(var[j]) + eps for sqrt(var[j] + eps)."""
    node = place.node
    roots = [term for term in node.args if isinstance(term, Pow) and term.exp == Rational(1, 2)] if node.is_Add else []
    for root in roots:
        others = Add(*(term for term in node.args if term != root))
        if not others.has(Indexed):
            made = Pow(root.base + others, Rational(1, 2))
            yield made, f"{ground.text(others)} stands outside of the root: {ground.text(made)} belongs here", 1


def diagonal(ground: Ground, place: Place) -> Iterator[Proposal]:
    """1 for a Kronecker delta."""
    node = place.node
    if isinstance(node, Add) and Integer(1) in node.args:
        for position, first in enumerate(place.indices):
            for second in place.indices[position + 1 :]:
                if second.extent == first.extent:
                    made = delta(first.symbol, second.symbol)
                    yield node - 1 + made, f"{ground.text(made)} belongs where 1 stands", 1


def _sums_at(ground: Ground, place: Place) -> list[Expr]:
    """The sums of the layer, such as var[j] + eps, in the indices of an element that the node has, too."""
    found: dict[Expr, None] = {}
    for element in sorted(place.node.atoms(Indexed), key=str):
        for total in ground.sums:
            for own in sorted(total.atoms(Indexed), key=str):
                if name_of(own) == name_of(element):
                    free = set(free_indices(total))
                    renaming = dict(zip(own.indices, element.indices, strict=True))
                    found.setdefault(substitute(total, {k: v for k, v in renaming.items() if k in free}))
    return list(found)


def _powers(node: Expr) -> Iterator[tuple[Expr, list[Expr], Expr]]:
    """What is raised to one power in a product, the other factors, and the power.

    SymPy takes sqrt(sum(x)/D) apart, since D is positive.
    """
    factors = node.args if isinstance(node, Mul) else ()
    exponents = {factor.exp for factor in factors if isinstance(factor, Pow) and not factor.exp.is_integer}
    for exponent in sorted(exponents, key=str):
        raised = [factor for factor in factors if isinstance(factor, Pow) and abs(factor.exp) == abs(exponent)]
        bases = [factor.base ** (factor.exp / exponent) for factor in raised]
        if len(raised) > 1:
            yield Mul(*bases), [factor for factor in factors if factor not in raised], exponent
