"""Who did what: lines that are written ahead, to chains that every node holds (protocol.md section 7)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bus.interface import PeerState
from bus.record import Kind, Origin, Record
from server import chain
from server.chain import RESULTS, Asked, Began, Came, Entry, Head, Line, Pen, Person, Result
from server.events import Audited, Event, PeerTurned
from server.filing import lines_of, row_of, sought_of
from server.ledger import KEPT, Item, Ledger, Place, Wanted, items_of
from server.session import Actor, Role, SessionRecord
from server.store.rows import HeadRow, StoreError, place_of
from server.wire.moderation import Outcome
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

SYSTEM = Actor("", "", "System", Role.ADMIN)
"""Who acts where nobody asked."""


class Audit:
    """A node's own chain, and all that it knows of the chains of the others."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pen: Pen | None = None
        """None until there is something to write."""
        self._restored: Head | None = None
        """The last line that this node's store has of what the node itself wrote before."""
        self._heads: dict[Origin, Head] = {}
        """The last line known of each chain."""
        self._untold: dict[Origin, Head] = {}
        """Heads of which this node's own lines have not told."""
        self._ledger = Ledger()

    # What is done.

    def asked(
        self,
        by: Actor,
        action: str,
        *,
        target: str = "",
        people: Sequence[SessionRecord | Person] = (),
        room: str | None = None,
        reason: str = "",
        until: int | None = None,
        act: str = "",
    ) -> str:
        """Write down what is about to be done, before it goes out; for each of `people` a line of its own.

        `target` is what the request named (else the session of each), `until` ms since 1970. Returns the identity of
        the act, which is `act` if that is given: what is known under it already is not written again.
        """
        if act and self._ledger.of_act(act):
            return act
        act = act or self._next_act()
        for person in [_person(one) for one in people] or [None]:
            self._write(
                Asked(
                    act=act,
                    by=by,
                    action=action,
                    target=target or (person.session if person else ""),
                    person=person,
                    room=room,
                    reason=reason,
                    until=until,
                )
            )
        return act

    def outcome(self, act: str, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of an act at each node that carried it out. Without this it is "not known"."""
        results = [
            Result(node=one.node, outcome=one.outcome, ms=one.ms, session=one.session or "") for one in outcomes
        ]
        for start in range(0, len(results), RESULTS):
            self._write(Came(act, tuple(results[start : start + RESULTS])))

    def happened(
        self,
        action: str,
        *,
        target: str = "",
        people: Sequence[SessionRecord | Person] = (),
        room: str | None = None,
        reason: str = "",
        act: str = "",
    ) -> None:
        """Write down what came to be here although nobody asked."""
        act = self.asked(SYSTEM, action, target=target, people=people, room=room, reason=reason, act=act)
        self.outcome(act, [Outcome(node=self._node.name, outcome="done", ms=0)])

    def _next_act(self) -> str:
        """No other line asked under it: it is the place of the line that will."""
        head = self._opened().head
        return f"{self._node.bus.origin}:{head.n + 1 if head else 1}"

    def _opened(self) -> Pen:
        if self._pen is None:
            node = self._node
            known = any(origin.startswith(f"{node.node_id}.") for origin in self._heads)
            lost = known and self._restored is None and node.store is not None
            if lost:
                logger.warning("the store has nothing of the audit that this node wrote before: a new chain begins")
            self._pen = Pen(node.bus.origin, node.name, self._restored)
            self._write(Began(self._restored, lost))
        return self._pen

    def _write(self, entry: Entry) -> None:
        node, pen = self._node, self._opened()
        told = list(self._untold.values())[: chain.SEEN]
        for head in told:
            del self._untold[head.chain]
        payload = pen.write(entry, at=node.clock.wall_ms(), seen=told)
        self._keep(node.bus.append(Kind.AUDIT, payload))

    # What is known.

    def take(self, record: Record) -> None:
        """A line of any chain has come. Raises one of `UNREADABLE`."""
        if record.origin != self._node.bus.origin:  # own lines are known since they were written
            self._keep(record)

    def _keep(self, record: Record) -> None:
        node, origin = self._node, record.origin
        line, known = chain.unpack(record.payload), self._heads.get(origin)
        if known is not None and line.n <= known.n:
            return
        if known is not None and line.n == known.n + 1 and line.prev != known.hash:
            logger.warning("the audit of %s is broken: line %d does not follow line %d", line.node, line.n, known.n)
        if isinstance(line.entry, Began) and line.entry.before is not None:
            self._compare(line.node, line.entry.before)
        head = self._heads[origin] = Head(origin, line.n, chain.hash_of(origin, record.payload))
        if origin != node.bus.origin:
            self._untold[origin] = head
        self._ledger.note(origin, line)
        if node.store is not None:
            node.store.save(row_of(origin, record.seq, record.payload))
            node.store.save(HeadRow(chain=origin, n=head.n, hash=head.hash, at=node.clock.wall_ms()))
        node.emit(Audited())

    def _compare(self, name: str, before: Head) -> None:
        """A node begins a life by what its store says of the one before."""
        known = self._heads.get(before.chain)
        if known is not None and known.n == before.n and known.hash != before.hash:
            logger.warning("the store of %s was changed: its line %d is not the one that it wrote", name, before.n)
        elif known is not None and known.n > before.n:
            logger.warning("the store of %s has %d of the %d lines that it wrote", name, before.n, known.n)

    async def restore(self) -> None:
        """Take from the store what was known before; while this node is not in the cluster. Raises StoreError."""
        node = self._node
        if node.store is None:
            return
        for row in await node.store.heads():
            known = self._heads.get(row.chain)
            if known is None or known.n < row.n:
                self._heads[row.chain] = Head(row.chain, row.n, row.hash)
        ours = [head for head in self._heads.values() if head.chain.startswith(f"{node.node_id}.")]
        self._restored = max(ours, key=lambda head: int(head.chain.partition(".")[2]), default=None)
        for origin, line in await self._stored(Wanted(), limit=KEPT):
            self._ledger.note(origin, line)
        if len(self._ledger) >= KEPT:
            self._ledger.close()

    def look(self, event: Event) -> None:
        """Note what happens to the cluster: the living node with the lowest id writes it down."""
        if isinstance(event, PeerTurned) and event.state == "down":
            node = self._node
            living = [peer.node for peer, _ in node.cards.peers.values() if peer.state is PeerState.UP]
            if node.node_id == min([node.node_id, *living]):
                sessions = node.presence.per_node[event.node]
                self.happened("node_lost", target=event.name, reason=f"{sessions} sessions were there")

    # What can be looked at.

    async def page(self, wanted: Wanted, *, limit: int, before: Place | None = None) -> list[Item]:
        """The newest items that are wanted, behind `before` where it is given. Raises Refused unavailable."""
        found = self._ledger.page(wanted, limit=limit, before=before)
        oldest = self._ledger.floor
        if len(found) == limit or oldest is None:
            return found
        try:
            lines = await self._stored(wanted, limit=limit - len(found), before=min(before or oldest, oldest))
        except StoreError as error:
            raise Refused(Code.UNAVAILABLE, str(error)) from None
        return [*found, *items_of(lines)]

    async def _stored(self, wanted: Wanted, *, limit: int, before: Place | None = None) -> list[tuple[Origin, Line]]:
        """Of the store the newest lines that asked for what is wanted, and then what came of it."""
        store = self._node.store
        if store is None:
            return []
        found: list[tuple[Origin, Line]] = []
        while len(found) < limit:
            rows = await store.audit_page(sought_of(wanted), limit=limit, before=before)
            found += [(origin, line) for origin, line in lines_of(rows) if wanted.fits(line)]
            if len(rows) < limit:
                break
            before = place_of(rows[-1])
        found = found[:limit]
        acts = {line.entry.act for _, line in found if isinstance(line.entry, Asked)}
        came = await store.audit_of(sorted(acts)) if acts else []
        return [*found, *lines_of(row for row in came if row.kind == "outcome")]


def _person(one: SessionRecord | Person) -> Person:
    return one if isinstance(one, Person) else Person(one.session, one.user, one.name)
