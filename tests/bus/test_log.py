"""One origin's log."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import log as log_module
from bus.interface import Bounds
from bus.log import Log, Span
from bus.record import Kind, Record
from bus.shelf import Shelf

ORIGIN = "00000000000000aa.1"


def record(seq: int, *, slot: str | None = None, payload: bytes = b"") -> Record:
    """In `slot`, which it ends if there is an exclamation mark behind it."""
    if slot is None:
        return Record(1, Kind.TEXT, ORIGIN, seq, seq, "", "", None, payload)
    return Record(1, Kind.SESSION, ORIGIN, seq, seq, "", slot[0], None, payload, slot.endswith("!"))


def bounded(**bounds: int) -> Log:
    return Log(ORIGIN, Shelf(Bounds(**bounds)))


def filled(slots: list[str | None], **bounds: int) -> Log:
    log = bounded(**bounds)
    for seq, slot in enumerate(slots, 1):
        log.add(record(seq, slot=slot))
    return log


def left(slots: list[str | None]) -> list[int]:
    """What compaction leaves of records with these slots, numbered from 1."""
    return [
        n
        for n, slot in enumerate(slots, 1)
        if slot is None or slot.endswith("!") or not any(later and later[0] == slot for later in slots[n:])
    ]


slot_lists = st.lists(st.sampled_from([None, "a", "b", "c", "a!", "b!"]), max_size=60)


def test_only_what_joins_without_a_hole_counts() -> None:
    log = Log(ORIGIN)
    assert [r.seq for r in log.add(record(1))] == [1]
    assert list(log.add(record(3))) == []
    assert (log.high, log.waiting, len(log)) == (1, 1, 1)
    assert [r.seq for r in log.add(record(2))] == [2, 3]
    assert (log.high, log.waiting, len(log)) == (3, 0, 3)
    assert list(log.add(record(2))) == []


@given(slot_lists, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_end_in_the_same_log(slots: list[str | None], rng: random.Random) -> None:
    records = [record(seq, slot=slot) for seq, slot in enumerate(slots, 1)]
    arrivals = records + rng.sample(records, len(records) // 2)
    rng.shuffle(arrivals)
    log = Log(ORIGIN)
    joined = [r for arrival in arrivals for r in log.add(arrival)]
    assert joined == records
    assert (log.high, log.waiting) == (len(slots), 0)
    assert [r.seq for r in log] == left(slots)


@given(slot_lists, st.integers(0, 60), st.integers(1, 3000))
def test_a_log_handed_over_piece_by_piece_is_the_same_log(slots: list[str | None], known: int, size: int) -> None:
    giver = filled(slots)
    known = min(known, giver.high)
    taker = filled(slots[:known])
    while taker.high < giver.high:
        before = taker.high
        joined = taker.fill(giver.span(taker.high, size=size))
        assert taker.high > before
        assert [r.seq for r in joined] == sorted(r.seq for r in joined)
    assert (list(taker), taker.high, taker.floor) == (list(giver), giver.high, 0)


@given(slot_lists, st.data())
def test_a_piece_and_what_waited_meet(slots: list[str | None], data: st.DataObject) -> None:
    giver = filled(slots)
    cut = data.draw(st.integers(0, giver.high))
    taker = Log(ORIGIN)
    waiting = [r for r in giver if r.seq > cut]
    for r in waiting:
        taker.add(r)
    taker.fill(filled(slots[:cut]).span(0, size=1 << 30))
    taker.fill(giver.span(taker.high, size=1 << 30))
    assert (list(taker), taker.high, taker.waiting) == (list(giver), giver.high, 0)


@pytest.mark.parametrize(
    "span",
    [
        Span(5, 9, 0, [record(7)]),  # beyond a hole
        Span(0, 2, 0, [record(1), record(2)]),  # nothing new
        Span(2, 9, 0, [record(4), record(3)]),  # not rising
        Span(2, 9, 0, [record(10)]),  # outside of itself
        Span(2, 9, 0, [record(2)]),
        Span(2, 9, 10, []),
    ],
)
def test_a_piece_that_does_not_fit_changes_nothing(span: Span) -> None:
    log = filled([None] * 3)
    assert list(log.fill(span)) == []
    assert (log.high, log.floor, len(log)) == (3, 0, 3)


def test_the_oldest_texts_go_first_and_the_floor_tells() -> None:
    log = filled(["a", None, None, "b", None, None, None], records=3)
    assert [r.seq for r in log] == [1, 4, 5, 6, 7]
    assert (log.high, log.floor) == (7, 3)


def test_bytes_are_bounded_too() -> None:
    log = bounded(size=10_000)
    for seq in range(1, 50):
        log.add(record(seq, payload=bytes(1000)))
    assert 5 <= len(log) <= 10
    assert log.floor == log.high - len(log)


def test_what_stands_in_slots_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "STANDING_RECORDS", 2)
    log = filled(["a", "b", "a", "c", None])
    assert [r.seq for r in log] == [3, 4, 5]
    assert log.floor == 2 - 0
    log.add(record(6, slot="b"))
    assert [r.seq for r in log] == [4, 5, 6]
    assert log.floor == 3


def test_who_came_and_went_does_not_push_out_who_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "STANDING_RECORDS", 2)
    log = filled(["a", *("b", "b!") * 50, "c"])
    assert [r.seq for r in log if not r.last] == [1, 102]
    assert log.floor == 0


def test_sessions_do_not_push_out_what_moderators_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "STANDING_RECORDS", 2)
    log = Log(ORIGIN)
    for seq in range(1, 30):
        kind, session, key = (Kind.SESSION, str(seq), None) if seq % 3 else (Kind.RULING, "", f"ban/{seq % 9}")
        log.add(Record(1, kind, ORIGIN, seq, seq, "", session, key, b""))
    assert [r.seq for r in log if r.kind is Kind.RULING] == [21, 24, 27]
    assert len(log) == 3 + 2


def test_rulings_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "RULING_RECORDS", 2)
    log = Log(ORIGIN)
    for seq in range(1, 6):
        log.add(Record(1, Kind.RULING, ORIGIN, seq, seq, "", "", f"ban/{seq}", b""))
    assert [r.seq for r in log] == [4, 5]


def test_a_record_that_ended_its_slot_goes_as_the_texts_do() -> None:
    log = filled(["a", "a!", "a", None, None], records=2)
    assert [r.seq for r in log] == [3, 4, 5]
    assert log.floor == 2
    log.add(record(6, slot="a"))
    assert [r.seq for r in log] == [4, 5, 6]


def test_a_taker_learns_that_something_is_missing() -> None:
    giver = filled([None, "a", None, None, None], records=2)
    fresh, ahead = bounded(records=2), filled([None, "a", None], records=2)
    assert [r.seq for r in fresh.fill(giver.span(0))] == [2, 4, 5]
    assert (fresh.high, fresh.floor) == (5, 3)
    assert [r.seq for r in ahead.fill(giver.span(3))] == [4, 5]
    assert ahead.floor == 3  # by its own bounds now, not by the giver's floor


def test_what_waits_is_bounded_and_comes_again_later() -> None:
    log = Log(ORIGIN)
    for seq in range(2, log_module.WAITING_RECORDS + 100):
        log.add(record(seq))
    assert log.waiting == log_module.WAITING_RECORDS
    joined = log.add(record(1))
    assert len(joined) == log_module.WAITING_RECORDS + 1
    assert (log.high, log.waiting) == (log_module.WAITING_RECORDS + 1, 0)
    for seq in range(log.high + 2, log.high + 200):
        log.add(record(seq, payload=bytes(60_000)))
    assert 0 < log.waiting < 100


def test_memory_does_not_grow_with_what_was_replaced() -> None:
    log = filled(["a", "b"] * 2000)
    assert len(log) == 2
    assert len(log._order) < 200
    assert [r.seq for r in log.span(0).records] == [3999, 4000]


def test_a_piece_holds_one_record_at_least_and_its_size_at_most() -> None:
    log = Log(ORIGIN)
    for seq in range(1, 30):
        log.add(record(seq, payload=bytes(10_000)))
    assert [r.seq for r in log.span(0, size=1).records] == [1]
    span = log.span(3)
    assert [r.seq for r in span.records] == list(range(4, 10))
    assert span.upto == 9
    assert log.span(29) == Span(29, 29, 0, [])
    assert log.span(500) == Span(500, 500, 0, [])
