"""What a picture shows in words, for those who do not see it: a Picture in, sentences out."""

from __future__ import annotations

from collections.abc import Sequence

from derive.pictures.nodes import Node, Picture


def describe(picture: Picture) -> str:
    """What is given, a sentence for each equation in an order in which they can be computed, and where gradients go."""
    sentences = [
        _listed("Given", [node for node in picture.nodes if node.role == "input"]),
        _listed("Constant", [node for node in picture.nodes if node.role == "constant"]),
        *(f"{_kind(node)}{node.equation}, {_sized(node)}." for node in picture.nodes if node.definition),
        _backwards(picture),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _listed(what: str, nodes: Sequence[Node]) -> str:
    if not nodes:
        return ""
    return f"{what}: {', '.join(f'{node.label.text} ({_shape(node)})' for node in nodes)}."


def _kind(node: Node) -> str:
    return "Output: " if node.role == "output" else ""


def _shape(node: Node) -> str:
    return node.shape.text if node.shape else "a scalar"


def _sized(node: Node) -> str:
    return f"of shape {node.shape.text}" if node.shape else "a scalar"


def _backwards(picture: Picture) -> str:
    """From where to where gradients flow, by their sources."""
    ends: dict[str, list[str]] = {}
    for cotangent in picture.cotangents:
        ends.setdefault(cotangent.start, []).append(cotangent.end)
    symbols = {node.name: node.label.text for node in picture.nodes}
    flows = [f"from {symbols[start]} to {joined([symbols[end] for end in found])}" for start, found in ends.items()]
    return f"Gradients flow back {'; '.join(flows)}." if flows else ""


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence: a, b and c."""
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])
