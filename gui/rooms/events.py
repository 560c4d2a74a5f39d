"""What happened in a room, with equal events that came close together folded into one; no Qt here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from gui import wording
from server.views import ChatView

CLOSE_MS = 3000
"""Equal events are folded when each comes within this of the one before."""

FEW = 3
"""Fewer than this are not folded."""

COMING = frozenset({"joined", "left"})
"""Kinds of lines of those who come and go."""

EVENTS = COMING | {"muted", "unmuted"}
"""Kinds of lines that are events, not words."""

LEFT_WORDS = {
    "left": "left",
    "kicked": "was kicked",
    "banned": "was banned",
    "moved": "was moved to another room",
    "lost": "lost the connection",
    "room_full": "was put out: the room is full",
}

_MANY_LEFT = LEFT_WORDS | {
    "kicked": "were kicked",
    "banned": "were banned",
    "moved": "were moved to another room",
    "room_full": "were put out: the room is full",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Fold:
    """Several equal events."""

    lines: tuple[ChatView, ...]

    @property
    def kind(self) -> str:
        """That of each of them."""
        return self.lines[0].kind

    @property
    def text(self) -> str:
        """That of each of them."""
        return self.lines[0].text

    @property
    def at(self) -> int:
        """When the last of them came, ms since 1970."""
        return self.lines[-1].at

    @property
    def key(self) -> str:
        """The identity: it stays while more come."""
        return f"fold {self.lines[0].key}"


Entry = ChatView | Fold


def folded(lines: Iterable[ChatView]) -> list[Entry]:
    """The lines in their order, with runs of equal comings and goings folded."""
    entries: list[Entry] = []
    run: list[ChatView] = []
    for line in lines:
        if run and not _goes_on(run[-1], line):
            entries.extend(_closed(run))
            run = []
        if line.kind in COMING:
            run.append(line)
        else:
            entries.append(line)
    return entries + _closed(run)


def _goes_on(last: ChatView, line: ChatView) -> bool:
    return (last.kind, last.text) == (line.kind, line.text) and line.at - last.at <= CLOSE_MS


def _closed(run: Sequence[ChatView]) -> list[Entry]:
    return list(run) if len(run) < FEW else [Fold(tuple(run))]


def event_words(entry: Entry) -> str:
    """A whole event in a sentence."""
    if isinstance(entry, Fold):
        seconds = max(1, round((entry.at - entry.lines[0].at) / 1000))
        verb = "joined" if entry.kind == "joined" else _MANY_LEFT.get(entry.text, "left")
        return f"{wording.count(len(entry.lines))} people {verb} in {seconds} s"
    name = wording.within(entry.name)
    if entry.kind == "joined":
        return f"{name} joined"
    if entry.kind == "left":
        return f"{name} {LEFT_WORDS.get(entry.text, 'left')}"
    where = " everywhere" if entry.everywhere else ""
    if entry.kind == "unmuted":
        return f"{wording.within(entry.by)} unmuted {name}{where}" if entry.by else f"The mute of {name} is over"
    span = f"for {wording.span(entry.until - entry.at + 500)}" if entry.until is not None else "until unmuted"
    why = f": {wording.name(entry.text)}" if entry.text else ""
    return f"{wording.within(entry.by)} muted {name}{where} {span}{why}"


def event_icon(entry: Entry) -> str:
    """A file of resources/icons."""
    if entry.kind == "joined":
        return "sign-in"
    if entry.kind == "left":
        return "sign-out"
    return "microphone-slash" if entry.kind == "muted" else "microphone"


def is_harsh(entry: Entry) -> bool:
    """Whether somebody was put out."""
    return entry.kind == "left" and entry.text in ("kicked", "banned")
