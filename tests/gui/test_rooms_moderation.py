"""What a moderator does in the Rooms view, on real nodes: to one and to many, by key, tool and card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest

from gui import moderation as moderating
from gui.rooms import composer as composing
from gui.rooms.composer import Announcement
from gui.rooms.crowd import CONFIRMED, CrowdSheet
from gui.rooms.members_model import TOOLS
from gui.rooms.tools import Tool, tool_boxes
from gui.tokens import Span
from server.session import Role
from server.views import ChatView
from server.wire.moderation import Whom
from tests.gui.conftest import until
from tests.gui.test_rooms import names, select, until_line, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from server.views import MemberView
    from tests.gui.conftest import Client, Cluster

ACCESSIBLE = Qt.ItemDataRole.AccessibleTextRole
ROWS = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows


def spoken(console: Console, client: Client) -> str:
    """What a screen reader says of a row."""
    model = console.rooms.pane.members.model
    return str(model.data(model.index_of(client.session), ACCESSIBLE))


def press_tool(console: Console, client: Client, tool: Tool) -> QPoint:
    """Press a tool of a row and hold it; returns where."""
    members = console.rooms.pane.members
    cell = members.table.visualRect(members.model.index_of(client.session, TOOLS))
    at = tool_boxes(cell)[tool].center()
    QTest.mousePress(members.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    return at


def release(console: Console, at: QPoint) -> None:
    """Let the button go."""
    QTest.mouseRelease(console.rooms.pane.members.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


def select_all(console: Console, *clients: Client) -> None:
    """Select several rows."""
    members = console.rooms.pane.members
    members.table.setFocus()
    for client in clients:
        members.table.selectionModel().select(members.model.index_of(client.session), ROWS)


def member(console: Console, client: Client) -> MemberView:
    """A member as the desk sees it."""
    return next(each for each in console.context.desk.members("lobby") if each.session == client.session)


async def test_a_key_mutes_for_ten_minutes_and_the_same_key_lifts_it(console: Console, cluster: Cluster) -> None:
    other = await cluster.node("beta")
    await cluster.members("lobby", "Ann")
    (bob,) = await cluster.members("lobby", "Bob", at=other)
    await until_members(console, "Ann", "Bob")
    select(console, bob)
    members, moderation = console.rooms.pane.members, console.context.moderation
    QTest.keyClick(members.table, Qt.Key.Key_M)
    assert moderation.pending[bob.session].deed.value == "muted"
    told = await bob.next("moderated")
    assert (told["action"], told["room"]) == ("mute", "lobby")
    await until(
        lambda: "muted until" in spoken(console, bob) and not moderation.pending,
        moderation.moved,
        members.model.dataChanged,
    )
    until_ms = member(console, bob).muted_until
    assert until_ms is not None
    assert members.card.mute.text() == "Unmute"
    assert members.card.muted.isVisible()
    assert "1 muted" in members.header.sentence.text()
    toasts = console.context.toasts
    await until(lambda: "lobby" in toasts.text, toasts.shown)  # elsewhere Bob is heard
    chat = console.rooms.pane.chat.model

    def shown() -> list[object]:
        return [line for line in map(chat.at, range(chat.rowCount())) if line.kind == "muted"]

    await until(shown, chat.rowsInserted)
    (line,) = shown()
    assert isinstance(line, ChatView)
    assert (line.name, line.by, line.until) == ("Bob", "Lena", until_ms)
    QTest.keyClick(members.table, Qt.Key.Key_M)
    assert (await bob.next("moderated"))["action"] == "unmute"
    await until(
        lambda: "muted" not in spoken(console, bob) and not moderation.pending,
        moderation.moved,
        members.model.dataChanged,
    )
    assert members.card.mute.text() == "Mute"


async def test_shift_and_the_key_mute_without_an_end(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    model = console.rooms.pane.members.model
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    await until(lambda: "muted until unmuted" in spoken(console, ann), model.dataChanged)
    assert member(console, ann).muted_until is None


async def test_a_tool_acts_on_whom_it_was_pressed_though_rows_move(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderating, "GRACE_SECONDS", 0.3)
    ann, mia, zoe = await cluster.members("lobby", "Ann", "Mia", "Zoe")
    await until_members(console, "Ann", "Mia", "Zoe")
    model = console.rooms.pane.members.model
    at = press_tool(console, mia, Tool.KICK)
    model.follow([row for row in map(model.at, range(model.rowCount())) if row.session != ann.session])
    assert names(console)[0] == "Mia"
    release(console, at)
    assert list(console.context.moderation.pending) == [mia.session]
    await mia.rest()
    assert mia.socket.close_code == 4403
    assert zoe.socket.close_code is None


async def test_a_tool_that_is_left_before_it_is_let_go_does_nothing(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    at = press_tool(console, ann, Tool.KICK)
    release(console, at - QPoint(200, 0))
    assert console.context.moderation.pending == {}
    assert console.rooms.pane.members.selected is None


async def test_several_are_muted_with_one_line_of_what_came_of_it(console: Console, cluster: Cluster) -> None:
    ann, bob, cid = await cluster.members("lobby", "Ann", "Bob", "Cid")
    boss = await cluster.client(cluster.served[0], "Boss", role=Role.ADMIN)
    await boss.join("lobby")
    await until_members(console, "Ann", "Bob", "Boss", "Cid")
    select_all(console, ann, bob, cid)
    members = console.rooms.pane.members
    assert members.crowd.isVisible()
    assert not members.card.isVisible()
    assert members.crowd.count.text() == "3 people"
    toasts = console.context.toasts
    members.crowd.mute.click()
    await until(lambda: toasts.text, toasts.shown)
    assert toasts.text.startswith("3 muted. ")
    assert not member(console, boss).muted
    assert all(member(console, each).muted for each in (ann, bob, cid))


async def test_an_act_on_many_is_asked_for_first(console: Console, cluster: Cluster) -> None:
    crowd = await cluster.members("lobby", *(f"P{number:02}" for number in range(CONFIRMED + 1)))
    await until_members(console, *(f"P{number:02}" for number in range(CONFIRMED + 1)))
    select_all(console, *crowd)
    window, moderation = console.window, console.context.moderation
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_K)
    (sheet,) = window.findChildren(CrowdSheet)
    assert sheet.keep.hasFocus()
    assert sheet.confirm.text() == "Kick 11 people"
    assert moderation.pending == {}
    QTest.keyClick(sheet.keep, Qt.Key.Key_Escape)
    assert moderation.pending == {}
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_K)
    sheet = next(each for each in window.findChildren(CrowdSheet) if each.isVisible())
    sheet.confirm.click()
    assert len(moderation.pending) == CONFIRMED + 1
    toasts = console.context.toasts
    await until(lambda: toasts.text, toasts.shown)
    assert toasts.text == "11 kicked. Rejoin blocked for 10 min"


async def test_who_left_stays_as_a_row_nobody_can_act_on(console: Console, cluster: Cluster) -> None:
    ann, _ = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    select(console, ann)
    members = console.rooms.pane.members
    await ann.socket.close()
    await until(lambda: ann.session in members.model.gone, members.model.dataChanged)
    assert names(console) == ["Ann", "Bob"]
    assert spoken(console, ann).startswith("Ann, Left")
    assert members.selection == []
    assert not console.context.actions.kick.isEnabled()
    release(console, press_tool(console, ann, Tool.KICK))
    assert console.context.moderation.pending == {}


async def test_who_left_while_nobody_looked_leaves_no_row(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    monkeypatch.setattr(Span, "LEFT", 0)
    await ann.socket.close()
    await until_members(console, "Bob")
    assert console.rooms.pane.members.model.gone == {}


async def test_an_announcement_reaches_the_room_and_says_so(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    (cid,) = await cluster.members("den", "Cid")
    await until(lambda: len(console.rooms.list.rooms) == 2, console.rooms.list.model.rowsInserted)
    console.rooms.open("lobby")
    composer = console.rooms.pane.composer
    console.rooms.pane.members.table.setFocus()
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_A)
    assert composer.aim == Announcement("lobby")
    assert composer.text.hasFocus()
    assert "1 person" in composer.note.text()
    QTest.keyClicks(composer.text, "closing soon")
    QTest.keyClick(composer.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert (await ann.next("announcement"))["text"] == "closing soon"
    assert (await until_line(console, "closing soon")).kind == "announcement"
    await cid.socket.close()
    assert [message for message in await cid.rest() if message["type"] == "announcement"] == []


async def test_an_announcement_to_many_waits_and_can_be_taken_back(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composing, "MANY", 0)
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    composer = console.rooms.pane.composer
    console.rooms.pane.announce()
    composer.text.setPlainText("closing soon")
    composer.button.click()
    assert composer.waiting == composing.WAIT
    assert composer.note.text().startswith("Goes to 1 people")
    composer.stop.click()
    assert composer.waiting == 0
    assert composer.text.toPlainText() == "closing soon"
    monkeypatch.setattr(composing, "WAIT", 1)
    composer.button.click()
    assert (await ann.next("announcement"))["text"] == "closing soon"


async def test_rows_stay_while_a_person_is_at_the_table(console: Console, cluster: Cluster) -> None:
    _, zoe = await cluster.members("lobby", "Mia", "Zoe")
    await until_members(console, "Mia", "Zoe")
    members = console.rooms.pane.members
    QTest.keyClick(members.table, Qt.Key.Key_Down)
    await cluster.members("lobby", "Ann")
    await until_members(console, "Mia", "Zoe", "Ann")
    select(console, zoe)
    members.changed.click()
    assert names(console) == ["Ann", "Mia", "Zoe"]
    assert members.selected is not None
    assert members.selected.session == zoe.session


async def test_the_head_of_a_column_sorts_by_it(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    header = console.rooms.pane.members.table.horizontalHeader()
    for wanted in (["Ann", "Bob"], ["Bob", "Ann"]):
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(80, 10))
        assert names(console) == wanted


async def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing(console: Console, cluster: Cluster) -> None:
    (ann, _) = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    members = console.rooms.pane.members
    members.filter.put("name:ann")
    assert names(console) == ["Ann"]
    members.filter.put("name:ann rtt>")
    assert names(console) == ["Ann"]
    assert members.problem.isVisible()
    assert members.problem.text()
    members.filter.put("is:muted")
    assert not members.problem.isVisible()
    assert names(console) == []
    await console.context.desk.mute(console.context.desk.operator, Whom.of(session=ann.session))
    await until_members(console, "Ann")


async def test_who_has_an_ampersand_in_the_name_has_it_in_the_menu(console: Console, cluster: Cluster) -> None:
    (eve,) = await cluster.members("lobby", "Ad&min")
    await until_members(console, "Ad&min")
    select(console, eve)
    members = console.rooms.pane.members
    menu = members.acts.menu(members.selection)
    assert [act.text().count("Ad&&min") for act in menu.actions()] == [1, 1, 1, 1, 1, 1]
