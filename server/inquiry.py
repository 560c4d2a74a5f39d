"""What a console asks of single messages: the way that one took, and what a whisper says."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bus.interface import BusError, PeerState
from bus.record import Kind, NodeId, Origin, node_of
from server import flow, texts
from server.events import Revealed
from server.flow import Locate, Passed, Recall
from server.intent import Intent
from server.roles import Command, may, require
from server.session import Actor
from server.trace import Offset, Offsets, Sighted, Trace, trace
from server.unreadable import UNREADABLE
from server.wire import names
from server.wire.moderation import Outcome
from server.wire.names import FieldError
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL_SECONDS = 2.0


async def follow(node: Node, offsets: Offsets, origin: Origin, seq: int, ssrc: int = 0) -> Trace:
    """The way of a text, or with an `ssrc` of a voice frame, that passed while Flow was open.

    All nodes are asked; what one does not say, because it was not watching then or does not answer, is not known.
    """
    asked = Locate(origin, seq, ssrc)
    others = [peer.node for peer, _ in node.cards.peers.values() if peer.state is PeerState.UP]
    answers = await asyncio.gather(*(_locate(node, offsets, other, asked) for other in others))
    sighted = [Sighted(node.taps.passed(asked), Offset(0.0, 0.0)), *(one for one in answers if one is not None)]
    session, name = _sender(node, origin, seq, ssrc)
    return trace(node_of(origin), name, node.round_trips.of(session), sighted)


async def _locate(node: Node, offsets: Offsets, other: NodeId, asked: Locate) -> Sighted | None:
    began = node.clock.now()
    try:
        answer = flow.unpack_answer(await node.bus.call(other, flow.pack_request(asked), timeout=CALL_SECONDS))
    except (BusError, *UNREADABLE):
        return None
    if not isinstance(answer, Passed):
        return None
    offsets.note(other, began, node.clock.now(), answer.now)
    offset = offsets.of(other)
    return None if offset is None else Sighted(answer, offset)


def _sender(node: Node, origin: Origin, seq: int, ssrc: int) -> tuple[str, str]:
    """Session and name of who sent it; empty where that is not known any more."""
    if ssrc:
        seated = ((one.session, one.name) for one in node.presence.present.values() if one.has_ssrc(ssrc))
        return next(seated, ("", ""))
    record = node.bus.find(origin, seq)
    if record is None or record.kind not in (Kind.TEXT, Kind.WHISPER, Kind.ANNOUNCEMENT):
        return "", ""
    return record.session, texts.unpack(record.payload).name


async def reveal(node: Node, by: Actor, origin: Origin, seq: int, reason: str) -> str:
    """What a whisper says, for a moderator who says why. It is logged, and shown in every Flow, before it is told.

    Raises Refused: forbidden, bad_request without a reason, too_large, not_found, unavailable.
    """
    require(by, Command.REVEAL)
    try:
        reason = names.chat_text(reason, field="reason")
    except FieldError as error:
        raise Refused.of(error) from None
    record = node.bus.find(origin, seq)
    if record is not None and record.kind is not Kind.WHISPER:
        raise Refused(Code.NOT_FOUND, "that is no whisper")
    if record is not None:
        _note(node, by, origin, seq, reason)
        return texts.unpack(record.payload).text
    words = await _ask_home(node, Recall(by, origin, seq, reason))
    _note(node, by, origin, seq, reason)
    return words


async def _ask_home(node: Node, asked: Recall) -> str:
    home = node_of(asked.origin)
    if node.cards.state_of(home) is not PeerState.UP:
        raise Refused(Code.NOT_FOUND, "that whisper is no longer held")
    try:
        answer = flow.unpack_answer(await node.bus.call(home, flow.pack_request(asked), timeout=CALL_SECONDS))
    except (BusError, *UNREADABLE):
        raise Refused(Code.UNAVAILABLE, f"node {node.cards.name_of(home)} did not answer") from None
    if not isinstance(answer, str):
        raise Refused(Code.NOT_FOUND, "that whisper is no longer held")
    return answer


def recall(node: Node, asked: Recall) -> str | None:
    """What a whisper says that another node asks for, or None."""
    record = node.bus.find(asked.origin, asked.seq)
    if record is None or record.kind is not Kind.WHISPER:
        return None
    if not may(asked.by, Command.REVEAL, None) or not asked.reason:
        return None
    _log(asked.by, asked.origin, asked.seq, asked.reason)
    return texts.unpack(record.payload).text


def _note(node: Node, by: Actor, origin: Origin, seq: int, reason: str) -> None:
    """Let it be known that a whisper is read, by whom and why."""
    act = node.audit.asked(Intent("reveal", by=by, target=f"{origin}:{seq}", reason=reason))
    node.audit.outcome(act, [Outcome(node=node.name, outcome="done", ms=0)])
    _log(by, origin, seq, reason)
    node.emit(Revealed(by, origin, seq, reason))


def _log(by: Actor, origin: Origin, seq: int, reason: str) -> None:
    logger.warning("%s (%s) reads the whisper %s:%d: %s", by.name, by.user, origin, seq, reason)
