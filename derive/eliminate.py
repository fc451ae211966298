"""Elimination: which cotangents vanish into those that use them, in one vocabulary.

Every cotangent starts as its staged equation in normal form. One after the other, in the order of the sweep, each is
put into those that use it wherever that does not raise the cost (`rules/cost.py`). A cotangent that is cheaper to
compute once and keep (that of the output of a matrix product, say) stays, with a name; what its closed form shows of
its sums is then a fact for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr

from derive.differentiate import Cotangent
from derive.graph import extent_symbol, names_in
from derive.indices import free_indices
from derive.rules.basis import PlainEquation, unfold
from derive.rules.collect import collect
from derive.rules.cost import Cost, cost, sums_in
from derive.rules.facts import solve_for_total
from derive.rules.normal_form import (
    TooLargeError,
    TotalFact,
    Vocabulary,
    expression_of,
    polynomial_names,
    replacement,
)
from derive.rules.polynomial import Polynomial, sum_over

# A formula of more terms is no closed form that anybody would read.
_MOST_TERMS_SHOWN = 60
# So many operations are thought to take as long as a pass.
_WORTH_A_PASS = 4


@dataclass(frozen=True)
class Task:
    """Cotangents to close together, in the order of the sweep.

    `wanted` names those that are results of the whole, `fixed` those that are used elsewhere, so that they stay;
    `derived` all cotangents of the sweep. `plain` are the forward equations behind the vocabulary.
    """

    cotangents: Sequence[Cotangent]
    wanted: frozenset[str]
    fixed: frozenset[str]
    derived: frozenset[str]
    plain: Sequence[PlainEquation]
    nonzero: frozenset[str]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the cotangents."""
        return frozenset(c.quantity.name for c in self.cotangents)


@dataclass(frozen=True)
class Eliminated:
    """What came of it: the normal form of each cotangent, the shape in which it is computed, and which are gone."""

    closed: Mapping[str, Polynomial]
    shapes: Mapping[str, Expr]
    eliminated: frozenset[str]
    price: Cost


def eliminate(task: Task, vocabulary: Vocabulary) -> Eliminated:
    """Close the cotangents of a task in a vocabulary, which afterwards knows the closed forms and their facts.

    Raises TooLargeError where the normal forms grow out of bounds.
    """
    return _Elimination(task, vocabulary).run()


