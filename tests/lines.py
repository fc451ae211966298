"""Lines in the layer grammar as equations and facts, for the tests: `derive.claims.grammar` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Expr, Indexed, Symbol

from derive.claims.claim import Claim, Unreadable
from derive.claims.grammar import read_grammar
from derive.claims.vocabulary import Vocabulary
from derive.differentiate import Sweep
from derive.graph import Equation, Fact, Graph, Quantity, name_of


@dataclass(frozen=True)
class KnownNames(Vocabulary):
    """Just the names that are given."""

    names: Mapping[str, Quantity] | None = None

    @property
    def known(self) -> Mapping[str, Quantity]:  # type: ignore[override]
        return self.names or {}

    def expanded(self, expression: Expr) -> Expr:
        return expression


def parse_equations(text: str, known: Mapping[str, Quantity], file: str = "<string>") -> tuple[Equation | Fact, ...]:
    """The lines, in order, about the quantities in `known` and those that earlier lines define.

    An equality whose left side is the general element of a quantity is an Equation, any other a Fact. Raises the
    LayerError of the first line that cannot be read.
    """
    graph = Graph("known", "", tuple(known.values()), (), (), ())
    found: list[Equation | Fact] = []
    for line in read_grammar(text, file, KnownNames(graph, Sweep(graph, (), (), ()), names=known)).lines:
        if isinstance(line, Unreadable):
            raise line.error
        if line.mismatch is not None:
            raise line.mismatch
        found.append(_converted(line))
    return tuple(found)


def _converted(claim: Claim) -> Equation | Fact:
    name = name_of(claim.left)
    letters = list(claim.left.indices) if isinstance(claim.left, Indexed) else []
    general = all(isinstance(letter, Symbol) for letter in letters) and len(set(letters)) == len(letters)
    if name is not None and general and not claim.text.startswith("assert "):
        return Equation(name, claim.indices, claim.right, claim.line)
    return Fact(claim.left, claim.relation, claim.right, claim.indices, claim.line)
