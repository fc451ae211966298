"""Runs the inputs of one target in a process of its own, under a watch.

    python tests/fuzz/fuzz_run.py TARGET [--examples 300 | --seconds 600] [--seed K] [--keep FOLDER] [FILE ...]

Without files, inputs are drawn: always the same ones for --examples, new ones for --seconds. Prints how many inputs
were tried and, for each kind of fault, the smallest input with it. Exit code 1 where there was a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
for _name in ("jax", "torch", "numba"):  # what `bench` compares with needs threads, memory and minutes
    sys.modules[_name] = None  # type: ignore[assignment]

from fuzz_commands import FILES  # noqa: E402
from fuzz_strategies import STRATEGIES  # noqa: E402
from fuzz_targets import TARGETS  # noqa: E402
from fuzz_watch import Fault, Watch  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

CORPUS = _HERE / "corpus"
# Of the processor, for one input. Deriving is no parsing, and a command may derive and measure.
SECONDS = {"layers": 2.0, "grammar": 2.0, "latex": 2.0, "arguments": 20.0, "values": 20.0, "verdicts": 30.0}
_BATCH = 500  # inputs that are drawn with one seed


@dataclass
class Run:
    """The inputs of one target so far, and what was wrong with them."""

    target: str
    watch: Watch
    keep: Path | None = None
    count: int = 0
    slowest: float = 0.0
    faults: dict[str, tuple[bytes, Fault]] = field(default_factory=dict)
    until: float = math.inf  # on the monotonic clock; what is drawn later is not tried

    def try_one(self, raw: bytes) -> None:
        """Try an input."""
        self.count += 1
        if self.keep is not None:  # should the process end, this is why
            (self.keep / f"{self.target}.last").write_bytes(raw)
        if self.target == "arguments":
            _set_up(Path.cwd())
        began = time.process_time()
        fault = self.watch.fault(TARGETS[self.target], raw)
        spent = time.process_time() - began
        if spent > self.slowest:
            self.slowest = spent
            if self.keep is not None:
                (self.keep / f"{self.target}.slowest").write_bytes(raw)
        if fault is not None:
            known = self.faults.get(fault.said)
            if known is None or len(raw) < len(known[0]):
                self.faults[fault.said] = raw, fault
                if self.keep is not None:
                    name = "".join(c if c.isalnum() else "_" for c in fault.said)[:80]
                    (self.keep / f"{self.target}.{name}").write_bytes(raw)

    def draw(self, examples: int, from_seed: int | None = None) -> None:
        """Try as many drawn inputs; the same ones each time where there is no seed."""
        drawn: Callable[[], None] = given(STRATEGIES[self.target])(lambda raw: self._try_in_time(raw))
        if from_seed is not None:
            drawn = seed(from_seed)(drawn)
        settings(
            max_examples=examples,
            derandomize=from_seed is None,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(drawn)()

    def _try_in_time(self, raw: bytes) -> None:
        if time.monotonic() < self.until:
            self.try_one(raw)

    def report(self) -> str:
        """What there is to say."""
        counts = f"{self.count} inputs, the slowest {self.slowest:.2f} s, {len(self.faults)} kinds of fault"
        said = [f"{self.target}: {counts}"]
        for raw, fault in self.faults.values():
            shown = repr(raw) if len(raw) < 600 else f"{raw[:300]!r} ... {raw[-200:]!r} ({len(raw)} bytes)"
            said.append(f"\n{fault.said}\n  input: {shown}\n{fault.trace}")
        return "\n".join(said)


def _set_up(folder: Path) -> None:
    """The files that a command line finds, as they are before it."""
    for name, raw in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_bytes() != raw:
            path.write_bytes(raw)


def corpus_of(target: str) -> list[Path]:
    """The inputs that are kept for a target."""
    return sorted((CORPUS / target).iterdir()) if (CORPUS / target).is_dir() else []


def _warm_up(target: str) -> None:
    """Load what is loaded late, and fill what is filled once; its faults are nobody's."""
    ready = Run(target, Watch(seconds=300.0))
    for path in corpus_of(target):
        ready_raw = path.read_bytes()
        with contextlib.suppress(BaseException):
            if target == "arguments":
                _set_up(Path.cwd())
            TARGETS[target](ready_raw)
    with contextlib.suppress(BaseException):
        ready.draw(40)


def main() -> int:
    """Run a target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=list(TARGETS))
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--limit", type=float, help="seconds of the processor for one input")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs with a fault")
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    files = [path.read_bytes() for path in options.files]
    keep = options.keep.resolve() if options.keep else None
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.pop("COLUMNS", None)
        writable = folder if options.target == "arguments" else ""
        tempfile.tempdir = folder
        run = Run(options.target, Watch(options.limit or SECONDS.get(options.target, 30.0), folder=writable), keep)
        _warm_up(options.target)
        run.watch.begin()
        for raw in files:
            run.try_one(raw)
        if not files and options.seconds is None:
            run.draw(options.examples, options.seed)
        elif not files:
            run.until = time.monotonic() + options.seconds
            seeds = random.Random(options.seed)
            while time.monotonic() < run.until:
                run.draw(_BATCH, seeds.getrandbits(32))
        os.chdir("/")
    sys.stdout.write(run.report() + "\n")
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())
