"""Three nodes in places of their own, clients on each that talk all the time, and what they say of it in the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from server.identity import Key, mint
from server.session import Role
from tests.cluster.nodes import eventually
from tests.guest import Guest
from tests.namespaces.network import Places, inside

ROOT = Path(__file__).resolve().parents[2]
KEY = "the key of these faults, 32 bytes and more"
PER_SECOND = 20.0


class Node:
    """A process of ``main.py node`` in its place."""

    def __init__(self, place: str, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.place = place
        self.process = process
        self.url = str(ready["url"])
        self.bus = str(ready["bus"])
        self.id = str(ready["node"])


class Talker:
    """A client that says a text now and then, notes which were `sent`, and all that it reads."""

    def __init__(self, guest: Guest, name: str) -> None:
        self.guest = guest
        self.name = name
        self.sent: dict[str, int] = {}
        self.took: list[float] = []
        self.read: list[tuple[str, str]] = []
        self.unavailable = 0
        self.closed: int | None = None
        self._said: dict[str, float] = {}

    async def hear(self) -> None:
        """Read until the connection ends."""
        with contextlib.suppress(Exception):
            async for data in self.guest.socket:
                if isinstance(data, bytes):
                    continue
                event = json.loads(data)
                if event["type"] == "message":
                    self.read.append((event["from"]["session"], event["id"]))
                elif event["type"] == "sent" and event["id"] in self._said:
                    self.sent[event["id"]] = event["copies"]
                    self.took.append(time.monotonic() - self._said[event["id"]])
                elif event["type"] == "error" and event.get("code") == "unavailable":
                    self.unavailable += 1
                    await self.guest.send("say", id=event["id"], room="lobby", text=event["id"])
        self.closed = self.guest.socket.close_code or 1006

    async def talk(self, every: float) -> None:
        """Say something every so many seconds, until cancelled."""
        number = 0
        while self.closed is None:
            number += 1
            id = f"{self.name}-{number:05}"
            self._said[id] = time.monotonic()
            with contextlib.suppress(Exception):
                await self.guest.send("say", id=id, room="lobby", text=id)
            await asyncio.sleep(every)

    @property
    def waits(self) -> int:
        """Texts that are not `sent`."""
        return len(self._said) - len(self.sent)


class Scene:
    """Nodes and talkers, within the block."""

    def __init__(self, places: Places, folder: Path) -> None:
        self.places = places
        self.folder = folder
        self.nodes: dict[str, Node] = {}
        self.talkers: list[Talker] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._talking: list[asyncio.Task[None]] = []
        (folder / "auth.key").write_text(KEY)
        (folder / "auth.key").chmod(0o600)

    async def start(self, place: str, *, data: str = "", peer: str | None = None) -> Node:
        """Start the node of a place, with the data folder of that name."""
        address = self.places.address(place)
        peers = [f"--peer={node.bus}" for node in self.nodes.values()] if peer is None else [f"--peer={peer}"]
        process = await asyncio.create_subprocess_exec(
            *inside(place),
            sys.executable,
            str(ROOT / "main.py"),
            "node",
            f"--name={data or place}",
            f"--host={address}",
            "--port=0",
            f"--bus-host={address}",
            "--bus-port=8766",
            f"--data-dir={self.folder / (data or place)}",
            f"--auth-key-file={self.folder / 'auth.key'}",
            "--log-format=json",
            "--drain-seconds=1",
            *peers,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=(self.folder / f"{data or place}.log").open("ab"),
        )
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        if not line:
            raise RuntimeError((self.folder / f"{data or place}.log").read_text())
        ready = json.loads(line)
        node = self.nodes[place] = Node(place, process, ready)
        return node

    def pid(self, place: str) -> int:
        """The process of the node itself: `ip netns exec` becomes it."""
        return self.nodes[place].process.pid

    def signal(self, place: str, signum: int) -> None:
        os.kill(self.pid(place), signum)

    async def kill(self, place: str) -> None:
        self.nodes[place].process.kill()
        await self.nodes[place].process.wait()

    def copy(self, data: str, to: str) -> None:
        """Copy a data folder, as one who does not know better."""
        shutil.copytree(self.folder / data, self.folder / to, ignore=shutil.ignore_patterns("*.lock"))

    async def enter(self, place: str, name: str) -> Talker:
        """A client of the node of a place, in the lobby."""
        guest = await Guest.enter(self.nodes[place].url, name=name)
        await guest.join()
        talker = Talker(guest, name)
        self.talkers.append(talker)
        self._tasks.append(asyncio.create_task(talker.hear()))
        return talker

    def talk(self, *talkers: Talker) -> None:
        """Let them talk, all together so many texts a second."""
        self._talking += [asyncio.create_task(talker.talk(len(talkers) / PER_SECOND)) for talker in talkers]

    async def hush(self) -> None:
        """Let nobody say anything new."""
        for task in self._talking:
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)
        self._talking.clear()

    async def states(self, place: str) -> dict[str, str]:
        """What the node of a place says of all."""
        token = mint(Key("HS256", KEY.encode()), user="looker", role=Role.MODERATOR)
        guest = await Guest.enter(self.nodes[place].url, token=token)
        try:
            listed = await guest.ask("list", what="nodes")
            return {item["name"]: item["state"] for item in listed["items"]}
        finally:
            await guest.leave_for_good()

    async def until(self, *seen: tuple[str, str, bool]) -> None:
        """Wait until the node of each first place holds that of the second to be up, or not to be."""
        for place, other, up in seen:

            async def is_so(place: str = place, other: str = other, up: bool = up) -> bool:
                return ((await self.states(place)).get(other) == "up") == up

            await eventually(is_so)

    async def meet(self) -> float:
        """Wait until every node holds every other to be up; returns how long that took."""
        began = time.monotonic()
        for place in self.nodes:

            async def all_up(place: str = place) -> bool:
                states = (await self.states(place)).values()
                return list(states).count("up") == len(self.nodes)

            await eventually(all_up)
        return time.monotonic() - began

    async def settle(self) -> float:
        """Wait until all that was said is `sent` and read by all who are there; returns how long that took."""
        began = time.monotonic()
        living = [talker for talker in self.talkers if talker.closed is None]
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: not any(talker.waits or self._missing(talker) for talker in living))
        return time.monotonic() - began

    def _missing(self, reader: Talker) -> set[tuple[str, str]]:
        acknowledged = {
            (talker.guest.session, id)
            for talker in self.talkers
            if talker is not reader
            for id, copies in talker.sent.items()
            if copies >= 2 or talker.closed is None
        }
        return acknowledged - set(reader.read)

    def verdict(self) -> dict[str, int]:
        """What is wrong, by what the clients sent and read."""
        living = [talker for talker in self.talkers if talker.closed is None]
        doubled = sum(len(talker.read) - len(set(talker.read)) for talker in living)
        swapped = 0
        for talker in living:
            last: dict[str, str] = {}
            for session, id in talker.read:
                swapped += id < last.get(session, "")
                last[session] = max(id, last.get(session, ""))
        return {
            "sent": sum(len(talker.sent) for talker in self.talkers),
            "lost": sum(len(self._missing(talker)) for talker in living),
            "twice": doubled,
            "out of order": swapped,
            "unavailable": sum(talker.unavailable for talker in self.talkers),
        }

    async def __aenter__(self) -> Scene:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hush()
        for talker in self.talkers:
            talker.guest.vanish()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for node in self.nodes.values():
            if node.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    node.process.send_signal(signal.SIGCONT)
                    node.process.kill()
                await node.process.wait()
