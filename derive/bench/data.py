"""Random arrays of any size for a layer, drawn so that its facts hold where they are about single inputs.

    Input    a Graph, extents
    Output   float64 arrays by the name of the input, and cotangents by the name of the output

`draw.py` draws a handful of exact numbers and checks each fact; this is for millions of elements, and checks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Rational, Sum

from derive.bench.shapes import Extents, shape_of
from derive.draw import bounds
from derive.graph import Fact, Graph, Quantity, name_of

Values = dict[str, Any]
_CONSTANT = 0.75  # of a scalar constant without a default: no parameter is one


def draw_values(graph: Graph, extents: Extents, seed: int = 0) -> Values:
    """Each input: a float64 array, or a number for a scalar; constants with a default have it."""
    source = np.random.default_rng(seed)
    values = {q.name: _draw(graph, q, extents, source) for q in graph.inputs}
    for fact in graph.facts:
        _satisfy(graph, fact, values)
    return values


def draw_cotangents(graph: Graph, extents: Extents, seed: int = 1) -> Values:
    """A float64 array for each output, a number for a scalar."""
    source = np.random.default_rng(seed)
    shapes = {name: shape_of(graph.by_name[name], extents) for name in graph.outputs}
    return {name: source.standard_normal(shape) if shape else 0.75 for name, shape in shapes.items()}


def main_inputs(graph: Graph) -> list[str]:
    """The inputs that are data, not parameters: of what gets a gradient and is unbounded, those with most indices."""
    free = [q for q in graph.inputs if q.role != "constant" and bounds(graph, q.name) == (None, None)]
    most = max((len(q.indices) for q in free), default=0)
    return [q.name for q in free if q.indices and len(q.indices) == most]


def in_dtype(values: Mapping[str, Any], dtype: np.dtype) -> Values:
    """The arrays in a dtype; scalars stay Python numbers."""
    return {name: value.astype(dtype) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def _draw(graph: Graph, quantity: Quantity, extents: Extents, source: np.random.Generator) -> Any:
    shape = shape_of(quantity, extents)
    low, high = (None if bound is None else float(bound) for bound in bounds(graph, quantity.name))
    if quantity.role == "constant" and not shape:
        if quantity.default is not None:
            return float(quantity.default)
        return float(_within(_CONSTANT, low, high))
    drawn = _within(source.standard_normal(shape), low, high)
    return drawn if shape else float(drawn)


def _within(normal: Any, low: float | None, high: float | None) -> Any:
    """Normal numbers, moved strictly between their bounds."""
    if low is not None and high is not None:
        return low + (high - low) * (0.1 + 0.8 / (1 + np.exp(-normal)))
    if low is not None:
        return low + np.abs(normal) + 0.1
    if high is not None:
        return high - np.abs(normal) - 0.1
    return normal


def _satisfy(graph: Graph, fact: Fact, values: Values) -> None:
    """Make the sums of an input what a fact says, sum(t[n, c] for c in C) == 1, with positive numbers."""
    for total, wanted in ((fact.left, fact.right), (fact.right, fact.left)):
        name = name_of(total.function) if isinstance(total, Sum) else None
        if name not in values or fact.relation != "==" or not isinstance(wanted, Rational):
            continue
        bound = {limit[0] for limit in total.limits}
        axes = tuple(axis for axis, index in enumerate(total.function.indices) if index in bound)
        positive = np.abs(values[name]) + 0.01
        values[name] = positive * (float(wanted) / positive.sum(axis=axes, keepdims=True))
