"""When a node that crashed is started again: the schedule under a clock that the test turns."""

from __future__ import annotations

from server.restarts import CRASHES, WINDOW_SECONDS, Restarts


def test_the_wait_doubles_and_the_fifth_crash_in_ten_minutes_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.crashed(now) for now in (0.0, 2.0, 5.0, 10.0, 20.0)] == [1.0, 2.0, 4.0, 8.0, None]
    assert restarts.crashes == CRASHES


def test_crashes_that_are_apart_are_never_given_up_and_wait_half_a_minute_at_most() -> None:
    restarts = Restarts()
    apart = WINDOW_SECONDS / (CRASHES - 1)
    assert [restarts.crashed(apart * turn) for turn in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert restarts.crashed(apart * 2_000) == 1.0


def test_ten_minutes_without_a_crash_begin_anew() -> None:
    restarts = Restarts()
    assert [restarts.crashed(now) for now in (0.0, 1.0, 2.0)] == [1.0, 2.0, 4.0]
    assert restarts.crashed(2.0 + WINDOW_SECONDS) == 1.0
    assert restarts.crashes == 1


def test_a_start_by_hand_begins_anew() -> None:
    restarts = Restarts()
    for now in range(CRASHES):
        restarts.crashed(float(now))
    restarts.forgive()
    assert restarts.crashes == 0
    assert restarts.crashed(10.0) == 1.0
