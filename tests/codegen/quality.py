"""What generated text has to be for any target: clean for the linter and the type checker, the same every time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from own_layers import WEIGHTED

ROOT = Path(__file__).parents[2]
# Layers whose names are awkward in Python.
AWKWARD = {
    "count": "x: [N]\ncount[i] = 2*x[i]\nindex = sum(count[i]**2 for i in N)",
    "l": "l: [N]\nxHat[i] = l[i]**2\nI[i] = xHat[i]**2",
    "weighted": WEIGHTED,
}


def assert_clean(texts: Mapping[str, str], folder: Path, typed: bool = True) -> None:
    """That modules pass the project's linter and, where their functions are `typed`, its type checker."""
    for name, text in texts.items():
        (folder / f"layer_{name}.py").write_text(text, encoding="utf-8")
    files = sorted(str(path) for path in folder.glob("*.py"))
    config = str(ROOT / "pyproject.toml")
    commands = [["ruff", "check", "--no-cache", "--config", config, *files]]
    if typed:
        commands.append(["mypy", "--config-file", config, "--cache-dir", str(folder / "cache"), *files])
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def same_under_hash_seeds(module: str, wanted: str = "module_text(derivation_of(name)) for name in LAYERS") -> str:
    """What a module of the code generator writes for all layers, or for those that are wanted, under any hash seed."""
    code = (
        "import sys; sys.path[:0] = ['tests/codegen', 'tests', '.']\n"
        "from own_layers import LAYERS, derivation_of, orders_of\n"
        f"from derive.codegen.{module} import module_text\n"
        f"for text in ({wanted}): print(text)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed}, cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("0", "4711")
    }  # fmt: skip
    assert len(texts) == 1
    return texts.pop()
