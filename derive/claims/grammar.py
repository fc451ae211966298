"""A derivation in the layer grammar, line by line, as claims.

    text ──logical_lines──▶ lines ──read_sides──▶ sides ──ExpressionParser──▶ Claims

A line is `name[i, j] = expression`, a chain of such equalities, an equality of two expressions, a fact with `assert`,
or the size of a small batch, `N = 2`. A name that the layer and its derivation do not have is a helper of the author's
own when it stands on the left. A line that cannot be read is kept with its error, and the others are read all the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Expr, Indexed, Integer, Sum, Symbol

from derive.claims.claim import Claim, Claims, Unreadable
from derive.claims.logical_lines import LogicalLine, in_one_line, logical_lines
from derive.claims.nesting import TOO_DEEP, TOO_DEEP_HINT, Nesting
from derive.claims.sides import letters_on, line_error, line_source, read_sides, target, use_both_indices, words_of
from derive.claims.vocabulary import Vocabulary
from derive.errors import LayerError, Location
from derive.graph import Index, Quantity, name_of
from derive.indices import REDUCTIONS, IndexNames, is_indexed
from derive.syntax.expressions import ExpressionParser, Scope
from derive.syntax.extents import Slot
from derive.syntax.lines import read_facts
from derive.syntax.names import Names, did_you_mean
from derive.syntax.operations import CONSTANTS, WORDS
from derive.syntax.source import MAX_CHARACTERS, Source
from derive.syntax.statements import Assertion

_NOWHERE: Mapping[str, ast.AST] = {}
MAX_LINES = 500
MAX_SIZE = 8  # of an extent that the text fixes: more elements than that nobody writes out
MAX_DIGITS = 9

_WORDS = {
    **dict.fromkeys(WORDS, "a function of the grammar"),
    **dict.fromkeys(CONSTANTS, "a number of the grammar"),
}
_DECLARATION = re.compile(r"\s*([^\W\d]\w*)\s*:(?!=)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"[\d.]+(e-?\d+)?")
_SHAPE = re.compile(r"(?:constant\s*)?\[([^\]]*)\]|constant(?=\s*(?:=|$))")


def read_grammar(text: str, file: str, vocabulary: Vocabulary) -> Claims:
    """The claims of a text in the layer grammar.

    Raises LayerError for a text that cannot be one: too long, or without any line.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    whole = Location(file, 1, 0, "")
    if len(text) > MAX_CHARACTERS:
        message = f"the text has {len(text)} characters, more than {MAX_CHARACTERS}"
        raise LayerError(message, "a derivation is a page of text; is this the right file?", whole)
    lines = list(logical_lines(text))
    if len(lines) > MAX_LINES:
        message = f"the text has {len(lines)} lines, more than {MAX_LINES}"
        raise LayerError(message, "a derivation is a page of text; is this the right file?", whole)
    reader = _Reader(file, vocabulary)
    found = reader.read(lines)
    if not found and not reader.notes:
        hint = "a claim is a line such as `dbeta[j] = sum(dy[i, j] for i in N)`"
        raise LayerError("there is no claim in this text", hint, whole)
    return Claims(file, tuple(found), reader.sizes, reader.largest, tuple(reader.notes))


