"""When sessions were lost and came back, as one console saw it; pure."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable

from server.session import SessionRecord

HOUR_MS = 3_600_000


@dataclasses.dataclass(slots=True)
class Sighting:
    """What was seen of one session."""

    away: int | None = None
    """Since when it is reconnecting, ms since 1970; None while it is not."""
    resumed: int | None = None
    """When it was last resumed."""
    before: str = ""
    """Name of the node where it had been; empty where that was the same."""
    resumes: int = 0
    """How often it had been resumed when it was lost."""


NOTHING = Sighting()


@dataclasses.dataclass(frozen=True, slots=True)
class Return:
    """How a session goes on."""

    span: int | None
    """For how many ms it was away; None where its loss was not seen."""
    resumed: bool
    """Its client came again; else its node was not lost, and answers again."""


class Sightings:
    """Fed with what happens to sessions; times are ms since 1970."""

    def __init__(self) -> None:
        self._seen: dict[str, Sighting] = {}
        self._resumes: deque[int] = deque()

    def of(self, session: str) -> Sighting:
        """What was seen of a session; empty where nothing was."""
        return self._seen.get(session, NOTHING)

    def lost(self, record: SessionRecord, *, now: int) -> None:
        """Its connection, or its node, is lost."""
        seen = self._seen.setdefault(record.session, Sighting())
        if seen.away is None:
            seen.away, seen.resumes = now, record.resumes

    def goes_on(self, record: SessionRecord, *, before: str, now: int) -> Return:
        """It goes on; `before` is the name of the node where it had been."""
        seen = self.of(record.session)
        span = None if seen.away is None else max(0, now - seen.away)
        if seen.away is not None and seen.resumes == record.resumes:
            seen.away = None
            return Return(span, resumed=False)
        came = before if before != record.node_name else ""
        self._seen[record.session] = Sighting(resumed=now, before=came)
        self._resumes.append(now)
        return Return(span, resumed=True)

    def forget(self, known: Callable[[str], object | None]) -> None:
        """Drop the sessions that are not `known` any more."""
        for session in [session for session in self._seen if known(session) is None]:
            del self._seen[session]

    def last_hour(self, now: int) -> int:
        """How many resumes were seen in the last hour."""
        while self._resumes and now - self._resumes[0] > HOUR_MS:
            self._resumes.popleft()
        return len(self._resumes)
