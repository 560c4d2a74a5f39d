"""Who is up, suspect or down, from heart-beats and connections counted in ticks of this node's own loop; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from bus.interface import Peer, PeerState
from bus.packets import ORIGINS, PEERS, Digest, KeyId
from bus.record import NodeId, Origin, incarnation_of, node_of

TICK_SECONDS = 0.125
"""How often an engine calls `Replica.tick`. A stopped process counts one tick for it, however long it was."""

UP_TICKS = 16
"""2 s: a peer is up this long after a digest of it that says that it hears us."""

DOWN_TICKS = 48
"""6 s: a peer that was silent for longer is down."""

LOST_TICKS = 3
"""A lost connection is made again at once, or the peer is suspect."""


@dataclasses.dataclass(slots=True)
class Sighting:
    """What is known of one other node."""

    origin: Origin
    address: str
    endpoints: tuple[str, ...]
    card: bytes
    heard: int
    """Tick of its last packet."""
    heard_at: float
    """The same in seconds of this node's clock."""
    named: int | None = None
    """Tick of its last digest that says that it hears us."""
    gone: bool = False
    """It said goodbye."""
    round_trip: float | None = None
    received: int = 0
    """Messages taken from it."""
    keys: tuple[KeyId, ...] = ()
    """The keys of the mesh that hold for it, with what it listens first."""
    held: dict[Origin, int] = dataclasses.field(default_factory=dict)
    """How far it holds each log, by what it sent."""

    @property
    def node(self) -> NodeId:
        """Its id."""
        return node_of(self.origin)

    def holds(self, origin: Origin, high: int) -> None:
        """Note that it holds a log up to `high`."""
        if high > self.held.get(origin, 0) and (origin in self.held or len(self.held) < ORIGINS):
            self.held[origin] = high


def is_cut(lost: int | None, tick: int) -> bool:
    """Whether a connection that was lost at the tick `lost`, None if it stands, was not made again at once."""
    return lost is not None and tick - lost >= LOST_TICKS


def judge(seen: Sighting, *, lost: int | None, tick: int) -> PeerState:
    """The state of a peer at `tick` (cluster.md rule 9); `lost` is the tick when its connection was lost."""
    if seen.gone or tick - seen.heard > DOWN_TICKS:
        return PeerState.DOWN
    if is_cut(lost, tick) or seen.named is None or tick - seen.named > UP_TICKS:
        return PeerState.SUSPECT
    return PeerState.UP


