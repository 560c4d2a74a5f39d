"""A node with people on it is killed: the window tells who was resumed, where, and when they were heard again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.app import Console
from gui.nodes.losses import percentiles
from gui.nodes.rows import Standing
from gui.rooms.events import event_words
from gui.rooms.members_model import NODE
from server.client import Client
from server.views import MemberView
from server.wire.moderation import Whom
from tests.guest import fetch
from tests.gui.test_nodes_launching import launched, opened
from tests.gui.test_nodes_losses import plain
from tests.gui.test_nodes_news import enter, only, said, told

FRAME_SECONDS = 0.02


@pytest_asyncio.fixture
async def meshed(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Console]:
    """A console whose node other processes can join."""
    async with opened(tmp_path) as made:
        yield made


def member(console: Console, name: str) -> MemberView:
    return next(member for member in console.context.desk.members("lobby") if member.name == name)


async def speak(client: Client) -> None:
    """Say something that has no end."""
    talk = client.talk(await client.join("lobby"))
    while True:
        await talk.send(b"opus packet")
        await asyncio.sleep(FRAME_SECONDS)


async def metrics(console: Console) -> dict[str, float]:
    answer = await fetch(console.context.desk.url, "/metrics")
    lines = (line.rpartition(" ") for line in answer.body.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines if name.startswith("switchboard_res") or "reconn" in name}


def facts(console: Console) -> dict[str, str]:
    return {plain(fact.caption): plain(fact.value) for fact in console.nodes.details.losses.facts}


async def test_sessions_of_a_killed_node_are_followed_until_each_is_resumed_or_has_ended(meshed: Console) -> None:
    await launched(meshed, "n2", restart=False)
    (made,) = meshed.context.launcher.children
    urls = [only(meshed, "n2").url, meshed.context.desk.url]
    async with contextlib.AsyncExitStack() as stack:
        ann, bob, cid = [await stack.enter_async_context(Client(urls, name=name)) for name in ("Ann", "Bob", "Cid")]
        for client in (bob, cid):
            await client.join("lobby")
        speaking = asyncio.create_task(speak(ann))
        stack.callback(speaking.cancel)
        dee = await enter(urls[0], "Dee")
        await told(meshed, lambda: only(meshed, "n2").sessions == 4)
        await told(meshed, lambda: any(m.speaking for m in meshed.context.desk.members("lobby")))

        os.kill(made.pid, signal.SIGKILL)
        await told(meshed, lambda: "3 of 4" in said(meshed)[1])
        assert said(meshed)[1].startswith("3 of 4 sessions resumed on n1, 1 not yet.")
        assert only(meshed, "n2").standing is Standing.FAILED
        assert plain(only(meshed, "n2").advice) == "3 of 4 sessions resumed on n1, 1 not yet."
        assert "3 of 4 sessions resumed" in plain(meshed.window.status_bar.news.text())
        assert meshed.context.desk.health().sessions == only(meshed, "n1").sessions == 3
        await told(meshed, lambda: "Speaking again after" in said(meshed)[1])
        (outage,) = meshed.context.desk.outages()
        assert (outage.again.spoke, outage.again.heard) == (1, 1)

        meshed.nodes.show_details(only(meshed, "n2").id)
        assert facts(meshed) == {
            "Sessions that it had": "4",
            "Resumed": "3",
            "On n1": "3",
            "Ended without that": "0",
            "Not yet": "1",
            "Spoke at that time": "1",
            "Heard again": "1",
            "Speaking again after": plain(percentiles(outage.again)),
        }

        await _read_the_room(meshed)
        found = await metrics(meshed)
        assert found['switchboard_resumes_total{kind="moved"}'] == 3
        assert found['switchboard_resumes_total{kind="here"}'] == 0
        assert found["switchboard_resume_speaking_seconds_count"] == 1
        assert found["switchboard_resume_speaking_seconds_sum"] > 0
        assert found["switchboard_sessions_reconnecting"] == 1

        desk = meshed.context.desk
        await desk.kick(desk.operator, Whom.of(session=member(meshed, "Dee").session))
        await told(meshed, lambda: "3 of 4 sessions resumed on n1, 1 ended." in said(meshed)[1])
        await dee.close()


async def _read_the_room(console: Console) -> None:
    """What the Rooms view says of the same."""
    away, back = member(console, "Dee"), member(console, "Bob")
    assert (away.state, away.resumes, away.node_name) == ("reconnecting", 0, "n2")
    assert (back.state, back.resumes, back.node_name, back.before) == ("online", 1, "n1", "n2")
    console.window.show_view(console.rooms)
    console.rooms.show_member("lobby", back.session)
    members = console.rooms.pane.members
    assert "reconnecting since" in members.model.sentence(away)
    assert members.header.sentence.text().endswith("1 reconnecting")
    assert members.model.words(back, NODE) == "n1"
    assert plain(members.card.course.text()).startswith("Resumed once on n1 at ")
    members.select(away.session)
    assert plain(members.card.course.text()).startswith("Reconnecting since ")
    members.filter.put("is:reconnecting")
    assert members.model.identities() == [away.session]
    members.filter.put("")
    lines = [plain(event_words(line)) for line in console.context.desk.chat("lobby") if line.kind in ("away", "back")]
    assert "Dee lost the connection" in lines
    assert sum(" resumed on n1" in line for line in lines) == 3
    assert not [line for line in console.context.desk.chat("lobby") if line.kind == "left"]


async def test_a_client_that_roams_alone_makes_no_banner(meshed: Console) -> None:
    url = meshed.context.desk.url
    async with Client([url], name="Ann") as ann:
        await ann.join("lobby")
        ann.drop()
        await told(meshed, lambda: member(meshed, "Ann").resumes == 1)
        assert said(meshed) == ("", "")
        assert meshed.overlays.news.items == type(meshed.overlays.news.items)()
        assert meshed.window.button(meshed.nodes).accessibleDescription() == ""
        meshed.nodes.table.setFocus()
        QTest.keyClick(meshed.nodes.table, Qt.Key.Key_I)
        await told(meshed, lambda: facts(meshed)["Sessions resumed"] == "1")
        assert facts(meshed)["Speaking again after"] == "–"
