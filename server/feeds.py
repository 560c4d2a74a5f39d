"""What each connection is fed from a node's one list: its position, its cursors, its waits, its repeats; pure.

The rules are those of cluster.md: 3 (a position in the list), 5 (every place), 6 (the wait of a resume), 7 (`after`).
"""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from bus.interface import Bounds, Bus, PeerState
from bus.record import HIGHEST, ClientId, Origin, Record
from server.timeline import Timeline

REPLAY = 64
"""Texts of a replay that are looked at in one go, so that nobody else waits long."""

TOLD = 20_000
"""Texts whose repeat is answered by the same number of copies as at first."""

TICK_SECONDS = 0.1
"""How often `Feeds.tick` is called. The age of texts is counted in these: a clock that jumps ages nothing."""


class Outlet(Protocol):
    """Where a connection's frames go, in order."""

    def text(self, frame: bytes) -> None:
        """Queue a frame that must not be lost."""


class Reader(Protocol):
    """Who has a connection: told what only the list can know."""

    @property
    def outlet(self) -> Outlet:
        """Where its frames go."""

    def has_room(self) -> bool:
        """Whether a replay may go on: the client takes what it is sent."""

    def went_live(self) -> None:
        """All that was missed is queued. Requests may be taken now."""

    def missed(self, audiences: list[str]) -> None:
        """Of these audiences something is no longer held, or may be: the client must be told (rule 13)."""

    def was_overtaken(self) -> None:
        """What this connection was still to be sent has left the list; the connection must end, and may resume."""


class Stage(enum.Enum):
    """Where a connection stands."""

    WAITING = enum.auto()
    """This node does not yet hold all that its client has seen."""
    REPLAYING = enum.auto()
    LIVE = enum.auto()
    OVER = enum.auto()


@dataclasses.dataclass(slots=True)
class Asked:
    """A text whose sender is to be told what became of it."""

    session: str
    id: ClientId
    due: float
    shown: Callable[[Record, int, bool], None]
    """Where it stands, how many nodes hold it, whether its sender still waits to hear so."""
    unknown: Callable[[], None]
    """No second node has confirmed it in time."""
    given_up: bool = False


class Feed:
    """One connection as a position in the list."""

    __slots__ = ("after", "at", "audiences", "cursors", "reader", "session", "stage", "stop_waiting")

    def __init__(self, session: str, reader: Reader, audiences: frozenset[str], cursors: dict[Origin, int]) -> None:
        self.session = session
        self.reader = reader
        self.audiences = audiences
        """Set by `Feeds.listen`."""
        self.cursors = cursors
        """What its client had seen, as long as this node has not worked all of it; empty after that."""
        self.after: dict[Origin, int] = {}
        """The places behind which its next text stands (rule 7)."""
        self.at = 0
        self.stage = Stage.WAITING
        self.stop_waiting: Callable[[], None] = _nothing


