"""What must come out of the layers that ship, found and not typed in: as text, and by the steps."""

import re
from functools import cache

import pytest

from derive.derivation import Derivation, Form, Step
from derive.graph import names_in
from derive.pipeline import derive, load
from derive.printing.data import prose_text
from derive.printing.grammar import equation_text


@cache
def derived(layer: str, form: Form = "mean") -> Derivation:
    return derive(layer, form)


def results(layer: str, form: Form = "mean") -> dict[str, str]:
    return {line.name: equation_text(line).partition(" = ")[2] for line in derived(layer, form).results}


def reductions(text: str) -> int:
    return len(re.findall(r"\b(?:sum|mean|max|prod)\(", text))


def names(text: str) -> set[str]:
    return set(re.findall(r"\b([^\W\d]\w*)\[", text))


def step_of(layer: str, line: str) -> Step:
    """The step whose line it is."""
    [found] = [s for s in derived(layer).steps if s.equation is not None and equation_text(s.equation) == line]
    return found


class TestNormalizations:
    @pytest.mark.parametrize(
        ("layer", "dx"),
        [
            ("batch_norm_inference", "gamma[j]*dy[i, j]/sqrt(var[j] + eps)"),
            (
                "batch_norm_unbiased",
                (
                    "gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[k, j] for k in N)"
                    " - xhat[i, j]*sum(dy[k, j]*xhat[k, j] for k in N)/(N - 1))"
                ),
            ),
            (
                "batch_norm_masked",
                (
                    "gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - w[i]/total*(sum(dy[k, j] for k in N)"
                    " + xhat[i, j]*sum(dy[k, j]*xhat[k, j] for k in N)))"
                ),
            ),
            (
                "layer_norm",
                (
                    "(gamma[j]*dy[i, j] - mean(gamma[k]*dy[i, k] for k in D)"
                    " - xhat[i, j]*mean(gamma[k]*dy[i, k]*xhat[i, k] for k in D))/sqrt(var[i] + eps)"
                ),
            ),
            ("rms_norm", "(gamma[j]*dy[i, j] - xhat[i, j]*mean(gamma[k]*dy[i, k]*xhat[i, k] for k in D))/rms[i]"),
            ("l2_normalize", "(dy[i, j] - y[i, j]*sum(dy[i, k]*y[i, k] for k in D))/norm[i]"),
        ],
    )
    def test_a_collapsed_gradient(self, layer: str, dx: str) -> None:
        assert results(layer)["dx"] == dx

    @pytest.mark.parametrize(
        ("layer", "used"),
        [
            ("batch_norm_2d", {"gamma", "var", "dy", "xhat"}),
            ("instance_norm", {"gamma", "var", "dy", "xhat"}),
            ("sync_batch_norm", {"gamma", "var", "dy", "xhat", "w"}),
            pytest.param(
                "group_norm",
                {"gamma", "var", "dy", "xhat"},
                marks=pytest.mark.xfail(reason="dmu is kept: that is taken to be cheaper than one more product"),
            ),
        ],
    )
    def test_two_reductions_and_nothing_else_of_the_largest_size(self, layer: str, used: set[str]) -> None:
        dx = results(layer)["dx"]
        assert reductions(dx) == 2
        assert names(dx) == used

    def test_gamma_stands_outside_the_sums_exactly_where_they_do_not_run_over_it(self) -> None:
        for layer, inside in [("batch_norm_2d", False), ("instance_norm", False), ("layer_norm", True)]:
            sums = re.findall(r"\b(?:sum|mean)\((.*?) for", results(layer)["dx"])
            assert [("gamma" in text) for text in sums] == [inside, inside]

    def test_in_terms_of_the_other_gradients(self) -> None:
        assert results("batch_norm_unbiased", "reuse")["dx"].count("dgamma[j]") == 1
        assert reductions(results("batch_norm_masked", "reuse")["dx"]) == 0

    def test_the_paper_of_weight_normalization(self) -> None:
        """Its equation (3): dg = dw·v/|v|, dv = g/|v| dw - g dg/|v|² v."""
        assert results("weight_norm", "reuse") == {
            "dg": "sum(dw[j, k]*vhat[j, k] for k in K)",
            "dv": "g[j]*(dw[j, k] - dg[j]*vhat[j, k])/norm[j]",
        }

    def test_the_angle_alone_matters(self) -> None:
        assert results("cosine_similarity") == {
            "du": "ds[i]*(vhat[i, j] - s[i]*uhat[i, j])/unorm[i]",
            "dv": "ds[i]*(uhat[i, j] - s[i]*vhat[i, j])/vnorm[i]",
        }


