"""The people of one node: a process of clients who talk, read and write down what they did and saw.

    python -m tests.faults.load '{"node":"a","urls":["ws://127.0.0.1:8765/ws"], ...}'

What it writes, a file for each of them, is read by `tests.faults.check`. It takes orders as lines on standard input,
whose end is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from server.client import NO_NODE, Client, Closed
from server.identity import Key, mint
from server.session import Role
from server.wire.native import Refused
from tests.faults.person import Book, Person, Ticket
from tests.guest import fetch

LOOK_SECONDS = 0.1
AGAIN_SECONDS = 0.3


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one process plays."""

    node: str
    urls: list[str]
    """Where to find the nodes; all begin at the first."""
    folder: str
    """Where they write."""
    key: str
    """What signs access tokens."""
    rooms: list[str]
    """The room of each member; one may stand here many times."""
    talkers: int
    """So many of the first members speak without a pause."""
    rate: float
    """Texts a second, of all members together."""
    frame_ms: int = 20
    """How much speech is in a frame."""


class Crowd:
    """All members of this process, and one who looks at the node."""

    def __init__(self, part: Part, book: Book) -> None:
        self._part = part
        self._book = book
        self._books = [book]
        self._members = [self._person(number) for number in range(len(part.rooms))]
        self._living: dict[Person, asyncio.Task[None]] = {}
        self._looker: Client | None = None
        self._talking = False

    def _person(self, number: int, **more: Any) -> Person:
        part = self._part
        name = f"{part.node}{number}"
        self._books.append(Book(Path(part.folder) / f"{name}.jsonl"))
        return Person(
            name,
            part.rooms[number],
            part.urls,
            self._books[-1],
            talks=number < part.talkers and not more,
            frame_ms=part.frame_ms,
            **more,
        )

    async def run(self, orders: asyncio.StreamReader) -> None:
        """Play until the orders end."""
        async with asyncio.TaskGroup() as tasks:
            for member in self._members:
                self._living[member] = tasks.create_task(member.live())
            beside = [
                tasks.create_task(job) for job in (self._look(), self._watch(), self._say(), self._tell_heard())
            ]
            for member in self._members:
                await member.present.wait()
            self._book.write("ready", node=self._part.node)
            while order := await orders.readline():
                self._obey(json.loads(order), tasks)
            for member in self._members:
                member.tell_heard()
            for book in self._books:
                book.close()
            for task in (*beside, *self._living.values()):
                task.cancel()

    def _obey(self, order: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        match order["do"]:
            case "talk" | "hush":
                self._talking = order["do"] == "talk"
                for member in self._members:
                    member.talking = self._talking
            case "replace":  # somebody leaves for good, and somebody else comes
                number = order["member"]
                self._living.pop(self._members[number]).cancel()
                new = self._members[number] = self._person(number)
                new.talking = self._talking
                self._living[new] = tasks.create_task(new.live())
            case "roam":
                tasks.create_task(self._roam(self._members[order["member"]], order["times"], order["seed"]))
            case "show":  # give somebody else the session too
                member = self._members[order["member"]]
                member.contested = True
                assert member.ticket is not None
                self._book.write("ticket", member=member.name, room=member.room, **vars(member.ticket))
            case "double":  # be that one too, from another device
                ticket = Ticket(order["session"], order["resume"], order["n"], order["cursors"])
                self._part.rooms.append(order["room"])
                twin = self._person(len(self._part.rooms) - 1, ticket=ticket)
                self._living[twin] = tasks.create_task(twin.live())
            case "cut":
                self._members[order["member"]].cut(order.get("url"))
            case "home":  # each who is elsewhere comes to this node, in the time given
                loop = asyncio.get_running_loop()
                for member in self._members:
                    if member.node != self._part.node:
                        loop.call_later(random.uniform(0, order["seconds"]), member.cut, self._part.urls[0])
            case "sessions":
                tasks.create_task(self._list_sessions(order["number"]))

    async def _roam(self, member: Person, times: int, seed: int) -> None:
        """Let somebody lose the connection again and again, and come again anywhere."""
        chance = random.Random(seed)
        for _ in range(times):
            await member.present.wait()
            await asyncio.sleep(chance.uniform(0, 0.3))
            member.cut(chance.choice(self._part.urls))
            await asyncio.sleep(0)
        await member.present.wait()
        self._book.write("roamed", member=member.name, times=times)

    async def _say(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for turn in itertools.count():
            if self._talking:
                self._members[turn % len(self._members)].say()
            due = max(due + 1 / self._part.rate, loop.time() - 1)
            await asyncio.sleep(due - loop.time())

    async def _tell_heard(self) -> None:
        while True:
            await asyncio.sleep(1)
            for member in self._members:
                member.tell_heard()

    async def _look(self) -> None:
        """Write down how this node sees the others, whenever that changes."""
        token = mint(Key("HS256", self._part.key.encode()), user=f"looker-{self._part.node}", role=Role.MODERATOR)
        while True:
            looker = Client(self._part.urls[0], token=token, hears=False, resume=False)
            before: dict[str, str] = {}
            try:
                async with looker:
                    self._looker = looker
                    while True:
                        items = (await looker.list("nodes")).items
                        states = {item["node"]: item["state"] for item in items}
                        if states != before:
                            self._book.write("nodes", node=self._part.node, states=states)
                            before = states
                        await asyncio.sleep(LOOK_SECONDS)
            except (*NO_NODE, Closed, Refused):
                await asyncio.sleep(AGAIN_SECONDS)
            finally:
                self._looker = None

    async def _list_sessions(self, number: int) -> None:
        if (looker := self._looker) is None:
            return
        with contextlib.suppress(Closed, Refused):
            sessions: list[str] = []
            after: str | None = None
            while True:
                page = await looker.list("sessions", after=after)
                sessions += [item["session"] for item in page.items if item["rooms"]]
                after = page.next
                if after is None:
                    self._book.write("sessions", node=self._part.node, number=number, sessions=sorted(sessions))
                    return

    async def _watch(self) -> None:
        """Write down the node's own figures, about each second."""
        while True:
            await asyncio.sleep(1)
            try:
                async with asyncio.timeout(15):
                    body = (await fetch(self._part.urls[0], "/metrics", Connection="close")).body.decode()
            except (OSError, TimeoutError, AssertionError):  # it says nothing, or dies in the middle of a word
                continue
            figures = {
                name: float(value)
                for line in body.splitlines()
                if not line.startswith("#")
                for name, _, value in [line.rpartition(" ")]
                if name.startswith("switchboard_") and not name.endswith("_created")
            }
            self._book.write("figures", node=self._part.node, figures=figures)


async def play(part: Part, book: Book) -> None:
    """Play until standard input ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await Crowd(part, book).run(orders)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[1], type=Part)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play(given, Book(Path(given.folder) / f"{given.node}.jsonl")))
