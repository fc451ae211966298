"""The oracles against gradients worked out by hand, and against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
from plain_derivations import BATCH_NORM, LAYER_NORM, SCORES, closed, staged
from sympy import Integer, Rational, sqrt

from derive.arithmetic import FLOAT, PRECISE
from derive.derivation import Derivation
from derive.draw import Sample, draw_sample
from derive.errors import LayerError
from derive.graph import Equation, Graph, Mode, Quantity
from derive.interpret import Array, convert, from_nested, run
from derive.oracles import CENTRAL_DIFFERENCES, COMPLEX_STEP, SCALAR_DIFF, Oracle, Truth, downstream
from derive.parser import parse_layer
from derive.verifier import equation_error

ORACLES = [CENTRAL_DIFFERENCES, COMPLEX_STEP, SCALAR_DIFF]


def truth_of(text: str, extents: dict[str, int], oracle: Oracle, **given: object) -> Truth:
    """The truth on drawn data, of which `given` (nested rational lists) replaces some inputs."""
    derivation = staged(text)
    sample = draw_sample(derivation.forward, extents, "ordinary")
    inputs = {**sample.inputs, **{name: from_nested(nested) for name, nested in given.items()}}
    return Truth(derivation, replace(sample, inputs=inputs), oracle)


def close(found: Array, expected: Array, bound: float) -> bool:
    worst = max(abs(complex(sympy.N(found[place] - expected[place], 60))) for place in expected)
    return worst <= bound * max(1, *(abs(complex(sympy.N(value, 20))) for value in expected.values()))


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
def test_the_gradient_of_a_square(oracle: Oracle) -> None:
    truth = truth_of("x: [N]\nL = sum(x[i]**2 for i in N)", {"N": 3}, oracle)
    weight = truth.sample.cotangents["L"][()]
    expected = {place: oracle.arithmetic.number(2 * x * weight) for place, x in truth.sample.inputs["x"].items()}
    assert close(truth.gradients.total("x"), expected, oracle.bound)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
def test_two_paths_add_up(oracle: Oracle) -> None:
    truth = truth_of("a: []\nb = a**2\nc = a*b", {}, oracle, a=Rational(3, 2))
    weight = truth.sample.cotangents["c"][()]
    # c = a^3; b reaches c by one path only.
    assert close(truth.gradients.total("a"), {(): oracle.arithmetic.number(Rational(27, 4) * weight)}, oracle.bound)
    assert close(truth.gradients.total("b"), {(): oracle.arithmetic.number(Rational(3, 2) * weight)}, oracle.bound)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
def test_a_local_derivative_holds_all_else_fixed(oracle: Oracle) -> None:
    truth = truth_of("a: []\nb = a**2\nc = a*b", {}, oracle, a=Rational(3, 2))
    assert close(truth.gradients.local("c", "a")[()], {(): oracle.arithmetic.number(Rational(9, 4))}, oracle.bound)
    assert close(truth.gradients.local("c", "b")[()], {(): oracle.arithmetic.number(Rational(3, 2))}, oracle.bound)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
def test_a_total_derivative_goes_all_ways(oracle: Oracle) -> None:
    truth = truth_of("a: []\nb = a**2\nc = a*b", {}, oracle, a=Rational(3, 2))
    assert close(truth.gradients.through("c", "a")[()], {(): oracle.arithmetic.number(Rational(27, 4))}, oracle.bound)
    assert close(truth.gradients.through("c", "b")[()], {(): oracle.arithmetic.number(Rational(3, 2))}, oracle.bound)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
@pytest.mark.parametrize(("a", "slope"), [(Rational(1, 2), 3), (Rational(-1, 2), 5)])
def test_a_condition_is_decided_by_the_numbers(oracle: Oracle, a: Rational, slope: int) -> None:
    truth = truth_of("a: []\nb = where(a > 0, 3*a, 5*a)", {}, oracle, a=a)
    assert close(truth.gradients.local("b", "a")[()], {(): oracle.arithmetic.number(Integer(slope))}, oracle.bound)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda o: o.name)
def test_contributions_are_cotangent_times_local_derivative(oracle: Oracle) -> None:
    truth = truth_of("a: []\nb = a**2\nc = a*b", {}, oracle, a=Rational(3, 2))
    weight = truth.sample.cotangents["c"][()]
    number = oracle.arithmetic.number
    assert close(truth.value("da_via_c"), {(): number(Rational(9, 4) * weight)}, oracle.bound)
    assert close(truth.value("da_via_b"), {(): number(Rational(9, 2) * weight)}, oracle.bound)


def test_scalar_diff_is_exact() -> None:
    truth = truth_of("x: [N]\nr = sqrt(sum(x[i]**2 for i in N))", {"N": 2}, SCALAR_DIFF, x=[Integer(1), Integer(1)])
    weight = truth.sample.cotangents["r"][()]
    assert truth.gradients.total("x") == {(1,): weight * sqrt(2) / 2, (2,): weight * sqrt(2) / 2}


def test_batch_norm_of_two_rows_by_hand() -> None:
    # x = (0, 2): mu = 1, var = 1; with eps = 3 the root is 2, and xhat = -1/2, 1/2.
    truth = truth_of(
        BATCH_NORM, {"N": 2, "D": 1}, SCALAR_DIFF,
        x=[[Integer(0)], [Integer(2)]], gamma=[Integer(4)], beta=[Integer(5)], eps=Integer(3),
    )  # fmt: skip
    first, second = (truth.sample.cotangents["y"][i, 1] for i in (1, 2))
    assert truth.value("var") == {(1,): 1}
    assert truth.value("dgamma") == {(1,): (second - first) / 2}
    assert truth.value("dbeta") == {(1,): first + second}
    assert truth.value("dvar") == {(1,): -(second - first) * 4 / 16}
    assert truth.value("dmu") == {(1,): -2 * (first + second)}
    # gamma/root * (dy - mean dy - xhat * mean(dy*xhat))
    mean, product = (first + second) / 2, (second - first) / 4
    assert truth.value("dx") == {(1, 1): 2 * (first - mean + product / 2), (2, 1): 2 * (second - mean - product / 2)}


@pytest.mark.parametrize("text", [BATCH_NORM, LAYER_NORM, SCORES], ids=["batch norm", "layer norm", "scores"])
def test_the_oracles_agree(text: str) -> None:
    extents = dict(zip(staged(text).forward.extents, (2, 3), strict=False))
    central, stepped, exact = (truth_of(text, extents, oracle) for oracle in ORACLES)
    for quantity in central.sample.graph.quantities:
        assert close(central.gradients.total(quantity.name), exact.gradients.total(quantity.name), 1e-50)
        assert close(stepped.gradients.total(quantity.name), exact.gradients.total(quantity.name), 1e-12)


def test_forward_values_are_those_of_the_interpreter() -> None:
    truth = truth_of(BATCH_NORM, {"N": 3, "D": 2}, COMPLEX_STEP)
    sample = truth.sample
    expected = run(sample.graph.equations, convert(sample.inputs, FLOAT), sample.extents, FLOAT)
    assert truth.values(["x", "xhat"]) == {"x": expected["x"], "xhat": expected["xhat"]}


def test_the_cotangent_of_an_output_is_what_was_drawn() -> None:
    truth = truth_of(BATCH_NORM, {"N": 3, "D": 2}, CENTRAL_DIFFERENCES)
    assert close(truth.value("dy"), truth.given("y"), 1e-70)


def test_of_an_output_that_is_used_the_total_counts() -> None:
    truth = truth_of("x: []\nc = x**2\nL = c**2\nc: output", {}, SCALAR_DIFF, x=Integer(3))
    direct, later = truth.sample.cotangents["c"][()], truth.sample.cotangents["L"][()]
    assert truth.value("dc") == {(): direct}
    assert truth.value("dc_total") == {(): direct + 18 * later}
    assert truth.value("dx") == {(): 6 * (direct + 18 * later)}


def test_a_local_derivative_of_a_diagonal_is_taken_there() -> None:
    text = "s: [N, N]\nd[i] = s[i, i]**2\nL = sum(d[i] for i in N)"
    truth = truth_of(text, {"N": 2}, SCALAR_DIFF, s=[[Integer(1), Integer(5)], [Integer(7), Integer(3)]])
    local = truth.derivation.by_name["d_wrt_s"]
    found = truth.value("d_wrt_s")
    names = [index.name for index in local.indices]
    for place, value in found.items():
        at = dict(zip(names, place, strict=True))
        row, column = (at[index.name] for index in local.denominator.indices)
        (output,) = (at[index.name] for index in local.numerator.indices)
        expected = 2 * truth.sample.inputs["s"][row, column] if row == column == output else 0
        assert value == expected


def test_a_helper_is_what_its_equation_says() -> None:
    derivation = closed(BATCH_NORM, "inv[j] = 1/sqrt(var[j] + eps)\ndbeta[j] = sum(dy[i, j] for i in N)")
    truth = Truth(derivation, draw_sample(derivation.forward, {"N": 2, "D": 1}, "ordinary"), CENTRAL_DIFFERENCES)
    var, eps = truth.value("var")[(1,)], truth.value("eps")[()]
    assert abs(truth.value("inv")[(1,)] - 1 / (var + eps) ** PRECISE.number(Rational(1, 2))) < 1e-60


def test_downstream_is_what_a_change_reaches() -> None:
    graph = parse_layer(BATCH_NORM)
    assert [e.name for e in downstream(graph, "x")] == ["mu", "var", "xhat", "y"]
    assert [e.name for e in downstream(graph, "var")] == ["xhat", "y"]
    assert [e.name for e in downstream(graph, "beta")] == ["y"]
    assert downstream(graph, "y") == []


def described(quantity: Quantity) -> Truth:
    """The truth of a derivation that mentions one more quantity."""
    base = staged("x: []\ny = x**2")
    more = Derivation(base.forward, base.backward, "staged", (), (*base.quantities, quantity))
    return Truth(more, draw_sample(base.forward, {}, "ordinary"), COMPLEX_STEP)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("at", [130, -175, 0])
def test_huge_and_tiny_values_in_between(at: int, mode: Mode) -> None:
    """exp(130) is 1e56 and exp(-175) 1e-76: a step of 1e-40 is too small for the one and too large for the other."""
    derivation = staged("b: [K]\ne[k] = exp(b[k])\ns = sum(e[k] for k in K)\np[k] = e[k]/s", mode=mode)
    sample = draw_sample(derivation.forward, {"K": 2}, "ordinary")
    moved = {place: value + at for place, value in sample.inputs["b"].items()}
    truth = Truth(derivation, replace(sample, inputs={"b": moved}), CENTRAL_DIFFERENCES)
    lines = [step.equation for step in derivation.steps if isinstance(step.equation, Equation)]
    assert len(lines) > 8
    assert max(equation_error(line, truth) for line in lines) <= 1e-30


def test_the_total_derivative_of_a_tiny_quantity() -> None:
    """A step that is larger than it says nothing, and what it says is no more than the size of its terms allows."""
    derivation = staged("b: [K]\ne[k] = exp(b[k] - 175)\ns = sum(e[k] for k in K)\np[k] = e[k]/s")
    truth = Truth(derivation, draw_sample(derivation.forward, {"K": 2}, "ordinary"), CENTRAL_DIFFERENCES)
    e, de, db = map(truth.value, ("e", "de", "db"))
    assert all(0 < value < 1e-70 for value in e.values())
    assert all(abs(de[place] * e[place] - value) <= 1e-15 * abs(value) for place, value in db.items())


def test_names_without_a_truth_are_errors() -> None:
    with pytest.raises(LayerError, match="mentions 'q' and does not say"):
        described(Quantity("p", (), "helper")).value("q")
    with pytest.raises(LayerError, match="helper 'p' has no equation"):
        described(Quantity("p", (), "helper")).value("p")
    with pytest.raises(TypeError, match="role 'intermediate'"):
        described(Quantity("p", (), "intermediate")).value("p")
    with pytest.raises(LayerError, match="tangent 'p' does not say of what"):
        described(Quantity("p", (), "tangent")).value("p")
    with pytest.raises(LayerError, match="'p' does not say of what"):
        described(Quantity("p", (), "local_derivative", numerator=Integer(1), denominator=Integer(1))).value("p")


def test_a_planted_loss_of_a_path_in_the_layer_is_seen() -> None:
    """The oracles look at the layer alone, so another layer has other gradients."""
    graph = parse_layer(BATCH_NORM)
    cut = replace(graph.equation_of["var"], expression=graph.equation_of["var"].expression.xreplace(
        {graph.by_name["mu"].element: Integer(0)}))  # fmt: skip
    other: Graph = replace(graph, equations=tuple(cut if e.name == "var" else e for e in graph.equations))
    sample = draw_sample(graph, {"N": 3, "D": 2}, "ordinary")
    derivation = staged(BATCH_NORM)
    right = Truth(derivation, sample, COMPLEX_STEP)
    wrong = Truth(derivation, Sample(other, *(vars(sample)[f] for f in list(vars(sample))[1:])), COMPLEX_STEP)
    assert not close(right.gradients.total("x"), wrong.gradients.total("x"), 1e-3)
