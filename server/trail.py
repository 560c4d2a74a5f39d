"""What `audit` answers: what came of each act on each person or thing, newest first (protocol.md section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from server.ledger import Item, Place, Wanted, cursor_text, read_cursor
from server.wire import moderation
from server.wire.moderation import AuditItem
from server.wire.native import Code, Refused

if TYPE_CHECKING:
    from server.node import Node

UNKNOWN = "unknown"
"""The outcome of what nobody has told of."""


async def audit_page(node: Node, request: moderation.Audit) -> moderation.Listed:
    """One page. Raises Refused: bad_request, unavailable."""
    place, told = _cursor(request.after)
    # One more than fits, to know whether there are more; and first, once more, the one that was told in part.
    before = None if place is None else (place[0], place[1], place[2] + 1)
    items = await node.audit.page(Wanted(), limit=request.limit + 2, before=before)
    found: list[tuple[Place, int, AuditItem]] = []
    for item in items:
        done = told if item.place == place else 0
        found += [(item.place, at + 1, entry) for at, entry in enumerate(entries_of(item)) if at >= done]
    page = found[: request.limit]
    return moderation.Listed(
        id=msgspec.UNSET if request.id is None else request.id,
        what="audit",
        items=[entry for _, _, entry in page],
        next=cursor_text((page[-1][0], page[-1][1])) if len(found) > len(page) else None,
    )


def entries_of(item: Item) -> list[AuditItem]:
    """An item as it is listed: once for each node that told what came of it, else once."""
    asked = item.asked
    results = item.results or [None]
    person = asked.person
    return [
        AuditItem(
            at=item.line.at,
            by=asked.by.name,
            by_user=asked.by.user,
            action=asked.action,
            target=asked.target,
            session=((person and person.session) or (result and result.session)) or None,
            user=(person and person.user) or None,
            name=(person and person.name) or None,
            room=asked.room,
            reason=asked.reason,
            until=asked.until,
            node=item.line.node if result is None else result.node,
            outcome=UNKNOWN if result is None else result.outcome,
            ms=None if result is None else result.ms,
            act=asked.act,
        )
        for result in results
    ]


def _cursor(after: str | None) -> tuple[Place | None, int]:
    if after is None:
        return None, 0
    try:
        return read_cursor(after)
    except ValueError:
        raise Refused(Code.BAD_REQUEST, "after must be the next of a page before", field="after") from None
