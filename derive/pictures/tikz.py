r"""A picture for LaTeX: a Picture in, a `tikzpicture` with everything in its place out.

The document needs the packages tikz and amsmath. The picture is as wide as its formulas need, and scaled down where
that is more than a page of 15 cm.
"""

from __future__ import annotations

from derive.pictures.drawing import place_all
from derive.pictures.layered import Box, Spacing
from derive.pictures.nodes import SCALAR, Node, Picture
from derive.pictures.routes import Curve, decimal, path_text
from derive.printing.latex_text import escape_latex
from derive.printing.lines import break_formula
from derive.printing.width import width_of

# All in TeX points.
_PAGE = (424.0, 570.0)  # 15 cm wide less a line's width, and a height that leaves room for a heading and a caption
_FONT, _LABEL = 10.0, 7.0
_WIDEST, _MOST_ROWS = 24.0, 3  # of an equation in a box, in em
_ROW, _TALL_ROW, _CASES = 14.0, 25.0, 36.0  # heights of rows
_SHAPE = 12.0
_PADDING = (8.0, 4.0)
_TALL = (r"\frac", r"\sum", r"\prod", r"\sqrt", r"\big", r"\left")
_SPACING = Spacing(boxes=22.0, edges=18.0, ports=16.0, rows=42.0, most=90.0)
_STYLES = r"""  derive box/.style={draw, align=center, inner sep=0pt},
  derive input/.style={derive box, fill=blue!5},
  derive constant/.style={derive box, dashed},
  derive intermediate/.style={derive box},
  derive output/.style={derive box, double, double distance=1.2pt, fill=green!5},
  derive forward/.style={-latex, draw=black!70},
  derive backward/.style={-latex, draw=red!70!black, densely dashed},
  derive label/.style={text=red!70!black, inner sep=0pt}"""


def tikz_picture(picture: Picture, cotangents: bool = True) -> str:
    """The picture in TikZ, with what flows back if `cotangents` is set."""
    formulas = {node.name: _rows_of(node) for node in picture.nodes}
    sizes = {node.name: _size(node, formulas[node.name]) for node in picture.nodes}
    labels = {c: (width_of(c.label.latex) * _LABEL, _LABEL + 2) for c in picture.cotangents}
    drawing = place_all(picture, sizes, labels, _SPACING)
    scale = min(1.0, _PAGE[0] / (drawing.right - drawing.left), _PAGE[1] / drawing.height)
    rows = [
        f"% {escape_latex(picture.title)}; needs the packages tikz and amsmath",
        f"\\begin{{tikzpicture}}[x=1pt, y=1pt, scale={scale:.3f}, transform shape,",
        f"  line width={0.4 * scale:.3f}pt,",
        f"{_STYLES}]",
        *(_node(node, drawing.boxes[node.name], formulas[node.name], scale) for node in picture.nodes),
        *(rf"\draw[derive forward] {_path(arrow.curve)};" for arrow in drawing.forward),
    ]
    for arrow in drawing.backward if cotangents else ():
        rows.append(rf"\draw[derive backward] {_path(arrow.curve)};")
        if arrow.label is not None:
            at = _pair((arrow.label.x, arrow.label.y))
            rows.append(rf"\node[derive label] at {at} {{\scriptsize${arrow.cotangent.label.latex}$}};")
    return "\n".join([*rows, r"\end{tikzpicture}"]) + "\n"


def _rows_of(node: Node) -> list[str]:
    """The rows of a node's equation, with & before what is aligned; the symbol alone where it is given, or too long."""
    if node.definition is None:
        return [node.label.latex]
    rows = break_formula(node.label.latex, "=", node.definition.latex, _WIDEST)
    fits = len(rows) <= _MOST_ROWS and max(map(width_of, rows)) < 1.2 * _WIDEST
    return rows if fits else [node.label.latex]


def _size(node: Node, rows: list[str]) -> tuple[float, float]:
    width = max(width_of(row.replace("&", ""), display=False) for row in rows) * _FONT
    height = sum(map(_height, rows)) + _SHAPE
    return max(width, width_of(_shape_of(node)) * _LABEL) + 2 * _PADDING[0], height + 2 * _PADDING[1]


def _shape_of(node: Node) -> str:
    return f"${node.shape.latex}$" if node.shape else SCALAR


def _height(row: str) -> float:
    if r"\begin" in row:
        return _CASES
    return _TALL_ROW if any(command in row for command in _TALL) else _ROW


def _node(node: Node, box: Box, rows: list[str], scale: float) -> str:
    if len(rows) > 1:
        # Not `aligned`: its rows are set as displays, which are tall.
        formula = "\\begin{array}{@{}r@{\\;}l@{}}" + r" \\ ".join(rows) + "\\end{array}"
    else:
        formula = rows[0].replace("&", "", 1)  # those of cases stay
    # TikZ scales the box, but not its corners.
    round_ = min(box.width, box.height) / 2 - 1 if node.role in ("input", "constant") else 2.0
    size = f"minimum width={decimal(box.width)}pt, minimum height={decimal(box.height)}pt"
    return (
        rf"\node[derive {node.role}, {size}, rounded corners={decimal(round_ * scale)}pt] at {_pair((box.x, box.y))} "
        rf"{{${formula}$\\[1pt]{{\scriptsize {_shape_of(node)}}}}};"
    )


def _path(curve: Curve) -> str:
    return path_text(curve, _pair, "-- {}", ".. controls {} and {} .. {}")


def _pair(point: tuple[float, float]) -> str:
    """A point; TikZ counts upwards."""
    return f"({decimal(point[0])},{decimal(-point[1])})"
