"""Graphviz: a digraph that has every node and edge, and survives any name."""

from __future__ import annotations

import re

from pictured import odd_names, picture_of_layer

from derive.pictures.dot import dot_picture
from derive.pictures.nodes import picture_of

EDGE = re.compile(r'^  "(\w+)" -> "(\w+)"( \[.*constraint=false.*\])?;$', re.MULTILINE)


def test_batch_norm() -> None:
    picture = picture_of_layer("batch_norm")
    text = dot_picture(picture)
    found = EDGE.findall(text)

    assert '  "xhat" [label="x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε)\\nN × D", style="solid"];' in text
    assert [(a, b) for a, b, back in found if not back] == [(edge.start, edge.end) for edge in picture.edges]
    assert [(a, b) for a, b, back in found if back] == [(flow.start, flow.end) for flow in picture.cotangents]
    assert text.count("{") == text.count("}") == 1


def test_without_cotangents() -> None:
    assert "constraint=false" not in dot_picture(picture_of_layer("batch_norm"), cotangents=False)


def test_roles_differ_in_shape_or_line() -> None:
    text = dot_picture(picture_of_layer("batch_norm"))
    styles = dict(re.findall(r'^  "(x|eps|mu|y)" \[label="[^"]*", (.*)\];$', text, re.MULTILINE))
    assert len(set(styles.values())) == 4


def test_quotes_and_backslashes_are_escaped() -> None:
    assert dot_picture(picture_of(odd_names())).startswith(
        'digraph "A <b> & \\"c\\" \\\\d %e: the computation graph" {\n'
    )
