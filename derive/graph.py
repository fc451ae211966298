"""The graph of a layer: named quantities, the equations between them, and the facts that hold.

Everything here is frozen data. An equation's right side is plain SymPy: `Indexed` for an element, `Sum` for a
reduction (`mean` is a Sum divided by its extents), the functions of SymPy and of `functions.py`. Indices are
`Symbol`s; the extent of a free index stands on the `Index` of the equation's left side, that of a bound one in the
limits of its reduction, always as (index, 1, extent).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import Literal

from sympy import Expr, Indexed, IndexedBase, Integer, Rational, Symbol

from derive.shown import Shown

Role = Literal[
    "input", "constant", "intermediate",  # of a layer
    "cotangent", "contribution", "local_derivative", "helper", "tangent", "loss",  # of a derivation
    "total_derivative",  # of someone else's
]
Relation = Literal["==", "!=", "<", "<=", ">", ">="]
Mode = Literal["reverse", "forward"]


@cache
def index_symbol(name: str) -> Symbol:
    """The SymPy symbol of an index; the only place that fixes its assumptions."""
    return Symbol(name, integer=True, positive=True)


@cache
def extent_symbol(name: str) -> Symbol:
    """The SymPy symbol of an extent such as N."""
    return Symbol(name, integer=True, positive=True)


@cache
def _base(name: str) -> IndexedBase:
    return IndexedBase(Symbol(name, real=True))


def reference(name: str, indices: Sequence[Symbol | Integer] = ()) -> Expr:
    """The element of `name` at `indices`: an `Indexed`, or a `Symbol` for a scalar."""
    return indexed_element(_base(name), *indices) if indices else Symbol(name, real=True)


@lru_cache(maxsize=100_000)
def indexed_element(base: IndexedBase, *indices: Expr) -> Indexed:
    """base[indices], the same object each time: SymPy is slow to tell that two elements are equal."""
    return Indexed(base, *indices)


def name_of(expression: Expr) -> str | None:
    """The name of the quantity that `expression` is an element of; None for anything else (an index, an extent)."""
    if isinstance(expression, Indexed):
        return str(expression.base.label.name)
    if isinstance(expression, Symbol) and not expression.is_integer:
        return str(expression.name)
    return None


@dataclass(frozen=True)
class Index:
    """An index and the extent that it runs over: i in 1..N."""

    name: str
    extent: str

    @property
    def symbol(self) -> Symbol:
        return index_symbol(self.name)

    @property
    def limits(self) -> tuple[Symbol, Integer, Symbol]:
        """As SymPy's Sum wants them: (i, 1, N)."""
        return (self.symbol, Integer(1), extent_symbol(self.extent))


@dataclass(frozen=True)
class Quantity:
    """A named tensor, the indices it is written with, and where it comes from.

    `indices` carry the extents, so the shape is `extents`. `latex` is the author's own symbol, if given; `default`
    the value of a constant. For what a derivation adds, `of` is the quantity that a cotangent belongs to, `via` the
    one that a contribution comes through, and `numerator`/`denominator` are the elements of a local derivative
    (∂ numerator / ∂ denominator), written in `indices`. `order` counts the sweeps of its kind that led to it: 1 for a
    gradient of the layer's loss, 2 for one of the gradients' own. `mode` is the kind of sweep that a contribution is
    from: it is part of a cotangent, or of a tangent.
    """

    name: str
    indices: tuple[Index, ...]
    role: Role
    latex: str | None = None
    default: Rational | None = None
    of: str | None = None
    via: str | None = None
    numerator: Expr | None = None
    denominator: Expr | None = None
    order: int = 1
    mode: Mode = "reverse"

    @property
    def extents(self) -> tuple[str, ...]:
        return tuple(index.extent for index in self.indices)

    @property
    def element(self) -> Expr:
        """The general element, x[i, j]."""
        return reference(self.name, [index.symbol for index in self.indices])


@dataclass(frozen=True)
class Equation:
    """`name[indices] = expression`. `line` is where it stands in the layer file."""

    name: str
    indices: tuple[Index, ...]
    expression: Expr
    line: int | None = field(default=None, compare=False)

    @property
    def left(self) -> Expr:
        return reference(self.name, [index.symbol for index in self.indices])

    def at(self, indices: Sequence[Expr]) -> Expr:
        """The right side with the left side's indices replaced; `indices` must not be bound inside it."""
        renaming = {own.symbol: new for own, new in zip(self.indices, indices, strict=True)}
        replaced: Expr = self.expression.xreplace(renaming)
        return replaced


