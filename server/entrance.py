"""Who may be connected to a node: how many in all and from one address, how often, and how long unheard; pure."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from server.limits import Bucket
from server.views import TurnedAwayView

V = TypeVar("V", bound=Hashable)

ADDRESSES = 20_000
"""Addresses without a connection of which it is known how often they came."""

TURNED_AWAY = 100
"""Addresses of which it is shown that they were turned away; the one that was so longest ago goes first."""

HANDSHAKES_AT_ONCE = 5
"""Seconds' worth of handshakes that one address may make at once."""


class Refusal(enum.Enum):
    """Why a connection is not taken, or not kept; the value is what metrics call it."""

    FULL = "full"
    """As many are connected as may be."""
    ADDRESS = "address"
    """As many of this address are."""
    RATE = "rate"
    """This address comes too often."""
    UNHEARD = "unheard"
    """Too many have not said what they want; this one has not for longest."""
    DESCRIPTORS = "descriptors"
    """The system gives this process no more sockets."""


@dataclasses.dataclass(slots=True)
class _Neighbour:
    """An address, and what is known of it."""

    bucket: Bucket
    open: int = 0


@dataclasses.dataclass(slots=True)
class TurnedAway:
    """An address whose connections were refused."""

    reason: Refusal
    """Of the last one."""
    count: int
    first: float
    last: float


class Entrance(Generic[V]):
    """Counts visitors, each a connection from when it is accepted until it has ended. Times only rise.

    Addresses are as `server.addresses.network_of` gives them; ``""`` is one without limits of its own.
    """

    def __init__(self, *, most: int, address_most: int, address_rate: float) -> None:
        """`most` in all, of one address `address_most`, and new ones `address_rate` a second; 0 is no limit."""
        self.most = most
        self._address_most = address_most
        self._address_rate = address_rate
        self._near: dict[str, _Neighbour] = {}
        self._from: dict[V, str] = {}
        self._unheard: dict[V, None] = {}
        """Those who have not made their handshake, the first to come first."""
        self.refused: Counter[Refusal] = Counter()
        """Since the start."""
        self.turned_away: dict[str, TurnedAway] = {}
        """The last addresses that were, the newest last."""
        self._told: Counter[Refusal] = Counter()

    def __len__(self) -> int:
        return len(self._from)

    @property
    def unheard(self) -> int:
        """How many have not made their handshake."""
        return len(self._unheard)

    @property
    def addresses(self) -> int:
        """Of how many addresses something is known."""
        return len(self._near)

    def refuses(self, address: str, now: float) -> Refusal | None:
        """Why somebody who comes now from `address` is turned away, which is counted; or None."""
        reason = self._why(address, now)
        if reason is not None:
            self.turn_away(address, reason, now)
        return reason

    def _why(self, address: str, now: float) -> Refusal | None:
        if self.most and len(self._from) >= self.most:
            return Refusal.FULL
        if not address:
            return None
        near = self._meet(address, now)
        if self._address_most and near.open >= self._address_most:
            return Refusal.ADDRESS
        if self._address_rate and not near.bucket.take(now):
            return Refusal.RATE
        return None

    def turn_away(self, address: str, reason: Refusal, now: float) -> None:
        """Count somebody who was turned away."""
        self.refused[reason] += 1
        known = self.turned_away.pop(address, None) or TurnedAway(reason, 0, now, now)
        known.reason, known.count, known.last = reason, known.count + 1, now
        self.turned_away[address] = known
        if len(self.turned_away) > TURNED_AWAY:
            del self.turned_away[next(iter(self.turned_away))]

    def enter(self, visitor: V, address: str, now: float) -> V | None:
        """Count a visitor; returns who must go for it, because it has been silent for longest, or None."""
        self._from[visitor] = address
        self._unheard[visitor] = None
        if address:
            self._meet(address, now).open += 1
        if self.most and len(self._unheard) > self.most // 2:
            first = next(iter(self._unheard))
            self.turn_away(self._from[first], Refusal.UNHEARD, now)
            self.leave(first)
            return first
        return None

    def is_heard(self, visitor: V) -> None:
        """A visitor has made its handshake."""
        self._unheard.pop(visitor, None)

    def comes_from(self, visitor: V, address: str, now: float) -> Refusal | None:
        """A visitor came through a proxy that says from where; returns why it is turned away, or None."""
        before = self._from.get(visitor)
        if before is None or before == address:
            return None
        self.leave(visitor)
        reason = self.refuses(address, now)
        self._from[visitor] = "" if reason else address
        if address and not reason:
            self._meet(address, now).open += 1
        return reason

    def leave(self, visitor: V) -> None:
        """A visitor is gone. Safe to call twice."""
        self._unheard.pop(visitor, None)
        address = self._from.pop(visitor, "")
        if address:
            self._near[address].open -= 1

    def forget(self, now: float) -> None:
        """Drop the addresses that have no visitor and did not come of late."""
        for address in [a for a, near in self._near.items() if not near.open and near.bucket.is_full(now)]:
            del self._near[address]

    def news(self) -> str:
        """One sentence about those turned away since it was last asked, or nothing."""
        if self.refused == self._told:
            return ""
        fresh, self._told = self.refused - self._told, self.refused.copy()
        reasons = ", ".join(f"{count} {reason.value}" for reason, count in fresh.most_common())
        address = next(reversed(self.turned_away))
        last = f", the last from {address}" if address else ""
        return f"{fresh.total()} connections were turned away{last} ({reasons}); {len(self)} are open"

    def _meet(self, address: str, now: float) -> _Neighbour:
        near = self._near.get(address)
        if near is None:
            if len(self._near) >= ADDRESSES + len(self._from):
                self._forget_one()
            bucket = Bucket(self._address_rate, self._address_rate * HANDSHAKES_AT_ONCE, now=now)
            near = self._near[address] = _Neighbour(bucket)
        return near

    def _forget_one(self) -> None:
        """Forget the address that has been known for longest and has no visitor; there are more than visitors."""
        del self._near[next(address for address, near in self._near.items() if not near.open)]


def views(turned_away: Mapping[str, TurnedAway], *, now: float, wall_ms: int) -> tuple[TurnedAwayView, ...]:
    """The addresses as a window sees them, the newest first; `now` and `wall_ms` are the same instant."""

    def ms(at: float) -> int:
        return wall_ms - int((now - at) * 1000)

    return tuple(
        TurnedAwayView(address, each.reason.value, each.count, ms(each.first), ms(each.last))
        for address, each in reversed(list(turned_away.items()))
    )
