"""The value of an equation, by explicit loops over its indices: slow and obvious, the ground truth of everything.

    Input    an expression (or equations), the values of the quantities in it, the extents as integers, an Arithmetic
    Output   a number (or the values of every quantity)

An array is a plain dictionary from 1-based index tuples to numbers, {(1, 1): ..., (1, 2): ...}; a scalar has the one
key (). Nothing here is vectorized, simplified or shared with the derivation that it judges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Abs, Add, Basic, Expr, Indexed, Integer, Mul, NumberSymbol, Pow, Rational, Sum, Symbol, sign
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne

from derive.arithmetic import EXACT, Arithmetic, Number
from derive.errors import LayerError
from derive.functions import MaxOver, ProductOver, delta, limits_of, maximum, minimum, relu, where
from derive.graph import Equation, Index, names_in

Array = dict[tuple[int, ...], Number]
Values = Mapping[str, Array]
Extents = Mapping[str, int]


def evaluate(
    expression: Expr, values: Values, extents: Extents, indices: Mapping[str, int], arithmetic: Arithmetic
) -> Number:
    """The value of an expression with its free `indices` at the given positions.

    Raises TypeError, with the type's name, for a construct that the grammar does not have, and LayerError for a name
    without a value or an element outside its array.
    """
    return _Evaluation(values, extents, arithmetic).visit(expression, indices)


def element_values(
    expression: Expr, indices: Sequence[Index], values: Values, extents: Extents, arithmetic: Arithmetic
) -> Array:
    """The array of an expression over its free `indices`."""
    evaluation = _Evaluation(values, extents, arithmetic)
    names = [index.name for index in indices]
    return {
        place: evaluation.visit(expression, dict(zip(names, place, strict=True)))
        for place in places([index.extent for index in indices], extents)
    }


def run(equations: Iterable[Equation], values: Values, extents: Extents, arithmetic: Arithmetic) -> dict[str, Array]:
    """`values` and the arrays of the equations, each computed from what is before it."""
    computed = dict(values)
    for equation in equations:
        computed[equation.name] = element_values(equation.expression, equation.indices, computed, extents, arithmetic)
    return computed


def places(extents_of_axes: Sequence[str], extents: Extents) -> Iterator[tuple[int, ...]]:
    """Every index tuple of an array, the last index running fastest."""
    return itertools.product(*(range(1, extents[name] + 1) for name in extents_of_axes))


def from_nested(nested: Any) -> Array:
    """An array from nested lists, [[1, 2], [3, 4]]; a scalar from a number."""
    if not isinstance(nested, (list, tuple)):
        return {(): nested}
    return {
        (position, *place): value
        for position, item in enumerate(nested, start=1)
        for place, value in from_nested(item).items()
    }


def to_nested(array: Array) -> Any:
    """The nested lists of an array; the number of a scalar."""
    if () in array:
        return array[()]
    rows: dict[int, Array] = {}
    for (first, *rest), value in array.items():
        rows.setdefault(first, {})[tuple(rest)] = value
    return [to_nested(rows[position]) for position in sorted(rows)]


def convert(values: Values, arithmetic: Arithmetic) -> dict[str, Array]:
    """Exact rational values in another arithmetic."""
    return {name: {place: arithmetic.number(v) for place, v in array.items()} for name, array in values.items()}


@dataclass(frozen=True)
class _Evaluation:
    """One evaluation: what the names stand for, and the arithmetic."""

    values: Values
    extents: Extents
    arithmetic: Arithmetic

    def visit(self, node: Basic, at: Mapping[str, int]) -> Number:
        method = _METHODS.get(type(node)) or _inherited_method(type(node))
        return method(self, node, at)

    def arguments(self, node: Basic, at: Mapping[str, int]) -> list[Number]:
        return [self.visit(argument, at) for argument in node.args]

    def number(self, node: Expr, at: Mapping[str, int]) -> Number:
        return self.arithmetic.number(node)

    def symbol(self, node: Symbol, at: Mapping[str, int]) -> Number:
        name = node.name
        if node.is_integer:
            return self.arithmetic.number(Integer(self.position(node, at)))
        return self.element(name, ())

    def indexed(self, node: Indexed, at: Mapping[str, int]) -> Number:
        return self.element(node.base.label.name, tuple(self.position(index, at) for index in node.indices))

    def element(self, name: str, place: tuple[int, ...]) -> Number:
        array = self.values.get(name)
        if array is None:
            raise LayerError(f"{name!r} has no value", f"known: {', '.join(self.values)}")
        if place not in array:
            raise LayerError(f"{name}{list(place)} is outside {name!r}, whose last element is {list(max(array))}")
        return array[place]

    def position(self, index: Expr, at: Mapping[str, int]) -> int:
        """The integer that an index, or an extent, or a literal position stands for."""
        if isinstance(index, Integer):
            return int(index)
        if isinstance(index, Symbol):
            found = at.get(index.name, self.extents.get(index.name))
            if found is None:
                raise LayerError(f"the index or extent {index.name!r} has no value")
            return found
        raise TypeError(f"an index of type {type(index).__name__} cannot be evaluated: {index}")

    def add(self, node: Add, at: Mapping[str, int]) -> Number:
        return self.arithmetic.add(self.arguments(node, at))

    def multiply(self, node: Mul, at: Mapping[str, int]) -> Number:
        return self.arithmetic.multiply(self.arguments(node, at))

    def power(self, node: Pow, at: Mapping[str, int]) -> Number:
        base, exponent = self.visit(node.base, at), node.exp
        if isinstance(exponent, Integer):
            return self.arithmetic.power(base, int(exponent))
        if isinstance(exponent, Rational) and exponent.q == 2:
            if names_in(node.base):
                self.arithmetic.watch(base, self.arithmetic.number(Integer(0)))  # the root has no derivative at 0
            root = self.arithmetic.square_root(base)
            return root if exponent.p == 1 else self.arithmetic.power(root, int(exponent.p))
        return self.arithmetic.power(base, self.visit(exponent, at))

    def smooth(self, node: Basic, at: Mapping[str, int]) -> Number:
        return self.arithmetic.functions[type(node)](self.visit(node.args[0], at))

    def terms(self, node: Basic, at: Mapping[str, int]) -> list[Number]:
        """The values of a reduction's summand, one for each setting of the bound indices."""
        limits = limits_of(node)
        names = [symbol.name for symbol, _ in limits]
        ranges = (range(1, self.position(extent, at) + 1) for _, extent in limits)
        return [
            self.visit(node.function, {**at, **dict(zip(names, place, strict=True))})
            for place in itertools.product(*ranges)
        ]

    def sum_over(self, node: Sum, at: Mapping[str, int]) -> Number:
        return self.arithmetic.add(self.terms(node, at))

    def product_over(self, node: ProductOver, at: Mapping[str, int]) -> Number:
        return self.arithmetic.multiply(self.terms(node, at))

    def max_over(self, node: MaxOver, at: Mapping[str, int]) -> Number:
        return self.largest(self.terms(node, at))

    def largest(self, candidates: Sequence[Number]) -> Number:
        """The first of the largest values; NaN when one of them is."""
        best = 0
        for k, candidate in enumerate(candidates):
            comparison = self.arithmetic.compare(candidates[best], candidate)
            if math.isnan(comparison):
                return self.arithmetic.nan
            best = best if comparison >= 0 else k
        for k, candidate in enumerate(candidates):
            if k != best:
                self.arithmetic.watch(candidates[best], candidate)
        return candidates[best]

    def decide(self, a: Number, b: Number) -> float:
        """Compare two values on which a branch depends."""
        self.arithmetic.watch(a, b)
        return self.arithmetic.compare(a, b)

    def branch(self, value: Number, positive: Number, negative: Number) -> Number:
        """What belongs to the sign of a value; what belongs to the positive ones at 0; NaN at NaN."""
        comparison = self.decide(value, self.arithmetic.number(Integer(0)))
        if math.isnan(comparison):
            return self.arithmetic.nan
        return positive if comparison >= 0 else negative

    def absolute(self, node: Abs, at: Mapping[str, int]) -> Number:
        value = self.visit(node.args[0], at)
        return self.branch(value, value, -value)

    def relu(self, node: relu, at: Mapping[str, int]) -> Number:
        value = self.visit(node.args[0], at)
        return self.branch(value, value, self.arithmetic.number(Integer(0)))

    def sign(self, node: sign, at: Mapping[str, int]) -> Number:
        comparison = self.decide(self.visit(node.args[0], at), self.arithmetic.number(Integer(0)))
        return self.arithmetic.nan if math.isnan(comparison) else self.arithmetic.number(Integer(comparison))

    def maximum(self, node: maximum, at: Mapping[str, int]) -> Number:
        return self.largest(self.arguments(node, at))

    def minimum(self, node: minimum, at: Mapping[str, int]) -> Number:
        return -self.largest([-value for value in self.arguments(node, at)])

    def where(self, node: where, at: Mapping[str, int]) -> Number:
        condition, a, b = node.args
        # Only the branch that holds is evaluated: the other may be outside its domain there.
        return self.visit(a if self.holds(condition, at) else b, at)

    def holds(self, condition: Basic, at: Mapping[str, int]) -> bool:
        """Whether a comparison holds; with a NaN none but != does."""
        if condition in (sympy.true, sympy.false):
            return bool(condition)
        test = RELATIONS.get(type(condition))
        if test is None:
            raise TypeError(f"a condition of type {type(condition).__name__} cannot be evaluated: {condition}")
        if not names_in(condition):
            # Indices and extents are exact, and equal ones are no kink.
            plain = _Evaluation({}, self.extents, EXACT)
            return test(EXACT.compare(*plain.arguments(condition, at)))
        return test(self.decide(*self.arguments(condition, at)))

    def kronecker(self, node: delta, at: Mapping[str, int]) -> Number:
        a, b = (self.position(index, at) for index in node.args)
        return self.arithmetic.number(Integer(int(a == b)))


