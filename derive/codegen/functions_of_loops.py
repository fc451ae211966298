"""One function of a module of loops: its plan, its arrays, the code that calls its kernel, and the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import sympy
from sympy import Expr, Symbol

from derive.codegen.contract import tuple_text
from derive.codegen.loops_printer import LoopPrinter
from derive.codegen.maxima import with_compared
from derive.codegen.residuals import cotangents_of, first_order_equations
from derive.codegen.scalars import price_of_calls
from derive.codegen.schedule.nodes import Loop, Stage, Store, walk
from derive.codegen.schedule.plan import Plan, arrays_of, numbers_of, plan_function
from derive.codegen.schedule.recompute import Saved
from derive.codegen.schedule.statements import Axis
from derive.codegen.schedule.work import work_of
from derive.codegen.wrapping import call, packed, prose
from derive.derivation import Derivation
from derive.functions import sigmoid
from derive.graph import Equation, Quantity, fresh_name, needed_for
from derive.printing.layout import Layout
from derive.printing.names import Names

_LOCALS = ("block", "blocks", "first", "last", "rows", "start", "stop", "stage", "width", "again", "check")
_TOTALS = {"sum": "_total", "max": "_largest", "prod": "_product"}


@dataclass(frozen=True)
class LoopFunction:
    """A function `name` with its plan.

    `known` are the quantities that it mentions, `outputs` those of its results that it returns, in their order, `alike`
    what it is given that has the dtype of the data: other arrays are statistics, in float64.
    """

    name: str
    plan: Plan
    known: Mapping[str, Quantity]
    outputs: tuple[Quantity, ...]
    taken: frozenset[str]
    alike: frozenset[str]

    # Functions that the compiler computes for several elements at once, and what they cost.
    cheap_calls: ClassVar[Mapping[type[Expr], int]] = {sympy.exp: 2, sigmoid: 4}

    # Names and sizes.

    @cached_property
    def names(self) -> dict[str, str]:
        """The names that the code needs for itself, away from those of the layer."""
        used = {*self.taken, *self.plan.shapes, *(axis.name for axis in self.plan.order)}
        return {name: fresh_name([name, f"{name}_"], used) for name in _LOCALS}

    @cached_property
    def sizes(self) -> dict[Axis, str]:
        """The name of how far each axis goes."""
        found: dict[Axis, str] = {}
        for axis in self.plan.order:
            one = len(axis.extents) == 1
            found[axis] = axis.extents[0] if one else fresh_name(["".join(axis.extents)], self.taken)
            if not axis.extents:
                found[axis] = "1"
        return found

    @cached_property
    def real(self) -> frozenset[str]:
        """The arrays that have the dtype of the data: given ones, and results that are returned."""
        return frozenset({*self.alike, *(quantity.name for quantity in self.outputs)})

    def is_number(self, name: str) -> bool:
        """Whether a result is one number, which the loops keep in an array of one element."""
        return name in self.plan.results and not self.plan.shapes[name]

    def extents(self) -> list[str]:
        """Every extent that the function needs to know."""
        found = dict.fromkeys(extent for axis in self.plan.order for extent in axis.extents)
        for stage in self.plan.stages:
            found |= dict.fromkeys(name for name in numbers_of(stage) if name in self._all_extents)
        return list(found)

    @property
    def _all_extents(self) -> set[str]:
        return {extent for quantity in self.known.values() for extent in quantity.extents}

    # The code around the kernel.

    def options(self) -> list[str]:
        """The parameters `out` and `threads`."""
        arrays = [quantity for quantity in self.outputs if quantity.indices]
        kind = "np.ndarray | None" if len(arrays) == 1 else "tuple[np.ndarray | None, ...] | None"
        return [*([f"out: {kind} = None"] if arrays else []), "threads: int | None = None"]

    def result_lines(self) -> list[str]:
        """The arrays that results are put into: those of `out`, or new ones."""
        plan = self.plan
        merged = {axis: size for axis, size in self.sizes.items() if len(axis.extents) > 1}
        lines = [f"    {size} = {' * '.join(axis.extents)}" for axis, size in merged.items()]
        arrays = [quantity for quantity in self.outputs if quantity.indices]
        if arrays:
            given = tuple_text([f'"{quantity.name}"' for quantity in arrays])
            outs = [f"{quantity.name}_out" for quantity in arrays]
            lines.append(f"    {', '.join(outs)}{',' * (len(outs) == 1)} = _outputs(out, {given})")
        inputs = tuple_text([name for name in plan.inputs if name in self.real]) if plan.inputs else "()"
        for quantity in arrays:
            shape = tuple_text(quantity.extents)
            arguments = [f'"{quantity.name}"', f"{quantity.name}_out", shape, "dtype", inputs]
            lines += call(f"{quantity.name} = _result", arguments, "")
        own = [name for name in plan.results if name not in {quantity.name for quantity in arrays}]
        for name in own:
            extents = self.known[name].extents
            lines.append(f"    {name} = np.empty({tuple_text(extents) if len(extents) > 1 else (*extents, '1')[0]})")
        return lines

    def body_lines(self) -> list[str]:
        """From checked arguments to results."""
        plan = self.plan
        lines = self.result_lines()
        lines += [f"    {buffer.name} = np.empty({self._shape(buffer.axes)})" for buffer in plan.buffers]
        lines += self._blocks()
        for part in plan.parts:
            shape = self._shape(part.axes, self.names["blocks"]) if part.axes else f"({self.names['blocks']}, 1)"
            lines.append(f"    {part.name}_parts = np.empty({shape})")
        passes = "".join("p" if stage.is_pass else "-" for stage in plan.stages)
        extent = self.sizes[plan.stripe] if plan.stripe else "0"
        values = packed("arguments = ", [self._argument(name) for name in self.parameters()], "")
        names = [self.names[name] for name in ("blocks", "width")]
        run = [f"_{self.name}", f'"{passes}"', extent, *names, "threads", "arguments"]
        return [*lines, *values, *call("_run", run, "")]

    def _blocks(self) -> list[str]:
        names, plan = self.names, self.plan
        length = self.sizes[plan.order[0]]
        size = self._elements()
        lines = [f"    threads = _threads(threads, {' * '.join(self.work())})"]
        if plan.stripe is None:
            lines.append(f"    {names['width']} = 0")
            lines.append(f"    {names['rows']} = _rows({length}, {size}, dtype.itemsize)")
        else:
            large = max(len(plan.shapes[name]) for name in plan.inputs)
            arrays = sum(len(plan.shapes[name]) == large for name in plan.inputs)
            arguments = [length, self.sizes[plan.stripe], size, str(arrays), "dtype.itemsize"]
            lines += call(f"{names['width']} = _stripe", arguments, "")
            whole = f"{length} if {names['width']} else"
            lines.append(f"    {names['rows']} = {whole} _rows({length}, {size}, dtype.itemsize)")
        lines.append(f"    {names['blocks']} = max(-(-{length} // {names['rows']}), 1)")
        return lines

    def _elements(self) -> str:
        """How many elements the largest array with the outermost axis has."""
        first = self.plan.order[0].symbol
        shapes = [self.plan.shapes[name] for name in (*self.plan.inputs, *self.plan.results)]
        shapes = [shape for shape in shapes if first in shape] or [(first,)]
        largest = max(shapes, key=len)
        return " * ".join(self.sizes[axis] for axis in self.plan.order if axis.symbol in largest)

    def work(self) -> list[str]:
        """How much there is to do, in elements that are only added and multiplied: factors of a product."""
        axes, worth = work_of(self.plan.stages, lambda expression: price_of_calls(expression, self.cheap_calls))
        return [*([str(worth)] if worth > 1 or not axes else []), *(self.sizes[axis] for axis in axes)]

    def _shape(self, axes: Sequence[Symbol], *before: str) -> str:
        by_symbol = {axis.symbol: self.sizes[axis] for axis in self.plan.order}
        sizes = [*before, *(by_symbol[axis] for axis in axes)]
        return sizes[0] if len(sizes) == 1 else tuple_text(sizes) if sizes else "1"

    def parameters(self) -> list[str]:
        """What the kernel takes, after the stage and the ranges."""
        plan = self.plan
        found = [self.names["rows"], *dict.fromkeys(size for size in self.sizes.values() if size.isidentifier())]
        numbers = dict.fromkeys(name for stage in plan.stages for name in numbers_of(stage))
        found += [name for name in numbers if name not in found]
        used = {name for stage in plan.stages for name in arrays_of(stage)}
        arrays = [*plan.inputs, *plan.results, *(buffer.name for buffer in plan.buffers)]
        found += [name for name in arrays if name in used]
        return found + [f"{part.name}_parts" for part in plan.parts]

    def _argument(self, parameter: str) -> str:
        """What is given for a parameter: an array as the loops see it."""
        quantity = self.known.get(parameter)
        shape = self.plan.shapes.get(parameter, ())
        if quantity is None or len(shape) == len(quantity.indices) or not shape:
            return parameter
        return f"{parameter}.reshape({self._shape(shape).strip('()')})"

    def finished(self, quantity: Quantity) -> str:
        """The text of a result that is returned."""
        if not quantity.indices:
            return f"dtype.type({quantity.name}[0])"
        return f"_finished({quantity.name}, {quantity.name}_out, dtype)"

    def kept(self, name: str) -> str:
        """The text of what is kept for backward: of a result that is in the caller's own array, a copy."""
        if self.is_number(name):
            return f"{name}[0].item()"
        given = name in {quantity.name for quantity in self.outputs}
        return f"_kept({name}, {name}_out)" if given else name

    # The kernel.

    def kernel_lines(self) -> list[str]:
        """The function that runs the stages, and the function of each stage."""
        lines = self._driver_lines()
        printer = LoopPrinter(self.plan, Layout(Names(self.known)), self.real, self.sizes, self.names)
        for number, stage in enumerate(self.plan.stages, 1):
            used = self._stage_parameters(stage, printer)
            lines += ["", "", "@_compiled", *packed(f"def {self._stage_name(number)}", used, ":", indent=0)]
            lines += [*self._stage_docstring(stage), *printer.stage_lines(stage)]
        return lines

    def _stage_name(self, number: int) -> str:
        return f"_{self.name}_{number}"

    def _stage_parameters(self, stage: Stage, printer: LoopPrinter) -> list[str]:
        """What a stage takes of the kernel's parameters."""
        names, plan = self.names, self.plan
        own = {buffer.name for buffer in stage.buffers}
        parts = [part.name for part in (*stage.parts, *printer.totals(stage))]
        used = {name for name in arrays_of(stage) if name not in own} | set(numbers_of(stage))
        used = {f"{name}_parts" if name in parts else name for name in used}
        axes = [node.axis for node in walk(stage.nodes) if isinstance(node, Loop)]
        axes += [self._axis_of(symbol) for buffer in stage.buffers for symbol in buffer.axes]
        used |= {self.sizes[axis] for axis in axes if axis != plan.stripe}
        used |= {f"{part.name}_parts" for part in stage.parts}
        head = [names["start"], names["stop"]] if plan.stripe and (plan.stripe in axes or stage.parts) else []
        head += [names["first"], names["last"], names["rows"]] if stage.is_pass else []
        return [*head, *(name for name in self.parameters() if name in used and name not in head)]

    def _axis_of(self, symbol: Symbol) -> Axis:
        return next(axis for axis in self.plan.order if axis.symbol == symbol)

    def _stage_docstring(self, stage: Stage) -> list[str]:
        what = "A pass over blocks of rows" if stage.is_pass else "What one thread does"
        stored = [node.array for node in walk(stage.nodes) if isinstance(node, Store)]
        found = dict.fromkeys([*(equation.name for equation in stage.equations), *stored])
        names = ", ".join(found)
        return prose(f'"""{what}: {names}."""', 4)

    def _driver_lines(self) -> list[str]:
        names, plan = self.names, self.plan
        head = [names["stage"], names["start"], names["stop"], names["first"], names["last"]]
        lines = ["@_compiled", *packed(f"def _{self.name}", [*head, *self.parameters()], ":", indent=0)]
        striped = "some columns, " if plan.stripe else ""
        lines += prose(
            f'"""Run all stages of `{self.name}` (stage 0) or one of them, for {striped}some blocks of rows; return'
            ' whether to run the last two again."""', 4
        )
        lines.append(f"    {names['again']} = False")
        printer = LoopPrinter(plan, Layout(Names(self.known)), self.real, self.sizes, self.names)
        for number in range(1, len(plan.stages) + 1):
            lines.append(f"    if {names['stage']} == 0 or {names['stage']} == {number}:")
            lines += self._calls(number, printer)
            settled = self._settled(number)
            if settled:
                lines += [f"        {names['again']} = {settled}"]
                lines += [f"        if {names['stage']} == 0 and {names['again']}:"]
                lines += [line for each in (number - 1, number) for line in self._calls(each, printer, indent=12)]
        return [*lines, f"    return {names['again']}"]

    def _calls(self, number: int, printer: LoopPrinter, indent: int = 8) -> list[str]:
        """The calls that make up a stage: the totals of what it needs from blocks first."""
        stage = self.plan.stages[number - 1]
        previous = self.plan.stages[number - 2] if number > 1 else None
        lines = []
        if previous is not None:
            lines += [f"{' ' * indent}{_TOTALS[part.kind]}({part.name}_parts)" for part in previous.parts]
        return [*lines, *packed(self._stage_name(number), self._stage_parameters(stage, printer), "", indent=indent)]

    def _settled(self, number: int) -> str:
        """The condition on which the pass before a stage is gone through once more."""
        stage = self.plan.stages[number - 1]
        stored = arrays_of(stage)
        texts = []
        for moments in self.plan.moments:
            if moments.spread in stored and not stage.is_pass:
                ends = [self.names["start"], self.names["stop"]] if self.plan.stripe else ["0", f"len({moments.shift})"]
                texts.append(f"_settle({', '.join([moments.shift, moments.offset, moments.spread, *ends])})")
        return " | ".join(texts)


