"""What moderators do to sessions (protocol.md section 7), each carried out by the node that has the session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from bus.interface import BusError
from bus.record import Kind, Record
from server.deadlines import Wheel
from server.events import Moderated
from server.session import Actor, Role, SessionRecord, Silence
from server.unreadable import UNREADABLE
from server.wire.moderation import MUTE_SECONDS, MuteSeconds, Outcome
from server.wire.names import TEXT_CHARS
from server.wire.native import Address, Code, Refused

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

CALL_SECONDS = 3.0
"""How long another node may take to confirm an act (protocol.md section 7)."""

SILENCES = 64
"""Mutes of one session at most, so that its record stays small."""

AGAIN_SECONDS = 2.0
"""How often a node looks whether a mute that is over has become its own to end."""

_Place = tuple[str, str | None]

OVER = "its time is over"

TIME = Actor("", "", "", Role.ADMIN)
"""Who ends a mute whose time is over."""

Reason = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]


class Kick(msgspec.Struct, frozen=True, kw_only=True, tag="kick"):
    """Put one session out of a room or the cluster."""

    session: str
    room: str | None
    by: Actor
    reason: Reason


class Mute(msgspec.Struct, frozen=True, kw_only=True, tag="mute"):
    """Let one session not be heard, in a room or anywhere."""

    session: str
    room: str | None
    by: Actor
    reason: Reason
    seconds: MuteSeconds | None
    """How long; None: until it is lifted."""


class Unmute(msgspec.Struct, frozen=True, kw_only=True, tag="unmute"):
    """Lift the mute of a room; without one, every mute."""

    session: str
    room: str | None
    by: Actor
    reason: Reason


Act = Kick | Mute | Unmute

Result = Literal["done", "gone", "failed"]


class Deed(msgspec.Struct, array_like=True, frozen=True):
    """Payload of a moderation record: an act that was carried out. Its room and session are the record's."""

    action: Literal["kick", "mute", "unmute"]
    by: Actor
    name: str
    """Of the one to whom it was done."""
    reason: str
    until: int | None
    at: int
    """ms since 1970."""


