"""Random expressions, of every kind of node, through the array printer, against the interpreter's loops."""

from __future__ import annotations

import numpy as np
import pytest
from random_expressions import EXTENTS, QUANTITIES, random_equation, random_values

from derive.arithmetic import FLOAT
from derive.codegen.lambdas import equation_arguments, lambdify_equation
from derive.interpret import element_values, from_nested, to_nested


@pytest.mark.parametrize("start", range(0, 160, 20))
def test_random_expressions(start: int) -> None:
    values = random_values(start)
    nested = {name: from_nested(value.tolist()) for name, value in values.items()}
    for seed in range(start, start + 20):
        equation = random_equation(seed)
        names, extents = equation_arguments(equation, QUANTITIES)
        function = lambdify_equation(equation, QUANTITIES)
        sizes = [EXTENTS[extent] for extent in extents]
        array = element_values(equation.expression, equation.indices, nested, EXTENTS, FLOAT)
        expected = np.array(to_nested(array))
        found = function(*(values[name] for name in names), *sizes)
        assert expected.shape == np.shape(found), (seed, equation)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=f"{seed}: {equation}")

        single = function(*(np.float32(values[name]) for name in names), *sizes)
        if equation.indices and any(np.ndim(values[name]) for name in names):
            assert np.asarray(single).dtype == np.float32, (seed, equation)