class Membership:
    """Every other node known, by id, and every connection wanted, by address."""

    def __init__(self, origin: Origin, configured: Iterable[str], *, remembered: Iterable[str] = ()) -> None:
        self.origin = origin
        self.configured = frozenset(configured)
        self.sought = dict.fromkeys((*sorted(self.configured), *remembered)).keys()
        """Where peers are looked for at the start: as configured, and where the life before knew some."""
        self.ticks = 0
        self.nodes: dict[NodeId, Sighting] = {}
        self.links: dict[str, int | None] = {}
        """Address to the tick since which it is not connected; None while it is."""
        self._told_of: dict[NodeId, tuple[Origin, int]] = {}  # the life a peer named, and the first tick
        self.forgotten: list[Sighting] = []
        """Nodes that had to make room; whoever undoes their connections empties this."""

    @property
    def expecting(self) -> bool:
        """Whether the peers sought still count as just heard, because this node has only started."""
        return bool(self.sought) and self.ticks <= UP_TICKS

    @property
    def missing(self) -> bool:
        """Whether somebody who was sought, or whom a peer named, has not been met and counts as just heard still."""
        if self.ticks <= DOWN_TICKS and not self.sought <= {seen.address for seen in self.nodes.values()}:
            return True
        return any(
            self.ticks - since <= DOWN_TICKS and not self.has_met(life) for life, since in self._told_of.values()
        )

    def state(self, seen: Sighting) -> PeerState:
        """The state of a peer now."""
        return judge(seen, lost=self.links.get(seen.address), tick=self.ticks)

    def up(self) -> list[Sighting]:
        """The peers that are up."""
        return [seen for seen in self.nodes.values() if self.state(seen) is PeerState.UP]

    def present(self) -> list[Sighting]:
        """The peers that are not down."""
        return [seen for seen in self.nodes.values() if self.state(seen) is not PeerState.DOWN]

    def heard(self) -> list[Sighting]:
        """The peers that this node hears: a packet within 2 s, over a connection that stands."""
        return [
            seen
            for seen in self.nodes.values()
            if not seen.gone
            and self.ticks - seen.heard <= UP_TICKS
            and not is_cut(self.links.get(seen.address), self.ticks)
        ]

    def lives(self, origin: Origin) -> bool:
        """Whether this is the present life of a node that is not down, or of this one."""
        seen = self.nodes.get(node_of(origin))
        return origin == self.origin or (
            seen is not None and seen.origin == origin and self.state(seen) is not PeerState.DOWN
        )

    def has_met(self, origin: Origin) -> bool:
        """Whether a digest of this life, or of a later one of the same node, has come."""
        seen = self.nodes.get(node_of(origin))
        return seen is not None and incarnation_of(seen.origin) >= incarnation_of(origin)

    def tell_of(self, life: Origin) -> None:
        """A peer names a life that is not down for it: if it was not met yet, it counts as heard now, this once."""
        node = node_of(life)
        if node == node_of(self.origin):
            return
        told = self._told_of.get(node)
        if self.has_met(life):
            self._told_of.pop(node, None)
        elif told is None or incarnation_of(told[0]) < incarnation_of(life):
            if told is None and len(self._told_of) >= PEERS:
                del self._told_of[next(iter(self._told_of))]
            self._told_of[node] = life, self.ticks

    def memorable(self) -> tuple[str, ...]:
        """Where the next life of this node may find peers: the addresses of all that have not said goodbye."""
        return tuple(sorted({seen.address for seen in self.nodes.values() if seen.address and not seen.gone}))

    def strangers(self) -> list[str]:
        """The addresses that are connected and from which nothing is heard."""
        known = {seen.address for seen in self.heard()}
        return [address for address, lost in self.links.items() if lost is None and address not in known]

    def hear(self, sender: Origin, now: float) -> Sighting | None:
        """Note a packet; returns its sender if it is a node known by a digest, in its present life."""
        seen = self.nodes.get(node_of(sender))
        if seen is None or seen.origin != sender:
            return None
        seen.heard, seen.heard_at = self.ticks, now
        return seen

    def meet(self, digest: Digest, now: float) -> Sighting | None:
        """Note a digest; returns its sender, or None for this node itself, a former life or one node too many."""
        node = node_of(digest.sender)
        if node == node_of(self.origin):
            return None
        seen = self.nodes.get(node)
        if seen is None or seen.origin != digest.sender:
            if seen is not None and incarnation_of(digest.sender) < incarnation_of(seen.origin):
                return None
            if seen is None and len(self.nodes) >= PEERS and not self._forget_one():
                return None
            seen = self.nodes[node] = Sighting(
                digest.sender, digest.address, digest.endpoints, digest.card, self.ticks, now
            )
        seen.heard, seen.heard_at = self.ticks, now
        seen.address, seen.endpoints, seen.card = digest.address, digest.endpoints, digest.card
        seen.keys = digest.keys
        if self.origin in digest.hears:
            seen.named = self.ticks
        if not seen.held.keys() <= digest.held.keys():
            # What it forgot is asked for no more, and makes room; what lives it has not, but is told late.
            seen.held = {
                origin: high for origin, high in seen.held.items() if origin in digest.held or self.lives(origin)
            }
        for origin, (_, high) in digest.held.items():
            seen.holds(origin, high)
        return seen

    def view(self, seen: Sighting) -> Peer:
        """What others may see of a peer."""
        return Peer(
            node=seen.node,
            origin=seen.origin,
            state=self.state(seen),
            address=seen.address,
            heard=seen.heard_at,
            round_trip=seen.round_trip,
            card=seen.card,
            left=seen.gone,
            cut=is_cut(self.links.get(seen.address), self.ticks),
            received=seen.received,
        )

    def _forget_one(self) -> bool:
        """Make room by forgetting the node that is down for longest."""
        down = [seen for seen in self.nodes.values() if self.state(seen) is PeerState.DOWN]
        if not down:
            return False
        oldest = min(down, key=lambda seen: seen.heard)
        self.forgotten.append(self.nodes.pop(oldest.node))
        return True
