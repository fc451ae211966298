"""A contender in a process of its own: for a library with a setting that has to be there before it is loaded.

    Input    lines of JSON on standard input: a layer and a shape, then one request for each call that is to be timed
    Output   a line of JSON for each: seconds

It answers in lock step, so that its calls take turns with those of the process that started it, and never meet them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import numpy as np

from derive.bench.calls import contender
from derive.bench.data import draw_cotangents, draw_values, in_dtype
from derive.bench.functions import TORCH, Functions, baselines
from derive.bench.libraries import dtype_named
from derive.bench.shapes import Extents
from derive.bench.timing import Local
from derive.graph import Graph
from derive.parser import parse_layer

# What makes torch ask for huge pages, if it is there when torch is loaded.
HUGE = {"THP_MEM_ALLOC_ENABLE": "1"}
_RELEASE = "release"


class Worker:
    """The process, as the one that started it sees it. To be closed."""

    def __init__(self, graph: Graph, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "derive.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            self.ask({"text": graph.source, "name": graph.name})
        except BaseException:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any]) -> Any:
        """The answer to a request. Raises RuntimeError with what went wrong there, or where the process is gone."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no pipes")
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
        except (OSError, ValueError) as error:
            raise RuntimeError("its process has ended") from error
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def prepare(self, extents: Extents, dtype: np.dtype) -> int:
        """Draw the data of a shape; how many ways there are to compute the layer."""
        return int(self.ask({"extents": dict(extents), "dtype": dtype.name}))

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        with suppress(OSError):  # what was not read there is lost
            self.process.communicate()


class Remote:
    """A contender in the process of a worker."""

    def __init__(self, worker: Worker, name: str, place: int) -> None:
        self.worker, self.name, self.place, self.way = worker, name, place, str(place)

    def time(self, phase: str, calls: int) -> float:
        return float(self.worker.ask({"place": self.place, "phase": phase, "calls": calls}))

    def release(self) -> None:
        self.worker.ask({"place": self.place, "phase": _RELEASE, "calls": 0})


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer until there are no more requests."""
    served = _Served()
    for line in requests:
        try:
            answer: dict[str, Any] = {"value": served.answer(json.loads(line))}
        except Exception as error:  # it is told to who asked, whatever it is
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _Served:
    """What the worker has in hand."""

    graph: Graph
    functions: Sequence[Functions]
    contenders: Sequence[Local]

    def answer(self, request: Mapping[str, Any]) -> float:
        if "text" in request:
            self.graph = parse_layer(request["text"], request["name"], request["name"])
            self.functions = [f for f in baselines(self.graph)[0] if f.name == TORCH]
            return len(self.functions)
        if "extents" in request:
            extents, dtype = request["extents"], dtype_named(request["dtype"])
            values = in_dtype(draw_values(self.graph, extents), dtype)
            cotangents = in_dtype(draw_cotangents(self.graph, extents), dtype)
            self.contenders = [contender(f, self.graph, extents, values, cotangents) for f in self.functions]
            return len(self.contenders)
        chosen = self.contenders[int(request["place"])]
        if request["phase"] != _RELEASE:
            return chosen.time(str(request["phase"]), int(request["calls"]))
        chosen.release()
        return 0.0


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
