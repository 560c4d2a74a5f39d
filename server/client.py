"""The reference client: what a program needs to be in rooms, in the terms of protocol.md."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event as WireEvent
from websockets.typing import Subprotocol

from bus.record import ClientId
from server.wire import native
from server.wire import voice as voice_wire
from server.wire.native import Address, Refused

SUBPROTOCOL = Subprotocol("switchboard.v1")
MESSAGE_BYTES = 16 * 1024 * 1024
"""The longest message taken from a node: `joined` of a full room with long texts."""
EVENTS_HELD = 1_000
"""Beyond so many unread events voice frames are dropped; texts never are."""
SAMPLES_PER_MS = 48
TIMER_SECONDS = 0.002
"""A timer may wake by so much too early: some loops count whole milliseconds."""
NO_NODE = (OSError, InvalidHandshake, TimeoutError)
"""What `Client.open` raises where no node answers."""

_AnyMessage = (
    native.Error
    | native.Welcome
    | native.Joined
    | native.Left
    | native.MemberJoined
    | native.MemberLeft
    | native.MemberUpdated
    | native.Ok
    | native.Sent
    | native.Said
    | native.Whispered
    | native.Announced
    | native.Speaking
    | native.Moderated
    | native.Done
    | native.Listed
    | native.Live
    | native.ResumeToken
    | native.GoingAway
    | native.Urls
)
_decoder: msgspec.json.Decoder[_AnyMessage] = msgspec.json.Decoder(_AnyMessage)
_said: msgspec.json.Decoder[native.Said] = msgspec.json.Decoder(native.Said)
_encoder = msgspec.json.Encoder()

A = TypeVar("A", bound=native.Answer)
E = TypeVar("E")


class Closed(Exception):
    """The connection has ended; `code` and `reason` are those of protocol.md section 8."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Voice(msgspec.Struct, frozen=True):
    """A voice frame that was received (protocol.md section 6)."""

    ssrc: int
    flags: int
    level: int
    """-dBov: 0 loud, 127 silent."""
    seq: int
    target: int
    """As the speaker set it: 0 for the room."""
    ts: int
    packet: bytes
    """One Opus packet."""
    frame: bytes
    """All of it, as received."""

    @property
    def whispered(self) -> bool:
        """Whether it is for this client alone, and not for the room."""
        return bool(self.flags & voice_wire.WHISPERED)


class Unknown(msgspec.Struct, frozen=True):
    """A message of a type that this client does not know, from a later version."""

    message: dict[str, Any]


Event = native.Message | Voice | Unknown
"""What a node sends unasked."""


