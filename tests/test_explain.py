"""The steps of a derivation: their order, their boxes, and what they say."""

from textwrap import dedent

import pytest
from samples import text_of
from sympy import exp

from derive.derivation import Derivation, Prose, Step
from derive.graph import Equation
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text, expression_text

CASES = [("linear_batch_norm", "reuse"), ("linear_batch_norm", "mean"), ("softmax", "mean"), ("gelu_one_line", "sum")]
CASES += [("lstm", "staged"), ("layer_norm", "reuse"), ("two_batch_norms", "sum"), ("perceptron", "mean")]


def derivation_of(name: str, form: str = "mean") -> Derivation:
    return derive(parse_layer(text_of(name), name), form)


def said(reason: Prose) -> str:
    return "".join(part if isinstance(part, str) else expression_text(part) for part in reason)


def steps_of(derivation: Derivation, rule: str) -> list[Step]:
    return [step for step in derivation.steps if step.rule == rule]


def reasons(text: str, form: str = "mean") -> str:
    return " ".join(said(step.reason) for step in derive(parse_layer(text), form).steps)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def derivation(request: pytest.FixtureRequest) -> Derivation:
    return derivation_of(*request.param)


class TestEveryDerivation:
    def test_the_numbers_are_consecutive(self, derivation: Derivation) -> None:
        assert [step.number for step in derivation.steps] == list(range(1, len(derivation.steps) + 1))

    def test_exactly_the_gradients_are_boxed_each_once(self, derivation: Derivation) -> None:
        boxed = [step.equation.name for step in derivation.steps if step.boxed and step.equation]
        assert sorted(boxed) == sorted(derivation.backward.outputs)
        assert all(step.detail == "brief" for step in derivation.steps if step.boxed)

    def test_one_chain_rule_for_each_cotangent(self, derivation: Derivation) -> None:
        named = [step.display.name for step in steps_of(derivation, "chain-rule") if step.display]
        # What leads to no output has no cotangent.
        uses, outputs = derivation.forward.uses, derivation.forward.outputs
        computed = [e.name for e in derivation.forward.equations if uses[e.name] and e.name not in outputs]
        assert len(set(named)) == len(named)
        assert {f"d{name}" for name in (*computed, *derivation.forward.differentiable)} <= {
            name.removesuffix("_total") for name in named
        }

    def test_the_last_line_about_a_name_is_its_result(self, derivation: Derivation) -> None:
        last = {step.equation.name: step.equation for step in derivation.steps if isinstance(step.equation, Equation)}
        assert {line.name: last[line.name] for line in derivation.results} == {
            line.name: line for line in derivation.results
        }

    def test_what_a_step_mentions_is_described(self, derivation: Derivation) -> None:
        for step in derivation.steps:
            if isinstance(step.equation, Equation):
                assert step.equation.name in derivation.by_name

    def test_no_hidden_name_is_shown(self, derivation: Derivation) -> None:
        for step in derivation.steps:
            shown = said(step.reason) + (equation_text(step.equation) if step.equation else "")
            assert "hidden" not in shown
            assert "separate" not in shown


class TestReuse:
    def test_the_box_moves_to_the_line_that_reuses(self) -> None:
        found = derive("batch_norm", "reuse")
        [step] = [s for s in found.steps if s.boxed and isinstance(s.equation, Equation) and s.equation.name == "dx"]
        assert (step.rule, said(step.reason)) == ("reuse", "The sums are dbeta[j] and dgamma[j] already.")
        assert any(s.rule == "collect" and s.equation and s.equation.name == "dx" for s in found.steps)

    def test_a_gradient_that_is_used_comes_before_its_use(self) -> None:
        names = [line.name for line in derive("batch_norm", "reuse").results]
        assert names == ["dgamma", "dbeta", "dx"]

    def test_other_forms_do_not_reuse(self) -> None:
        assert steps_of(derive("batch_norm", "sum"), "reuse") == []


