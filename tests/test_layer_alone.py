"""The layer's own equations as an oracle for any order: true where the answer is known, and errors are caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import text_of
from sympy import Expr

from derive.arithmetic import PRECISE
from derive.compose import as_layer
from derive.derivation import Derivation
from derive.draw import Sample, draw_samples
from derive.errors import LayerError
from derive.graph import Graph, extent_symbol
from derive.interpret import Values, run
from derive.layer_alone import LayerAlone
from derive.parser import parse_layer
from derive.pipeline import derive, load
from derive.report import Report
from derive.verifier import verify

CUBE = "x: [N]\nb: []\ny[i] = x[i]**3 + b\n"
N = extent_symbol("N")


def values_of(alone: LayerAlone, place: tuple[int, ...]) -> dict[str, object]:
    return {name: array[place] for name, array in alone.values.items() if place in array}


@pytest.mark.parametrize(
    ("order", "of", "expected"),
    [
        (1, "x", lambda v: 3 * v["x"] ** 2 * v["dy"]),
        (2, "x", lambda v: 6 * v["x"] * v["dy"] * v["d2dx"]),
        (2, "dy", lambda v: 3 * v["x"] ** 2 * v["d2dx"] + v["d2db"]),
        (3, "x", lambda v: 6 * v["x"] * v["d3d2dy"] * v["d2dx"] + 6 * v["dy"] * v["d2dx"] * v["d3d2x"]),
        (3, "d2dx", lambda v: 3 * v["x"] ** 2 * v["d3d2dy"] + 6 * v["x"] * v["dy"] * v["d3d2x"]),
        (3, "dy", lambda v: 6 * v["x"] * v["d2dx"] * v["d3d2x"]),
    ],
)
def test_the_gradients_of_a_cube(order: int, of: str, expected: Callable[[dict[str, object]], object]) -> None:
    derivation = derive(parse_layer(CUBE), order=max(order, 2))
    for sample in draw_samples(derivation.whole):
        alone = LayerAlone(derivation, sample)
        scalars = {name: array[()] for name, array in alone.values.items() if () in array}
        for place, found in alone.gradient(of, order).items():
            true = expected({**scalars, **values_of(alone, place)})
            assert abs(found - true) <= 1e-40 * abs(true)


def test_data_without_what_lower_orders_were_given_are_refused() -> None:
    derivation = derive(parse_layer(CUBE), order=2)
    with pytest.raises(LayerError, match="the data have no b"):
        LayerAlone(derivation, draw_samples(derivation.forward)[0])


def second_order(below: Derivation) -> Derivation:
    """The derivation of order 2 that comes of one of order 1, right or wrong."""
    return replace(derive(as_layer(below.backward, below.forward.by_name)), previous=below)


def with_line(graph: Graph, name: str, change: Callable[[Expr], Expr]) -> Graph:
    changed = [replace(e, expression=change(e.expression)) if e.name == name else e for e in graph.equations]
    assert changed != list(graph.equations)
    return replace(graph, equations=tuple(changed))


def quick(derivation: Derivation) -> Report:
    ordinary = [sample for sample in draw_samples(derivation.whole) if sample.regime == "ordinary"]
    return verify(derivation, samples=ordinary[1:2])


def failed(report: Report) -> dict[str, set[str]]:
    """Which results failed, by oracle."""
    found: dict[str, set[str]] = {}
    for row in report.failures:
        found.setdefault(row.oracle, set()).add(row.line.split(",")[0].split("[")[0])
    return found


@pytest.fixture(scope="module")
def below() -> Derivation:
    return derive("batch_norm", "reuse")


def test_a_true_first_order_passes(below: Derivation) -> None:
    found = second_order(below)
    assert found.order == 2
    assert quick(found).failures == ()


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("dx", lambda e: -e),
        ("dx", lambda e: N * e),
        ("dx", lambda e: e / 2),
        ("dgamma", lambda e: -e),
        ("dbeta", lambda e: 2 * e),
    ],
)
def test_a_wrong_first_order_is_caught_by_the_layer_alone(
    below: Derivation, line: str, change: Callable[[Expr], Expr]
) -> None:
    wrong = replace(below, backward=with_line(below.backward, line, change))
    # What differentiates it is right for what it was given, so that nothing else sees it.
    caught = failed(quick(second_order(wrong)))
    assert set(caught) == {"nested differences"}
    assert line in caught["nested differences"]
    assert caught["nested differences"] & {"d2x", "d2dy", "d2gamma"}


def test_a_lost_term_of_the_first_order_is_caught(below: Derivation) -> None:
    lost = below.backward.by_name["dbeta"].element
    wrong = replace(below, backward=with_line(below.backward, "dx", lambda e: e.xreplace({lost: e * 0})))
    assert {"dx", "d2dy"} <= failed(quick(second_order(wrong)))["nested differences"]


@pytest.mark.parametrize("name", ["d2dy", "d2x", "d2gamma"])
@pytest.mark.parametrize("change", [lambda e: -e, lambda e: e / N], ids=["sign", "1/N"])
def test_a_wrong_second_order_is_caught(name: str, change: Callable[[Expr], Expr]) -> None:
    derivation = derive("batch_norm", order=2, wrt=[name.removeprefix("d2")])
    caught = failed(quick(replace(derivation, backward=with_line(derivation.backward, name, change))))
    assert name in caught["nested differences"]
    assert name in caught["central differences"]


def test_a_lost_term_of_the_second_order_is_caught() -> None:
    derivation = derive("batch_norm", order=2, wrt=["dy"])
    total = derivation.backward.equation_of["d2dy"].expression
    for term in total.args:
        wrong = replace(derivation, backward=with_line(derivation.backward, "d2dy", lambda e, t=term: e - t))
        assert "d2dy" in failed(quick(wrong))["nested differences"]


def test_every_last_and_last_but_one_gradient_meets_the_layer() -> None:
    rows = [row.line for row in verify(derive("batch_norm", order=2)).rows if row.oracle == "nested differences"]
    names = ["dx", "dgamma", "dbeta", "d2dy", "d2x", "d2gamma"]
    assert rows == [f"{name}, by the equations of batch_norm alone" for name in names]
    assert not [row for row in verify(derive("batch_norm")).rows if row.oracle == "nested differences"]


@pytest.mark.parametrize(
    "name",
    [
        "layer_norm", "rms_norm", "softmax", "log_of_p", "gelu_tanh", "attention", "lstm_cell", "batch_norm_masked",
        "ties", "guarded",
    ],
)
def test_order_2_of_other_layers(name: str) -> None:
    report = quick(derive(parse_layer(text_of(name), name), order=2))
    assert report.failures == ()
    assert any(row.oracle == "nested differences" for row in report.rows)


def test_order_3() -> None:
    assert quick(derive(parse_layer(text_of("rms_norm"), "rms_norm"), order=3)).failures == ()


def test_the_third_order_of_batch_norm_by_the_layer_alone() -> None:
    derivation = derive("batch_norm", order=3)
    sample = draw_samples(derivation.whole)[0]
    alone, values = LayerAlone(derivation, sample), computed(derivation, sample)
    for name in derivation.backward.outputs:
        true = alone.gradient(str(derivation.by_name[name].of), 3)
        scale = max(map(abs, true.values()))
        assert all(abs(values[name][place] - value) <= 1e-30 * scale for place, value in true.items())


def computed(derivation: Derivation, sample: Sample) -> Values:
    return run(derivation.backward.equations, LayerAlone(derivation, sample).values, sample.extents, PRECISE)


def test_the_layer_is_the_first_of_the_orders() -> None:
    derivation = derive("batch_norm", order=3)
    assert [lower.order for lower in derivation.orders] == [1, 2, 3]
    assert load("batch_norm") == derivation.orders[0].forward
