"""What a moderator has done in the Rooms view and undoes, on real nodes: in time, too late, for one and for many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui import moderation
from gui.bans.banning import Banning
from gui.bans.sheet import BanSheet, Order
from gui.rooms.members_model import TOOLS
from gui.rooms.move import MoveSheet
from gui.rooms.tools import Tool, tool_boxes
from server.session import Actor
from server.store.rows import StoreState
from server.wire.moderation import Whom
from tests.gui.conftest import until
from tests.gui.test_rooms import select, until_members
from tests.gui.test_rooms_moderation import member, select_all, spoken

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Client, Cluster

CONTROL = Qt.KeyboardModifier.ControlModifier


def press(console: Console, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key in the table."""
    QTest.keyClick(console.rooms.pane.members.table, key, modifier)


async def until_toast(console: Console, words: str) -> None:
    """Wait until a toast says this."""
    toasts = console.context.toasts
    await until(lambda: words in toasts.text, toasts.shown)


async def until_spoken(console: Console, client: Client, words: str) -> None:
    """Wait until a row says this, and nothing is under way any more."""
    model, acts = console.rooms.pane.members.model, console.context.moderation
    await until(lambda: words in spoken(console, client) and not acts.pending, model.dataChanged, acts.moved)


async def test_a_kick_silences_at_once_and_undo_within_its_grace_restores_all(
    console: Console, cluster: Cluster
) -> None:
    other = await cluster.node("beta")
    await cluster.members("lobby", "Ann")
    (troll,) = await cluster.members("lobby", "Troll", at=other)
    await until_members(console, "Ann", "Troll")
    select(console, troll)
    press(console, Qt.Key.Key_K)
    assert spoken(console, troll).startswith("Troll, Kicking")
    told = await troll.next("moderated")
    assert told["action"] == "kick"
    await until_toast(console, "Troll kicked. Rejoin blocked for 10 min")
    await until_spoken(console, troll, "Kicked, connection closes in")
    assert other.node.presence.present[troll.session].muted("lobby")
    actions = console.context.actions
    assert not actions.kick.isEnabled()
    assert console.context.toasts.undo_button.isVisible()
    press(console, Qt.Key.Key_Z, CONTROL)
    assert (await troll.next("moderated"))["action"] == "unkick"
    await until_toast(console, "Kick of Troll undone")
    await until_spoken(console, troll, "Troll, quiet")
    assert not member(console, troll).muted
    assert not actions.undo.isEnabled()
    assert console.context.desk.bans() == []
    await troll.say("lobby", "I am still here")


async def test_undo_after_the_grace_lets_them_in_again(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "GRACE_SECONDS", 0.3)
    await cluster.members("lobby", "Ann")
    (troll,) = await cluster.members("lobby", "Troll")
    await until_members(console, "Ann", "Troll")
    select(console, troll)
    press(console, Qt.Key.Key_K)
    await troll.rest()
    assert troll.socket.close_code == 4403
    assert [ban.user for ban in console.context.desk.bans()] == ["troll"]
    console.context.actions.undo.trigger()
    await until_toast(console, "Rejoin allowed. Troll may come in again")
    assert console.context.desk.bans() == []
    await cluster.members("lobby", "Troll")


async def test_a_kick_that_nobody_can_undo_any_more_says_so(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "GRACE_SECONDS", 0)
    monkeypatch.setattr("gui.undoing.SETTLED_SECONDS", 0)
    (troll,) = await cluster.members("lobby", "Troll")
    await until_members(console, "Troll")
    select(console, troll)
    press(console, Qt.Key.Key_K)
    await until_toast(console, "Troll kicked")
    desk = console.context.desk
    (ban,) = desk.bans()
    await desk.unban(desk.operator, ban.ban)
    console.context.actions.undo.trigger()
    await until_toast(console, "The kick of Troll is over, there is nothing to undo")
    assert not console.context.actions.undo.isEnabled()


