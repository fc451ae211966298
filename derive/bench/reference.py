"""The values of a layer and its gradients in more digits than any candidate has: what errors are measured against.

    Input    a Derivation, the inputs and cotangents as arrays, extents
    Output   the value of every equation, as arrays

The equations are evaluated as they stand, over whole arrays, sharing nothing with the code that is generated. There are
two kinds of number. `PRECISE`, 240 digits, is for float64 data and arrays of a few thousand elements: nothing that is
measured can tell it from the truth. Else it is NumPy's long double, with sums in pairs. Where that has 64 bits, it
rounds to 2⁻⁴⁰ u of a float32 and to 2⁻¹¹ u of a float64, times what the layer loses: six digits where the mean is 1e6
times the deviation. How far it can be trusted is measured, too: by the difference between the chain rule and the closed
form with its sums taken backwards, which round differently.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Add, Expr, Indexed, Integer, Mul, NumberSymbol, Pow, Rational, Sum, Symbol, sign
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne, Relational

from derive.arithmetic import PRECISE
from derive.bench.data import Values
from derive.bench.shapes import Extents, largest_size
from derive.derivation import Derivation
from derive.functions import (
    MaxOver,
    ProductOver,
    delta,
    limits_of,
    log1p,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    where,
)
from derive.graph import Equation, name_of
from derive.indices import REDUCTIONS

# So many elements are evaluated in 240 digits within a second.
MOST_PRECISE = 8192


@dataclass(frozen=True)
class Kind:
    """A kind of number in arrays: how to make them, and the functions that are not the same for both."""

    array: Callable[[Any], np.ndarray]
    number: Callable[[Expr], Any]
    power: Callable[[np.ndarray, Any], np.ndarray]
    square_root: Callable[[np.ndarray], np.ndarray]
    functions: Mapping[type, Callable[[np.ndarray], np.ndarray]]


def reference_values(
    derivation: Derivation, given: Values, extents: Extents, precise: bool, backwards: bool = False
) -> Values:
    """The value of each equation of a derivation, `given` the inputs and the cotangents.

    `precise`: in 240 digits; `backwards`: sums are taken from their last term on, for other rounding.
    """
    kind = precise_kind() if precise else long_kind()
    values = {name: kind.array(value) for name, value in given.items()}
    with np.errstate(all="ignore"):  # what overflows is seen in the values
        for equation in derivation.backward.equations:
            values[equation.name] = _Evaluation(equation, values, extents, kind, backwards).value()
    return values


def can_be_precise(derivation: Derivation, extents: Extents) -> bool:
    """Whether the arrays are few enough elements for 240 digits."""
    return largest_size(derivation.forward, extents) <= MOST_PRECISE


@dataclass(frozen=True)
class _Evaluation:
    """One equation: each index is an axis, and every array has all of them, of length 1 where it has not the index."""

    equation: Equation
    values: Mapping[str, np.ndarray]
    extents: Extents
    kind: Kind
    backwards: bool

    @cached_property
    def axes(self) -> list[Symbol]:
        free = [index.symbol for index in self.equation.indices]
        return [*free, *sorted(set(self.bound) - set(free), key=str)]

    @cached_property
    def bound(self) -> dict[Symbol, str]:
        nodes = self.equation.expression.atoms(*REDUCTIONS)
        return {symbol: str(extent) for node in nodes for symbol, extent in limits_of(node)}

    def value(self) -> np.ndarray:
        full = self.visit(self.equation.expression)
        shape = [self.extents[index.extent] for index in self.equation.indices]
        rest = len(self.axes) - len(shape)
        return np.array(np.broadcast_to(full, (*shape, *[1] * rest)).reshape(shape))

    def visit(self, node: Expr) -> np.ndarray:
        for kind, method in _METHODS:
            if isinstance(node, kind):
                return method(self, node)
        if type(node) in self.kind.functions:
            return self.kind.functions[type(node)](self.visit(node.args[0]))
        raise TypeError(f"an expression of type {type(node).__name__} cannot be evaluated")

    def number(self, node: Expr) -> np.ndarray:
        return np.array(self.kind.number(node)).reshape([1] * len(self.axes))

    def symbol(self, node: Symbol) -> np.ndarray:
        if node in self.axes:
            return self.kind.array(self.positions(node))
        if node.is_integer:
            return self.number(Integer(self.extents[node.name]))
        return self.values[node.name].reshape([1] * len(self.axes))

    def positions(self, index: Expr) -> np.ndarray:
        """1, 2, ... along the axis of an index; a literal position as it is."""
        if index not in self.axes:
            return np.array(int(index)).reshape([1] * len(self.axes))
        return np.arange(1, self.length(index) + 1).reshape([-1 if axis == index else 1 for axis in self.axes])

    def length(self, index: Symbol) -> int:
        own = {i.symbol: i.extent for i in self.equation.indices}
        return self.extents[(own | self.bound)[index]]

    def indexed(self, node: Indexed) -> np.ndarray:
        array, indices = self.values[name_of(node) or ""], list(node.indices)
        for place in reversed(range(len(indices))):
            if isinstance(indices[place], Integer):
                array = np.take(array, int(indices.pop(place)) - 1, axis=place)
            elif indices[place] in indices[:place]:  # a diagonal, which NumPy puts last
                first = indices.index(indices[place])
                array = np.moveaxis(np.diagonal(array, axis1=first, axis2=place), -1, first)
                indices.pop(place)
        order = sorted(range(len(indices)), key=lambda axis: self.axes.index(indices[axis]))
        array = array.transpose(order)
        lengths = iter(array.shape)
        return array.reshape([next(lengths) if axis in indices else 1 for axis in self.axes])

    def arguments(self, node: Expr) -> list[np.ndarray]:
        return [self.visit(argument) for argument in node.args]

    def power(self, node: Pow) -> np.ndarray:
        base, exponent = self.visit(node.base), node.exp
        if isinstance(exponent, Rational) and exponent.q == 2:
            root = self.kind.square_root(base)
            return root if exponent.p == 1 else self.kind.power(root, int(exponent.p))
        return self.kind.power(base, int(exponent) if isinstance(exponent, Integer) else self.visit(exponent))

    def reduction(self, node: Expr) -> np.ndarray:
        array = self.visit(node.function)
        limits = {symbol: self.extents[str(extent)] for symbol, extent in limits_of(node)}
        shape = [limits.get(axis, length) for axis, length in zip(self.axes, array.shape, strict=True)]
        bound = [place for place, axis in enumerate(self.axes) if axis in limits]
        last = np.moveaxis(np.broadcast_to(array, shape), bound, range(-len(bound), 0))
        # In one piece, so that NumPy adds in pairs: along another axis it adds one by one.
        rows = np.ascontiguousarray(last).reshape(*last.shape[: last.ndim - len(bound)], -1)
        ordered = np.ascontiguousarray(rows[..., ::-1]) if self.backwards else rows
        reduced = _REDUCE[type(node)](ordered, axis=-1)
        kept = [1 if axis in limits else n for axis, n in zip(self.axes, shape, strict=True)]
        return np.asarray(reduced).reshape(kept)

    def where(self, node: where) -> np.ndarray:
        condition, a, b = node.args
        return np.where(self.holds(condition), self.visit(a), self.visit(b))

    def holds(self, condition: Any) -> np.ndarray:
        if not isinstance(condition, Relational):
            return np.asarray(bool(condition))
        return np.asarray(_RELATIONS[type(condition)](*self.arguments(condition)), bool)

    def kronecker(self, node: delta) -> np.ndarray:
        first, second = map(self.positions, node.args)
        return self.kind.array((first == second).astype(int))


def _sign(array: np.ndarray) -> np.ndarray:
    signs: np.ndarray = np.array(array > 0, int) - np.array(array < 0, int)
    return signs


_REDUCE: dict[type, Callable[..., Any]] = {Sum: np.sum, MaxOver: np.max, ProductOver: np.prod}
_RELATIONS: dict[type, Callable[[Any, Any], Any]] = {
    Eq: operator.eq, Ne: operator.ne, Lt: operator.lt, Le: operator.le, Gt: operator.gt, Ge: operator.ge,
}  # fmt: skip
_METHODS: Sequence[tuple[type | tuple[type, ...], Callable[[_Evaluation, Any], np.ndarray]]] = [
    ((Rational, NumberSymbol), _Evaluation.number),
    (Indexed, _Evaluation.indexed),
    (Symbol, _Evaluation.symbol),
    (Add, lambda e, node: reduce(operator.add, e.arguments(node))),
    (Mul, lambda e, node: reduce(operator.mul, e.arguments(node))),
    (Pow, _Evaluation.power),
    (REDUCTIONS, _Evaluation.reduction),
    (Abs, lambda e, node: np.abs(e.visit(node.args[0]))),
    (sign, lambda e, node: _sign(e.visit(node.args[0]))),
    (relu, lambda e, node: np.maximum(e.visit(node.args[0]), 0)),
    (maximum, lambda e, node: np.maximum(*e.arguments(node))),
    (minimum, lambda e, node: np.minimum(*e.arguments(node))),
    (where, _Evaluation.where),
    (delta, _Evaluation.kronecker),
]


@cache
def precise_kind() -> Kind:
    """mpmath's numbers, in arrays of objects."""

    def over(function: Callable[..., Any], arity: int = 1) -> Callable[..., np.ndarray]:
        made = np.frompyfunc(function, arity, 1)
        return lambda *arrays: np.asarray(made(*arrays), object)

    zero = PRECISE.number(Integer(0))
    exact = over(lambda value: zero + value)  # a float is taken as it is
    return Kind(
        array=lambda value: exact(np.asarray(np.asarray(value, np.float64), object)),
        number=PRECISE.number,
        power=over(PRECISE.power, 2),
        square_root=over(PRECISE.square_root),
        functions={kind: over(function) for kind, function in PRECISE.functions.items()},
    )


@cache
def long_kind() -> Kind:
    """NumPy's long double. Its error function is mpmath's: NumPy has none."""
    erf = PRECISE.functions[sympy.erf]
    zero = PRECISE.number(Integer(0))
    slow_erf = np.vectorize(lambda value: long_number(erf(zero + float(value))), otypes=[np.longdouble])
    return Kind(
        array=lambda value: np.asarray(value).astype(np.longdouble),
        number=lambda node: long_number(PRECISE.number(node)),
        power=operator.pow,
        square_root=np.sqrt,
        functions={
            sympy.exp: np.exp,
            sympy.log: np.log,
            sympy.sin: np.sin,
            sympy.cos: np.cos,
            sympy.tanh: np.tanh,
            sympy.erf: slow_erf,
            log1p: np.log1p,
            sigmoid: lambda a: 1 / (1 + np.exp(-a)),
            softplus: lambda a: np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))),
        },
    )


def long_number(value: Any) -> np.longdouble:
    """A number of mpmath's, rounded to a long double: the leading part and what is left of it, in float64 each."""
    leading = float(value)
    rest = float(value - leading) if math.isfinite(leading) else 0.0
    return np.longdouble(leading) + np.longdouble(rest)
