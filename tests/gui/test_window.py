"""The window around the views: which is shown, what the bars say, how it closes."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QHeaderView, QTableView, QWidget

from gui.moderation import Stage
from gui.tokens import Rate, Span
from gui.views import Changes
from tests.gui.conftest import until
from tests.gui.test_rooms import names, select, until_members

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from gui.app import Console
    from tests.gui.conftest import Cluster

CONTROL = Qt.KeyboardModifier.ControlModifier


async def test_keys_change_the_view(console: Console) -> None:
    QTest.keyClick(console.window, Qt.Key.Key_2, CONTROL)
    assert console.nodes.isVisible()
    assert not console.rooms.isVisible()
    assert console.window.top_bar.title.text() == "Nodes"
    QTest.keyClick(console.window, Qt.Key.Key_1, CONTROL)
    assert console.rooms.isVisible()


async def test_a_hidden_view_is_left_alone_and_is_true_when_it_is_shown(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.window.show_view(console.nodes)
    looks: list[Changes] = []
    refresh = console.rooms.refresh

    def watched(changes: Changes) -> None:
        looks.append(changes)
        refresh(changes)

    monkeypatch.setattr(console.rooms, "refresh", watched)
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "hello")
    for _ in range(8):
        console.context.bridge.tick()
    assert looks == []
    console.window.show_view(console.rooms)
    assert looks == [Changes.whole()]
    assert names(console) == ["Ann"]


async def test_the_bars_count_the_cluster(console: Console, cluster: Cluster) -> None:
    await cluster.node("beta")
    await cluster.members("lobby", "Ann", "Bob")
    await until_members(console, "Ann", "Bob")
    console.window.flush(Changes(second=True))
    bar = console.window.status_bar
    assert bar.sessions.value == "2"
    assert bar.refresh.value == "10 Hz"
    console.context.bridge.set_rate(Rate.FLUSH)
    console.window.flush(Changes(second=True))
    assert bar.refresh.value == "4 Hz"
    assert console.window.top_bar.sentence.text() == "1 open, nobody speaks"


async def test_a_window_that_is_too_large_is_fitted_into_its_screen(console: Console) -> None:
    window = console.window
    screen = window.screen().availableGeometry()
    window.setGeometry(screen.x() + 100, screen.y() + 60, screen.width() + 900, screen.height() + 300)
    window.fit_screen()
    assert window.height() == screen.height()
    assert window.width() == max(screen.width(), window.minimumWidth())
    assert (window.x(), window.y()) == (screen.x(), screen.y())


async def test_the_address_is_copied_from_every_view(console: Console) -> None:
    for view in (console.rooms, console.nodes):
        console.window.show_view(view)
        QGuiApplication.clipboard().clear()
        QTest.mouseClick(console.window.top_bar.address, Qt.MouseButton.LeftButton)
        assert QGuiApplication.clipboard().text() == console.context.desk.url
        assert console.window.top_bar.address.confirming


async def test_closing_the_window_says_so_and_ends_nothing_else(console: Console, cluster: Cluster) -> None:
    closed = asyncio.ensure_future(console.closed())
    console.window.close()
    await closed
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "the node still serves")


async def test_a_node_that_does_not_answer_is_named_and_its_row_stays(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Span, "UNCONFIRMED", 100)
    monkeypatch.setattr("server.moderation.CALL_SECONDS", 1.1)
    other = await cluster.node("beta")
    (ann,) = await cluster.members("lobby", "Ann", at=other)
    await until_members(console, "Ann")
    cluster.cut()
    select(console, ann)
    QTest.keyClick(console.rooms.pane.members.table, Qt.Key.Key_K)
    moderation, model = console.context.moderation, console.rooms.pane.members.model
    await until(lambda: moderation.pending[ann.session].stage is Stage.UNCONFIRMED, moderation.moved)
    assert "beta has not confirmed" in model.sentence(model.at(0))
    await until(lambda: not moderation.pending, moderation.moved)
    await until(lambda: console.context.toasts.text, console.context.toasts.shown)
    assert "beta did not answer" in console.context.toasts.text
    assert "Kicked" not in model.sentence(model.at(0))


async def test_every_control_says_what_it_is(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    for button in console.window.findChildren(QAbstractButton):
        assert not button.isVisible() or button.accessibleName() or button.text(), button
    for view in (console.rooms.list.list, console.rooms.pane.members.table, console.rooms.pane.chat.list):
        assert view.accessibleName()


async def test_a_small_window_shows_all_that_one_needs(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await until_members(console, "Ann")
    select(console, ann)
    console.window.resize(QSize(1024, 700))
    await asyncio.sleep(0)
    assert console.window.size() == QSize(1024, 700)
    pane = console.rooms.pane
    card = pane.members.card
    needed: Iterable[QWidget] = (
        pane.members.table,
        card.mute,
        card.whisper,
        card.kick,
        pane.composer,
        pane.chat.list,
    )
    for widget in needed:
        assert widget.isVisible()
        corner = widget.mapTo(console.window, widget.rect().bottomRight())
        assert console.window.rect().contains(corner), widget


async def test_f6_goes_through_the_panes_of_every_view(console: Console, cluster: Cluster) -> None:
    (ann,) = await cluster.members("lobby", "Ann")
    await ann.say("lobby", "hello")
    await until_members(console, "Ann")
    for number, view in enumerate(console.window.views, start=1):
        QTest.keyClick(console.window, Qt.Key(Qt.Key.Key_0 + number), CONTROL)
        assert console.window.view is view
        panes = [pane for pane in view.panes() if pane.isVisible() and pane.isEnabled()]
        assert len(panes) > (0 if view is console.reports else 1), view.title  # an inbox without reports is one pane
        reached = []
        for _ in panes:
            QTest.keyClick(console.window, Qt.Key.Key_F6)
            reached += [pane for pane in panes if pane.hasFocus()]
        assert set(reached) == set(panes), view.title


async def test_a_sheet_that_was_open_takes_nothing_of_the_window_with_it(console: Console) -> None:
    def heads() -> list[int]:
        return [len(table.findChildren(QHeaderView)) for table in console.window.findChildren(QTableView)]

    before = heads()
    console.context.actions.keys.trigger()
    QTest.keyClick(console.window.focusWidget(), Qt.Key.Key_Tab)
    QTest.keyClick(console.window.focusWidget(), Qt.Key.Key_Escape)
    await asyncio.sleep(0)
    gc.collect()
    assert heads() == before
