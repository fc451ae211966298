"""The author's helpers put in: what an expression rests on, and what it is without names of the author's own."""

from __future__ import annotations

from sympy import Expr, Indexed

from derive.graph import name_of, names_in
from derive.indices import REDUCTIONS, rebuild
from derive.judging.corrections import at_indices
from derive.judging.trials import Definitions


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


def inlined(expression: Expr, definitions: Definitions) -> Expr:
    """An expression with the author's helpers replaced by what they are."""
    if name_of(expression) in definitions:
        equation = definitions[name_of(expression) or ""][1]
        at = expression.indices if isinstance(expression, Indexed) else ()
        return inlined(at_indices(equation, at), definitions)
    if isinstance(expression, Indexed) or not expression.args:
        return expression
    if isinstance(expression, REDUCTIONS):
        return expression.func(inlined(expression.function, definitions), *expression.limits)
    return rebuild(expression, [inlined(argument, definitions) for argument in expression.args])
