"""Extents taken into the sums that they divide."""

from __future__ import annotations

import pytest
from sympy import Expr

from derive.codegen.divisors import divided_inside
from derive.parser import parse_layer


def right_side(text: str) -> Expr:
    """The right side of an equation about arrays over N and D."""
    return parse_layer(f"x: [N, D]\nw: [N, D]\na: [D]\nb: [D]\n{text}\n", "layer", "layer").equations[0].expression


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a[j]/N*(N*x[i, j] - b[j])", "a[j]*(x[i, j] - b[j]/N)"),
        ("a[j]/(N*D)*(N*D*x[i, j] - b[j]*w[i, j])", "a[j]*(x[i, j] - b[j]*w[i, j]/(N*D))"),
        ("a[j]/(N*D)*(N*x[i, j] - b[j]*w[i, j])", "a[j]/D*(x[i, j] - b[j]*w[i, j]/N)"),
        ("exp((N*x[i, j] - b[j])/N)", "exp(x[i, j] - b[j]/N)"),
    ],
)
def test_an_operation_less_on_the_largest_arrays(before: str, after: str) -> None:
    assert divided_inside(right_side(f"y[i, j] = {before}")) == right_side(f"y[i, j] = {after}")


@pytest.mark.parametrize(
    "text",
    [
        "a[j]/N*(N*x[i, j] - w[i, j])",  # w would have to be divided
        "a[j]/N*(N*b[j]*x[i, j] - b[j])",  # x is to be multiplied anyway
        "a[j]/N*(D*x[i, j] - b[j])",
        "a[j]*(N*x[i, j] - b[j])",
        "a[j]/N**2*(N*x[i, j] - b[j])",
        "where((N*x[i, j] - b[j])/N > a[j], x[i, j], 0)",
    ],
)
def test_where_nothing_is_saved_nothing_changes(text: str) -> None:
    expression = right_side(f"y[i, j] = {text}")
    assert divided_inside(expression) == expression
