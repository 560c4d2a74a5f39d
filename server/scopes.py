"""The rooms that a moderator is limited to: names, and patterns in which ``*`` stands for anything; pure."""

from __future__ import annotations

import json

from server.wire import names

Scope = tuple[str, ...] | None
"""Names and patterns of rooms; None: every room, and what is of none."""

MOST = 64
"""Names and patterns of one token."""
MOST_CHARS = 4096
"""What they take in a token, written in JSON as ASCII."""


def read_scope(claim: object) -> Scope:
    """The scope that a token's ``rooms`` gives. Raises ValueError with a sentence, FieldError."""
    if claim is None:
        return None
    if not isinstance(claim, list) or not all(isinstance(room, str) for room in claim):
        raise ValueError("rooms must be a list of names and patterns")
    if len(claim) > MOST or len(json.dumps(claim)) > MOST_CHARS:
        raise ValueError("these are too many rooms for a token: name fewer, or patterns such as team-*")
    return tuple(dict.fromkeys(names.room_pattern(room, field="rooms") for room in claim))


def covers(scope: Scope, room: str | None) -> bool:
    """Whether who has this scope may act in `room`; None is the whole cluster, which no list of rooms covers."""
    if scope is None:
        return True
    return room is not None and any(_fits(pattern, room) for pattern in scope)


def _fits(pattern: str, room: str) -> bool:
    """Whether a room has this name or fits this pattern; each part is looked for once, from the left."""
    first, *rest = pattern.split("*")
    if not rest:
        return room == pattern
    *between, last = rest
    if len(room) < len(first) + len(last) or not (room.startswith(first) and room.endswith(last)):
        return False
    place, end = len(first), len(room) - len(last)
    for part in between:
        place = room.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
