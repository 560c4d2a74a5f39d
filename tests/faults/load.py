"""The people of one node: a process of clients who talk, read and write down what they did and saw.

    python -m tests.faults.load '{"node":"a","url":"ws://127.0.0.1:8765/ws", ...}'

What it writes is read by `tests.faults.check`. It takes orders as lines on standard input, whose end is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import struct
import sys
import time
from pathlib import Path
from typing import IO, Any

import msgspec

from server.client import NO_NODE, Client, Closed, Talk, Voice
from server.identity import Key, mint
from server.session import Role
from server.wire import native
from server.wire.native import Refused
from tests.guest import fetch

FRAME_SECONDS = 0.02
GAP_SECONDS = 0.3
"""So long without a frame of somebody is noted."""
OLD_SECONDS = 1.0
"""A voice frame of that age was kept too long, whatever the load of this machine; a stop makes older ones."""
LOOK_SECONDS = 0.1
AGAIN_SECONDS = 0.3
STAMP = struct.Struct("!d")
PACKET = bytes(60)
"""What follows the stamp; a node does not look into packets."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one process plays."""

    node: str
    url: str
    file: str
    key: str
    """What signs access tokens."""
    rooms: list[str]
    """The room of each member; one may stand here many times."""
    talkers: int
    """So many of the first members speak without a pause."""
    rate: float
    """Texts a second, of all members together."""


class Book:
    """What is written down, line by line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.closed = False
        """What comes now is the end of the load, and nobody's fault."""

    def write(self, event: str, **fields: Any) -> None:
        """Write one line; the time is now, by the clock that all processes of a machine share."""
        if not self.closed:
            self._file.write(json.dumps({"event": event, "at": time.monotonic(), **fields}) + "\n")
            self._file.flush()


class Hearing:
    """What one member hears of one speaker."""

    def __init__(self) -> None:
        self.frames = 0
        self.last = 0.0
        self.old = 0
        """Frames that were older than `OLD_SECONDS`."""


