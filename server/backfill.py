"""Lines of the audit that this node has not seen, asked of the others until every store has all that any has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from bus.interface import BusError, PeerState
from bus.record import HIGHEST, NAME_CHARS, NodeId, Origin
from server.chain import Head
from server.store.rows import AuditRow, StoreError
from server.unreadable import UNREADABLE

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL = b"\x00audit"
"""What a call about this begins with."""

ANSWER_BYTES = 48 * 1024
HEADS_AT_ONCE = 300
LINES_AT_ONCE = 200
"""So much one answer tells at most."""

PATIENCE_SECONDS = 3.0
"""For so long two nodes may know different heads, because lines are under way, before one asks."""

AGAIN_SECONDS = 30.0
"""After how long it is tried again to get what could not be had."""

CALL_SECONDS = 3.0

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]


class AskHeads(msgspec.Struct, frozen=True, tag="heads"):
    """Which chains do you know, behind this name?"""

    after: _Name


class AskLines(msgspec.Struct, frozen=True, tag="lines"):
    """Which lines of a chain have you, from this number on?"""

    chain: _Name
    first: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A line as it was written."""

    n: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]
    seq: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST)]
    payload: bytes


class Backfill:
    """Compares what this node knows with what the others say that they know, and gets what it lacks."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._unlike: dict[NodeId, tuple[tuple[bytes, bytes] | None, float]] = {}
        """Peers that know other heads: when that is looked into, and what both told of theirs when it was."""
        self._busy = False

    # What others ask.

    def answer(self, body: bytes) -> bytes | Coroutine[Any, Any, bytes]:
        """Tell another node what it asks for. Raises one of `UNREADABLE` at once if it asks for nothing."""
        asked = _question_decoder.decode(memoryview(body)[len(CALL) :])
        if isinstance(asked, AskHeads):
            return msgspec.msgpack.encode(self._node.audit.heads(asked.after, HEADS_AT_ONCE))
        return self._give(asked)

    async def _give(self, asked: AskLines) -> bytes:
        store = self._node.store
        if store is None:
            return msgspec.msgpack.encode([])
        found: list[Told] = []
        size = 0
        try:
            async for row in store.chain(asked.chain, asked.first):
                told = _told(row)
                size += len(told.payload) + 24
                if found and (size > ANSWER_BYTES or len(found) == LINES_AT_ONCE):
                    break
                found.append(told)
        except StoreError as error:
            raise BusError(str(error)) from None
        return msgspec.msgpack.encode(found)

    # What this node asks.

    def look(self, now: float) -> None:
        """See whose heads differ from this node's for a while, and ask; once a second."""
        node = self._node
        if node.store is None:
            return
        own = node.audit.summary
        for peer, card in node.cards.peers.values():
            theirs = card.audit if card is not None and peer.state is PeerState.UP else None
            if theirs is None or theirs == own:
                self._unlike.pop(peer.node, None)
                continue
            told, due = self._unlike.setdefault(peer.node, (None, now + PATIENCE_SECONDS))
            if told is not None and told != (theirs, own):
                self._unlike[peer.node] = None, now + AGAIN_SECONDS
            elif now >= due and not self._busy:
                self._busy = True
                self._unlike[peer.node] = (theirs, own), float("inf")
                node.tasks.start(self._ask_all(peer.node), name="audit lines")

    async def _ask_all(self, peer: NodeId) -> None:
        try:
            for head in await self._heads_of(peer):
                await self._follow(head)
        except (BusError, *UNREADABLE) as error:
            logger.info("lines of the audit could not be had: %s", error)
            self._unlike[peer] = None, self._node.clock.now() + AGAIN_SECONDS
        finally:
            self._busy = False

    async def _heads_of(self, peer: NodeId) -> list[Head]:
        heads: list[Head] = []
        while True:
            question = AskHeads(heads[-1].chain if heads else "")
            page = _heads_decoder.decode(await self._call(peer, question))
            heads += page
            if not page:
                return heads

    async def _follow(self, theirs: Head) -> None:
        """Get a chain as far as a peer knows it."""
        audit = self._node.audit
        while (known := audit.known(theirs.chain)) < theirs.n:
            lines = await self._lines(theirs.chain, known + 1)
            if not lines or not audit.fill(theirs.chain, [(told.seq, told.payload) for told in lines]):
                return
            await asyncio.sleep(0)  # who wants to be served comes first
        audit.compare(theirs)

    async def _lines(self, chain: Origin, first: int) -> Sequence[Told]:
        """What follows next of a chain, by any node that is up: of that which has most of it."""
        best: Sequence[Told] = ()
        for peer, _ in list(self._node.cards.peers.values()):
            if peer.state is not PeerState.UP:
                continue
            lines = _lines_decoder.decode(await self._call(peer.node, AskLines(chain, first)))
            if lines and lines[0].n == first:
                return lines
            if lines and (not best or lines[0].n < best[0].n):
                best = lines
        return best

    async def _call(self, peer: NodeId, question: AskHeads | AskLines) -> bytes:
        body = CALL + msgspec.msgpack.encode(question)
        return await self._node.bus.call(peer, body, timeout=CALL_SECONDS)


def _told(row: AuditRow) -> Told:
    return Told(row.n, row.seq, row.line.encode(errors="surrogatepass"))


_question_decoder: msgspec.msgpack.Decoder[AskHeads | AskLines] = msgspec.msgpack.Decoder(AskHeads | AskLines)
_heads_decoder: msgspec.msgpack.Decoder[list[Head]] = msgspec.msgpack.Decoder(list[Head])
_lines_decoder: msgspec.msgpack.Decoder[list[Told]] = msgspec.msgpack.Decoder(list[Told])
