"""Products taken apart: what leaves a sum, and what is summed apart."""

from __future__ import annotations

import pytest
from sympy import Rational

from derive.codegen.products import Product, Summation, take_apart
from derive.parser import parse_layer
from derive.printing.layout import Layout
from derive.printing.names import Names


def parts(equation: str) -> Product:
    graph = parse_layer(f"x: [N, D]\na: [D]\nb: [N]\nc: []\n{equation}")
    return take_apart(graph.equations[0].expression, Layout(Names(graph.by_name)))


def words(product: Product) -> tuple[Rational, list[str], list[str]]:
    def word(factor: object) -> str:
        if isinstance(factor, Summation):
            return f"sum {[word(f) for f in factor.above]} over {[str(s) for s, _ in factor.limits]}"
        return str(factor)

    return product.coefficient, [word(f) for f in product.above], [word(f) for f in product.below]


ROWS = [
    ("y[j] = sum(-a[j]*x[i, j]/(2*N) for i in N)", -Rational(1, 2), ["a[j]", "sum ['x[i, j]'] over ['i']"], ["N"]),
    ("y[j] = sum(a[j] for i in N)/N", 1, ["a[j]"], []),
    ("y[j] = sum(2*a[j] for i in N)", 2, ["N", "a[j]"], []),
    ("y = sum(b[i]*a[j] for i in N for j in D)", 1, ["sum ['b[i]'] over ['i']", "sum ['a[j]'] over ['j']"], []),
    ("y = sum(b[i]*a[j]*x[i, j] for i in N for j in D)", 1, None, []),
    ("y[j] = c*sum(x[i, j] for i in N)/sqrt(a[j])", 1, None, ["sqrt(a[j])"]),
]


@pytest.mark.parametrize(("equation", "coefficient", "above", "below"), ROWS, ids=[row[0] for row in ROWS])
def test_take_apart(equation: str, coefficient: Rational, above: list[str] | None, below: list[str]) -> None:
    found = words(parts(equation))
    assert (coefficient, below) == (found[0], found[2])
    if above is not None:
        assert sorted(above) == sorted(found[1])


def test_factors_that_share_an_index_are_summed_together() -> None:
    (summation,) = parts("y = sum(b[i]*a[j]*x[i, j] for i in N for j in D)").above
    assert isinstance(summation, Summation)
    assert {"a[j]", "b[i]", "x[i, j]"} == {str(factor) for factor in summation.above}
    assert [str(symbol) for symbol, _ in summation.limits] == ["i", "j"]
