"""Who was refused, and what is said of it."""

from __future__ import annotations

from bus.interface import Reason, Refusal
from bus.refusals import REFUSALS, Refusals


def test_refusals_are_counted_by_address_and_reason_the_newest_first() -> None:
    refusals = Refusals()
    refusals.note("10.0.0.1", Reason.KEY, now=1.0)
    refusals.note("10.0.0.2", Reason.PLAIN, now=2.0)
    refusals.note("10.0.0.1", Reason.KEY, now=3.0)
    refusals.note("10.0.0.2", Reason.GARBAGE, now=2.5)
    assert refusals.listed() == [
        Refusal(address="10.0.0.2", reason=Reason.GARBAGE, count=1, first=2.5, last=2.5),
        Refusal(address="10.0.0.1", reason=Reason.KEY, count=2, first=1.0, last=3.0),
        Refusal(address="10.0.0.2", reason=Reason.PLAIN, count=1, first=2.0, last=2.0),
    ]
    assert refusals.counts == {Reason.KEY: 2, Reason.PLAIN: 1, Reason.GARBAGE: 1}


def test_no_more_are_kept_than_a_bound_and_the_longest_silent_go() -> None:
    refusals = Refusals()
    for number in range(REFUSALS + 50):
        refusals.note("first", Reason.KEY, now=number)
        refusals.note(f"10.0.{number >> 8}.{number & 255}", Reason.GARBAGE, now=number)
    kept = refusals.listed()
    assert len(kept) == REFUSALS
    assert {"first", f"10.0.0.{REFUSALS + 49}"} <= {each.address for each in kept}
    assert "10.0.0.0" not in {each.address for each in kept}
    assert refusals.counts.total() == 2 * (REFUSALS + 50)


def test_one_line_a_second_at_most_is_said_of_them() -> None:
    refusals = Refusals()
    assert not refusals.line(0.0)
    for _ in range(3):
        refusals.note("10.0.0.1", Reason.KEY, now=10.0)
    refusals.note("", Reason.GARBAGE, now=10.0)
    assert refusals.line(10.0) == "the mesh refused 10.0.0.1 (wrong key, 3 times), and 1 more"
    refusals.note("10.0.0.3", Reason.KEY, now=10.5)
    assert not refusals.line(10.9)
    assert refusals.line(11.0) == "the mesh refused 10.0.0.3 (wrong key, once)"
    assert not refusals.line(20.0)
