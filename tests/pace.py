"""Limits of time that mean the same on any machine, and at any moment of a busy one.

A limit is in seconds of the processor on the machine on which the limits were chosen. What stands under it is timed
between two runs of a small piece of work that took a known time there; where that takes longer now, so may what is
timed, in the same ratio. A faster machine makes no limit shorter.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

# What `_work` takes where the limits were chosen, with nothing else to do: a core of an AMD EPYC, Python 3.11.
_USUAL = 0.025


def _work() -> float:
    """The seconds that a fixed piece of work takes, of the kind that Python programs do: the least of three tries."""
    tries = []
    for _ in range(3):
        start = time.process_time()
        texts = {n: str(n) for n in range(120_000)}
        sum(len(text) for text in texts.values())
        tries.append(time.process_time() - start)
    return min(tries)


def slowness() -> float:
    """How many times as long as usual things take just now, and 1 where they take less."""
    return max(1.0, _work() / _USUAL)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Assert that the block takes no more than so many seconds of the processor, at the usual pace."""
    # The garbage collector would look through all that the tests before have left, and that can take seconds.
    gc.freeze()
    try:
        before = slowness()
        start = time.process_time()
        yield
        spent = time.process_time() - start
        slow = max(before, slowness())
    finally:
        gc.unfreeze()
    assert spent < seconds * slow, f"it takes {spent:.2f} s, {slow:.2f} times as long as usual; allowed are {seconds} s"
