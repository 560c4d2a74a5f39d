"""The lines that a console keeps of each room: what was said, who came and went, what moderators did; pure."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable
from operator import itemgetter
from typing import Literal, TypeVar

import msgspec

from server.events import AnnouncementShown, Moderated, TextShown
from server.session import Actor, SessionRecord
from server.sightings import Return
from server.texts import Receipt
from server.views import ChatView

LINES = 200
"""Lines of what was said or done kept for each room, and as many of who came and went."""

LINES_CHARS = 65_536
"""Their characters, at most."""

ANSWERS = "answers"
"""The text of the line of somebody who is back because the node was not lost, and answers again."""

KICKS = 200
"""Kicks of which one half is known, kept until the other one is."""

COMING = frozenset({"joined", "left", "away", "back"})
"""Kinds of lines of who comes and goes."""

ROOMS = 1000
"""Rooms whose lines are kept; the one that was quiet longest goes first."""


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _RoomLines:
    """The lines of one room, numbered as they came; many who come and go push nothing out that was said."""

    __slots__ = ("_chars", "_coming", "_said")

    def __init__(self) -> None:
        self._said: deque[tuple[int, ChatView]] = deque()
        self._coming: deque[tuple[int, ChatView]] = deque(maxlen=LINES)
        self._chars = 0

    def add(self, number: int, line: ChatView) -> None:
        if line.kind in COMING:
            self._coming.append((number, line))
            return
        self._said.append((number, line))
        self._chars += len(line.text)
        while len(self._said) > LINES or self._chars > LINES_CHARS:
            self._chars -= len(self._said.popleft()[1].text)

    def replace(self, key: str, line: ChatView) -> None:
        """Put another in the place of the line of somebody who came or went, if it is still kept."""
        for place in range(len(self._coming) - 1, -1, -1):
            number, old = self._coming[place]
            if old.key == key:
                self._coming[place] = number, line
                return

    def all(self) -> list[ChatView]:
        return [line for _, line in heapq.merge(self._said, self._coming, key=itemgetter(0))]


class Lines:
    """The last lines of each room."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[str, _RoomLines] = OrderedDict()
        self._kicked: OrderedDict[tuple[str, str], ChatView] = OrderedDict()
        """By session and room the lines of kicks of which it was not yet said who did it."""
        self._kicks: OrderedDict[tuple[str, str | None], Moderated] = OrderedDict()
        """By session and room, None for everywhere, the kicks of those who have not yet gone."""
        self._came = 0
        self._added = 0

    def of(self, room: str) -> list[ChatView]:
        """The lines of a room, oldest first."""
        lines = self._rooms.get(room)
        return [] if lines is None else lines.all()

    def add(self, line: ChatView, rooms: Iterable[str]) -> None:
        """Keep a line of these rooms."""
        for room in rooms:
            self._add(line, room)

    def coming(
        self,
        kind: Literal["joined", "left", "away", "back"],
        record: SessionRecord,
        reason: str = "",
        *,
        at: int,
        node: str = "",
        span: int | None = None,
    ) -> ChatView:
        """The line of somebody who came or went, lost the connection or came back; arguments as in `ChatView`."""
        self._came += 1
        return ChatView(
            kind=kind,
            at=at,
            session=record.session,
            user=record.user,
            name=record.name,
            text=reason,
            node=node,
            span=span,
            key=f"{kind}:{self._came}",
        )

    def back(self, record: SessionRecord, how: Return, before: str, *, at: int) -> ChatView:
        """The line of somebody who was on the node called `before` and goes on."""
        there = record.node_name if record.node_name != before else ""
        text = "" if how.resumed else ANSWERS
        return self.coming("back", record, text, at=at, node=there, span=how.span)

    def left(self, record: SessionRecord, room: str, reason: str, *, at: int) -> None:
        """Keep the line of somebody who went; of a kick or ban it may be known before and after by whom."""
        line = self.coming("left", record, reason, at=at)
        if reason in ("kicked", "banned"):
            act = self._kicks.get((record.session, room)) or self._kicks.get((record.session, None))
            if act is not None:
                line = _kicked(line, act)
            else:
                self._kicked[record.session, room] = line
                _shorten(self._kicked)
        self.add(line, [room])

    def kick(self, act: Moderated) -> list[str]:
        """Say who kicked or banned somebody, and why; returns the rooms whose lines say it now."""
        found = [
            (session, room) for session, room in self._kicked if session == act.session and act.room in (None, room)
        ]
        for key in found:
            line, lines = self._kicked.pop(key), self._rooms.get(key[1])
            if lines is not None:
                lines.replace(line.key, _kicked(line, act))
        if not found or act.room is None:  # out of the cluster is out of several rooms
            self._kicks[act.session, act.room] = act
            _shorten(self._kicks)
        return [room for _, room in found]

    def unkick(self, act: Moderated) -> None:
        """A kick that was known before it put somebody out does not."""
        for key in [key for key in self._kicks if key[0] == act.session and act.room in (None, key[1])]:
            del self._kicks[key]

    def _add(self, line: ChatView, room: str) -> None:
        lines = self._rooms.get(room)
        if lines is None:
            lines = self._rooms[room] = _RoomLines()
            if len(self._rooms) > ROOMS:
                self._rooms.popitem(last=False)
        self._added += 1
        lines.add(self._added, line)
        self._rooms.move_to_end(room)


def _kicked(line: ChatView, act: Moderated) -> ChatView:
    return msgspec.structs.replace(line, by=act.by.name, why=act.reason)


def _shorten(kept: OrderedDict[_Key, _Value]) -> None:
    if len(kept) > KICKS:
        kept.popitem(last=False)


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
