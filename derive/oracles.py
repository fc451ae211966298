"""The true gradients and tangents of a layer on one sample, found without any rule of differentiation of ours.

    Input    a Sample, an Oracle
    Output   `Gradients` of the layer, and the `Truth` of every name that a derivation of it can mention

All three oracles do the same thing: they change one element of one quantity at its place in the graph, let the
interpreter compute the loss L = sum over the outputs of <cotangent, output> again, and ask how fast it changes. A
loss is recomputed from the changed quantity on, so that an intermediate has its own total derivative. For the tangents
all inputs that move are changed at once, each along its given tangent, and the layer is computed again as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from sympy import Expr, Indexed, Integer, Rational, Symbol

from derive.arithmetic import COMPLEX, EXACT, FLOAT, PRECISE, Arithmetic, Number, exact_around
from derive.derivation import Derivation
from derive.discrepancy import TERMS, sized
from derive.draw import Sample
from derive.errors import LayerError
from derive.graph import Equation, Graph, Index, Quantity, name_of, names_in, reaching_outputs
from derive.interpret import Array, convert, element_values, evaluate, places, run

Varying = Callable[[Number], Number]  # a function of the change of one element

_STEP = PRECISE.number(Rational(1, 10**40))  # squared, it is far below the 50 digits that are asked for
_SMALL_STEP = PRECISE.number(Rational(1, 10**20))  # relative; squared, it is below the error that is allowed
_NOISE = PRECISE.number(Rational(1, 10**200))  # what is left, in 240 digits, of terms that cancel
_COMPLEX_STEP = 1e-30
_CHANGE = Symbol("change", real=True)


def _central_difference(function: Varying, size: Number) -> Number:
    step = _STEP * max(1, abs(size))  # one that is far below the rounding of what is changed would be lost
    if abs(size) > _NOISE:
        step = min(step, _SMALL_STEP * abs(size))  # and one that is larger than what is changed would say nothing
    return (function(step) - function(-step)) / (2 * step)


def _complex_step(function: Varying, size: Number) -> Number:
    return function(complex(0, _COMPLEX_STEP)).imag / _COMPLEX_STEP


def _scalar_derivative(function: Varying, size: Number) -> Number:
    return function(_CHANGE).diff(_CHANGE).xreplace({_CHANGE: Integer(0)})


def _compare_nearly(a: Number, b: Number) -> float:
    near = abs(a - b) <= _SAME * max(abs(a), abs(b))
    return 0 if near else PRECISE.compare(a, b)


# Data keep 1e-6 away from a kink. What differs by less is what a derivative asks of a max, whether it is x[i]: it stays
# so when the max, at its place in the graph, is changed by a step.
_SAME = 2 * _SMALL_STEP
_DECIDED = replace(PRECISE, compare=_compare_nearly)


@dataclass(frozen=True, eq=False)
class Oracle:
    """A way to find a derivative.

    The changed layer is computed in `varied`; `derivative` takes the derivative at zero of a function of the change,
    given the size of what is changed; what is compared with it is computed in `arithmetic`, where errors up to `bound`
    are rounding.
    """

    name: str
    arithmetic: Arithmetic
    varied: Arithmetic
    derivative: Callable[[Varying, Number], Number]
    bound: float


# At 240 digits a step of 1e-40 leaves an error of about 1e-80; 1e-30 leaves room for badly conditioned data.
CENTRAL_DIFFERENCES = Oracle("central differences", PRECISE, _DECIDED, _central_difference, 1e-30)
# 64-bit rounding is 1e-16; large offsets and tiny constants cost some digits.
COMPLEX_STEP = Oracle("complex step", FLOAT, COMPLEX, _complex_step, 1e-8)
# Roots that SymPy does not combine are compared to 50 digits.
SCALAR_DIFF = Oracle("exact scalar diff", EXACT, exact_around({_CHANGE: Integer(0)}), _scalar_derivative, 1e-50)


class Gradients:
    """The values and derivatives of a layer on one sample by one oracle, each computed when it is first asked for."""

    def __init__(self, sample: Sample, oracle: Oracle) -> None:
        self.sample = sample
        self.oracle = oracle
        self.forward = _forward(sample, oracle.arithmetic)
        self._varied = self.forward if oracle.varied is oracle.arithmetic else _forward(sample, oracle.varied)
        self._totals: dict[str, Array] = {}
        self._locals: dict[tuple[str, str], dict[tuple[int, ...], Array]] = {}
        self._throughs: dict[tuple[str, str], dict[tuple[int, ...], Array]] = {}
        self._tangents: dict[tuple[str, tuple[str, ...]], Array] = {}
        self._moved: dict[tuple[str, ...], dict[Number, Mapping[str, Array]]] = {}

    def total(self, of: str) -> Array:
        """The total derivative of the loss with respect to a change of `of` at its place in the graph."""
        if of not in self._totals:
            sample, oracle = self.sample, self.oracle
            leading = reaching_outputs(sample.graph).equation_of
            later = [equation for equation in downstream(sample.graph, of) if equation.name in leading]
            if not later and of in sample.graph.outputs:  # nothing to find out: it is what is given
                return convert(sample.cotangents, oracle.arithmetic)[of]
            # What does not change would only cost digits where it is large.
            reached = [name for name in sample.graph.outputs if name in {of, *(e.name for e in later)}]

            def loss(place: tuple[int, ...], change: Number) -> Number:
                values = run(later, self._changed(of, place, change), sample.extents, oracle.varied)
                return loss_of(sample, reached, values, oracle.varied)

            self._totals[of] = {
                place: oracle.derivative(partial(loss, place), self.forward[of][place]) for place in self.forward[of]
            }
        return self._totals[of]

    def tangent(self, of: str, moving: tuple[str, ...]) -> Array:
        """How fast `of` changes while the inputs `moving` go along their tangents, and the others stay."""
        if (of, moving) not in self._tangents:

            def value(place: tuple[int, ...], change: Number) -> Number:
                return self._all_moved(moving, change)[of][place]

            sizes = [abs(value) for name in moving for value in self.forward[name].values()]
            size = max(sizes, default=0)
            self._tangents[of, moving] = {
                place: self.oracle.derivative(partial(value, place), size) for place in self.forward[of]
            }
        return self._tangents[of, moving]

    def local(self, of: str, by: str) -> dict[tuple[int, ...], Array]:
        """The derivative of the equation of `of` alone, all else held fixed: for each element of `by` an array."""
        if (of, by) not in self._locals:
            equation = self.sample.graph.equation_of[of]

            def value(at: tuple[int, ...], place: tuple[int, ...], change: Number) -> Number:
                return self._element(equation, at, self._changed(by, place, change))

            self._locals[of, by] = {
                place: {at: self.oracle.derivative(partial(value, at, place), size) for at in self.forward[of]}
                for place, size in self.forward[by].items()
            }
        return self._locals[of, by]

    def through(self, of: str, by: str) -> dict[tuple[int, ...], Array]:
        """The derivative of `of` by all ways in which it depends on `by`: for each element of `by` an array."""
        if (of, by) not in self._throughs:
            later = downstream(self.sample.graph, by)

            def value(at: tuple[int, ...], place: tuple[int, ...], change: Number) -> Number:
                return run(later, self._changed(by, place, change), self.sample.extents, self.oracle.varied)[of][at]

            self._throughs[of, by] = {
                place: {at: self.oracle.derivative(partial(value, at, place), size) for at in self.forward[of]}
                for place, size in self.forward[by].items()
            }
        return self._throughs[of, by]

    def _all_moved(self, moving: tuple[str, ...], change: Number) -> Mapping[str, Array]:
        """Every value of the layer, with the inputs `moving` gone along their tangents by `change`."""
        known = self._moved.setdefault(moving, {})
        if change not in known:
            varied = self.oracle.varied
            inputs = {name: self._varied[name] for name in self.sample.inputs}
            for name, direction in convert({name: self.sample.tangents[name] for name in moving}, varied).items():
                inputs[name] = {
                    place: varied.add([value, varied.multiply([change, direction[place]])])
                    for place, value in inputs[name].items()
                }
            known[change] = run(self.sample.graph.equations, inputs, self.sample.extents, varied)
        return known[change]

    def _changed(self, name: str, place: tuple[int, ...], change: Number) -> dict[str, Array]:
        array = self._varied[name]
        return {**self._varied, name: {**array, place: self.oracle.varied.add([array[place], change])}}

    def _element(self, equation: Equation, at: tuple[int, ...], values: Mapping[str, Array]) -> Number:
        indices = {index.name: position for index, position in zip(equation.indices, at, strict=True)}
        return evaluate(equation.expression, values, self.sample.extents, indices, self.oracle.varied)


@lru_cache(maxsize=64)
def gradients_of(sample: Sample, oracle: Oracle) -> Gradients:
    """The gradients of a sample's layer, the same object each time: they are the same for all its derivations."""
    return Gradients(sample, oracle)


