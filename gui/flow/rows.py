"""Messages in words: what stands in each column, how loud it is, and what it says to those who listen; no Qt here."""

from __future__ import annotations

import enum
import functools

from gui import wording
from server.flow import SLOW_MS, FlowRow

FULL_MS = 250.0
"""What fills the bar of a latency."""


class Column(enum.IntEnum):
    """The columns of the table."""

    TIME = 0
    NODE = 1
    ROOM = 2
    FROM = 3
    TO = 4
    KIND = 5
    BYTES = 6
    LATENCY = 7
    BAR = 8


HEADS = ("Time", "Node", "Room", "From", "To", "Kind", "Bytes", "Latency", "")

ICONS = {
    "chat": "chat-circle",
    "whisper": "chat-circle-dots",
    "announcement": "megaphone",
    "voice": "microphone",
    "join": "sign-in",
    "leave": "sign-out",
    "kick": "sign-out",
    "mute": "microphone-slash",
    "unmute": "microphone",
    "unkick": "arrow-counter-clockwise",
    "move": "arrow-right",
    "ban": "x-circle",
    "deafen": "speaker-slash",
    "hello": "plugs-connected",
    "bye": "plugs",
    "peer": "share-network",
    "reveal": "eye",
}
OTHER = "pulse"
"""The icon of a kind that this console does not know."""

MODERATION = frozenset({"kick", "unkick", "mute", "unmute", "move", "ban", "reveal"})
LOUD = frozenset({"chat", "whisper", "announcement"}) | MODERATION
"""Kinds of which no row may be overlooked."""


def icon(kind: str) -> str:
    """The file of resources/icons for a kind."""
    return ICONS.get(kind, OTHER)


def is_slow(row: FlowRow) -> bool:
    """Whether its latency is an exception."""
    return row.latency is not None and row.latency >= SLOW_MS


def latency(value: float | None) -> str:
    """A latency; one that reads as nothing is said to be less than what reads."""
    return "<0.1\u00a0ms" if value is not None and value < 0.05 else wording.milliseconds(value)


@functools.lru_cache(maxsize=1024)
def second(since: int) -> str:
    """A time of day to the second; `since` in seconds since 1970."""
    return wording.clock(since * 1000, seconds=True)


def moment(at: int) -> str:
    """A time of day to the millisecond; `at` in ms since 1970."""
    return f"{second(at // 1000)}.{at % 1000:03d}"


@functools.lru_cache(maxsize=4096)
def name(text: str) -> str:
    """A name that cannot deceive; nothing where there is none."""
    return wording.name(text) if text else ""


def cell(row: FlowRow, column: int) -> str:
    """What stands in a column, as people read it."""
    match column:
        case Column.TIME:
            return moment(row.at)
        case Column.NODE:
            return name(row.node)
        case Column.ROOM:
            return name(row.room)
        case Column.FROM:
            return name(row.sender)
        case Column.TO:
            return name(row.to)
        case Column.KIND:
            return row.kind
        case Column.BYTES:
            return wording.count(row.size)
        case Column.LATENCY:
            return latency(row.latency)
    return ""


def value(row: FlowRow, column: int) -> str:
    """What stands in a column, as it came: for the clipboard and for filters."""
    match column:
        case Column.NODE:
            return row.node
        case Column.ROOM:
            return row.room
        case Column.FROM:
            return row.sender
        case Column.TO:
            return row.to
        case Column.BYTES:
            return str(row.size)
    return cell(row, column).replace("\u00a0", " ")


def describe(row: FlowRow) -> str:
    """A row in words, for those who listen."""
    parts: list[str] = [row.kind]
    if row.sender:
        parts.append(f"from {wording.within(row.sender)}")
    if row.to:
        parts.append("to the room" if row.to == "room" else f"to {wording.within(row.to)}")
    if row.room:
        parts.append(f"in {wording.within(row.room)}")
    if row.node:
        parts.append(f"node {wording.within(row.node)}")
    parts.append(f"{wording.count(row.size)} bytes")
    if row.latency is not None:
        parts.append(("slow, " if is_slow(row) else "") + latency(row.latency))
    parts.append(wording.clock(row.at, seconds=True))
    return ", ".join(parts)
