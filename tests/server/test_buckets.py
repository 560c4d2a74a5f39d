"""How much one client may ask (protocol.md section 2), as arithmetic; over a socket: test_limits.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.closing import ABUSE, RATE
from server.limits import Abuse, Allowance, Bucket, Streak
from server.wire import native
from server.wire.native import Code

GAPS = st.lists(st.floats(0, 3), max_size=200)


@given(GAPS, st.sampled_from([(20.0, 60.0), (50.0, 100.0), (55.0, 27.5)]))
def test_no_stretch_of_time_sees_more_than_burst_and_rate(gaps: list[float], sizes: tuple[float, float]) -> None:
    rate, burst = sizes
    now, taken = 50.0, []
    bucket = Bucket(rate, burst, now=now)
    for gap in gaps:
        now += gap
        while bucket.take(now):
            taken.append(now)
    for start in range(0, len(taken), 7):
        within = [at for at in taken[start:] if at <= taken[start] + 1.0]
        assert len(within) <= burst + rate + 1e-6


@pytest.mark.parametrize(("rate", "burst"), [(20, 60), (50, 100)])
def test_the_burst_is_there_at_once_and_comes_back_in_time(rate: int, burst: int) -> None:
    bucket = Bucket(rate, burst, now=0.0)
    assert [bucket.take(0.0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert [bucket.take(1.0) for _ in range(rate + 1)] == [True] * rate + [False]
    assert [bucket.take(1000.0) for _ in range(burst + 1)] == [True] * burst + [False]


@given(st.floats(0, 0.04))
def test_who_waits_as_told_is_taken(gap: float) -> None:
    bucket = Bucket(20, 60, now=0.0)
    while bucket.take(gap):
        pass
    wait = bucket.wait_ms
    assert 1 <= wait <= 51
    assert bucket.take(gap + wait / 1000)


def test_a_streak_counts_successive_seconds() -> None:
    streak = Streak()
    assert [streak.note(at) for at in (7.0, 7.9, 8.0, 9.5, 10.0, 11.99)] == [1, 1, 2, 3, 4, 5]
    assert streak.note(13.0) == 1


def test_a_streak_may_begin_with_the_clock() -> None:
    assert Streak().note(0.0) == 1
    assert Streak().note(1.0) == 1


def test_abuse_is_twenty_within_ten_seconds() -> None:
    abuse = Abuse()
    assert [abuse.note(at / 2) for at in range(20)] == [False] * 19 + [True]
    abuse = Abuse()
    assert [abuse.note(0.0) for _ in range(20)] == [False] * 19 + [True]


def test_abuse_forgets_what_is_older() -> None:
    abuse = Abuse()
    assert not any(abuse.note(float(at)) for at in range(100))
    assert [abuse.note(99.0) for _ in range(9)] == [False] * 8 + [True]  # beside the 11 from 89 to 99


def test_texts_and_requests_of_a_connection_are_counted_apart() -> None:
    allowance = Allowance(now=0.0)
    assert [allowance.asks(0.0, text=True) for _ in range(native.SAY_BURST)] == [0] * native.SAY_BURST
    assert allowance.asks(0.0, text=True) > 0
    assert allowance.asks(0.0, text=False) == 0


def test_refusals_for_a_rate_close_in_their_fifth_second_and_broken_messages_at_the_twentieth() -> None:
    allowance = Allowance(now=0.0)
    assert [allowance.refused(Code.RATE_LIMITED, float(at)) for at in range(5)] == [None] * 4 + [RATE]
    broken = [allowance.refused(code, 9.0) for code in [Code.BAD_REQUEST, Code.TOO_LARGE] * 10]
    assert broken == [None] * 19 + [ABUSE]
    assert allowance.refused(Code.FORBIDDEN, 9.0) is None


def test_of_voice_that_goes_nowhere_is_spoken_once_a_second() -> None:
    allowance = Allowance(now=0.0)
    assert [allowance.complains(at) for at in (0.0, 0.9, 1.0, 1.5, 2.5)] == [True, False, True, False, True]
