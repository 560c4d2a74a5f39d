"""Which acts can be undone, in which word, and by what; no Qt here."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from server.views import ActView, BanView


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """How an act is undone."""

    word: str
    """What the row says: ``Undo``, ``Lift``."""
    ban: str = ""
    """The ban that is lifted."""
    sessions: tuple[str, ...] = ()
    """Whose mute is lifted, or whose kick is undone."""
    room: str | None = None
    kick: bool = False
    """Whether it is a kick that is still to come."""


def ways(
    acts: Iterable[ActView], bans: Iterable[BanView], muted: Mapping[str, Collection[str | None]], now: int
) -> dict[str, Way]:
    """The acts, of which the newest come first, that can be undone now, each with its way.

    `muted` gives for sessions that are there the rooms in which they are muted, None for everywhere.
    """
    by_act = {ban.act: ban.ban for ban in bans if ban.act}
    found: dict[str, Way] = {}
    stayed: set[str] = set()
    for act in acts:
        if act.act in by_act:
            found[act.act] = Way("Lift", ban=by_act[act.act])
        elif act.action == "mute" and (act.until is None or act.until > now):
            still = tuple(session for session, _, _ in act.people if act.room in muted.get(session, ()))
            if still:
                found[act.act] = Way("Undo", sessions=still, room=act.room)
        elif act.action == "kick" and act.until is not None and act.until > now:
            sessions = tuple(session for session, _, _ in act.people if session not in stayed)
            if sessions:
                found[act.act] = Way("Undo", sessions=sessions, room=act.room, kick=True)
        elif act.action == "unkick":
            stayed.update(session for session, _, _ in act.people)
    return found