def forward_function(derivation: Derivation, saved: Saved) -> LoopFunction:
    """`forward`: the outputs, and what backward is to be given."""
    graph = derivation.forward
    wanted = [*graph.outputs, *(q.name for q in saved.quantities if q.name in graph.equation_of)]
    needed = needed_for(graph, wanted)
    equations = [equation for equation in graph.equations if equation.name in needed]
    outputs = tuple(graph.by_name[name] for name in graph.outputs)
    given = [quantity.name for quantity in graph.inputs]
    return _function("forward", equations, graph.by_name, wanted, outputs, derivation, given)


def backward_function(derivation: Derivation, saved: Saved) -> LoopFunction:
    """`backward`: the gradients, from the cotangents and what was saved."""
    graph = derivation.backward
    equations = [*saved.equations, *first_order_equations(derivation)]
    outputs = tuple(graph.by_name[name] for name in graph.outputs)
    # What forward returns has the dtype of the data, too, and may be saved.
    given = [*(q.name for q in derivation.forward.inputs), *derivation.forward.outputs]
    given += [quantity.name for quantity in cotangents_of(derivation)]
    return _function("backward", equations, graph.by_name, graph.outputs, outputs, derivation, given)


def _function(
    name: str,
    equations: Sequence[Equation],
    known: Mapping[str, Quantity],
    results: Sequence[str],
    outputs: tuple[Quantity, ...],
    derivation: Derivation,
    given: Sequence[str],
) -> LoopFunction:
    graph = derivation.backward
    taken = {*graph.by_name, *graph.extents, *(f"{name}_out" for name in (*graph.outputs, *results))}
    equations, known = with_compared(equations, known, taken)
    exact = [result for result in results if result not in {quantity.name for quantity in outputs}]
    plan = plan_function(equations, known, results, exact, {*taken, *_LOCALS})
    return LoopFunction(name, plan, known, outputs, frozenset(taken), frozenset(given) & set(plan.inputs))
