"""The chain rule, told step by step: the layer, the paths of each cotangent, their contributions, their sum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Abs, Expr, Sum, sign

from derive.derivation import Derivation, Detail, Form, Prose, Step
from derive.differentiate import Cotangent, Path, Sweep
from derive.functions import MaxOver, maximum, minimum, relu
from derive.graph import Equation, Fact, Graph, Index, Quantity, fresh_name, names_in, reference
from derive.indices import IndexNames, index_extents
from derive.rules.basis import PlainEquation, unfold
from derive.rules.polynomial import Polynomial
from derive.rules.sums import pull_out
from derive.wording import found_before, wording_of

KINKS: dict[type[Expr], str] = {
    relu: "At 0 the derivative of relu is taken as 0.",
    Abs: "At 0 the derivative of the absolute value is taken as 0.",
    sign: "The derivative of sign is taken as 0, at the jump, too.",
    maximum: "Where both are equal the derivative of maximum goes to the first.",
    minimum: "Where both are equal the derivative of minimum goes to the first.",
    MaxOver: "Among ties the derivative of max is shared equally.",
}


@dataclass(frozen=True)
class Result:
    """A cotangent that is found: its quantity, its right side, and its normal form where it has one."""

    quantity: Quantity
    expression: Expr
    polynomial: Polynomial | None = None


class Narrator:
    """Collects the steps of a derivation in which nothing collapses, and the cotangents that come out of it."""

    collapses = False

    def __init__(
        self, sweep: Sweep, form: Form, plain: Sequence[PlainEquation] = (), given_up: bool = False
    ) -> None:
        self.given_up = given_up
        self.sweep = sweep
        self.graph: Graph = sweep.graph
        self.form = form
        self.plain = plain
        self.names = IndexNames(self.graph)
        self.steps: list[Step] = []
        self.extra: list[Quantity] = []
        self.results: dict[str, Result] = {}
        self.known = self.graph.by_name | {c.quantity.name: c.quantity for c in sweep.cotangents}
        self.known |= {quantity.name: quantity for quantity in sweep.given}
        self.order = self.graph.sweeps.count(sweep.mode) + 1
        self.loss: Quantity | None = None
        if sweep.mode == "reverse" and self.order > 1:
            self.loss = _scalar(self.graph, self.order)
            self.extra.append(self.loss)
        self.words = wording_of(sweep, self.loss)

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
        readable = self.names.apply(unfold(expression, self.plain), [index.symbol for index in quantity.indices])
        return Equation(quantity.name, quantity.indices, readable)

    def fact(self, left: Expr, right: Expr) -> Fact:
        """An equality for all values of the free indices of its left side, in readable names."""
        both = [unfold(side, self.plain) for side in (left, right)]
        extents = index_extents(both[0], self.known)
        readable = [self.names.apply(side, list(extents)) for side in both]
        indices = tuple(Index(symbol.name, extent) for symbol, extent in extents.items())
        return Fact(readable[0], "==", readable[1], indices)

    def forward(self) -> None:
        for equation in self.graph.equations:
            quantity = self.graph.by_name[equation.name]
            if quantity.role == "intermediate":
                where = f" in line {equation.line}" if equation.line else ""
                self.say("forward", (f"The layer says so{where}.",), equation, "brief")
            else:
                self.say("lower-order", found_before(quantity), equation, "brief")
        self.say("graph", self.words.graph(self.graph))
        if self.form != "staged" and not self.collapses:
            why = "No closed form costs less than the chain rule itself"
            if self.given_up:
                why = "The search for a closed form was given up, as it would take more work or time than is allowed"
            self.say("no-collapse", (f"{why}: nothing is collapsed.",))
        self.say("given", self.words.given(self.sweep), None if self.loss is None else self._scalar_line(self.loss))

    def _scalar_line(self, loss: Quantity) -> Equation:
        """What is differentiated at a higher order: the gradients of the order below, weighted with what is given."""
        terms = [inner_product(self.graph.by_name[str(q.of)], q) for q in self.sweep.given]
        return self.line(loss, sum(terms[1:], terms[0]))

    def cotangent(self, cotangent: Cotangent) -> None:
        """Everything about one cotangent: its paths, their contributions, their sum, and the closed form."""
        self._paths(cotangent)
        for path in cotangent.paths:
            self._path(path, alone=len(cotangent.paths) == 1 and cotangent.given is None)
        staged = pull_out(cotangent.equation.expression)
        line = self.line(cotangent.quantity, staged)
        wanted = cotangent.of in self.sweep.results
        reason: Prose = ("Put the local derivatives in and add up.",)
        if len(cotangent.paths) + (cotangent.given is not None) < 2:
            reason = ("Put the local derivative in.",) if cotangent.paths else ("There is nothing to add up.",)
        final = wanted and not self.collapses
        self.say("total", reason, line, detail="brief" if final else "steps", boxed=final)
        self.conclude(cotangent, line.expression)

    def conclude(self, cotangent: Cotangent, staged: Expr) -> None:
        """Record what comes out for a cotangent: here its staged form."""
        self.results[cotangent.quantity.name] = Result(cotangent.quantity, staged)

    def is_kept(self, name: str) -> bool:
        """Whether a cotangent is a result: one that is wanted, or that others are written with."""
        return name in self.results

    def _paths(self, cotangent: Cotangent) -> None:
        element = self.graph.by_name[cotangent.of].element
        if not cotangent.paths:
            self.say("chain-rule", self.words.nothing(element))
            return
        terms = [path.abstract.expression for path in cotangent.paths]
        if cotangent.given is not None:
            terms.insert(0, cotangent.given.element)
        total = self.line(cotangent.quantity, sum(terms[1:], terms[0]))
        self.say("chain-rule", self.words.paths(element, cotangent, total.expression), display=total)

    def _path(self, path: Path, alone: bool) -> None:
        self.extra += [path.local, path.quantity]
        user = self.graph.equation_of[path.user]
        reason: list[str | Expr] = ["From the equation of ", user.left, ", all else held fixed."]
        for kind, convention in KINKS.items():
            if any(isinstance(node, kind) for node in user.expression.atoms(kind)):
                reason.append(" " + convention)
        self.say("local-derivative", tuple(reason), path.local_equation)
        line = self.line(path.quantity, pull_out(path.contribution.expression))
        self.say("contribution", self.words.contribution(path, self.graph), line, detail="full" if alone else "steps")

    def derivation(self) -> Derivation:
        """The derivation: the steps, and the backward pass as a graph."""
        kept = [result for name, result in self.results.items() if self.is_kept(name)]
        equations = [Equation(r.quantity.name, r.quantity.indices, r.expression) for r in kept]
        by_primal = {r.quantity.of: r.quantity.name for r in kept}
        graph = self.graph
        computed = [graph.by_name[e.name] for e in graph.equations] + [r.quantity for r in kept]
        backward = Graph(
            name=graph.name,
            description=graph.description,
            quantities=(*graph.inputs, *self.sweep.given, *computed),
            equations=(*graph.equations, *in_order(equations)),
            facts=graph.facts,
            outputs=tuple(by_primal[name] for name in self.sweep.results),
            source=graph.source,
            sweeps=(*graph.sweeps, self.sweep.mode),
        )
        extra = [r.quantity for name, r in self.results.items() if r not in kept]
        form: Form = self.form if self.collapses else "staged"
        return Derivation(graph, backward, form, tuple(self.steps), (*extra, *self.extra), self.order)


def _scalar(graph: Graph, order: int) -> Quantity:
    """The scalar of a higher order, L2 unless the layer has a letter L of its own."""
    letters = [s for s in "LSJZ" if not any(re.fullmatch(rf"{s}[_0-9]*", name) for name in graph.names)]
    return Quantity(fresh_name([f"{s}{order}" for s in letters or "L"], graph.names), (), "loss", order=order)


def inner_product(quantity: Quantity, cotangent: Quantity) -> Expr:
    """The sum over all elements of a quantity times what is given for it."""
    product = quantity.element * reference(cotangent.name, [index.symbol for index in quantity.indices])
    return Sum(product, *(index.limits for index in quantity.indices)) if quantity.indices else product


def in_order(equations: Sequence[Equation]) -> list[Equation]:
    """The equations in an order in which they can be computed, otherwise as they stand."""
    left = list(equations)
    done: list[Equation] = []
    while left:
        waiting = {equation.name for equation in left}
        ready = next(e for e in left if not waiting & set(names_in(e.expression)))
        done.append(ready)
        left.remove(ready)
    return done

