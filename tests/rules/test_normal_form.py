"""The normal form in a vocabulary: replaced elements, named expressions, known totals; and what stays as written."""

import pytest
from algebra import expr, normal, same_values, shown
from sympy import Derivative, Rational, Symbol

from derive.errors import LayerError
from derive.graph import index_symbol
from derive.rules.facts import solve_for_total
from derive.rules.normal_form import (
    Budget,
    Definition,
    TooLargeError,
    TotalFact,
    Vocabulary,
    expression_of,
    mentions,
    polynomial_names,
    replacement,
)
from derive.rules.polynomial import Polynomial

i, j, k = (index_symbol(name) for name in "ijk")


def fact(text: str, left: str = "i, j") -> TotalFact:
    """The fact that an expression is zero, solved for its total."""
    solved = solve_for_total(normal(text, left=left), frozenset({"w"}))
    assert solved is not None
    return TotalFact(*solved)


class TestNormalize:
    @pytest.mark.parametrize(
        "text",
        [
            "(x[i, j] - mu[j])**2/var[j]",
            "sum((x[k, j] - mu[j])*w[k] for k in N)/N",
            "sqrt(12*var[j])*(t + 1)**3",
            "exp(x[i, j]/10)*tanh(w[i])",
            "max(x[k, j]*w[k] for k in N)",
            "(t + eps)**7",
            "(t + 1)**(-2)",
            "where(x[i, j] > mu[j], x[i, j], w[i])",
            "pi*t/sqrt(pi)",
        ],
    )
    def test_the_value_stays(self, text: str) -> None:
        assert same_values(normal(text), expr(text))

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("(x[i, j] - mu[j])**2", "x[i, j]**2 - 2*mu[j]*x[i, j] + mu[j]**2"),
            ("sum(x[k, j] - mu[j] for k in N)", "sum(x[k, j] for k in N) - N*mu[j]"),
            ("1/(var[j] + eps)**2", "(1/(eps + var[j]))**2"),
            ("exp(sum(w[k] for k in N))", "exp(sum(w[l] for l in N))"),
            ("sqrt(8)*t", "2*sqrt(2)*t"),
        ],
    )
    def test_equal_expressions_are_equal(self, first: str, second: str) -> None:
        assert normal(first) == normal(second)

    def test_a_high_power_of_a_sum_is_not_multiplied_out(self) -> None:
        assert len(normal("(t + eps)**4").terms) == 5
        assert len(normal("(t + eps)**5").terms) == 1

    def test_an_unknown_construct_is_an_error_that_names_it(self) -> None:
        with pytest.raises(TypeError, match="Derivative"):
            Vocabulary().normalize(Derivative(Symbol("t", real=True), Symbol("t", real=True)))

    @pytest.mark.parametrize(
        "text",
        ["1/sum(0*w[k] for k in N)", "1/(sum(w[k] for k in N) - sum(w[l] for l in N))", "t/sqrt(sum(0*t for k in N))"],
    )
    def test_what_divides_by_zero_is_told(self, text: str) -> None:
        with pytest.raises(LayerError, match="divides by what is always 0"):
            normal(text)

    @pytest.mark.parametrize("text", ["w[i]/(t - eps)", "w[i]*exp(t/(t - eps))", "sum(w[k]/(t - eps) for k in N)"])
    def test_what_became_a_division_by_zero_is_told(self, text: str) -> None:
        """SymPy has a value of its own for it, which is no number."""
        with pytest.raises(LayerError, match="divides by what is always 0"):
            Vocabulary().normalize(expr(text).xreplace({expr("t"): expr("eps")}))

    @pytest.mark.parametrize("text", ["sqrt(8)*t", "w[i]/sqrt(6)", "sqrt(2)*w[i] + w[i]"])
    def test_coefficients_are_rational(self, text: str) -> None:
        """The root of a number is a factor, as a quantity is."""
        assert all(isinstance(coefficient, Rational) for coefficient in normal(text).terms.values())

    def test_a_root_of_zero_is_zero(self) -> None:
        assert normal("sqrt(sum(0*w[k] for k in N))*t") == Polynomial()

    def test_it_is_given_up_when_it_explodes(self) -> None:
        factor = "(x[i, j] + mu[j] + w[i] + v[i] + t + eps)**4"
        with pytest.raises(TooLargeError):
            normal(f"{factor}*{factor.replace(' + t', ' + 2*t')}")

    def test_the_budget_is_spent_once(self) -> None:
        budget = Budget(5)
        budget.spend(5)
        with pytest.raises(TooLargeError):
            budget.spend(1)


