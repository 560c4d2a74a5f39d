"""A console's side of Flow: leases a tap at every node, and gathers what they send."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bus.interface import BusError, PeerState
from bus.record import NodeId, Origin
from server import flow
from server.events import Event, NodeChanged, PeerTurned
from server.flow import Batch, FlowRow, Held, Lease
from server.query import parse
from server.trace import Offsets
from server.unreadable import UNREADABLE

if TYPE_CHECKING:
    from server.node import Node

KEPT = 50_000
"""Rows that wait for who looks; the oldest go first."""

CALL_SECONDS = 2.0
CALM = 0.7
"""Sampling goes down again when the rows would fill no more than this of what is allowed."""

WAITING = 200
"""Batches that wait for one that got lost on the way; with more of them it is given up."""

UNACKNOWLEDGED = 2_000
"""Rows after which a node is told at once what has come, so that it need not keep them."""


class _Source:
    """One life of one tap at one node."""

    def __init__(self, life: int) -> None:
        self.life = life
        self.got = 0
        """All numbered batches up to this one have been taken."""
        self.waiting: dict[int, Batch] = {}
        """Those beyond a hole."""
        self.received = 0
        self.complete = 0
        self.fresh = 0
        """Rows since the node was told what has come."""
        self.epoch = -1
        self.seen = 0
        self.matched = 0
        self.voice = 0
        self.voice_before = 0
        self.former = (0, 0)
        """What former lives of the tap had seen and found while the query of `epoch` stood."""


class FlowFeed:
    """What happens in the cluster and fits a filter, from now until `close`.

    Everything but voice is complete: what is lost on the way is sent again, and `lost` counts what could not be.
    """

    def __init__(self, node: Node, offsets: Offsets, *, query: str, every_voice: bool) -> None:
        """Made by `Desk.open_flow`. Raises QueryError."""
        self._node = node
        self._offsets = offsets
        self._number = node.taps.new_feed()
        self._query = parse(query, flow.FIELDS)
        self._text = query
        self._epoch = 1
        self._every = every_voice
        self._rows: deque[FlowRow] = deque(maxlen=KEPT)
        self._came = 0
        self._sources: dict[Origin, _Source] = {}
        self._told: dict[NodeId, Origin] = {}
        self._asking: set[NodeId] = set()
        self._again: set[NodeId] = set()
        self._silent: set[NodeId] = set()
        self._seconds = 0
        self._voice_rows = 0
        self.lost = 0
        """Rows that are known to have been and did not come."""
        self.closed = False
        self.sampling = flow.one_in(self._rate_of_cards(), self._most)
        """Of voice, one frame in so many is shown; 1 is every frame."""
        topic = flow.topic_of(node.bus.origin, self._number)
        self._ends = [node.hear(topic, self._hear), node.watch(self._note)]
        self._renew()

    # What the view asks.

    def rows(self) -> Sequence[tuple[int, FlowRow]]:
        """Take what came since the last time, in the order of its times; the number of a row is its own for good.

        Numbers rise by 1 for each row; where some are missing, more came than is kept for who looks too seldom.
        """
        taken = sorted(self._rows, key=lambda row: row.at)
        self._rows.clear()
        return list(enumerate(taken, self._came - len(taken) + 1))

    @property
    def seen(self) -> int:
        """Messages looked at since the filter stands, voice frames that are not shown among them."""
        return sum(one.former[0] + one.seen for one in self._sources.values() if one.epoch == self._epoch)

    @property
    def matched(self) -> int:
        """Those of them that fit it, shown or not."""
        return sum(one.former[1] + one.matched for one in self._sources.values() if one.epoch == self._epoch)

    @property
    def silent(self) -> tuple[str, ...]:
        """Names of the nodes that live and have not confirmed that they watch for this feed."""
        cards, gone = self._node.cards, (None, PeerState.DOWN)
        return tuple(sorted(cards.name_of(node) for node in self._silent if cards.state_of(node) not in gone))

    def set_query(self, text: str) -> None:
        """Look for something else from now on; the totals begin anew. Raises QueryError, and then nothing changes."""
        query = parse(text, flow.FIELDS)
        if query != self._query:
            self._epoch += 1
        self._query, self._text = query, text
        self._renew()

    def set_every_voice(self, every: bool) -> None:
        """Show every frame as long as there are no more than `flow.EVERY_ROWS_PER_SECOND`, or sample them again."""
        self._every = every
        self.sampling = flow.one_in(self._voice_rate or self._rate_of_cards(), self._most)
        self._renew()

    def close(self) -> None:
        """End it at every node. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        while self._ends:
            self._ends.pop()()
        self._node.taps.release(self._node.bus.origin, self._number)
        for node in self._told:
            self._node.tasks.start(self._release(node), name="close flow")

    # What drives it.

    @property
    def _most(self) -> int:
        return flow.EVERY_ROWS_PER_SECOND if self._every else flow.ROWS_PER_SECOND

    def _note(self, event: Event) -> None:
        match event:
            case NodeChanged(node) if node == self._node.node_id:
                self._second()
            case PeerTurned(node, _, "up"):
                self._ask(node)
            case NodeChanged(node) if node not in self._asking and self._is_strange(node):
                self._ask(node)
            case PeerTurned(node, _, "down" | "left"):
                self._told.pop(node, None)
                self._silent.discard(node)

    def _second(self) -> None:
        self._seconds += 1
        self._voice_rows = 0
        rate, most = self._voice_rate, self._most
        for source in self._sources.values():
            source.voice_before = source.voice
        wanted = flow.one_in(rate, most)
        if wanted < self.sampling:
            wanted = min(self.sampling, flow.one_in(rate, most * CALM))
        changed, self.sampling = wanted != self.sampling, wanted
        if changed or self._seconds % flow.LEASE_SECONDS == 0:
            self._renew()

    @property
    def _voice_rate(self) -> int:
        """Voice frames that fitted since the second began, whatever was sampled."""
        return sum(max(0, one.voice - one.voice_before) for one in self._sources.values())

    def _rate_of_cards(self) -> float:
        cards = self._node.cards
        others = (card.received_rate for _, card in cards.peers.values() if card is not None)
        return cards.card.received_rate + sum(others)

    def _renew(self) -> None:
        """Say to every node that this console looks, and for what."""
        held = self._node.taps.lease(self._lease(self._node.bus.origin), self._take)
        self._source(held.origin, held.life)
        for node, (peer, _) in self._node.cards.peers.items():
            if peer.state is not PeerState.DOWN:
                self._ask(node)

    def _is_strange(self, node: NodeId) -> bool:
        """Whether a node lives that has not been told in this life of it."""
        known = self._node.cards.peers.get(node)
        return known is not None and known[0].state is not PeerState.DOWN and self._told.get(node) != known[0].origin

    def _lease(self, origin: Origin | None) -> Lease:
        source = self._sources.get(origin) if origin else None
        if source is not None:
            source.fresh = 0
        return Lease(
            console=self._node.bus.origin,
            feed=self._number,
            query=self._text,
            epoch=self._epoch,
            sampling=self.sampling,
            most=max(1, self._most // 10),
            life=source.life if source else 0,
            got=source.got if source else 0,
        )

    def _ask(self, node: NodeId) -> None:
        """Tell one node; one call at a time, and one more if there is something newer to say."""
        if self.closed:
            return
        if node in self._asking:
            self._again.add(node)
            return
        self._asking.add(node)
        if self._is_strange(node):
            self._silent.add(node)
        self._node.tasks.start(self._call(node), name="lease flow")

    async def _call(self, node: NodeId) -> None:
        clock = self._node.clock
        try:
            known = self._node.cards.peers.get(node)
            body = flow.pack_request(self._lease(known[0].origin if known else None))
            began = clock.now()
            answer = flow.unpack_answer(await self._node.bus.call(node, body, timeout=CALL_SECONDS))
            if isinstance(answer, Held):
                self._offsets.note(node, began, clock.now(), answer.now)
                self._held(node, answer)
        except (BusError, *UNREADABLE, RuntimeError):  # the last when this node ends
            self._silent.add(node)  # it is asked again with the next lease
        finally:
            self._asking.discard(node)
        if node in self._again:
            self._again.discard(node)
            self._ask(node)

    async def _release(self, node: NodeId) -> None:
        release = flow.Release(self._node.bus.origin, self._number)
        try:
            await self._node.bus.call(node, flow.pack_request(release), timeout=CALL_SECONDS)
        except (BusError, RuntimeError):  # the last when this node ends
            pass  # its lease ends by itself

    def _held(self, node: NodeId, held: Held) -> None:
        if self.closed:
            self._node.tasks.start(self._release(node), name="close flow")
            return
        self._told[node] = held.origin
        if held.refused:
            self._silent.add(node)
            return
        self._silent.discard(node)
        source = self._source(held.origin, held.life)
        for again in held.again:
            self._take(flow.unpack_batch(bytes(again)))
        if held.floor > source.got + 1:  # what is missing is no longer to be had
            source.got = held.floor - 1
            self._advance(source)

    # What comes.

    def _hear(self, frame: bytes) -> None:
        batch = flow.unpack_batch(frame)
        if batch.origin not in self._told.values():
            return  # what counts is sent again when that node has answered
        self._take(batch)
        source = self._sources[batch.origin]
        if source.got < batch.number or source.fresh >= UNACKNOWLEDGED:
            for node, origin in self._told.items():
                if origin == batch.origin:
                    self._ask(node)

    def _source(self, origin: Origin, life: int) -> _Source:
        source = self._sources.get(origin)
        if source is None or source.life < life:
            before, source = source, _Source(life)
            if before is not None:
                source.epoch = before.epoch
                source.former = (before.former[0] + before.seen, before.former[1] + before.matched)
            self._sources[origin] = source
        return source

    def _take(self, batch: Batch) -> None:
        source = self._source(batch.origin, batch.life)
        if batch.life < source.life:
            return
        if (batch.epoch, batch.seen) >= (source.epoch, source.seen):
            if batch.epoch != source.epoch:
                source.voice_before, source.former = 0, (0, 0)
            source.epoch, source.seen, source.matched = batch.epoch, batch.seen, batch.matched
            source.voice = batch.voice_matched
        for row in batch.voice:
            if self._voice_rows < self._most:
                self._voice_rows += 1
                self._add(row, batch.epoch)
        if batch.rows and batch.number > source.got:
            source.waiting[batch.number] = batch
            if len(source.waiting) > WAITING:
                source.got = min(source.waiting) - 1
            self._advance(source)

    def _advance(self, source: _Source) -> None:
        """Take the batches that are next in order, and count what is missing before them."""
        for number in [number for number in source.waiting if number <= source.got]:
            batch = source.waiting.pop(number)
            self._add_all(source, batch)
        while (next_one := source.waiting.pop(source.got + 1, None)) is not None:
            source.got += 1
            self._add_all(source, next_one)

    def _add_all(self, source: _Source, batch: Batch) -> None:
        source.received += len(batch.rows)
        source.fresh += len(batch.rows)
        source.complete = max(source.complete, batch.complete)
        missing = source.complete - source.received
        if missing > 0:
            self.lost += missing
            source.received += missing
        for row in batch.rows:
            self._add(row, batch.epoch)

    def _add(self, row: FlowRow, epoch: int) -> None:
        if epoch != self._epoch and not self._query.matches(row.get):
            return
        self._came += 1
        self._rows.append(row)
