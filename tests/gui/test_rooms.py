"""The Rooms view on real nodes: what clients do shows, what a moderator does reaches them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from gui import moderation
from gui.rooms.card import OVER, SHARE, SPEAKING
from gui.rooms.composer import Whisper
from gui.rooms.members_model import NAME
from gui.tokens import Span
from server.views import ChatView
from server.wire.moderation import Whom
from tests.gui.conftest import until

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Client, Cluster

ACCESSIBLE = Qt.ItemDataRole.AccessibleTextRole


def names(console: Console) -> list[str]:
    """The member table, row by row."""
    model = console.rooms.pane.members.model
    return [model.at(row).name for row in range(model.rowCount())]


async def until_members(console: Console, *wanted: str) -> None:
    """Wait until the member table shows these names, in this order."""
    model = console.rooms.pane.members.model
    await until(lambda: names(console) == list(wanted), model.rowsInserted, model.rowsRemoved)


async def until_line(console: Console, text: str) -> ChatView:
    """Wait until the chat shows a line with this text."""
    model = console.rooms.pane.chat.model

    def found() -> list[ChatView]:
        lines = map(model.at, range(model.rowCount()))
        return [line for line in lines if isinstance(line, ChatView) and line.text == text]

    await until(found, model.rowsInserted, model.rowsRemoved)
    return found()[0]


def select(console: Console, client: Client) -> None:
    """Select a member as a click does."""
    table = console.rooms.pane.members.table
    index = console.rooms.pane.members.model.index_of(client.session)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center())


@pytest.fixture(autouse=True)
def _who_left_goes_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of those who left stay for a moment, not for five."""
    monkeypatch.setattr(Span, "LEFT", 1000)


async def test_an_empty_node_shows_its_address_and_the_next_steps(console: Console) -> None:
    view = console.rooms
    assert view.first_run.isVisible()
    assert view.sentence() == "none open yet"
    view.first_run.copy.click()
    assert console.window.top_bar.address.confirming
    assert QGuiApplication.clipboard().text() == console.context.desk.url


async def test_rows_follow_joins_and_leaves(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    assert console.rooms.pane.isVisible()
    await ann.socket.close()
    await until_members(console, "Bob")
    assert bob.session in console.rooms.pane.members.model.identities()


async def test_the_selection_stays_on_its_session_when_rows_move(console: Console, cluster: Cluster) -> None:
    _, mia = await cluster.members("lobby", "Kim", "Mia")
    await until_members(console, "Kim", "Mia")
    select(console, mia)
    await cluster.members("lobby", "Ann", "Lou", "Zoe")
    await until_members(console, "Ann", "Kim", "Lou", "Mia", "Zoe")
    selected = console.rooms.pane.members.selected
    assert selected is not None
    assert selected.session == mia.session
    assert console.rooms.pane.members.card.name.text() == "Mia"


async def test_the_card_says_how_often_somebody_was_refused(console: Console, cluster: Cluster) -> None:
    _, mia = await cluster.members("lobby", "Kim", "Mia")
    await until_members(console, "Kim", "Mia")
    select(console, mia)
    card = console.rooms.pane.members.card
    assert card.refused.isHidden()
    for _ in range(12):
        await mia.socket.send('{"type":"leave","room":"nowhere"}')
    await until(lambda: not card.refused.isHidden() and card.refused.text().startswith("12 "), console.window.looked)
    assert card.refused.text() == "12 requests refused in the last minute"
    filter = console.rooms.pane.members.filter
    filter.put("refused>10")
    assert console.rooms.pane.members.model.identities() == [mia.session]


async def test_the_selection_goes_with_its_session_not_to_a_neighbour(console: Console, cluster: Cluster) -> None:
    _, mia, _ = await cluster.members("lobby", "Kim", "Mia", "Zoe")
    await until_members(console, "Kim", "Mia", "Zoe")
    select(console, mia)
    await mia.socket.close()
    await until_members(console, "Kim", "Zoe")
    assert console.rooms.pane.members.selected is None
    assert not console.context.actions.kick.isEnabled()
    assert not console.rooms.pane.members.card.isVisible()


async def test_a_key_on_the_selected_row_kicks_a_session_of_another_node(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "GRACE_SECONDS", 0.3)
    other = await cluster.node("beta")
    await cluster.members("lobby", "Ann")
    (troll,) = await cluster.members("lobby", "Troll", at=other)
    await until_members(console, "Ann", "Troll")
    select(console, troll)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_K)
    model = console.rooms.pane.members.model
    assert model.data(model.index_of(troll.session), ACCESSIBLE).startswith("Troll, Kicking")
    heard = await troll.rest()
    assert troll.socket.close_code == 4403
    assert "a moderator removed you" in (troll.socket.close_reason or "")
    assert [message["reason"] for message in heard if message["type"] == "moderated"] == ["a moderator removed you"]
    await until(lambda: console.context.toasts.text, console.context.toasts.shown)
    assert console.context.toasts.text == "Troll kicked. Rejoin blocked for 10 min"
    await until_members(console, "Ann")
    assert (await until_line(console, "kicked")).name == "Troll"
    assert console.context.moderation.pending == {}


