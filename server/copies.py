"""How a node watches the copying of the logs: looks once a second, tells the consoles, logs what needs a person."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING

from bus.interface import PeerState
from bus.record import NodeId, Origin, node_of
from server.copying import TOPIC, Copying, Part, lacking, view
from server.gaps import Alarm, Gaps
from server.views import AlarmView, CopyView, LogView, WantView

if TYPE_CHECKING:
    from server.node import Node

TICK_STEPS = 3000
"""Logs of a node that are looked at in one tick, some two milliseconds' worth."""

LINE_STEPS = 200
"""As many of these a line of the log is worth."""

logger = logging.getLogger(__name__)


class Copies:
    """What a node knows of how far every node holds every log."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._copying = Copying(node.bus.node)
        self.gaps = Gaps(node.bus.origin)
        self._lacks: dict[NodeId, list[tuple[Origin, int, int]]] = {}
        self._views: list[CopyView] | None = None
        self._looking: Generator[int, None, None] | None = None

    @property
    def parts(self) -> Mapping[NodeId, Part]:
        """How the copying to and from each peer goes, as it was measured last."""
        return self._copying.parts

    def look(self, now: float) -> None:
        """Begin to measure, unless that is under way; called once a second. `tick` does it."""
        if self._looking is None:
            self._looking = self._measure(now)

    def tick(self) -> None:
        """Go on with it; called ten times a second. However much there is to see, the loop is held for little."""
        steps = 0
        while self._looking is not None and steps < TICK_STEPS:
            done = next(self._looking, None)
            if done is None:
                self._looking = None
            else:
                steps += done

    def _measure(self, now: float) -> Generator[int, None, None]:
        """Look at one peer after the other, and tell of it; gives way with the number of steps that it took."""
        node, bus = self._node, self._node.bus
        peers, here = bus.peers(), bus.holdings(node.node_id) or {}
        holdings, figures = {node.node_id: here}, {}
        lacks: dict[NodeId, list[tuple[Origin, int, int]]] = {}
        for peer in peers:
            held, found = bus.holdings(peer.node), bus.figures(peer.node)
            if held is None or found is None:
                continue
            holdings[peer.node], figures[peer.node] = held, found
            if found.lag:
                lacks[peer.node] = lacking(here, held)
            yield max(len(here), len(held))
        self._copying.measure(peers, figures, now)
        self._lacks, self._views = lacks, None
        if bus.wanted(TOPIC):
            bus.cast(TOPIC, self._copying.tell(self._rooms()))
        states = {peer.node: peer.state for peer in peers if not peer.left} | {node.node_id: PeerState.UP}
        self._copying.forget(states)
        queues = {other: figures[other].queue for other in states if other in figures}
        new, over = yield from self.gaps.looking(holdings, states, queues, now)
        for alarm in new:
            logger.warning("%s", self._words(alarm))
            yield LINE_STEPS
        for alarm in over:
            logger.info("no more: %s", self._words(alarm))
            yield LINE_STEPS

    def listen(self) -> Callable[[], None]:
        """Have the other nodes tell how they see it. Returns what ends that."""
        node = self._node
        return node.hear(TOPIC, lambda told: self._copying.merge(told, node.clock.now()))

    def views(self) -> list[CopyView]:
        """How this node sees the copying to and from each peer, by name, as it was measured last."""
        if self._views is not None:
            return self._views
        found, name_of = [], self._node.cards.name_of
        for node, part in self._copying.parts.items():
            logs = tuple(
                LogView(origin, name_of(node_of(origin)), high, held)
                for origin, high, held in self._lacks.get(node, ())
            )
            found.append(view(part, name_of(node), logs, self.gaps.age(node)))
        self._views = sorted(found, key=lambda each: (each.name.casefold(), each.node))
        return self._views

    def said(self, node: NodeId) -> list[CopyView] | None:
        """The same as another node has said of late, or None."""
        parts = self._copying.said(node, self._node.clock.now())
        if parts is None:
            return None
        found = [view(part, self._node.cards.name_of(peer)) for peer, part in parts.items()]
        return sorted(found, key=lambda each: (each.name.casefold(), each.node))

    def wants(self, node: NodeId) -> WantView | None:
        """Of which rooms a node wants the voice; None where that is not known."""
        if node == self._node.node_id:
            return WantView(tuple(sorted(self._rooms())), 0)
        return self._copying.wants(node, self._node.clock.now())

    def alarms(self) -> list[AlarmView]:
        """What needs a person now, in the order in which it began to."""
        node, name_of = self._node, self._node.cards.name_of
        now, wall = node.clock.now(), node.clock.wall_ms()
        return [
            AlarmView(
                kind=alarm.kind,
                node=alarm.node,
                name=name_of(alarm.node),
                here=alarm.node == node.node_id,
                origin=alarm.origin,
                log=name_of(node_of(alarm.origin)),
                missing=alarm.missing,
                since=wall - round((now - alarm.since) * 1000),
                holders=tuple(map(name_of, alarm.holders)),
                silent=tuple(map(name_of, alarm.silent)),
            )
            for alarm in self.gaps.alarms
        ]

    def _rooms(self) -> list[str]:
        return [room.name for room in self._node.rooms.values() if room.listeners]

    def _words(self, alarm: Alarm) -> str:
        name = self._node.cards.name_of(alarm.node)
        if alarm.kind == "queue":
            return f"{alarm.missing} records of this node wait for node {name}, and ever more"
        return f"node {name} lacks {alarm.missing} records of log {alarm.origin}, and the gap does not close"
