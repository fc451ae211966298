"""Derivations in forward mode: what they find and say, that they are true, and that planted errors are seen."""

from dataclasses import replace

import pytest
from plain_derivations import BATCH_NORM, SCORES, staged, with_result, with_step
from random_layers import random_layer
from samples import text_of

from derive.codegen.numpy import module_text
from derive.derivation import Derivation, Prose
from derive.differentiate import vjp
from derive.draw import draw_sample, draw_samples
from derive.errors import LayerError, UsageError
from derive.oracles import COMPLEX_STEP, Truth
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.grammar import equation_text, expression_text
from derive.printing.outline import given_of, remarks_on, sections_of
from derive.report import Report
from derive.structure import check_paths
from derive.tangents import jvp
from derive.verifier import equation_error, verify
from derive.workshop import compile_layer, verify_layer


def forward(text: str, form: str = "mean", wrt: list[str] | None = None) -> Derivation:
    return derive(parse_layer(text), form, wrt, mode="forward")


def results(text: str, form: str = "mean") -> list[str]:
    return [equation_text(line) for line in forward(text, form).results]


def said(prose: Prose) -> str:
    return "".join(part if isinstance(part, str) else expression_text(part) for part in prose)


@pytest.fixture(scope="module")
def chain() -> Derivation:
    return staged(BATCH_NORM, mode="forward")


@pytest.fixture(scope="module")
def found() -> Derivation:
    return forward(BATCH_NORM)


class TestClosedForms:
    def test_softmax(self) -> None:
        assert results(text_of("softmax")) == [
            "p_dot[n, c] = p[n, c]*(x_dot[n, c] - sum(p[n, k]*x_dot[n, k] for k in C))"
        ]

    def test_layer_norm(self) -> None:
        [line] = results(text_of("layer_norm"))
        assert line == (
            "y_dot[i, j] = gamma_dot[j]*xhat[i, j] + beta_dot[j] + gamma[j]/sqrt(var[i] + eps)"
            "*(x_dot[i, j] - mean(x_dot[i, k] for k in D) - xhat[i, j]*mean(x_dot[i, k]*xhat[i, k] for k in D))"
        )

    def test_staged(self) -> None:
        assert [line.partition(" = ")[0] for line in results(BATCH_NORM, "staged")] == [
            "mu_dot[j]",
            "var_dot[j]",
            "xhat_dot[i, j]",
            "y_dot[i, j]",
        ]

    def test_only_what_moves(self) -> None:
        [line] = forward(BATCH_NORM, wrt=["beta"]).results
        assert equation_text(line) == "y_dot[i, j] = beta_dot[j]"

    def test_the_graph_is_one_of_tangents(self, found: Derivation) -> None:
        assert found.mode == "forward"
        assert found.backward.sweeps == ("forward",)
        assert found.backward.outputs == ("y_dot",)
        assert staged(BATCH_NORM).mode == "reverse"

    def test_twice(self) -> None:
        again = derive(parse_layer("x: [N]\ny[i] = x[i]**3"), order=2, mode="forward")
        assert [equation_text(line) for line in again.results] == [
            "y_dot_dot2[i] = x[i]*(3*x[i]*x_dot_dot2[i] + 6*x_dot2[i]*x_dot[i])"
        ]

    def test_an_unknown_mode(self) -> None:
        with pytest.raises(UsageError, match="no mode 'sideways'; choose from reverse, forward"):
            derive("batch_norm", mode="sideways")

    def test_there_are_no_functions_for_tangents(self, found: Derivation) -> None:
        with pytest.raises(UsageError, match="not for tangents"):
            module_text(found)
        assert compile_layer("batch_norm").backward


