"""One node of a schedule: the product's engine, feeds, presence and custody, joined as `server.node` joins them."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Self, cast

from bus.interface import Bounds, Peer, PeerState
from bus.keys import Identity
from bus.record import Kind, NodeId, Origin, Record
from server import rulings, texts
from server import session as sessions
from server.audience import audience_of, audiences, room_of
from server.closing import ELSEWHERE, KICKED, SESSION_OVER
from server.conversation import Conversation
from server.counters import Counters
from server.custody import Custody
from server.events import Event, SessionEnded
from server.exclusion import Exclusion
from server.feeds import TICK_SECONDS, Asked, Feeds
from server.hearsay import CALL as LIVES_CALL
from server.messenger import delivered
from server.orders import CALL as RULING
from server.orders import Orders
from server.presence import Change, Presence
from server.rulings import Ruling, Rulings
from server.session import Actor, Role, Seat, SessionRecord
from server.takeover import LOOK_SECONDS, Elsewhere, Over, Resume, Unknown, decide
from server.texts import ANSWER_SECONDS, Text
from server.wire import native
from server.wire.native import Address
from tests.simulation.network import NodeClock

if TYPE_CHECKING:
    from server.node import Node as ServerNode
    from tests.simulation.client import Connection
    from tests.simulation.world import World

AGAIN_SECONDS = 0.1
"""After so long it is looked again for a session that is not known."""

CALL_SECONDS = 3.0


def render(record: Record) -> bytes:
    """The frame of a text."""
    return native.encode(delivered(record, texts.unpack(record.payload)))


class Node:
    """Listens to its bus and serves connections."""

    def __init__(
        self,
        world: World,
        name: str,
        identity: Identity,
        peers: Sequence[str],
        bounds: Bounds,
        *,
        stored: Sequence[Ruling] = (),
    ) -> None:
        self.world = world
        self.name = name
        self.clock = NodeClock(world.network.clock)
        self.bus = world.network.memory.bus(identity, address=name, peers=peers, bounds=bounds)
        self.feeds = Feeds(self.bus, bounds=bounds, render=render)
        self.presence = Presence()
        self.node_id = self.bus.node
        self.config = world.patience
        self.moderation = Nothing()
        self.counters = Counters()
        self.rulings = Rulings(now=self.clock.now())
        self.orders = Orders(cast("ServerNode", self))
        self.custody = Custody(cast("ServerNode", self))
        self.alive = True
        self.synced = False
        self.connections: dict[Connection, None] = {}
        self.conversations: dict[str, Connection] = {}
        """By session, those that it serves."""
        self._waiting: list[Callable[[], None]] = []
        self._lives: dict[NodeId, Origin] = {}
        self.exclusion = Exclusion(cast("ServerNode", self))
        self.orders.restore(stored)
        self.presence.revive(self.bus.origin)
        self.bus.open(self, clock=self.clock)
        self.replica = self.bus._running
        self.clock.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        if self.alive:
            self.custody.tick(self.clock.time())
            self.orders.tick(self.clock.time())
            self.exclusion.tick(self.clock.time())
            self.feeds.tick(self.clock.time())
            self.clock.call_later(TICK_SECONDS, self._tick)

    # --- what custody asks of its node ----------------------------------------------------------------------

    def tell(self, changes: Sequence[Change]) -> None:
        """Rooms and their members are no part of this."""

    def emit(self, event: Event) -> None:
        """Note which sessions end by the hand of this node."""
        if isinstance(event, SessionEnded):
            self.world.endings.note(self, event.record.over(event.reason))

    # --- what the bus delivers ------------------------------------------------------------------------------

    def on_record(self, record: Record, copies: int) -> None:
        self.world.worked(self, record, copies)
        if record.kind is Kind.SESSION:
            self.feeds.timeline.work(record.origin, record.seq)
            session = sessions.unpack(record.payload)
            if session.ended:
                self.world.endings.note(self, session, (record.origin, record.seq))
            if record.origin != self.bus.origin:
                self.custody.take(record, session)
        elif record.kind is Kind.RULING:
            self.feeds.timeline.work(record.origin, record.seq)
            self.world.decisions.listed(rulings.unpack(record.payload), copies)
            self.orders.read(record)
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
        if body.startswith(LIVES_CALL):
            return self.custody.answer(body)
        if body.startswith(RULING):
            return self.orders.answer(body)
        self._put_out(body.decode())
        return b""

    def on_peer(self, peer: Peer) -> None:
        former, self._lives[peer.node] = self._lives.get(peer.node), peer.origin
        if former is not None and former != peer.origin:
            self.presence.lose(former)
        if peer.left or peer.state is PeerState.DOWN:
            self.presence.lose(peer.origin)
        else:
            self.presence.revive(peer.origin)

    def on_forgotten(self, origin: Origin) -> None:
        self.world.forgot(self, origin)
        self.presence.forget(origin)
        self.orders.forget(origin)
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
            self._look(connection, self.clock.time() + LOOK_SECONDS)
        else:
            self._waiting.append(lambda: self._look(connection, self.clock.time() + LOOK_SECONDS))

    def _look(self, connection: Connection, until: float) -> None:
        if connection.over or not self.alive:
            return
        if self.is_banned(connection.name):
            connection.close(KICKED)
            return
        match decide(self.presence, connection.name, connection.n):
            case Over():
                connection.close(SESSION_OVER)
            case Elsewhere():
                connection.close(ELSEWHERE)
            case _ if connection.cursors is None:
                self._begin(connection)
            case Resume(known, n):
                record = known.moved(node=self.bus.node, node_name=self.name, n=n, ip="")
                missing = self.feeds.missing(connection.cursors or {}, audiences(record))
                gaps = [room for room in map(room_of, missing) if room]
                self._go_on(connection, record, gaps=gaps, recovered=not missing)
            case Unknown() if self.clock.time() < until:
                self.clock.call_later(AGAIN_SECONDS, self._look, connection, until)
            case Unknown():
                record = self._record(connection)
                for room in connection.rooms:
                    record = record.seated(self._seat(room))
                self._go_on(connection, record, gaps=list(connection.rooms), recovered=False)

    def _begin(self, connection: Connection) -> None:
        older = self.conversations.get(connection.name)
        connection.record = self._record(connection)
        self.custody.begin(cast(Conversation, connection))
        if older is not None:  # sessions of the product have a new id each time
            older.close(ELSEWHERE)
        connection.is_live = True
        connection.tell("welcome", cursors=self.feeds.timeline.cursors(), rooms=[], recovered=None, gaps=[])
        connection.tell("live")

    def _go_on(self, connection: Connection, record: SessionRecord, *, gaps: list[str], recovered: bool) -> None:
        assert connection.cursors is not None, "who resumes brings cursors"
        self.custody.resume(cast(Conversation, connection), record, connection.cursors)
        rooms = [seat.room for seat in record.seats]
        connection.tell("welcome", cursors={}, rooms=rooms, recovered=recovered, gaps=gaps)

    def _record(self, connection: Connection) -> SessionRecord:
        return SessionRecord(
            session=connection.name,
            user=connection.name,
            name=connection.name,
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
        if self._serves(connection) and connection.session.seat(room) is None:
            connection.revise(connection.session.seated(self._seat(room)))
            connection.tell("joined", room=room, cursors=self.feeds.timeline.cursors())

    def leave(self, connection: Connection, room: str) -> None:
        """A client leaves a room."""
        if self._serves(connection) and connection.session.seat(room) is not None:
            connection.revise(connection.session.unseated(room, "left"))
            connection.tell("left", room=room)

    def say(self, connection: Connection, id: int, to: str) -> None:
        """A client says something in a room, or whispers to a session."""
        if not self._serves(connection):
            return
        session = connection.name
        known = self.feeds.is_known(session, id)
        if not known and to.startswith("r/") and connection.session.seat(to[2:]) is None:
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
        self.world.endings.served(self, session, self.hello_of(session))
        payload = texts.pack(Text(0, session, session, str(id), None if room else Address(session=to[2:])))
        kind = Kind.TEXT if room else Kind.WHISPER
        return self.bus.append(kind, payload, room=room, session=session, id=id, after=after)

    def _shown(self, connection: Connection, id: int, record: Record, copies: int, asked: bool) -> None:
        if asked:
            connection.tell("sent", id=id, origin=record.origin, seq=record.seq, copies=copies)

    def hello_of(self, session: str) -> int:
        """By which hello of its client a session is served here."""
        return self.conversations[session].session.n

    def _serves(self, connection: Connection) -> bool:
        return connection.is_live and self.conversations.get(connection.name) is connection

    def gone(self, connection: Connection) -> None:
        """The socket of a client has ended."""
        self.connections.pop(connection, None)
        self.custody.lose(cast(Conversation, connection))

    def go(self, connection: Connection) -> None:
        """A client closes with 1000: its session is over."""
        self.connections.pop(connection, None)
        self.custody.end(cast(Conversation, connection), "left")

    # --- what moderators do ---------------------------------------------------------------------------------

    def kick(self, session: str) -> None:
        """A moderator who is here puts a session out, wherever it is."""
        executor = self.custody.acts_for(session)
        if executor == self.bus.node:
            self._put_out(session)
        elif executor is not None:
            self.bus.ask(executor, session.encode(), timeout=CALL_SECONDS, done=lambda answer: None)

    def _put_out(self, session: str) -> None:
        connection, known = self.conversations.get(session), self.presence.known(session)
        if connection is not None:
            self.custody.end(cast(Conversation, connection), "kicked")
            connection.close(KICKED)
        elif known is not None and self.custody.acts_for(session) == self.bus.node:
            self.custody.finish(known, "kicked")

    def decide(self, by: Actor, key: str, value: object, seconds: float | None) -> None:
        """A moderator who is here decides, and every node that is there is told at once."""
        body = RULING + rulings.pack(self.orders.decide(by, key, value, seconds=seconds))
        for peer in self.bus.peers():
            if peer.state is not PeerState.DOWN:
                self.bus.ask(peer.node, body, timeout=CALL_SECONDS, done=lambda answer: None)

    def is_banned(self, session: str) -> bool:
        """Whether somebody may not come in, as far as this node knows."""
        return self.exclusion.bans.against(session, "", Role.USER) is not None

    # --- its end --------------------------------------------------------------------------------------------

    def crash(self, *, told: bool) -> None:
        """Lose everything at once."""
        self.alive = False
        self.world.decisions.keep(self)
        self.bus.vanish(told=told)
        for connection in list(self.connections):
            connection.cut()


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """After how long a session without a connection is lost, and over."""

    lost_seconds: float = 30.0
    resume_seconds: int = 300


class Nothing:
    """Mutes are no part of this, nor what is told of bans."""

    @property
    def execution(self) -> Self:
        return self

    def tell(self, record: SessionRecord, *what: object) -> None:
        """Nobody watches."""

    def follow(self, record: SessionRecord) -> None:
        """Nobody is muted."""
