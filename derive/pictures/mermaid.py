"""A picture for Mermaid, as GitHub renders it in Markdown: a Picture in, a flowchart in its language out."""

from __future__ import annotations

from derive.pictures.nodes import Node, Part, Picture

# What stands around a label: a stadium for what is given, a box, a box with double sides.
_SHAPES: dict[Part, tuple[str, str]] = {
    "input": ("([", "])"),
    "constant": ("([", "])"),
    "intermediate": ("[", "]"),
    "output": ("[[", "]]"),
}
# What could end a label, begin an entity or markup, or be read as Markdown.
_ENTITIES = {char: f"#{ord(char)};" for char in '"#&<>`*_\\;|'}


def mermaid_picture(picture: Picture, cotangents: bool = True) -> str:
    """The picture as a flowchart. With `cotangents` an edge against which a gradient flows has heads at both ends.

    An edge of its own would make a cycle, and Mermaid would no longer put what comes first on top.
    """
    # Names of the layer could be words of Mermaid, such as `end`.
    ids = {node.name: f"n{number}" for number, node in enumerate(picture.nodes)}
    back = {(c.end, c.start): c.label.text for c in picture.cotangents if cotangents}
    rows = ["flowchart TD", f"  accTitle: {_escaped(picture.title)}"]
    rows += [_node(node, ids[node.name]) for node in picture.nodes]
    for edge in picture.edges:
        label = back.get((edge.start, edge.end))
        arrow = "-->" if label is None else f"<-->|{_quoted(f'↑ {label}')}|"
        rows.append(f"  {ids[edge.start]} {arrow} {ids[edge.end]}")
    constants = [ids[node.name] for node in picture.nodes if node.role == "constant"]
    if constants:
        rows += ["  classDef constant stroke-dasharray:5 3", f"  class {','.join(constants)} constant"]
    return "\n".join(rows) + "\n"


def _node(node: Node, name: str) -> str:
    before, behind = _SHAPES[node.role]
    label = f"{_quoted(node.equation)[:-1]}<br/>{_quoted(node.shape_text)[1:]}"
    return f"  {name}{before}{label}{behind}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(char, char) for char in text)
