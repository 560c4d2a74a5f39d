"""What a client knows of its session: all that it needs to go on with it at any node; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from server.client.cursors import Cursors, Shown
from server.client.events import Event, Resumed, Text
from server.wire import moderation, native
from server.wire.native import Address

HELLO = "hello"
"""The `id` of every hello."""

Request = tuple[str, dict[str, Any]]
"""Its type and its fields."""


class Memory:
    """What is kept from one connection to the next."""

    welcome: native.Welcome
    """What the node answered to the last hello."""

    def __init__(self, who: Mapping[str, str | None]) -> None:
        """Begin with what a first hello says of `who` comes."""
        self._who = {key: value for key, value in who.items() if value is not None}
        self._n = 0
        self._cursors = Cursors()
        self._shown = Shown()
        self.began = False
        """It was welcome once."""
        self.token = ""
        """What the session can be resumed with; empty where it cannot."""
        self.rooms: dict[str, int] = {}
        """Where it is, with the ssrc."""
        self.targets: dict[int, Address] = {}
        self.deaf = False

    def hello(self, now_ms: int) -> dict[str, Any]:
        """Give the next hello: it resumes the session where there is a token, else it begins one."""
        self._n = max(self._n + 1, now_ms)
        hello: dict[str, Any] = {"type": "hello", "id": HELLO, "n": self._n}
        if self.token:
            return hello | {"resume": self.token, "cursors": self._cursors.places(), "rooms": list(self.rooms)}
        hello |= self._who
        if self.began and "token" not in self._who:
            hello |= {"name": self.welcome.name, "user": self.welcome.user}
        return hello

    def enter(self, welcome: native.Welcome, *, seconds: float) -> list[Event]:
        """Take the answer to the last hello; returns what is to be told of it.

        Args:
            welcome: The answer.
            seconds: How long there was no connection.
        """
        began, resumed = self.began, bool(self.token)
        self.began, self.welcome, self.token = True, welcome, welcome.resume
        if resumed:
            self._cursors.merge(welcome.cursors)
        else:
            self._cursors.begin(welcome.cursors)
        if not began:
            return []
        before, joined = list(self.rooms), given(welcome.rooms)
        self.rooms = {one.room: one.ssrc for one in joined}
        tells: list[Event] = [
            Resumed(
                recovered=welcome.recovered is True,
                gaps=given(welcome.gaps) if resumed else before,
                anew=not resumed,
                node=welcome.node,
                seconds=seconds,
            )
        ]
        tells += joined
        if resumed:
            tells += [native.Left(room=room, reason="lost") for room in before if room not in self.rooms]
        return tells

    def recall(self, rooms: Sequence[str]) -> list[Request]:
        """Give the requests that make a node know again what it has forgotten; `rooms` are to be joined again."""
        return [
            *(("join", {"room": room}) for room in rooms),
            *(("voice_target", {"target": target, "to": to}) for target, to in self.targets.items()),
            *([("deafen", {"on": True})] if self.deaf else ()),
        ]

    def note(self, event: Event) -> bool:
        """Learn from what a node says; returns whether it is news to whoever uses the client."""
        match event:
            case native.Said() | native.Whispered() | native.Announced():
                return self._note_text(event)
            case native.Sent():
                self._cursors.saw(event.origin, event.seq)
            case native.Joined():
                self.rooms[event.room] = event.ssrc
                self._cursors.merge(event.cursors)
            case moderation.Moved():
                self.rooms.pop(event.room, None)
                self.rooms[event.to] = event.joined.ssrc
                self._cursors.merge(event.joined.cursors)
            case native.Left():
                self.rooms.pop(event.room, None)
            case native.ResumeToken():
                self.token = event.resume
                return False
        return True

    def _note_text(self, text: Text) -> bool:
        self._cursors.saw(text.origin, text.seq)
        return self._shown.is_new(text.sender.session, text.id)


def given(items: list[Any] | msgspec.UnsetType) -> list[Any]:
    """Give what a node may have left out."""
    return [] if isinstance(items, msgspec.UnsetType) else items
