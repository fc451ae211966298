"""Mermaid: a flowchart whose labels cannot end early, and whose ids are no words of the language."""

from __future__ import annotations

import re

import pytest
from pictured import odd_names, picture_of_layer

from derive.pictures.mermaid import mermaid_picture
from derive.pictures.nodes import picture_of

LINE = re.compile(
    r'flowchart TD|  accTitle: [^";]+(?:#\d+;[^";]*)*|  n\d+(?:\[\[|\[|\(\[)"[^"]+"(?:\]\]|\]|\]\))'
    r'|  n\d+ (?:-->|<-->\|"[^"]+"\|) n\d+|  classDef constant [\w: -]+|  class [n\d,]+ constant'
)


def test_batch_norm() -> None:
    text = mermaid_picture(picture_of_layer("batch_norm"))

    assert '  n6["x̂ᵢⱼ = (xᵢⱼ - μⱼ)/√(σⱼ² + ε)<br/>N × D"]\n' in text
    assert '  n0(["xᵢⱼ<br/>N × D"])\n' in text
    assert '  n7[["yᵢⱼ = γⱼ · x̂ᵢⱼ + βⱼ<br/>N × D"]]\n' in text
    assert '  n4 <-->|"↑ ∂L/∂μ(via σ²)"| n5\n' in text
    assert "  n3 --> n6\n" in text
    assert text.endswith("  class n3 constant\n")


def test_without_cotangents() -> None:
    text = mermaid_picture(picture_of_layer("batch_norm"), cotangents=False)
    assert text.count(" --> ") == 10
    assert "∂" not in text


@pytest.mark.parametrize("layer", ["batch_norm", "lstm_cell", "perceptron", "gelu_tanh"])
def test_every_line_is_of_a_known_form(layer: str) -> None:
    for line in mermaid_picture(picture_of_layer(layer)).splitlines():
        assert LINE.fullmatch(line), line


def test_odd_names_are_escaped() -> None:
    text = mermaid_picture(picture_of(odd_names()))
    for line in text.splitlines():
        assert LINE.fullmatch(line), line
    assert "accTitle: A #60;b#62; #38; #34;c#34; #92;d %e: the computation graph" in text
    assert "class#95; × N₁" in text
    assert not re.search(r"\bend\b(?!\[)(?!\")", text)
