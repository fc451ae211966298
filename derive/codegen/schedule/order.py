"""In which order the loops stand: as the elements of the largest arrays lie in memory."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Symbol

from derive.codegen.schedule.statements import Axis, Statements


def loop_order(program: Statements, first: Iterable[str] = ()) -> list[Axis]:
    """The axes from the outermost loop to the innermost. Arrays named `first` come before others of the same rank."""
    preferred = list(first)
    names = [*preferred, *(name for name in program.shapes if name not in preferred)]
    names.sort(key=lambda name: -len(program.shapes.get(name, ())))
    order: dict[Symbol, None] = {}
    for name in names:
        order |= dict.fromkeys(program.shapes.get(name, ()))
    by_symbol = {axis.symbol: axis for axis in program.axes}
    order |= dict.fromkeys(by_symbol)
    return [by_symbol[symbol] for symbol in order if symbol in by_symbol]


def stripe_axis(program: Statements, order: list[Axis], results: Iterable[str]) -> Axis | None:
    """The second axis, if all work can be split along it: every statement and result with any axes at all has it.

    Then no sum crosses stripes of it, and all passes over a stripe can follow each other while it is in the cache.
    """
    if len(order) < 2:
        return None
    symbol = order[1].symbol
    wanted = set(results)
    for statement in program.statements:
        if symbol in statement.bound or (statement.name in wanted and symbol not in statement.axes):
            return None
        if order[0].symbol in statement.domain and symbol not in statement.axes:
            return None
    return order[1]
