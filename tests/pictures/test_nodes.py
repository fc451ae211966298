"""What is in a picture: quantities, uses, and the contributions of the backward pass."""

from __future__ import annotations

import pytest
from pictured import SHIPPED, derivation_of, odd_names, picture_of_layer

from derive.errors import UsageError
from derive.graph import names_in
from derive.pictures.nodes import picture_of
from derive.pipeline import derive
from derive.structure import carries


def test_batch_norm() -> None:
    picture = picture_of_layer("batch_norm")

    assert picture.title == "Batch norm: the computation graph"
    assert [(node.name, node.role, node.shape_text, node.cotangent) for node in picture.nodes] == [
        ("x", "input", "N × D", "dx"),
        ("gamma", "input", "D", "dgamma"),
        ("beta", "input", "D", "dbeta"),
        ("eps", "constant", "scalar", None),
        ("mu", "intermediate", "D", "dmu"),
        ("var", "intermediate", "D", "dvar"),
        ("xhat", "intermediate", "N × D", "dxhat"),
        ("y", "output", "N × D", "dy"),
    ]
    assert [(edge.start, edge.end) for edge in picture.edges] == [
        ("x", "mu"), ("x", "var"), ("x", "xhat"), ("gamma", "y"), ("beta", "y"), ("eps", "xhat"), ("mu", "var"),
        ("mu", "xhat"), ("var", "xhat"), ("xhat", "y"),
    ]  # fmt: skip
    assert [(flow.source, flow.target, flow.label.text) for flow in picture.cotangents] == [
        ("dy", "dgamma", "∂L/∂γ"),
        ("dy", "dbeta", "∂L/∂β"),
        ("dy", "dxhat", "∂L/∂x̂"),
        ("dxhat", "dx", "∂L/∂x(via x̂)"),
        ("dxhat", "dmu", "∂L/∂μ(via x̂)"),
        ("dxhat", "dvar", "∂L/∂σ²"),
        ("dvar", "dx", "∂L/∂x(via σ²)"),
        ("dvar", "dmu", "∂L/∂μ(via σ²)"),
        ("dmu", "dx", "∂L/∂x(via μ)"),
    ]


def test_a_node_has_its_equation_as_text_and_as_latex() -> None:
    node = picture_of_layer("batch_norm").by_name["xhat"]

    assert node.equation == "x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε)"
    assert node.label.latex == r"\hat{x}_{ij}"
    assert node.gradient is not None
    assert node.gradient.latex == r"\partial L/\partial \hat{x}_{ij}"
    assert picture_of_layer("batch_norm").by_name["eps"].equation == "ε"


def test_the_notation_is_that_of_the_gradients() -> None:
    picture = picture_of(derivation_of("batch_norm"), "d")
    assert [flow.label.text for flow in picture.cotangents][:4] == ["dγ", "dβ", "dx̂", "dx(via x̂)"]
    with pytest.raises(UsageError, match="unknown notation 'newton'"):
        picture_of(derivation_of("gelu"), "newton")  # type: ignore[arg-type]


def test_at_order_two_the_gradients_are_nodes() -> None:
    picture = picture_of_layer("batch_norm", 2)

    assert picture.title == "Batch norm: the computation graph of the gradients of order 1"
    assert [node.name for node in picture.nodes if node.role == "output"] == ["dgamma", "dbeta", "dx"]
    assert picture.by_name["dy"].role == "input"
    assert picture.by_name["dy"].cotangent == "d2dy"
    assert ("d2dx", "d2var") in {(flow.source, flow.target) for flow in picture.cotangents}


def test_an_output_that_is_used_gets_its_gradient_in_two_ways() -> None:
    labels = {(flow.source, flow.target): flow.label.text for flow in picture_of_layer("lstm_cell").cotangents}
    assert labels["dh", "dc_total"] == "∂L/∂c(via h)"


def test_what_leads_nowhere_is_shown_without_a_gradient() -> None:
    picture = picture_of_layer("perceptron")

    assert picture.by_name["p"].cotangent is None
    assert ("e", "p") in {(edge.start, edge.end) for edge in picture.edges}
    assert all("p" not in (flow.start, flow.end) for flow in picture.cotangents)
    assert "unused" in picture_of(odd_names()).by_name


def test_no_gradient_flows_through_a_condition() -> None:
    """The gradient of relu says where x is positive, which no small change of x can alter."""
    picture = picture_of_layer("relu", 2)

    assert [(edge.start, edge.end) for edge in picture.edges] == [("dy", "dx"), ("x", "dx")]
    assert [(flow.start, flow.end) for flow in picture.cotangents] == [("dx", "dy")]


def test_forward_mode_has_no_cotangents() -> None:
    picture = picture_of(derive("batch_norm", mode="forward"))

    assert picture.cotangents == ()
    assert len(picture.edges) == 10
    assert all(node.cotangent is None for node in picture.nodes)


@pytest.mark.parametrize(("layer", "order"), SHIPPED)
def test_gradients_flow_where_a_change_would(layer: str, order: int) -> None:
    """Edges and cotangents, found by another way: an edge has one where its equation depends on its start smoothly."""
    graph = derivation_of(layer, order).forward
    picture = picture_of_layer(layer, order)
    uses = {(name, e.name) for e in graph.equations for name in names_in(e.expression)}
    gradient = {node.name for node in picture.nodes if node.cotangent}
    flows = {
        (end, start)
        for start, end in uses
        if {start, end} <= gradient and carries(graph.equation_of[end].expression, start)
    }

    assert sorted((edge.start, edge.end) for edge in picture.edges) == sorted(uses)
    assert sorted((flow.start, flow.end) for flow in picture.cotangents) == sorted(flows)
