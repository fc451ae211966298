"""What the tests of pictures share: derivations of shipped layers, a layer of odd names, drawings as SVG has them."""

from __future__ import annotations

from functools import cache

from derive.derivation import Derivation
from derive.layers import layer_names
from derive.parser import parse_layer
from derive.pictures.drawing import Drawing, place_all
from derive.pictures.nodes import Picture, picture_of
from derive.pictures.svg import label_sizes, sizes_of
from derive.pipeline import derive

SHIPPED = [(layer, order) for layer in layer_names() for order in (1, 2)]

# Words of Mermaid and of TeX, an extent with a digit, an index that Unicode cannot lower, letters of another alphabet,
# a function that has a comparison in it, an input that nothing uses, and a result that leads nowhere.
ODD_NAMES = """
end: [class_, N_1]
гамма: constant
W_out: [N_1]
unused: [class_]
side: intermediate
assert гамма > 0

side[h] = sum(end[h, id]*гамма for id in N_1)
y[h, id] = end[h, id]*where(end[h, id] < 1, W_out[id], гамма)
"""


@cache
def derivation_of(layer: str, order: int = 1) -> Derivation:
    """The derivation of a shipped layer."""
    return derive(layer, order=order)


@cache
def odd_names() -> Derivation:
    """The derivation of the layer of odd names, which is called with characters that markup uses."""
    return derive(parse_layer(ODD_NAMES, 'a <b> & "c" \\d %e', "odd.layer"))


def drawn(picture: Picture) -> Drawing:
    """The drawing that SVG shows."""
    return place_all(picture, sizes_of(picture), label_sizes(picture))


def picture_of_layer(layer: str, order: int = 1) -> Picture:
    """The picture of a shipped layer."""
    return picture_of(derivation_of(layer, order))
