"""The limits of time in these tests hold, and are no longer than the machine is slow."""

import gc
import time

import pace
import pytest
from pace import slowness, within


def spend(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_takes_long_is_seen() -> None:
    with within(0.5):
        pass
    with pytest.raises(AssertionError, match=r"allowed are 0\.01 s"), within(0.01):
        spend(0.2)


def test_on_a_slow_machine_a_limit_is_longer_and_on_a_fast_one_no_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_work", lambda: 3 * pace._USUAL)
    assert slowness() == pytest.approx(3)
    with within(0.1):
        spend(0.2)
    with pytest.raises(AssertionError), within(0.1):
        spend(0.4)
    monkeypatch.setattr(pace, "_work", lambda: pace._USUAL / 3)
    assert slowness() == 1


def test_an_error_is_not_hidden_and_nothing_stays_frozen() -> None:
    with pytest.raises(ZeroDivisionError), within(1):
        print(1 / 0)
    assert gc.get_freeze_count() == 0
