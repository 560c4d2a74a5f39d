"""From a client's hello to its welcome: a new session, or one that goes on (protocol.md sections 3 and 8)."""

from __future__ import annotations

import dataclasses
import logging
import math
import re
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from bus.record import HIGHEST, Origin
from server.audience import audiences, room_of
from server.closing import ELSEWHERE, SESSION_OVER
from server.events import SessionResumed
from server.identity import TokenError
from server.introduction import check_cursors, introduce, program_name
from server.resumption import Bearer
from server.session import Rights, Role, SessionRecord, Standing
from server.takeover import LOOK_SECONDS, Elsewhere, Over, Resume, Unknown, decide
from server.turnstile import EARLY_SECONDS, Turnstile, is_time
from server.wire import names, native
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation
    from server.node import Node

logger = logging.getLogger(__name__)

SERVER = "switchboard/1.0"

RETURNS_PER_SECOND, RETURNS_AT_ONCE = 10, 20
"""How often one session may resume at one node."""

LOOPERS = 10_000
"""Sessions of which it is known how often they resumed here of late."""

_ORIGIN = re.compile(r"[0-9a-f]{16}\.[0-9]{1,15}")


@dataclasses.dataclass(slots=True)
class Return:
    """A client that wants to go on with a session."""

    client: Conversation
    hello: native.Hello
    bearer: Bearer
    rights: Rights | None
    """Those of the access token that it brought too."""
    rooms: list[str]
    program: str
    """What the client says of its program."""
    until: float = math.inf
    """When it is no longer looked for a session that is not known."""


