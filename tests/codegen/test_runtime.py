"""The functions that generated modules bring along: how exact they are, and that they bring nothing else along."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from derive.codegen.runtime import ARE_APART, ARE_CLOSE, ERF, RUNTIME, SIGMOID, sources_for

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


def exactly(value: np.floating) -> mpmath.mpf:
    """A float of any size, all of its digits."""
    fraction, exponent = np.frexp(value)
    high = np.float64(fraction)
    return mpmath.ldexp(mpmath.mpf(float(high)) + mpmath.mpf(float(fraction - high)), int(exponent))


def sizes(dtype: type[np.floating], lowest: int, highest: int) -> np.ndarray:
    """Random numbers of every size from 2**lowest to 2**highest, both signs."""
    rng = np.random.default_rng(7)
    fractions = rng.uniform(0.5, 1, size=4000).astype(dtype) + rng.uniform(0, 1e-17, size=4000).astype(dtype)
    numbers = np.ldexp(fractions, rng.integers(lowest, highest + 1, size=4000))
    return np.concatenate([numbers, -numbers]).astype(dtype)


def erf_errors(points: np.ndarray) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """The absolute error of each element, and the true value."""
    with mpmath.workdps(36):
        truths = [mpmath.erf(exactly(point)) for point in points]
        return [(abs(exactly(f) - t), abs(t)) for f, t in zip(ERF(points), truths, strict=True)]


def erf_points(dtype: type[np.floating], lowest: int) -> np.ndarray:
    """Numbers of every size, and more of them where the function is neither linear nor constant."""
    between = np.random.default_rng(8).uniform(-7, 7, size=8000).astype(dtype)
    return np.concatenate([sizes(dtype, lowest, 3), sizes(dtype, -8, 3), between])


@pytest.mark.parametrize(("dtype", "units"), [(np.float32, 0.51), (np.float64, 1.0)])
def test_erf_is_as_exact_as_it_says(dtype: type[np.floating], units: float) -> None:
    limits = np.finfo(dtype)
    points = erf_points(dtype, int(limits.minexp) - int(limits.nmant))  # the smallest numbers included
    # The last place of what is just below 1 is half of that of 1.
    last_places = np.spacing(np.minimum(np.abs(ERF(points)), np.nextafter(dtype(1), dtype(0))))
    found = zip(erf_errors(points), last_places, strict=True)
    assert max(error / exactly(place) for (error, _), place in found) < units
    assert f"{units:g} unit" in str(ERF.__doc__)


def test_erf_of_a_longdouble_has_the_precision_of_a_float64() -> None:
    smallest = min(int(np.finfo(np.longdouble).minexp), -1074)
    normal, tiny = erf_points(np.longdouble, -1020), sizes(np.longdouble, smallest, -1023)
    assert max(error / true for error, true in erf_errors(normal)) < 2.3e-16
    assert max(error for error, _ in erf_errors(tiny)) < mpmath.mpf("1e-323")
    np.testing.assert_array_equal(ERF(np.array(["1e4000", "-1e400", "1e-4000"], np.longdouble)), [1, -1, 0])
    assert all(figure in str(ERF.__doc__) for figure in ("2.3e-16", "1e-323"))


def test_special_values() -> None:
    values = np.array([-np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(SIGMOID(values), [0, 1, np.nan])
    np.testing.assert_array_equal(ERF(values), [-1, 1, np.nan])
    assert ERF(np.ones((0, 3))).shape == (0, 3)
    assert np.float32 == ERF(np.float32(0.5)).dtype


def test_only_what_is_called_is_brought_along() -> None:
    assert sources_for("y = x", RUNTIME) == []
    (source,) = sources_for("y = _sigmoid(x)", RUNTIME)
    assert source.startswith("def _sigmoid(x: np.ndarray)")


@pytest.mark.parametrize(
    ("one", "other", "close"),
    [
        (1.0, 1 + 2.9e-8, True),
        (1.0, 1 + 3.1e-8, False),
        (1e9, 1e9 + 10, True),
        (np.inf, np.inf, True),
        (-np.inf, np.inf, False),
        (2.0, np.inf, False),
        (np.inf, 2.0, False),
        (np.nan, np.nan, False),
    ],
)
def test_numbers_that_are_equal_but_for_rounding(one: float, other: float, close: bool) -> None:
    assert ARE_CLOSE(np.array([1.0, one]), np.array([1.0, other]), np.dtype(float)) == close


def test_arrays_that_share_memory() -> None:
    whole, empty = np.zeros((4, 6)), np.empty(0)
    assert ARE_APART(whole, np.zeros(3))
    assert ARE_APART(whole[:, ::2], whole[:, 1::2])
    assert ARE_APART(empty, empty)
    assert not ARE_APART(whole, whole)
    assert not ARE_APART(whole, whole[1:])
    assert not ARE_APART(whole[1:3], whole[2:])
