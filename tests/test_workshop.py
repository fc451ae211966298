"""Functions made of a layer, and the evidence for it."""

import numpy as np
import pytest
from plain_derivations import with_result

from derive import workshop
from derive.derivation import Derivation
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

    def planted(layer: Graph, form: str, wrt: object = None, order: int = 1, mode: str = "reverse") -> Derivation:
        found = derive(layer, form, wrt, order, mode)
        return with_result(found, "dbeta[j] = sum(dy[i, j] for i in N) + 1/1000000") if form == tampered else found

    monkeypatch.setattr(workshop, "derive", planted)
    report = verify_layer("batch_norm")
    assert not report.passed
    assert {row.oracle for row in report.failures} >= rows
    assert any(row.line.startswith("dbeta") for row in report.failures)


def test_what_derive_refuses_is_refused() -> None:
    with pytest.raises(UsageError, match="no form"):
        compile_layer("batch_norm", "short")
    with pytest.raises(UsageError, match="eps"):
        verify_layer("batch_norm", wrt=["eps"])
