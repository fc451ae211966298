"""The closed forms, from nothing but the equations: as text, and as values through the verifier."""

import re

import pytest
from samples import LAYERS, text_of

from derive.derivation import Derivation
from derive.draw import draw_samples
from derive.generated import generated_checks
from derive.parser import parse_layer
from derive.pipeline import derive, load
from derive.printing.grammar import equation_text, expression_text
from derive.verifier import verify

BATCH_NORM = {
    "mean": "dx[i, j] = gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[k, j] for k in N)"
    " - xhat[i, j]*mean(dy[k, j]*xhat[k, j] for k in N))",
    "sum": "dx[i, j] = gamma[j]/(N*sqrt(var[j] + eps))*(N*dy[i, j] - sum(dy[k, j] for k in N)"
    " - xhat[i, j]*sum(dy[k, j]*xhat[k, j] for k in N))",
    "reuse": "dx[i, j] = gamma[j]/(N*sqrt(var[j] + eps))*(N*dy[i, j] - dgamma[j]*xhat[i, j] - dbeta[j])",
}


def results(derivation: Derivation) -> dict[str, str]:
    return {line.name: equation_text(line) for line in derivation.results}


def closed(name: str, form: str = "mean") -> dict[str, str]:
    return results(derive(parse_layer(text_of(name), name), form))


class TestBatchNorm:
    @pytest.mark.parametrize("form", BATCH_NORM)
    def test_the_three_forms(self, form: str) -> None:
        assert results(derive("batch_norm", form)) == {
            "dx": BATCH_NORM[form],
            "dgamma": "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)",
            "dbeta": "dbeta[j] = sum(dy[i, j] for i in N)",
        }

    def test_mean_is_the_default(self) -> None:
        assert derive("batch_norm") == derive("batch_norm", "mean")

    def test_staged_is_the_chain_rule_of_the_notes(self) -> None:
        assert list(results(derive("batch_norm", "staged")).values()) == [
            "dxhat[i, j] = gamma[j]*dy[i, j]",
            "dvar[j] = -1/2*sum(dxhat[i, j]*(x[i, j] - mu[j]) for i in N)/(var[j] + eps)**(3/2)",
            "dmu[j] = -2*dvar[j]*mean(x[i, j] - mu[j] for i in N) - sum(dxhat[i, j] for i in N)/sqrt(var[j] + eps)",
            "dx[i, j] = 2*dvar[j]*(x[i, j] - mu[j])/N + dxhat[i, j]/sqrt(var[j] + eps) + dmu[j]/N",
            "dgamma[j] = sum(dy[i, j]*xhat[i, j] for i in N)",
            "dbeta[j] = sum(dy[i, j] for i in N)",
        ]

    def test_wrt_only_x_needs_nothing_else(self) -> None:
        assert results(derive("batch_norm", wrt=["x"])) == {"dx": BATCH_NORM["mean"]}

    @pytest.mark.parametrize("form", BATCH_NORM)
    @pytest.mark.parametrize(
        ("layer", "names"),
        [
            ("transposed", {"z": "x", "g": "gamma", "o": "beta", "n": "xhat", "s2": "var", "e": "eps", "out1": "y"}),
            ("renamed_shuffled", {"inp": "x", "scale": "gamma", "shift": "beta", "normed": "xhat", "out_": "y"}),
            ("split", {}),
            ("split_inverse", {}),
            ("unicode", {"γ": "gamma", "β": "beta", "ε": "eps", "x̂": "xhat", "σ2": "var"}),
        ],
    )
    def test_however_the_layer_is_written(self, form: str, layer: str, names: dict[str, str]) -> None:
        """Up to the names: the same sums in the same places; 1/std or istd is the author's own for the root."""
        text = closed(layer, form)["d" + next((k for k, v in names.items() if v == "x"), "x")]
        for own, usual in names.items():
            text = re.sub(rf"\b(d?){own}\[", rf"\1{usual}[", text)
        sums = re.findall(r"(?:mean|sum)\(", text)
        assert len(sums) == (0 if form == "reuse" else 2)
        assert text.count("dgamma[") + text.count("dbeta[") == (2 if form == "reuse" else 0)
        factors = set(re.findall(r"\b(\w+)\[", text))
        assert factors <= {"dx", "gamma", "dy", "xhat", "var", "std", "inv", "istd", "dgamma", "dbeta"}
        assert text.count("xhat[") == {"reuse": 1}.get(form, 2)

    def test_without_xhat_the_centered_difference_stands_for_it(self) -> None:
        assert closed("without_xhat")["dx"] == (
            "dx[i, j] = gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - mean(dy[k, j] for k in N)"
            " - (x[i, j] - mu[j])*mean(dy[k, j]*(x[k, j] - mu[j]) for k in N)/(var[j] + eps))"
        )

    def test_nothing_is_uncentered(self) -> None:
        """A sum of dy*x with a product of means taken off would cancel: it must not come out for any spelling."""
        for layer in ("without_xhat", "one_line", "split", "batch_norm_unbiased", "weights_inline"):
            for form in ("mean", "sum", "reuse"):
                assert not re.search(r"(sum|mean)\(d\w+\[\w, \w\]\*x\[\w, \w\] for", closed(layer, form)["dx"])


