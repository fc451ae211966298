"""The strategy that finds closed forms: which quantities to write them in, and which cotangents to do away with.

All cotangents are closed once (`eliminate.py`) in a first basis. Then, window by window (`windows.py`), each relation
that offers another basis (`rules/basis.py`) is tried, and adopted where the result costs less.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Function

from derive.differentiate import Cotangent, Sweep
from derive.eliminate import Eliminated, Task, eliminate
from derive.functions import MaxOver, ProductOver
from derive.graph import Fact, names_in
from derive.indices import REDUCTIONS
from derive.rules.basis import (
    HIDDEN,
    PlainEquation,
    Relation,
    centered_names,
    known_signs,
    plain_equations,
    relations,
    unfold,
)
from derive.rules.cost import Cost, cost
from derive.rules.facts import reduction_facts
from derive.rules.normal_form import (
    Budget,
    Definition,
    TooLargeError,
    TotalFact,
    Vocabulary,
    copy_of,
    expression_of,
    mentions,
    polynomial_names,
    replacement,
)
from derive.rules.polynomial import Polynomial
from derive.windows import windows

# The work that the search may do, in terms of normal forms: a second or so for a layer of a few equations.
_TERMS_FOR_ALL, _TERMS_FOR_EACH = 2_000, 300


@dataclass(frozen=True)
class Basis:
    """What some cotangents are written in: the relations `chosen`, and the vocabulary that they make.

    `raw` is the vocabulary of the forward pass as written.
    """

    chosen: Sequence[Relation]
    vocabulary: Vocabulary
    raw: Vocabulary


@dataclass(frozen=True)
class Closing:
    """What the strategy decided, and what came of it.

    `closed` has the normal form of each cotangent, by the name of its quantity, `bases` what it is written in;
    `eliminated` the cotangents that were put into others. `plain` are the plain forward equations. With `wished` the
    basis is not the cheapest one, but what was asked for.
    """

    closed: Mapping[str, Polynomial]
    eliminated: frozenset[str]
    bases: Mapping[str, Basis]
    plain: Sequence[PlainEquation]
    price: Cost
    wished: bool = False


def close(sweep: Sweep, in_terms_of: Collection[str] = (), timeout: float | None = None) -> Closing | None:
    """The closed form of every cotangent of a sweep, or None where the normal forms grow out of bounds.

    `in_terms_of` names quantities that the forms are to be written in, wherever another can be expressed by them. After
    `timeout` seconds what has been found by then is the answer.
    """
    layer = _Layer(sweep, frozenset(in_terms_of), math.inf if timeout is None else time.monotonic() + timeout)
    everything = Task(sweep.cotangents, layer.wanted, frozenset(), layer.derived, layer.plain, layer.signs.nonzero)
    whole = _Search(layer, everything, ())
    try:
        first = whole.start()
    except TooLargeError:
        return None
    groups = windows(sweep, first.found.eliminated)
    if len(groups) == 1:
        best = whole.improved(first)
        return _together(layer, [best], whole.direct(best))
    users = _users(sweep, first.found)
    parts: list[_Closed] = []
    direct: dict[str, _Closed] = {}
    learned: dict[str, list[TotalFact]] = {}
    for group in groups:
        task = layer.task(group, users)
        facts = [fact for name in users if name in learned and name not in task.names for fact in learned[name]]
        search = _Search(layer, task, facts)
        try:
            part = search.improved(search.start())
            direct |= search.direct(part)
        except TooLargeError:
            part = replace(first, cotangents=group)
        parts.append(part)
        for fact in part.basis.vocabulary.facts:
            if fact.source in task.names:
                learned.setdefault(fact.source, []).append(fact)
    return _together(layer, parts, direct)


def _users(sweep: Sweep, first: Eliminated) -> dict[str, set[str]]:
    """Which cotangents use which, in the equations and in the closed forms found first."""
    users: dict[str, set[str]] = {c.quantity.name: set() for c in sweep.cotangents}
    for cotangent in sweep.cotangents:
        name = cotangent.quantity.name
        for used in (*names_in(cotangent.equation.expression), *polynomial_names(first.closed[name])):
            if used in users:
                users[used].add(name)
    return users


@dataclass(frozen=True)
class _Closed:
    """Some cotangents, closed in a basis."""

    cotangents: Sequence[Cotangent]
    found: Eliminated
    basis: Basis


def _together(layer: _Layer, parts: Sequence[_Closed], direct: Mapping[str, _Closed]) -> Closing:
    """What all parts say, each of the `direct` ones about its own cotangent."""
    closed: dict[str, Polynomial] = {}
    bases: dict[str, Basis] = {}
    eliminated: set[str] = set()
    shapes = []
    for part in parts:
        for cotangent in part.cotangents:
            name = cotangent.quantity.name
            one = direct.get(name, part)
            closed[name], bases[name] = one.found.closed[name], one.basis
            if name in part.found.eliminated:
                eliminated.add(name)
            if name in layer.wanted or name not in eliminated:
                shapes.append((len(cotangent.quantity.indices), one.found.shapes[name]))
    return Closing(closed, frozenset(eliminated), bases, layer.plain, cost(shapes), bool(layer.preferred))


class _Layer:
    """What is known of a layer and its sweep before anything is closed."""

    def __init__(self, sweep: Sweep, preferred: frozenset[str], end: float) -> None:
        graph = self.graph = sweep.graph
        self.end = end
        self.preferred = preferred
        self.plain = plain_equations(graph)
        self.signs = known_signs(graph, self.plain)
        self.centered = centered_names(self.plain)
        fixed = frozenset(q.name for q in graph.quantities if q.role == "constant")
        self.relations = list(relations(self.plain, self.signs, fixed))
        if preferred:
            hidden = [r for r in self.relations if r.newer.startswith(HIDDEN)]
            wished = [r for r in self.relations if r.newer in preferred and r.older not in preferred]
            self.relations = [*hidden, *wished, *self._put_in()]
        self.wanted = frozenset(c.quantity.name for c in sweep.cotangents if c.of in sweep.results)
        self.derived = frozenset(q.name for q in (*sweep.given, *(c.quantity for c in sweep.cotangents)))
        self._plain_of = {equation.name: equation for equation in self.plain}
        self._place = {equation.name: place for place, equation in enumerate(self.plain)}

    def _put_in(self) -> list[Relation]:
        """For each quantity that was not wished for what its own equation says, if that is an elementwise one."""
        vocabulary = Vocabulary(nonnegative=self.signs.nonnegative)
        return [
            Relation(e.name, e.name, e.element, vocabulary.normalize(e.expression))
            for e in self.plain
            if not (e.hidden or e.name in self.preferred or isinstance(e.expression, Function))
            and not e.expression.atoms(*REDUCTIONS)
        ]

    def centers(self, relation: Relation) -> bool:
        """Whether what is taken off a quantity was computed from it, as a mean is."""
        if relation.newer not in self.centered:
            return False
        terms = Add.make_args(self._plain_of[relation.newer].expression)
        seen = {name for term in terms for name in names_in(term) if relation.older not in names_in(term)}
        waiting = list(seen)
        while waiting:
            equation = self._plain_of.get(waiting.pop())
            for name in names_in(equation.expression) if equation else ():
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return relation.older in seen

    def task(self, cotangents: Sequence[Cotangent], users: Mapping[str, set[str]]) -> Task:
        """Some of the cotangents, and what there is around them."""
        own = frozenset(c.quantity.name for c in cotangents)
        fixed = frozenset(name for name in own if users[name] - own)
        return Task(cotangents, self.wanted & own, fixed, self.derived, self._around(cotangents), self.signs.nonzero)

    def _around(self, cotangents: Sequence[Cotangent]) -> list[PlainEquation]:
        """The plain equations that cotangents come from, and those of the quantities that they mention."""
        wanted = {name for c in cotangents for name in (c.of, *names_in(c.equation.expression))}
        for user in dict.fromkeys(path.user for c in cotangents for path in c.paths):
            wanted |= {user, *names_in(self.graph.equation_of[user].expression)}
        waiting = [name for name in wanted if name in self._plain_of]
        while waiting:
            for name in names_in(self._plain_of[waiting.pop()].expression):
                if name.startswith(HIDDEN) and name not in wanted:
                    wanted.add(name)
                    waiting.append(name)
        return [self._plain_of[name] for name in sorted(wanted & set(self._place), key=self._place.__getitem__)]

    def facts(self, names: Collection[str]) -> list[Fact]:
        """The asserted equalities about some quantities."""
        about = [(fact, {*names_in(fact.left), *names_in(fact.right)}) for fact in self.graph.facts]
        return [fact for fact, mentioned in about if fact.relation == "==" and mentioned <= set(names)]


class _Search:
    """The search for the basis in which one task costs least."""

    def __init__(self, layer: _Layer, task: Task, facts: Sequence[TotalFact]) -> None:
        self.layer, self.task, self.known = layer, task, facts
        self.budget = Budget(_TERMS_FOR_ALL + _TERMS_FOR_EACH * len(task.cotangents), layer.end)
        names = {equation.name for equation in task.plain}
        names |= {name for equation in task.plain for name in names_in(equation.expression)}
        self.relations = [r for r in layer.relations if r.newer in names and r.older in names]
        self.asserted = layer.facts(names)
        # What reductions run over matters, too: in its terms the facts are read off.
        reductions = [equation.expression for equation in task.plain if equation.expression.atoms(*REDUCTIONS)]
        self.reduced = frozenset(name for expression in reductions for name in names_in(expression))

    def start(self) -> _Closed:
        """The task closed in the basis that takes what the author centered as one thing."""
        raw = self._vocabulary([])
        normal = (raw.normalize(c.equation.expression) for c in self.task.cotangents)
        used = {name for polynomial in normal for name in polynomial_names(polynomial)}
        first = [r for r in self.relations if r.older in used and self.layer.centers(r)]
        for relation in self.relations:
            wished = relation.newer in self.layer.preferred or relation.newer == relation.older
            if wished and relation.older not in {r.older for r in first}:
                first.append(relation)
        first.sort(key=self.relations.index)
        return self._closed(first, raw)

    def improved(self, best: _Closed) -> _Closed:
        """Adopt each relation that lowers the price, until none does."""
        candidates = [relation for relation in self.relations if relation not in best.basis.chosen]
        while (better := self._improve(candidates, best)) is not best:
            best = better
        return best

    def direct(self, best: _Closed) -> dict[str, _Closed]:
        """The cotangents that are written without detour where nothing is taken off that has to be added again.

        Centered, x**2 is (x - m)*(x - m + 2*m) + m**2: more to compute, and without digits where m is large.
        """
        found: dict[str, _Closed] = {}
        for relation in best.basis.chosen:
            offsets = set(polynomial_names(relation.value)) - {relation.newer}
            forms = best.found.closed.items()
            detours = [name for name, form in forms if not offsets.isdisjoint(polynomial_names(form))]
            if self.layer.preferred or not detours or not self.layer.centers(relation):
                continue
            chosen = [other for other in best.basis.chosen if other is not relation]
            try:
                other = self._closed(chosen, best.basis.raw)
            except TooLargeError:
                continue
            if other.found.eliminated == best.found.eliminated:
                for name in detours:
                    is_direct = offsets.isdisjoint(polynomial_names(other.found.closed[name]))
                    if is_direct and cost([(1, other.found.shapes[name])]) < cost([(1, best.found.shapes[name])]):
                        found[name] = other
        return found

    def _improve(self, candidates: list[Relation], best: _Closed) -> _Closed:
        """Go once through the candidates."""
        for candidate in list(candidates):
            mentioned = {name for polynomial in best.found.closed.values() for name in polynomial_names(polynomial)}
            if candidate.older not in mentioned | self.reduced:
                continue
            chosen = sorted([*best.basis.chosen, candidate], key=self.relations.index)
            try:
                found = self._closed(chosen, best.basis.raw)
            except TooLargeError:
                continue
            if found.found.price < best.found.price:
                best = found
                candidates.remove(candidate)
        return best

    def _closed(self, chosen: Sequence[Relation], raw: Vocabulary) -> _Closed:
        vocabulary = self._vocabulary(chosen) if chosen else copy_of(raw)
        for fact in self.known:
            vocabulary.learn(fact)
        return _Closed(self.task.cotangents, eliminate(self.task, vocabulary), Basis(chosen, vocabulary, raw))

    def _vocabulary(self, chosen: Sequence[Relation]) -> Vocabulary:
        """The vocabulary in which the older quantity of each chosen relation is replaced."""
        result = Vocabulary(nonnegative=self.layer.signs.nonnegative, budget=self.budget)
        for relation in reversed(chosen):
            value = result.normalize(expression_of(relation.value))
            if mentions(value, {**result.replacements, relation.older: None}):
                continue  # solving in a circle
            result.replacements[relation.older] = replacement(relation.element, value, optional=True)
        for equation in self.task.plain:
            opaque = isinstance(equation.expression, (Function, MaxOver, ProductOver))
            if opaque or (equation.hidden and isinstance(equation.expression, Add)):
                written = unfold(equation.expression, self.layer.plain)
                normal = expression_of(result.normalize(equation.expression))
                # By the form that its author gave it, and by the normal form where that is another.
                result.define(Definition(written, equation.element))
                if normal != written and isinstance(normal, equation.expression.func):
                    result.define(Definition(normal, equation.element))
        reduction_facts(self.asserted, self.task.plain, result, self.layer.signs.nonzero)
        return result
