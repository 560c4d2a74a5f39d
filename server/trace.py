"""The way of one message through the cluster, on one clock; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec

from bus.record import NodeId
from server.flow import Passed

MEASURED = 8
"""Measurements of a clock of which the best one counts."""


class Hop(msgspec.Struct, frozen=True):
    """One place on the way."""

    place: str
    """Name of a person or node, or ``room``."""
    label: str
    """What happened there."""
    at_ms: float | None
    """ms since its node took the message; None where that is not known."""
    took_ms: float | None
    """ms since the place before it on its way; None where that is not known."""
    error_ms: float = 0.0
    """How wrong `at_ms` may be, because clocks were compared over the mesh."""


class Trace(msgspec.Struct, frozen=True):
    """The way of one message."""

    hops: tuple[Hop, ...]
    total_ms: float | None
    """From its client to the sockets of the last node that is known to have written it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Offset:
    """How far ahead of this node's clock another one is, in seconds, and how wrong that may be."""

    seconds: float
    error: float


class Offsets:
    """How far the clocks of other nodes are ahead, by the calls that they answered.

    The answer was given some time between question and receipt: the middle is the guess, half of it the error.
    """

    def __init__(self) -> None:
        self._measured: dict[NodeId, list[Offset]] = {}

    def note(self, node: NodeId, asked: float, answered: float, theirs: float) -> None:
        """A node said that its clock shows `theirs`, somewhere between two times of this one."""
        measured = self._measured.setdefault(node, [])
        measured.append(Offset(theirs - (asked + answered) / 2, (answered - asked) / 2))
        del measured[:-MEASURED]

    def of(self, node: NodeId) -> Offset | None:
        """The surest of the last measurements."""
        return min(self._measured.get(node, ()), key=lambda offset: offset.error, default=None)


@dataclasses.dataclass(frozen=True, slots=True)
class Sighted:
    """What a node said of a message, with what is known of its clock."""

    passed: Passed
    offset: Offset


def trace(home: NodeId, sender: str, round_trip: float | None, sighted: Sequence[Sighted]) -> Trace:
    """The way of a message that node `home` took from `sender`, whose `round_trip` is in ms."""
    at_home = next((one for one in sighted if one.passed.node == home), None)
    began = None if at_home is None or at_home.passed.taken is None else at_home.passed.taken
    name = at_home.passed.name if at_home else home
    half = None if round_trip is None else round(round_trip / 2, 2)
    hops = [
        Hop(sender, "client", None if half is None or began is None else -half, None),
        Hop(name, "half of its round trip", 0.0 if began is not None else None, half),
    ]
    if at_home is None or began is None:
        return Trace(tuple(hops), None)
    taken = began - at_home.offset.seconds
    reached: list[tuple[Sighted, float]] = []
    if at_home.passed.shown is not None:
        copies, held = at_home.passed.copies, round((at_home.passed.shown - began) * 1000, 2)
        if copies:
            hops.append(Hop(name, f"held by {copies} nodes" if copies > 1 else "held by this node", held, held))
    for one in sighted:
        if one.passed.node != home and one.passed.shown is not None:
            reached.append((one, (one.passed.shown - one.offset.seconds - taken) * 1000))
    for one, at in sorted(reached, key=lambda pair: pair[1]):
        error = round((one.offset.error + at_home.offset.error) * 1000, 2)
        hops.append(Hop(one.passed.name, "shown", round(at, 2), round(at, 2), error))
    written = [_written(one, taken, at_home) for one in sighted if one.passed.written is not None]
    if written:
        hops.append(max(written, key=lambda hop: hop.at_ms or 0.0))
    last = max((hop.at_ms for hop in hops if hop.at_ms is not None), default=None)
    return Trace(tuple(hops), None if last is None else round(last + (half or 0.0), 2))


def _written(one: Sighted, taken: float, home: Sighted) -> Hop:
    passed = one.passed
    assert passed.written is not None, "only what was written is a hop"
    at = round((passed.written - one.offset.seconds - taken) * 1000, 2)
    since = passed.shown if passed.shown is not None else passed.taken
    took = None if since is None else round((passed.written - since) * 1000, 2)
    people = "1 person" if passed.receivers == 1 else f"{passed.receivers} people"
    error = 0.0 if one is home else round((one.offset.error + home.offset.error) * 1000, 2)
    return Hop("room", f"written to {people} at {passed.name}", at, took, error)
