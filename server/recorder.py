"""Rulings on their way into the store of a node, and out of it at the start."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from server.rulings import Change, Ruling
from server.store.rows import RulingRow
from server.unreadable import UNREADABLE

if TYPE_CHECKING:
    from server.node import Node
    from server.store.interface import Store

logger = logging.getLogger(__name__)


async def restore(node: Node, store: Store) -> None:
    """Have a node know what its store knows, and its store from now on what the node learns. Raises StoreError.

    To be called before the node meets others.
    """
    wall = node.clock.wall_ms()
    stored = []
    for row in await store.rulings():
        try:
            stored.append(_ruling_of(row, wall))
        except UNREADABLE as error:
            logger.error("what the store holds on %s is not readable and left out: %s", row.key, error)
    node.orders.restore(stored)
    node.orders.follow("", lambda change: store.save(_row_of(change, node)))


def _row_of(change: Change, node: Node) -> RulingRow:
    ruling = change.last
    left = node.rulings.left(ruling.key, node.clock.now())
    return RulingRow(
        key=ruling.key,
        number=ruling.number,
        origin=ruling.origin,
        at=ruling.at,
        ends=None if left is None else node.clock.wall_ms() + round(left * 1000),
        ruling=msgspec.json.encode(ruling).decode(),
    )


def _ruling_of(row: RulingRow, wall: int) -> Ruling:
    """What a row says, with what is left of its time. Raises one of `UNREADABLE`."""
    ruling = msgspec.json.decode(row.ruling, type=Ruling)
    if row.ends is None or ruling.seconds is None:
        return ruling
    left = min(max(0.0, (row.ends - wall) / 1000), ruling.seconds)
    return msgspec.structs.replace(ruling, seconds=left)
