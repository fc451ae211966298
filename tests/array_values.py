"""The equations of a graph on whole arrays, of NumPy or of JAX: an evaluator that shares nothing with the engine.

Each array has an axis in front, along which several sets of data lie side by side; so a complex step in every element
of every input is one evaluation. What has a kink compares real parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import sympy
from sympy import Add, Basic, Indexed, Integer, Mul, NumberSymbol, Pow, Rational, Sum, Symbol
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne

from derive import functions
from derive.graph import Equation

Arrays = Mapping[str, Any]
Scope = tuple[tuple[str, int], ...]  # the indices that an expression stands in, and how far they run


def _erf(a: Any) -> Any:
    """Of a complex number with the tiny imaginary part of a complex step: to first order in it."""
    real = np.vectorize(math.erf, otypes=[float])(a.real)
    return real + 2j / math.sqrt(math.pi) * np.exp(-(a.real**2)) * a.imag if np.iscomplexobj(a) else real


def values_of(
    equations: Iterable[Equation],
    given: Arrays,
    extents: Mapping[str, int],
    library: Any = np,
    erf: Callable[[Any], Any] = _erf,
) -> dict[str, Any]:
    """`given` and what the equations make of it; every array with the axis of the sets of data in front."""
    known = dict(given)
    sets = max((array.shape[0] for array in known.values()), default=1)
    for equation in equations:
        scope = tuple((index.name, extents[index.extent]) for index in equation.indices)
        value = _Evaluation(known, extents, library, erf).visit(equation.expression, scope)
        known[equation.name] = library.broadcast_to(value, (sets, *(size for _, size in scope)))
    return known


class _Evaluation:
    def __init__(self, values: Arrays, extents: Mapping[str, int], library: Any, erf: Callable[[Any], Any]) -> None:
        self.values, self.extents, self.library, self.erf = values, extents, library, erf

    def visit(self, node: Basic, scope: Scope) -> Any:
        """The value, with an axis for the sets of data and one for each index in scope, of its size or of size 1."""
        if isinstance(node, (Rational, NumberSymbol)):
            return self.constant(float(node), scope)
        if isinstance(node, Symbol):
            if not node.is_integer:
                return self.element(node.name, (), scope)
            return self.position(node, scope) + 1.0
        if isinstance(node, Indexed):
            return self.element(node.base.label.name, node.indices, scope)
        if isinstance(node, (Sum, functions.MaxOver, functions.ProductOver)):
            return self.reduction(node, scope)
        if isinstance(node, functions.delta):
            a, b = (self.position(index, scope) for index in node.args)
            return self.library.where(a == b, 1.0, 0.0)
        if isinstance(node, functions.where):
            return self.library.where(self.holds(node.args[0], scope), *(self.visit(a, scope) for a in node.args[1:]))
        arguments = [self.visit(argument, scope) for argument in node.args]
        if isinstance(node, Add):
            return sum(arguments[1:], arguments[0])
        if isinstance(node, Mul):
            return math.prod(arguments[1:], start=arguments[0])
        if isinstance(node, Pow):
            return self.power(node, arguments[0])
        return self.function(node, arguments)

    def constant(self, number: float, scope: Scope) -> Any:
        return self.library.full((1,) * (1 + len(scope)), number)

    def position(self, index: Basic, scope: Scope) -> Any:
        """Where an index stands, counted from 0; for an extent, its size less one."""
        shape = [1] * (1 + len(scope))
        if isinstance(index, Integer):
            return np.full(shape, int(index) - 1)
        for axis in reversed(range(len(scope))):  # the innermost of that name
            name, size = scope[axis]
            if name == index.name:
                shape[1 + axis] = size
                return np.arange(size).reshape(shape)
        return np.full(shape, self.extents[index.name] - 1)

    def element(self, name: str, indices: Iterable[Basic], scope: Scope) -> Any:
        array, indices = self.values[name], tuple(indices)
        names, places = [getattr(index, "name", "") for index in indices], [place for place, _ in scope]
        if len({*names}) == len(names) and {*names} <= {*places} and len({*places}) == len(places):
            # No element is taken by its number, which would be slow to compile.
            order = sorted(range(len(names)), key=lambda k: places.index(names[k]))
            moved = array.transpose(0, *(1 + k for k in order))
            return moved.reshape(array.shape[0], *(size if n in names else 1 for n, size in scope))
        sets = np.arange(array.shape[0]).reshape(-1, *(1,) * len(scope))
        return array[(sets, *(self.position(index, scope) for index in indices))]

    def reduction(self, node: Basic, scope: Scope) -> Any:
        bound = tuple((symbol.name, self.extents[str(extent)]) for symbol, extent in functions.limits_of(node))
        body = self.visit(node.function, (*scope, *bound))
        front = body.shape[: 1 + len(scope)]
        flat = self.library.broadcast_to(body, (*front, *(size for _, size in bound))).reshape(*front, -1)
        if isinstance(node, Sum):
            return flat.sum(axis=-1)
        if isinstance(node, functions.ProductOver):
            return flat.prod(axis=-1)
        largest = self.library.argmax(flat.real, axis=-1)[..., np.newaxis]
        return self.library.take_along_axis(flat, largest, axis=-1)[..., 0]

    def holds(self, condition: Basic, scope: Scope) -> Any:
        if condition in (sympy.true, sympy.false):
            return bool(condition)
        a, b = (self.visit(argument, scope).real for argument in condition.args)
        return _RELATIONS[type(condition)](a, b)

    def power(self, node: Pow, base: Any) -> Any:
        if node.exp.is_Integer:
            return base ** int(node.exp)
        if node.exp == Rational(1, 2):
            return self.library.sqrt(base)
        if node.exp == Rational(-1, 2):
            return 1 / self.library.sqrt(base)
        return base ** float(node.exp)

    def function(self, node: Basic, arguments: list[Any]) -> Any:
        library, a = self.library, arguments[0]
        name = type(node).__name__
        if name in ("exp", "log", "tanh", "sin", "cos", "log1p"):
            return getattr(library, name)(a)
        if name in ("maximum", "minimum"):
            first = a.real >= arguments[1].real if name == "maximum" else a.real <= arguments[1].real
            return library.where(first, a, arguments[1])
        return self.erf(a) if name == "erf" else _FUNCTIONS[name](library, a)


_FUNCTIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "sigmoid": lambda library, a: 1 / (1 + library.exp(-a)),
    "softplus": lambda library, a: library.log(1 + library.exp(a)),
    "Abs": lambda library, a: library.where(a.real >= 0, a, -a),
    "relu": lambda library, a: library.where(a.real > 0, a, 0 * a),
    "sign": lambda library, a: library.sign(a.real),
}
_RELATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    Eq: lambda a, b: a == b,
    Ne: lambda a, b: a != b,
    Lt: lambda a, b: a < b,
    Le: lambda a, b: a <= b,
    Gt: lambda a, b: a > b,
    Ge: lambda a, b: a >= b,
}