class TestRoots:
    def test_a_root_is_split_only_for_what_is_not_negative(self) -> None:
        known = Vocabulary(nonnegative=frozenset({"var", "w"}))
        assert normal("sqrt(var[j]*w[i])", known) == normal("sqrt(var[j])*sqrt(w[i])", known)
        assert shown(normal("sqrt(4*var[j]**3)", known)) == "2*var[j]**(3/2)"

    @pytest.mark.parametrize("known", [frozenset(), frozenset({"var"})])
    def test_and_otherwise_stays_whole(self, known: frozenset[str]) -> None:
        vocabulary = Vocabulary(nonnegative=known)
        assert normal("sqrt(var[j]*w[i])", vocabulary) != normal("sqrt(var[j])*sqrt(w[i])", vocabulary)
        assert normal("sqrt(x[i, j]**2)", vocabulary) != normal("x[i, j]", vocabulary)
        assert same_values(normal("sqrt(x[i, j]**2)", vocabulary), expr("abs(x[i, j])"), low=-40)

    def test_a_negative_number_does_not_come_out(self) -> None:
        vocabulary = Vocabulary(nonnegative=frozenset({"t"}))
        assert len(normal("sqrt(t*(-1)*(-1))", vocabulary).terms) == 1
        [(monomial, number)] = normal("sqrt(-4*t)", vocabulary).terms.items()
        assert number == 1 or "-" in str(monomial)


class TestNames:
    VOCABULARY = Vocabulary(
        definitions=[
            Definition(expr("var[j] + eps", "j"), expr("mu[j]", "j")),
            Definition(expr("exp(x[i, j] - w[i])"), expr("y[i, j]")),
        ]
    )

    def test_a_radicand_is_recognized_however_it_is_written(self) -> None:
        assert shown(normal("1/sqrt(eps + var[j])", self.VOCABULARY)) == "1/sqrt(mu[j])"
        assert shown(normal("1/(2*var[j] + eps - var[j])", self.VOCABULARY)) == "1/mu[j]"

    def test_a_function_is_recognized_at_other_indices(self) -> None:
        found = normal("sum(exp(x[k, j] - w[k]) for k in N)", self.VOCABULARY)
        assert shown(found) == "sum(y[i, j] for i in N)"

    @pytest.mark.parametrize("text", ["1/sqrt(var[j] + t)", "exp(x[i, j] - v[i])", "exp(x[i, j] + w[i])"])
    def test_what_only_looks_alike_is_not(self, text: str) -> None:
        assert not {"mu", "y"} & set(polynomial_names(normal(text, self.VOCABULARY)))

    def test_outside_a_root_a_sum_is_multiplied_out(self) -> None:
        assert shown(normal("(var[j] + eps)*t", self.VOCABULARY)).count("mu") == 0


