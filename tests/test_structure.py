"""Lost paths, which no number need show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plain_derivations import BATCH_NORM, LAYER_NORM, SCORES, closed, staged, with_step
from sympy import Expr, sign

from derive.derivation import Derivation
from derive.functions import where
from derive.graph import reference
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.structure import carries, check_paths, paths_of

USED_OUTPUT = "x: [N]\nc[i] = tanh(x[i])\nL = sum(c[i]**2 for i in N)\nc: output"


def faults(derivation: Derivation) -> dict[str, str]:
    return {found.cotangent: found.fault for found in check_paths(derivation) if found.fault}


@pytest.fixture(scope="module")
def chain() -> Derivation:
    return staged(BATCH_NORM)


@pytest.mark.parametrize("text", [BATCH_NORM, LAYER_NORM, SCORES, USED_OUTPUT])
def test_the_chain_rule_takes_every_path(text: str) -> None:
    assert faults(staged(text)) == {}
    assert len(check_paths(staged(text))) >= 2


def test_the_paths_of_batch_norm(chain: Derivation) -> None:
    found = {check.cotangent: set(check.paths) for check in check_paths(chain)}
    assert found == {
        "dxhat": {"y"},
        "dvar": {"xhat"},
        "dmu": {"xhat", "var"},
        "dx": {"xhat", "var", "mu"},
        "dgamma": {"y"},
        "dbeta": {"y"},
    }


def test_a_path_left_out_of_the_sum(chain: Derivation) -> None:
    lost = with_step(chain, "dx[i, j] = dx_via_xhat[i, j] + dx_via_mu[i, j]", display=True)
    assert faults(lost) == {"dx": "the sum of the contributions leaves out var"}


def test_a_sum_in_terms_of_local_derivatives(chain: Derivation) -> None:
    whole = "dmu[j] = sum(dxhat[i, j]*xhat_wrt_mu[i, j] for i in N) + dvar[j]*var_wrt_mu[j]"
    assert faults(with_step(chain, whole, display=True)) == {}
    lost = with_step(chain, "dmu[j] = sum(dxhat[i, j]*xhat_wrt_mu[i, j] for i in N)", display=True)
    assert faults(lost) == {"dmu": "the sum of the contributions leaves out var"}


def test_a_contribution_that_no_step_states(chain: Derivation) -> None:
    steps = tuple(s for s in chain.steps if getattr(s.equation, "name", "") != "dmu_via_var")
    without = replace(chain, steps=steps)
    assert faults(without) == {"dmu": "no step states the contribution through var"}


def test_contributions_that_no_step_adds_up(chain: Derivation) -> None:
    steps = tuple(replace(s, display=None) if getattr(s.equation, "name", "") == "dmu" else s for s in chain.steps)
    assert faults(replace(chain, steps=steps)) == {"dmu": "no step adds up the contributions"}


def test_a_contribution_through_what_does_not_use_it(chain: Derivation) -> None:
    foreign = replace(chain.by_name["dmu_via_var"], name="dmu_via_y", via="y")
    step = next(s for s in chain.steps if getattr(s.equation, "name", "") == "dmu_via_var")
    assert step.equation is not None
    more = replace(step, equation=replace(step.equation, name="dmu_via_y"))
    wrong = replace(chain, steps=(*chain.steps, more), quantities=(*chain.quantities, foreign))
    assert faults(wrong) == {"dmu": "a step states a contribution through y, which does not use it"}


def test_what_is_given_counts_as_a_path() -> None:
    lost = with_step(staged(USED_OUTPUT), "dc_total[i] = dc_via_L[i]", display=True)
    assert faults(lost) == {"dc_total": "the sum of the contributions leaves out the loss itself"}


def test_results_without_steps_are_not_asked_for_paths() -> None:
    assert check_paths(closed(SCORES, "ds[i, j] = 3*dL*s[i, j]**2 + dL*delta(i, j)")) == []


def test_the_paths_of_order_2_are_those_of_the_order_below() -> None:
    derivation = derive("batch_norm", order=2)
    found = {check.cotangent: set(check.paths) for check in check_paths(derivation)}
    assert faults(derivation) == {}
    assert found["d2dgamma_total"] == {"the loss itself", "dx"}
    assert found["d2gamma"] == {"dx"}
    assert "dx" not in found
    lost = [s for s in derivation.steps if getattr(s.equation, "name", "") != "d2xhat_via_dgamma"]
    assert faults(replace(derivation, steps=tuple(lost))) == {
        "d2xhat": "no step states the contribution through dgamma"
    }


def test_only_smooth_uses_are_paths() -> None:
    x, y = reference("x"), reference("y")
    carrying: list[Expr] = [x, x * y, where(y > 0, x, y), sign(y) * x]
    assert [carries(expression, "x") for expression in carrying] == [True] * 4
    silent: list[Expr] = [y, where(x > 0, y, y**2), sign(x) * y]
    assert [carries(expression, "x") for expression in silent] == [False] * 3


def test_the_paths_of_a_graph() -> None:
    inputs = "x: [N]\ny: [N]\nb: output\n"
    graph = parse_layer(inputs + "a[i] = sign(x[i])*y[i]\nb[i] = x[i]*y[i]\nx2[i] = x[i]**2\nc[i] = 2*b[i]")
    assert paths_of(graph, "x") == ["b", "x2"]
    assert paths_of(graph, "y") == ["a", "b"]
    assert paths_of(graph, "b") == [None, "c"]
