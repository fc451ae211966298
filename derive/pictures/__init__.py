"""Pictures of the computation graph of a derivation: a Derivation in, SVG, Graphviz, Mermaid or TikZ as a string out.

    stage       function                      input -> output

    describe    nodes.picture_of              Derivation -> Picture: nodes, edges, cotangents, with their symbols
    lay out     drawing.place_all             Picture, sizes of its texts -> Drawing: boxes, curves, places of labels
                layered.arrange               sizes, edges -> Layout: the part that knows nothing of derivations
    write       svg, tikz                     Picture -> a drawing with everything in its place
                dot, mermaid                  Picture -> a graph that another program lays out
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from derive.derivation import Derivation
from derive.errors import UsageError
from derive.pictures.dot import dot_picture
from derive.pictures.mermaid import mermaid_picture
from derive.pictures.nodes import Picture, picture_of
from derive.pictures.svg import svg_picture
from derive.pictures.tikz import tikz_picture
from derive.printing.names import Notation

PictureFormat = Literal["svg", "dot", "mermaid", "tikz"]
PICTURE_FORMATS: tuple[PictureFormat, ...] = get_args(PictureFormat)

_WRITERS: dict[str, Callable[[Picture, bool], str]] = {
    "svg": svg_picture,
    "dot": dot_picture,
    "mermaid": mermaid_picture,
    "tikz": tikz_picture,
}


def picture(
    derivation: Derivation, format: PictureFormat, cotangents: bool = True, notation: Notation = "leibniz"
) -> str:
    """The computation graph of what `derivation` differentiates, in one of the `PICTURE_FORMATS`.

    With `cotangents` the gradients are shown that flow back along its edges; a derivation in forward mode has none. In
    an SVG they are there in either case, and hidden without. `notation` is how gradients are written. Raises UsageError
    for an unknown format or notation.
    """
    if format not in _WRITERS:
        raise UsageError(f"unknown format {format!r} of a picture; choose from {', '.join(PICTURE_FORMATS)}")
    return _WRITERS[format](picture_of(derivation, notation), cotangents)