class _Elimination:
    def __init__(self, task: Task, vocabulary: Vocabulary) -> None:
        self.task = task
        self.vocabulary = vocabulary
        self.by_name = {c.quantity.name: c for c in task.cotangents}
        self.place = {name: place for place, name in enumerate(self.by_name)}
        self.closed: dict[str, Polynomial] = {}
        self.shapes: dict[str, Expr] = {}
        self.users: dict[str, set[str]] = {name: set() for name in self.by_name}
        self.owners: dict[Expr, set[str]] = {}  # of each sum those in whose shape it stands
        self.eliminated: set[str] = set()
        self.learned: set[str] = set()
        for name, cotangent in self.by_name.items():
            polynomial = vocabulary.normalize(cotangent.equation.expression)
            self._set(name, polynomial, self._shape(polynomial))

    def run(self) -> Eliminated:
        for name, cotangent in self.by_name.items():
            users = sorted(self.users[name], key=self.place.__getitem__)
            whole = self._is_whole(name, users)
            if whole or name in self.task.fixed:
                self._learn(cotangent, users)
            if users and name not in self.task.fixed and not self._put_in(name, cotangent, users, whole):
                self._learn(cotangent, users)
        self._drop_unused()
        wanted = {n: s for n, s in self.shapes.items() if n in self.task.wanted or n not in self.eliminated}
        return Eliminated(self.closed, self.shapes, frozenset(self.eliminated), self._price(wanted, ()))

    def _drop_unused(self) -> None:
        """Do away with what nobody uses any more, because what used it vanished."""
        needed = self.task.wanted | self.task.fixed
        for name in reversed(self.by_name):
            if name not in needed and self.users[name] <= self.eliminated - needed:
                self.eliminated.add(name)

    def _put_in(self, name: str, cotangent: Cotangent, users: Sequence[str], whole: bool) -> bool:
        """Put a cotangent into its users, if that does not cost more; a whole one, if it saves passes."""
        self.vocabulary.replacements[name] = replacement(cotangent.equation.left, self.closed[name])
        after = self._replaced(name, users)
        if after is not None:
            shapes = {user: self._shape(polynomial) for user, polynomial in after.items()}
            around = {*users, *self.eliminated, name}
            needed = {name: self.shapes[name]} if name in self.task.wanted else {}
            price = self._price({**needed, **shapes}, around)
            limit = self._price({each: self.shapes[each] for each in (name, *users)}, around)
            worth = price[0] < limit[0] if whole else price <= limit
            if worth and not self._repeats(name, price, limit):
                for user, polynomial in after.items():
                    self._set(user, polynomial, shapes[user])
                self.eliminated.add(name)
                return True
        del self.vocabulary.replacements[name]
        return False

    def _repeats(self, name: str, price: Cost, limit: Cost) -> bool:
        """Whether a cotangent is computed over and over, once it is put in: more than its own pass is worth."""
        rank = len(self.by_name[name].quantity.indices)
        larger = len(price[0]) - rank - 1
        if price[0][:larger] < limit[0][:larger]:
            return False
        more = sum(price[1]) - sum(limit[1])
        return more > _WORTH_A_PASS * (sum(limit[0]) - sum(price[0]))

    def _is_whole(self, name: str, users: Sequence[str]) -> bool:
        """Whether a cotangent is the outcome of reductions, as that of a layer's input is, and is reduced again.

        To save a few operations it is not taken apart: what a reader sees as one layer after the other stays so.
        """
        rank = len(self.by_name[name].quantity.indices)
        return any(
            len(free_indices(total.function)) >= rank and not self.task.derived.isdisjoint(names_in(total))
            for total in sums_in(self.shapes[name])
        ) and any(name in names_in(total) for user in users for total in sums_in(self.shapes[user]))

    def _learn(self, cotangent: Cotangent, users: Sequence[str]) -> None:
        """Tell the users of a cotangent that stands what is known of its sums."""
        name = cotangent.quantity.name
        if name in self.learned:
            return
        self.learned.add(name)
        if add_cotangent_facts(self.vocabulary, cotangent, self.closed[name], self.task.nonzero):
            for user in users:
                polynomial = self._anew(user, name)
                self._set(user, polynomial, self._shape(polynomial))

    def _anew(self, user: str, name: str) -> Polynomial:
        """The normal form of a user after something has become known of a cotangent: only of its terms with that."""
        terms = self.closed[user].terms
        about = {monomial: c for monomial, c in terms.items() if name in polynomial_names(Polynomial({monomial: c}))}
        others = Polynomial({monomial: c for monomial, c in terms.items() if monomial not in about})
        result = others + self.vocabulary.normalize(expression_of(Polynomial(about)))
        self.vocabulary.budget.spend(len(result.terms))
        return result

    def _replaced(self, name: str, users: Sequence[str]) -> dict[str, Polynomial] | None:
        """The users' normal forms with a cotangent put in; None where one outgrows what a formula may be."""
        after: dict[str, Polynomial] = {}
        for user in users:
            try:
                after[user] = self._anew(user, name)
            except TooLargeError:
                return None
            if len(after[user].terms) > _MOST_TERMS_SHOWN:
                return None
        return after

    def _shape(self, polynomial: Polynomial) -> Expr:
        return unfold(collect(polynomial, means=True), self.task.plain)

    def _set(self, name: str, polynomial: Polynomial, shape: Expr) -> None:
        for used in self._mentioned(name):
            self.users[used].discard(name)
        for total in sums_in(self.shapes[name]) if name in self.shapes else ():
            self.owners[total].discard(name)
        self.closed[name], self.shapes[name] = polynomial, shape
        for used in self._mentioned(name):
            self.users[used].add(name)
        for total in sums_in(shape):
            self.owners.setdefault(total, set()).add(name)

    def _mentioned(self, name: str) -> list[str]:
        names = polynomial_names(self.closed[name]) if name in self.closed else []
        return [used for used in names if used in self.users and used != name]

    def _price(self, shapes: Mapping[str, Expr], around: set[str] | tuple[()]) -> Cost:
        """The price of some shapes, where the sums of all others but those `around` are there already."""
        known: set[Expr] = set()
        if around:
            sums = {total for shape in shapes.values() for total in sums_in(shape)}
            known = {total for total in sums if not self.owners.get(total, set()) <= around}
        return cost([(len(self.by_name[name].quantity.indices), shape) for name, shape in shapes.items()], known)


def add_cotangent_facts(
    vocabulary: Vocabulary, cotangent: Cotangent, polynomial: Polynomial, nonzero: frozenset[str]
) -> bool:
    """The sums over one index of a kept cotangent that its closed form shows to vanish; whether there are any."""
    found = False
    for index in cotangent.quantity.indices:
        limits = [(index.symbol, extent_symbol(index.extent))]
        if vocabulary.total(polynomial, limits):
            continue
        total = sum_over(Polynomial.of(cotangent.quantity.element), limits)
        solved = solve_for_total(total, nonzero)
        if solved is not None:
            vocabulary.learn(TotalFact(*solved, source=cotangent.quantity.name))
            found = True
    return found