@dataclass(frozen=True)
class Fact:
    """`left relation right` for every value of the free `indices`."""

    left: Expr
    relation: Relation
    right: Expr
    indices: tuple[Index, ...] = ()
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Graph(Shown):
    """A layer, or a layer with its gradients: quantities, equations in an order in which they can be computed, facts.

    `quantities` lists inputs and constants first, in file order, then the intermediates in the order of `equations`.
    `outputs` names the equations whose cotangents are given; an equation that leads to none has no cotangent. `source`
    is the text as its author wrote it. `sweeps` are those that a graph with derivatives in it has behind it, the first
    one first; `former` names what it no longer has, but what still means something where it came from.
    """

    name: str
    description: str
    quantities: tuple[Quantity, ...]
    equations: tuple[Equation, ...]
    facts: tuple[Fact, ...]
    outputs: tuple[str, ...]
    source: str = field(default="", compare=False, repr=False)
    sweeps: tuple[Mode, ...] = ()
    former: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        inputs = ", ".join(quantity.name for quantity in self.inputs)
        return f"<Graph {self.name!r}: {inputs} -> {', '.join(self.outputs)}; {len(self.equations)} equations>"

    @cached_property
    def by_name(self) -> dict[str, Quantity]:
        return {quantity.name: quantity for quantity in self.quantities}

    @cached_property
    def equation_of(self) -> dict[str, Equation]:
        return {equation.name: equation for equation in self.equations}

    @cached_property
    def inputs(self) -> tuple[Quantity, ...]:
        """What must be given: inputs and constants, in file order."""
        return tuple(q for q in self.quantities if q.name not in self.equation_of)

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """The inputs that get a gradient: all but the constants."""
        return tuple(q.name for q in self.inputs if q.role != "constant")

    @cached_property
    def extents(self) -> tuple[str, ...]:
        """Every extent, in order of first appearance."""
        return tuple(dict.fromkeys(e for q in self.quantities for e in q.extents))

    @cached_property
    def uses(self) -> dict[str, tuple[str, ...]]:
        """For each quantity the names of the equations whose right sides use it and lead to an output, in order."""
        found: dict[str, list[str]] = {q.name: [] for q in self.quantities}
        leading = needed_for(self, self.outputs)
        for equation in self.equations:
            for name in names_in(equation.expression) if equation.name in leading else ():
                if name in found:
                    found[name].append(equation.name)
        return {name: tuple(users) for name, users in found.items()}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name in use: quantities, extents, free and bound indices. Fresh names keep away from them."""
        used = {q.name for q in self.quantities} | set(self.extents) | self.former
        used |= {index.name for q in self.quantities for index in q.indices}
        for equation in self.equations:
            used |= {index.name for index in equation.indices}
            used |= {s.name for s in equation.expression.atoms(Symbol)}
        return frozenset(used)


def reaching_outputs(graph: Graph) -> Graph:
    """The graph of derivatives as a layer of its own: only what its outputs depend on.

    What the last sweep was given comes first, then the inputs that there were before.
    """
    needed = needed_for(graph, graph.outputs)
    inputs = list(graph.inputs)
    own = max((place + 1 for place, q in enumerate(inputs) if q.of is None), default=0)
    computed = [graph.by_name[equation.name] for equation in graph.equations]
    quantities = [q for q in (*inputs[own:], *inputs[:own], *computed) if q.name in needed]
    facts = [f for f in graph.facts if {*names_in(f.left), *names_in(f.right)} <= needed]
    equations = tuple(e for e in graph.equations if e.name in needed)
    gone = graph.former | {q.name for q in graph.quantities if q.name not in needed}
    return replace(
        graph, quantities=tuple(quantities), equations=equations, facts=tuple(facts), former=gone
    )


def needed_for(graph: Graph, names: Iterable[str]) -> set[str]:
    """The names of some quantities, and of all that they are computed from."""
    needed = set(names)
    for equation in reversed(graph.equations):
        if equation.name in needed:
            needed.update(names_in(equation.expression))
    return needed


def names_in(expression: Expr) -> list[str]:
    """The names of the quantities in an expression, each once, in order of appearance."""
    found: dict[str, None] = {}

    def visit(node: object) -> None:
        if isinstance(node, Indexed) or (isinstance(node, Symbol) and not node.is_integer):
            name = name_of(node)
            if name is not None:
                found.setdefault(name)
        else:
            for argument in getattr(node, "args", ()):
                visit(argument)

    visit(expression)
    return list(found)


def fresh_name(wanted: Iterable[str], used: Iterable[str]) -> str:
    """The first of `wanted` that is not in `used`; when all are, the last with a number behind it."""
    taken = set(used)
    candidate = ""
    for candidate in wanted:
        if candidate not in taken:
            return candidate
    number = 1
    while f"{candidate}{number}" in taken:
        number += 1
    return f"{candidate}{number}"
