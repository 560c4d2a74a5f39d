"""One room at one node: who listens here, and who speaks anywhere; pure."""

from __future__ import annotations

from bus.record import NodeId
from server.outbox import Outbox
from server.views import RoomState

SILENCE_SECONDS = 0.3
"""A session speaks until it has been silent for so long (protocol.md section 6)."""

REMOTE_SECONDS = 0.5
"""A node's word on who speaks there holds for so long (protocol.md section 6)."""


Talk = tuple[int, int]
"""-dBov and order of somebody who speaks."""


def topic_of(room: str) -> str:
    """The topic of a room's voice."""
    return "voice/" + room


class Talker:
    """A session that speaks now."""

    __slots__ = ("began", "heard", "level", "node", "order")

    def __init__(self, node: NodeId, now: float, level: int, order: int) -> None:
        self.node = node
        self.began = now
        """Where its frames are heard the time of the first one, elsewhere of what its node said last."""
        self.heard = now
        self.level = level
        self.order = order
        """One more than the highest that its node knew in the room: who began later, whatever the clocks say."""


class Room:
    """What a node keeps of a room beyond its members."""

    __slots__ = (
        "_told",
        "broken",
        "listeners",
        "name",
        "opened",
        "outboxes",
        "restrains",
        "returned",
        "spoke",
        "state",
        "talkers",
        "topic",
    )

    def __init__(self, name: str, *, opened: int) -> None:
        self.name = name
        self.topic = topic_of(name)
        self.opened = opened
        """ms since 1970."""
        self.state = RoomState()
        self.restrains = False
        """Whether users may not say here what they want when they want: it is muted, or in slow mode."""
        self.outboxes: dict[str, Outbox] = {}
        """Session id to outbox, of the members on this node."""
        self.listeners: dict[str, Outbox] = {}
        """The same less the deafened ones: who is sent voice."""
        self.returned: dict[bytes, Outbox] = {}
        """By ssrc, of the listeners who resumed here: what they said at another node may come after them."""
        self.talkers: dict[str, Talker] = {}
        """Session id to talker, of the members on all nodes who speak now."""
        self.spoke: int | None = None
        """When somebody was last heard, ms since 1970."""
        self.broken: dict[str, Talker] = {}
        """Those whose node said nothing more of them in the middle of a turn, until somebody takes note."""
        self._told: frozenset[str] = frozenset()

    def rule(self, state: RoomState, *, here: NodeId) -> None:
        """Have other settings from now on."""
        self.state = state
        self.restrains = state.muted or state.slow_seconds > 0
        self._give_way(here)

    def speak(self, session: str, *, node: NodeId, level: int, now: float) -> bool:
        """Take or keep a speaker's place; False where all are taken."""
        talker = self.talkers.get(session)
        if talker is None:
            if len(self.talkers) >= self.state.speakers:
                return False
            order = 1 + max((other.order for other in self.talkers.values()), default=0)
            self.talkers[session] = Talker(node, now, level, order)
        else:
            talker.heard = now
            talker.level = level
        return True

    def hush(self, session: str) -> Talker | None:
        """Free the place of `session`, and return what was in it."""
        return self.talkers.pop(session, None)

    def hear_of(self, node: NodeId, talks: dict[str, Talk], *, now: float, here: NodeId) -> None:
        """Take the word of another node on who of its sessions speak here.

        Two nodes may each have let their last ones begin: those who began later give way, by the hand of their node.
        """
        for session, talker in list(self.talkers.items()):
            if talker.node == node and session not in talks:
                del self.talkers[session]
        for session, (level, order) in talks.items():
            self.talkers[session] = Talker(node, now, level, order)
        self._give_way(here)

    def _give_way(self, here: NodeId) -> None:
        """Of more who speak than may those of this node who began last are heard no more."""
        if len(self.talkers) > self.state.speakers:
            in_order = sorted(self.talkers, key=lambda session: (self.talkers[session].order, session))
            for session in in_order[self.state.speakers :]:
                if self.talkers[session].node == here:
                    del self.talkers[session]

    def talks_of(self, node: NodeId) -> dict[str, Talk]:
        """Who of `node` speaks here: what the other nodes are told."""
        return {session: (t.level, t.order) for session, t in self.talkers.items() if t.node == node}

    def settle(self, here: NodeId, *, now: float) -> tuple[list[str], list[str]]:
        """End the turn of those who went silent; returns who began and who ended since the last call."""
        for session, talker in list(self.talkers.items()):
            if now - talker.heard > (SILENCE_SECONDS if talker.node == here else REMOTE_SECONDS):
                del self.talkers[session]
                if talker.node != here:
                    self.broken[session] = talker
        speaking = frozenset(self.talkers)
        told, self._told = self._told, speaking
        if speaking == told:
            return [], []
        return sorted(speaking - told), sorted(told - speaking)

    @property
    def restless(self) -> bool:
        """Whether `settle` may have something to say."""
        return bool(self.talkers or self._told)
