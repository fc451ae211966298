"""Equations taken apart into passes over tiles of rows: what is summed up over the rows in which, what waits for that.

    Input    the equations of a function, and which of their results are wanted
    Output   passes: statements on rows, and the statements without rows that come before each

Rows are the first axis of the largest arrays. What another pass needs is there already if it is wanted; else it is
computed again: that is cheap while the tile is in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Indexed, Symbol
from sympy.core.relational import Relational

from derive.codegen.products import maximal_sets
from derive.codegen.schedule.moments import use_moments
from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of, names_of, take_equations_apart
from derive.functions import delta, limits_of
from derive.graph import Equation, Quantity, name_of
from derive.indices import REDUCTIONS, free_indices
from derive.printing.layout import Layout
from derive.printing.names import Names


@dataclass
class Pass:
    """`before` are the statements without rows, `statements` those on rows; `sums` of these are over all rows."""

    before: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    sums: list[Statement] = field(default_factory=list)


@dataclass(frozen=True)
class Tiling:
    """The passes; the last one may have nothing on rows. `extent` is that of the rows, `shapes` the axes of arrays."""

    extent: str
    passes: tuple[Pass, ...]
    shapes: Mapping[str, tuple[str, ...]]

    def has_rows(self, name: str) -> bool:
        return self.shapes.get(name, ())[:1] == (self.extent,)


def tiling_of(equations: Sequence[Equation], known: Mapping[str, Quantity], wanted: Sequence[str]) -> Tiling | None:
    """The passes of a function; None where it cannot be cut into rows."""
    if not equations or _has_contraction(equations):
        return None
    statements = _in_fewer_passes(take_equations_apart(equations, known, Layout(Names(known)), known), known)
    shapes = {quantity.name: quantity.extents for quantity in known.values()}
    largest = max((shapes[n] for s in statements for n in names_of(s.expression) if n in shapes), key=len, default=())
    if len(largest) < 2 or largest.count(largest[0]) > 1:
        return None
    extents = {}
    for statement in statements:
        extents[statement.name] = extents_of(statement, shapes)
        shapes[statement.name] = tuple(extents[statement.name][symbol] for symbol in statement.axes)
    if not all(_is_tileable(s, extents[s.name], shapes, largest[0]) for s in statements):
        return None
    return Tiling(largest[0], _passes(statements, shapes, largest[0], set(wanted)), shapes)


def _in_fewer_passes(statements: Sequence[Statement], known: Mapping[str, Quantity]) -> list[Statement]:
    """The statements with the squares about a mean in the pass that finds what rounding took from it."""
    extents: dict[Symbol, set[str]] = {}
    for statement in statements:
        for symbol, extent in statement.extents.items():
            extents.setdefault(symbol, set()).add(extent)
    axes = [Axis(symbol.name, tuple(names)) for symbol, names in extents.items() if len(names) == 1]
    shapes = {s.name: s.axes for s in statements}
    return use_moments(Statements(list(statements), axes, shapes), None, known)[0].statements


def _has_contraction(equations: Sequence[Equation]) -> bool:
    """Whether a sum is one of products of arrays whose indices differ, as a matrix product is."""
    sums = [node for equation in equations for node in equation.expression.atoms(*REDUCTIONS)]
    return any(len(maximal_sets([frozenset(e.indices) for e in node.function.atoms(Indexed)])) > 1 for node in sums)


def extents_of(statement: Statement, shapes: Mapping[str, tuple[str, ...]]) -> dict[Symbol, str]:
    """The extent of each index of a statement, free or bound; `shapes` has those of the arrays in it."""
    found: dict[Symbol, str] = {}
    if statement.equation is not None:
        found |= {index.symbol: index.extent for index in statement.equation.indices}
        for node in statement.equation.expression.atoms(*REDUCTIONS):
            found |= {symbol: extent.name for symbol, extent in limits_of(node)}
    for element in elements_of(statement.expression):
        found |= dict(zip(element.indices, shapes[name_of(element) or ""], strict=True))
    return found


def _is_tileable(
    statement: Statement, extents: Mapping[Symbol, str], shapes: Mapping[str, tuple[str, ...]], rows: str
) -> bool:
    """Whether a statement is the same on a tile of rows: they are its first axis, and one index stands for them."""
    symbols = {symbol for symbol in statement.domain if extents.get(symbol) == rows}
    if not symbols:
        whole = statement.kind == "map" or set(free_indices(statement.expression)) == statement.domain
        return whole and rows not in shapes[statement.name]
    (symbol,) = symbols if len(symbols) == 1 else (None,)
    if symbol is None or statement.expression.atoms(delta, Relational):
        return False
    for element in elements_of(statement.expression):
        places = [place for place, index in enumerate(element.indices) if extents[index] == rows]
        if places not in ([], [0]) or len(set(element.indices)) < len(element.indices):
            return False
    if symbol in statement.bound:
        return statement.kind == "sum" and rows not in shapes[statement.name]
    return statement.axes[0] == symbol and set(free_indices(statement.expression)) == statement.domain


def _passes(
    statements: Sequence[Statement], shapes: Mapping[str, tuple[str, ...]], rows: str, wanted: set[str]
) -> tuple[Pass, ...]:
    by_name = {statement.name: statement for statement in statements}
    on_rows = {s.name for s in statements if shapes[s.name][:1] == (rows,)}
    ready: dict[str, int] = {}  # the first pass that can use it
    sums = set()
    for statement in statements:
        earliest = max((ready.get(name, 0) for name in names_of(statement.expression)), default=0)
        uses_rows = any(shapes.get(n, ())[:1] == (rows,) for n in names_of(statement.expression))
        summed = statement.name not in on_rows and uses_rows
        sums |= {statement.name} if summed else set()
        ready[statement.name] = earliest + summed
    passes = [Pass() for _ in range(max(ready.values()) + 1)]
    added: set[tuple[str, int]] = set()  # or a diamond of equations would be gone through along each of its paths

    def add(name: str, number: int) -> None:
        """Have what is on rows computed in a pass, with what it needs and no earlier pass has kept."""
        if (name, number) in added:
            return
        added.add((name, number))
        statement = by_name[name]
        for other in names_of(statement.expression):
            if other in on_rows and not (other in wanted and ready[other] < number):
                add(other, number)
        passes[number].statements.append(statement)

    for statement in statements:
        if statement.name in sums:
            add(statement.name, ready[statement.name] - 1)
            passes[ready[statement.name] - 1].sums.append(statement)
        elif statement.name not in on_rows:
            passes[ready[statement.name]].before.append(statement)
        elif statement.name in wanted:
            add(statement.name, ready[statement.name])
    return tuple(passes)
