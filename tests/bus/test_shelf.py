"""What a node keeps of all logs: oldest first, within bounds, and logs that go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bus.interface import Bounds
from bus.record import Kind, Record
from bus.shelf import SWEPT, Shelf, cost_of


def record(seq: int, payload: bytes = b"") -> Record:
    return Record(1, Kind.TEXT, "00000000000000aa.1", seq, seq, "", "", None, payload)


class Keeper:
    """A log that notes what it must let go."""

    def __init__(self, shelf: Shelf) -> None:
        self.held: list[int] = []
        self._shelf = shelf

    def put(self, count: int = 1) -> None:
        for _ in range(count):
            seq = (self.held[-1] if self.held else 0) + 1
            self.held.append(seq)
            self._shelf.put(self, record(seq))

    def drop(self, seq: int) -> None:
        assert seq == self.held.pop(0), "only the oldest goes"


def test_the_oldest_of_all_logs_goes_first() -> None:
    shelf = Shelf(Bounds(records=4))
    a, b = Keeper(shelf), Keeper(shelf)
    for log in (a, a, b, a):
        log.put()
    b.put()
    assert (a.held, b.held) == ([2, 3], [1, 2])
    b.put(2)
    assert (a.held, b.held) == ([3], [2, 3, 4])


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 9))
def test_what_is_kept_is_what_came_last(turns: list[int], most: int) -> None:
    shelf = Shelf(Bounds(records=most))
    logs = [Keeper(shelf) for _ in range(4)]
    for turn in turns:
        logs[turn].put()
    kept = turns[-most:]
    assert [len(log.held) for log in logs] == [kept.count(number) for number in range(4)]
    assert shelf.records == len(kept)
    assert shelf.bytes == len(kept) * cost_of(record(1))


def test_what_is_too_old_goes_from_all_logs() -> None:
    shelf = Shelf(Bounds(seconds=10))
    a, b = Keeper(shelf), Keeper(shelf)
    a.put()
    b.put()
    shelf.tick = 5
    a.put()
    shelf.tick = 11
    shelf.trim()
    assert (a.held, b.held) == ([2], [])
    shelf.tick = 16
    shelf.trim()
    assert (a.held, shelf.records, shelf.bytes) == ([], 0, 0)


def test_a_log_that_goes_frees_its_room_at_once_and_its_records_are_told_in_slices() -> None:
    shelf = Shelf(Bounds(records=10_000))
    told: list[int] = []
    shelf.dropped = lambda record: told.append(record.seq)
    dead, alive = Keeper(shelf), Keeper(shelf)
    alive.put()
    dead.put(3 * SWEPT)
    alive.put()
    shelf.forget(dead)
    assert (shelf.records, shelf.bytes, told) == (2, 2 * cost_of(record(1)), [])
    most = 0
    while len(told) < 3 * SWEPT:
        before = len(told)
        shelf.sweep()
        most = max(most, len(told) - before)
    assert most <= SWEPT
    assert told == list(range(1, 3 * SWEPT + 1))
    assert alive.held == [1, 2]


def test_a_log_that_went_may_come_again() -> None:
    shelf = Shelf(Bounds(records=2))
    first, again = Keeper(shelf), Keeper(shelf)
    first.put(2)
    shelf.forget(first)
    again.put(3)
    assert (again.held, shelf.records) == ([2, 3], 2)
    shelf.forget(again)
    shelf.forget(again)
    assert shelf.records == 0
