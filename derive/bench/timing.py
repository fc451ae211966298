"""Times of several ways to do the same, taken in turns, so that what slows the machine down slows all of them.

    Input    contenders
    Output   the seconds of each call, by contender and phase; their median and quartiles
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

PHASES = ("forward", "backward")
# A sample takes at least so long, by repeating the call: far above the resolution of the clock.
_SHORTEST_SAMPLE = 1e-3
# Threads of linear algebra and of OpenMP spin for a while before they sleep, and would slow down who comes next.
_SETTLE = 0.03
# A way is given up that takes so many times what another way of the same name takes.
_HOPELESS = 2.0
# Quartiles of fewer say nothing.
_FEWEST_ROUNDS = 3

Clock = Callable[[], float]


class Spread(TypedDict):
    """The median of some times in seconds, their quartiles, and their number."""

    median: float
    low: float
    high: float
    samples: int


class Contender(Protocol):
    """A way to compute a layer. Contenders with one `name` are the `way`s of one library; the best of them counts."""

    name: str
    way: str

    def time(self, phase: str, calls: int) -> float:
        """The seconds that so many calls take. A backward call goes with the last forward call before it."""

    def release(self) -> None:
        """Let go of what the last call left."""


@dataclass
class Local:
    """A contender in this process. `forward` returns results and residuals, `backward` takes the residuals.

    `ready` sets what is to be set before the clock starts.
    """

    name: str
    way: str
    forward: Callable[[], tuple[Any, Any]]
    backward: Callable[[Any], Any]
    ready: Callable[[], object] = lambda: None
    clock: Clock = time.perf_counter
    kept: Any = None

    def time(self, phase: str, calls: int) -> float:
        clock, forward, backward = self.clock, self.forward, self.backward
        self.ready()
        if phase == "forward":
            start = clock()
            for _ in range(calls):
                result = forward()
            taken = clock() - start
            self.kept = result[1]
            return taken
        kept = self.kept
        start = clock()
        for _ in range(calls):
            backward(kept)
        return clock() - start

    def release(self) -> None:
        self.kept = None


@dataclass(frozen=True)
class Rounds:
    """When to stop: after so many `seconds`, or so many rounds, but not before there are enough for quartiles."""

    seconds: float = 4.0
    most: int = 100


@dataclass(frozen=True)
class Timed:
    """What was measured: the seconds of each call by contender (in their order) and phase; None where it failed."""

    samples: list[dict[str, list[float]] | None]
    failures: list[str]


def take_turns(
    contenders: Sequence[Contender],
    rounds: Rounds,
    clock: Clock = time.perf_counter,
    settle: Callable[[], None] = lambda: time.sleep(_SETTLE),
) -> Timed:
    """Time both phases of every contender, round after round, each round in another order.

    A first round warms up, and shows how many calls a sample takes. A contender that fails, there or later, is left
    out, with a line that says why; so is, without one, a way that is far from the best of its name there.
    """
    order = random.Random(0)
    failures: list[str] = []
    with _no_collection():
        once = [_warm_up(contender, failures) for contender in contenders]
        calls = [{phase: _calls(seconds) for phase, seconds in own.items()} for own in once]
        # Where each call is a sample, what showed that was the first round.
        is_round = all(number == 1 for own in calls for number in own.values())
        samples: list[dict[str, list[float]] | None] = [
            {phase: [own[phase]] if is_round else [] for phase in PHASES}
            if has_a_chance(place, contenders, once)
            else None
            for place, own in enumerate(once)
        ]
        start, done = clock(), int(is_round)
        while done < _FEWEST_ROUNDS or (done < rounds.most and clock() - start < rounds.seconds):
            for place in order.sample(range(len(contenders)), len(contenders)):
                own = samples[place]
                if own is None:
                    continue
                settle()
                try:
                    _sample(contenders[place], calls[place], own)
                except Exception as error:  # out of memory; a process that has ended
                    samples[place] = None
                    failures.append(f"{contenders[place].name}: {first_line(error)}")
            done += 1
    return Timed(samples, failures)


def _sample(contender: Contender, calls: dict[str, int], samples: dict[str, list[float]]) -> None:
    """One sample of each phase. What is short is called once before, to be in the cache again."""
    for phase in PHASES:
        if calls[phase] > 1:
            contender.time(phase, 1)
        samples[phase].append(contender.time(phase, calls[phase]) / calls[phase])
    contender.release()


def _warm_up(contender: Contender, failures: list[str]) -> dict[str, float]:
    """The seconds of one call, by phase; nothing, and why, where it does not work."""
    once: dict[str, float] = {}
    try:
        for phase in PHASES:
            contender.time(phase, 1)  # compiles, fills caches
            once[phase] = contender.time(phase, 1)
    except Exception as error:  # whatever a library raises: the others are measured all the same
        failures.append(f"{contender.name}: {first_line(error)}")
        return {}
    finally:
        contender.release()
    return once


def _calls(seconds: float) -> int:
    """How many calls of so many seconds make a sample."""
    return max(1, math.ceil(_SHORTEST_SAMPLE / max(seconds, 1e-9)))


def has_a_chance(place: int, contenders: Sequence[Contender], once: Sequence[dict[str, float]]) -> bool:
    """Whether a contender works, and in one phase at least is not far from the best way of its name."""
    rivals = [own for other, own in zip(contenders, once, strict=True) if own and other.name == contenders[place].name]
    return any(t <= _HOPELESS * min(rival[phase] for rival in rivals) for phase, t in once[place].items())


def first_line(error: BaseException) -> str:
    """An error in one short line."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:160] if text else type(error).__name__


@contextmanager
def _no_collection() -> Iterator[None]:
    """Garbage is collected before, not while the clock runs."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def spread(times: Sequence[float]) -> Spread:
    """The median and the quartiles."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return {"median": median, "low": low, "high": high, "samples": len(times)}