async def test_a_whisper_reaches_only_its_receiver(console: Console, cluster: Cluster) -> None:
    other = await cluster.node("beta")
    (ann,) = await cluster.members("lobby", "Ann")
    (bob,) = await cluster.members("lobby", "Bob", at=other)
    await until_members(console, "Ann", "Bob")
    select(console, bob)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_W)
    composer = console.rooms.pane.composer
    assert composer.text.hasFocus()
    QTest.keyClicks(composer.text, "keep it down")
    QTest.keyClick(composer.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    whisper = await bob.next("whisper")
    assert whisper["text"] == "keep it down"
    assert whisper["from"]["name"] == "Lena"
    line = await until_line(console, "keep it down")
    assert (line.kind, line.to) == ("whisper", "Bob")
    assert composer.text.toPlainText() == ""
    await ann.socket.close()
    assert [message for message in await ann.rest() if message["type"] == "whisper"] == []


async def test_a_table_that_gets_the_keyboard_has_chosen_nobody(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    assert console.rooms.list.list.chosen.row() == 0
    QTest.keyClick(console.window, Qt.Key.Key_F6)
    assert console.rooms.pane.members.table.hasFocus()
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_K)
    assert console.rooms.pane.members.selected is None
    assert console.context.moderation.pending == {}


async def test_what_was_begun_for_one_is_never_sent_to_another(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    composer = console.rooms.pane.composer
    for client in (ann, bob):
        select(console, client)
        QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_W)
        assert composer.text.toPlainText() == ""
        QTest.keyClicks(composer.text, f"for {client.session}")
    select(console, ann)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_W)
    assert composer.text.toPlainText() == f"for {ann.session}"


async def test_a_letter_in_a_text_field_is_a_letter(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_Slash)
    assert console.rooms.pane.members.filter.line.hasFocus()
    QTest.keyClicks(console.rooms.pane.members.filter.line, "kwn/")
    assert console.rooms.pane.members.filter.text == "kwn/"
    assert console.context.moderation.pending == {}


