"""Indices that are left out: \\mu for mu[j], x_i for x[i, j].

    Input    the Bindings of one chain
    Output   every element with all its indices

An index that is left out is the same one for all quantities of the chain, one for each extent, and it must stand on the
left side, written or not. Which indices the written ones are is searched: every way to give the letters extents
that makes the chain consistent. Of several, the one counts that leaves out the same index throughout, then the one
that agrees with the rest of the text, then the one that leaves out what people do, the index along which the layer does
the same again and again, and then the one with the layer's own letters; if that leaves two, it is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from derive.claims.latex.bind import Bindings, Element, ForgottenSumError, SideError, Use
from derive.claims.latex.document import Document
from derive.claims.latex.extents import IndexUse, Known, NumberUse, Unknown
from derive.functions import limits_of
from derive.graph import Graph
from derive.indices import REDUCTIONS

_MOST_TRIES = 3000
_WRITE = "write all indices of each quantity"


@dataclass
class _Way:
    """One way to read the indices: the positions of the written ones, by element, and how well that agrees."""

    extents: Mapping[Unknown, str]
    positions: list[tuple[int, ...]] = field(default_factory=list)
    left_out: list[tuple[Element, tuple[str, ...]]] = field(default_factory=list)
    agreement: tuple[int, ...] = ()


class Placement:
    """Completes the elements of one chain. `head` is the side that says what is free; a `numeric` one says nothing."""

    def __init__(self, document: Document, graph: Graph, bindings: Bindings, known: Known, head: int, numeric: bool):
        self._document = document
        self._graph = graph
        self._bindings = bindings
        self._known = known
        self._head = head
        self._numeric = numeric
        self._partial = [e for e in bindings.elements if len(e.written) < len(e.quantity.indices)]
        self._reductions = _reductions(graph)
        self.implicit: dict[str, IndexUse] = {}
        self.clear = True

    def complete(self) -> None:
        """Give every element all its indices. Raises SideError where that is not possible, or not clear."""
        self._bindings.unite_written()
        if not self._partial:
            self._check_free({}, [])
            return
        self._tie_numbers()
        unknown = list(dict.fromkeys(u.over.root for e in self._partial for u in e.written if u.over.extent is None))
        ways, first_error = self._ways(unknown)
        if not ways:
            raise first_error
        best = max(way.agreement for way in ways)
        chosen = [way for way in ways if way.agreement == best]
        self.clear = len(ways) == 1
        if len(chosen) > 1:
            element = self._disputed(chosen)
            raise self._error(element, f"an index of {element.quantity.name} is left out, and it is not clear which")
        self._take(chosen[0])

    def _tie_numbers(self) -> None:
        """The numbers at one place of elements of one shape are over one extent."""
        tied: dict[tuple[tuple[str, ...], int, int], Unknown] = {}
        for element in self._partial:
            for place, use in enumerate(element.written):
                if isinstance(use, NumberUse):
                    key = (element.quantity.extents, len(element.written), place)
                    use.over.unite(tied.setdefault(key, Unknown()))

    def _ways(self, unknown: Sequence[Unknown]) -> tuple[list[_Way], SideError]:
        """Every consistent way, and why the first of the others is not."""
        found: list[_Way] = []
        errors: list[tuple[tuple[int, ...], SideError]] = []
        if len(self._graph.extents) ** len(unknown) > _MOST_TRIES:
            element = self._partial[0]
            raise self._error(element, "too many indices are left out to find which are meant")
        for tried in product(self._graph.extents, repeat=len(unknown)):
            way = _Way(dict(zip(unknown, tried, strict=True)))
            try:
                self._try(way)
            except SideError as error:
                errors.append((way.agreement, error))
            else:
                found.append(way)
        first = max(errors, key=lambda e: e[0])[1] if errors else self._error(self._partial[0], "no index fits")
        return found, first

    def _extent(self, use: Use, way: _Way) -> str | None:
        return way.extents.get(use.over.root, use.over.extent)

    def _try(self, way: _Way) -> None:
        """Fill in one way. Raises SideError where it contradicts itself."""
        agrees, own, reduced = self._agreement(way), 0, 0
        alike: dict[tuple[tuple[str, ...], int], set[tuple[str, ...]]] = {}
        for element in self._partial:
            positions = self._positions(element, way)
            indices = element.quantity.indices
            own += sum(
                isinstance(u, IndexUse) and u.letter == indices[p].name
                for u, p in zip(element.written, positions, strict=True)
            )
            left_out = tuple(index.extent for p, index in enumerate(indices) if p not in positions)
            alike.setdefault((element.quantity.extents, len(positions)), set()).add(left_out)
            reduced += sum(self._reductions[extent] for extent in left_out)
            way.agreement = (-sum(map(len, alike.values())), agrees, -reduced, own)
            if len(set(left_out)) < len(left_out):
                raise self._error(element, f"two indices of {element.quantity.name} over one extent are left out")
            within = [use.letter for use in element.around if self._extent(use, way) in left_out]
            if within:
                message = f"an index of {element.quantity.name} is left out inside a sum over {within[0]}"
                raise self._error(element, message)
            way.positions.append(positions)
            way.left_out.append((element, left_out))
        self._check_free(way.extents, way.left_out)

    def _agreement(self, way: _Way) -> int:
        """In how many letters a way agrees with the rest of the text."""
        letters = {
            (use.letter, extent)
            for element in self._partial
            for use in element.written
            if isinstance(use, IndexUse) and (extent := way.extents.get(use.over.root)) is not None
        }
        return sum(self._known.over(letter) == extent for letter, extent in letters)

    def _positions(self, element: Element, way: _Way) -> tuple[int, ...]:
        """Which positions of an element the written indices are."""
        extents = element.quantity.extents
        wanted = tuple(self._extent(use, way) for use in element.written)
        fitting = [
            chosen
            for chosen in combinations(range(len(extents)), len(wanted))
            if tuple(extents[p] for p in chosen) == wanted
        ]
        if not fitting:
            raise self._error(element, f"the indices of {element.quantity.name} do not fit the others of this equation")
        if len(fitting) == 1:
            return fitting[0]
        letters = [use.letter if isinstance(use, IndexUse) else "" for use in element.written]
        names = [index.name for index in element.quantity.indices]
        own = [chosen for chosen in fitting if [names[p] for p in chosen] == letters]
        if len(own) != 1:
            raise self._error(element, f"an index of {element.quantity.name} is left out, and it is not clear which")
        return own[0]

    def _check_free(self, extents: Mapping[Unknown, str], left_out: Sequence[tuple[Element, tuple[str, ...]]]) -> None:
        """What is free on a side must be so on the first, written or not."""
        head = self._head
        implied = {extent for element, found in left_out for extent in found if element.side <= head}
        written = self._bindings.seen_on.get(head, {})
        over = {use: extents.get(use.over.root, use.over.extent) for use in self._bindings.free.values()}
        if self._numeric:
            return self._check_implied(left_out, over)
        for side, uses in self._bindings.seen_on.items():
            lost = {u: at for u, at in uses.items() if u not in written and side > head and over[u] not in implied}
            if lost:
                raise self._forgotten_sum(side, lost)
        at_head = implied | {over[use] for use in written}
        for element, found in left_out:
            for extent in found:
                if element.side > head and extent not in at_head:
                    name = element.quantity.name
                    message = f"an index of {name} over {extent} is left out, and none on the left could be it"
                    raise self._error(element, message)
        return self._check_implied(left_out, over)

    def _forgotten_sum(self, side: int, uses: dict[IndexUse, int]) -> ForgottenSumError:
        letter, at = next((use.letter, at) for use, at in uses.items())
        hint = f"sum over it, \\sum_{{{letter}}}, or give it to the left side"
        message = f"the sum over {letter} is missing: index {letter} is neither on the left nor bound by a sum"
        return ForgottenSumError(self._document.error_from(at, message, hint), side, uses)

    def _check_implied(
        self, left_out: Sequence[tuple[Element, tuple[str, ...]]], over: Mapping[IndexUse, str | None]
    ) -> None:
        for element, found in left_out:
            for extent in found:
                letters = [use.letter for use, known in over.items() if known == extent]
                if len(letters) > 1:
                    name = element.quantity.name
                    raise self._error(element, f"an index of {name} is left out: {' or '.join(letters)}?")

    def _disputed(self, ways: Sequence[_Way]) -> Element:
        """An element that two ways read differently."""
        for number, element in enumerate(self._partial):
            if len({way.positions[number] for way in ways}) > 1:
                return element
        return self._partial[0]

    def _take(self, way: _Way) -> None:
        for root, extent in way.extents.items():
            root.fix(extent)
        for element, positions in zip(self._partial, way.positions, strict=True):
            written = dict(zip(positions, element.written, strict=True))
            element.places = tuple(
                written[place] if place in written else self._implicit(index.extent)
                for place, index in enumerate(element.quantity.indices)
            )

    def _implicit(self, extent: str) -> IndexUse:
        """The index over an extent that is left out everywhere in the chain, or written in another place of it."""
        if extent not in self.implicit:
            explicit = [use for use in self._bindings.free.values() if use.over.extent == extent]
            self.implicit[extent] = explicit[0] if explicit else IndexUse(self._letter(extent), -1, Unknown(extent))
        return self.implicit[extent]

    def _letter(self, extent: str) -> str:
        """The layer's own letter for an extent, where the chain does not use it for another."""
        taken = {use.letter for use in self._bindings.met if use.over.extent != extent}
        return next((letter for letter in self._letters(extent) if letter not in taken), f"{extent.lower()}_")

    def _letters(self, extent: str) -> Iterator[str]:
        for quantity in self._graph.quantities:
            yield from (index.name for index in quantity.indices if index.extent == extent)
        yield from "ijklnpqrst"

    def _error(self, element: Element, message: str) -> SideError:
        letters = ", ".join(index.name for index in element.quantity.indices)
        hint = f"{_WRITE}: {element.quantity.name} is {element.quantity.name}[{letters}] in the layer"
        return SideError(self._document.error_from(element.at, message, hint), element.side)


def _reductions(graph: Graph) -> Counter[str]:
    """In how many equations of the layer each extent is reduced over: an index of which there are few is left out."""
    found: Counter[str] = Counter()
    for equation in graph.equations:
        reductions = equation.expression.atoms(*REDUCTIONS)
        found.update({str(extent) for reduction in reductions for _, extent in limits_of(reduction)})
    return found
