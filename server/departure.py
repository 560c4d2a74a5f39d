"""A node that goes away: it takes nobody in any more, and hands its clients to the others (protocol.md section 7)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

import msgspec

from bus.interface import BusError
from bus.record import NodeId
from server.acts import Reason
from server.drain import LONGEST_SECONDS, Drain
from server.events import NodeChanged
from server.intent import Intent
from server.moderation import CALL_SECONDS
from server.roles import Command, require
from server.session import Actor
from server.unreadable import UNREADABLE
from server.views import DrainView
from server.wire import moderation
from server.wire.moderation import Outcome
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL = b"\x00drain"
"""What a call about this begins with, so that it is told from others."""

Seconds = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_SECONDS)]


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """Let a node go away."""

    by: Actor
    seconds: Seconds | None
    """None: as long as that node would take if it were stopped."""
    reason: Reason = ""


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """Let it stay, and take sessions again."""

    by: Actor


Order = Begin | Cancel


class Reply(msgspec.Struct, frozen=True):
    """What a node answers to an order; without a code it was carried out."""

    code: Code | None = None
    message: str = ""


class Departure:
    """Whether and how this node goes away."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._drain: Drain | None = None
        self._final = False
        self.emptied = asyncio.Event()
        """Nobody is left since this node began to go."""

    @property
    def under_way(self) -> bool:
        """Whether it takes nobody in; also when nobody is left."""
        return self._drain is not None

    def view(self) -> DrainView | None:
        """How far it is, or None."""
        drain = self._drain
        if drain is None:
            return None
        return DrainView(drain.left, drain.of, round(drain.seconds_left(self._node.clock.now())), self._final)

    def begin(self, seconds: float, *, final: bool = False) -> None:
        """Tell each client its own time, spread over so many seconds; at it, who has not gone by itself is closed.

        Where no other node takes sessions that time is now, and nobody is moved. `final`: this node ends then.
        Those who speak go last.
        """
        node = self._node
        now, urls = node.clock.now(), node.cards.urls_of_others()
        talking = {session for room in node.rooms.values() for session in room.talkers}
        sessions = sorted(node.conversations, key=talking.__contains__)
        drain = self._drain = Drain(sessions, seconds=seconds if urls else 0.0, now=now)
        self._final = self._final or final
        self.emptied.clear()
        for session in sessions:
            after_ms = round(drain.wait(session, now) * 1000)
            node.conversations[session].send(moderation.GoingAway(urls=urls, after_ms=after_ms))
        if sessions:
            logger.info("%d clients are handed to other nodes within %g s", drain.of, seconds if urls else 0.0)
        self.tick(now)
        self._tell()

    def cancel(self) -> None:
        """Take sessions again; who was told to go may stay. A node that ends goes all the same."""
        if self._drain is not None and not self._final:
            logger.info("sessions are taken again, %d have stayed", self._drain.left)
            self._drain = None
            self._node.tell_urls()
            self._tell()

    def tick(self, now: float) -> None:
        """Close those whose time is over; nobody is left without a node that takes sessions."""
        node, drain = self._node, self._drain
        if drain is None:
            return
        if not node.cards.urls_of_others():
            if self._final:
                now = drain.ends
            elif node.cards.may_be_refuge():
                return  # it will answer in a moment, or be down
            else:
                logger.warning("no other node takes sessions any more: this one stays")
                self.cancel()
                return
        if self.emptied.is_set():
            return
        for session in drain.look(node.conversations, now):
            node.conversations[session].cut(node.farewell)
        if not drain.left:
            self.emptied.set()
            self._tell()

    async def order(self, node: NodeId, order: Order) -> Outcome:
        """Have a node of the cluster carry out an order. Raises Refused: unavailable, forbidden."""
        own, began = self._node, self._node.clock.now()
        act = own.audit.asked(
            Intent(
                "drain" if isinstance(order, Begin) else "cancel_drain",
                by=order.by,
                target=own.cards.name_of(node),
                reason=order.reason if isinstance(order, Begin) else "",
            )
        )
        reply = self._reply(order) if node == own.node_id else await self._ask(node, order)
        ms = round((own.clock.now() - began) * 1000, 1)
        done = reply.code is None
        outcome = Outcome(node=own.cards.name_of(node), outcome="done" if done else "failed", ms=ms)
        own.audit.outcome(act, [outcome])
        if reply.code is not None:
            raise Refused(reply.code, reply.message)
        return outcome

    async def _ask(self, node: NodeId, order: Order) -> Reply:
        bus = self._node.bus
        try:
            answer = await bus.call(node, CALL + msgspec.msgpack.encode(order), timeout=CALL_SECONDS)
            return _reply_decoder.decode(answer)
        except (BusError, *UNREADABLE):
            raise Refused(Code.UNAVAILABLE, f"node {self._node.cards.name_of(node)} did not answer") from None

    def answer(self, body: bytes) -> bytes:
        """Carry out what another node asks for. Raises msgspec.MsgspecError if it is no order."""
        return msgspec.msgpack.encode(self._reply(_order_decoder.decode(memoryview(body)[len(CALL) :])))

    def _reply(self, order: Order) -> Reply:
        try:
            self._carry_out(order)
        except Refused as refused:
            return Reply(refused.code, refused.message)
        return Reply()

    def _carry_out(self, order: Order) -> None:
        node, by = self._node, order.by
        require(by, Command.DRAIN)
        if isinstance(order, Cancel):
            if self._final:
                raise Refused(Code.UNAVAILABLE, f"node {node.name} is ending already")
            logger.info("%s (%s) calls the drain off", by.name, by.user)
            self.cancel()
            return
        if not node.cards.urls_of_others():
            sentence = f"no other node takes sessions, so the clients of {node.name} have nowhere to go"
            raise Refused(Code.UNAVAILABLE, sentence)
        if not self._final:
            logger.info("%s (%s) drains this node: %s", by.name, by.user, order.reason)
            self.begin(node.config.drain_seconds if order.seconds is None else order.seconds)

    def _tell(self) -> None:
        """Let everybody know how it stands now."""
        node = self._node
        node.bus.announce(node.cards.write())
        node.emit(NodeChanged(node.node_id))


_order_decoder: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
