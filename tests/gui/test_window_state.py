"""What a window is like when it is opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest_asyncio
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QSpinBox, QWidget

from gui.app import Console, open_console
from gui.appearance import Look
from gui.flow.floor import WIDTH
from gui.flow.rows import Column
from gui.frame.settings import SettingsSheet
from gui.rooms.members_model import Sorting
from gui.tokens import Rate
from server.desk import Desk
from server.launcher import Launcher
from tests.gui.conftest import take_down, until
from tests.gui.test_rooms import until_members

if TYPE_CHECKING:
    from tests.gui.conftest import Cluster

CONTROL = Qt.KeyboardModifier.ControlModifier
Open = Callable[[], Awaitable[Console]]


@pytest_asyncio.fixture
async def window(cluster: Cluster, qapp: QApplication) -> AsyncIterator[Open]:
    """Opens a console on the same node, after it has closed the one before."""
    served = await cluster.node("alpha")
    launcher = Launcher(served.config, served.config.data_dir / "key")
    made: list[Console] = []

    async def close() -> None:
        await made[-1].close()
        take_down(made.pop().window)

    async def open_again() -> Console:
        if made:
            await close()
        made.append(open_console(Desk(served.node, "Lena"), launcher, served.config))
        await until(made[-1].window.isActiveWindow, qapp.focusWindowChanged)
        return made[-1]

    yield open_again
    await close()
    await launcher.close()


async def test_it_opens_as_it_was_closed(window: Open, cluster: Cluster) -> None:
    first = await window()
    assert first.context.bridge.pace.rate == Rate.FLUSH
    await cluster.members("lobby", "Ann", "Bob")
    await until_members(first, "Ann", "Bob")
    first.rooms.splitter.grab()
    first.rooms.splitter.setSizes([300, 900])
    first.rooms.splitter.splitterMoved.emit(300, 1)
    first.rooms.pane.members.table.sort_by(Sorting.RTT, True)
    first.appearance.choose(Look.LIGHT)
    first.context.bridge.set_rate(2)
    first.window.show_view(first.nodes)
    first.window.grab()
    first.nodes.splitter.setSizes([300, 500])
    first.nodes.splitter.splitterMoved.emit(300, 1)
    height = first.nodes.splitter.sizes()[0]
    width = first.rooms.splitter.sizes()[0]
    again = await window()
    assert again.window.view is again.nodes
    assert again.appearance.look is Look.LIGHT
    assert again.context.bridge.pace.rate == 2
    again.window.grab()
    assert again.nodes.splitter.sizes()[0] == height
    again.window.show_view(again.rooms)
    again.window.grab()
    assert again.rooms.splitter.sizes()[0] == width
    assert again.rooms.pane.members.table.sorting is Sorting.RTT
    assert again.rooms.pane.members.table.reverse


async def test_what_was_moved_comes_back_after_the_window_was_small(window: Open, cluster: Cluster) -> None:
    console = await window()
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    console.window.grab()
    console.rooms.splitter.setSizes([300, 900])
    console.rooms.splitter.splitterMoved.emit(300, 1)
    moved = console.rooms.splitter.sizes()
    for width in (1024, 1440):
        console.window.resize(width, 900)
        console.window.grab()
    assert console.rooms.splitter.sizes() == moved


async def test_columns_and_the_pane_of_a_message_are_as_wide_as_they_were_left(
    window: Open, cluster: Cluster
) -> None:
    async def flowing(console: Console, name: str) -> None:
        console.window.show_view(console.flow)
        await cluster.members("lobby", name)
        await until(console.flow.model.rowCount, console.flow.model.rowsInserted, console.flow.model.modelReset)
        console.window.grab()

    first = await window()
    await flowing(first, "Ann")
    header, floor = first.flow.table.horizontalHeader(), first.flow.floor
    usual = [header.sectionSize(column) for column in Column]
    left = header.sectionViewportPosition(Column.KIND) + header.sectionSize(Column.KIND) - 1
    _drag(header.viewport(), QPoint(left, 8), 46)
    _drag(floor.edge, QPoint(floor.edge.width() // 2, 40), -100)
    moved = [header.sectionSize(column) for column in Column]
    assert moved[Column.KIND] == usual[Column.KIND] + 46
    assert sum(moved) == sum(usual), "the others give way"
    assert floor.wanted == WIDTH + 100
    again = await window()
    await flowing(again, "Bob")
    header = again.flow.table.horizontalHeader()
    assert [header.sectionSize(column) for column in Column] == moved
    assert again.flow.floor.wanted == WIDTH + 100
    again.context.actions.reset_layout.trigger()
    assert [header.sectionSize(column) for column in Column] == usual
    assert again.flow.floor.wanted == WIDTH


async def test_widths_that_cannot_be_are_the_usual_ones(window: Open) -> None:
    first = await window()
    table = first.flow.table
    table.restore(["NODE 120", "TIME 9", "TIME x", "HEIGHT 90", "ROOM", "TO 99999"])
    assert table.kept() == ["NODE 120"]


def _drag(widget: QWidget, at: QPoint, by: int) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=at)
    to = at + QPoint(by, 0)
    moved = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(widget.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, moved)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=to)


async def test_the_layout_can_be_reset(window: Open, cluster: Cluster) -> None:
    console = await window()
    await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    console.window.grab()
    first = console.rooms.splitter.sizes()
    console.rooms.splitter.setSizes([500, 500])
    console.rooms.splitter.splitterMoved.emit(500, 1)
    console.context.actions.reset_layout.trigger()
    console.window.grab()
    assert console.rooms.splitter.sizes() == first


async def test_settings_take_effect_at_once_and_are_kept(window: Open) -> None:
    console = await window()
    QTest.keyClick(console.window, Qt.Key.Key_Comma, CONTROL)
    (sheet,) = console.window.findChildren(SettingsSheet)
    QTest.keyClick(sheet.look, Qt.Key.Key_Right)
    looks = [console.appearance.look]
    QTest.keyClick(sheet.look, Qt.Key.Key_Right)
    looks.append(console.appearance.look)
    assert looks == [Look.DARK, Look.LIGHT]
    rate = sheet.findChild(QSpinBox)
    assert isinstance(rate, QSpinBox)
    rate.setValue(9)
    assert console.context.bridge.pace.flushes == 9
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    console = await window()
    assert console.appearance.look is Look.LIGHT
    assert console.context.bridge.pace.rate == 9


async def test_what_was_said_is_kept_under_the_bell_and_what_went_wrong_is_counted(window: Open) -> None:
    console = await window()
    toasts, overlays = console.context.toasts, console.overlays
    toasts.say("done", "at once")
    assert overlays.news.unseen == 0
    toasts.warn("it did not work")
    console.context.banners.show("lost", "fra-2 is lost", "since 14:30")
    assert overlays.news.unseen == 2
    assert console.window.top_bar.bell.accessibleDescription() == "2 new"
    QTest.mouseClick(console.window.top_bar.bell, Qt.MouseButton.LeftButton)
    assert overlays.panel.isVisible()
    assert [item.title for item in overlays.news.items] == ["fra-2 is lost", "it did not work", "done"]
    assert overlays.news.unseen == 0
    QTest.keyClick(overlays.panel.list, Qt.Key.Key_Escape)
    assert not overlays.panel.isVisible()
