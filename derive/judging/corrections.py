"""How a wrong line should read: of all true lines about a quantity, the one that is most like the author's.

    Input    the Trials (a vocabulary and the author's helpers), a Subject
    Output   true equations for its target, each form that the derivation has for it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sympy import Add, Expr, Indexed, Integer, Mul, Symbol
from sympy.core.parameters import distribute

from derive.claims.vocabulary import Vocabulary
from derive.derivation import Form
from derive.errors import DeriveError
from derive.graph import Equation, name_of, names_in, reference
from derive.indices import IndexNames, free_indices, substitute, unused_symbols
from derive.pipeline import derive
from derive.printing.grammar import expression_text
from derive.rules.sums import pull_out
from derive.unroll import unroll

_FORMS: tuple[Form, ...] = ("mean", "sum", "reuse")


@dataclass(frozen=True, eq=False)
class Corrections:
    """The true lines of one layer, found when they are first asked for. Of a `loss` the gradient is 1."""

    vocabulary: Vocabulary
    loss: str | None = None

    def lines(self, name: str) -> list[Equation]:
        """Every true line that gives the quantity: first the chain rule, then the closed forms."""
        return self._by_name.get(name, [])

    def best(self, element: Expr, yours: Expr | None, extents: Mapping[str, int]) -> str | None:
        """The line for an element that is most like the author's, in the author's indices; None where none is known.

        Where the element has numbers as indices, the sums are written out for the given extents.
        """
        found = self.best_right_side(element, yours, extents)
        return None if found is None else self.written(element, found)

    def written(self, left: Expr, right: Expr) -> str:
        """An equality in the layer grammar."""
        free = free_indices(left)
        return f"{self._text(left)} = {self._text(self._names.apply(right, free))}"

    @cached_property
    def _names(self) -> IndexNames:
        return IndexNames(self.vocabulary.graph)

    def best_right_side(self, element: Expr, yours: Expr | None, extents: Mapping[str, int]) -> Expr | None:
        """The right side of that line."""
        sides = self.right_sides(element, extents)
        wanted = set(names_in(yours)) if yours is not None else set()

        def unlike(side: Expr) -> tuple[float, int]:
            used = set(names_in(side))
            if yours is None:  # a function has nothing but what it is given
                return len(used - self._given), len(self._text(side))
            return -len(used & wanted) / max(len(used | wanted), 1), len(self._text(side))

        return min(sides, key=unlike, default=None)

    def right_sides(self, element: Expr, extents: Mapping[str, int]) -> list[Expr]:
        """What the true lines say of an element."""
        name, indices = name_of(element) or "", element.indices if isinstance(element, Indexed) else ()
        compact = self.vocabulary.written(element)
        if name_of(compact) in self._by_name and name not in self._by_name:
            name, indices = name_of(compact) or "", compact.indices if isinstance(compact, Indexed) else ()
        found = []
        given = reference(self.vocabulary.cotangents[self.loss]) if self.loss is not None else None
        for line in self.lines(name):
            if len(line.indices) == len(indices):
                side = at_indices(line, indices)
                side = side if given is None else side.xreplace({given: Integer(1)})
                if any(isinstance(index, Integer) for index in indices):
                    side = self._written_out(line, side, indices, extents)
                if side not in found:
                    found.append(side)
        return found

    def _written_out(self, line: Equation, side: Expr, indices: tuple[Expr, ...], extents: Mapping[str, int]) -> Expr:
        if not all(isinstance(index, Integer) for index in indices):
            return side
        at = {own.name: int(index) for own, index in zip(line.indices, indices, strict=True)}
        try:
            with distribute(False):
                return unroll(pull_out(line.expression), extents, at)
        except DeriveError:  # too long to be read, or undefined there
            return side

    def _text(self, expression: Expr) -> str:
        return expression_text(self.vocabulary.written(expression))

    @cached_property
    def _given(self) -> set[str]:
        graph = self.vocabulary.graph
        return {*graph.by_name, *(quantity.name for quantity in self.vocabulary.found.given)}

    @cached_property
    def _by_name(self) -> dict[str, list[Equation]]:
        found: dict[str, list[Equation]] = {}
        for line in self._all():
            lines = found.setdefault(line.name, [])
            if line not in lines:
                lines.append(line)
        return found

    def _all(self) -> Iterator[Equation]:
        vocabulary = self.vocabulary
        yield from vocabulary.graph.equations
        for cotangent in vocabulary.found.cotangents:
            with distribute(False):
                yield Equation(
                    cotangent.equation.name, cotangent.equation.indices, pull_out(cotangent.equation.expression)
                )
            for path in cotangent.paths:
                yield path.local_equation
                yield path.contribution
        for form in _FORMS:
            # With respect to everything, so that each cotangent has its line.
            derivation = derive(vocabulary.graph, form)
            yield from derivation.results
            yield from (s.equation for s in derivation.steps if isinstance(s.equation, Equation) and s.boxed)


def terms_of(expression: Expr) -> list[Expr]:
    """What an expression adds up, a product with a sum multiplied out."""
    if isinstance(expression, Add):
        return [part for term in expression.args for part in terms_of(term)]
    if isinstance(expression, Mul):
        for position, factor in enumerate(expression.args):
            if isinstance(factor, Add):
                others = [a for k, a in enumerate(expression.args) if k != position]
                return [part for term in factor.args for part in terms_of(Mul(*others, term))]
    return [expression]


def at_indices(line: Equation, indices: tuple[Expr, ...]) -> Expr:
    """The right side of a line at other indices, capturing none."""
    own = [index.symbol for index in line.indices]
    between = list(zip(own, unused_symbols({*own, *line.expression.atoms(Symbol)}), strict=False))
    apart = substitute(line.expression, dict(between))
    return substitute(apart, {new: index for (_, new), index in zip(between, indices, strict=True)})


