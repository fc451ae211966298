"""The places of an expression at which it can be changed, and what a slip can be made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Add, Expr, Indexed, Mul, Sum, Symbol

from derive.claims.vocabulary import Vocabulary
from derive.graph import Index, Quantity
from derive.indices import REDUCTIONS, rebuild
from derive.printing.grammar import expression_text

Proposal = tuple[Expr, str, float]  # what should stand there, what was wrong, and how unlikely that is
Rebuilt = Callable[[Expr], Expr]  # puts an expression in the place of a node of the whole

VALUES = ("input", "constant", "intermediate", "cotangent", "helper")  # what can be taken for another of its shape


@dataclass(frozen=True)
class Place:
    """A node of the author's expression: how to put another in its place, and the indices that are known there.

    The whole, `root`, is `linear` in it where there are only sums and products around it.
    """

    node: Expr
    put: Rebuilt
    indices: tuple[Index, ...]
    linear: bool
    root: Expr
    bound: tuple[Index, ...] = ()

    @property
    def bound_symbols(self) -> set[Symbol]:
        """The letters that sums around it bind."""
        return {index.symbol for index in self.bound}

    @property
    def whole(self) -> bool:
        """Whether it is the whole expression."""
        return self.node is self.root


@dataclass(frozen=True, eq=False)
class Ground:
    """What a slip can be made of: the names that are known, and the sums of the layer, such as var[j] + eps.

    The claim is about `target`, which cannot stand in it by mistake.
    """

    vocabulary: Vocabulary
    known: Mapping[str, Quantity]
    sums: Sequence[Expr]
    target: str

    def text(self, expression: Expr) -> str:
        """An expression in the layer grammar."""
        return expression_text(self.vocabulary.written(expression))


def places_in(expression: Expr, indices: tuple[Index, ...]) -> Iterator[Place]:
    """Every node of an expression, the whole first."""

    def visit(node: Expr, put: Rebuilt, inside: tuple[Index, ...], linear: bool) -> Iterator[Place]:
        yield Place(node, put, inside, linear, expression, inside[len(indices) :])
        linear = linear and isinstance(node, (Add, Mul, Sum))
        if isinstance(node, REDUCTIONS):
            bound = tuple(Index(symbol.name, str(high)) for symbol, _, high in node.limits)
            limits = node.limits
            yield from visit(node.function, lambda new: put(node.func(new, *limits)), (*inside, *bound), linear)
            return
        for position, argument in enumerate(() if isinstance(node, Indexed) else node.args):

            def replaced(new: Expr, position: int = position) -> Expr:
                return put(rebuild(node, [*node.args[:position], new, *node.args[position + 1 :]]))

            yield from visit(argument, replaced, inside, linear)

    yield from visit(expression, lambda new: new, indices, True)
