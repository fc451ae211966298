"""From a sweep and the strategy's decisions to a derivation: every line, in order, with its rule and its reason.

The lines are the computation. What the strategy decided (which basis, which cotangents go) is carried out here once
more, one visible rewrite at a time, and the results are what comes out at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Abs, Expr, Integer, sign

from derive.derivation import Derivation, Detail, Form, Prose, Step
from derive.differentiate import Cotangent, Path, Sweep
from derive.functions import MaxOver, maximum, minimum, relu
from derive.graph import Equation, Fact, Graph, Index, Quantity, names_in
from derive.indices import IndexNames, index_extents
from derive.rules.basis import HIDDEN, unfold
from derive.rules.collect import collect
from derive.rules.cost import Cost, cost
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
from derive.simplify import Closing

_KINKS: dict[type[Expr], str] = {
    relu: "At 0 the derivative of relu is taken as 0.",
    Abs: "At 0 the derivative of the absolute value is taken as 0.",
    sign: "The derivative of sign is taken as 0, at the jump, too.",
    maximum: "Where both are equal the derivative of maximum goes to the first.",
    minimum: "Where both are equal the derivative of minimum goes to the first.",
    MaxOver: "Among ties the derivative of max is shared equally.",
}


@dataclass(frozen=True)
class _Result:
    """A cotangent that is found: its quantity, its right side, and its normal form where it has one."""

    quantity: Quantity
    expression: Expr
    polynomial: Polynomial | None = None


def explain(sweep: Sweep, closing: Closing | None, form: Form) -> Derivation:
    """The derivation of a sweep in one of the forms; without a closing, or in the form `staged`, nothing collapses."""
    narrator = _Narrator(sweep, closing if form != "staged" else None, form)
    narrator.forward()
    for cotangent in sweep.cotangents:
        narrator.cotangent(cotangent)
    if form == "reuse" and narrator.closing is not None:
        narrator.reuse()
    return narrator.derivation()


class _Narrator:
    def __init__(self, sweep: Sweep, closing: Closing | None, form: Form) -> None:
        self.sweep = sweep
        self.graph: Graph = sweep.graph
        self.closing = closing
        self.form = form
        self.names = IndexNames(self.graph)
        self.steps: list[Step] = []
        self.extra: list[Quantity] = []
        self.results: dict[str, _Result] = {}
        self.known = self.graph.by_name | {c.quantity.name: c.quantity for c in sweep.cotangents}
        self.known |= {quantity.name: quantity for quantity in sweep.given}
        self.told: set[str] = set()

    # Lines

    def say(
        self,
        rule: str,
        reason: Prose,
        equation: Equation | Fact | None = None,
        detail: Detail = "steps",
        display: Equation | None = None,
        boxed: bool = False,
    ) -> None:
        self.steps.append(Step(len(self.steps) + 1, rule, reason, equation, display, detail, boxed))

    def line(self, quantity: Quantity, expression: Expr) -> Equation:
        """An equation in readable names, hidden quantities written out."""
        plain = self.closing.plain if self.closing else []
        readable = self.names.apply(unfold(expression, list(plain)), [index.symbol for index in quantity.indices])
        return Equation(quantity.name, quantity.indices, readable)

    def fact(self, left: Expr, right: Expr) -> Fact:
        plain = self.closing.plain if self.closing else []
        extents = index_extents(unfold(left, plain), self.known)
        free = list(extents)
        indices = tuple(Index(symbol.name, extent) for symbol, extent in extents.items())
        both = [self.names.apply(unfold(side, plain), free) for side in (left, right)]
        return Fact(both[0], "==", both[1], indices)

    def forward(self) -> None:
        outputs = [self.graph.by_name[name] for name in self.graph.outputs]
        for equation in self.graph.equations:
            where = f" in line {equation.line}" if equation.line else ""
            self.say("forward", (f"The layer says so{where}.",), equation, "brief")
        self.say("graph", self._graph())
        if self.closing is None and self.form != "staged":
            self.say("no-collapse", ("No closed form costs less than the chain rule itself: nothing is collapsed.",))
        given: list[str | Expr] = ["The loss is any scalar function of "]
        given += _listed([q.element for q in outputs])
        given += ["; given ", "is " if len(outputs) == 1 else "are "]
        given += _listed([q.element for q in self.sweep.given])
        self.say("given", (*given, "."))

    def _graph(self) -> Prose:
        """Which quantity goes into which: the arrows that the chain rule walks back."""
        said: list[str | Expr] = ["The graph"]
        between = ": "
        for quantity in self.graph.quantities:
            users = [self.graph.by_name[name].element for name in self.graph.uses[quantity.name]]
            if users:
                said += [between, quantity.element, " goes into ", *_listed(users)]
                between = "; "
        return (*said, ".")

    def cotangent(self, cotangent: Cotangent) -> None:
        """Everything about one cotangent: its paths, their contributions, their sum, and the closed form."""
        self._paths(cotangent)
        for path in cotangent.paths:
            self._path(path, alone=len(cotangent.paths) == 1 and cotangent.given is None)
        staged = pull_out(cotangent.equation.expression)
        line = self.line(cotangent.quantity, staged)
        wanted = cotangent.of in self.sweep.wrt
        closed = self.closing is not None
        reason: Prose = ("Put the local derivatives in and add up.",)
        if len(cotangent.paths) + (cotangent.given is not None) < 2:
            reason = ("Put the local derivative in.",) if cotangent.paths else ("There is nothing to add up.",)
        final = not closed and wanted
        self.say("total", reason, line, detail="brief" if final else "steps", boxed=final)
        if self.closing is None:
            self.results[cotangent.quantity.name] = _Result(cotangent.quantity, line.expression)
        else:
            self._close(self.closing, cotangent, line.expression)

    def _paths(self, cotangent: Cotangent) -> None:
        element = self.graph.by_name[cotangent.of].element
        users = [self.graph.by_name[path.user].element for path in cotangent.paths]
        if not users:
            self.say("chain-rule", (element, " does not reach any output: its gradient is 0."))
            return
        number = ["one path", "two paths", "three paths", "four paths"]
        count = number[len(users) - 1] if len(users) <= len(number) else f"{len(users)} paths"
        reason: list[str | Expr] = [element, f" reaches the loss along {count}: through "]
        reason += [*_listed(users), "."]
        terms = [path.abstract.expression for path in cotangent.paths]
        if cotangent.given is not None:
            terms.insert(0, cotangent.given.element)
            reason += [" It is an output, too, so that what is given for it comes first."]
        total = self.line(cotangent.quantity, sum(terms[1:], terms[0]))
        self.say("chain-rule", tuple(reason), display=total)

    def _path(self, path: Path, alone: bool) -> None:
        self.extra += [path.local, path.quantity]
        user = self.graph.equation_of[path.user]
        reason: list[str | Expr] = ["From the equation of ", user.left, ", all else held fixed."]
        for kind, convention in _KINKS.items():
            if any(isinstance(node, kind) for node in user.expression.atoms(kind)):
                reason.append(" " + convention)
        self.say("local-derivative", tuple(reason), path.local_equation)
        line = self.line(path.quantity, pull_out(path.contribution.expression))
        why: Prose = ("The contribution through ", user.left, ".")
        self.say("contribution", why, line, detail="full" if alone else "steps")

    # The closed form

    def _close(self, closing: Closing, cotangent: Cotangent, staged: Expr) -> None:
        quantity = cotangent.quantity
        current = self._drop_vanishing(closing, quantity, staged)
        current = self._substitute(closing, quantity, current)
        before = current
        current = self._change_basis(closing, quantity, current)
        polynomial, final = self._collapse(closing, quantity, before, current)
        result = cotangent.of in self.sweep.wrt
        kept = result or quantity.name not in closing.eliminated
        self._finish(quantity, final, kept, result)
        self.results[quantity.name] = _Result(quantity, final.expression, polynomial)

    def _collapse(
        self, closing: Closing, quantity: Quantity, before: Expr, current: Expr
    ) -> tuple[Polynomial, Equation]:
        """Multiply out, apply what is known of sums, and factor; unless that only obscures what the chain rule says."""
        try:
            polynomial = replace(closing.vocabulary, used=[], only_inside=True, budget=Budget()).normalize(current)
            spread = self.line(quantity, expression_of(polynomial))
            if spread != self.steps[-1].equation:
                reason: Prose = ("Multiply out, and pull out of each sum what does not depend on it.",)
                self.say("distribute", reason, spread, "full")
            polynomial = self._apply_facts(closing, quantity, polynomial)
        except TooLargeError:
            return closing.closed[quantity.name], self.line(quantity, before)
        collapsed = unfold(collect(polynomial, means=True), closing.plain)
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

    def _drop_vanishing(self, closing: Closing, quantity: Quantity, current: Expr) -> Expr:
        dropped = False
        for total in find_sums(current):
            raw = replace(closing.raw, used=[], budget=Budget())
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
        assert self.closing is not None
        users = [e for e in self.closing.plain if fact.source in names_in(e.expression)]
        shown = next((user for user in users if not user.hidden), None)
        return shown.element if shown else self._source(replace(fact, source=users[0].name))

    def _substitute(self, closing: Closing, quantity: Quantity, current: Expr) -> Expr:
        there = names_in(current)
        used = [name for name in self.results if name in there and name in closing.eliminated]
        if not used:
            return current
        for name in used:
            found = self.results[name]
            indices = tuple(index.symbol for index in found.quantity.indices)
            current = put_in(current, name, indices, found.expression)
        elements = [self.results[name].quantity.element for name in used]
        line = self.line(quantity, current)
        self.say("substitute", ("Put in ", *_listed(elements), "."), line)
        return line.expression

    def _change_basis(self, closing: Closing, quantity: Quantity, current: Expr) -> Expr:
        used = []
        for relation in closing.chosen:
            found = closing.vocabulary.replacements.get(relation.older)
            if found is None or relation.older.startswith(HIDDEN) or relation.older not in names_in(current):
                continue
            value = unfold(expression_of(found.value), closing.plain)
            if value == relation.element:
                continue
            changed = put_in(current, relation.older, found.indices, value, opaque=False)
            if changed == current:
                continue
            self._tell_relation(closing, relation.older, found, value)
            current = changed
            used.append(self.graph.by_name[relation.older].element)
        if not used:
            return current
        line = self.line(quantity, current)
        self.say("change-basis", ("Put that in for ", *_listed(used), "."), line)
        return line.expression

    def _tell_relation(self, closing: Closing, older: str, found: Replacement, value: Expr) -> None:
        if older in self.told:
            return
        self.told.add(older)
        quantity = self.graph.by_name[older]
        newer = [self.graph.by_name[name].element for name in _solved_from(closing, older)]
        line = self.line(quantity, put_in(quantity.element, older, found.indices, value))
        reason: Prose = ("Solved for it, the equation of ", *_listed(newer), " says")
        if not newer:
            reason = ("In other words",)
        self.say("solve", (*reason, ":"), line)

    def _apply_facts(self, closing: Closing, quantity: Quantity, polynomial: Polynomial) -> Polynomial:
        vocabulary = replace(closing.vocabulary, used=[], budget=Budget())
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

    # Reuse

    def reuse(self) -> None:
        """Fold sums that are already another gradient."""
        known = self._known_sums()
        vocabulary = Vocabulary()
        for name in [n for n in self.results if self._is_kept(n)]:
            found = self.results[name]
            vocabulary.facts = [fact for fact in known if fact.source != name]
            vocabulary.used = []
            if found.polynomial is None:
                continue
            vocabulary.budget = Budget()
            folded = vocabulary.apply_facts(found.polynomial)
            if folded == found.polynomial:
                continue
            line = self.line(found.quantity, collect(folded, means=False))
            sources = [self.results[s].quantity.element for s in dict.fromkeys(f.source for f in vocabulary.used)]
            reason: Prose = ("The sums are ", *_listed(sources), " already.")
            wanted = found.quantity.of in self.sweep.wrt
            self.steps = [replace(s, boxed=False) if _is_line_of(s, name) else s for s in self.steps]
            self.say("reuse", reason, line, detail="brief", boxed=wanted)
            self.results[name] = _Result(found.quantity, line.expression, folded)

    def _is_kept(self, name: str) -> bool:
        assert self.closing is not None
        return name not in self.closing.eliminated or self.results[name].quantity.of in self.sweep.wrt

    def _known_sums(self) -> list[TotalFact]:
        """The gradients that are a multiple of one sum, each as the value of that sum."""
        known: list[TotalFact] = []
        for name, found in self.results.items():
            if not self._is_kept(name) or found.polynomial is None or len(found.polynomial.terms) != 1:
                continue
            difference = Polynomial.of(found.quantity.element) + found.polynomial.scaled(Integer(-1))
            solved = solve_for_total(difference, frozenset())
            if solved is not None and not any(fact.total == solved[0] for fact in known):
                known.append(TotalFact(*solved, source=name))
        return known

    # The result

    def derivation(self) -> Derivation:
        """The derivation: the steps, and the backward pass as a graph."""
        kept = [r for name, r in self.results.items() if self.closing is None or self._is_kept(name)]
        equations = [Equation(r.quantity.name, r.quantity.indices, r.expression) for r in kept]
        by_primal = {r.quantity.of: r.quantity.name for r in kept}
        graph = self.graph
        computed = [graph.by_name[e.name] for e in graph.equations] + [r.quantity for r in kept]
        backward = Graph(
            name=graph.name,
            description=graph.description,
            quantities=(*graph.inputs, *self.sweep.given, *computed),
            equations=(*graph.equations, *_in_order(equations)),
            facts=graph.facts,
            outputs=tuple(by_primal[name] for name in self.sweep.wrt),
            source=graph.source,
        )
        extra = [r.quantity for name, r in self.results.items() if r not in kept]
        form: Form = "staged" if self.closing is None else self.form
        return Derivation(graph, backward, form, tuple(self.steps), (*extra, *self.extra))


def _price(quantity: Quantity, expression: Expr) -> Cost:
    """The cost at the sizes of the quantity itself and above; what is smaller does not decide how a line looks."""
    rank = len(quantity.indices)
    return cost([(rank, expression)])[: -rank or None]


def _is_line_of(step: Step, name: str) -> bool:
    return isinstance(step.equation, Equation) and step.equation.name == name


def _solved_from(closing: Closing, older: str) -> list[str]:
    """The author's quantities whose equations were solved to get rid of `older`, directly or by way of hidden ones."""
    found: list[str] = []
    for relation in closing.chosen:
        if relation.older == older:
            hidden = relation.newer.startswith(HIDDEN)
            found += _solved_from(closing, relation.newer) if hidden else [relation.newer]
    return found


def _listed(items: Sequence[Expr]) -> list[str | Expr]:
    """a, b and c."""
    listed: list[str | Expr] = []
    for position, item in enumerate(items):
        if position:
            listed.append(" and " if position == len(items) - 1 else ", ")
        listed.append(item)
    return listed


def _in_order(equations: Sequence[Equation]) -> list[Equation]:
    """The equations in an order in which they can be computed, otherwise as they stand."""
    left = list(equations)
    done: list[Equation] = []
    while left:
        waiting = {equation.name for equation in left}
        ready = next(e for e in left if not waiting & set(names_in(e.expression)))
        done.append(ready)
        left.remove(ready)
    return done

