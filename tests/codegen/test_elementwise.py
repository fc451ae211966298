"""Random expressions, of every kind of node, through the array printer, against the interpreter's loops."""

from __future__ import annotations

import numpy as np
import pytest
from random_expressions import EXTENTS, QUANTITIES, Maker
from sympy.core.parameters import distribute

from derive.arithmetic import FLOAT
from derive.codegen.lambdas import equation_arguments, lambdify_equation
from derive.graph import Equation
from derive.interpret import element_values, from_nested, to_nested


def make(seed: int) -> Equation:
    maker = Maker(seed)
    with distribute(seed % 2 == 0):
        free = maker.left()
        return Equation("result", tuple(free), maker.expression(free, maker.random.randint(1, 4)))


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_random_expressions(start: int) -> None:
    rng = np.random.default_rng(start)
    shapes = {name: tuple(EXTENTS[extent] for extent in q.extents) for name, q in QUANTITIES.items()}
    values = {name: rng.uniform(-1, 1, size=shape) for name, shape in shapes.items()}
    nested = {name: from_nested(value.tolist()) for name, value in values.items()}
    for seed in range(start, start + 20):
        equation = make(seed)
        names, extents = equation_arguments(equation, QUANTITIES)
        function = lambdify_equation(equation, QUANTITIES)
        sizes = [EXTENTS[extent] for extent in extents]
        array = element_values(equation.expression, equation.indices, nested, EXTENTS, FLOAT)
        expected = np.array(to_nested(array))
        found = function(*(values[name] for name in names), *sizes)
        assert expected.shape == np.shape(found), (seed, equation)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=f"{seed}: {equation}")

        single = function(*(np.float32(values[name]) for name in names), *sizes)
        if equation.indices and any(shapes[name] for name in names):
            assert np.asarray(single).dtype == np.float32, (seed, equation)
