"""Who did what: lines that are written ahead, to chains that every node holds (protocol.md section 7)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from bus.interface import PeerState
from bus.record import Kind, Origin, Record, node_of
from server import chain
from server.bans import Ban
from server.chain import RESULTS, Asked, Began, Came, Entry, Head, Line, Missed, Pen, Person, Result
from server.events import Audited, Event, PeerTurned
from server.filing import filed, lines_of, sought_of
from server.intent import Intent
from server.ledger import KEPT, Item, Ledger, Place, Wanted, items_of
from server.orders import Unconfirmed
from server.rulings import BAN, Change, parts_of
from server.session import Actor
from server.store.interface import Store
from server.store.rows import HeadRow, StoreError, place_of
from server.unreadable import UNREADABLE
from server.wire.moderation import Outcome
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

APART_MS = 10_000
"""Lines of a node whose clock is further ahead do not move the times of others."""


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
        self._ahead: dict[Origin, dict[int, Head]] = {}
        """Of each chain the lines that came although one before them has not."""
        self._summary = 0
        self._untold: dict[Origin, Head] = {}
        """Heads of which this node's own lines have not told."""
        self._ledger = Ledger()
        self._looking = asyncio.Lock()
        """Looks into the store come one after the other: of many rows they take long, and others want it too."""
        node.orders.follow(BAN, self._end)

    # What is done.

    def asked(self, intent: Intent, *, more: bool = False) -> str:
        """Write down what is about to be done, before it goes out. Returns the identity of the act.

        What is known under its identity is not written again, unless these are `more` of those for whom it is.
        """
        act = intent.act
        if act and self.is_known(act) and not more:
            return act
        act = act or self._next_act()
        self._write(*intent.lines(act))
        return act

    def is_known(self, act: str) -> bool:
        """Whether something was written of an act not long ago."""
        return bool(self._ledger.of_act(act))

    def outcome(self, act: str, outcomes: Sequence[Outcome]) -> None:
        """Write down what came of an act at each node that carried it out. Without this it is "not known"."""
        results = [
            Result(one.node, one.outcome, one.ms, session=one.session or "", user=one.user or "") for one in outcomes
        ]
        starts = range(0, len(results), RESULTS)
        self._write(*(Came(act, tuple(results[start : start + RESULTS])) for start in starts))

    async def recorded(self, work: Awaitable[list[Outcome]], intent: Intent) -> list[Outcome]:
        """Write down what is about to be done, do it, and write down what came of it."""
        act = self.asked(intent)
        try:
            outcomes = await work
        except Unconfirmed as unconfirmed:
            self.outcome(act, unconfirmed.outcomes)
            raise
        self.outcome(act, outcomes)
        return outcomes

    @contextlib.contextmanager
    def acting(self, by: Actor, action: str, target: str) -> Iterator[None]:
        """Write down what this node does within the block, ahead, and whether it failed."""
        clock = self._node.clock
        act, began = self.asked(Intent(action, by=by, target=target)), clock.now()
        outcome: Literal["done", "failed"] = "failed"
        try:
            yield
            outcome = "done"
        finally:
            ms = round((clock.now() - began) * 1000, 1)
            self.outcome(act, [Outcome(node=self._node.name, outcome=outcome, ms=ms)])

    def happened(self, intent: Intent) -> None:
        """Write down what came to be here although nobody asked."""
        act = self.asked(intent)
        self.outcome(act, [Outcome(node=self._node.name, outcome="done", ms=0)])

    def _next_act(self) -> str:
        """No other line asked under it: it is the place of the line that will."""
        head = self._opened().head
        return f"{self._node.bus.origin}:{head.n + 1 if head else 1}"

    def _opened(self) -> Pen:
        if self._pen is None:
            node = self._node
            known = any(node_of(origin) == node.node_id for origin in self._heads)
            lost = node.store is not None and self._restored is None and known
            if lost:
                logger.warning("the store has nothing of the audit that this node wrote before: a new chain begins")
            self._pen = Pen(node.bus.origin, node.name, self._restored)
            self._write(Began(self._restored, lost))
            if lost:
                why = "its store has nothing that it wrote before"
                self.happened(Intent("audit_lost", target=node.name, reason=why))
        return self._pen

    def _write(self, *entries: Entry) -> None:
        node, pen = self._node, self._opened()
        for entry in entries:
            told = list(self._untold.values())[: chain.SEEN]
            for head in told:
                del self._untold[head.chain]
            payload = pen.write(entry, at=self._at(), seen=told)
            record = node.bus.append(Kind.AUDIT, payload)
            if pen.line is not None and pen.head is not None:
                self._note(record.seq, payload, pen.line, pen.head)
        self._tell(node.bus.origin)

    def _at(self) -> int:
        """The time of a line: later than what it may be the answer to, although clocks are somewhat apart."""
        wall, latest = self._node.clock.wall_ms(), self._ledger.newest
        if latest is None or not wall <= latest[0] < wall + APART_MS:
            return wall
        return latest[0] + (latest[1] != self._node.bus.origin)

    # What is known.

    def take(self, record: Record) -> None:
        """A line of any chain has come. Raises one of `UNREADABLE`."""
        if record.origin != self._node.bus.origin:  # own lines are known since they were written
            self._keep(record.origin, record.seq, record.payload)

    def fill(self, origin: Origin, lines: Sequence[tuple[int, bytes]]) -> bool:
        """Take lines, each with its place in the log, that follow what is known of a chain, as another node has them.

        Where they begin later, what is between is held by nobody, and that is written down. Returns whether they fit.
        """
        for at, (seq, payload) in enumerate(lines):
            line, known = chain.unpack(payload), self._heads.get(origin)
            first = 1 + (known.n if known else 0)
            if at == 0 and line.n > first:
                self._write(Missed(chain=origin, first=first, last=line.n - 1))
                self._advance(Head(origin, line.n - 1, line.prev), whole=True)
            elif line.n != first or (known is not None and line.prev != known.hash):
                logger.warning("the audit of %s is broken: line %d does not follow the one before", line.node, line.n)
                return at > 0
            self._keep(origin, seq, payload)
        return bool(lines)

    def _keep(self, origin: Origin, seq: int, payload: bytes) -> None:
        line, known = chain.unpack(payload), self._heads.get(origin)
        if known is not None and line.n <= known.n:
            return
        if known is not None and line.n == known.n + 1 and line.prev != known.hash:
            logger.warning("the audit of %s is broken: line %d does not follow line %d", line.node, line.n, known.n)
        if isinstance(line.entry, Began) and line.entry.before is not None:
            self._compare(line.node, line.entry.before)
        self._note(seq, payload, line, Head(origin, line.n, chain.hash_of(origin, payload)))
        self._tell(origin)

    def _note(self, seq: int, payload: bytes, line: Line, head: Head) -> None:
        """A line is new here."""
        self._ledger.note(head.chain, line)
        if self._node.store is not None:
            self._node.store.save(filed(head.chain, seq, payload, line, head.hash))
        self._advance(head)

    def _tell(self, origin: Origin) -> None:
        """Lines of a chain are new here: have that kept, and looked at."""
        node, head = self._node, self._heads.get(origin)
        if node.store is not None and head is not None:
            node.store.save(HeadRow(chain=origin, n=head.n, hash=head.hash, at=node.clock.wall_ms()))
        node.emit(Audited())

    def _advance(self, head: Head, *, whole: bool = False) -> None:
        """Know a chain further; where a store wants all of it only up to the first line that may still come.

        `whole`: none before this one may.
        """
        node, known = self._node, self._heads.get(head.chain)
        if node.store is not None and not whole and head.n > 1 + (known.n if known else 0):
            self._ahead.setdefault(head.chain, {})[head.n] = head
            return
        ahead = self._ahead.get(head.chain, {})
        while head.n + 1 in ahead:
            head = ahead.pop(head.n + 1)
        if known is not None:
            self._summary ^= _mark(known)
        self._summary ^= _mark(head)
        self._heads[head.chain] = head
        if head.chain != node.bus.origin:
            self._untold[head.chain] = head

    def _compare(self, name: str, before: Head) -> None:
        """A node begins a life by what its store says of the one before: say so if that is not what it wrote."""
        known = self._heads.get(before.chain)
        if known is None or known == before or known.n < before.n:
            return
        if known.n == before.n:
            why = f"line {before.n} of its own in its store is not the one that it wrote"
        else:
            why = f"its store has {before.n} of {known.n} lines that it wrote"
        logger.warning("the audit of %s: %s", name, why)
        if self._speaks:
            self.happened(Intent("audit_changed", target=name, reason=why))

    @property
    def summary(self) -> bytes:
        """The same at two nodes that know the same heads, which each tells with its card."""
        return self._summary.to_bytes(8, "big")

    def known(self, origin: Origin) -> int:
        """How far a chain is known here without a hole."""
        head = self._heads.get(origin)
        return head.n if head else 0

    def heads(self, after: Origin, limit: int) -> list[Head]:
        """The heads of the next chains behind `after`, in the order of their names."""
        return [self._heads[origin] for origin in sorted(origin for origin in self._heads if origin > after)[:limit]]

    def compare(self, theirs: Head) -> None:
        """Another node knows this head: if it is another line than ours, both stay on record."""
        node, known = self._node, self._heads.get(theirs.chain)
        if known is not None and known.n == theirs.n and known.hash != theirs.hash:
            logger.warning("two nodes have different lines %d of the audit's chain %s", theirs.n, theirs.chain)
            if node.store is not None:
                node.store.save(HeadRow(chain=theirs.chain, n=theirs.n, hash=theirs.hash, at=node.clock.wall_ms()))

    async def restore(self) -> None:
        """Take from the store what was known before; while this node is not yet in the cluster. Raises StoreError."""
        node = self._node
        if node.store is None:
            return
        for row in await node.store.heads():
            known, head = self._heads.get(row.chain), Head(row.chain, row.n, row.hash)
            if known is None or known.n < head.n:
                self._summary ^= (_mark(known) if known else 0) ^ _mark(head)
                self._heads[row.chain] = head
        ours = [head for head in self._heads.values() if node_of(head.chain) == node.node_id]
        self._restored = max(ours, key=_incarnation, default=None)
        for origin, line in await self._stored(Wanted(), limit=KEPT):
            self._ledger.note(origin, line)
        if len(self._ledger) >= KEPT:
            self._ledger.close()

    def look(self, event: Event) -> None:
        """Note what happens to the cluster: the living node with the lowest id writes it down."""
        if isinstance(event, PeerTurned) and event.state == "down":
            if self._speaks:
                sessions = self._node.presence.per_node[event.node]
                self.happened(Intent("node_lost", target=event.name, reason=f"sessions that were there: {sessions}"))

    def _end(self, change: Change) -> None:
        """A decision is in force no more: if that is because its time is over, nobody else writes that down."""
        before = change.before
        if before is None or change.now is not None or change.last.lifts or not self._speaks:
            return
        id = parts_of(change.key)[-1]
        try:
            ban = before.read(Ban)
        except UNREADABLE:
            return
        whom = Person("", ban.user, ban.user or ban.ip)
        self.happened(Intent("ban_ended", target=id, people=[whom], room=ban.room or None, reason="its time is over"))

    @property
    def _speaks(self) -> bool:
        """Whether what happens to all is written down here: of the living nodes this one has the lowest id."""
        peers = self._node.cards.peers.values()
        return all(self._node.node_id < peer.node for peer, _ in peers if peer.state is PeerState.UP)

    # What can be looked at.

    async def page(self, wanted: Wanted, *, limit: int, before: Place | None = None) -> list[Item]:
        """The newest items that are wanted, behind `before` where it is given. Raises Refused unavailable."""
        found = self._ledger.page(wanted, limit=limit, before=before)
        if len(found) == limit or self._ledger.floor is None:
            return found
        behind = min((place for place in (before, self._ledger.oldest) if place is not None), default=None)
        try:
            lines = await self._stored(wanted, limit=limit - len(found), before=behind)
        except StoreError as error:
            raise Refused(Code.UNAVAILABLE, str(error)) from None
        return [*found, *items_of(lines)]

    def since(self, at: int) -> tuple[int, int] | None:
        """How many acts were asked for since then, ms since 1970, and by how many; None if not all are in memory."""
        floor = self._ledger.floor
        if floor is not None and floor[0] >= at:
            return None
        items = self._ledger.page(Wanted(since=at), limit=KEPT)
        users = {item.asked.by.user for item in items} - {""}
        return len({item.asked.act for item in items}), len(users)

    def actors(self) -> list[tuple[str, str]]:
        """User and name of everybody who asked for what is in memory, by name."""
        actors = (item.asked.by for item in reversed(self._ledger.page(Wanted(), limit=KEPT)))
        names = {by.user: by.name for by in actors if by.user}
        return sorted(names.items(), key=lambda one: one[1].casefold())

    async def _stored(self, wanted: Wanted, *, limit: int, before: Place | None = None) -> list[tuple[Origin, Line]]:
        """Of the store the newest lines that asked for what is wanted, and then what came of it."""
        store = self._node.store
        if store is None:
            return []
        async with self._looking:
            return await self._look_up(store, wanted, limit, before)

    async def _look_up(
        self, store: Store, wanted: Wanted, limit: int, before: Place | None
    ) -> list[tuple[Origin, Line]]:
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


def _incarnation(head: Head) -> int:
    number = head.chain.partition(".")[2]
    return int(number) if number.isdecimal() else 0


def _mark(head: Head) -> int:
    text = f"{head.chain} {head.n} {head.hash}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
