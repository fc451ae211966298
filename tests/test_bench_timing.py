"""The clock of these tests is a fake: nothing here depends on how fast anything is."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field

import pytest

from derive.bench.speed import best_rows
from derive.bench.timing import PHASES, Local, Rounds, Timed, first_line, spread, take_turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Fake:
    """A contender whose calls take what is written down, by phase."""

    name: str
    clock: Clock
    takes: dict[str, float]
    log: list[tuple[str, str, int]] = field(default_factory=list)
    way: str = ""
    collected: bool = False

    def time(self, phase: str, calls: int) -> float:
        self.log.append((self.name, phase, calls))
        self.collected |= gc.isenabled()
        self.clock.now += self.takes[phase] * calls
        return self.takes[phase] * calls

    def release(self) -> None:
        self.log.append((self.name, "release", 0))


def fakes(*speeds: float) -> tuple[Clock, list[Fake]]:
    clock = Clock()
    log: list[tuple[str, str, int]] = []
    return clock, [Fake(f"c{k}", clock, {"forward": s, "backward": 2 * s}, log) for k, s in enumerate(speeds)]


def nothing() -> None:
    pass


def test_contenders_take_turns() -> None:
    clock, contenders = fakes(0.5, 0.25, 0.125)
    timed = take_turns(contenders, Rounds(0.0), clock, nothing)
    assert timed.failures == []
    assert [len(samples["backward"]) for samples in timed.samples if samples] == [3, 3, 3]
    assert timed.samples[1] == {"forward": [0.25] * 3, "backward": [0.5] * 3}
    measured = [name for name, phase, _ in contenders[0].log if phase == "release"][3:]
    assert [sorted(measured[k : k + 3]) for k in (0, 3)] == [["c0", "c1", "c2"]] * 2


def test_rounds_end_with_the_seconds_or_with_the_number() -> None:
    clock, contenders = fakes(1.0)
    assert len((take_turns(contenders, Rounds(29.0), clock, nothing).samples[0] or {})["forward"]) == 11
    clock, contenders = fakes(1.0)
    assert len((take_turns(contenders, Rounds(29.0, most=4), clock, nothing).samples[0] or {})["forward"]) == 4


def test_a_short_call_is_repeated_for_a_sample() -> None:
    clock, contenders = fakes(1e-5)
    timed = take_turns(contenders, Rounds(0.0), clock, nothing)
    assert ("c0", "forward", 100) in contenders[0].log
    assert (timed.samples[0] or {})["forward"] == pytest.approx([1e-5] * 3)


def test_nothing_is_collected_while_the_clock_runs() -> None:
    clock, contenders = fakes(0.5)
    assert gc.isenabled()
    take_turns(contenders, Rounds(0.0), clock, nothing)
    assert gc.isenabled()
    assert not contenders[0].collected


def test_what_fails_is_left_out_and_said() -> None:
    clock, contenders = fakes(0.5, 0.5)
    del contenders[0].takes["backward"]
    timed = take_turns(contenders, Rounds(0.0), clock, nothing)
    assert timed.failures == ["c0: KeyError: 'backward'"]
    assert timed.samples[0] is None
    assert timed.samples[1] is not None


def test_what_fails_later_is_left_out_too() -> None:
    clock, contenders = fakes(0.5, 0.5)
    ordinary = contenders[1].time

    def time(phase: str, calls: int) -> float:
        if len(contenders[1].log) > 12:
            raise MemoryError
        return ordinary(phase, calls)

    contenders[1].time = time  # type: ignore[method-assign]
    timed = take_turns(contenders, Rounds(0.0), clock, nothing)
    assert timed.failures == ["c1: MemoryError"]
    assert timed.samples[1] is None
    assert timed.samples[0] == {"forward": [0.5] * 3, "backward": [1.0] * 3}


def test_a_way_that_is_far_from_the_best_is_given_up_in_silence() -> None:
    clock, contenders = fakes(0.5, 0.25, 0.75, 10.0)
    for contender in contenders[:3]:
        contender.name = "library"
    timed = take_turns(contenders, Rounds(0.0), clock, nothing)
    assert [samples is None for samples in timed.samples] == [False, False, True, False]
    assert timed.failures == []


def test_a_local_contender_hands_residuals_on() -> None:
    clock, seen = Clock(), []

    def forward() -> tuple[str, str]:
        clock.now += 1
        return "y", "residuals"

    def backward(residuals: str) -> None:
        clock.now += 2
        seen.append(residuals)

    local = Local("own", "", forward, backward, clock=clock)
    assert local.time("forward", 3) == 3
    assert local.time("backward", 2) == 4
    assert seen == ["residuals"] * 2
    local.release()
    assert local.kept is None


def test_the_spread_is_median_and_quartiles() -> None:
    assert spread([5.0, 1.0, 2.0, 3.0, 4.0]) == {"median": 3.0, "low": 2.0, "high": 4.0, "samples": 5}
    assert spread([7.0]) == {"median": 7.0, "low": 7.0, "high": 7.0, "samples": 1}


def test_the_best_way_of_a_library_counts_by_phase() -> None:
    clock = Clock()
    contenders = [Fake("a", clock, {}), Fake("b", clock, {}), Fake("b", clock, {}), Fake("c", clock, {})]
    samples = [{"forward": [f], "backward": [b]} for f, b in ((9.0, 9.0), (1.0, 5.0), (2.0, 4.0))]
    rows = best_rows(contenders, Timed([*samples, None], []))
    assert [(row["name"], *(row["times"][phase]["median"] for phase in PHASES)) for row in rows] == [
        ("a", 9.0, 9.0),
        ("b", 1.0, 4.0),
    ]


def test_an_error_is_one_short_line() -> None:
    assert first_line(ValueError("x: expected\nmore")) == "ValueError: x: expected"
    assert first_line(MemoryError()) == "MemoryError"
