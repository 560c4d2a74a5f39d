"""Ring and table of messages: bounds, identity and order, whatever comes, is held or is filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from gui.flow.capture import AT_ONCE, Capture, Hold
from gui.flow.model import FlowModel
from gui.flow.ring import OVERHEAD, Ring
from server.desk import Desk
from server.flow import FIELDS, FlowRow
from server.query import parse


def message(at: int, *, room: str = "lobby", kind: str = "chat", size: int = 10) -> FlowRow:
    return FlowRow(at=at, node="n1", kind=kind, room=room, sender="Ann", to="room", size=size, data=b"x" * size)  # type: ignore[arg-type]


class Feed:
    """A feed that gives what a test puts into it."""

    def __init__(self) -> None:
        self.waiting: list[FlowRow] = []
        self.seen = self.matched = self.lost = 0
        self.sampling = 1
        self.silent: tuple[str, ...] = ()
        self.query = ""
        self.closed = False
        self.on_its_way: list[FlowRow] = []
        """Sent for a filter before this one."""

    def rows(self) -> Sequence[tuple[int, FlowRow]]:
        wanted = parse(self.query, FIELDS)
        came = [row for row in self.waiting if wanted.matches(row.get)]
        self.seen += len(self.waiting)
        self.matched += len(came)
        came, self.waiting, self.on_its_way = [*self.on_its_way, *came], [], []
        return list(enumerate(came))

    def set_query(self, query: str) -> None:
        self.query = query
        self.seen = self.matched = 0

    def set_every_voice(self, every: bool) -> None:
        self.sampling = 1 if every else 8

    def close(self) -> None:
        self.closed = True


class Source:
    """A desk of which only the flow is asked."""

    def __init__(self) -> None:
        self.feeds: list[Feed] = []

    def open_flow(self, query: str, *, every_voice: bool = False) -> Feed:
        self.feeds.append(Feed())
        self.feeds[-1].query = query
        return self.feeds[-1]


class Table:
    """A capture with its model, and what the model told."""

    def __init__(self) -> None:
        self.source = Source()
        self.model = FlowModel()
        self.capture = Capture(cast(Desk, self.source), self.model)
        self.told: list[tuple[str, int, int]] = []
        self.model.rowsInserted.connect(lambda _, first, last: self.told.append(("in", first, last)))
        self.model.rowsRemoved.connect(lambda _, first, last: self.told.append(("out", first, last)))
        self.model.modelReset.connect(lambda: self.told.append(("anew", 0, 0)))
        self.capture.start()

    @property
    def feed(self) -> Feed:
        return self.source.feeds[-1]

    def come(self, *rows: FlowRow) -> None:
        self.feed.waiting += rows
        self.capture.flush()

    def settle(self) -> None:
        while self.capture.searching:
            self.capture.look_further()

    @property
    def times(self) -> list[int]:
        return [self.model.at(row).at for row in range(self.model.rowCount())]

    def filter(self, text: str) -> None:
        self.capture.filter(parse(text, FIELDS), text)
        self.settle()


@pytest.fixture
def table(qapp: object) -> Table:
    return Table()


# The ring.


@given(
    most=st.integers(1, 40),
    octets=st.integers(1, 40_000),
    comes=st.lists(st.lists(st.integers(0, 5000), max_size=60), max_size=8),
)
def test_a_ring_keeps_the_newest_within_its_bounds(most: int, octets: int, comes: list[list[int]]) -> None:
    ring: Ring[int] = Ring(rows=most, octets=octets)
    everything: list[int] = []
    for sizes in comes:
        numbers = range(len(everything) + 1, len(everything) + 1 + len(sizes))
        ring.extend(zip(numbers, sizes, strict=True))
        everything += sizes
    assert len(ring) <= most
    assert ring.octets <= octets
    assert ring.octets == sum(size + OVERHEAD for size in everything[len(everything) - len(ring) :])
    assert ring.next == len(everything) + 1
    kept = list(range(ring.first, ring.next))
    assert [number for number, _ in ring.since(0)] == kept
    assert [row for _, row in ring.since(0)] == kept
    assert [number for number, _ in ring.backwards()] == kept[::-1]
    assert ring.get(ring.next) is None
    assert ring.get(ring.first - 1) is None
    # One more would not have had room.
    if ring.first > 1:
        gone = everything[ring.first - 2] + OVERHEAD
        assert len(ring) == most or ring.octets + gone > octets


def test_a_copy_stays_when_the_ring_goes_on() -> None:
    ring: Ring[str] = Ring(rows=3)
    ring.extend((text, 1) for text in "abc")
    copy = ring.copy()
    ring.extend((text, 1) for text in "de")
    ring.clear()
    assert [row for _, row in copy.since(0)] == list("abc")
    assert ring.next == 6
    assert len(ring) == 0


# The table.


@settings(deadline=None, max_examples=40)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("new"), st.integers(1, 9)),
            st.tuples(st.just("old"), st.integers(1, 9)),
            st.tuples(st.just("drop"), st.integers(0, 30)),
        ),
        max_size=14,
    )
)
def test_messages_keep_their_identity_and_order(qapp: object, steps: list[tuple[str, int]]) -> None:
    model = FlowModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    newest, oldest = 100, 101
    model.begin([(100, message(100))])
    oldest = 100
    marks: list[tuple[int, QPersistentModelIndex]] = [(100, QPersistentModelIndex(model.index(0, 0)))]
    shown = [100]
    dropped = False
    for what, number in steps:
        if what == "new":
            fresh = list(range(newest + 1, newest + 1 + number))
            model.put_newer([(one, message(one)) for one in fresh])
            shown, newest = fresh[::-1] + shown, fresh[-1]
        elif what == "old" and not dropped:
            older = list(range(oldest - 1, oldest - 1 - number, -1))
            model.put_older([(one, message(one)) for one in older])
            shown, oldest = shown + older, older[-1]
        elif what == "drop":
            dropped = True
            first = min(oldest + number, newest + 1)
            model.drop_before(first)
            shown = [one for one in shown if one >= first]
            oldest = max(oldest, first)
        assert [model.number(row) for row in range(model.rowCount())] == shown
        assert [model.row_of(one) for one in shown] == list(range(len(shown)))
        assert model.row_of(newest + 1) == -1
        for one, mark in marks:
            if one in shown:
                assert model.number(mark.row()) == one
            else:
                assert not mark.isValid()
        if what == "drop" and not shown:
            break
        marks.append((shown[0], QPersistentModelIndex(model.index(0, 0))))
    assert [one for one, _ in model.entries()] == shown[::-1]


def test_each_flush_is_one_exact_range_on_top(table: Table) -> None:
    table.come(message(1), message(2))
    table.come(message(3))
    table.capture.flush()
    assert table.told == [("in", 0, 1), ("in", 0, 0)]
    assert table.times == [3, 2, 1]


def test_what_nodes_told_in_batches_is_in_the_order_of_its_time(table: Table) -> None:
    table.come(message(5), message(2), message(4))
    assert table.times == [5, 4, 2]


def test_what_was_on_its_way_for_another_filter_is_kept_and_not_shown(table: Table) -> None:
    table.filter("kind:whisper")
    table.feed.on_its_way = [message(1)]
    table.come(message(2, kind="whisper"))
    assert table.times == [2]
    table.capture.read(True)
    table.feed.on_its_way = [message(3)]
    table.come(message(4, kind="whisper"))
    assert table.capture.newer == 1
    table.filter("")
    assert table.times == [4, 3, 2, 1]


def test_rows_do_not_move_under_a_reader_and_newer_ones_are_counted(table: Table) -> None:
    table.come(*(message(at) for at in range(5)))
    table.capture.read(True)
    table.told.clear()
    table.come(message(10), message(11))
    assert table.told == []
    assert table.capture.newer == 2
    table.capture.read(False)
    assert table.told == [("in", 0, 1)]
    assert table.times[:3] == [11, 10, 4]
    assert table.capture.newer == 0


def test_after_a_long_look_the_table_begins_anew(table: Table) -> None:
    table.come(message(0))
    table.capture.read(True)
    table.come(*(message(at) for at in range(1, AT_ONCE + 5)))
    table.capture.read(False)
    table.settle()
    assert table.times == list(range(AT_ONCE + 4, -1, -1))


def test_a_pause_keeps_what_was_there_whatever_comes(table: Table) -> None:
    table.capture.ring = Ring(rows=10)
    table.come(*(message(at) for at in range(10)))
    table.capture.pause(77)
    table.come(*(message(at) for at in range(100, 120)))
    assert table.times == list(range(9, -1, -1))
    assert table.capture.newer == 20
    table.filter("kind:chat")
    assert table.times == list(range(9, -1, -1))
    # Of the 20 that came, 10 are still kept.
    assert table.capture.newer == 10
    table.capture.resume()
    table.settle()
    assert table.times == list(range(119, 109, -1))
    assert table.capture.hold is Hold.NONE


def test_the_oldest_rows_leave_the_table_with_the_ring(table: Table) -> None:
    table.capture.ring = Ring(rows=4)
    table.come(*(message(at) for at in range(4)))
    table.told.clear()
    table.come(message(4))
    assert table.told == [("in", 0, 0), ("out", 4, 4)]
    assert table.times == [4, 3, 2, 1]


@settings(deadline=None, max_examples=40)
@given(
    comes=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["lobby", "attic", "cellar"])), max_size=12),
    texts=st.lists(
        st.sampled_from(["", "room:lobby", "not room:attic", "room:lobby,cellar"]), min_size=12, max_size=12
    ),
    holds=st.lists(st.sampled_from(["", "read", "rest", "pause", "resume"]), min_size=12, max_size=12),
)
def test_the_table_shows_what_is_kept_and_fits(
    qapp: object, comes: list[tuple[int, str]], texts: list[str], holds: list[str]
) -> None:
    table = Table()
    table.capture.ring = Ring(rows=64)
    QAbstractItemModelTester(table.model, QAbstractItemModelTester.FailureReportingMode.Fatal, table.model)
    at = 0
    for (count, room), text, hold in zip(comes, texts, holds, strict=False):
        match hold:
            case "read" | "rest":
                table.capture.read(hold == "read")
            case "pause":
                table.capture.pause(1)
            case "resume":
                table.capture.resume()
        table.come(*(message(at + one, room=room) for one in range(count)))
        at += count
        table.filter(text)
        table.settle()
        wanted = parse(text, FIELDS)
        times = table.times
        assert times == sorted(times, reverse=True)
        assert all(wanted.matches(table.model.at(row).get) for row in range(table.model.rowCount()))
        kept = [row.at for _, row in table.capture.ring.since(0) if wanted.matches(row.get)]
        if not table.capture.hold & Hold.PAUSED:
            assert times == kept[::-1]


def test_clearing_leaves_nothing_and_counts_anew(table: Table) -> None:
    table.come(message(1), message(2))
    assert table.capture.seen == 2
    table.capture.clear()
    assert table.times == []
    assert table.capture.seen == 0
    table.come(message(3))
    assert (table.times, table.capture.seen) == ([3], 1)


def test_the_nodes_send_only_while_somebody_looks(table: Table) -> None:
    assert table.capture.open
    table.capture.stop()
    assert table.feed.closed
    table.capture.start()
    assert len(table.source.feeds) == 2
    assert not table.feed.closed


def test_a_row_says_in_words_what_it_is(table: Table) -> None:
    table.come(message(1))
    index: QModelIndex = table.model.index(0, 0)
    words = str(index.data(Qt.ItemDataRole.AccessibleTextRole))
    assert words.startswith("chat, from")
    assert "10 bytes" in words
