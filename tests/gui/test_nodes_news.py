"""A lost node is told in every place with one time, and its sessions are accounted for; real nodes, really killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from websockets.asyncio.client import ClientConnection, connect

from bus.memory import MemoryBus
from gui.app import Console
from gui.nodes.losses import headline
from gui.nodes.rows import NodeRow, Standing
from gui.widgets.buttons import Button
from tests import processes
from tests.gui.conftest import Cluster, until
from tests.gui.test_nodes_launching import launched, opened, row
from tests.gui.test_nodes_losses import plain


@pytest_asyncio.fixture
async def meshed(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Console]:
    """A console whose node other processes can join."""
    async with opened(tmp_path) as made:
        yield made


async def told(console: Console, holds: Callable[[], object]) -> None:
    """Wait until `holds()`, looking again whenever the window has looked at the nodes."""
    await until(holds, console.window.looked)


def said(console: Console) -> tuple[str, str]:
    strip = console.context.banners.strip
    return ("", "") if strip.isHidden() else (plain(strip.title.text()), plain(strip.detail.text()))


async def enter(url: str, name: str) -> ClientConnection:
    client = await connect(url, max_queue=None)
    await client.send(json.dumps({"type": "hello", "id": 1, "name": name, "user": name.lower()}))
    await client.recv()
    await client.send(json.dumps({"type": "join", "id": 2, "room": "lobby"}))
    return client


def only(console: Console, name: str) -> NodeRow:
    found = row(console, name)
    assert found is not None
    return found


async def test_a_killed_node_is_told_everywhere_with_one_time_and_its_sessions_are_counted(meshed: Console) -> None:
    await launched(meshed, "n2", restart=False)
    (made,) = meshed.context.launcher.children
    url = only(meshed, "n2").url
    clients = [await enter(url, name) for name in ("Ann", "Bob", "Cid")]
    await told(meshed, lambda: only(meshed, "n2").sessions == 3)
    await told(meshed, lambda: [strand.state for strand in meshed.nodes.mesh.drawing.strands] == ["up"])

    os.kill(made.pid, signal.SIGKILL)
    await told(meshed, lambda: said(meshed)[0])
    (outage,) = meshed.context.desk.outages()
    assert (outage.at, outage.ended, outage.sessions) == (made.ended, True, 3)
    at = headline(outage).split(" at ")[1].rstrip(".")
    assert said(meshed) == (
        f"Node n2 crashed at {at}.",
        "3 sessions lost their connection, none is resumed yet.",
    )
    found = only(meshed, "n2")
    assert found.standing is Standing.FAILED
    assert found.message == f"Killed by signal 9 at {at}"
    assert plain(found.advice) == "3 sessions lost their connection, none is resumed yet."
    assert meshed.window.button(meshed.nodes).accessibleDescription() == "1 node lost or late"
    assert plain(meshed.window.status_bar.news.text()).startswith("n2 lost 0:0")
    assert "0 of 3 sessions resumed" in meshed.window.status_bar.news.text()
    assert meshed.context.desk.health().sessions == 0
    drawn = {dot.name: dot.standing for dot in meshed.nodes.mesh.drawing.dots}
    assert drawn == {"n1": Standing.UP, "n2": Standing.FAILED}
    assert [strand.state for strand in meshed.nodes.mesh.drawing.strands] == ["lost"]
    assert meshed.nodes.mesh_header.sentence.text() == "0 of 1 link up"

    (again,) = [b for b in meshed.context.banners.strip.findChildren(Button) if plain(b.text()) == "Restart n2"]
    QTest.mouseClick(again, Qt.MouseButton.LeftButton)
    await told(meshed, lambda: said(meshed)[0] == "Node n2 is back.")
    assert said(meshed)[1] == "3 sessions lost their connection, none is resumed yet."
    assert only(meshed, "n2").standing is Standing.UP
    assert only(meshed, "n2").id == found.id
    assert meshed.window.button(meshed.nodes).accessibleDescription() == ""
    assert [item.title for item in meshed.overlays.news.items if item.key] == [
        headline(meshed.context.desk.outages()[0])
    ]
    await told(meshed, lambda: not meshed.news.findChildren(QAction))
    for client in clients:
        await client.close()


async def test_a_crashed_node_says_when_it_starts_again_and_does(meshed: Console) -> None:
    await launched(meshed, "n2")
    (made,) = meshed.context.launcher.children
    before = only(meshed, "n2")
    os.kill(made.pid, signal.SIGKILL)
    await told(meshed, lambda: only(meshed, "n2").waiting)
    assert plain(only(meshed, "n2").advice) == "It had no sessions. It starts again in 1 s."
    assert said(meshed)[1].startswith("It had no sessions. It starts again in ")
    await told(meshed, lambda: only(meshed, "n2").standing is Standing.UP)
    assert (only(meshed, "n2").id, only(meshed, "n2").url) == (before.id, before.url)
    await told(meshed, lambda: said(meshed)[0] == "Node n2 is back.")


async def test_r_restarts_after_asking_and_a_stop_says_goodbye_without_a_banner(meshed: Console) -> None:
    await launched(meshed, "n2")
    (made,) = meshed.context.launcher.children
    pid = made.pid
    QTest.keyClick(meshed.nodes.table, Qt.Key.Key_R)
    await told(meshed, lambda: made.pid != pid and only(meshed, "n2").standing is Standing.UP)
    assert said(meshed) == ("", "")
    QTest.keyClick(meshed.nodes.table, Qt.Key.Key_Return)
    assert QApplication.focusWidget() is meshed.nodes.log.list
    assert meshed.nodes.log.tabs.current() == made.id
    meshed.nodes.table.setFocus()
    QTest.keyClick(meshed.nodes.table, Qt.Key.Key_Delete)
    await told(meshed, lambda: only(meshed, "n2").standing is Standing.STOPPED)
    assert said(meshed) == ("", "")
    assert meshed.context.desk.outages() == []


async def test_a_node_of_somebody_else_that_vanishes_is_amber_and_can_be_shown_and_removed(
    console: Console, cluster: Cluster
) -> None:
    beta = await cluster.node("beta")
    console.window.show_view(console.nodes)
    await told(console, lambda: row(console, "beta") is not None and only(console, "beta").standing is Standing.UP)
    await cluster.members("lobby", "Ann", at=beta)
    await told(console, lambda: only(console, "beta").sessions == 1)
    bus = beta.node.bus
    assert isinstance(bus, MemoryBus)
    bus.vanish()
    await told(console, lambda: said(console)[0])
    assert said(console)[0].startswith("Node beta has not answered since ")
    assert said(console)[1] == "1 session lost its connection and is not resumed yet."
    found = only(console, "beta")
    assert found.standing is Standing.LATE
    assert found.message.startswith("Connection lost at ")
    (show,) = [b for b in console.context.banners.strip.findChildren(Button) if plain(b.text()) == "Show beta"]
    QTest.mouseClick(show, Qt.MouseButton.LeftButton)
    assert console.nodes.table.selected() == found.id
    assert console.nodes.mesh.selected == found.id
    await told(console, lambda: only(console, "beta").standing is Standing.LOST)
    assert said(console)[0].startswith("Node beta stopped answering at ")
    QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
    await told(console, lambda: row(console, "beta") is None)
    assert said(console) == ("", "")
    assert console.window.status_bar.mesh.text() == "Mesh 1 node"


async def test_a_process_of_somebody_else_that_is_killed_is_told_before_the_mesh_gives_it_up(
    meshed: Console, tmp_path: Path
) -> None:
    peer = f"--peer={meshed.context.desk.bus_address}"
    async with processes.node(tmp_path / "far", "--name=far", peer) as far:
        await told(meshed, lambda: row(meshed, "far") is not None and only(meshed, "far").standing is Standing.UP)
        client = await enter(far.url, "Ann")
        await told(meshed, lambda: only(meshed, "far").sessions == 1)
        far.send(signal.SIGKILL)
        await told(meshed, lambda: said(meshed)[0])
        assert said(meshed)[1] == "1 session lost its connection and is not resumed yet."
        assert only(meshed, "far").standing is Standing.LATE
        assert only(meshed, "far").message.startswith("Connection lost at ")
        await client.close()


async def test_a_console_that_hears_nobody_says_that_of_itself(console: Console, cluster: Cluster) -> None:
    for name in ("beta", "gamma"):
        await cluster.node(name)
    await told(console, lambda: len(console.context.desk.nodes()) == 3)
    cluster.cut()
    await told(console, lambda: said(console)[0])
    assert said(console)[0].startswith("This console has not heard of any other node since ")
    assert console.context.banners.keys == ("mesh",)
