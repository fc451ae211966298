"""The extents at which a layer is measured: those that are asked for, or a few from small to large.

    Input    a Graph
    Output   extents by name, for each shape
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence

from derive.draw import fact_holds
from derive.errors import UsageError
from derive.graph import Graph, Quantity, names_in

Extents = Mapping[str, int]

# For layers with so many extents that only read and write their arrays. From what fits the innermost cache to what
# fits none, and both ways of being long.
_SHAPES: dict[int, list[tuple[int, ...]]] = {
    2: [(64, 128), (256, 1024), (4096, 1024), (65536, 256), (1000000, 64), (100, 100000)],
    4: [(8, 16, 14, 14), (32, 64, 56, 56)],
}
# Elements of the largest array, where there is no shape above; and where arrays are multiplied with one another, which
# takes more time than to read them.
_ELEMENTS, _ELEMENTS_OF_PRODUCTS = (2**13, 2**18, 2**24), (2**10, 2**14, 2**18)
# Arrays of the largest size that are alive at once, at worst: those of the chain rule, and of two libraries.
_ALIVE = 16


def shape_of(quantity: Quantity, extents: Extents) -> tuple[int, ...]:
    """The shape of an array."""
    return tuple(extents[extent] for extent in quantity.extents)


def shape_text(extents: Extents) -> str:
    """4096x1024."""
    return "x".join(map(str, extents.values())) or "scalar"


def largest_size(graph: Graph, extents: Extents) -> int:
    """The elements of the largest array of a layer."""
    return max(math.prod(shape_of(quantity, extents)) for quantity in graph.quantities)


def default_shapes(graph: Graph, by_memory: bool, itemsize: int) -> list[Extents]:
    """A few shapes that satisfy the facts on extents, and fit the memory of this machine.

    `by_memory`: reading and writing arrays is what takes the time.
    """
    known = _SHAPES.get(len(graph.extents), []) if by_memory else []
    elements = _ELEMENTS if by_memory else _ELEMENTS_OF_PRODUCTS
    sizes = known or [_cube(graph, number) for number in elements]
    chosen: list[Extents] = [dict(zip(graph.extents, shape, strict=True)) for shape in dict.fromkeys(sizes)]
    most = memory() // (_ALIVE * itemsize)
    return [e for e in chosen if allowed(graph, e) and largest_size(graph, e) <= most]


def asked_shapes(graph: Graph, shapes: Sequence[Sequence[int]]) -> list[Extents]:
    """The shapes that were asked for, each with a number for each extent. Raises UsageError where one does not fit."""
    found: list[Extents] = []
    for shape in shapes:
        written = "x".join(map(str, shape))
        if len(shape) != len(graph.extents):
            names = "x".join(graph.extents) or "none"
            raise UsageError(f"--shape {written}: the extents of {graph.name} are {names}")
        extents = dict(zip(graph.extents, shape, strict=True))
        if not allowed(graph, extents):
            raise UsageError(f"--shape {written} contradicts what {graph.name} states of its extents")
        found.append(extents)
    return found


def allowed(graph: Graph, extents: Extents) -> bool:
    """Whether extents satisfy the facts that are about extents alone."""
    about_extents = (fact for fact in graph.facts if not [*names_in(fact.left), *names_in(fact.right)])
    return all(fact_holds(fact, {}, extents) for fact in about_extents)


def _cube(graph: Graph, elements: int) -> tuple[int, ...]:
    """All extents alike, so that the largest array has about so many elements; a power of two each, as people have."""
    rank = max((len(quantity.indices) for quantity in graph.quantities), default=0)
    side = 2 ** round(math.log2(elements) / rank) if rank else 1
    return (side,) * len(graph.extents)


def memory() -> int:
    """The bytes of memory of this machine; 8 GB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 * 10**9


def reduced_extents(graph: Graph) -> Iterator[str]:
    """The extents that a reduction of the layer runs over, in the order of the layer."""
    bound = {str(limit[2]) for equation in graph.equations for limit in _limits(equation.expression)}
    return (extent for extent in graph.extents if extent in bound)


def _limits(expression: object) -> Iterator[tuple[object, ...]]:
    yield from getattr(expression, "limits", ())
    for argument in getattr(expression, "args", ()):
        yield from _limits(argument)
