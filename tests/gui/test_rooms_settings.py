"""How a room is set from the Rooms view, on real nodes: locked, muted, slow, guarded, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.rooms.room_acts import told
from gui.rooms.room_sheet import RoomSheet
from tests.gui.conftest import until
from tests.gui.test_rooms import until_members
from tests.gui.test_rooms_undo import CONTROL, press, until_toast

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster


def chips(console: Console) -> list[str]:
    """What the header says of the room."""
    return [chip.accessibleName() for chip in console.rooms.pane.header.chips.values() if chip.isVisible()]


async def until_chips(console: Console, *wanted: str) -> None:
    """Wait until the header says this."""
    await until(lambda: chips(console) == list(wanted), console.window.looked, console.context.actions.lock.changed)


def sheet_of(console: Console) -> RoomSheet:
    """The sheet that is open."""
    return next(sheet for sheet in console.window.findChildren(RoomSheet) if sheet.isVisible())


async def test_a_key_locks_the_room_on_every_node_and_undo_unlocks_it(console: Console, cluster: Cluster) -> None:
    other = await cluster.node("beta")
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    console.rooms.pane.members.table.setFocus()
    assert chips(console) == []
    press(console, Qt.Key.Key_L)
    await until_toast(console, "lobby locked. Nobody but moderators comes in. Confirmed by 2 nodes")
    await until_chips(console, "Locked")
    assert console.rooms.pane.header.lock.text() == "Unlock"
    bob = await cluster.client(other, "Bob")
    assert (await bob.ask("join", "error", room="lobby"))["code"] == "room_locked"
    press(console, Qt.Key.Key_Z, CONTROL)
    await until_toast(console, "lobby is as it was. Not locked")
    await until_chips(console)
    await bob.join("lobby")


async def test_the_sheet_asks_only_for_what_was_changed(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    console.rooms.pane.members.table.setFocus()
    press(console, Qt.Key.Key_S)
    sheet = sheet_of(console)
    assert sheet.changes() == {}
    sheet.title_line.setText("Open mic")
    sheet.slow.setCurrentIndex(2)
    sheet.capacity.box.setValue(20)
    sheet.muted.switch.click()
    assert sheet.changes() == {"title": "Open mic", "slow_seconds": 10, "capacity": 20, "muted": True}
    QTest.keyClick(sheet.title_line, Qt.Key.Key_Return, CONTROL)
    told_so = await ann.next("room_updated")
    assert (told_so["room_state"]["title"], told_so["room_state"]["capacity"]) == ("Open mic", 20)
    await until_chips(console, "Muted", "Slow 10 s")
    header = console.rooms.pane.header
    assert header.facts.text().startswith("Open mic")
    console.context.actions.undo.trigger()
    await until_toast(console, "lobby is as it was")
    await until_chips(console)
    assert console.context.desk.settings_of("lobby").capacity == 50


async def test_a_password_is_set_and_removed_and_not_brought_back(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    bob = await cluster.client(cluster.served[0], "Bob")
    console.rooms.pane.acts.open_sheet()
    sheet = sheet_of(console)
    sheet.guarded.switch.click()
    sheet.save.click()
    assert sheet.isVisible()  # none was given
    sheet.secret.setText("let me in")
    sheet.save.click()
    await until_chips(console, "Password")
    assert (await bob.ask("join", "error", room="lobby"))["code"] == "forbidden"
    console.rooms.pane.acts.open_sheet()
    sheet = sheet_of(console)
    assert sheet.secret.text() == ""
    assert sheet.changes() == {}
    sheet.guarded.switch.click()
    sheet.save.click()
    await until_toast(console, "The old password cannot be brought back")
    await until_chips(console)
    await bob.join("lobby")


async def test_the_menu_of_the_room_slows_it_down(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    menu = console.rooms.pane.acts.menu(console.rooms.pane)
    next(act for act in menu.actions() if act.text() == "Slow mode: 30 s").trigger()
    await until_toast(console, "lobby slowed down: 30 s")
    await until_chips(console, "Slow 30 s")


async def test_what_is_done_to_rooms_is_in_the_palette(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    found = [entry.text for entry in console.overlays.finder.find("room")]
    assert {"Mute the room", "Room settings"} <= set(found)


def test_settings_in_words() -> None:
    changes = {"locked": True, "muted": False, "slow_seconds": 60, "capacity": 20, "title": "", "password": None}
    assert told(changes) == "Locked, not muted, slow mode 1 min, capacity 20, no title, no password"
