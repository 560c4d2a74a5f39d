"""One of the people of a load: a session that outlives its connections, written from protocol.md alone."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.faults.line import Line, dial

GAP_SECONDS = 0.3
"""So long without a frame of somebody is noted."""
OLD_SECONDS = 1.0
"""A voice frame of that age was kept too long, whatever the load of this machine; a stop makes older ones."""
OPEN_SECONDS = 3.0
"""A node that has not answered after that is left for the next."""
FIRST_RETRY, LAST_RETRY = 0.2, 10.0
FRAME = struct.Struct("!BBBBIHHI")
STAMP = struct.Struct("!d")
KHZ = 48
"""Of what a frame counts its time in."""
PACKET = bytes(60)
"""What follows the stamp; a node does not look into packets."""
ITS_END = (1000, 4403, 4409, 4410)
"""Close codes after which a session is not resumed."""
TEXTS = ("message", "whisper", "announcement", "sent")
"""What moves a cursor on."""

Message = dict[str, Any]


class Book:
    """What is written down, line by line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: str, **fields: Any) -> None:
        """Write one line; the time is now, by the clock that all processes of a machine share."""
        if not self._file.closed:
            self._file.write(json.dumps({"event": event, "at": time.monotonic(), **fields}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Write nothing any more: what comes now is the end of the load, and nobody's fault."""
        self._file.close()


class Hearing:
    """What one person hears of one speaker."""

    def __init__(self) -> None:
        self.frames = 0
        self.last = 0.0
        self.old = 0
        """Frames that were older than `OLD_SECONDS`."""


class Ticket:
    """All that a client keeps of a session."""

    def __init__(self, session: str, resume: str, n: int, cursors: dict[str, int]) -> None:
        self.session = session
        self.resume = resume
        self.n = n
        self.cursors = cursors

    def pass_to(self, cursors: dict[str, int]) -> None:
        """Have read so far, in each log."""
        for origin, seq in cursors.items():
            self.cursors[origin] = max(seq, self.cursors.get(origin, 0))


class Person:
    """Somebody in a room, who says and reads texts, and speaks if it `talks`; all of it is written down.

    When the connection ends it goes to the next node by itself, and when the session is over it begins another. Given
    the `ticket` of somebody else it is that one on another device, and its texts are not written down.
    """

    def __init__(
        self,
        name: str,
        room: str,
        urls: Sequence[str],
        book: Book,
        *,
        talks: bool = False,
        frame_ms: int = 20,
        ticket: Ticket | None = None,
    ) -> None:
        self.name = name
        self.room = room
        self.ticket = ticket
        self.talking = False
        self.present = asyncio.Event()
        """It is in the room, and all that it missed was read."""
        self.node = ""
        """The node where it is, or was last."""
        self.contested = False
        """Somebody has its ticket too: that another takes the session is no fault."""
        self._urls = list(urls)
        self._given: str | None = None
        """Where it was told to go next."""
        self._book = book
        self._twin = ticket is not None
        self._talks = talks
        self._frame_ms = frame_ms
        self._count = itertools.count(1)
        self._outbox: dict[str, Message] = {}
        """What was said and is not answered, in its order."""
        self._asked: set[str] = set()
        """Ids of what was sent to any node at all."""
        self._posts: asyncio.Queue[Message] = asyncio.Queue()
        self._socket: Line | None = None
        self._ssrc: int | None = None
        self._away = self._cut = False
        self._speakers: dict[int, str] = {}
        self._heard: dict[int, Hearing] = {}

    # --- a life -------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Be there for as long as this is not cancelled; then leave for good."""
        beside = [asyncio.ensure_future(self._post())]
        if self._talks:
            beside.append(asyncio.ensure_future(self._speak()))
        url, retry = self._urls[0], 0.0
        try:
            while not ((self._twin or self.contested) and self.ticket is None):
                was_in = await self._visit(url)
                url = self._next(url)
                retry = 0.0 if was_in else min(LAST_RETRY, max(FIRST_RETRY, 2 * retry))
                await asyncio.sleep(random.uniform(0, retry))
        except asyncio.CancelledError:
            if self._socket is not None:
                self._over(1000, "left", meant=True)
                await asyncio.wait([asyncio.ensure_future(self._socket.close())], timeout=1)
            raise
        finally:
            for task in beside:
                task.cancel()

    def _next(self, url: str) -> str:
        """Where to go after `url`: where it was told to go, else to the next of all that it ever heard of."""
        given, self._given = self._given, None
        place = self._urls.index(url) + 1 if url in self._urls else 0
        return given or self._urls[place % len(self._urls)]

    async def _visit(self, url: str) -> bool:
        """Be on one node for as long as its connection lasts; returns whether it let this person in."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                socket = await dial(url)
        except (OSError, InvalidHandshake, InvalidMessage, TimeoutError, EOFError):
            return False
        was_in = False
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            was_in = await self._say_hello(socket)
            if was_in:
                await socket.give_to(self._take)
        self._socket = None
        socket.transport.abort()
        await socket.wait_closed()
        self._ended(socket.close_code or 1006, socket.close_reason or "")
        return was_in

    async def _say_hello(self, socket: Line) -> bool:
        hello: Message = {
            "type": "hello",
            "id": 1,
            "client": "load/1.0",
            "name": self.name,
            "n": int(time.time() * 1000),
        }
        if self.ticket is not None:
            self.ticket.n = hello["n"] = max(hello["n"], self.ticket.n + 1)
            hello |= {"resume": self.ticket.resume, "cursors": self.ticket.cursors, "rooms": [self.room]}
        while True:
            await socket.send(json.dumps(hello))
            async with asyncio.timeout(OPEN_SECONDS):
                answer = json.loads(await socket.first())
            if answer["type"] == "welcome":
                self._enter(socket, answer, hello["n"])
                return True
            self._book.write("refused", name=self.name, code=answer.get("code"), why=answer.get("message"))
            if answer.get("code") != "rate_limited":
                await socket.wait_closed()
                return False
            await asyncio.sleep(answer["retry_after_ms"] / 1000)

    def _enter(self, socket: Line, welcome: Message, n: int) -> None:
        self._socket, self.node = socket, welcome["node"]
        self._learn(welcome["urls"])
        if self.ticket is not None and self.ticket.session != welcome["session"]:
            self._over(4410, "the node gave another session")
        if self.ticket is None:
            self.ticket = Ticket(welcome["session"], welcome["resume"], n, welcome["cursors"])
            self._join()
            return
        self.ticket.resume = welcome["resume"]
        rooms = {joined["room"]: joined for joined in welcome.get("rooms", ())}
        self._write(
            "welcomed",
            recovered=welcome["recovered"],
            gaps=welcome.get("gaps", []),
            members={room: [member["session"] for member in joined["members"]] for room, joined in rooms.items()},
        )
        if self.room in rooms:
            self._sit(rooms[self.room])

    def _learn(self, urls: Sequence[str]) -> None:
        self._urls = [*urls, *(url for url in self._urls if url not in urls)]

    def _sit(self, joined: Message) -> None:
        self._ssrc = joined["ssrc"]
        self._speakers |= {member["ssrc"]: member["session"] for member in joined["members"]}

    def _join(self) -> None:
        self._posts.put_nowait({"type": "join", "id": "join", "room": self.room})

    def _ended(self, code: int, why: str) -> None:
        self.present.clear()
        if self.ticket is not None and code in ITS_END:
            self._over(code, why, meant=code == 4409 and self.contested)
        elif self.ticket is not None and not self._away:
            self._away = True
            self._write("away", code=code, why=why, meant=self._cut)
        self._cut = False

    def _over(self, code: int, why: str, *, meant: bool = False) -> None:
        """The session is over."""
        self.tell_heard()
        self._write("gone", code=code, why=why, meant=meant)
        self.present.clear()
        self.ticket = self._ssrc = None
        self._away = False
        for forgotten in (self._outbox, self._asked, self._speakers, self._heard):
            forgotten.clear()

    def cut(self, url: str | None = None) -> None:
        """Lose the connection without a word, and go to `url` next."""
        if self._socket is not None:
            self._given = url
            self._cut = True
            self.present.clear()
            self._socket.transport.abort()

    # --- texts --------------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Say the next text, or type it if there is no connection now."""
        if self.ticket is None or self._ssrc is None:
            return
        number = next(self._count)
        id, text = f"t{number}", f"{self.name} says its text {number} in {self.room}"
        self._outbox[id] = {"type": "say", "id": id, "room": self.room, "text": text}
        self._write("said", room=self.room, id=id, text=text)
        if self.present.is_set():
            self._posts.put_nowait(self._outbox[id])

    async def _post(self) -> None:
        """Send requests in their order; those of a lost connection are told again when the session goes on."""
        while True:
            request = await self._posts.get()
            if self._socket is None or (request["type"] == "say" and request["id"] not in self._outbox):
                continue
            if request["type"] == "say":
                if request["id"] in self._asked:
                    self._write("repeated", id=request["id"])
                self._asked.add(request["id"])
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps(request))

    def _go_on(self) -> None:
        """All that was missed was read: what is not answered is said again, then what is new."""
        while not self._posts.empty():
            self._posts.get_nowait()
        if self._ssrc is None:
            self._join()
            return
        self.present.set()
        for request in self._outbox.values():
            self._posts.put_nowait(request)

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._hear(message)
            return
        told: Message = json.loads(message)
        if told["type"] in TEXTS and self.ticket is not None:
            self.ticket.pass_to({told["origin"]: told["seq"]})
        match told["type"]:
            case "message":
                fields = {key: told[key] for key in ("room", "id", "text", "origin", "seq")}
                self._write("read", sender=told["from"]["session"], **fields)
            case "sent":
                self._outbox.pop(told["id"], None)
                self._write("sent", **{key: told[key] for key in ("id", "copies", "origin", "seq")})
            case "error":
                self._refused(told)
            case "joined":
                self._joined(told)
            case "moved":
                self.room = told["to"]
                self._joined(told["joined"])
            case "live":
                self._away = False
                self._write("live")
                self._go_on()
            case "member_joined" | "member_left" | "member_updated":
                self._presence(told)
            case "resume_token" if self.ticket is not None:
                self.ticket.resume = told["resume"]
            case "urls" | "going_away":
                self._learn(told["urls"])
                if told["type"] == "going_away":
                    self._given = told["urls"][0] if told["urls"] else None

    def _refused(self, error: Message) -> None:
        id = error.get("id")
        request = self._outbox.get(id) if isinstance(id, str) else None
        if request is None or id is None:
            return
        self._write("not sent", id=id, code=error["code"])
        if error["code"] in ("unavailable", "rate_limited"):
            wait = error.get("retry_after_ms", 0) / 1000
            asyncio.get_running_loop().call_later(wait, self._posts.put_nowait, request)
        else:
            del self._outbox[id]

    def _joined(self, joined: Message) -> None:
        assert self.ticket is not None
        self.ticket.pass_to(joined["cursors"])
        self._sit(joined)
        members = [member["session"] for member in joined["members"]]
        self._write("joined", room=self.room, members=members, talks=self._talks)
        self._go_on()

    def _presence(self, told: Message) -> None:
        what: str = told["type"].removeprefix("member_")
        member = str(told["member"]["session"] if "member" in told else told["session"])
        if what == "joined":
            self._speakers[told["member"]["ssrc"]] = member
        if what != "updated" or "state" in told:
            self._write(
                "told",
                room=told["room"],
                what=told.get("state") or what,
                member=member,
                reason=told.get("reason", ""),
            )

    def _write(self, event: str, **fields: Any) -> None:
        if self.ticket is not None and (not self._twin or event in ("welcomed", "live", "away", "gone")):
            device = {"device": self.name} if self._twin else {}
            self._book.write(event, session=self.ticket.session, node=self.node, **device, **fields)

    # --- voice --------------------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        first, seq, due, length = True, 0, loop.time(), self._frame_ms / 1000
        while True:
            if self.talking and self._socket is not None and self._ssrc is not None:
                seq += 1
                head = FRAME.pack(
                    0x51, first, 0x80 | 40, 2, self._ssrc, seq & 0xFFFF, 0, seq * self._frame_ms * KHZ & 0xFFFFFFFF
                )
                with contextlib.suppress(ConnectionClosed):
                    await self._socket.send(head + STAMP.pack(time.monotonic()) + PACKET)
                    first = False
            due = max(due + length, loop.time() - 10 * length)
            await asyncio.sleep(due - loop.time())

    def _hear(self, frame: bytes) -> None:
        ssrc = int.from_bytes(frame[4:8], "big")
        hearing = self._heard.get(ssrc)
        if hearing is None:
            hearing = self._heard[ssrc] = Hearing()
        now = time.monotonic()
        if now - hearing.last > GAP_SECONDS:
            after = now - hearing.last if hearing.last else None
            self._write("heard again", speaker=self._speakers.get(ssrc, ""), after=after)
        hearing.frames += 1
        hearing.last = now
        hearing.old += now - STAMP.unpack_from(frame, FRAME.size)[0] > OLD_SECONDS

    def tell_heard(self) -> None:
        """Write down what was heard since the last time."""
        for ssrc, hearing in self._heard.items():
            if hearing.frames:
                speaker = self._speakers.get(ssrc, "")
                self._write("heard", speaker=speaker, frames=hearing.frames, old=hearing.old, last=hearing.last)
                hearing.frames = hearing.old = 0
