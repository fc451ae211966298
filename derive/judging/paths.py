"""Which paths of the chain rule a wrong gradient leaves out: the gradient is computed again without them.

    Input    the sweep of the layer, places of a claim about a cotangent
    Output   the edges of the graph whose loss explains the claim, and the paths that go over them, in words
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from sympy import Add

from derive.arithmetic import FLOAT
from derive.differentiate import Sweep
from derive.graph import Equation, Graph
from derive.interpret import Array, evaluate, run
from derive.judging.points import Points

Edge = tuple[str, str]  # from a quantity to one that uses it

_MOST_OWN = 5  # of a quantity with more paths only single ones are left out


def missing_paths(found: Sweep, points: Points) -> list[str]:
    """The paths that the claim leaves out, in words; none when that does not explain it."""
    target = points.subject.target
    if target is None or target.role != "cotangent" or target.of not in {c.of for c in found.cotangents}:
        return []
    for cut in _cuts(found, str(target.of)):
        if points.are_yours(_without(found, cut, points)):
            return [path_text(found.graph, str(target.of), edge) for edge in cut]
    return []


def path_text(graph: Graph, start: str, edge: Edge) -> str:
    """The path from `start` over an edge, and one step on where there is only one: x → var → xhat."""
    names = [*_way(graph, start, edge[0]), edge[1]]
    users = graph.uses[edge[1]]
    if len(names) == 2 and len(users) == 1:
        names.append(users[0])
    return " → ".join(names)


def _cuts(found: Sweep, of: str) -> Iterator[tuple[Edge, ...]]:
    """What could have been left out, the likeliest first: single paths of the quantity itself, of others, pairs."""
    edges = {c.of: [(c.of, path.user) for path in c.paths] for c in found.cotangents}
    own = edges.pop(of, [])
    yield from ((edge,) for edge in own if len(own) > 1)
    yield from ((edge,) for others in edges.values() if len(others) > 1 for edge in others)
    for count in range(2, len(own)) if len(own) <= _MOST_OWN else ():
        yield from itertools.combinations(own, count)
    several = [edge for others in edges.values() if len(others) > 1 for edge in others]
    yield from ((mine, other) for mine in own for other in several)


def _without(found: Sweep, cut: Collection[Edge], points: Points) -> list[float]:
    """The gradient that the claim is about, computed without some edges."""
    target = points.subject.target
    assert target is not None
    equations = []
    for c in found.cotangents:
        terms = [path.contribution.expression for path in c.paths if (c.of, path.user) not in cut]
        given = [c.given.element] if c.given is not None else []
        equations.append(Equation(c.quantity.name, c.quantity.indices, Add(*given, *terms)))
    arrays = [_run(found, equations, points, k)[target.name] for k in range(len(points.trials))]
    extents = [trial.extents for trial in points.trials]
    element = points.subject.true
    return [float(evaluate(element, {target.name: arrays[k]}, extents[k], at, FLOAT)) for k, at in points.places]


def _run(found: Sweep, equations: list[Equation], points: Points, k: int) -> Mapping[str, Array]:
    names = [*(q.name for q in found.graph.quantities), *(q.name for q in found.given)]
    values = {name: points.floats(k, name) for name in names}
    return run(equations, values, points.trials[k].extents, FLOAT)


def _way(graph: Graph, start: str, end: str) -> list[str]:
    """The shortest way along the uses from one quantity to another, both ends included."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == end:
            return way
        for user in graph.uses[way[-1]]:
            if user not in seen:
                seen.add(user)
                ways.append([*way, user])
    return [start, end]
