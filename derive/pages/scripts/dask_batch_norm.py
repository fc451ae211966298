"""Batch norm of a matrix that no worker can hold: 307 MB by rows, on four workers of 256 MB each."""

from __future__ import annotations

from pathlib import Path

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

import derived.batch_norm
from derived.array_api import batch_norm

ROWS, COLUMNS, CHUNK, LIMIT = 600_000, 64, 10_000, 256_000_000


def most_memory() -> int:
    """Return the most bytes that this process ever had in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Compute what fits: sums of columns, and some of the rows."""
    rng = da.random.default_rng(0)
    x, dy = (rng.normal(size=(ROWS, COLUMNS), chunks=(CHUNK, COLUMNS)) for _ in range(2))
    gamma, beta = da.from_array(np.linspace(1, 2, COLUMNS)), da.from_array(np.linspace(-1, 1, COLUMNS))

    y, residuals = batch_norm.forward(x, gamma, beta)
    dx, dgamma, dbeta = batch_norm.backward(dy, residuals)
    wanted = [y.sum(axis=0), (dx * x).sum(axis=0), dgamma, dbeta, y[:CHUNK], dx[-CHUNK:]]

    workers = {"n_workers": 4, "threads_per_worker": 1, "memory_limit": LIMIT}
    with LocalCluster(**workers, dashboard_address=None) as cluster, Client(cluster) as client:
        found = client.gather(client.compute(wanted))
        used = max(client.run(most_memory).values())

    print(f"the matrix: {x.nbytes / 1e6:.0f} MB; the most that a worker had in memory: {used / 1e6:.0f} MB")
    assert used < LIMIT < x.nbytes

    # NumPy holds everything.
    x, dy, gamma, beta = dask.compute(x, dy, gamma, beta, scheduler="threads")
    y, saved = derived.batch_norm.forward(x, gamma, beta)
    dx, dgamma, dbeta = derived.batch_norm.backward(dy, saved)
    expected = [y.sum(axis=0), (dx * x).sum(axis=0), dgamma, dbeta, y[:CHUNK], dx[-CHUNK:]]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    print("equal to what NumPy computes")


if __name__ == "__main__":
    main()
