"""A NumPy function as something to be judged: what it returns for each name, on the data of a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from derive.claims.claim import Claim
from derive.claims.functions import FunctionUnderTest
from derive.claims.vocabulary import Vocabulary
from derive.generated import to_numpy
from derive.interpret import Array
from derive.judging.subject import Subject
from derive.judging.trials import Trial

# Some people compute in float32. What is wrong is wrong by more than this.
_BOUND = 1e-5


@dataclass(eq=False)
class FunctionValues:
    """What a function returns, called once for each trial."""

    function: FunctionUnderTest
    vocabulary: Vocabulary
    _known: dict[int, tuple[Trial, dict[str, np.ndarray]]] = field(default_factory=dict)

    def claims(self, first: Trial) -> Iterator[tuple[Claim, Subject]]:
        """A claim for each array that it returns, outputs first; which these are is seen on the `first` data."""
        function = self.function
        self._values(first)
        outputs = [(name, function.forward_line, function.forward_title) for name in function.forward_names]
        for name, line, title in [*outputs, *((name, function.line, function.title) for name in function.names)]:
            quantity = self.vocabulary.known[name]
            text = f"{name}, as returned by {title}"
            claim = Claim(line or 1, text, quantity.element, quantity.element, quantity.indices)
            subject = Subject(
                quantity.element, quantity.indices, quantity, computed=self._reader(name), bound=_BOUND
            )
            yield claim, subject

    def _reader(self, name: str) -> Callable[[Trial], Array]:
        def computed(trial: Trial) -> Array:
            values = self._values(trial)[name]
            return {tuple(k + 1 for k in at): float(values[at]) for at in np.ndindex(*values.shape)}

        return computed

    def _values(self, trial: Trial) -> dict[str, np.ndarray]:
        key = id(trial)
        if key not in self._known:
            sample = trial.sample
            by_name, extents = self.vocabulary.graph.by_name, sample.extents
            inputs = {name: to_numpy(array, by_name[name], extents) for name, array in sample.inputs.items()}
            given = {name: to_numpy(array, by_name[name], extents) for name, array in sample.cotangents.items()}
            # The trial is kept with it, so that its id stays its own.
            self._known[key] = (trial, self.function.values(inputs, given))
        return self._known[key][1]
