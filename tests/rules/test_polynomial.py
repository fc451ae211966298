"""Sums of monomials: what is equal, what is added up, and what a sum over indices does."""

import pytest
from algebra import expr, normal, same_values, shown
from sympy import Integer, Rational

from derive.functions import delta
from derive.graph import extent_symbol, index_symbol, reference
from derive.rules.normal_form import expression_of
from derive.rules.polynomial import (
    Polynomial,
    Total,
    base_indices,
    make_monomial,
    make_total,
    rename_base,
    sum_over,
)

N, D = extent_symbol("N"), extent_symbol("D")
i, j, k = (index_symbol(name) for name in "ijk")


def only_total(text: str, left: str = "i, j") -> Total:
    """The one total of a normal form."""
    [total] = {base for m in normal(text, left=left).terms for base, _ in m if isinstance(base, Total)}
    return total


class TestPolynomial:
    def test_adding_collects_like_terms_and_drops_what_cancels(self) -> None:
        assert shown(normal("x[i, j] + 2*mu[j]") + normal("3*x[i, j] - 2*mu[j]")) == "4*x[i, j]"
        assert not normal("x[i, j]") + normal("-x[i, j]")
        assert normal("x[i, j]") + normal("-mu[j]")

    def test_multiplying_is_distributive(self) -> None:
        found = normal("x[i, j] + mu[j]") * normal("x[i, j] - mu[j]")
        assert found == normal("x[i, j]**2 - mu[j]**2")
        assert shown(found) == "x[i, j]**2 - mu[j]**2"
        assert same_values(found, expr("(x[i, j] + mu[j])*(x[i, j] - mu[j])"), low=-40)

    def test_powers_of_a_base_add_up_and_zero_powers_go(self) -> None:
        number, monomial = make_monomial([(N, Integer(-1)), (D, Integer(2)), (N, Integer(1)), (Integer(3), Integer(2))])
        assert (number, monomial) == (9, ((D, 2),))

    def test_a_delta_is_its_own_square_and_nothing_else_is(self) -> None:
        square = Polynomial.of(delta(i, k)) * Polynomial.of(delta(i, k))
        assert square == Polynomial.of(delta(i, k))
        assert normal("x[i, j]*x[i, j]") != normal("x[i, j]")

    def test_scaling_by_zero_leaves_nothing(self) -> None:
        assert not normal("x[i, j]").scaled(Integer(0))
        assert shown(normal("x[i, j]").scaled(Rational(1, 2))) == "1/2*x[i, j]"

    def test_renaming_reaches_into_totals_and_does_not_capture(self) -> None:
        found = normal("w[i]*sum(s[i, k]*v[k] for k in N)", left="i").renamed({i: k})
        assert shown(found) == "w[k]*sum(v[i]*s[k, i] for i in N)"
        assert same_values(found, expr("w[k]*sum(s[k, i]*v[i] for i in N)", "k"))

    def test_renaming_two_indices_into_one_adds_their_terms_up(self) -> None:
        assert shown(normal("s[i, k] + s[k, i]", left="i, k").renamed({k: i})) == "2*s[i, i]"

    def test_renaming_leaves_what_is_bound(self) -> None:
        total = only_total("sum(w[k] for k in N)", "")
        assert rename_base(total, {total.limits[0][0]: i}) is total

    def test_mapped_replaces_only_what_has_an_answer(self) -> None:
        def change(base: object, exponent: Rational) -> Polynomial | None:
            return normal("mu[j] + 1") if base == reference("x", [i, j]) and exponent == 1 else None

        assert shown(normal("x[i, j]*w[i]").mapped(change)) == "mu[j]*w[i] + w[i]"
        assert normal("x[i, j]**2").mapped(change) == normal("x[i, j]**2")

    def test_the_order_of_terms_does_not_depend_on_how_they_came(self) -> None:
        first, second = normal("x[i, j] + mu[j]*w[i] + t"), normal("t + w[i]*mu[j] + x[i, j]")
        assert [m for m, _ in first.ordered()] == [m for m, _ in second.ordered()]


