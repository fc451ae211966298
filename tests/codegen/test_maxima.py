"""Gradients of maxima: what is compared with a maximum is what the maximum is of, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from own_layers import call, draw, truth

from derive.codegen import array_api
from derive.codegen.maxima import with_compared
from derive.codegen.numpy import compile_derivation, compile_text, derivations_for_code
from derive.functions import MaxOver
from derive.graph import names_in
from derive.parser import parse_layer
from derive.pipeline import derive

# Factors that are taken out of sums, sums that are products of matrices, two elements of one array.
LAYERS = {
    "factor": "m[j] = max((sum(x[p, j]*a[j] for p in N)*b[i] + a[j]*a[j])**2 for i in N)\ny[i, j] = m[j]*b[i]",
    "matrix": "m[i] = max(sqrt((a[j]*mean(x[i, q]*b[i] for q in D) + x[i, j]**2)**2 + 1) for j in D)\ny[i] = m[i]*b[i]",
    "smallest": "m[i] = -max(-a[j]*mean(x[i, q]*b[i]*a[j] for q in D)*x[i, j]/3 for j in D)\ny[i] = m[i]*b[i]",
    "thirds": "m[i] = max((a[j]*x[i, j]*b[i] + x[i, j]**2*(x[i, j] + a[j]))/3 for j in D)\ny[i, j] = x[i, j] + m[i]",
    "same": "y[i, j] = maximum(x[i, j], x[i, j])*a[j]*b[i]",
    "inside": "y[i] = max(x[i, j]*a[j]*max(x[p, j]*b[p]*a[j] for p in N)*b[i] for j in D)",
    "mean": "m[j] = mean(x[i, j]**2 for i in N)\ny[j] = max(sqrt(b[i]*b[i]*(x[i, j] - m[j])**4 + 1) for i in N)",
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("form", ["staged", "reuse"])
def test_gradients(name: str, form: str) -> None:
    graph = parse_layer(f"x: [N, D]\na: [D]\nb: [N]\n{LAYERS[name]}\n", name)
    derivation = derive(graph, form)
    text = array_api.module_text(derivation)
    values = draw(derivation, {"N": 6, "D": 9}, seed=1)
    expected = truth(derive(graph, "staged"), values)
    for module in (compile_derivation(derivation), compile_text(text, name)):
        for result, value in call(module, derivation, values).items():
            np.testing.assert_allclose(value, expected[result], rtol=1e-9, atol=1e-9, err_msg=result)


def test_what_is_compared_has_a_name() -> None:
    graph = parse_layer("x: [N, D]\na: [D]\nm[i] = max(x[i, j]*a[j] for j in D)\n", "named")
    derivation = derive(graph, "staged")
    equations = [e for e in derivation.backward.equations if e.name == "dx"]
    named, known = with_compared(equations, derivation.backward.by_name, ["dx_max_of"])
    assert [e.name for e in named] == ["dx_max_of2", "dx"]
    assert [index.name for index in named[0].indices] == [index.name for index in known["dx_max_of2"].indices]
    assert all(names_in(node) == ["dx_max_of2"] for node in named[1].expression.atoms(MaxOver))


def test_what_nothing_is_compared_with_stays() -> None:
    derivation = derive(parse_layer("x: [N, D]\nm[i] = max(x[i, j] for j in D)\n", "plain"), "staged")
    equations = derivation.backward.equations
    named, known = with_compared(equations, derivation.backward.by_name)
    assert named == list(equations)
    assert known == derivation.backward.by_name


def test_a_mean_of_squares_is_no_mean() -> None:
    """What is left of x - mu is zero where mu is the mean of x, and only there."""
    graph = parse_layer("x: [N, D]\nmu[j] = mean(x[i, j]**2 for i in N)\ny[i, j] = x[i, j] - mu[j]\n", "squares")
    (derivation,) = derivations_for_code(graph, "reuse")
    values = draw(derivation, {"N": 5, "D": 3})
    found = call(compile_derivation(derivation), derivation, values)
    np.testing.assert_allclose(found["y"], values["x"] - (values["x"] ** 2).mean(axis=0), rtol=1e-13)
