"""A room's texts from a place on, as this node holds them: what a reader would be fed anew from there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bus.record import Kind, Origin, Record, node_of
from server import texts
from server.audience import EVERYBODY
from server.unreadable import UNREADABLE
from server.views import ReplayedView, ReplayView

if TYPE_CHECKING:
    from server.node import Node

TEXTS = 2_000
"""Texts of one answer, at most."""

SLICE = 256
"""Lines of the list that are looked at in one turn of the loop."""


async def replay(node: Node, room: str, origin: Origin, seq: int) -> ReplayView:
    """Read the list from the place `origin`:`seq` on; from its start where that place has left it."""
    timeline, audiences = node.feeds.timeline, (f"r/{room}", EVERYBODY)
    place = timeline.find(origin, seq)
    at = timeline.start if place is None else place
    found: list[ReplayedView] = []
    more = False
    while not more:
        lines = timeline.lines(at, limit=SLICE)
        if not lines:
            break
        at = lines[-1][0] + 1
        for _, record, audience in lines:
            if audience in audiences:
                if len(found) == TEXTS:
                    more = True
                    break
                found += _read(node, record)
        await asyncio.sleep(0)
    floors = timeline.floors(audiences)
    named = sorted((node.cards.name_of(node_of(log)), floor) for log, floor in floors.items())
    return ReplayView(room, node.name, tuple(found), more, place is not None, tuple(named))


def _read(node: Node, record: Record) -> list[ReplayedView]:
    """One text; nothing for one that this version cannot read."""
    try:
        text = texts.unpack(record.payload)
    except UNREADABLE:
        return []
    return [
        ReplayedView(
            origin=record.origin,
            seq=record.seq,
            node=node.cards.name_of(node_of(record.origin)),
            kind="announcement" if record.kind is Kind.ANNOUNCEMENT else "message",
            at=text.at,
            session=record.session,
            user=text.user,
            name=text.name,
            text=text.text,
            everywhere=not record.room,
        )
    ]
