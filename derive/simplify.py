"""The strategy that finds closed forms: which quantities to write them in, and which cotangents to do away with.

Every cotangent starts as its staged equation. Then, one after the other in the order of the sweep, each is put into
those that use it wherever that does not raise the cost (`rules/cost.py`): it vanishes from the backward pass. A
cotangent that is cheaper to compute once and keep (that of the output of a matrix product, say) stays, with a name.
All of that is done in the basis (`rules/basis.py`) for which the result costs least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Function

from derive.differentiate import Cotangent, Sweep
from derive.functions import MaxOver, ProductOver
from derive.graph import Graph, extent_symbol, names_in
from derive.indices import REDUCTIONS
from derive.rules.basis import (
    PlainEquation,
    Relation,
    centered_names,
    known_signs,
    plain_equations,
    relations,
    unfold,
)
from derive.rules.collect import collect
from derive.rules.cost import Cost, cost
from derive.rules.facts import reduction_facts, solve_for_total
from derive.rules.normal_form import (
    Budget,
    Definition,
    TooLargeError,
    TotalFact,
    Vocabulary,
    expression_of,
    mentions,
    polynomial_names,
    replacement,
)
from derive.rules.polynomial import Polynomial, sum_over

# A formula of more terms is no closed form that anybody would read.
_MOST_TERMS_SHOWN = 60
# The work that the search may do, in terms of normal forms: a second or so for a layer of a few equations.
_TERMS_FOR_ALL, _TERMS_FOR_EACH = 2_000, 300


@dataclass(frozen=True)
class Closing:
    """What the strategy decided, and what came of it.

    `closed` has the normal form of each cotangent, by the name of its quantity, `eliminated` the cotangents that were
    put into others. `vocabulary` is the basis with its facts, `plain` the plain forward equations behind it and
    `chosen` the relations that it uses; `raw` is the vocabulary of the forward pass as written.
    """

    closed: Mapping[str, Polynomial]
    eliminated: frozenset[str]
    vocabulary: Vocabulary
    raw: Vocabulary
    plain: Sequence[PlainEquation]
    chosen: Sequence[Relation]
    price: Cost = field(default=())


def close(sweep: Sweep) -> Closing | None:
    """The closed form of every cotangent of a sweep, or None where the normal forms grow out of bounds."""
    basis = _Basis(sweep.graph, Budget(_TERMS_FOR_ALL + _TERMS_FOR_EACH * len(sweep.cotangents)))
    try:
        raw = basis.vocabulary([])
        used = {name for c in sweep.cotangents for name in polynomial_names(raw.normalize(c.equation.expression))}
        start = [r for r in basis.relations if r.newer in basis.centered and r.older in used]
        best = _close_in(sweep, basis, start, raw)
    except TooLargeError:
        return None
    candidates = [relation for relation in basis.relations if relation not in start]
    while (better := _improve(sweep, basis, candidates, best)) is not None:
        best = better
    return best


def _improve(sweep: Sweep, basis: _Basis, candidates: list[Relation], best: Closing) -> Closing | None:
    """Go once through the candidates and adopt each that lowers the price; None when none does."""
    start = best
    for candidate in list(candidates):
        mentioned = {name for polynomial in best.closed.values() for name in polynomial_names(polynomial)}
        if candidate.older not in mentioned | basis.reduced:
            continue
        chosen = sorted([*best.chosen, candidate], key=basis.relations.index)
        try:
            found = _close_in(sweep, basis, chosen, best.raw)
        except TooLargeError:
            continue
        if found.price < best.price:
            best = found
            candidates.remove(candidate)
    return None if best is start else best


class _Basis:
    """The plain equations of a layer and the vocabularies that can be made of them."""

    def __init__(self, graph: Graph, budget: Budget) -> None:
        self.graph = graph
        self.budget = budget
        self.plain = plain_equations(graph)
        self.signs = known_signs(graph, self.plain)
        # What reductions run over matters, too: in its terms the facts are read off.
        reductions = [equation.expression for equation in self.plain if equation.expression.atoms(*REDUCTIONS)]
        self.reduced = frozenset(name for expression in reductions for name in names_in(expression))
        self.centered = centered_names(self.plain)
        fixed = frozenset(q.name for q in graph.quantities if q.role == "constant")
        self.relations = list(relations(self.plain, self.signs, fixed))

    def vocabulary(self, chosen: Sequence[Relation]) -> Vocabulary:
        """The vocabulary in which the older quantity of each chosen relation is replaced."""
        result = Vocabulary(nonnegative=self.signs.nonnegative, budget=self.budget)
        for relation in reversed(chosen):
            value = result.normalize(expression_of(relation.value))
            if mentions(value, {**result.replacements, relation.older: None}):
                continue  # solving in a circle
            result.replacements[relation.older] = replacement(relation.element, value, optional=True)
        for equation in self.plain:
            opaque = isinstance(equation.expression, (Function, MaxOver, ProductOver))
            if opaque or (equation.hidden and isinstance(equation.expression, Add)):
                written = unfold(equation.expression, self.plain)
                normal = expression_of(result.normalize(equation.expression))
                # By the form that its author gave it, and by the normal form where that is another.
                result.definitions.append(Definition(written, equation.element))
                if normal != written and isinstance(normal, equation.expression.func):
                    result.definitions.append(Definition(normal, equation.element))
        reduction_facts(self.graph, self.plain, result, self.signs.nonzero)
        return result


def _close_in(sweep: Sweep, basis: _Basis, chosen: Sequence[Relation], raw: Vocabulary) -> Closing:
    """Close every cotangent in one basis."""
    vocabulary = basis.vocabulary(chosen) if chosen else replace(raw, replacements=dict(raw.replacements), used=[])
    closed = {c.quantity.name: vocabulary.normalize(c.equation.expression) for c in sweep.cotangents}
    by_name = {c.quantity.name: c for c in sweep.cotangents}
    eliminated: set[str] = set()

    def shape_of(polynomial: Polynomial) -> Expr:
        return unfold(collect(polynomial, means=True), basis.plain)

    shapes = {name: shape_of(polynomial) for name, polynomial in closed.items()}
    for cotangent in sweep.cotangents:
        name = cotangent.quantity.name
        users = [other for other in closed if other != name and mentions(closed[other], {name: None})]
        if not users:
            continue
        vocabulary.replacements[name] = replacement(cotangent.equation.left, closed[name])
        after = _put_into(vocabulary, closed, users)
        if after is None:
            del vocabulary.replacements[name]
            continue
        after_shapes = {user: shape_of(polynomial) for user, polynomial in after.items()}
        gone = {*eliminated, name}
        others = [shape for user, shape in shapes.items() if user not in (*users, *gone)]
        needed = [name] if cotangent.of in sweep.results else []
        before_price = _price({user: shapes[user] for user in (name, *users)}, by_name, others)
        after_price = _price({**{n: shapes[n] for n in needed}, **after_shapes}, by_name, others)
        if after_price <= before_price:
            closed.update(after)
            shapes.update(after_shapes)
            eliminated.add(name)
        else:
            del vocabulary.replacements[name]
            if _add_cotangent_facts(vocabulary, cotangent, closed[name], basis.signs.nonzero):
                for user in users:
                    closed[user] = vocabulary.normalize(expression_of(closed[user]))
                    shapes[user] = shape_of(closed[user])
    wanted = {c.quantity.name for c in sweep.cotangents if c.of in sweep.results}
    results = {name: shape for name, shape in shapes.items() if name in wanted or name not in eliminated}
    price = _price(results, by_name, [])
    return Closing(closed, frozenset(eliminated), vocabulary, raw, basis.plain, list(chosen), price)


def _put_into(
    vocabulary: Vocabulary, closed: Mapping[str, Polynomial], users: Sequence[str]
) -> dict[str, Polynomial] | None:
    """The normal forms of the users with a cotangent put in; None where one outgrows what a formula may be."""
    after: dict[str, Polynomial] = {}
    for user in users:
        try:
            after[user] = vocabulary.normalize(expression_of(closed[user]))
        except TooLargeError:
            return None
        if len(after[user].terms) > _MOST_TERMS_SHOWN:
            return None
    return after


def _price(shapes: Mapping[str, Expr], by_name: Mapping[str, Cotangent], known: Sequence[Expr]) -> Cost:
    equations = [(len(by_name[name].quantity.indices), shape) for name, shape in shapes.items()]
    return cost(equations, known)


def _add_cotangent_facts(
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
            vocabulary.facts.append(TotalFact(*solved, source=cotangent.quantity.name))
            found = True
    return found

