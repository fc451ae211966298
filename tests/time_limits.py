"""Limits of time for what is tested, and not for what has been tested before it in the same process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def set_aside() -> Iterator[None]:
    """Keep what is there already from the garbage collector: only what the block makes is gone through.

    After some thousands of tests a process has gigabytes, and to go through them once takes more than three seconds,
    whenever it happens.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def within(seconds: float, clock: Callable[[], float] = time.process_time) -> Iterator[None]:
    """Assert that the block takes no more than so many seconds: of the processor, or of another clock."""
    with set_aside():
        start = clock()
        yield
        spent = clock() - start
    assert spent < seconds, f"it takes {spent:.2f} s; allowed are {seconds} s"
