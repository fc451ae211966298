"""How long the functions of a layer take: in turns, beside what people use today and beside what memory allows.

    Input    a Graph, targets, shapes, dtypes, a budget
    Output   a Speed: for each shape and dtype the time of each contender, and what the limit would take
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from derive.bench.calls import agreeing, contender
from derive.bench.cases import extents_for
from derive.bench.data import Values, draw_cotangents, draw_values, in_dtype
from derive.bench.functions import (
    HUGE_PAGES,
    TORCH,
    Functions,
    baselines,
    chain_rule,
    generated,
    variants,
)
from derive.bench.libraries import dtype_named
from derive.bench.machine import cores, load_average
from derive.bench.shapes import Extents, asked_shapes, default_shapes, shape_text
from derive.bench.timing import PHASES, Contender, Local, Rounds, Spread, Timed, first_line, spread, take_turns
from derive.bench.traffic import Traffic, traffic_of
from derive.bench.worker import HUGE, Remote, Worker
from derive.codegen.numpy import derivations_for_code
from derive.codegen.targets import is_bound_by_memory
from derive.derivation import Derivation
from derive.errors import UsageError
from derive.graph import Graph
from derive.workshop import CODE_FORM

PROBE = "memory"
# The elements in a statistic with which it is checked that all compute the same.
_CHECKED_LENGTH = 16
# What else ran, on average in the last minute, above which times are not to be trusted.
_BUSY = 0.5
# Below so many bytes a second thread costs more than it saves.
_SHARED_BYTES = 2**20


class Row(TypedDict):
    """One contender: the times of its best way, by phase."""

    name: str
    times: dict[str, Spread]


class Case(TypedDict):
    """One shape and dtype. `limit` has the seconds that memory takes for each phase; none where it is not the limit."""

    shape: dict[str, int]
    dtype: str
    rows: list[Row]
    bandwidth: float
    moves: dict[str, float]
    limit: dict[str, float]


class Speed(TypedDict):
    """The times of a layer, and what there was to remark."""

    cases: list[Case]
    notes: list[str]


@dataclass(frozen=True)
class Wanted:
    """What is to be measured; without `shapes` those that suit the layer."""

    targets: Sequence[str]
    dtypes: Sequence[str]
    shapes: Sequence[Sequence[int]] = ()
    rounds: Rounds = field(default_factory=Rounds)


def measure_speed(graph: Graph, wanted: Wanted, progress: Callable[[str], None] = lambda text: None) -> Speed:
    """Measure a layer. Raises UsageError for shapes that do not fit it, or where nothing can be measured."""
    asked = asked_shapes(graph, wanted.shapes)
    coded = derivations_for_code(graph, CODE_FORM)[0]
    busy = load_average()
    with tempfile.TemporaryDirectory() as folder:
        made, notes = generated(coded, wanted.targets, Path(folder))
        if busy > _BUSY:
            notes.append(f"the machine was busy when this began (load {busy:.1f}), and so are the times")
        there, missing = baselines(graph)
        chain = chain_rule(derivations_for_code(graph, "staged")[0])
        made, there, dropped = _sorted_out(graph, chain, made, there)
        ours = [*(v for functions in made for v in variants(functions)), chain]
        notes += [*missing, *dropped]
        worker = _worker(graph, there, notes)
        try:
            cases = []
            for extents, dtype in _cases(graph, coded, asked, wanted.dtypes):
                progress(f"{shape_text(extents)} {dtype}")
                bench = _Bench(graph, coded, extents, dtype_named(dtype))
                cases.append(bench.case([*ours, *there], worker, wanted.rounds, notes))
        finally:
            if worker is not None:
                worker.close()
    if not cases:
        raise UsageError(f"no shape of {graph.name} fits the memory of this machine; give one with --shape")
    return {"cases": cases, "notes": list(dict.fromkeys(notes))}


def _worker(graph: Graph, there: Sequence[Functions], notes: list[str]) -> Worker | None:
    """The process in which torch takes huge pages, where there is a torch."""
    if not any(functions.name == TORCH for functions in there):
        return None
    try:
        return Worker(graph, HUGE)
    except (OSError, RuntimeError) as error:
        notes.append(f"{HUGE_PAGES}: {first_line(error)}")
        return None


def _sorted_out(
    graph: Graph, chain: Functions, made: Sequence[Functions], there: Sequence[Functions]
) -> tuple[list[Functions], list[Functions], list[str]]:
    """Those of the generated functions and of the baselines that return what the chain rule does; and why others go."""
    good, notes = agreeing(graph, extents_for(graph, _CHECKED_LENGTH), chain, [*made, *there])
    return [f for f in good if f in made], [f for f in good if f in there], notes


def _cases(
    graph: Graph, coded: Derivation, asked: Sequence[Extents], dtypes: Sequence[str]
) -> list[tuple[Extents, str]]:
    def shapes(dtype: str) -> Sequence[Extents]:
        return asked or default_shapes(graph, is_bound_by_memory(coded), dtype_named(dtype).itemsize)

    return [(extents, dtype) for dtype in dtypes for extents in shapes(dtype)]


@dataclass(frozen=True)
class _Bench:
    """One shape and dtype."""

    graph: Graph
    coded: Derivation
    extents: Extents
    dtype: np.dtype

    def case(self, functions: Sequence[Functions], worker: Worker | None, rounds: Rounds, notes: list[str]) -> Case:
        values = in_dtype(draw_values(self.graph, self.extents), self.dtype)
        cotangents = in_dtype(draw_cotangents(self.graph, self.extents), self.dtype)
        contenders = self.local(functions, values, cotangents, notes)
        contenders += self.remote(worker, notes) if worker is not None else []
        probes = memory_probes(values)
        timed = take_turns([*contenders, *probes], rounds)
        notes += timed.failures
        rows = best_rows(contenders, timed)
        bandwidth = self.bandwidth(timed, len(contenders), probes, values)
        traffic = self.traffic()
        return {
            "shape": dict(self.extents),
            "dtype": self.dtype.name,
            "rows": rows,
            "bandwidth": bandwidth,
            "moves": {phase: one.moves for phase, one in traffic.items()},
            "limit": {phase: one.bytes / bandwidth for phase, one in traffic.items()} if bandwidth else {},
        }

    def local(
        self, functions: Sequence[Functions], values: Values, cotangents: Values, notes: list[str]
    ) -> list[Contender]:
        found: list[Contender] = []
        for one in functions:
            try:
                found.append(contender(one, self.graph, self.extents, values, cotangents))
            except Exception as error:  # a dtype that a library does not know; no memory for results
                notes.append(f"{one.name}: {first_line(error)}")
        return found

    def remote(self, worker: Worker, notes: list[str]) -> list[Contender]:
        try:
            return [Remote(worker, HUGE_PAGES, k) for k in range(worker.prepare(self.extents, self.dtype))]
        except RuntimeError as error:
            notes.append(f"{HUGE_PAGES}: {first_line(error)}")
            return []

    def bandwidth(self, timed: Timed, first: int, probes: Sequence[Local], values: Values) -> float:
        """Bytes a second, by the fastest of the probes; 0 where there is no array."""
        size = _largest(values).nbytes if probes else 0
        found = [0.0]
        for place, probe in enumerate(probes, start=first):
            samples = timed.samples[place]
            if samples is not None:
                median = spread([t for phase in PHASES for t in samples[phase]])["median"]
                found.append(size * int(probe.way) / median)
        return max(found)

    def traffic(self) -> dict[str, Traffic]:
        if not is_bound_by_memory(self.coded):
            return {}
        return traffic_of(self.coded, self.extents, self.dtype.itemsize)


def best_rows(contenders: Sequence[Contender], timed: Timed) -> list[Row]:
    """A row for each name, in order: by phase the times of the way with the smallest median."""
    rows: dict[str, Row] = {}
    for one, samples in zip(contenders, timed.samples[: len(contenders)], strict=True):
        if samples is None:
            continue
        row = rows.setdefault(one.name, {"name": one.name, "times": {}})
        for phase, times in samples.items():
            found = spread(times)
            if phase not in row["times"] or found["median"] < row["times"][phase]["median"]:
                row["times"][phase] = found
    return list(rows.values())


def _largest(values: Values) -> np.ndarray:
    arrays = [value for value in values.values() if isinstance(value, np.ndarray)]
    return max(arrays, key=lambda array: array.nbytes, default=np.empty(0))


def memory_probes(values: Values) -> list[Local]:
    """Ways to read, or to read and write, as much as the largest input has; `way` is how often its bytes move.

    NumPy's dot product of it with itself reads it, in as many threads as the library of linear algebra takes; a copy
    reads and writes it, in one thread and in as many as there are cores. The fastest of them is what memory (or, for
    small arrays, the cache) gives.
    """
    largest = _largest(values).reshape(-1)
    if not largest.size:
        return []
    copy = np.zeros_like(largest)
    parts = list(zip(np.array_split(copy, cores()), np.array_split(largest, cores()), strict=True))
    probes = [_probe(2, lambda: np.copyto(copy, largest))]
    if largest.dtype in (np.float32, np.float64):  # of others the dot product takes its time to compute
        probes.append(_probe(1, lambda: np.dot(largest, largest)))
    if largest.nbytes >= _SHARED_BYTES and len(parts) > 1:
        probes.append(_probe(2, lambda: list(_threads().map(lambda part: np.copyto(*part), parts))))
    return probes


def _probe(moves: int, call: Callable[[], Any]) -> Local:
    return Local(PROBE, str(moves), lambda: (call(), None), lambda kept: call())


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores())
