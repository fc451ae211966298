"""Text in the layer grammar to a Graph.

    text ──Source──▶ syntax tree ──read_statements──▶ Statements ──▶ Graph
                                                          │
                                 ExpressionParser ◀───────┘ one expression at a time, in the order of use

The text is never executed, and no part of it reaches SymPy as text.
"""

from __future__ import annotations

import ast
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr, Rational

from derive.graph import Equation, Fact, Graph, Index, Quantity, Role
from derive.syntax.expressions import ExpressionParser, Scope
from derive.syntax.extents import Slot
from derive.syntax.lines import IndexLetters, contradicts, left_slots, named_in, read_facts
from derive.syntax.names import RESERVED, Names
from derive.syntax.operations import CONSTANTS, WORDS
from derive.syntax.remarks import Remarks
from derive.syntax.source import Source
from derive.syntax.statements import Assertion, Declaration, Definition, Statements, read_statements

MAX_SHOWN = 8  # names of a cycle in its message

_GRAMMAR_WORDS = {
    **dict.fromkeys(WORDS, "a function of the grammar"),
    **dict.fromkeys(CONSTANTS, "a number of the grammar"),
}


def parse_layer(text: str, name: str = "layer", file: str = "<string>") -> Graph:
    """The graph of a layer written in the layer grammar.

    `file` is what messages call the text. Raises LayerError, with the place and a remedy, for whatever is not in the
    grammar or does not fit together.
    """
    source = Source(text, file)
    statements = read_statements(source)
    if not statements.definitions:
        hint = "write the inputs, `x: [N, D]`, and the equations, `y[i, j] = 2*x[i, j]`"
        nothing = not (statements.declarations or statements.assertions or statements.remarks)
        raise source.plain_error("the layer is empty" if nothing else "the layer has no equation", hint)
    return _LayerParser(source, statements).graph(name, text)


@dataclass
class _Line:
    """An equation whose right side has been read; the slots of its left side may still learn their extents."""

    definition: Definition
    slots: dict[str, Slot]
    expression: Expr

    def equation(self, source: Source) -> Equation:
        """The equation. Raises LayerError when nothing fixes an extent."""
        name = self.definition.node.id
        for node, (letter, slot) in zip(self.definition.indices, self.slots.items(), strict=True):
            if slot.extent is None:
                hint = f"let {letter} stand on the right too, on a quantity that has this extent"
                raise source.error(node, f"nothing fixes the extent of index {letter} of {name}", hint)
        return Equation(name, _indices(self.slots), self.expression, self.definition.node.lineno)


