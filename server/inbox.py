"""What members have reported, who works on it, and what each report brought along; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from bus.record import NAME_CHARS
from server.rulings import REPORT, Change, Ruling, key_of, parts_of
from server.session import Actor
from server.wire.names import TEXT_CHARS

WORK = "work"
"""Last part of the key of who works on a report."""

KEPT_SECONDS = 24 * 3600
"""For so long a report that is closed stays in the inbox."""

WAITS_SECONDS = 30 * 24 * 3600
"""For so long one that nobody closes stays there, and what it brought along in the store."""

OPEN, OWN = 500, 20
"""Reports that may wait for a moderator, of all and of one user; nothing is reported beyond it."""

LINES_BYTES = 16 * 1024
"""What the lines of one report take, at most; the last ones are kept."""

State = Literal["open", "taken", "closed"]

_Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_CHARS)]


class Party(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A person at the time of a report."""

    session: _Name
    user: _Name
    name: _Name


class Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something that was said."""

    origin: _Name
    seq: int
    at: int
    """ms since 1970, by the clock of the node that took it."""
    by: Party
    text: _Text
    is_whisper: bool = False
    """It was for the one who reported, who shows it herewith."""


class Facts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What was known of the session of the one who is reported."""

    role: _Name
    node: _Name
    """Name of its node."""
    ip: _Name
    client: _Name
    """What it said of its program."""
    connected: int
    joined: int | None
    """When it came into the room; None: it was no longer there."""
    muted: bool
    """In the room."""
    speaking: bool
    away: bool
    """Its connection was lost."""
    sessions: int
    """How many the user had."""
    refused: int
    """Requests of it that were refused in the minute before, as far as the node knew."""


class Earlier(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something that was done before to the user who is reported."""

    at: int
    action: _Name
    by: _Name
    room: _Name | None
    reason: _Text


class Evidence(msgspec.Struct, array_like=True, frozen=True):
    """What a report brought along, as it was then where it was taken."""

    lines: tuple[Line, ...]
    """The room's last minute, oldest first, and before it what is reported if it is older."""
    shortened: bool
    """There was more in that minute."""
    facts: Facts | None
    """None: the session had ended."""
    earlier: tuple[Earlier, ...]
    """The newest first."""


class Report(msgspec.Struct, array_like=True, frozen=True):
    """What somebody reported; who did and when is in its ruling."""

    target: Party
    room: _Name
    text: _Text
    message: tuple[_Name, int] | None
    """Origin and number of what is reported."""


class Filed(Report, array_like=True, frozen=True):
    """The value of a ruling ``report/<id>``. A `Report` can be read from it too, which is quicker."""

    evidence: Evidence


class Work(msgspec.Struct, array_like=True, frozen=True):
    """The value of a ruling ``report/<id>/work``."""

    state: Literal["taken", "closed"]
    note: _Text


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A report as it stands."""

    report: str
    """Its id."""
    at: int
    """ms since 1970, by the clock of the node where it was taken."""
    reporter: Party
    target: Party
    room: str
    text: str
    message: tuple[str, int] | None
    state: State
    worker: Party | None
    """Who took it, closed it, or opened it again last."""
    worked: int | None
    """When."""
    note: str
    """Of who closed it."""


class Inbox:
    """The reports that moderators can see. Of what comes twice or out of order the rulings have made one."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[Ruling, Report]] = {}
        self._works: dict[str, tuple[Ruling, Work | None]] = {}
        """The last ruling on each; None: it is open."""
        self._done: set[str] = set()
        """Reports that were closed for long enough."""

    def hear(self, change: Change) -> str:
        """Take a change of a ruling of this family; returns whose report it is about. Raises one of `UNREADABLE`."""
        _, id, *work = parts_of(change.key)
        if work:
            self._hear_work(id, change)
        elif change.now is None:
            self._reports.pop(id, None)
            self._works.pop(id, None)
            self._done.discard(id)
        else:
            self._reports[id] = change.now, change.now.read(Report)
        return id

    def _hear_work(self, id: str, change: Change) -> None:
        over = change.now is None and not change.last.lifts
        self._works[id] = change.last, change.last.read(Work) if change.now is not None or over else None
        if over:
            self._done.add(id)
        else:
            self._done.discard(id)

    def get(self, id: str) -> ReportView | None:
        """A report; None for one that never was, or has left."""
        if id not in self._reports or id in self._done:
            return None
        ruling, report = self._reports[id]
        decided, work = self._works.get(id, (None, None))
        return ReportView(
            report=id,
            at=ruling.at,
            reporter=party_of(ruling.by),
            target=report.target,
            room=report.room,
            text=report.text,
            message=report.message,
            state=work.state if work else "open",
            worker=None if decided is None else party_of(decided.by),
            worked=None if decided is None else decided.at,
            note=work.note if work else "",
        )

    def all(self) -> list[ReportView]:
        """Every report, the newest first."""
        found = [view for id in self._reports if (view := self.get(id)) is not None]
        return sorted(found, key=lambda view: (-view.at, view.report))

    def evidence(self, id: str) -> Evidence:
        """What a report that is there brought along. Raises one of `UNREADABLE`."""
        return self._reports[id][0].read(Filed).evidence

    def is_known(self, by: Actor, report: Report) -> bool:
        """Whether the same session has reported the same, and nobody has closed it."""
        return any(
            ruling.by.session == by.session and known == report and not self._is_closed(id)
            for id, (ruling, known) in self._reports.items()
        )

    def waiting(self, user: str | None = None) -> int:
        """How many are not closed, of all or of those that this user made."""
        return sum(
            user in (None, ruling.by.user) and not self._is_closed(id) for id, (ruling, _) in self._reports.items()
        )

    def done(self) -> Iterable[str]:
        """Reports that have left, and are to be forgotten by all."""
        return [id for id in self._done if id in self._reports]

    def _is_closed(self, id: str) -> bool:
        work = self._works.get(id, (None, None))[1]
        return work is not None and work.state == "closed"


def report_key(id: str) -> str:
    """The key of what is reported."""
    return key_of(REPORT, id)


def work_key(id: str) -> str:
    """The key of who works on it."""
    return key_of(REPORT, id, WORK)


def party_of(actor: Actor) -> Party:
    """Who acted, without what they may do."""
    return Party(actor.session, actor.user, actor.name)


def shorten(lines: Iterable[Line], most: int = LINES_BYTES) -> tuple[tuple[Line, ...], bool]:
    """The last of these lines that take `most` bytes, and whether there were more."""
    kept: list[Line] = []
    for line in reversed(list(lines)):
        most -= size_of(line)
        if most < 0:
            return tuple(reversed(kept)), True
        kept.append(line)
    return tuple(reversed(kept)), False


def size_of(part: msgspec.Struct) -> int:
    """How many bytes of a ruling something takes."""
    return len(msgspec.msgpack.encode(part))