class Client:
    """A session on a node, for as long as its connection lasts.

    ::

        async with Client(url, name="Ann") as client:
            await client.join("lobby")
            await client.say("lobby", "hello")
            async for event in client:
                ...

    Requests wait for their answer, raise `Refused` when the node refuses, and `Closed` when the connection ends
    before. Events wait in order until they are read, by ``async for``, which ends with the connection, or `next`.
    """

    welcome: native.Welcome
    """What the node answered to the hello."""

    def __init__(
        self,
        url: str,
        *,
        name: str | None = None,
        user: str | None = None,
        token: str | None = None,
        client: str = "python/1.0",
        hears: bool = True,
        distance: Callable[[], float] | None = None,
    ) -> None:
        """Prepare to connect to `url`, ``ws://host:port/ws``.

        `name`, `user`, `token` and `client` are said in the hello. One who `hears` nothing gets the voice of others
        and lets it go, which costs little. `distance` makes the line as long as that of
        somebody far away: asked for each piece that comes, it gives the seconds until the piece is there.
        """
        self._url = url
        self._hears = hears
        self._distance = distance
        self._hello = {"name": name, "user": user, "token": token, "client": client}
        self._ids = itertools.count(1)
        self._asked: dict[ClientId, asyncio.Future[native.Answer]] = {}
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._closed: Closed | None = None
        self._socket: ClientConnection
        self._reader: asyncio.Task[None]
        self.voice_dropped = 0
        """Voice frames that nobody read in time, or that it does not hear."""

    async def open(self) -> native.Welcome:
        """Connect and say hello. Raises what `NO_NODE` lists, Refused, Closed."""
        self._socket = await connect(
            self._url,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            max_size=MESSAGE_BYTES,
            proxy=None,
            create_connection=_line(self._take, self._distance),
        )
        self._reader = asyncio.create_task(self._read(), name=f"client of {self._url}")
        try:
            hello = {key: value for key, value in self._hello.items() if value is not None}
            self.welcome = await self._ask(native.Welcome, "hello", **hello)
        except BaseException:
            await self.close()
            raise
        return self.welcome

    async def close(self, code: int = 1000, reason: str = "") -> Closed:
        """End the connection, and with 1000 the session. Safe to call twice; returns how it ended."""
        await self._socket.close(code, reason)
        return await self.wait_closed()

    async def wait_closed(self) -> Closed:
        """Wait until the connection has ended; returns how."""
        await asyncio.wait([self._reader])
        assert self._closed is not None
        return self._closed

    @property
    def session(self) -> str:
        """Id of this session."""
        return self.welcome.session

    async def join(self, room: str) -> native.Joined:
        """Enter a room. Raises Refused, Closed; so do all requests."""
        return await self._ask(native.Joined, "join", room=room)

    async def leave(self, room: str) -> native.Left:
        """Leave a room."""
        return await self._ask(native.Left, "leave", room=room)

    async def say(self, room: str, text: str, *, id: ClientId | None = None) -> native.Sent:
        """Say `text` in a room; returns when the nodes hold it. The same `id` again says it no second time."""
        return await self._ask(native.Sent, "say", id=id, room=room, text=text)

    async def whisper(
        self, text: str, *, session: str | None = None, user: str | None = None, id: ClientId | None = None
    ) -> native.Sent:
        """Say `text` to one session, or to all sessions of one user."""
        return await self._ask(native.Sent, "whisper", id=id, to=Address(session, user), text=text)

    async def announce(self, text: str, *, room: str | None = None, id: ClientId | None = None) -> native.Sent:
        """Say `text` to the members of a room or, without one, to everybody; for moderators."""
        return await self._ask(native.Sent, "announce", id=id, room=room, text=text)

    async def voice_target(self, target: int, *, session: str | None = None, user: str | None = None) -> native.Ok:
        """Let frames with this target (`Talk.send`) be for one session or user alone."""
        return await self._ask(native.Ok, "voice_target", target=target, to=Address(session, user))

    async def deafen(self, on: bool) -> native.Ok:
        """Be sent no voice any more, or voice again."""
        return await self._ask(native.Ok, "deafen", on=on)

    async def mute(
        self,
        *,
        session: str | None = None,
        user: str | None = None,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
    ) -> native.Done:
        """Let sessions not be heard in a room or, without one, anywhere; for moderators."""
        return await self._ask(
            native.Done, "mute", session=session, user=user, room=room, seconds=seconds, reason=reason or None
        )

    async def unmute(
        self, *, session: str | None = None, user: str | None = None, room: str | None = None, reason: str = ""
    ) -> native.Done:
        """Lift the mute of a room or, without one, every mute; for moderators."""
        return await self._ask(native.Done, "unmute", session=session, user=user, room=room, reason=reason or None)

    async def kick(
        self, *, session: str | None = None, user: str | None = None, room: str | None = None, reason: str = ""
    ) -> native.Done:
        """Put sessions out of a room or, without one, out of the cluster; for moderators."""
        return await self._ask(native.Done, "kick", session=session, user=user, room=room, reason=reason or None)

    async def list(
        self,
        what: str,
        *,
        room: str | None = None,
        node: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> native.Listed:
        """Look at nodes, rooms, sessions or members, one page at a time."""
        return await self._ask(native.Listed, "list", what=what, room=room, node=node, limit=limit, after=after)

    def talk(self, joined: native.Joined, *, frame_ms: int = 20) -> Talk:
        """Get ready to speak in a room that was joined, in frames of 20, 40 or 60 ms."""
        return Talk(self, joined.ssrc, frame_ms)

    async def send(self, message: bytes | str) -> None:
        """Send a message as it is, text or binary. Raises Closed."""
        try:
            await self._socket.send(message)
        except ConnectionClosed:
            raise await self.wait_closed() from None

    async def next(self, kind: type[E]) -> E:
        """Give the next event of class `kind`; those before it are dropped. Raises Closed."""
        async for event in self:
            if isinstance(event, kind):
                return event
        raise await self.wait_closed()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed is not None:
                return
            self._arrived.clear()
            await self._arrived.wait()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, answer: type[A], request: str, *, id: ClientId | None = None, **fields: object) -> A:
        id = f"c-{next(self._ids)}" if id is None else id
        if id in self._asked:
            raise ValueError(f"a request with the id {id!r} is not answered yet")
        asked = self._asked[id] = asyncio.get_running_loop().create_future()
        try:
            given = {key: value for key, value in fields.items() if value is not None}
            await self.send(_encoder.encode({"type": request, "id": id, **given}).decode())
            found = await asked
        finally:
            del self._asked[id]
        if isinstance(found, native.Error):
            raise Refused(found.code, found.message, field=found.field, retry_after_ms=found.retry_after_ms)
        assert isinstance(found, answer), f"{request} was answered by {found}"
        return found

    async def _read(self) -> None:
        try:
            await self._socket.wait_closed()
        finally:
            self._closed = Closed(self._socket.close_code or 1006, self._socket.close_reason or "")
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(self._closed)
            self._arrived.set()

    def _take(self, message: bytes, is_voice: bool) -> None:
        if is_voice:
            if not self._hears or len(self._events) >= EVENTS_HELD:
                self.voice_dropped += 1
                return
            event: Event = _heard(message)
        else:
            event = _told(message)
            if isinstance(event, native.Answer) and not isinstance(event.id, msgspec.UnsetType):
                asked = self._asked.get(event.id)
                if asked is not None and not asked.done():
                    asked.set_result(event)
                    return
        self._events.append(event)
        self._arrived.set()


