"""What stages are made of: loops, and what happens in them, before any language prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from derive.codegen.schedule.statements import Axis, Kind, Statement
from derive.graph import Equation


@dataclass
class Let:
    """A number of its own: `name = expression`."""

    name: str
    expression: Expr
    equation: Equation | None = None


@dataclass
class Store:
    """An element of an array: `array[indices] = expression`."""

    array: str
    indices: tuple[Expr, ...]
    expression: Expr
    equation: Equation | None = None


@dataclass
class Start:
    """The start of a reduction: a number, or an array over `axes`, that is 0 (1, -infinity)."""

    name: str
    kind: Kind
    axes: tuple[Symbol, ...] = ()


@dataclass
class Accumulate:
    """One step of a reduction, into a number, or into an element of an array."""

    name: str
    kind: Kind
    indices: tuple[Expr, ...]
    expression: Expr
    equation: Equation | None = None


@dataclass
class End:
    """The end of a reduction into a number: what was kept for it meanwhile becomes its value."""

    name: str
    kind: Kind


@dataclass
class Loop:
    """A loop over an axis; `first` for one over its first few places only."""

    axis: Axis
    body: list[Node]
    first: bool = False


Node = Let | Store | Start | Accumulate | End | Loop


@dataclass
class Buffer:
    """An array of float64 that a function needs for itself."""

    name: str
    axes: tuple[Symbol, ...]


@dataclass
class Stage:
    """One step of a function: a pass over the outermost axis, or what stands before, between or after the passes.

    `parts` are the reductions over the outermost axis that a pass accumulates; each block of it has its own part.
    `buffers` are the arrays that only this stage needs.
    """

    nodes: list[Node]
    is_pass: bool
    parts: list[Statement] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)

    @property
    def equations(self) -> list[Equation]:
        """The equations that it computes, each once."""
        found: dict[str, Equation] = {}
        for node in walk(self.nodes):
            if isinstance(node, (Let, Store, Accumulate)) and node.equation is not None:
                found.setdefault(node.equation.name, node.equation)
        return list(found.values())


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """All nodes, those in loops included."""
    for node in nodes:
        yield node
        if isinstance(node, Loop):
            yield from walk(node.body)