class TestWorkers:
    def test_only_sums_of_a_worker_travel(self) -> None:
        """The statistics are made of quantities with the worker's index and none of a row's."""
        graph = load("sync_batch_norm")
        for statistic in ("mu", "var", "total"):
            used = names_in(graph.equation_of[statistic].expression)
            assert used != []
            assert all("N" not in graph.by_name[name].extents for name in used)


class TestSoftmax:
    def test_its_gradient(self) -> None:
        assert results("softmax") == {"dx": "p[n, c]*(dp[n, c] - sum(dp[n, k]*p[n, k] for k in C))"}

    def test_its_logarithm(self) -> None:
        assert results("log_softmax") == {"dx": "dy[n, c] - e[n, c]*sum(dy[n, k] for k in C)/s[n]"}

    def test_cross_entropy_with_and_without_the_fact(self) -> None:
        """(p - t)/N, and without Σ t = 1 (p Σ t - t)/N, where p = e/s."""
        assert results("softmax_cross_entropy") == {"dx": "dL*(e[n, c]/s[n] - t[n, c])/N"}
        assert results("softmax_cross_entropy_soft") == {"dx": "dL/N*(e[n, c]*sum(t[n, k] for k in C)/s[n] - t[n, c])"}

    @pytest.mark.parametrize(
        ("layer", "line"),
        [
            ("softmax", "dm[n] = 0"),
            ("log_softmax", "dm[n] = 0"),
            ("softmax_cross_entropy", "dm[n] = 0"),
            ("softmax_cross_entropy_soft", "dm[n] = 0"),
            ("perceptron", "dm[n] = 0"),
            ("attention", "dm[i] = 0"),
        ],
    )
    def test_the_maximum_drops_out_by_a_step(self, layer: str, line: str) -> None:
        step = step_of(layer, line)
        before = derived(layer).steps[step.number - 2]
        assert before.rule == "fact"
        assert "max" not in " ".join(results(layer).values())


class TestAttention:
    def test_a_sum_over_features_stands_for_the_sum_over_keys(self) -> None:
        """dS = P (dP - rowsum(dO O)): nothing of size queries times keys is reduced a second time."""
        assert results("attention") == {
            "dS": "P[i, j]*(sum(V[j, v]*dO[i, v] for v in E) - sum(O[i, v]*dO[i, v] for v in E))",
            "dQ": "sum(K[j, d]*dS[i, j] for j in M)/sqrt(D)",
            "dK": "sum(Q[i, d]*dS[i, j] for i in N)/sqrt(D)",
            "dV": "sum(P[i, j]*dO[i, v] for i in N)",
        }


