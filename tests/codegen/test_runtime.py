"""The functions that generated modules bring along: how exact they are, and that they bring nothing else along."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from derive.codegen.runtime import ERF, SIGMOID, sources_for

POINTS = np.concatenate([np.linspace(-30, 30, 301), [-700.0, -100.0, -1e-8, 0.0, 1e-300, 100.0, 700.0]])


@pytest.mark.parametrize(
    ("function", "exact"),
    [(SIGMOID, lambda x: 1 / (1 + mpmath.exp(-x))), (ERF, mpmath.erf)],
    ids=["sigmoid", "erf"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy(function: object, exact: object, dtype: type[np.floating]) -> None:
    points = POINTS.astype(dtype)[np.abs(POINTS) < (80 if dtype is np.float32 else 701)]
    found = function(points)  # type: ignore[operator]
    assert dtype == found.dtype
    with mpmath.workdps(40):
        expected = [exact(mpmath.mpf(float(x))) for x in points]  # type: ignore[operator]
        errors = [
            abs(mpmath.mpf(float(f)) - e) / abs(e) if e else abs(mpmath.mpf(float(f)))
            for f, e in zip(found, expected, strict=True)
        ]
    assert max(errors) < 4 * np.finfo(dtype).eps


def test_special_values() -> None:
    values = np.array([-np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(SIGMOID(values), [0, 1, np.nan])
    np.testing.assert_array_equal(ERF(values), [-1, 1, np.nan])
    assert ERF(np.ones((0, 3))).shape == (0, 3)
    assert np.float32 == ERF(np.float32(0.5)).dtype


def test_only_what_is_called_is_brought_along() -> None:
    assert sources_for("y = x") == []
    (source,) = sources_for("y = _sigmoid(x)")
    assert source.startswith("def _sigmoid(x: np.ndarray)")
