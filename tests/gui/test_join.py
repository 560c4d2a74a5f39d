"""Joining a running cluster from the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.frame.join import JoinSheet
from server import joining
from tests.gui.conftest import until

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Cluster

CONTROL = Qt.KeyboardModifier.ControlModifier
THERE = "127.0.0.1:7001"


def opened(console: Console) -> JoinSheet:
    """The sheet, opened by its key."""
    QTest.keyClick(console.window, Qt.Key.Key_J)
    (sheet,) = console.window.findChildren(JoinSheet)
    assert sheet.isVisible()
    return sheet


async def test_a_cluster_is_joined_and_its_people_are_seen(console: Console, cluster: Cluster) -> None:
    other = await cluster.node("other", alone_at=THERE)
    await cluster.members("den", "Cid", at=other)
    sheet = opened(console)
    QTest.keyClicks(sheet.address, THERE)
    assert not sheet.field.problem.text()
    QTest.keyClick(sheet.address, Qt.Key.Key_Return)
    toasts = console.context.toasts
    await until(lambda: toasts.text, toasts.shown)
    assert "Joined through" in toasts.text
    assert "other" in toasts.text
    model = console.rooms.pane.members.model
    await until(lambda: model.rowCount() == 1, model.rowsInserted)
    assert [person.name for person in console.context.desk.people()] == ["Cid"]


async def test_an_address_is_checked_while_it_is_written(console: Console) -> None:
    sheet = opened(console)
    assert not sheet.confirm.isEnabled()
    assert not sheet.field.problem.text(), "nothing is blamed before anything was written"
    QTest.keyClicks(sheet.address, "192.0.2.1:8766")
    assert "this machine only" in sheet.field.problem.text()
    assert not sheet.confirm.isEnabled()
    QTest.keyClick(sheet.address, Qt.Key.Key_Return, CONTROL)
    assert sheet.isVisible()


async def test_where_nobody_answers_the_sheet_says_so_and_stays(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "SECONDS", 0.05)
    sheet = opened(console)
    QTest.keyClicks(sheet.address, THERE)
    QTest.keyClick(sheet.address, Qt.Key.Key_Return)
    assert sheet.address.isReadOnly()
    await until(sheet.field.problem.text, sheet.failed)
    assert "No node has answered" in sheet.field.problem.text()
    assert sheet.isVisible()
    assert not sheet.address.isReadOnly()


async def test_a_search_ends_with_its_sheet(console: Console, cluster: Cluster) -> None:
    sheet = opened(console)
    QTest.keyClicks(sheet.address, THERE)
    QTest.keyClick(sheet.address, Qt.Key.Key_Return)
    QTest.keyClick(sheet.address, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
    await console.context.tasks.stop()
    await cluster.node("other", alone_at=THERE)
    assert not cluster.served[0].node.bus.peers()
