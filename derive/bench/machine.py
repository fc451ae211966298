"""What a measurement was made on.

    Output   the processor, its cores, and the versions of what ran
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TypedDict

_PACKAGES = ("numpy", "torch", "jax", "numba")


class Machine(TypedDict):
    """The processor and its cores, and the version of Python and of each package that is there."""

    processor: str
    cores: int
    versions: dict[str, str]


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def load_average() -> float:
    """How many processes ran on this machine in the last minute, on average; 0 where it does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def machine() -> Machine:
    """This machine."""
    versions = {"Python": platform.python_version(), **_versions()}
    return {"processor": _processor(), "cores": cores(), "versions": versions}


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