class Moderation:
    """Finds whom an act is for, and carries it out here or has it carried out."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ends: Wheel[_Place] = Wheel(now=node.clock.now(), step=0.1)
        """When the mutes of all sessions are over, by session and room: whose node is gone may become this one's."""
        self._known: dict[str, tuple[Silence, ...]] = {}
        """The mutes for which that is set, by session."""

    def targets(
        self,
        by: Actor,
        *,
        session: str | None = None,
        user: str | None = None,
        room: str | None = None,
        silenced: bool = False,
    ) -> list[SessionRecord]:
        """The sessions that an act is for; `silenced`: also those that are not in `room`, and muted there.

        Raises Refused: bad_request, not_found, forbidden.
        """
        if (session is None) == (user is None):
            raise Refused(Code.BAD_REQUEST, "name a session or a user, and only one of them")
        to, presence = Address(session=session, user=user), self._node.presence
        found = [*presence.addressed(to), *presence.absent(to)]
        if room is not None:
            found = [r for r in found if r.seat(room) is not None or (silenced and r.silence(room) is not None)]
        if not found:
            raise Refused(Code.NOT_FOUND, "nobody of that name is here" if room is None else f"not in {room}")
        if any(record.role.rank > by.role.rank for record in found):
            raise Refused(Code.FORBIDDEN, "nobody acts on a higher role")
        return found

    async def kick(
        self, by: Actor, targets: Sequence[SessionRecord], *, room: str | None = None, reason: str = ""
    ) -> list[Outcome]:
        """Put sessions out of `room`, or of the cluster. Raises Refused unavailable, as all acts do."""
        return await self._all(targets, [Kick(session=t.session, room=room, by=by, reason=reason) for t in targets])

    async def mute(
        self,
        by: Actor,
        targets: Sequence[SessionRecord],
        *,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
    ) -> list[Outcome]:
        """Let sessions not be heard in `room`, or anywhere, for so long or until that is lifted."""
        if seconds is not None and not 0 < seconds <= MUTE_SECONDS:
            raise Refused(Code.BAD_REQUEST, f"a mute lasts up to {MUTE_SECONDS} s", field="seconds")
        acts = [Mute(session=t.session, room=room, by=by, reason=reason, seconds=seconds) for t in targets]
        return await self._all(targets, acts)

    async def unmute(
        self, by: Actor, targets: Sequence[SessionRecord], *, room: str | None = None, reason: str = ""
    ) -> list[Outcome]:
        """Lift the mute of `room`, or every mute."""
        return await self._all(targets, [Unmute(session=t.session, room=room, by=by, reason=reason) for t in targets])

    async def _all(self, targets: Sequence[SessionRecord], acts: Sequence[Act]) -> list[Outcome]:
        first = acts[0]

        async def execute() -> list[Outcome]:
            return await asyncio.gather(*map(self._execute, targets, acts))

        return await self._node.audit.recorded(
            execute(),
            first.by,
            str(first.__struct_config__.tag),
            people=targets,
            room=first.room,
            reason=first.reason,
            until=self._until(first.seconds) if isinstance(first, Mute) else None,
        )

    async def _execute(self, target: SessionRecord, act: Act) -> Outcome:
        node, began = self._node, self._node.clock.now()
        executor = node.presence.responsible(target.session)
        if executor in (node.node_id, None):
            outcome = self.perform(act)
        else:
            try:
                answer = await node.bus.call(executor, msgspec.msgpack.encode(act), timeout=CALL_SECONDS)
                outcome = _outcome_decoder.decode(answer)
            except (BusError, *UNREADABLE):
                name = target.node_name if executor == target.node else node.cards.name_of(executor)
                raise Refused(Code.UNAVAILABLE, f"node {name} did not answer") from None
        return msgspec.structs.replace(outcome, ms=round((node.clock.now() - began) * 1000, 1))

    def answer(self, body: bytes) -> bytes:
        """Carry out what another node asks for. Raises msgspec.MsgspecError if it is no act."""
        return msgspec.msgpack.encode(self.perform(_act_decoder.decode(body)))

    def perform(self, act: Act) -> Outcome:
        """Carry out an act on a session of this node, or on one without a connection for which this node acts."""
        return Outcome(session=act.session, node=self._node.name, outcome=self._perform(act), ms=0)

    def _perform(self, act: Act) -> Result:
        node = self._node
        record = node.presence.known(act.session)
        if record is None or not (act.session in node.conversations or self._is_absent(record)):
            return "gone"
        if act.by.role is Role.USER or record.role.rank > act.by.role.rank:
            return "failed"
        match act:
            case Kick():
                return self._kick(record, act)
            case Mute():
                return self._mute(record, act)
            case Unmute():
                return self._unmute(record, act)

    def _is_absent(self, record: SessionRecord) -> bool:
        presence = self._node.presence
        return presence.is_reconnecting(record.session) or record.session in presence.given_up

    def _revise(self, record: SessionRecord) -> None:
        """Let another record of a session be true."""
        conversation = self._node.conversations.get(record.session)
        if conversation is not None:
            conversation.revise(record)
        else:
            self._node.custody.change(record)

    def _kick(self, record: SessionRecord, act: Kick) -> Result:
        if act.room is not None and record.seat(act.room) is None:
            return "gone"
        self._note(record, "kick", act.room, act.by, act.reason)
        conversation = self._node.conversations.get(record.session)
        if conversation is not None:
            conversation.kick(act.room, reason=act.reason)
        elif act.room is not None:
            self._node.custody.change(record.unseated(act.room, "kicked"))
        else:
            self._node.custody.finish(record, "kicked")
        return "done"

    def _mute(self, record: SessionRecord, act: Mute) -> Result:
        if act.room is not None and record.seat(act.room) is None:
            return "gone"
        known = record.silence(act.room)
        if known is None and len(record.silences) >= SILENCES:
            return "failed"
        if known is not None and known.until is None and act.seconds is None:
            return "done"
        until = self._until(act.seconds)
        self._note(record, "mute", act.room, act.by, act.reason, until)
        self._revise(record.with_silence(Silence(act.room, until, act.by.name, act.seconds)))
        return "done"

    def _until(self, seconds: float | None) -> int | None:
        return None if seconds is None else self._node.clock.wall_ms() + round(seconds * 1000)

    def _unmute(self, record: SessionRecord, act: Unmute) -> Result:
        lifted = [silence.room for silence in record.silences if act.room is None or silence.room == act.room]
        for room in lifted:
            record = record.without_silence(room)
        if lifted:
            self._note(record, "unmute", act.room, act.by, act.reason)
            self._revise(record)
        return "done"

    def follow(self, record: SessionRecord) -> None:
        """A record of a session came to be known, here or from elsewhere: note when its mutes are over."""
        before = self._known.get(record.session, ())
        if before == record.silences:
            return
        known = self._node.presence.known(record.session)
        silences = () if known is None else known.silences
        for silence in before:
            if silence not in silences:
                self._ends.cancel((record.session, silence.room))
        for silence in silences:
            if silence.seconds is not None and silence not in before:
                self._ends.set((record.session, silence.room), self._node.clock.now() + silence.seconds)
        if silences:
            self._known[record.session] = silences
        else:
            self._known.pop(record.session, None)

    def tick(self, now: float) -> None:
        """End the mutes whose time is over."""
        node = self._node
        for session, room in self._ends.advance(now):
            record = node.presence.known(session)
            if record is None or record.silence(room) is None:
                continue
            if session in node.conversations or (
                self._is_absent(record) and node.presence.responsible(session) == node.node_id
            ):
                node.audit.happened("unmute", people=[record], room=room, reason=OVER)
                self._note(record, "unmute", room, TIME, OVER)
                self._revise(record.without_silence(room))
            else:  # its node does so, unless it is gone by then
                self._ends.set((session, room), now + AGAIN_SECONDS)

    def _note(
        self,
        record: SessionRecord,
        action: Literal["kick", "mute", "unmute"],
        room: str | None,
        by: Actor,
        reason: str,
        until: int | None = None,
    ) -> None:
        """Tell the session what is about to be done to it, and all nodes for those who watch."""
        node, conversation = self._node, self._node.conversations.get(record.session)
        where = "everywhere" if room is None else f"in {room}"
        logger.info("%s (%s): %s of %s %s: %s", by.name or "time", by.user, action, record.session, where, reason)
        node.counters.moderated[action] += 1
        if conversation is not None:
            conversation.tell_moderated(action, by=by.name, reason=reason, until=until, room=room)
        deed = Deed(action, by, record.name, reason, until, node.clock.wall_ms())
        node.bus.append(Kind.MODERATION, msgspec.msgpack.encode(deed), room=room or "", session=record.session)


def event_of(record: Record) -> Moderated:
    """What a moderation record tells those who watch. Raises msgspec.MsgspecError if it is not readable."""
    deed = _deed_decoder.decode(record.payload)
    return Moderated(
        action=deed.action,
        by=deed.by,
        session=record.session,
        name=deed.name,
        room=record.room or None,
        reason=deed.reason,
        until=deed.until,
        at=deed.at,
        origin=record.origin,
        seq=record.seq,
    )


_act_decoder: msgspec.msgpack.Decoder[Act] = msgspec.msgpack.Decoder(Act)
_outcome_decoder: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)
_deed_decoder: msgspec.msgpack.Decoder[Deed] = msgspec.msgpack.Decoder(Deed)
