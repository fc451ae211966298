"""A whole measurement of a layer: its speed, its accuracy, or both, and what it was measured on.

    Input    a Graph, what is wanted
    Output   a Report
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence

from derive.bench.accuracy import measure_accuracy
from derive.bench.machine import machine
from derive.bench.speed import Wanted, measure_speed
from derive.bench.tables import Report
from derive.bench.timing import Rounds
from derive.errors import UsageError
from derive.graph import Graph
from derive.options import DTYPES, TARGETS

_TIMED = ("float32", "float64")


def measure(
    graph: Graph,
    parts: Sequence[str],
    targets: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    shapes: Sequence[Sequence[int]] = (),
    rounds: Rounds | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Measure the `parts`, "speed" and "accuracy". Raises UsageError for what there is not."""
    chosen = list(targets or TARGETS)
    _refuse_unknown("target", chosen, TARGETS)
    _refuse_unknown("dtype", dtypes or (), DTYPES)
    wanted = Wanted(chosen, dtypes or _TIMED, shapes, rounds or Rounds())
    return {
        "layer": graph.name,
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "speed": measure_speed(graph, wanted, progress) if "speed" in parts else None,
        "accuracy": measure_accuracy(graph, chosen, dtypes or DTYPES, progress) if "accuracy" in parts else None,
    }


def _refuse_unknown(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"no {kind} {name!r}\n  help: there is {', '.join(known)}")
