"""Events of a room: equal ones that came close together are one, which opens to all of them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.rooms.events import CLOSE_MS, FEW, Entry, Fold, event_words, folded, settled
from gui.rooms.events_list import EventsList, EventsModel
from server.lines import ANSWERS, COMING
from server.views import ChatView
from tests.gui.conftest import until
from tests.gui.test_rooms import until_members

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster

_keys = itertools.count()

Kind = Literal["message", "joined", "left", "muted"]

events = st.lists(
    st.tuples(
        st.sampled_from([0, 500, CLOSE_MS, CLOSE_MS + 1]), st.sampled_from(["joined", "left", "muted", "message"])
    ),
    max_size=30,
)


def lines(steps: list[tuple[int, Kind]]) -> list[ChatView]:
    """Lines, each so many milliseconds after the one before."""
    made, at = [], 0
    for number, (after, kind) in enumerate(steps):
        at += after
        made.append(ChatView(kind=kind, at=at, session="s", user="u", name=f"P{number}", text="", key=str(number)))
    return made


@given(events)
def test_folding_loses_nothing_and_keeps_the_order(steps: list[tuple[int, Kind]]) -> None:
    given_lines = lines(steps)
    unfolded = [
        line for entry in folded(given_lines) for line in (entry.lines if isinstance(entry, Fold) else [entry])
    ]
    assert unfolded == given_lines


@given(events)
def test_a_fold_is_of_equal_comings_close_together_and_as_long_as_can_be(steps: list[tuple[int, Kind]]) -> None:
    entries = folded(lines(steps))
    for entry in entries:
        if isinstance(entry, Fold):
            assert len(entry.lines) >= FEW
            assert entry.kind in COMING
            assert {line.kind for line in entry.lines} == {entry.kind}
            gaps = [b.at - a.at for a, b in itertools.pairwise(entry.lines)]
            assert max(gaps) <= CLOSE_MS
    for one, other in itertools.pairwise(entries):
        near = isinstance(one, Fold) and one.kind == other.kind
        first = other.lines[0] if isinstance(other, Fold) else other
        assert not near or first.at - one.at > CLOSE_MS


def test_a_fold_keeps_its_identity_while_more_come() -> None:
    few, more = (folded(lines([(100, "joined")] * number)) for number in (FEW, 2 * FEW))
    assert [entry.key for entry in few] == [entry.key for entry in more]
    assert event_words(more[0]) == f"{2 * FEW} people joined in 1 s"


def test_a_mute_says_who_whom_how_long_and_why() -> None:
    mute = ChatView(
        kind="muted", at=0, session="s", user="u", name="Wojtek", text="noise", by="Lena", until=600_000, key="1"
    )
    plain = event_words(mute).replace("\u2068", "").replace("\u2069", "")
    assert plain == "Lena muted Wojtek for 10 min: noise"


def line(kind: Any, name: str = "Ann", *, at: int = 0, **more: Any) -> ChatView:
    number = next(_keys)
    values = {"text": ""} | more
    return ChatView(kind=kind, at=at, session=f"s-{name}", user="u", name=name, key=f"k{number}", **values)


def words(entry: Entry) -> str:
    return event_words(entry).replace("\u2068", "").replace("\u2069", "").replace("\xa0", " ")


def test_who_is_away_and_who_is_back_is_said_with_where_and_after_how_long() -> None:
    assert words(line("away")) == "Ann lost the connection"
    assert words(line("back", node="cedar", span=1240)) == "Ann resumed on cedar after 1.2 s"
    assert words(line("back", span=800)) == "Ann resumed after 0.8 s"
    assert words(line("back", node="cedar")) == "Ann resumed on cedar"
    assert words(line("back", text=ANSWERS, span=3000)) == "Ann is there: the node answers again"
    assert words(line("left", text="lost")) == "Ann did not come back"


def test_a_loss_that_was_made_good_is_one_line() -> None:
    away, back, other, gone = line("away"), line("back"), line("away", "Bob"), line("left", "Cid", text="lost")
    assert settled([away, other, back, line("away", "Cid"), gone]) == [other, back, gone]
    again = line("away")
    assert settled([away, back, again]) == [back, again], "it is away now"
    here = [line("away", "Dee"), line("joined", "Dee"), line("left", "Dee", text="left")]
    assert settled(here) == here, "what was before it joined anew was another stay"


def test_many_who_are_back_are_one_event_with_the_longest_time() -> None:
    backs = [line("back", f"P{n}", node="cedar" if n % 2 else "birch", span=100 * n, at=n) for n in range(12)]
    (fold,) = folded(backs)
    assert words(fold) == "12 people resumed on birch, cedar within 1.1 s"
    (fold,) = folded([line("away", f"P{n}") for n in range(12)])
    assert words(fold) == "12 people lost the connection in 1 s"


def test_one_who_is_lost_again_and_again_is_one_event() -> None:
    backs = [line("back", span=400, at=60_000 * n) for n in range(5)]
    (fold,) = folded(backs)
    assert words(fold) == "Ann resumed 5 times, each time within 0.4 s"
    assert len(folded([*backs[:2], line("back", "Bob", at=70_000)])) == 3


def test_a_kick_says_who_did_it_and_why() -> None:
    assert words(line("left", text="kicked")) == "Ann was kicked"
    assert words(line("left", text="kicked", by="Lena", why="spam")) == "Lena kicked Ann: spam"
    assert words(line("left", text="banned", by="Lena", why="spam")) == "Lena banned Ann: spam"
    (fold,) = folded([line("left", f"P{n}", text="kicked", by="Lena") for n in range(4)])
    assert words(fold) == "Lena kicked 4 people in 1 s"
    assert len(folded([line("left", f"P{n}", text="kicked", by=f"M{n}") for n in range(4)])) == 4


async def test_events_are_followed_through_whatever_comes_unseen(console: Console) -> None:
    shown = EventsList(EventsModel())
    shown.resize(200, 120)
    shown.show_lines(lines([(5000, "muted")] * 20), anew=True)
    bar = shown.verticalScrollBar()
    shown.show()
    await until(lambda: 0 < bar.value() == bar.maximum(), bar.rangeChanged, bar.valueChanged)
    shown.hide()
    for count in (40, 60):
        shown.show_lines(lines([(5000, "muted")] * count), anew=False)
    shown.show()
    await until(lambda: 0 < bar.value() == bar.maximum() > 40 * 30, bar.rangeChanged, bar.valueChanged)
    QTest.keyClick(shown, Qt.Key.Key_Home)
    assert not shown.following
    shown.show_lines(lines([(5000, "muted")] * 80), anew=False)
    assert bar.value() == 0
    shown.close()


async def test_many_who_join_are_one_event_that_opens(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob", "Cid", "Dee")
    await until_members(console, "Ann", "Bob", "Cid", "Dee")
    chat = console.rooms.pane.chat
    chat.tabs.tabs[1].click()
    model = chat.events.model()
    console.rooms.pane.refresh_chat()
    assert chat.tabs.tabs[1].count == 4
    assert model.rowCount() == 1
    assert model.data(model.index(0, 0)).startswith("4 people joined in ")
    QTest.mouseClick(
        chat.events.viewport(), Qt.MouseButton.LeftButton, pos=chat.events.visualRect(model.index(0, 0)).center()
    )
    assert model.rowCount() == 5
    QTest.keyClick(chat.events, Qt.Key.Key_Return)
    assert model.rowCount() == 1
