"""The register of actions: complete, without two for one key, and all of it on the sheet of keys."""

from __future__ import annotations

import collections
import itertools
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QWidget

from gui.frame.keys import Caps, KeySheet
from gui.widgets.labels import Label
from tests.gui.conftest import until
from tests.gui.test_rooms import select, until_members

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster


def of_menus(console: Console) -> set[QAction]:
    """What only opens a menu, or stands in one."""
    menus = console.window.findChildren(QMenu)
    return {menu.menuAction() for menu in menus} | {
        action for menu in menus for action in menu.actions() if action.parent() is menu
    }


async def test_every_action_of_the_window_is_in_the_register(console: Console) -> None:
    known = {command.action for command in console.context.actions.commands()}
    loose = [action for action in console.window.findChildren(QAction) if action not in known]
    assert [action.text() for action in loose if action not in of_menus(console)] == []


def reach(action: QAction) -> set[QWidget]:
    """The widgets in which the keys of an action work."""
    holders = [holder for holder in action.associatedObjects() if isinstance(holder, QWidget)]
    if action.shortcutContext() is Qt.ShortcutContext.WidgetShortcut:
        return set(holders)
    return {widget for holder in holders for widget in (holder, *holder.findChildren(QWidget))}


async def test_no_two_actions_share_a_key_where_both_work(console: Console) -> None:
    taken: dict[str, list[QAction]] = collections.defaultdict(list)
    for command in console.context.actions.commands():
        for key in command.action.shortcuts():
            taken[key.toString()].append(command.action)
    clashes = [
        (key, one.text(), other.text())
        for key, actions in taken.items()
        for one, other in itertools.combinations(actions, 2)
        if reach(one) & reach(other)
    ]
    assert clashes == []


async def test_the_sheet_of_keys_has_every_action_with_its_keys(console: Console) -> None:
    QTest.keyClick(console.window, Qt.Key.Key_F1)
    (sheet,) = console.window.findChildren(KeySheet)
    assert sheet.isVisible()
    words = collections.Counter(label.text() for label in sheet.findChildren(Label))
    caps = {caps.accessibleName() for caps in sheet.findChildren(Caps)}
    for command in console.context.actions.commands():
        assert words[command.text]
        assert " or ".join(command.keys) in caps
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


async def test_a_question_mark_shows_the_keys_but_not_while_one_writes(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    field = console.rooms.pane.members.filter
    field.setFocus()
    QTest.keyClicks(field.line, "?n")
    assert field.text == "?n"
    assert not console.window.findChildren(KeySheet)
    field.put("")
    console.rooms.pane.members.table.setFocus()
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_Question)
    assert console.window.findChildren(KeySheet)


async def test_a_way_back_through_rooms_and_views(console: Console, cluster: Cluster) -> None:
    await cluster.members("lobby", "Ann", "Bob")
    await cluster.members("den", "Cid")
    await until_members(console, "Ann", "Bob")
    await until(lambda: len(console.rooms.list.rooms) == 2, console.rooms.list.model.rowsInserted)
    actions = console.context.actions
    rooms = console.rooms.list
    console.window.show_view(console.rooms)
    rooms.list.setCurrentIndex(rooms.model.index_of("den"))
    assert console.rooms.pane.room == "den"
    QTest.keyClick(console.window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert console.nodes.isVisible()
    QTest.keyClick(console.window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert (console.window.view, console.rooms.pane.room) == (console.rooms, "den")
    QTest.keyClick(console.window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert (console.window.view, console.rooms.pane.room) == (console.rooms, "lobby")
    assert not actions.go_back.isEnabled()
    QTest.keyClick(console.window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert console.rooms.pane.room == "den"
