"""The data on which claims are tried.

    Input    a Vocabulary, Claims
    Output   Trials: the truth on one set of data; several for a verdict, small ones for a counterexample, and special
             ones (a parameter that is one, a cotangent that is constant) for what a claim may be true under

Where a derivation writes a small batch out, the extents are those of the batch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sympy import Rational

from derive.claims.claim import Claim, Claims
from derive.claims.vocabulary import Vocabulary
from derive.derivation import Derivation, Step
from derive.draw import Regime, Sample, choose_extents, draw_sample
from derive.errors import LayerError
from derive.graph import Equation, Fact, Graph, names_in
from derive.interpret import Array
from derive.oracles import CENTRAL_DIFFERENCES, COMPLEX_STEP, Oracle, Truth
from derive.verifier import run_backward

Extents = Mapping[str, int]
Definitions = dict[str, tuple[int, Equation]]  # the line that defines a helper, and its equation

_ZERO = Rational(0)
# A large offset says nothing about what is equal, and what is a difference of equal numbers there has no digit left.
_REGIMES: tuple[Regime, ...] = ("ordinary", "small scale")
_FEW = 3  # attempts to draw data under a condition: one that contradicts the layer is met by none
_TELLING = ((2, 3, 4), (4, 2, 3), (3, 5, 2))
_TELLING_OF_MANY = ((1, 2, 3), (2, 3, 1), (3, 1, 2), (2, 2, 3))  # arrays of four indices and more are large enough so
_LARGEST = 3  # extent of a counterexample, unless the claim writes out more


@dataclass(frozen=True, eq=False)
class Trial:
    """One set of data, and the truth on it, found when it is asked for.

    A verdict rests on derivatives that are `independent` of the chain rule, an explanation on those by it.
    """

    derivation: Derivation
    sample: Sample
    independent: bool = False

    @cached_property
    def truth(self) -> Truth:
        """What every name truly is."""
        if self.independent:
            return Truth(self.derivation, self.sample, CENTRAL_DIFFERENCES)
        return _by_chain_rule(self.derivation, self.sample, CENTRAL_DIFFERENCES)

    @cached_property
    def floating(self) -> Truth:
        """The same in 64-bit floats, by the chain rule, which is faster."""
        return _by_chain_rule(self.derivation, self.sample, COMPLEX_STEP)

    @property
    def extents(self) -> Extents:
        """The size of each extent."""
        return self.sample.extents


@dataclass(eq=False)
class Trials:
    """All the data that the claims of one derivation are tried on, each drawn when it is first asked for.

    `fixed` are constants with one value in all data: those that a function has a value of its own for.
    """

    vocabulary: Vocabulary
    claims: Claims
    fixed: Mapping[str, Rational] = field(default_factory=dict)
    _special: dict[tuple[str, str], list[Trial]] = field(default_factory=dict)

    @cached_property
    def derivation(self) -> Derivation:
        """The vocabulary's derivation with the helpers that the author defines."""
        base = self.vocabulary.derivation
        helpers = [claim.defines for claim in self._defining if claim.defines is not None]
        lines = [equation for _, equation in self.definitions.values()]
        steps = tuple(Step(number, "definition", (), line) for number, line in enumerate(lines, start=1))
        return replace(base, steps=steps, quantities=(*base.quantities, *helpers))

    @cached_property
    def definitions(self) -> Definitions:
        """What the author's helpers are, and in which line that stands."""
        found: Definitions = {}
        for claim in self._defining:
            assert claim.defines is not None
            found[claim.defines.name] = (claim.line, Equation(claim.defines.name, claim.defines.indices, claim.right))
        return found

    @property
    def _defining(self) -> list[Claim]:
        return [line for line in self.claims.lines if isinstance(line, Claim) and line.defines is not None]

    @cached_property
    def loss(self) -> str | None:
        """The output that is the loss itself: the only one, a scalar, whose cotangent no line mentions."""
        outputs = self.vocabulary.graph.outputs
        if len(outputs) != 1 or self.vocabulary.graph.by_name[outputs[0]].indices:
            return None
        given = self.vocabulary.cotangents[outputs[0]]
        sides = [side for c in self.claims.lines if isinstance(c, Claim) for side in (c.left, c.right)]
        return None if any(given in names_in(side) for side in sides) else outputs[0]

    @cached_property
    def pinned(self) -> dict[str, int]:
        """The extents that the derivation fixes: those it says, and those whose elements it writes out."""
        written = {extent: size for extent, size in self.claims.largest.items() if size > 1}
        return written | dict(self.claims.sizes)

    @cached_property
    def general(self) -> list[Trial]:
        """For several extents, each in several regimes. Raises LayerError when no data satisfy the layer's facts."""
        return self._drawn(self.vocabulary.graph, self._sizes({}), _REGIMES, independent=True)

    @cached_property
    def pinned_trials(self) -> list[Trial]:
        """The same, at the extents that the derivation fixes."""
        return self._drawn(self.vocabulary.graph, self._sizes(self.pinned), _REGIMES, independent=True)

    def plain(self, pinned: bool) -> list[Trial]:
        """Ordinary data for a diagnosis, with extents of which no two products or quotients are the same throughout."""
        key = ("plain", str(pinned))
        if key not in self._special:
            graph = self.vocabulary.graph
            least, fixed = self.claims.largest, self.pinned if pinned else self.claims.sizes
            sizes: list[Extents] = []
            for row in _TELLING if len(graph.extents) < 4 else _TELLING_OF_MANY:
                chosen = {e: max(row[k % len(row)], least.get(e, 1)) for k, e in enumerate(graph.extents)}
                sizes.append({**chosen, **fixed})
            found = [t for n, size in enumerate(sizes) for t in self._drawn(graph, [size], ("ordinary",), f"plain {n}")]
            self._special[key] = found or self.unchanged(pinned)
        return self._special[key]

    def small(self, pinned: bool) -> Iterator[Trial]:
        """For all small extents, the smallest first."""
        graph = self.vocabulary.graph
        fixed = self.pinned if pinned else dict(self.claims.sizes)
        least = self.claims.largest
        ranges = [
            [fixed[e]] if e in fixed else range(least.get(e, 1), max(_LARGEST, least.get(e, 1) + 1) + 1)
            for e in graph.extents
        ]
        for sizes in sorted(itertools.product(*ranges), key=lambda sizes: (math.prod(sizes), sum(sizes), sizes)):
            yield from self._drawn(graph, [dict(zip(graph.extents, sizes, strict=True))], ("ordinary",), "small")

    def under(self, condition: Fact, pinned: bool, first: bool = False) -> list[Trial]:
        """Data that satisfy a further fact; none where they cannot, or only where an extent is 1.

        The `first` ones alone tell most conditions that are none.
        """
        key = ("fact", f"{condition.left} {condition.relation} {condition.right} {pinned} {first}")
        if key not in self._special:
            graph = self.vocabulary.graph
            graph = replace(graph, facts=(*graph.facts, replace(condition, line=None)))
            sizes = self._sizes(self.pinned if pinned else {})[: 1 if first else None]
            found = self._drawn(graph, sizes, _REGIMES[: 1 if first else None], attempts=_FEW)
            # Targets that are one and sum to one are those of a single class.
            general = {e for extents in sizes for e, size in extents.items() if size > 1}
            met = {e for trial in found for e, size in trial.extents.items() if size > 1}
            self._special[key] = found if general <= met else []
        return self._special[key]

    def changed(self, name: str, change: Callable[[Sample], Sample], pinned: bool) -> list[Trial]:
        """The data of a verdict, changed; `name` tells one change from the others."""
        key = ("change", f"{name} {pinned}")
        if key not in self._special:
            trials = self.pinned_trials if pinned else self.general
            self._special[key] = [self._trial(change(trial.sample)) for trial in trials]
        return self._special[key]

    def unchanged(self, pinned: bool) -> list[Trial]:
        """The data of a verdict as they are, for an explanation."""
        return self.changed("nothing", lambda sample: sample, pinned)

    def _sizes(self, pinned: Mapping[str, int]) -> list[dict[str, int]]:
        """Several choices of the extents, with room for the elements that are written out."""
        found: list[dict[str, int]] = []
        for sizes in choose_extents(self.vocabulary.graph):
            least = {e: max(size, self.claims.largest.get(e, 1)) for e, size in sizes.items()}
            chosen = {**least, **self.claims.sizes, **pinned}
            if chosen not in found:
                found.append(chosen)
        return found

    def _drawn(
        self,
        graph: Graph,
        sizes: Sequence[Extents],
        regimes: Sequence[Regime],
        seed: str = "check",
        attempts: int | None = None,
        independent: bool = False,
    ) -> list[Trial]:
        found, refusals = [], []
        for extents in sizes:
            for regime in regimes:
                try:
                    sample = self._as_read(draw_sample(graph, extents, regime, seed, attempts))
                    found.append(self._trial(sample, independent))
                except LayerError as refusal:
                    if regime == "ordinary":
                        refusals.append(refusal)
                        break
        if not found and refusals and independent:
            raise refusals[0]
        return found

    def _as_read(self, sample: Sample) -> Sample:
        """The data with what the derivation fixes."""
        if self.loss is not None:
            sample = with_cotangents(sample, lambda name, place: Rational(1))
        for name, value in self.fixed.items():
            sample = with_input(sample, name, value)
        return sample

    def _trial(self, sample: Sample, independent: bool = False) -> Trial:
        return Trial(self.derivation, sample, independent)


def _by_chain_rule(derivation: Derivation, sample: Sample, oracle: Oracle) -> Truth:
    """The truth with the gradients that the layer's own chain rule has."""
    return Truth(derivation, sample, oracle, run_backward(Truth(derivation, sample, oracle)))


def with_cotangents(sample: Sample, value: Callable[[str, tuple[int, ...]], Rational]) -> Sample:
    """The same data with other cotangents of the outputs."""
    changed = {name: {p: value(name, p) for p in array} for name, array in sample.cotangents.items()}
    return replace(sample, cotangents=changed)


def with_input(sample: Sample, name: str, value: Rational = _ZERO) -> Sample:
    """The same data with one value for all elements of an input."""
    array: Array = dict.fromkeys(sample.inputs[name], value)
    return replace(sample, inputs={**sample.inputs, name: array})
