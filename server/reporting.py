"""What clients may ask about reports, and what they are answered (protocol.md section 7)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from server import inbox
from server.reports import Complaint, reported
from server.roles import Command, require
from server.wire import moderation, names, native, reporting
from server.wire.moderation import Outcome
from server.wire.native import OUR_MISTAKE, Address, Code, Refused

if TYPE_CHECKING:
    from server.conversation import Conversation

logger = logging.getLogger(__name__)

PAGE_BYTES = 256 * 1024
"""What the texts of one page of the inbox take, at most."""


def _report(client: Conversation, request: reporting.Report) -> None:
    if (request.session is None) == (request.user is None):
        raise Refused(Code.BAD_REQUEST, "name a session or a user, and only one of them")
    if (request.origin is None) != (request.seq is None):
        raise Refused(Code.BAD_REQUEST, "a message is named by origin and seq, both of them", field="seq")
    complaint = Complaint(
        to=Address(session=request.session, user=request.user),
        room=names.room_name(request.room),
        text=names.chat_text(request.text),
        message=None if request.origin is None or request.seq is None else (request.origin, request.seq),
        network=client.network,
    )

    async def file() -> native.Message:
        await client.node.reports.take_in(client.actor, complaint)
        return native.Ok(id=native.given(request.id))

    _start(client, request, file)


def _take(client: Conversation, request: reporting.TakeReport) -> None:
    _work(client, request, partial(client.node.reports.take, client.actor, request.report, over=request.over))


def _close(client: Conversation, request: reporting.CloseReport) -> None:
    note = names.chat_text(request.note, field="note") if request.note else ""
    _work(client, request, partial(client.node.reports.close, client.actor, request.report, note))


def _reopen(client: Conversation, request: reporting.ReopenReport) -> None:
    _work(client, request, partial(client.node.reports.reopen, client.actor, request.report))


def _read(client: Conversation, request: reporting.ReadReport) -> None:
    found = client.node.reports.evidence(client.actor, request.report)
    client.send(_evidence(request, found))


def _work(client: Conversation, request: native.Request, work: Callable[[], Awaitable[list[Outcome]]]) -> None:
    async def answer() -> native.Message:
        return moderation.Done(id=native.given(request.id), results=await work())

    _start(client, request, answer)


def _start(client: Conversation, request: native.Request, work: Callable[[], Awaitable[native.Message]]) -> None:
    async def finish() -> None:
        try:
            client.send(await work())
        except Refused as refusal:
            client.refuse(request.id, refusal)
        except Exception:
            logger.exception("a %s failed", type(request).__name__.lower())
            client.refuse(request.id, OUR_MISTAKE)

    client.node.tasks.start(finish(), name=type(request).__name__.lower())


def report_page(client: Conversation, request: moderation.List) -> moderation.Listed:
    """One page of the inbox, the newest first. Raises Refused, FieldError."""
    room, by = None if request.room is None else names.room_name(request.room), client.actor
    require(by, Command.REPORTS, *((room,) if room is not None else by.scope or (None,)))
    items = [
        (f"{(1 << 62) - view.at:019d}{view.report}", view)
        for view in client.node.reports.all(by)
        if room is None or view.room == room
    ]
    after = request.after or ""
    page: list[tuple[str, Any]] = []
    size = 0
    for key, view in islice((item for item in items if item[0] > after), request.limit + 1):
        size += len(view.text.encode()) + len(view.note.encode()) + 500
        if len(page) == request.limit or (page and size > PAGE_BYTES):
            return _page(request, page, more=True)
        page.append((key, _item(view)))
    return _page(request, page, more=False)


def _page(request: moderation.List, page: list[tuple[str, Any]], *, more: bool) -> moderation.Listed:
    return moderation.Listed(
        id=native.given(request.id),
        what=request.what,
        items=[item for _, item in page],
        next=page[-1][0] if more else None,
    )


def _item(view: inbox.ReportView) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(reported(view))
    del told["type"]
    return told | {
        "state": view.state,
        "by": None if view.worker is None else dict(zip(_SENDER, msgspec.structs.astuple(view.worker), strict=True)),
        "note": view.note,
        "worked": view.worked,
    }


_SENDER = ("session", "user", "name")


def _evidence(request: reporting.ReadReport, found: inbox.Evidence) -> reporting.Evidence:
    facts = found.facts
    return reporting.Evidence(
        id=native.given(request.id),
        report=request.report,
        lines=[
            reporting.Line(
                origin=line.origin,
                seq=line.seq,
                at=line.at,
                sender=native.Sender(*msgspec.structs.astuple(line.by)),
                text=line.text,
                whisper=line.is_whisper,
            )
            for line in found.lines
        ],
        shortened=found.shortened,
        facts=None
        if facts is None
        else reporting.Facts(
            role=facts.role,
            node=facts.node,
            ip=facts.ip,
            client=facts.client,
            connected=facts.connected,
            joined=facts.joined,
            muted=facts.muted,
            speaking=facts.speaking,
            state="reconnecting" if facts.away else "online",
            sessions=facts.sessions,
            refused=facts.refused,
        ),
        earlier=[
            reporting.Earlier(at=each.at, action=each.action, by=each.by, room=each.room, reason=each.reason)
            for each in found.earlier
        ],
    )


HANDLERS: dict[type, Callable[[Conversation, Any], None]] = {
    reporting.Report: _report,
    reporting.TakeReport: _take,
    reporting.CloseReport: _close,
    reporting.ReopenReport: _reopen,
    reporting.ReadReport: _read,
}
"""What is done with each request about reports."""
