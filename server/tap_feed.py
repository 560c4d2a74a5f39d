"""One feed of one console as a node serves it: rows are filtered, counted and packed into batches; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from bus.record import Origin
from server import flow
from server.flow import Batch, FlowRow, Lease
from server.query import Query

ROWS = 5_000
"""Rows but voice that one batch may hold; beyond it they are counted as lost."""

KEPT_BYTES = 4 << 20
"""Batches kept until the console has them, so that it can ask for those that got lost."""

BATCH_BYTES = 40_000
"""A batch is closed when its rows hold this much, well below what a cast may be."""

AGAIN_BYTES = 256 << 10
"""How much is sent again at once."""

VERDICTS = 10_000
"""Streams of voice of which it is remembered whether they fit."""

_ROW_BYTES = 200
"""What a row holds beside its data, about."""


class Tapped:
    """What a node gathers for one feed. Rows but voice are kept until the console says that it has them."""

    def __init__(
        self, lease: Lease, query: Query, *, life: int, deliver: Callable[[Batch], None] | None = None
    ) -> None:
        self.life = life
        self.deliver = deliver
        """Where batches of the own console go; those of others are cast."""
        self.topic = flow.topic_of(lease.console, lease.feed)
        self.until = 0.0
        """When it ends if the console says nothing more, in seconds of the node's clock."""
        self.query = query
        self.seen = 0
        self.matched = 0
        self.voice_matched = 0
        self._complete = 0
        self._number = 0
        self._rows: list[FlowRow] = []
        self._voice: list[FlowRow] = []
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._told = (0, 0, 0)
        self._epoch = lease.epoch
        self._verdicts: dict[bytes, bool] = {}
        self.renew(lease, query)

    def renew(self, lease: Lease, query: Query) -> None:
        """Take the newest word of the console."""
        if lease.epoch != self._epoch:
            self._epoch, self.query, self._verdicts = lease.epoch, query, {}
            self.seen = self.matched = self.voice_matched = 0
        self.sampling = max(1, lease.sampling)
        self._most = lease.most
        self._steady = self.query.fields <= flow.STEADY
        """All frames of a stream fit or none."""
        self.timed = not self.query.fields.isdisjoint(flow.TIMED)
        """Whether a frame fits is known only when it was written."""
        while self._kept and lease.life == self.life and self._kept[0][0] <= lease.got:
            self._kept_bytes -= len(self._kept.popleft()[1])

    # What passes.

    def take(self, row: FlowRow) -> None:
        """Look at a row that is not voice."""
        self.seen += 1
        if self.query.matches(row.get):
            self.matched += 1
            self._complete += 1
            if len(self._rows) < ROWS:
                self._rows.append(row)

    def verdict(self, stream: bytes) -> bool | None:
        """Whether all frames of a stream fit; None where each is to be looked at."""
        return self._verdicts.get(stream)

    def judge(self, row: FlowRow, stream: bytes) -> bool:
        """Whether a frame fits, and where that is so of all frames of its stream, remember it."""
        fits = self.query.matches(row.get)
        if self._steady:
            if len(self._verdicts) >= VERDICTS:
                self._verdicts.clear()
            self._verdicts[stream] = fits
        return fits

    def count_voice(self) -> None:
        """A frame fits."""
        self.matched += 1
        self.voice_matched += 1

    def take_voice(self, row: FlowRow) -> None:
        """Look at a frame that was written; it has been counted as seen, and unless it is `timed` as fitting."""
        if self.timed:
            if not self.query.matches(row.get):
                return
            self.count_voice()
        if len(self._voice) < self._most and flow.is_sampled(row.ssrc, row.seq, self.sampling):
            self._voice.append(row)

    # What is sent.

    def batch(self, origin: Origin) -> Batch | None:
        """What has been gathered, for the own console; None if that is nothing."""
        if not self._has_news():
            return None
        self._number += bool(self._rows)
        rows, self._rows = self._rows, []
        voice, self._voice = self._voice, []
        return self._batch(origin, rows, voice, self._complete)

    def frames(self, origin: Origin, *, wanted: bool) -> Iterator[bytes]:
        """What has been gathered, for another console, in frames to be cast.

        Where no cast is `wanted` yet, rows but voice are kept until the console asks for them.
        """
        if not self._has_news():
            return
        rows, self._rows = self._rows, []
        voice, self._voice = self._voice, []
        complete = self._complete - len(rows)
        for piece in _pieces(rows):
            self._number += 1
            complete += len(piece)
            packed = msgspec.msgpack.encode(self._batch(origin, piece, [], complete))
            self._keep(packed)
            if wanted:
                yield packed
        if wanted:
            for piece in _pieces(voice) or ([] if rows else [[]]):
                yield msgspec.msgpack.encode(self._batch(origin, [], piece, complete))

    @property
    def floor(self) -> int:
        """The first batch that is still held or yet to come."""
        return self._kept[0][0] if self._kept else self._number + 1

    def again(self) -> list[msgspec.Raw]:
        """What was sent and not acknowledged, oldest first, as much as one answer carries."""
        again: list[msgspec.Raw] = []
        size = 0
        for _, packed in self._kept:
            size += len(packed)
            if again and size > AGAIN_BYTES:
                break
            again.append(msgspec.Raw(packed))
        return again

    def _has_news(self) -> bool:
        totals = (self._epoch, self.seen, self.matched)
        news = bool(self._rows or self._voice) or totals != self._told
        self._told = totals
        return news

    def _batch(self, origin: Origin, rows: list[FlowRow], voice: list[FlowRow], complete: int) -> Batch:
        return Batch(
            origin=origin,
            life=self.life,
            number=self._number,
            rows=rows,
            voice=voice,
            complete=complete,
            epoch=self._epoch,
            seen=self.seen,
            matched=self.matched,
            voice_matched=self.voice_matched,
        )

    def _keep(self, packed: bytes) -> None:
        self._kept.append((self._number, packed))
        self._kept_bytes += len(packed)
        while self._kept_bytes > KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft()[1])


def _pieces(rows: list[FlowRow]) -> list[list[FlowRow]]:
    """`rows` in pieces that each fit a cast."""
    pieces: list[list[FlowRow]] = []
    size = BATCH_BYTES
    for row in rows:
        size += _ROW_BYTES + len(row.data)
        if size > BATCH_BYTES:
            pieces.append([])
            size = _ROW_BYTES + len(row.data)
        pieces[-1].append(row)
    return pieces