class Talk:
    """Speaks in one room: counts frames and samples as protocol.md section 6 wants them."""

    def __init__(self, client: Client, ssrc: int, frame_ms: int) -> None:
        self._client = client
        self._ssrc = ssrc
        self._frame_ms = frame_ms
        self._seq = 0
        self._ts = 0

    async def send(
        self, packet: bytes, *, level: int = 40, first: bool = False, last: bool = False, target: int = 0
    ) -> None:
        """Send one Opus packet; `level` is -dBov; `first` and `last` are of a talkspurt. Raises Closed.

        With a `target` of `Client.voice_target` it is for that one alone.
        """
        flags = voice_wire.FIRST * first | voice_wire.LAST * last
        header = voice_wire.HEADER.pack(
            voice_wire.KIND, flags, 0x80 | level, self._frame_ms // 10, self._ssrc, self._seq, target, self._ts
        )
        self._seq = (self._seq + 1) & 0xFFFF
        self.pause(self._frame_ms)
        await self._client.send(header + packet)

    def pause(self, milliseconds: int) -> None:
        """Let time pass in silence: the sample clock runs on."""
        self._ts = (self._ts + milliseconds * SAMPLES_PER_MS) & 0xFFFFFFFF


def _line(take: Callable[[bytes, bool], None], distance: Callable[[], float] | None) -> type[ClientConnection]:
    """The class of connections that give each message to `take` as it comes, without waking a task for it.

    With a `distance`, each piece comes so many seconds later, in order.
    """

    class Line(ClientConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.pieces: list[bytes] = []
            self.is_voice = False
            super().connection_made(transport)

        def process_event(self, event: WireEvent) -> None:
            if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
                super().process_event(event)
            else:
                if event.opcode is not Opcode.CONT:
                    self.is_voice = event.opcode is Opcode.BINARY
                self.pieces.append(bytes(event.data))
                if event.fin:
                    message = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
                    self.pieces.clear()
                    take(message, self.is_voice)

    if distance is None:
        return Line

    delay = distance

    class LongLine(Line):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.under_way: deque[tuple[float, bytes]] = deque()
            super().connection_made(transport)

        def data_received(self, data: bytes) -> None:
            due = self.loop.time() + delay()
            if self.under_way:
                due = max(due, self.under_way[-1][0])
            else:
                self.loop.call_at(due, self.arrive)
            self.under_way.append((due, data))

        def arrive(self, *, all: bool = False) -> None:
            now = self.loop.time() + TIMER_SECONDS
            while self.under_way and (all or self.under_way[0][0] <= now):
                super().data_received(self.under_way.popleft()[1])
            if self.under_way:
                self.loop.call_at(self.under_way[0][0], self.arrive)

        def eof_received(self) -> None:
            self.arrive(all=True)
            super().eof_received()

        def connection_lost(self, exc: Exception | None) -> None:
            self.arrive(all=True)
            super().connection_lost(exc)

    return LongLine


def history(joined: native.Joined) -> list[native.Said]:
    """Read the messages that were said before the join, oldest first."""
    return [_said.decode(message) for message in joined.history]


def _told(message: bytes) -> native.Message | Unknown:
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError:
        return Unknown(msgspec.json.decode(message, type=dict[str, Any]))


def _heard(frame: bytes) -> Voice:
    _, flags, level, _, ssrc, seq, target, ts = voice_wire.HEADER.unpack_from(frame)
    return Voice(ssrc, flags, level & 0x7F, seq, target, ts, frame[voice_wire.HEADER.size :], frame)
