"""The four kinds of number: the same values, the same order, NaN and infinity instead of exceptions."""

from __future__ import annotations

import math

import pytest
import sympy
from sympy import Integer, Rational, Symbol

from derive.arithmetic import COMPLEX, EXACT, FLOAT, PRECISE, Arithmetic, exact_around
from derive.functions import log1p, sigmoid, softplus

ALL = [FLOAT, COMPLEX, PRECISE, EXACT]
POINTS = [Rational(-5, 2), Rational(-1, 3), Rational(1, 7), Rational(9, 4)]
REFERENCE = {
    sympy.exp: sympy.exp,
    sympy.sin: sympy.sin,
    sympy.cos: sympy.cos,
    sympy.tanh: sympy.tanh,
    sympy.erf: sympy.erf,
    sigmoid: lambda a: 1 / (1 + sympy.exp(-a)),
    softplus: lambda a: sympy.log(1 + sympy.exp(a)),
}


def as_float(value: object) -> float:
    return complex(value).real  # type: ignore[arg-type]


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
@pytest.mark.parametrize("kind", REFERENCE, ids=lambda kind: kind.__name__)
def test_functions_have_their_values(arithmetic: Arithmetic, kind: type) -> None:
    for point in POINTS:
        expected = float(REFERENCE[kind](point))
        assert as_float(arithmetic.functions[kind](arithmetic.number(point))) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
def test_logarithms_have_their_values(arithmetic: Arithmetic) -> None:
    value = arithmetic.number(Rational(1, 7))
    assert as_float(arithmetic.functions[sympy.log](value)) == pytest.approx(math.log(1 / 7), rel=1e-14)
    assert as_float(arithmetic.functions[log1p](value)) == pytest.approx(math.log1p(1 / 7), rel=1e-14)


def test_every_arithmetic_has_the_same_functions() -> None:
    assert len({frozenset(arithmetic.functions) for arithmetic in ALL}) == 1


@pytest.mark.parametrize("arithmetic", [FLOAT, COMPLEX, PRECISE], ids=lambda a: a.name)
def test_functions_are_stable_far_out(arithmetic: Arithmetic) -> None:
    far, tiny = arithmetic.number(Integer(800)), arithmetic.number(Rational(1, 10**18))
    assert as_float(arithmetic.functions[sigmoid](far)) == 1
    assert as_float(arithmetic.functions[sigmoid](-far)) < 1e-300
    assert as_float(arithmetic.functions[softplus](far)) == 800
    assert as_float(arithmetic.functions[softplus](-far)) < 1e-300
    assert as_float(arithmetic.functions[log1p](tiny)) == pytest.approx(1e-18, rel=1e-14)


@pytest.mark.parametrize("kind", [*REFERENCE, sympy.log, log1p], ids=lambda kind: kind.__name__)
def test_a_complex_step_gives_the_derivative(kind: type) -> None:
    point, x = Rational(3, 8), Symbol("x")
    formula = {sympy.log: sympy.log(x), log1p: sympy.log(1 + x)}.get(kind) or REFERENCE[kind](x)
    expected = float(formula.diff(x).subs(x, point))
    found = COMPLEX.functions[kind](complex(float(point), 1e-30)).imag / 1e-30
    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("base", "exponent"), [(2.5, 3), (2.5, -3), (-2.5, 3), (-2.5, -2), (0.3, 0), (7.0, 1)])
def test_a_complex_step_through_an_integer_power(base: float, exponent: int) -> None:
    found = COMPLEX.power(complex(base, 1e-30), exponent)
    assert found.real == pytest.approx(base**exponent, rel=1e-15)
    assert found.imag / 1e-30 == pytest.approx(exponent * base ** (exponent - 1), rel=1e-14)


def test_a_complex_step_through_a_root_and_a_real_power() -> None:
    assert COMPLEX.square_root(complex(7, 1e-30)).imag / 1e-30 == pytest.approx(0.5 / math.sqrt(7), rel=1e-14)
    found = COMPLEX.power(complex(7, 1e-30), complex(1.3))
    assert found.imag / 1e-30 == pytest.approx(1.3 * 7**0.3, rel=1e-14)


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
def test_what_is_undefined_is_nan(arithmetic: Arithmetic) -> None:
    minus_two = arithmetic.number(Integer(-2))
    for value in [
        arithmetic.square_root(minus_two),
        arithmetic.functions[sympy.log](minus_two),
        arithmetic.functions[log1p](minus_two),
        arithmetic.nan,
    ]:
        assert math.isnan(as_float(value))
        assert math.isnan(arithmetic.compare(value, arithmetic.number(Integer(1))))


