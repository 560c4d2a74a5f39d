"""When what is done to sessions for a time is over: mutes, and the grace of kicks; pure."""

from __future__ import annotations

from server.deadlines import Wheel
from server.session import Notice, SessionRecord, Term

AGAIN_SECONDS = 2.0
"""How often a node looks whether what is over has become its own to end."""

Due = tuple[str, type, str | None]
"""Session, kind and room of a term."""


class Terms:
    """The terms of all sessions, whosever they are to end: whose node is gone may become this one's.

    Each is counted from when it came to be known here, so that no clock of another node decides.
    """

    def __init__(self, *, now: float) -> None:
        self._ends: Wheel[Due] = Wheel(now=now, step=0.1)
        self._known: dict[str, tuple[Term, ...]] = {}

    def follow(self, session: str, record: SessionRecord | None, now: float) -> tuple[Term, ...]:
        """A session is otherwise than before, or with None not there any more; returns what it had before."""
        terms: tuple[Term, ...] = () if record is None else (*record.silences, *record.notices)
        before = self._known.get(session, ())
        if before == terms:
            return before
        for term in before:
            if term not in terms:
                self._ends.cancel(_due(session, term))
        for term in terms:
            if term.seconds is not None and term not in before:
                self._ends.set(_due(session, term), now + term.seconds)
        if terms:
            self._known[session] = terms
        else:
            self._known.pop(session, None)
        return before

    def advance(self, now: float) -> list[Due]:
        """Those whose time is over."""
        return self._ends.advance(now)

    def again(self, due: Due, now: float) -> None:
        """It is another node's to end: look again, should that be gone by then."""
        self._ends.set(due, now + AGAIN_SECONDS)


def term_of(record: SessionRecord, due: Due) -> Term | None:
    """The term that is over, if it is still there."""
    _, kind, room = due
    return record.notice(room) if kind is Notice else record.silence(room)


def _due(session: str, term: Term) -> Due:
    return session, type(term), term.room
