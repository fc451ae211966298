"""A picture as SVG: a Picture in, one self-contained `<svg>` element as a string out.

It can be a file, or stand in a page. A page can show or hide what flows back with the class `with-cotangents` on the
`<svg>`, find the parts by their `data-name`, `data-from` and `data-to`, and make links of the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from derive.pictures.drawing import BackwardArrow, Drawing, ForwardArrow, Size, place_all
from derive.pictures.layered import Box
from derive.pictures.marked import Line, break_marked, read_lines, width_of_line
from derive.pictures.nodes import SCALAR, Cotangent, Node, Picture
from derive.pictures.routes import Curve, decimal, path_text
from derive.pictures.words import describe

_FONT, _SMALL = 15.0, 11.0  # sizes of equations, and of shapes and labels
_LINE, _SHAPE = 20.0, 14.0  # heights of a line of an equation, and of the shape below it
_INDENT = 16.0  # of what continues an equation
_PADDING = (13.0, 7.0)
_WIDEST, _MOST_LINES = 19.0, 3  # of an equation in a box: its width in font sizes, and its lines
_MARGIN = 14.0

_STYLE = """\
.derive-picture { --paper: #ffffff; --ink: #1c2024; --soft: #5b636d; --line: #56606b; --given: #eef3fa;
  --fixed: #f3f3f1; --step: #ffffff; --result: #eef8f0; --back: #b3261e;
  font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", serif; }
@media (prefers-color-scheme: dark) { .derive-picture { --paper: #16191d; --ink: #e8eaed; --soft: #a3abb5;
  --line: #8d97a3; --given: #1e2a3a; --fixed: #262624; --step: #1f2328; --result: #1b2f21; --back: #ff8f85; } }
.derive-picture .paper { fill: var(--paper); }
.derive-picture text { fill: var(--ink); stroke: none; font-size: 15px; white-space: pre; }
.derive-picture .shape, .derive-picture .label { font-size: 11px; }
.derive-picture .shape { fill: var(--soft); text-anchor: middle; }
.derive-picture .slanted { font-style: italic; }
.derive-picture .root { font-family: "DejaVu Serif", "Times New Roman", serif; }
.derive-picture .box { stroke: var(--line); stroke-width: 1.2; }
.derive-picture .input .box { fill: var(--given); }
.derive-picture .constant .box { fill: var(--fixed); stroke-dasharray: 5 3; }
.derive-picture .intermediate .box { fill: var(--step); }
.derive-picture .output .box { fill: var(--result); }
.derive-picture .output .rim { fill: none; stroke: var(--line); stroke-width: 1.2; }
.derive-picture .arrow { fill: none; stroke: var(--line); stroke-width: 1.3; }
.derive-picture .head { fill: var(--line); }
.derive-picture .backward .arrow { stroke: var(--back); stroke-dasharray: 4 2.5; }
.derive-picture .back-head, .derive-picture .backward .label { fill: var(--back); }
.derive-picture .backward .label { text-anchor: middle; }
.derive-picture:not(.with-cotangents) .backward { display: none; }
.derive-picture.with-cotangents .backward { display: inline; }
"""


def svg_picture(
    picture: Picture, cotangents: bool = True, prefix: str = "", links: Mapping[str, str] | None = None
) -> str:
    """The picture as an SVG element; `cotangents` says whether what flows back is visible at first.

    Every id begins with `prefix`, so that several pictures can be in one page. `links` are addresses of nodes, by name.
    """
    links = links or {}
    drawing = place_all(picture, sizes_of(picture), label_sizes(picture))
    rows = [
        *_head(picture, drawing, cotangents, prefix, "group" if links else "img"),
        '<g class="forward">',
        *(_forward(arrow, prefix) for arrow in drawing.forward),
        "</g>",
        f'<g class="backward"{"" if cotangents else " display=" + _quoted("none")}>',
        *(_backward(arrow, prefix) for arrow in drawing.backward),
        "</g>",
        '<g class="nodes">',
        *(_node(n, drawing.boxes[n.name], lines_of(n), links.get(n.name, "")) for n in picture.nodes),
        "</g>",
        "</svg>",
    ]
    return "\n".join(rows) + "\n"


def lines_of(node: Node) -> tuple[Line, ...]:
    """The equation of a node in the lines that stand in its box; the symbol alone where it is given, or too long."""
    if node.definition is None:
        return read_lines(node.label.marked)
    lines = read_lines(break_marked(f"{node.label.marked} = {node.definition.marked}", _WIDEST))
    return lines if len(lines) <= _MOST_LINES else read_lines(node.label.marked)


def sizes_of(picture: Picture) -> dict[str, Size]:
    """The widths and heights of the boxes, by the names of the nodes."""
    return {node.name: _size(lines_of(node), _shape_of(node)) for node in picture.nodes}


def label_sizes(picture: Picture) -> dict[Cotangent, Size]:
    """The widths and heights of the labels of what flows back."""
    return {c: (width_of_line(read_lines(c.label.marked)[0]) * _SMALL, _SMALL + 2) for c in picture.cotangents}


def _size(lines: tuple[Line, ...], shape: Line) -> Size:
    widths = [width_of_line(line) * _FONT + _INDENT * (number > 0) for number, line in enumerate(lines)]
    widest = max(*widths, width_of_line(shape) * _SMALL)
    return widest + 2 * _PADDING[0], len(lines) * _LINE + _SHAPE + 2 * _PADDING[1]


def _shape_of(node: Node) -> Line:
    return read_lines(node.shape.marked if node.shape else SCALAR)[0]


def _head(picture: Picture, drawing: Drawing, cotangents: bool, prefix: str, role: str) -> Iterator[str]:
    # What is an image has no parts for those who hear it, so one with links is a group.
    width, height = drawing.right - drawing.left + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    box = " ".join(decimal(value) for value in (drawing.left - _MARGIN, -_MARGIN, width, height))
    title, desc, arrow, back = (_quoted(f"{prefix}{name}") for name in ("title", "desc", "arrow", "back"))
    kinds = _quoted("derive-picture" + (" with-cotangents" if cotangents else ""))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class={kinds} viewBox="{box}" width="{decimal(width)}" '
        f'height="{decimal(height)}" role="{role}" aria-labelledby="{title[1:-1]} {desc[1:-1]}">'
    )
    yield f"<title id={title}>{escape(picture.title)}</title>"
    yield f"<desc id={desc}>{escape(describe(picture))}</desc>"
    yield f"<style>\n{_STYLE}</style>"
    yield "<defs>"
    for name, kind in ((arrow, "head"), (back, "back-head")):
        yield (
            f'<marker id={name} viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto" markerUnits="userSpaceOnUse"><path class="{kind}" d="M0,0.8 L8,4 L0,7.2 Z"/></marker>'
        )
    yield "</defs>"
    yield (
        f'<rect class="paper" x="{decimal(drawing.left - _MARGIN)}" y="{decimal(-_MARGIN)}" '
        f'width="{decimal(width)}" height="{decimal(height)}"/>'
    )


def _forward(arrow: ForwardArrow, prefix: str) -> str:
    start, end = _quoted(arrow.edge.start), _quoted(arrow.edge.end)
    return (
        f'<g class="edge" data-from={start} data-to={end}>'
        f'<path class="arrow" d="{_path(arrow.curve)}" marker-end={_quoted(f"url(#{prefix}arrow)")}/></g>'
    )


def _backward(arrow: BackwardArrow, prefix: str) -> str:
    cotangent = arrow.cotangent
    label = ""
    if arrow.label is not None:
        x, y = arrow.label.x, arrow.label.y + 0.3 * _SMALL
        line = read_lines(cotangent.label.marked)[0]
        label = f'<text class="label" x="{decimal(x)}" y="{decimal(y)}">{_spans(line, _SMALL)}</text>'
    return (
        f'<g class="cotangent" data-from={_quoted(cotangent.start)} data-to={_quoted(cotangent.end)} '
        f"data-source={_quoted(cotangent.source)} data-target={_quoted(cotangent.target)}>"
        f"<title>{escape(cotangent.label.text)}</title>"
        f'<path class="arrow" d="{_path(arrow.curve)}" marker-end={_quoted(f"url(#{prefix}back)")}/>{label}</g>'
    )


def _node(node: Node, box: Box, lines: tuple[Line, ...], address: str) -> str:
    gradient = f" data-cotangent={_quoted(node.cotangent)}" if node.cotangent else ""
    told = f"{node.equation} ({node.shape_text})" + (f"; its gradient is {node.gradient.text}" if node.gradient else "")
    round_ = box.height / 2 if node.role in ("input", "constant") else 4.0
    parts = [
        f'<g class="node {node.role}" data-name={_quoted(node.name)}{gradient}>',
        f"<a href={_quoted(address)}>" if address else "",
        f"<title>{escape(told)}</title>",
        _rectangle("box", box, 0.0, round_),
    ]
    if node.role == "output":
        parts.append(_rectangle("rim", box, 3.0, 2.5))
    widths = [width_of_line(line) * _FONT for line in lines]
    left = box.x - max(width + _INDENT * (n > 0) for n, width in enumerate(widths)) / 2
    for number, line in enumerate(lines):
        x, anchor = (left + _INDENT * (number > 0), "start") if len(lines) > 1 else (box.x, "middle")
        y = box.top + _PADDING[1] + _LINE * number + 0.72 * _LINE
        parts.append(f'<text x="{decimal(x)}" y="{decimal(y)}" text-anchor="{anchor}">{_spans(line, _FONT)}</text>')
    y, shape = box.bottom - _PADDING[1] - 0.2 * _SHAPE, _spans(_shape_of(node), _SMALL)
    parts.append(f'<text class="shape" x="{decimal(box.x)}" y="{decimal(y)}">{shape}</text>')
    parts.append("</a></g>" if address else "</g>")
    return "".join(parts)


def _rectangle(kind: str, box: Box, inside: float, round_: float) -> str:
    numbers = (box.left + inside, box.top + inside, box.width - 2 * inside, box.height - 2 * inside, round_)
    x, y, width, height, radius = map(decimal, numbers)
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"/>'


def _spans(line: Line, size: float) -> str:
    """The runs of a line; each is moved from where the one before it stood."""
    parts, shift = [], 0.0
    for run in line:
        marks = ""
        at = round(run.shift * size, 1)  # rounded before the difference is taken, or the line would drift
        if at != shift:
            marks += f' dy="{decimal(at - shift)}"'
        if run.size != 1.0:
            marks += f' style="font-size: {decimal(run.size * size)}px"'
        if run.slanted:
            marks += ' class="slanted"'
        parts.append(f"<tspan{marks}>{_escaped(run.text)}</tspan>" if marks else _escaped(run.text))
        shift = at
    return "".join(parts)


def _escaped(text: str) -> str:
    """Text with its root signs in another font: in one for mathematics they hang from the line, to be built upon."""
    return escape(text).replace("√", '<tspan class="root">√</tspan>')


def _path(curve: Curve) -> str:
    return "M" + path_text(curve, _pair, "L{}", "C{} {} {}")


def _pair(point: tuple[float, float]) -> str:
    return f"{decimal(point[0])},{decimal(point[1])}"


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'
