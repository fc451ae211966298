"""What a page says around the steps, at order 1 and above."""

from __future__ import annotations

import pytest
from samples import text_of

from derive.derivation import Derivation
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.printing.data import prose_text
from derive.printing.latex import latex_document
from derive.printing.markdown import markdown_text
from derive.printing.outline import given_of, heading_of, remarks_on, scalar_of, sections_of
from derive.printing.text import columns, show_text


@pytest.fixture(scope="module")
def second() -> Derivation:
    return derive("batch_norm", order=2)


def test_the_headings(second: Derivation) -> None:
    assert heading_of(derive("batch_norm")) == "Batch norm: the backward pass"
    assert heading_of(second) == "Batch norm: the gradients of order 2"
    headings = [prose_text(section.heading) for section in sections_of(second, "brief")]
    assert headings[:2] == ["Forward pass", "Found at order 1"]
    assert "Gradient of L2 with respect to x[i, j]" in headings
    assert "What is differentiated" in [prose_text(section.heading) for section in sections_of(second, "steps")]


def test_order_3_tells_the_lower_orders_apart() -> None:
    sections = sections_of(derive("batch_norm", order=3), "brief")
    # The last steps come back to gradients, to write them with the sums that are there already.
    headings = [prose_text(s.heading) for s in sections if s.steps[0].rule != "reuse"]
    assert headings[:3] == ["Forward pass", "Found at order 1", "Found at order 2"]
    assert len(headings) == len(set(headings))


def test_which_line_is_the_layer_s_and_which_was_found(second: Derivation) -> None:
    said = {s.equation.name: prose_text(s.reason) for s in second.steps if s.rule in ("forward", "lower-order")}
    assert said["mu"] == "The layer says so in line 11."
    assert said["dx"] == "Found at order 1: the gradient with respect to x[i, j]."


def test_what_is_given(second: Derivation) -> None:
    rows = {given.quantity.name: prose_text(given.note) for given in given_of(second)}
    assert rows == {
        "dy": "given at order 1: the gradient with respect to y[i, j]",
        "x": "input",
        "gamma": "input",
        "eps": "constant, by default 1e-5",
        "d2dx": "gradient of L2 with respect to dx[i, j]",
        "d2dgamma": "gradient of L2 with respect to dgamma[j], directly",
        "d2dbeta": "gradient of L2 with respect to dbeta[j], directly",
    }


def test_the_scalar_is_told_in_words_and_as_a_formula(second: Derivation) -> None:
    remarks = [prose_text(remark) for remark in remarks_on(second, "brief")]
    formula = "sum(d2dbeta[j]*dbeta[j] for j in D) + sum(d2dgamma[j]*dgamma[j] for j in D) + "
    formula += "sum(d2dx[i, j]*dx[i, j] for i in N for j in D)"
    words = "the gradients of order 1, each weighted with what is given for it"
    direct = "that does not come through the rest of the layer; it is given"
    assert remarks == [
        f"Order 2 differentiates the scalar {formula} called L2: {words}.",
        "dx[i, j] is the gradient of order 1 with respect to x[i, j].",
        "d2dx[i, j] is the derivative of L2 with respect to dx[i, j]; it is given.",
        f"d2dgamma[j] is the part of the derivative of L2 with respect to dgamma[j] {direct}.",
    ]


def test_the_chain_rule_speaks_of_the_right_scalar(second: Derivation) -> None:
    said = [prose_text(step.reason) for step in second.steps if step.rule == "chain-rule"]
    assert "gamma[j] reaches L2 along one path: through dx[i, j], for every i. Hence the sum over i." in said
    assert not [text for text in said if "loss" in text]


def test_the_scalar_keeps_away_from_the_layer_s_own_names() -> None:
    graph = parse_layer(text_of("softmax_cross_entropy_soft"), "softmax_cross_entropy_soft")
    assert scalar_of(derive(graph)) is None
    scalar = scalar_of(derive(graph, order=2))
    assert scalar is not None
    assert scalar.name == "S2"


@pytest.mark.parametrize(
    ("notation", "line"),
    [
        ("leibniz", "∂L₂/∂γⱼ = 1/(N · √(σⱼ² + ε)) · Σᵢ ∂L₂/∂dxᵢⱼ · "),
        ("d", "d₂γⱼ = 1/(N · √(σⱼ² + ε)) · Σᵢ d₂dxᵢⱼ · "),
        ("bar", "γ̄ⱼ = 1/(N · √(σⱼ² + ε)) · Σᵢ bar(dxᵢⱼ) · "),
    ],
)
def test_the_gradient_of_gamma_in_the_terminal(second: Derivation, notation: str, line: str) -> None:
    text = show_text(second, notation, "brief")
    assert f"▌ {line}(N · dyᵢⱼ - dγⱼ · x̂ᵢⱼ - dβⱼ)" in text
    assert max(map(columns, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("notation", "line"),
    [
        ("leibniz", r"\frac{\partial L_{2}}{\partial \gamma_{j}} = "),
        ("d", r"\mathrm{d}_{2}\gamma_{j} = "),
        ("bar", r"\overline{\gamma_{j}} = "),
    ],
)
def test_the_gradient_of_gamma_in_latex(second: Derivation, notation: str, line: str) -> None:
    given = {
        "leibniz": r"\frac{\partial L_{2}}{\partial\,\mathrm{d}x_{ij}}",
        "d": r"\mathrm{d}_{2}\mathrm{d}x_{ij}",
        "bar": r"\overline{\mathrm{d}x_{ij}}",
    }[notation]
    behind = r"\,\left(N\,\mathrm{d}y_{ij} - \mathrm{d}\gamma_{j}\,\hat{x}_{ij} - \mathrm{d}\beta_{j}\right)"
    for text in (latex_document(second, notation, "brief"), markdown_text(second, notation, "brief")):
        assert line in text
        assert given in text
        assert behind.replace(r"\,\left", r"\left") in text
