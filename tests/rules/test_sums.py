"""The visible rewrites of sums."""

import pytest
from algebra import expr, same_values, shown
from sympy import Integer

from derive.graph import index_symbol
from derive.printing.grammar import expression_text
from derive.rules.sums import find_sums, pull_out, put_in, replace_sum

i, j, k = (index_symbol(name) for name in "ijk")


class TestPullOut:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sum(mu[j]*x[k, j] for k in N)", "mu[j]*sum(x[k, j] for k in N)"),
            ("sum(2*t*w[k] for k in N)/N", "2*t*mean(w[k] for k in N)"),
            ("sum(w[k]*sum(w[k]*mu[l]*t for l in D) for k in N)", "t*sum(mu[l] for l in D)*sum(w[k]**2 for k in N)"),
            ("1 + sum(x[i, j]*w[k] for k in N)", "x[i, j]*sum(w[k] for k in N) + 1"),
        ],
    )
    def test_a_factor_that_does_not_depend(self, text: str, expected: str) -> None:
        found = pull_out(expr(text))
        assert expression_text(found) == expected
        assert same_values(found, expr(text), low=-40)

    @pytest.mark.parametrize(
        "text",
        [
            "sum(w[k]*x[k, j] for k in N)",
            "sum(mu[j] + x[k, j] for k in N)",
            "max(mu[j]*x[k, j] for k in N)",
            "prod(mu[j]*x[k, j] for k in N)",
        ],
    )
    def test_nothing_else(self, text: str) -> None:
        assert pull_out(expr(text)) == expr(text)


class TestFindAndReplace:
    TEXT = "w[i]*sum(w[k]*sum(s[k, l] for l in N) for k in N) + sum(mu[l] for l in D)**2"

    def test_the_outermost_sums_are_found(self) -> None:
        expected = ["sum(mu[l] for l in D)", "sum(w[k]*sum(s[k, l] for l in N) for k in N)"]
        assert sorted(map(expression_text, find_sums(expr(self.TEXT)))) == expected
        assert find_sums(expr("w[i]*mu[j]")) == []

    def test_one_is_replaced_and_the_others_stay(self) -> None:
        sums = {expression_text(found): found for found in find_sums(expr(self.TEXT))}
        old = sums["sum(mu[l] for l in D)"]
        assert shown(replace_sum(expr(self.TEXT), old, Integer(0))) == shown(expr(self.TEXT.rpartition(" + ")[0]))
        found = replace_sum(expr(self.TEXT), old, expr("t"))
        assert same_values(found, expr(self.TEXT.rpartition("sum(")[0] + "t**2"))

    def test_an_inner_sum_is_not_an_outermost_one(self) -> None:
        assert replace_sum(expr(self.TEXT), expr("sum(s[i, l] for l in N)"), Integer(0)) == expr(self.TEXT)


class TestPutIn:
    VALUE = expr("mu[j]*w[i] + sum(s[i, k]*v[k] for k in N)")

    def test_everywhere(self) -> None:
        found = put_in(expr("sqrt(x[i, j]) + mu[j]*x[i, j]"), "x", (i, j), expr("w[i]*t"))
        assert expression_text(found) == "sqrt(w[i]*t) + w[i]*t*mu[j]" or same_values(
            found, expr("sqrt(w[i]*t) + mu[j]*w[i]*t")
        )
        assert "x[" not in expression_text(found)

    def test_under_a_sum_without_capture(self) -> None:
        found = put_in(expr("sum(x[k, j]*w[k] for k in N)"), "x", (i, j), self.VALUE)
        assert same_values(found, expr("sum((mu[j]*w[k] + sum(s[k, l]*v[l] for l in N))*w[k] for k in N)"))

    def test_at_other_indices(self) -> None:
        found = put_in(expr("s[k, i]", "i, k"), "s", (i, k), expr("w[i]*v[k]", "i, k"))
        assert shown(found) in ("v[i]*w[k]", "w[k]*v[i]")

    def test_a_scalar(self) -> None:
        assert expression_text(put_in(expr("t*w[i]"), "t", (), expr("eps"))) == "eps*w[i]"

    @pytest.mark.parametrize("text", ["sqrt(x[i, j])", "1/x[i, j]", "exp(x[i, j])", "max(x[k, j] for k in N)"])
    def test_what_is_opaque_is_left_when_asked(self, text: str) -> None:
        assert put_in(expr(text), "x", (i, j), expr("w[i]*mu[j]"), opaque=False) == expr(text)
        assert put_in(expr(text), "x", (i, j), expr("w[i]*mu[j]")) != expr(text)

    def test_what_is_not_opaque_is_replaced_then_too(self) -> None:
        text = "sum(w[k]*x[k, j]**2 for k in N) + 1/x[i, j]"
        found = put_in(expr(text), "x", (i, j), expr("w[i]*mu[j]"), opaque=False)
        assert expression_text(found).count("x[") == 1
        assert same_values(found, expr("sum(w[k]*(w[k]*mu[j])**2 for k in N) + 1/x[i, j]"))

    def test_other_names_stay(self) -> None:
        assert put_in(expr("y[i, j]"), "x", (i, j), expr("t")) == expr("y[i, j]")
