"""Slips with functions and signs: tanh for sigmoid, a maximum for a sum, a product for a sum of two."""

from __future__ import annotations

from collections.abc import Iterator

import sympy
from sympy import Add, Expr, Function, Mul, Sum

from derive.functions import MaxOver, ProductOver, log1p, relu, sigmoid, softplus
from derive.indices import REDUCTIONS
from derive.judging.places import Ground, Place, Proposal

_FUNCTIONS: tuple[type[Expr], ...] = (
    sympy.exp, sympy.log, sympy.tanh, sigmoid, softplus, relu, log1p, sympy.sin, sympy.cos, sympy.erf,
)  # fmt: skip
_WORDS = {Sum: "sum", MaxOver: "max", ProductOver: "prod"}


def function(ground: Ground, place: Place) -> Iterator[Proposal]:
    """Another function of the same argument, or another reduction of the same summand."""
    node = place.node
    if isinstance(node, _FUNCTIONS) and isinstance(node, Function):
        for other in _FUNCTIONS:
            if not isinstance(node, other):
                made = other(node.args[0], evaluate=False)
                yield made, f"{ground.text(made)} belongs where {ground.text(node)} stands", 4
    if isinstance(node, REDUCTIONS):
        for kind in REDUCTIONS:
            if not isinstance(node, kind):
                made = kind(node.function, *node.limits)
                yield made, f"a {_WORDS[kind]} belongs where a {_WORDS[type(node)]} stands: {ground.text(made)}", 4


def operator(ground: Ground, place: Place) -> Iterator[Proposal]:
    """A product for a sum, a sum for a product."""
    node = place.node
    if isinstance(node, Mul):
        for position, factor in enumerate(node.args):
            if not factor.is_number:
                rest = Mul(*(a for k, a in enumerate(node.args) if k != position))
                made = Add(factor, rest)
                yield made, f"a + belongs where a * stands: {ground.text(made)}", 5
    if isinstance(node, Add) and len(node.args) == 2:
        made = Mul(*node.args)
        yield made, f"a * belongs where a + stands: {ground.text(made)}", 5
