"""Functions with their arguments in hand: the options that a target may have, and what they return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.bench.calls import contender, returned
from derive.bench.functions import Functions, argument_order, generated, variants
from derive.bench.speed import memory_probes
from derive.codegen.numpy import derivations_for_code
from derive.codegen.targets import TARGETS, Target
from derive.parser import parse_layer
from derive.pipeline import load

GRAPH = parse_layer("x: [N]\nc: constant = 2\nw: [N]\ny[i] = c*x[i]*w[i]\n", "scaled")
EXTENTS = {"N": 3}
VALUES = {"x": np.arange(3.0), "c": 2.0, "w": np.ones(3)}
COTANGENTS = {"y": np.full(3, 0.5)}


def forward(x: Any, w: Any, c: float = 2.0, *, out: Any = None, precise: bool = False) -> tuple[Any, Any]:
    seen.append(("forward", out, precise))
    return np.multiply(c * x, w, out=out), (x, w, c)


def backward(dy: Any, residuals: Any, *, out: Any = (None, None)) -> tuple[Any, Any]:
    seen.append(("backward", out, None))
    x, w, c = residuals
    return np.multiply(c * w, dy, out=out[0]), np.multiply(c * x, dy, out=out[1])


seen: list[tuple[str, Any, Any]] = []
OWN = Functions("own", forward, backward)


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


def test_arguments_come_in_file_order_constants_with_a_default_last() -> None:
    assert argument_order(GRAPH) == ["x", "w", "c"]
    assert argument_order(load("batch_norm")) == ["x", "gamma", "beta", "eps"]


def test_options_are_used_where_there_are_any() -> None:
    assert [functions.name for functions in variants(OWN)] == ["own", "own, out=", "own, precise"]
    assert len(variants(Functions("plain", lambda x: x, lambda dy, residuals: dy))) == 1


def test_results_are_written_where_they_are_wanted() -> None:
    plain, into, precise = variants(OWN)
    for functions in (plain, into, precise):
        found = returned(functions, GRAPH, EXTENTS, VALUES, COTANGENTS)
        np.testing.assert_array_equal(found["y"], [0, 2, 4])
        np.testing.assert_array_equal(found["w"], [0, 1, 2])
    (_, none, _), (_, nones, _), (_, y, _), (_, gradients, _), (_, _, more), _ = seen
    assert none is None
    assert nones == (None, None)
    assert y.shape == (3,)
    assert [array.shape for array in gradients] == [(3,), (3,)]
    assert more is True


def test_the_same_arrays_are_filled_again() -> None:
    ready = contender(variants(OWN)[1], GRAPH, EXTENTS, VALUES, COTANGENTS)
    assert ready.forward()[0] is ready.forward()[0]


def test_a_target_that_fails_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(derivation: object, second: object = None) -> str:
        raise TypeError("no code for erf")

    monkeypatch.setitem(TARGETS, "odd", Target(write, "odd"))
    found, missing = generated(derivations_for_code(GRAPH, "reuse")[0], ["odd", "numpy"], tmp_path)
    assert [functions.name for functions in found] == ["derive numpy"]
    assert missing == ["odd: TypeError: no code for erf"]


def test_a_target_with_a_folder_is_a_file_that_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "copy", Target(TARGETS["numpy"].write, "copy"))
    (functions,), missing = generated(derivations_for_code(GRAPH, "reuse")[0], ["copy"], tmp_path)
    assert missing == []
    assert (tmp_path / "copy_scaled.py").exists()
    np.testing.assert_array_equal(returned(functions, GRAPH, EXTENTS, VALUES, COTANGENTS)["y"], [0, 2, 4])


def test_the_probes_of_memory_move_what_they_say() -> None:
    probes = memory_probes({"x": np.ones(2**19), "g": np.ones(3)})
    assert {probe.way for probe in probes} == {"1", "2"}
    for probe in probes:
        probe.forward()
        probe.backward(None)
    assert memory_probes({"a": 2.0}) == []
    assert [probe.way for probe in memory_probes({"x": np.ones(4, np.float16)})] == ["2"]
