"""Each baseline computes what the layer does: held against the functions that are generated."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from derive.baselines import baseline_names, baselines_of
from derive.bench.calls import agreeing, returned
from derive.bench.cases import extents_for
from derive.bench.data import draw_cotangents, draw_values
from derive.bench.functions import BY_HAND, JAX, TORCH, Functions, baselines, generated
from derive.codegen.numpy import compile_derivation, derivations_for_code
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pipeline import load

NAMES = baseline_names()


def truth_of(name: str) -> Functions:
    module = compile_derivation(derivations_for_code(name, "reuse")[0])
    return Functions("truth", module.forward, module.backward)


def test_there_are_some_and_each_is_of_a_layer() -> None:
    assert {"batch_norm", "batch_norm_2d", "layer_norm", "rms_norm", "softmax", "softmax_cross_entropy"} <= set(NAMES)
    assert set(NAMES) <= set(layer_names())
    assert baselines_of("gelu") is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("label", "package"), [(BY_HAND, "numpy"), (TORCH, "torch"), (JAX, "jax")])
def test_values_are_those_of_the_generated_functions(name: str, label: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    graph = load(name)
    own = [functions for functions in baselines(graph)[0] if functions.name == label]
    found, notes = agreeing(graph, extents_for(graph, 30), truth_of(name), own)
    assert notes == []
    assert found == own
    assert own


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(baselines_of(name), "cancelling")])
def test_the_gradient_of_what_cancels_is_small(name: str) -> None:
    graph = load(name)
    extents = extents_for(graph, 64)
    values, noise = draw_values(graph, extents), draw_cotangents(graph, extents)
    module = baselines_of(name)
    assert module is not None
    given = module.cancelling(values, tuple(noise.values()))
    cotangents = {o: np.asarray(c, np.float64) for o, c in zip(graph.outputs, given, strict=True)}
    first = graph.differentiable[0]
    ordinary = returned(truth_of(name), graph, extents, values, {o: c * 5 for o, c in noise.items()})[first]
    cancelled = returned(truth_of(name), graph, extents, values, cotangents)[first]
    assert np.abs(cancelled).max() < 0.05 * np.abs(ordinary).max()


def test_a_layer_of_the_same_name_that_is_another_one_has_no_baselines() -> None:
    graph = parse_layer("x: [N, C]\np[n, c] = 2*x[n, c]\n", "softmax")
    module = compile_derivation(derivations_for_code(graph, "reuse")[0])
    own = [functions for functions in baselines(graph)[0] if functions.name == BY_HAND]
    found, notes = agreeing(graph, {"N": 2, "C": 3}, Functions("truth", module.forward, module.backward), own)
    assert found == []
    assert notes[0].startswith("by hand: left out, it computes something else")


def test_what_is_missing_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("derive.bench.functions.is_installed", lambda name: False)
    found, notes = baselines(load("batch_norm"))
    assert [functions.name for functions in found] == [BY_HAND]
    assert notes == ["torch: torch is not installed", "JAX jit: jax is not installed"]
    assert baselines(load("gelu")) == ([], ["no baselines for gelu: what `derive` generates is compared with itself"])
    made, _ = generated(derivations_for_code("gelu", "reuse")[0], ["numpy"], tmp_path)
    assert [functions.name for functions in made] == ["derive numpy"]
