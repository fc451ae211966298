"""What equations and facts of a layer and of a derivation have in common, and the letters of their indices."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from sympy import Rational

from derive.graph import Fact, Index, Relation, fresh_name, names_in, reference
from derive.syntax.expressions import ExpressionParser, Scope
from derive.syntax.extents import Slot
from derive.syntax.names import Names
from derive.syntax.source import Source
from derive.syntax.statements import Assertion, Definition

_LETTERS = "ijklmnpqrstuvwabcefgh"
_RELATIONS: dict[type[ast.cmpop], Relation] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_HOLDS: dict[Relation, Callable[[Rational, Rational], bool]] = {
    "==": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b), "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip

# The letters for the general element of an array: its name to the names of its indices.
Letters = Callable[[str], Sequence[str]]


def left_slots(source: Source, names: Names, definition: Definition) -> dict[str, Slot]:
    """The free indices on the left of an equation, in order, each with a slot for its extent."""
    slots: dict[str, Slot] = {}
    for node in definition.indices:
        if not isinstance(node, ast.Name):
            hint = "an equation holds for every element: y[i, j] = ..."
            raise source.error(node, "an index on the left is a plain name such as i", hint)
        if node.id in slots:
            hint = f"give each its own name, and use delta({node.id}, k) on the right for a diagonal"
            raise source.error(node, f"index {node.id} stands on the left twice", hint)
        names.claim(node, "index")
        slots[node.id] = Slot()
    return slots


def read_facts(
    source: Source, names: Names, scope: Scope, assertion: Assertion, letters: Letters
) -> list[tuple[Fact, dict[str, Slot]]]:
    """The facts of one assert, each with the slots of its free indices; `0 < p < 1` is two facts."""
    parser = ExpressionParser(source, names, scope)
    written = [assertion.test.left, *assertion.test.comparators]
    sides = [parser.expression(side) for side in _with_indices(source, written, scope, letters)]
    facts = []
    for position, operator in enumerate(assertion.test.ops):
        left, right = sides[position], sides[position + 1]
        relation = _RELATIONS.get(type(operator))
        if relation is None:
            raise source.error(written[position], "a fact compares two values", "use == != < <= > or >=")
        symbols = {symbol.name for side in (left, right) for symbol in side.free_symbols}
        if not symbols:
            message = "the fact is about no quantity and no extent"
            raise source.error(assertion.test, message, "state a bound such as `assert eps > 0` or `assert N > 1`")
        slots = {name: slot for name, slot in scope.free.items() if name in symbols}
        facts.append((Fact(left, relation, right, line=assertion.node.lineno), slots))
    return facts


def _with_indices(source: Source, sides: Sequence[ast.expr], scope: Scope, letters: Letters) -> list[ast.expr]:
    """The sides of a fact with each bare array, `w > 0`, written as its general element, `w[i]`."""
    bare = [side for side in sides if isinstance(side, ast.Name) and scope.quantities.get(side.id)]
    if not bare:
        return list(sides)
    other = next((side for side in sides if any(isinstance(node, ast.Subscript) for node in ast.walk(side))), None)
    chosen = letters(bare[0].id)
    shapes = {tuple(slot.extent for slot in scope.quantities[side.id]) for side in bare}
    if other is not None or len(shapes) > 1:
        message = f"it is not clear which elements of {bare[0].id} are meant"
        raise source.error(bare[0], message, f"write the indices: {bare[0].id}[{', '.join(chosen)}]")
    return [_element(side, chosen) if side in bare else side for side in sides]


def _element(node: ast.expr, letters: Iterable[str]) -> ast.Subscript:
    indices: list[ast.expr] = [ast.copy_location(ast.Name(letter, ast.Load()), node) for letter in letters]
    position = ast.copy_location(ast.Tuple(indices, ast.Load()), node)
    return ast.copy_location(ast.Subscript(node, position, ast.Load()), node)


def contradicts(fact: Fact, defaults: Mapping[str, Rational]) -> bool:
    """Whether the defaults of the constants alone make a fact false."""
    values = {reference(name): value for name, value in defaults.items()}
    left, right = fact.left.xreplace(values), fact.right.xreplace(values)
    return bool(left.is_Rational and right.is_Rational and not _HOLDS[fact.relation](left, right))


def named_in(fact: Fact) -> list[str]:
    """The quantities that a fact mentions, in order."""
    return list(dict.fromkeys([*names_in(fact.left), *names_in(fact.right)]))


class IndexLetters:
    """The letters that the general element of an input is written with.

    They are those of its first use with distinct plain indices. Where there is none, a letter that runs over the
    same extent elsewhere is taken, or else a fresh one. `pairs` are the letters of the text with their extents.
    """

    def __init__(self, tree: ast.AST, pairs: Iterable[tuple[str, str]], used: Iterable[str]) -> None:
        self._written: dict[str, list[tuple[str, ...]]] = {}
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)]
        for use in sorted(uses, key=lambda node: (node.lineno, node.col_offset)):
            nodes = use.slice.elts if isinstance(use.slice, ast.Tuple) else [use.slice]
            letters = tuple(node.id for node in nodes if isinstance(node, ast.Name))
            if isinstance(use.value, ast.Name) and len(letters) == len(nodes):
                self._written.setdefault(use.value.id, []).append(letters)
        self._over: dict[str, list[str]] = {}
        for letter, extent in pairs:
            self._over.setdefault(extent, []).append(letter)
        self._used = set(used)

    def indices(self, name: str, extents: Sequence[str]) -> tuple[Index, ...]:
        """The indices of the quantity `name`, one for each of its extents."""
        uses = self._written.get(name, [])
        distinct = next((letters for letters in uses if len(set(letters)) == len(extents)), None)
        if distinct is not None:
            return tuple(Index(letter, extent) for letter, extent in zip(distinct, extents, strict=True))
        taken: list[str] = []
        for place, extent in enumerate(extents):
            wanted = [*([uses[0][place]] if uses else []), *self._over.get(extent, [])]
            letter = next((letter for letter in wanted if letter not in taken), None)
            if letter is None:
                letter = fresh_name(_LETTERS, {*self._used, *taken})
                self._used.add(letter)
                self._over.setdefault(extent, []).append(letter)
            taken.append(letter)
        return tuple(Index(letter, extent) for letter, extent in zip(taken, extents, strict=True))
