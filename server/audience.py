"""For whom a text is: one word for each room, session and user, and which of them a session listens to; pure."""

from __future__ import annotations

from bus.record import Kind, Record
from server import texts
from server.session import SessionRecord

EVERYBODY = ""


def audience_of(record: Record) -> str:
    """For whom a text, whisper or announcement is. Raises msgspec.MsgspecError for a payload that is none."""
    if record.kind is Kind.WHISPER:
        to = texts.unpack(record.payload).to
        if to is None or to.session is not None:
            return f"s/{'' if to is None else to.session}"
        return f"u/{to.user}"
    return f"r/{record.room}" if record.room else EVERYBODY


def audiences(record: SessionRecord) -> frozenset[str]:
    """For whom a session is fed."""
    return frozenset(
        (EVERYBODY, f"s/{record.session}", f"u/{record.user}", *(f"r/{seat.room}" for seat in record.seats))
    )


def room_of(audience: str) -> str | None:
    """The room that an audience is, or None."""
    return audience[2:] if audience.startswith("r/") else None
