"""The count of what has to move, and the shapes at which it is."""

from __future__ import annotations

import pytest

from derive.bench.shapes import allowed, asked_shapes, default_shapes, reduced_extents, shape_text
from derive.bench.traffic import traffic_of
from derive.codegen.numpy import derivations_for_code
from derive.errors import UsageError
from derive.parser import parse_layer
from derive.pipeline import load


@pytest.mark.parametrize(
    ("name", "shape", "forward", "backward"),
    [
        ("batch_norm", (1000, 1000), 3.0, 5.0),  # read x, x, write y; read dy, xhat, dy, xhat, write dx
        ("batch_norm_2d", (10, 10, 10, 10), 3.0, 5.0),
        ("layer_norm", (1000, 1000), 2.0, 3.0),  # a row stays in the cache between its sums and their use
        ("layer_norm", (10, 1000000), 3.0, 5.1),  # but not such a row; gamma is as large as a row of x here
        ("rms_norm", (1000, 1000), 2.0, 3.0),
        ("softmax", (1000, 1000), 2.0, 3.0),
        ("softmax_cross_entropy", (1000, 1000), 2.0, 3.0),  # x and t; p and t, and dx
        ("gelu", (1000, 1000), 2.0, 4.0),
    ],
)
def test_counts(name: str, shape: tuple[int, ...], forward: float, backward: float) -> None:
    derivation = derivations_for_code(name, "reuse")[0]
    extents = dict(zip(derivation.forward.extents, shape, strict=True))
    found = traffic_of(derivation, extents, 4)
    assert found["forward"].moves == pytest.approx(forward, rel=0.1)
    assert found["backward"].moves == pytest.approx(backward, rel=0.1)


def test_bytes_are_moves_times_the_array() -> None:
    derivation = derivations_for_code("softmax", "reuse")[0]
    found = traffic_of(derivation, {"N": 100, "C": 10}, 8)
    assert (found["forward"].bytes, found["backward"].bytes) == (2 * 8000, 3 * 8000)


def test_a_sum_that_needs_another_sum_waits_for_it() -> None:
    text = "x: [N, D]\nm[j] = mean(x[i, j] for i in N)\na[j] = sum(abs(x[i, j] - m[j]) for i in N)\n"
    text += "y[i, j] = x[i, j]/(1 + a[j])\n"
    derivation = derivations_for_code(parse_layer(text, "deviation"), "reuse")[0]
    assert traffic_of(derivation, {"N": 1000, "D": 1000}, 4)["forward"].moves == pytest.approx(4.0)


def test_shapes_satisfy_the_facts_and_fit() -> None:
    graph = parse_layer("x: [N]\nassert N > 1\ny[i] = x[i] - mean(x[k] for k in N)\n", "center")
    assert not allowed(graph, {"N": 1})
    assert [list(extents.values()) for extents in default_shapes(graph, True, 4)] == [[2**13], [2**18], [2**24]]
    with pytest.raises(UsageError, match="--shape 1 contradicts"):
        asked_shapes(graph, [(1,)])
    with pytest.raises(UsageError, match="--shape 2x3: the extents of center are N"):
        asked_shapes(graph, [(2, 3)])


def test_the_usual_shapes_of_two_indices() -> None:
    shapes = [shape_text(extents) for extents in default_shapes(load("batch_norm"), True, 4)]
    assert shapes[:4] == ["64x128", "256x1024", "4096x1024", "65536x256"]


def test_extents_that_are_reduced() -> None:
    assert list(reduced_extents(load("batch_norm_2d"))) == ["N", "H", "W"]
    assert list(reduced_extents(load("layer_norm"))) == ["D"]
    assert list(reduced_extents(load("gelu"))) == []
