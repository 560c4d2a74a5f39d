"""What a window or a listing may see of a node: frozen values, made anew at each look."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.record import NodeId


class RoomState(msgspec.Struct, frozen=True, gc=False):
    """The settings of a room (protocol.md section 4), in the order in which they are sent."""

    locked: bool = False
    capacity: int = 50
    slow_seconds: int = 0
    title: str = ""
    speakers: int = 8
    muted: bool = False


class RoomView(msgspec.Struct, frozen=True, gc=False):
    """One room of the cluster."""

    name: str
    members: int
    nodes: int
    """On how many nodes its members are."""
    speaking: tuple[str, ...]
    """Names of those who speak now."""
    opened: int | None
    """When its first present member joined, ms since 1970; None while nobody is there."""
    spoke: int | None
    """When somebody was last heard, ms since 1970; None while somebody speaks or when nobody has."""
    state: RoomState


class MemberView(msgspec.Struct, frozen=True, gc=False):
    """One session in one room."""

    session: str
    user: str
    name: str
    role: str
    node: str
    """Node id of its owner."""
    node_name: str
    ssrc: int
    muted: bool
    """By a moderator, in this room or everywhere."""
    muted_until: int | None
    """When that ends, ms since 1970; None: not by itself, or it is not muted."""
    deafened: bool
    """It wants no voice."""
    speaking: bool
    level: int
    """-dBov of its last frame (RFC 6464): 0 loud, 127 silent."""
    state: Literal["online", "reconnecting"]
    away: int | None
    """Since when it is reconnecting, as far as this console saw it, ms since 1970."""
    resumes: int
    """How often it was resumed."""
    resumed: int | None
    """When it was last, as far as this console saw it, ms since 1970."""
    before: str
    """Name of the node that it was on before that; empty where this console did not see it, or it was the same."""
    joined: int
    """When it joined this room, ms since 1970."""
    connected: int
    """When its session began, ms since 1970."""
    round_trip: float | None
    """Milliseconds between its node and it; None until measured."""
    client: str
    """What it says of its program, such as ``web/1.0``; untrusted text."""
    ip: str
    refused: int = 0
    """Requests of it that were refused in the last minute."""
    leaves: int | None = None
    """When a kick whose grace is not over puts it out, ms since 1970; until then it can be undone."""
    closes: bool = False
    """That kick is one out of the cluster, not of this room alone."""


class PersonView(msgspec.Struct, frozen=True, gc=False):
    """One session of the cluster, wherever it is."""

    session: str
    user: str
    name: str
    node_name: str
    rooms: tuple[str, ...]
    """In the order of joining."""


class ChatView(msgspec.Struct, frozen=True, gc=False):
    """One line of a room's chat."""

    kind: Literal["message", "whisper", "announcement", "joined", "left", "away", "back", "muted", "unmuted"]
    at: int
    session: str
    """Whose line it is; for ``muted`` and ``unmuted`` the one to whom that was done."""
    user: str
    name: str
    text: str
    """The text; for ``left`` the reason (protocol.md section 4), for ``muted`` and ``unmuted`` that of the moderator,
    for ``back`` nothing or `server.lines.ANSWERS`; untrusted."""
    to: str = ""
    """Name of the receiver of a whisper sent from this console."""
    by: str = ""
    """Name of who muted, unmuted or kicked; empty where it was the time."""
    why: str = ""
    """Why somebody was kicked, in the moderator's words; untrusted."""
    until: int | None = None
    """When a mute ends, ms since 1970; None: not by itself."""
    everywhere: bool = False
    """What was said or done here was so in every room."""
    node: str = ""
    """Name of the node at which somebody is back; empty where it is the one that it had been on."""
    span: int | None = None
    """For how many ms somebody who is back was away; None where that was not seen."""
    key: str = ""
    """Identity of the line: equal lines of two looks have equal keys."""


class DrainView(msgspec.Struct, frozen=True, gc=False):
    """How far a node is that hands its clients to others."""

    left: int
    """Sessions that have not gone."""
    of: int
    """Sessions that there were when it began."""
    seconds: int
    """Until the last one is told to go."""
    ending: bool = False
    """It ends then, so that this cannot be cancelled."""


