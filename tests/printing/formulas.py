"""Expressions for the tests of printers that write them in lines or rows of text: elements, and random ones."""

from __future__ import annotations

import random
from collections.abc import Callable

from sympy import Add, Expr, Mul, Pow, Rational, exp, tanh

from derive.graph import extent_symbol, index_symbol, reference
from derive.parser import parse_layer

i, j, k = (index_symbol(name) for name in "ijk")
N = extent_symbol("N")
a, b, c = (reference(name) for name in "abc")
eps = reference("eps")


def e(name: str, *indices: Expr) -> Expr:
    return reference(name, list(indices))


def random_expression(source: random.Random, depth: int) -> Expr:
    """An expression with structure that SymPy would tidy up."""
    if depth == 0:
        number = Rational(source.randint(1, 3), source.randint(1, 5))
        return source.choice([a, b, c, number])
    below, powers = [-1, -2, Rational(-1, 2)], [2, 3, Rational(1, 2), Rational(-3, 2)]
    inner = [random_expression(source, depth - 1) for _ in range(source.randint(2, 3))]
    return source.choice(
        [
            lambda: Add(*inner, evaluate=source.random() < 0.5),
            lambda: Add(inner[0], Mul(-1, inner[1], evaluate=False), evaluate=False),
            lambda: Mul(*inner, evaluate=source.random() < 0.5),
            lambda: Mul(inner[0], Pow(inner[1], source.choice(below), evaluate=False), evaluate=False),
            lambda: Pow(inner[0], source.choice(powers), evaluate=False),
            lambda: -inner[0],
            lambda: tanh(inner[0]) + exp(-inner[1] / 9),
        ]
    )()


def assert_read_back(write: Callable[[Expr], str], seed: int) -> None:
    """What is written of random expressions in the layer grammar has the value that each of them had."""
    source = random.Random(seed)
    point = {a: Rational(13, 10), b: Rational(7, 10), c: Rational(19, 10)}
    checked = 0
    for _ in range(300):
        expression = random_expression(source, source.randint(1, 3))
        value = expression.xreplace(point).evalf(30)
        if not value.is_finite or not value.is_real or abs(value) > 1e100:
            continue
        text = write(expression)
        layer = parse_layer(f"a: []\nb: []\nc: []\nu = a + b + c\ny = {text}\n")
        found = layer.equation_of["y"].expression.xreplace(point).evalf(30)
        assert abs(complex(value - found)) <= 1e-12 * max(1.0, abs(complex(value))), f"{expression} as {text}"
        checked += 1
    assert checked > 200
