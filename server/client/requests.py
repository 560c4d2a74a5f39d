"""What a client may ask, one method for each request of protocol.md sections 4 to 7."""

from __future__ import annotations

import abc
from typing import TypeVar

from bus.record import ClientId
from server.wire import moderation, native, reporting
from server.wire.moderation import Whom
from server.wire.native import Address

A = TypeVar("A", bound=native.Answer)


class Requests(abc.ABC):
    """The requests of a session: each waits for its answer, over a loss of the connection too.

    All raise `Refused` when the node refuses, or when too many requests wait; and `Closed` when the session is over.
    """

    async def join(self, room: str, *, password: str | None = None) -> native.Joined:
        """Enter a room."""
        return await self._ask(
            native.Joined, "join", room=room, **({} if password is None else {"password": password})
        )

    async def leave(self, room: str) -> native.Left:
        """Leave a room."""
        return await self._ask(native.Left, "leave", room=room)

    async def say(self, room: str, text: str, *, id: ClientId | None = None) -> native.Sent:
        """Say `text` in a room; returns when the nodes hold it. The same `id` again says it no second time."""
        return await self._ask(native.Sent, "say", id=id, room=room, text=text)

    async def whisper(
        self, text: str, *, session: str | None = None, user: str | None = None, id: ClientId | None = None
    ) -> native.Sent:
        """Say `text` to one session, or to all sessions of one user."""
        return await self._ask(native.Sent, "whisper", id=id, to=Address(session, user), text=text)

    async def announce(self, text: str, *, room: str | None = None, id: ClientId | None = None) -> native.Sent:
        """Say `text` to the members of a room or, without one, to everybody; for moderators."""
        return await self._ask(native.Sent, "announce", id=id, room=room, text=text)

    async def voice_target(self, target: int, *, session: str | None = None, user: str | None = None) -> native.Ok:
        """Let frames with this target (`Talk.send`) be for one session or user alone."""
        return await self._ask(native.Ok, "voice_target", target=target, to=Address(session, user))

    async def deafen(self, on: bool) -> native.Ok:
        """Be sent no voice any more, or voice again."""
        return await self._ask(native.Ok, "deafen", on=on)

    async def mute(
        self,
        whom: Whom,
        *,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Let people not be heard in a room or, without one, anywhere; for moderators."""
        return await self._ask(
            moderation.Done,
            "mute",
            id=id,
            **whom.named(),
            room=room,
            seconds=seconds,
            reason=reason or None,
        )

    async def unmute(
        self,
        whom: Whom,
        *,
        room: str | None = None,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Lift the mute of a room or, without one, every mute; for moderators."""
        return await self._ask(
            moderation.Done,
            "unmute",
            id=id,
            **whom.named(),
            room=room,
            reason=reason or None,
        )

    async def kick(
        self,
        whom: Whom,
        *,
        room: str | None = None,
        grace_seconds: float = 0,
        block_seconds: float = 0,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Put people out of a room or, without one, out of the cluster; for moderators.

        With a grace they are silent at once, put out later, and `unkick` undoes it; with a block their users may not
        come in again for so long. Sent again after a loss of the connection it is still done once; but where the
        session itself had to be begun anew it is not known whether it was done, and Refused `unavailable` is raised.
        """
        return await self._ask(
            moderation.Done,
            "kick",
            id=id,
            **whom.named(),
            room=room,
            grace_seconds=grace_seconds or None,
            block_seconds=block_seconds or None,
            reason=reason or None,
        )

    async def unkick(
        self,
        whom: Whom,
        *,
        room: str | None = None,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Undo a kick whose grace is not over, of a room or, without one, every one; for moderators."""
        return await self._ask(
            moderation.Done,
            "unkick",
            id=id,
            **whom.named(),
            room=room,
            reason=reason or None,
        )

    async def move(
        self,
        whom: Whom,
        *,
        room: str,
        to: str,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Let people leave `room` and be in `to`; for moderators."""
        return await self._ask(
            moderation.Done,
            "move",
            id=id,
            **whom.named(),
            room=room,
            to=to,
            reason=reason or None,
        )

    async def ban(
        self,
        *,
        user: str | None = None,
        ip: str | None = None,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
        id: ClientId | None = None,
    ) -> moderation.Done:
        """Let a user, or an address or network, in no more, or not into a room; for moderators."""
        return await self._ask(
            moderation.Done, "ban", id=id, user=user, ip=ip, room=room, seconds=seconds, reason=reason or None
        )

    async def unban(self, ban: str, *, reason: str = "", id: ClientId | None = None) -> moderation.Done:
        """Lift a ban; for moderators."""
        return await self._ask(moderation.Done, "unban", id=id, ban=ban, reason=reason or None)

    async def bans(self, *, limit: int = 100, after: str | None = None) -> moderation.Listed:
        """Look at the bans in force, one page at a time; for moderators."""
        return await self._ask(moderation.Listed, "bans", limit=limit, after=after)

    async def drain(self, node: str, *, seconds: float | None = None, reason: str = "") -> moderation.Done:
        """Let a node hand its clients to others, within `seconds`; for admins. Returns when it has begun."""
        return await self._ask(moderation.Done, "drain", node=node, seconds=seconds, reason=reason or None)

    async def list(
        self,
        what: str,
        *,
        room: str | None = None,
        node: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> moderation.Listed:
        """Look at nodes, rooms, sessions, members or reports, one page at a time."""
        return await self._ask(moderation.Listed, "list", what=what, room=room, node=node, limit=limit, after=after)

    async def report(
        self,
        room: str,
        text: str,
        *,
        session: str | None = None,
        user: str | None = None,
        origin: str | None = None,
        seq: int | None = None,
    ) -> native.Ok:
        """Tell the moderators of somebody in a room, or with `origin` and `seq` of something that they wrote."""
        return await self._ask(
            native.Ok, "report", room=room, text=text, session=session, user=user, origin=origin, seq=seq
        )

    async def take_report(self, report: str, *, over: bool = False) -> moderation.Done:
        """Work on a report, `over`: also where somebody else does; for moderators. Raises Refused `already`."""
        return await self._ask(moderation.Done, "report_take", report=report, over=over)

    async def close_report(self, report: str, *, note: str = "") -> moderation.Done:
        """Be done with a report; for moderators. Raises Refused `already`."""
        return await self._ask(moderation.Done, "report_close", report=report, note=note)

    async def reopen_report(self, report: str) -> moderation.Done:
        """Let a report be open again; for moderators. Raises Refused `already`."""
        return await self._ask(moderation.Done, "report_reopen", report=report)

    async def read_report(self, report: str) -> reporting.Evidence:
        """What a report brought along; for moderators."""
        return await self._ask(reporting.Evidence, "report_read", report=report)

    @abc.abstractmethod
    async def _ask(self, answer: type[A], request: str, *, id: ClientId | None = None, **fields: object) -> A:
        """Send a request and wait for its answer; fields that are None are not sent."""
