"""Batch norm with its batch over eight devices: sums of columns go between them, and nothing else does."""

from __future__ import annotations

import math
import re
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import derived.batch_norm
from derived.array_api import batch_norm

ROWS, COLUMNS = 4096, 32
COLLECTIVE = re.compile(
    r"= (.*) (all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute|collective-broadcast)(-start)?\("
)


def both(x: Any, gamma: Any, beta: Any, dy: Any) -> tuple[Any, ...]:
    """Return y and the gradients."""
    y, residuals = batch_norm.forward(x, gamma, beta)
    return (y, *batch_norm.backward(dy, residuals))


def crossings(compiled: str) -> list[tuple[str, int]]:
    """Return what goes between devices in compiled code: how, and the number of elements of each array."""
    found = []
    for result, how, _ in COLLECTIVE.findall(compiled):
        for shape in re.findall(r"\w\d+\[([\d,]*)\]", result):
            found.append((how, math.prod(int(length) for length in shape.split(",") if length)))
    return found


def main() -> None:
    """Compile for all devices, look at what crosses, and compare with NumPy."""
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    by_rows, everywhere = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(ROWS, COLUMNS)).astype(np.float32) for _ in range(2))
    gamma, beta = (rng.normal(size=COLUMNS).astype(np.float32) for _ in range(2))

    placed = jax.device_put((x, gamma, beta, dy), (by_rows, everywhere, everywhere, by_rows))
    compiled = jax.jit(both).lower(*placed).compile()
    crossed = crossings(compiled.as_text())
    print(f"{jax.device_count()} devices, between them:", sorted(set(crossed)))
    assert crossed
    assert all(how == "all-reduce" and elements <= COLUMNS for how, elements in crossed)

    found = compiled(*placed)
    assert found[0].sharding.is_equivalent_to(by_rows, 2)
    y, residuals = derived.batch_norm.forward(x, gamma, beta)
    for one, other in zip(found, (y, *derived.batch_norm.backward(dy, residuals)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    print("equal to what NumPy computes")


if __name__ == "__main__":
    main()
