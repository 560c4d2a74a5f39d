"""What a report brings along: the last minute of its room, what is known of a session, what was done to a user."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from bus.record import Kind, Origin, Record
from server import texts
from server.inbox import LINES_BYTES, Earlier, Evidence, Facts, Line, Party, Report, shorten, size_of
from server.ledger import Wanted
from server.rulings import VALUE_BYTES
from server.session import Actor, SessionRecord
from server.unreadable import UNREADABLE
from server.wire import native
from server.wire.native import Address, Code, Refused

if TYPE_CHECKING:
    from server.node import Node

MINUTE = 60.0
"""A report brings along what was said in its room for so many seconds before."""

EARLIER = 20
"""Earlier acts on the user that it brings along, at most."""

REASON_CHARS = 100
"""Of the reason of each; the audit has all of it."""

SPARE_BYTES = 1024
"""What is left of a ruling for what is counted roughly."""

_said: msgspec.json.Decoder[native.Said] = msgspec.json.Decoder(native.Said)


async def gather(node: Node, report: Report, record: SessionRecord | None, said: Line | None) -> Evidence:
    """What is known now: `record` is of the session that is reported, `said` what it said, if they are known."""
    earlier, facts = await _earlier(node, report.target.user), _facts(node, report, record)
    minute = shown(node, report.room, since=node.clock.now() - MINUTE)
    first = () if said is None or (said.origin, said.seq) != report.message or said in minute else (said,)
    room = VALUE_BYTES - SPARE_BYTES - size_of(report) - size_of(Evidence(first, False, facts, earlier))
    lines, shortened = shorten(minute, min(LINES_BYTES, room))
    return Evidence((*first, *lines), shortened, facts, earlier)


def shown(node: Node, room: str, since: float = -math.inf) -> list[Line]:
    """What was shown in a room since then by the node's count, as far as it is held."""
    said = (_said.decode(message) for message in node.messenger.history.since(room, since))
    return [
        Line(each.origin, each.seq, each.at, Party(*msgspec.structs.astuple(each.sender)), each.text) for each in said
    ]


def line_at(node: Node, by: Actor, room: str, place: tuple[Origin, int]) -> Line | None:
    """A message of the room, or a whisper to who reports; None where it is no longer held. Raises Refused."""
    record = node.bus.find(*place)
    if record is None:
        return None
    try:
        text = texts.unpack(record.payload)
    except UNREADABLE:
        return None
    if not _may_show(by, room, record, text):
        raise Refused(Code.NOT_FOUND, f"that is no message in {room}", field="seq")
    party, whisper = Party(record.session, text.user, text.name), record.kind is Kind.WHISPER
    return Line(*place, text.at, party, text.text, whisper)


def is_of(party: Party, to: Address) -> bool:
    """Whether this is who is named."""
    return party.session == to.session or party.user == to.user


def _may_show(by: Actor, room: str, record: Record, text: texts.Text) -> bool:
    """Whether who reports has seen this: in the room, or as a whisper to them."""
    match record.kind:
        case Kind.TEXT:
            return record.room == room
        case Kind.ANNOUNCEMENT:
            return record.room in (room, "")
        case Kind.WHISPER:
            return text.to is not None and is_of(Party(by.session, by.user, ""), text.to)
    return False


def _facts(node: Node, report: Report, record: SessionRecord | None) -> Facts | None:
    if record is None:
        return None
    room, seat = node.rooms.get(report.room), record.seat(report.room)
    return Facts(
        role=record.role.value,
        node=record.node_name,
        ip=record.ip,
        client=record.client,
        connected=record.connected,
        joined=None if seat is None else seat.joined,
        muted=record.muted(report.room),
        speaking=room is not None and record.session in room.talkers,
        away=record.session not in node.presence.present or node.presence.is_reconnecting(record.session),
        sessions=len(node.presence.of_user(record.user)),
        refused=node.refusals.of(record.session, node.clock.now()),
    )


async def _earlier(node: Node, user: str) -> tuple[Earlier, ...]:
    """What was done to a user before, as far as that can be read now."""
    try:
        items = await node.audit.page(Wanted(user=user), limit=EARLIER)
    except Refused:
        return ()
    return tuple(
        Earlier(item.line.at, item.asked.action, item.asked.by.name, item.asked.room, _brief(item.asked.reason))
        for item in items
    )


def _brief(text: str) -> str:
    return text if len(text) <= REASON_CHARS else f"{text[: REASON_CHARS - 1]}…"
