"""The functions that are committed for other targets, of every layer that has them, against those for NumPy."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from libraries import LIBRARIES, library

import derived
from derive.codegen.numpy import derivations_for_code
from derive.codegen.targets import TARGETS
from derive.draw import choose_extents, draw_sample
from derive.generated import to_numpy
from derive.pipeline import load
from derive.workshop import CODE_FORM

COMMITTED = Path(derived.__path__[0])
PACKAGES = {"array_api": "numpy", "torch": "torch", "jax": "jax"}


def arguments(name: str) -> tuple[dict[str, Any], tuple[Any, ...], set[str]]:
    """Random inputs by name, for which the layer's facts hold, cotangents of the outputs, and the names of numbers."""
    graph = load(name)
    extents = choose_extents(graph)[-1]
    sample = draw_sample(graph, extents, "ordinary", "targets")
    inputs = {q.name: to_numpy(sample.inputs[q.name], q, extents) for q in graph.inputs}
    given = tuple(to_numpy(sample.cotangents[o], graph.by_name[o], extents) for o in graph.outputs)
    return inputs, given, {q.name for q in graph.inputs if q.role == "constant" and not q.indices}


def returned(module: Any, inputs: dict[str, Any], given: tuple[Any, ...]) -> list[Any]:
    """The outputs and the gradients, one after the other."""
    outputs, residuals = module.forward(**inputs)
    gradients = module.backward(given if len(given) > 1 else given[0], residuals)
    return [
        *(outputs if len(given) > 1 else [outputs]),
        *(gradients if isinstance(gradients, tuple) else [gradients]),
    ]


@pytest.mark.parametrize("name", ["batch_norm", "group_norm", "lstm_cell", "softmax_cross_entropy", "sync_batch_norm"])
def test_what_is_committed_is_what_is_written_now(name: str) -> None:
    """Of a few layers in all targets; `derive docs --check` says so of all."""
    coded = derivations_for_code(name, CODE_FORM, order=2)
    for target in TARGETS.values():
        file = COMMITTED / target.folder / f"{name}{target.suffix}"
        if file.exists() or not target.folder:
            assert file.read_text(encoding="utf-8") == target.write(*coded[: target.orders]), file


def test_the_packages_are_those_of_the_targets_on_arrays() -> None:
    assert {target.folder for target in TARGETS.values() if target.suffix == ".py"} >= PACKAGES.keys()
    for package in PACKAGES:
        assert getattr(derived, package).__all__ == derived.array_api.__all__
        assert "batch_norm" in getattr(derived, package).__all__


@pytest.mark.parametrize("name", derived.array_api.__all__)
@pytest.mark.parametrize("package", PACKAGES)
def test_values(package: str, name: str) -> None:
    inputs, given, numbers = arguments(name)
    expected = returned(getattr(derived, name), inputs, given)
    with library(PACKAGES[package]) as own:
        module = importlib.import_module(f"derived.{package}.{name}")
        made = {key: value if key in numbers else own.make(np.asarray(value)) for key, value in inputs.items()}
        found = returned(module, made, tuple(own.make(np.asarray(value)) for value in given))
        for one, other in zip(found, expected, strict=True):
            assert np.shape(other) == tuple(one.shape)
            np.testing.assert_allclose(own.read(one), other, rtol=1e-11, atol=1e-11)


def test_every_library_is_among_those_that_are_tried() -> None:
    assert set(PACKAGES.values()) <= set(LIBRARIES)
