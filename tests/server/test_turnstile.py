"""How many sessions may come again in a second, and what the others are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.turnstile import Turnstile, is_time


def test_a_few_pass_at_once_and_each_of_the_others_has_a_time_of_its_own() -> None:
    turnstile = Turnstile(rate=50, burst=3)
    times = [turnstile.enter(50.0) for _ in range(6)]
    assert [is_time(time, 50.0) for time in times] == [True, True, True, False, False, False]
    assert [round(time - 50.0, 4) for time in times[3:]] == [0.02, 0.04, 0.06]


def test_two_thousand_at_once_have_passed_within_ten_seconds() -> None:
    turnstile = Turnstile()
    times = [turnstile.enter(0.0) for _ in range(2000)]
    assert times == sorted(set(times))
    assert 9.5 < times[-1] <= 10.0


def test_after_a_pause_some_pass_at_once_again() -> None:
    turnstile = Turnstile(rate=50, burst=3)
    for _ in range(10):
        turnstile.enter(0.0)
    assert [is_time(turnstile.enter(5.0), 5.0) for _ in range(5)] == [True, True, True, False, False]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400))
def test_no_second_lets_more_through_than_the_rate_and_the_burst(pauses: list[float]) -> None:
    turnstile, now, passed = Turnstile(rate=20, burst=5), 0.0, []
    for pause in pauses:
        now += pause / 20
        passed.append(max(now, turnstile.enter(now)))
    for at in passed:
        assert sum(at <= other < at + 1.0 for other in passed) <= 20 + 5
