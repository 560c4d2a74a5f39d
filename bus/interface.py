"""The bus as its users see it: what an engine offers, what it delivers, how it fails."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from bus.record import ClientId, Kind, NodeId, Origin, Record


class BusError(Exception):
    """A call could not be answered; the text is one plain sentence that names the node."""


class BusStartError(Exception):
    """The bus cannot start (a port in use, say); the text is one plain sentence that says what to do."""


class PeerState(enum.StrEnum):
    """What this node knows of a peer (cluster.md rule 9)."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Peer(msgspec.Struct, frozen=True):
    """One other node as this one sees it now."""

    node: NodeId
    origin: Origin
    state: PeerState
    address: str
    """``host:port`` of its mesh, what one would give to ``--peer``."""
    heard: float
    """When it was last heard, in seconds of this node's monotonic clock."""
    round_trip: float | None
    """Seconds, smoothed; None until measured."""
    card: bytes
    """What the peer says of itself with every heart-beat; opaque here."""
    left: bool = False
    """It is down because it said goodbye."""
    cut: bool = False
    """The connection to it has ended and was not made again at once."""
    received: int = 0
    """Messages taken from it in this life: records, frames of casts, packets of any other kind."""


class Reason(enum.StrEnum):
    """Why somebody has no part in the mesh."""

    KEY = "wrong key"
    """It speaks our language with a key that does not hold, that of before a rotation too."""
    PLAIN = "other encryption"
    """It speaks our language, and is not encrypted where we are, or the other way round."""
    GARBAGE = "not a node"
    """What it sends is nothing that a mesh sends."""
    SILENT = "said nothing"
    """It connected and left, or was left, before it said who it is."""
    ANSWER = "refuses this node"
    """This node wants to connect there, and it is the other one that does not let it."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was refused for a reason."""

    address: str
    """Its host, or ``host:port`` where this node wants to connect; empty where that is not known."""
    reason: Reason
    count: int
    first: float
    """In seconds of this node's monotonic clock."""
    last: float


class Sought(msgspec.Struct, frozen=True):
    """An address where a node looks for a peer because it was told to."""

    given: str
    """As it was given."""
    address: str
    """``host:port`` in numbers; empty until the name is found."""
    connected: bool


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How the copying to and from one peer goes."""

    lag: int
    """Records of all logs that this node holds and the peer, by what it sent, does not."""
    behind: int
    """The same the other way round."""
    queue: int
    """Records of this node's own log that the peer has not acknowledged."""
    unconfirmed: float
    """Seconds since the oldest record of this node's own log was written that the peer has not acknowledged; 0 if it
    has all."""
    repaired: int
    """Records that closed a gap here and came from it, since it was met."""
    given: int
    """Records given to it because it asked."""
    refused: int
    """Packets of it that contradicted themselves."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a node keeps of what stands for itself (texts, say), all origins together; the oldest goes first."""

    records: int = 100_000
    size: int = 64 << 20
    """Bytes, by what the records take on the wire."""
    seconds: float = 24 * 60 * 60
    """By this node's own count since they came."""


class Listener(Protocol):
    """What a bus delivers. Every method is called on the event loop, must not block and must not raise."""

    def on_record(self, record: Record, copies: int) -> None:
        """A record has entered this node's list: its log is complete up to it and two live nodes hold it.

        Own records come too. `copies` counts the nodes known to hold it by acknowledgements received, this one
        included; it is 1 only where no other live node is known.
        """

    def on_gap(self, origin: Origin, upto: int) -> None:
        """Of a log, records that had not entered this node's list and stand at or below `upto` are held by nobody
        asked; the list goes on behind them. Also of a log of which only the end is left when it first comes."""

    def on_fenced(self, origin: Origin) -> None:
        """Another process lives under this node's id, as `origin`, and is newer: this one is to end.

        No record of it goes out any more and none comes in; `Bus.stop` is still to be called.
        """

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        """Frames that a peer cast to a topic subscribed here, in its order."""

    def on_call(self, caller: NodeId, body: bytes) -> bytes | Awaitable[bytes]:
        """A peer asks; the bytes returned go back to it.

        Alone of these it may raise: BusError for a question that it does not answer, of which the peer hears so.
        """

    def on_peer(self, peer: Peer) -> None:
        """A peer appeared or its state or card changed."""

    def on_forgotten(self, origin: Origin) -> None:
        """A life that ended long ago, or had to make room, is known no more: not as a peer, nor what it wrote.

        Should it live after all, it is reported as a new peer. What stands of its log then comes again, and of the
        rest what had not come before.
        """

    def on_synced(self) -> None:
        """Once after the start: the first snapshot is complete, there is nobody to ask, or 2 s have passed."""