@pytest.mark.parametrize("arithmetic", [FLOAT, COMPLEX, PRECISE], ids=lambda a: a.name)
def test_division_by_zero_does_not_raise(arithmetic: Arithmetic) -> None:
    zero = arithmetic.number(Integer(0))
    assert not math.isfinite(as_float(arithmetic.power(zero, -1)))
    assert not math.isfinite(as_float(arithmetic.functions[sympy.log](zero)))


def test_exact_division_by_zero_is_nan() -> None:
    assert EXACT.power(Integer(0), -1) is sympy.nan


def test_floats_overflow_to_infinity() -> None:
    assert FLOAT.functions[sympy.exp](1000.0) == math.inf
    assert FLOAT.power(1e200, 2) == math.inf
    assert FLOAT.power(-1e200, 3) == -math.inf
    assert FLOAT.power(-0.0, -1) == -math.inf
    assert FLOAT.power(0.0, -2) == math.inf
    assert math.isnan(FLOAT.power(-2.0, 0.5))
    assert FLOAT.number(Integer(10) ** 400) == math.inf
    assert FLOAT.number(-(Integer(10) ** 400)) == -math.inf


@pytest.mark.parametrize("arithmetic", ALL, ids=lambda a: a.name)
def test_numbers_are_made_and_compared(arithmetic: Arithmetic) -> None:
    third, half = arithmetic.number(Rational(1, 3)), arithmetic.number(Rational(1, 2))
    assert arithmetic.compare(third, half) == -1
    assert arithmetic.compare(half, third) == 1
    assert arithmetic.compare(half, half) == 0
    assert as_float(arithmetic.add([third, half])) == pytest.approx(5 / 6, rel=1e-15)
    assert as_float(arithmetic.multiply([third, half])) == pytest.approx(1 / 6, rel=1e-15)
    assert as_float(arithmetic.number(sympy.pi)) == math.pi


def test_precise_numbers_have_more_than_50_digits() -> None:
    root = PRECISE.square_root(PRECISE.number(Integer(2)))
    assert abs(PRECISE.power(root, 2) - 2) < 1e-100


def test_exact_numbers_keep_their_roots() -> None:
    root = EXACT.square_root(Rational(8, 9))
    assert root == 2 * sympy.sqrt(2) / 3
    assert EXACT.power(root, 2) == Rational(8, 9)
    assert EXACT.compare(root, Rational(9428, 10_000)) == 1
    assert EXACT.compare(root, Rational(9429, 10_000)) == -1


def test_symbols_are_compared_where_they_are() -> None:
    change = Symbol("change", real=True)
    near_two = exact_around({change: Integer(2)})
    assert near_two.compare(change**2, Integer(3)) == 1
    assert near_two.compare(change, Integer(2)) == 0


def test_a_negative_number_to_the_power_of_an_extent() -> None:
    """Complex step asks for (-2 + h i)**N with the extent as a number: a whole power, not a logarithm of a negative."""
    assert COMPLEX.power(complex(-2, 1e-30), complex(3)).imag == pytest.approx(12e-30)
    assert math.isnan(COMPLEX.power(complex(-2, 1e-30), complex(0.5)).real)


def test_an_exponential_of_exponentials_has_a_limit() -> None:
    exp, large = PRECISE.functions[sympy.exp], PRECISE.number(Integer(5))
    for _ in range(5):
        large = exp(large)
    assert large == math.inf
    far = exp(exp(exp(PRECISE.number(Integer(4)))))  # 10**(2*10**23) and more
    assert exp(-far) == 0
    assert PRECISE.power(PRECISE.number(Rational(1, 2)), far) == 0
    assert PRECISE.power(far, far) == math.inf
    assert PRECISE.functions[sympy.tanh](-far) == -1
    assert PRECISE.functions[sympy.erf](far) == 1
    assert PRECISE.functions[sigmoid](-far) == 0
    assert PRECISE.functions[softplus](far) == far
    assert PRECISE.compare(PRECISE.functions[sympy.sin](far), 0) is math.nan
    assert abs(exp(PRECISE.number(Integer(10**9)) * -1)) > 0  # no limit where there is a value
