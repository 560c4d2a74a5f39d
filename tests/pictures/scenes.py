"""The scenes of which pictures are taken: a demo, shown as a person would come to it, by the window's own actions."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gui.widgets.sheet import Sheet
from server.child import ChildState
from server.demo.cast import NIGHT

if TYPE_CHECKING:
    from gui.app import Console
    from server.demo.stage import Stage

Shoot = Callable[[str], Awaitable[None]]
"""Takes the pictures of a scene, by its name."""

LOST_SECONDS = 5.0


async def play(console: Console, stage: Stage, shoot: Shoot, *, seconds: float) -> None:
    """Show every scene to `shoot`; the demo has ended after it. `seconds` is how long it lives before the first."""
    await stage.on_stage()
    await asyncio.sleep(seconds)
    await rooms(console, shoot)
    await nodes(console, shoot)
    await over_the_window(console, shoot)
    await lost(console, shoot)
    await stage.end()
    await _until(console, lambda: not console.context.desk.rooms())
    console.window.show_view(console.rooms)
    await shoot("first-run")


async def rooms(console: Console, shoot: Shoot) -> None:
    """A busy room, with somebody chosen who speaks and a whisper begun."""
    console.window.show_view(console.rooms)
    members = console.context.desk.members(NIGHT)
    chosen = next((member for member in members if member.speaking), members[0])
    console.rooms.show_member(NIGHT, chosen.session)
    await shoot("rooms")


async def nodes(console: Console, shoot: Shoot) -> None:
    """The mesh of three, and the sheet that launches more."""
    console.window.show_view(console.nodes)
    await shoot("nodes")
    console.context.actions.launch.trigger()
    await asyncio.sleep(0.5)  # the ports are looked at
    await shoot("nodes-launch")
    _close_sheets(console)


async def over_the_window(console: Console, shoot: Shoot) -> None:
    """What opens over every view: palette and list of keys."""
    console.window.show_view(console.rooms)
    console.overlays.open_palette("mute kes")
    await shoot("palette")
    console.overlays.palette.close()
    console.context.actions.keys.trigger()
    await shoot("keys")
    _close_sheets(console)


async def lost(console: Console, shoot: Shoot) -> None:
    """A node whose process was killed."""
    console.window.show_view(console.nodes)
    child = console.context.launcher.children[-1]
    os.kill(child.pid, signal.SIGKILL)
    await console.context.launcher.until(child, ChildState.EXITED)
    await asyncio.sleep(LOST_SECONDS)
    await shoot("nodes-lost")


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
