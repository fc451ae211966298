"""What the tests of the LaTeX reader share: vocabularies, and whether two expressions are the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from itertools import product

from lines import parse_equations
from sympy import Expr

import derive
from derive.arithmetic import FLOAT
from derive.claims.claim import Claim, Claims, Unreadable
from derive.claims.latex.reader import read_latex
from derive.claims.vocabulary import Vocabulary, vocabulary_of
from derive.errors import LayerError
from derive.graph import Equation, Index, Quantity, names_in
from derive.indices import canonical_bound
from derive.interpret import Array, element_values


@cache
def vocabulary(layer: str) -> Vocabulary:
    return vocabulary_of(derive.load(layer))


def read(layer: str, text: str, symbols: str = "", file: str = "notes.tex") -> Claims:
    return read_latex(text, file, vocabulary(layer), symbols)


def claims_of(layer: str, text: str, symbols: str = "") -> list[Claim]:
    """The claims of a text in which every line is understood."""
    found = read(layer, text, symbols)
    for line in found.lines:
        assert isinstance(line, Claim), str(line.error)
    return [line for line in found.lines if isinstance(line, Claim)]


def error_of(layer: str, text: str, symbols: str = "") -> LayerError:
    """The first line that is not understood, or what is wrong with the text as a whole."""
    try:
        found = read(layer, text, symbols)
    except LayerError as error:
        return error
    return next(line.error for line in found.lines if isinstance(line, Unreadable))


def expected(layer: str, text: str, own: dict[str, Quantity] | None = None) -> tuple[Expr, Expr, tuple[Index, ...]]:
    """The two sides of one line of the layer grammar, and its free indices."""
    (line,) = parse_equations(text, {**vocabulary(layer).known, **(own or {})})
    if isinstance(line, Equation):
        return line.left, line.expression, line.indices
    return line.left, line.right, line.indices


def same(layer: str, left: Expr, right: Expr, indices: tuple[Index, ...], own: Mapping[str, Quantity] = {}) -> bool:
    """Whether two expressions are equal as they stand, or at least in value on random data."""
    return canonical_bound(left) == canonical_bound(right) or same_value(layer, left, right, indices, own)


def same_value(layer: str, left: Expr, right: Expr, indices: tuple[Index, ...], own: Mapping[str, Quantity]) -> bool:
    known = {**vocabulary(layer).known, **own}
    extents = {extent: 2 + number for number, extent in enumerate(vocabulary(layer).graph.extents)}
    values = {name: draw(known[name], extents) for name in [*names_in(left), *names_in(right)]}
    first = element_values(left, indices, values, extents, FLOAT)
    second = element_values(right, indices, values, extents, FLOAT)
    return all(abs(first[place] - second[place]) <= 1e-9 * (1 + abs(first[place])) for place in first)


def draw(quantity: Quantity, extents: dict[str, int]) -> Array:
    source = random.Random(quantity.name)
    ranges = [range(1, extents[extent] + 1) for extent in quantity.extents]
    return {place: source.uniform(0.5, 2) for place in product(*ranges)}


def check(layer: str, latex: str, grammar: str, symbols: str = "") -> None:
    """Assert that the last claim of a LaTeX text is what a line of the layer grammar says."""
    claims = claims_of(layer, latex, symbols)
    own = {claim.defines.name: claim.defines for claim in claims if claim.defines is not None}
    claim = claims[-1]
    left, right, indices = expected(layer, grammar, own)
    assert set(claim.indices) == set(indices)
    assert canonical_bound(claim.left) == canonical_bound(left)
    assert same(layer, claim.right, right, claim.indices, own)
