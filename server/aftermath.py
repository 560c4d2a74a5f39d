"""What a console knows of losses: the nodes that do not answer, and what became of their sessions and speakers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bus.record import NodeId
from server.outages import Outages
from server.session import SessionRecord
from server.sightings import Return, Sighting, Sightings
from server.views import AgainView, OutageView

if TYPE_CHECKING:
    from server.node import Node

LAST_WORD_SECONDS = 2.0
"""What a lost node last said of its speakers is no older than this when its loss began, as far as that is known."""


class Aftermath:
    """Fed by the desk with what happens at its node, and asked by it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._outages = Outages()
        self._sightings = Sightings()

    def outages(self) -> list[OutageView]:
        """The nodes that do not answer and those that are just back, the newest first."""
        now = self._node.clock.wall_ms()
        self._outages.follow(self._node.presence.known, now)
        return [self._with_voices(outage) for outage in self._outages.views(now)]

    def plain(self) -> list[OutageView]:
        """The same as they were last looked at, without their speakers."""
        return self._outages.views(self._node.clock.wall_ms())

    def last(self, node: NodeId) -> OutageView | None:
        """The last outage of a node in the last hour."""
        outage = self._outages.last(node)
        return None if outage is None else self._with_voices(outage)

    def again(self) -> AgainView:
        """Those of the last hour who spoke when their node was lost, all outages together."""
        return self._node.interruptions.view(self._node.clock.now())

    def resumes(self) -> int:
        """How many resumes were seen in the last hour."""
        return self._sightings.last_hour(self._node.clock.wall_ms())

    def of(self, session: str) -> Sighting:
        """What was seen of one session."""
        return self._sightings.of(session)

    def ended(self) -> set[NodeId]:
        """Nodes whose processes are known to have ended, while the mesh may still wait for them."""
        return {outage.node for outage in self.plain() if outage.ended and outage.state != "back"}

    def excused(self, node: NodeId) -> bool:
        """Whether nobody waits for a node."""
        return self._outages.excused(node)

    # What happens.

    def lost(self, record: SessionRecord, now: int) -> None:
        """The connection of a session is lost; `now` in ms since 1970."""
        self._sightings.lost(record, now=now)

    def goes_on(self, record: SessionRecord, before: str, now: int) -> Return:
        """A session that was on the node called `before` goes on."""
        found = self._sightings.goes_on(record, before=before, now=now)
        if found.resumed:
            self._outages.moved(before, record, now=now)
        return found

    def second(self) -> None:
        """A second is over: who has ended is forgotten."""
        self._sightings.forget(self._node.presence.known)

    def look_at(self, node: NodeId) -> None:
        """A node stands otherwise than before."""
        known, clock = self._node.cards.peers.get(node), self._node.clock
        if known is None:
            self._outages.left(node)
            return
        peer, card = known
        self._outages.see(
            node,
            life=peer.origin,
            name=card.name if card else node,
            state=peer.state,
            cut=peer.cut,
            heard=clock.wall_ms() - round((clock.now() - peer.heard) * 1000),
            present=self._node.presence.present,
            now=clock.wall_ms(),
        )

    def node_ended(self, node: NodeId, *, name: str, at: int) -> None:
        """The process of a node was seen to end."""
        self._outages.end(node, name=name, at=at, present=self._node.presence.present)

    def excuse(self, node: NodeId) -> None:
        """The end of a node is wanted, or it is to be shown no more."""
        self._outages.excuse(node)

    def _with_voices(self, outage: OutageView) -> OutageView:
        clock = self._node.clock
        since = clock.now() - (clock.wall_ms() - outage.at) / 1000 - LAST_WORD_SECONDS
        again = self._node.interruptions.view(clock.now(), node=outage.node, since=since)
        return msgspec.structs.replace(outage, again=again)