async def test_a_filter_narrows_the_table_and_says_why_it_is_empty(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    pane = console.rooms.pane
    pane.members.filter.put("bo")
    assert names(console) == ["Bob"]
    assert pane.members.header.count.text() == "1 of 2"
    pane.members.filter.put("nobody")
    assert names(console) == []
    assert not pane.members.table.isVisible()
    QTest.keyClick(pane.members.filter.line, Qt.Key.Key_Escape)
    assert names(console) == ["Ann", "Bob"]


async def test_who_is_selected_and_hidden_by_a_filter_is_selected_when_it_is_shown_again(
    console: Console, cluster: Cluster
) -> None:
    ann, bob, _ = await cluster.members("lobby", "Ann", "Bob", "Cid")
    await until_members(console, "Ann", "Bob", "Cid")
    members = console.rooms.pane.members
    select(console, ann)
    members.filter.put("bo")
    assert members.selection == [], "nothing can be done to somebody who is not seen"
    assert not members.card.isVisible()
    members.filter.put("")
    assert [member.session for member in members.selection] == [ann.session]
    assert members.card.isVisible()
    members.filter.put("bo")
    select(console, bob)
    members.filter.put("")
    assert [member.session for member in members.selection] == [bob.session], "another was chosen meanwhile"


async def test_a_kick_says_in_chat_who_did_it(console: Console, cluster: Cluster) -> None:
    ann, _ = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    desk = console.context.desk
    await desk.kick(desk.operator, Whom.of(session=ann.session), reason="spam")
    await until_members(console, "Bob")
    chat = console.rooms.pane.chat.model

    def said() -> bool:
        words = (chat.data(chat.index(row, 0), ACCESSIBLE) for row in range(chat.rowCount()))
        return any("Lena\u2069 kicked \u2068Ann\u2069: spam" in each for each in words)

    await until(said, chat.rowsInserted, chat.dataChanged)


async def test_text_of_a_person_is_shown_literally(console: Console, cluster: Cluster) -> None:
    evil = '<b>x</b><img src="file:///etc/passwd">'
    (ann,) = await cluster.members("lobby", "<b>x</b>")
    await ann.say("lobby", evil)
    await until_members(console, "<b>x</b>")
    line = await until_line(console, evil)
    chat = console.rooms.pane.chat.model
    assert chat.data(chat.index_of(line.key)) == evil
    select(console, ann)
    pane = console.rooms.pane
    assert pane.members.model.data(pane.members.model.index_of(ann.session, NAME)) == "<b>x</b>"
    assert pane.members.card.name.text() == "<b>x</b>"
    assert pane.members.card.name.textFormat() is Qt.TextFormat.PlainText


async def test_an_act_that_is_refused_says_why_and_leaves_the_row(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    console.rooms.pane.composer.sending.emit(Whisper(("no such session",), "Ann"), "hello")
    await until(lambda: console.context.toasts.text, console.context.toasts.shown)
    assert "nobody" in console.context.toasts.text
    assert names(console) == ["Ann"]


async def test_chat_follows_its_end_until_one_reads_further_up(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    for number in range(50):
        await ann.say("lobby", f"line {number}")
    await until_line(console, "line 49")
    chat = console.rooms.pane.chat.list
    bar = chat.verticalScrollBar()
    await until(lambda: bar.maximum() > 0 and bar.value() == bar.maximum(), bar.valueChanged, bar.rangeChanged)
    QTest.keyClick(chat, Qt.Key.Key_Home)
    assert not chat.following
    await ann.say("lobby", "later")
    await until_line(console, "later")
    assert bar.value() == 0
    assert chat.pill.isVisible()
    assert chat.pill.text() == "1 newer"
    QTest.keyClick(chat, Qt.Key.Key_End)
    assert chat.following
    assert not chat.pill.isVisible()


async def test_those_who_speak_show_their_level(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    model = console.rooms.pane.members.model
    joined = next(message for message in ann.heard if message["type"] == "joined")
    frame = struct.pack("!BBBBIHHI", 0x51, 1, 0x80 | 20, 0x02, joined["ssrc"], 1, 0, 0) + b"opus"
    await ann.socket.send(frame)
    await until(lambda: model.level(ann.session) == 20, model.dataChanged)
    assert "speaking, level high" in model.data(model.index_of(ann.session), ACCESSIBLE)
    await until(lambda: model.level(ann.session) is None, model.dataChanged)
    assert [turn.level for turn in model.strip(ann.session)] == [20]
    select(console, ann)
    card = console.rooms.pane.members.card
    assert card.facts[SHARE].text() == "100\u00a0%"
    assert card.facts[OVER].text() == "0 times"
    assert card.facts[SPEAKING].text() == "Quiet"


async def test_a_room_that_closes_says_so_and_opens_again(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await cluster.members("other", "Bob", "Cid")
    rooms = console.rooms.list.model
    await until(lambda: rooms.rowCount() == 2, rooms.rowsInserted)
    console.rooms.open("lobby")
    assert names(console) == ["Ann"]
    await ann.socket.close()
    await until(lambda: rooms.rowCount() == 1, rooms.rowsRemoved)
    assert console.rooms.closed.isVisible()
    assert console.rooms.closed.sentence.isVisible()
    assert "opens again when someone joins" in console.rooms.closed.sentence.text()
    await cluster.members("lobby", "Dee")
    await until(lambda: rooms.rowCount() == 2, rooms.rowsInserted)
    await until_members(console, "Dee")
    assert console.rooms.pane.isVisible()


async def test_a_room_that_is_set_is_there_without_members(console: Console, cluster: Cluster) -> None:
    desk, rooms = console.context.desk, console.rooms.list.model
    await desk.set_room(desk.operator, "attic", locked=True, title="Boxes")
    await until(lambda: rooms.identities() == ["attic"], rooms.rowsInserted)
    assert rooms.data(rooms.index_of("attic"), ACCESSIBLE) == "attic, 0 members, Nobody is here, locked"
    pane = console.rooms.pane
    await until(lambda: pane.isVisible(), console.window.looked)
    assert pane.header.facts.text() == "Boxes  ·  Nobody is here"
    (ann,) = await cluster.members("lobby", "Ann")
    await until(lambda: set(rooms.identities()) == {"attic", "lobby"}, rooms.rowsInserted)
    await desk.set_room(desk.operator, "lobby", title="Weekly")
    await ann.socket.close()
    await until(lambda: "Nobody is here" in rooms.data(rooms.index_of("lobby"), ACCESSIBLE), console.window.looked)
    for room in ("attic", "lobby"):
        await desk.set_room(desk.operator, room, locked=False, title="")
    await until(lambda: not rooms.identities(), rooms.rowsRemoved)
    assert console.rooms.first_run.isVisible()
