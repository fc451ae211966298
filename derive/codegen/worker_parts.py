"""A derivation taken apart for workers: the sums of each round, and what is left.

    Input    a Derivation
    Output   Parts: the derivation as one worker has it, and the sums that it takes part in
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from derive.codegen.axes import extents_in
from derive.codegen.dialects import NUMPY
from derive.codegen.layer_functions import computed_forward
from derive.codegen.residuals import Residuals, first_order_equations, residuals_of
from derive.codegen.runtime_workers import COUNT
from derive.codegen.signatures import described, type_of
from derive.codegen.split import Rows, Split, refuse_other_axes, rows_of, split
from derive.codegen.wrapping import raising, unpacked
from derive.derivation import Derivation
from derive.graph import Equation, Graph, Quantity, fresh_name, names_in


@dataclass(frozen=True)
class Sums:
    """What one partial returns: its type, which function it is, what the parameter is called that takes it.

    `equations` are the sums, `quantities` their results; `counted` is the extent whose length comes first, if any.
    """

    kind: str
    partial: str
    parameter: str
    equations: tuple[Equation, ...]
    quantities: tuple[Quantity, ...]
    counted: str

    @property
    def names(self) -> list[str]:
        """The fields."""
        return [*([self.counted] if self.counted else []), *(q.name for q in self.quantities)]

    def field_lines(self) -> list[str]:
        """The lines of the fields."""
        lines = [f"    {self.counted}: int"] if self.counted else []
        for quantity in self.quantities:
            note = f"  # [{', '.join(quantity.extents)}]" if quantity.indices else ""
            lines.append(f"    {quantity.name}: {type_of(quantity, NUMPY)}{note}")
        return lines

    def rows(self) -> list[tuple[str, str]]:
        """The rows of a docstring."""
        counted = [(self.counted, "number of rows")] if self.counted else []
        return [*counted, *((q.name, described(q)) for q in self.quantities)]

    def unpacking_lines(self, used: Collection[str]) -> list[str]:
        """The lines that check the type of the argument and take the `used` fields out."""
        message = f"{self.parameter}: expected {self.kind}, got {{type({self.parameter}).__name__}}"
        lines = [
            f"    if not isinstance({self.parameter}, {self.kind}):",
            *raising("TypeError", message, formatted=True),
        ]
        wanted = [name for name in self.names if name in used]
        if len(wanted) == 1:
            lines.append(f"    {wanted[0]} = {self.parameter}.{wanted[0]}")
        else:
            names = [name if name in used else "_" for name in self.names]
            lines += unpacked(names, self.parameter)
        if self.counted in wanted:
            lines.append(f'    {self.counted} = {COUNT.__name__}("{self.counted}", {self.counted})')
        return lines


@dataclass(frozen=True)
class Parts:
    """A derivation for workers.

    `local` is the derivation as one worker has it: with its number of rows, and the sums over all rows among the
    quantities. `whole` are the residuals of the layer as it was written, `residuals` those of one worker.
    """

    derivation: Derivation
    local: Derivation
    rows: Rows
    forward: Split
    backward: Split
    whole: Residuals
    residuals: Residuals
    forward_sums: tuple[Sums, ...]
    backward_sums: tuple[Sums, ...]

    @property
    def sums(self) -> tuple[Sums, ...]:
        return (*self.forward_sums, *self.backward_sums)


def parts_of(derivation: Derivation) -> Parts:
    """A derivation for workers. Raises UsageError where the rows cannot be spread."""
    graph, whole = derivation.forward, residuals_of(derivation, None, NUMPY)
    rows = rows_of(derivation.backward)
    given = {q.name for q in graph.inputs}
    facts = [fact for fact in graph.facts if given >= {*names_in(fact.left), *names_in(fact.right)}]
    equations = computed_forward(derivation, whole)
    # The conditions are about every equation of the layer, also one that nothing needs.
    named = [side for fact in facts for side in (fact.left, fact.right)] + [e.expression for e in graph.equations]
    known = {q.name: q for q in graph.quantities if q.name in given or q.name in {e.name for e in equations}}

    refuse_other_axes(known.values(), rows)
    forward = split(equations, known, rows, facts)  # what is wrong with the layer is said of its own lines
    gradients = first_order_equations(derivation)
    backward_known = {q.name: q for q in derivation.backward.quantities}
    taken_apart = split(gradients, backward_known, rows)
    named += [e.expression for e in taken_apart.equations]
    counted = any(rows.extent in extents_in(expression) for expression in named)
    if counted:
        forward = split(equations, known, rows, facts, counted)
    sums = _sums_of(forward, "forward", rows.extent if counted else "", derivation.backward)
    made = [q for each in sums for q in each.quantities]
    backward = split(gradients, {**backward_known, **{q.name: q for q in made}}, rows)
    backward_sums = _sums_of(backward, "backward", "", derivation.backward)

    quantities = tuple(rows.of(q) for q in graph.quantities)
    every = tuple(rows.of(q) for q in derivation.backward.quantities)
    others = tuple(q for each in backward_sums for q in each.quantities)
    local = replace(
        derivation,
        forward=replace(graph, quantities=(*quantities, *made), equations=forward.equations),
        backward=replace(derivation.backward, quantities=(*every, *others), equations=backward.equations),
    )
    needed_by = f"{', '.join(f'`{each.partial}`' for each in backward_sums)} and `backward_finish` need"
    residuals = replace(
        residuals_of(local, None, NUMPY),
        needed_by=needed_by if backward_sums else "`backward_finish` needs",
        made_by="forward_finish",
    )
    return Parts(derivation, local, rows, forward, backward, whole, residuals, sums, backward_sums)


def _sums_of(taken_apart: Split, direction: str, counted: str, graph: Graph) -> tuple[Sums, ...]:
    rounds = max(taken_apart.rounds, 1 if counted else 0)
    found = []
    for number in range(1, rounds + 1):
        behind = str(number) if rounds > 1 else ""
        parameter = fresh_name([f"sums{behind}", f"all_sums{behind}"], graph.names)
        kind = fresh_name([f"{direction.capitalize()}Sums{behind}"], graph.names)
        equations = tuple(taken_apart.sums(number))
        quantities = tuple(Quantity(e.name, e.indices, "helper") for e in equations)
        first = counted if number == 1 else ""
        found.append(Sums(kind, f"{direction}_partial{behind}", parameter, equations, quantities, first))
    return tuple(found)
