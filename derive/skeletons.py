"""Which layers have the same backward pass but for what they sum over: related by structure, not by name.

    Input    derivations in closed form
    Output   families of gradients that have a skeleton in common, the richest first

A gradient is read as a sum of terms, such as γ/σ·dy, -γ/σ·mean(dy) and -γ/σ·xhat·mean(dy·xhat). Without the factor that
all terms share, without indices and numbers, and without the order of what is multiplied and what is summed, each term
is a sign and a few names; the terms are the *skeleton*, here {1, -Σ, -Σ·xhat²}. A gradient that lacks some of the terms
of another one (RMS normalization subtracts no mean) belongs to its family, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from sympy import Add, Expr, Mul, Pow, Rational, Sum, Symbol

from derive.derivation import Derivation
from derive.graph import Equation, Graph, name_of, names_in
from derive.indices import REDUCTIONS

Powers = tuple[tuple[str, Rational], ...]

# So many names can be compared in every order; a gradient with more of them is in no family.
_MOST_NAMES = 5


@dataclass(frozen=True, order=True)
class Bone:
    """A term without indices: whether it is summed, its factors with their exponents, and its sign."""

    summed: bool
    powers: Powers
    negative: bool

    def renamed(self, renaming: Mapping[str, str]) -> Bone:
        """The same with other names."""
        return replace(self, powers=_sorted((renaming[name], power) for name, power in self.powers))


Skeleton = frozenset[Bone]


@dataclass(frozen=True)
class Term:
    """A term of a gradient as it is written, and what it is in the skeleton."""

    expression: Expr
    bone: Bone


@dataclass(frozen=True)
class Anatomy:
    """A gradient taken apart: `factor` times the sum of the `terms`; its sums run over the extents in `summed`."""

    derivation: Derivation
    equation: Equation
    factor: Expr
    terms: tuple[Term, ...]
    summed: tuple[str, ...]

    @property
    def skeleton(self) -> Skeleton:
        """The terms without indices."""
        return frozenset(term.bone for term in self.terms)


@dataclass(frozen=True)
class Member:
    """A gradient of a family; `terms` are in the order of those of the family's first member, None where one lacks."""

    anatomy: Anatomy
    terms: tuple[Expr | None, ...]


Family = tuple[Member, ...]


def families(derivations: Sequence[Derivation]) -> list[Family]:
    """The families of two gradients or more; each gradient is in the first family that has a place for it."""
    found = [anatomy for derivation in derivations for anatomy in anatomies(derivation)]
    # The richest first, and of those the earliest: what has fewer terms joins.
    waiting = sorted(found, key=lambda anatomy: -len(anatomy.skeleton))
    groups: list[Family] = []
    while waiting:
        first, *others = waiting
        members, waiting = [Member(first, tuple(term.expression for term in first.terms))], []
        for other in others:
            member = _member(first, other)
            if member is None:
                waiting.append(other)
            else:
                members.append(member)
        if len(members) > 1:
            groups.append(tuple(members))
    return groups


def anatomies(derivation: Derivation) -> list[Anatomy]:
    """The gradients of a derivation in which something is subtracted, or added, that is summed up."""
    found = (_anatomy(derivation, equation) for equation in derivation.results)
    return [anatomy for anatomy in found if anatomy is not None]


def _anatomy(derivation: Derivation, equation: Equation) -> Anatomy | None:
    cotangents = {q.name for q in derivation.backward.quantities if q.role == "cotangent"}
    if equation.name not in cotangents or not isinstance(equation.expression, (Add, Mul)):
        return None
    factor, expressions = _taken_apart(equation.expression)
    fixed = _fixed_names(derivation.forward)
    bones = [_bone(term, fixed) for term in expressions]
    if not all(sum(name in cotangents for name, _ in bone.powers) == 1 for bone in bones):
        return None  # it is not linear in one cotangent, term by term
    bones = _without_shared(bones)
    if len({bone.summed for bone in bones}) < 2 or len(set(bones)) < len(bones):
        return None
    terms = sorted(map(Term, expressions, bones), key=lambda term: (term.bone.summed, len(term.bone.powers), term.bone))
    bound = {str(limit[2]) for sum_ in equation.expression.atoms(Sum) for limit in sum_.limits}
    summed = tuple(extent for extent in derivation.backward.extents if extent in bound)
    return Anatomy(derivation, equation, factor, tuple(terms), summed)


