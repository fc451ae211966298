"""A matrix larger than a worker's memory, and a batch over many devices; the programs are those of a page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "derive" / "pages" / "scripts"
# Eight devices that the processor stands in for.
DEVICES = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}

PLANTED = """
import jax
import jax_batch_norm

right = jax_batch_norm.both


def gathered(*arguments):
    y, *gradients = right(*arguments)
    return y - jax.numpy.sort(y, axis=0), *gradients


def turned(*arguments):
    y, *gradients = right(*arguments)
    return y[::-1], *gradients


jax_batch_norm.both = {wrong}
jax_batch_norm.main()
"""


def run_on_workers(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A program that has a cluster of Dask, run; the test is skipped where there can be none."""
    for module in ("dask", "distributed", "array_api_compat"):
        pytest.importorskip(module, reason=f"{module} is not installed, so nothing larger than memory is tried")
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory a process had")
    return subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True, timeout=300)


def test_dask_computes_with_a_matrix_larger_than_a_worker(tmp_path: Path) -> None:
    done = run_on_workers(SCRIPTS / "dask_batch_norm.py", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the matrix: 307 MB; the most that a worker had in memory: ")
    assert done.stdout.endswith("equal to what NumPy computes\n")


def test_a_worker_cannot_hold_the_matrix(tmp_path: Path) -> None:
    text = (SCRIPTS / "dask_batch_norm.py").read_text()
    line = "    y, residuals = batch_norm.forward(x, gamma, beta)\n"
    assert text.count(line) == 1
    planted = tmp_path / "in_one_place.py"
    planted.write_text(text.replace(line, f"    x = x.rechunk((ROWS, COLUMNS))\n{line}"))
    done = run_on_workers(planted, tmp_path)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr or "KilledWorker" in done.stderr, done.stderr


def test_only_sums_of_columns_go_between_devices() -> None:
    pytest.importorskip("jax", reason="JAX is not installed, so nothing is tried on many devices")
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "jax_batch_norm.py")], env=DEVICES, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "8 devices, between them: [('all-reduce', 32)]\nequal to what NumPy computes\n"


@pytest.mark.parametrize("wrong", ["gathered", "turned"])
def test_more_than_that_is_seen(wrong: str) -> None:
    pytest.importorskip("jax", reason="JAX is not installed, so nothing is tried on many devices")
    code = PLANTED.replace("{wrong}", wrong)
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, env=DEVICES, capture_output=True, text=True)
    assert done.stdout.startswith("8 devices, between them: [('all-")
    assert "AssertionError" in done.stderr, done.stderr
    assert "elements <= COLUMNS" in done.stderr