class Member:
    """One person: a session, and another one when that is lost."""

    def __init__(self, number: int, part: Part, book: Book) -> None:
        self.number = number
        self.room = part.rooms[number]
        self._part = part
        self._book = book
        self._talks = number < part.talkers
        self._count = itertools.count(1)
        self._client: Client | None = None
        self._speakers: dict[int, str] = {}
        self._heard: dict[int, Hearing] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.present = asyncio.Event()
        self.talking = False

    async def live(self) -> None:
        """Be in the room, for as long as this is not cancelled."""
        while True:
            client = Client(self._part.url, name=f"{self._part.node}{self.number}", hears=True)
            try:
                await client.open()
            except (*NO_NODE, Closed, Refused):
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            try:
                await self._visit(client)
            except (Closed, Refused) as ended:
                self._gone(client, str(ended))
                await asyncio.sleep(AGAIN_SECONDS)
            except asyncio.CancelledError:
                self._gone(client, "left")
                await asyncio.wait([asyncio.ensure_future(client.close())], timeout=1)
                raise

    async def _visit(self, client: Client) -> None:
        joined = await client.join(self.room)
        self._speakers = {member.ssrc: member.session for member in joined.members}
        self._heard.clear()
        self._client = client
        self._book.write("joined", session=client.session, room=self.room, node=self._part.node, talks=self._talks)
        self.present.set()
        speaking = asyncio.ensure_future(self._speak(client, client.talk(joined))) if self._talks else None
        try:
            async for event in client:
                self._take(client, event)
            raise await client.wait_closed()
        finally:
            self.present.clear()
            self._client = None
            if speaking is not None:
                speaking.cancel()

    def _gone(self, client: Client, why: str) -> None:
        self.tell_heard(client.session)
        self._book.write("gone", session=client.session, why=why)

    def _take(self, client: Client, event: object) -> None:
        match event:
            case native.Said():
                self._book.write(
                    "read",
                    session=client.session,
                    room=event.room,
                    sender=event.sender.session,
                    id=event.id,
                    text=event.text,
                    origin=event.origin,
                    seq=event.seq,
                )
            case Voice():
                self._hear(client, event)
            case native.MemberJoined():
                self._speakers[event.member.ssrc] = event.member.session

    def _hear(self, client: Client, voice: Voice) -> None:
        hearing = self._heard.get(voice.ssrc)
        if hearing is None:
            hearing = self._heard[voice.ssrc] = Hearing()
        now = time.monotonic()
        if now - hearing.last > GAP_SECONDS:
            self._book.write(
                "heard again",
                session=client.session,
                node=self._part.node,
                speaker=self._speakers.get(voice.ssrc, ""),
                after=now - hearing.last if hearing.last else None,
            )
        hearing.frames += 1
        hearing.last = now
        hearing.old += now - STAMP.unpack_from(voice.packet)[0] > OLD_SECONDS

    def tell_heard(self, session: str | None = None) -> None:
        """Write down what was heard since the last time."""
        if session is None and self._client is not None:
            session = self._client.session
        for ssrc, hearing in self._heard.items():
            if hearing.frames:
                self._book.write(
                    "heard",
                    session=session,
                    node=self._part.node,
                    speaker=self._speakers.get(ssrc, ""),
                    frames=hearing.frames,
                    old=hearing.old,
                )
                hearing.frames = hearing.old = 0

    async def _speak(self, client: Client, talk: Talk) -> None:
        loop = asyncio.get_running_loop()
        first, due = True, loop.time()
        with contextlib.suppress(Closed):
            while True:
                if self.talking:
                    await talk.send(STAMP.pack(time.monotonic()) + PACKET, first=first)
                    first = False
                due = max(due + FRAME_SECONDS, loop.time() - 10 * FRAME_SECONDS)
                await asyncio.sleep(due - loop.time())

    def say(self) -> None:
        """Say the next text, if this member is in the room now."""
        if (client := self._client) is not None:
            task = asyncio.ensure_future(self._say(client, next(self._count)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _say(self, client: Client, number: int) -> None:
        id, text = f"t{number}", f"{self._part.node}{self.number} says its text {number} in {self.room}"
        session = client.session
        self._book.write("said", session=session, room=self.room, id=id, text=text)
        while True:
            try:
                sent = await client.say(self.room, text, id=id)
            except Closed:
                return
            except Refused as refused:
                self._book.write("not sent", session=session, id=id, code=refused.code)
                if refused.code != "unavailable":
                    return
            else:
                self._book.write("sent", session=session, id=id, copies=sent.copies, origin=sent.origin, seq=sent.seq)
                return


class Crowd:
    """All members of this process, and one who looks at the node."""

    def __init__(self, part: Part, book: Book) -> None:
        self._part = part
        self._book = book
        self._members = [Member(number, part, book) for number in range(len(part.rooms))]
        self._living: dict[Member, asyncio.Task[None]] = {}
        self._looker: Client | None = None
        self._talking = False

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
                await self._obey(json.loads(order), tasks)
            for member in self._members:
                member.tell_heard()
            self._book.closed = True
            for task in (*beside, *self._living.values()):
                task.cancel()

    async def _obey(self, order: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        match order["do"]:
            case "talk" | "hush":
                self._talking = order["do"] == "talk"
                for member in self._members:
                    member.talking = self._talking
            case "replace":  # somebody leaves for good, and somebody else comes
                old = self._members[order["member"]]
                self._living.pop(old).cancel()
                new = self._members[order["member"]] = Member(old.number, self._part, self._book)
                new.talking = self._talking
                self._living[new] = tasks.create_task(new.live())
            case "sessions":
                tasks.create_task(self._list_sessions(order["number"]))

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
            looker = Client(self._part.url, token=token, hears=False)
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
                    body = (await fetch(self._part.url, "/metrics", Connection="close")).body.decode()
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
    with Path(given.file).open("w", encoding="utf-8") as file:
        asyncio.run(play(given, Book(file)))
