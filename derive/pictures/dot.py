"""A picture for Graphviz: a Picture in, a digraph in its language out."""

from __future__ import annotations

from derive.pictures.nodes import Cotangent, Edge, Node, Part, Picture

_STYLES: dict[Part, str] = {
    "input": 'style="rounded"',
    "constant": 'style="rounded,dashed"',
    "intermediate": 'style="solid"',
    "output": 'style="solid", peripheries=2',
}
_BACK = 'constraint=false, style=dashed, color="#b3261e", fontcolor="#b3261e", fontsize=9'


def dot_picture(picture: Picture, cotangents: bool = True) -> str:
    """The picture as a digraph, with what flows back if `cotangents` is set."""
    rows = [
        f"digraph {_quoted(picture.title)} {{",
        f'  graph [rankdir=TB, label={_quoted(picture.title)}, labelloc=t, fontname="serif"];',
        '  node [shape=box, fontname="serif", fontsize=12];',
        '  edge [fontname="serif", arrowsize=0.7];',
        *(_node(node) for node in picture.nodes),
        *(_edge(edge) for edge in picture.edges),
        *(_cotangent(cotangent) for cotangent in picture.cotangents if cotangents),
        "}",
    ]
    return "\n".join(rows) + "\n"


def _node(node: Node) -> str:
    # The line break is one of Graphviz, behind what is quoted.
    label = f'{_quoted(node.equation)[:-1]}\\n{_quoted(node.shape_text)[1:]}'
    return f"  {_quoted(node.name)} [label={label}, {_STYLES[node.role]}];"


def _edge(edge: Edge) -> str:
    return f"  {_quoted(edge.start)} -> {_quoted(edge.end)};"


def _cotangent(cotangent: Cotangent) -> str:
    ends = f"{_quoted(cotangent.start)} -> {_quoted(cotangent.end)}"
    return f"  {ends} [label={_quoted(cotangent.label.text)}, {_BACK}];"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
