"""Requests that wait for their answers, and what becomes of them when the connection is lost; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from bus.record import ClientId
from server.wire import native
from server.wire.names import FieldError, room_name
from server.wire.native import Code, Refused

MOST = 256
"""Of so many texts a node remembers the ids (protocol.md section 5), so no more can be repeated safely."""
PER_SECOND, BURST = 15.0, 30
"""How fast a backlog is sent: below what a node takes, as its texts must not be refused out of order."""

_ONCE = frozenset({"kick", "move"})
"""Who was kicked may have come again, and would be kicked twice, unless a node knows that it is the same request."""

W = TypeVar("W")


@dataclasses.dataclass(slots=True, eq=False)
class Asked(Generic[W]):
    """One request, as it is sent."""

    id: ClientId
    type: str
    message: str
    room: str | None
    waiter: W
    """Whom its answer is for."""
    sent: bool = False
    """It was sent on the connection that there is."""
    ever_sent: bool = False


class Outbox(Generic[W]):
    """Requests without an answer, in the order in which they were made."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._asked: dict[ClientId, Asked[W]] = {}
        self._unsent: dict[ClientId, Asked[W]] = {}

    def __iter__(self) -> Iterator[Asked[W]]:
        return iter(list(self._asked.values()))

    @property
    def has_backlog(self) -> bool:
        """Whether a request must wait because others stand before it."""
        return bool(self._unsent)

    def add(self, asked: Asked[W]) -> None:
        """Put in a request. Raises Refused where too many wait, ValueError for an `id` that waits already."""
        if asked.id in self._asked:
            raise ValueError(f"a request with the id {asked.id!r} is not answered yet")
        if len(self._asked) >= self._most:
            raise Refused(
                Code.RATE_LIMITED, f"{len(self._asked)} requests wait for their answers, and more cannot be kept"
            )
        self._asked[asked.id] = self._unsent[asked.id] = asked

    def put_first(self, asked: list[Asked[W]]) -> None:
        """Put these before all others: what a new session needs before it goes on."""
        first = {one.id: one for one in asked}
        self._asked = first | self._asked
        self._unsent = first | self._unsent

    def answered(self, id: ClientId) -> Asked[W] | None:
        """Give and forget the request whose answer has come, if there is one."""
        self._unsent.pop(id, None)
        return self._asked.pop(id, None)

    def forget(self, asked: Asked[W]) -> None:
        """Forget a request whose answer nobody waits for any more."""
        if self._asked.get(asked.id) is asked:
            self.answered(asked.id)

    def is_next(self, asked: Asked[W]) -> bool:
        """Whether nothing that is to be sent stands before `asked`."""
        return next(iter(self._unsent), None) == asked.id

    def next(self) -> Asked[W] | None:
        """Give the first request to be sent; it counts as sent."""
        if not self._unsent:
            return None
        asked = self._unsent.pop(next(iter(self._unsent)))
        asked.sent = asked.ever_sent = True
        return asked

    def lost(self) -> None:
        """The connection is lost: all are to be sent again."""
        for asked in self._asked.values():
            asked.sent = False
        self._unsent = dict(self._asked)

    def doubtful(self) -> list[Asked[W]]:
        """No node may know this session any more: give and forget those which it is then not safe to send again."""
        unsafe = [asked for asked in self._asked.values() if asked.ever_sent and asked.type in _ONCE]
        for asked in unsafe:
            self.answered(asked.id)
        return unsafe

    def known(self, rooms: Mapping[str, native.Joined]) -> list[tuple[Asked[W], native.Answer]]:
        """Give and forget the joins and leaves that `rooms`, where the session is, show as done, with answers."""
        found: list[tuple[Asked[W], native.Answer]] = []
        for asked in self:
            if asked.room is None or not asked.ever_sent:
                continue
            room = _normal(asked.room)
            if asked.type == "join" and room in rooms:
                found.append((asked, rooms[room]))
            elif asked.type == "leave" and room not in rooms:
                found.append((asked, native.Left(room=room)))
        for asked, _ in found:
            self.answered(asked.id)
        return found


def _normal(room: str) -> str:
    try:
        return room_name(room)
    except FieldError:
        return room
