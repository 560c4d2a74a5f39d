"""Logs that others hold further than this node: whom it asks for the rest, and when; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from bus.interface import PeerState
from bus.log import Log
from bus.membership import Membership, Sighting
from bus.packets import ORIGINS
from bus.record import Origin

ASK_AFTER, ASK_AGAIN = 0.05, 0.3
"""Seconds that a log may be behind before it is asked for, and that an answer may take before another is asked."""


@dataclasses.dataclass(slots=True)
class _Want:
    since: float
    asked: float | None = None
    times: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Ask the peer at an address for a log beyond what is held of it."""

    address: str
    origin: Origin
    after: int


class Repair:
    """The logs that are behind. Any holder is asked: first who is up, of these the node whose log it is."""

    def __init__(self, logs: Mapping[Origin, Log], membership: Membership) -> None:
        self._logs = logs
        self._membership = membership
        self._wants: dict[Origin, _Want] = {}

    def __bool__(self) -> bool:
        return bool(self._wants)

    def __contains__(self, origin: Origin) -> bool:
        return origin in self._wants

    @property
    def is_full(self) -> bool:
        """Whether so many logs are wanted that no further one may be."""
        return len(self._wants) >= ORIGINS

    def want(self, origin: Origin, now: float) -> None:
        """A log is behind since `now`, if it was not before."""
        if origin not in self._wants:
            self._wants[origin] = _Want(now)

    def forget(self, origin: Origin) -> None:
        """A log is known no more."""
        self._wants.pop(origin, None)

    def progress(self, origin: Origin, now: float) -> Question | None:
        """A piece has come; the next one is asked for when this one is worked: the pace is this node's own."""
        want = self._wants.pop(origin, None)
        if not self._holders(origin):
            return None
        self._wants[origin] = _Want(now if want is None else want.since)
        return self.ask(origin, now)

    def ask(self, origin: Origin, now: float) -> Question | None:
        """Ask the next holder, or give up where nobody holds more."""
        holders = self._holders(origin)
        if not holders:
            del self._wants[origin]
            return None
        want = self._wants[origin]
        holder = holders[want.times % len(holders)]
        want.asked = now
        want.times += 1
        return Question(holder.address, origin, self._high(origin))

    def due(self, now: float) -> Iterator[Question]:
        """What to ask now."""
        for origin, want in list(self._wants.items()):
            if now >= (want.since + ASK_AFTER if want.asked is None else want.asked + ASK_AGAIN):
                question = self.ask(origin, now)
                if question is not None:
                    yield question

    def _high(self, origin: Origin) -> int:
        log = self._logs.get(origin)
        return 0 if log is None else log.high

    def _holders(self, origin: Origin) -> list[Sighting]:
        high = self._high(origin)
        holders = [seen for seen in self._membership.present() if seen.held.get(origin, 0) > high]
        holders.sort(key=lambda seen: (self._is_doubtful(seen), seen.origin != origin, seen.node))
        return holders

    def _is_doubtful(self, seen: Sighting) -> bool:
        """Whether a question to this peer, or its answer, may be lost."""
        return self._membership.state(seen) is not PeerState.UP