async def test_several_kicked_by_one_request_are_undone_by_one_step(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await cluster.node("beta")
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    (cid,) = await cluster.members("lobby", "Cid", at=other)
    await until_members(console, "Ann", "Bob", "Cid")
    desk, asked = console.context.desk, []
    kick = desk.kick

    async def noted(by: Actor, whom: Whom, **rest: Any) -> object:
        asked.append(whom.sessions)
        return await kick(by, whom, **rest)

    monkeypatch.setattr(desk, "kick", noted)
    steps: list[list[str]] = []
    console.context.moderation.moved.connect(steps.append)
    select_all(console, ann, bob, cid)
    press(console, Qt.Key.Key_K)
    assert steps == [[ann.session, bob.session, cid.session]]  # the table is told once, of however many
    await until_toast(console, "3 kicked. Rejoin blocked for 10 min")
    assert asked == [(ann.session, bob.session, cid.session)]
    press(console, Qt.Key.Key_Z, CONTROL)
    await until_toast(console, "3 kicks undone")
    for each in (ann, bob, cid):
        await until_spoken(console, each, "quiet")
    assert not console.context.actions.undo.isEnabled()


async def test_the_word_in_the_row_undoes_the_kick_of_that_one(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    select_all(console, ann, bob)
    press(console, Qt.Key.Key_K)
    await until_toast(console, "2 kicked")
    members = console.rooms.pane.members
    await until_spoken(console, bob, "connection closes in")
    cell = members.table.visualRect(members.model.index_of(bob.session, TOOLS))
    at = tool_boxes(cell, leaving=True)[Tool.UNDO].center()
    QTest.mouseClick(members.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    await until_toast(console, "Kick of Bob undone")
    await until_spoken(console, bob, "quiet")
    assert member(console, ann).leaves is not None
    console.context.actions.undo.trigger()
    await until_toast(console, "Kick of Ann undone")


async def test_a_kick_of_another_moderator_can_be_undone_here(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    desk = console.context.desk
    await desk.kick(desk.operator, Whom.of(session=ann.session), room="lobby", grace_seconds=30)
    await until_spoken(console, ann, "Kicked from this room, out in")
    console.context.moderation.unkick(member(console, ann))
    await until_toast(console, "Kick of Ann undone")
    await until_spoken(console, ann, "quiet")


async def test_a_kick_goes_on_without_a_block_while_the_store_fails(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    failing = StoreState(where="here", failing="no space is left")
    monkeypatch.setattr(type(console.context.desk), "store", failing)
    select(console, ann)
    press(console, Qt.Key.Key_K)
    await until_toast(console, "Ann kicked. Rejoin is not blocked, as the store fails")


async def test_mutes_and_their_lift_are_undone(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    press(console, Qt.Key.Key_M)
    await until_spoken(console, ann, "muted until")
    await until_toast(console, "Ann muted for 10 min")
    ends = member(console, ann).muted_until
    assert ends is not None
    press(console, Qt.Key.Key_M)
    await until_spoken(console, ann, "Ann, quiet, node alpha")
    await until_toast(console, "Ann may be heard again")
    press(console, Qt.Key.Key_Z, CONTROL)
    await until_toast(console, "Ann muted again")
    again = member(console, ann).muted_until
    assert again is not None
    assert abs(again - ends) < 2000
    press(console, Qt.Key.Key_Z, CONTROL)
    await until_toast(console, "Ann may be heard again")
    assert not member(console, ann).muted


async def test_a_key_moves_to_a_room_that_is_chosen_and_undo_brings_back(console: Console, cluster: Cluster) -> None:
    ann, bob = await cluster.members("lobby", "Ann", "Bob")
    await cluster.members("den", "Cid")
    await until_members(console, "Ann", "Bob")
    select_all(console, ann, bob)
    press(console, Qt.Key.Key_V)
    (sheet,) = console.window.findChildren(MoveSheet)
    assert sheet.title.text() == "Move 2 people"
    assert sheet.choice.currentText() == "den"
    QTest.keyClick(sheet.choice, Qt.Key.Key_Return, CONTROL)
    assert (await ann.next("moved"))["to"] == "den"
    await until_toast(console, "2 moved")
    desk = console.context.desk
    assert [each.name for each in desk.members("den")] == ["Cid", "Ann", "Bob"]
    console.context.actions.undo.trigger()
    await until_toast(console, "2 moved back to")
    assert (await bob.next("moved"))["to"] == "den"
    assert (await bob.next("moved"))["to"] == "lobby"
    assert [each.name for each in desk.members("den")] == ["Cid"]


async def test_another_room_is_typed_and_what_cannot_be_one_is_said(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    press(console, Qt.Key.Key_V)
    (sheet,) = console.window.findChildren(MoveSheet)
    assert sheet.line.hasFocus()
    sheet.confirm.click()
    assert sheet.isVisible()
    sheet.line.setText("lobby")
    sheet.confirm.click()
    assert sheet.isVisible()
    sheet.line.setText("quiet corner")
    QTest.keyClick(sheet.line, Qt.Key.Key_Return, CONTROL)
    assert (await ann.next("moved"))["to"] == "quiet corner"
    await until_toast(console, "Ann moved to")


async def test_undo_in_a_field_undoes_what_was_typed_there(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    press(console, Qt.Key.Key_M)
    await until_toast(console, "Ann muted")
    text = console.rooms.pane.composer.text
    text.setFocus()
    QTest.keyClicks(text, "hello")
    QTest.keyClick(text, Qt.Key.Key_Z, CONTROL)
    assert text.toPlainText() == ""
    assert console.context.actions.undo.isEnabled()
    assert member(console, ann).muted


async def test_a_ban_is_undone_as_any_other_act(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    actions, desk = console.context.actions, console.context.desk
    Banning(console.context, console.rooms).ask(user="bob", name="Bob")
    (sheet,) = console.window.findChildren(BanSheet)
    sheet.wanted.emit(Order(user="bob", ip="", room="", seconds=3600, reason=""))
    await until_toast(console, "bob banned for 1")
    assert [ban.user for ban in desk.bans()] == ["bob"]
    actions.undo.trigger()
    await until_toast(console, "Ban lifted. bob may come in again")
    assert desk.bans() == []


async def test_what_a_node_does_not_confirm_of_many_is_called_so(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.moderation.CALL_SECONDS", 1.0)
    other = await cluster.node("beta")
    (ann,) = await cluster.members("lobby", "Ann")
    (bob,) = await cluster.members("lobby", "Bob", at=other)
    await until_members(console, "Ann", "Bob")
    cluster.cut()
    select_all(console, ann, bob)
    press(console, Qt.Key.Key_K)
    await until_toast(console, "2 not confirmed. node beta did not answer")
    await until_spoken(console, ann, "connection closes in")
    assert member(console, bob).leaves is None
    console.context.moderation.unkick(member(console, ann))
    await until_toast(console, "Kick of Ann undone")