class Truth:
    """What every name in a derivation truly is, on one sample by one oracle; some values may be `known` already."""

    def __init__(
        self, derivation: Derivation, sample: Sample, oracle: Oracle, known: Mapping[str, Array] | None = None
    ) -> None:
        self.derivation = derivation
        self.sample = sample
        self.oracle = oracle
        self.gradients = gradients_of(sample, oracle)
        self._values: dict[str, Array] = {**self.gradients.forward, **(known or {})}
        given = [q for q in derivation.backward.inputs if q.name not in derivation.forward.by_name]
        self._moving = tuple(q.of or "" for q in given if q.role == "tangent")
        self._sizes: dict[str, Array] = {}
        self._lines = _lines(derivation)

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """The true arrays of the named quantities. Raises LayerError for a name that the derivation does not have."""
        return {name: self.value(name) for name in names}

    def value(self, name: str) -> Array:
        """The true array of one quantity, by its role."""
        if name not in self._values:
            quantity = self.derivation.by_name.get(name)
            if quantity is None:
                raise LayerError(f"the derivation mentions {name!r} and does not say what it is")
            rule = _RULES.get(quantity.role)
            if rule is None:
                raise TypeError(f"a quantity with the role {quantity.role!r} has no independent truth: {name!r}")
            self._values[name] = rule(self, quantity)
        return self._values[name]

    def given(self, of: str) -> Array:
        """The cotangent of an output, or in forward mode the tangent of an input, as it was drawn."""
        drawn = self.sample.tangents if self.derivation.mode == "forward" else self.sample.cotangents
        return {p: self.oracle.arithmetic.number(v) for p, v in drawn[of].items()}

    def _tangent(self, quantity: Quantity) -> Array:
        if quantity.of not in self.gradients.forward:
            raise LayerError(f"the tangent {quantity.name!r} does not say of what it is")
        return self._tangent_of(quantity.of)

    def _tangent_of(self, of: str) -> Array:
        return self.given(of) if of in self._moving else self.gradients.tangent(of, self._moving)

    def _contribution(self, quantity: Quantity) -> Array:
        """What reaches a quantity through one equation: the cotangents there times the derivatives of that equation.

        In forward mode, what one of the quantities in its equation brings: their derivatives times the tangents there.
        """
        of, via = quantity.of or "", quantity.via
        if quantity.mode == "forward":
            return self._forward_contribution(of, via or "")
        if via is None:
            return self.given(of)
        outer, arithmetic = self.gradients.total(via), self.oracle.arithmetic
        return {
            place: arithmetic.add([arithmetic.multiply([outer[at], value]) for at, value in column.items()])
            for place, column in self.gradients.local(via, of).items()
        }

    def _forward_contribution(self, of: str, via: str) -> Array:
        tangents, columns, arithmetic = self._tangent_of(via), self.gradients.local(of, via), self.oracle.arithmetic
        return {
            place: arithmetic.add([arithmetic.multiply([columns[at][place], value]) for at, value in tangents.items()])
            for place in self.gradients.forward[of]
        }

    def _local_derivative(self, quantity: Quantity) -> Array:
        above, below = quantity.numerator, quantity.denominator
        of, by = name_of(above), name_of(below)
        if of is None or by is None:
            raise LayerError(f"the local derivative {quantity.name!r} does not say of what by what it is")
        derivatives = self.gradients.through if quantity.role == "total_derivative" else self.gradients.local
        table, extents = derivatives(of, by), self.sample.extents
        names = [index.name for index in quantity.indices]
        array: Array = {}
        for place in places(quantity.extents, extents):
            at = dict(zip(names, place, strict=True))
            array[place] = table[_position(below, at)][_position(above, at)]
        return array

    def _loss(self, quantity: Quantity) -> Array:
        return {(): loss_of(self.sample, self.sample.graph.outputs, self.gradients.forward, self.oracle.arithmetic)}

    def _definition(self, quantity: Quantity) -> Array:
        if quantity.name not in self._lines:
            raise LayerError(f"the helper {quantity.name!r} has no equation")
        equation = self._lines[quantity.name][0]
        return self.right_side(equation.expression, equation.indices)

    def right_side(self, expression: Expr, indices: Sequence[Index]) -> Array:
        """An expression over its free indices, with the true value of every name in it."""
        values = self.values(names_in(expression))
        return element_values(expression, indices, values, self.sample.extents, self.oracle.arithmetic)

    def terms(self, expression: Expr, indices: Sequence[Index]) -> Array:
        """The same as `Term`s, which know how large the numbers were that it was computed from."""
        values = {name: self.sized(name) for name in names_in(expression)}
        return element_values(expression, indices, values, self.sample.extents, TERMS)

    def sized(self, name: str) -> Array:
        """The true array of a quantity, each value with the size of the terms in the lines about it.

        A value that is zero because its terms cancel is known only to the precision of the terms.
        """
        if name not in self._sizes:
            values = self.value(name)
            self._sizes[name] = known = {place: sized(value, value) for place, value in values.items()}
            for equation in self._lines.get(name, []):
                if len(equation.indices) == len(next(iter(values))):
                    terms = self.terms(equation.expression, equation.indices)
                    finite = {place for place, term in terms.items() if math.isfinite(term.size)}  # not in a wrong line
                    known = {p: sized(term, terms[p]) if p in finite else term for p, term in known.items()}
            self._sizes[name] = known
        return self._sizes[name]