class Feeds:
    """The connections of one node. Its owner hands on what the bus delivers, and calls `tick`."""

    def __init__(self, bus: Bus, *, bounds: Bounds, render: Callable[[Record], bytes]) -> None:
        """`render` makes the frame of a text."""
        self.timeline = Timeline(bounds)
        self.feeds: dict[str, Feed] = {}
        """By session."""
        self._age = 0.0
        self.sent = 0
        """Frames handed to outlets, see `take_sent`."""
        self._bus = bus
        self._render = render
        self._live: dict[str, dict[str, Feed]] = {}  # audience to session to feed, of the live ones
        self._lagging: dict[str, Feed] = {}  # the others
        self._ahead: dict[str, Feed] = {}  # the live ones that have cursors
        self._named: Counter[Origin] = Counter()  # the logs that these name
        self._asked: dict[tuple[str, ClientId], Asked] = {}
        self._told: OrderedDict[tuple[str, ClientId], int] = OrderedDict()  # the copies that senders were told first

    # --- connections ----------------------------------------------------------------------------------------

    def begin(self, session: str, reader: Reader, *, audiences: Iterable[str] = ()) -> Feed:
        """A new session is fed from here on; its cursors are `timeline.cursors`, now."""
        feed = self._open(Feed(session, reader, frozenset(audiences), {}))
        feed.at = self.timeline.end
        feed.stage = Stage.LIVE
        self._settle(feed)
        return feed

    def resume(
        self, session: str, reader: Reader, *, audiences: Iterable[str], cursors: Mapping[Origin, int]
    ) -> Feed:
        """A session goes on here: it waits (rule 6), then is sent what it missed, then lives; `reader` is told."""
        feed = self._open(Feed(session, reader, frozenset(audiences), dict(cursors)))
        self._lagging[session] = feed
        feed.stop_waiting = self._bus.when_held(feed.cursors, lambda: self._start(feed))
        return feed

    def listen(self, feed: Feed, audiences: Iterable[str]) -> None:
        """Say whom a connection is fed for from now on."""
        if feed.stage is Stage.OVER:
            return
        live = feed.stage is Stage.LIVE
        if live:
            self._unsettle(feed)
        feed.audiences = frozenset(audiences)
        if live:
            self._settle(feed)

    def end(self, feed: Feed) -> None:
        """The connection is over."""
        if feed.stage is Stage.OVER:
            return
        feed.stage = Stage.OVER
        feed.stop_waiting()
        self._unsettle(feed)
        if self._lagging.get(feed.session) is feed:
            del self._lagging[feed.session]
        if self._ahead.get(feed.session) is feed:
            self._shed(feed, list(feed.cursors))
        if self.feeds.get(feed.session) is feed:
            del self.feeds[feed.session]
            for asked in [asked for asked in self._asked.values() if asked.session == feed.session]:
                del self._asked[asked.session, asked.id]

    def go_on(self, feed: Feed) -> None:
        """The client has taken what it was sent: its replay may go on."""
        if feed.stage is Stage.REPLAYING:
            self._replay(feed)

    def missing(self, cursors: Mapping[Origin, int], audiences: Iterable[str]) -> list[str]:
        """Of `audiences`, those for whom something beyond `cursors` is no longer held, as far as is known now."""
        return self.timeline.missing(cursors, audiences)

    # --- texts ----------------------------------------------------------------------------------------------

    def take_sent(self) -> int:
        """How many frames were handed to outlets since this was last asked."""
        sent, self.sent = self.sent, 0
        return sent

    def say(self, asked: Asked, write: Callable[[dict[Origin, int]], Record]) -> Record:
        """Take a text of a session that is live here: `write` appends it behind these places, unless it is a repeat.

        Returns its record, or the first that is known of it.
        """
        places = self._bus.places(asked.session, asked.id)
        feed = self.feeds.get(asked.session)
        self._asked[asked.session, asked.id] = asked
        if places:
            if feed is not None:
                for place in places:
                    feed.after[place.origin] = max(place.seq, feed.after.get(place.origin, 0))
            self._answer(asked)
            return places[0]
        after: dict[Origin, int] = {}
        if feed is not None:
            after = {origin: seq for origin, seq in feed.after.items() if seq and origin != self._bus.origin}
            feed.after = {}
        return write(after)

    def is_known(self, session: str, id: ClientId) -> bool:
        """Whether a text of this id is held, or waits to be confirmed."""
        return bool(self._bus.places(session, id))

    # --- what the bus delivers ------------------------------------------------------------------------------

    def work(self, record: Record, audience: str) -> bool:
        """A text was worked: feed those for whom it is. False if it was in the list before."""
        places = () if record.id is None else self._bus.places(record.session, record.id)
        new = self.timeline.add(record, audience, places, now=self._age)
        if new:
            readers = self._live.get(audience)
            if readers:
                frame = self._render(record)
                named = self._named
                seen = [place for place in (record, *places) if place.origin in named] if named else ()
                for session, feed in readers.items():
                    if session != record.session and not (seen and _covers(feed.cursors, seen)):
                        self.sent += 1
                        feed.reader.outlet.text(frame)
            for feed in list(self._lagging.values()):
                if feed.stage is Stage.REPLAYING:
                    self._replay(feed)
        if record.id is not None:
            asked = self._asked.get((record.session, record.id))
            if asked is not None:
                self._answer(asked)
        return new

    def gap(self, origin: Origin, upto: int) -> None:
        """Of a log something is missing for good: who is fed here has missed it, if it was for him."""
        if self.timeline.worked.get(origin, 0) < upto:
            self.timeline.gap(origin, upto)
            for feed in self.feeds.values():
                if feed.stage is not Stage.WAITING and feed.cursors.get(origin, 0) < upto:
                    feed.reader.missed(sorted(feed.audiences))

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._age += TICK_SECONDS
        self.timeline.trim(self._age)
        for feed in list(self._lagging.values()):
            if feed.stage is Stage.REPLAYING:
                self._replay(feed)
        worked = self.timeline.worked
        grown = worked.keys() & self._named.keys() if self._named else ()
        for feed in list(self._ahead.values()) if grown else ():
            self._shed(feed, [origin for origin in grown if feed.cursors.get(origin, HIGHEST) <= worked[origin]])
        for asked in list(self._asked.values()):
            self._answer(asked)
            if asked.due <= now and not asked.given_up and (asked.session, asked.id) in self._asked:
                asked.given_up = True
                asked.unknown()

    # --- within ---------------------------------------------------------------------------------------------

    def _open(self, feed: Feed) -> Feed:
        old = self.feeds.get(feed.session)
        if old is not None:
            self.end(old)
        self.feeds[feed.session] = feed
        return feed

    def _start(self, feed: Feed) -> None:
        """All places that its client has seen are held here, or given up."""
        if feed.stage is Stage.WAITING:
            self._believe(feed)
            held = {origin: min(seq, self._bus.held(origin)) for origin, seq in feed.cursors.items()}
            feed.after = {origin: seq for origin, seq in held.items() if seq}
            feed.at = self.timeline.start
            feed.stage = Stage.REPLAYING
            # Before the first frame: what comes after it moves the client's cursors past what is missing.
            missing = self.timeline.missing(feed.cursors, sorted(feed.audiences))
            if missing:
                feed.reader.missed(missing)
            self._replay(feed)

    def _believe(self, feed: Feed) -> None:
        """Of a log whose own node is there nobody has seen more than that node holds, whatever a client says."""
        bus, cursors = self._bus, feed.cursors
        ahead = {origin for origin, seq in cursors.items() if seq > bus.held(origin)}
        for peer in bus.peers() if ahead else ():
            if peer.origin in ahead and peer.state is not PeerState.DOWN:
                there = (bus.holdings(peer.node) or {}).get(peer.origin, 0)
                cursors[peer.origin] = min(cursors[peer.origin], max(there, bus.held(peer.origin)))
        if bus.origin in ahead:
            cursors[bus.origin] = bus.held(bus.origin)

    def _replay(self, feed: Feed) -> None:
        """Send on what was missed; at its end the connection lives."""
        timeline = self.timeline
        if feed.at < timeline.start:
            self.end(feed)
            feed.reader.was_overtaken()
            return
        while feed.at < timeline.end:
            lines = timeline.after(feed.at, feed.cursors, limit=REPLAY)
            for position, record, audience in lines:
                if not feed.reader.has_room():
                    return
                feed.at = position + 1
                if (
                    record.session != feed.session
                    and audience in feed.audiences
                    and not self._is_covered(feed, record)
                ):
                    self.sent += 1
                    feed.reader.outlet.text(self._render(record))
            if len(lines) < REPLAY:
                feed.at = timeline.end
        feed.stage = Stage.LIVE
        del self._lagging[feed.session]
        self._settle(feed)
        self._ahead[feed.session] = feed
        self._named.update(feed.cursors.keys())
        worked = timeline.worked
        self._shed(feed, [origin for origin, seq in feed.cursors.items() if worked.get(origin, 0) >= seq])
        feed.reader.went_live()

    def _is_covered(self, feed: Feed, record: Record) -> bool:
        """Whether its client has seen a text, at whichever of its places (rule 5)."""
        return record.id is not None and _covers(feed.cursors, self._bus.places(record.session, record.id))

    def _shed(self, feed: Feed, origins: Iterable[Origin]) -> None:
        """Forget these cursors of a live connection: all that they name is worked here, so nothing new is covered."""
        for origin in origins:
            del feed.cursors[origin]
            self._named[origin] -= 1
            if not self._named[origin]:
                del self._named[origin]
        if not feed.cursors:
            self._ahead.pop(feed.session, None)

    def _settle(self, feed: Feed) -> None:
        for audience in feed.audiences:
            self._live.setdefault(audience, {})[feed.session] = feed

    def _unsettle(self, feed: Feed) -> None:
        for audience in feed.audiences:
            readers = self._live.get(audience)
            if readers is not None and readers.get(feed.session) is feed:
                del readers[feed.session]
                if not readers:
                    del self._live[audience]

    def _answer(self, asked: Asked) -> None:
        """Tell the sender, once the list has passed a place and two live nodes hold it (rule 4)."""
        worked = self.timeline.worked
        for place in self._bus.places(asked.session, asked.id):
            if worked.get(place.origin, 0) >= place.seq:
                copies = self._bus.copies(place.origin, place.seq)
                if copies:
                    key = asked.session, asked.id
                    del self._asked[key]
                    asked.shown(place, self._told.setdefault(key, copies), not asked.given_up)
                    if len(self._told) > TOLD:
                        self._told.popitem(last=False)
                    return


def _covers(cursors: Mapping[Origin, int], places: Iterable[Record]) -> bool:
    return any(place.seq <= cursors.get(place.origin, 0) for place in places)


def _nothing() -> None:
    """Nobody waits."""