# What each relation asks of compare(left, right).
RELATIONS: dict[type, Callable[[float], bool]] = {
    Eq: lambda comparison: comparison == 0,
    Ne: lambda comparison: comparison != 0,
    Lt: lambda comparison: comparison < 0,
    Le: lambda comparison: comparison <= 0,
    Gt: lambda comparison: comparison > 0,
    Ge: lambda comparison: comparison >= 0,
}

_METHODS: dict[type, Callable[[_Evaluation, Any, Mapping[str, int]], Number]] = {
    Rational: _Evaluation.number,
    NumberSymbol: _Evaluation.number,  # pi, e
    type(sympy.nan): _Evaluation.number,
    Symbol: _Evaluation.symbol,
    Indexed: _Evaluation.indexed,
    Add: _Evaluation.add,
    Mul: _Evaluation.multiply,
    Pow: _Evaluation.power,
    Sum: _Evaluation.sum_over,
    MaxOver: _Evaluation.max_over,
    ProductOver: _Evaluation.product_over,
    Abs: _Evaluation.absolute,
    sign: _Evaluation.sign,
    relu: _Evaluation.relu,
    maximum: _Evaluation.maximum,
    minimum: _Evaluation.minimum,
    where: _Evaluation.where,
    delta: _Evaluation.kronecker,
    **dict.fromkeys(EXACT.functions, _Evaluation.smooth),
}


def _inherited_method(kind: type) -> Callable[[_Evaluation, Any, Mapping[str, int]], Number]:
    """The method of the nearest base class: the number 1 is a One, which is an Integer, which is a Rational."""
    for base in kind.__mro__:
        if base in _METHODS:
            return _METHODS[base]
    raise TypeError(f"an expression of type {kind.__name__} cannot be evaluated")
