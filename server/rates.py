"""Messages a second of the whole cluster over the last hour, with what happened to its nodes; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

import msgspec

from bus.record import NodeId
from server.views import NodeView, OutageView

SECONDS = 3600
"""How far back it goes."""

STALLED = 2.0
"""Seconds between two looks from which on what lies between them was not measured."""

MARKS = 200


class Mark(msgspec.Struct, frozen=True):
    """Something that happened to a node."""

    at: int
    """ms since 1970; of a lost node the time that is told everywhere else, too."""
    kind: Literal["lost", "back", "launched", "left"]
    node: NodeId
    name: str


class RatesView(msgspec.Struct, frozen=True):
    """A second for each place, oldest first. None is a second that was not measured."""

    at: int
    """The end of the last second, ms since 1970."""
    received: tuple[float | None, ...]
    """Messages taken from clients, by the nodes that are up."""
    sent: tuple[float | None, ...]
    """Deliveries written to clients, by the nodes that are up."""
    nodes: tuple[int | None, ...]
    """How many nodes were up: what others sent then is not known, and in no figure."""
    marks: tuple[Mark, ...]
    """Oldest first."""

    def time_of(self, place: int) -> int:
        """When the second at `place` ended, ms since 1970."""
        return self.at - (len(self.sent) - 1 - place) * 1000


class Rates:
    """Fed once a second with what the nodes say of themselves."""

    def __init__(self, *, started: int) -> None:
        """`started`: when this node did; nodes that began after it are shown to begin."""
        self._started = started
        self._points: deque[tuple[float, float, int] | None] = deque(maxlen=SECONDS)
        self._at = 0
        self._looked: float | None = None
        self._second = 0
        self._marks: list[Mark] = []
        self._lost: dict[NodeId, Mark] = {}
        """The marks of the outages that are told of now."""
        self._back: set[NodeId] = set()
        """Those of them that are over."""
        self._known: dict[NodeId, tuple[str, int]] = {}
        """Name and start of the nodes of the last look."""

    def look(self, nodes: Sequence[NodeView], outages: Sequence[OutageView], *, now: float, wall_ms: int) -> None:
        """Take the figures of this second; `now` in seconds of a clock that only rises."""
        up = [node for node in nodes if node.state == "up"]
        point = (sum(node.received_rate for node in up), sum(node.sent_rate for node in up), len(up))
        if self._looked is None:
            self._second = int(now)
            self._points.append(point)
        else:
            passed = int(now) - self._second
            # Looks are a little more than a second apart: a second that lies between two of them had this rate, too.
            between = point if now - self._looked < STALLED else None
            self._points.extend([between] * min(passed - 1, SECONDS))
            if passed:
                self._points.append(point)
            self._second += passed
        self._looked, self._at = now, wall_ms
        self._mark(nodes, outages, wall_ms)

    def view(self, seconds: int = SECONDS) -> RatesView:
        """The last `seconds` of it."""
        points = list(self._points)[-seconds:]
        begin = self._at - len(points) * 1000
        return RatesView(
            at=self._at,
            received=tuple(None if point is None else point[0] for point in points),
            sent=tuple(None if point is None else point[1] for point in points),
            nodes=tuple(None if point is None else point[2] for point in points),
            marks=tuple(mark for mark in self._marks if mark.at >= begin),
        )

    def _mark(self, nodes: Sequence[NodeView], outages: Sequence[OutageView], wall_ms: int) -> None:
        out = {outage.node for outage in outages}
        for outage in outages:
            if outage.state != "late":
                self._mark_outage(outage)
        for node in self._lost.keys() - out:
            del self._lost[node]
            self._back.discard(node)
        known = {node.node: (node.name, node.started) for node in nodes if not node.here}
        for node, (name, started) in known.items():
            if started > self._started and started != self._known.get(node, ("", 0))[1] and node not in out:
                self._marks.append(Mark(started, "launched", node, name))
        for node, (name, _) in self._known.items():
            if node not in known and node not in out:
                self._marks.append(Mark(wall_ms, "left", node, name))
        self._known = known
        self._marks = sorted(self._marks, key=lambda mark: mark.at)[-MARKS:]

    def _mark_outage(self, outage: OutageView) -> None:
        mark = Mark(outage.at, "lost", outage.node, outage.name)
        told = self._lost.get(outage.node)
        if told is None or (outage.until is None and outage.node in self._back):
            self._back.discard(outage.node)
        else:  # its time is known better when its process is seen to have ended
            self._marks = [one for one in self._marks if one is not told]
        self._lost[outage.node] = mark
        self._marks.append(mark)
        if outage.until is not None and outage.node not in self._back:
            self._back.add(outage.node)
            self._marks.append(Mark(outage.until, "back", outage.node, outage.name))