class TestOtherLayers:
    @pytest.mark.parametrize(
        ("layer", "line"),
        [
            (
                "length_inline",
                ("dx[i, j] = (dy[i, j] - y[i, j]*sum(dy[i, k]*y[i, k] for k in D))"
                "/sqrt(sum(x[i, k]**2 for k in D) + eps)"),
            ),
            ("softmax_inline", "dx[n, c] = p[n, c]*(dp[n, c] - sum(dp[n, k]*p[n, k] for k in C))"),
            ("softmax_inline_max", "dx[n, c] = p[n, c]*(dp[n, c] - sum(dp[n, l]*p[n, l] for l in C))"),
            ("log_of_p", "dx[n, c] = dL*(p[n, c] - t[n, c])/N"),
            (
                "two_batch_norms",
                "dx[i, j] = gamma[j]/sqrt(var[j] + eps)*(dy[i, j] - xhat[i, j]*mean(dy[k, j]*xhat[k, j] for k in N))",
            ),
        ],
    )
    def test_a_result(self, layer: str, line: str) -> None:
        found = closed(layer)
        assert found[line.partition("[")[0]] == line

    def test_an_asserted_fact_is_used_and_only_when_asserted(self) -> None:
        text = LAYERS["log_of_p"]
        without = text.replace("assert sum(t[n, c] for c in C) == 1\n", "")
        assert without != text
        line = results(derive(parse_layer(without)))["dx"]
        assert line == "dx[n, c] = dL/N*(p[n, c]*sum(t[n, k] for k in C) - t[n, c])"

    def test_forms_that_coincide_print_the_same(self) -> None:
        assert closed("softmax", "mean") == closed("softmax", "sum") == closed("softmax", "reuse")

    def test_where_nothing_collapses_it_is_said(self) -> None:
        derivation = derive(parse_layer(LAYERS["gelu_one_line"]))
        assert derivation.form == "staged"
        assert "no-collapse" in [step.rule for step in derivation.steps]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_line_and_function_is_right(layer: str) -> None:
    """Values: each displayed line and each result, against the oracles."""
    graph = parse_layer(LAYERS[layer], layer)
    derivation = derive(graph, "reuse")
    samples = [sample for sample in draw_samples(graph) if sample.regime == "ordinary"]
    report = verify(derivation, generated_checks(derivation, derivation), samples=samples)
    assert report.failures == ()
    assert len(report.rows) > 10


def test_every_name_of_a_result_is_given_or_a_result() -> None:
    for name, text in LAYERS.items():
        derivation = derive(parse_layer(text, name), "reuse")
        known = {quantity.name for quantity in derivation.backward.inputs} | derivation.forward.equation_of.keys()
        for line in derivation.results:
            used = set(re.findall(r"[^\W\d]\w*(?=\[)", expression_text(line.expression)))
            assert used <= known, f"{name}: {equation_text(line)}"
            known.add(line.name)


def test_the_outputs_are_the_gradients_in_input_order() -> None:
    assert derive("batch_norm", "reuse").backward.outputs == ("dx", "dgamma", "dbeta")
    assert derive("batch_norm", wrt=["beta", "x"]).backward.outputs == ("dbeta", "dx")
    assert load("batch_norm").differentiable == ("x", "gamma", "beta")
