"""Those who are banned: refused where they come in, put out where they are (protocol.md section 7)."""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from bus.record import ClientId
from server.bans import Ban, Bans, InForce, key_of_ban, network, reach
from server.chain import Person
from server.closing import KICKED
from server.intent import Intent
from server.rulings import BAN, Change
from server.session import Actor, Role, SessionRecord
from server.wire import names
from server.wire.moderation import Outcome
from server.wire.native import Address, Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation
    from server.node import Node

logger = logging.getLogger(__name__)

ID_CHARS = 64
"""The longest id of a ban."""

CLOCK_MS = 1000
"""Clocks that differ by less are the same."""

LOOK_SECONDS = 1.0
"""How often sessions without a connection are looked through for those who are banned."""

LOOKED_AT_ONCE = 500
"""How many of them in one tick."""


def ban_of(user: str | None, ip: str | None, room: str | None) -> Ban:
    """The ban that a request describes. Raises Refused, FieldError."""
    if (user is None) == (ip is None):
        raise Refused(Code.BAD_REQUEST, "name a user or an address, and only one of them", field="user")
    return Ban(
        user="" if user is None else names.user_name(user),
        ip="" if ip is None else network(ip),
        room="" if room is None else names.room_name(room),
    )


class Exclusion:
    """The bans of the cluster, as this node enforces them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.bans = Bans()
        self._looked = -math.inf
        self._to_look_at: list[str] = []
        node.orders.follow(BAN, self._follow)

    # What moderators ask for.

    async def ban(
        self, by: Actor, ban: Ban, *, reason: str = "", seconds: float | None = None, act: str = "", id: str = ""
    ) -> list[Outcome]:
        """Let somebody in no more, on any node, for so long or until that is lifted; `id` is chosen where it is not
        given, by the act where there is one. Raises Refused: forbidden, unavailable."""
        node = self._node
        node.require_durable()
        if ban.user and any(each.role.rank > by.role.rank for each in self._sessions_of(ban.user)):
            raise Refused(Code.FORBIDDEN, "nobody acts on a higher role")
        id = id or "b_" + (act[:16] or node.clock.new_session().removeprefix("s_"))
        outcomes = await node.audit.recorded(
            node.orders.rule(by, key_of_ban(id), ban, reason=reason, seconds=seconds, act=act),
            Intent(
                "ban",
                by=by,
                target=ban.user or ban.ip,
                people=[Person("", ban.user, ban.user or ban.ip)],
                room=ban.room or None,
                reason=reason,
                until=None if seconds is None else node.clock.wall_ms() + round(seconds * 1000),
                act=act,
            ),
        )
        return [_about(outcome, id, ban.user) for outcome in outcomes]

    async def unban(self, by: Actor, id: str, *, reason: str = "", act: str = "") -> list[Outcome]:
        """Lift a ban. Raises Refused: not_found, forbidden, unavailable."""
        node, key = self._node, key_of_ban(self._id(id))
        last, user, whom = node.rulings.last(key), "", []
        if last is None or not act or last.act != act:  # else this has been done, and is asked once more
            known = self.find(id)
            if known.ruling.by.role.rank > by.role.rank:
                raise Refused(Code.FORBIDDEN, "a higher role has decided that")
            user, whom = known.ban.user, [Person("", known.ban.user, known.ban.user or known.ban.ip)]
        node.require_durable()
        work = node.orders.rule(by, key, None, reason=reason, act=act)
        intent = Intent("unban", by=by, target=id, people=whom, reason=reason, act=act)
        outcomes = await node.audit.recorded(work, intent)
        return [_about(outcome, id, user) for outcome in outcomes]

    def _id(self, id: str) -> str:
        """An id that may be one."""
        if "/" in id or len(id) > ID_CHARS:
            raise Refused(Code.NOT_FOUND, "there is no such ban", field="ban")
        return id

    def find(self, id: str) -> InForce:
        """The ban of that id. Raises Refused not_found."""
        known = self.bans.get(id)
        if known is None:
            raise Refused(Code.NOT_FOUND, "there is no such ban, or it is over", field="ban")
        return known

    def page(
        self, *, limit: int, after: str | None, fits: Callable[[Ban], bool] = lambda _: True
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The bans in force that fit, from behind that id on, and the id to go on behind."""
        ids = sorted(entry.id for entry in self.bans if (after is None or entry.id > after) and fits(entry.ban))
        return [self._item(self.find(id)) for id in ids[:limit]], ids[limit - 1] if len(ids) > limit else None

    def _item(self, entry: InForce) -> dict[str, Any]:
        ban, ruling = entry.ban, entry.ruling
        return {
            "ban": entry.id,
            **({"user": ban.user} if ban.user else {"ip": ban.ip}),
            "room": ban.room or None,
            "until": self.until(entry),
            "by": ruling.by.name,
            "reason": ruling.reason,
            "at": ruling.at,
        }

    def until(self, entry: InForce) -> int | None:
        """When a ban ends by itself, ms since 1970: as decided, or to the second where this node's clock differs."""
        left, decided = self._left(entry), entry.ruling.until
        if left is None:
            return None
        counted = self._node.clock.wall_ms() + left * 1000
        if decided is not None and abs(decided - counted) < CLOCK_MS:
            return decided
        return round(counted / 1000) * 1000

    def _left(self, entry: InForce) -> float | None:
        return self._node.rulings.left(entry.ruling.key, self._node.clock.now())

    # Who comes in.

    def against(self, record: SessionRecord, room: str = "") -> InForce | None:
        """What keeps a session out of the service, or with `room` out of that."""
        return self.bans.against(record.user, record.ip, record.role, room)

    def refuse(self, record: SessionRecord, room: str) -> None:
        """Raise Refused banned for a session that may not be in `room`."""
        entry = self.against(record, room)
        if entry is not None:
            raise self.refusal(entry)

    def refusal(self, entry: InForce) -> Refused:
        """What somebody is told who comes all the same."""
        where = f" from {entry.ban.room}" if entry.ban.room else ""
        until, left = self.until(entry), self._left(entry)
        ends = "" if until is None else f" until {_shown(until)}"
        why = f": {entry.ruling.reason}" if entry.ruling.reason else ""
        after = None if left is None else max(1, math.ceil(left * 1000))
        return Refused(Code.BANNED, f"you are banned{where}{ends}{why}", retry_after_ms=after)

    def turns_away(self, client: Conversation, id: ClientId | None, *, user: str, role: Role) -> bool:
        """Refuse a client that says hello and is banned, and close its connection."""
        entry = self.bans.against(user, client.link.ip, role)
        if entry is None:
            return False
        refusal = self.refusal(entry)
        logger.info("%s from %s is banned and turned away", user or "somebody", client.link.ip)
        client.refuse(id, refusal)
        client.close(KICKED.because(refusal.message))
        return True

    # Who is in.

    def _follow(self, change: Change) -> None:
        entry = self.bans.follow(change)
        if entry is None:
            return
        for record in self._sessions_of(entry.ban.user) if entry.ban.user else self._sessions_from(entry.ban):
            self._judge(record, entry.ban.room)

    def tick(self, now: float) -> None:
        """Look through the sessions without a connection, whose node was gone before it knew of a ban, say."""
        presence = self._node.presence
        if self._to_look_at:
            looked, self._to_look_at = self._to_look_at[:LOOKED_AT_ONCE], self._to_look_at[LOOKED_AT_ONCE:]
            for session in looked:
                record = presence.known(session)
                if record is not None:
                    self._judge(record, "")
                    for seat in record.seats:
                        self._judge(record, seat.room)
        elif len(self.bans) and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._to_look_at = [*presence.reconnecting, *presence.given_up]

    def _sessions_of(self, user: str) -> list[SessionRecord]:
        presence, to = self._node.presence, Address(user=user)
        return [*presence.addressed(to), *presence.absent(to)]

    def _sessions_from(self, ban: Ban) -> list[SessionRecord]:
        """Those at this node, and those without a connection, that come from an address that is banned."""
        presence, reaches = self._node.presence, reach(ban)
        here = [conversation.session for conversation in self._node.conversations.values()]
        absent = map(presence.known, (*presence.reconnecting, *presence.given_up))
        return [record for record in (*here, *absent) if record is not None and reaches(record.ip)]

    def _judge(self, record: SessionRecord, room: str) -> None:
        """Put a session out that is this node's to put out, if it is banned."""
        node, session = self._node, record.session
        if session not in node.conversations and not self._acts_for(session):
            return
        entry = self.against(record, room)
        if entry is None or (room and record.seat(room) is None):
            return
        by, reason = entry.ruling.by, entry.ruling.reason
        node.moderation.execution.tell(record, "ban", entry.ban.room or None, by, reason, self.until(entry))
        conversation = node.conversations.get(session)
        if conversation is None:
            if room:
                node.custody.change(record.unseated(room, "banned"))
            else:
                node.custody.finish(record, "banned")
        elif room:
            conversation.leave(room, "banned")
        else:
            node.custody.end(conversation, "banned")
            conversation.close(KICKED.because(f"banned: {reason}" if reason else "banned"))

    def _acts_for(self, session: str) -> bool:
        """Whether a session without a connection is this node's to act for."""
        node, presence = self._node, self._node.presence
        is_absent = presence.is_reconnecting(session) or session in presence.given_up
        return is_absent and node.custody.acts_for(session) == node.node_id


def _about(outcome: Outcome, id: str, user: str) -> Outcome:
    """What came of a ban on one node."""
    return msgspec.structs.replace(outcome, ban=id, user=user or msgspec.UNSET)


def _shown(ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC):%Y-%m-%d %H:%M} UTC"
