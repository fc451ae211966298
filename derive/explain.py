"""From a sweep and the strategy's decisions to a derivation: every line, in order, with its rule and its reason.

The lines are the computation. What the strategy decided (which basis, which cotangents go) is carried out here once
more, one visible rewrite at a time, and the results are what comes out at the end.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Integer

from derive.derivation import Derivation, Detail, Form, Prose, Step
from derive.differentiate import Cotangent, Sweep
from derive.graph import Equation, Quantity, names_in
from derive.narrate import Narrator, Result, listed
from derive.rules.basis import HIDDEN, unfold
from derive.rules.collect import collect
from derive.rules.cost import Cost, at_least, cost
from derive.rules.facts import solve_for_total
from derive.rules.normal_form import (
    Budget,
    Replacement,
    TooLargeError,
    TotalFact,
    Vocabulary,
    base_expression,
    expression_of,
)
from derive.rules.polynomial import Polynomial
from derive.rules.sums import find_sums, pull_out, put_in, replace_sum
from derive.simplify import Basis, Closing


def explain(sweep: Sweep, closing: Closing | None, form: Form) -> Derivation:
    """The derivation of a sweep in one of the forms; without a closing, or in the form `staged`, nothing collapses."""
    if closing is None or form == "staged":
        narrator = Narrator(sweep, form)
    else:
        narrator = _ClosedForms(sweep, form, closing)
    narrator.forward()
    for cotangent in sweep.cotangents:
        narrator.cotangent(cotangent)
    if form == "reuse" and isinstance(narrator, _ClosedForms):
        narrator.reuse()
    return narrator.derivation()


class _ClosedForms(Narrator):
    """Goes on from the staged form of each cotangent to its closed form."""

    collapses = True

    def __init__(self, sweep: Sweep, form: Form, closing: Closing) -> None:
        super().__init__(sweep, form, closing.plain)
        self.closing = closing
        self.told: set[tuple[str, Expr]] = set()

    def is_kept(self, name: str) -> bool:
        """Whether a cotangent is a result: one that is wanted, or that others are written with."""
        return name not in self.closing.eliminated or self.results[name].quantity.of in self.sweep.wrt

    def conclude(self, cotangent: Cotangent, staged: Expr) -> None:
        """From the staged form of a cotangent to its closed form."""
        quantity = cotangent.quantity
        current = self._drop_vanishing(quantity, staged)
        current = self._substitute(quantity, current)
        before = current
        current = self._change_basis(quantity, current)
        polynomial, final = self._collapse(quantity, before, current)
        result = cotangent.of in self.sweep.wrt
        kept = result or quantity.name not in self.closing.eliminated
        self._finish(quantity, final, kept, result)
        self.results[quantity.name] = Result(quantity, final.expression, polynomial)

    def _collapse(
        self, quantity: Quantity, before: Expr, current: Expr
    ) -> tuple[Polynomial, Equation]:
        """Multiply out, apply what is known of sums, and factor; unless that only obscures what the chain rule says."""
        basis = self.closing.bases[quantity.name]
        try:
            polynomial = replace(basis.vocabulary, used=[], only_inside=True, budget=Budget()).normalize(current)
            spread = self.line(quantity, expression_of(polynomial))
            if spread != self.steps[-1].equation:
                reason: Prose = ("Multiply out, and pull out of each sum what does not depend on it.",)
                self.say("distribute", reason, spread, "full")
            polynomial = self._apply_facts(quantity, polynomial)
        except TooLargeError:
            return self.closing.closed[quantity.name], self.line(quantity, before)
        collapsed = unfold(collect(polynomial, means=True), self.plain)
        if _price(quantity, before) < _price(quantity, collapsed):
            return polynomial, self.line(quantity, pull_out(before))
        return polynomial, self.line(quantity, collect(polynomial, means=self.form == "mean"))

    def _finish(self, quantity: Quantity, final: Equation, kept: bool, boxed: bool) -> None:
        detail: Detail = "brief" if kept else "steps"
        if self.steps[-1].equation == final:
            self.steps[-1] = replace(self.steps[-1], detail=detail, boxed=boxed)
        else:
            reason = "Take out what the terms share."
            if kept and not boxed:
                reason += " It costs less to keep this than to put it into what follows."
            self.say("collect", (reason,), final, detail, boxed=boxed)

    def _drop_vanishing(self, quantity: Quantity, current: Expr) -> Expr:
        dropped = False
        for total in find_sums(current):
            raw = replace(self.closing.bases[quantity.name].raw, used=[], budget=Budget())
            try:
                if raw.normalize(total):
                    continue
            except TooLargeError:
                continue
            reason: list[str | Expr] = ["This sum vanishes"]
            for number, fact in enumerate(raw.used):
                reason += [", because " if number == 0 else " and ", *self._backwards(fact)]
            self.say("vanishing-sum", (*reason, "."), self.fact(total, Integer(0)))
            current = replace_sum(current, total, Integer(0))
            dropped = True
        if dropped:
            self.say("drop-term", ("The term with it falls away.",), self.line(quantity, current))
        return current

    def _backwards(self, fact: TotalFact) -> list[str | Expr]:
        """Where a fact about a total comes from: '... by the equation of mu'."""
        line = self.fact(base_expression(fact.total), expression_of(fact.value))
        said: list[str | Expr] = [line.left, " = ", line.right]
        source = self._source(fact)
        return [*said, ", as the layer asserts"] if source is None else [*said, " by the equation of ", source]

    def _source(self, fact: TotalFact) -> Expr | None:
        """The author's quantity, or the cotangent, whose equation a fact comes from; None for what is asserted."""
        if not fact.source:
            return None
        if fact.source in self.known:
            return self.known[fact.source].element
        users = [e for e in self.plain if fact.source in names_in(e.expression)]
        shown = next((user for user in users if not user.hidden), None)
        return shown.element if shown else self._source(replace(fact, source=users[0].name))

    def _substitute(self, quantity: Quantity, current: Expr) -> Expr:
        there = names_in(current)
        used = [name for name in self.results if name in there and name in self.closing.eliminated]
        if not used:
            return current
        for name in used:
            found = self.results[name]
            indices = tuple(index.symbol for index in found.quantity.indices)
            current = put_in(current, name, indices, found.expression)
        elements = [self.results[name].quantity.element for name in used]
        line = self.line(quantity, current)
        self.say("substitute", ("Put in ", *listed(elements), "."), line)
        return line.expression

    def _change_basis(self, quantity: Quantity, current: Expr) -> Expr:
        used = []
        basis = self.closing.bases[quantity.name]
        for relation in basis.chosen:
            found = basis.vocabulary.replacements.get(relation.older)
            if found is None or relation.older.startswith(HIDDEN) or relation.older not in names_in(current):
                continue
            value = unfold(expression_of(found.value), self.plain)
            if value == relation.element:
                continue
            changed = put_in(current, relation.older, found.indices, value, opaque=False)
            if changed == current:
                continue
            self._tell_relation(relation.older, found, value, basis)
            current = changed
            used.append(self.graph.by_name[relation.older].element)
        if not used:
            return current
        line = self.line(quantity, current)
        self.say("change-basis", ("Put that in for ", *listed(used), "."), line)
        return line.expression

    def _tell_relation(self, older: str, found: Replacement, value: Expr, basis: Basis) -> None:
        if (older, value) in self.told:
            return
        self.told.add((older, value))
        quantity = self.graph.by_name[older]
        newer = [self.graph.by_name[name].element for name in _solved_from(basis, older)]
        line = self.line(quantity, put_in(quantity.element, older, found.indices, value))
        reason: Prose = ("Solved for it, the equation of ", *listed(newer), " says")
        if not newer:
            reason = ("In other words",)
        self.say("solve", (*reason, ":"), line)

    def _apply_facts(self, quantity: Quantity, polynomial: Polynomial) -> Polynomial:
        vocabulary = replace(self.closing.bases[quantity.name].vocabulary, used=[], budget=Budget())
        result = vocabulary.apply_facts(polynomial)
        if result == polynomial:
            return polynomial
        for fact in dict.fromkeys(vocabulary.used):
            line = self.fact(base_expression(fact.total), expression_of(fact.value))
            source = self._source(fact)
            reason: Prose = ("The layer asserts it.",)
            if fact.source in self.results:
                reason = ("So it comes out for the closed form of ", self.results[fact.source].quantity.element, ".")
            elif source is not None:
                reason = ("The equation of ", source, ", read backwards in these terms.")
            self.say("fact", reason, line)
        self.say("apply-facts", ("With that:",), self.line(quantity, expression_of(result)), "full")
        return result

    def reuse(self) -> None:
        """Fold sums that are already another gradient."""
        known = self._known_sums()
        for name in [n for n in self.results if self.is_kept(n)]:
            found = self.results[name]
            if found.polynomial is None:
                continue
            vocabulary = Vocabulary(facts=[fact for fact in known if fact.source != name])
            folded = vocabulary.apply_facts(found.polynomial)
            if folded == found.polynomial:
                continue
            line = self.line(found.quantity, collect(folded, means=False))
            sources = [self.results[s].quantity.element for s in dict.fromkeys(f.source for f in vocabulary.used)]
            reason: Prose = ("The sums are ", *listed(sources), " already.")
            wanted = found.quantity.of in self.sweep.wrt
            self.steps = [replace(s, boxed=False) if _is_line_of(s, name) else s for s in self.steps]
            self.say("reuse", reason, line, detail="brief", boxed=wanted)
            self.results[name] = Result(found.quantity, line.expression, folded)

    def _known_sums(self) -> list[TotalFact]:
        """The gradients that are a multiple of one sum, each as the value of that sum."""
        known: list[TotalFact] = []
        for name, found in self.results.items():
            if not self.is_kept(name) or found.polynomial is None or len(found.polynomial.terms) != 1:
                continue
            difference = Polynomial.of(found.quantity.element) + found.polynomial.scaled(Integer(-1))
            solved = solve_for_total(difference, frozenset())
            if solved is not None and not any(fact.total == solved[0] for fact in known):
                known.append(TotalFact(*solved, source=name))
        return known


def _price(quantity: Quantity, expression: Expr) -> Cost:
    """The cost at the sizes of the quantity itself and above; what is smaller does not decide how a line looks."""
    rank = len(quantity.indices)
    return at_least(cost([(rank, expression)]), rank)


def _is_line_of(step: Step, name: str) -> bool:
    return isinstance(step.equation, Equation) and step.equation.name == name


def _solved_from(basis: Basis, older: str) -> list[str]:
    """The author's quantities whose equations were solved to get rid of `older`, directly or by way of hidden ones."""
    found: list[str] = []
    for relation in basis.chosen:
        if relation.older == older:
            hidden = relation.newer.startswith(HIDDEN)
            found += _solved_from(basis, relation.newer) if hidden else [relation.newer]
    return found
