"""The lines that a console keeps of each room: what was said, who came and went, what moderators did; pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Literal

from server.events import AnnouncementShown, Moderated, TextShown
from server.session import Actor, SessionRecord
from server.texts import Receipt
from server.views import ChatView

LINES = 200
"""Lines kept for each room."""

LINES_CHARS = 65_536
"""Their characters, at most."""

ROOMS = 1000
"""Rooms whose lines are kept; the one that was quiet longest goes first."""


class Lines:
    """The last lines of each room."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, deque[ChatView]] = OrderedDict()
        self._chars: dict[str, int] = {}
        self._came = 0

    def of(self, room: str) -> list[ChatView]:
        """The lines of a room, oldest first."""
        return list(self._rooms.get(room, ()))

    def add(self, line: ChatView, rooms: Iterable[str]) -> None:
        """Keep a line of these rooms."""
        for room in rooms:
            self._add(line, room)

    def coming(
        self, kind: Literal["joined", "left"], record: SessionRecord, reason: str = "", *, at: int
    ) -> ChatView:
        """The line of somebody who came or went."""
        self._came += 1
        return ChatView(
            kind=kind,
            at=at,
            session=record.session,
            user=record.user,
            name=record.name,
            text=reason,
            key=f"{kind}:{self._came}",
        )

    def _add(self, line: ChatView, room: str) -> None:
        lines = self._rooms.get(room)
        if lines is None:
            lines = self._rooms[room] = deque()
            self._chars[room] = 0
            if len(self._rooms) > ROOMS:
                quiet, _ = self._rooms.popitem(last=False)
                del self._chars[quiet]
        lines.append(line)
        self._chars[room] += len(line.text)
        while len(lines) > LINES or self._chars[room] > LINES_CHARS:
            self._chars[room] -= len(lines.popleft().text)
        self._rooms.move_to_end(room)


def said(event: TextShown | AnnouncementShown) -> ChatView:
    """The line of a message or an announcement."""
    announced = isinstance(event, AnnouncementShown)
    return ChatView(
        kind="announcement" if announced else "message",
        at=event.text.at,
        session=event.session,
        user=event.text.user,
        name=event.text.name,
        text=event.text.text,
        everywhere=announced and event.room is None,
        key=_key(event.origin, event.seq),
    )


def moderated(event: Moderated, user: str) -> ChatView:
    """The line of a mute, or of the end of one; `user` is the target's."""
    return ChatView(
        kind="muted" if event.action == "mute" else "unmuted",
        at=event.at,
        session=event.session,
        user=user,
        name=event.name,
        text=event.reason,
        by=event.by.name,
        until=event.until,
        everywhere=event.room is None,
        key=_key(event.origin, event.seq),
    )


def whispered(by: Actor, target: SessionRecord, text: str, receipt: Receipt) -> ChatView:
    """The line of a whisper that was sent from this console."""
    return ChatView(
        kind="whisper",
        at=receipt.at,
        session=by.session,
        user=by.user,
        name=by.name,
        text=text,
        to=target.name,
        key=_key(receipt.origin, receipt.seq),
    )


def _key(origin: str, seq: int) -> str:
    return f"{origin}:{seq}"
