"""The palette with a real cluster behind it: what it finds, what it offers first, what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui import moderation
from gui.frame.finder import COMMANDS, NODES, PEOPLE, ROOMS, Entry
from gui.frame.palette import pieces
from gui.rooms.composer import Whisper
from server.wire.moderation import Whom
from tests.gui.test_rooms import select, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from gui.frame.palette import Palette
    from tests.gui.conftest import Cluster

CONTROL = Qt.KeyboardModifier.ControlModifier


def opened(console: Console, typed: str = "") -> Palette:
    """The palette, opened by its key, with this typed into it."""
    palette = console.overlays.palette
    QTest.keyClick(console.window, Qt.Key.Key_K, CONTROL)
    assert palette.isVisible()
    QTest.keyClicks(palette.field, typed)
    return palette


def entries(palette: Palette) -> list[Entry]:
    """What it offers, in order."""
    rows = (palette.model.row(row) for row in range(palette.model.rowCount()))
    return [row for row in rows if isinstance(row, Entry)]


def texts(palette: Palette, group: str = "") -> list[str]:
    """What it offers in words."""
    return [entry.text for entry in entries(palette) if not group or entry.group == group]


async def test_it_finds_people_rooms_nodes_and_commands(console: Console, cluster: Cluster) -> None:
    await cluster.node("lab-2")
    await cluster.members("Lab", "Labib", "Ann")
    palette = opened(console, "la")
    assert texts(palette, PEOPLE) == ["Labib"]
    assert texts(palette, ROOMS) == ["Lab"]
    assert texts(palette, NODES) == ["lab-2"]
    assert "Launch nodes" in texts(palette, COMMANDS)


async def test_prefixes_ask_for_one_kind(console: Console, cluster: Cluster) -> None:
    await cluster.node("lab-2")
    await cluster.members("Lab", "Labib", "Ann")
    palette = opened(console)
    for typed, kind, wanted in (
        ("@", PEOPLE, {"Labib", "Ann"}),
        ("#", ROOMS, {"Lab"}),
        ("!", NODES, {"alpha", "lab-2"}),
        ("@an", PEOPLE, {"Ann"}),
        ("#x", ROOMS, set()),
    ):
        palette.field.setText(typed)
        assert {entry.group for entry in entries(palette)} <= {kind}
        assert set(texts(palette)) == wanted


async def test_act_and_person_are_found_together_and_act_on_who_was_named(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "GRACE_SECONDS", 0.3)
    kestrel, ann = await cluster.members("lobby", "kestrel", "Ann")
    await until_members(console, "Ann", "kestrel")
    select(console, ann)
    palette = opened(console, "kick kes")
    first = palette.chosen
    assert first is not None
    assert (first.text, first.group, first.danger) == ("Kick kestrel", "Actions on kestrel", True)
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    await kestrel.rest()
    assert kestrel.socket.close_code == 4403
    assert not palette.isVisible()
    await ann.say("lobby", "I am still here")


async def test_who_is_muted_is_found_by_the_same_words_and_can_be_unmuted(console: Console, cluster: Cluster) -> None:
    (kestrel,) = await cluster.members("lobby", "kestrel")
    await until_members(console, "kestrel")
    desk = console.context.desk
    await desk.mute(desk.operator, Whom.of(session=kestrel.session), room="lobby")
    palette = opened(console, "mute kes")
    assert texts(palette) == ["Unmute kestrel"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert (await kestrel.next("moderated"))["action"] == "mute"
    assert (await kestrel.next("moderated"))["action"] == "unmute"


async def test_what_hurts_is_not_first_unless_it_was_typed(console: Console, cluster: Cluster) -> None:
    (kim,) = await cluster.members("lobby", "kim")
    await until_members(console, "kim")
    select(console, kim)
    palette = opened(console)
    for typed in ("", "k", "ki", "kim", "k kim"):
        palette.field.setText(typed)
        assert palette.chosen is None or not palette.chosen.danger, typed
    palette.field.setText("kick")
    assert palette.chosen is not None
    assert palette.chosen.text == "Kick kim"


async def test_a_person_is_shown_in_their_room(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    (cid,) = await cluster.members("den", "Cid")
    await until_members(console, "Ann", "Bob")
    console.window.show_view(console.nodes)
    palette = opened(console, "@cid")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert console.rooms.isVisible()
    assert console.rooms.pane.room == "den"
    chosen = console.rooms.pane.members.selected
    assert chosen is not None
    assert chosen.session == cid.session


async def test_a_whisper_begins_in_the_room_of_who_was_named(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    (cid,) = await cluster.members("den", "Cid")
    await until_members(console, "Ann", "Bob")
    palette = opened(console, "whisper cid")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    composer = console.rooms.pane.composer
    assert composer.aim == Whisper((cid.session,), "Cid")
    assert composer.text.hasFocus()


async def test_a_node_is_selected_in_its_view(console: Console, cluster: Cluster) -> None:
    other = await cluster.node("beta")
    await cluster.members("lobby", "Ann", at=other)
    await until_members(console, "Ann")
    palette = opened(console, "!beta")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert console.nodes.isVisible()
    assert console.nodes.table.selected() == other.node.node_id


async def test_commands_run_and_are_recent_the_next_time(console: Console) -> None:
    palette = opened(console, "light theme")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert str(console.appearance.look) == "light"
    palette = opened(console)
    assert entries(palette)[0].text == "Light theme"
    assert palette.chosen is not None
    assert palette.chosen.text == "Light theme"


async def test_it_takes_no_more_than_a_key_to_leave_and_the_keyboard_returns(
    console: Console, cluster: Cluster
) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    console.rooms.pane.members.table.setFocus()
    palette = opened(console, "lob")
    QTest.keyClick(palette.field, Qt.Key.Key_2, CONTROL)
    assert console.rooms.isVisible(), "keys of the window rest while it is open"
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert console.rooms.pane.members.table.hasFocus()


async def test_arrows_go_around_and_skip_the_heads(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    palette = opened(console)
    offered = entries(palette)
    QTest.keyClick(palette.field, Qt.Key.Key_Up)
    assert palette.chosen == offered[-1]
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.chosen == offered[0]


async def test_what_is_not_called_that_is_said(console: Console) -> None:
    palette = opened(console, "zzzzqq")
    assert palette.chosen is None
    assert palette.nothing.isVisible()
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.isVisible()


def test_a_text_is_cut_where_it_was_typed() -> None:
    assert pieces("Mute kestrel", ((0, 4), (5, 3))) == [("Mute", True), (" ", False), ("kes", True), ("trel", False)]
    assert pieces("plain", ()) == [("plain", False)]
