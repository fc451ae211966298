"""The kinds of number that the interpreter computes in.

`FLOAT` (64 bits), `COMPLEX` (128 bits, for the complex step), `PRECISE` (mpmath, 240 digits, so that 50 survive a
difference quotient) and `EXACT` (SymPy: rational numbers, and roots and transcendental values that stay as they are).
`SIZE` only counts how long an exact value is.
What is undefined is a NaN in all of them, and what overflows an infinity: an arithmetic never raises.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import sympy
from sympy import Expr, Rational, Symbol, nan, oo

from derive.functions import log1p, sigmoid, softplus

Number = Any  # float, complex, mpf, a SymPy expression: whatever the arithmetic at hand computes in

DIGITS = 240
_CONTEXT = mpmath.MPContext()  # of its own, so that nobody else's precision matters
_CONTEXT.dps = DIGITS


@dataclass(frozen=True, eq=False)
class Arithmetic:
    """One kind of number.

    `number` makes one from an exact rational, or from pi or e; `compare(a, b)` is 1, 0 or -1, or NaN where neither is
    larger (complex numbers compare by their real parts); `power` takes a Python int or a number as exponent;
    `functions` has the smooth functions by their SymPy class. What has a kink (abs, relu, max, where) the interpreter
    makes of `compare`, and shows `watch` the two values between which it decides.
    """

    name: str
    number: Callable[[Expr], Number]
    compare: Callable[[Number, Number], float]
    power: Callable[[Number, Number], Number]
    square_root: Callable[[Number], Number]
    functions: Mapping[type, Callable[[Number], Number]] = field(repr=False)
    add: Callable[[Sequence[Number]], Number] = sum
    multiply: Callable[[Sequence[Number]], Number] = math.prod
    watch: Callable[[Number, Number], None] = lambda a, b: None

    @property
    def nan(self) -> Number:
        """The value of what is undefined."""
        return self.number(nan)


# 64-bit floats: as IEEE 754 has it, where Python would raise.


def _float_number(value: Expr) -> float:
    try:
        return int(value.p) / int(value.q) if isinstance(value, Rational) else float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _guarded(function: Callable[..., Number], overflow: complex = math.inf) -> Callable[..., Number]:
    """A function of `math` or `cmath` that gives NaN outside its domain and `overflow` beyond the largest float."""

    def call(*arguments: Number) -> Number:
        try:
            return function(*arguments)
        except OverflowError:
            return overflow
        except (ValueError, ZeroDivisionError):
            return math.nan

    return call


def _signed_infinity(base: float, exponent: float) -> float:
    """The limit of base**exponent where it overflows or divides by zero: negative for a negative base, odd exponent."""
    odd = float(exponent).is_integer() and int(exponent) % 2 == 1
    return math.copysign(math.inf, base) if odd else math.inf


def _float_power(base: float, exponent: float) -> float:
    try:
        result = base**exponent
    except (OverflowError, ZeroDivisionError):
        return _signed_infinity(base, exponent)
    return math.nan if isinstance(result, complex) else result


def _float_log(value: float) -> float:
    return math.log(value) if value > 0 else (-math.inf if value == 0 else math.nan)


def _float_log1p(value: float) -> float:
    return math.log1p(value) if value > -1 else (-math.inf if value == -1 else math.nan)


def _stable_sigmoid(value: Number, exponential: Callable[[Number], Number]) -> Number:
    # The exponential of a positive number could overflow.
    if value.real >= 0:
        return 1 / (1 + exponential(-value))
    small = exponential(value)
    return small / (1 + small)


def _compare_reals(a: Number, b: Number) -> float:
    a, b = a.real, b.real
    if a > b:
        return 1
    if a < b:
        return -1
    return 0 if a == b else math.nan


_float_exp = _guarded(math.exp)

FLOAT = Arithmetic(
    name="float64",
    number=_float_number,
    compare=_compare_reals,
    power=_float_power,
    square_root=_guarded(math.sqrt),
    functions={
        sympy.exp: _float_exp,
        sympy.log: _float_log,
        sympy.sin: _guarded(math.sin),
        sympy.cos: _guarded(math.cos),
        sympy.tanh: math.tanh,
        sympy.erf: math.erf,
        log1p: _float_log1p,
        sigmoid: lambda a: _stable_sigmoid(a, _float_exp),
        softplus: lambda a: max(a, 0.0) + math.log1p(_float_exp(-abs(a))),
    },
)


# Complex numbers with a tiny imaginary part, which is carried through without cancellation. What is undefined for the
# real part is NaN: a negative number has no real root and no real logarithm.


def _complex_power(base: complex, exponent: Number) -> complex:
    if isinstance(exponent, complex) and not exponent.imag and exponent.real.is_integer():
        exponent = int(exponent.real)  # x**N: an extent is a whole number, of a negative x, too
    if isinstance(exponent, int):
        if exponent < 0:
            return _complex_inverse(_complex_power(base, -exponent))
        return math.prod([base] * exponent, start=complex(1))
    if base.real < 0:
        return complex(math.nan)
    return cmath.exp(exponent * cmath.log(base))


def _complex_inverse(value: complex) -> complex:
    return 1 / value if value else complex(math.inf)


def _complex_log1p(value: complex) -> complex:
    if value.real <= -1:
        return complex(math.nan)
    return complex(math.log1p(value.real), math.atan2(value.imag, 1 + value.real))


def _complex_softplus(value: complex) -> complex:
    if value.real > 0:
        return value + _complex_log1p(_complex_exp(-value))
    return _complex_log1p(_complex_exp(value))


def _real_domain(function: Callable[[complex], complex]) -> Callable[[complex], complex]:
    return lambda value: complex(math.nan) if value.real < 0 or value == 0 else function(value)


_complex_exp = _guarded(cmath.exp, complex(math.inf))

COMPLEX = Arithmetic(
    name="complex128",
    number=lambda value: complex(_float_number(value)),
    compare=_compare_reals,
    power=_guarded(_complex_power, complex(math.inf)),
    square_root=lambda value: value if value == 0 else _real_domain(cmath.sqrt)(value),
    functions={
        sympy.exp: _complex_exp,
        sympy.log: _real_domain(cmath.log),
        sympy.sin: _guarded(cmath.sin),
        sympy.cos: _guarded(cmath.cos),
        sympy.tanh: _guarded(cmath.tanh),
        sympy.erf: lambda value: complex(_CONTEXT.erf(_CONTEXT.mpc(value))),
        log1p: _complex_log1p,
        sigmoid: lambda a: _stable_sigmoid(a, _complex_exp),
        softplus: _complex_softplus,
    },
)


# mpmath: exponents do not overflow on their own. But an exponential of an exponential has one of more bits than there
# is memory for, so beyond 2**40 the functions have their limits, as floats have theirs much earlier.

_MOST_BITS = 40
_MOST_BITS_OF_ANGLES = 10_000  # a sine needs as many digits as its argument has


def _is_beyond(value: Number, bits: int = _MOST_BITS) -> bool:
    return bool(_CONTEXT.isfinite(value) and value and _CONTEXT.mag(value) > bits)


def _limited(function: Callable[[Number], Number], least: float, most: float) -> Callable[[Number], Number]:
    """A function with its limits far to the left and to the right."""

    def call(value: Number) -> Number:
        if _is_beyond(value):
            return _CONTEXT.mpf(most if value > 0 else least)
        return function(value)

    return call


def _of_an_angle(function: Callable[[Number], Number]) -> Callable[[Number], Number]:
    return lambda value: _CONTEXT.nan if _is_beyond(value, _MOST_BITS_OF_ANGLES) else function(value)


def _precise_softplus(value: Number) -> Number:
    if _is_beyond(value):
        return max(value, _CONTEXT.mpf(0))
    return _CONTEXT.log1p(_CONTEXT.exp(value))


def _precise_number(value: Expr) -> Number:
    if value is nan:
        return _CONTEXT.nan
    if not isinstance(value, Rational):
        return _CONTEXT.mpf(str(value.evalf(DIGITS + 5)))
    return _CONTEXT.mpf(int(value.p)) / int(value.q)


def _real_only(function: Callable[..., Number]) -> Callable[..., Number]:
    """NaN where mpmath raises or answers with a complex number."""

    def call(*arguments: Number) -> Number:
        try:
            result = function(*arguments)
        except (ValueError, ZeroDivisionError, OverflowError):
            return _CONTEXT.nan
        return result if isinstance(result, _CONTEXT.mpf) else _CONTEXT.nan

    return call


def _precise_power(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        return _CONTEXT.inf
    finite = _CONTEXT.isfinite(base) and _CONTEXT.isfinite(exponent)
    if base and exponent and finite:
        bits = _CONTEXT.mag(exponent) + abs(_CONTEXT.mag(base)).bit_length()  # a bound that costs less than a logarithm
        if bits >= _MOST_BITS and _is_beyond(exponent * _CONTEXT.log(abs(base))):
            return _CONTEXT.mpf(math.inf if (abs(base) > 1) == (exponent > 0) else 0)
    return base**exponent


PRECISE = Arithmetic(
    name="50 digits",
    number=_precise_number,
    compare=_compare_reals,
    power=_real_only(_precise_power),
    square_root=_real_only(_CONTEXT.sqrt),
    functions={
        sympy.exp: _real_only(_limited(_CONTEXT.exp, 0, math.inf)),
        sympy.log: _real_only(_CONTEXT.log),
        sympy.sin: _real_only(_of_an_angle(_CONTEXT.sin)),
        sympy.cos: _real_only(_of_an_angle(_CONTEXT.cos)),
        sympy.tanh: _real_only(_limited(_CONTEXT.tanh, -1, 1)),
        sympy.erf: _real_only(_limited(_CONTEXT.erf, -1, 1)),
        log1p: _real_only(_CONTEXT.log1p),
        sigmoid: _real_only(_limited(lambda a: 1 / (1 + _CONTEXT.exp(-a)), 0, 1)),
        softplus: _real_only(_precise_softplus),
    },
    add=_CONTEXT.fsum,
    multiply=_CONTEXT.fprod,
)


# SymPy: the numbers are expressions, and may hold symbols whose values are known (`exact_around`).


def _compare_exactly(a: Expr, b: Expr) -> float:
    difference = a - b
    if not isinstance(difference, Rational):
        difference = difference.evalf(DIGITS)
    if not difference.is_extended_real:
        return math.nan
    return int(bool(difference > 0)) - int(bool(difference < 0))


def _in_domain(function: Callable[[Expr], Expr]) -> Callable[[Expr], Expr]:
    return lambda value: nan if value is nan or value.is_negative else function(value)


def _exact_power(base: Expr, exponent: Number) -> Expr:
    return nan if base.is_zero and exponent < 0 else base**exponent


_exact_log = _in_domain(lambda value: -oo if value.is_zero else sympy.log(value))


EXACT = Arithmetic(
    name="exact",
    number=lambda value: value,
    compare=_compare_exactly,
    power=_exact_power,
    square_root=_in_domain(sympy.sqrt),
    functions={
        sympy.exp: sympy.exp,
        sympy.log: _exact_log,
        sympy.sin: sympy.sin,
        sympy.cos: sympy.cos,
        sympy.tanh: sympy.tanh,
        sympy.erf: sympy.erf,
        log1p: lambda a: _exact_log(1 + a),
        sigmoid: lambda a: 1 / (1 + sympy.exp(-a)),
        softplus: lambda a: sympy.log(1 + sympy.exp(a)),
    },
    add=lambda terms: sympy.Add(*terms),
    multiply=lambda factors: sympy.Mul(*factors),
)


def exact_around(point: Mapping[Symbol, Rational]) -> Arithmetic:
    """Exact arithmetic on expressions that hold the symbols of `point`; what they decide, they decide at that point."""

    def compare(a: Expr, b: Expr) -> float:
        return _compare_exactly(a.xreplace(point), b.xreplace(point))

    return replace(EXACT, compare=compare)


# How long a value is, written out in the inputs: how many numbers and operations there are in it.


def _with_one_more(size: int, *_: Number) -> int:
    return size + 1


SIZE = Arithmetic(
    name="size",
    number=lambda value: 1,
    compare=lambda a, b: 0.0,
    power=_with_one_more,
    square_root=_with_one_more,
    functions=dict.fromkeys(EXACT.functions, _with_one_more),
    add=lambda terms: sum(terms) + 1,
    multiply=lambda factors: sum(factors) + 1,
)
