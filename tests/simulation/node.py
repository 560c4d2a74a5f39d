"""One node of a schedule: the product's engine, feeds and presence, joined as `server.node` joins them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from bus.interface import Bounds, Peer, PeerState
from bus.keys import Identity
from bus.record import Kind, NodeId, Origin, Record
from server import session as sessions
from server import texts
from server.audience import audience_of, audiences, room_of
from server.feeds import TICK_SECONDS, Asked, Feeds
from server.messenger import delivered
from server.presence import Presence
from server.session import Role, Seat, SessionRecord
from server.texts import ANSWER_SECONDS, Text
from server.wire import native
from server.wire.native import Address
from tests.simulation.network import NodeClock

if TYPE_CHECKING:
    from tests.simulation.client import Connection
    from tests.simulation.world import World

FIND_SECONDS = 0.5
"""How long a node looks for a session that it does not know before it takes the client's word."""

CALL_SECONDS = 3.0


def render(record: Record) -> bytes:
    """The frame of a text."""
    return native.encode(delivered(record, texts.unpack(record.payload)))


class Node:
    """Listens to its bus and serves connections."""

    def __init__(self, world: World, name: str, identity: Identity, peers: Sequence[str], bounds: Bounds) -> None:
        self.world = world
        self.name = name
        self.clock = NodeClock(world.network.clock)
        self.bus = world.network.memory.bus(identity, address=name, peers=peers, bounds=bounds)
        self.feeds = Feeds(self.bus, bounds=bounds, render=render)
        self.presence = Presence()
        self.alive = True
        self.synced = False
        self.connections: dict[Connection, None] = {}
        self._waiting: list[Callable[[], None]] = []
        self.presence.revive(self.bus.origin)
        self.bus.open(self, clock=self.clock)
        self.replica = self.bus._running
        self.clock.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        if self.alive:
            self.feeds.tick(self.clock.time())
            self.clock.call_later(TICK_SECONDS, self._tick)

    # --- what the bus delivers ------------------------------------------------------------------------------

    def on_record(self, record: Record, copies: int) -> None:
        self.world.worked(self, record, copies)
        if record.kind is Kind.SESSION:
            self.feeds.timeline.work(record.origin, record.seq)
            session = sessions.unpack(record.payload)
            if record.origin != self.bus.origin:
                self.presence.merge(record.origin, session, lamport=record.lamport)
            if session.ended:
                self.world.endings.note(self, session, (record.origin, record.seq))
            if session.ended and self.presence.known(session.session) is None:
                self._put_out(session)
            else:
                self.feeds.own(record, (session.n, record.lamport, record.origin))
        else:
            self.feeds.work(record, audience_of(record))

    def on_gap(self, origin: Origin, upto: int) -> None:
        self.world.gap(self, origin, upto)
        self.feeds.gap(origin, upto)

    def on_fenced(self, origin: Origin) -> None:
        self.world.fenced(self, origin)

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        raise AssertionError("nobody casts here")

    def on_call(self, caller: NodeId, body: bytes) -> bytes | Awaitable[bytes]:
        return self._kick(body.decode())

    def on_peer(self, peer: Peer) -> None:
        if peer.left or peer.state is PeerState.DOWN:
            self.presence.lose(peer.origin)
        else:
            self.presence.revive(peer.origin)

    def on_forgotten(self, origin: Origin) -> None:
        self.world.forgot(self, origin)
        self.presence.forget(origin)
        self.feeds.timeline.forget(origin)

    def on_synced(self) -> None:
        self.synced = True
        waiting, self._waiting = self._waiting, []
        for ready in waiting:
            ready()

    # --- what clients ask -----------------------------------------------------------------------------------

    def hello(self, connection: Connection) -> None:
        """A client says hello, with a session or without."""
        self.connections[connection] = None
        if self.synced:
            self._look(connection, self.clock.time() + FIND_SECONDS)
        else:
            self._waiting.append(lambda: self._look(connection, self.clock.time() + FIND_SECONDS))

    def _look(self, connection: Connection, until: float) -> None:
        if connection.over or not self.alive:
            return
        resumes = connection.cursors is not None
        key = self.presence.key(connection.session)
        if key is not None and self.presence.known(connection.session) is None:
            connection.close(4410)
        elif key is not None and key[0] > connection.n:
            connection.close(4409)
        elif resumes and key is None and self.clock.time() < until:
            self.clock.call_later(0.1, self._look, connection, until)
        elif resumes:
            self._resume(connection)
        else:
            self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        connection.record = self._record(connection)
        key = self.write(connection)
        connection.feed = self.feeds.begin(
            connection.session, key, connection, audiences=audiences(connection.record)
        )
        connection.is_live = True
        connection.tell("welcome", cursors=self.feeds.timeline.cursors(), rooms=[], recovered=None, gaps=[])
        connection.tell("live")

    def _resume(self, connection: Connection) -> None:
        assert connection.cursors is not None, "who resumes brings cursors"
        known = self.presence.known(connection.session)
        if known is None:
            record = self._record(connection)
            for room in connection.rooms:
                record = record.seated(self._seat(room))
        else:
            record = known.moved(node=self.bus.node, node_name=self.name, n=connection.n, ip="")
        connection.record = record
        heard = audiences(record)
        missing = self.feeds.missing(connection.cursors, heard)
        key = self.write(connection)
        connection.feed = self.feeds.resume(
            connection.session, key, connection, audiences=heard, cursors=connection.cursors
        )
        rooms = [seat.room for seat in record.seats]
        gaps = rooms if known is None else [room for room in map(room_of, missing) if room]
        connection.tell("welcome", cursors={}, rooms=rooms, recovered=not missing and known is not None, gaps=gaps)

    def write(self, connection: Connection) -> tuple[int, int, Origin]:
        """Write a session ahead; returns by what it is this node's now."""
        record = connection.record
        last = record.ended and not record.is_for_good
        written = self.bus.append(Kind.SESSION, sessions.pack(record), session=record.session, last=last)
        self.presence.merge(self.bus.origin, record, lamport=written.lamport)
        key = (record.n, written.lamport, self.bus.origin)
        if connection.feed is not None:
            connection.feed.key = key
        return key

    def _record(self, connection: Connection) -> SessionRecord:
        return SessionRecord(
            session=connection.session,
            user=connection.session,
            name=connection.session,
            role=Role.USER,
            node=self.bus.node,
            node_name=self.name,
            n=connection.n,
            connected=0,
            client="",
            ip="",
        )

    @staticmethod
    def _seat(room: str) -> Seat:
        return Seat(room=room, ssrc=1, joined=0, order=1)

    def join(self, connection: Connection, room: str) -> None:
        """A client enters a room."""
        if self._serves(connection) and connection.record.seat(room) is None:
            connection.record = connection.record.seated(self._seat(room))
            self._listen(connection)
            connection.tell("joined", room=room, cursors=self.feeds.timeline.cursors())

    def leave(self, connection: Connection, room: str) -> None:
        """A client leaves a room."""
        if self._serves(connection) and connection.record.seat(room) is not None:
            connection.record = connection.record.unseated(room, "left")
            self._listen(connection)
            connection.tell("left", room=room)

    def _listen(self, connection: Connection) -> None:
        self.write(connection)
        assert connection.feed is not None, "who is served is fed"
        self.feeds.listen(connection.feed, audiences(connection.record))

    def say(self, connection: Connection, id: int, to: str) -> None:
        """A client says something in a room, or whispers to a session."""
        if not self._serves(connection):
            return
        session = connection.session
        if not self.feeds.is_known(session, id) and to.startswith("r/") and connection.record.seat(to[2:]) is None:
            connection.tell("refused", id=id)
            return
        asked = Asked(
            session,
            id,
            self.clock.time() + ANSWER_SECONDS,
            partial(self._shown, connection, id),
            partial(connection.tell, "unavailable", id=id),
        )
        self.feeds.say(asked, partial(self._write_text, session, id, to))

    def _write_text(self, session: str, id: int, to: str, after: dict[Origin, int]) -> Record:
        room = to[2:] if to.startswith("r/") else ""
        self.world.endings.served(self, session, self.feeds.feeds[session].key[0])
        payload = texts.pack(Text(0, session, session, str(id), None if room else Address(session=to[2:])))
        kind = Kind.TEXT if room else Kind.WHISPER
        return self.bus.append(kind, payload, room=room, session=session, id=id, after=after)

    def _shown(self, connection: Connection, id: int, record: Record, copies: int, asked: bool) -> None:
        if asked:
            connection.tell("sent", id=id, origin=record.origin, seq=record.seq, copies=copies)

    # --- sessions that end ----------------------------------------------------------------------------------

    def go(self, connection: Connection) -> None:
        """A client closes with 1000: its session is over."""
        if connection.feed is self.feeds.feeds.get(connection.session) is not None:
            self._end(connection, "left")
        self.gone(connection)

    def kick(self, session: str) -> None:
        """A moderator who is here ends a session, wherever it is."""
        record = self.presence.known(session)
        if record is None:
            return
        if record.node == self.bus.node:
            self._kick(session)
        else:
            self.bus.ask(record.node, session.encode(), timeout=CALL_SECONDS, done=lambda answer: None)

    def _kick(self, session: str) -> bytes:
        feed = self.feeds.feeds.get(session)
        if feed is None:
            return b"gone"
        connection = cast("Connection", feed.reader)
        self._end(connection, "kicked")
        connection.close(4403)
        return b"done"

    def _end(self, connection: Connection, reason: str) -> None:
        connection.record = connection.record.over(reason)
        self.world.endings.note(self, connection.record)
        self.write(connection)
        assert connection.feed is not None, "who is served is fed"
        self.feeds.end(connection.feed)

    def _put_out(self, session: SessionRecord) -> None:
        """Another node has ended a session: who has it here goes."""
        feed = self.feeds.feeds.get(session.session)
        if feed is not None:
            self.feeds.end(feed)
            cast("Connection", feed.reader).close(4403 if session.is_for_good else 4410)

    def _serves(self, connection: Connection) -> bool:
        return connection.is_live and connection.feed is self.feeds.feeds.get(connection.session)

    def gone(self, connection: Connection) -> None:
        """The socket of a client has ended."""
        self.connections.pop(connection, None)
        if connection.feed is not None:
            self.feeds.end(connection.feed)

    def crash(self, *, told: bool) -> None:
        """Lose everything at once."""
        self.alive = False
        self.bus.vanish(told=told)
        for connection in list(self.connections):
            connection.cut()
