"""The generated functions against JAX: every shipped layer, forward and all gradients."""

from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed, so nothing is held against it: pip install -e '.[jax]'")

from jax_derivatives import double_backward, gradients, outputs, tangents
from jax_layers import REFERENCES, Reference

from derive.draw import choose_extents, draw_sample
from derive.generated import to_numpy
from derive.graph import Graph
from derive.layers import layer_names
from derive.pipeline import load
from derive.workshop import compile_layer

# Rounding in 64 bits is 1e-16; what was measured stays below 2e-15.
_BOUND = 1e-13


@dataclass(frozen=True)
class Case:
    """Random data for a layer: what is differentiated, what is constant, and the cotangents of the outputs, by name."""

    inputs: dict[str, np.ndarray | float]
    constants: dict[str, np.ndarray | float]
    cotangents: dict[str, np.ndarray | float]


def cases(graph: Graph) -> list[Case]:
    """One for each choice of extents, with 1 in each position: inputs and parameters random, facts satisfied."""
    found = []
    for extents in choose_extents(graph):
        sample = draw_sample(graph, extents, "ordinary", "jax")
        values = {q.name: to_numpy(sample.inputs[q.name], q, extents) for q in graph.inputs}
        constant = {q.name for q in graph.inputs if q.role == "constant"}
        cotangents = {name: to_numpy(sample.cotangents[name], graph.by_name[name], extents) for name in graph.outputs}
        found.append(
            Case(
                {name: value for name, value in values.items() if name not in constant},
                {name: value for name, value in values.items() if name in constant},
                cotangents,
            )
        )
    return found


def reference_of(name: str) -> Reference:
    """The layer's reference. A layer without one fails here: nothing ships that has not been held against JAX."""
    assert name in REFERENCES, f"{name} has no reference: write one, from the paper, in tests/jax_layers.py"
    return REFERENCES[name]


def by_name(values: object, names: tuple[str, ...]) -> dict[str, object]:
    """What a generated function returns, by name: one value, or a tuple of them."""
    return dict(zip(names, values if len(names) > 1 else (values,), strict=True))


def disagreement(found: dict[str, object], truth: dict[str, np.ndarray]) -> dict[str, float]:
    """For each name the largest difference, relative to the largest true value (or to 1, where that is larger)."""
    assert found.keys() == truth.keys()
    worst = {}
    for name, value in truth.items():
        assert np.shape(found[name]) == value.shape
        worst[name] = float(np.max(np.abs(found[name] - value)) / max(1.0, np.max(np.abs(value))))
    return worst


def assert_agree(found: dict[str, object], truth: dict[str, np.ndarray]) -> None:
    wrong = {name: error for name, error in disagreement(found, truth).items() if not error < _BOUND}
    assert wrong == {}


def test_every_reference_has_its_layer() -> None:
    assert sorted(REFERENCES) == layer_names()


@pytest.mark.parametrize("name", layer_names())
def test_forward_and_gradients(name: str) -> None:
    reference, graph, module = reference_of(name), load(name), compile_layer(name)
    for case in cases(graph):
        values, residuals = module.forward(**case.inputs, **case.constants)
        assert_agree(by_name(values, graph.outputs), outputs(reference, case.inputs, case.constants))
        given = tuple(case.cotangents[output] for output in graph.outputs)
        found = by_name(module.backward(given if len(given) > 1 else given[0], residuals), tuple(case.inputs))
        assert_agree(found, gradients(reference, case.inputs, case.constants, case.cotangents))


class TestTheOracle:
    """What the reference's derivatives are, where that can be said by hand; and that a wrong gradient is seen."""

    case = Case({"x": np.array([2.0, -3.0])}, {"c": 5.0}, {"y": np.array([7.0, 11.0])})

    @staticmethod
    def square(x, c):
        return {"y": c * x**2}

    def test_gradients_and_that_they_have_64_bits(self) -> None:
        found = gradients(self.square, self.case.inputs, self.case.constants, self.case.cotangents)["x"]
        assert found.tolist() == [2 * 5 * 2 * 7, 2 * 5 * -3 * 11]
        assert found.dtype == np.float64

    def test_tangents(self) -> None:
        given = {"x": np.array([13.0, -17.0])}
        found = tangents(self.square, self.case.inputs, self.case.constants, given)["y"]
        assert found.tolist() == [2 * 5 * 2 * 13, 2 * 5 * -3 * -17]

    def test_double_backward(self) -> None:
        """dx = 2 c x dy, so <dx, u> has the gradients 2 c x u with respect to dy and 2 c dy u with respect to x."""
        case, given = self.case, {"x": np.array([13.0, -17.0])}
        d2dy, d2x = double_backward(self.square, case.inputs, case.constants, case.cotangents, given)
        assert d2dy["y"].tolist() == [2 * 5 * 2 * 13, 2 * 5 * -3 * -17]
        assert d2x["x"].tolist() == [2 * 5 * 7 * 13, 2 * 5 * 11 * -17]

    @pytest.mark.parametrize(
        ("planted", "wrong"),
        [
            (lambda x, gamma, beta, eps: x - x.mean(axis=0), {"x", "gamma", "beta"}),
            (lambda x, gamma, beta, eps: REFERENCES["batch_norm"](x, gamma, 2 * beta, eps)["y"], {"beta"}),
            (lambda x, gamma, beta, eps: REFERENCES["layer_norm"](x, gamma, beta, eps)["y"], {"x", "gamma"}),
            (lambda x, gamma, beta, eps: REFERENCES["batch_norm_unbiased"](x, gamma, beta, eps)["y"], {"x", "gamma"}),
            (lambda x, gamma, beta, eps: REFERENCES["batch_norm"](x, gamma, beta, 1e-8)["y"], {"x", "gamma"}),
        ],
    )
    def test_another_function_has_other_gradients(self, planted, wrong: set[str]) -> None:
        case = cases(load("batch_norm"))[0]
        truth = gradients(REFERENCES["batch_norm"], case.inputs, case.constants, case.cotangents)
        found = gradients(lambda **values: {"y": planted(**values)}, case.inputs, case.constants, case.cotangents)
        assert {name for name, error in disagreement(found, truth).items() if not error < _BOUND} == wrong


@pytest.mark.parametrize("name", layer_names())
def test_forward_and_reverse_mode_agree(name: str) -> None:
    """<dy, y_dot> = <dx, x_dot> + ...: the two helpers that higher orders rest on, on the same data."""
    reference = reference_of(name)
    case = cases(load(name))[0]
    rng = np.random.default_rng(3)
    directions = {key: rng.normal(size=np.shape(value)) for key, value in case.inputs.items()}
    y_dot = tangents(reference, case.inputs, case.constants, directions)
    dx = gradients(reference, case.inputs, case.constants, case.cotangents)
    left = sum(float(np.sum(case.cotangents[key] * y_dot[key])) for key in y_dot)
    right = sum(float(np.sum(dx[key] * directions[key])) for key in dx)
    assert left == pytest.approx(right, rel=1e-11, abs=1e-11)
