"""The names of a derivation, and derivatives in the indices of both quantities."""

import pytest
from sympy import Integer

from derive.claims.vocabulary import Vocabulary, vocabulary_of
from derive.draw import draw_samples
from derive.graph import index_symbol, reference
from derive.oracles import CENTRAL_DIFFERENCES, Truth
from derive.parser import parse_layer
from derive.pipeline import load

i, j, k = map(index_symbol, "ijk")


@pytest.fixture(scope="module")
def batch_norm() -> Vocabulary:
    return vocabulary_of(load("batch_norm"))


def test_it_has_every_name_of_the_chain_rule(batch_norm: Vocabulary) -> None:
    for name in ["x", "eps", "y", "dy", "dxhat", "dvar", "dmu", "dx", "dgamma", "dx_via_var", "xhat_wrt_var"]:
        assert name in batch_norm.known
    assert batch_norm.cotangents["x"] == "dx"
    assert "eps" not in batch_norm.cotangents


def test_a_derivative_in_the_indices_of_both(batch_norm: Vocabulary) -> None:
    quantity = batch_norm.derivative("xhat", "var")
    assert quantity.extents == ("N", "D", "D")
    both = reference(quantity.name, (i, j, j))
    assert batch_norm.written(both) == reference("xhat_wrt_var", (i, j))
    assert batch_norm.expanded(reference("xhat_wrt_var", (i, j))) == both
    assert batch_norm.written(reference(quantity.name, (i, j, k))) == reference("xhat_wrt_var", (i, j, k))
    numbered = reference(quantity.name, (Integer(1), Integer(2), Integer(2)))
    assert batch_norm.written(numbered) == reference("xhat_wrt_var", (Integer(1), Integer(2)))
    with pytest.raises(KeyError):
        batch_norm.derivative("mu", "var")


def test_a_local_derivative_holds_fixed_what_a_total_one_does_not(batch_norm: Vocabulary) -> None:
    truth = Truth(batch_norm.derivation, draw_samples(batch_norm.graph)[0], CENTRAL_DIFFERENCES)
    local = truth.value("xhat_wrt_x_each")
    total = truth.value(str(batch_norm.totals(reference("xhat_wrt_x_each", (i, j, k, j))).base))
    root = truth.oracle.arithmetic.square_root
    var, xhat, eps = truth.value("var"), truth.value("xhat"), truth.value("eps")[()]
    rows = truth.sample.extents["N"]
    for (a, b, c, d), value in local.items():
        scale = 1 / root(var[b,] + eps) if b == d else 0
        same = int(a == c)
        assert abs(value - same * scale) < 1e-30
        expected = scale * (same - (1 + xhat[a, b] * xhat[c, b]) / rows)
        assert abs(total[a, b, c, d] - expected) < 1e-30


def test_where_only_others_lead_the_derivative_is_total() -> None:
    vocabulary = vocabulary_of(parse_layer("x: [N]\nc: constant[N]\ns = sum(x[i]**2 for i in N)\ny[i] = c[i]*s\n"))
    truth = Truth(vocabulary.derivation, draw_samples(vocabulary.graph)[0], CENTRAL_DIFFERENCES)
    assert vocabulary.known["y_wrt_x_each"].role == "total_derivative"
    for (a, b), value in truth.value("y_wrt_x_each").items():
        assert abs(value - 2 * truth.value("c")[a,] * truth.value("x")[b,]) < 1e-30
