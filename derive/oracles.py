"""The true gradients of a layer on one sample, found without any rule of differentiation of ours.

    Input    a Sample, an Oracle
    Output   `Gradients` of the layer, and the `Truth` of every name that a derivation of it can mention

All three oracles do the same thing: they change one element of one quantity at its place in the graph, let the
interpreter compute the loss L = sum over the outputs of <cotangent, output> again, and ask how fast it changes. A
loss is recomputed from the changed quantity on, so that an intermediate has its own total derivative.
"""

from __future__ import annotations

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
_COMPLEX_STEP = 1e-30
_CHANGE = Symbol("change", real=True)


def _central_difference(function: Varying) -> Number:
    return (function(_STEP) - function(-_STEP)) / (2 * _STEP)


def _complex_step(function: Varying) -> Number:
    return function(complex(0, _COMPLEX_STEP)).imag / _COMPLEX_STEP


def _scalar_derivative(function: Varying) -> Number:
    return function(_CHANGE).diff(_CHANGE).xreplace({_CHANGE: Integer(0)})


def _compare_nearly(a: Number, b: Number) -> float:
    near = abs(a - b) <= _SAME * max(abs(a), abs(b))
    return 0 if near else PRECISE.compare(a, b)


# Data keep 1e-6 away from a kink. What differs by less is what a derivative asks of a max, whether it is x[i]: it stays
# so when the max, at its place in the graph, is changed by a step.
_SAME = PRECISE.number(Rational(1, 10**20))
_DECIDED = replace(PRECISE, compare=_compare_nearly)


@dataclass(frozen=True, eq=False)
class Oracle:
    """A way to find a derivative.

    The changed layer is computed in `varied`; `derivative` takes the derivative at zero of a function of the change;
    what is compared with it is computed in `arithmetic`, where errors up to `bound` are rounding.
    """

    name: str
    arithmetic: Arithmetic
    varied: Arithmetic
    derivative: Callable[[Varying], Number]
    bound: float


# At 120 digits a step of 1e-40 leaves an error of about 1e-80; 1e-30 leaves room for badly conditioned data.
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

    def total(self, of: str) -> Array:
        """The total derivative of the loss with respect to a change of `of` at its place in the graph."""
        if of not in self._totals:
            sample, oracle = self.sample, self.oracle
            leading = reaching_outputs(sample.graph).equation_of
            later = [equation for equation in downstream(sample.graph, of) if equation.name in leading]

            def loss(place: tuple[int, ...], change: Number) -> Number:
                values = run(later, self._changed(of, place, change), sample.extents, oracle.varied)
                return loss_of(sample, values, oracle.varied)

            self._totals[of] = {place: oracle.derivative(partial(loss, place)) for place in self.forward[of]}
        return self._totals[of]

    def local(self, of: str, by: str) -> dict[tuple[int, ...], Array]:
        """The derivative of the equation of `of` alone, all else held fixed: for each element of `by` an array."""
        if (of, by) not in self._locals:
            equation = self.sample.graph.equation_of[of]

            def value(at: tuple[int, ...], place: tuple[int, ...], change: Number) -> Number:
                return self._element(equation, at, self._changed(by, place, change))

            self._locals[of, by] = {
                place: {at: self.oracle.derivative(partial(value, at, place)) for at in self.forward[of]}
                for place in self.forward[by]
            }
        return self._locals[of, by]

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
    """What every name in a derivation truly is, on one sample by one oracle."""

    def __init__(self, derivation: Derivation, sample: Sample, oracle: Oracle) -> None:
        self.derivation = derivation
        self.sample = sample
        self.oracle = oracle
        self.gradients = gradients_of(sample, oracle)
        self._values: dict[str, Array] = dict(self.gradients.forward)
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
        """The cotangent of an output, as it was drawn."""
        return {p: self.oracle.arithmetic.number(v) for p, v in self.sample.cotangents[of].items()}

    def _contribution(self, quantity: Quantity) -> Array:
        """What reaches a quantity through one equation: the cotangents there times the derivatives of that equation."""
        of, via = quantity.of or "", quantity.via
        if via is None:
            return self.given(of)
        outer, arithmetic = self.gradients.total(via), self.oracle.arithmetic
        return {
            place: arithmetic.add([arithmetic.multiply([outer[at], value]) for at, value in column.items()])
            for place, column in self.gradients.local(via, of).items()
        }

    def _local_derivative(self, quantity: Quantity) -> Array:
        above, below = quantity.numerator, quantity.denominator
        of, by = name_of(above), name_of(below)
        if of is None or by is None:
            raise LayerError(f"the local derivative {quantity.name!r} does not say of what by what it is")
        table, extents = self.gradients.local(of, by), self.sample.extents
        names = [index.name for index in quantity.indices]
        array: Array = {}
        for place in places(quantity.extents, extents):
            at = dict(zip(names, place, strict=True))
            array[place] = table[_position(below, at)][_position(above, at)]
        return array

    def _loss(self, quantity: Quantity) -> Array:
        return {(): loss_of(self.sample, self.gradients.forward, self.oracle.arithmetic)}

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
                    known = {place: sized(term, terms[place]) for place, term in known.items()}
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


def loss_of(sample: Sample, values: Mapping[str, Array], arithmetic: Arithmetic) -> Number:
    """The sum over the outputs of their values times what was drawn for them."""
    return arithmetic.add(
        [
            arithmetic.multiply([arithmetic.number(weight), values[name][place]])
            for name, weights in sample.cotangents.items()
            for place, weight in weights.items()
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
    "contribution": Truth._contribution,
    "local_derivative": Truth._local_derivative,
    "helper": Truth._definition,
    "loss": Truth._loss,
}
