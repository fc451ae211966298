"""One function of a C file: the stages as static functions, and the public function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from sympy import Symbol

from derive.codegen.c_names import c_names
from derive.codegen.c_printer import CPrinter, code
from derive.codegen.functions_of_loops import LoopFunction
from derive.codegen.residuals import cotangents_of
from derive.codegen.runtime_c import identifiers
from derive.codegen.schedule.nodes import Accumulate, Buffer, Stage, Start, Store, walk
from derive.codegen.schedule.statements import Axis
from derive.codegen.wrapping import KEPT, WIDTH, prose
from derive.derivation import Derivation
from derive.graph import fresh_name
from derive.printing.layout import Layout
from derive.printing.names import Names

_LOCALS = (
    "first", "last", "start", "stop", "chunk", "end", "streaming", "threads", "elements", "width", "stripes", "rows",
    "blocks", "stripe", "block", "memory", "round", "again", "check",
)  # fmt: skip
_TOTALS = {"sum": "add_parts", "max": "compare_parts", "prod": "multiply_parts"}
# Between the buffers of two threads there is a line of the cache.
_APART = 8


@dataclass(frozen=True)
class CFunction(LoopFunction):
    """A LoopFunction in C.

    `cotangents` are those given, `given` all that has the type of the data: these, the layer's inputs and its outputs,
    which backward may be given.
    """

    cotangents: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()

    @classmethod
    def of(cls, function: LoopFunction, derivation: Derivation) -> CFunction:
        """The same function, in C."""
        own = {one.name: getattr(function, one.name) for one in fields(function)}
        graph = derivation.forward
        cotangents = frozenset(quantity.name for quantity in cotangents_of(derivation))
        given = cotangents.union((q.name for q in graph.inputs), graph.outputs)
        return cls(**own, cotangents=cotangents, given=given)

    # Names, sizes and types.

    @cached_property
    def names(self) -> dict[str, str]:
        """The names that the code needs for itself, away from those of the layer; `threads` is no layer's."""
        used = {*self.taken, *self.plan.shapes, *(axis.name for axis in self.plan.order)}
        return {name: fresh_name([name, f"{name}_", f"own_{name}"], used) for name in _LOCALS}

    @cached_property
    def name_of(self) -> Callable[[str], str]:
        """What anything is called in C."""
        own = self.names.values()
        return c_names([*self.taken, *self.plan.shapes, *(axis.name for axis in self.plan.order), *own])

    @cached_property
    def lengths(self) -> dict[Axis, str]:
        """How far each axis goes, in C."""
        return {axis: self.name_of(size) for axis, size in self.sizes.items()}

    @cached_property
    def real(self) -> frozenset[str]:
        """The arrays that have the type of the data: given ones, and results that are returned; numbers are double."""
        results = {quantity.name for quantity in self.outputs if quantity.indices}
        return frozenset(self.given.intersection(self.plan.inputs) | results)

    # The public function.

    def arguments(self) -> list[tuple[str, str, str]]:
        """What it takes, in order: the type, the name, and what it is; `threads` comes after that."""
        plan = self.plan
        found = [("int64_t", extent, "extent") for extent in self._used_extents]
        outputs = {quantity.name for quantity in self.outputs}
        given = [name for name in (*plan.inputs, *plan.numbers) if name in self.known]
        given.sort(key=lambda name: (name not in self.cotangents, name not in self.given, self._place(name)))
        for name in given:
            kind = "double" if name in plan.numbers else "const real *" if name in self.real else "const double *"
            found.append((kind, name, self._meaning(name, given=True)))
        for name in sorted(plan.results, key=lambda name: (name not in outputs, self._place(name))):
            found.append(("real *" if name in self.real else "double *", name, self._meaning(name, given=False)))
        return found

    def _place(self, name: str) -> int:
        """The order of the layer."""
        return list(self.known).index(name)

    def _meaning(self, name: str, given: bool) -> str:
        quantity = self.known[name]
        shape = f"array [{', '.join(quantity.extents)}]" if quantity.indices else "number"
        is_output = name in {q.name for q in self.outputs}
        if given and name in self.given:
            return shape
        if given:
            return f"as saved by forward, {shape}"
        return f"result, {shape}" if is_output else f"saved for backward, {shape}"

    @cached_property
    def _used_extents(self) -> list[str]:
        body = identifiers("\n".join((*self._body, *self.stage_lines)))
        return [extent for extent in self.extents() if self.name_of(extent) in body]

    def public_lines(self, layer: str) -> list[str]:
        """The function that is called from outside."""
        named = [(kind, self.name_of(name)) for kind, name, _ in self.arguments()] + [("int", self.names["threads"])]
        parameters = [f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}" for kind, name in named]
        lines = [line for text in self._body for line in code(text.lstrip(), len(text) - len(text.lstrip()))]
        return [*_head(f"int {layer}_{self.name}(", parameters), "{", *lines, "}"]

    def declaration(self, layer: str, real: str) -> str:
        """Its prototype without the names of parameters, for a type of the data."""
        kinds = [kind.replace("real", real) for kind, _, _ in self.arguments()]
        return f"int {layer}_{self.name}({', '.join([*kinds, 'int'])});"

    @cached_property
    def _body(self) -> list[str]:
        plan, names = self.plan, self.names
        if plan.stripe is not None:
            calls = [f"if ({names['width']} > 0) {{", *_indented(self._striped()), "} else {"]
            calls += [*_indented(self._in_blocks()), "}"]
        else:
            calls = self._in_blocks()
        lines = [*self._memory(), *calls, *([f"free({names['memory']});"] if self._buffers else []), "return 0;"]
        used = identifiers("\n".join(lines))
        for name, line in reversed(self._numbers().items()):
            if name in used:
                lines.insert(0, line)
                used |= identifiers(line)
        return _indented(lines if names["threads"] in used else [f"(void){names['threads']};", *lines])

    def _numbers(self) -> dict[str, str]:
        """The lines that work out how the work is split, by the name that each of them sets."""
        names, plan = self.names, self.plan
        length, elements, threads = self.lengths[plan.order[0]], names["elements"], names["threads"]
        products = {size: axis.extents for axis, size in self.lengths.items() if axis.extents[1:]}
        products[elements] = tuple(self._elements().split(" * "))
        found = {
            name: f"const int64_t {name} = {_times(map(self.name_of, extents))};" for name, extents in products.items()
        }
        rows = f"rows_of_block({length}, {elements})"
        if plan.stripe is not None:
            large = max(len(plan.shapes[name]) for name in plan.inputs)
            arrays = sum(len(plan.shapes[name]) == large for name in plan.inputs)
            width = f"width_of_stripe({length}, {self.lengths[plan.stripe]}, {elements}, {arrays})"
            found[names["width"]] = f"const int64_t {names['width']} = {width};"
            rows = f"{names['width']} > 0 ? larger_index({length}, 1) : {rows}"
        found[names["rows"]] = f"const int64_t {names['rows']} = {rows};"
        whole = f"({length} + {names['rows']} - 1) / {names['rows']}"
        found[names["blocks"]] = f"const int64_t {names['blocks']} = larger_index({whole}, 1);"
        work = _times(map(self.name_of, self.work())) or "1"
        found[threads] = f"{threads} = thread_count({threads}, {work});"
        found[names["streaming"]] = f"const int {names['streaming']} = is_streamed({elements});"
        return found

    # Memory.

    @cached_property
    def _buffers(self) -> dict[str, str]:
        """How many numbers each array of this function's own has."""
        found = {buffer.name: self._size(buffer.axes) for buffer in self.plan.buffers}
        for part in self.plan.parts:
            found[part.name] = _times([self.names["blocks"], self._size(part.axes)])
        for buffer in self._own_buffers:
            found[buffer.name] = _times([f"({self._size(buffer.axes)} + {_APART})", self.names["threads"]])
        return found

    @property
    def _own_buffers(self) -> list[Buffer]:
        """Those that each thread has for itself."""
        return [buffer for stage in self.plan.stages for buffer in stage.buffers]

    def _size(self, axes: Sequence[Symbol]) -> str:
        return _times([self.lengths[self._axis_of(symbol)] for symbol in axes])

    def _memory(self) -> list[str]:
        if not self._buffers:
            return []
        memory = self.names["memory"]
        # One more, so that there is never nothing to ask for.
        needed = " + ".join([*self._buffers.values(), "1"])
        lines = [f"double *const {memory} = malloc(sizeof(double) * (size_t)({needed}));"]
        lines += [f"if ({memory} == NULL) {{", "    return 1;", "}"]
        place = memory
        for name, size in self._buffers.items():
            lines.append(f"double *const {self.name_of(name)} = {place};")
            place = f"{self.name_of(name)} + {size}"
        return lines

    # The stages, called.

    def _in_blocks(self) -> list[str]:
        names = self.names
        stripe = {names["start"]: "0", names["stop"]: self.lengths[self.plan.stripe] if self.plan.stripe else "0"}
        rows, length = names["rows"], self.lengths[self.plan.order[0]]
        block = {
            names["first"]: f"{names['block']} * {rows}",
            names["last"]: f"smaller_index(({names['block']} + 1) * {rows}, {length})",
        }

        def lines_of(number: int) -> list[str]:
            stage = self.plan.stages[number - 1]
            if not stage.is_pass:
                return self._call(number, stripe)
            lines = [
                f"#pragma omp parallel for num_threads({names['threads']}) schedule(static)",
                f"for (int64_t {names['block']} = 0; {names['block']} < {names['blocks']}; {names['block']}++) {{",
                *_indented(self._call(number, {**stripe, **block})),
                "}",
            ]
            for part in stage.parts:
                size = self._size(part.axes)
                lines.append(f"{_TOTALS[part.kind]}({self.name_of(part.name)}, {names['blocks']}, {size});")
            return lines

        return self._in_order(lines_of, {names["start"]: "0", names["stop"]: ""})

    def _striped(self) -> list[str]:
        names = self.names
        assert self.plan.stripe is not None
        extent, width = self.lengths[self.plan.stripe], names["width"]
        given = {
            names["start"]: names["start"], names["stop"]: names["stop"],
            names["first"]: "0", names["last"]: self.lengths[self.plan.order[0]],
        }  # fmt: skip
        return [
            f"#pragma omp parallel for num_threads({names['threads']}) schedule(static)",
            f"for (int64_t {names['start']} = 0; {names['start']} < {extent}; {names['start']} += {width}) {{",
            f"    const int64_t {names['stop']} = smaller_index({names['start']} + {width}, {extent});",
            *_indented(self._in_order(lambda number: self._call(number, given, blocks=False), given)),
            "}",
        ]

    def _in_order(self, lines_of: Callable[[int], list[str]], stripe: dict[str, str]) -> list[str]:
        """All stages; a pass with means about a shift, and what follows it, once more where the shift was too far."""
        lines: list[str] = []
        round_, again = self.names["round"], self.names["again"]
        for number in range(1, len(self.plan.stages) + 1):
            settled = self._settles(number, stripe)
            own = lines_of(number)
            if settled:
                before = lines_of(number - 1)
                lines = lines[: len(lines) - len(before)]
                lines.append(f"for (int {round_} = 0, {again} = 1; {again}; {round_}++) {{")
                condition = f"{round_} == 0 && {settled[0]}"
                if len(settled) > 1:
                    condition = f"{round_} == 0 && ({' | '.join(settled)})"
                lines += [*_indented([*before, *own, f"{again} = {condition};"]), "}"]
            else:
                lines += own
        return lines

    def _settles(self, number: int, stripe: dict[str, str]) -> list[str]:
        """The calls that move the shifts which a stage has found to be far off."""
        stage = self.plan.stages[number - 1]
        written = {node.array for node in walk(stage.nodes) if isinstance(node, Store)}
        calls = []
        for moments in self.plan.moments:
            if moments.spread in written:
                axes = self.plan.shapes[moments.shift]
                start, stop = stripe[self.names["start"]], stripe[self.names["stop"]]
                if stop:
                    inner = self._size(axes[1:])
                    start, stop = _times([start, inner]), _times([stop, inner])
                arrays = [self.name_of(name) for name in (moments.shift, moments.offset, moments.spread)]
                calls.append(f"settle({', '.join([*arrays, start, stop or self._size(axes)])})")
        return calls

    def _call(self, number: int, given: dict[str, str], blocks: bool = True) -> list[str]:
        stage = self.plan.stages[number - 1]
        own = {self.name_of(buffer.name): buffer for buffer in stage.buffers}
        parts = {self.name_of(part.name): part for part in stage.parts}
        arguments = []
        for _, name in self._parameters_of(number):
            if name in own:
                arguments.append(f"{name} + thread_number() * ({self._size(own[name].axes)} + {_APART})")
            elif name in parts and blocks:
                arguments.append(f"{name} + {_times([self.names['block'], self._size(parts[name].axes)])}")
            else:
                arguments.append(given.get(name, name))
        return [f"{self.name}_{number}({', '.join(arguments)});"]

    # The stages themselves.

    @cached_property
    def _bodies(self) -> list[list[str]]:
        printer = CPrinter(
            self.plan, Layout(Names(self.known)), self.real, self.lengths, self.name_of, self.names
        )
        return [printer.stage_lines(stage) for stage in self.plan.stages]

    def _parameters_of(self, number: int) -> list[tuple[str, str]]:
        """The type and the name of what a stage takes: what its text mentions."""
        stage = self.plan.stages[number - 1]
        used = identifiers("\n".join(self._bodies[number - 1]))
        written = _written(stage)
        found = [("int64_t ", self.names[name]) for name in ("first", "last", "start", "stop")]
        found += [("int64_t ", size) for size in self.lengths.values()]
        found += [("int64_t ", self.name_of(extent)) for extent in self.extents()]
        found += [("double ", self.name_of(name)) for name in self.plan.numbers]
        arrays = [*self.plan.inputs, *self.plan.results]
        arrays += [buffer.name for buffer in (*self.plan.buffers, *stage.buffers)]
        arrays += [part.name for part in self.plan.parts]
        for name in arrays:
            kind = "real" if name in self.real else "double"
            found.append((f"{'' if name in written else 'const '}{kind} *restrict ", self.name_of(name)))
        found.append(("int ", self.names["streaming"]))
        by_name = {name: kind for kind, name in reversed(found)}
        return [(by_name[name], name) for name in dict.fromkeys(name for _, name in found) if name in used]

    @cached_property
    def stage_lines(self) -> list[str]:
        """The functions of all stages."""
        lines: list[str] = []
        for number, (stage, body) in enumerate(zip(self.plan.stages, self._bodies, strict=True), 1):
            what = "A pass over some rows" if stage.is_pass else "What one thread does"
            found = dict.fromkeys(equation.name for equation in stage.equations)
            listed = f"{what}{': ' if found else ''}{', '.join(found)}."
            parameters = [f"{kind}{name}" for kind, name in self._parameters_of(number)]
            head = _head(f"static void {self.name}_{number}(", parameters or ["void"])
            lines += [*(f"// {line}" for line in prose(listed)), *head, "{", *body, "}", ""]
        return lines[:-1]

    # The Python that calls it.

    def body_lines(self) -> list[str]:
        """From checked arguments to results, by a call of the function in C."""
        arguments = [name for _, name, _ in self.arguments()]
        return [*self.result_lines(), *code(f"_run({self.name!r}, dtype, threads, {', '.join(arguments)})", 4)]


def _written(stage: Stage) -> set[str]:
    """The arrays that a stage writes to."""
    found = {part.name for part in stage.parts} | {buffer.name for buffer in stage.buffers}
    for node in walk(stage.nodes):
        if isinstance(node, Store):
            found.add(node.array)
        elif isinstance(node, (Start, Accumulate)):
            found.add(node.name)
    return found


def _head(name: str, parameters: Sequence[str]) -> list[str]:
    """The lines at the head of a function; no parameter is broken."""
    whole = f"{name}{', '.join(parameters)})"
    if len(whole) <= WIDTH:
        return [whole]
    return [name, *prose(", ".join(parameter.replace(" ", KEPT) for parameter in parameters) + ")", 4)]


def _times(factors: Iterable[str]) -> str:
    """The text of a product without ones."""
    some = [factor for factor in factors if factor != "1"]
    return "0" if "0" in some else " * ".join(some) or "1"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" if line else line for line in lines]
