"""Numbers in a layer: exact, real, and of a size that a float can hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from sympy import Expr, I, Rational, nan, oo, zoo

from derive.syntax.source import Source

# A float64 ends at 2**1024; numerators and denominators of honest rationals are far below.
MAX_BITS = 4096
MAX_EXPONENT = 100
_DECIMAL = re.compile(r"(\d*)\.?(\d*)(?:e([+-]?\d+))?", re.IGNORECASE)
_MAX_DECIMAL_EXPONENT = 300
_LEAST = Rational(1, 10**_MAX_DECIMAL_EXPONENT)
_RANGE = "numbers stay between 1e-300 and 1e300"


def number(source: Source, node: ast.Constant) -> Rational:
    """The exact value of a number literal: 1e-5 is 1/100000. Raises LayerError for any other literal."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = "a string" if isinstance(value, str | bytes) else source.spelling(node)[:20]
        hint = 'a LaTeX name stands on a line of its own: name: r"\\sigma"' if isinstance(value, str) else ""
        raise source.error(node, f"{shown} is not a real number", hint or "write a number such as 2 or 1e-5")
    if isinstance(value, int):
        exact = Rational(value) if value.bit_length() <= MAX_BITS else None
    else:
        exact = _exact(source.spelling(node).replace("_", ""))
    if exact is None or abs(exact) > 10**_MAX_DECIMAL_EXPONENT:
        raise source.error(node, "the number is too large or too small", _RANGE)
    return exact


def bits(value: Expr) -> int:
    """How long a rational is; 0 for anything else."""
    return int(value.p).bit_length() + int(value.q).bit_length() if value.is_Rational else 0


def check_number(source: Source, node: ast.expr, value: Expr) -> None:
    """Raise LayerError when an expression has no real value, or is a number beyond all bounds.

    Only what stands at the node itself is looked at: its parts have been checked.
    """
    if value in (zoo, oo, -oo, nan):
        raise source.error(node, "this has no finite value", "it divides by zero, or takes the logarithm of zero")
    if value is I or any(part is I for part in value.args) or (value.is_number and value.is_real is False):
        raise source.error(node, "this is not a real number", "roots and logarithms need values that are not negative")
    coefficient = value.as_coeff_Mul()[0]
    if coefficient.is_Rational and bits(coefficient) > MAX_BITS:
        raise source.error(node, "the number is too long", _RANGE)
    if coefficient.is_Rational and coefficient and not _LEAST <= abs(coefficient) <= 1/_LEAST:
        raise source.error(node, "the number is too large or too small", _RANGE)
    if value.is_number and not value.is_Rational:
        # SymPy may later compare it with another number, and would try to evaluate exp(exp(exp(100))) for that.
        near = value.evalf(15)
        if near.is_Float and not abs(near) < 10**_MAX_DECIMAL_EXPONENT:
            raise source.error(node, "the number is too large", "numbers stay below 1e300")


def _exact(written: str) -> Rational | None:
    """A decimal literal as a fraction, without the detour over a float; None when it is out of bounds."""
    match = _DECIMAL.fullmatch(written)
    if match is None:
        return None
    whole, fraction, power = match[1], match[2], int(match[3][:8]) if match[3] else 0
    digits = whole + fraction
    if len(digits) > _MAX_DECIMAL_EXPONENT or abs(power) > _MAX_DECIMAL_EXPONENT:
        return None
    shift = power - len(fraction)
    return Rational(int(digits) * 10 ** max(shift, 0), 10 ** max(-shift, 0))


def too_long(parts: Sequence[Expr]) -> bool:
    """Whether a sum or product of these has numbers whose result is too long to be meant."""
    return sum(bits(part.as_coeff_Mul()[0]) for part in parts) > MAX_BITS + 2 * len(parts)


class PowerFault(NamedTuple):
    """What is wrong with a power: in which part of it, what, and the remedy."""

    part: Literal["base", "exponent", "whole"]
    problem: str
    hint: str


def power_fault(base: Expr, exponent: Expr) -> PowerFault | None:
    """Why base**exponent is no power of the grammar; None where it is one. Nothing is computed."""
    if exponent.is_Rational:
        if abs(exponent) > MAX_EXPONENT:
            return PowerFault("exponent", "is too large", f"exponents that are numbers go up to {MAX_EXPONENT}")
        if base.is_Rational and bits(base) * abs(exponent) > MAX_BITS:
            return PowerFault("whole", "the number is too large", "numbers stay below 1e300")
        if base == 0 and exponent.is_negative:
            return PowerFault("whole", "division by zero", "the base of a negative power is always 0")
    elif base.is_number and not base.is_positive and not exponent.is_integer:
        hint = "a power with a variable exponent needs a base that is positive"
        return PowerFault("base", "is not positive", hint)
    return None
