"""Slow mode by itself (protocol.md section 4)."""

from __future__ import annotations

from server import pace
from server.pace import Pace


def test_each_says_something_once_in_so_many_seconds() -> None:
    slow = Pace()
    assert slow.take("ann", 10, 100.0) == 0
    assert slow.take("bob", 10, 100.0) == 0
    assert slow.take("ann", 10, 104.0) == 6000
    assert slow.take("ann", 10, 109.9995) == 1
    assert slow.take("ann", 10, 110.0) == 0
    assert slow.take("ann", 10, 111.0) == 9000


def test_what_was_refused_uses_nothing_up() -> None:
    slow = Pace()
    slow.take("ann", 10, 0.0)
    for at in range(1, 10):
        assert slow.take("ann", 10, float(at)) == (10 - at) * 1000
    assert slow.take("ann", 10, 10.0) == 0


def test_the_seconds_may_change_while_somebody_waits() -> None:
    slow = Pace()
    slow.take("ann", 10, 0.0)
    assert slow.take("ann", 60, 9.0) == 51_000
    assert slow.take("ann", 5, 9.0) == 0


def test_what_was_heard_on_another_node_counts() -> None:
    slow = Pace()
    slow.note("ann", 5.0)
    assert slow.take("ann", 10, 8.0) == 7000


def test_no_more_is_kept_than_counts() -> None:
    slow = Pace()
    for number in range(pace.MOST + 1):
        slow.note(f"u{number}", number / 1000)
    assert slow.take("u0", 1000, 10.0) == 0
    assert slow.take("u2", 1000, 10.0) > 0
    slow.forget(5, 1000.0)
    assert slow._said == {}
