"""Planted errors, each seen by the verifier, and blamed on the line that has it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from plain_derivations import (
    BATCH_NORM,
    LAYER_NORM,
    SCORES,
    closed,
    staged,
    with_fact,
    with_result,
    with_step,
)
from sympy import Integer
from time_limits import within

from derive import verifier
from derive.derivation import Derivation, Step
from derive.draw import draw_sample, draw_samples
from derive.errors import LayerError
from derive.graph import Equation, reference
from derive.oracles import Truth, gradients_of
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.report import Report
from derive.verifier import Check, cotangent_equations, verify

RESULTS = """
inv[j] = 1/sqrt(var[j] + eps)
dbeta[j] = sum(dy[i, j] for i in N)
dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)
dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - dbeta[j] - xhat[i, j]*dgamma[j])
"""
LINES = """
mu[j] = mean(x[i, j] for i in N)
assert sum(x[i, j] - mu[j] for i in N) == 0
assert sum(xhat[i, j]**2 for i in N) == N*var[j]/(var[j] + eps)
x[i, j] = mu[j] + xhat[i, j]*sqrt(var[j] + eps)
dmu[j] = -gamma[j]*inv[j]*dbeta[j]
dvar[j] = -gamma[j]*inv[j]**2*dgamma[j]/2
dx[i, j] = gamma[j]*inv[j]*(dy[i, j] - mean(dy[k, j] for k in N) - xhat[i, j]*mean(dy[k, j]*xhat[k, j] for k in N))
assert sum(dx[i, j] for i in N) == 0
"""
LAYER_NORM_RESULTS = """
dgamma[f] = sum(dy[r, f]*z[r, f] for r in R)
dx[r, f] = (gamma[f]*dy[r, f] - mean(gamma[k]*dy[r, k] for k in F) \
- z[r, f]*mean(gamma[k]*dy[r, k]*z[r, k] for k in F))/sqrt(var[r] + eps)
"""
SCORES_RESULTS = """
ds[i, j] = dL*(3*s[i, j]**2 + delta(i, j))
da[i, d] = sum(ds[i, j]*b[j, d] for j in N)
db[j, d] = sum(ds[i, j]*a[i, d] for i in N)
"""


@pytest.fixture(scope="module")
def chain() -> Derivation:
    return staged(BATCH_NORM)


@pytest.fixture(scope="module")
def short() -> Derivation:
    return closed(BATCH_NORM, RESULTS, LINES)


def quick(derivation: Derivation) -> Report:
    """The verdict on a few of the samples only: ordinary data, one batch of 1, and var like eps."""
    few = draw_samples(derivation.forward)
    return verify(derivation, samples=[few[0], few[6], few[5]] if len(few) > 6 else few)


def failed_lines(report: Report) -> set[str]:
    """The left sides of the displayed lines that failed."""
    return {row.line.split("[")[0].split(" =")[0] for row in report.failures if row.oracle == "50 digits"}


def failed_rows(report: Report) -> set[tuple[str, str]]:
    return {(row.line, row.oracle) for row in report.failures}


@pytest.mark.parametrize("text", [BATCH_NORM, LAYER_NORM, SCORES], ids=["batch norm", "layer norm", "scores"])
def test_the_chain_rule_passes(text: str) -> None:
    report = verify(staged(text))
    assert report.failures == ()
    assert report.passed


@pytest.mark.parametrize(
    ("layer", "results", "lines"),
    [(BATCH_NORM, RESULTS, LINES), (LAYER_NORM, LAYER_NORM_RESULTS, ""), (SCORES, SCORES_RESULTS, "")],
    ids=["batch norm", "layer norm", "scores"],
)
def test_closed_forms_pass(layer: str, results: str, lines: str) -> None:
    report = verify(closed(layer, results, lines))
    assert report.failures == ()


def test_a_whole_report_takes_little_time(chain: Derivation) -> None:
    gradients_of.cache_clear()
    with within(5):
        verify(chain)


def test_every_cotangent_meets_every_oracle(chain: Derivation) -> None:
    met = {(row.line, row.oracle) for row in verify(chain).rows}
    for name in ["dxhat", "dvar", "dmu", "dx", "dgamma", "dbeta"]:
        for oracle in ["complex step", "central differences", "exact scalar diff"]:
            assert (name, oracle) in met


def test_a_cotangent_that_only_a_step_states_meets_the_oracles_too(short: Derivation) -> None:
    names = [equation.name for equation in cotangent_equations(short)]
    assert names == ["dmu", "dvar", "dx", "dbeta", "dgamma"]


# Lines that no other line and no result takes its truth from: exactly they must fail.
WRONG_LINES = {
    "exponent": "xhat_wrt_var[i, j] = -(x[i, j] - mu[j])*(var[j] + eps)**(-1/2)/2",
    "exponent without its sign": "xhat_wrt_var[i, j] = -(x[i, j] - mu[j])*(var[j] + eps)**(3/2)/2",
    "coefficient": "xhat_wrt_var[i, j] = -(x[i, j] - mu[j])*(var[j] + eps)**(-3/2)/3",
    "eps dropped": "dvar_via_xhat[j] = sum(-(x[i, j] - mu[j])*dxhat[i, j]*var[j]**(-3/2)/2 for i in N)",
    "eps dropped from one root": "xhat_wrt_x[i, j] = 1/sqrt(var[j])",
    "sign": "dvar_via_xhat[j] = sum((x[i, j] - mu[j])*dxhat[i, j]*(var[j] + eps)**(-3/2)/2 for i in N)",
    "1/N lost": "var_wrt_x[i, j] = 2*(x[i, j] - mu[j])",
    "1/N lost on a path": "dx_via_mu[i, j] = dmu[j]",
    "* for /": "xhat_wrt_mu[i, j] = -sqrt(var[j] + eps)",
    "* for / on a path": "dx_via_xhat[i, j] = dxhat[i, j]*sqrt(var[j] + eps)",
    "scaled by 2": "dx_via_var[i, j] = 4*(x[i, j] - mu[j])*dvar[j]/N",
    "mean for sum": "dbeta_via_y[j] = mean(dy[i, j] for i in N)",
    "x for xhat": "dgamma_via_y[j] = sum(dy[i, j]*x[i, j] for i in N)",
    "of another quantity": "dmu_via_xhat[j] = sum(-dy[i, j]/sqrt(var[j] + eps) for i in N)",
    "in the forward pass": "var[j] = sum((x[i, j] - mu[j])**2 for i in N)/(N + 1)",
}


@pytest.mark.parametrize("text", WRONG_LINES.values(), ids=WRONG_LINES.keys())
def test_a_wrong_line_is_blamed_alone(chain: Derivation, text: str) -> None:
    name = text.partition("[")[0]
    report = quick(with_step(chain, text))
    assert not report.passed
    assert len(report.failures) == 1
    (row,) = report.failures
    assert failed_lines(report) == {name}
    assert row.worst > 1e-6
    assert row.data in report.data


# Results: the line, each oracle on that cotangent, and what is computed from it.
WRONG_RESULTS = {
    "sign": ("dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - dbeta[j] + xhat[i, j]*dgamma[j])", {"dx"}),
    "1/N": ("dx[i, j] = gamma[j]*inv[j]*(N*dy[i, j] - dbeta[j] - xhat[i, j]*dgamma[j])", {"dx"}),
    "dropped term": ("dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - xhat[i, j]*dgamma[j])", {"dx"}),
    "lost path": ("dx[i, j] = gamma[j]*inv[j]*dy[i, j]", {"dx"}),
    "x for xhat": ("dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - dbeta[j] - x[i, j]*dgamma[j])", {"dx"}),
    "swapped": ("dx[i, j] = gamma[j]*inv[j]/N*(N*dy[i, j] - dgamma[j] - xhat[i, j]*dbeta[j])", {"dx"}),
    "gamma lost": ("dx[i, j] = inv[j]/N*(N*dy[i, j] - dbeta[j] - xhat[i, j]*dgamma[j])", {"dx"}),
    "mean for sum": ("dgamma[j] = mean(dy[i, j]*xhat[i, j] for i in N)", {"dgamma", "dx"}),
    "scaled by 2": ("dbeta[j] = 2*sum(dy[i, j] for i in N)", {"dbeta", "dx"}),
    "* for /": ("dgamma[j] = sum(dy[i, j]/xhat[i, j] for i in N)", {"dgamma", "dx"}),
    "wrong index": (
        "dx[i, j] = gamma[j]*inv[j]*(dy[i, j] - dbeta[j]/N - xhat[i, j]*mean(dy[k, j]*xhat[i, j] for k in N))",
        {"dx"},
    ),
}


@pytest.mark.parametrize(("text", "reached"), WRONG_RESULTS.values(), ids=WRONG_RESULTS.keys())
def test_a_wrong_result_is_seen_by_every_oracle(short: Derivation, text: str, reached: set[str]) -> None:
    name = text.partition("[")[0]
    report = quick(with_result(short, text))
    oracles = {oracle for line, oracle in failed_rows(report) if line == name}
    assert oracles == {"complex step", "central differences", "exact scalar diff"}
    assert failed_lines(report) == {name}
    from_inputs = {line.split(",")[0] for line, _ in failed_rows(report) if line.endswith("from the inputs")}
    assert from_inputs == reached


def test_a_wrong_helper_is_seen_where_it_is_used(short: Derivation) -> None:
    report = quick(with_result(short, "inv[j] = 1/sqrt(var[j] + 2*eps)"))
    # A helper is what its equation says; what is false is what is claimed with it.
    assert failed_lines(report) == {"dx", "dmu", "dvar"}
    assert ("dx", "exact scalar diff") in failed_rows(report)


def test_gamma_pulled_out_of_its_own_sum() -> None:
    wrong = """dx[r, f] = gamma[f]*(dy[r, f] - mean(dy[r, k] for k in F) \
- z[r, f]*mean(dy[r, k]*z[r, k] for k in F))/sqrt(var[r] + eps)"""
    report = quick(with_result(closed(LAYER_NORM, LAYER_NORM_RESULTS), wrong))
    assert failed_lines(report) == {"dx"}


@pytest.mark.parametrize(
    "text",
    ["da[i, d] = sum(ds[j, i]*b[j, d] for j in N)", "ds[i, j] = 3*dL*s[j, i]**2 + dL*delta(i, j)"],
    ids=["a path", "a cotangent"],
)
def test_a_transposed_index(text: str) -> None:
    report = quick(with_result(closed(SCORES, SCORES_RESULTS), text))
    assert failed_lines(report) == {text.partition("[")[0]}


def test_a_lost_diagonal() -> None:
    report = quick(with_result(closed(SCORES, SCORES_RESULTS), "ds[i, j] = 3*dL*s[i, j]**2"))
    assert failed_lines(report) == {"ds"}


@pytest.mark.parametrize(
    "text",
    [
        "assert sum(x[i, j] - mu[j] for i in N) == 1",
        "assert sum(xhat[i, j]**2 for i in N) == N",
        "assert sum(dy[i, j] for i in N) == 0",
        "assert mean(x[i, j]**2 for i in N) == var[j] + mu[j]",
        "assert dgamma[j] > dbeta[j]",
        "assert var[j] < 0",
    ],
)
def test_a_wrong_fact_is_seen(short: Derivation, text: str) -> None:
    report = quick(with_fact(short, text))
    (row,) = report.failures
    assert row.step == 9
    assert row.line.startswith("assert")


def test_true_relations_pass(short: Derivation) -> None:
    for text in ["assert var[j] >= 0", "assert var[j] + eps > 0", "assert gamma[j] != 0"]:
        assert quick(with_fact(short, text)).passed


def test_what_is_displayed_in_place_of_a_line_is_checked_too(chain: Derivation) -> None:
    report = quick(with_step(chain, "dvar_via_xhat[j] = sum(2*dxhat[i, j]*xhat_wrt_var[i, j] for i in N)", True))
    assert failed_lines(report) == {"dvar_via_xhat"}


def test_the_lost_path_that_no_number_shows(chain: Derivation) -> None:
    lost = with_step(chain, "dmu[j] = sum(-dxhat[i, j]/sqrt(var[j] + eps) for i in N)")
    lost = with_step(lost, "dmu[j] = dmu_via_xhat[j]", display=True)
    report = quick(lost)
    assert failed_lines(report) == set()
    assert failed_rows(report) == {("dmu takes every path: var, xhat", "uses in the graph")}
    (row,) = report.failures
    assert row.note == "the sum of the contributions leaves out var"


def test_the_extents_1_are_needed_and_used(short: Derivation) -> None:
    # True unless N is 1, where dx is 0.
    report = quick(with_fact(short, "assert sum(dx[i, j]**2 for i in N) > 0"))
    (row,) = report.failures
    assert row.data.startswith("N=1")


def test_a_line_about_nothing_fails_and_says_so(short: Derivation) -> None:
    equation = Equation("nothing", (), reference("dx_total"))
    report = quick(replace(short, steps=(*short.steps, Step(99, "x", (), equation))))
    (row,) = report.failures
    assert row.step == 99
    assert row.note == "it cannot be evaluated: the derivation mentions 'nothing' and does not say what it is"
    assert row.worst == math.inf


def test_a_left_side_without_its_indices_fails(short: Derivation) -> None:
    equation = Equation("eps", short.forward.by_name["gamma"].indices, reference("eps"))
    report = quick(replace(short, steps=(*short.steps, Step(99, "x", (), equation))))
    (row,) = report.failures
    assert "other indices" in row.note


def test_a_result_that_uses_what_is_not_computed_before_it_fails(short: Derivation) -> None:
    dx, rest = short.backward.equations[-1], short.backward.equations[:-1]
    shuffled = replace(short.backward, equations=(*rest[:4], dx, *rest[4:]))
    report = quick(replace(short, backward=shuffled))
    assert {line for line, _ in failed_rows(report)} == {
        f"{name}, computed from the inputs" for name in ["dbeta", "dgamma", "dx"]
    }


def test_a_further_check_is_a_row(short: Derivation) -> None:
    seen = []

    def worst(truth: Truth) -> float:
        seen.append(truth.sample.description)
        return 0.5 if "N=1" in truth.sample.description else float(abs(truth.value("dx")[1, 1]) * 0)

    report = verify(short, [Check("backward", "NumPy, float64", 1e-9, worst)])
    (row,) = report.failures
    assert (row.line, row.oracle, row.worst) == ("backward", "NumPy, float64", 0.5)
    assert row.data.startswith("N=1")
    assert len(seen) == len(report.data)


def test_a_check_that_gives_nan_fails(short: Derivation) -> None:
    report = verify(short, [Check("backward", "NumPy, float64", 1e-9, lambda truth: math.nan)])
    assert [row.line for row in report.failures] == ["backward"]


def test_lines_are_written_by_whom_the_caller_names(short: Derivation) -> None:
    report = verify(short, write=lambda line: type(line).__name__)
    assert {row.line for row in report.rows if row.oracle == "50 digits"} == {"Equation", "Fact"}


def test_a_layer_whose_facts_cannot_be_drawn_is_an_error() -> None:
    impossible = staged("x: [N]\nassert x > 0\nassert sum(x[i] for i in N) == -1\nL = sum(x[i]**2 for i in N)")
    with pytest.raises(LayerError, match="cannot be drawn"):
        verify(impossible)


def test_an_output_that_is_used_as_well() -> None:
    text = "x: [N]\nc[i] = tanh(x[i])\nL = sum(c[i]**2 for i in N)\nc: output"
    derivation = staged(text)
    assert verify(derivation).failures == ()
    report = quick(with_result(derivation, "dc_total[i] = 2*dL*c[i]"))
    assert failed_lines(report) == {"dc_total"}


def test_the_report_is_the_same_each_time(short: Derivation) -> None:
    assert quick(short).to_json(measured=True) == quick(short).to_json(measured=True)


def test_another_seed_gives_other_data_and_the_same_verdict(short: Derivation) -> None:
    first, second = (verify(short, samples=draw_samples(short.forward, seed)[:3]) for seed in ("one", "another"))
    assert first.to_json() == second.to_json()
    assert [row.worst for row in first.rows] != [row.worst for row in second.rows]


def test_zero_for_a_gradient_is_caught_although_some_gradients_are_zero(short: Derivation) -> None:
    nothing = replace(short.backward.equation_of["dx"], expression=Integer(0))
    equations = (*short.backward.equations[:-1], nothing)
    report = quick(replace(short, backward=replace(short.backward, equations=equations)))
    assert ("dx", "exact scalar diff") in failed_rows(report)


def test_the_exact_oracle_is_asked_where_all_data_are_ordinary(short: Derivation) -> None:
    samples = draw_samples(short.forward)
    ordinary = [sample for sample in samples if sample.regime == "ordinary"]
    assert 0 < len(ordinary) < len(samples)
    report = verify(short, samples=ordinary)
    assert report.passed
    assert "exact scalar diff" in {row.oracle for row in report.rows}


@pytest.mark.parametrize(("longest", "sets"), [(10, 0), (50, 2), (1000, 4)])
def test_what_is_too_long_written_out_is_not_computed_exactly(
    short: Derivation, longest: int, sets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "_MOST_WRITTEN_OUT", longest)
    report = verify(short)
    exact = [row for row in report.rows if row.oracle == "exact scalar diff"]
    assert bool(exact) == bool(sets)
    assert {row.data for row in exact if not row.worst} == ({f"{sets} sets of data"} if sets else set())
    assert report.passed
    assert report.warnings == (() if sets else (verifier._NOT_EXACTLY,))


def test_a_deep_layer_is_long_written_out() -> None:
    """By three times a stage, where three elements go into each mean: nothing that is written out is computed."""
    stages = [f"m{k}[j] = mean(a{k}[i, j] for i in N)\na{k + 1}[i, j] = tanh(a{k}[i, j] - m{k}[j])" for k in range(60)]
    graph = parse_layer("\n".join(["a0: [N, D]", *stages]), "deep")
    derivation = derive(graph, "staged")
    sample = draw_sample(graph, {"N": 3, "D": 2}, "ordinary")
    with within(2):
        assert verifier._written_out(derivation, sample) > 3**60