class TestChains:
    def test_the_bias_before_a_batch_norm_has_no_gradient_by_a_step(self) -> None:
        assert results("linear_batch_norm")["db"] == "0"
        fact = step_of("linear_batch_norm", "assert sum(dz[i, j] for i in N) == 0")
        assert prose_text(fact.reason) == "So it comes out for the closed form of dz[i, j]."
        after = derived("linear_batch_norm").steps[fact.number]
        assert (after.boxed, equation_text(after.equation)) == (True, "db[j] = 0")

    def test_linear_batch_norm_keeps_the_cotangent_between(self) -> None:
        found = results("linear_batch_norm")
        assert found["dz"] == (
            "gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[l, j] for l in N)"
            " - zhat[i, j]*mean(dy[l, j]*zhat[l, j] for l in N))"
        )
        assert found["dx"] == "sum(W[k, j]*dz[i, j] for j in D)"
        assert found["dW"] == "sum(dz[i, j]*x[i, k] for i in N)"

    def test_layer_norm_linear_keeps_the_cotangent_between(self) -> None:
        found = results("layer_norm_linear")
        assert found["dz"] == "sum(W[j, k]*dy[i, k] for k in K)"
        assert found["dx"] == (
            "(gamma[j]*dz[i, j] - mean(gamma[l]*dz[i, l] for l in D)"
            " - xhat[i, j]*mean(gamma[l]*dz[i, l]*xhat[i, l] for l in D))/sqrt(var[i] + eps)"
        )

    def test_the_perceptron_is_the_back_propagation_of_the_books(self) -> None:
        assert results("perceptron") == {
            "dz": "dL*(e[n, c]/s[n] - t[n, c])/N",
            "da": "where(a[n, h] > 0, 1, 0)*sum(W2[h, c]*dz[n, c] for c in C)",
            "dx": "sum(W1[k, h]*da[n, h] for h in H)",
            "dW1": "sum(da[n, h]*x[n, k] for n in N)",
            "db1": "sum(da[n, h] for n in N)",
            "dW2": "sum(dz[n, c]*r[n, h] for n in N)",
            "db2": "sum(dz[n, c] for n in N)",
        }

    def test_the_gates_keep_their_cotangents(self) -> None:
        found = results("lstm_cell")
        for gate in "ifg":
            assert found[f"dW_{gate}"] == f"sum(da_{gate}[n, j]*x[n, k] for n in N)"
            assert found[f"dU_{gate}"] == f"sum(da_{gate}[n, j]*h0[n, l] for n in N)"
            assert found[f"db_{gate}"] == f"sum(da_{gate}[n, j] for n in N)"

    def test_an_output_that_is_used_again_gets_both_gradients(self) -> None:
        graph = load("lstm_cell")
        assert graph.outputs == ("c", "h")
        assert {"dc", "dh"} <= {quantity.name for quantity in derived("lstm_cell").backward.inputs}
        assert results("lstm_cell")["dc0"] == "f[n, j]*(dh[n, j]*o[n, j]*(1 - tanh(c[n, j])**2) + dc[n, j])"


class TestElementwise:
    @pytest.mark.parametrize(
        ("layer", "dx"),
        [
            ("relu", "dy[i, j]*where(x[i, j] > 0, 1, 0)"),
            ("silu", "dy[i, j]*s[i, j]*(x[i, j]*(1 - s[i, j]) + 1)"),
            ("gelu", "dy[i, j]*(u[i, j]*exp(-u[i, j]**2)/sqrt(pi) + Phi[i, j])"),
            ("mean_squared_error", "2*dL*(x[i, j] - t[i, j])/(D*N)"),
            ("sigmoid_binary_cross_entropy", "dL*(sigmoid(x[i, j]) - t[i, j])/(D*N)"),
        ],
    )
    def test_a_gradient(self, layer: str, dx: str) -> None:
        assert results(layer) == {"dx": dx}


@pytest.mark.parametrize(
    ("layer", "convention"),
    [
        ("relu", "At 0 the derivative of relu is taken as 0."),
        ("perceptron", "At 0 the derivative of relu is taken as 0."),
        ("perceptron", "Among ties the derivative of max is shared equally."),
        ("softmax", "Among ties the derivative of max is shared equally."),
        ("log_softmax", "Among ties the derivative of max is shared equally."),
        ("softmax_cross_entropy", "Among ties the derivative of max is shared equally."),
        ("attention", "Among ties the derivative of max is shared equally."),
    ],
)
def test_what_holds_at_a_kink_is_stated(layer: str, convention: str) -> None:
    assert any(convention in prose_text(step.reason) for step in derived(layer).steps if step.detail != "full")
