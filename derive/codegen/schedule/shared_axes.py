"""Axes that statements share: an index of an equation becomes a loop that others can be in, too.

An axis is an extent and how many times it occurred before in the same statement, so that loops over the same extent
can be one loop. Axes that always stand side by side, such as h and w of images, are one axis.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Symbol

from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of, names_of
from derive.functions import delta
from derive.graph import Quantity, fresh_name, name_of
from derive.syntax.names import RESERVED


def on_shared_axes(
    statements: Sequence[Statement], known: Mapping[str, Quantity], taken: Iterable[str]
) -> Statements:
    """The statements with their indices replaced by axes that they share, and neighbors merged."""
    return _Renamer(statements, known, taken).result()


class _Renamer:
    def __init__(self, statements: Sequence[Statement], known: Mapping[str, Quantity], taken: Iterable[str]) -> None:
        self._statements = list(statements)
        self._known = known
        self._taken = set(taken)
        self._extent_of: dict[str, tuple[str, ...]] = {q.name: q.extents for q in known.values()}
        self._axes: dict[tuple[str, int], Axis] = {}

    def result(self) -> Statements:
        for quantity in self._known.values():  # so that an axis has the name that most arrays give it
            self._shape(quantity)
        renamed = [self._renamed(statement) for statement in self._statements]
        shapes = {statement.name: statement.axes for statement in renamed}
        for name in dict.fromkeys(n for s in renamed for n in names_of(s.expression) if n not in shapes):
            shapes[name] = self._shape(self._known[name])
        used = {symbol for shape in shapes.values() for symbol in shape} | {b for s in renamed for b in s.bound}
        axes = [axis for axis in self._axes.values() if axis.symbol in used]
        return merge_axes(Statements(renamed, axes, shapes), self._taken)

    def _shape(self, quantity: Quantity) -> tuple[Symbol, ...]:
        counts: dict[str, int] = {}
        shape = []
        for index in quantity.indices:
            shape.append(self._axis(index.extent, counts.setdefault(index.extent, 0), index.name).symbol)
            counts[index.extent] += 1
        return tuple(shape)

    def _renamed(self, statement: Statement) -> Statement:
        extents = statement.extents
        self._extent_of[statement.name] = tuple(extents[symbol] for symbol in statement.axes)
        counts: dict[str, int] = {}
        renaming: dict[Symbol, Symbol] = {}
        for symbol in (*statement.axes, *statement.bound):
            number = counts.setdefault(extents[symbol], 0)
            counts[extents[symbol]] += 1
            renaming[symbol] = self._axis(extents[symbol], number, symbol.name).symbol
        return replace(
            statement,
            axes=tuple(renaming[symbol] for symbol in statement.axes),
            bound=tuple(renaming[symbol] for symbol in statement.bound),
            expression=statement.expression.xreplace(renaming),
        )

    def _axis(self, extent: str, number: int, wanted: str) -> Axis:
        axis = self._axes.get((extent, number))
        if axis is None:
            used = {axis.name for axis in self._axes.values()} | self._taken
            axis = Axis(fresh_name([wanted, *"ijklmnpqrst"], used), (extent,))
            self._axes[extent, number] = axis
        return axis


def merge_axes(program: Statements, taken: Iterable[str]) -> Statements:
    """Axes that stand side by side wherever one of them stands, as one axis."""
    for first in program.axes:
        for second in program.axes:
            if first is not second and _always_together(program, first.symbol, second.symbol):
                used = {*taken, *(axis.name for axis in program.axes), *RESERVED, *keyword.kwlist, "do"}  # "do" is C's
                name = fresh_name([first.name + second.name], used)
                merged = Axis(name, first.extents + second.extents)
                return merge_axes(_merged(program, first, second, merged), taken)
    return program


def _always_together(program: Statements, first: Symbol, second: Symbol) -> bool:
    accesses = [*program.shapes.items()]
    for statement in program.statements:
        accesses.append((statement.name, statement.axes))
        accesses += [(str(name_of(element)), element.indices) for element in elements_of(statement.expression)]
        if (first in statement.bound) != (second in statement.bound):
            return False
        if any({first, second} & set(node.args) for node in statement.expression.atoms(delta)):
            return False
    places: dict[str, set[int]] = {}
    for name, indices in accesses:
        place = indices.index(first) if first in indices else -1
        both, count = indices[place : place + 2] == (first, second), indices.count(first) + indices.count(second)
        if count and (not both or count > 2):
            return False
        places.setdefault(name, set()).add(place)
    # An array is merged at one place, or nowhere.
    return all(len(found) == 1 for found in places.values()) and any(found != {-1} for found in places.values())


def _merged(program: Statements, first: Axis, second: Axis, merged: Axis) -> Statements:
    def short(indices: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        return tuple(merged.symbol if s == first.symbol else s for s in indices if s != second.symbol)

    def inside(expression: Expr) -> Expr:
        elements = {e: e.func(e.base, *short(e.indices)) for e in elements_of(expression)}
        replaced: Expr = expression.xreplace(elements)
        return replaced

    statements = [
        replace(s, axes=short(s.axes), bound=short(s.bound), expression=inside(s.expression))
        for s in program.statements
    ]
    axes = [merged if axis is first else axis for axis in program.axes if axis is not second]
    return Statements(statements, axes, {name: short(shape) for name, shape in program.shapes.items()})
