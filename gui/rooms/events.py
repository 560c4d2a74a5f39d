"""What happened in a room, with equal events that came close together folded into one; no Qt here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from gui import wording
from server.lines import ANSWERS, COMING
from server.views import ChatView

CLOSE_MS = 3000
"""Equal events are folded when each comes within this of the one before."""

FEW = 3
"""Fewer than this are not folded."""

SAME_MS = 600_000
"""The returns of one and the same are folded when each comes within this of the one before."""

EVENTS = COMING | {"muted", "unmuted"}
"""Kinds of lines that are events, not words."""

LEFT_WORDS = {
    "left": "left",
    "kicked": "was kicked",
    "banned": "was banned",
    "moved": "was moved to another room",
    "lost": "did not come back",
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


def settled(lines: Iterable[ChatView]) -> list[ChatView]:
    """The lines less those of a loss after which the same session is back, or gone: the later line says it all."""
    kept: list[ChatView] = []
    over: set[str] = set()
    for line in reversed(list(lines)):
        if line.kind == "away" and line.session in over:
            over.discard(line.session)
            continue
        if line.kind in ("back", "left"):
            over.add(line.session)
        elif line.kind == "joined":
            over.discard(line.session)
        kept.append(line)
    return kept[::-1]


def _goes_on(last: ChatView, line: ChatView) -> bool:
    if (last.kind, last.text, last.by) != (line.kind, line.text, line.by):
        return False
    again = line.kind == "back" and line.session == last.session
    return line.at - last.at <= (SAME_MS if again else CLOSE_MS)


def _closed(run: Sequence[ChatView]) -> list[Entry]:
    return list(run) if len(run) < FEW else [Fold(tuple(run))]


def event_words(entry: Entry) -> str:
    """A whole event in a sentence."""
    if isinstance(entry, Fold):
        return _words_of_many(entry)
    name = wording.within(entry.name)
    if entry.kind == "joined":
        return f"{name} joined"
    if entry.kind == "left":
        return _words_of_leaving(entry)
    if entry.kind == "away":
        return f"{name} lost the connection"
    if entry.kind == "back" and entry.text == ANSWERS:
        return f"{name} is there: the node answers again"
    if entry.kind == "back":
        where = f" on {wording.within(entry.node)}" if entry.node else ""
        after = f" after {wording.moment(entry.span)}" if entry.span is not None else ""
        return f"{name} resumed{where}{after}"
    where = " everywhere" if entry.everywhere else ""
    if entry.kind == "unmuted":
        return f"{wording.within(entry.by)} unmuted {name}{where}" if entry.by else f"The mute of {name} is over"
    span = f"for {wording.span(entry.until - entry.at + 500)}" if entry.until is not None else "until unmuted"
    why = f": {wording.name(entry.text)}" if entry.text else ""
    return f"{wording.within(entry.by)} muted {name}{where} {span}{why}"


def _words_of_leaving(line: ChatView) -> str:
    name = wording.within(line.name)
    if line.text in ("kicked", "banned") and line.by:
        return f"{wording.within(line.by)} {line.text} {name}" + (f": {wording.name(line.why)}" if line.why else "")
    return f"{name} {LEFT_WORDS.get(line.text, 'left')}"


def _words_of_many(fold: Fold) -> str:
    lines = fold.lines
    within = f"in {max(1, round((fold.at - lines[0].at) / 1000))} s"
    people = f"{wording.count(len(lines))} people"
    if fold.kind == "back":
        return _words_of_return(fold, people)
    if fold.kind == "joined":
        return f"{people} joined {within}"
    if fold.kind == "away":
        return f"{people} lost the connection {within}"
    if fold.text in ("kicked", "banned") and lines[0].by:
        return f"{wording.within(lines[0].by)} {fold.text} {people} {within}"
    return f"{people} {_MANY_LEFT.get(fold.text, 'left')} {within}"


def _words_of_return(fold: Fold, people: str) -> str:
    """Several who resumed, or one who did so several times."""
    if fold.text == ANSWERS:
        return f"{people} are there: the node answers again"
    nodes = tuple(dict.fromkeys(line.node for line in fold.lines if line.node))
    where = f" on {wording.listed(nodes)}" if nodes else ""
    longest = max((line.span for line in fold.lines if line.span is not None), default=None)
    within = f" within {wording.moment(longest)}" if longest is not None else ""
    if len({line.session for line in fold.lines}) == 1:
        each = f", each time{within}" if within else ""
        return f"{wording.within(fold.lines[0].name)} resumed {wording.count(len(fold.lines))} times{where}{each}"
    return f"{people} resumed{where}{within}"


def event_icon(entry: Entry) -> str:
    """A file of resources/icons."""
    if entry.kind == "joined":
        return "sign-in"
    if entry.kind == "left":
        return "sign-out"
    if entry.kind == "away":
        return "plugs"
    if entry.kind == "back":
        return "plugs-connected"
    return "microphone-slash" if entry.kind == "muted" else "microphone"


def is_harsh(entry: Entry) -> bool:
    """Whether somebody was put out."""
    return entry.kind == "left" and entry.text in ("kicked", "banned")
