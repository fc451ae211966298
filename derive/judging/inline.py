"""The author's helpers put in: what an expression rests on, and what it is without names of the author's own."""

from __future__ import annotations

from sympy import Basic, Expr, Indexed

from derive.errors import LayerError
from derive.graph import name_of, names_in
from derive.indices import REDUCTIONS, rebuild
from derive.judging.corrections import at_indices
from derive.judging.trials import Definitions

_DIGITS, _LARGEST = 15, 10**300


def helpers_behind(expression: Expr, definitions: Definitions) -> list[str]:
    """The author's helpers that an expression uses, directly and through others, the nearest first."""
    found: dict[str, None] = {}
    pending = names_in(expression)
    while pending:
        name = pending.pop(0)
        if name in definitions and name not in found:
            found[name] = None
            pending += names_in(definitions[name][1].expression)
    return list(found)


def inlined_size(expression: Expr, definitions: Definitions) -> tuple[int, int]:
    """How long and how deep an expression becomes by that, in nodes.

    Helpers that use helpers twice double the length each time.
    """
    known: dict[str, tuple[int, int]] = {}

    def size(node: Basic) -> tuple[int, int]:
        name = name_of(node)
        if name is not None and name in definitions:
            if name not in known:
                known[name] = size(definitions[name][1].expression)
            return known[name]
        if isinstance(node, Indexed) or not node.args:
            return 1, 1
        lengths, depths = zip(*map(size, node.args), strict=True)
        return 1 + sum(lengths), 1 + max(depths)

    return size(expression)


def inlined(expression: Expr, definitions: Definitions) -> Expr:
    """An expression with the author's helpers replaced by what they are.

    Raises LayerError where that makes a number beyond all bounds.
    """
    if name_of(expression) in definitions:
        equation = definitions[name_of(expression) or ""][1]
        at = expression.indices if isinstance(expression, Indexed) else ()
        return inlined(at_indices(equation, at), definitions)
    if isinstance(expression, Indexed) or not expression.args:
        return expression
    if isinstance(expression, REDUCTIONS):
        return expression.func(inlined(expression.function, definitions), *expression.limits)
    made = rebuild(expression, [inlined(argument, definitions) for argument in expression.args])
    # Of exp(exp(exp(exp(1)))) SymPy would ask for all the digits.
    if made.is_number and not made.is_Rational and not abs(made.evalf(_DIGITS)) < _LARGEST:
        raise LayerError("the number is too large", "numbers stay below 1e300")
    return made
