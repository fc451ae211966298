"""What a picture of a derivation shows: a Derivation in, a Picture of nodes, edges and cotangents out.

Nodes are the quantities of what is differentiated, edges say which equation uses which. Against an edge flows a
cotangent wherever the derivation has a contribution for it. A derivation in forward mode has no cotangents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sympy import Expr

from derive.derivation import Derivation
from derive.graph import Graph, Quantity, names_in, reference
from derive.pictures.marked import MarkedPrinter
from derive.printing.latex_math import LayerLatexPrinter
from derive.printing.names import Names, Notation
from derive.printing.outline import title_of
from derive.printing.text import all_subscripts
from derive.printing.text_math import LayerTextPrinter
from derive.structure import carries

SCALAR = "scalar"  # what stands for a shape without extents

Part = Literal["input", "constant", "intermediate", "output"]


@dataclass(frozen=True)
class Formula:
    """An expression as a line of Unicode, as LaTeX, and with the marks of `marked.py`."""

    text: str
    latex: str
    marked: str


@dataclass(frozen=True)
class Node:
    """A quantity: its symbol with indices, the right side of its equation (None for what is given), and its shape.

    The shape of a scalar is None. `cotangent` names the quantity that is its gradient, and `gradient` is that one's
    symbol; both None without one.
    """

    name: str
    role: Part
    label: Formula
    definition: Formula | None
    shape: Formula | None
    cotangent: str | None
    gradient: Formula | None

    @property
    def equation(self) -> str:
        """The equation as text; the symbol alone for what is given."""
        return f"{self.label.text} = {self.definition.text}" if self.definition else self.label.text

    @property
    def shape_text(self) -> str:
        """The shape as text, N × D; or the word scalar."""
        return self.shape.text if self.shape else SCALAR


@dataclass(frozen=True)
class Edge:
    """`start` is used by the equation of `end`."""

    start: str
    end: str


@dataclass(frozen=True)
class Cotangent:
    """What flows back from `start` to `end`, against an edge: from the cotangent `source` into the cotangent `target`.

    `label` is the symbol of what arrives: the cotangent, or its part by this way where there are several.
    """

    start: str
    end: str
    source: str
    target: str
    label: Formula


@dataclass(frozen=True)
class Picture:
    """All that is shown, in reading order: nodes as they can be computed, edges and cotangents by where they start."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cotangents: tuple[Cotangent, ...]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


def picture_of(derivation: Derivation, notation: Notation = "leibniz") -> Picture:
    """The picture of what a derivation differentiates, and of how the gradient flows back through it.

    Raises UsageError for an unknown notation.
    """
    writer = _Writer(derivation, notation)
    graph = derivation.forward
    totals = _totals(derivation)
    edges = tuple(
        Edge(quantity.name, equation.name)
        for quantity in graph.quantities
        for equation in graph.equations
        if quantity.name in names_in(equation.expression)
    )
    nodes = tuple(_node(graph, quantity, totals.get(quantity.name), writer) for quantity in graph.quantities)
    return Picture(_title(derivation), nodes, edges, tuple(_cotangents(derivation, totals, writer)))


class _Writer:
    """Writes an expression in every way that a picture needs."""

    def __init__(self, derivation: Derivation, notation: Notation) -> None:
        names = Names.of(derivation, notation)
        self._text = LayerTextPrinter(names, all_subscripts(derivation))
        self._latex = LayerLatexPrinter(names)
        self._marked = MarkedPrinter(names)

    def formula(self, expression: Expr) -> Formula:
        """An expression as a formula."""
        return Formula(
            str(self._text.doprint(expression)), self._latex.inline(expression), str(self._marked.doprint(expression))
        )

    def shape(self, quantity: Quantity) -> Formula | None:
        """The extents of a quantity: N × D; None for a scalar."""
        if not quantity.extents:
            return None
        return Formula(
            " × ".join(map(self._text.index, quantity.extents)),
            r" \times ".join(map(self._latex.index, quantity.extents)),
            " × ".join(map(self._marked.index, quantity.extents)),
        )


def _title(derivation: Derivation) -> str:
    what = "the computation graph"
    if derivation.order > 1:
        kind = "gradients" if derivation.forward.sweeps[-1] == "reverse" else "tangents"
        what += f" of the {kind} of order {derivation.order - 1}"
    return f"{title_of(derivation)}: {what}"


def _node(graph: Graph, quantity: Quantity, total: Quantity | None, writer: _Writer) -> Node:
    equation = graph.equation_of.get(quantity.name)
    return Node(
        quantity.name,
        _role(graph, quantity),
        writer.formula(quantity.element),
        writer.formula(equation.expression) if equation else None,
        writer.shape(quantity),
        total.name if total else None,
        writer.formula(total.element) if total else None,
    )


def _role(graph: Graph, quantity: Quantity) -> Part:
    if quantity.name in graph.equation_of:
        return "output" if quantity.name in graph.outputs else "intermediate"
    return "constant" if quantity.role == "constant" else "input"


def _totals(derivation: Derivation) -> dict[str, Quantity]:
    """The cotangent of each quantity that has one in this derivation, which those of the lower orders are not."""
    own = (q for q in derivation.by_name.values() if q.name not in derivation.forward.by_name)
    return {q.of: q for q in own if q.role == "cotangent" and q.of in derivation.forward.by_name}


def _cotangents(derivation: Derivation, totals: dict[str, Quantity], writer: _Writer) -> Iterator[Cotangent]:
    """The contributions that the derivation has, from the last equation to the first.

    It has one, which is zero, also where a quantity stands in a condition only; no gradient flows there.
    """
    graph = derivation.forward
    position = {quantity.name: number for number, quantity in enumerate(graph.quantities)}
    own = [q for q in derivation.by_name.values() if q.name not in graph.by_name]
    found = [
        (q.via, q.of, q)
        for q in own
        if q.role == "contribution" and q.mode == "reverse" and q.via and q.of in totals
        if carries(graph.equation_of[q.via].expression, q.of)
    ]
    found.sort(key=lambda row: (-position[row[0]], position[row[1]]))
    for via, of, contribution in found:
        ways = sum(other == of for _, other, _ in found) + (of in graph.outputs)
        symbol = totals[of] if ways == 1 else contribution
        yield Cotangent(via, of, totals[via].name, totals[of].name, writer.formula(reference(symbol.name)))
