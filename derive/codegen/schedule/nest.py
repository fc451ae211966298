"""The loops of statements: which share a pass over an axis, which wait for the next, and where their values are kept.

Along an axis, a statement that uses a reduction over that axis has to wait until its pass is over; everything else
shares the pass. What a pass needs and is a map is computed in it again, unless that costs a function such as exp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import sympy
from sympy import Basic, Expr, Indexed, Integer, Symbol

from derive.codegen.schedule.nodes import Accumulate, Buffer, End, Let, Loop, Node, Stage, Start, Store
from derive.codegen.schedule.statements import Axis, Statement, Statements, elements_of, names_of, rebuilt
from derive.functions import delta
from derive.graph import fresh_name, name_of, reference

# A map with one of these in it is kept where another pass needs it, not computed again.
_EXPENSIVE = (sympy.exp, sympy.log, sympy.tanh, sympy.sin, sympy.cos, sympy.erf, sympy.Function)


class Nest:
    """Makes the stages of a function from its statements.

    `order` has the axes from the outermost loop to the innermost. `results` are the arrays that the caller gives or
    that were there before; everything else is a number in a loop, or a buffer: those of `buffers` are shared by the
    stages, and hold what is `kept` among others. What is `compared` is computed once only.
    """

    def __init__(
        self,
        program: Statements,
        order: Sequence[Axis],
        results: Iterable[str],
        kept: Iterable[str] = (),
        compared: Iterable[str] = (),
    ) -> None:
        self._order = list(order)
        self._statements = program.by_name
        self._shapes = program.shapes
        self._results = {*results, *kept}
        self._storage: dict[str, tuple[Symbol, ...]] = {
            name: shape
            for name, shape in program.shapes.items()
            if name in self._results or name not in self._statements
        }
        self._direct = {s.name: self._accesses(s.expression) for s in program.statements}
        self._kept = self._misaligned()
        self._compared = set(compared)
        # What each reduction is accumulated in: an array over axes, or a number (None).
        self._accumulators: dict[str, tuple[str, tuple[Symbol, ...] | None]] = {}
        self._promoted: list[str] = []
        self.buffers = [Buffer(name, program.shapes[name]) for name in kept]  # shared by the stages
        self._own: list[Buffer] = []  # of the stage at hand

    # What is where.

    def _accesses(self, expression: Expr) -> list[tuple[str, tuple[Basic, ...]]]:
        found = [(str(name_of(element)), element.indices) for element in elements_of(expression)]
        found += [(name, ()) for name in names_of(expression) if name not in {n for n, _ in found}]
        return found

    def _misaligned(self) -> set[str]:
        """Statements whose value is used at other indices than their own: no number in a loop."""
        return {
            name
            for accesses in self._direct.values()
            for name, indices in accesses
            if name in self._statements and indices != self._statements[name].axes
        }

    def _is_local(self, name: str) -> bool:
        statement = self._statements.get(name)
        return statement is not None and statement.kind == "map" and name not in {*self._storage, *self._kept}

    def _needs(self, statement: Statement) -> tuple[list[tuple[str, tuple[Basic, ...]]], list[str]]:
        """What a statement waits for, and the local maps that it uses, in the order in which they are computed."""
        waits: list[tuple[str, tuple[Basic, ...]]] = []
        locals_: dict[str, None] = {}

        def visit(name: str) -> None:
            for other, indices in self._direct[name]:
                if other not in self._statements:
                    continue
                if self._is_local(other):
                    if other not in locals_:
                        visit(other)
                        locals_[other] = None
                else:
                    waits.append((other, indices))

        visit(statement.name)
        return waits, list(locals_)

    def resolve(self, expression: Expr) -> Expr:
        """The expression with each quantity as what holds it: an array's element, or a number."""
        if isinstance(expression, Indexed) or (isinstance(expression, Symbol) and name_of(expression) is not None):
            name = str(name_of(expression))
            indices = expression.indices if isinstance(expression, Indexed) else ()
            return self._held(name, indices)
        if not expression.args or isinstance(expression, delta):
            return expression
        return rebuilt(expression, [self.resolve(argument) for argument in expression.args])

    def _held(self, name: str, indices: Sequence[Basic]) -> Expr:
        shape = self._shapes.get(name, ())
        storage = self._storage.get(name)
        if storage is None:
            return reference(self.number(name), ())
        kept = [index for index, axis in zip(indices, shape, strict=True) if axis in storage]
        # What is one number, but passes from stage to stage, is an array of one element.
        one = [Integer(0)] if name in self._statements and not kept else []
        return reference(name, kept or one)

    def number(self, name: str) -> str:
        """What the value of a quantity is called where it is a number in a loop: xhat_ij."""
        letters = "".join(axis.name for axis in self._shapes.get(name, ()))
        return self._own_name(f"{name}_{letters}") if letters else name

    def _own_name(self, wanted: str) -> str:
        """A name that is no quantity's."""
        return fresh_name([wanted, f"{wanted}_"], self._shapes)

    # Stages.

    def stages(self) -> list[Stage]:
        """The stages, in order."""
        found: list[Stage] = []
        for straight, members in self._groups(self._roots(), 0, set()):
            if straight:
                self._own = []
                nodes = self._level(straight, 1, set())
                found.append(Stage(nodes, False, [], self._own))
            if members:
                self._own = []
                parts = [s for s in members if self._order[0].symbol in s.bound]
                for part in parts:
                    self._storage[part.name] = part.axes
                    self._accumulators[part.name] = part.name, part.axes
                available = set[str]()
                numbers = self._lets(members, available, lambda local: not local.domain)
                found.append(Stage([*numbers, *self._loop(members, 0, available)], True, parts, self._own))
        return found

    def _roots(self) -> list[Statement]:
        """What is not computed where it is used: results, reductions, and what is used at other indices."""
        wanted = set(self._results)
        for statement in reversed(self._statements.values()):
            if statement.name in wanted:
                wanted |= {name for name, _ in self._direct[statement.name]}
        return [s for s in self._statements.values() if s.name in wanted and not self._is_local(s.name)]

    def _groups(
        self, roots: Sequence[Statement], depth: int, available: set[str]
    ) -> Iterator[tuple[list[Statement], list[Statement]]]:
        """The roots along the axis at that depth, as (what stands before a pass, the pass) in turn."""
        roots = self._with_numbers(roots, depth, available)
        when = self._when(roots, depth)
        while self._keep_what_others_need(roots, when, depth):
            roots = self._in_order([*roots, *(self._statements[name] for name in self._promoted)])
            self._promoted = []
            when = self._when(roots, depth)
        axis = self._order[depth].symbol
        for number in range(max(when.values(), default=-1) + 1):
            now = [s for s in roots if when[s.name] == number]
            yield [s for s in now if axis not in s.domain], [s for s in now if axis in s.domain]

    def _level(self, roots: Sequence[Statement], depth: int, available: set[str]) -> list[Node]:
        """The nodes that compute the roots, inside the loops over the axes before that depth.

        The numbers that are there afterwards become `available`.
        """
        if depth == len(self._order):
            return self._innermost(roots, available)
        axis = self._order[depth]
        nodes: list[Node] = []
        before = set(self._storage)
        for straight, members in self._groups(roots, depth, available):
            nodes += self._level(straight, depth + 1, available) if straight else []
            if members:
                starting = [s for s in members if axis.symbol in s.bound and s.name not in self._accumulators]
                nodes += [self._start(s, depth) for s in starting]
                nodes += self._loop(members, depth, available)
                nodes += [node for s in starting for node in self._finish(s, depth)]
        # What was kept in here is gone outside: another stage computes it again.
        self._storage = {name: axes for name, axes in self._storage.items() if name in before}
        return nodes

    def _loop(self, members: Sequence[Statement], depth: int, available: set[str]) -> list[Node]:
        """The loop over the axis at that depth, with a number in the place of each element that it accumulates."""
        axis, deeper = self._order[depth], {a.symbol for a in self._order[depth:]}
        before: list[Node] = []
        after: list[Node] = []
        ended: list[Node] = []
        whole = dict(self._accumulators)
        for statement in members:
            name, axes = self._accumulators.get(statement.name, ("", None))
            if axis.symbol in statement.bound and axes is not None and not deeper & set(statement.axes):
                number = self.number(statement.name)
                number = self._own_name(f"{number}_part") if number == name else number
                before.append(Start(number, statement.kind))
                ended.append(End(number, statement.kind))
                self._accumulators[statement.name] = number, None
                value = reference(number, ())
                places = _indices(axis for axis in statement.axes if axis in axes)
                after.append(Accumulate(name, statement.kind, places, value, statement.equation))
        nodes = [*before, Loop(axis, self._level(members, depth + 1, set(available))), *ended, *after]
        self._accumulators |= {s.name: whole[s.name] for s in members if s.name in whole}
        return nodes

    def _innermost(self, roots: Sequence[Statement], available: set[str]) -> list[Node]:
        nodes: list[Node] = []
        for statement in roots:
            if statement.kind == "first":
                nodes += self._first(statement, available)
                continue
            nodes += self._lets([statement], available, lambda _: True)
            if self._is_local(statement.name):
                if statement.name not in available:
                    available.add(statement.name)
                    nodes.append(self._let(statement))
                continue
            expression = self.resolve(statement.expression)
            if statement.kind != "map":
                name, axes = self._accumulators[statement.name]
                indices = () if axes is None else _indices(axis for axis in statement.axes if axis in axes)
                nodes.append(Accumulate(name, statement.kind, indices, expression, statement.equation))
            else:
                indices = _indices(axis for axis in statement.axes if axis in self._storage[statement.name])
                nodes.append(Store(statement.name, indices, expression, statement.equation))
        return nodes

    def _first(self, statement: Statement, available: set[str]) -> list[Node]:
        """The mean of the first few places along the outermost axis, all those of the other bound ones."""
        total, count = (self._own_name(f"{self.number(statement.name)}_{what}") for what in ("sum", "count"))
        expression = self.resolve(statement.expression)
        nodes = self._lets([statement], set(available), lambda _: True)
        nodes += [Accumulate(total, "sum", (), expression), Accumulate(count, "sum", (), Integer(1))]
        for axis in reversed(self._order):
            if axis.symbol in statement.bound:
                nodes = [Loop(axis, nodes, first=axis is self._order[0])]
        value = reference(total, ()) / reference(count, ())
        starts: list[Node] = [Start(total, "sum"), Start(count, "sum")]
        return [*starts, *nodes, Store(statement.name, _indices(statement.axes), value)]

    def _lets(self, roots: Sequence[Statement], available: set[str], wanted: Callable[[Statement], bool]) -> list[Node]:
        """The wanted local maps that the roots use, those that are not there yet."""
        nodes: list[Node] = []
        for name in dict.fromkeys(name for root in roots for name in self._needs(root)[1]):
            if name not in available and wanted(self._statements[name]):
                available.add(name)
                nodes.append(self._let(self._statements[name]))
        return nodes

    def _let(self, statement: Statement) -> Let:
        return Let(self.number(statement.name), self.resolve(statement.expression), statement.equation)

    def _start(self, statement: Statement, depth: int) -> Start:
        deeper = [axis.symbol for axis in self._order[depth:]]
        axes = tuple(axis for axis in statement.axes if axis in deeper)
        name = self.number(statement.name)
        if name == statement.name and name in self._storage:
            name = self._own_name(f"{name}_part")
        if axes:
            name = statement.name if statement.name not in self._storage else self._own_name(f"{statement.name}_sum")
            self._own.append(Buffer(name, axes))
        if statement.name not in self._storage and axes:
            self._storage[statement.name] = axes
        self._accumulators[statement.name] = name, axes or None
        return Start(name, statement.kind, axes)

    def _finish(self, statement: Statement, depth: int) -> list[Node]:
        """What puts a reduction where it is kept, if that is not where it was accumulated."""
        name, axes = self._accumulators[statement.name]
        ended: list[Node] = [] if axes else [End(name, statement.kind)]
        if statement.name not in self._storage or name == statement.name:
            return ended
        indices = _indices(axis for axis in statement.axes if axis in self._storage[statement.name])
        node: Node = Store(statement.name, indices, reference(name, axes or ()))
        for axis in reversed(self._order[depth:]):
            if axis.symbol in (axes or ()):
                node = Loop(axis, [node])
        return [*ended, node]

    # What waits for what.

    def _when(self, roots: Sequence[Statement], depth: int) -> dict[str, int]:
        """In or before which pass over the axis at that depth each root is computed."""
        axis = self._order[depth].symbol
        when: dict[str, int] = {}
        for statement in roots:
            earliest = 0
            for other, indices in self._needs(statement)[0]:
                if other not in when:
                    continue
                known = self._statements[other]
                shared = axis in statement.domain and self._shares(known, indices, axis)
                earliest = max(earliest, when[other] + (axis in known.domain and not shared))
            when[statement.name] = earliest
        return when

    def _shares(self, statement: Statement, indices: Sequence[Basic], axis: Symbol) -> bool:
        """Whether a value at these indices is there in the same turn of the loop over the axis."""
        return any(own == axis and index == axis for own, index in zip(statement.axes, indices, strict=True))

    def _with_numbers(self, roots: Sequence[Statement], depth: int, available: set[str]) -> list[Statement]:
        """The roots, and the local maps that are numbers around the loop: they have no axis from here on."""
        if depth == 0:
            return list(roots)
        ahead = {axis.symbol for axis in self._order[depth:]}
        axis = self._order[depth].symbol
        using = [s for s in roots if axis in s.domain and s.kind != "first"]  # that has loops of its own
        names = dict.fromkeys(name for s in using for name in self._needs(s)[1])
        around = [self._statements[n] for n in names if n not in available and not self._statements[n].domain & ahead]
        return self._in_order([*roots, *(s for s in around if s not in roots)])

    def _keep_what_others_need(self, roots: Sequence[Statement], when: Mapping[str, int], depth: int) -> bool:
        """Give an array to what is used in another pass than its own; whether a local map became a root by that."""
        axis = self._order[depth].symbol
        place = {s.name: (when[s.name], axis in s.domain) for s in roots}
        users: dict[str, set[tuple[int, bool]]] = {}
        for statement in roots:
            waits, locals_ = self._needs(statement)
            if statement.kind == "first":
                locals_ = [name for name in locals_ if self._order[0].symbol not in self._statements[name].domain]
            for name in dict.fromkeys([*locals_, *(other for other, _ in waits)]):
                users.setdefault(name, set()).add(place[statement.name])
        for name, places in users.items():
            statement = self._statements[name]
            if name in place:
                if places != {place[name]} and not self._is_local(name) and name not in self._storage:
                    self._keep(statement, depth)
            elif self._is_local(name) and self._must_be_kept(statement, places, depth):
                self._keep(statement, depth)
                self._promoted.append(name)
        return bool(self._promoted)

    def _must_be_kept(self, local: Statement, places: set[tuple[int, bool]], depth: int) -> bool:
        axis = self._order[depth].symbol
        if local.name in self._compared:
            return len(places) > 1
        if axis in local.domain:
            return len(places) > 1 and depth > 0 and bool(local.expression.atoms(*_EXPENSIVE))
        inside = any(is_inside for _, is_inside in places)
        ahead = {a.symbol for a in self._order[depth:]}
        return bool(local.domain & ahead) and (inside or len(places) > 1)

    def _keep(self, statement: Statement, depth: int) -> None:
        deeper = {axis.symbol for axis in self._order[depth:]}
        axes = tuple(axis for axis in statement.axes if axis in deeper)
        if statement.kind not in ("map", "first") and self._order[depth].symbol in statement.bound and depth == 0:
            return  # a part of each block, and their total
        if not axes and depth > 0:
            return  # a number
        self._storage[statement.name] = axes
        (self._own if depth > 0 else self.buffers).append(Buffer(statement.name, axes))

    def _in_order(self, statements: Iterable[Statement]) -> list[Statement]:
        order = {name: place for place, name in enumerate(self._statements)}
        return sorted(statements, key=lambda statement: order[statement.name])


def _indices(axes: Iterable[Symbol]) -> tuple[Expr, ...]:
    """The indices of an element of an array; one number that passes from stage to stage is an array of one element."""
    return tuple(axes) or (Integer(0),)
