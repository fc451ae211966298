"""The limits of time in these tests are limits, and the garbage collector is as it was after them."""

import gc
import time

import pytest
from time_limits import within


def spend(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_takes_too_long_is_seen() -> None:
    with within(0.5):
        pass
    with pytest.raises(AssertionError, match=r"allowed are 0\.1 s"), within(0.1):
        spend(0.11)


def test_what_was_there_before_is_not_gone_through() -> None:
    before = [[n] for n in range(100_000)]
    with within(10):
        assert gc.get_freeze_count() > len(before)
    assert gc.get_freeze_count() == 0


def test_an_error_is_not_hidden_and_nothing_stays_frozen() -> None:
    with pytest.raises(ZeroDivisionError), within(1):
        print(1 / 0)
    assert gc.get_freeze_count() == 0
