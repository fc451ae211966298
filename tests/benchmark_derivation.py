"""How long derivations take, and what they cost: tables, measured now. Not a test; no test looks at the time.

    python tests/benchmark_derivation.py [--order 2] [--repeat 3] [LAYER ...]

Absolute times depend on the machine and on what else it does; the ratios are what to compare. What is compared is
measured in turns, and the median is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from derive.counting import aligned_table, count, counts_table
from derive.layers import layer_names
from derive.pipeline import load

LENGTHS = (8, 16, 32)
MOST_GROWTH, MOST_SECONDS, MOST_MEGABYTES = 2.3, 10.0, 500.0
MOST_FOR_A_LAYER = 2.0

# Prints the seconds of each stage after import.
_STAGES = """
import json, sys, time
from derive.pipeline import derive, load
from derive.printing.latex import latex_document

graph = load(sys.argv[1])
start = time.perf_counter()
derivation = derive(graph, order=int(sys.argv[2]))
derived = time.perf_counter()
text = latex_document(derivation)
print(json.dumps([derived - start, time.perf_counter() - derived]))
"""


def chain(length: int) -> str:
    """The text of a layer: batch norms, one after the other."""
    gains = "".join(f"gamma{n}: [D]\nbeta{n}: [D]\n" for n in range(1, length + 1))
    text = f"x: [N, D]\n{gains}eps: constant = 1e-5\nassert eps > 0\n"
    before = "x"
    for n in range(1, length + 1):
        text += f"mu{n}[j] = mean({before}[i, j] for i in N)\n"
        text += f"var{n}[j] = mean(({before}[i, j] - mu{n}[j])**2 for i in N)\n"
        text += f"xhat{n}[i, j] = ({before}[i, j] - mu{n}[j])/sqrt(var{n}[j] + eps)\n"
        text += f"y{n}[i, j] = gamma{n}[j]*xhat{n}[i, j] + beta{n}[j]\n"
        before = f"y{n}"
    return text


def measure(command: list[str]) -> tuple[float, float]:
    """The seconds and the peak memory (MB) of one process. Raises CalledProcessError where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    # What this one child used; RUSAGE_CHILDREN would be the peak of all that there were.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return seconds, kilobytes / 1024


def growth(repeat: int) -> str:
    """The table of chains: `derive show FILE`, the whole process, start-up included."""
    seconds: dict[int, list[float]] = {length: [] for length in LENGTHS}
    memory = dict.fromkeys(LENGTHS, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            (Path(folder) / f"chain{length}.layer").write_text(chain(length))
        for _ in range(repeat):
            for length in LENGTHS:  # in turns, so that a slow minute meets all of them
                command = [sys.executable, "-m", "derive", "show", f"{folder}/chain{length}.layer"]
                taken, peak = measure(command)
                seconds[length].append(taken)
                memory[length] = max(memory[length], peak)
    rows, before = [], None
    for length in LENGTHS:
        median = statistics.median(seconds[length])
        ratio = f"{median / before:.2f}" if before else ""
        last = length == LENGTHS[-1]
        limits = [f"{MOST_GROWTH}", f"{MOST_SECONDS:.0f}", f"{MOST_MEGABYTES:.0f}"] if last else ["", "", ""]
        met = not last or bool(
            before and median / before <= MOST_GROWTH and median < MOST_SECONDS and memory[length] < MOST_MEGABYTES
        )
        numbers = [ratio, limits[0], f"{median:.2f}", limits[1], f"{memory[length]:.0f}", limits[2]]
        rows.append([f"{length}", *numbers, ("yes" if met else "NO") if last else ""])
        before = median
    titles = ["batch norms", "to half the length", "limit", "seconds", "limit", "MB", "limit", "met"]
    return aligned_table(titles, rows)


def stages(layers: list[str], order: int, repeat: int) -> str:
    """The table of layers: seconds after import, each in a process of its own, so that no cache helps."""
    rows, slow = [], []
    for layer in layers:
        found = []
        for _ in range(repeat):
            command = [sys.executable, "-c", _STAGES, layer, str(order)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                break
            found.append(json.loads(done.stdout))
        if len(found) < repeat:
            rows.append([layer, "", "", (done.stderr.strip().splitlines() or ["failed"])[-1][:60], "NO"])
            slow.append(layer)
            continue
        derived, printed = (statistics.median(column) for column in zip(*found, strict=True))
        whole = statistics.median(map(sum, found))
        met = whole < MOST_FOR_A_LAYER
        rows.append([layer, f"{derived:.2f}", f"{printed:.2f}", f"{whole:.2f}", "yes" if met else "NO"])
        slow += [] if met else [layer]
    verdict = f"over the limit: {', '.join(slow)}" if slow else "all within the limit"
    return aligned_table(["layer", "derive", "print", "both", "met"], rows) + f"\n{len(rows)} layers, {verdict}\n"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="How long derivations take, and what they cost.")
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="only these; without any, all, and the growth")
    parser.add_argument("--order", type=int, action="append", help="1, 2; may be given several times")
    parser.add_argument("--repeat", type=int, default=3, help="how often each time is taken (the median counts)")
    options = parser.parse_args()
    layers = options.layers or layer_names()
    if not options.layers:
        print("## Growth: `derive show` of a chain of batch norms\n")
        print(growth(options.repeat), flush=True)
    for order in options.order or [1]:
        print(f"## Order {order}: seconds to derive, and to print as LaTeX; limit {MOST_FOR_A_LAYER:.0f}\n")
        print(stages(layers, order, options.repeat), flush=True)
    print("## Counted, staged → closed: passes and operations over arrays with so many indices\n")
    print(counts_table(count(load(layer)) for layer in layers), end="")


if __name__ == "__main__":
    main()
