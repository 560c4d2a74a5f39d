"""Clusters of real processes: started with free ports, ended by their ids, what is left of them killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from server.identity import Key, mint
from server.session import Role
from tests import processes
from tests.guest import PATIENCE, Guest
from tests.processes import Process

KEY = "the key of these tests, 32 bytes and more"


class Node:
    """One process of ``main.py node``."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self.process = process
        self.stopped = False
        """It does nothing: it was stopped or killed."""

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def id(self) -> str:
        return str(self.process.ready["node"])

    @property
    def bus(self) -> str:
        return str(self.process.ready["bus"])

    async def stop(self) -> None:
        """Let it stand still, as a machine that hangs."""
        self.process.send(signal.SIGSTOP)
        self.stopped = True
        await eventually(lambda: psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)

    def go_on(self) -> None:
        """Undo `stop`."""
        self.process.send(signal.SIGCONT)
        self.stopped = False

    def kill(self) -> None:
        """Let it die without a word."""
        self.process.send(signal.SIGKILL)
        self.stopped = True


class Cluster:
    """Makes nodes and clients, and ends them all."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options` are given to every node."""
        self._folder = folder
        self._stack = contextlib.AsyncExitStack()
        self.guests: list[Guest] = []
        self.nodes: list[Node] = []
        key_file = folder / "auth.key"
        key_file.write_text(KEY)
        key_file.chmod(0o600)
        self._options = (f"--auth-key-file={key_file}", "--drain-seconds=1", *options)

    async def start(self, name: str, *peers: Node) -> Node:
        """A node that is told of `peers` and nobody else; it is ready, and perhaps alone yet."""
        options = (f"--name={name}", *(f"--peer={peer.bus}" for peer in peers), *self._options)
        process = await self._stack.enter_async_context(processes.node(self._folder / name, *options))
        self.nodes.append(Node(name, process))
        return self.nodes[-1]

    async def meet(self) -> None:
        """Wait until every node that runs holds every other one to be up."""
        running = [node for node in self.nodes if not node.stopped]
        for node in running:
            looker = await self.enter_as("moderator", node, user="looker")

            async def all_up(looker: Guest = looker) -> bool:
                listed = await looker.ask("list", what="nodes")
                return {item["name"] for item in listed["items"] if item["state"] == "up"} >= {
                    other.name for other in running
                }

            await eventually(all_up)
            await looker.leave_for_good()

    async def enter(self, node: Node, name: str | None = "Ann", **hello: Any) -> Guest:
        """A client of `node` that has been welcomed."""
        guest = await Guest.enter(node.url, **({} if name is None else {"name": name}), **hello)
        self.guests.append(guest)
        return guest

    async def enter_as(self, role: str, node: Node, *, user: str = "mod") -> Guest:
        """A client of `node` with a token for `role`."""
        token = mint(Key("HS256", KEY.encode()), user=user, role=Role(role))
        return await self.enter(node, None, token=token)

    async def room(self, room: str, *places: tuple[str, Node]) -> list[Guest]:
        """Clients of these names on these nodes, all in `room`, who know of each other and have read it all."""
        guests = [await self.enter(node, name) for name, node in places]
        known = {}
        for guest in guests:
            joined = await guest.join(room)
            known[guest] = {member["session"] for member in joined["members"]}
        for guest in guests:
            for other in guests:
                if other.session not in known[guest]:
                    await guest.take(joining(other))
        for guest in guests:
            await guest.settle()
            guest.unread.clear()
        return guests

    async def close(self) -> None:
        """End everything."""
        for guest in self.guests:
            guest.vanish()
            await guest.socket.wait_closed()
        await self._stack.aclose()


def joining(guest: Guest) -> Callable[[Any], bool]:
    """Whether an event tells that `guest` joined."""

    def tells(event: Any) -> bool:
        return (
            isinstance(event, dict)
            and event["type"] == "member_joined"
            and event["member"]["session"] == guest.session
        )

    return tells


async def ssrc_of(guest: Guest, room: str) -> int:
    """The number under which `guest` speaks in `room`."""
    assert (await guest.ask("leave", room=room))["type"] == "left"
    return int((await guest.join(room))["ssrc"])


async def eventually(check: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again at what no event tells, until it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            result = check()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.05)
