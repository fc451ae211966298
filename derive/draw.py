"""Random data that satisfy a layer's facts: extents, inputs, cotangents of the outputs, tangents of the inputs.

    Input    a Graph, and a seed
    Output   Samples: several extents (1 among them in every position, and all different) in several regimes

All values are exact rationals, nearly all of them exact 64-bit floats as well, so that every arithmetic sees the same
data. No parameter is ever one and no cotangent constant: that would hide a lost factor. Data close to a kink (of abs,
relu, max, a condition) are drawn again.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from sympy import Expr, Indexed, Integer, Rational, Sum

from derive.arithmetic import EXACT, FLOAT, PRECISE, Number
from derive.errors import LayerError, Location
from derive.functions import limits_of
from derive.graph import Fact, Graph, Quantity, Relation, name_of, names_in
from derive.interpret import Array, convert, element_values, evaluate, places, run

# ordinary: everything of the size of 1. large offset: all inputs around 10000 (or less, where 64-bit floats cannot
# follow the layer so far), constants at their defaults. small scale: inputs of the size of the root of the smallest
# constant, so that var and eps are alike.
Regime = Literal["ordinary", "large offset", "small scale"]
REGIMES: tuple[Regime, ...] = ("ordinary", "large offset", "small scale")

_ATTEMPTS = 300
_OFFSETS = (10_000, 100, 10)
_KINK_GAP = 1e-6  # relative; far above rounding, so that a branch is the same in every arithmetic
_SMALLEST = PRECISE.number(Rational(1, 10**100))  # the squares of what is smaller 64-bit floats do not hold
_TOLERANCE = PRECISE.number(Rational(1, 10**60))  # of an equality, in 240 digits

_FLIPPED: dict[Relation, Relation] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, eq=False)
class Sample:
    """One set of data for a graph.

    `cotangents` has those of the outputs, by the output's name, `tangents` those of the inputs that are not constants.
    """

    graph: Graph
    extents: Mapping[str, int]
    regime: Regime
    inputs: Mapping[str, Array]
    cotangents: Mapping[str, Array]
    tangents: Mapping[str, Array]

    @property
    def description(self) -> str:
        """The data in words: N=3, D=2, small scale."""
        return ", ".join([*(f"{name}={size}" for name, size in self.extents.items()), self.regime])


@lru_cache(maxsize=16)
def draw_samples(graph: Graph, seed: str = "derive") -> tuple[Sample, ...]:
    """Samples for every choice of extents and regime, the same ones (the same objects) for the same seed.

    Raises LayerError, naming the fact, when ordinary data cannot satisfy it for any extents. Extents for which they
    cannot (a standard deviation of one number has no derivative), and regimes that contradict the facts, are left out;
    the samples say which they are from.
    """
    samples: list[Sample] = []
    refusals: list[LayerError] = []
    for extents in choose_extents(graph):
        for regime in REGIMES:
            try:
                samples.append(draw_sample(graph, extents, regime, seed))
            except LayerError as refusal:
                if regime == "ordinary":
                    refusals.append(refusal)
                    break
    if not samples:
        raise refusals[0]
    return tuple(samples)


def draw_sample(
    graph: Graph, extents: Mapping[str, int], regime: Regime, seed: str = "derive", attempts: int | None = None
) -> Sample:
    """One sample. Raises LayerError with the fact, or the kink, or the undefined value that stood in the way.

    There are so many `attempts` at it; without a number as many as data near kinks may take.
    """
    refusal: LayerError | None = None
    for offset in _OFFSETS if regime == "large offset" else (0,):
        for attempt in range(_ATTEMPTS if attempts is None else attempts):
            source = random.Random(f"{seed}/{dict(extents)}/{regime}/{offset}/{attempt}")
            draw = _Draw(graph, extents, regime, source, offset)
            inputs = draw.inputs()
            refusal = _refusal(graph, extents, inputs)
            if refusal is None:
                if regime == "large offset" and not _floats_follow(graph, extents, inputs):
                    break  # a smaller offset may do
                cotangents, tangents = map(draw.directions, (graph.outputs, graph.differentiable))
                return Sample(graph, extents, regime, inputs, cotangents, tangents)
    raise refusal or LayerError(f"64-bit floats cannot follow {graph.name!r} to large offsets")


def choose_extents(graph: Graph) -> tuple[dict[str, int], ...]:
    """Several small choices of the extents that satisfy the facts on them; 1 in each position, no two alike."""
    names = graph.extents
    chosen: list[tuple[int, ...]] = []
    substitutes = _other_extents(graph)
    for sizes in _few(len(names)) if graph.sweeps else _patterns(len(names)):
        if not _extents_allowed(graph, sizes):
            sizes = next((other for other in substitutes if other not in chosen), ())
            if names and not sizes:
                continue
        if sizes not in chosen:
            chosen.append(sizes)
    if not chosen:
        facts = [fact for fact in graph.facts if not _names_in_fact(fact)]
        raise LayerError(
            f"no extents from 1 to 6 satisfy {' and '.join(fact_text(graph, fact) for fact in facts) or 'the layer'}",
            "state bounds on the extents that small numbers can satisfy",
        )
    return tuple(dict(zip(names, sizes, strict=True)) for sizes in chosen)


def _patterns(count: int) -> list[tuple[int, ...]]:
    known: dict[int, list[tuple[int, ...]]] = {
        0: [()],
        1: [(3,), (2,), (1,)],
        2: [(3, 2), (2, 3), (1, 4), (4, 1)],
        3: [(2, 3, 4), (1, 2, 3), (3, 1, 2), (2, 3, 1)],
        4: [(1, 2, 3, 4), (2, 1, 4, 3), (3, 4, 1, 2), (4, 3, 2, 1)],
    }
    # The last one tells apart the axes that are alike in the others.
    return known.get(count) or [
        *(tuple((k + shift) % 3 + 1 for k in range(count)) for shift in range(3)),
        tuple((k + k // 3) % 3 + 1 for k in range(count)),
    ]


def _few(count: int) -> list[tuple[int, ...]]:
    """For layers of derivatives, whose evaluation takes long: large arrays are mostly flat, each in another direction.

    Any two axes differ in one of the choices at least.
    """
    if count < 4:
        return _patterns(count)
    return [tuple({k: 2, (k + 2) % count: 3}.get(axis, 1) for axis in range(count)) for k in range(count)]


def _other_extents(graph: Graph) -> Iterator[tuple[int, ...]]:
    """What else the facts allow, unlike sizes first, then small ones."""
    count = len(graph.extents)
    largest = {0: 1, 1: 12, 2: 8, 3: 6, 4: 5}.get(count, 3)
    candidates = itertools.product(range(1, largest + 1), repeat=count)
    ranked = sorted(candidates, key=lambda sizes: (-len(set(sizes)), math.prod(sizes), sizes))
    return (sizes for sizes in ranked if _extents_allowed(graph, sizes))


def _extents_allowed(graph: Graph, sizes: Sequence[int]) -> bool:
    extents = dict(zip(graph.extents, sizes, strict=True))
    if any(not fact_holds(fact, {}, extents) for fact in graph.facts if not _names_in_fact(fact)):
        return False
    elements = (e for equation in graph.equations for e in sorted(equation.expression.atoms(Indexed), key=str))
    return all(
        position <= extents[extent]
        for element in elements
        for position, extent in zip(element.indices, graph.by_name[name_of(element) or ""].extents, strict=True)
        if isinstance(position, Integer)
    )


@dataclass(frozen=True)
class _Draw:
    """One attempt at drawing data."""

    graph: Graph
    extents: Mapping[str, int]
    regime: Regime
    source: random.Random
    offset: int

    def inputs(self) -> dict[str, Array]:
        scalars = [q for q in self.graph.inputs if _is_scalar_constant(q)]
        drawn: dict[str, Array] = {q.name: {(): self.constant(q)} for q in scalars}
        sizes = [array[()] for array in drawn.values() if array[()] > 0]
        scale = _dyadic_root(min(sizes, default=Rational(1, 1024)))
        for quantity in self.graph.inputs:
            if quantity.name not in drawn:
                drawn[quantity.name] = self.array(quantity, scale)
        for fact in self.graph.facts:
            normalize(self.graph, fact, drawn, self.extents)
        return {q.name: drawn[q.name] for q in self.graph.inputs}

    def directions(self, names: Sequence[str]) -> dict[str, Array]:
        """A random direction for each of the named quantities."""
        quantities = [self.graph.by_name[name] for name in names]
        return {q.name: {place: self.signed() for place in places(q.extents, self.extents)} for q in quantities}

    def constant(self, quantity: Quantity) -> Rational:
        low, high = bounds(self.graph, quantity.name)
        default = quantity.default
        if self.regime == "ordinary" or not default or default in (low, high):
            return self.within(low, high, Integer(1), Integer(0))
        near = Rational(round(default * self.positive() * 2**40), 2**40)
        return near if (low is None or near > low) and (high is None or near < high) else default

    def array(self, quantity: Quantity, scale: Rational) -> Array:
        low, high = bounds(self.graph, quantity.name)
        varied = quantity.role == "input"
        step = scale if varied and self.regime == "small scale" else Integer(1)
        offset = Integer(0)
        if varied and self.offset and quantity.indices and (low is None or high is None):
            offset = self.positive() * self.offset
            offset = -offset if low is None and (high is not None or self.source.random() < 0.5) else offset
        return {
            place: self.within(low, high, step, offset) for place in places(quantity.extents, self.extents)
        }

    def within(self, low: Rational | None, high: Rational | None, step: Rational, offset: Rational) -> Rational:
        """A number strictly between its bounds."""
        if low is not None and low == high:
            return low
        if low is not None and high is not None:
            return low + (high - low) * Rational(self.source.randint(100, 924), 1024) * min(step, Integer(1))
        if low is not None:
            return low + offset + self.positive() * step
        if high is not None:
            return high + offset - self.positive() * step
        return offset + self.signed() * step

    def positive(self) -> Rational:
        """A number from 0.3 to 2, but not 1."""
        return Rational(self.source.choice([self.source.randint(300, 1000), self.source.randint(1048, 2048)]), 1024)

    def signed(self) -> Rational:
        return self.positive() * self.source.choice((-1, 1))


def _is_scalar_constant(quantity: Quantity) -> bool:
    return quantity.role == "constant" and not quantity.indices


def _dyadic_root(value: Rational) -> Rational:
    return Rational(max(1, math.isqrt(int(value * 2**60))), 2**30)


def bounds(graph: Graph, name: str) -> tuple[Rational | None, Rational | None]:
    """The largest lower and the smallest upper bound that the facts put on every element of an input."""
    low: Rational | None = None
    high: Rational | None = None
    for fact in graph.facts:
        for left, relation, right in ((fact.left, fact.relation, fact.right), _flip(fact)):
            if name_of(left) != name or not isinstance(right, Rational):
                continue
            if relation in (">", ">=", "=="):
                low = right if low is None else max(low, right)
            if relation in ("<", "<=", "=="):
                high = right if high is None else min(high, right)
    return low, high


def _flip(fact: Fact) -> tuple[Expr, Relation, Expr]:
    return fact.right, _FLIPPED[fact.relation], fact.left


def normalize(graph: Graph, fact: Fact, drawn: dict[str, Array], extents: Mapping[str, int]) -> None:
    """Make the sums of an input what a fact says: sum(t[n, c] for c in C) == 1. Other facts are left to chance."""
    for left, relation, right in ((fact.left, fact.relation, fact.right), _flip(fact)):
        name = name_of(left.function) if isinstance(left, Sum) else None
        if name not in drawn or relation != "==" or not isinstance(right, Rational):
            continue
        low, _ = bounds(graph, name)
        array = drawn[name]
        free = [index.name for index in fact.indices]
        for place in places([index.extent for index in fact.indices], extents):
            at = dict(zip(free, place, strict=True))
            summed = list(_summed_places(left, at, extents))
            total = sum((array[p] for p in summed), Integer(0))
            for p in summed:
                if low is not None and low >= 0 and right > 0:
                    array[p] = array[p] * right / total  # stays positive
                else:
                    array[p] = array[p] + (right - total) / len(summed)


def _summed_places(total: Expr, at: Mapping[str, int], extents: Mapping[str, int]) -> Iterator[tuple[int, ...]]:
    """The places of the array that a sum goes over, with the free indices at given positions."""
    limits = [(symbol.name, str(extent)) for symbol, extent in limits_of(total)]
    for place in places([extent for _, extent in limits], extents):
        inner = {**at, **dict(zip([name for name, _ in limits], place, strict=True))}
        yield tuple(int(evaluate(i, {}, extents, inner, EXACT)) for i in total.function.indices)


def _refusal(graph: Graph, extents: Mapping[str, int], inputs: Mapping[str, Array]) -> LayerError | None:
    """Why these data cannot be used, if they cannot."""
    gaps: list[float] = []
    watching = replace(PRECISE, watch=lambda a, b: gaps.append(_relative_gap(a, b)))
    values = convert(inputs, PRECISE)
    for fact in graph.facts:
        if set(_names_in_fact(fact)) <= set(values) and not fact_holds(fact, values, extents):
            return _fact_error(graph, fact, "cannot be drawn")
    for equation in graph.equations:
        gaps.clear()
        values = run([equation], values, extents, watching)
        if graph.by_name[equation.name].role != "intermediate":
            # In a derivative x == max(x) is asked, and is exactly so; the max itself has been watched.
            gaps[:] = [gap for gap in gaps if gap]
        if not all(math.isfinite(value) for value in values[equation.name].values()):
            return LayerError(
                f"{equation.name!r} is undefined on data that satisfy the facts",
                "assert the bounds that its arguments need, such as x > 0",
                _location(graph, equation.line),
            )
        if min(gaps, default=1) < _KINK_GAP:
            return LayerError(
                f"{equation.name!r} stays at a kink, where it has no derivative",
                "state what keeps it away from there, such as assert N > 1",
                _location(graph, equation.line),
            )
    for fact in graph.facts:
        if not fact_holds(fact, values, extents):
            return _fact_error(graph, fact, "does not hold on data that satisfy the other facts")
    return None


def _relative_gap(a: Number, b: Number) -> float:
    size = max(abs(a), abs(b))
    return float(abs(a - b) / size) if size else 0.0


def _floats_follow(graph: Graph, extents: Mapping[str, int], inputs: Mapping[str, Array]) -> bool:
    """Whether 64-bit floats give the values of the layer to six digits."""
    precise = run(graph.equations, convert(inputs, PRECISE), extents, PRECISE)
    floats = run(graph.equations, convert(inputs, FLOAT), extents, FLOAT)
    floor = 1e-9 * max(abs(value) for name in inputs for value in precise[name].values())
    for name, array in precise.items():
        sizes = [abs(value) for value in array.values()]
        if any(size and not _SMALLEST < size < 1 / _SMALLEST for size in sizes):
            return False
        scale = max(floor, *sizes)
        if not all(abs(floats[name][place] - value) <= 1e-6 * scale for place, value in array.items()):
            return False
    return True


_RELATIONS: dict[Relation, Callable[[Number, Number], bool]] = {
    "==": lambda difference, slack: bool(abs(difference) <= slack),
    "!=": lambda difference, slack: bool(abs(difference) > slack),
    "<": lambda difference, slack: bool(difference < 0),
    "<=": lambda difference, slack: bool(difference <= slack),
    ">": lambda difference, slack: bool(difference > 0),
    ">=": lambda difference, slack: bool(difference >= -slack),
}


def fact_holds(fact: Fact, values: Mapping[str, Array], extents: Mapping[str, int]) -> bool:
    """Whether a fact is true, for every value of its free indices, of values in `PRECISE` arithmetic."""
    left = element_values(fact.left, fact.indices, values, extents, PRECISE)
    right = element_values(fact.right, fact.indices, values, extents, PRECISE)
    test = _RELATIONS[fact.relation]
    return all(test(left[p] - right[p], _TOLERANCE * max(1, abs(left[p]), abs(right[p]))) for p in left)


def _names_in_fact(fact: Fact) -> list[str]:
    return [*names_in(fact.left), *names_in(fact.right)]


def fact_text(graph: Graph, fact: Fact) -> str:
    """A fact as its author wrote it, or else as SymPy writes it."""
    location = _location(graph, fact.line)
    return location.text.strip() if location else f"assert {fact.left} {fact.relation} {fact.right}"


def _fact_error(graph: Graph, fact: Fact, what: str) -> LayerError:
    return LayerError(
        f"the fact {fact_text(graph, fact)!r} {what}",
        "a fact bounds an input, bounds an extent, or fixes the sums of an input",
        _location(graph, fact.line),
    )


def _location(graph: Graph, line: int | None) -> Location | None:
    lines: Iterable[str] = graph.source.splitlines()
    text = dict(enumerate(lines, start=1)).get(line or 0)
    return None if text is None else Location(graph.name, line or 0, 0, text)
