"""Factoring: the shape of a result, in the style of means and in that of sums."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from algebra import expr, normal, same_values, shown
from sympy.core.parameters import distribute

from derive.parser import parse_layer
from derive.rules.collect import collect, nest
from derive.rules.normal_form import Vocabulary
from derive.rules.polynomial import Total, monomial_indices


@pytest.fixture(autouse=True)
def _as_the_pipeline_does() -> Iterator[None]:
    with distribute(False):
        yield


ROWS = [
    # text, with means, with sums
    ("x[i, j]*w[i]/N + mu[j]*w[i]", "w[i]*(x[i, j]/N + mu[j])", "w[i]*(x[i, j] + N*mu[j])/N"),
    ("mean(x[k, j] for k in N) - mu[j]", "mean(x[i, j] for i in N) - mu[j]", "(sum(x[i, j] for i in N) - N*mu[j])/N"),
    ("2*mean(w[k] for k in N)**2", "2*mean(w[i] for i in N)**2", None),
    ("sum(w[k] for k in N)/D", "sum(w[i] for i in N)/D", "sum(w[i] for i in N)/D"),
    ("w[i]*x[i, j]/sqrt(var[j]) - w[i]*y[i, j]/sqrt(var[j])", "w[i]*(x[i, j] - y[i, j])/sqrt(var[j])", None),
    ("x[i, j]*mu[j] + x[i, j]*w[i] + y[i, j]", "x[i, j]*(mu[j] + w[i]) + y[i, j]", None),
    ("x[i, j]*y[i, j] + mu[j]", "x[i, j]*y[i, j] + mu[j]", None),
    ("-w[i]*t - v[i]*t", "-t*(v[i] + w[i])", None),
    ("2*w[i] - 2*v[i]", "2*(w[i] - v[i])", None),
    ("t*sum(w[k]*v[k] for k in N) - t*sum(w[k]*v[k]**2 for k in N)", "t*sum(v[i]*w[i]*(1 - v[i]) for i in N)", None),
    ("mean(w[k]*x[k, j] + w[k]*y[k, j] for k in N)", "mean(w[i]*(x[i, j] + y[i, j]) for i in N)", None),
    ("0*t", "0", None),
    # Inside one another, where one sum over both indices would run over three: sum_k w_k*x_kj*(sum_i s_ki).
    ("sum(w[k]*x[k, j]*s[k, l] for k in N for l in N)", "sum(w[i]*x[i, j]*sum(s[i, k] for k in N) for i in N)", None),
    ("sum(w[k]*x[k, m] for k in N for m in D)", "sum(w[i]*x[i, j] for i in N for j in D)", None),
    # The same index under two names, since a root with a sum in it stands in one of the two.
    (
        "sum(x[k, j]*w[k] for k in N) + sum(x[k, j]/(t + sum(s[k, l] for l in N)) for k in N)",
        "sum(x[i, j]*(w[i] + 1/(sum(s[i, k] for k in N) + t)) for i in N)",
        None,
    ),
    # Of two ways to bracket the one with fewer operations: not x*(t - w*mu) + ...
    ("x[i, j]*w[i]*mu[j] + w[i]*mu[j]*y[i, j] + x[i, j]*t", "mu[j]*w[i]*(x[i, j] + y[i, j]) + t*x[i, j]", None),
]


@pytest.mark.parametrize(("text", "means", "sums"), ROWS)
def test_the_shape(text: str, means: str, sums: str | None) -> None:
    polynomial = normal(text)
    for style, expected in ((True, means), (False, sums or means)):
        found = collect(polynomial, means=style)
        assert shown(found) == expected
        assert same_values(found, expr(text))


@pytest.mark.parametrize(
    "text",
    [
        "sum(w[k] for k in N) + sum(v[k] for k in N)",  # nothing shared inside
        "sum(w[k]*x[k, j] for k in N) + t*sum(w[k]*y[k, j] for k in N)",  # other factors outside
        "sum(w[k]*s[i, k] for k in N) + sum(w[k] for k in N)",  # a matrix and a vector: the vector is cheap
        "sum(w[k]*v[k] for k in N)*sum(v[k] for k in N) + sum(w[k] for k in N)",
        "sum(s[i, k]*x[k, j] for k in N) + sum(s[k, i]*y[k, j]*w[k] for k in N)",  # two matrix products
        "sum(s[i, k]*w[k]*x[k, j] for k in N) + sum(s[k, i]*w[k]*y[k, j] for k in N)",  # which share a vector
    ],
)
def test_sums_that_are_not_joined(text: str) -> None:
    found = shown(collect(normal(text), means=True))
    assert found.count("sum(") == text.count("sum(")
    assert same_values(collect(normal(text), means=True), expr(text))


def test_a_mean_is_not_joined_with_a_sum() -> None:
    text = "mean(w[k]*x[k, j] for k in N) + sum(w[k]*y[k, j] for k in N)"
    assert shown(collect(normal(text), means=True)).count(" for ") == 2


def test_what_is_bracketed_is_what_costs_most() -> None:
    """x*mu + x*w + w*mu: the matrix is shared, so it is taken out, not the vectors."""
    found = shown(collect(normal("x[i, j]*mu[j] + x[i, j]*w[i] + w[i]*mu[j]"), means=True))
    assert found == "mu[j]*w[i] + x[i, j]*(mu[j] + w[i])"


def test_eight_sums_are_put_in_order_at_once() -> None:
    """All 40320 orders would not be; a product that has all the indices cannot be made smaller by any of them."""
    axes = "ABCDEFGH"
    ranges = " ".join(f"for {axis.lower()} in {axis}" for axis in axes)
    pairs = list(pairwise(axes))
    chain = "".join(f"m{a}: [{a}, {b}]\n" for a, b in pairs)
    product = "*".join(f"m{a}[{a.lower()}, {b.lower()}]" for a, b in pairs)
    matrices = total_of(f"{chain}L = sum({product} {ranges})")
    assert len(matrices.limits) == 8
    assert nest(matrices).limits != matrices.limits
    assert largest_summand(nest(matrices)) == 2
    whole = total_of(f"x: [{', '.join(axes)}]\nL = sum(x[{', '.join(axes.lower())}]**2 {ranges})")
    assert nest(whole) is whole


def total_of(text: str) -> Total:
    (equation,) = parse_layer(text).equations
    ((monomial, _),) = Vocabulary().normalize(equation.expression).terms.items()
    ((total, _),) = monomial
    assert isinstance(total, Total)
    return total


def largest_summand(total: Total) -> int:
    inner = [largest_summand(base) for base, _ in total.monomial if isinstance(base, Total)]
    return max([len(monomial_indices(total.monomial)), *inner])
