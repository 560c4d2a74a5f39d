"""Pages of the audit, newest first: what `audit` answers (protocol.md section 7), and acts as a window shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from server.chain import Result
from server.ledger import Item, Place, Wanted, cursor_text, read_cursor
from server.views import ActView, AuditPage, ResultView
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
    results: list[Result | None] = [*item.results] or [None]
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
            detail=asked.detail,
            until=asked.until,
            node=item.line.node if result is None else result.node,
            outcome=UNKNOWN if result is None else result.outcome,
            ms=None if result is None else result.ms,
            act=asked.act,
        )
        for result in results
    ]


async def act_page(node: Node, wanted: Wanted, *, limit: int, before: Place | None = None) -> AuditPage:
    """Acts that are wanted, each whole, behind `before`. Raises Refused unavailable."""
    items: list[Item] = []
    while True:
        more = await node.audit.page(wanted, limit=limit, before=items[-1].place if items else before)
        items += more
        acts = list(dict.fromkeys(item.asked.act for item in items))
        if len(more) < limit:
            return AuditPage(_acts(items), None)
        if len(acts) > 1:  # of the last one more may follow
            whole = [item for item in items if item.asked.act != acts[-1]]
            return AuditPage(_acts(whole), whole[-1].place)


async def entries(node: Node, wanted: Wanted, *, page: int = 500) -> AsyncIterator[AuditItem]:
    """All that is wanted, as `audit` lists it. Raises Refused unavailable."""
    before: Place | None = None
    while True:
        items = await node.audit.page(wanted, limit=page, before=before)
        for item in items:
            for entry in entries_of(item):
                yield entry
        if len(items) < page:
            return
        before = items[-1].place


def _acts(items: Sequence[Item]) -> tuple[ActView, ...]:
    by_act: dict[str, list[Item]] = {}
    for item in items:
        by_act.setdefault(item.asked.act, []).append(item)
    return tuple(map(_act_view, by_act.values()))


def _act_view(items: Sequence[Item]) -> ActView:
    first = items[0]
    asked = first.asked
    return ActView(
        act=asked.act,
        at=first.line.at,
        by=asked.by.name,
        by_user=asked.by.user,
        action=asked.action,
        target=asked.target,
        people=tuple((one.session, one.user, one.name) for item in reversed(items) if (one := item.asked.person)),
        room=asked.room,
        reason=asked.reason,
        detail=asked.detail,
        until=asked.until,
        node=first.line.node,
        results=tuple(
            ResultView(result.node, result.outcome, result.ms, result.session)
            for item in reversed(items)
            for result in item.results
        ),
    )


def _cursor(after: str | None) -> tuple[Place | None, int]:
    if after is None:
        return None, 0
    try:
        return read_cursor(after)
    except ValueError:
        raise Refused(Code.BAD_REQUEST, "after must be the next of a page before", field="after") from None
