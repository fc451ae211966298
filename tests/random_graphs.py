"""What is derived from a random graph, computed, beside what is true of it by methods that derive nothing.

The complex step is taken in the forward equations alone, for the gradients, and in the chain rule, which is held
against that, for the gradients of the gradients. JAX differentiates the forward equations, once and twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from array_values import values_of

from derive.codegen.numpy import compile_derivation
from derive.codegen.residuals import cotangents_of
from derive.derivation import Derivation
from derive.draw import Sample
from derive.generated import to_numpy
from derive.graph import Graph
from derive.pipeline import derive, derive_in_turn

Values = dict[str, Any]

_STEP = 1e-30


@dataclass(frozen=True)
class Case:
    """A layer with data: the inputs and the cotangents of its outputs, and, for order 2, those of its gradients."""

    graph: Graph
    sample: Sample

    @cached_property
    def inputs(self) -> Values:
        extents = self.sample.extents
        return {q.name: np.asarray(to_numpy(self.sample.inputs[q.name], q, extents)) for q in self.graph.inputs}

    @cached_property
    def first(self) -> Derivation:
        """The chain rule alone."""
        return derive(self.graph, "staged")

    @cached_property
    def given(self) -> Values:
        """The cotangents of the outputs, by their own names: dy."""
        known = self.graph.by_name
        return {
            q.name: np.asarray(to_numpy(self.sample.cotangents[q.of or ""], known[q.of or ""], self.sample.extents))
            for q in cotangents_of(self.first)
        }

    @cached_property
    def given_again(self) -> Values:
        """Those of the gradients, by the gradient's name."""
        rng = np.random.default_rng(len(self.graph.equations))
        quantities = map(self.first.by_name.__getitem__, self.first.backward.outputs)
        return {q.name: rng.normal(size=[self.sample.extents[e] for e in q.extents]) for q in quantities}

    def true_gradients(self) -> Values:
        """By the complex step in every element that has a gradient."""
        moving = {str(self.first.by_name[name].of): name for name in self.first.backward.outputs}
        found = self._stepped(self.graph.equations, self.inputs, moving, self._loss_weights())
        return {moving[name]: value for name, value in found.items()}

    def true_second_gradients(self) -> Values:
        """What the sum of <dx, given for dx> changes by with each input and each cotangent, by their names."""
        known = self.inputs | self.given
        moving = [name for name in known if self.is_moving(name)]
        return self._stepped(self.first.backward.equations, known, moving, self.given_again)

    def is_moving(self, name: str) -> bool:
        return name in self.given or self.graph.by_name[name].role != "constant"

    def _loss_weights(self) -> Values:
        return {str(self.first.by_name[name].of): value for name, value in self.given.items()}

    def _stepped(self, equations: Any, known: Values, moving: Any, weights: Values) -> Values:
        sizes = {name: known[name].size for name in moving}
        sets = sum(sizes.values())
        start = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
        varied = {}
        for name, array in known.items():
            varied[name] = np.repeat(array[np.newaxis].astype(complex), sets, axis=0)
            for k in range(sizes.get(name, 0)):
                varied[name][(start[name] + k, *np.unravel_index(k, array.shape))] += 1j * _STEP
        values = values_of(equations, varied, self.sample.extents)
        loss = sum((values[name] * weight).reshape(sets, -1).sum(axis=1) for name, weight in weights.items())
        changes = loss.imag / _STEP
        return {name: changes[start[name] :][: sizes[name]].reshape(known[name].shape) for name in moving}

    # What is derived

    def by_formulas(self, derivation: Derivation) -> Values:
        """The results of a derivation, all of them computed from what is given."""
        given = self.inputs | self.given | self._again(derivation)
        known = {name: value[np.newaxis] for name, value in given.items()}
        with np.errstate(all="ignore"):
            values = values_of(derivation.backward.equations, known, self.sample.extents)
        return {name: values[name][0] for name in derivation.backward.outputs}

    @staticmethod
    def result_of(derivation: Derivation, name: str) -> str:
        """What a result of order 2 is the gradient of."""
        return str(derivation.by_name[name].of)

    def _again(self, derivation: Derivation) -> Values:
        """The cotangents that a derivation of order 2 is given, by its own names for them."""
        inputs = [q for q in derivation.backward.inputs if q.of in self.given_again]
        return {q.name: self.given_again[str(q.of)] for q in inputs}

    def by_code(self) -> tuple[Values, Values, Values]:
        """The outputs, the gradients and the second gradients that the generated functions return."""
        coded = derive_in_turn(self.graph, "reuse", order=2)
        first, second = coded
        module = compile_derivation(*coded)
        cotangents = [self.given[q.name] for q in cotangents_of(first)]
        dy = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        with np.errstate(all="ignore"):
            outputs, residuals = module.forward(**self.inputs)
            gradients = module.backward(dy, residuals)
            again = module.double_backward(
                *(self.given_again[name] for name in second.forward.outputs), dy, residuals
            )
        return (
            _named(outputs, self.graph.outputs),
            _named(gradients, first.backward.outputs),
            {self.result_of(second, n): v for n, v in _named(again, second.backward.outputs).items()},
        )


def _named(values: Any, names: tuple[str, ...]) -> Values:
    return dict(zip(names, (values,) if len(names) == 1 else values, strict=True))
