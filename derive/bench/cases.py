"""The data on which exactness is measured: easy ones, and those on which float arithmetic is known to fail.

    Input    a Graph
    Output   Cases: extents, inputs and cotangents, rounded to the dtype that is measured

A case says what is done to the inputs that are data (not to parameters, nor to what is bounded), and to the cotangents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.baselines import baselines_of
from derive.bench.data import Values, draw_cotangents, draw_values, main_inputs
from derive.bench.shapes import Extents, allowed, reduced_extents
from derive.graph import Graph

_LENGTH = 1024
_LONG = 10**6


@dataclass(frozen=True)
class Setting:
    """What a case does: inputs scaled and moved, cotangents moved, so many elements in each statistic.

    `scale` None is the root of the smallest constant, where a variance is of the size of eps. `cancels` asks the
    layer's baselines for cotangents whose gradient cancels.
    """

    title: str
    offset: float = 0.0
    scale: float | None = 1.0
    cotangent_offset: float = 0.0
    length: int = _LENGTH
    cancels: bool = False


SETTINGS = (
    Setting("N(0, 1)"),
    Setting("mean 1e4", offset=1e4),
    Setting("mean 1e6", offset=1e6),
    Setting("mean 1e6, dy mean 1", offset=1e6, cotangent_offset=1.0),
    Setting("dy mean 1e4", cotangent_offset=1e4),
    Setting("std 0.01", scale=0.01),
    Setting("std 1e20", scale=1e20),
    Setting("variance near eps", scale=None),
    Setting("length 1e6, mean 1", offset=1.0, length=_LONG),
    Setting("dx cancels", cancels=True),
    Setting("length 2", length=2),
)


@dataclass(frozen=True)
class Case:
    """Arrays that are exactly what every candidate gets."""

    setting: Setting
    extents: Extents
    values: Values
    cotangents: Values


def draw_cases(graph: Graph, dtype: np.dtype, long: bool, settings: Sequence[Setting] = SETTINGS) -> Iterator[Case]:
    """The cases that a layer and a dtype can have; those of a million elements only where `long`."""
    for setting in settings:
        extents = extents_for(graph, setting.length)
        if allowed(graph, extents) and (long or setting.length <= _LENGTH):
            case = _draw(graph, setting, extents, dtype)
            if case is not None:
                yield case


def extents_for(graph: Graph, length: int) -> dict[str, int]:
    """So many elements in a statistic, spread over the extents that are reduced, and few of the others."""
    reduced = list(reduced_extents(graph)) or list(graph.extents[:1])
    others = len(graph.extents) - len(reduced)
    extents = dict.fromkeys(graph.extents, 4 if others == 1 else 2)
    rest = length
    for place, name in enumerate(reduced):
        extents[name] = max(1, round(rest ** (1 / (len(reduced) - place))))
        rest = max(1, rest // extents[name])
    return extents


def _draw(graph: Graph, setting: Setting, extents: Extents, dtype: np.dtype) -> Case | None:
    """The data; None where the layer or the dtype has no such ones."""
    values = {name: rounded(value, dtype) for name, value in draw_values(graph, extents).items()}
    scale = _near_constant(graph, values) if setting.scale is None else setting.scale
    if scale is None:
        return None
    if scale != 1 or setting.offset:
        drawn = draw_values(graph, extents)
        moved = main_inputs(graph)
        if not moved:
            return None
        values |= {name: rounded(drawn[name] * scale + setting.offset, dtype) for name in moved}
    given = draw_cotangents(graph, extents)
    if setting.cancels:
        found = _cancelling(graph, values, given)
        if found is None:
            return None
        given = found
    cotangents = {name: rounded(value + setting.cotangent_offset, dtype) for name, value in given.items()}
    if not all(_is_finite(value) for value in (*values.values(), *cotangents.values())):
        return None
    return Case(setting, extents, values, cotangents)


def rounded(value: Any, dtype: np.dtype) -> Any:
    """An array in a dtype; a number rounded to it, so that all candidates and the reference have the same."""
    with np.errstate(over="ignore"):
        if isinstance(value, np.ndarray):
            return value.astype(dtype)
        return float(np.asarray(value, np.float64).astype(dtype).astype(np.float64))


def _near_constant(graph: Graph, values: Mapping[str, Any]) -> float | None:
    sizes = [values[q.name] for q in graph.inputs if q.role == "constant" and not q.indices and values[q.name] > 0]
    return math.sqrt(min(sizes)) if sizes else None


def _cancelling(graph: Graph, values: Values, noise: Values) -> Values | None:
    module = baselines_of(graph.name)
    if module is None or not hasattr(module, "cancelling"):
        return None
    exact = {name: np.asarray(value, np.longdouble) for name, value in values.items()}
    found = module.cancelling(exact, tuple(noise.values()))
    return dict(zip(graph.outputs, found, strict=True))


def _is_finite(value: Any) -> bool:
    return bool(np.all(np.isfinite(np.asarray(value, np.float64))))
