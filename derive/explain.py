"""From a sweep and the strategy's decisions to a derivation: every line, in order, with its rule and its reason.

The lines are the computation. What the strategy decided (which basis, which cotangents go) is carried out here once
more, one visible rewrite at a time, and the results are what comes out at the end.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from sympy import Expr, Function, Indexed, Integer
from sympy.core.relational import Relational

from derive.derivation import Derivation, Detail, Form, Prose, Step
from derive.differentiate import Cotangent, Sweep, depending_on
from derive.functions import MaxOver, ProductOver
from derive.graph import Equation, Quantity, name_of, names_in
from derive.indices import REDUCTIONS, is_indexed, rebuild
from derive.narrate import Narrator, Result
from derive.rules.basis import HIDDEN, unfold
from derive.rules.collect import collect
from derive.rules.cost import Cost, at_least, cost, sums_in
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
from derive.wording import listed


def explain(sweep: Sweep, closing: Closing | None, form: Form, given_up: bool = False) -> Derivation:
    """The derivation of a sweep in one of the forms; without a closing, or in the form `staged`, nothing collapses.

    A closing is missing because it would cost more, or because the search for it was `given_up`.
    """
    if closing is None or form == "staged":
        narrator = Narrator(sweep, form, given_up=given_up)
    else:
        narrator = _ClosedForms(sweep, form, closing)
    narrator.forward()
    for cotangent in sweep.cotangents:
        narrator.cotangent(cotangent)
    if isinstance(narrator, _ClosedForms):
        narrator.reuse()
    return narrator.derivation()


class _ClosedForms(Narrator):
    """Goes on from the staged form of each cotangent to its closed form."""

    collapses = True

    def __init__(self, sweep: Sweep, form: Form, closing: Closing) -> None:
        super().__init__(sweep, form, closing.plain)
        self.closing = closing
        self.told: dict[tuple[str, Expr], int] = {}  # the steps that say what a quantity is in the basis
        self.sources: dict[str, set[str]] = {}  # the quantities whose equations a closed form rests on

    def is_kept(self, name: str) -> bool:
        """Whether a cotangent is a result: one that is wanted, or that others are written with."""
        return name not in self.closing.eliminated or self.results[name].quantity.of in self.sweep.results

    def conclude(self, cotangent: Cotangent, staged: Expr) -> None:
        """From the staged form of a cotangent to its closed form."""
        quantity = cotangent.quantity
        self.sources[quantity.name] = set()
        current = self._drop_vanishing(quantity, staged)
        current = self._substitute(quantity, current)
        current = before = self._recognize(quantity, current)
        current = self._change_basis(quantity, current)
        polynomial, final = self._collapse(quantity, before, current)
        result = cotangent.of in self.sweep.results
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
        replaced = self.closing.wished and not basis.vocabulary.replacements.keys().isdisjoint(names_in(before))
        known = {total for name, r in self.results.items() if self.is_kept(name) for total in sums_in(r.expression)}
        if _price(quantity, before, known) < _price(quantity, collapsed, known) and not replaced:
            return polynomial, self.line(quantity, pull_out(before))
        return polynomial, self.line(quantity, collect(polynomial, means=self.form == "mean"))

    def _finish(self, quantity: Quantity, final: Equation, kept: bool, boxed: bool) -> None:
        detail: Detail = "brief" if kept else "steps"
        if final.expression == 0 and quantity.of in self.graph.by_name and self.steps[-1].rule != "chain-rule":
            self.say("drops-out", self._why_nothing(quantity), final, detail, boxed=boxed)
            return
        if self.steps[-1].rule == "distribute" and self.steps[-2].equation == final:
            self.steps.pop()  # multiplied out and put together again, it is what it was
        if self.steps[-1].equation == final:
            self.steps[-1] = replace(self.steps[-1], detail=detail, boxed=boxed)
        else:
            reason = "Take out what the terms share."
            if kept and not boxed:
                reason += " It costs less to keep this than to put it into what follows."
            self.say("collect", (reason,), final, detail, boxed=boxed)

    def _why_nothing(self, quantity: Quantity) -> Prose:
        """Why a derivative is zero: no output depends on the quantity, unless its own equation was used for that."""
        primal = self.graph.by_name[quantity.of or ""]
        if self.sweep.mode == "forward":
            return (primal.element, " does not move.")
        if self.sources[quantity.name] <= depending_on(self.graph, [primal.name]) - {primal.name}:
            outputs = [self.graph.by_name[name].element for name in self.graph.outputs]
            return (primal.element, " drops out: whatever it is, ", *listed(outputs), " would be the same.")
        return ("To first order a change of ", primal.element, " changes nothing.")

    def _origins(self, facts: Sequence[TotalFact]) -> set[str]:
        """The quantities of the layer from whose equations facts come."""
        named = (self._source(fact) for fact in facts)
        names = {name_of(element) or "" for element in named if element is not None}
        return {self.known[name].of or name for name in names}

    def _drop_vanishing(self, quantity: Quantity, current: Expr) -> Expr:
        dropped = False
        for total in find_sums(current):
            raw = replace(self.closing.bases[quantity.name].raw, used=[], budget=Budget())
            try:
                if raw.normalize(total):
                    continue
            except TooLargeError:
                continue
            self.sources[quantity.name] |= self._origins(raw.used)
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
            self.sources[quantity.name] |= self.sources[name]
        elements = [self.results[name].quantity.element for name in used]
        line = self.line(quantity, current)
        self.say("substitute", ("Put in ", *listed(elements), "."), line)
        return line.expression

    def _recognize(self, quantity: Quantity, current: Expr) -> Expr:
        """Write the functions that the layer has computed already by their names."""
        vocabulary = replace(self.closing.bases[quantity.name].raw, used=[], budget=Budget())
        used: dict[str, None] = {}

        def visit(node: Expr) -> Expr:
            if isinstance(node, (Function, MaxOver, ProductOver)):
                known = vocabulary.known_as(node)
                if known is not None and not (name_of(known) or HIDDEN).startswith(HIDDEN):
                    used.setdefault(name_of(known) or "")
                    return known
            if not node.args or not is_indexed(node) or isinstance(node, (Indexed, Relational)):
                return node
            if isinstance(node, REDUCTIONS):
                return node.func(visit(node.function), *node.limits)
            return rebuild(node, [visit(argument) for argument in node.args])

        named = visit(current)
        if not used:
            return current
        line = self.line(quantity, named)
        elements = [self.graph.by_name[name].element for name in used]
        self.say("recognize", ("The layer has computed ", *listed(elements), " already."), line)
        return line.expression

    def _change_basis(self, quantity: Quantity, current: Expr) -> Expr:
        used: list[str | Expr] = []
        first = len(self.steps)
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
            number = self._tell_relation(relation.older, found, value, basis)
            current = changed
            used += [" and " if used else "", self.graph.by_name[relation.older].element]
            used += [f" (step {number})"] if number <= first else []
        if not used:
            return current
        line = self.line(quantity, current)
        self.say("change-basis", ("Put that in for ", *used[1:], "."), line)
        return line.expression

    def _tell_relation(self, older: str, found: Replacement, value: Expr, basis: Basis) -> int:
        """Say what a quantity is in the basis, once; the number of the step that says it."""
        if (older, value) in self.told:
            return self.told[older, value]
        quantity = self.graph.by_name[older]
        newer = [self.graph.by_name[name].element for name in _solved_from(basis, older)]
        line = self.line(quantity, put_in(quantity.element, older, found.indices, value))
        reason: Prose = ("Solved for it, the equation of ", *listed(newer), " says")
        if older in map(name_of, newer):
            reason = ("By its equation",)
        elif not newer:
            reason = ("In other words",)
        self.say("solve", (*reason, ":"), line)
        self.told[older, value] = len(self.steps)
        return len(self.steps)

    def _apply_facts(self, quantity: Quantity, polynomial: Polynomial) -> Polynomial:
        vocabulary = replace(self.closing.bases[quantity.name].vocabulary, used=[], budget=Budget())
        result = vocabulary.apply_facts(polynomial)
        if result == polynomial:
            return polynomial
        for fact in dict.fromkeys(vocabulary.used):
            line = self.fact(base_expression(fact.total), expression_of(fact.value))
            self.sources[quantity.name] |= self._origins([fact])
            if line.left == line.right:
                continue  # only a hidden name for it
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
        """Fold sums that are computed already: what is kept anyway, and in the form `reuse` other gradients, too."""
        known = self._known_sums()
        for name in [n for n in self.results if self.is_kept(n)]:
            found = self.results[name]
            if found.polynomial is None:
                continue
            # Two that are the same sum cannot both be written with the other.
            vocabulary = Vocabulary(facts=[fact for fact in known if name not in self._behind(fact.source)])
            try:
                folded = vocabulary.apply_facts(found.polynomial)
            except TooLargeError:
                continue
            if folded == found.polynomial:
                continue
            line = self.line(found.quantity, collect(folded, means=self.form == "mean"))
            sources = [self.results[s].quantity.element for s in dict.fromkeys(f.source for f in vocabulary.used)]
            reason: Prose = ("The sums are ", *listed(sources), " already.")
            wanted = found.quantity.of in self.sweep.results
            self.steps = [replace(s, boxed=False) if _is_line_of(s, name) else s for s in self.steps]
            self.say("reuse", reason, line, detail="brief", boxed=wanted)
            self.results[name] = Result(found.quantity, line.expression, folded)

    def _behind(self, name: str) -> set[str]:
        """A result, and the results that it is computed from."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            latest = waiting.pop()
            found.add(latest)
            used = names_in(self.results[latest].expression)
            waiting += [n for n in used if n in self.results and n not in found]
        return found

    def _known_sums(self) -> list[TotalFact]:
        """The cotangents that are a multiple of one sum, each as the value of that sum."""
        known: list[TotalFact] = []
        for name, found in self.results.items():
            if found.quantity.of in self.sweep.results and self.form != "reuse":
                continue
            if not self.is_kept(name) or found.polynomial is None or len(found.polynomial.terms) != 1:
                continue
            difference = Polynomial.of(found.quantity.element) + found.polynomial.scaled(Integer(-1))
            solved = solve_for_total(difference, frozenset())
            if solved is not None and not any(fact.total == solved[0] for fact in known):
                known.append(TotalFact(*solved, source=name))
        return known


def _price(quantity: Quantity, expression: Expr, known: Container[Expr]) -> Cost:
    """The cost at the sizes of the quantity itself and above; what is smaller does not decide how a line looks.

    Sums that are `known` stand in other results already.
    """
    rank = len(quantity.indices)
    return at_least(cost([(rank, expression)], known), rank)


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