def downstream(graph: Graph, name: str) -> list[Equation]:
    """The equations whose values change when the quantity does, in order."""
    changed = {name}
    found = []
    for equation in graph.equations:
        if changed.intersection(names_in(equation.expression)):
            changed.add(equation.name)
            found.append(equation)
    return found


def _forward(sample: Sample, arithmetic: Arithmetic) -> dict[str, Array]:
    return run(sample.graph.equations, convert(sample.inputs, arithmetic), sample.extents, arithmetic)


def loss_of(sample: Sample, outputs: Sequence[str], values: Mapping[str, Array], arithmetic: Arithmetic) -> Number:
    """The sum over some of the outputs of their values times what was drawn for them."""
    return arithmetic.add(
        [
            arithmetic.multiply([arithmetic.number(weight), values[name][place]])
            for name in outputs
            for place, weight in sample.cotangents[name].items()
        ]
    )


def _lines(derivation: Derivation) -> dict[str, list[Equation]]:
    """The equations of each name: the one of the backward graph first, then those of the steps."""
    found = {equation.name: [equation] for equation in derivation.backward.equations}
    for step in derivation.steps:
        if isinstance(step.equation, Equation):
            found.setdefault(step.equation.name, []).append(step.equation)
    return found


def _position(element: Expr, at: Mapping[str, int]) -> tuple[int, ...]:
    """The place of an element such as x[i, 2] with the indices at given positions."""
    indices = element.indices if isinstance(element, Indexed) else ()
    return tuple(int(index) if isinstance(index, Integer) else at[index.name] for index in indices)


_RULES: dict[str, Callable[[Truth, Quantity], Array]] = {
    "cotangent": lambda truth, quantity: truth.gradients.total(quantity.of or ""),
    "tangent": Truth._tangent,
    "contribution": Truth._contribution,
    "local_derivative": Truth._local_derivative,
    "total_derivative": Truth._local_derivative,
    "helper": Truth._definition,
    "loss": Truth._loss,
}
