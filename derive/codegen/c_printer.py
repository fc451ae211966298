"""The stages of a schedule as C99 loops."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence

import sympy
from sympy import Expr, Symbol

from derive.codegen.centering import as_said
from derive.codegen.runtime_c import identifiers
from derive.codegen.scalars import Dialect, ScalarPrinter
from derive.codegen.schedule.nodes import Accumulate, End, Let, Loop, Node, Stage, Start, Store, walk
from derive.codegen.schedule.plan import Plan, arrays_of
from derive.codegen.schedule.statements import Axis
from derive.codegen.wrapping import KEPT, WIDTH, formula
from derive.printing.grammar import equation_text
from derive.printing.layout import Layout

_BEGIN = {"sum": "0.0", "max": "-INFINITY", "prod": "1.0"}
_SIGN = {"sum": "+", "prod": "*"}
_ONE_AT_A_TIME = {"log", "log1p", "tanh", "sin", "cos", "erf", "pow", "softplus"}
# How many elements the first guess of a mean is made of, at least.
_GUESS = 16


class CPrinter:
    """Prints the stages of a plan.

    `real` are the arrays that have the type of the data, `sizes` the texts of how far each axis goes, `name` says what
    anything is called in C, `names` has those that loops need for themselves: first, last, start, stop, chunk, end,
    streaming.
    """

    def __init__(
        self,
        plan: Plan,
        layout: Layout,
        real: frozenset[str],
        sizes: Mapping[Axis, str],
        name: Callable[[str], str],
        names: Mapping[str, str],
    ) -> None:
        constants = {type(sympy.pi): "3.141592653589793", type(sympy.E): "2.718281828459045"}
        functions: dict[type[Expr], str] = {sympy.exp: "exponential"}
        self._scalars = ScalarPrinter(
            Dialect("", "", self._value, "(double){}", "({0} ? {1} : {2})", "fabs", constants, functions, name), layout
        )
        self._plan, self._real, self._sizes, self._name, self._names = plan, real, sizes, name, names
        self._axes = {axis.symbol: axis for axis in plan.order}
        self._said: set[str] = set()
        self._stage: Stage = Stage([], False)
        self._streamed: set[str] = set()
        self._in_simd: set[str] = set()  # the largest values that are looked for in the innermost loop

    def stage_lines(self, stage: Stage) -> list[str]:
        """The body of the function of a stage."""
        self._stage, self._said = stage, set()
        innermost = [node for node in walk(stage.nodes) if isinstance(node, Loop) and _is_innermost(node)]
        self._in_simd = {name for loop in innermost for name, kind in self._reduced(loop) if kind == "max"}
        self._streamed = {store.array for loop in innermost for store in self._streams(loop)}
        lines = []
        for part in stage.parts:
            lines += self._start(Start(part.name, part.kind, part.axes), 4, "" if part.axes else "0")
        lines += self._nodes(stage.nodes, 4)
        if self._streamed:
            lines += [f"    if ({self._names['streaming']}) {{", "        finish_streams();", "    }"]
        return lines

    # Arrays.

    def _value(self, array: str, indices: Sequence[str]) -> str:
        text = self._element(array, indices)
        return f"(double){text}" if array in self._real else text

    def _element(self, array: str, indices: Sequence[str]) -> str:
        return f"{self._name(array)}[{self._place(array, indices)}]"

    def _place(self, array: str, indices: Sequence[str]) -> str:
        """Where an element is, counted from the array's first."""
        text = indices[0]
        for symbol, index in zip(self.axes_of(array, self._stage)[1:], indices[1:], strict=False):
            front = text if " " not in text else f"({text})"
            text = f"{front} * {self._sizes[self._axes[symbol]]} + {index}"
        return text

    def axes_of(self, array: str, stage: Stage) -> tuple[Symbol, ...]:
        """The axes that an array has in a stage, where it may be kept for a part of its axes alone."""
        for buffer in (*stage.buffers, *self._plan.buffers):
            if buffer.name == array:
                return buffer.axes
        return next((part.axes for part in self._plan.parts if part.name == array), self._plan.shapes.get(array, ()))

    def _indices(self, indices: Sequence[object]) -> list[str]:
        return [self._name(str(index)) for index in indices]

    # Nodes.

    def _nodes(self, nodes: Sequence[Node], indent: int) -> list[str]:
        return [line for node in nodes for line in self._node(node, indent)]

    def _node(self, node: Node, indent: int) -> list[str]:
        if isinstance(node, Loop):
            return self._loop(node, indent)
        if isinstance(node, Start):
            return self._start(node, indent)
        if isinstance(node, End):
            own = self._name(node.name)
            value = f"{own} = {self._spoiled(node.name)} ? NAN : {own};"
            return code(value, indent) if node.name in self._in_simd else []
        said = self._comment(node, indent)
        value = self._scalars.text(node.expression)
        if isinstance(node, Let):
            return said + code(f"const double {self._name(node.name)} = {value};", indent)
        indices = self._indices(node.indices)
        if isinstance(node, Store):
            target, text = self._element(node.array, indices), value
            if node.array in self._streamed:
                target = f"{self._name(f'{node.array}_at')}[{indices[-1]} - {self._names['chunk']}]"
            if node.array in self._real:
                text = f"(real){value}" if _is_atom(value) else f"(real)({value})"
            return said + code(f"{target} = {text};", indent)
        target = self._element(node.name, indices) if indices else self._name(node.name)
        if node.kind in _SIGN:
            return said + code(f"{target} {_SIGN[node.kind]}= {value};", indent)
        if node.name not in self._in_simd:
            return said + code(f"{target} = larger({target}, {value});", indent)
        term = self._name(f"{node.name}_term")
        return [
            *said,
            *code(f"const double {term} = {value};", indent),
            *code(f"{target} = {term} > {target} ? {term} : {target};", indent),
            *code(f"{self._spoiled(node.name)} |= {term} != {term};", indent),
        ]

    def _spoiled(self, name: str) -> str:
        """The number that says whether there was a NaN, which no comparison finds."""
        return self._name(f"{name}_nan")

    def _start(self, node: Start, indent: int, place: str = "") -> list[str]:
        pad = " " * indent
        if node.axes:
            heads: list[str] = []
            closing: list[str] = []
            for symbol in node.axes:
                heads.append(f"{' ' * indent}{self._head(Loop(self._axes[symbol], []))}")
                closing.insert(0, f"{' ' * indent}}}")
                indent += 4
            element = self._element(node.name, self._indices(node.axes))
            return [*heads, f"{' ' * indent}{element} = {_BEGIN[node.kind]};", *closing]
        if place:
            return [f"{pad}{self._name(node.name)}[{place}] = {_BEGIN[node.kind]};"]
        lines = [f"{pad}double {self._name(node.name)} = {_BEGIN[node.kind]};"]
        return [*lines, *([f"{pad}int {self._spoiled(node.name)} = 0;"] if node.name in self._in_simd else [])]

    # Loops.

    def _loop(self, loop: Loop, indent: int) -> list[str]:
        pad = " " * indent
        if not _is_innermost(loop):
            order = [f"{pad}    keep_order();"] if self._sums_rows(loop) else []
            return [f"{pad}{self._head(loop)}", *order, *self._nodes(loop.body, indent + 4), f"{pad}}}"]
        reduced = self._reduced(loop)
        before: list[str] = []
        if reduced:
            before = [f"{pad}#pragma omp simd {' '.join(self._clauses(reduced))}"]
        streams = self._streams(loop)
        if streams:
            return self._in_chunks(loop, streams, before, indent)
        return [*before, f"{pad}{self._head(loop)}", *self._nodes(loop.body, indent + 4), f"{pad}}}"]

    def _sums_rows(self, loop: Loop) -> bool:
        """Whether a loop goes through rows in memory and adds each of them to an array."""
        inner = [node for node in loop.body if isinstance(node, Loop) and _is_innermost(node)]
        into_array = [node for one in inner for node in one.body if isinstance(node, Accumulate) and node.indices]
        return self._stage.is_pass and loop.axis == self._plan.order[0] and bool(into_array)

    def _reduced(self, loop: Loop) -> list[tuple[str, str]]:
        """The numbers that a loop accumulates several elements at once, and what each is: sum, prod or max.

        There are none where it calls functions that take one number at a time, and in a loop over a few rows.
        """
        if loop.first or any(
            _ONE_AT_A_TIME & identifiers(self._scalars.text(node.expression))
            for node in loop.body if isinstance(node, (Let, Store, Accumulate))
        ):  # fmt: skip
            return []
        own = {node.name for node in loop.body if isinstance(node, Start)}
        found = {node.name: node.kind for node in loop.body if isinstance(node, Accumulate) and not node.indices}
        return [(name, kind) for name, kind in found.items() if name not in own]

    def _clauses(self, reduced: Sequence[tuple[str, str]]) -> list[str]:
        clauses = []
        for kind, operator in (("sum", "+"), ("prod", "*"), ("max", "max")):
            names = [self._name(name) for name, own in reduced if own == kind]
            clauses += [f"reduction({operator}:{', '.join(names)})"] if names else []
        spoiled = [self._spoiled(name) for name, kind in reduced if kind == "max"]
        return clauses + ([f"reduction(|:{', '.join(spoiled)})"] if spoiled else [])

    def _in_chunks(self, loop: Loop, streams: Sequence[Store], before: Sequence[str], indent: int) -> list[str]:
        """A loop, a chunk at a time, whose results go to a short array first where they are to be streamed."""
        pad, inner = " " * indent, " " * (indent + 4)
        names, index = self._names, self._name(loop.axis.name)
        chunk, end, streaming = names["chunk"], names["end"], names["streaming"]
        low, high = self._range(loop)
        lines = [
            f"{pad}for (int64_t {chunk} = {low}; {chunk} < {high}; {chunk} += LINE_ELEMENTS) {{",
            f"{inner}const int64_t {end} = smaller_index({chunk} + LINE_ELEMENTS, {high});",
        ]
        after = [f"{inner}if ({streaming}) {{"]
        for store in streams:
            line, at = (self._name(f"{store.array}_{suffix}") for suffix in ("line", "at"))
            place = self._place(store.array, [*self._indices(store.indices[:-1]), chunk])
            target = f"{self._name(store.array)} + {place}"
            lines += [
                f"{inner}real {line}[LINE_ELEMENTS];",
                *code(f"real *{at} = {streaming} ? {line} : {target};", indent + 4),
            ]
            after += code(f"stream({target}, {line}, {end} - {chunk});", indent + 8)
        return [
            *lines,
            *(f"    {line}" for line in before),
            f"{inner}for (int64_t {index} = {chunk}; {index} < {end}; {index}++) {{",
            *self._nodes(loop.body, indent + 8),
            f"{inner}}}",
            *after,
            f"{inner}}}",
            f"{pad}}}",
        ]

    def _streams(self, loop: Loop) -> list[Store]:
        """What an innermost loop writes side by side into results that have all axes, and that nothing reads."""
        stores = [node for node in loop.body if isinstance(node, Store) and node.array in self._real]
        read = {
            array for node in walk(self._stage.nodes) if isinstance(node, (Let, Store, Accumulate))
            for array in arrays_of(Stage([Let("", node.expression)], False))
        }  # fmt: skip
        return [
            store for store in stores
            if store.indices[-1] == loop.axis.symbol
            and set(store.indices) == set(self._axes) and len(store.indices) == len(self._axes)
            and store.array not in read
        ]  # fmt: skip

    def _head(self, loop: Loop) -> str:
        index, (low, high) = self._name(loop.axis.name), self._range(loop)
        return f"for (int64_t {index} = {low}; {index} < {high}; {index}++) {{"

    def _range(self, loop: Loop) -> tuple[str, str]:
        size, names = self._sizes[loop.axis], self._names
        if loop.first:
            inner = [self._sizes[node.axis] for node in walk(loop.body) if isinstance(node, Loop)]
            rows = f"{_GUESS} / ({' * '.join(inner)}) + 1" if inner else str(_GUESS)
            return "0", f"smaller_index({size}, {rows})"
        if loop.axis == self._plan.order[0] and self._stage.is_pass:
            return names["first"], names["last"]
        if loop.axis == self._plan.stripe:
            return names["start"], names["stop"]
        return "0", size

    def _comment(self, node: Let | Store | Accumulate, indent: int) -> list[str]:
        """The equation that a line is from, once in each stage."""
        if node.equation is None or node.equation.name in self._said:
            return []
        self._said.add(node.equation.name)
        return formula(equation_text(as_said(node.equation)), f"{' ' * indent}// ", f"{' ' * indent}//     ")


def code(text: str, indent: int) -> list[str]:
    """The lines of a statement; none ends inside x[i * D + j]."""
    pad = " " * indent
    whole = re.sub(r"\[[^\]]*\]", lambda match: match[0].replace(" ", KEPT), text)
    lines = textwrap.wrap(
        whole, WIDTH, initial_indent=pad, subsequent_indent=pad + " " * 8, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return [line.replace(KEPT, " ") for line in lines]


def _is_innermost(loop: Loop) -> bool:
    return not any(isinstance(node, Loop) for node in loop.body) and not any(
        isinstance(node, Start) and node.axes for node in loop.body
    )


def _is_atom(text: str) -> bool:
    return re.fullmatch(r"\w+(\[[^\]]*\])?", text) is not None
