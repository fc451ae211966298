"""Functions made of a layer, and the evidence for it."""

from typing import Any

import numpy as np
import pytest
from plain_derivations import with_result

from derive import workshop
from derive.errors import UsageError
from derive.graph import Graph
from derive.pipeline import derive
from derive.workshop import compile_layer, verify_layer


def test_the_functions_of_a_layer() -> None:
    module = compile_layer("batch_norm", wrt=["beta"])
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    y, residuals = module.forward(x, np.full(3, 2.0), np.full(3, 7.0))
    np.testing.assert_allclose(y.mean(axis=0), 7.0)
    np.testing.assert_allclose(y.std(axis=0), 2.0, rtol=1e-3)
    np.testing.assert_allclose(module.backward(dy, residuals), dy.sum(axis=0))


def test_the_gradients_of_gradients_come_with_it_unless_they_are_not_wanted() -> None:
    rng = np.random.default_rng(0)
    x, dy, d2dgamma = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=3)
    module = compile_layer("batch_norm", wrt=["gamma"])
    _, residuals = module.forward(x, np.full(3, 2.0), np.full(3, 7.0))
    d2dy, d2x = module.double_backward(d2dgamma, dy, residuals)
    xhat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)
    np.testing.assert_allclose(d2dy, d2dgamma * xhat)
    np.testing.assert_allclose(d2x.sum(axis=0), 0, atol=1e-12)
    assert not hasattr(compile_layer("batch_norm", order=1), "double_backward")


@pytest.mark.parametrize("order", [0, 3, -1])
def test_there_are_no_functions_of_other_orders(order: int) -> None:
    with pytest.raises(UsageError, match=f"not of order {order}"):
        compile_layer("batch_norm", order=order)


def test_the_evidence_for_batch_normalization() -> None:
    report = verify_layer("batch_norm")
    assert report.passed
    assert report.form == "mean"
    assert {row.oracle for row in report.rows} >= {"50 digits", "generated NumPy", "lambdified NumPy"}


@pytest.mark.parametrize(
    ("tampered", "rows"),
    [
        ("mean", {"50 digits", "central differences", "lambdified NumPy"}),
        ("reuse", {"generated NumPy"}),
    ],
)
def test_a_wrong_result_is_seen(tampered: str, rows: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the form that is verified, and in the one that the functions are made of."""

    wrong = "dbeta[j] = sum(dy[i, j] for i in N) + 1/1000000"

    def planted(layer: Graph, form: str, *options: Any, **named: Any) -> Any:
        found = derive(layer, form, *options, **named)
        tampered_with = with_result(found, wrong) if form == tampered else found
        return tampered_with if form == "mean" else (tampered_with,)

    monkeypatch.setattr(workshop, "derive" if tampered == "mean" else "derivations_for_code", planted)
    report = verify_layer("batch_norm")
    assert not report.passed
    assert {row.oracle for row in report.failures} >= rows
    assert any(row.line.startswith("dbeta") for row in report.failures)


def test_what_derive_refuses_is_refused() -> None:
    with pytest.raises(UsageError, match="no form"):
        compile_layer("batch_norm", "short")
    with pytest.raises(UsageError, match="eps"):
        verify_layer("batch_norm", wrt=["eps"])
