"""Values by hand, for every construct of the grammar, in every arithmetic."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy
from sympy import Derivative, Expr, Integer, Rational, Symbol, sqrt

from derive.arithmetic import COMPLEX, EXACT, FLOAT, PRECISE, Arithmetic
from derive.errors import LayerError
from derive.functions import delta, where
from derive.graph import Index, index_symbol, reference
from derive.interpret import convert, element_values, evaluate, from_nested, places, run, to_nested
from derive.parser import parse_layer

ALL = [FLOAT, COMPLEX, PRECISE, EXACT]
I_, J_ = index_symbol("i"), index_symbol("j")


def value_of(text: str, inputs: dict[str, Any], extents: dict[str, int], arithmetic: Arithmetic = EXACT) -> Any:
    """The nested values of `out`, the last equation of a layer, for nested rational inputs."""
    graph = parse_layer(text)
    given = convert({name: from_nested(nested) for name, nested in inputs.items()}, arithmetic)
    return to_nested(run(graph.equations, given, extents, arithmetic)["res"])


X = [[Rational(1), Rational(-2), Rational(5)], [Rational(4), Rational(3), Rational(-1, 2)]]

# right side over x: [N, D] with N = 2, D = 3; the value at i = 2, j = 3, where x is -1/2
ROWS: dict[str, Any] = {
    "x[i, j]": Rational(-1, 2),
    "sum(x[k, j] for k in N)": Rational(9, 2),
    "mean(x[k, j] for k in N)": Rational(9, 4),
    "sum(x[k, l] for k in N for l in D)": Rational(21, 2),
    "mean(x[k, l] for k in N for l in D)": Rational(7, 4),
    "max(x[k, j] for k in N)": 5,
    "max(x[k, l] for k in N for l in D)": 5,
    "prod(x[i, l] for l in D)": -6,
    "sum(max(x[k, l] for k in N)*x[i, l] for l in D)": Rational(33, 2) + 6,
    "x[i, j]/N - D": Rational(-13, 4),
    "x[i, j]**2": Rational(1, 4),
    "x[i, j]**-3": -8,
    "sqrt(x[i, j] + 5/2)": sqrt(2),
    "(x[i, j] + 5/2)**(-3/2)": sqrt(2) / 4,
    "exp(x[i, j])": sympy.exp(Rational(-1, 2)),
    "log(x[i, j] + 1)": -sympy.log(2),
    "log1p(x[i, j])": -sympy.log(2),
    "tanh(x[i, j])": sympy.tanh(Rational(-1, 2)),
    "sigmoid(x[i, j])": 1 / (1 + sympy.exp(Rational(1, 2))),
    "softplus(x[i, j])": sympy.log(1 + sympy.exp(Rational(-1, 2))),
    "erf(x[i, j])": sympy.erf(Rational(-1, 2)),
    "sin(x[i, j]) + cos(x[i, j])": sympy.cos(Rational(1, 2)) - sympy.sin(Rational(1, 2)),
    "pi*x[i, j]": -sympy.pi / 2,
    "abs(x[i, j])": Rational(1, 2),
    "sign(x[i, j])": -1,
    "sign(x[i, j] + 1/2)": 0,
    "relu(x[i, j])": 0,
    "relu(-x[i, j])": Rational(1, 2),
    "maximum(x[i, j], -1)": Rational(-1, 2),
    "minimum(x[i, j], -1)": -1,
    "where(x[i, j] > 0, 1, 2)": 2,
    "where(x[i, j] < 0, x[i, j], 1/0.5)": Rational(-1, 2),
    "where(x[i, j] >= -1/2, 1, 2)": 1,
    "where(x[i, j] == -1/2, 1, 2)": 1,
    "where(x[i, j] != -1/2, 1, 2)": 2,
    "sum(delta(i, k)*x[k, j] for k in N)": Rational(-1, 2),
}


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize("expression", ROWS)
def test_values(expression: str, arithmetic: Arithmetic) -> None:
    found = value_of(f"x: [N, D]\nres[i, j] = {expression} + 0*x[i, j]", {"x": X}, {"N": 2, "D": 3}, arithmetic)
    assert complex(found[1][2]).real == pytest.approx(float(ROWS[expression]), rel=1e-13, abs=1e-13)


def test_exact_values_stay_exact() -> None:
    ones, thirds = {"x": [Integer(1)] * 2}, {"x": [Rational(1, 3)] * 3}
    assert value_of("x: [N]\nres = sqrt(sum(x[i]**2 for i in N))", ones, {"N": 2}) == sqrt(2)
    assert value_of("x: [N]\nres = sum(x[i] for i in N)/N", thirds, {"N": 3}) == Rational(1, 3)


def test_every_element_is_computed_from_its_own_place() -> None:
    transposed = value_of("x: [N, D]\nres[j, i] = 2*x[i, j]", {"x": X}, {"N": 2, "D": 3})
    assert transposed == [[2, 8], [-4, 6], [10, -1]]


def test_equations_use_those_before_them() -> None:
    text = "x: [N]\nm = mean(x[i] for i in N)\nres[i] = x[i] - m"
    assert value_of(text, {"x": [Integer(1), Integer(3)]}, {"N": 2}) == [-1, 1]


def test_an_inner_index_may_have_the_name_of_an_outer_one_only_inside() -> None:
    text = "x: [N]\nres[i] = sum(x[k]*sum(x[l] for l in N) for k in N) + x[i]"
    assert value_of(text, {"x": [Integer(1), Integer(2)]}, {"N": 2}) == [10, 11]


def test_a_literal_index_and_a_repeated_one() -> None:
    values = {"s": from_nested([[Integer(1), Integer(2)], [Integer(3), Integer(4)]])}
    assert evaluate(reference("s", [Integer(2), I_]), values, {}, {"i": 1}, EXACT) == 3
    assert evaluate(reference("s", [I_, I_]), values, {}, {"i": 2}, EXACT) == 4


def test_arrays_convert_to_nested_lists_and_back() -> None:
    array = from_nested(X)
    assert array[2, 3] == Rational(-1, 2)
    assert to_nested(array) == X
    assert from_nested(7) == {(): 7}
    assert to_nested({(): 7}) == 7
    assert list(places(["N", "D"], {"N": 2, "D": 2})) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_element_values_loops_over_the_free_indices() -> None:
    found = element_values(delta(I_, J_), [Index("i", "N"), Index("j", "N")], {}, {"N": 2}, EXACT)
    assert to_nested(found) == [[1, 0], [0, 1]]


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize(
    "function",
    [
        "max(x[k] for k in N)",
        "sum(relu(x[k]) for k in N)",
        "sum(abs(x[k]) for k in N)",
        "sum(sign(x[k]) for k in N)",
        "maximum(x[i], 0)",
        "minimum(0, x[i])",
    ],
)
def test_a_nan_stays_a_nan(function: str, arithmetic: Arithmetic) -> None:
    graph = parse_layer(f"x: [N]\nres[i] = {function} + 0*x[i]")
    values = {"x": {(1,): arithmetic.nan, (2,): arithmetic.number(Integer(1))}}
    found = run(graph.equations, values, {"N": 2}, arithmetic)["res"]
    assert math.isnan(complex(found[(1,)]).real)


def test_only_the_branch_that_holds_is_evaluated() -> None:
    expression = where(reference("x") > 0, sympy.log(reference("x")), reference("missing"))
    assert evaluate(expression, {"x": {(): 1.0}}, {}, {}, FLOAT) == 0.0


def test_branches_are_watched_and_comparisons_of_indices_are_not() -> None:
    seen: list[tuple[float, float]] = []
    watching = Arithmetic(**{**vars(FLOAT), "watch": lambda a, b: seen.append((a, b))})
    values = {"x": {(): 3.0}}
    evaluate(where(reference("x") > 2, Integer(1), Integer(0)), values, {}, {}, watching)
    assert seen == [(3.0, 2.0)]
    evaluate(where(I_ < J_, Integer(1), Integer(0)), values, {}, {"i": 1, "j": 1}, watching)
    assert len(seen) == 1


def test_of_a_maximum_only_what_comes_near_the_largest_is_watched() -> None:
    seen: list[tuple[float, float]] = []
    watching = Arithmetic(**{**vars(FLOAT), "watch": lambda a, b: seen.append((a, b))})
    graph = parse_layer("x: [N]\nm = max(x[i] for i in N)")
    run(graph.equations, {"x": from_nested([0.0, 0.0, 5.0])}, {"N": 3}, watching)
    assert seen == [(5.0, 0.0), (5.0, 0.0)]


@pytest.mark.parametrize(
    ("expression", "name"),
    [(Derivative(Symbol("x", real=True) ** 2, Symbol("x", real=True)), "Derivative"), (sympy.gamma(I_), "gamma")],
)
def test_an_unknown_construct_is_named(expression: Expr, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        evaluate(expression, {"x": {(): 1.0}}, {}, {"i": 1}, FLOAT)


def test_an_unknown_condition_or_index_is_named() -> None:
    with pytest.raises(TypeError, match="And"):
        evaluate(where(sympy.And(reference("x") > 0, reference("x") < 1), I_, J_), {}, {}, {"i": 1, "j": 1}, FLOAT)
    with pytest.raises(TypeError, match="Add"):
        evaluate(reference("x", [I_ + 1]), {"x": {(1,): 1.0}}, {}, {"i": 1}, FLOAT)


def test_what_has_no_value_is_named() -> None:
    with pytest.raises(LayerError, match="'q' has no value"):
        evaluate(reference("q"), {"x": {(): 1.0}}, {}, {}, FLOAT)
    with pytest.raises(LayerError, match="index or extent 'i' has no value"):
        evaluate(reference("x", [I_]), {"x": {(1,): 1.0}}, {}, {}, FLOAT)
    with pytest.raises(LayerError, match=r"x\[3\] is outside"):
        evaluate(reference("x", [I_]), {"x": {(1,): 1.0}}, {}, {"i": 3}, FLOAT)
