"""The gradients of any order, from the layer's own equations and nothing else.

    Input    a Derivation of order 2 or more, a Sample of its `whole`
    Output   the true derivatives of the last two orders, by nested central differences in 240 digits

The evidence for an order could rest on that of the order below, and share its errors. So the scalar of each order is
written down by its definition: L1 is the sum of dy*y, L2 the derivative of L1 in the direction (d2dx, d2dgamma, ...),
L3 that of L2 in the direction (d3d2dy, d3d2x, ...). Each is a difference quotient of the one before, down to the
equations of the layer; what was derived is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sympy import Rational

from derive.arithmetic import DIGITS, PRECISE, Number
from derive.derivation import Derivation
from derive.discrepancy import Term, sized
from derive.draw import Sample
from derive.errors import LayerError
from derive.graph import Quantity
from derive.interpret import Array, Values, convert, run


class LayerAlone:
    """The derivatives of one layer on one sample.

    `sample` must give a value to every input of every order, as those drawn for `derivation.whole` do.
    """

    def __init__(self, derivation: Derivation, sample: Sample) -> None:
        self.layer = derivation.orders[0].forward
        self.extents = sample.extents
        # What is given at each order, by the name of what its gradient is weighted with it.
        self.given = [{str(q.of): q for q in _given_at(lower)} for lower in derivation.orders]
        self.values: Values = convert(sample.inputs, PRECISE)
        for output, array in sample.cotangents.items():
            self.values[self.given[-1][output].name] = {p: PRECISE.number(v) for p, v in array.items()}
        missing = [q.name for q in derivation.whole.inputs if q.name not in self.values]
        if missing:
            raise LayerError(f"the data have no {', '.join(missing)}", "draw them for `derivation.whole`")
        # The direction in which each name is changed: what is given for the gradient with respect to it.
        self.directions = [
            {str(lower.forward.by_name[of].of): q.name for of, q in given.items()}
            for lower, given in zip(derivation.orders[1:], self.given[1:], strict=True)
        ]

    def gradient(self, of: str, order: int) -> Array:
        """The derivative of the scalar of an order with respect to an input of that order (x, dy, d2dx)."""
        step, array = _step(order), self.values[of]

        def moved(place: tuple[int, ...], change: Number) -> Number:
            return self._scalar(order, {**self.values, of: {**array, place: array[place] + change}}, step)

        return {place: _difference(partial(moved, place), step) for place in array}

    def weighted_outputs(self) -> list[Term]:
        """What the scalar of the first order is added up from: rounding is in proportion to that."""
        return [sized(value, value) for value in self._weighted(self.values)]

    def _weighted(self, values: Mapping[str, Array]) -> list[Number]:
        outputs = run(self.layer.equations, values, self.extents, PRECISE)
        return [
            PRECISE.multiply([weight, outputs[of][place]])
            for of, given in self.given[0].items()
            for place, weight in values[given.name].items()
        ]

    def _scalar(self, order: int, values: Mapping[str, Array], step: Number) -> Number:
        """The scalar of an order: at the first the weighted outputs, then the derivative of the one before."""
        if order == 1:
            return PRECISE.add(self._weighted(values))
        directions = self.directions[order - 2]

        def along(distance: Number) -> Number:
            moved = {
                name: {place: value + distance * values[by][place] for place, value in values[name].items()}
                for name, by in directions.items()
            }
            return self._scalar(order - 1, {**values, **moved}, step)

        return _difference(along, step)


def _given_at(derivation: Derivation) -> list[Quantity]:
    known = derivation.forward.by_name
    return [quantity for quantity in derivation.backward.inputs if quantity.name not in known]


def _step(order: int) -> Number:
    """With a step h the error is of the size h**2, rounding 10**-240/h**order; this makes them equal."""
    return PRECISE.number(Rational(1, 10 ** (DIGITS // (order + 2))))


def _difference(function: Callable[[Number], Number], step: Number) -> Number:
    return (function(step) - function(-step)) / (2 * step)
