"""SVG: well formed, self-contained, and everything can be found in it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from pictured import derivation_of, drawn, odd_names, picture_of_layer

from derive.pictures.nodes import Picture, picture_of
from derive.pictures.svg import svg_picture

SVG = "{http://www.w3.org/2000/svg}"
LAYERS = ["batch_norm", "attention", "perceptron", "lstm_cell", "softmax_cross_entropy"]


def parsed(picture: Picture, cotangents: bool = True, prefix: str = "") -> ET.Element:
    return ET.fromstring(svg_picture(picture, cotangents, prefix))


def group(root: ET.Element, kind: str) -> ET.Element:
    (found,) = [element for element in root.iter(f"{SVG}g") if element.get("class") == kind]
    return found


def seen(element: ET.Element) -> str:
    """The text that is drawn, without tooltips."""
    return "".join("".join(text.itertext()) for text in element.iter(f"{SVG}text"))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_node_and_edge_can_be_found(layer: str) -> None:
    picture = picture_of_layer(layer)
    root = parsed(picture)
    nodes = {(g.get("data-name"), g.get("class"), g.get("data-cotangent")) for g in group(root, "nodes")}
    edges = [(g.get("data-from"), g.get("data-to")) for g in group(root, "forward")]
    flows = [(g.get("data-from"), g.get("data-to"), g.get("data-target")) for g in group(root, "backward")]

    assert nodes == {(node.name, f"node {node.role}", node.cotangent) for node in picture.nodes}
    assert edges == [(edge.start, edge.end) for edge in picture.edges]
    assert flows == [(flow.start, flow.end, flow.target) for flow in picture.cotangents]


def test_odd_names_are_escaped() -> None:
    root = parsed(picture_of(odd_names()))

    assert root.findtext(f"{SVG}title") == 'A <b> & "c" \\d %e: the computation graph'
    assert "end[h, id] < 1" in str(root.findtext(f"{SVG}desc"))
    names = [g.get("data-name") for g in group(root, "nodes")]
    assert names == ["end", "гамма", "W_out", "unused", "side", "y"]


def test_what_is_shown_is_said_in_words() -> None:
    root = parsed(picture_of_layer("batch_norm"), prefix="bn-")

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "bn-title bn-desc"
    assert [root.find(f"{SVG}{tag}").get("id") for tag in ("title", "desc")] == ["bn-title", "bn-desc"]  # type: ignore[union-attr]
    assert "x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε)" in str(root.findtext(f"{SVG}desc"))


def test_two_prefixes_share_no_id() -> None:
    one, other = (
        {e.get("id") for e in parsed(picture_of_layer("gelu"), prefix=prefix).iter() if e.get("id")}
        for prefix in ("a-", "b-")
    )
    assert len(one) == 4
    assert not one & other
    used = set(re.findall(r"url\(#([^)]*)\)", svg_picture(picture_of_layer("batch_norm"), prefix="a-")))
    assert used == {"a-arrow", "a-back"}


def test_a_prefix_is_escaped() -> None:
    assert parsed(picture_of_layer("batch_norm"), prefix='"a<&').find(f"{SVG}title").get("id") == '"a<&title'  # type: ignore[union-attr]


def test_what_flows_back_is_hidden_but_there() -> None:
    shown, hidden = parsed(picture_of_layer("batch_norm")), parsed(picture_of_layer("batch_norm"), cotangents=False)

    assert (shown.get("class"), hidden.get("class")) == ("derive-picture with-cotangents", "derive-picture")
    assert group(shown, "backward").get("display") is None
    assert group(hidden, "backward").get("display") == "none"
    assert len(group(hidden, "backward")) == 9
    assert shown.get("viewBox") == hidden.get("viewBox")


def test_formulas_are_set_with_moved_runs() -> None:
    (sigma,) = [g for g in group(parsed(picture_of_layer("batch_norm")), "nodes") if g.get("data-name") == "var"]
    spans = list(next(sigma.iter(f"{SVG}text")).iter(f"{SVG}tspan"))

    assert seen(sigma) == "σj2 = 1/N · Σi (xij − μj)2D"
    assert [(span.text, span.get("dy")) for span in spans[:4]] == [
        ("σ", None), ("j", "4.2"), ("2", "-9.9"), (" = 1/", "5.7")
    ]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_every_line_of_text_ends_where_it_began(layer: str) -> None:
    """A shift that is not taken back would move the rest of the line."""
    for text in parsed(picture_of_layer(layer)).iter(f"{SVG}text"):
        below = 0.0
        for span in text.iter(f"{SVG}tspan"):
            below += float(span.get("dy") or 0)
            if span.get("class") != "root" and not span.get("style"):
                assert below == pytest.approx(0.0, abs=1e-9)


def test_roles_differ_in_shape_or_line() -> None:
    text = svg_picture(picture_of_layer("batch_norm"))
    nodes = {g.get("data-name"): g for g in group(ET.fromstring(text), "nodes")}
    corners = {name: nodes[name].find(f"{SVG}rect").get("rx") for name in ("x", "eps", "mu", "y")}  # type: ignore[union-attr]
    rims = {name: len(nodes[name].findall(f"{SVG}rect")) for name in ("x", "eps", "mu", "y")}

    assert corners == {"x": "24", "eps": "24", "mu": "4", "y": "4"}
    assert rims == {"x": 1, "eps": 1, "mu": 1, "y": 2}
    assert ".constant .box { fill: var(--fixed); stroke-dasharray" in text


def test_it_needs_nothing_from_elsewhere_and_knows_dark() -> None:
    text = svg_picture(picture_of_layer("attention"))

    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"https?://[^\s\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text
    assert "@import" not in text


def test_the_view_holds_everything() -> None:
    picture = picture_of_layer("batch_norm", 2)
    root, drawing = parsed(picture), drawn(picture)
    left, top, width, height = map(float, str(root.get("viewBox")).split())

    assert (str(width).removesuffix(".0"), str(height).removesuffix(".0")) == (root.get("width"), root.get("height"))
    assert left < drawing.left
    assert top < 0
    assert left + width > drawing.right
    assert top + height > drawing.height


def test_a_long_equation_gives_way_to_its_symbol() -> None:
    (side,) = [g for g in group(parsed(picture_of_layer("lstm_cell", 2)), "nodes") if g.get("data-name") == "dx"]
    assert len(list(side.iter(f"{SVG}text"))) <= 4
    assert " = " in str(side.findtext(f"{SVG}title"))


def test_the_same_derivation_gives_the_same_bytes() -> None:
    first = svg_picture(picture_of(derivation_of("lstm_cell")))
    assert svg_picture(picture_of(derivation_of("lstm_cell"))) == first
