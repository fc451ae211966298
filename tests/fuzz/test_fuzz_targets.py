"""Whatever is fed to `derive` ends in a right result, or in an error that says where, what, and how to mend it.

The inputs are tried in a process of their own, under a watch: no other exception, no hang, little memory, and nothing
opened, imported or run that the input asks for. By default the same few inputs are drawn each time, about ten seconds'
worth; with DERIVE_FUZZ_SECONDS=600 new ones for so long a time for each target, and the number of them is printed. With
DERIVE_FUZZ_SEED as well, these are the same ones each time, too, as far as the time goes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits of memory and of the time of a processor")

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
EXAMPLES = {"layers": 500, "grammar": 400, "latex": 250, "arguments": 60, "values": 500}
SECONDS = os.environ.get("DERIVE_FUZZ_SECONDS", "")
SEED = os.environ.get("DERIVE_FUZZ_SEED", "")


def fuzz(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "fuzz_run.py"), target, *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")


def test_there_is_a_corpus_for_each_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(EXAMPLES)


@pytest.mark.parametrize("target", EXAMPLES)
def test_what_failed_once_ends_as_it_should(target: str) -> None:
    files = sorted((CORPUS / target).iterdir())
    done = fuzz(target, *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{target}: {len(files)} inputs")


@pytest.mark.parametrize("target", EXAMPLES)
def test_whatever_comes_ends_as_it_should(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = ["--seconds", SECONDS] if SECONDS else ["--examples", str(EXAMPLES[target])]
    done = fuzz(target, *many, *(["--seed", SEED] if SECONDS and SEED else []))
    if SECONDS:
        with capsys.disabled():
            print(f"\n{done.stdout.partition(chr(10))[0]}")
    assert done.returncode == 0, done.stdout + done.stderr
    tried = int(done.stdout.split()[1])
    assert tried >= EXAMPLES[target] or SECONDS