@dataclass
class _Reader:
    """What is known by the line that is being read."""

    file: str
    vocabulary: Vocabulary
    sizes: dict[str, int] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = self.vocabulary.known
        self._slots = {name: tuple(Slot(e) for e in quantity.extents) for name, quantity in known.items()}
        self._letters = {name: [i.name for i in quantity.indices] for name, quantity in known.items()}
        self._runs_over: dict[str, set[str]] = {}
        for quantity in known.values():
            for index in quantity.indices:
                self._runs_over.setdefault(index.name, set()).add(index.extent)
        self._extents = frozenset(self.vocabulary.graph.extents)
        self._helpers: dict[str, Quantity] = {}
        self._readable = IndexNames(self.vocabulary.graph)
        self._nesting = Nesting()

    def read(self, lines: Sequence[LogicalLine]) -> list[Claim | Unreadable]:
        """The claims of all lines. A helper may be defined below the line that uses it."""
        found = [list(self.claims(line)) for line in lines]

        def waiting() -> list[int]:
            return [k for k, claims in enumerate(found) if claims and all(isinstance(c, Unreadable) for c in claims)]

        read_with = 0
        while read_with < len(self._helpers):
            # First those only that a new helper may make readable: to read all of them each time would take long.
            uses = {k: words_of(lines[k].text) for k in waiting()}
            last = 0
            while last < len(self._helpers):
                new, last = set(list(self._helpers)[last:]), len(self._helpers)
                for k in [k for k in uses if uses[k] & new]:
                    found[k] = list(self.claims(lines[k]))
                uses = {k: uses[k] for k in waiting() if k in uses}
            read_with = len(self._helpers)
            for k in waiting():
                found[k] = list(self.claims(lines[k]))
        return [claim for claims in found for claim in claims]

    def claims(self, line: LogicalLine) -> Iterator[Claim | Unreadable]:
        """The claims of one line; none for what only says again what the layer says."""
        text = in_one_line(line.text)
        try:
            declared = _DECLARATION.fullmatch(line.text)
            if declared is not None:
                self._check_declaration(line, declared)
            elif text.startswith("assert ") and len(line.separators) < 2:
                yield from self._facts(line)
            elif not self._states_size(line):
                yield from self._equalities(line)
        except LayerError as error:
            yield Unreadable(error.location.line if error.location else line.line, text, error)

    # What is no claim

    def _check_declaration(self, line: LogicalLine, declared: re.Match[str]) -> None:
        """`x: [N, D]`, as the layer has it; anything else is out of place."""
        name, rest = declared[1], in_one_line(declared[2])
        shape = _SHAPE.match(rest)
        own = self.vocabulary.graph.by_name.get(name)
        extents = tuple(part.strip() for part in (shape[1] or "").split(",") if part.strip()) if shape else ()
        if own is None or shape is None or extents != own.extents or name in self.vocabulary.graph.equation_of:
            hint = "the quantities and their shapes are those of the layer"
            raise line_error(self.file, line, 0, "a derivation has only equations and facts", hint)

    def _states_size(self, line: LogicalLine) -> bool:
        """Whether the line gives a number to an extent, to a constant that has one, or to an input."""
        sides = line.sides
        graph = self.vocabulary.graph
        if len(sides) != 2:
            return False
        if sides[0] in self._extents:
            self._set_size(line, *sides)
            return True
        if _NUMBER.fullmatch(sides[1]) is None:
            return False
        given = graph.by_name.get(sides[0].partition("[")[0].strip())
        if given is None or given.name in graph.equation_of:
            return False
        if given.role == "input":
            self.notes.append(f"not judged, since it is assumed: {' = '.join(sides)}")
        return given.role == "input" or given.default is not None

    def _set_size(self, line: LogicalLine, extent: str, number: str) -> None:
        size = int(number) if number.isdecimal() and len(number) < MAX_DIGITS else 0
        if not 1 <= size <= MAX_SIZE:
            message = f"the extent {extent} of a small batch is a whole number from 1 to {MAX_SIZE}, not {number}"
            raise line_error(self.file, line, 0, message, f"write {extent} = 2 for a batch of two")
        if self.sizes.setdefault(extent, size) != size:
            message = f"the extent {extent} is {self.sizes[extent]} already"
            raise line_error(self.file, line, 0, message, "a derivation is for one size, or for all")

    # Claims

    def _facts(self, line: LogicalLine) -> Iterator[Claim]:
        source = line_source(self.file, line)
        statement = source.tree.body[0]
        if not isinstance(statement, ast.Assert) or not isinstance(statement.test, ast.Compare):
            hint = "write a fact such as `assert sum(x[i] for i in N) == 0`"
            raise source.error(statement, "a fact is a comparison", hint)
        use_both_indices(statement, self._slots)
        names = self._names(source)
        scope = self._scope(open_=True)
        text = in_one_line(line.text)
        facts = read_facts(source, names, scope, Assertion(statement, statement.test), self._letters_of)
        for mismatch in scope.mismatches or ():
            raise mismatch
        for fact, slots in facts:
            indices = self._indices(source, statement, slots)
            yield self._claim(Claim(fact.line or line.line, text, fact.left, fact.right, indices, fact.relation))

    def _equalities(self, line: LogicalLine) -> Iterator[Claim | Unreadable]:
        """The claims of A = B = C, each with the side before it on its left."""
        source, nodes = read_sides(self.file, line, self._slots)
        texts = line.sides
        names, scope = self._names(source), self._scope()
        helper = self._as_helper(source, nodes[0])
        left, slots = (None, scope.free) if helper else self._left(source, names, scope, nodes[0])
        if helper:
            for letter in letters_on(nodes[0]):
                names.claim(letter, "index")
                scope.free[letter.id] = Slot()
        head: Expr | None = None
        for place, node in enumerate(nodes[1:], start=1):
            at = line.line_at(line.separators[place - 1][0] + line.separators[place - 1][1])
            text = f"{texts[0]} = {texts[1]}" if place == 1 else f"= {texts[place]}"
            try:
                right, lost = self._right(source, names, scope, node, left is None)
                mismatches = [*(scope.mismatches or []), *lost]
                if mismatches and left is None:
                    raise mismatches[0]
                if left is None:
                    claim = self._definition(source, nodes[0], scope, right, Claim(at, text, right, right))
                else:
                    indices = self._indices(source, node, slots)
                    claim = Claim(at, text, left, right, indices, head=head, mismatch=next(iter(mismatches), None))
                yield self._claim(claim)
                left, head = right, head or claim.left
            except LayerError as error:
                yield Unreadable(error.location.line if error.location else at, text, error)
                if left is None:
                    return

    def _left(self, source: Source, names: Names, scope: Scope, node: ast.expr) -> tuple[Expr, dict[str, Slot]]:
        """The first side of a line, whose free indices are those of the whole line."""
        scope.open = True
        left = ExpressionParser(source, names, scope).expression(node)
        scope.open = not is_indexed(left)  # 0 = sum(...) is about whatever indices the sum has
        return left, scope.free

    def _right(
        self, source: Source, names: Names, scope: Scope, node: ast.expr, defines: bool
    ) -> tuple[Expr, list[LayerError]]:
        """A further side of a line. Where a sum was forgotten, it is read as that sum, and that is said."""
        free = dict(scope.free)
        was_open, scope.open = scope.open, not defines
        right = ExpressionParser(source, names, scope).expression(node)
        scope.open = was_open
        lost = {} if was_open else {letter: slot for letter, slot in scope.free.items() if letter not in free}
        if not lost:
            return right, []
        written = sorted((n for n in ast.walk(node) if isinstance(n, ast.Name)), key=lambda n: (n.lineno, n.col_offset))
        uses = {use.id: use for use in reversed(written)}
        letters = " and ".join(lost)
        message = f"the sum over {letters} is missing: it is neither on the left nor bound by a reduction"
        hint = f"write sum(... for {next(iter(lost))} in ...), or give the index to the left side"
        error = source.error(uses[next(iter(lost))], message, hint)
        for letter in lost:
            del scope.free[letter]
        limits = [index.limits for index in self._indices(source, node, lost)]
        return Sum(right, *limits), [error]

    def _as_helper(self, source: Source, node: ast.expr) -> bool:
        """Whether the first side of a line is a name of the author's own. Raises LayerError where it cannot be one."""
        name = target(node)
        if name is None or name.id in self._slots or name.id in self._extents or name.id in CONSTANTS:
            return False
        for part, what in (("_wrt_", "depend on"), ("_via_", "pass through")):
            if part in name.id:
                of, _, by = name.id.removeprefix("d" * (part == "_via_")).partition(part)
                hint = did_you_mean(name.id, self._known_names()) or "a local derivative is `xhat_wrt_var[i, j]`"
                raise source.error(name, f"in this layer {of} does not {what} {by}", hint)
        return True

    def _definition(self, source: Source, node: ast.expr, scope: Scope, right: Expr, claim: Claim) -> Claim:
        """A line that gives a name to an expression."""
        name = target(node)
        assert name is not None
        names = self._names(source)
        names.claim(name, "equation")
        if self._nesting.is_too_deep(right):
            raise source.error(name, TOO_DEEP, TOO_DEEP_HINT)
        nodes = {letter.id: letter for letter in letters_on(node)}
        helper = Quantity(name.id, self._indices(source, node, scope.free, nodes), "helper")
        self._slots[helper.name] = tuple(Slot(extent) for extent in helper.extents)
        self._letters[helper.name] = [index.name for index in helper.indices]
        self._helpers[helper.name] = helper
        self._nesting.note(helper.name, right)
        return replace(claim, left=helper.element, indices=helper.indices, defines=helper)

    def _claim(self, claim: Claim) -> Claim:
        """A claim with every local derivative in the indices of both quantities, and its numbers noted."""
        left, right = self.vocabulary.expanded(claim.left), self.vocabulary.expanded(claim.right)
        for element in left.atoms(Indexed) | right.atoms(Indexed):
            quantity = self.vocabulary.known.get(name_of(element) or "") or self._helpers.get(name_of(element) or "")
            for index, own in zip(element.indices, quantity.indices if quantity else (), strict=True):
                if isinstance(index, Integer):
                    if index > MAX_SIZE:
                        message = f"at most {MAX_SIZE} elements are written out, not {index}"
                        place = Location(self.file, claim.line, 0, claim.text)
                        raise LayerError(message, "name the index: x[i]", place)
                    self.largest[own.extent] = max(self.largest.get(own.extent, 1), int(index))
        free = [index.symbol for index in claim.indices]
        head = None if claim.head is None else self.vocabulary.expanded(claim.head)
        if _shadows(right, free):
            right = self._readable.apply(right, free)
        return replace(claim, left=left, right=right, head=head)

    # Names and indices

    def _names(self, source: Source) -> Names:
        names = Names(source, _WORDS)
        names.check_spellings(source.tree)
        for name in (*self.vocabulary.known, *self._helpers):
            names.add_known(name, "equation" if name in self._helpers else "input")
        for extent in self._extents:
            names.add_known(extent, "extent")
        return names

    def _scope(self, open_: bool = False) -> Scope:
        return Scope(self._slots, self._extents, {}, open_, numbers=True, shadowing=True, mismatches=[])

    def _letters_of(self, name: str) -> Sequence[str]:
        return self._letters[name]

    def _known_names(self) -> Iterable[str]:
        return (name for name in self._slots if not name.endswith(("_each", "_total")))

    def _indices(
        self, source: Source, node: ast.AST, slots: Mapping[str, Slot], nodes: Mapping[str, ast.AST] = _NOWHERE
    ) -> tuple[Index, ...]:
        """The free indices of a line. A letter that it leaves open runs over what it runs over elsewhere."""
        found = []
        for letter, slot in slots.items():
            elsewhere = self._runs_over.get(letter, set())
            if slot.extent is None and len(elsewhere) == 1:
                slot.unite(Slot(next(iter(elsewhere))))
            if slot.extent is None:
                hint = f"use {letter} on a quantity that has this extent"
                raise source.error(nodes.get(letter, node), f"nothing fixes the extent of index {letter}", hint)
            found.append(Index(letter, slot.extent))
        return tuple(found)


def _shadows(expression: Expr, around: Iterable[Symbol]) -> bool:
    """Whether a bound index has the name of one that is in use around it."""
    taken = set(around)
    if isinstance(expression, REDUCTIONS):
        bound = {limit[0] for limit in expression.limits}
        return bool(bound & taken) or _shadows(expression.function, taken | bound)
    if isinstance(expression, Indexed):
        return False
    return any(_shadows(argument, taken) for argument in expression.args)
