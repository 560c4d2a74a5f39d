"""The scenes of which pictures are taken: a demo, shown as a person would come to it, by the window's own actions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

from gui.tokens import Span
from gui.widgets.sheet import Sheet
from server.child import ChildState
from server.demo.cast import NIGHT
from server.wire.moderation import Whom

if TYPE_CHECKING:
    from gui.app import Console
    from server.demo.stage import Stage

Look = Callable[[str], Awaitable[None]]
"""Looks at a scene, which has this name."""

STAFF = "Support Desk"
"""A room that is locked."""
LOST_SECONDS = 5.0
SPEECH_SECONDS = 5.0
"""For so long it is waited for somebody to speak."""
CALM_SECONDS = 8.0
"""Reading holds the loop; after it the window and the mesh need this to be as they were."""


async def play(console: Console, stage: Stage, looks: Sequence[Look], *, seconds: float) -> None:
    """Show the scenes to each of `looks`; the demo has ended after it. `seconds` is how long it lives before."""
    await stage.on_stage()
    await asyncio.sleep(seconds)
    await moderated(console)
    for look in looks:
        await rooms(console, look)
        await nodes(console, look)
        await flow(console, look, seconds=seconds / 3)
        await audit(console, look)
        await over_the_window(console, look)
    await asyncio.sleep(min(CALM_SECONDS, seconds / 5))
    await lost(console)
    for look in looks:
        await look("nodes-lost")
        await resumed(console, look)
    await end(console)
    for look in looks:
        await look("first-run")


async def rooms(console: Console, look: Look) -> None:
    """A busy room, with somebody chosen who speaks and a whisper begun."""
    console.window.show_view(console.rooms)
    members = console.context.desk.members(NIGHT)
    chosen = next((member for member in members if member.speaking), members[0])
    console.rooms.show_member(NIGHT, chosen.session)
    console.context.actions.whisper.trigger()
    console.rooms.pane.composer.text.setPlainText("One more verse, then it is Tobias.")
    await look("rooms")
    console.rooms.pane.composer.text.clear()


async def nodes(console: Console, look: Look) -> None:
    """The mesh of three, and the sheet that launches more."""
    console.window.show_view(console.nodes)
    await look("nodes")
    console.context.actions.launch.trigger()
    await asyncio.sleep(0.5)  # the ports are looked at
    await look("nodes-launch")
    _close_sheets(console)


async def flow(console: Console, look: Look, *, seconds: float) -> None:
    """What passes through the cluster, and the newest text in full."""
    console.window.show_view(console.flow)
    await asyncio.sleep(seconds)
    console.flow.capture.flush()
    model = console.flow.model
    text = next((row for row in range(model.rowCount()) if model.at(row).kind == "chat"), 0)
    console.flow.table.choose(model.number(text))
    await look("flow")


async def moderated(console: Console) -> None:
    """What a moderator has done, and what a member reports: for the views that show it."""
    desk = console.context.desk
    by, members = desk.operator, [member for member in desk.members(NIGHT) if member.role == "user"]
    await desk.mute(by, Whom.of(session=members[0].session), room=NIGHT, seconds=600, reason="Open mic noise")
    await desk.ban(by, user="vx_trader", seconds=604_800, reason="Scam links, third time")
    await desk.ban(by, ip="203.0.113.0/24", seconds=3600, reason="400 joins in 10 s")
    await desk.ban(by, user="anon_4471", reason="Threats, evidence kept")
    await desk.set_room(by, STAFF, locked=True, reason="Staff only until 16:00")
    await desk.unmute(by, Whom.of(session=members[0].session), reason="Fixed it")
    report = {"type": "report", "id": 3, "session": members[1].session, "room": NIGHT, "text": "Soundboard, again"}
    async with connect(desk.url) as guest:
        for request in ({"type": "hello", "id": 1, "name": "Ada"}, {"type": "join", "id": 2, "room": NIGHT}, report):
            await guest.send(json.dumps(request))
        async for message in guest:
            if isinstance(message, str) and json.loads(message).get("id") == report["id"]:
                break


async def audit(console: Console, look: Look) -> None:
    """Who did what, with the bans in force; and the inbox of reports."""
    console.window.show_view(console.audit)
    await asyncio.sleep(0.5)  # it is read
    console.audit.table.selectRow(2)
    await look("audit")
    console.window.show_view(console.reports)
    await look("reports")


async def over_the_window(console: Console, look: Look) -> None:
    """What opens over every view: palette and list of keys."""
    console.window.show_view(console.rooms)
    console.overlays.open_palette("mute kes")
    await look("palette")
    console.overlays.palette.close()
    console.context.actions.keys.trigger()
    await look("keys")
    _close_sheets(console)


async def lost(console: Console) -> None:
    """A node whose process was killed while somebody spoke there, if anybody did in a while."""
    console.window.show_view(console.nodes)
    desk, child = console.context.desk, console.context.launcher.children[-1]
    node = child.ready.node if child.ready is not None else ""

    def speaks() -> bool:
        return any(
            member.node == node and member.speaking for room in desk.rooms() for member in desk.members(room.name)
        )

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SPEECH_SECONDS):
            await _until(console, speaks)
    os.kill(child.pid, signal.SIGKILL)
    await console.context.launcher.until(child, ChildState.EXITED)
    await asyncio.sleep(LOST_SECONDS)


async def resumed(console: Console, look: Look) -> None:
    """What became of its sessions: in the details of the node, and in the room where most of them are."""
    row = next(row for row in map(console.nodes.model.at, range(console.nodes.model.rowCount())) if row.removable)
    console.nodes.show_details(row.id)
    await look("nodes-resumed")
    console.nodes.step_back()
    console.window.show_view(console.rooms)
    members = console.context.desk.members(NIGHT)
    chosen = next((member for member in members if member.resumes), members[0])
    console.rooms.show_member(NIGHT, chosen.session)
    console.rooms.pane.chat.tabs.tabs[1].click()
    await look("rooms-resumed")
    console.rooms.pane.chat.tabs.tabs[0].click()
    console.window.show_view(console.nodes)


async def end(console: Console) -> None:
    """The lost node comes back; then the demo ends, and with it all that there was to see."""
    desk, launcher = console.context.desk, console.context.launcher
    await desk.set_room(desk.operator, STAFF, locked=False)  # what is as ever is there no longer than its people
    await launcher.restart(launcher.children[-1])
    await _until(console, lambda: all(node.state == "up" for node in desk.nodes()))
    console.demo.action.trigger()
    await _until(console, lambda: not desk.rooms() and len(desk.nodes()) == 1)
    console.window.show_view(console.rooms)
    await asyncio.sleep(Span.TOAST / 1000 + 1)


def _close_sheets(console: Console) -> None:
    for sheet in console.window.findChildren(Sheet):
        sheet.reject()


async def _until(console: Console, condition: Callable[[], object]) -> None:
    """Wait until something is true of the node; asked again whenever something changes there."""
    changed = asyncio.Event()
    unwatch = console.context.desk.watch(lambda *_: changed.set())
    try:
        while not condition():
            changed.clear()
            await changed.wait()
    finally:
        unwatch()