class TestAsWritten:
    def test_a_function_keeps_its_argument_unless_something_in_it_is_replaced(self) -> None:
        text = "tanh((x[i, j] - mu[j])**2)"
        assert shown(normal(text)) == text
        kept = Vocabulary(replacements={"x": replacement(expr("x[i, j]"), normal("y[i, j] + mu[j]"), optional=True)})
        assert shown(normal(text, kept)) == text
        put_in = Vocabulary(replacements={"x": replacement(expr("x[i, j]"), normal("y[i, j] + mu[j]"))})
        assert shown(normal(text, put_in)) == "tanh(y[i, j]**2)"

    def test_a_condition_is_never_touched(self) -> None:
        vocabulary = Vocabulary(replacements={"mu": replacement(expr("mu[j]"), normal("t*eps"), optional=True)})
        text = "where(x[i, j]*(t + 1) > mu[j], 1, 0)"
        assert shown(normal(text, vocabulary)) == text

    def test_a_condition_is_never_named(self) -> None:
        named = Vocabulary(definitions=[Definition(expr("max(w[k]*t for k in N)", ""), expr("eps", ""))])
        found = normal("where(w[i]*t == max(w[k]*t for k in N), 1, 0)", named)
        assert "max(" in shown(found)
        assert shown(normal("3*max(w[k]*t for k in N)", named)) == "3*eps"


class TestReplacements:
    VOCABULARY = Vocabulary(replacements={"x": replacement(expr("x[i, j]"), normal("w[i]*mu[j] + t"))})

    def test_at_every_place_in_its_own_indices(self) -> None:
        text = "sum(x[k, j]*v[k] for k in N)*x[i, j]"
        found = normal(text, self.VOCABULARY)
        assert not mentions(found, frozenset({"x"}))
        by_hand = "sum((w[k]*mu[j] + t)*v[k] for k in N)*(w[i]*mu[j] + t)"
        assert same_values(found, expr(by_hand))

    def test_other_names_are_left(self) -> None:
        assert normal("y[i, j]", self.VOCABULARY) == normal("y[i, j]")


class TestFacts:
    def test_inside_a_product_with_what_does_not_depend(self) -> None:
        vocabulary = Vocabulary(facts=[fact("sum(x[k, j] for k in N) - N*mu[j]")])
        assert shown(normal("t*sum(x[k, j]*w[i] for k in N)", vocabulary)) in ("N*t*mu[j]*w[i]", "N*t*w[i]*mu[j]")
        assert len(vocabulary.used) == 1

    def test_inside_a_sum_over_more_indices(self) -> None:
        vocabulary = Vocabulary(facts=[fact("sum(x[k, j] for k in N) - N*mu[j]")])
        found = normal("sum(x[k, l]*var[l] for k in N for l in D)", vocabulary)
        assert shown(found) in ("N*sum(mu[j]*var[j] for j in D)", "N*sum(var[j]*mu[j] for j in D)")

    @pytest.mark.parametrize(
        "text",
        [
            "sum(x[k, j]*w[k] for k in N)",  # another factor with the bound index
            "sum(x[k, j]**2 for k in N)",
            "sum(x[i, l] for l in D)",  # the other axis
            "sum(y[k, j] for k in N)",
        ],
    )
    def test_and_nowhere_else(self, text: str) -> None:
        vocabulary = Vocabulary(facts=[fact("sum(x[k, j] for k in N) - N*mu[j]")])
        assert normal(text, vocabulary) == normal(text)
        assert vocabulary.used == []

    def test_only_where_the_summand_is_at_two_different_indices(self) -> None:
        """The sum of s over both indices says nothing of its diagonal."""
        vocabulary = Vocabulary(facts=[fact("sum(s[k, l] for k in N for l in N) - t")])
        assert normal("sum(s[k, k] for k in N)", vocabulary) == normal("sum(s[k, k] for k in N)")
        assert shown(normal("sum(s[l, k] for k in N for l in N)", vocabulary)) == "t"

    def test_only_inside_leaves_the_outer_sums_for_a_visible_step(self) -> None:
        facts = [fact("sum(w[k] for k in N) - t")]
        found = normal("sum(w[k] for k in N)/(sum(w[k] for k in N) + eps)", Vocabulary(facts=facts, only_inside=True))
        assert found != normal("sum(w[k] for k in N)/(sum(w[k] for k in N) + eps)", Vocabulary(facts=facts))
        assert "sum(" in shown(found)

    def test_expression_of_nothing_is_zero(self) -> None:
        assert expression_of(Polynomial()) == 0
