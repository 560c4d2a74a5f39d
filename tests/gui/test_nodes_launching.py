"""Launching and stopping a node from the window: real keys, real processes, a real client."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from websockets.asyncio.client import connect

from bus.keys import claim
from gui.app import Console, open_console
from gui.nodes.form import MESH_PORTS
from gui.nodes.launch import LaunchDialog
from gui.nodes.log import ALL
from gui.nodes.model import Column
from gui.nodes.rows import NodeRow, Standing
from gui.nodes.stop import StopSheet
from gui.tokens import Rate
from main import serving
from server.config import Config
from server.desk import Desk
from server.identity import Tokens, key_file, load_key
from server.launched import meeting_points
from server.launcher import Launcher
from tests.gui.conftest import take_down, until


@contextlib.asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Console]:
    """A console on the Nodes view, with the keyboard, its node in a mesh that other processes can join."""
    peers = meeting_points(data_dir)
    config = Config(name="n1", port=0, bus_port=0, data_dir=data_dir, drain_seconds=0.2, peers=peers)
    with claim(data_dir) as identity:
        launcher = Launcher(config, key_file(None, data_dir))
        async with serving(config, identity, Tokens(load_key(None, data_dir)), beside=launcher.close) as node:
            await launcher.recover()
            made = open_console(Desk(node, "Lena"), launcher, config)
            made.context.bridge.set_rate(Rate.FASTEST)
            handle = made.window.windowHandle()
            made.window.activateWindow()
            await until(handle.isActive, handle.activeChanged)
            made.window.show_view(made.nodes)
            try:
                yield made
            finally:
                await made.close()
                take_down(made.window)


@pytest_asyncio.fixture
async def console(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Console]:
    async with opened(tmp_path) as made:
        yield made


async def shown(console: Console, holds: Callable[[], object]) -> None:
    """Wait until `holds()`, looking again whenever the table or the log changes."""
    table, log = console.nodes.model, console.nodes.log.model
    await until(holds, table.dataChanged, table.rowsInserted, table.rowsRemoved, log.rowsInserted, log.modelReset)


def row(console: Console, name: str) -> NodeRow | None:
    model = console.nodes.model
    rows = [model.at(place) for place in range(model.rowCount())]
    return next((found for found in rows if found.name == name), None)


def standing(console: Console, name: str) -> Standing | None:
    found = row(console, name)
    return found.standing if found else None


def cell(console: Console, name: str, column: int) -> str:
    found = row(console, name)
    assert found is not None
    return str(console.nodes.model.index_of(found.id, column).data())


def dialog(console: Console) -> LaunchDialog:
    (found,) = [each for each in console.window.findChildren(LaunchDialog) if each.isVisible()]
    return found


def fill(line: QWidget, text: str) -> None:
    QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(line, text)


def paste(line: QWidget, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(line, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


async def launched(console: Console, name: str, *, keep: bool = False, restart: bool = True) -> None:
    """Press N, name the node, press Ctrl+Enter, wait until it is up."""
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    form = dialog(console)
    form.count.setValue(1)
    fill(form.name, name)
    fill(form.port, "0")
    fill(form.bus_port, "0")
    if not restart:
        QTest.mouseClick(form.restart, Qt.MouseButton.LeftButton)
    if keep:
        QTest.mouseClick(form.keep, Qt.MouseButton.LeftButton)
    QTest.keyClick(form.name, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not form.isVisible()
    await shown(console, lambda: standing(console, name) is Standing.UP)


async def test_from_a_key_to_a_second_node_that_serves_and_back(console: Console) -> None:
    await launched(console, "n2")
    first, second = row(console, "n1"), row(console, "n2")
    assert first is not None
    assert second is not None
    assert first.here
    assert (second.note, second.sessions) == ("launched here", 0)
    assert console.nodes.table.selected() == second.id
    assert console.nodes.sentence() == "2 running"
    await shown(console, lambda: console.nodes.log.model.rowCount() > 0)
    assert console.nodes.log.tabs.current() == second.child

    async with connect(second.url) as client:
        await client.send('{"type":"hello","name":"Ann"}')
        await shown(console, lambda: cell(console, "n2", Column.SESSIONS) == "1")
        assert cell(console, "n1", Column.SESSIONS) == "0"
    await shown(console, lambda: cell(console, "n2", Column.SESSIONS) == "0")

    QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
    await shown(console, lambda: standing(console, "n2") is Standing.STOPPED)
    assert console.nodes.table.selected() == second.id
    QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
    await shown(console, lambda: row(console, "n2") is None)
    assert console.nodes.table.selected() == ""


async def test_a_key_and_another_launch_two_with_names_and_ports_of_their_own(console: Console) -> None:
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    form = dialog(console)
    assert form.count.value() == 2
    assert form.confirm.text() == "Launch 2 nodes"
    clients, meshes = ([int(port) for port in line.text().split(", ")] for line in (form.port, form.bus_port))
    needed = [*clients, *(port + further for port in meshes for further in range(MESH_PORTS))]
    assert len(needed) == len(set(needed)) == 8
    commands = form.command.text.split("\n")
    assert ["--name=n2" in commands[0], "--name=n3" in commands[1]] == [True, True]
    fill(form.port, "0")
    fill(form.bus_port, "0")
    QTest.keyClick(form.name, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await shown(console, lambda: {standing(console, name) for name in ("n2", "n3")} == {Standing.UP})
    assert console.nodes.log.tabs.current() == ALL
    drawn = {dot.name for dot in console.nodes.mesh.drawing.dots}
    assert drawn == {"n1", "n2", "n3"}
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    assert dialog(console).count.value() == 1
    QTest.keyClick(dialog(console).name, Qt.Key.Key_Escape)


async def test_a_restart_of_a_node_with_sessions_asks_first_and_names_the_number(console: Console) -> None:
    await launched(console, "n2")
    second = row(console, "n2")
    assert second is not None
    (made,) = console.context.launcher.children
    pid = made.pid
    async with connect(second.url) as client:
        await client.send('{"type":"hello","name":"Ann"}')
        await shown(console, lambda: cell(console, "n2", Column.SESSIONS) == "1")
        QTest.keyClick(console.nodes.mesh, Qt.Key.Key_R)
        (sheet,) = console.window.findChildren(StopSheet)
        assert re.sub("[\u2066-\u2069]", "", sheet.confirm.text()) == "Restart n2, move 1 session"
        assert made.pid == pid
        QTest.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
        await client.wait_closed()
        assert client.close_code == 1012
    await shown(console, lambda: made.pid != pid and standing(console, "n2") is Standing.UP)


async def test_drawing_and_table_stand_beside_each_other_down_to_a_small_window(console: Console) -> None:
    view = console.nodes
    for width, beside in ((1440, True), (1024, True)):
        console.window.resize(width, 700)
        console.window.grab()
        assert (
            view.mesh.mapTo(view, view.mesh.rect().topRight()).x() < view.table.mapTo(view, QPoint(0, 0)).x()
        ) is beside
        assert view.log.height() >= 120
    view.resize(800, 600)
    assert view.upper.orientation() is Qt.Orientation.Vertical


async def test_stopping_a_node_with_sessions_asks_first_and_names_the_number(console: Console) -> None:
    await launched(console, "n2")
    second = row(console, "n2")
    assert second is not None
    async with connect(second.url) as client:
        await client.send('{"type":"hello","name":"Ann"}')
        await shown(console, lambda: cell(console, "n2", Column.SESSIONS) == "1")
        QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
        (sheet,) = console.window.findChildren(StopSheet)
        assert re.sub("[\u2066-\u2069]", "", sheet.confirm.text()) == "Stop n2, move 1 session"
        assert QApplication.focusWidget() is sheet.cancel
        QTest.keyClick(sheet.cancel, Qt.Key.Key_Escape)
        assert not sheet.isVisible()
        assert standing(console, "n2") is Standing.UP
        assert QApplication.focusWidget() is console.nodes.table

        QTest.keyClick(console.nodes.table, Qt.Key.Key_Delete)
        (sheet,) = [each for each in console.window.findChildren(StopSheet) if each.isVisible()]
        QTest.mouseClick(sheet.confirm, Qt.MouseButton.LeftButton)
        await shown(console, lambda: standing(console, "n2") is Standing.STOPPED)
        await client.wait_closed()
        assert client.close_code == 1012


async def test_a_port_that_is_taken_meanwhile_is_said_in_the_row_and_in_the_log(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        # Taken between the look at it and the start of the node: the form still believes it free.
        monkeypatch.setattr("server.ports.obstacle", lambda host, port: None)
        QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
        form = dialog(console)
        form.count.setValue(1)
        fill(form.name, "n2")
        fill(form.port, port)
        QTest.keyClick(form.port, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        await shown(console, lambda: standing(console, "n2") is Standing.FAILED)
        found = row(console, "n2")
        assert found is not None
        assert found.message.startswith("Did not start: ")
        assert port in found.message
        assert found.advice == "Launch it again with other values (N)."
        await shown(console, lambda: console.nodes.log.model.rowCount() > 0)


async def test_a_node_that_crashes_is_shown_as_that(console: Console) -> None:
    await launched(console, "n2")
    (child,) = console.context.launcher.children
    os.kill(child.pid, signal.SIGKILL)
    await shown(console, lambda: standing(console, "n2") is Standing.FAILED)
    found = row(console, "n2")
    assert found is not None
    assert found.message.startswith("Killed by signal 9 at ")
    assert (found.sessions, found.id) == (0, child.id)


async def test_the_form_says_what_is_wrong_under_the_field_and_launches_nothing(console: Console) -> None:
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    form = dialog(console)
    assert QApplication.focusWidget() is form.name
    form.count.setValue(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fill(form.port, str(port))
        fill(form.name, "n1")
        assert form.problem_of(form.port).startswith(f"Port {port} is in use")
        assert "n1 is the name of a node that runs" in re.sub("[\u2066-\u2069]", "", form.problem_of(form.name))
        assert not form.confirm.isEnabled()
        assert form.command.text == ""
        QTest.keyClick(form.port, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert form.isVisible()
        assert console.context.launcher.children == ()
    fill(form.name, "n2")
    form.look()
    assert form.problem_of(form.port) == ""
    assert form.confirm.isEnabled()
    assert f"--name=n2 --port={port}" in form.command.text
    QTest.mouseClick(form.command.button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == form.command.text
    QTest.keyClick(form.name, Qt.Key.Key_Escape)
    assert not form.isVisible()
    assert QApplication.focusWidget() is console.nodes.table


async def test_keys_of_the_window_rest_while_the_form_is_open_and_tab_goes_around(console: Console) -> None:
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    form = dialog(console)
    form.keep.setFocus()
    QTest.keyClick(form.keep, Qt.Key.Key_N)
    QTest.keyClick(form.keep, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert dialog(console) is form
    assert console.window.view is console.nodes
    met = []
    form.name.setFocus()
    while (focus := QApplication.focusWidget()) not in met:
        assert focus is not None
        assert form.isAncestorOf(focus)
        met.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    assert focus is form.name
    expected = {
        form.name,
        form.count,
        form.port,
        form.bus_port,
        form.peer,
        form.restart,
        form.keep,
        form.command.button,
        form.confirm,
    }
    assert expected < set(met)
    QTest.keyClick(form.name, Qt.Key.Key_Escape)


async def test_a_kept_node_outlives_the_window_and_the_next_one_has_it_again(
    qapp: QApplication, tmp_path: Path
) -> None:
    async with opened(tmp_path) as first:
        await launched(first, "n2", keep=True)
        kept = row(first, "n2")
        assert kept is not None
        assert kept.note == "keeps running"
    async with opened(tmp_path) as second:
        await shown(second, lambda: standing(second, "n2") is Standing.UP)
        again = row(second, "n2")
        assert again is not None
        assert (again.note, again.url) == ("launched earlier", kept.url)
        await shown(second, lambda: second.nodes.log.model.rowCount() > 0)
        second.nodes.table.select(again.id)
        QTest.keyClick(second.nodes.table, Qt.Key.Key_Delete)
        await shown(second, lambda: standing(second, "n2") is Standing.STOPPED)


async def test_launching_from_another_view_shows_the_nodes(console: Console) -> None:
    console.window.show_view(console.rooms)
    QTest.keyClick(console.window, Qt.Key.Key_N)
    form = dialog(console)
    form.count.setValue(1)
    fill(form.name, "n2")
    fill(form.port, "0")
    fill(form.bus_port, "0")
    QTest.mouseClick(form.confirm, Qt.MouseButton.LeftButton)
    assert console.window.view is console.nodes
    assert standing(console, "n2") is Standing.STARTING
    await shown(console, lambda: standing(console, "n2") is Standing.UP)


@pytest.mark.parametrize("odd", ["²", "9" * 5000, "8765, x"])
async def test_what_is_no_port_is_said_when_there_are_to_be_more_nodes(console: Console, odd: str) -> None:
    QTest.keyClick(console.nodes.table, Qt.Key.Key_N)
    form = dialog(console)
    paste(form.port, odd)
    assert form.port.text() == odd
    form.count.setValue(3)
    assert form.problem_of(form.port)
    assert not form.confirm.isEnabled()
