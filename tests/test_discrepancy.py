"""Errors relative to what is compared, or to what it was added up from."""

from __future__ import annotations

import math

import pytest
import sympy
from sympy import Integer, Rational, sqrt

from derive.arithmetic import EXACT, PRECISE, Arithmetic
from derive.discrepancy import TERMS, Term, sized, worst_error
from derive.graph import reference
from derive.interpret import Array, convert, evaluate, from_nested, run
from derive.parser import parse_layer


def nothing() -> list[Term]:
    return []


def array(*values: object) -> Array:
    return from_nested(list(values))


def test_the_scale_is_the_largest_true_value() -> None:
    assert worst_error(array(1.0, -4.0), array(1.0, -4.004), 1e-2, nothing) == pytest.approx(1e-3)
    assert worst_error(array(1.0, -4.0), array(1.004, -4.0), 1e-2, nothing) == pytest.approx(1e-3)


def test_equal_arrays_have_no_error() -> None:
    assert worst_error(array(1.0, 0.0), array(1.0, 0.0), 0.0, nothing) == 0
    assert worst_error({}, {}, 0.0, nothing) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_infinitely_wrong(value: float) -> None:
    assert worst_error(array(1.0, 2.0), array(1.0, value), 1.0, nothing) == math.inf
    assert worst_error(array(1.0, value), array(1.0, 2.0), 1.0, nothing) == math.inf


def test_where_zero_is_expected_the_terms_are_the_scale() -> None:
    assert worst_error(array(0.0), array(1e-16), 1e-9, lambda: [sized(0.0, 10.0)]) == pytest.approx(1e-17)
    assert worst_error(array(0.0), array(1e-16), 1e-9, nothing) == math.inf
    # A wrong value stays wrong.
    assert worst_error(array(0.0), array(1.0), 1e-9, lambda: [sized(0.0, 10.0)]) == pytest.approx(0.1)


def test_terms_are_asked_for_only_when_needed() -> None:
    def never() -> list[Term]:
        raise AssertionError

    assert worst_error(array(1.0), array(1.0 + 1e-12), 1e-9, never) == pytest.approx(1e-12, rel=1e-3)


def test_exact_numbers_are_compared_exactly() -> None:
    left, right = array(sqrt(2) * (1 + sqrt(2))), array(2 + sqrt(2))
    assert worst_error(left, right, 0.0, nothing) == 0
    assert worst_error(array(Rational(1, 3)), array(Rational(1, 3) + Rational(1, 10**60)), 1e-50, nothing) > 0
    assert worst_error(array(Rational(1, 3)), array(Rational(2, 3)), 1e-50, nothing) == 1


def test_transcendental_numbers_are_compared_to_more_than_50_digits() -> None:
    e = sympy.exp(Rational(1, 3))
    almost = e * (1 + Rational(1, 10**60))
    assert 0 < worst_error(array(e), array(almost), 1e-50, nothing) < 1e-50
    assert worst_error(array(e), array(e + Rational(1, 10**40)), 1e-50, nothing) > 1e-50


def test_an_undefined_exact_number_is_infinitely_wrong() -> None:
    assert worst_error(array(Integer(1)), array(sympy.nan), 0.0, nothing) == math.inf


def term(text: str, inputs: dict[str, Rational], arithmetic: Arithmetic = TERMS) -> Term:
    graph = parse_layer("".join(f"{name}: []\n" for name in inputs) + f"res = {text}")
    given = convert({name: from_nested(value) for name, value in inputs.items()}, arithmetic)
    found: Term = run(graph.equations, given, {}, arithmetic)["res"][()]
    return found


@pytest.mark.parametrize(
    ("text", "value", "size"),
    [
        ("a - b", 0.5, 200.5),
        ("(a - b)*3", 1.5, 601.5),
        ("(a - b)**2", 0.25, 200.5),  # the relative error 401 times the value, twice
        ("1/(a - b)", 2.0, 802.0),
        ("sqrt(a - b)", 0.5**0.5, 0.5**0.5 * 401),
        ("abs(b - a)", 0.5, 200.5),
        ("maximum(a - b, 0)", 0.5, 200.5),
    ],
)
def test_terms_know_what_they_were_added_up_from(text: str, value: float, size: float) -> None:
    found = term(text, {"a": Rational(201, 2), "b": Integer(100)})
    assert float(found.value) == pytest.approx(value)
    assert float(found.size) == pytest.approx(size)


def test_terms_of_a_zero_keep_their_size() -> None:
    found = term("(a - b)**2", {"a": Integer(100), "b": Integer(100)})
    assert (found.value, found.size) == (0, 200**2)


def test_terms_have_the_values_of_precise_numbers() -> None:
    text = "exp(a) + log(b)*tanh(a)/sqrt(b) + sigmoid(a)**b"
    inputs = {"a": Rational(1, 3), "b": Rational(7, 2)}
    assert term(text, inputs).value == term(text, inputs, PRECISE)
    assert term(text, inputs).size >= abs(term(text, inputs).value)


def test_a_term_may_be_made_of_any_number() -> None:
    for number in [0.5, Rational(1, 2), PRECISE.number(Rational(1, 2))]:
        assert sized(number, 3) == Term(PRECISE.number(Rational(1, 2)), PRECISE.number(Integer(3)))
    assert evaluate(reference("x"), {"x": {(): Rational(1, 2)}}, {}, {}, EXACT) == Rational(1, 2)


def test_a_claimed_zero_without_terms_is_held_against_the_noise_of_a_difference() -> None:
    """1 - s/s is 0 in SymPy's hands; the difference quotient of it is what rounding leaves. A real gradient is seen."""
    nothing: dict[tuple[int, ...], float] = {(): 0.0}
    assert worst_error({(): 1e-13}, nothing, 1e-8, list) < 1e-8
    assert worst_error({(): 1e-9}, nothing, 1e-8, list) > 1e-8
    assert worst_error({(): 1e-13}, {(): 1e-14}, 1e-8, list) > 1e-8