class _LayerParser:
    """Reads the statements of one layer."""

    def __init__(self, source: Source, statements: Statements) -> None:
        self._source = source
        self._statements = statements
        self._names = Names(source, {**RESERVED, **_GRAMMAR_WORDS})
        self._slots: dict[str, tuple[Slot, ...]] = {}
        self._extents = frozenset(e.id for d in statements.declarations for e in d.extents)
        self._lines: dict[str, _Line] = {}

    def graph(self, name: str, text: str) -> Graph:
        """The graph, all checks made."""
        self._names.check_spellings(self._source.tree)
        self._claim_names()
        order = _in_order_of_use(self._source, self._statements.definitions)
        self._read_equations(order)
        facts = [fact for assertion in self._statements.assertions for fact in self._facts(assertion)]
        for definition in self._statements.definitions:
            self._lines[definition.node.id].equation(self._source)
        equations = tuple(self._lines[definition.node.id].equation(self._source) for definition in order)
        said = Remarks(self._source, self._statements.remarks, self._slots, self._lines)
        used = {name for definition in self._statements.definitions for name in _names_at(definition.value)}
        outputs, latex = said.outputs([d.node.id for d in self._statements.definitions], used), said.latex
        quantities = (
            *(replace(given, latex=latex.get(given.name)) for given in self._inputs.values()),
            *(Quantity(e.name, e.indices, "intermediate", latex.get(e.name)) for e in equations),
        )
        self._names.reject_derived(
            [q.name for q in quantities], [q.name for q in quantities if q.role != "constant"]
        )
        return Graph(name, self._statements.description, quantities, equations, tuple(facts), outputs, text)

    def _claim_names(self) -> None:
        """Give every extent, input and equation its name; indices follow where they are read."""
        for declaration in self._statements.declarations:
            self._names.claim(declaration.node, "input")
            for extent in declaration.extents:
                self._names.claim(extent, "extent")
            shape = f"{declaration.node.id}: [{', '.join(extent.id for extent in declaration.extents)}]"
            self._slots[declaration.node.id] = tuple(Slot(extent.id, shape) for extent in declaration.extents)
        for definition in self._statements.definitions:
            self._names.claim(definition.node, "equation")
        if not any(not declaration.constant for declaration in self._statements.declarations):
            hint = "declare what is given, such as `x: [N, D]`; a `constant` gets no gradient"
            raise self._source.error(self._statements.definitions[0].node, "the layer has no input", hint)

    def _read_equations(self, order: Sequence[Definition]) -> None:
        left = {d.node.id: left_slots(self._source, self._names, d) for d in self._statements.definitions}
        self._slots.update({name: tuple(slots.values()) for name, slots in left.items()})
        for definition in order:
            slots = left[definition.node.id]
            scope = Scope(self._slots, self._extents, dict(slots))
            expression = ExpressionParser(self._source, self._names, scope).expression(definition.value)
            self._lines[definition.node.id] = _Line(definition, slots, expression)

    def _facts(self, assertion: Assertion) -> list[Fact]:
        """The facts of one assert; no default of a constant may break one."""
        scope = Scope(self._slots, self._extents, open=True)
        facts = []
        for fact, slots in read_facts(self._source, self._names, scope, assertion, self._letters):
            if contradicts(fact, self._defaults):
                given = ", ".join(f"{q} = {self._defaults[q]}" for q in named_in(fact) if q in self._defaults)
                message = f"the default {given} breaks this fact"
                raise self._source.error(assertion.test, message, "change one of the two")
            facts.append(replace(fact, indices=_fact_indices(self._source, assertion, slots)))
        return facts

    def _letters(self, name: str) -> list[str]:
        """The letters of the general element of an array."""
        line = self._lines.get(name)
        return list(line.slots) if line else [index.name for index in self._inputs[name].indices]

    @cached_property
    def _defaults(self) -> dict[str, Rational]:
        defaults = {}
        for declaration in self._statements.declarations:
            if declaration.default is not None:
                parser = ExpressionParser(self._source, self._names, Scope({}, frozenset()))
                value = parser.expression(declaration.default)
                if not value.is_Rational:
                    hint = "write a number such as 1e-5 or 1/3"
                    raise self._source.error(declaration.default, "a default is an exact number", hint)
                defaults[declaration.node.id] = value
        return defaults

    @cached_property
    def _inputs(self) -> dict[str, Quantity]:
        """The inputs and constants, without their LaTeX names. Asked for once the equations have been read."""
        letters = IndexLetters(self._source.tree, self._letters_in_use(), self._names.all_names())
        return {d.node.id: self._input(d, letters) for d in self._statements.declarations}

    def _input(self, declaration: Declaration, letters: IndexLetters) -> Quantity:
        name = declaration.node.id
        indices = letters.indices(name, [extent.id for extent in declaration.extents])
        role: Role = "constant" if declaration.constant else "input"
        return Quantity(name, indices, role, default=self._defaults.get(name))

    def _letters_in_use(self) -> list[tuple[str, str]]:
        """Every index of an equation with its extent, in file order."""
        pairs: dict[tuple[str, str], None] = {}
        for definition in self._statements.definitions:
            slots = self._lines[definition.node.id].slots
            pairs.update({(letter, slot.extent): None for letter, slot in slots.items() if slot.extent})
            for node in ast.walk(definition.value):
                if isinstance(node, ast.comprehension):
                    pairs[_name_at(node.target), _name_at(node.iter)] = None
        return list(pairs)


def _indices(slots: Mapping[str, Slot]) -> tuple[Index, ...]:
    """The indices of slots whose extents are known."""
    return tuple(Index(letter, slot.extent) for letter, slot in slots.items() if slot.extent is not None)


def _fact_indices(source: Source, assertion: Assertion, slots: Mapping[str, Slot]) -> tuple[Index, ...]:
    for letter, slot in slots.items():
        if slot.extent is None:
            hint = f"use {letter} on a quantity that has this extent"
            raise source.error(assertion.test, f"nothing fixes the extent of index {letter}", hint)
    return _indices(slots)


def _name_at(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _names_at(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _in_order_of_use(source: Source, definitions: Sequence[Definition]) -> list[Definition]:
    """The equations so that each comes after those it uses; otherwise in file order. A cycle is a LayerError."""
    own = {definition.node.id for definition in definitions}
    needs = {definition.node.id: own & _names_at(definition.value) for definition in definitions}
    users: dict[str, list[int]] = {name: [] for name in own}
    missing = [len(needs[definition.node.id]) for definition in definitions]
    for position, definition in enumerate(definitions):
        for name in needs[definition.node.id]:
            users[name].append(position)
    ready = [position for position, count in enumerate(missing) if count == 0]
    order: list[Definition] = []
    while ready:
        definition = definitions[heapq.heappop(ready)]
        order.append(definition)
        for user in users[definition.node.id]:
            missing[user] -= 1
            if missing[user] == 0:
                heapq.heappush(ready, user)
    if len(order) < len(definitions):
        raise _cycle(source, definitions, needs, {definition.node.id for definition in order})
    return order


def _cycle(
    source: Source, definitions: Sequence[Definition], needs: Mapping[str, set[str]], done: set[str]
) -> Exception:
    """The error that names the quantities of a cycle, which there is among those that are not done."""
    open_names = [definition.node.id for definition in definitions if definition.node.id not in done]
    path = [open_names[0]]
    while path[-1] not in path[:-1]:
        path.append(min(needs[path[-1]] - done))
    path = path[path.index(path[-1]) :]
    shown = path if len(path) <= MAX_SHOWN else [*path[: MAX_SHOWN - 1], "...", path[-1]]
    node = next(definition.node for definition in definitions if definition.node.id == path[0])
    hint = "a quantity is computed from others, never from itself; give a new value a new name"
    return source.error(node, f"the equations form a cycle: {' needs '.join(shown)}", hint)
