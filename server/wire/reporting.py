"""The JSON messages by which members report, and moderators work on it (protocol.md section 7); pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from server.wire.native import Answer, Int64, Message, Request, Sender


class Report(Request, tag="report", kw_only=True, frozen=True):
    """Tell the moderators of a person in a room, or of something that was said there."""

    session: str | None = None
    user: str | None = None
    room: str
    text: str
    origin: str | None = None
    seq: Int64 | None = None
    """With `origin` the message or whisper that is reported."""


class TakeReport(Request, tag="report_take", kw_only=True, frozen=True):
    """Work on a report."""

    report: str
    over: bool = False
    """Also where somebody else does."""


class CloseReport(Request, tag="report_close", kw_only=True, frozen=True):
    """Be done with a report."""

    report: str
    note: str | None = None


class ReopenReport(Request, tag="report_reopen", kw_only=True, frozen=True):
    """Let nobody work on a report, and nobody be done with it."""

    report: str


class ReadReport(Request, tag="report_read", kw_only=True, frozen=True):
    """Look at what a report brought along."""

    report: str


Reporting = Report | TakeReport | CloseReport | ReopenReport | ReadReport
"""Any request about reports."""


class Place(msgspec.Struct, frozen=True):
    """Where a text stands."""

    origin: str
    seq: int


class Reported(Message, tag="reported", kw_only=True, frozen=True, omit_defaults=False):
    """Somebody reported somebody; to moderators."""

    report: str
    sender: Sender = msgspec.field(name="from")
    session: str
    user: str
    name: str
    room: str
    text: str
    at: int
    message: Place | None


class ReportUpdated(Message, tag="report_updated", kw_only=True, frozen=True, omit_defaults=False):
    """Somebody took a report, closed it or opened it again; to moderators."""

    report: str
    room: str
    state: Literal["open", "taken", "closed"]
    by: Sender
    note: str
    at: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was said about then."""

    origin: str
    seq: int
    at: int
    sender: Sender = msgspec.field(name="from")
    text: str
    whisper: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of the session of the one who is reported."""

    role: str
    node: str
    ip: str
    client: str
    connected: int
    joined: int | None
    muted: bool
    speaking: bool
    state: Literal["online", "reconnecting"]
    sessions: int
    refused: int


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done before to the user who is reported."""

    at: int
    action: str
    by: str
    room: str | None
    reason: str


class Evidence(Answer, tag="report_evidence", kw_only=True, frozen=True, omit_defaults=False):
    """What a report brought along, as it was then where it was taken."""

    report: str
    lines: list[Line]
    shortened: bool
    facts: Facts | None
    earlier: list[Earlier]
