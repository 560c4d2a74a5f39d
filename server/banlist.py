"""The bans in force as a window shows them: what was made of each is kept until that changes."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from server.bans import InForce
from server.exclusion import CLOCK_MS
from server.rulings import BAN, Change, parts_of
from server.views import BanView

if TYPE_CHECKING:
    from server.node import Node

_Entry = tuple[int, str, BanView]
"""Its place among others, the newest first, and what is shown."""


class BanList:
    """What a window sees of bans. Of thousands only those cost much that have changed since it looked."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._recounted = -1
        self._offset = 0.0
        """Milliseconds between the clock on the wall and that of the node."""
        self._changed: set[str] = set()
        self._entries: list[_Entry] = []
        """In order."""
        self._places: dict[str, _Entry] = {}
        self._views: list[BanView] = []
        node.orders.follow(BAN, self._note)

    def views(self) -> list[BanView]:
        """The bans in force, the newest first: the same list until one of them changes, and not to be changed."""
        node = self._node
        recounted, offset = node.rulings.recounted, node.clock.wall_ms() - node.clock.now() * 1000
        if recounted != self._recounted or abs(offset - self._offset) >= CLOCK_MS:  # they end at other times now
            self._recounted, self._offset = recounted, offset
            self._places = {entry.id: self._entry(entry) for entry in node.exclusion.bans}
            self._entries = sorted(self._places.values())
        elif self._changed:
            for id in self._changed:
                self._follow(id)
        else:
            return self._views
        self._changed.clear()
        self._views = [view for _, _, view in self._entries]
        return self._views

    def _note(self, change: Change) -> None:
        self._changed.add("/".join(parts_of(change.key)[1:]))

    def _follow(self, id: str) -> None:
        """Put a ban in its place that has changed."""
        before, entry = self._places.pop(id, None), self._node.exclusion.bans.get(id)
        if before is not None:
            del self._entries[bisect.bisect_left(self._entries, before)]
        if entry is not None:
            self._places[id] = now = self._entry(entry)
            bisect.insort(self._entries, now)

    def _entry(self, entry: InForce) -> _Entry:
        ruling = entry.ruling
        view = BanView(
            ban=entry.id,
            user=entry.ban.user,
            ip=entry.ban.ip,
            room=entry.ban.room or None,
            by=ruling.by.name,
            reason=ruling.reason,
            at=ruling.at,
            until=self._node.exclusion.until(entry),
            act=ruling.act,
        )
        return -ruling.at, entry.id, view