class TestReasons:
    def test_a_vanishing_sum_says_why(self) -> None:
        [step] = steps_of(derive("batch_norm"), "vanishing-sum")
        assert equation_text(step.equation) == "assert sum(x[i, j] - mu[j] for i in N) == 0"
        assert said(step.reason) == (
            "This sum vanishes, because sum(x[i, j] for i in N) = N*mu[j] by the equation of mu[j]."
        )
        after = derive("batch_norm").steps[step.number]
        assert after.rule == "drop-term"
        assert "mean(" not in equation_text(after.equation)

    def test_a_sum_that_does_not_vanish_is_not_said_to(self) -> None:
        text = "x: [N]\nm = mean(x[i] for i in N)\ny[i] = (x[i] - m)**3"
        assert steps_of(derive(parse_layer(text)), "vanishing-sum") == []

    @pytest.mark.parametrize(
        ("function", "sentence"),
        [
            ("relu(x[i])", "At 0 the derivative of relu is taken as 0."),
            ("abs(x[i])", "At 0 the derivative of the absolute value is taken as 0."),
            ("sign(x[i])*x[i]", "The derivative of sign is taken as 0, at the jump, too."),
            ("maximum(x[i], 2)", "Where both are equal the derivative of maximum goes to the first."),
            ("minimum(x[i], 2)", "Where both are equal the derivative of minimum goes to the first."),
            ("x[i]*max(x[k] for k in N)", "Among ties the derivative of max is shared equally."),
        ],
    )
    def test_a_convention_at_a_kink_is_told(self, function: str, sentence: str) -> None:
        text = f"x: [N]\ny[i] = {function}"
        assert sentence in reasons(text)
        smooth = reasons("x: [N]\ny[i] = tanh(x[i])")
        assert sentence not in smooth

    def test_a_used_output_is_said_to_be_one(self) -> None:
        found = reasons("x: [N]\nc: output\nc[i] = x[i]**2\nh[i] = c[i]*x[i]")
        assert "It is an output, too, so that what is given for it comes first." in found
        assert "It is an output, too" not in reasons("x: [N]\nc[i] = x[i]**2\nh[i] = c[i]*x[i]")

    def test_an_input_that_reaches_nothing(self) -> None:
        found = derive(parse_layer("x: [N]\nu: [N]\ny[i] = x[i]"))
        assert "u[i] does not reach any output: its gradient is 0." in [said(step.reason) for step in found.steps]
        assert "du[i] = 0" in [equation_text(line) for line in found.results]

    def test_paths_are_counted_and_named(self) -> None:
        found = [said(step.reason) for step in steps_of(derive("batch_norm"), "chain-rule")]
        assert "x[i, j] reaches the loss along three paths: through xhat[i, j], var[j] and mu[j]." in found
        assert "beta[j] reaches the loss along one path: through y[i, j], for every i. Hence the sum over i." in found
        two = "through xhat[i, j], for every i, and var[j]. Hence the sum over i."
        assert f"mu[j] reaches the loss along two paths: {two}" in found

    def test_a_path_is_named_in_the_indices_that_the_formula_has(self) -> None:
        """A transpose is reached at the other place, and a sum over several indices names them all."""
        text = "x: [N, N]\nt[i, j] = x[j, i]**2\nu[i] = sum(t[i, j] for j in N)\n"
        text += "y = sum(x[i, j]*u[i] for i in N for j in N)"
        found = [said(step.reason) for step in steps_of(derive(parse_layer(text)), "chain-rule")]
        assert "u[i] reaches the loss along one path: through y." in found
        assert "t[i, j] reaches the loss along one path: through u[i]." in found
        assert "x[j, i] reaches the loss along two paths: through y and t[i, j]." in found
        given = [said(step.reason) for step in steps_of(derive(parse_layer(text)), "given")]
        assert given == ["The loss is any scalar function of y; given is dy, which is 1 where y is the loss itself."]

    def test_tangents_come_from_every_element(self) -> None:
        found = [said(step.reason) for step in steps_of(derive("batch_norm", mode="forward"), "chain-rule")]
        assert "var[j] changes with x[i, j], for every i, and mu[j]. Hence the sum over i." in found

    def test_a_kept_cotangent_says_that_it_is_kept(self) -> None:
        kept = [step for step in derivation_of("linear_batch_norm").steps if "costs less to keep" in said(step.reason)]
        assert [step.equation.name for step in kept if step.equation] == ["dz"]

    def test_a_function_that_the_layer_has_computed_is_called_by_its_name(self) -> None:
        derivation = derive("softmax")
        told = steps_of(derivation, "recognize")
        assert [said(step.reason) for step in told] == ["The layer has computed e[n, c] already."] * 2
        for step in told:
            before, after = derivation.steps[step.number - 2].equation, step.equation
            assert isinstance(before, Equation)
            assert isinstance(after, Equation)
            assert before.expression.has(exp)
            assert not after.expression.has(exp)

    def test_a_relation_is_told_before_it_is_used_and_only_once(self) -> None:
        steps = derive("batch_norm").steps
        told = [step for step in steps if step.rule == "solve"]
        assert [equation_text(step.equation) for step in told] == ["x[i, j] = xhat[i, j]*sqrt(var[j] + eps) + mu[j]"]
        assert steps[told[0].number].rule == "change-basis"

    def test_two_relations_that_are_used_at_once_are_both_named(self) -> None:
        layer = """
            x: [N]
            u: [N]
            g: []
            mx = mean(x[i] for i in N)
            mu = mean(u[i] for i in N)
            a[i] = x[i] - mx
            b[i] = u[i] - mu
            r = g*sum(x[i]*u[i] for i in N) + sum(a[i]*b[i] for i in N)
        """
        found = [said(step.reason) for step in steps_of(derive(parse_layer(dedent(layer), "two")), "change-basis")]
        numbers = [str(step.number) for step in steps_of(derive(parse_layer(dedent(layer), "two")), "solve")]
        assert f"Put that in for x[i] (step {numbers[1]}) and u[i] (step {numbers[0]})." in found

    def test_an_assertion_of_the_author_is_said_to_be_one(self) -> None:
        found = [said(step.reason) for step in steps_of(derivation_of("perceptron"), "fact")]
        assert "The layer asserts it." in found
        assert "The layer asserts it." not in [said(s.reason) for s in steps_of(derivation_of("softmax"), "fact")]
