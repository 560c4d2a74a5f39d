"""Who may do what, and where: one table, asked where a request enters and again where it is carried out; pure."""

from __future__ import annotations

import enum

from server.scopes import covers
from server.session import Actor, Role
from server.wire.native import Code, Refused


class Command(enum.StrEnum):
    """What is not for everybody to do (protocol.md section 7)."""

    KICK = "kick"
    UNKICK = "unkick"
    MUTE = "mute"
    UNMUTE = "unmute"
    MOVE = "move"
    BAN = "ban"
    UNBAN = "unban"
    BANS = "list bans"
    SET_ROOM = "change the settings of a room"
    ANNOUNCE = "announce"
    REPORT = "report"
    REPORTS = "see and close reports"
    AUDIT = "read the audit"
    REVEAL = "read a whisper"
    DRAIN = "drain a node"
    LIST_NODES = "list nodes"
    LIST_ROOMS = "list rooms"
    LIST_SESSIONS = "list sessions"
    LIST_MEMBERS = "list members"


class Reach(enum.Enum):
    """How far a role goes with a command."""

    NOWHERE = enum.auto()
    OWN = enum.auto()
    """In the rooms that the token gives, and where it names none in all and in what is of no room."""
    ANYWHERE = enum.auto()


_Row = tuple[Reach, Reach, Reach]

_EVERYBODY: _Row = (Reach.ANYWHERE, Reach.ANYWHERE, Reach.ANYWHERE)
_MODERATORS: _Row = (Reach.NOWHERE, Reach.OWN, Reach.ANYWHERE)
_ANY_MODERATOR: _Row = (Reach.NOWHERE, Reach.ANYWHERE, Reach.ANYWHERE)
_ADMINS: _Row = (Reach.NOWHERE, Reach.NOWHERE, Reach.ANYWHERE)

TABLE: dict[Command, _Row] = {
    Command.KICK: _MODERATORS,
    Command.UNKICK: _MODERATORS,
    Command.MUTE: _MODERATORS,
    Command.UNMUTE: _MODERATORS,
    Command.MOVE: _MODERATORS,
    Command.BAN: _MODERATORS,
    Command.UNBAN: _MODERATORS,
    Command.BANS: _ANY_MODERATOR,
    Command.SET_ROOM: _MODERATORS,
    Command.ANNOUNCE: _MODERATORS,
    Command.REPORT: _EVERYBODY,
    Command.REPORTS: _MODERATORS,
    Command.AUDIT: _MODERATORS,
    Command.REVEAL: _MODERATORS,
    Command.DRAIN: _ADMINS,
    Command.LIST_NODES: _ANY_MODERATOR,
    Command.LIST_ROOMS: _EVERYBODY,
    Command.LIST_SESSIONS: _MODERATORS,
    Command.LIST_MEMBERS: _MODERATORS,
}
"""By the ranks of `Role`: user, moderator, admin. What is not here nobody may do."""


def may(actor: Actor, command: Command, room: str | None) -> bool:
    """Whether `actor` may do that in `room`; None stands for the whole cluster, and for what is of no room."""
    row = TABLE.get(command)
    reach = Reach.NOWHERE if row is None else row[actor.role.rank]
    if reach is Reach.OWN:
        return covers(actor.scope, room)
    return reach is Reach.ANYWHERE


def require(actor: Actor, command: Command, *rooms: str | None) -> None:
    """Raise Refused forbidden unless `actor` may do that in each of these rooms; without any, everywhere."""
    refused = [room for room in rooms or (None,) if not may(actor, command, room)]
    if not refused:
        return
    row = TABLE.get(command)
    if row is None or row[actor.role.rank] is Reach.NOWHERE:
        who = "admins" if row == _ADMINS else "moderators"
        raise Refused(Code.FORBIDDEN, f"only {who} may {command}")
    if refused[0] is None:
        raise Refused(Code.FORBIDDEN, f"you may {command} in your rooms only: name one of them", field="room")
    raise Refused(Code.FORBIDDEN, f"{refused[0]} is none of the rooms where you may {command}", field="room")


def is_moderator(actor: Actor) -> bool:
    """Whether it is for `actor` to act on others at all."""
    return actor.role is not Role.USER


def outranks(actor: Actor, role: Role) -> bool:
    """Whether `actor` may act on somebody of that role: nobody acts on a higher one."""
    return actor.role.rank >= role.rank
