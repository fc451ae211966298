"""The stages of a schedule as plain Python loops, for Numba."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy

from derive.codegen.centering import as_said
from derive.codegen.scalars import Dialect, ScalarPrinter
from derive.codegen.schedule.nodes import Accumulate, End, Let, Loop, Node, Stage, Start, Store, walk
from derive.codegen.schedule.plan import Plan, arrays_of
from derive.codegen.schedule.statements import Axis, Statement
from derive.codegen.wrapping import comment, statement
from derive.printing.grammar import equation_text
from derive.printing.layout import Layout

# How a reduction begins, and how a value joins it. The maximum in a number is kept as its key, a whole number.
_BEGIN = {"sum": "0.0", "max": "-np.inf", "prod": "1.0"}
# How many elements the first guess of a mean is made of, at least.
_GUESS = 16
TIMES = " * "
_JOIN = {"sum": "_add({0}, {1})", "max": "max({0}, _key({1}))", "prod": "{0} * ({1})"}


def numba_dialect(real: frozenset[str]) -> Dialect:
    """Python for Numba; the arrays in `real` have the dtype of the data, and their elements become float64."""

    def element(array: str, indices: Sequence[str]) -> str:
        text = f"{array}[{', '.join(indices)}]"
        return f"np.float64({text})" if array in real else text

    constants = {type(sympy.pi): "math.pi", type(sympy.E): "math.e"}
    return Dialect("math.", "_", element, "{}", "({1} if {0} else {2})", "abs", constants, {sympy.exp: "_exp"})


class LoopPrinter:
    """Prints the stages of a plan.

    `real` are the arrays that have the dtype of the data, `sizes` the texts of how far each axis goes, `names` those
    that loops need for themselves: block, first, last, rows, start, stop.
    """

    def __init__(
        self, plan: Plan, layout: Layout, real: frozenset[str], sizes: Mapping[Axis, str], names: Mapping[str, str]
    ) -> None:
        self._scalars = ScalarPrinter(numba_dialect(real), layout)
        self._plan, self._sizes, self._names = plan, sizes, names
        self._axes = {axis.symbol: axis for axis in plan.order}
        self._in_pass = False
        self._said: set[str] = set()

    def stage_lines(self, stage: Stage) -> list[str]:
        """The body of the function of a stage, without its docstring."""
        self._in_pass, self._said = stage.is_pass, set()
        lines = []
        for buffer in stage.buffers:
            shape = ", ".join(self._sizes[self._axes[symbol]] for symbol in buffer.axes)
            lines.append(f"    {buffer.name} = np.empty({shape if len(buffer.axes) == 1 else f'({shape})'})")
        lines += [f"    {part.name} = {part.name}_parts[0]" for part in self.totals(stage)]
        if not stage.is_pass:
            return lines + self._nodes(stage.nodes, 4)
        block = self._names["block"]
        lines.append(f"    for {block} in range({self._names['first']}, {self._names['last']}):")
        for part in stage.parts:
            lines.append(f"        {part.name} = {part.name}_parts[{block}]")
        for part in stage.parts:
            lines += self._start(Start(part.name, part.kind, part.axes), 8, "" if part.axes else "0")
        return lines + self._nodes(stage.nodes, 8)

    def totals(self, stage: Stage) -> list[Statement]:
        """The reductions over blocks whose totals a stage uses."""
        used = arrays_of(stage)
        return [part for part in self._plan.parts if part.name in used and part not in stage.parts]

    def _nodes(self, nodes: Sequence[Node], indent: int) -> list[str]:
        return [line for node in nodes for line in self._node(node, indent)]

    def _node(self, node: Node, indent: int) -> list[str]:
        pad = " " * indent
        if isinstance(node, Loop):
            head = f"{pad}for {node.axis.name} in range({self._range(node)}):"
            return [head, *self._nodes(node.body, indent + 4)]
        if isinstance(node, Start):
            return self._start(node, indent)
        if isinstance(node, End):
            return [f"{pad}{node.name} = _of_key({node.name})"] if node.kind == "max" else []
        said = self._comment(node, indent)
        if isinstance(node, Let):
            return said + statement(node.name, self._scalars.text(node.expression), indent)
        value = self._scalars.text(node.expression)
        if isinstance(node, Store):
            return said + statement(f"{node.array}[{_places(node.indices)}]", value, indent)
        target = f"{node.name}[{_places(node.indices)}]" if node.indices else node.name
        if node.indices:
            sign = {"sum": "+=", "prod": "*=", "max": "="}[node.kind]
            return said + statement(target, value if sign != "=" else f"_larger({target}, {value})", indent, sign)
        return said + statement(target, _JOIN[node.kind].format(target, value), indent)

    def _start(self, node: Start, indent: int, place: str = "") -> list[str]:
        lines = []
        for symbol in node.axes:
            lines.append(f"{' ' * indent}for {symbol} in range({self._range(Loop(self._axes[symbol], []))}):")
            indent += 4
        place = _places(node.axes) or place
        target = f"{node.name}[{place}]" if place else node.name
        begin = f"_key({_BEGIN['max']})" if node.kind == "max" and not place else _BEGIN[node.kind]
        return [*lines, f"{' ' * indent}{target} = {begin}"]

    def _range(self, loop: Loop) -> str:
        size, names = self._sizes[loop.axis], self._names
        if loop.first:
            inner = [self._sizes[node.axis] for node in walk(loop.body) if isinstance(node, Loop)]
            return f"min({size}, {_GUESS}{f' // ({TIMES.join(inner)}) + 1' if inner else ''})"
        if loop.axis is self._plan.order[0] and self._in_pass:
            block, rows = names["block"], names["rows"]
            return f"_index({block} * {rows}), _index(min(({block} + 1) * {rows}, {size}))"
        if loop.axis == self._plan.stripe:
            return f"_index({names['start']}), _index({names['stop']})"
        return size

    def _comment(self, node: Let | Store | Accumulate, indent: int) -> list[str]:
        """The equation that a line is from, once in each stage."""
        if node.equation is None or node.equation.name in self._said:
            return []
        self._said.add(node.equation.name)
        return comment(equation_text(as_said(node.equation)), indent)


def _places(indices: Sequence[object]) -> str:
    return ", ".join(map(str, indices))