class NodeView(msgspec.Struct, frozen=True, gc=False):
    """One node of the cluster, this one included."""

    node: str
    name: str
    state: Literal["up", "suspect", "down"]
    here: bool
    url: str
    bus: str
    sessions: int
    """Those that have their connection there."""
    cpu: float | None
    """Share of one core, 0 to 1 and above; None where not known."""
    memory: int | None
    """Resident bytes; None where not known."""
    received_rate: float
    """Messages a second that it took from its clients."""
    sent_rate: float
    """Deliveries a second that it wrote to its clients."""
    started: int
    """ms since 1970."""
    round_trip: float | None
    """Milliseconds between this node and it."""
    heard: float
    """Seconds since its last heart-beat; 0 for this node."""
    pid: int
    draining: DrainView | None = None
    """It takes no sessions and hands its clients to others; None where it serves."""


class LinkView(msgspec.Struct, frozen=True, gc=False):
    """What two nodes say of the way between them."""

    a: NodeId
    b: NodeId
    """Their ids, the smaller one first."""
    state: Literal["up", "late", "lost"]
    """The worse of what the two say."""
    rate: float | None
    """Messages a second, both directions together; None where one of the two has not said."""
    round_trip: float | None
    """Milliseconds; None until measured."""


class SoughtView(msgspec.Struct, frozen=True):
    """An address where a node looks for another because it was told to."""

    given: str
    """As it was given."""
    address: str
    """In numbers; empty until its name is found."""
    connected: bool


class RefusalView(msgspec.Struct, frozen=True):
    """Somebody who has no part in the mesh, or did not let this node have one."""

    address: str
    """Its host; ``host:port`` where this node wants to connect; empty where that is not known."""
    reason: Literal["key", "plain", "garbage", "silent", "answer"]
    """A wrong key; no encryption, or another one; what is no node; nothing was said; that node refuses this one."""
    count: int
    first: int
    """ms since 1970."""
    last: int


class TurnedAwayView(msgspec.Struct, frozen=True):
    """An address whose connections were not taken, or not kept, at the clients' port."""

    address: str
    """Of IPv6 its /64; empty where it has no limits of its own, as on this machine."""
    reason: Literal["full", "address", "rate", "unheard", "descriptors"]
    """As in `server.entrance.Refusal`, of the last one."""
    count: int
    first: int
    """ms since 1970."""
    last: int


class MeshView(msgspec.Struct, frozen=True):
    """What stands between a node and strangers."""

    fingerprint: str
    """Of the key with which it listens; empty where the mesh has none, and is on loopback."""
    changing: bool
    """Whether the key is being changed, so that two of them hold."""
    sought: tuple[SoughtView, ...]
    refusals: tuple[RefusalView, ...]
    """The newest first."""
    turned_away: tuple[TurnedAwayView, ...] = ()
    """At the clients' port, the newest first."""


class LogView(msgspec.Struct, frozen=True):
    """One log of which a node lacks something."""

    origin: str
    name: str
    """Of the node that wrote it."""
    high: int
    """How far it is held where somebody looks."""
    held: int
    """How far by the node that lags."""


class WantView(msgspec.Struct, frozen=True):
    """Of which rooms a node wants the voice."""

    rooms: tuple[str, ...]
    """By name."""
    more: int
    """Others that are not named."""


class CopyView(msgspec.Struct, frozen=True, kw_only=True):
    """How one node sees the copying of the logs to and from one peer."""

    node: NodeId
    name: str
    """Of the peer."""
    state: Literal["up", "late", "lost"]
    round_trip: float | None
    """Milliseconds; None until measured."""
    lag: int
    """Records of all logs that it does not hold and the one who looks does."""
    logs: tuple[LogView, ...]
    """In which logs, the worst first; a few at most, and only of what this node sees itself."""
    open_for: float
    """Seconds since the oldest gap of the peer opened; 0 if it has none, or by another's account."""
    behind: int
    """Records that it holds and the one who looks does not."""
    queue: int
    """Records of the log of the one who looks that it has not acknowledged."""
    oldest: float
    """Milliseconds since the oldest of these was written."""
    repaired: int
    """Records that came from it and closed a gap, since it was met."""
    repairs: float | None
    """The same in the last second; None until measured."""
    given: int
    """Records given to it because it asked."""
    gifts: float | None
    """The same in the last second."""
    refused: int
    """Packets of it that contradicted themselves."""


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """A gap that does not close, or a queue that grows."""

    kind: Literal["gap", "queue"]
    node: NodeId
    name: str
    """Who lacks records, or does not acknowledge them."""
    here: bool
    """It is this node itself."""
    origin: str
    log: str
    """Name of the node whose log it is."""
    missing: int
    since: int
    """ms since 1970."""
    holders: tuple[str, ...]
    """Names of those who hold what it lacks."""
    silent: tuple[str, ...]
    """Those of them that do not answer."""


