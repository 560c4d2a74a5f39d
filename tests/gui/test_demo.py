"""The window on a demo: it shows what a client of another node is told, and nothing once the demo has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

import main
from bus.keys import claim
from gui.app import Console, open_console
from gui.views import Changes
from server.client import Client
from server.config import Config
from server.demo import cast
from server.demo.stage import Stage, demo_config, staged
from server.desk import Desk
from server.identity import Key, Tokens, load_key, mint
from server.launcher import Launcher
from server.session import Role
from tests.gui.conftest import take_down, until


class Shown:
    """A demo on stage with its window."""

    def __init__(self, console: Console, stage: Stage, key: Key) -> None:
        self.console = console
        self.stage = stage
        self.token = mint(key, user="eve", role=Role.ADMIN)

    @property
    def launched(self) -> list[psutil.Process]:
        """The processes of the demo."""
        return psutil.Process().children(recursive=True)

    def rooms(self) -> dict[str, int]:
        """Rooms and their members as the window lists them now."""
        self.console.window.flush(Changes.whole())
        return {room.name: room.members for room in self.console.rooms.list.rooms.values()}

    def members(self) -> set[str]:
        """Names in the member table."""
        model = self.console.rooms.pane.members.model
        rows = (model.at(row) for row in range(model.rowCount()))
        return {member.name for member in rows if member.session not in model.gone}

    def nodes(self) -> dict[str, int]:
        """Nodes and their sessions as the Nodes view shows them."""
        model = self.console.nodes.model
        self.console.nodes.refresh(Changes.whole())
        rows = (model.at(row) for row in range(model.rowCount()))
        return {row.name: row.sessions or 0 for row in rows}


@pytest_asyncio.fixture
async def shown(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shown]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with demo_config(Config(name="", port=0, data_dir=tmp_path, demo_seed=1)) as config, claim(config.data_dir) as me:
        key = load_key(None, config.data_dir)
        launcher = Launcher(config, config.data_dir / "auth.key")
        async with main.serving(config, me, Tokens(key), beside=launcher.close) as node:
            desk = Desk(node, "Lena")
            async with staged(desk, launcher, config, key, main.RESOURCES / "demo") as stage:
                assert stage is not None
                console = open_console(desk, launcher, config, stage)
                try:
                    await stage.on_stage()
                    yield Shown(console, stage, key)
                finally:
                    await console.close()
                    take_down(console.window)


async def test_the_window_shows_what_a_client_of_another_node_is_told(shown: Shown) -> None:
    desk = shown.console.context.desk
    birch = next(node for node in desk.nodes() if node.name == "birch")
    async with asyncio.timeout(40), Client(birch.url, token=shown.token) as eve:
        # People come and go meanwhile, so it is asked until both looks fall between two changes.
        while True:
            rooms = {item["room"]: item["members"] for item in (await eve.list("rooms")).items}
            if rooms == {room.name: room.members for room in desk.rooms()} == shown.rooms():
                break
        assert set(rooms) == {room.name for room in cast.ROOMS}
        room = shown.console.rooms.pane.room
        while True:
            told = {item["name"] for item in (await eve.list("members", room=room)).items}
            shown.console.window.flush(Changes.whole())
            if told == {member.name for member in desk.members(room)} == shown.members():
                break
        assert told <= {person.name for person in (*cast.PEOPLE, cast.INTRUDER)}
        while True:
            nodes = {item["name"]: item["sessions"] for item in (await eve.list("nodes")).items}
            if nodes == {view.name: view.sessions for view in desk.nodes()} == shown.nodes():
                break
        assert set(nodes) == {"alder", "birch", "cedar"}


async def test_a_demo_says_so_and_its_end_has_a_key_and_empties_the_views(shown: Shown) -> None:
    console, processes = shown.console, shown.launched
    note = console.demo
    assert console.window.windowTitle().endswith("(demo)")
    assert note.button.isVisible()
    assert note.action in {command.action for command in console.context.actions.commands()}
    assert note.action.shortcut().toString() == "Ctrl+Shift+E"
    assert note.action.shortcutContext() is Qt.ShortcutContext.WindowShortcut
    assert len(processes) == 3

    note.button.click()
    assert not note.action.isEnabled()
    await until(lambda: not note.action.isVisible(), note.action.changed)
    assert shown.rooms() == {}
    assert shown.nodes() == {"alder": 0}
    assert console.rooms.first_run.isVisible()
    assert list(console.context.launcher.children) == []
    assert not note.button.isVisible()
    assert not console.window.windowTitle().endswith("(demo)")
    assert psutil.wait_procs(processes, timeout=0)[1] == []
    async with Client(console.context.desk.url) as ann:
        assert (await ann.list("rooms")).items == []


async def test_people_who_end_by_themselves_are_missed(shown: Shown) -> None:
    for process in shown.launched:
        if process.cmdline()[-1] == "players":
            process.kill()
    await shown.stage.over()
    while "left" not in shown.console.context.toasts.text:  # noqa: ASYNC110 - it is told in this turn or the next
        await asyncio.sleep(0)
    assert shown.console.demo.button.isVisible()
