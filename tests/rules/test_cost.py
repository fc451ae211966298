"""The order of costs: what is compared, and what does not count."""

import pytest
from algebra import expr

from derive.rules.cost import at_least, cost, sums_in


def price(*texts: str, rank: int = 1, known: tuple[str, ...] = ()) -> object:
    there = {total for text in known for total in sums_in(expr(text))}
    return cost([(rank, expr(text)) for text in texts], there)


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        # One pass over a matrix outweighs any number over vectors.
        ("w[i]*v[i] + tanh(w[i])*exp(v[i]) + sum(w[k] for k in N) + sum(v[k] for k in N)", "sum(x[k, j] for k in N)"),
        ("sum(x[k, j] for k in N)", "sum(x[k, j] for k in N) + sum(y[k, j] for k in N)"),
        ("sum(x[k, j] for k in N)", "sum(x[k, j]*y[k, j] for k in N)"),
        ("mu[j]*sum(x[k, j] for k in N)", "sum(mu[j]*x[k, j] for k in N)"),
        ("mu[j]*t*x[i, j]", "mu[j]*x[i, j]*y[i, j]"),
        ("x[i, j]", "x[i, j]**2"),
        ("w[i]", "exp(w[i])"),
        ("w[i]*v[i]", "w[i]*v[i]*t"),
        ("sum(w[k] for k in N)", "sum(delta(i, k)*w[k] for k in N)"),
    ],
)
def test_the_cheaper_of_two(cheap: str, dear: str) -> None:
    assert price(cheap) < price(dear)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("w[i]", "-w[i]"),
        ("w[i] + v[i]", "w[i] - v[i]"),
        ("w[i]*v[i]", "w[i]/v[i]"),
        ("sum(x[k, j] for k in N)", "sum(x[l, j] for l in N)"),
        ("sum(x[k, j] for k in N)", "sum(y[k, j] for k in N)"),
    ],
)
def test_what_costs_the_same(first: str, second: str) -> None:
    assert price(first) == price(second)


def test_the_same_sum_is_taken_once_whatever_its_index_is_called() -> None:
    once = price("sum(x[k, j] for k in N)", "t")
    assert price("sum(x[k, j] for k in N)", "sum(x[l, j] for l in N)") == once
    assert price("sum(x[k, j] for k in N)", "sum(y[l, j] for l in N)") > once


def test_sums_that_are_known_cost_nothing() -> None:
    assert price("sum(x[k, j] for k in N)", known=("2*sum(x[l, j] for l in N)",)) == price("t")
    assert price("sum(x[k, j] for k in N)", known=("sum(y[l, j] for l in N)",)) == price("sum(x[k, j] for k in N)")


def test_each_equation_is_a_pass_over_its_left_side() -> None:
    assert price("t", "t", rank=2) > price("t", rank=2) > price("t", "t", "t", rank=1)


def test_the_largest_size_stands_first() -> None:
    passes, operations = cost([(2, expr("mu[j]*x[i, j] + 1"))])
    assert passes[-3:] == (1, 0, 0)
    assert operations[-3:] == (2, 0, 0)


def test_passes_over_small_arrays_outweigh_operations_on_large_ones_and_numbers_have_none() -> None:
    assert price("x[i, j]*y[i, j]*x[i, j]", rank=2) < cost([(2, expr("x[i, j]*y[i, j]")), (1, expr("w[i]"))])
    assert cost([(2, expr("x[i, j]*y[i, j]")), (0, expr("t"))]) < price("x[i, j]*y[i, j]*x[i, j]", rank=2)


def test_the_cost_at_a_size_and_above() -> None:
    large, small = (2, expr("x[i, j]")), (1, expr("w[i]*v[i]"))
    assert at_least(cost([large, small]), 2) == at_least(cost([large]), 2)
    assert at_least(cost([large, small]), 1) > at_least(cost([large]), 1)


def test_a_matrix_product_is_formed_wherever_it_stands_but_for_one_equation() -> None:
    product = "sum(s[i, k]*x[k, j] for k in N)"
    once = cost([(2, expr(product))])
    assert cost([(2, expr(f"{product} + {product}*x[i, j]"))])[0] == once[0]
    assert cost([(2, expr(f"{product}*x[i, j]")), (2, expr(f"{product}*y[i, j]"))])[0][-4] == 2 * once[0][-4]