class ReplayedView(msgspec.Struct, frozen=True, gc=False):
    """One text of a room, as a node holds it."""

    origin: str
    seq: int
    node: str
    """Name of the node that took it."""
    kind: Literal["message", "announcement"]
    at: int
    session: str
    user: str
    name: str
    text: str
    """Untrusted."""
    everywhere: bool = False


class ReplayView(msgspec.Struct, frozen=True):
    """A room's texts from a place on, in the order of a node's list."""

    room: str
    node: str
    """Name of the node whose list it is."""
    texts: tuple[ReplayedView, ...]
    more: bool
    """There are further ones."""
    found: bool
    """The place itself is in the list; else it has left it, and the texts are all that is held."""
    floors: tuple[tuple[str, int], ...]
    """Names of nodes with the last number of their log up to which texts of this room are no longer held."""


class AgainView(msgspec.Struct, frozen=True, gc=False):
    """How long it took until those who spoke when their node was lost were heard again."""

    spoke: int = 0
    """How many spoke at that time."""
    heard: int = 0
    """How many of them are heard again."""
    p50: float | None = None
    """Seconds within which half of these were; None where there are none."""
    p95: float | None = None
    """The same of 95 in 100."""


class OutageView(msgspec.Struct, frozen=True):
    """A node that does not answer, or did not of late."""

    node: NodeId
    name: str
    state: Literal["late", "lost", "back"]
    at: int
    """Since when: it was last heard, or its process ended; ms since 1970."""
    cut: bool
    """Whether the connection to it has ended."""
    ended: bool
    """Whether its process is known to have ended."""
    sessions: int
    """How many it had at that time."""
    resumed: int = 0
    """How many of these were resumed since, anywhere; one that has ended after that counts here."""
    over: int = 0
    """How many ended without it: by a moderator, or because nobody resumed them in time."""
    places: tuple[tuple[str, int], ...] = ()
    """Names of the nodes that resumed them and how many each did, the most first."""
    until: int | None = None
    """When it was back."""
    again: AgainView = AgainView()
    """Those who spoke at that time."""

    @property
    def missing(self) -> int:
        """How many may still be resumed."""
        return self.sessions - self.resumed - self.over


class HealthView(msgspec.Struct, frozen=True, gc=False):
    """The figures of the status bar."""

    sessions: int
    """Those that have a connection, on whichever node."""
    speaking: int
    nodes: int
    received_rate: float
    """Messages a second taken from clients, all nodes."""
    sent_rate: float
    """Deliveries a second written to clients, all nodes."""
    loop_lag: float
    """Milliseconds that this event loop was late in the last second, at worst."""


class ResultView(msgspec.Struct, frozen=True, gc=False):
    """What came of an act at the node that carried it out."""

    node: str
    """Its name."""
    outcome: str
    """``done``, ``gone`` or ``failed``."""
    ms: float
    session: str


class ActView(msgspec.Struct, frozen=True, gc=False):
    """One act of the audit."""

    act: str
    at: int
    """When it was asked for, ms since 1970."""
    by: str
    """Name of who asked."""
    by_user: str
    """Empty where nobody asked: time was over, a node was lost."""
    action: str
    target: str
    """What was named: a session, a user, an address, a ban, a room, a node."""
    people: tuple[tuple[str, str, str], ...]
    """Session, user and name of each for whom it was."""
    room: str | None
    reason: str
    detail: str
    """What else the request said: where to somebody is moved, how a room is to be."""
    until: int | None
    """When it ends, ms since 1970; None: not by itself."""
    node: str
    """Name of the node where it was asked for."""
    results: tuple[ResultView, ...]
    """Empty while what came of it is not known, perhaps for good."""


class AuditPage(msgspec.Struct, frozen=True, gc=False):
    """Some acts of the audit, the newest first."""

    acts: tuple[ActView, ...]
    next: tuple[int, str, int] | None
    """Where to go on; None: there are no more."""


class BanView(msgspec.Struct, frozen=True, gc=False):
    """A ban in force."""

    ban: str
    user: str
    """Empty where it is of an address."""
    ip: str
    """Address or network."""
    room: str | None
    by: str
    reason: str
    at: int
    """When it was decided, ms since 1970."""
    until: int | None
    """When it ends, ms since 1970; None: not by itself."""
    act: str = ""
    """The act of the audit that it comes from, where it was given one."""
