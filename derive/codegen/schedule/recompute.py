"""What forward saves for backward: instead of a large array that is cheap to compute again, what it comes from.

    backward uses xhat[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + eps)
    ──▶  saved are x, which is there anyway, and mu, var in float64; xhat is computed in registers

That reads no more memory, writes less in forward, and keeps digits: xhat rounded to float32 costs dx all its digits
where dx is a difference of nearly equal terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Eq, Function, Indexed, Ne

from derive.codegen.centering import distance
from derive.codegen.residuals import first_order_equations, used_in
from derive.derivation import Derivation
from derive.functions import MaxOver
from derive.graph import Equation, Quantity, name_of, names_in
from derive.indices import REDUCTIONS, free_indices


@dataclass(frozen=True)
class Saved:
    """The quantities that backward is given, and the equations of forward that it computes again."""

    quantities: tuple[Quantity, ...]
    equations: tuple[Equation, ...]


def what_to_save(derivation: Derivation) -> Saved:
    """What backward needs of forward, so that it reads as few large arrays as can be."""
    graph = derivation.forward
    equations = first_order_equations(derivation)
    needed = {name for name in used_in(equations) if name in graph.by_name}
    compared = {name_of(side) for e in equations for equal in e.expression.atoms(Eq, Ne) for side in equal.args}
    again: list[Equation] = []
    for equation in reversed(graph.equations):
        # A maximum is compared with what it is taken of: both have to be computed in one place.
        maxima = equation.expression.atoms(MaxOver) if equation.name in compared else ()
        is_compared = any(name_of(node.function) is None for node in maxima)
        cheap = _is_cheap(equation) and _costs_no_memory(derivation, equation, needed)
        if equation.name in needed and (cheap or is_compared):
            needed.remove(equation.name)
            needed |= set(names_in(equation.expression))
            again.append(equation)
    quantities = tuple(q for q in graph.quantities if q.name in needed)
    return Saved(quantities, tuple(reversed(again)))


def _is_cheap(equation: Equation) -> bool:
    """Whether an equation is a map, and costs no function in each of its elements."""
    own = set(equation.indices)
    if equation.expression.has(*REDUCTIONS):
        return False
    whole = frozenset(index.symbol for index in own)
    functions = equation.expression.atoms(Function) - equation.expression.atoms(distance) | {
        power for power in equation.expression.atoms(sympy.Pow) if not power.exp.is_Integer
    }
    return not any(frozenset(free_indices(function)) == whole for function in functions)


def _costs_no_memory(derivation: Derivation, equation: Equation, needed: set[str]) -> bool:
    """Whether backward reads no more large arrays without it: it comes from one input, or from what is read anyway."""
    graph = derivation.forward
    rank = len(equation.indices)
    if rank == 0:
        return False
    large = {name_of(e) for e in equation.expression.atoms(Indexed) if len(e.indices) >= rank}
    given = {quantity.name for quantity in graph.inputs}
    new = [name for name in large if name not in needed]
    return len(large) > 0 and len(new) <= 1 and all(name in given for name in new)
