"""What the tests of someone's functions share: samples, a batch and what is right for it, the error that comes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import derive
from derive.claims.functions import FunctionUnderTest, load_function
from derive.errors import LayerError
from derive.graph import Graph
from derived import batch_norm

Write = Callable[..., str]
BATCH_NORM = derive.load("batch_norm")

# As courses have it: a forward function that keeps what the backward one needs.
PAIR = """\
import numpy as np


def bn_forward(x, gamma, beta, bn_param):
    if bn_param["mode"] != "train":
        raise ValueError(bn_param["mode"])
    eps = bn_param.get("eps", 1e-5)
    mean = x.mean(axis=0)
    centered = x - mean
    std = np.sqrt((centered**2).mean(axis=0) + eps)
    bn_param["running_mean"] = 0.9*bn_param.get("running_mean", 0) + 0.1*mean
    return gamma*centered/std + beta, (centered, std, gamma)


@staticmethod
def unrelated():
    pass


def bn_backward(dout, cache):
    centered, std, gamma = cache
    dgamma = (dout*centered/std).sum(axis=0)
    dx = gamma/std*(dout - dout.mean(axis=0) - centered/std**2*(dout*centered).mean(axis=0))
    return dx, dgamma, dout.sum(axis=0)
"""

BODY = """\
    n, xhat = len(x), (x - x.mean(0))/np.sqrt(x.var(0) + eps)
    dbeta, dgamma = dy.sum(0), (dy*xhat).sum(0)
    dx = gamma/np.sqrt(x.var(0) + eps)*(dy - dbeta/n - xhat*dgamma/n)
"""

PLAIN = f"import numpy as np\n\ndef backward(dy, x, gamma, beta, eps):\n{BODY}    return dx, dgamma, dbeta\n"


def batch(rows: int = 5, columns: int = 3, seed: int = 0) -> tuple[dict, dict]:
    rng = np.random.default_rng(seed)
    inputs = {"x": rng.normal(size=(rows, columns)), "gamma": rng.normal(size=columns), "eps": 0.3}
    return {**inputs, "beta": rng.normal(size=columns)}, {"y": rng.normal(size=(rows, columns))}


def truth(inputs: dict, cotangents: dict) -> dict:
    y, residuals = batch_norm.forward(inputs["x"], inputs["gamma"], inputs["beta"], inputs["eps"])
    return dict(zip(("dx", "dgamma", "dbeta"), batch_norm.backward(cotangents["y"], residuals), strict=True)) | {"y": y}


def assert_right(function: FunctionUnderTest, graph: Graph = BATCH_NORM) -> None:
    for rows, columns in ((5, 3), (1, 4), (3, 1)):
        inputs, cotangents = batch(rows, columns)
        found = function.values(inputs, cotangents)
        assert tuple(found) == (*function.names, *function.forward_names)
        for name, value in found.items():
            expected = truth(inputs, cotangents)[name]
            assert (value.shape, value.dtype) == (expected.shape, np.float64)
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


def complaint(graph: Graph, function: str, forward: str | None = None, timeout: float = 10.0) -> LayerError:
    """The error that comes of loading a function and calling it on a batch."""
    with pytest.raises(LayerError) as caught, load_function(graph, function, forward, timeout) as loaded:
        loaded.values(*batch())
    return caught.value


def gone(pid: int) -> bool:
    """Whether a process has ended, or does within a moment."""
    for _ in range(100):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def served_processes() -> set[str]:
    """The processes of someone's functions that this one has started, and that have not ended."""
    children = [pid for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == os.getpid()]
    return {pid for pid in children if b"derive.claims.served" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