class TestTotals:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("sum(w[k] for k in N)", "sum(w[l] for l in N)"),
            ("sum(s[k, l]*w[k] for k in N for l in N)", "sum(w[l]*s[l, k] for k in N for l in N)"),
            ("sum(s[k, l] for k in N for l in N)", "sum(sum(s[l, k] for k in N) for l in N)"),
            ("sum(x[k, l] for k in N for l in D)", "sum(x[l, k] for k in D for l in N)"),
            ("sum(w[k]*sum(s[k, l]*v[l] for l in N) for k in N)", "sum(v[k]*sum(s[l, k]*w[l] for l in N) for k in N)"),
        ],
    )
    def test_sums_equal_up_to_bound_names_are_equal_objects(self, first: str, second: str) -> None:
        assert normal(first, left="") == normal(second, left="")
        assert hash(normal(first, left="")) == hash(normal(second, left=""))

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("sum(s[k, l]*w[k] for k in N for l in N)", "sum(s[k, l]*w[l] for k in N for l in N)"),
            ("sum(s[k, k] for k in N)", "sum(s[k, l] for k in N for l in N)"),
            ("sum(x[k, l] for k in N for l in D)", "sum(y[k, l] for k in N for l in D)"),
            ("sum(w[k]**2 for k in N)", "sum(w[k] for k in N)**2"),
        ],
    )
    def test_others_are_not(self, first: str, second: str) -> None:
        assert normal(first, left="") != normal(second, left="")
        assert not same_values(expr(first, ""), expr(second, ""), left="")

    def test_the_free_indices_of_a_total_are_those_that_it_does_not_bind(self) -> None:
        assert base_indices(only_total("sum(x[k, j] for k in N)")) == (j,)

    def test_the_same_summand_over_another_extent_is_another_total(self) -> None:
        w = ((reference("w", [i]), Integer(1)),)
        assert make_total(w, [(i, N)]) != make_total(w, [(i, D)])


class TestSumOver:
    @pytest.mark.parametrize(
        ("text", "left", "expected"),
        [
            ("sum(mu[j]*x[k, j] for k in N)", "j", "mu[j]*sum(x[i, j] for i in N)"),
            ("sum(2*t for k in N)", "", "2*N*t"),
            ("sum(x[k, j] + mu[j] for k in N)", "j", "sum(x[i, j] for i in N) + N*mu[j]"),
            ("sum(delta(i, k)*w[k] for k in N)", "i", "w[i]"),
            ("sum(delta(k, l)*s[k, l] for k in N for l in N)", "", "sum(s[i, i] for i in N)"),
            ("sum(delta(i, k) for k in N)", "i", "1"),
            ("sum(w[k]*v[l] for k in N for l in N)", "", "sum(v[i] for i in N)*sum(w[i] for i in N)"),
            ("sum(w[k] for k in N for l in D)", "", "D*sum(w[i] for i in N)"),
            ("sum(w[k]*sum(s[k, l] for l in N) for k in N)", "", "sum(w[i]*s[i, k] for i in N for k in N)"),
            (
                "sum(w[k]*sum(s[k, l] for l in N)**2 for k in N)",
                "",
                "sum(w[i]*sum(s[i, k] for k in N)**2 for i in N)",
            ),
        ],
    )
    def test_a_rewrite(self, text: str, left: str, expected: str) -> None:
        found = normal(text, left=left)
        assert shown(found) in (expected, " + ".join(reversed(expected.split(" + "))))
        assert same_values(found, expr(text, left), low=-40)

    def test_factors_that_share_an_index_stay_in_one_sum(self) -> None:
        assert len(only_total("sum(w[k]*v[l]*s[k, l] for k in N for l in N)", "").limits) == 2

    def test_a_delta_of_free_indices_stands(self) -> None:
        assert shown(normal("delta(i, k)*sum(w[l] for l in N)", left="i, k")) == "delta(i, k)*sum(w[l] for l in N)"

    def test_two_inner_sums_keep_their_own_indices(self) -> None:
        text = "sum(sum(s[k, l] for l in N)*sum(s[l, k] for l in N) for k in N)"
        found = normal(text, left="")
        assert len(only_total(text, "").limits) == 3
        assert same_values(found, expr(text, ""), left="")

    def test_summing_nothing_over_an_index_counts_it(self) -> None:
        assert sum_over(Polynomial.number(Integer(2)), [(i, N), (j, D)]) == Polynomial({((D, 1), (N, 1)): Integer(2)})
        assert expression_of(sum_over(Polynomial(), [(i, N)])) == 0
