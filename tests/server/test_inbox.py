"""The inbox of reports: what becomes of them as rulings come, in whatever order, and what one brings along."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from server.inbox import (
    KEPT_SECONDS,
    LINES_BYTES,
    Evidence,
    Filed,
    Inbox,
    Line,
    Party,
    Report,
    ReportView,
    Work,
    report_key,
    shorten,
    size_of,
    work_key,
)
from server.rulings import Ruling, Rulings
from server.session import Actor, Role

ANN = Actor("s_ann", "ann", "Ann", Role.USER)
MO = Actor("s_mo", "mo", "Mo", Role.MODERATOR)
MIA = Actor("s_mia", "mia", "Mia", Role.MODERATOR)
BOB = Party("s_bob", "bob", "Bob")
SAID = Line("o1", 7, 900, BOB, "you fool")
FILED = Filed(BOB, "lobby", "he insults me", ("o1", 7), Evidence((SAID,), False, None, ()))


def ruling(key: str, value: object, *, by: Actor, number: int = 1, seconds: float | None = None) -> Ruling:
    encoded = b"" if value is None else msgspec.msgpack.encode(value)
    return Ruling(key, number, "a.1", encoded, by, "", 1000 + number, None, seconds, "n1")


FILE = ruling(report_key("r_1"), FILED, by=ANN)
TAKE = ruling(work_key("r_1"), Work("taken", ""), by=MO)
CLOSE = ruling(work_key("r_1"), Work("closed", "warned"), by=MO, number=2, seconds=KEPT_SECONDS)
REOPEN = ruling(work_key("r_1"), None, by=MIA, number=3)


def inbox_of(*decided: Ruling, later: float = 0.0) -> Inbox:
    inbox, rulings = Inbox(), Rulings(now=0.0)
    for each in decided:
        _, change = rulings.take(each, 0.0)
        if change is not None:
            inbox.hear(change)
    for change in rulings.advance(later):
        inbox.hear(change)
    return inbox


def view_of(*decided: Ruling, later: float = 0.0) -> ReportView | None:
    return inbox_of(*decided, later=later).get("r_1")


def test_a_report_says_who_whom_where_and_what() -> None:
    assert view_of(FILE) == ReportView(
        report="r_1",
        at=1001,
        reporter=Party("s_ann", "ann", "Ann"),
        target=BOB,
        room="lobby",
        text="he insults me",
        message=("o1", 7),
        state="open",
        worker=None,
        worked=None,
        note="",
    )


def test_it_is_taken_closed_with_a_note_and_opened_again() -> None:
    taken = view_of(FILE, TAKE)
    assert taken is not None
    assert (taken.state, taken.worker, taken.worked, taken.note) == ("taken", Party("s_mo", "mo", "Mo"), 1001, "")
    closed = view_of(FILE, TAKE, CLOSE)
    assert closed is not None
    assert (closed.state, closed.note) == ("closed", "warned")
    opened = view_of(FILE, TAKE, CLOSE, REOPEN)
    assert opened is not None
    assert (opened.state, opened.worker, opened.note) == ("open", Party("s_mia", "mia", "Mia"), "")


@pytest.mark.parametrize("order", list(itertools.permutations((FILE, TAKE, CLOSE, REOPEN))))
def test_the_order_in_which_it_is_learnt_makes_no_difference(order: tuple[Ruling, ...]) -> None:
    assert view_of(*order) == view_of(FILE, TAKE, CLOSE, REOPEN)


def test_what_is_closed_leaves_after_a_day() -> None:
    assert inbox_of(FILE, CLOSE, later=KEPT_SECONDS - 1).all() != []
    inbox = inbox_of(FILE, CLOSE, later=KEPT_SECONDS + 1)
    assert (inbox.all(), inbox.get("r_1"), list(inbox.done())) == ([], None, ["r_1"])
    assert list(inbox_of(FILE, CLOSE, REOPEN, later=KEPT_SECONDS + 1).done()) == []


def test_what_is_lifted_is_forgotten() -> None:
    inbox = inbox_of(FILE, CLOSE, ruling(report_key("r_1"), None, by=MO, number=2))
    assert (inbox.all(), list(inbox.done())) == ([], [])


def test_the_newest_stands_first() -> None:
    others = [
        msgspec.structs.replace(ruling(report_key(f"r_{number}"), FILED, by=ANN), at=number) for number in (5, 9, 7)
    ]
    assert [view.at for view in inbox_of(FILE, *others).all()] == [1001, 9, 7, 5]


def test_the_same_is_known_until_it_is_closed() -> None:
    report = Report(BOB, "lobby", "he insults me", ("o1", 7))
    assert inbox_of(FILE).is_known(ANN, report)
    assert inbox_of(FILE, TAKE).is_known(ANN, report)
    assert not inbox_of(FILE).is_known(MO, report)
    assert not inbox_of(FILE).is_known(ANN, Report(BOB, "lobby", "again", ("o1", 7)))
    assert not inbox_of(FILE, CLOSE).is_known(ANN, report)
    assert [inbox_of(FILE).waiting(user) for user in ("ann", "bob")] == [1, 0]
    assert [inbox_of(*decided).waiting() for decided in ((FILE,), (FILE, TAKE), (FILE, CLOSE))] == [1, 1, 0]


def test_a_report_keeps_what_it_brought_along() -> None:
    assert inbox_of(FILE).evidence("r_1") == FILED.evidence


def test_of_much_the_last_is_kept() -> None:
    def said(number: int) -> Line:
        return Line("o", number, number, BOB, "ä" * 1000)

    assert shorten(map(said, range(3))) == (tuple(map(said, range(3))), False)
    kept, shortened = shorten(map(said, range(100)))
    assert shortened
    assert kept == tuple(map(said, range(100 - len(kept), 100)))
    assert 0 < sum(map(size_of, kept)) <= LINES_BYTES
    assert shorten(map(said, range(3)), size_of(said(0)) - 1) == ((), True)
