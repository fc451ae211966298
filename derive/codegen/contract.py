"""The argument checks at the head of generated functions: shapes against extents, dtypes, and the layer's facts."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from sympy import Indexed

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.axes import Code, extents_in
from derive.codegen.dialects import Dialect, Like, like
from derive.codegen.runtime import ARRAY, SCALAR
from derive.codegen.wrapping import call, clause, raising, unpacked
from derive.graph import Fact, Graph, Quantity, Relation, names_in
from derive.indices import REDUCTIONS
from derive.printing.grammar import equation_text

# How a fact is said not to hold, so that NaN does not pass.
_FAILS: dict[Relation, str] = {
    "==": "{} != {}",
    "!=": "not ({0} < {1} or {0} > {1})",
    "<": "not {} < {}",
    "<=": "not {} <= {}",
    ">": "not {} > {}",
    ">=": "not {} >= {}",
}


class Checks:
    """The checks of `forward` on values: that what is reduced over is not empty, and that the layer's facts hold.

    `lines` are the statements, `conditions` the same in words, `extents` the extents that they mention; the `static`
    ones are about lengths and numbers, and `on_numbers` says whether any is on a number. `switch` is the parameter
    that switches the checks of arrays; empty when there are none. `totals` are the extents that no shape tells, each
    with the argument that does.
    """

    def __init__(
        self, graph: Graph, like: Like, dialect: Dialect, switch: str, totals: Mapping[str, str] | None = None
    ) -> None:
        self.lines: list[str] = []
        self.conditions: list[str] = []
        self.switch = ""
        self.on_numbers = False
        self._like, self._dialect = like, dialect
        self._totals = totals or {}
        self._owners = dict(self._totals)  # the argument that fixes an extent
        for quantity in graph.inputs:
            for extent in quantity.extents:
                self._owners.setdefault(extent, quantity.name)
        self._graph = graph
        numbers = {extent for equation in graph.equations for extent in extents_in(equation.expression)}
        self.extents = {extent: None for extent in self._owners if extent in numbers}
        for extent in self.extents:
            self._require_length(extent)
        # Facts about what is computed are not the caller's.
        given = {quantity.name for quantity in graph.inputs}
        facts = [fact for fact in graph.facts if given >= set(_names(fact))]
        arrays = [fact for fact in facts if any(side.has(Indexed, *REDUCTIONS) for side in (fact.left, fact.right))]
        for fact in facts:
            if fact not in arrays:
                self._require(fact)
        self.static_lines, self.static_extents = list(self.lines), dict(self.extents)
        for fact in arrays:
            self.switch = switch
            self._require_everywhere(fact)

    def _require_length(self, extent: str) -> None:
        owner = self._owners[extent]
        self.conditions.append(f"{extent} >= 1")
        got = f"{extent} = {{{extent}}}" if extent in self._totals else f"shape {{{owner}.shape}}"
        self._raise(f"{extent} < 1", f"{owner}: expected {extent} >= 1, got {got}", formatted=True)

    def _require(self, fact: Fact) -> None:
        """A fact about numbers and extents."""
        names = _names(fact)
        left, right = self._sides(fact, plain=bool(names) and not self._dialect.has_scalars)
        extents = list(dict.fromkeys([*extents_in(fact.left), *extents_in(fact.right)]))
        got = ", ".join(f"{name} = {{{name}}}" for name in (*names, *extents))
        culprit = names[0] if names else self._owners[extents[0]]
        text = self._note(fact)
        self.on_numbers |= bool(names)
        condition = self._dialect.known(_FAILS[fact.relation].format(left, right), names)
        self._raise(condition, f"{culprit}: expected {text}, got {got}", formatted=True)

    def _require_everywhere(self, fact: Fact) -> None:
        """A fact about arrays."""
        left, right = self._sides(fact)
        if fact.relation == "==":
            condition = self._dialect.close(left, right, self._like)
        elif fact.relation == "!=":
            # NaN is unequal to everything.
            condition = f"{self._dialect.module}.all(({left} < {right}) | ({left} > {right}))"
        else:
            condition = f"{self._dialect.module}.all({left} {fact.relation} {right})"
        message = f"{_names(fact)[0]}: expected {self._note(fact)} everywhere"
        self._raise(f"{self.switch} and not {condition}", message)

    def _sides(self, fact: Fact, plain: bool = False) -> list[Code]:
        printer = ArrayPrinter(self._graph.by_name, fact.indices, self._like, self._dialect, plain)
        sides = printer.aligned(fact.left, fact.right)
        self.extents |= printer.extents
        return sides

    def _note(self, fact: Fact) -> str:
        text = equation_text(fact).removeprefix("assert ")
        self.conditions.append(text)
        return text

    def _raise(self, condition: str, message: str, formatted: bool = False) -> None:
        self.lines += [*clause("if", condition), *raising("ValueError", message, formatted)]


def array_lines(quantities: Sequence[Quantity], wanted: Container[str], dialect: Dialect) -> list[str]:
    """The lines that check and convert array arguments in turn, and take the `wanted` extents from their shapes."""
    lines: list[str] = []
    known: dict[str, None] = {}
    before = ""
    for place, quantity in enumerate(quantities):
        lines += array_line(quantity, known, before)
        lines += [] if before else dialect.working_lines(quantity.name)
        before = before or dialect.given_to_arrays(like(quantity.name))
        later = {extent for other in quantities[place + 1 :] for extent in other.extents}
        lines += unpacking_lines(quantity, [e for e in quantity.extents if e in wanted or e in later], known)
        known |= dict.fromkeys(quantity.extents)
    return lines


def array_line(quantity: Quantity, known: Container[str], before: str, unused: bool = False) -> list[str]:
    """The line that checks and converts an array argument; extents that are not `known` may have any length.

    `before` is what it is told about the arrays before it.
    """
    lengths = [extent if extent in known else f'"{extent}"' for extent in quantity.extents]
    arguments = [f'"{quantity.name}"', quantity.name, f'"{tuple_text(quantity.extents)}"', tuple_text(lengths)]
    head = ARRAY.__name__ if unused else f"{quantity.name} = {ARRAY.__name__}"
    return call(head, [*arguments, *([before] if before else [])], "")


def scalar_line(quantity: Quantity, before: str, unused: bool = False) -> list[str]:
    """The line that checks and converts a number."""
    head = SCALAR.__name__ if unused else f"{quantity.name} = {SCALAR.__name__}"
    return call(head, [f'"{quantity.name}"', quantity.name, before], "")


def unpacking_lines(quantity: Quantity, wanted: Container[str], known: Container[str]) -> list[str]:
    """The line that takes the `wanted` extents that are not `known` yet from the shape of an array."""
    new = [e for e in dict.fromkeys(quantity.extents) if e in wanted and e not in known]
    if not new:
        return []
    if len(new) == 1:
        return [f"    {new[0]} = {quantity.name}.shape[{quantity.extents.index(new[0])}]"]
    places = enumerate(quantity.extents)
    names = [e if e in new and quantity.extents.index(e) == place else "_" for place, e in places]
    return [f"    {', '.join(names)} = {quantity.name}.shape"]


def cotangent_lines(parameter: str, names: Sequence[str]) -> list[str]:
    """The lines that take a tuple of cotangents apart."""
    message = f"{parameter}: expected a tuple {tuple_text(names)}, got {{type({parameter}).__name__}}"
    return [
        f"    if not isinstance({parameter}, tuple) or len({parameter}) != {len(names)}:",
        *raising("TypeError", message, formatted=True),
        *unpacked(names, parameter),
    ]


def tuple_text(items: Sequence[str]) -> str:
    """Python text of a tuple."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def _names(fact: Fact) -> list[str]:
    return list(dict.fromkeys([*names_in(fact.left), *names_in(fact.right)]))
