"""The commands as processes, under conditions that a shell, a disk or a user can put them in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

LAYER = b"x: [N]\nc: []\ny[i] = c*x[i]\n"
CLAIM = b"dx[i] = c*dy[i]\n"
DERIVE = [sys.executable, "-m", "derive"]
# Every command, on files of the folder that `fill` makes. What stands after ":" tells two uses of a command apart.
COMMANDS: dict[str, list[str]] = {
    "list": ["list"],
    "show": ["show", "own.layer"],
    "latex": ["latex", "own.layer"],
    "markdown": ["markdown", "own.layer"],
    "html": ["html", "own.layer"],
    "graph": ["graph", "own.layer"],
    "code": ["code", "own.layer"],
    "verify": ["verify", "own.layer"],
    "check": ["check", "own.layer", "claims.txt"],
    "check:lint": ["check", "own.layer", "--lint"],
    "docs": ["docs", "own.layer", "-o", "made"],
    "docs:check": ["docs", "own.layer", "--check", "-o", "stale"],
    "completion": ["completion", "bash"],
    "bench": ["bench", "own.layer", "--targets", "numpy", "--shape", "8", "--repeats", "1", "--seconds", "0.01"],
}
WITH_A_LAYER = [name for name, arguments in COMMANDS.items() if "own.layer" in arguments]
WITH_A_FILE = [name for name in WITH_A_LAYER if not name.startswith(("verify", "docs"))]  # those that know -o FILE

# Root may do everything; without these two rights it is as bound by permissions as anybody.
_WITHOUT_RIGHTS = (
    "import ctypes, os, sys\n"
    "for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH\n"
    "    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP: they are gone after the next exec\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def fill(folder: Path) -> Path:
    """The files that the commands are run on."""
    (folder / "own.layer").write_bytes(LAYER)
    (folder / "claims.txt").write_bytes(CLAIM)
    return folder


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str | None] | None = None, bound: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """`derive` with these arguments, in a folder; `bound` by permissions, whoever runs the tests."""
    command = [sys.executable, "-c", _WITHOUT_RIGHTS, *DERIVE[1:]] if bound and is_root() else DERIVE
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=changed(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )


def shell(
    line: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`derive` with these arguments where a line for bash has "$@"."""
    command = ["bash", "-c", line, "bash", *DERIVE, *arguments]
    return subprocess.run(command, cwd=folder, env=changed(environment), capture_output=True, timeout=120)


def changed(environment: Mapping[str, str | None] | None) -> dict[str, str]:
    """The environment with changes; None takes a variable out. Standard output is buffered, as it is for users."""
    all_changes = {"PYTHONUNBUFFERED": None, **(environment or {})}
    kept = {name: value for name, value in os.environ.items() if name not in all_changes}
    return kept | {name: value for name, value in all_changes.items() if value is not None}


def need_permissions(path: Path) -> None:
    """Skip the test where nothing takes the right to everything from who runs it."""
    code = "import os, sys; sys.exit(os.access(sys.argv[1], os.R_OK | os.W_OK))"
    launched = [sys.executable, "-c", _WITHOUT_RIGHTS] if is_root() else [sys.executable]
    if subprocess.run([*launched, "-c", code, str(path)], check=False).returncode != 0:
        pytest.skip("permissions bind nobody here")


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones as well, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def is_clear(said: bytes) -> bool:
    """Whether this is a message for a user: a line, and lines below it that belong to it."""
    first, *others = said.decode().splitlines()
    return bool(first) and "Traceback" not in first and all(line.startswith("  ") for line in others)
