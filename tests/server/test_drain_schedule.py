"""Who leaves a node when: any number of sessions, any time, whatever becomes of them meanwhile."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from server.drain import Drain

COUNTS = st.integers(0, 200)
SECONDS = st.floats(0, 3600)


@given(COUNTS, SECONDS, st.floats(-1e6, 1e6))
def test_all_go_one_after_the_other_and_the_last_when_the_time_is_over(
    count: int, seconds: float, now: float
) -> None:
    names = [str(number) for number in range(count)]
    drain = Drain(names, seconds=seconds, now=now)
    waits = [drain.wait(name, now) for name in names]
    assert waits == sorted(waits)
    assert all(wait <= seconds + 1e-6 for wait in waits)
    if count > 1:
        gaps = [later - sooner for sooner, later in itertools.pairwise(waits)]
        assert max(gaps) - min(gaps) < 1e-6 + seconds * 1e-6
    assert drain.look(set(names), now + seconds + 1e-6) == names
    assert (drain.left, drain.of) == (0, count)


@given(st.lists(st.tuples(st.floats(0, 20), st.sets(st.sampled_from("abcdefgh"))), max_size=20))
def test_each_is_told_once_and_nobody_who_has_gone(steps: list[tuple[float, set[str]]]) -> None:
    drain = Drain("abcdefgh", seconds=60, now=0.0)
    here, now, told = set("abcdefgh"), 0.0, []
    for seconds, leaving in steps:
        now, here = now + seconds, here - leaving
        left = drain.look(here, now)
        assert set(left) <= here
        told += left
        assert drain.left <= len(here)
        assert drain.seconds_left(now) == (max(0.0, 60 - now) if drain.left else 0.0)
    assert len(told) == len(set(told))
    assert {name for name in here if name not in told} == {
        name for place, name in enumerate("abcdefgh", start=1) if name in here and 7.5 * place > now
    }


def test_without_time_all_go_at_once() -> None:
    assert Drain(["a", "b"], seconds=0, now=5.0).look({"a", "b"}, 5.0) == ["a", "b"]
