"""Random expressions over small arrays, built node by node."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from libraries import Library
from sympy import Abs, Add, Eq, Expr, Gt, Integer, Mul, Pow, Rational, Sum, exp, tanh
from sympy.core.parameters import distribute

from derive.arithmetic import FLOAT
from derive.codegen.arrays import ArrayPrinter
from derive.codegen.dialects import Dialect, like
from derive.functions import MaxOver, ProductOver, delta, maximum, relu, sigmoid, where
from derive.graph import Equation, Index, Quantity, extent_symbol, reference
from derive.interpret import element_values, from_nested, to_nested

EXTENTS = {"N": 2, "M": 3}
INDICES = {name: Index(name, "N" if name in "ijk" else "M") for name in "ijkpqr"}
SHAPES = {"a": "N", "b": "M", "x": "NM", "y": "MN", "s": "NN", "t": "NMN", "u": "MM", "c": "", "z": "NMNM"}
QUANTITIES = {
    name: Quantity(name, tuple(Index("ijk"[place % 3] + e, e) for place, e in enumerate(shape)), "input")
    for name, shape in SHAPES.items()
}


class Maker:
    """Makes one expression after the other from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def left(self) -> list[Index]:
        """The indices of a left side."""
        return [INDICES[name] for name in self.random.sample("ijpq", self.random.randint(0, 3))]

    def expression(self, free: list[Index], depth: int) -> Expr:
        """An expression whose free indices are among those given."""
        if depth == 0 or len(free) == len(INDICES):
            return self.leaf(free)
        kind = self.random.choice(["add", "add", "mul", "mul", "mul", "pow", "function", "sum", "sum", "over", "where"])
        made: Expr = getattr(self, kind)(free, depth - 1)
        return made

    def leaf(self, free: list[Index]) -> Expr:
        fitting = [n for n, shape in SHAPES.items() if all(any(i.extent == e for i in free) for e in shape)]
        name = self.random.choice([*fitting, "number"])
        if name == "number":
            return self.random.choice([Rational(1, 2), Integer(2), Integer(-1), Rational(1, 3), extent_symbol("N")])
        if self.random.random() < 0.1 and len(free) > 1:
            one = self.random.choice(free)
            return delta(one.symbol, self.random.choice([i for i in free if i.extent == one.extent]).symbol)
        places = [self.random.choice([i for i in free if i.extent == e]).symbol for e in SHAPES[name]]
        return reference(name, places)

    def add(self, free: list[Index], depth: int) -> Expr:
        return Add(*(self.expression(free, depth) for _ in range(self.random.randint(2, 3))))

    def mul(self, free: list[Index], depth: int) -> Expr:
        return Mul(*(self.expression(free, depth) for _ in range(self.random.randint(2, 4))))

    def pow(self, free: list[Index], depth: int) -> Expr:
        base = 2 + tanh(self.expression(free, depth))
        return Pow(base, self.random.choice([-1, -2, 2, Rational(1, 2), Rational(-3, 2), Rational(1, 3)]))

    def function(self, free: list[Index], depth: int) -> Expr:
        inner = self.expression(free, depth)
        choices = [tanh(inner), sigmoid(inner), relu(inner), Abs(inner), exp(tanh(inner))]
        return self.random.choice([*choices, maximum(inner, self.expression(free, depth))])

    def sum(self, free: list[Index], depth: int) -> Expr:
        bound = self.bound(free)
        made = Sum(self.expression([*free, *bound], depth), *(index.limits for index in bound))
        if self.random.random() < 0.4:
            made = Mul(made, *(Pow(index.limits[2], -1) for index in bound))
        return made

    def over(self, free: list[Index], depth: int) -> Expr:
        bound = self.bound(free)
        kind = self.random.choice([MaxOver, ProductOver])
        return kind(tanh(self.expression([*free, *bound], depth)), *(index.limits for index in bound))

    def where(self, free: list[Index], depth: int) -> Expr:
        sides = [self.expression(free, depth) for _ in range(2)]
        condition = self.random.choice([Gt, Eq])(*sides, evaluate=False)
        branches = self.random.choice([(1, 0), (0, 1), None])
        if branches:
            return where(condition, *map(Integer, branches))
        return where(condition, self.expression(free, depth), self.expression(free, depth))

    def bound(self, free: list[Index]) -> list[Index]:
        left = [index for index in INDICES.values() if index not in free]
        return self.random.sample(left, min(len(left), self.random.randint(1, 2)))


def random_equation(seed: int) -> Equation:
    """An equation with a random right side."""
    maker = Maker(seed)
    with distribute(seed % 2 == 0):
        free = maker.left()
        return Equation("result", tuple(free), maker.expression(free, maker.random.randint(1, 4)))


def random_values(seed: int) -> dict[str, np.ndarray]:
    """Values for the quantities."""
    rng = np.random.default_rng(seed)
    shapes = {name: tuple(EXTENTS[extent] for extent in q.extents) for name, q in QUANTITIES.items()}
    return {name: rng.uniform(-1, 1, size=shape) for name, shape in shapes.items()}


def assert_computes(equation: Equation, dialect: Dialect, runtime: Mapping[str, Any], own: Library, seed: int) -> None:
    """Hold an equation's code in a dialect against the interpreter's loops; x comes first, and tells the dtype."""
    values = random_values(seed)
    printer = ArrayPrinter(QUANTITIES, equation.indices, like("x"), dialect)
    text = printer.doprint(equation.expression)
    lines = [*dialect.namespace_lines([text], like("x")), f"    return {text}"]
    source = "\n".join([f"def computed({', '.join([*values, *printer.extents])}):", *lines])
    module: dict[str, Any] = {"math": math, **runtime}
    exec(source, module)
    nested = {name: from_nested(value.tolist()) for name, value in values.items()}
    expected = np.array(to_nested(element_values(equation.expression, equation.indices, nested, EXTENTS, FLOAT)))
    arguments = [own.make(np.asarray(value)) for value in values.values()]
    found = own.read(module["computed"](*arguments, *(EXTENTS[extent] for extent in printer.extents)))
    assert expected.shape == found.shape, source
    assert found.dtype == np.float64, source
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=source)
