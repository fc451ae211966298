"""From expressions to the normal form and back, within a vocabulary.

A `Vocabulary` says which elements are replaced on the way (solved quantities, cotangents with a closed form), which
opaque subexpressions have a name of their own (exp(x - m) is e), and which totals have a known value (facts).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sympy import Add, Expr, Function, Indexed, Integer, Mul, Number, NumberSymbol, Pow, Rational, Sum, Symbol, nan, zoo
from sympy.core.relational import Relational

from derive.errors import LayerError
from derive.functions import delta
from derive.graph import name_of, names_in
from derive.indices import REDUCTIONS, canonical_bound, remake, separate_bound
from derive.rules.matching import match_factors, whole_matches
from derive.rules.polynomial import (
    Base,
    Limit,
    Monomial,
    Polynomial,
    Total,
    make_monomial,
    make_total,
    monomial_indices,
    names_apart,
    rename_monomial,
    sum_over,
)

_ONE = Integer(1)
# A power of a sum is multiplied out up to this exponent; beyond, it stays opaque.
_MOST_EXPANDED = 4
# A normal form of more terms than this is given up.
_MOST_TERMS = 200


def _zero_divisor() -> LayerError:
    return LayerError("this layer divides by what is always 0", "its terms cancel; let the divisor be another")


class TooLargeError(Exception):
    """A normal form grew out of bounds, or all the work allowed is done: the caller falls back to what it had."""


class Budget:
    """How many terms may still be made. It counts work, not time, so that results are the same everywhere.

    Only where somebody wants it, by an `end` on the clock of `time.monotonic`, time is short, too.
    """

    def __init__(self, terms: int = 100_000, end: float = math.inf) -> None:
        self.left = terms
        self.end = end

    def spend(self, terms: int) -> None:
        """Take the terms off; TooLargeError when none are left, or the time is over."""
        self.left -= terms
        if self.left < 0 or terms > _MOST_TERMS or (self.end < math.inf and time.monotonic() > self.end):
            raise TooLargeError


@dataclass(frozen=True)
class Replacement:
    """name[indices] = value, to be put in wherever the name stands; an optional one may stay inside a function."""

    indices: tuple[Symbol, ...]
    value: Polynomial
    optional: bool = False


@dataclass(frozen=True)
class TotalFact:
    """The value of a total: sum over `total.limits` of `total.monomial` = `value`, for all free indices."""

    total: Total
    value: Polynomial
    reason: str = ""
    source: str = ""


@dataclass(frozen=True)
class Definition:
    """An opaque expression that has a name: `expression` = `element` for all values of the free indices."""

    expression: Expr
    element: Expr


@dataclass
class Vocabulary:
    """What the normal form is written in. `used` collects the facts that were applied, in order.

    With `only_inside` the facts are applied only inside opaque expressions, where they are needed to recognize a
    radicand by its name. `budget` is the work that is left.
    """

    replacements: dict[str, Replacement] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    facts: list[TotalFact] = field(default_factory=list)
    nonnegative: frozenset[str] = frozenset()
    used: list[TotalFact] = field(default_factory=list)
    only_inside: bool = False
    budget: Budget = field(default_factory=Budget)
    _definitions: dict[frozenset[str], list[Definition]] = field(default_factory=dict, init=False, repr=False)
    _facts: dict[str, list[int]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for definition in self.definitions:
            self._note_definition(definition)
        for place in range(len(self.facts)):
            self._note_fact(place)

    def define(self, definition: Definition) -> None:
        """Let an opaque expression go by its name."""
        self.definitions.append(definition)
        self._note_definition(definition)

    def learn(self, fact: TotalFact) -> None:
        """Let a total go by its value."""
        self.facts.append(fact)
        self._note_fact(len(self.facts) - 1)

    # What is looked for among many is found by the names in it: matching renames indices only.

    def _note_definition(self, definition: Definition) -> None:
        self._definitions.setdefault(_name_set(definition.expression), []).append(definition)

    def _note_fact(self, place: int) -> None:
        names = polynomial_names(Polynomial.of(self.facts[place].total))
        self._facts.setdefault(min(names, default=""), []).append(place)

    def _facts_about(self, total: Total) -> list[TotalFact]:
        """The facts, in order, whose total can stand in this one."""
        names = ["", *_base_names(total)] if self._facts else []
        return [self.facts[place] for place in sorted(p for name in names for p in self._facts.get(name, ()))]

    def normalize(self, expression: Expr) -> Polynomial:
        """The normal form; raises TooLargeError when it explodes, TypeError for an unknown construct."""
        return self._visit(separate_bound(expression, "separate "))

    def _visit(self, node: Expr) -> Polynomial:
        if isinstance(node, Rational):
            return Polynomial.number(node)
        if isinstance(node, (Symbol, Indexed)):
            return self._element(node)
        if isinstance(node, Add):
            result = Polynomial()
            for argument in node.args:
                result += self._visit(argument)
            return result
        if isinstance(node, Mul):
            return self._product(self._visit(argument) for argument in node.args)
        if isinstance(node, Pow) and isinstance(node.exp, Rational):
            whole = node.exp.is_Integer and node.exp > 0
            return self._power(self._visit(node.base) if whole else self._radicand(node.base), node.exp)
        if isinstance(node, Sum):
            return self.total(self._visit(node.function), [(symbol, high) for symbol, _, high in node.limits])
        if isinstance(node, delta):
            first, second = sorted(node.args, key=str)
            return Polynomial.number(_ONE) if first == second else Polynomial.of(delta(first, second))
        if isinstance(node, (NumberSymbol, Number)):
            return Polynomial.of(node)
        return self._opaque(node)

    def _visit_inside(self, node: Expr) -> Polynomial:
        outer, self.only_inside = self.only_inside, False
        try:
            return self._visit(node)
        finally:
            self.only_inside = outer

    def _element(self, node: Expr) -> Polynomial:
        replacement = self.replacements.get(name_of(node) or "")
        if replacement is None:
            return Polynomial.of(node)
        self.budget.spend(len(replacement.value.terms))
        indices = node.indices if isinstance(node, Indexed) else ()
        return replacement.value.renamed(dict(zip(replacement.indices, indices, strict=True)))

    def _product(self, factors: Iterable[Polynomial]) -> Polynomial:
        result = Polynomial.number(_ONE)
        for factor in factors:
            self.budget.spend(len(result.terms) * len(factor.terms))
            result *= factor
        return result

    def _power(self, base: Polynomial, exponent: Rational) -> Polynomial:
        if exponent.is_Integer and 0 <= exponent <= _MOST_EXPANDED:
            return self._product([base] * int(exponent))
        if len(base.terms) == 1:
            [(monomial, coefficient)] = base.terms.items()
            if exponent.is_Integer or self._is_nonnegative(monomial, coefficient):
                number = _number_power(coefficient, exponent)
                factors = [(factor, power * exponent) for factor, power in monomial]
                return Polynomial({(): _ONE}) * number * Polynomial(dict([make_monomial(factors)[::-1]]))
        if not base and exponent.is_negative:
            raise _zero_divisor()
        if not base:
            return base
        return Polynomial.of(expression_of(base), exponent)

    def _is_nonnegative(self, monomial: Monomial, coefficient: Rational) -> bool:
        """Whether no factor is negative, so that a root may be taken of each by itself."""
        return coefficient > 0 and all(
            isinstance(base, (Symbol, Indexed, NumberSymbol, Rational))
            and (bool(base.is_positive) or name_of(base) in self.nonnegative)
            for base, _ in monomial
        )

    def _radicand(self, node: Expr) -> Polynomial:
        """What stands under a root or in a denominator: a product, something that has a name, or one opaque thing."""
        named = self._named(node) if isinstance(node, Add) else None
        if named is not None:
            return named
        result = self._visit_inside(node)
        if len(result.terms) <= 1:
            return result
        return self._named(expression_of(result)) or Polynomial.of(self._as_written(node, result))

    def _opaque(self, node: Expr) -> Polynomial:
        """A function: the name that it has, or one opaque thing."""
        named = self._named(node)
        if named is not None:
            return named
        inside = self._inside(node)
        return self._named(inside) or Polynomial.of(self._as_written(node, inside))

    def _as_written(self, node: Expr, otherwise: Polynomial | Expr) -> Expr:
        """An opaque expression as its author wrote it: multiplied out, a centered square would lose its accuracy.

        Only where something in it has to be replaced is it taken in normal form.
        """
        replaced = (self.replacements.get(name) for name in names_in(node))
        if all(found is None or found.optional for found in replaced):
            return canonical_bound(node)
        return expression_of(otherwise) if isinstance(otherwise, Polynomial) else otherwise

    def _inside(self, node: Expr) -> Expr:
        """The node with its arguments in normal form."""
        if isinstance(node, REDUCTIONS):
            body = self._inside_argument(node.function)
            total = make_total(((_Holder(body), _ONE),), [(symbol, high) for symbol, _, high in node.limits])
            [(held, _)] = total.monomial
            assert isinstance(held, _Holder)
            return node.func(held.args[0], *((symbol, _ONE, high) for symbol, high in total.limits))
        if isinstance(node, (Function, Pow)):
            return remake(node, [self._inside_argument(argument) for argument in node.args])
        if node in (zoo, nan):  # what SymPy makes of 1/(s - s), once it is the same s
            raise _zero_divisor()
        raise TypeError(f"the normal form has no rule for {type(node).__name__}: {node}")

    def _inside_argument(self, argument: Expr) -> Expr:
        if isinstance(argument, Relational) or argument.is_Boolean:
            # A condition stays as it is: x == max(x) holds of the very same numbers, not of equal expressions.
            return canonical_bound(argument)
        return expression_of(self._visit_inside(argument))

    def known_as(self, expression: Expr) -> Expr | None:
        """The element that an expression is the definition of, if there is one."""
        for definition in self._definitions.get(_name_set(expression), ()):
            for binding in whole_matches(definition.expression, expression):
                element: Expr = definition.element.xreplace(binding)
                return element
        return None

    def _named(self, expression: Expr) -> Polynomial | None:
        element = self.known_as(expression)
        return None if element is None else self._element(element)

    def total(self, summand: Polynomial, limits: list[Limit]) -> Polynomial:
        """The sum of a normal form over bound indices, with the facts applied."""
        result = sum_over(summand, limits)
        return result if self.only_inside else self.apply_facts(result)

    def apply_facts(self, polynomial: Polynomial) -> Polynomial:
        """Replace each total whose value is known."""
        self.budget.spend(len(polynomial.terms))
        return polynomial.mapped(self._known_total) if self.facts else polynomial

    def _known_total(self, base: Base, exponent: Rational) -> Polynomial | None:
        if not isinstance(base, Total):
            return None
        for fact in self._facts_about(base):
            value = _apply(fact, base)
            if value is not None:
                self.used.append(fact)
                return self._power(self.apply_facts(value), exponent)
        return None


class _Holder(Function):
    """Carries the summand of an opaque reduction through the naming of bound indices."""


def copy_of(vocabulary: Vocabulary, only_inside: bool = False) -> Vocabulary:
    """The vocabulary with replacements, definitions, facts and a budget of its own, so that it can grow apart."""
    return Vocabulary(
        dict(vocabulary.replacements),
        list(vocabulary.definitions),
        list(vocabulary.facts),
        vocabulary.nonnegative,
        only_inside=only_inside,
        budget=vocabulary.budget,
    )


def _number_power(value: Rational, exponent: Rational) -> Polynomial:
    if exponent.is_Integer:
        return Polynomial.number(value**exponent)
    result = Polynomial.number(_ONE)
    for factor, sign in ((Integer(value.p), 1), (Integer(value.q), -1)):
        if factor != 1:
            # Integer(12)**(1/2) is 2*sqrt(3): SymPy splits it into a number and a root.
            root = factor ** (exponent * sign)
            for part in Mul.make_args(root):
                base, power = part.as_base_exp()
                result *= Polynomial.number(part) if isinstance(part, Rational) else Polynomial.of(base, power)
    return result


def _apply(fact: TotalFact, total: Total) -> Polynomial | None:
    """The value of a total in which the total of a fact can be found, or None."""
    own = dict(fact.total.limits)
    there = dict(total.limits)
    if len(own) > len(there) or len(fact.total.monomial) > len(total.monomial):
        return None
    # Names of their own for the fact's indices: canonical bound names recur.
    unknown = frozenset(monomial_indices(fact.total.monomial))
    for binding, rest in match_factors(fact.total.monomial, total.monomial, unknown, {}):
        images = [binding[symbol] for symbol in own]
        if len(set(images)) < len(images) or any(there.get(binding[s]) != extent for s, extent in own.items()):
            continue
        left = set(monomial_indices(rest)) | {new for old, new in binding.items() if old not in own}
        if left & set(images):
            continue
        # The sums in the value must not bind what those around them do, whose canonical names may be the same.
        apart, limits = names_apart(total)
        around = [limit for limit, (symbol, _) in zip(limits, total.limits, strict=True) if symbol not in images]
        value = fact.value.renamed({old: apart.get(new, new) for old, new in binding.items() if old not in own})
        number, left_over = rename_monomial(rest, apart)
        remaining = value * Polynomial({left_over: number})
        return sum_over(remaining, around) if around else remaining
    return None


def expression_of(polynomial: Polynomial) -> Expr:
    """A normal form as an expression, terms in a fixed order."""
    return Add(*(monomial_expression(monomial, c) for monomial, c in polynomial.ordered()))


def monomial_expression(monomial: Monomial, coefficient: Rational = _ONE) -> Expr:
    """A monomial as an expression."""
    return Mul(coefficient, *(Pow(base_expression(base), exponent) for base, exponent in monomial))


def base_expression(base: Base) -> Expr:
    """A base as an expression: a Total becomes a Sum."""
    if isinstance(base, Total):
        return Sum(monomial_expression(base.monomial), *((symbol, _ONE, extent) for symbol, extent in base.limits))
    return base


def replacement(element: Expr, value: Polynomial, optional: bool = False) -> Replacement:
    """The replacement of an element by a value written in the same indices."""
    indices = element.indices if isinstance(element, Indexed) else ()
    return Replacement(tuple(indices), value, optional)


def mentions(polynomial: Polynomial, names: Mapping[str, object] | frozenset[str]) -> bool:
    """Whether any of the names stands in a polynomial."""
    return any(name in names for name in polynomial_names(polynomial))


def polynomial_names(polynomial: Polynomial) -> list[str]:
    """The names of the quantities in a polynomial, in order."""
    found: dict[str, None] = {}
    for monomial in polynomial.terms:
        for base, _ in monomial:
            found.update(dict.fromkeys(_base_names(base)))
    return list(found)


@lru_cache(maxsize=200_000)
def _name_set(expression: Expr) -> frozenset[str]:
    return frozenset(names_in(expression))


@lru_cache(maxsize=200_000)
def _base_names(base: Base) -> tuple[str, ...]:
    if isinstance(base, Total):
        return tuple(dict.fromkeys(name for inner, _ in base.monomial for name in _base_names(inner)))
    return tuple(names_in(base))
