"""What values cannot show: that a derivation takes every path.

A contribution that happens to be zero can be left out without any number changing; sum(x - mu) = 0 hides the loss of
the path from var to mu. So the paths that a derivation displays are compared with the uses in the graph.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sympy import Basic, sign
from sympy.core.relational import Relational

from derive.derivation import Derivation
from derive.functions import delta
from derive.graph import Equation, Graph, Quantity, name_of, names_in


@dataclass(frozen=True)
class PathCheck:
    """The paths into the cotangent, or the tangent, of one quantity: what is wrong with them, or an empty `fault`."""

    cotangent: str
    paths: tuple[str, ...]
    fault: str


def check_paths(derivation: Derivation) -> list[PathCheck]:
    """Compare the contributions that the steps state, and add up, with the uses of each quantity.

    A step must state each contribution, and one must add up all of them, by their names or as cotangent (in forward
    mode, tangent) times local derivative. Nothing is asked of a derivation that states no contributions at all.
    """
    lines = _lines(derivation)
    stated = {line.name for line in lines}
    found_here = _found_here(derivation)
    contributions = [q for q in found_here if q.role == "contribution"]
    if not any(q.name in stated for q in contributions):
        return []
    found = []
    layer, forward = derivation.forward, derivation.mode == "forward"
    moving = _moving_names(derivation) if forward else set()
    for cotangent in found_here:
        of = cotangent.of
        if cotangent.role != ("tangent" if forward else "cotangent") or cotangent.name in layer.by_name:
            continue
        if of is None or cotangent.name not in stated:
            continue
        expected = paths_to(layer, of, moving) if forward else paths_of(layer, of)
        possible = {None, *(names_in(layer.equation_of[of].expression) if forward else layer.uses[of])}
        shown = {q.via for q in contributions if q.of == of and q.name in stated}
        terms = _terms(derivation, of)
        about = [line for line in lines if line.name == cotangent.name]
        sums = [{terms[name] for name in names_in(line.expression) if name in terms} for line in about]
        fault = _stated_fault(shown, expected, possible) or _total_fault(sums, expected)
        found.append(PathCheck(cotangent.name, tuple(map(_path_text, expected)), fault))
    return found


def _found_here(derivation: Derivation) -> list[Quantity]:
    """What this derivation introduces: the cotangents of the lower orders are quantities like any other."""
    return [q for q in derivation.by_name.values() if q.name not in derivation.forward.by_name]


def _terms(derivation: Derivation, of: str) -> dict[str, str | None]:
    """The names that stand for a path in a sum of paths: contributions, local derivatives, and what is given."""
    found: dict[str, str | None] = {}
    for quantity in _found_here(derivation):
        if quantity.role == "contribution" and quantity.of == of:
            found[quantity.name] = quantity.via
        elif quantity.role == "local_derivative":
            ends = name_of(quantity.denominator), name_of(quantity.numerator)
            own, other = reversed(ends) if derivation.mode == "forward" else ends
            if own == of:
                found[quantity.name] = other
    return found


def paths_of(graph: Graph, name: str) -> list[str | None]:
    """The ways in which a quantity reaches the loss: by the equations that depend on it smoothly; None for directly."""
    users = [user for user in graph.uses[name] if carries(graph.equation_of[user].expression, name)]
    return [*([None] if name in graph.outputs else []), *users]


def paths_to(graph: Graph, name: str, moving: Collection[str]) -> list[str | None]:
    """The quantities that the equation of `name` depends on smoothly, of those that move."""
    expression = graph.equation_of[name].expression
    smooth = {used for used in names_in(expression) if used in moving and carries(expression, used)}
    return [q.name for q in graph.quantities if q.name in smooth]


def _moving_names(derivation: Derivation) -> set[str]:
    """The inputs whose tangents are given, and what depends on them smoothly."""
    known = derivation.forward.by_name
    moving = {q.of or "" for q in derivation.backward.inputs if q.name not in known}
    for equation in derivation.forward.equations:
        if any(carries(equation.expression, name) for name in names_in(equation.expression) if name in moving):
            moving.add(equation.name)
    return moving


def carries(expression: Basic, name: str) -> bool:
    """Whether a small change of the quantity can change the expression: not through a condition, sign or delta."""
    if isinstance(expression, (Relational, sign, delta)):
        return False
    if name_of(expression) == name:
        return True
    return any(carries(argument, name) for argument in expression.args)


def _lines(derivation: Derivation) -> list[Equation]:
    both = [line for step in derivation.steps for line in (step.equation, step.display)]
    return [line for line in both if isinstance(line, Equation)]


def _path_text(via: str | None) -> str:
    return via or "the loss itself"


def _stated_fault(shown: set[str | None], expected: list[str | None], possible: set[str | None]) -> str:
    # What is given needs no line of its own.
    if missing := [via for via in expected if via is not None and via not in shown]:
        return f"no step states the contribution through {', '.join(missing)}"
    if foreign := sorted(_path_text(via) for via in shown - possible):
        return f"a step states a contribution through {', '.join(foreign)}, which does not use it"
    return ""


def _total_fault(sums: list[set[str | None]], expected: list[str | None]) -> str:
    # What is given stands in the line with the derivatives put in, too.
    totals = [total for total in sums if total - {None}]
    if not totals:
        return "" if len(expected) <= 1 else "no step adds up the contributions"
    missing = [_path_text(via) for via in expected if via not in max(totals, key=len)]
    return f"the sum of the contributions leaves out {', '.join(missing)}" if missing else ""