class Bus(Protocol):
    """Records to every node, casts to those who listen, calls to one.

    An engine is made with its settings, then started once with its listener and stopped once.
    """

    @property
    def node(self) -> NodeId:
        """This node."""

    @property
    def origin(self) -> Origin:
        """The log that this node appends to."""

    @property
    def address(self) -> str:
        """``host:port`` that peers give to ``--peer``; empty where there is no mesh. Known after `start`."""

    async def start(self, listener: Listener) -> None:
        """Bind and begin to look for peers; does not wait for them. Raises BusStartError."""

    async def stop(self) -> None:
        """Tell the peers, hand over what is queued (0.5 s at most), release every socket. Safe to call twice."""

    def join(self, address: str) -> None:
        """Look for a peer at ``host:port`` from now on, as for one that was known at the start.

        Raises ValueError with a sentence for an address that this engine cannot reach.
        """

    def give_up(self, address: str) -> None:
        """Look there no more, as it was given; a peer that was found there stays."""

    def sought(self) -> Sequence[Sought]:
        """Where this node looks because it was told to, in the order in which it was."""

    def refusals(self) -> Sequence[Refusal]:
        """Who wanted to have a part in the mesh, or did not let this node have one, the newest first; bounded."""

    @property
    def refused_connections(self) -> Mapping[Reason, int]:
        """How often that was since the start, by reason."""

    @property
    def fingerprint(self) -> str:
        """What people compare of the key with which this node listens; empty where the mesh has none."""

    def derived(self, purpose: str) -> Sequence[bytes]:
        """Keys of 32 bytes that only nodes of this mesh have, by a purpose; empty where the mesh has no secret.

        That to use first; while the secret is changed, the other one that holds follows.
        """

    def append(
        self,
        kind: Kind,
        payload: bytes,
        *,
        room: str = "",
        session: str = "",
        id: ClientId | None = None,
        last: bool = False,
        after: Mapping[Origin, int] | None = None,
    ) -> Record:
        """Write the next record of the own log. `Listener.on_record` follows, never from inside this call.

        `last` says that nothing will replace the record in its slot (`bus.record.Record.slot`). No node lets it into
        its list before the places of `after`.
        """

    def places(self, session: str, id: ClientId) -> Sequence[Record]:
        """Every place at which this node holds a text, as its record; in the order in which they came.

        Remembered while one of them is in its log, and of each session that has not ended at least the last 256.
        """

    def held(self, origin: Origin) -> int:
        """How far this node holds a log without a hole; 0 for one it does not know."""

    def copies(self, origin: Origin, seq: int) -> int:
        """How many nodes hold a place, this one included, and of others those that are up and have said so.

        It is 0 while that is one and a second is to be expected: another node is up, or may be met at any moment
        because this one has only started.
        """

    def when_held(self, places: Mapping[Origin, int], ready: Callable[[], None]) -> Callable[[], None]:
        """Call `ready` once this node holds these places, or knows that no node that is not down does.

        Never from inside this call. Returns what ends the wait.
        """

    def cast(self, topic: str, frame: bytes) -> None:
        """Send to the peers that subscribed `topic`; not kept, not repeated. Frames of one turn travel together."""

    def wanted(self, topic: str) -> bool:
        """Whether any peer subscribes `topic` now, so that nobody prepares what nobody reads."""

    def subscribe(self, topic: str) -> None:
        """Ask for the casts of `topic`, from peers of now and later."""

    def unsubscribe(self, topic: str) -> None:
        """End that."""

    async def call(self, node: NodeId, body: bytes, *, timeout: float = 3.0) -> bytes:
        """Ask one peer. Raises BusError when it is not known or does not answer within `timeout` seconds."""

    def ask(self, node: NodeId, body: bytes, *, timeout: float, done: Callable[[bytes | BusError], None]) -> None:
        """The same without a task: `done` is called with the answer or with the BusError, perhaps at once."""

    def find(self, origin: Origin, seq: int) -> Record | None:
        """A record that is held here, or None: it has not come, was replaced, or was dropped for its age."""

    def announce(self, card: bytes) -> None:
        """Set what goes out with every heart-beat about this node, 1 KiB at most."""

    def peers(self) -> Sequence[Peer]:
        """Every peer known, itself not among them."""

    @property
    def stale(self) -> int:
        """Frames of casts that came too late to be of use, and were dropped."""

    def figures(self, node: NodeId) -> Figures | None:
        """How the copying to and from one of them goes; None for one that is not known."""

    def holdings(self, node: NodeId) -> Mapping[Origin, int] | None:
        """How far this node holds each log, or a peer by what it sent; None for one that said goodbye."""
