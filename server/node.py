"""One node: owner of sessions, rooms and texts; everything that happens passes through here."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bus.interface import Bus, BusError, Peer, PeerState
from bus.record import ClientId, Kind, NodeId, Origin, Record
from server import asides, messenger, recorder
from server import session as sessions
from server.asides import Asides
from server.attendance import Attendance
from server.audit import Audit
from server.backfill import CALL as AUDIT
from server.backfill import Backfill
from server.cards import CardBoard
from server.clock import Clock, SystemClock
from server.closing import RESTARTING, SHUTDOWN, Closing
from server.config import Config
from server.conversation import Conversation
from server.copies import Copies
from server.counters import Counters
from server.custody import Custody
from server.departure import CALL as DRAIN
from server.departure import Departure
from server.entrance import TurnedAway
from server.events import Event, NodeChanged, PeerTurned, SpeakersChanged
from server.exclusion import Exclusion
from server.exposure import Exposure
from server.feeds import Feeds
from server.flow import CALL as FLOW
from server.folder import Folder
from server.gossip import Gossip
from server.hearsay import CALL as LIVES_CALL
from server.housekeeper import Housekeeper
from server.identity import LEEWAY_SECONDS, Tokens
from server.interruptions import Interruptions
from server.keyring import CALL as KEYS
from server.keyring import Keyring
from server.limits import Quotas
from server.links import Links
from server.messenger import Messenger
from server.moderation import Moderation
from server.orders import CALL as RULING
from server.orders import Orders
from server.outbox import Outbox, Post
from server.presence import Change, Presence
from server.reception import Reception
from server.refusals import Refusals
from server.reports import Reports
from server.resumption import LIVES
from server.rooms import Room
from server.roundtrips import RoundTrips
from server.rulings import Rulings
from server.session import Seat, SessionRecord
from server.speech import TOPIC as SPEAKERS
from server.speech import Speech
from server.store.interface import Store
from server.store.rows import StoreError
from server.tap import Taps
from server.tasks import Tasks
from server.unreadable import UNREADABLE
from server.wire import native, voice
from server.wire.native import Code, Refused
from server.wire.websocket import binary_frame, text_frame

logger = logging.getLogger(__name__)


class Node:
    """The rules of one node. It holds the state; sockets, timers and windows call it and are told."""

    def __init__(self, config: Config, bus: Bus, tokens: Tokens, *, clock: Clock | None = None) -> None:
        self.config = config
        self.bus = bus
        self.tokens = tokens
        self.clock: Clock = clock or SystemClock()
        self.name = config.name
        self.node_id = bus.node
        self.url = ""
        self.http = ""
        self.exposure = Exposure()
        """How clients come in; told by who owns the port."""
        self.folder = Folder(config.data_dir)
        self.started = self.clock.wall_ms()
        self.fenced = False
        """Another process runs under this node's id: this one has nothing to say any more."""
        self.give_way: Callable[[], None] = _nothing
        """Ends this process, for that reason; set by who runs it."""
        self.soon: Callable[[Callable[[], None]], object] = _never
        """Calls something in the next turn of the loop; set by who owns that."""
        self.turned_away: Mapping[str, TurnedAway] = {}
        """Addresses whose connections were refused here; set by who listens."""
        self.synced = False
        self.counters = Counters()
        self.post = Post()
        self.tasks = Tasks()
        self.departure = Departure(self)
        self.presence = Presence(remember=LIVES * config.resume_seconds + LEEWAY_SECONDS)
        self.speech = Speech(bus.node)
        self.interruptions = Interruptions(bus.node)
        self.round_trips = RoundTrips()
        self.refusals = Refusals()
        self.quotas = Quotas(address_requests=config.address_requests)
        self.links = Links(bus.node)
        self.rooms: dict[str, Room] = {}
        """The rooms that have members, in the order of opening."""
        self.conversations: dict[str, Conversation] = {}
        """Session id to conversation, of the sessions that live here."""
        self.feeds = Feeds(bus, bounds=config.bounds, render=messenger.frame)
        self.keyring = Keyring(self)
        self._attendance = Attendance(self)
        self._gossip = Gossip(self)
        self.custody = Custody(self)
        self.reception = Reception(self)
        self.rulings = Rulings(now=self.clock.now())
        self.orders = Orders(self)
        self.audit = Audit(self)
        self.backfill = Backfill(self)
        self.cards = CardBoard(self)
        self.copies = Copies(self)
        self.messenger = Messenger(self)
        self.asides = Asides(self)
        self.exclusion = Exclusion(self)
        self.moderation = Moderation(self)
        self.settings = Housekeeper(self)
        self.reports = Reports(self)
        self.taps = Taps(self)
        self.tap: Taps | None = None
        """The taps while any console looks at the flow of messages, else None: then it costs this look."""
        self.store: Store | None = None
        """What is kept beyond the life of processes; set before the start by who opened it, None where nothing is."""
        self._urls: list[str] = []
        self._awaiting_sync: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[Event], None]] = [self.audit.look]
        self.readers: dict[Kind, Callable[[Record], None]] = {
            Kind.SESSION: self._read_session,
            **dict.fromkeys((Kind.TEXT, Kind.WHISPER, Kind.ANNOUNCEMENT), self.messenger.show),
            Kind.MODERATION: self.moderation.execution.read,
            Kind.RULING: self.orders.read,
            Kind.AUDIT: self.audit.take,
        }
        """What is done with a record in its place, by its kind; what is unreadable may raise one of `UNREADABLE`."""
        self.answers: dict[bytes, Callable[[NodeId, bytes], bytes | Awaitable[bytes]]] = {
            KEYS: lambda _, body: self.keyring.answer(),
            LIVES_CALL: lambda _, body: self.custody.answer(body),
            FLOW: self.taps.answer,
            DRAIN: lambda _, body: self.departure.answer(body),
            RULING: lambda _, body: self.orders.answer(body),
            AUDIT: lambda _, body: self.backfill.answer(body),
        }
        """What answers a call of a peer, by its first bytes, none of which begins another; may raise the same."""
        self._tellers: dict[str, Callable[[bytes], None]] = {
            SPEAKERS: self._hear_speakers,
            asides.topic_of(bus.node): self.asides.hear,
            **self._gossip.hearers(),
        }

    async def start(self, *, url: str, http: str) -> None:
        """Join the cluster; clients reach this node at `url`. Raises BusStartError, StoreError."""
        if self.store is not None:
            await recorder.restore(self, self.store)
        self.url = self.config.public_url or url
        self.http = http
        self.presence.revive(self.bus.origin)
        self.bus.subscribe(SPEAKERS)
        self.bus.subscribe(asides.topic_of(self.node_id))
        self.bus.announce(self.cards.write())
        await self.audit.restore()
        await self.bus.start(self)

    async def stop(self) -> None:
        """Leave the cluster."""
        await self.tasks.cancel()
        self.settings.passwords.close()
        await self.bus.stop()

    def watch(self, witness: Callable[[Event], None]) -> Callable[[], None]:
        """Tell `witness` what happens, from inside the work: it may only note it. Returns what ends that."""
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

    def urls(self) -> list[str]:
        """Where clients may go: here first, unless it is going away, then the nodes that are up."""
        urls = [*([] if self.draining else [self.url]), *self.cards.urls_of_others()]
        if urls != self._urls:
            self._urls = urls
        return self._urls  # the same object as long as they are the same

    @property
    def draining(self) -> bool:
        """Whether this node takes no sessions, because it is going away."""
        return self.fenced or self.departure.under_way

    def require_durable(self) -> None:
        """Make sure that what must outlive all processes can be kept. Raises Refused: unavailable."""
        if self.store is not None and self.store.failing:
            raise Refused(Code.UNAVAILABLE, f"the store fails, nothing was done: {self.store.failing}")

    async def kept(self) -> None:
        """Wait until the store has what was decided here. Raises Refused: unavailable."""
        if self.store is not None:
            try:
                await self.store.settled()
            except StoreError as error:
                raise Refused(
                    Code.UNAVAILABLE, f"it is decided, and kept only when the store is back, which fails: {error}"
                ) from None

    @property
    def farewell(self) -> Closing:
        """How connections are closed when this node ends (protocol.md section 1)."""
        return RESTARTING if self.cards.urls_of_others() else SHUTDOWN

    # Sessions and rooms.

    def when_synced(self, ready: Callable[[], None]) -> None:
        """Call `ready` once this node knows the cluster, at once if it does."""
        if self.synced:
            ready()
        else:
            self._awaiting_sync.append(ready)

    def new_seat(self, room: str) -> Seat:
        """A seat in a room for somebody who comes now."""
        seats = self.presence.rooms.get(room, {})
        order = 1 + max((seat.order for seat in seats.values()), default=0)
        return Seat(room=room, ssrc=self.free_ssrc(), joined=self.clock.wall_ms(), order=order)

    def free_ssrc(self) -> int:
        """An ssrc that no session uses (RFC 3550, 8.1: drawn again on a collision)."""
        while self.presence.has_ssrc(ssrc := self.clock.new_ssrc()):
            pass
        return ssrc

    def joined(self, seat: Seat, *, id: ClientId | None = None) -> native.Joined:
        """What somebody is told who has just taken this seat."""
        return native.Joined(
            id=native.given(id),
            room=seat.room,
            ssrc=seat.ssrc,
            members=self.members(seat.room),
            history=self.messenger.history.of(seat.room),
            room_state=self.rooms[seat.room].state,
            cursors=self.feeds.timeline.cursors(),
        )

    def members(self, name: str) -> list[native.Member]:
        """The members of a room, in the order of joining."""
        return [self.member(self.presence.present[s], seat) for s, seat in self.presence.rooms.get(name, {}).items()]

    def member(self, record: SessionRecord, seat: Seat) -> native.Member:
        """A member of a room as clients see it."""
        room = self.rooms.get(seat.room)
        return native.Member(
            session=record.session,
            user=record.user,
            name=record.name,
            role=record.role,
            node=record.node_name,
            ssrc=seat.ssrc,
            muted=record.muted(seat.room),
            speaking=room is not None and record.session in room.talkers,
            state="reconnecting" if self.presence.is_reconnecting(record.session) else "online",
        )

    def tell(self, changes: Sequence[Change]) -> None:
        """Let it be seen who came and went; see `Attendance.tell`."""
        self._attendance.tell(changes)

    def broadcast(self, room: Room, message: native.Message, *, but: str = "") -> None:
        """Queue a message for the members of a room who are at this node, less one session."""
        if room.outboxes:
            frame = text_frame(native.encode(message))
            for session, outbox in room.outboxes.items():
                if session != but:
                    self.counters.sent_text += 1
                    outbox.text(frame)

    # Voice.

    def relay(self, session: str, own: Outbox | None, room: Room, frame: bytes, now: float) -> bool:
        """Send one frame of a session of this node to the others of the room; False if too many speak there.

        `own` is the speaker's outbox, if it is among the listeners.
        """
        if not room.speak(session, node=self.node_id, level=frame[2] & 0x7F, now=now):
            return False
        self._fan_out(room, frame, own)
        if self.bus.wanted(room.topic):
            self.bus.cast(room.topic, frame)
        if self.tap is not None:
            self.tap.voice(session, room, frame, now)
        if frame[1] & voice.LAST:
            room.hush(session)
        return True

    def _fan_out(self, room: Room, frame: bytes, own: Outbox | None) -> None:
        listeners = room.listeners
        slow = self.post.voice(listeners.values(), binary_frame(frame), own, alone=len(room.talkers) < 2)
        self.counters.sent_voice += len(listeners) - (own is not None) - slow
        if slow:
            self.counters.voice_dropped["slow"] += slow

    def _settle_speakers(self, now: float) -> None:
        turns, frames = self.speech.settle(self.rooms.values(), now=now, wall_ms=self.clock.wall_ms())
        for turn in turns:
            self.broadcast(turn.room, native.Speaking(room=turn.room.name, on=turn.on, off=turn.off))
            self.emit(SpeakersChanged(turn.room.name))
        self.interruptions.follow(turns, self.rooms, self.presence, now)
        if frames and self.bus.wanted(SPEAKERS):
            for frame in frames:
                self.bus.cast(SPEAKERS, frame)

    def _hear_speakers(self, frame: bytes) -> None:
        self.speech.hear(frame, self.rooms, now=self.clock.now())

    # What the bus delivers.

    def on_record(self, record: Record, copies: int) -> None:
        """See Listener. Sessions of this node are true since they were written; all else begins here."""
        self.feeds.timeline.work(record.origin, record.seq)
        try:
            read = self.readers.get(record.kind)
            if read is not None:
                read(record)
            if self.tap is not None:
                self.tap.shown(record, copies)
        except UNREADABLE as error:
            logger.warning("record %s:%d is not readable: %s", record.origin, record.seq, error)

    def _read_session(self, record: Record) -> None:
        if record.origin != self.bus.origin:
            self.custody.take(record, sessions.unpack(record.payload))

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        """See Listener."""
        take = self._tellers.get(topic)
        if take is None:
            room = self.rooms.get(topic.removeprefix("voice/"))
            if room is not None:
                returned = room.returned
                for frame in frames:
                    self._fan_out(room, frame, returned.get(frame[4:8]) if returned else None)
                if self.tap is not None:
                    self.tap.heard(room, frames)
            return
        for frame in frames:
            try:
                take(frame)
            except UNREADABLE as error:
                logger.warning("what a peer cast to %s is not readable: %s", topic, error)

    def on_call(self, caller: NodeId, body: bytes) -> bytes | Awaitable[bytes]:
        """See Listener."""
        try:
            for start, answer in self.answers.items():
                if body.startswith(start):
                    return answer(caller, body)
            return self.moderation.answer(body)
        except UNREADABLE as error:
            raise BusError(f"it is not readable: {error}") from None

    def on_peer(self, peer: Peer) -> None:
        """See Listener."""
        before, name = self.cards.state_of(peer.node), self.cards.name_of(peer.node)
        former = self.cards.note(peer)
        if former is not None:
            self.tell(self.presence.lose(former))
        if peer.left or peer.cut or peer.state is PeerState.DOWN:
            self.tell(self.presence.lose(peer.origin))
        else:
            self.tell(self.presence.revive(peer.origin))
            self.keyring.meet(peer)
        self.interruptions.see(peer)
        if before is not None if peer.left else peer.state is not before:
            # One that was not up cannot have become late: it is seen for the first time, or again.
            met = peer.state is PeerState.SUSPECT and before is not PeerState.UP
            level = logging.INFO if peer.left or met or peer.state is PeerState.UP else logging.WARNING
            word = "left" if peer.left else "is met" if met else f"is {peer.state}"
            if not peer.left:
                name = self.cards.name_of(peer.node)
            logger.log(level, "node %s at %s %s", name, peer.address, word)
            self.emit(PeerTurned(peer.node, name, "left" if peer.left else peer.state.value))
        self.emit(NodeChanged(peer.node))

    def on_gap(self, origin: Origin, upto: int) -> None:
        """See Listener."""
        self.feeds.gap(origin, upto)
        level = logging.WARNING if self.synced else logging.INFO
        logger.log(level, "of log %s nobody holds what is missing up to %d", origin, upto)

    def on_fenced(self, origin: Origin) -> None:
        """See Listener. The clients go on at another node, and this one ends."""
        self.fenced = True
        for conversation in list(self.conversations.values()):
            conversation.cut(RESTARTING)
        self.give_way()

    def on_forgotten(self, origin: Origin) -> None:
        """See Listener."""
        self.feeds.timeline.forget(origin)
        self.tell(self.presence.forget(origin))
        self.orders.forget(origin)
        node = self.cards.forget(origin)
        if node is not None:
            self.emit(NodeChanged(node))

    def on_synced(self) -> None:
        """See Listener."""
        self.synced = True
        waiting, self._awaiting_sync = self._awaiting_sync, []
        for ready in waiting:
            ready()

    # Time.

    def tick(self, late: float) -> None:
        """Do what is due; called ten times a second, `late` seconds after it should have been."""
        now = self.clock.now()
        self._settle_speakers(now)
        self.custody.tick(now)
        self.reception.tick(now)
        self.moderation.tick(now)
        self.orders.tick(now)
        self.exclusion.tick(now)
        self.departure.tick(now)
        self.feeds.tick(now)
        self.counters.sent_text += self.feeds.take_sent()
        if self.tap is not None:
            self.tap.tick(now)
        if self.cards.look(now, late):
            self.bus.announce(self.cards.write())
            self._gossip.tell(now)
            self.quotas.forget(now)
            self.settings.tick(now)
            self.keyring.tick(now)
            self.backfill.look(now)
            self.copies.look(now)
            self.reports.tick(now)
            self.tell_urls()
            self.emit(NodeChanged(self.node_id))
        self.copies.tick()

    def tell_urls(self) -> None:
        """Let the clients know where else they may go, so that they know it when this node is suddenly gone."""
        urls = self.urls()
        frame = b""
        for conversation in self.conversations.values():
            if conversation.urls is not urls:
                conversation.urls = urls
                frame = frame or text_frame(native.encode(native.Urls(urls=urls)))
                self.counters.sent_text += 1
                conversation.outbox.text(frame)

    def hear(self, topic: str, take: Callable[[bytes], None]) -> Callable[[], None]:
        """Give what peers cast to `topic` to `take`, which may raise msgspec.MsgspecError. Returns what ends that."""
        self._tellers[topic] = take
        self.bus.subscribe(topic)

        def end() -> None:
            self._tellers.pop(topic, None)
            self.bus.unsubscribe(topic)

        return end

    def emit(self, event: Event) -> None:
        """Tell those who watch."""
        for witness in self._witnesses:
            witness(event)


def _nothing() -> None:
    """Nobody ends it."""


def _never(_: Callable[[], None]) -> None:
    """There is no loop yet."""
