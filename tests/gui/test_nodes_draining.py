"""A node that drains, and a rolling restart, in the window: real nodes, real keys, real clients."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from websockets.asyncio.client import connect

from gui.app import Console
from gui.nodes import drains
from gui.nodes.drain import DrainSheet
from gui.nodes.rolling import RollSheet
from gui.nodes.rows import Standing
from gui.nodes.stop import StopSheet
from gui.widgets.buttons import Button
from gui.widgets.sheet import Sheet
from server.child import ChildState
from server.roll import Progress, Step
from server.views import DrainView
from tests.cluster.nodes import eventually
from tests.gui.conftest import Client, Cluster, until
from tests.gui.legibility import faults
from tests.gui.looks import save
from tests.gui.test_nodes_launching import launched, opened, row, standing
from tests.gui.test_nodes_losses import plain
from tests.gui.test_nodes_news import only, said, told
from tests.talkers import Company

Kind = TypeVar("Kind", bound=Sheet)

LOOKS = os.environ.get("SWITCHBOARD_LOOKS")
"""A folder in which pictures are left for who works on the look."""


async def look(console: Console, name: str) -> None:
    """Leave pictures of this, where they are wanted."""
    if LOOKS:
        await save(console, Path(LOOKS) / f"{name}.png")


def sheet(console: Console, kind: type[Kind]) -> Kind:
    (found,) = [each for each in console.window.findChildren(kind) if each.isVisible()]
    return found


def toast(console: Console) -> str:
    return plain(console.context.toasts.text)


@pytest_asyncio.fixture
async def drained(cluster: Cluster, console: Console) -> tuple[Console, list[Client]]:
    """A window on the first of three nodes, that drains the second, on which four people are."""
    beta = await cluster.node("beta")
    await cluster.node("gamma")
    people = await cluster.members("lobby", "Ann", "Bob", "Cid", "Dee", at=beta)
    console.window.show_view(console.nodes)
    await told(console, lambda: row(console, "beta") is not None and only(console, "beta").sessions == 4)
    await told(console, lambda: standing(console, "gamma") is Standing.UP)
    console.nodes.table.select(only(console, "beta").id)
    QTest.keyClick(console.nodes.table, Qt.Key.Key_D)
    asked = sheet(console, DrainSheet)
    assert plain(asked.confirm.text()) == "Drain beta, move 4 sessions"
    assert QApplication.focusWidget() is asked.seconds
    await look(console, "drain-sheet")
    asked.seconds.setValue(3600)
    QTest.keyClick(asked.seconds, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await told(console, lambda: standing(console, "beta") is Standing.DRAINING)
    return console, people


async def test_a_drain_is_seen_everywhere_and_counts_who_is_left(drained: tuple[Console, list[Client]]) -> None:
    console, people = drained
    assert only(console, "beta").message == "Draining, 4 of 4 left"
    waits = [(await client.next("going_away"))["after_ms"] for client in people]
    assert waits == [900_000, 1_800_000, 2_700_000, 3_600_000]
    await people[0].socket.close()
    await told(console, lambda: only(console, "beta").message == "Draining, 3 of 4 left")
    assert only(console, "beta").advice.startswith("The last one goes within ")
    assert console.nodes.sentence() == "3 running, 1 draining"
    (word,) = [dot.word for dot in console.nodes.mesh.drawing.dots if dot.name == "beta"]
    assert word == "3 of 4 left"
    title, detail = said(console)
    assert title == "Node beta drains."
    assert detail.startswith("3 of 4 left. The last one goes within ")
    console.nodes.show_details(only(console, "beta").id)
    assert [fact.value for fact in console.nodes.details.drain.facts][:2] == ["draining", "3 of 4"]
    await look(console, "draining")
    assert faults(console.window) == []


async def test_a_drain_that_is_cancelled_leaves_the_people_where_they_are(
    drained: tuple[Console, list[Client]],
) -> None:
    console, people = drained
    QTest.keyClick(console.nodes.table, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    await told(console, lambda: standing(console, "beta") is Standing.UP)
    assert said(console) == ("", "")
    assert not console.nodes.details.sections["drain"].isVisible()
    for client in people:
        await client.say("lobby", "still here")


async def test_a_drain_is_cancelled_from_its_banner_in_any_view(drained: tuple[Console, list[Client]]) -> None:
    console, _ = drained
    console.window.show_view(console.rooms)
    await told(console, lambda: said(console)[0] == "Node beta drains.")
    buttons = console.context.banners.strip.findChildren(Button)
    (button,) = [each for each in buttons if plain(each.text()) == "Cancel the drain of beta"]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await told(console, lambda: said(console) == ("", ""))
    console.window.show_view(console.nodes)
    await told(console, lambda: standing(console, "beta") is Standing.UP)
    await told(console, lambda: console.nodes.leaving.findChildren(QAction) == [])


async def test_the_only_node_is_not_drained_and_that_is_said(cluster: Cluster, console: Console) -> None:
    console.window.show_view(console.nodes)
    console.nodes.table.select(only(console, "alpha").id)
    QTest.keyClick(console.nodes.table, Qt.Key.Key_D)
    QTest.keyClick(sheet(console, DrainSheet).seconds, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: "no other node takes sessions" in toast(console), console.context.toasts.shown)
    assert not cluster.served[0].node.draining


async def test_a_window_that_launched_nothing_restarts_nothing(cluster: Cluster, console: Console) -> None:
    console.window.show_view(console.nodes)
    QTest.keyClick(console.nodes.table, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    assert not console.window.findChildren(RollSheet)
    assert toast(console).startswith("No node that runs was launched from here")


@pytest.mark.parametrize(
    ("drain", "headline", "brief"),
    [
        (DrainView(12, 40, 18), "Draining, 12 of 40 left", "12 of 40 left"),
        (DrainView(0, 40, 0), "Drained, no sessions are left", "drained"),
        (DrainView(3, 4, 2, True), "Ending, 3 of 4 left", "3 of 4 left"),
        (DrainView(0, 0, 0, True), "Ending", "ending"),
    ],
)
def test_a_drain_in_words(drain: DrainView, headline: str, brief: str) -> None:
    assert (drains.headline(drain), drains.brief(drain)) == (headline, brief)


@pytest.mark.parametrize(
    ("step", "left", "stopping", "words"),
    [
        (Step.DRAINING, 4, False, "2 of 3, cedar: waiting for 4 clients."),
        (Step.DRAINING, 1, False, "2 of 3, cedar: waiting for 1 client."),
        (Step.DRAINING, 0, False, "2 of 3, cedar: handing over."),
        (Step.STARTING, 0, True, "2 of 3, cedar: starting again. Then it stops."),
        (Step.CATCHING_UP, 0, False, "2 of 3, cedar: catching up with the others."),
    ],
)
def test_a_roll_in_words(step: Step, left: int, stopping: bool, words: str) -> None:
    assert plain(drains.progress(Progress(2, 3, "cedar", step, left, stopping))) == words


async def test_launched_nodes_are_restarted_one_by_one(qapp: QApplication, tmp_path: Path) -> None:
    async with opened(tmp_path) as console:
        for name in ("n2", "n3"):
            await launched(console, name, restart=False)
        children = console.context.launcher.children
        pids = [child.pid for child in children]
        names = {only(console, name).node for name in ("n2", "n3")}
        async with connect(only(console, "n2").url, max_queue=None) as client:
            await client.send(json.dumps({"type": "hello", "name": "Ann"}))
            await told(console, lambda: only(console, "n2").sessions == 1)

            # Stopped while it waits: nothing was restarted, and the node serves as before.
            QTest.keyClick(console.nodes.table, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
            asked = sheet(console, RollSheet)
            assert plain(asked.turns.text()) == "In this order: n2, n3."
            assert plain(asked.stays.text()) == "n1 is this console and stays."
            asked.seconds.setValue(3600)
            await look(console, "roll-sheet")
            QTest.mouseClick(asked.confirm, Qt.MouseButton.LeftButton)
            await told(console, lambda: said(console) == ("Rolling restart", "1 of 2, n2: waiting for 1 client."))
            await told(console, lambda: standing(console, "n2") is Standing.DRAINING)
            await look(console, "rolling")
            console.nodes.rolling.stop.trigger()
            await told(console, lambda: console.nodes.rolling.name == "" and standing(console, "n2") is Standing.UP)
            assert toast(console) == "The rolling restart was stopped. 0 nodes restarted."
            assert [child.pid for child in children] == pids

            # Not stopped: both are other processes with the same identity, one after the other.
            QTest.keyClick(console.nodes.table, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
            sheet(console, RollSheet).seconds.setValue(0)
            QTest.mouseClick(sheet(console, RollSheet).confirm, Qt.MouseButton.LeftButton)
            await client.wait_closed()
            assert client.close_code == 1012
        least = 3

        def watch() -> None:
            nonlocal least
            least = min(least, sum(view.state == "up" for view in console.context.desk.nodes()))

        console.window.looked.connect(watch)
        await told(console, lambda: console.nodes.rolling.name == "")
        assert toast(console) == "The rolling restart is complete. 2 nodes restarted."
        assert not {child.pid for child in children} & set(pids)
        assert {only(console, name).node for name in ("n2", "n3")} == names
        await told(console, lambda: {standing(console, name) for name in ("n2", "n3")} == {Standing.UP})
        assert least == 2


async def test_people_talk_on_while_the_window_restarts_their_nodes(qapp: QApplication, tmp_path: Path) -> None:
    async with opened(tmp_path) as console:
        for name in ("n2", "n3"):
            await launched(console, name, restart=False)
        async with Company([only(console, "n2").url, only(console, "n3").url]) as company:
            QTest.keyClick(console.nodes.table, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
            sheet(console, RollSheet).seconds.setValue(1)
            QTest.mouseClick(sheet(console, RollSheet).confirm, Qt.MouseButton.LeftButton)
            await told(console, lambda: console.nodes.rolling.name == "")
            assert toast(console) == "The rolling restart is complete. 2 nodes restarted."
            company.forget_voices()
            await eventually(company.all_talk)
            await company.be_quiet()
            await eventually(company.all_heard)
            assert company.complaints() == []
            assert [person.cuts for person in company.people] == [0, 0]


async def test_a_roll_stops_by_itself_when_a_node_does_not_come_back(qapp: QApplication, tmp_path: Path) -> None:
    async with opened(tmp_path) as console:
        for name in ("n2", "n3"):
            await launched(console, name, restart=False)
        first, second = console.context.launcher.children
        pid = second.pid
        broken = (sys.executable, "-c", "raise SystemExit('switchboard: the disk is gone')")
        console.context.launcher._commands._program = broken
        console.nodes.rolling.begin([first, second], 0)
        await told(console, lambda: said(console)[0] == "The rolling restart stopped at 1 of 2.")
        assert said(console)[1] == "n2 did not start again: the disk is gone"
        assert (first.state, second.state, second.pid) == (ChildState.EXITED, ChildState.RUNNING, pid)
        assert not console.nodes.rolling.stop.isEnabled()


async def test_who_is_to_stop_a_node_may_drain_it_first(qapp: QApplication, tmp_path: Path) -> None:
    async with opened(tmp_path) as console:
        await launched(console, "n2")
        async with connect(only(console, "n2").url) as client:
            await client.send(json.dumps({"type": "hello", "name": "Ann"}))
            await told(console, lambda: only(console, "n2").sessions == 1)
            QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
            QTest.mouseClick(sheet(console, StopSheet).drain, Qt.MouseButton.LeftButton)
            QTest.keyClick(sheet(console, DrainSheet).seconds, Qt.Key.Key_Escape)
            assert standing(console, "n2") is Standing.UP
