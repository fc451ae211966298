"""What a function computes in place of the true gradient: another line, or the gradient of another layer.

A function shows no formula. So the true lines, and the equations of the layer, are changed in one place each until what
comes out is what the function returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from derive.arithmetic import FLOAT
from derive.differentiate import joint_graph, sweep
from derive.errors import DeriveError
from derive.graph import Equation, Graph
from derive.interpret import Array, evaluate, run
from derive.judging.corrections import Corrections
from derive.judging.edits import Edit, edits_of
from derive.judging.places import Ground
from derive.judging.points import Points
from derive.printing.grammar import expression_text

_MOST_LAYERS = 120  # that are differentiated
_LIKELY = 3  # the cost up to which an edit of an equation is tried


def computed_line(corrections: Corrections, ground: Ground, points: Points) -> str | None:
    """The line that the function computes, in words; None where that is no true line with one change."""
    subject = points.subject
    for side in corrections.right_sides(subject.true, {}):
        for edit in edits_of(side, subject.indices, ground):
            if points.are_yours(points.values(edit.expression)):
                return f"it computes {corrections.written(subject.true, edit.expression)}"
    return None


def computed_layer(graph: Graph, ground: Ground, points: Points) -> str | None:
    """The layer that the function belongs to, in words; None where that is not this one with one change."""
    tried = 0
    for equation, edit in _changes(graph, ground):
        changed = replace(equation, expression=edit.expression)
        equations = tuple(changed if other is equation else other for other in graph.equations)
        tried += 1
        if tried > _MOST_LAYERS:
            return None
        try:
            values = _values(replace(graph, equations=equations), points)
        except DeriveError:  # what was changed has no value, or the equations make no layer
            continue
        if points.are_yours(values):
            line = f"{expression_text(changed.left)} = {expression_text(changed.expression)}"
            return f"it is right for another layer, with {line}"
    return None


def _changes(graph: Graph, ground: Ground) -> Iterator[tuple[Equation, Edit]]:
    """Every likely change of one equation, the likeliest first."""
    found = [(e, edit) for e in graph.equations for edit in edits_of(e.expression, e.indices, ground)]
    likely = [pair for pair in found if pair[1].cost <= _LIKELY and not pair[1].renames]
    yield from sorted(likely, key=lambda pair: pair[1].cost)


def _values(graph: Graph, points: Points) -> list[float]:
    """What the function would return for a layer, at the places of the claim."""
    target = points.subject.target
    assert target is not None
    whole = graph if target.name in graph.by_name else joint_graph(sweep(graph, [str(target.of)]))
    arrays: list[Mapping[str, Array]] = []
    for k, trial in enumerate(points.trials):
        given = {quantity.name: points.floats(k, quantity.name) for quantity in whole.inputs}
        arrays.append(run(whole.equations, given, trial.extents, FLOAT))
    element = points.subject.true
    return [float(evaluate(element, arrays[k], points.trials[k].extents, at, FLOAT)) for k, at in points.places]
