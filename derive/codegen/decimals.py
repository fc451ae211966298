"""Exact numbers as Python text."""

from __future__ import annotations

from sympy import Rational

_LONGEST = 12  # digits of a decimal that is still easier to read than a quotient


def decimal_text(value: Rational) -> str | None:
    """A positive rational as an integer or a short decimal that is exactly it: 3, 0.5, 1e-5; None if it has none."""
    if value.q == 1:
        return str(value.p)
    text = repr(float(value)).replace("e-0", "e-").replace("e+0", "e")
    exact = Rational(text) == value
    return text if exact and len(text) <= _LONGEST else None