class Reception:
    """Welcomes the clients of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._turnstile = Turnstile()
        self._loopers: dict[str, float] = {}
        self._swept = 0.0
        self._looking: list[Return] = []
        self._unread: list[tuple[Conversation, native.Hello, str]] = []  # signed by keys that may still be told

    def receive(self, client: Conversation, hello: native.Hello) -> None:
        """Take the first message of a client. Raises TokenError, FieldError, Refused."""
        node = self._node
        if node.draining:
            self._send_away(client, hello)
        elif hello.resume is None:
            record = introduce(node, hello, ip=client.link.ip)
            client.wait()
            node.when_synced(partial(self._begin, client, record, hello))
        else:
            self._receive_again(client, hello, hello.resume)

    def _send_away(self, client: Conversation, hello: native.Hello) -> None:
        """This node takes nobody in: say where else to go."""
        urls = self._node.cards.urls_of_others()
        client.refuse(hello.id, Refused(Code.UNAVAILABLE, "this node is going away", urls=urls))
        client.close(self._node.farewell)

    def tick(self, now: float) -> None:
        """Look again at tokens whose keys, and for sessions that were not known."""
        unread, self._unread = self._unread, []
        for client, hello, token in unread:
            if self._may_learn_key_of(token):
                self._unread.append((client, hello, token))
            else:
                client.say_hello_again(hello)
        looking, self._looking = self._looking, []
        for again in looking:
            self._decide(again)
        if self._loopers and now - self._swept > 1.0:
            self._swept = now
            self._loopers = {session: at for session, at in self._loopers.items() if at > now}

    # A new session.

    def _begin(self, client: Conversation, record: SessionRecord, hello: native.Hello) -> None:
        if self._node.draining:
            self._send_away(client, hello)
        elif self._is_banned(client, hello, record.user, record.role):
            return
        elif client.begin(record):
            worked = self._node.feeds.timeline.cursors()
            client.send(self._welcome(record, hello, cursors=worked))
            client.take_backlog()

    def _is_banned(self, client: Conversation, hello: native.Hello, user: str, role: Role) -> bool:
        """Whether a client that waits for its welcome is refused for a ban, and is now."""
        return client.is_waiting and self._node.exclusion.turns_away(client, hello.id, user=user, role=role)

    # One that goes on.

    def _receive_again(self, client: Conversation, hello: native.Hello, token: str) -> None:
        node = self._node
        check_cursors(hello)
        if self._may_learn_key_of(token):
            client.wait()
            self._unread.append((client, hello, token))
            return
        try:
            bearer = node.keyring.tokens.read(token)
        except TokenError as error:
            if not node.exclusion.turns_away(client, hello.id, user="", role=Role.USER):
                client.reject(str(error), hello.id, SESSION_OVER)
            return
        rights = None
        if hello.token is not None:
            claims = node.tokens.verify(hello.token)
            if claims.user != bearer.user:
                raise TokenError("the token is of another user than the session")
            rights = claims.rights
        rooms = list(dict.fromkeys(names.room_name(room, field="rooms") for room in hello.rooms or ()))
        if len(rooms) > native.ROOMS:
            raise Refused(Code.BAD_REQUEST, f"a session may be in {native.ROOMS} rooms", field="rooms")
        program = program_name(hello)
        self._admit(client, bearer.session)
        client.wait()
        node.when_synced(partial(self._look, Return(client, hello, bearer, rights, rooms, program)))

    def _may_learn_key_of(self, token: str) -> bool:
        keyring = self._node.keyring
        return keyring.is_learning and keyring.tokens.lacks_key_of(token)

    def _admit(self, client: Conversation, session: str) -> None:
        """Let a session pass, or raise Refused with when to come again: so many pass in a second."""
        now = self._node.clock.now()
        if client.turn is None:
            # Each return of a session is worth a tenth of a second, and twenty of them may be owed.
            busy = max(now, self._loopers.get(session, now)) + 1 / RETURNS_PER_SECOND
            wait = busy - now - RETURNS_AT_ONCE / RETURNS_PER_SECOND
            if wait > EARLY_SECONDS:
                raise Refused(
                    Code.RATE_LIMITED, "this session resumes too often, wait a little", retry_after_ms=_ms(wait)
                )
            if session in self._loopers or len(self._loopers) < LOOPERS:
                self._loopers[session] = busy
            client.turn = self._turnstile.enter(now)
        if not is_time(client.turn, now):
            sentence = "many clients come at once, it is your turn in a moment"
            raise Refused(Code.RATE_LIMITED, sentence, retry_after_ms=_ms(client.turn - now))

    def _look(self, again: Return) -> None:
        again.until = self._node.clock.now() + LOOK_SECONDS
        self._decide(again)

    def _decide(self, again: Return) -> None:
        node, client, session = self._node, again.client, again.bearer.session
        if not client.is_waiting:
            return
        if node.draining:
            self._send_away(client, again.hello)
            return
        known = node.presence.known(session)
        role, _ = again.rights or (again.bearer.rights if known is None else (known.role, known.scope))
        if self._is_banned(client, again.hello, again.bearer.user, role):
            return
        match decide(node.presence, session, again.hello.n):
            case Over():
                client.reject("that session is over, start anew", again.hello.id, SESSION_OVER)
            case Elsewhere():
                client.close(ELSEWHERE)
            case Resume(known, n):
                self._resume(again, known, n)
            case Unknown(n):
                if node.clock.now() < again.until:
                    self._looking.append(again)
                else:
                    self._take_in(again, n)

    def _resume(self, again: Return, known: SessionRecord, n: int) -> None:
        node, client, before = self._node, again.client, known.node_name
        record = known.moved(node=node.node_id, node_name=node.name, n=n, ip=client.link.ip, rights=again.rights)
        put_out = {seat.room: "banned" for seat in record.seats if node.exclusion.against(record, seat.room)}
        if known.standing is Standing.LOST:
            put_out |= {seat.room: "room_full" for seat in record.seats if node.settings.is_full(record, seat.room)}
        for room, reason in put_out.items():
            record = record.unseated(room, reason)
        missing = node.feeds.missing(again.hello.cursors or {}, sorted(audiences(record)))
        record = msgspec.structs.replace(node.moderation.mutes.silenced(record), whole=not missing)
        self._go_on(again, record, before=before, missing=missing)
        for room, reason in put_out.items():
            client.send(native.Left(room=room, reason=reason))

    def _take_in(self, again: Return, n: int) -> None:
        """Nobody knows the session any more: it goes on by what its token and its client say."""
        node, bearer, client = self._node, again.bearer, again.client
        role, scope = again.rights or bearer.rights
        record = SessionRecord(
            session=bearer.session,
            user=bearer.user,
            name=bearer.name,
            role=role,
            node=node.node_id,
            node_name=node.name,
            n=n,
            connected=node.clock.wall_ms(),
            client=again.program,
            ip=client.link.ip,
            resumes=1,
            whole=False,
            scope=scope,
        )
        record = node.moderation.mutes.silenced(record)
        for room in again.rooms:
            if node.settings.lets_back(record, room) and not node.exclusion.against(record, room):
                record = record.seated(node.new_seat(room))
        self._go_on(again, record, before="", missing=sorted(audiences(record)))

    def _go_on(self, again: Return, record: SessionRecord, *, before: str, missing: list[str]) -> None:
        """Welcome a session that goes on; `missing` are the audiences of which something is no longer held."""
        node, client, given = self._node, again.client, again.hello.cursors or {}
        gaps = [room for room in map(room_of, missing) if room is not None]
        if not client.resume(record, _places(given), told=frozenset(missing)):
            return
        node.counters.resumed["unknown" if not before else "here" if before == node.name else "moved"] += 1
        rooms = [
            native.Joined(
                room=seat.room,
                ssrc=seat.ssrc,
                members=node.members(seat.room),
                history=[],
                room_state=node.rooms[seat.room].state,
                cursors=given,
            )
            for seat in record.seats
        ]
        client.send(self._welcome(record, again.hello, cursors=given, recovered=record.whole, rooms=rooms, gaps=gaps))
        if not before:
            node.emit(SessionResumed(record, before))

    def _welcome(
        self,
        record: SessionRecord,
        hello: native.Hello,
        *,
        cursors: dict[str, int],
        recovered: bool | None = None,
        rooms: list[native.Joined] | msgspec.UnsetType = msgspec.UNSET,
        gaps: list[str] | msgspec.UnsetType = msgspec.UNSET,
    ) -> native.Welcome:
        node = self._node
        return native.Welcome(
            id=native.given(hello.id),
            session=record.session,
            user=record.user,
            name=record.name,
            role=record.role,
            node=node.name,
            resume=node.custody.token(record),
            resume_seconds=node.config.resume_seconds,
            urls=node.urls(),
            limits=native.LIMITS,
            cursors=cursors,
            recovered=recovered,
            server=SERVER,
            rooms=rooms,
            gaps=gaps,
            scope=msgspec.UNSET if record.scope is None else record.scope,
        )


def _places(cursors: dict[str, int]) -> dict[Origin, int]:
    """What of a client's cursors can be a place in a log; the rest is ignored."""
    return {origin: seq for origin, seq in cursors.items() if 0 < seq <= HIGHEST and _ORIGIN.fullmatch(origin)}


def _ms(seconds: float) -> int:
    return max(1, math.ceil(round(seconds * 1000, 3)))  # what sums of floats leave over is no millisecond
