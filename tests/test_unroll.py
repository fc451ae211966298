"""Sums written out: expected text, and the same value as with the sum."""

from __future__ import annotations

import pytest
from sympy import Integer, Sum, sqrt
from sympy.core.parameters import distribute

from derive.arithmetic import EXACT
from derive.errors import UsageError
from derive.functions import maximum
from derive.graph import reference
from derive.interpret import evaluate, from_nested
from derive.parser import parse_layer
from derive.printing.grammar import expression_text
from derive.unroll import MOST_TERMS, unroll

VALUES = {
    "x": from_nested([[Integer(3), Integer(-5), Integer(7)], [Integer(11), Integer(2), Integer(4)]]),
    "mu": from_nested([Integer(6), Integer(9), Integer(-8)]),
    "c": from_nested(Integer(13)),
}
EXTENTS = {"N": 2, "D": 3}

CASES = [
    ("sum(x[i, j] for i in N)", "x[1, 2] + x[2, 2]"),
    ("mean(x[i, j] for i in N)", "1/2*(x[1, 2] + x[2, 2])"),
    ("mean(x[i, k] for i in N for k in D)", "1/6*(x[1, 1] + x[1, 2] + x[1, 3] + x[2, 1] + x[2, 2] + x[2, 3])"),
    ("sum(x[i, j] - mu[j] for i in N)", "(x[1, 2] - mu[2]) + (x[2, 2] - mu[2])"),
    ("c + sum(x[i, j] for i in N)", "x[1, 2] + x[2, 2] + c"),
    ("sum(c for i in N)", "2*c"),
    ("sum(x[i, j]*mu[k] for i in N for k in D)", "(x[1, 2] + x[2, 2])*(mu[1] + mu[2] + mu[3])"),
    ("sum(c*x[i, j] for i in N for k in D)", "3*(c*x[1, 2] + c*x[2, 2])"),
    ("sum(x[i, k]*mu[k] for i in N for k in D)", None),
    ("sum(sum(x[i, k] for k in D) for i in N)", "x[1, 1] + x[1, 2] + x[1, 3] + x[2, 1] + x[2, 2] + x[2, 3]"),
    ("sum(mu[k]*delta(j, k) for k in D)", "mu[2]"),
    ("where(N > D, 1/(N - 2), mu[j])", "mu[2]"),
    ("where(mu[j] > 0, D, N)", "where(mu[2] > 0, 3, 2)"),
    ("max(mu[k] for k in D)", "maximum(maximum(mu[1], mu[2]), mu[3])"),
    ("prod(x[i, j] for i in N)", "x[1, 2]*x[2, 2]"),
    ("mu[j]*N**2/(D - 1)", "2*mu[2]"),
]



@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_every_reduction_is_written_out(expression, expected):
    # The second equation fixes the extents where the expression does not.
    text = f"x: [N, D]\nmu: [D]\nc: []\nq[j] = {expression}\nr[i, j] = q[j]*x[i, j]*mu[j]*c\n"
    original = parse_layer(text, "sample").equation_of["q"].expression
    with distribute(False):
        result = unroll(original, EXTENTS, {"j": 2})
    assert expected in (None, expression_text(result))
    assert not result.has(Sum)
    assert evaluate(original, VALUES, EXTENTS, {"j": 2}, EXACT) == evaluate(result, VALUES, {}, {}, EXACT)


def test_of_a_batch_of_one_the_terms_are_single():
    original = parse_layer("x: [N]\nv = mean((x[i] - mean(x[k] for k in N))**2 for i in N)\n").equations[0].expression
    with distribute(False):
        assert Integer(0) == unroll(original, {"N": 1}, {})


def test_a_known_maximum_is_called_by_its_name():
    original = parse_layer("s: [N]\nm = max(s[i] for i in N) + 1\n").equations[0].expression
    largest = maximum(reference("s", [Integer(1)]), reference("s", [Integer(2)]))
    name = reference("m")
    assert name + 1 == unroll(original, {"N": 2}, {}, {largest: name})
    assert maximum(largest, reference("s", [Integer(3)])) + 1 == unroll(original, {"N": 3}, {}, {largest: name})


@pytest.mark.parametrize("factor", ["1/(N - 1)", "log(N - 1)", "sqrt(N - 2)", "(N - 1)**(-1/2)"])
def test_what_does_not_exist_is_an_error(factor):
    original = parse_layer(f"x: [N]\nq = {factor}*sum(x[i] for i in N)\n").equations[0].expression
    with pytest.raises(UsageError, match="divides by zero, or is undefined"):
        unroll(original, {"N": 1}, {})
    assert unroll(original, {"N": 3}, {}) is not None


def test_too_many_terms_are_an_error_before_they_are_written():
    original = parse_layer("a: [N]\nq = sum(a[i]*a[j]*a[k]*a[l] for i in N for j in N for k in N for l in N)\n")
    with pytest.raises(UsageError, match=f"it has 16384 terms; at most {MOST_TERMS}"):
        unroll(original.equations[0].expression, {"N": 8}, {})


def test_numbers_of_the_extents_are_exact():
    original = parse_layer("x: [N]\nq = sum(x[i] for i in N)/sqrt(N)\n").equations[0].expression
    with distribute(False):
        result = unroll(original, {"N": 2}, {})
    assert sqrt(2) in result.args or sqrt(2) / 2 in result.args
