"""What of the copying needs a person: a gap that does not close, a queue that grows; pure."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Generator, Mapping
from typing import Literal

from bus.interface import PeerState
from bus.record import NodeId, Origin

OPEN_SECONDS = 10.0
"""A gap that was open for longer needs a person, also while somebody who holds what it lacks does not answer."""

CALM_SECONDS = 3.0
"""So does one that has not moved for this long since all who hold what it lacks are up: they are asked three times a
second, and who falls silent counts as up for 2 s."""

GROWTH_SECONDS = 10.0
"""A queue grows when the least that it was in the second half of this is more than in the first,"""

GROWTH = 100
"""by this many records at least."""

ALARMS = 200
"""Alarms that there are at once; what else goes wrong then is no news."""

STEPS = 1000
"""Comparisons between which `Gaps.looking` gives way."""


@dataclasses.dataclass(frozen=True, slots=True)
class Alarm:
    """Something that does not get better by itself."""

    kind: Literal["gap", "queue"]
    node: NodeId
    """Who lacks records, or acknowledges too little."""
    origin: Origin
    """The log; of a queue it is the own one."""
    missing: int
    """Records that it lacks by now, or that wait for it."""
    since: float
    """When it began, by the clock that `Gaps.look` is given."""
    holders: tuple[NodeId, ...] = ()
    """Who holds what it lacks."""
    silent: tuple[NodeId, ...] = ()
    """Those of them that do not answer."""

    @property
    def key(self) -> tuple[str, NodeId, Origin]:
        """Its identity."""
        return self.kind, self.node, self.origin


@dataclasses.dataclass(slots=True)
class _Gap:
    """What one node lacks of one log: open until it holds all that was there when it opened."""

    target: int
    since: float
    held: int
    moved: float
    calm: float | None = None
    """Since when it and all who hold more are up."""
    raised: bool = False


@dataclasses.dataclass(slots=True)
class _Queue:
    """What one peer has not acknowledged, as it was in the last seconds."""

    lengths: collections.deque[tuple[float, int]]
    since: float = 0.0
    usual: int | None = None
    """How long it was when it began to grow; None while it does not."""


class Gaps:
    """Looks at what every node holds, once a second, and tells what does not get better.

    Nodes that do not answer are somebody else's news (server/outages.py): what they lack is counted, and no alarm.
    """

    def __init__(self, origin: Origin) -> None:
        """`origin` is the own log."""
        self._origin = origin
        self._gaps: dict[NodeId, dict[Origin, _Gap]] = {}
        self._oldest: dict[NodeId, float] = {}  # since when each node has its oldest gap
        self._queues: dict[NodeId, _Queue] = {}
        self._alarms: dict[tuple[str, NodeId, Origin], Alarm] = {}
        self._now = 0.0

    @property
    def alarms(self) -> list[Alarm]:
        """What needs a person now, in the order in which it began to."""
        return list(self._alarms.values())

    def age(self, node: NodeId) -> float:
        """For how many seconds the oldest gap of a node is open; 0 if it has none."""
        return self._now - self._oldest.get(node, self._now)

    def looking(
        self,
        holdings: Mapping[NodeId, Mapping[Origin, int]],
        states: Mapping[NodeId, PeerState],
        queues: Mapping[NodeId, int],
        now: float,
    ) -> Generator[int, None, tuple[list[Alarm], list[Alarm]]]:
        """Take what is known now; returns the alarms that are new, and those that are over.

        It gives way again and again, with the number of comparisons since it did so last; nothing may change
        meanwhile of what it was given, and what it says of `age` and `alarms` is what was before.

        Args:
            holdings: How far each node holds each log.
            states: How each of them stands, this one included.
            queues: What each peer has not acknowledged of the own log.
            now: In seconds.
        """
        found = yield from self._look_at_gaps(holdings, states, now)
        self._now = now
        found |= self._look_at_queues(queues, states, now)
        before, self._alarms = self._alarms, {key: found[key] for key in [*self._alarms, *found] if key in found}
        return (
            [alarm for key, alarm in self._alarms.items() if key not in before],
            [alarm for key, alarm in before.items() if key not in self._alarms],
        )

    # --- gaps -----------------------------------------------------------------------------------------------

    def _look_at_gaps(
        self, holdings: Mapping[NodeId, Mapping[Origin, int]], states: Mapping[NodeId, PeerState], now: float
    ) -> Generator[int, None, dict[tuple[str, NodeId, Origin], Alarm]]:
        there = {node: held for node, held in holdings.items() if states.get(node, PeerState.DOWN) != PeerState.DOWN}
        highest: dict[Origin, int] = {}
        doubtful: dict[Origin, int] = {}  # the same of those alone that are not up
        for node, held in there.items():
            yield from _raise(highest, held)
            if states[node] is not PeerState.UP:
                yield from _raise(doubtful, held)
        gaps: dict[NodeId, dict[Origin, _Gap]] = {}
        found: dict[tuple[str, NodeId, Origin], Alarm] = {}
        oldest: dict[NodeId, float] = {}
        room = ALARMS - len(self._alarms)
        for node, held in holdings.items():
            if held == highest:
                continue
            before, state, since = self._gaps.get(node, {}), states.get(node), now
            after = gaps[node] = {}
            for step, (origin, high) in enumerate(highest.items(), 1):
                if step % STEPS == 0:
                    yield STEPS
                mine = held.get(origin, 0)
                if mine >= high:
                    continue
                gap = after[origin] = _followed(before.get(origin), mine, high, now)
                if gap.since < since:
                    since = gap.since
                if not _is_alarming(gap, doubtful.get(origin, 0) > mine, state, now):
                    continue
                key = "gap", node, origin
                if key in self._alarms or room > 0:
                    room -= key not in self._alarms
                    holders = tuple(other for other, theirs in there.items() if theirs.get(origin, 0) > mine)
                    silent = tuple(other for other in holders if states[other] is not PeerState.UP)
                    found[key] = Alarm("gap", node, origin, high - mine, gap.since, holders, silent)
                    yield len(there)
            oldest[node] = since
            yield len(highest) % STEPS
        self._gaps, self._oldest = gaps, oldest
        return found

    # --- queues ---------------------------------------------------------------------------------------------

    def _look_at_queues(
        self, queues: Mapping[NodeId, int], states: Mapping[NodeId, PeerState], now: float
    ) -> dict[tuple[str, NodeId, Origin], Alarm]:
        before, self._queues = self._queues, {}
        found = {}
        for node, length in queues.items():
            if states.get(node) is not PeerState.UP:
                continue
            queue = self._queues[node] = before.get(node) or _Queue(collections.deque())
            queue.lengths.append((now, length))
            while _is_old(queue, now):
                queue.lengths.popleft()
            _judge(queue, length, now)
            if queue.usual is not None:
                alarm = Alarm("queue", node, self._origin, length, queue.since)
                found[alarm.key] = alarm
        return found


def _raise(highest: dict[Origin, int], held: Mapping[Origin, int]) -> Generator[int, None, None]:
    """Let `highest` be at least `held`."""
    if held == highest:  # as it is nearly always: then this costs little, however many logs there are
        return
    for step, (origin, high) in enumerate(held.items(), 1):
        if step % STEPS == 0:
            yield STEPS
        if high > highest.get(origin, 0):
            highest[origin] = high
    yield len(held) % STEPS


def _followed(gap: _Gap | None, held: int, high: int, now: float) -> _Gap:
    """The gap as it is now: the same one, or a new one where that has closed."""
    if gap is None or held >= gap.target:
        return _Gap(high, now, held, now)
    if held > gap.held:
        gap.held, gap.moved = held, now
    return gap


def _is_alarming(gap: _Gap, doubtful: bool, own: PeerState | None, now: float) -> bool:
    """Whether it needs a person; once it does, it does until it closes or the node itself does not answer.

    `doubtful` says that not all who hold what it lacks are up.
    """
    if own is not PeerState.UP:
        gap.calm, gap.raised = None, False
        return False
    if doubtful:
        gap.calm = None
    elif gap.calm is None:
        gap.calm = now
    still = now - max(gap.since, gap.moved)
    stuck = gap.calm is not None and now - gap.calm >= CALM_SECONDS
    gap.raised |= still >= CALM_SECONDS and (stuck or now - gap.since >= OPEN_SECONDS)
    return gap.raised


def _is_old(queue: _Queue, now: float) -> bool:
    """Whether the first length is of no use any more: the second is old enough too."""
    return len(queue.lengths) > 1 and now - queue.lengths[1][0] >= GROWTH_SECONDS


def _judge(queue: _Queue, length: int, now: float) -> None:
    """Whether it grows; once it does, until it is as short as it was."""
    if queue.usual is not None:
        if length <= queue.usual:
            queue.usual = None
        return
    began = queue.lengths[0][0]
    if now - began < GROWTH_SECONDS:
        return
    half = now - GROWTH_SECONDS / 2
    earlier = min(length for at, length in queue.lengths if at < half)
    later = min(length for at, length in queue.lengths if at >= half)
    if later >= earlier + GROWTH:
        queue.usual, queue.since = earlier, began
