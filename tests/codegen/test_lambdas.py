"""Single equations through lambdify, against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from own_layers import EXTENTS, LAYERS, derivation_of, draw, parse_layer, truth

from derive.codegen.lambdas import equation_arguments, lambdify_equation


@pytest.mark.parametrize("name", LAYERS)
def test_every_equation_of_every_layer(name: str) -> None:
    graph = (derivation := derivation_of(name)).backward
    values = truth(derivation, draw(derivation, EXTENTS, seed=3))
    for equation in graph.equations:
        names, extents = equation_arguments(equation, graph.by_name)
        function = lambdify_equation(equation, graph.by_name)
        found = function(*(values[n] for n in names), *(EXTENTS[e] for e in extents))
        expected = values[equation.name]
        assert expected.shape == np.shape(found), equation.name
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10, err_msg=equation.name)


def test_arguments_are_quantities_then_extents() -> None:
    graph = parse_layer("x: [N, D]\nw: [D]\nm[i] = mean(w[j]*x[i, j] for j in D)")
    assert equation_arguments(graph.equations[0], graph.by_name) == (["w", "x"], ["N", "D"])
    function = lambdify_equation(graph.equations[0], graph.by_name)
    found = function(x=np.ones((2, 4)), w=np.full(4, 3.0), N=2, D=4)
    np.testing.assert_array_equal(found, [3.0, 3.0])


def test_a_wrong_equation_gives_another_value() -> None:
    graph = parse_layer("x: [N, N]\ny[i, j] = 2*x[i, j]\nz[i, j] = 2*x[j, i]")
    x = np.arange(4.0).reshape(2, 2)
    y, z = (lambdify_equation(equation, graph.by_name)(x, 2) for equation in graph.equations)
    np.testing.assert_array_equal(y, z.T)
    assert not np.array_equal(y, z)


def test_float32_stays_float32() -> None:
    graph = parse_layer("x: [N]\ny[i] = delta(i, i)*where(x[i] > 0, 1, 0)*sqrt(2)/N")
    found = lambdify_equation(graph.equations[0], graph.by_name)(np.ones(2, np.float32), 2)
    assert np.float32 == found.dtype


def test_a_number_before_the_first_array_has_no_dtype_to_say() -> None:
    graph = parse_layer("a: []\nx: [N]\ny[i] = a*delta(i, i)*where(x[i] > 0, 1, 0)")
    assert equation_arguments(graph.equations[0], graph.by_name)[0] == ["a", "x"]
    found = lambdify_equation(graph.equations[0], graph.by_name)(3.0, np.ones(2, np.float32), 2)
    np.testing.assert_array_equal(found, [3.0, 3.0])
    assert found.dtype == np.float32
