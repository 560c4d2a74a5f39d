"""A client that roams among the nodes with its outbox and its cursors, and judges them by the frames that it gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from server.closing import TOO_SLOW, Closing
from server.conversation import Place
from server.feeds import Feed
from server.session import SessionRecord

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World

ROOMS = ("lobby", "hall", "attic")

PATIENCE_LIVE, PATIENCE_SENT = 9.0, 12.0
"""Seconds after which a client tries another node: it is not live, or its oldest text is not `sent`."""


class Connection:
    """One socket between a client and a node; frames are in order on it, each way."""

    def __init__(self, client: Client, node: Node) -> None:
        self.client = client
        self.node = node
        self.name = client.session
        self.n = client.n
        self.cursors = dict(client.cursors) if client.begun else None
        self.rooms = tuple(client.inside) if client.begun else ()
        self.record: SessionRecord | None = None
        self.feed: Feed | None = None
        self.places: dict[int, Place] = {}
        self.is_live = False
        self.over = False
        """The node hears nothing more on it."""
        self.seen_live = False
        """The client has read `live`."""
        self.ended_at: float | None = None
        """The node died: what was on its way may still come until then."""
        self.rose: dict[str, int] = {}
        self.inside: set[str] = set()
        self._up = self._down = 0.0

    # --- the node's side ------------------------------------------------------------------------------------

    @property
    def session(self) -> SessionRecord:
        """What its node knows of the session, once it serves it."""
        assert self.record is not None, "who is served has a record"
        return self.record

    def revise(self, record: SessionRecord) -> None:
        """Let another record of the session be true."""
        self.record = record
        self.node.custody.write(record)

    @property
    def outlet(self) -> Connection:
        return self

    def text(self, frame: bytes) -> None:
        self._send(lambda: self.client.hear(self, json.loads(frame)))

    def tell(self, type: str, **more: Any) -> None:
        self._send(lambda: self.client.hear(self, {"type": type, **more}))

    def has_room(self) -> bool:
        """A slow reader takes a little at a time."""
        return self.client.world.rng.random() < 0.9

    def went_live(self) -> None:
        self.is_live = True
        self.tell("live")

    def missed(self, audiences: list[str]) -> None:
        self.tell("gap", audiences=audiences)

    def was_overtaken(self) -> None:
        self.node.gone(self)
        self.close(TOO_SLOW)

    def close(self, closing: Closing) -> None:
        self.over = True
        self.tell("close", code=closing.code)
        self.node.connections.pop(self, None)

    def cut(self) -> None:
        """The node has died: some of what it wrote may still come, then the connection is lost."""
        world = self.client.world
        self.over = True
        self.ended_at = world.now + world.rng.uniform(0, 0.02)
        world.later(world.rng.uniform(0.02, 0.3), self.client.lost, self)

    def _send(self, act: Any) -> None:
        world = self.client.world
        self._down = max(self._down + 1e-6, world.now + world.rng.uniform(0.002, 0.03))
        world.later(self._down - world.now, act)

    # --- the client's side ----------------------------------------------------------------------------------

    def ask(self, what: str, *args: Any) -> None:
        world = self.client.world
        self._up = max(self._up + 1e-6, world.now + world.rng.uniform(0.002, 0.03))
        self.node.clock.call_later(self._up - world.now, self._arrive, what, *args)

    def _arrive(self, what: str, *args: Any) -> None:
        if not self.node.alive:
            self.client.world.later(0.05, self.client.lost, self)
        elif not self.over:
            getattr(self.node, what)(self, *args)

    def hang_up(self) -> None:
        """The socket ends, as the node learns."""

        def learn() -> None:
            if self.node.alive and not self.over:
                self.over = True
                self.node.gone(self)

        self.node.clock.call_later(0.01, learn)


class Client:
    """One session."""

    def __init__(self, world: World, session: str) -> None:
        self.world = world
        self.session = session
        self.n = 0
        self.begun = False
        self.cursors: dict[str, int] = {}
        self.first: dict[str, int] = {}
        """Where it was first fed from."""
        self.inside: dict[str, dict[str, int]] = {}
        """The rooms that it is in, with the cursors of the joining."""
        self.entered: dict[str, float] = {}
        self.wanted: set[str] = {ROOMS[0]}
        self.outbox: dict[int, str] = {}
        self.said: dict[int, str] = {}
        self.tries: dict[int, int] = {}
        self.refused: set[int] = set()
        self.unanswered: set[int] = set()
        self.next = 0
        self.connection: Connection | None = None
        self.seen: dict[tuple[str, int], float] = {}
        self.last: dict[tuple[str, str], int] = {}
        """Sender and room, or no room for anywhere, to the last that it was shown."""
        self.excused: dict[str, float] = {}
        """Audience to when it was told that something of it is missing."""
        self.over = False
        """Its session has ended; it may try to come again all the same."""
        self._hello_at = self._waits_since = 0.0
        self.connect()
        rng = world.rng
        world.later(rng.uniform(0.1, 0.8), self._talk)
        world.later(rng.uniform(0.5, 3), self._roam)
        world.later(0.5, self._watch)

    # --- what it does ---------------------------------------------------------------------------------------

    def connect(self, same: Node | None = None) -> None:
        self.n += 1
        node = same or self.world.some_node()
        self.connection = Connection(self, node)
        self._hello_at = self.world.now
        self.world.note(self.session, f"says hello {self.n} to {node.name}")
        self.connection.ask("hello")

    def lost(self, connection: Connection) -> None:
        if connection is self.connection and not self.over:
            self.connection = None
            self.world.later(self.world.rng.uniform(0.02, 0.4), self._again)

    def _again(self) -> None:
        if self.connection is None and not self.over:
            self.connect()

    def _go(self) -> None:
        """Leave for good."""
        assert self.connection is not None, "who leaves is there"
        self.world.note(self.session, "leaves")
        self.connection.ask("go")
        self._end()

    def _end(self) -> None:
        """The session is over. Somebody else comes, and half of those who went try to come again."""
        self.over, self.connection = True, None
        world, rng = self.world, self.world.rng
        world.replace(self)
        if rng.random() < 0.5:
            world.later(rng.choice((0.05, 1, 6)) * rng.random(), self._come_again)

    def _come_again(self) -> None:
        if not self.world.is_ending and self.connection is None:
            self.over = False
            self.connect()

    def _talk(self) -> None:
        world, rng = self.world, self.world.rng
        if world.is_ending:
            return
        if (
            self.connection is not None
            and self.connection.seen_live
            and not self.outbox
            and rng.random() < world.goes
        ):
            self._go()
        rooms = [] if self.over else sorted(self.wanted & self.inside.keys())  # it may have asked to leave others
        for _ in range(rng.choice((1, 1, 2, 3)) if self.begun and rooms else 0):
            self.next += 1
            if not self.outbox:
                self._waits_since = world.now
            if rng.random() < 0.15:
                to = "s/" + rng.choice([other.session for other in world.clients])
            else:
                to = "r/" + rng.choice(rooms)
            self.outbox[self.next] = self.said[self.next] = to
            self._say(self.next)
        if rng.random() < 0.08:
            self.wanted ^= {rng.choice(ROOMS[1:])}
            self._move()
        world.later(rng.uniform(0.1, 0.9), self._talk)

    def _say(self, id: int) -> None:
        if self.connection is not None and self.connection.seen_live:
            self.tries[id] = self.tries.get(id, 0) + 1
            self.connection.ask("say", id, self.said[id])

    def _move(self) -> None:
        """Join and leave until it is where it wants to be, and where it has something to say still."""
        connection = self.connection
        if connection is not None and connection.seen_live:
            wanted = self.wanted | {to[2:] for to in self.outbox.values() if to.startswith("r/")}
            for room in sorted(wanted - connection.inside):
                connection.ask("join", room)
            for room in sorted(connection.inside - wanted):
                connection.ask("leave", room)

    def _roam(self) -> None:
        world, rng = self.world, self.world.rng
        if world.is_ending:
            return
        if self.connection is not None and self.begun:
            old = self.connection
            if rng.random() < 0.5:  # else half open: the node does not know
                world.later(rng.uniform(0, 0.1), old.hang_up)
            if rng.random() < 0.1:
                self.connection = None
                world.note(self.session, "is out of reach")
                world.later(rng.uniform(0.5, 9), self._again)
            else:
                self.connect(old.node if rng.random() < 0.2 and old.node.alive else None)
        world.later(rng.uniform(0.02, 0.2) if rng.random() < 0.2 else rng.uniform(0.5, 3), self._roam)

    def _watch(self) -> None:
        world, connection = self.world, self.connection
        world.later(0.5, self._watch)
        if connection is None:
            return
        silent = not connection.seen_live and world.now - self._hello_at > PATIENCE_LIVE
        if silent or (self.outbox and world.now - max(self._waits_since, self._hello_at) > PATIENCE_SENT):
            self.connect()

    # --- what it hears --------------------------------------------------------------------------------------

    def hear(self, connection: Connection, frame: dict[str, Any]) -> None:
        world = self.world
        if connection is not self.connection or (connection.ended_at is not None and world.now > connection.ended_at):
            return
        getattr(self, f"_on_{frame['type']}")(connection, frame)

    def _on_welcome(self, connection: Connection, frame: dict[str, Any]) -> None:
        if not self.begun:
            self.begun = True
            self.first = dict(frame["cursors"])
        self._advance(frame["cursors"])
        for room in frame["gaps"]:
            self.excused[f"r/{room}"] = self.world.now
        if frame["recovered"] is False:
            self.excused[f"s/{self.session}"] = self.world.now
        connection.inside = set(frame["rooms"])
        for room in frame["rooms"]:
            # The node may know of a room that its client has left or never saw itself join.
            if room not in self.inside:
                self._enter(room)
        for room in set(self.inside) - connection.inside:
            del self.inside[room]

    def _on_live(self, connection: Connection, frame: dict[str, Any]) -> None:
        connection.seen_live = True
        self.world.note(self.session, f"is live at {connection.node.name}")
        self._move()
        for id in self.outbox:
            self._say(id)

    def _on_joined(self, connection: Connection, frame: dict[str, Any]) -> None:
        self._advance(frame["cursors"])
        connection.inside.add(frame["room"])
        self._enter(frame["room"])
        self._move()

    def _enter(self, room: str) -> None:
        self.inside[room] = dict(self.cursors)
        self.entered[room] = self.world.now

    def _on_left(self, connection: Connection, frame: dict[str, Any]) -> None:
        connection.inside.discard(frame["room"])
        self.inside.pop(frame["room"], None)
        self._move()

    def _on_gap(self, connection: Connection, frame: dict[str, Any]) -> None:
        for audience in frame["audiences"]:
            self.excused[audience] = self.world.now

    def _on_close(self, connection: Connection, frame: dict[str, Any]) -> None:
        if frame["code"] == 4409:
            self.world.bad("I7 the current socket was closed with 4409", self.session)
        if frame["code"] in (4403, 4410):
            self.world.note(self.session, f"is told {frame['code']}")
            self.world.endings.told(self.session)
            self._end()
        self.lost(connection)

    def _on_refused(self, connection: Connection, frame: dict[str, Any]) -> None:
        self.outbox.pop(frame["id"], None)
        self.refused.add(frame["id"])

    def _on_unavailable(self, connection: Connection, frame: dict[str, Any]) -> None:
        self.unanswered.add(frame["id"])
        self._say(frame["id"])

    def _on_sent(self, connection: Connection, frame: dict[str, Any]) -> None:
        id, origin, seq = frame["id"], frame["origin"], frame["seq"]
        if self.tries.get(id) == 1 and id not in self.unanswered:
            self._rise(connection, origin, seq)
        self._advance({origin: seq})
        if id in self.outbox:
            del self.outbox[id]
            self._waits_since = self.world.now
            self.world.sent += 1
            if frame["copies"] >= 2:
                self.world.acked[self.session, id] = self.world.now
            if not self.outbox:
                self._move()

    def _on_message(self, connection: Connection, frame: dict[str, Any]) -> None:
        if frame["room"] not in connection.inside:
            self.world.bad("I8 a message of a room where the reader is not", self.session, frame["room"], frame["id"])
        self._on_text(connection, frame)

    def _on_whisper(self, connection: Connection, frame: dict[str, Any]) -> None:
        if frame["to"]["session"] != self.session:
            self.world.bad("I8 a whisper for somebody else", self.session, frame["from"]["session"], frame["id"])
        self._on_text(connection, frame)

    def _on_text(self, connection: Connection, frame: dict[str, Any]) -> None:
        world, sender, id = self.world, frame["from"]["session"], frame["id"]
        self._rise(connection, frame["origin"], frame["seq"])
        place = f"{sender}/{id} at {frame['origin']}:{frame['seq']}"
        if sender == self.session:
            world.bad("I8 its own text", self.session, place)
        # A node that has a gap cannot know what a reader has seen in it.
        told = bool(self.excused) or world.is_in_gap(sender, id) or world.endings.is_past(sender)
        late = world.was_given_up(sender, id)
        if (sender, id) in self.seen:
            world.bad("I2 shown twice", self.session, place, late=late, told=told)
        elif not world.was_refused(sender, id):
            # What was said in a room before its reader came there may come late where his node lags: in order, but
            # behind what the same sender said elsewhere.
            room = frame.get("room", "")
            before = world.first_listed(sender, id) < self.entered.get(room, 0.0)
            last = self.last.get((sender, room if before else ""), 0)
            if id < last:
                world.bad("I3 out of order", self.session, place, f"after {last}", late=late, told=told)
        self.seen[sender, id] = world.now
        for room in ("", frame.get("room", "")):
            self.last[sender, room] = max(id, self.last.get((sender, room), 0))
        self._advance({frame["origin"]: frame["seq"]})

    def _rise(self, connection: Connection, origin: str, seq: int) -> None:
        if seq <= connection.rose.get(origin, 0):
            self.world.bad("I4 a number that does not rise", self.session, f"{origin}:{seq}")
        connection.rose[origin] = seq

    def _advance(self, cursors: dict[str, int]) -> None:
        for origin, seq in cursors.items():
            self.cursors[origin] = max(seq, self.cursors.get(origin, 0))
