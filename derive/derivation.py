"""A derivation: the ordered steps that lead from a layer to its gradients, and the gradients as a graph.

The steps are the computation: the equation of a step is the very object that the next one started from. Renderers
print steps; they do no mathematics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from sympy import Expr

from derive.graph import Equation, Fact, Graph, Mode, Quantity
from derive.options import DETAILS
from derive.shown import Shown

Form = Literal["staged", "sum", "mean", "reuse"]
Detail = Literal["brief", "steps", "full"]

# A sentence with mathematics in it: text and expressions in turn, so that each printer writes them in its own way.
Prose = tuple["str | Expr", ...]


@dataclass(frozen=True)
class Step(Shown):
    """One line of a derivation.

    `rule` names what was done (kebab-case), `reason` says why in a sentence. `equation` is the line itself: its left
    side always equals its whole right side. `display` is shown in its place where a line is better read with symbols
    that it does not define itself (the chain rule in the abstract); it is as true. `detail` is the coarsest level at
    which the step is shown, `boxed` marks a result, `label` a name given to the line as the notes do (A_1). `known` are
    the quantities that it can mention; a step of a derivation has them from that.
    """

    number: int
    rule: str
    reason: Prose
    equation: Equation | Fact | None
    display: Equation | None = None
    detail: Detail = "steps"
    boxed: bool = False
    label: str | None = None
    known: Mapping[str, Quantity] = field(default_factory=dict, compare=False, repr=False)

    def __repr__(self) -> str:
        line = self.display or self.equation
        about = f" of {line.name!r}" if isinstance(line, Equation) else ""
        return f"<Step {self.number}, {self.rule}{about}>"


@dataclass(frozen=True)
class Derivation(Shown):
    """What `derive` finds for a layer.

    `forward` is the layer; `backward` is a graph that starts with the equations of `forward` and goes on with the
    cotangents and helpers that the gradients need, in an order in which they can be computed; its outputs are the
    gradients. `quantities` describes every further name that a step uses (contributions, local derivatives).
    At order 2 and above `forward` is the backward pass of the order below, as far as the gradients need it, and
    `previous` the derivation that it came from.
    """

    forward: Graph
    backward: Graph
    form: Form
    steps: tuple[Step, ...]
    quantities: tuple[Quantity, ...]
    order: int = 1
    previous: Derivation | None = None

    def __post_init__(self) -> None:
        known = self.known
        object.__setattr__(self, "steps", tuple(replace(step, known=known) for step in self.steps))

    def __repr__(self) -> str:
        found = ", ".join(self.backward.outputs)
        what = f"{self.form!r}, order={self.order}" if self.mode == "reverse" else f"{self.form!r}, mode='forward'"
        return f"<Derivation of {self.forward.name!r}, form={what}: {found}; {len(self.steps)} steps>"

    @cached_property
    def orders(self) -> tuple[Derivation, ...]:
        """The derivations that led here, that of the layer itself first, this one last."""
        return (*self.previous.orders, self) if self.previous is not None else (self,)

    @cached_property
    def whole(self) -> Graph:
        """What is differentiated, together with all that the lower orders say: the layer itself, unused inputs."""
        graphs = [*(lower.backward for lower in self.orders[:-1]), self.forward]
        # Of what is written in two ways, with a sum in it named or not, the later one is what is differentiated. It
        # needs nothing that only the lower orders have.
        equations: dict[str, Equation] = {}
        for graph in reversed(graphs):
            equations.update({e.name: e for e in graph.equations if e.name not in equations})
        known = {quantity.name: quantity for graph in graphs for quantity in graph.quantities}
        inputs = dict.fromkeys(quantity.name for graph in graphs for quantity in graph.inputs)
        return replace(
            self.forward,
            quantities=tuple(known[name] for name in (*inputs, *equations)),
            equations=tuple(equations.values()),
            facts=graphs[0].facts,
        )

    @cached_property
    def mode(self) -> Mode:
        """Whether it leads to gradients, or to the tangents of the outputs; `backward` has them in either case."""
        return self.backward.sweeps[-1] if self.backward.sweeps else "reverse"

    @cached_property
    def results(self) -> tuple[Equation, ...]:
        """The gradients, with every cotangent or helper that they use before them."""
        known = self.forward.equation_of
        return tuple(e for e in self.backward.equations if e.name not in known)

    @cached_property
    def by_name(self) -> dict[str, Quantity]:
        """Every quantity that a step or a result can mention."""
        return {q.name: q for q in (*self.backward.quantities, *self.quantities)}

    @cached_property
    def known(self) -> dict[str, Quantity]:
        """The same, and what a gradient of a lower order belongs to, which need not be there any more."""
        former = {name: q for lower in self.orders[:-1] for name, q in lower.backward.by_name.items()}
        return self.by_name | {name: q for name, q in former.items() if name not in self.by_name}

    def shown(self, detail: Detail) -> Sequence[Step]:
        """The steps that belong to a level of detail."""
        level = DETAILS.index(detail)
        return [step for step in self.steps if DETAILS.index(step.detail) <= level]
