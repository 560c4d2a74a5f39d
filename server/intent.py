"""What is about to be done, as the audit is told of it; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from server.chain import Asked, Person
from server.session import Actor, Role, SessionRecord

SYSTEM = Actor("", "", "System", Role.ADMIN)
"""Who acts where nobody asked."""


@dataclasses.dataclass(frozen=True, slots=True)
class Intent:
    """Something that is about to be done, or that came to be by itself."""

    action: str
    _: dataclasses.KW_ONLY
    by: Actor = SYSTEM
    target: str = ""
    """What the request named, else the session of each."""
    people: Sequence[SessionRecord | Person] = ()
    """Each of them has a line of its own."""
    room: str | None = None
    reason: str = ""
    detail: str = ""
    until: int | None = None
    """ms since 1970."""
    act: str = ""
    """Its identity, if it has one: what is known under it already is not written again."""

    def lines(self, act: str) -> Iterator[Asked]:
        """What is written of it, under this identity."""
        people: list[Person | None] = [_person(one) for one in self.people]
        for person in people or [None]:
            yield Asked(
                act=act,
                by=self.by,
                action=self.action,
                target=self.target or (person.session if person else ""),
                person=person,
                room=self.room,
                reason=self.reason,
                detail=self.detail,
                until=self.until,
            )


def _person(one: SessionRecord | Person) -> Person:
    return one if isinstance(one, Person) else Person(one.session, one.user, one.name)
