"""Batch norm over four processes of torch.distributed with parts of a batch of unequal lengths: only sums travel."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import derived.batch_norm
from derived.workers import batch_norm

ROWS, COLUMNS = (7, 1, 12, 4), 5  # the rows of each process


def over_all(sums: Any) -> Any:
    """Return the sums over all processes from those of this one."""
    tensors = [torch.tensor(value) for value in sums]
    for tensor in tensors:
        dist.all_reduce(tensor)
    return type(sums)(*(tensor.numpy()[()] for tensor in tensors))


def both(x: Any, gamma: Any, beta: Any, dy: Any) -> tuple[Any, ...]:
    """Return this process's part of y and of dx, and the whole of dgamma and dbeta."""
    sums1 = over_all(batch_norm.forward_partial1(x))  # the rows and their sum
    sums2 = over_all(batch_norm.forward_partial2(x, sums1))  # the squares about the mean of all
    y, residuals = batch_norm.forward_finish(x, gamma, beta, sums1, sums2)
    sums = over_all(batch_norm.backward_partial(dy, residuals))
    return (y, *batch_norm.backward_finish(dy, residuals, sums))


def work(rank: int, meeting: str) -> None:
    """Compute the part of one process, and compare it with what a single process computes of the whole batch."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=len(ROWS))
    rng = np.random.default_rng(0)
    x, dy = rng.normal(3, 2, size=(2, sum(ROWS), COLUMNS))
    gamma, beta = rng.normal(size=(2, COLUMNS))
    part = slice(sum(ROWS[:rank]), sum(ROWS[: rank + 1]))

    found = both(x[part], gamma, beta, dy[part])
    y, residuals = derived.batch_norm.forward(x, gamma, beta)
    dx, dgamma, dbeta = derived.batch_norm.backward(dy, residuals)
    for one, other in zip(found, (y[part], dx[part], dgamma, dbeta), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the processes, which meet at a file."""
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, args=((Path(folder) / "meeting").as_uri(),), nprocs=len(ROWS))
    print(f"{len(ROWS)} processes with {', '.join(map(str, ROWS))} rows: equal to a single one with {sum(ROWS)}")


if __name__ == "__main__":
    main()
