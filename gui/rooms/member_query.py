"""What the filter language knows of a member; no Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from server.query import Field, Fields, Type
from server.views import MemberView

FIELDS = Fields(
    Field("name", Type.TEXT, "what they are called", searched=True),
    Field("user", Type.NAME, "who they are", searched=True),
    Field("node", Type.NAME, "where they are connected", searched=True),
    Field("role", Type.NAME, "user, moderator or admin"),
    Field("rtt", Type.TIME, "round trip to their node"),
    Field("session", Type.TIME, "how long they are connected"),
    Field("resumes", Type.COUNT, "how often they were resumed"),
    Field("refused", Type.COUNT, "requests refused in the last minute"),
    flags={
        "speaking": "heard now",
        "muted": "silenced by a moderator",
        "deafened": "who hear nobody",
        "reconnecting": "who lost the connection and may resume",
    },
)


def row_of(member: MemberView, *, speaking: bool, now: int) -> Mapping[str, object]:
    """A member as filters see it; `now` in ms since 1970."""
    flags = (
        ("speaking", speaking),
        ("muted", member.muted),
        ("deafened", member.deafened),
        ("reconnecting", member.state == "reconnecting"),
    )
    return {
        "name": member.name,
        "user": member.user,
        "node": member.node_name,
        "role": member.role,
        "rtt": member.round_trip,
        "session": now - member.connected,
        "resumes": member.resumes,
        "refused": member.refused,
        "is": frozenset(flag for flag, on in flags if on),
    }


def values_of(members: Iterable[MemberView], field: str) -> list[str]:
    """The values of a field that are there, for offers."""
    sources = {"name": "name", "user": "user", "node": "node_name", "role": "role"}
    source = sources.get(field)
    return [] if source is None else sorted({str(getattr(member, source)) for member in members})
