"""The two sides of a wrong claim at many places, in 64-bit floats: fast enough to try what would make them equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr

from derive.arithmetic import FLOAT
from derive.errors import LayerError
from derive.graph import names_in
from derive.interpret import Array, evaluate, places
from derive.judging.subject import Subject
from derive.judging.trials import Trial

_TOLERANCE = 1e-8
_MOST = 60  # places are enough to tell formulas apart


@dataclass(frozen=True, eq=False)
class Points:
    """Places of a claim on several sets of ordinary data."""

    subject: Subject
    trials: Sequence[Trial]

    @cached_property
    def places(self) -> list[tuple[int, dict[str, int]]]:
        """The number of the trial and the free indices, for each place; those of all trials in turn."""
        names = [index.name for index in self.subject.indices]
        by_trial = [
            [(k, dict(zip(names, p, strict=True))) for p in self._places(trial)] for k, trial in enumerate(self.trials)
        ]
        longest = max(map(len, by_trial), default=0)
        mixed = [found[n] for n in range(longest) for found in by_trial if n < len(found)]
        return mixed[:_MOST]

    @cached_property
    def true(self) -> list[float]:
        """The true side."""
        return self.values(self.subject.true)

    @cached_property
    def yours(self) -> list[float]:
        """The author's side."""
        if self.subject.yours is not None:
            return self.values(self.subject.yours)
        assert self.subject.computed is not None
        arrays = [self.subject.computed(trial) for trial in self.trials]
        return [float(arrays[k][tuple(at.values())]) for k, at in self.places]

    def values(self, expression: Expr) -> list[float]:
        """An expression at all places."""
        return [self.value(expression, n) for n in range(len(self.places))]

    def value(self, expression: Expr, number: int) -> float:
        """An expression at one place, with the true value of every name in it; NaN where it has none."""
        k, at = self.places[number]
        values = {name: self.floats(k, name) for name in names_in(expression)}
        try:
            return float(evaluate(expression, values, self.trials[k].extents, at, FLOAT))
        except (LayerError, TypeError):  # an element that is not there: a column for a row; a division by 0
            return math.nan

    def equal(self, claimed: Sequence[float]) -> bool:
        """Whether values are the true ones, to rounding."""
        return len(claimed) == len(self.true) and all(map(self.close, claimed, range(len(claimed))))

    def are_yours(self, values: Sequence[float]) -> bool:
        """Whether values are the author's, to rounding, and not just all zero."""
        return alike(values, self.yours)

    def close(self, claimed: float, number: int) -> bool:
        """Whether a value is the true one at its place, to rounding."""
        return abs(claimed - self.true[number]) <= _TOLERANCE * self._scales[self.places[number][0]]

    def mended_by(self, expression: Expr) -> bool:
        """Whether an expression is the true side; told by one place where it is not."""
        last = len(self.places) - 1
        return (
            bool(self.places)
            and self.close(self.value(expression, last), last)
            and self.equal(self.values(expression))
        )

    @cached_property
    def _scales(self) -> list[float]:
        scales = [0.0] * len(self.trials)
        for value, (k, _) in zip(self.true, self.places, strict=True):
            scales[k] = max(scales[k], abs(value) if math.isfinite(value) else 0.0)
        for value, (k, _) in zip(self.yours, self.places, strict=True):
            if scales[k] < _TOLERANCE and math.isfinite(value):
                scales[k] = max(scales[k], _TOLERANCE * abs(value))  # nothing is close to a true zero but zero
        return scales

    def _places(self, trial: Trial) -> list[tuple[int, ...]]:
        return list(places([index.extent for index in self.subject.indices], trial.extents))

    def floats(self, k: int, name: str) -> Array:
        """The true array of a quantity on the data of trial `k`."""
        known = self._known.setdefault(k, {})
        if name not in known:
            known[name] = {place: float(value) for place, value in self.trials[k].floating.value(name).items()}
        return known[name]

    @cached_property
    def _known(self) -> dict[int, dict[str, Array]]:
        return {}


def alike(values: Sequence[float], others: Sequence[float]) -> bool:
    """Whether two lists of values are equal to rounding, and not just all zero."""
    scale = max((abs(value) for value in others if math.isfinite(value)), default=0.0)
    return bool(scale) and all(abs(a - b) <= _TOLERANCE * scale for a, b in zip(values, others, strict=True))


def alike_arrays(array: Array, other: Array) -> bool:
    """Whether two arrays are equal to rounding."""
    scale = max([1.0, *(abs(float(value)) for value in other.values())])
    return all(abs(float(value) - float(other[place])) <= _TOLERANCE * scale for place, value in array.items())