class TestWords:
    def test_sections_and_reasons(self, found: Derivation) -> None:
        headings = [said(section.heading) for section in sections_of(found, "full")]
        assert headings == ["Forward pass", *(f"Tangent of {v}" for v in ("mu[j]", "var[j]", "xhat[i, j]", "y[i, j]"))]
        reasons = " ".join(said(step.reason) for step in found.steps)
        assert "xhat[i, j] changes with x[i, j], mu[j] and var[j]." in reasons
        assert "The tangent of mu[j], times the local derivative." in reasons
        assert "The inputs x[i, j], gamma[j] and beta[j] move; given are their tangents x_dot[i, j]," in reasons
        assert "var[j] depends on x[i, j] and mu[j];" in reasons
        assert "loss" not in reasons

    def test_what_is_given(self, found: Derivation) -> None:
        assert [said(given.note) for given in given_of(found)][4:] == [
            "tangent of x[i, j]",
            "tangent of gamma[j]",
            "tangent of beta[j]",
        ]
        assert [said(remark) for remark in remarks_on(found, "full")] == [
            "x_dot[i, j] is the tangent of x[i, j], how fast it moves; it is given.",
            "mu_dot_via_x[j] is the part of the tangent that comes from x[i, j].",
        ]

    def test_what_does_not_move(self) -> None:
        still = forward("x: [N]\nc: constant[N]\ny[i] = x[i]\nu[i] = c[i]**2")
        reasons = " ".join(said(step.reason) for step in still.steps)
        assert "Nothing that u[i] depends on moves: its tangent is 0." in reasons
        assert equation_text(still.results[-1]) == "u_dot[i] = 0"
        assert verify(still).failures == ()

    def test_one_input(self) -> None:
        reasons = [said(step.reason) for step in forward("x: [N]\ny[i] = x[i]**2").steps]
        assert "The input x[i] moves; given is its tangent x_dot[i], how fast it moves." in " ".join(reasons)


def quick(derivation: Derivation) -> Report:
    """The verdict on a few of the samples only: ordinary data, one batch of 1, and var like eps."""
    few = draw_samples(derivation.forward)
    return verify(derivation, samples=[few[0], few[6], few[5]] if len(few) > 6 else few)


def failed_lines(report: Report) -> set[str]:
    return {row.line.split("[")[0].split(" =")[0] for row in report.failures if row.oracle == "50 digits"}


class TestTruth:
    @pytest.mark.parametrize("wrt", [None, ["x"], ["gamma", "x"]])
    def test_batch_norm(self, wrt: list[str] | None) -> None:
        report = verify_layer("batch_norm", wrt=wrt, mode="forward")
        assert report.failures == ()
        assert {row.oracle for row in report.rows if row.line == "var_dot"} >= {
            "complex step",
            "central differences",
            "exact scalar diff",
        }
        assert report.text().startswith("batch_norm, mean form, forward mode: all ")
        assert report.to_json()["mode"] == "forward"

    @pytest.mark.parametrize("name", ["softmax", "attention", "ties", "guarded", "lstm", "contrastive"])
    def test_a_sample_layer(self, name: str) -> None:
        assert quick(forward(text_of(name))).failures == ()

    @pytest.mark.parametrize("seed", range(400, 410))
    def test_a_random_layer(self, seed: int) -> None:
        for form in ("staged", "mean", "reuse"):
            derivation = forward(random_layer(seed), form)
            graph = derivation.forward
            try:
                sample = draw_sample(graph, dict(zip(graph.extents, (2, 3, 1, 4), strict=False)), "ordinary")
            except LayerError:
                pytest.skip("the layer has no value on these data")
            truth = Truth(derivation, sample, COMPLEX_STEP)
            assert all(equation_error(line, truth) <= COMPLEX_STEP.bound for line in derivation.results)

    def test_values_far_below_the_step_of_a_difference(self) -> None:
        """A softmax of numbers around -175: the sum of its exponentials, by which it divides, is 1e-75."""
        derivation = forward(random_layer(508), "reuse")
        samples = draw_samples(derivation.forward)[:2]
        assert samples[1].regime == "large offset"
        assert verify(derivation, samples=samples).failures == ()

    @pytest.mark.parametrize("form", ["staged", "mean"])
    def test_over_gradients(self, form: str) -> None:
        """Forward over reverse, and reverse over forward, of a layer of two equations."""
        graph = parse_layer("x: [N]\nm = mean(x[i] for i in N)\ny[i] = (x[i] - m)**3")
        for derivation in (derive(vjp(graph), form, mode="forward"), derive(jvp(graph), form)):
            assert quick(derivation).failures == ()


