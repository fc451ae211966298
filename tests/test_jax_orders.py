"""Second order and forward mode against JAX: every shipped layer."""

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed, so nothing is held against it: pip install -e '.[jax]'")

from jax_derivatives import double_backward, tangents
from test_jax import assert_agree, by_name, cases, reference_of

from derive.arithmetic import FLOAT
from derive.generated import to_numpy
from derive.graph import Graph
from derive.interpret import Array, convert, places, run
from derive.layers import layer_names
from derive.pipeline import derive, load
from derive.workshop import compile_layer

Numbers = dict[str, np.ndarray | float]


def drawn(like: Numbers, seed: int) -> Numbers:
    """Random numbers of the same shapes."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=np.shape(value)) for name, value in like.items()}


@pytest.mark.parametrize("name", layer_names())
def test_double_backward(name: str) -> None:
    reference, graph, module = reference_of(name), load(name), compile_layer(name)
    second = derive(name, "reuse", order=2)
    for seed, case in enumerate(cases(graph)):
        given = drawn(case.inputs, seed)
        _, residuals = module.forward(**case.inputs, **case.constants)
        cotangents = tuple(case.cotangents[output] for output in graph.outputs)
        first = [value if np.ndim(value) else float(value) for value in given.values()]
        found = module.double_backward(*first, cotangents if len(cotangents) > 1 else cotangents[0], residuals)
        names = second.backward.outputs
        of_cotangents, of_inputs = double_backward(reference, case.inputs, case.constants, case.cotangents, given)
        truth = {f"d2d{key}": value for key, value in of_cotangents.items()}
        truth |= {f"d2{key}": value for key, value in of_inputs.items()}
        # What no gradient depends on has no gradient of its own: JAX says zero.
        assert all(not np.any(value) for key, value in truth.items() if key not in names)
        assert_agree(by_name(found, names), {key: truth[key] for key in names})


def to_array(value: np.ndarray | float, name: str, graph: Graph, extents: dict[str, int]) -> Array:
    """A NumPy array as the interpreter has it."""
    array = np.asarray(value)
    return {place: float(array[tuple(i - 1 for i in place)]) for place in places(graph.by_name[name].extents, extents)}


@pytest.mark.parametrize("name", layer_names())
def test_tangents(name: str) -> None:
    """The closed form of forward mode, run by the interpreter."""
    reference, graph = reference_of(name), load(name)
    forward = derive(name, mode="forward").backward
    case = cases(graph)[0]
    given = drawn(case.inputs, 5)
    extents = {
        extent: size
        for key, value in {**case.inputs, **case.constants}.items()
        for extent, size in zip(graph.by_name[key].extents, np.shape(value), strict=True)
    }
    values = {key: to_array(value, key, graph, extents) for key, value in {**case.inputs, **case.constants}.items()}
    values |= {f"{key}_dot": to_array(value, key, graph, extents) for key, value in given.items()}
    found = run(forward.equations, convert(values, FLOAT), extents, FLOAT)
    truth = tangents(reference, case.inputs, case.constants, given)
    assert_agree(
        {key: to_numpy(found[f"{key}_dot"], graph.by_name[key], extents) for key in graph.outputs},
        {key: truth[key] for key in graph.outputs},
    )
