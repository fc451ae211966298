"""How many digits generated functions keep: batch normalization on hard data, held against long double."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.codegen.numpy import compile_derivation, derivations_for_code

# Half of a unit in the last place of 1.
UNITS = {"float32": 2.0**-24, "float64": 2.0**-53, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# Shape, mean and deviation of x.
CASES = {
    "normal": ((1024, 8), 0.0, 1.0),
    "mean 1e4": ((1024, 8), 1e4, 1.0),
    "mean 1e6": ((1024, 8), 1e6, 1.0),
    "std 0.01": ((1024, 8), 1.0, 0.01),
    "std 1e20": ((1024, 8), 0.0, 1e20),
    "variance near eps": ((1024, 8), 3.0, 3e-3),
    "many rows": ((300_000, 8), 1.0, 1.0),
    "two rows": ((2, 8), 1.0, 1.0),
}


def batch(shape: tuple[int, int], dtype: Any, mean: float = 0.0, std: float = 1.0, seed: int = 0) -> dict[str, Any]:
    """Arguments of batch normalization, and a cotangent."""
    rng = np.random.default_rng(seed)
    drawn = {
        "x": mean + std * rng.normal(size=shape),
        "gamma": rng.normal(size=shape[1]),
        "beta": rng.normal(size=shape[1]),
        "dy": rng.normal(size=shape),
    }
    return {name: value.astype(dtype) for name, value in drawn.items()}


def case(name: str, dtype: Any) -> dict[str, Any]:
    """The arguments of a case."""
    shape, mean, std = CASES[name]
    return batch(shape, dtype, mean, std)


def cancelling(dtype: Any) -> dict[str, Any]:
    """Arguments with which dx is a difference of nearly equal terms."""
    values = batch((1024, 8), dtype, 2.0)
    x = values["x"].astype(float)
    xhat = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    values["dy"] = (5 * xhat + 3 + 1e-3 * values["dy"]).astype(dtype)
    return values


def run(module: Any, values: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What forward and backward return, by name; `precise` is for forward alone."""
    y, residuals = module.forward(values["x"], values["gamma"], values["beta"], **options)
    options.pop("precise", None)
    results = (y, *module.backward(values["dy"], residuals, **options))
    return dict(zip(("y", "dx", "dgamma", "dbeta"), results, strict=True))


def errors(values: dict[str, Any], found: dict[str, Any], least: float = 0.0) -> dict[str, float]:
    """The error of each result in units of its dtype, of the largest value of the column, which is at least `least`.

    The truth is that of long double, after a shift, which changes nothing but the size of the mean.
    """
    wide = {name: value.astype(np.longdouble) for name, value in values.items()}
    wide["x"] = wide["x"] - wide["x"][:1]
    worst = {}
    for name, expected in run(compile_derivation(*derivations_for_code("batch_norm", "reuse")), wide).items():
        scale = np.maximum(np.abs(expected).max(axis=0) if expected.ndim == 2 else np.abs(expected).max(), least)
        error = np.abs(found[name].astype(np.longdouble) - expected)
        assert found[name].dtype == values["x"].dtype, name
        with np.errstate(invalid="ignore"):
            relative = np.where(error == 0, 0, error / scale)
        worst[name] = float(relative.max(initial=0) / UNITS[found[name].dtype.name])
    return worst


def assert_digits(values: dict[str, Any], found: dict[str, Any], units: float, least: float = 0.0) -> None:
    """That no error is larger than so many units."""
    worst = errors(values, found, least)
    assert max(worst.values()) <= units, worst
