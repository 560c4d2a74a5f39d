"""The whole way once: a window, a node launched from it, two browsers that hear each other, a program kicked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest

from gui.app import Console
from gui.nodes.model import Column
from gui.rooms.members_model import MembersModel
from server.client import Client
from server.connection import Connection
from server.node import Node
from server.wire.moderation import Moderated
from server.wire.native import Whispered
from tests.browser.conftest import FAKE_MICROPHONE, launch
from tests.browser.hearing import listen
from tests.browser.speech import Speech
from tests.browser.visitor import Visitor
from tests.gui.conftest import until
from tests.gui.test_nodes_launching import cell, console, launched, row, shown

__all__ = ["console"]

pytestmark = pytest.mark.timeout(150)

ROOM = "lobby"


@pytest_asyncio.fixture
async def speech(tmp_path: Path) -> Speech:
    return await asyncio.to_thread(Speech.record, tmp_path / "speech.wav")


@pytest_asyncio.fixture
async def visitors(speech: Speech) -> AsyncIterator[tuple[Visitor, Visitor]]:
    """Two people at pages of their own, each with a microphone that hears the speech."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={speech.path}")
        contexts = [await browser.new_context(permissions=["microphone"], reduced_motion="reduce") for _ in range(2)]
        ann, bob = [Visitor(await c.new_page(), name) for c, name in zip(contexts, ("Ann", "Bob"), strict=True)]
        yield ann, bob
        await browser.close()
        assert ann.complaints == bob.complaints == []


async def come_in(visitor: Visitor, http: str) -> None:
    await visitor.page.goto(f"{http}#{ROOM}")
    await visitor.enter()


async def until_members(console: Console, holds: Callable[[MembersModel], object]) -> None:
    model = console.rooms.pane.members.model
    await until(lambda: holds(model), model.rowsInserted, model.rowsRemoved, model.dataChanged)


@pytest.mark.alone
async def test_first_light(console: Console, visitors: tuple[Visitor, Visitor], speech: Speech) -> None:
    ann, bob = visitors
    first = console.context.desk
    await launched(console, "n2")
    second = row(console, "n2")
    assert second is not None

    # Two people, one on each node, come in by link and hear each other; a program joins on the other node.
    await come_in(ann, first.http)
    await come_in(bob, second.url.replace("ws://", "http://").removesuffix("ws"))
    async with Client(second.url, name="Cid") as cid:
        await cid.join(ROOM)
        await shown(
            console,
            lambda: (cell(console, "n1", Column.SESSIONS), cell(console, "n2", Column.SESSIONS)) == ("1", "2"),
        )
        console.window.show_view(console.rooms)
        await until_members(
            console,
            lambda model: (
                [(m.name, m.node_name) for m in map(model.at, range(model.rowCount()))]
                == [("Ann", "n1"), ("Bob", "n2"), ("Cid", "n2")]
            ),
        )
        for visitor in visitors:
            await visitor.open_microphone()
        await until_members(
            console,
            lambda model: {m.name for m in map(model.at, range(model.rowCount())) if m.speaking} == {"Ann", "Bob"},
        )
        for listener, speaker in ((ann, "Bob"), (bob, "Ann")):
            assert (await listen(listener, speech)).correlation >= 0.8
            assert [s["name"] for s in (await listener.stats())["speakers"]] == [speaker]

        # What they write shows in the window.
        await bob.say("good evening")
        lines = console.rooms.pane.chat.model
        await until(
            lambda: "good evening" in [lines.at(at).text for at in range(lines.rowCount())], lines.rowsInserted
        )

        # The moderator whispers to the program, and only it gets the text.
        table, model = console.rooms.pane.members.table, console.rooms.pane.members.model
        at = table.visualRect(model.index_of(cid.session)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
        QTest.keyClick(table, Qt.Key.Key_W)
        composer = console.rooms.pane.composer
        QTest.keyClicks(composer.text, "mind the noise")
        QTest.keyClick(composer.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        whisper = await cid.next(Whispered)
        assert (whisper.text, whisper.sender.name) == ("mind the noise", "Lena")

        # Then kicks it with one key, and its socket, on the other node, closes with the reason.
        QTest.keyClick(composer.text, Qt.Key.Key_Escape)
        assert table.hasFocus()
        QTest.keyClick(table, Qt.Key.Key_K)
        moderated = await cid.next(Moderated)
        assert (moderated.action, moderated.by) == ("kick", "Lena")
        closed = await cid.wait_closed()
        assert (closed.code, moderated.reason in closed.reason) == (4403, True)
        await until_members(console, lambda model: model.rowCount() == 2)
    for visitor in visitors:
        assert await visitor.line("good evening").count() == 1
        assert await visitor.line("mind the noise").count() == 0

    # Sessions per node follow those who go.
    console.window.show_view(console.nodes)
    await bob.page.close()
    await shown(
        console, lambda: (cell(console, "n1", Column.SESSIONS), cell(console, "n2", Column.SESSIONS)) == ("1", "0")
    )


async def test_sockets_mesh_and_window_share_one_thread_and_one_loop(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[tuple[int, int]]] = {"socket": set(), "record": set(), "slot": set()}

    def note(what: str) -> None:
        seen[what].add((threading.get_ident(), id(asyncio.get_running_loop())))

    def noting(owner: type, name: str, what: str) -> None:
        original = getattr(owner, name)

        def wrapper(*args: Any) -> Any:
            note(what)
            return original(*args)

        monkeypatch.setattr(owner, name, wrapper)

    noting(Connection, "data_received", "socket")
    noting(Node, "on_record", "record")
    await launched(console, "n2")
    chosen = asyncio.Event()
    console.context.actions.copy_address.triggered.connect(lambda: note("slot"))
    console.context.actions.copy_address.triggered.connect(chosen.set)
    QTimer.singleShot(0, console.context.actions.copy_address.trigger)  # from Qt's loop, as a click does
    await chosen.wait()
    second = row(console, "n2")
    assert second is not None
    async with Client(console.context.desk.url, name="Ann") as ann, Client(second.url, name="Bob") as bob:
        await ann.join(ROOM)
        await bob.join(ROOM)
        await bob.say(ROOM, "over the mesh")
        await ann.say(ROOM, "over the socket")
    here = {(threading.get_ident(), id(asyncio.get_running_loop()))}
    assert seen == {"socket": here, "record": here, "slot": here}
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    tests_own = ("waitpid-", "pytest_timeout")  # they wait for the end of a process, and for a test to hang
    stores = "_connection_worker_thread"  # SQLite's driver waits for the disk there, and knows of no client
    assert [name for name in others if not name.startswith(tests_own) and stores not in name] == []
