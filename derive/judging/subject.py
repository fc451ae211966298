"""What is judged, in one shape for a line and for a function: two sides that should be equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr

from derive.discrepancy import Term, worst_error
from derive.graph import Fact, Index, Quantity, Relation
from derive.interpret import Array
from derive.judging.trials import Trial
from derive.oracles import CENTRAL_DIFFERENCES
from derive.verifier import fact_error

_NOISE = 1e-80


@dataclass(frozen=True)
class Subject:
    """What the author says, `yours`, and what it should be, `true`, over the free `indices`.

    `target` is the quantity that the true side is an element of, where it is one: for it a correct line and a diagnosis
    can be found. What a function says is no expression: `computed` has its values.
    """

    true: Expr
    indices: tuple[Index, ...]
    target: Quantity | None
    yours: Expr | None = None
    relation: Relation = "=="
    computed: Callable[[Trial], Array] | None = None
    bound: float = CENTRAL_DIFFERENCES.bound

    def error(self, trial: Trial) -> float:
        """How far the two sides are apart on one set of data, relative to a scale that makes sense."""
        if self.yours is None:
            true, yours = self.sides(trial)
            return worst_error(true, yours, self.bound, lambda: self._terms(trial))
        error = fact_error(Fact(self.true, self.relation, self.yours, self.indices), trial.truth)
        if not error <= self.bound and self.relation == "==":
            # A derivative that is zero is known as the noise of a difference, and its square as less than that.
            values = [value for side in self.sides(trial) for value in side.values()]
            return 0.0 if all(abs(value) < _NOISE for value in values) else error
        return error

    def sides(self, trial: Trial) -> tuple[Array, Array]:
        """The values of both sides, the true one first."""
        true = trial.truth.right_side(self.true, self.indices)
        if self.yours is not None:
            return true, trial.truth.right_side(self.yours, self.indices)
        assert self.computed is not None
        return true, self.computed(trial)

    def holds(self, trial: Trial) -> bool:
        """Whether the two sides are equal on one set of data."""
        return self.error(trial) <= self.bound

    def is_defined(self, trial: Trial) -> bool:
        """Whether the true side has a value everywhere."""
        return all(map(math.isfinite, self.sides(trial)[0].values()))

    def is_void(self, trial: Trial) -> bool:
        """Whether the author's side has no value anywhere that it is wrong."""
        true, yours = self.sides(trial)
        return not any(math.isfinite(yours[place]) and abs(yours[place] - true[place]) > self.bound for place in true)

    def says_something(self, trial: Trial) -> bool:
        """Whether the two sides are more than zero."""
        return any(abs(value) > self.bound for value in self.sides(trial)[0].values())

    def _terms(self, trial: Trial) -> list[Term]:
        return list(trial.truth.terms(self.true, self.indices).values())
