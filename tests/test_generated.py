"""The generated functions held against the truth: a planted error in the module or in a line is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from plain_derivations import with_result
from sympy import Rational

from derive import generated
from derive.codegen.numpy import derivations_for_code
from derive.derivation import Derivation
from derive.draw import draw_samples
from derive.generated import generated_checks, returned, to_numpy
from derive.graph import Index, Quantity
from derive.interpret import from_nested
from derive.oracles import CENTRAL_DIFFERENCES, Truth
from derive.parser import parse_layer
from derive.pipeline import derive

LAYER = "x: [N, D]\nb: [D]\nm[j] = mean(x[i, j] for i in N)\ny[i, j] = (x[i, j] - m[j])*b[j]\n"


@pytest.fixture(scope="module")
def derivation() -> Derivation:
    return derive(parse_layer(LAYER), "reuse")


@pytest.fixture(scope="module")
def truth(derivation: Derivation) -> Truth:
    return Truth(derivation, draw_samples(derivation.forward)[0], CENTRAL_DIFFERENCES)


def failed(derivation: Derivation, coded: Derivation, truth: Truth) -> set[tuple[str, str]]:
    checks = generated_checks(derivation, coded)
    return {(c.line.partition(",")[0], c.oracle) for c in checks if not c.worst(truth) <= c.bound}


def test_there_is_a_check_of_every_value_and_every_line_and_all_pass(derivation: Derivation, truth: Truth) -> None:
    checks = generated_checks(derivation, derivation)
    assert [c.line for c in checks if c.oracle == "generated NumPy"] == [
        f"{name}, as the module returns it" for name in ("y", "dx", "db")
    ]
    assert {c.line.partition(",")[0] for c in checks if c.oracle == "lambdified NumPy"} == {"m", "y", "dx", "db"}
    assert failed(derivation, derivation, truth) == set()


def test_a_wrong_line_is_blamed_alone(derivation: Derivation, truth: Truth) -> None:
    wrong = with_result(derivation, "dx[i, j] = b[j]*dy[i, j]")
    assert failed(wrong, derivation, truth) == {("dx", "lambdified NumPy")}
    assert failed(derivation, wrong, truth) == {("dx", "generated NumPy")}


@pytest.mark.parametrize(("what", "expected"), [("forward", "y"), ("backward", "dx")])
def test_an_error_in_the_module_is_seen(
    derivation: Derivation, truth: Truth, monkeypatch: pytest.MonkeyPatch, what: str, expected: str
) -> None:
    real = generated.compile_derivation

    def planted(coded: Derivation) -> ModuleType:
        module = real(coded)
        function: Callable[..., Any] = getattr(module, what)

        def wrong(*args: Any, **kwargs: Any) -> Any:
            first, *rest = function(*args, **kwargs)
            return (first * (1 + 1e-6), *rest)

        setattr(module, what, wrong)
        return module

    monkeypatch.setattr(generated, "compile_derivation", planted)
    assert failed(derivation, derivation, truth) == {(expected, "generated NumPy")}


def test_a_nan_is_no_agreement(derivation: Derivation, truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "returned", lambda *_: dict.fromkeys(("y", "dx", "db"), np.nan))
    assert {line for line, _ in failed(derivation, derivation, truth)} == {"y", "dx", "db"}


def test_what_the_module_returns_by_name(derivation: Derivation, truth: Truth) -> None:
    found = returned(generated.compile_derivation(derivation), derivation, truth)
    assert list(found) == ["y", "dx", "db"]
    dy = to_numpy(truth.given("y"), derivation.forward.by_name["y"], truth.sample.extents)
    x = to_numpy(truth.value("x"), derivation.forward.by_name["x"], truth.sample.extents)
    np.testing.assert_allclose(found["db"], ((x - x.mean(axis=0)) * dy).sum(axis=0), rtol=1e-12, atol=1e-12)


def test_arrays_keep_their_places() -> None:
    quantity = Quantity("x", (Index("i", "N"), Index("j", "D")), "input")
    found = to_numpy(from_nested([[1, 2, 3], [4, 5, 6]]), quantity, {"N": 2, "D": 3})
    assert found.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert to_numpy(from_nested(7), Quantity("t", (), "input"), {}) == 7.0


# Gradients of gradients.


@pytest.fixture(scope="module")
def orders() -> tuple[Derivation, ...]:
    return derivations_for_code(parse_layer(LAYER), "reuse", order=2)


@pytest.fixture(scope="module")
def second_truth(orders: tuple[Derivation, ...]) -> Truth:
    return Truth(orders[1], draw_samples(orders[1].whole)[0], CENTRAL_DIFFERENCES)


def failed_again(derivation: Derivation, coded: tuple[Derivation, ...], truth: Truth) -> set[tuple[str, str]]:
    checks = generated_checks(derivation, *coded)
    return {(c.line.partition(",")[0], c.oracle) for c in checks if not c.worst(truth) <= c.bound}


def test_what_double_backward_returns_is_checked(orders: tuple[Derivation, ...], second_truth: Truth) -> None:
    checks = generated_checks(orders[1], *orders)
    assert [c.line for c in checks if c.oracle == "generated NumPy"] == [
        f"{name}, as the module returns it" for name in ("d2dy", "d2x", "d2b")
    ]
    assert failed_again(orders[1], orders, second_truth) == set()


@pytest.mark.parametrize("name", ["d2dy", "d2x", "d2b"])
def test_a_wrong_line_of_double_backward_is_seen(
    orders: tuple[Derivation, ...], second_truth: Truth, name: str
) -> None:
    first, second = orders
    equation = second.backward.equation_of[name]
    wrong = replace(equation, expression=equation.expression * Rational(1000001, 1000000))
    equations = tuple(wrong if e is equation else e for e in second.backward.equations)
    planted = replace(second, backward=replace(second.backward, equations=equations))
    assert failed_again(second, (first, planted), second_truth) == {(name, "generated NumPy")}


def test_a_wrong_function_is_seen(
    orders: tuple[Derivation, ...], second_truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = generated.compile_derivation

    def planted(*coded: Derivation) -> ModuleType:
        module = real(*coded)
        function: Callable[..., Any] = module.double_backward
        module.double_backward = lambda *arguments: tuple(-value for value in function(*arguments))  # type: ignore[attr-defined]
        return module

    monkeypatch.setattr(generated, "compile_derivation", planted)
    expected = {(name, "generated NumPy") for name in ("d2dy", "d2x", "d2b")}
    assert failed_again(orders[1], orders, second_truth) == expected


def test_an_input_that_no_gradient_depends_on_is_found_a_value() -> None:
    text = "x: [N]\nb: [N]\nc: constant[K]\nassert c > 1\ny[i] = x[i]**3 + b[i] + sum(log(c[k]) for k in K)"
    orders = derivations_for_code(parse_layer(text), "reuse", order=2)
    assert [q.name for q in orders[1].forward.inputs] == ["dy", "x"]
    for sample in draw_samples(orders[1].whole):
        truth = Truth(orders[1], sample, CENTRAL_DIFFERENCES)
        assert failed_again(orders[1], orders, truth) == set()


def test_only_gradients_that_the_derivation_has_are_checked(orders: tuple[Derivation, ...]) -> None:
    only_x = derive(orders[0].forward, "reuse", wrt=["x"], order=2)
    functions = [c.line for c in generated_checks(only_x, *orders) if c.oracle == "generated NumPy"]
    assert functions == ["d2x, as the module returns it"]
    assert not [c for c in generated_checks(only_x) if c.oracle == "generated NumPy"]