WRONG_LINES = {
    "sign": "xhat_dot_via_mu[i, j] = mu_dot[j]/sqrt(var[j] + eps)",
    "1/N": "var_dot_via_x[j] = sum(2*x_dot[i, j]*(x[i, j] - mu[j]) for i in N)",
    "exponent": "xhat_dot_via_var[i, j] = -var_dot[j]*(x[i, j] - mu[j])*(var[j] + eps)**(-1/2)/2",
    "eps dropped": "xhat_dot_via_x[i, j] = x_dot[i, j]/sqrt(var[j])",
    "of another quantity": "y_dot_via_xhat[i, j] = gamma[j]*x_dot[i, j]",
    "the value for the tangent": "y_dot_via_beta[i, j] = beta[j]",
    "local derivative": "y_wrt_gamma[i, j] = x[i, j]",
}


class TestPlantedErrors:
    def test_the_chain_rule_passes(self, chain: Derivation) -> None:
        assert verify(chain).failures == ()

    @pytest.mark.parametrize("text", WRONG_LINES.values(), ids=WRONG_LINES)
    def test_a_wrong_line_is_blamed_alone(self, chain: Derivation, text: str) -> None:
        report = quick(with_step(chain, text))
        assert len(report.failures) == 1
        assert failed_lines(report) == {text.partition("[")[0]}

    def test_a_wrong_result_is_seen_by_every_oracle(self, found: Derivation) -> None:
        right, wrong = "x_dot[k, j]*(x[k, j] - mu[j])", "x_dot[k, j]*x[k, j]*xhat[k, j]"
        text = equation_text(found.results[-1]).replace(right, wrong)
        report = quick(with_result(found, text))
        oracles = {row.oracle for row in report.failures if row.line == "y_dot"}
        assert oracles == {"complex step", "central differences", "exact scalar diff"}
        assert "y_dot, computed from the inputs" in {row.line for row in report.failures}

    def test_a_transposed_index(self) -> None:
        chain = staged(SCORES, mode="forward")
        assert quick(chain).failures == ()
        report = quick(with_step(chain, "s_dot_via_a[i, j] = sum(a_dot[j, d]*b[i, d] for d in D)"))
        assert failed_lines(report) == {"s_dot_via_a"}

    def test_a_lost_path_that_no_number_shows(self, chain: Derivation) -> None:
        """sum(x - mu) = 0 hides the path from mu to var."""
        assert [check.fault for check in check_paths(chain)] == [""] * 4
        assert {check.cotangent: check.paths for check in check_paths(chain)} == {
            "mu_dot": ("x",),
            "var_dot": ("x", "mu"),
            "xhat_dot": ("x", "mu", "var"),
            "y_dot": ("gamma", "beta", "xhat"),
        }
        lost = with_step(chain, "var_dot[j] = var_dot_via_x[j]", display=True)
        report = quick(lost)
        assert [row.note for row in report.failures] == ["the sum of the contributions leaves out mu"]

    def test_a_contribution_that_no_step_states(self, chain: Derivation) -> None:
        steps = tuple(s for s in chain.steps if getattr(s.equation, "name", "") != "var_dot_via_mu")
        faults = [check.fault for check in check_paths(replace(chain, steps=steps)) if check.fault]
        assert faults == ["no step states the contribution through mu"]

    def test_in_a_derivation_that_explains_itself(self, found: Derivation) -> None:
        steps = tuple(s for s in found.steps if getattr(s.equation, "name", "") != "var_dot_via_mu")
        assert len(steps) == len(found.steps) - 1
        assert {check.fault for check in check_paths(found)} == {""}
        assert any(check.fault for check in check_paths(replace(found, steps=steps)))

    def test_what_does_not_move_is_no_path(self) -> None:
        checks = check_paths(staged(BATCH_NORM, ["gamma"], "forward"))
        assert [(check.cotangent, check.paths, check.fault) for check in checks] == [("y_dot", ("gamma",), "")]
