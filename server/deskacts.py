"""What the operator of a console does to people, wherever they are, as moderators do (protocol.md section 7)."""

from __future__ import annotations

import msgspec

from server import acts, roles, roomsettings
from server.exclusion import ban_of
from server.node import Node
from server.roles import Command
from server.session import Actor
from server.wire import names
from server.wire.moderation import BAN_SECONDS, BLOCK_SECONDS, GRACE_SECONDS, MUTE_SECONDS, Outcome, SetRoom, Whom
from server.wire.names import FieldError
from server.wire.native import Code, Refused


class DeskActs:
    """The part of a desk that acts on people.

    Each returns what came of it for each of them, and raises Refused.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    async def kick(
        self,
        by: Actor,
        whom: Whom,
        *,
        room: str | None = None,
        reason: str = "",
        grace_seconds: float = 0,
        block_seconds: float = 0,
    ) -> list[Outcome]:
        """Put people out of the cluster, or of `room`; after a grace in which it can be undone, and for a time."""
        _check("grace_seconds", grace_seconds, GRACE_SECONDS)
        _check("block_seconds", block_seconds, BLOCK_SECONDS)
        act = acts.Kick(
            by=by, id=self._new(), room=room, reason=checked(reason), grace=grace_seconds, block=block_seconds
        )
        return await self._node.moderation.order(act, whom)

    async def unkick(
        self,
        by: Actor,
        whom: Whom,
        *,
        room: str | None = None,
        reason: str = "",
    ) -> list[Outcome]:
        """Undo kicks whose grace is not over: that of `room`, or all; `gone` where there is none any more."""
        act = acts.Unkick(by=by, id=self._new(), room=room, reason=checked(reason))
        return await self._node.moderation.order(act, whom)

    async def mute(
        self,
        by: Actor,
        whom: Whom,
        *,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
    ) -> list[Outcome]:
        """Let people not be heard in `room`, or anywhere, for so long or until that is lifted."""
        if seconds is not None and not 0 < seconds <= MUTE_SECONDS:
            raise Refused(Code.BAD_REQUEST, f"a mute lasts up to {MUTE_SECONDS} s", field="seconds")
        act = acts.Mute(by=by, id=self._new(), room=room, reason=checked(reason), seconds=seconds)
        return await self._node.moderation.order(act, whom)

    async def unmute(
        self,
        by: Actor,
        whom: Whom,
        *,
        room: str | None = None,
        reason: str = "",
    ) -> list[Outcome]:
        """Lift the mute of `room`, or without one every mute."""
        act = acts.Unmute(by=by, id=self._new(), room=room, reason=checked(reason))
        return await self._node.moderation.order(act, whom)

    async def move(
        self,
        by: Actor,
        whom: Whom,
        *,
        room: str,
        to: str,
        reason: str = "",
    ) -> list[Outcome]:
        """Let people leave `room` and be in `to`."""
        try:
            to = names.room_name(to, field="to")
        except FieldError as error:
            raise Refused.of(error) from None
        act = acts.Move(by=by, id=self._new(), room=room, reason=checked(reason), to=to)
        return await self._node.moderation.order(act, whom)

    async def ban(
        self,
        by: Actor,
        *,
        user: str | None = None,
        ip: str | None = None,
        room: str | None = None,
        seconds: float | None = None,
        reason: str = "",
    ) -> list[Outcome]:
        """Let a user, or who comes from an address or network, come in no more, or into `room`; one result a node."""
        if seconds is not None and not 0 < seconds <= BAN_SECONDS:
            raise Refused(Code.BAD_REQUEST, f"a ban lasts up to {BAN_SECONDS} s", field="seconds")
        try:
            ban = ban_of(user, ip, room)
        except FieldError as error:
            raise Refused.of(error) from None
        roles.require(by, Command.BAN, ban.room or None)
        return await self._node.exclusion.ban(by, ban, reason=checked(reason), seconds=seconds, act=self._new())

    async def unban(self, by: Actor, ban: str, *, reason: str = "") -> list[Outcome]:
        """Lift a ban, by its id."""
        entry = self._node.exclusion.find(ban)
        roles.require(by, Command.UNBAN, entry.ban.room or None)
        return await self._node.exclusion.unban(by, ban, reason=checked(reason), act=self._new())

    async def set_room(self, by: Actor, room: str, *, reason: str = "", **settings: object) -> list[Outcome]:
        """Let a room be otherwise, by the names of `set_room` (protocol.md section 7); one result for each node."""
        try:
            asked = msgspec.convert({**settings, "type": "set_room", "room": room}, SetRoom)
            name, changes = names.room_name(asked.room), roomsettings.changes(asked)
        except FieldError as error:
            raise Refused.of(error) from None
        except msgspec.ValidationError as error:
            raise Refused(Code.BAD_REQUEST, str(error)) from None
        roles.require(by, Command.SET_ROOM, name)
        return await self._node.settings.set(by, name, changes, reason=checked(reason), act=self._new())

    def _new(self) -> str:
        return self._node.clock.new_act()


def checked(text: str, field: str = "reason") -> str:
    """A text that a person typed, which may be empty if it is a reason. Raises Refused."""
    if field == "reason" and not text:
        return ""
    try:
        return names.chat_text(text, field=field)
    except FieldError as error:
        raise Refused.of(error) from None


def _check(field: str, seconds: float, most: float) -> None:
    if not 0 <= seconds <= most:
        raise Refused(Code.BAD_REQUEST, f"{field} is from 0 to {most:g}", field=field)
