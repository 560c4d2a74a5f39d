"""A node's side of Flow: while a console looks, what passes here becomes rows, filtered here and sent to it alone.

Nobody looks most of the time. Then `Node.tap` is None, which is all that the paths of messages ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from bus.interface import BusError
from bus.record import Kind, NodeId, Origin, Record, node_of
from server import flow, inquiry, texts
from server.events import Event
from server.flow import Batch, FlowRow, Held, Lease, Locate, Passed, Recall, Release
from server.outbox import Outbox
from server.query import QueryError, parse
from server.rooms import Room
from server.tap_feed import Tapped
from server.tap_rows import Rows
from server.wire import voice

if TYPE_CHECKING:
    from server.asides import Target
    from server.conversation import Conversation
    from server.node import Node

PASSED = 4_096
"""Messages whose times are remembered."""

WAITING = 2_000
"""Messages whose writing is waited for."""

TAPS = 8
"""Feeds that one console may have at a node, each of which looks at every message."""


class _Times:
    """When one message passed here, in seconds of this node."""

    __slots__ = ("copies", "receivers", "shown", "taken", "written")

    def __init__(self) -> None:
        self.taken: float | None = None
        self.shown: float | None = None
        self.written: float | None = None
        self.copies = 0
        self.receivers = 0


class Taps:
    """The taps of one node: opened by calls of consoles, closed by their word or their silence."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._rows = Rows(node)
        self._tapped: dict[tuple[Origin, int], Tapped] = {}
        self._times: OrderedDict[tuple[Origin, int, int], _Times] = OrderedDict()
        self._waiting: list[tuple[_Times, FlowRow | None, float, Sequence[Tapped]]] = []
        self._unwatch: Callable[[], None] | None = None
        self._one_in = 1
        self._lives = 0
        self._feeds = 0

    # What consoles ask.

    def answer(self, caller: NodeId, body: bytes) -> bytes:
        """Do what a call of a console asks; taps it has of its own only. Raises msgspec.MsgspecError, BusError."""
        match flow.unpack_request(body):
            case Lease() as lease:
                _require_own(caller, lease.console)
                return msgspec.msgpack.encode(self.lease(lease))
            case Release(console, feed):
                _require_own(caller, console)
                self.release(console, feed)
                return msgspec.msgpack.encode(None)
            case Locate() as asked:
                return msgspec.msgpack.encode(self.passed(asked))
            case Recall() as asked:
                return msgspec.msgpack.encode(inquiry.recall(self._node, asked))

    def lease(self, lease: Lease, deliver: Callable[[Batch], None] | None = None) -> Held:
        """Open a tap or let it go on."""
        name, origin, now = self._node.name, self._node.bus.origin, self._node.clock.now()
        key = (lease.console, lease.feed)
        tapped = self._tapped.get(key)
        try:
            query = parse(lease.query, flow.FIELDS)
        except QueryError as error:
            return Held(name, origin, now, 0, 1, [], refused=error.message)
        if tapped is None:
            if sum(node_of(console) == node_of(lease.console) for console, _ in self._tapped) >= TAPS:
                return Held(name, origin, now, 0, 1, [], refused=f"a console has {TAPS} feeds at most")
            self._lives += 1
            tapped = self._tapped[key] = Tapped(lease, query, life=self._lives, deliver=deliver)
            self._open()
        else:
            tapped.renew(lease, query)
        self._one_in = min(one.sampling for one in self._tapped.values())
        tapped.until = now + flow.LEASE_ENDS
        return Held(name, origin, now, tapped.life, tapped.floor, tapped.again())

    def release(self, console: Origin, feed: int) -> None:
        """Close a tap."""
        self._tapped.pop((console, feed), None)
        if not self._tapped:
            self._close()

    def passed(self, asked: Locate) -> Passed:
        """When a message passed here."""
        node = self._node
        times = self._times.get(_key(asked.origin, asked.seq, asked.ssrc)) or _Times()
        return Passed(
            node=node.node_id,
            name=node.name,
            now=node.clock.now(),
            taken=times.taken,
            shown=times.shown,
            written=times.written,
            receivers=times.receivers,
            copies=times.copies,
        )

    def new_feed(self) -> int:
        """A number for another feed of the own console."""
        self._feeds += 1
        return self._feeds

    def tick(self, now: float) -> None:
        """Send what was gathered, and close the taps whose consoles are silent; ten times a second."""
        bus = self._node.bus
        for key, tapped in list(self._tapped.items()):
            if tapped.until <= now:
                self.release(*key)
            elif tapped.deliver is None:
                for frame in tapped.frames(bus.origin, wanted=bus.wanted(tapped.topic)):
                    bus.cast(tapped.topic, frame)
            elif (batch := tapped.batch(bus.origin)) is not None:
                tapped.deliver(batch)

    def _open(self) -> None:
        node = self._node
        if node.tap is None:
            node.tap = self
            node.post.written = self.written
            self._unwatch = node.watch(self._note)

    def _close(self) -> None:
        node = self._node
        node.tap = None
        node.post.written = None
        self._times.clear()
        self._waiting.clear()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    # What the node tells.

    def took(self, seq: int) -> None:
        """A text was taken from a client here, and is number `seq` of the own log."""
        self._remember(self._node.bus.origin, seq, 0).taken = self._node.clock.now()

    def shown(self, record: Record, copies: int) -> None:
        """A record is in its place and was shown here. Raises msgspec.MsgspecError."""
        if record.kind not in (Kind.TEXT, Kind.WHISPER, Kind.ANNOUNCEMENT):
            return
        node, now = self._node, self._node.clock.now()
        times = self._remember(record.origin, record.seq, 0)
        times.shown, times.copies = now, copies
        times.receivers = self._receivers(record)
        if times.receivers:
            self._wait(times, None, now, ())
        if record.origin == node.bus.origin:
            self._take(self._rows.text(record, None if times.taken is None else _ms(now - times.taken)))

    def voice(self, session: str, room: Room, frame: bytes, heard: float) -> None:
        """A voice frame was taken from a client here at `heard`, and given to its room."""
        listeners = (outbox for listener, outbox in room.listeners.items() if listener != session)
        self._voice(session, room.name, frame, heard, frame[4:8], listeners, to="room", size=len(frame))

    def aside(self, client: Conversation, target: Target, frame: bytes) -> None:
        """A voice frame was taken from a client here, and given to a person. What it says is not looked at."""
        room = client.places[int.from_bytes(frame[4:8], "big")].room.name
        head, now = voice.as_whispered(frame)[: voice.HEADER.size], self._node.clock.now()
        to = self._rows.name_of(target.to)
        self._voice(client.session.session, room, head, now, frame[4:12], target.here, to=to, size=len(frame))

    def heard(self, room: Room, frames: Sequence[bytes]) -> None:
        """Voice frames came from another node, and were given to their receivers here."""
        now = self._node.clock.now()
        for frame in frames:
            number = int.from_bytes(frame[4:10], "big")
            ssrc, seq = number >> 16, number & 0xFFFF
            if flow.is_sampled(ssrc, seq, self._one_in):
                times = self._remember("", seq, ssrc)
                times.shown, times.receivers = now, _quick(room.listeners.values())
                if times.receivers:
                    self._wait(times, None, now, ())

    def written(self) -> None:
        """All that waited for sockets was written."""
        if not self._waiting:
            return
        now = self._node.clock.now()
        waiting, self._waiting = self._waiting, []
        for times, row, since, wanting in waiting:
            times.written = now
            if row is not None:
                _give(row, now - since, wanting)

    def _voice(
        self,
        session: str,
        room: str,
        frame: bytes,
        heard: float,
        stream: bytes,
        listeners: Iterable[Outbox],
        *,
        to: str,
        size: int,
    ) -> None:
        """Count a frame at every tap; a row is made of it only where one wants it."""
        number = int.from_bytes(frame[4:10], "big")
        ssrc, seq = number >> 16, number & 0xFFFF
        row: FlowRow | None = None
        wanting: list[Tapped] = []
        for tapped in self._tapped.values():
            tapped.seen += 1
            if tapped.timed:
                wanting.append(tapped)
                continue
            fits = tapped.verdict(stream)
            if fits is None:
                row = row or self._rows.voice(session, room, frame, to=to, size=size)
                fits = tapped.judge(row, stream)
            if fits:
                tapped.count_voice()
                if flow.is_sampled(ssrc, seq, tapped.sampling):
                    wanting.append(tapped)
        if not wanting:
            return
        row = row or self._rows.voice(session, room, frame, to=to, size=size)
        times = self._remember("", seq, ssrc)
        times.taken, times.receivers = heard, _quick(listeners)
        if times.receivers:
            self._wait(times, row, heard, wanting)
        else:
            _give(row, self._node.clock.now() - heard, wanting)

    def _note(self, event: Event) -> None:
        own = any(tapped.deliver is not None for tapped in self._tapped.values())
        row = self._rows.of(event, speaks_for_the_lost=own)
        if row is not None:
            self._take(row)

    def _take(self, row: FlowRow) -> None:
        for tapped in self._tapped.values():
            tapped.take(row)

    def _receivers(self, record: Record) -> int:
        """To how many sessions of this node a text goes."""
        node = self._node
        if record.kind is Kind.WHISPER:
            to = texts.unpack(record.payload).to
            found = node.presence.addressed(to) if to else []
            return sum(one.session in node.conversations and one.session != record.session for one in found)
        if record.room:
            room = node.rooms.get(record.room)
            return 0 if room is None else len(room.outboxes) - (record.session in room.outboxes)
        return len(node.conversations) - (record.session in node.conversations)

    def _remember(self, origin: Origin, seq: int, ssrc: int) -> _Times:
        key = _key(origin, seq, ssrc)
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = _Times()
            if len(self._times) > PASSED:
                self._times.popitem(last=False)
        return times

    def _wait(self, times: _Times, row: FlowRow | None, since: float, wanting: Sequence[Tapped]) -> None:
        if len(self._waiting) < WAITING:
            self._waiting.append((times, row, since, wanting))


def _require_own(caller: NodeId, console: Origin) -> None:
    if node_of(console) != caller:
        raise BusError(f"the tap is of {console}")


def _key(origin: Origin, seq: int, ssrc: int) -> tuple[Origin, int, int]:
    """An ssrc is one in the cluster, so that a frame needs no origin."""
    return ("" if ssrc else origin, seq, ssrc)


def _quick(listeners: Iterable[Outbox]) -> int:
    """How many of them are not too slow for voice."""
    return sum(not (outbox.stalled or outbox.closed) for outbox in listeners)


def _give(row: FlowRow, seconds: float, wanting: Sequence[Tapped]) -> None:
    row = msgspec.structs.replace(row, latency=_ms(seconds))
    for tapped in wanting:
        tapped.take_voice(row)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
