"""A function as a plan: its stages, and every array and number that they need.

    Input    the equations of the function, what is known before, which results are wanted
    Output   a Plan, which loops.py and c.py print
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Indexed, Symbol

from derive.codegen.schedule.affine import scale_once
from derive.codegen.schedule.hoist import hoist
from derive.codegen.schedule.moments import Moments, use_moments
from derive.codegen.schedule.nest import Nest
from derive.codegen.schedule.nodes import Accumulate, Buffer, End, Let, Loop, Stage, Start, Store, walk
from derive.codegen.schedule.order import loop_order, stripe_axis
from derive.codegen.schedule.shared_axes import on_shared_axes
from derive.codegen.schedule.statements import (
    Axis,
    Statement,
    Statements,
    maximized,
    merge_equal,
    names_of,
    renamed,
    take_equations_apart,
)
from derive.graph import Equation, Quantity, fresh_name
from derive.printing.layout import Layout
from derive.printing.names import Names


@dataclass(frozen=True)
class Plan:
    """A function: stages over arrays.

    `order` has the loops from the outermost, `stripe` the axis along which all work can be split, if there is one.
    `inputs` are arrays that are read, `results` arrays that are written, `buffers` those that stages share; `shapes`
    has the axes of each. `parts` are the reductions that every block has a part of. `moments` are the means that a
    pass finds about a shift, `settling` the number of the pass that may have to be gone through once more.
    """

    stages: tuple[Stage, ...]
    order: tuple[Axis, ...]
    stripe: Axis | None
    inputs: tuple[str, ...]
    results: tuple[str, ...]
    buffers: tuple[Buffer, ...]
    parts: tuple[Statement, ...]
    numbers: tuple[str, ...]
    shapes: Mapping[str, tuple[Symbol, ...]]
    moments: tuple[Moments, ...]

    @property
    def passes(self) -> int:
        """How often the large arrays are gone through."""
        return sum(stage.is_pass for stage in self.stages)


def plan_function(
    equations: Sequence[Equation],
    known: Mapping[str, Quantity],
    results: Sequence[str],
    exact: Collection[str],
    taken: Iterable[str],
) -> Plan:
    """The plan of a function that computes some equations.

    `known` are all quantities that these mention, `results` what is wanted, `exact` those results that are kept in
    float64 whatever the dtype of the data, `taken` names not to be given again.
    """
    reserved = {*taken, *known}
    layout = Layout(Names(known))
    statements = take_equations_apart(equations, known, layout, reserved)
    used = {name for s in statements for name in (s.name, *names_of(s.expression))}
    program = on_shared_axes(statements, {name: q for name, q in known.items() if name in used}, reserved)
    program = merge_equal(program, results)
    order = loop_order(program, [*results, *known]) or [Axis(fresh_name(["once"], reserved), ())]
    program = replace_axes(program, order)
    program, own = use_moments(program, order[0], reserved)
    program = _with_values(program, results, exact, order[0], reserved)
    compared = maximized(program)
    program = hoist(scale_once(program, order[0], {*results, *compared}, reserved), reserved)
    kept = [name for one in own for name in (one.offset, one.spread) if name]
    nest = Nest(program, order, [name for name in results if name in program.by_name], kept, compared)
    stages = tuple(nest.stages())
    return _collected(program, stages, order, results, nest.buffers, own)


def replace_axes(program: Statements, order: Sequence[Axis]) -> Statements:
    """The program with its axes in the order of the loops."""
    return Statements(program.statements, list(order), program.shapes)


def _with_values(
    program: Statements, results: Sequence[str], exact: Collection[str], outermost: Axis, taken: set[str]
) -> Statements:
    """The program with a value of its own for each result that is computed with further.

    The result itself has the dtype of the data, and a sum over the outermost axis is there only once all parts are.
    """
    used = {name for statement in program.statements for name in names_of(statement.expression)}
    statements: list[Statement] = []
    renaming: dict[str, str] = {}
    for statement in program.statements:
        whole = outermost.symbol in statement.bound
        statement = replace(statement, expression=renamed(statement.expression, renaming))
        if statement.name in results and (whole or (statement.name in used and statement.name not in exact)):
            name = fresh_name([f"{statement.name}_{'total' if whole else 'value'}"], {*taken, *program.shapes})
            renaming[statement.name] = name
            value = replace(statement, name=name)
            statements += [value, Statement(statement.name, "map", statement.axes, (), value.element, None)]
        else:
            statements.append(statement)
    shapes = program.shapes | {s.name: s.axes for s in statements}
    return Statements(statements, program.axes, shapes)


def _collected(
    program: Statements,
    stages: tuple[Stage, ...],
    order: list[Axis],
    wanted: Sequence[str],
    buffers: Sequence[Buffer],
    moments: Sequence[Moments],
) -> Plan:
    statements = program.by_name
    results = tuple(dict.fromkeys(name for name in wanted if name in statements))
    external = dict.fromkeys(
        name for s in program.statements for name in names_of(s.expression) if name not in statements
    )
    inputs = tuple(name for name in external if program.shapes.get(name))
    numbers = tuple(name for name in external if not program.shapes.get(name))
    parts = tuple(part for stage in stages for part in stage.parts)
    stripe = stripe_axis(program, order, results) if sum(stage.is_pass for stage in stages) > 1 else None
    return Plan(
        stages, tuple(order), stripe, inputs, results, tuple(buffers), parts, numbers, program.shapes, tuple(moments)
    )


def arrays_of(stage: Stage) -> list[str]:
    """The names of the arrays that a stage reads or writes, in order of appearance."""
    found: dict[str, None] = {}
    for node in walk(stage.nodes):
        if isinstance(node, (Loop, End)):
            continue
        if not isinstance(node, Start):
            found |= dict.fromkeys(str(e.base.label) for e in sorted_elements(node.expression))
        if isinstance(node, Store):
            found.setdefault(node.array)
        elif isinstance(node, (Start, Accumulate)) and (node.axes if isinstance(node, Start) else node.indices):
            found.setdefault(node.name)
    return list(found)


def sorted_elements(expression: Expr) -> list[Indexed]:
    """The elements of arrays in an expression, in order of appearance."""
    if isinstance(expression, Indexed):
        return [expression]
    return [element for argument in expression.args for element in sorted_elements(argument)]


def numbers_of(stage: Stage) -> list[str]:
    """The names of the numbers and extents that a stage is given, in order of appearance."""
    found: dict[str, None] = {}
    own: set[str] = set()
    for node in walk(stage.nodes):
        if isinstance(node, Loop):
            own.add(node.axis.name)
        elif isinstance(node, (Let, Start)):
            own.add(node.name)
        if not isinstance(node, (Loop, Start, End)):
            found |= {symbol.name: None for symbol in _symbols(node.expression)}
    return [name for name in found if name not in own]


def _symbols(expression: Expr) -> list[Symbol]:
    if isinstance(expression, Symbol):
        return [expression]
    return [] if isinstance(expression, Indexed) else [s for argument in expression.args for s in _symbols(argument)]
