"""A node's side of Flow: while a console looks, what passes here becomes rows, filtered here and sent to it alone.

Nobody looks most of the time. Then `Node.tap` is None, which is all that the paths of messages ask.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from bus.interface import PeerState
from bus.record import Kind, NodeId, Origin, Record
from server import flow, inquiry, messenger, texts
from server.events import (
    Deafened,
    Event,
    Moderated,
    PeerTurned,
    Revealed,
    RoomEntered,
    RoomLeft,
    SessionBegan,
    SessionEnded,
)
from server.flow import Batch, FlowRow, Held, Lease, Locate, Passed, Recall, Release
from server.query import Query, QueryError, parse
from server.rooms import Room
from server.session import SessionRecord
from server.wire import native, voice

if TYPE_CHECKING:
    from server.asides import Target
    from server.conversation import Conversation
    from server.node import Node

ROWS = 5_000
"""Rows but voice that one batch may hold; beyond it they are counted as lost."""

KEPT_BYTES = 4 << 20
"""Batches kept until the console has them, so that it can ask for those that got lost."""

BATCH_BYTES = 40_000
"""A batch is closed when its rows hold this much, well below what a cast may be."""

AGAIN_BYTES = 256 << 10
"""How much is sent again at once."""

PASSED = 4_096
"""Messages whose times are remembered."""

WAITING = 2_000
"""Messages whose writing is waited for."""

VERDICTS = 10_000

_DEEDS: dict[str, flow.RowKind] = {"kick": "kick", "mute": "mute", "unmute": "unmute"}


class _Times:
    """When one message passed here, in seconds of this node."""

    __slots__ = ("copies", "receivers", "shown", "taken", "written")

    def __init__(self) -> None:
        self.taken: float | None = None
        self.shown: float | None = None
        self.written: float | None = None
        self.copies = 0
        self.receivers = 0


class _Tapped:
    """One feed of one console, as this node serves it."""

    def __init__(self, lease: Lease, query: Query, *, life: int, deliver: Callable[[Batch], None] | None) -> None:
        self.life = life
        self.deliver = deliver
        """Where batches of the own console go; those of others are cast."""
        self.topic = flow.topic_of(lease.console, lease.feed)
        self.until = 0.0
        self.seen = 0
        self.matched = 0
        self.voice_matched = 0
        self.complete = 0
        self.number = 0
        self.rows: list[FlowRow] = []
        self.voice: list[FlowRow] = []
        self.kept: deque[tuple[int, bytes]] = deque()
        self.kept_bytes = 0
        self.told = (0, 0, 0)
        self.epoch = lease.epoch
        self.query = query
        self.verdicts: dict[bytes, bool] = {}
        self.renew(lease, query)

    def renew(self, lease: Lease, query: Query) -> None:
        """Take the newest word of the console."""
        if lease.epoch != self.epoch:
            self.epoch, self.query, self.verdicts = lease.epoch, query, {}
            self.seen = self.matched = self.voice_matched = 0
        self.sampling = max(1, lease.sampling)
        self.most = lease.most
        self.steady = query.fields <= flow.STEADY
        """All frames of an ssrc fit or none."""
        self.timed = "latency" in query.fields or "is" in query.fields
        """Whether a frame fits is known only when it is written."""
        while self.kept and lease.life == self.life and self.kept[0][0] <= lease.got:
            self.kept_bytes -= len(self.kept.popleft()[1])

    def take(self, row: FlowRow) -> None:
        """Look at a row that is not voice."""
        self.seen += 1
        if self.query.matches(row.get):
            self.matched += 1
            self.complete += 1
            if len(self.rows) < ROWS:
                self.rows.append(row)

    def judge(self, row: FlowRow, stream: bytes) -> bool:
        """Whether a frame fits, and where that is so of all frames of its stream, remember it."""
        fits = self.query.matches(row.get)
        if self.steady:
            if len(self.verdicts) >= VERDICTS:
                self.verdicts.clear()
            self.verdicts[stream] = fits
        return fits

    def take_voice(self, row: FlowRow) -> None:
        """Look at a frame that was written; it has been counted as seen."""
        if self.timed and not self.query.matches(row.get):
            return
        if self.timed:
            self.matched += 1
            self.voice_matched += 1
        if len(self.voice) < self.most and flow.is_sampled(row.ssrc, row.seq, self.sampling):
            self.voice.append(row)


class Taps:
    """The taps of one node: opened by calls of consoles, closed by their word or their silence."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tapped: dict[tuple[Origin, int], _Tapped] = {}
        self._times: OrderedDict[tuple[Origin, int, int], _Times] = OrderedDict()
        self._waiting: list[tuple[_Times, FlowRow | None, float, Sequence[_Tapped]]] = []
        self._unwatch: Callable[[], None] | None = None
        self._one_in = 1
        self._lives = 0

    # What consoles ask.

    def answer(self, body: bytes) -> bytes:
        """Do what a call of a console asks. Raises msgspec.MsgspecError."""
        request = flow.unpack_request(body)
        if isinstance(request, Lease):
            return msgspec.msgpack.encode(self.lease(request))
        if isinstance(request, Release):
            self.release(request.console, request.feed)
            return msgspec.msgpack.encode(None)
        if isinstance(request, Recall):
            return msgspec.msgpack.encode(inquiry.recall(self._node, request))
        return msgspec.msgpack.encode(self.passed(request))

    def lease(self, lease: Lease, deliver: Callable[[Batch], None] | None = None) -> Held:
        """Open a tap or let it go on."""
        now = self._node.clock.now()
        key = (lease.console, lease.feed)
        tapped = self._tapped.get(key)
        try:
            query = parse(lease.query, flow.FIELDS)
        except QueryError as error:
            return Held(self._node.name, self._node.bus.origin, now, 0, 1, [], refused=error.message)
        if tapped is None:
            self._lives += 1
            tapped = self._tapped[key] = _Tapped(lease, query, life=self._lives, deliver=deliver)
            self._open()
        else:
            tapped.renew(lease, query)
        self._one_in = min(one.sampling for one in self._tapped.values())
        tapped.until = now + flow.LEASE_ENDS
        floor = tapped.kept[0][0] if tapped.kept else tapped.number + 1
        return Held(self._node.name, self._node.bus.origin, now, tapped.life, floor, _again(tapped))

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

    def tick(self, now: float) -> None:
        """Send what was gathered, and close the taps whose consoles are silent; ten times a second."""
        for key, tapped in list(self._tapped.items()):
            if tapped.until <= now:
                self.release(*key)
            else:
                self._send(tapped)

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
        times = self._remember(self._node.bus.origin, seq, 0)
        if times.taken is None:
            times.taken = self._node.clock.now()

    def shown(self, record: Record, copies: int) -> None:
        """A record is in its place and was shown here."""
        if record.kind not in (Kind.TEXT, Kind.WHISPER, Kind.ANNOUNCEMENT):
            return
        node = self._node
        now = node.clock.now()
        times = self._remember(record.origin, record.seq, 0)
        times.shown, times.copies = now, copies
        times.receivers = self._receivers(record)
        if times.receivers:
            self._wait(times, None, now, ())
        if record.origin == node.bus.origin:
            latency = None if times.taken is None else round((now - times.taken) * 1000, 2)
            self._take(self._text_row(record, latency))

    def voice(self, session: str, room: Room, frame: bytes, heard: float) -> None:
        """A voice frame was taken from a client here and given to its room."""
        receivers = len(room.listeners) - (session in room.listeners)
        self._voice(session, room.name, frame, heard, frame[4:8], receivers, "room")

    def aside(self, client: Conversation, target: Target, frame: bytes) -> None:
        """A voice frame was taken from a client here and given to a person. What it says is not looked at."""
        ssrc = int.from_bytes(frame[4:8], "big")
        head = voice.as_whispered(frame)[: voice.HEADER.size]
        room, to = client.places[ssrc].room.name, self._name_of(target.to)
        now = self._node.clock.now()
        self._voice(client.session.session, room, head, now, frame[4:12], len(target.here), to, len(frame))

    def _voice(
        self,
        session: str,
        room: str,
        frame: bytes,
        heard: float,
        stream: bytes,
        receivers: int,
        to: str,
        size: int | None = None,
    ) -> None:
        number = int.from_bytes(frame[4:10], "big")
        ssrc, seq = number >> 16, number & 0xFFFF
        wanting: list[_Tapped] = []
        row: FlowRow | None = None
        for tapped in self._tapped.values():
            tapped.seen += 1
            if tapped.timed:
                wanting.append(tapped)
                continue
            fits = tapped.verdicts.get(stream) if tapped.steady else None
            if fits is None:
                row = row or self._voice_row(session, room, frame, ssrc, seq, to, size)
                fits = tapped.judge(row, stream)
            if fits:
                tapped.matched += 1
                tapped.voice_matched += 1
                if (ssrc + seq) % tapped.sampling == 0:
                    wanting.append(tapped)
        if not wanting:
            return
        row = row or self._voice_row(session, room, frame, ssrc, seq, to, size)
        times = self._remember(self._node.bus.origin, seq, ssrc)
        times.taken, times.receivers = heard, receivers
        if receivers:
            self._wait(times, row, heard, wanting)
        else:
            _deliver(row, heard, self._node.clock.now(), wanting)

    def heard(self, room: Room, frames: Sequence[bytes]) -> None:
        """Voice frames came from another node and were given to their receivers here."""
        now = self._node.clock.now()
        for frame in frames:
            number = int.from_bytes(frame[4:10], "big")
            ssrc, seq = number >> 16, number & 0xFFFF
            if (ssrc + seq) % self._one_in == 0:
                times = self._remember("", seq, ssrc)
                times.shown = now
                times.receivers = len(room.listeners)
                if times.receivers:
                    self._wait(times, None, now, ())

    def written(self) -> None:
        """All that waited for sockets was written."""
        if not self._waiting:
            return
        now = self._node.clock.now()
        waiting, self._waiting = self._waiting, []
        for times, row, heard, wanting in waiting:
            times.written = now
            if row is not None:
                _deliver(row, heard, now, wanting)

    # Rows.

    def _note(self, event: Event) -> None:
        here = self._node.node_id
        match event:
            case RoomEntered(room, record) if record.node == here:
                self._take(self._coming("join", room, record, self._joined(room, record)))
            case RoomLeft(room, record, reason) if record.node == here or self._speaks_for(record.node):
                left = native.MemberLeft(room=room, session=record.session, reason=reason)
                self._take(self._coming("leave", room, record, native.encode(left)))
            case Moderated() if event.origin == self._node.bus.origin:
                self._take(self._deed(event))
            case Deafened(record, on):
                self._take(self._fact("deafen", record, {"type": "deafen", "on": on}))
            case SessionBegan(record):
                said = {"type": "hello", "session": record.session, "user": record.user, "client": record.client}
                self._take(self._fact("hello", record, said))
            case SessionEnded(record, reason):
                self._take(self._fact("bye", record, {"type": "bye", "session": record.session, "reason": reason}))
            case PeerTurned(node, name, state):
                said = {"type": "peer", "node": node, "name": name, "state": state}
                self._take(self._row("peer", sender=name, data=msgspec.json.encode(said)))
            case Revealed(by, origin, seq, reason):
                said = {"type": "reveal", "by": by.name, "user": by.user, "reason": reason}
                data = msgspec.json.encode({**said, "origin": origin, "seq": seq})
                self._take(
                    self._row("reveal", sender=by.name, sender_session=by.session, origin=origin, seq=seq, data=data)
                )

    def _speaks_for(self, node: NodeId) -> bool:
        """Whether it tells who was lost with another node, which cannot: where its own console looks."""
        own = any(tapped.deliver is not None for tapped in self._tapped.values())
        return own and self._node.cards.state_of(node) in (None, PeerState.DOWN)

    def _take(self, row: FlowRow) -> None:
        for tapped in self._tapped.values():
            tapped.take(row)

    def _row(self, kind: flow.RowKind, **fields: object) -> FlowRow:
        return FlowRow(self._node.clock.wall_ms(), self._node.name, kind, **fields)  # type: ignore[arg-type]

    def _coming(self, kind: flow.RowKind, room: str, record: SessionRecord, data: bytes) -> FlowRow:
        return self._row(
            kind,
            room=room,
            sender=record.name,
            sender_session=record.session,
            to="room",
            size=len(data),
            data=data,
        )

    def _fact(self, kind: flow.RowKind, record: SessionRecord, said: Mapping[str, object]) -> FlowRow:
        return self._row(kind, sender=record.name, sender_session=record.session, data=msgspec.json.encode(said))

    def _deed(self, event: Moderated) -> FlowRow:
        room, by = event.room, event.by
        told = native.Moderated(action=event.action, by=by.name, reason=event.reason, until=event.until, room=room)
        data = native.encode(told)
        return FlowRow(
            at=event.at,
            node=self._node.name,
            kind=_DEEDS[event.action],
            room=room or "",
            sender=by.name,
            sender_session=by.session,
            to=event.name,
            size=len(data),
            origin=event.origin,
            seq=event.seq,
            data=data,
        )

    def _joined(self, room: str, record: SessionRecord) -> bytes:
        member = next((one for one in self._node.members(room) if one.session == record.session), None)
        return b"" if member is None else native.encode(native.MemberJoined(room=room, member=member))

    def _text_row(self, record: Record, latency: float | None) -> FlowRow:
        text = texts.unpack(record.payload)
        data = native.encode(messenger.delivered(record, text))
        private = record.kind is Kind.WHISPER
        return FlowRow(
            at=text.at,
            node=self._node.name,
            kind="whisper" if private else "announcement" if record.kind is Kind.ANNOUNCEMENT else "chat",
            room=record.room,
            sender=text.name,
            sender_session=record.session,
            to=self._name_of(text.to) if private else "room" if record.room else "all",
            size=len(data),
            latency=latency,
            origin=record.origin,
            seq=record.seq,
            id="" if record.id is None else str(record.id),
            data=b"" if private else data,
        )

    def _voice_row(
        self, session: str, room: str, frame: bytes, ssrc: int, seq: int, to: str, size: int | None
    ) -> FlowRow:
        node = self._node
        record = node.presence.present.get(session)
        return FlowRow(
            at=node.clock.wall_ms(),
            node=node.name,
            kind="voice",
            room=room,
            sender=record.name if record else "",
            sender_session=session,
            to=to,
            size=len(frame) if size is None else size,
            origin=node.bus.origin,
            seq=seq,
            ssrc=ssrc,
            data=frame,
        )

    def _name_of(self, to: native.Address | None) -> str:
        """The name of whom a whisper is for."""
        if to is None:
            return ""
        found = self._node.presence.addressed(to)
        return found[0].name if found else to.user or to.session or ""

    def _receivers(self, record: Record) -> int:
        """To how many sessions of this node a text goes."""
        if record.kind is Kind.WHISPER:
            text = texts.unpack(record.payload)
            here = self._node.conversations
            found = self._node.presence.addressed(text.to) if text.to else []
            return sum(one.session in here and one.session != record.session for one in found)
        if record.room:
            room = self._node.rooms.get(record.room)
            return 0 if room is None else len(room.outboxes) - (record.session in room.outboxes)
        return len(self._node.conversations) - (record.session in self._node.conversations)

    def _remember(self, origin: Origin, seq: int, ssrc: int) -> _Times:
        key = _key(origin, seq, ssrc)
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = _Times()
            if len(self._times) > PASSED:
                self._times.popitem(last=False)
        return times

    def _wait(self, times: _Times, row: FlowRow | None, since: float, wanting: Sequence[_Tapped]) -> None:
        if len(self._waiting) < WAITING:
            self._waiting.append((times, row, since, wanting))

    # Batches.

    def _send(self, tapped: _Tapped) -> None:
        totals = (tapped.epoch, tapped.seen, tapped.matched)
        if not (tapped.rows or tapped.voice) and totals == tapped.told:
            return
        tapped.told = totals
        rows, tapped.rows = tapped.rows, []
        frames, tapped.voice = tapped.voice, []
        if tapped.deliver is not None:
            tapped.number += bool(rows)
            tapped.deliver(self._batch(tapped, rows, frames, tapped.complete))
            return
        wanted = self._node.bus.wanted(tapped.topic)
        complete = tapped.complete - len(rows)
        for piece in _pieces(rows):
            tapped.number += 1
            complete += len(piece)
            packed = msgspec.msgpack.encode(self._batch(tapped, piece, [], complete))
            self._keep(tapped, packed)
            if wanted:
                self._node.bus.cast(tapped.topic, packed)
        if wanted:
            for piece in _pieces(frames) or ([] if rows else [[]]):
                packed = msgspec.msgpack.encode(self._batch(tapped, [], piece, complete))
                self._node.bus.cast(tapped.topic, packed)

    def _batch(self, tapped: _Tapped, rows: list[FlowRow], voice: list[FlowRow], complete: int) -> Batch:
        return Batch(
            origin=self._node.bus.origin,
            life=tapped.life,
            number=tapped.number,
            rows=rows,
            voice=voice,
            complete=complete,
            epoch=tapped.epoch,
            seen=tapped.seen,
            matched=tapped.matched,
            voice_matched=tapped.voice_matched,
        )

    def _keep(self, tapped: _Tapped, packed: bytes) -> None:
        tapped.kept.append((tapped.number, packed))
        tapped.kept_bytes += len(packed)
        while tapped.kept_bytes > KEPT_BYTES:
            tapped.kept_bytes -= len(tapped.kept.popleft()[1])


def _key(origin: Origin, seq: int, ssrc: int) -> tuple[Origin, int, int]:
    """An ssrc is one in the cluster, so that a frame needs no origin."""
    return ("" if ssrc else origin, seq, ssrc)


def _deliver(row: FlowRow, heard: float, now: float, wanting: Sequence[_Tapped]) -> None:
    row = msgspec.structs.replace(row, latency=round((now - heard) * 1000, 2))
    for tapped in wanting:
        tapped.take_voice(row)


def _again(tapped: _Tapped) -> list[msgspec.Raw]:
    """What was sent and not acknowledged, oldest first, as much as one answer carries."""
    again: list[msgspec.Raw] = []
    size = 0
    for _, packed in tapped.kept:
        size += len(packed)
        if again and size > AGAIN_BYTES:
            break
        again.append(msgspec.Raw(packed))
    return again


def _pieces(rows: list[FlowRow]) -> list[list[FlowRow]]:
    """`rows` in pieces that each fit a cast."""
    pieces: list[list[FlowRow]] = []
    size = BATCH_BYTES + 1
    for row in rows:
        size += 200 + len(row.data)
        if size > BATCH_BYTES:
            pieces.append([])
            size = 200 + len(row.data)
        pieces[-1].append(row)
    return pieces
