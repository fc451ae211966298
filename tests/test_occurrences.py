"""Every place where a quantity stands in an expression, with what multiplies its change."""

import re

import pytest
from sympy import Sum, gamma

from derive.errors import LayerError
from derive.functions import where
from derive.graph import extent_symbol, index_symbol, reference
from derive.occurrences import occurrences
from derive.parser import parse_layer
from derive.pipeline import derive
from derive.verifier import verify

N = extent_symbol("N")
i, j, k = (index_symbol(name) for name in "ijk")


class TestOccurrences:
    def test_a_diagonal_and_an_element_elsewhere_are_two_places(self) -> None:
        s_ii, s_ij = reference("s", [i, i]), reference("s", [i, j])
        found = occurrences(s_ii * s_ij, "s")
        assert {(o.indices, o.weight) for o in found} == {((i, i), s_ij), ((i, j), s_ii)}

    def test_the_same_place_twice_is_one_occurrence(self) -> None:
        [found] = occurrences(reference("x", [i]) + 3 * reference("x", [i]) * reference("t", [i]), "x")
        assert found.weight == 1 + 3 * reference("t", [i])

    def test_sums_around_a_place_are_kept_with_it(self) -> None:
        [found] = occurrences(reference("w", [i]) * Sum(reference("s", [i, k]) ** 2, (k, 1, N)), "s")
        assert found.limits == ((k, 1, N),)
        assert found.weight == 2 * reference("w", [i]) * reference("s", [i, k])

    def test_both_branches_at_one_place_are_one_where(self) -> None:
        x, c = reference("x", [i]), reference("c", [i])
        [found] = occurrences(where(c > 0, 2 * x, 5 * x), "x")
        assert found.weight == where(c > 0, 2, 5)

    def test_what_does_not_mention_the_quantity_has_none(self) -> None:
        assert occurrences(gamma(reference("x", [i])), "y") == []

    def test_an_unknown_function_is_an_error_that_names_it(self) -> None:
        with pytest.raises(LayerError, match="gamma has no rule") as caught:
            occurrences(gamma(reference("x", [i])), "x")
        assert "tanh" in caught.value.hint


FUNCTIONS = ["exp", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "sin", "cos", "abs", "sign", "relu", "sqrt"]


@pytest.mark.parametrize("call", [*(f"{name}(x[i])" for name in FUNCTIONS), "maximum(x[i], 1/2)", "minimum(x[i], 1/2)"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_the_derivative_of_each_function(call: str, sign: str) -> None:
    """Against the oracles, on both sides of zero where the function is defined there."""
    call = call if re.match("log|sqrt", call) else call.replace("x[i]", f"{sign}x[i]")
    graph = parse_layer(f"x: [N]\nassert x > 0\ny[i] = {call}")
    assert verify(derive(graph, "staged")).failures == ()
