"""Data that satisfy the facts, and refusals that name the fact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from plain_derivations import BATCH_NORM
from sympy import Eq, Integer, Rational

from derive.arithmetic import FLOAT, PRECISE
from derive.draw import (
    REGIMES,
    Sample,
    bounds,
    choose_extents,
    draw_sample,
    draw_samples,
    fact_holds,
    fact_text,
)
from derive.errors import LayerError
from derive.graph import Fact, extent_symbol, reference
from derive.interpret import Array, convert, run
from derive.parser import parse_layer
from derive.pipeline import derive


def values(sample: Sample) -> dict[str, Array]:
    return run(sample.graph.equations, convert(sample.inputs, FLOAT), sample.extents, FLOAT)


def everything(arrays: Mapping[str, Array]) -> list[Rational]:
    return [value for array in arrays.values() for value in array.values()]


@pytest.mark.parametrize(
    "text",
    [
        BATCH_NORM,
        "p: [N]\nq: []\nassert p > 0\nassert p < 1\nassert q >= 3\ny[i] = log(p[i]) + log(1 - p[i]) + sqrt(q - 3)",
        "q: [N]\nassert 0 > q\nassert -7/2 <= q\ny[i] = sqrt(-q[i])*sqrt(q[i] + 7/2)",
        "t: [N, C]\nassert t >= 0\nassert sum(t[n, c] for c in C) == 1\nL = sum(t[n, c]**2 for n in N for c in C)",
        "x: [N]\nassert 1 == sum(x[i] for i in N)\ny[i] = x[i]",
        "x: [N, D]\nassert sum(x[i, j] for i in N for j in D) == 3/2\ny[i, j] = x[i, j]",
        "x: [N, D]\nassert N > 1\nassert D != 3\ny[i, j] = x[i, j]/(N - 1)",
        "a: []\nb: []\nassert a > b\ny = sqrt(a - b)",
        "x: [N]\nv = sum(x[i]**2 for i in N)\nassert v > 0\ny[i] = x[i]/v",
    ],
)
def test_every_fact_holds_in_every_regime(text: str) -> None:
    graph = parse_layer(text)
    samples = draw_samples(graph)
    assert {sample.regime for sample in samples} == set(REGIMES)
    for sample in samples:
        computed = run(graph.equations, convert(sample.inputs, PRECISE), sample.extents, PRECISE)
        assert all(fact_holds(fact, computed, sample.extents) for fact in graph.facts)


def test_data_are_exact_and_never_one_or_constant() -> None:
    for sample in draw_samples(parse_layer(BATCH_NORM)):
        numbers = everything(sample.inputs) + everything(sample.cotangents)
        assert all(isinstance(number, Rational) for number in numbers)
        assert all(abs(number) not in (0, 1) for number in numbers)
        # Exact as 64-bit floats too.
        assert all(Rational(*FLOAT.number(number).as_integer_ratio()) == number for number in numbers)
        assert len(set(sample.cotangents["y"].values())) > 1


def test_data_are_the_same_for_the_same_seed_only() -> None:
    graph = parse_layer(BATCH_NORM)
    first, other = draw_samples(graph, "a"), draw_samples(graph, "b")
    draw_samples.cache_clear()
    again = draw_samples(graph, "a")
    assert [s.inputs for s in first] == [s.inputs for s in again]
    assert [s.cotangents for s in first] == [s.cotangents for s in again]
    assert all(s.inputs != t.inputs for s, t in zip(first, other, strict=True))


def test_small_scale_makes_the_variance_like_eps() -> None:
    small = [s for s in draw_samples(parse_layer(BATCH_NORM)) if s.regime == "small scale" and s.extents["N"] > 1]
    assert small
    for sample in small:
        eps = float(sample.inputs["eps"][()])
        assert 1e-6 < eps < 1e-4
        assert all(0.001 < variance / eps < 100 for variance in values(sample)["var"].values())


def test_large_offset_is_large_against_the_spread() -> None:
    for sample in draw_samples(parse_layer(BATCH_NORM)):
        if sample.regime == "large offset" and sample.extents["N"] > 1:
            computed = values(sample)
            for (j,), mean in computed["mu"].items():
                assert abs(mean) > 2000
                assert math.sqrt(computed["var"][(j,)]) < 3


def test_a_large_offset_is_as_large_as_floats_can_follow() -> None:
    graph = parse_layer("x: [N]\ny[i] = exp(x[i]) + exp(-x[i])")
    offsets = [abs(x) for s in draw_samples(graph) if s.regime == "large offset" for x in s.inputs["x"].values()]
    assert offsets
    assert all(20 < offset < 220 for offset in offsets)


def test_constants_have_the_size_of_their_defaults_where_it_matters() -> None:
    by_regime = {s.regime: float(s.inputs["eps"][()]) for s in draw_samples(parse_layer(BATCH_NORM))[:3]}
    assert by_regime["ordinary"] > 0.1
    assert by_regime["large offset"] == pytest.approx(1e-5, rel=1.1)
    assert by_regime["small scale"] == pytest.approx(1e-5, rel=1.1)


def test_a_sample_says_what_it_is() -> None:
    assert draw_samples(parse_layer(BATCH_NORM))[2].description == "N=3, D=2, small scale"


@pytest.mark.parametrize(
    "shape", [["N"], ["N", "D"], ["N", "D", "E"], ["N", "C", "H", "W"], ["A", "B", "C", "D", "E"]]
)
def test_extents_have_a_one_in_each_position_and_tell_axes_apart(shape: list[str]) -> None:
    letters = "ijklm"[: len(shape)]
    graph = parse_layer(f"x: [{', '.join(shape)}]\ny[{', '.join(letters)}] = 2*x[{', '.join(letters)}]")
    chosen = choose_extents(graph)
    for name in shape:
        assert any(extents[name] == 1 for extents in chosen)
        assert any(extents[name] > 1 for extents in chosen)
    for a, b in itertools.combinations(shape, 2):
        assert any(extents[a] != extents[b] for extents in chosen)
        assert any(min(extents[a], extents[b]) > 1 for extents in chosen)
    assert max(math.prod(extents.values()) for extents in chosen) <= 36


def test_the_extents_of_batch_norm_are_those_of_small_matrices() -> None:
    chosen = choose_extents(parse_layer(BATCH_NORM))
    assert [tuple(extents.values()) for extents in chosen] == [(3, 2), (2, 3), (1, 4), (4, 1)]


def test_extents_obey_their_facts() -> None:
    graph = parse_layer("x: [N, D]\nassert N > 1\ny[i, j] = x[i, j]/(N - 1)")
    assert all(extents["N"] > 1 for extents in choose_extents(graph))
    assert len(choose_extents(graph)) == 4
    both = replace(graph, facts=(Fact(extent_symbol("N"), "==", extent_symbol("D")),))
    assert all(extents["N"] == extents["D"] for extents in choose_extents(both))


def test_extents_reach_literal_indices() -> None:
    graph = parse_layer("x: [N]\ny = 2*sum(x[i] for i in N)")
    third = replace(graph.equations[0], expression=reference("x", [Integer(3)]))
    assert all(extents["N"] >= 3 for extents in choose_extents(replace(graph, equations=(third,))))


def test_impossible_extents_are_an_error() -> None:
    graph = parse_layer("x: [N]\nassert N > 1\nassert N < 2\ny[i] = x[i]")
    with pytest.raises(LayerError, match=r"assert N > 1 and assert N < 2"):
        choose_extents(graph)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("x: []\nassert x > 1\nassert x < 0\ny = x", "assert x > 1"),
        ("x: [N]\nassert x > 0\nassert sum(x[i] for i in N) == -1\ny[i] = x[i]", "assert x > 0"),
        ("x: [N]\nassert sum(x[i]**2 for i in N) == 1\ny[i] = x[i]", "assert sum"),
        ("x: [N]\nv[i] = x[i]**2\nassert v < 0\ny[i] = v[i]", "assert v < 0"),
    ],
)
def test_a_fact_that_cannot_be_drawn_is_named(text: str, fact: str) -> None:
    with pytest.raises(LayerError) as caught:
        draw_samples(parse_layer(text))
    assert fact in caught.value.message
    assert caught.value.location is not None
    assert fact in caught.value.location.text


def test_a_fact_on_an_intermediate_that_fails_to_hold_is_named() -> None:
    with pytest.raises(LayerError, match=r"'assert v < 0' does not hold on data that satisfy the other facts"):
        draw_samples(parse_layer("x: [N]\nv[i] = x[i]**2\nassert v < 0\ny[i] = v[i]"))


def test_an_undefined_value_asks_for_a_bound() -> None:
    with pytest.raises(LayerError, match="'y' is undefined") as caught:
        draw_samples(parse_layer("x: [N]\ny[i] = log(-x[i]**2)"))
    assert "assert the bounds" in caught.value.hint


def test_a_regime_that_contradicts_the_facts_is_left_out() -> None:
    graph = parse_layer("x: [N]\nv[i] = x[i]**2\nassert v > 1/100\nassert v < 1/2\ny[i] = v[i]")
    assert {sample.regime for sample in draw_samples(graph)} == {"ordinary"}


@pytest.mark.parametrize("expression", ["abs(x[i])", "relu(x[i])", "maximum(x[i], y[i])", "where(x[i] > y[i], 1, 2)"])
def test_data_keep_away_from_kinks(expression: str) -> None:
    graph = parse_layer(f"x: [N]\ny: [N]\nv[i] = {expression}*x[i]")
    for sample in draw_samples(graph):
        for place, x in sample.inputs["x"].items():
            assert abs(x - sample.inputs["y"][place]) > 1e-7 * abs(x)


def test_a_kink_that_cannot_be_avoided_is_an_error() -> None:
    with pytest.raises(LayerError, match="'y' stays at a kink"):
        draw_sample(parse_layer("x: [N]\nz[i] = x[i]\ny[i] = abs(x[i] - z[i])"), {"N": 2}, "ordinary")


def test_what_a_derivative_asks_of_a_max_is_no_kink() -> None:
    derivation = derive(parse_layer("x: [N]\nm = max(x[i] for i in N)\ny[i] = x[i]*m"), order=2)
    assert any(equation.expression.has(Eq) for equation in derivation.forward.equations)
    assert len(draw_samples(derivation.whole)) >= 6


def test_ties_below_the_largest_are_no_kink() -> None:
    graph = parse_layer("x: [N]\nr[i] = relu(x[i])\nm = max(r[i] for i in N)")
    samples = [draw_sample(graph, {"N": 5}, "ordinary", seed) for seed in "abc"]
    assert any(list(values(sample)["r"].values()).count(0) > 1 for sample in samples)


def test_bounds_are_read_from_both_sides() -> None:
    graph = parse_layer("x: [N]\nassert 0 < x\nassert x >= 1/2\nassert 3 >= x\nassert x < 5\ny[i] = x[i]")
    assert bounds(graph, "x") == (Rational(1, 2), 3)


def test_a_fixed_input_has_its_value() -> None:
    graph = parse_layer("k: constant = 2\nx: [N]\nassert k == 2\ny[i] = x[i]**k")
    assert {sample.inputs["k"][()] for sample in draw_samples(graph)} == {2}


def test_a_fact_without_its_source_is_written_as_sympy_does() -> None:
    graph = parse_layer("x: []\nassert x > 0\ny = x")
    assert fact_text(graph, graph.facts[0]) == "assert x > 0"
    assert fact_text(replace(graph, source=""), graph.facts[0]) == "assert x > 0"


@pytest.mark.parametrize("count", [4, 5, 6])
def test_any_two_axes_of_large_arrays_differ_somewhere(count: int) -> None:
    names = "ABCDEF"[:count]
    places = ", ".join(name.lower() for name in names)
    layer = parse_layer(f"x: [{', '.join(names)}]\ny[{places}] = x[{places}]**2")
    chosen = choose_extents(derive(layer, order=2).whole)
    assert all(math.prod(extents.values()) == 6 for extents in chosen)
    for first, second in itertools.combinations(names, 2):
        assert any(extents[first] != extents[second] for extents in chosen)


def test_extents_at_which_a_layer_has_no_derivative_are_left_out() -> None:
    """The standard deviation of one number: a root at 0; the distance of one number from its mean: a kink."""
    for line in ("sqrt(mean((x[i] - mu)**2 for i in N))", "mean(abs(x[i] - mu) for i in N)"):
        layer = parse_layer(f"x: [N]\nmu = mean(x[i] for i in N)\ny = {line}")
        assert {sample.extents["N"] for sample in draw_samples(layer)} == {3, 2}