def _taken_apart(expression: Expr) -> tuple[Expr, list[Expr]]:
    """What stands before a bracket, and the terms in it; brackets within are opened."""
    brackets = [factor for factor in Mul.make_args(expression) if isinstance(factor, Add)]
    if len(brackets) != 1:
        return Rational(1), list(_terms(expression))
    outside = [factor for factor in Mul.make_args(expression) if factor is not brackets[0]]
    return Mul(*outside), list(_terms(brackets[0]))


def _terms(expression: Expr) -> Iterator[Expr]:
    for term in Add.make_args(expression):
        factors = Mul.make_args(term)
        bracket = next((factor for factor in factors if isinstance(factor, Add)), None)
        if bracket is None:
            yield term
        else:
            others = [factor for factor in factors if factor is not bracket]
            for inner in bracket.args:
                yield from _terms(Mul(*others, inner))


def _fixed_names(graph: Graph) -> set[str]:
    """What depends on no input, such as a mask and its sum: as good as a number."""
    fixed = {quantity.name for quantity in graph.inputs if quantity.role == "constant"}
    for equation in graph.equations:
        if set(names_in(equation.expression)) <= fixed:
            fixed.add(equation.name)
    return fixed


def _bone(term: Expr, fixed: set[str]) -> Bone:
    powers: dict[str, Rational] = {}
    for factor in _factors(term):
        base, exponent = (factor.base, factor.exp) if isinstance(factor, Pow) else (factor, Rational(1))
        if set(names_in(base)) - fixed and isinstance(exponent, Rational):
            key = _without_indices(base)
            powers[key] = powers.get(key, Rational(0)) + exponent
    summed = any(isinstance(factor, REDUCTIONS) for factor in Mul.make_args(term))
    return Bone(summed, _sorted(powers.items()), _is_negative(term))


def _is_negative(term: Expr) -> bool:
    coefficients = [factor for factor in _factors(term) if isinstance(factor, Rational)]
    return bool(Mul(*coefficients) < 0)


def _factors(term: Expr) -> Iterator[Expr]:
    """All that is multiplied in a term, outside its sums and inside."""
    for factor in Mul.make_args(term):
        if isinstance(factor, Sum):
            yield from _factors(factor.function)
        else:
            yield factor


def _without_indices(expression: Expr) -> str:
    """An expression as a word of its own, such as the radicand var + eps."""
    name = name_of(expression)
    if name is not None:
        return name
    if isinstance(expression, Symbol) or not expression.args:
        return str(expression)
    arguments = sorted(map(_without_indices, expression.args))
    return f"{type(expression).__name__}({', '.join(arguments)})"


def _without_shared(bones: Sequence[Bone]) -> list[Bone]:
    """The terms without the factors that all of them have, and with the sign that they have relative to the first."""
    powers = [dict(bone.powers) for bone in bones]
    least = {name: min(each.get(name, Rational(0)) for each in powers) for each in powers for name in each}
    sign = min(bones).negative
    return [
        Bone(bone.summed, _sorted((n, own.get(n, Rational(0)) - least[n]) for n in least), bone.negative != sign)
        for bone, own in zip(bones, powers, strict=True)
    ]


def _sorted(powers: Iterable[tuple[str, Rational]]) -> Powers:
    return tuple(sorted((name, power) for name, power in powers if power))


def _member(first: Anatomy, other: Anatomy) -> Member | None:
    """The other gradient as one of the family of the first; None if it has terms that the first has not."""
    wanted, own = _names_in(first), _names_in(other)
    if not len(own) <= len(wanted) <= _MOST_NAMES:
        return None
    for chosen in permutations(wanted, len(own)):
        renaming = dict(zip(own, chosen, strict=True))
        renamed = {term.bone.renamed(renaming): term.expression for term in other.terms}
        if renamed.keys() <= first.skeleton:
            return Member(other, tuple(renamed.get(term.bone) for term in first.terms))
    return None


def _names_in(anatomy: Anatomy) -> list[str]:
    return sorted({name for bone in anatomy.skeleton for name, _ in bone.powers})
