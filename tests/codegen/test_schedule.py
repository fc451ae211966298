"""Schedules: which pass computes what, what is kept, what is computed again."""

from __future__ import annotations

import pytest

from derive.codegen.functions_of_loops import LoopFunction
from derive.codegen.loops import functions_of
from derive.codegen.numpy import derivations_for_code
from derive.codegen.schedule.nodes import Loop, Stage, walk
from derive.graph import Graph
from derive.parser import parse_layer


def functions(layer: Graph | str) -> tuple[LoopFunction, LoopFunction]:
    _, forward, backward = functions_of(*derivations_for_code(layer, "reuse"))
    return forward, backward


def saved_names(layer: str) -> list[str]:
    saved, _, _ = functions_of(*derivations_for_code(layer, "reuse"))
    return [quantity.name for quantity in saved.quantities]


def loops_in(stage: Stage) -> list[str]:
    return [node.axis.name for node in walk(stage.nodes) if isinstance(node, Loop)]


@pytest.mark.parametrize(
    ("layer", "forward", "backward"),
    [
        ("batch_norm", 2, 2),
        ("batch_norm_2d", 2, 2),
        ("batch_norm_unbiased", 2, 2),
        ("batch_norm_masked", 2, 2),
        ("batch_norm_inference", 1, 1),
        ("layer_norm", 1, 1),
        ("rms_norm", 1, 1),
        ("group_norm", 1, 1),
        ("instance_norm", 1, 1),
        ("softmax", 1, 1),
        ("log_softmax", 1, 1),
        ("softmax_cross_entropy", 1, 1),
        ("l2_normalize", 1, 1),
        ("attention", 1, 1),
    ],
)
def test_passes_over_the_outermost_axis(layer: str, forward: int, backward: int) -> None:
    assert tuple(function.plan.passes for function in functions(layer)) == (forward, backward)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        ("batch_norm", ["x", "gamma", "eps", "mu", "mu_rest", "var"]),
        ("layer_norm", ["x", "gamma", "eps", "mu", "mu_rest", "var"]),
        ("rms_norm", ["x", "gamma", "rms"]),
        ("l2_normalize", ["x", "norm"]),
        ("softmax", ["p"]),  # exp is too much to take again
        ("linear", ["x", "W"]),
        ("relu", ["x"]),
    ],
)
def test_what_is_saved(layer: str, names: list[str]) -> None:
    assert saved_names(layer) == names


@pytest.mark.parametrize(
    ("layer", "stripe"), [("batch_norm", "D"), ("batch_norm_2d", "C"), ("layer_norm", None), ("softmax", None)]
)
def test_stripes(layer: str, stripe: str | None) -> None:
    for function in functions(layer):
        axis = function.plan.stripe
        assert (axis and axis.extents[0]) == stripe


@pytest.mark.parametrize(
    ("equations", "forward"),
    [
        ("y[i, j] = x[i, j]**2 + 1/x[i, j] + sqrt(x[i, j])", "ND"),
        ("y[i, j] = x[i, j]*v[j]", "N * D"),
        ("y[i, j] = exp(x[i, j])", "3 * ND"),  # the compiler computes it for several elements at once
        ("y[i, j] = exp(x[i, j]) + tanh(x[i, j])", "11 * ND"),
        ("y[i, j] = abs(x[i, j])**v[j]", "9 * N * D"),
        ("y[i] = log(sum(x[i, j] for j in D))", "N * D"),  # what is done once for a row is nothing beside the row
        ("y[i, k] = sum(x[i, j]*v[j]*w[j, k] for j in D)", "N * K * D"),
        ("a[i, j] = sin(x[i, j])\nb[i] = sum(a[i, j] for j in D)\ny[i, j] = a[i, j]*b[i]", "9 * N * D"),
        ("a[i, j] = sin(x[i, j])*v[j]\nb[j] = sum(a[i, j] for i in N)\ny[i, j] = cos(a[i, j])*b[j]", "17 * N * D"),
    ],
)
def test_the_work_that_threads_share(equations: str, forward: str) -> None:
    """Of the deepest loops, with what functions of the library cost, each as often as it is called."""
    layer = f"x: [N, D]\nv: [D]\nw: [D, K]\nassert x > 0\n{equations}\n"
    function, _ = functions(parse_layer(layer, "work", "work"))
    assert " * ".join(function.work()) == forward


def test_the_few_rows_that_a_mean_is_guessed_from_are_no_work() -> None:
    assert functions("batch_norm")[0].work() == ["N", "D"]


def test_axes_side_by_side_are_one_loop() -> None:
    assert [axis.extents for axis in functions("batch_norm_2d")[0].plan.order] == [("N",), ("C",), ("H", "W")]
    assert [axis.extents for axis in functions("relu")[0].plan.order] == [("N", "D")]


def test_axes_that_are_turned_are_not() -> None:
    graph = parse_layer("x: [N, D]\ny[j, i] = x[i, j]**2\nz = sum(x[i, j] for i in N for j in D)\n", "turned", "turned")
    assert [axis.extents for axis in functions(graph)[0].plan.order] == [("D",), ("N",)]


def test_a_row_is_finished_before_the_next_begins() -> None:
    (stage,) = [stage for stage in functions("softmax")[0].plan.stages if stage.is_pass]
    assert loops_in(stage) == ["n", "c", "c", "c"]


NORMALIZED = """
x: [N, D]
w: constant[N]
v: constant[N]
assert w > 0
total = sum({weight}[i] for i in N)
mu[j] = sum(w[i]*x[i, j] for i in N)/{divisor}
var[j] = sum({factor}*(x[i, j] - mu[j])**2 for i in N)/total
y[i, j] = (x[i, j] - mu[j])/sqrt(var[j] + 1)
"""


@pytest.mark.parametrize(
    ("weight", "divisor", "factor", "found"),
    [
        ("w", "total", "w[i]", True),
        ("v", "total", "w[i]", False),  # the mean is not divided by the sum of its weights
        ("w", "N", "w[i]", False),
        ("w", "total", "v[i]", False),  # the squares have other weights than the mean
    ],
)
def test_a_mean_and_its_variance_in_one_pass(weight: str, divisor: str, factor: str, found: bool) -> None:
    text = NORMALIZED.format(weight=weight, divisor=divisor, factor=factor)
    graph = parse_layer(text, "normalized", "normalized")
    forward, _ = functions(graph)
    assert any(moments.spread for moments in forward.plan.moments) == found
    assert forward.plan.passes == (2 if found else 3)


def test_what_a_column_needs_is_computed_once_a_column() -> None:
    _, backward = functions("batch_norm")
    names = ["dgamma_total", "dx_plus", "dx_times_xhat", "dx_factor"]
    assert sorted(buffer.name for buffer in backward.plan.buffers) == sorted(names)
    assert all([axis.name for axis in buffer.axes] == ["j"] for buffer in backward.plan.buffers)
