"""What moderators do to people, as it is carried out by the node that has them (protocol.md section 7)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bus.record import Kind, Record
from server import acts, roles
from server.acts import OVER, TIME, AnyAct, Deed, Kick, Move, Mute, Unkick, Unmute, Verdict, block_id
from server.bans import Ban, key_of_ban
from server.intent import Intent
from server.resumption import LIVES
from server.session import Actor, Notice, SessionRecord, Silence
from server.terms import Terms, term_of
from server.turns import Turns
from server.wire.moderation import Outcome

if TYPE_CHECKING:
    from server.node import Node

logger = logging.getLogger(__name__)

SILENCES = 64
"""Mutes of one session at most, so that its record stays small."""

NOTICES = 8
"""Kicks of one session that are still to come, at most; for the same reason."""

NOTICE_CHARS = 200
"""What is kept of their reasons; a close frame holds less."""

Result = Literal["done", "gone", "failed"]

Action = Literal["kick", "unkick", "mute", "unmute", "move", "ban"]


class Execution:
    """Acts on sessions of this node, and on those without a connection for which this node acts.

    Each act is carried out once for each session, whoever asks again and however it comes.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._terms = Terms(now=node.clock.now())
        self.memory = acts.Memory(seconds=LIVES * node.config.resume_seconds)

    async def carry_out(self, act: AnyAct) -> list[Outcome]:
        """Do it to each of its sessions; returns what came of each, in order."""
        outcomes, turns = list[Outcome](), Turns()
        for session in act.sessions:
            await turns.step()
            outcomes.append(self._once(act, session))
        return outcomes

    def carry_out_few(self, act: AnyAct) -> list[Outcome]:
        """The same at once."""
        return [self._once(act, session) for session in act.sessions]

    def _once(self, act: AnyAct, session: str) -> Outcome:
        """Do it to one session, unless that was done before."""
        now, record = self._node.clock.now(), self._node.presence.known(session)
        done = self.memory.deeds(act.id, now).get(session)
        if done is None:
            result: Result = "gone" if record is None else self._perform(act, record)
            done = Outcome(session=session, node=self._node.name, outcome=result, ms=0)
            if result == "done" and record is not None:
                self.memory.did(act.id, done, record.user, now)
        return done

    def _perform(self, act: AnyAct, record: SessionRecord) -> Result:
        if not (record.session in self._node.conversations or self._is_absent(record)):
            return "gone"
        if not roles.outranks(act.by, record.role) or not all(
            roles.may(act.by, act.command, place) for place in act.places
        ):
            return "failed"
        match act:
            case Kick():
                return self._kick(record, act)
            case Unkick():
                return self._unkick(record, act)
            case Mute():
                return self._mute(record, act)
            case Unmute():
                return self._unmute(record, act)
            case Move():
                return self._move(record, act)

    def _is_absent(self, record: SessionRecord) -> bool:
        presence = self._node.presence
        return presence.is_reconnecting(record.session) or record.session in presence.given_up

    def acts_for(self, record: SessionRecord) -> bool:
        """Whether what is done to a session is done by this node now."""
        node = self._node
        return record.session in node.conversations or (
            self._is_absent(record) and node.presence.responsible(record.session) == node.node_id
        )

    def _revise(self, record: SessionRecord) -> None:
        """Let another record of a session be true."""
        conversation = self._node.conversations.get(record.session)
        if conversation is not None:
            conversation.revise(record)
        else:
            self._node.custody.change(record)

    # Kicks.

    def _kick(self, record: SessionRecord, act: Kick) -> Result:
        if act.room is not None and record.seat(act.room) is None:
            return "gone"
        if not act.grace:
            until = self._node.clock.wall_ms() + round(act.block * 1000) if act.block else None
            self._note(record, "kick", act, until)
            self._put_out(record, act.room, act.reason)
            return "done"
        if record.notice(act.room) is None and len(record.notices) >= NOTICES:
            return "failed"
        notice = Notice(
            room=act.room,
            until=self._node.clock.wall_ms() + round(act.grace * 1000),
            seconds=act.grace,
            by=msgspec.structs.replace(act.by, scope=None),
            reason=act.reason[:NOTICE_CHARS],
            block=act.block,
            act=act.id,
        )
        self._note(record, "kick", act, notice.until)
        self._revise(record.with_notice(notice))
        return "done"

    def _unkick(self, record: SessionRecord, act: Unkick) -> Result:
        undone = [notice.room for notice in record.notices if act.room is None or notice.room == act.room]
        if not undone:
            return "gone"
        for room in undone:
            record = record.without_notice(room)
        self._note(record, "unkick", act)
        self._revise(record)
        return "done"

    def _put_out(self, record: SessionRecord, room: str | None, reason: str) -> None:
        conversation = self._node.conversations.get(record.session)
        if conversation is not None:
            conversation.kick(room, reason=reason)
        elif room is not None:
            self._node.custody.change(record.unseated(room, "kicked"))
        else:
            self._node.custody.finish(record, "kicked")

    # Mutes.

    def _mute(self, record: SessionRecord, act: Mute) -> Result:
        if act.room is not None and record.seat(act.room) is None:
            return "gone"
        known = record.silence(act.room)
        if known is not None and (known.act == act.id or (known.until is None and act.seconds is None)):
            return "done"
        return self.silence(record, act.room, act.by, act.reason, act.seconds, act=act.id)

    def silence(
        self,
        record: SessionRecord,
        room: str | None,
        by: Actor,
        reason: str,
        seconds: float | None,
        *,
        act: str = "",
    ) -> Result:
        """Let a session not be heard."""
        if record.silence(room) is None and len(record.silences) >= SILENCES:
            return "failed"
        until = None if seconds is None else self._node.clock.wall_ms() + round(seconds * 1000)
        self.tell(record, "mute", room, by, reason, until, act=act)
        self._revise(record.with_silence(Silence(room, until, by.name, seconds, act)))
        return "done"

    def _unmute(self, record: SessionRecord, act: Unmute) -> Result:
        rooms = [silence.room for silence in record.silences if act.room is None or silence.room == act.room]
        self.unsilence(record, rooms, act.by, act.reason, act=act.id)
        return "done"

    def unsilence(
        self, record: SessionRecord, rooms: Sequence[str | None], by: Actor, reason: str, *, act: str = ""
    ) -> None:
        """Let a session be heard again where it was muted: in rooms and, for None, everywhere else."""
        lifted = [room for room in rooms if record.silence(room) is not None]
        if lifted:
            self.tell(record, "unmute", lifted[0] if len(lifted) == 1 else None, by, reason, act=act)
            for room in lifted:
                record = record.without_silence(room)
            self._revise(record)

    # Moves.

    def _move(self, record: SessionRecord, act: Move) -> Result:
        node = self._node
        if record.seat(act.room) is None:
            return "gone"
        if record.seat(act.to) is not None or node.settings.is_full(record, act.to):
            return "failed"
        if node.exclusion.against(record, act.to) is not None:
            return "failed"
        self._note(record, "move", act)
        conversation = node.conversations.get(record.session)
        if conversation is not None:
            conversation.move(act.room, act.to)
        else:
            node.custody.change(record.reseated(act.room, node.new_seat(act.to)))
        return "done"

    # Time.

    def follow(self, record: SessionRecord) -> None:
        """A record of a session came to be known, here or from elsewhere."""
        presence = self._node.presence
        before = self._terms.follow(record.session, presence.known(record.session), self._node.clock.now())
        if record.ended:
            self._keep_blocks(record, [term for term in before if isinstance(term, Notice) and term.block])

    def _keep_blocks(self, record: SessionRecord, notices: Sequence[Notice]) -> None:
        """Who goes before the grace of a kick is over does not get round its block."""
        key = self._node.presence.key(record.session)
        if key is not None and key[2] == self._node.bus.origin:  # by the hand of the node that has ended the session
            for notice in notices:
                self._block(record, notice)

    def _block(self, record: SessionRecord, notice: Notice) -> None:
        """Keep out whom a kick with a grace has put out."""
        node, by, room = self._node, notice.by, notice.room
        id, ban = block_id(notice.act, record.user), Ban(user=record.user, room=room or "")
        until = node.clock.wall_ms() + round(notice.block * 1000)
        node.audit.asked(Intent("ban", by=by, people=[record], room=room, reason=notice.reason, until=until, act=id))
        node.orders.decide(by, key_of_ban(id), ban, reason=notice.reason, seconds=notice.block, act=id)
        node.audit.outcome(id, [Outcome(node=node.name, outcome="done", ms=0)])

    def tick(self, now: float) -> None:
        """End what is over."""
        for due in self._terms.advance(now):
            record = self._node.presence.known(due[0])
            term = None if record is None else term_of(record, due)
            if record is None or term is None:
                continue
            if not self.acts_for(record):  # its node does so, unless it is gone by then
                self._terms.again(due, now)
            elif isinstance(term, Notice):
                self._node.audit.happened(Intent("kick", people=[record], room=term.room, reason=OVER))
                if term.room is None or record.seat(term.room) is not None:
                    self._put_out(record, term.room, term.reason)
                else:
                    self._revise(record.without_notice(term.room))
                if term.block:
                    self._block(record, term)
            else:
                self._node.audit.happened(Intent("unmute", people=[record], room=term.room, reason=OVER))
                self.tell(record, "unmute", term.room, TIME, OVER)
                self._revise(record.without_silence(term.room))

    # What is told.

    def _note(self, record: SessionRecord, action: Action, act: AnyAct, until: int | None = None) -> None:
        to = act.to if isinstance(act, Move) else ""
        self.tell(record, action, act.room, act.by, act.reason, until, act=act.id, to=to)

    def tell(
        self,
        record: SessionRecord,
        action: Action,
        room: str | None,
        by: Actor,
        reason: str,
        until: int | None = None,
        *,
        act: str = "",
        to: str = "",
    ) -> None:
        """Tell the session what is about to be done to it, and all nodes for those who watch."""
        node, conversation = self._node, self._node.conversations.get(record.session)
        where = "everywhere" if room is None else f"in {room}"
        logger.info("%s (%s): %s of %s %s: %s", by.name or "time", by.user, action, record.session, where, reason)
        node.counters.moderated[action] += 1
        if conversation is not None:
            conversation.tell_moderated(action, by=by.name, reason=reason, until=until, room=room)
        deed = Deed(
            action=action,
            by=msgspec.structs.replace(by, scope=None),
            user=record.user,
            name=record.name,
            reason=reason,
            until=until,
            at=node.clock.wall_ms(),
            act=act,
            node=node.name,
            to=to,
        )
        node.bus.append(Kind.MODERATION, acts.pack(deed), room=room or "", session=record.session)

    def read(self, record: Record) -> None:
        """A moderation record is in its place. Raises one of `server.unreadable.UNREADABLE`."""
        said, now = acts.unpack(record), self._node.clock.now()
        if isinstance(said, Verdict):
            self.memory.answered(said, now)
            return
        if said.act:
            outcome = Outcome(session=record.session, node=said.node, outcome="done", ms=0)
            self.memory.did(said.act, outcome, said.user, now)
        self._node.emit(acts.event_of(record, said))
