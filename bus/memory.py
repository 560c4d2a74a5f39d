"""The bus within one process: nodes joined without sockets, under an event loop or a clock that is set by hand."""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bus.engine import Clock, Engine
from bus.interface import Bounds, Listener
from bus.keys import Identity
from bus.packets import Packet, decode, encode

Fate = Callable[[str, str], Iterable[float]]
"""What becomes of a packet or cast from one address to another: after how many seconds each copy of it arrives."""


def _at_once(source: str, target: str) -> Iterable[float]:
    return (0.0,)


class MemoryNetwork:
    """Joins the buses made by it. Without a clock they run on the event loop that starts them.

    `fate` decides for every packet and cast: ``()`` loses it, ``(0.2,)`` delays it, ``(0, 0)`` duplicates it.
    """

    def __init__(self, *, clock: Clock | None = None, fate: Fate = _at_once, as_bytes: bool = False) -> None:
        """With `as_bytes` packets travel as they would between machines."""
        self.clock = clock
        self.as_bytes = as_bytes
        self.fate = fate
        self.buses: dict[str, MemoryBus] = {}
        """The started ones that have an address, by it."""

    def bus(
        self, identity: Identity, *, address: str = "", peers: Sequence[str] = (), bounds: Bounds | None = None
    ) -> MemoryBus:
        """A bus on this network; without an address nobody can reach it, which is right for one node alone."""
        return MemoryBus(self, identity, address=address, peers=peers, bounds=bounds)

    def carry(self, source: str, target: str, act: Callable[[MemoryBus], object]) -> None:
        """Let `act` happen at the bus at `target`, if fate wills and it is still there then."""
        clock = self.buses[target].clock
        for delay in self.fate(source, target):
            if delay > 0:
                clock.call_later(delay, self._arrive, target, act)
            else:
                clock.call_soon(self._arrive, target, act)

    def _arrive(self, target: str, act: Callable[[MemoryBus], object]) -> None:
        bus = self.buses.get(target)
        if bus is not None:
            act(bus)


class MemoryBus(Engine):
    """One node on a `MemoryNetwork`."""

    def __init__(
        self,
        network: MemoryNetwork,
        identity: Identity,
        *,
        address: str,
        peers: Sequence[str],
        bounds: Bounds | None = None,
    ) -> None:
        super().__init__(identity, peers=peers, bounds=bounds)
        self._network = network
        self._address = address
        self._links: set[str] = set()
        self._hears: Counter[str] = Counter()  # two nodes may have been at one address, one after the other
        self._topics: set[str] = set()

    @property
    def address(self) -> str:
        """What peers on this network are given to find it."""
        return self._address

    @property
    def clock(self) -> Clock:
        """What it runs on, once started."""
        return self._clock

    async def start(self, listener: Listener) -> None:
        """Join the network."""
        self.open(listener)

    def open(self, listener: Listener, *, clock: Clock | None = None) -> None:
        """The same without a coroutine, for a network or a bus that has its own clock."""
        clock = clock or self._network.clock or asyncio.get_running_loop()
        self._begin(listener, clock, endpoints=(self._address,) if self._address else ())
        if self._address:
            self._network.buses[self._address] = self
            for other in self._network.buses.values():
                if self._address in other._links:
                    other._linked(self._address)

    async def stop(self) -> None:
        """Leave it."""
        self.close()

    def close(self) -> None:
        """The same without a coroutine."""
        if self._end():
            self.vanish()

    def vanish(self, *, told: bool = True) -> None:
        """Be gone without a word, as a process that was killed; unless `told`, as a machine that lost its power."""
        self._abandon()
        if self._network.buses.get(self._address) is self:
            del self._network.buses[self._address]
        if not told:
            return
        for other in self._network.buses.values():
            if self._address in other._links:
                other._lost(self._address)

    def wanted(self, topic: str) -> bool:
        """Whether any bus that listens to this one subscribes `topic`."""
        return any(topic in bus._topics for bus in self._listening())

    def subscribe(self, topic: str) -> None:
        """Ask for the casts of `topic`."""
        self._topics.add(topic)

    def unsubscribe(self, topic: str) -> None:
        """End that."""
        self._topics.discard(topic)

    def _listening(self) -> list[MemoryBus]:
        return [bus for bus in self._network.buses.values() if bus._hears[self._address] > 0]

    def _send(self, address: str | None, packet: Packet) -> None:
        if address is None:
            targets = [bus._address for bus in self._listening()]
        else:
            targets = [address] if address in self._network.buses else []
        if self._network.as_bytes:
            arrived = decode(encode(packet))
            assert arrived is not None, f"{packet} is no packet"
            packet = arrived
        for target in targets:
            self._network.carry(self._address, target, lambda bus: bus._received(packet))

    def _send_cast(self, topic: str, frames: list[bytes]) -> None:
        def arrive(bus: MemoryBus) -> None:
            if topic in bus._topics:
                bus._heard_cast(self.node, topic, frames)

        for bus in self._listening():
            if topic in bus._topics:
                self._network.carry(self._address, bus._address, arrive)

    def _link(self, address: str) -> None:
        self._links.add(address)
        if address in self._network.buses:
            self._linked(address)

    def _unlink(self, address: str) -> None:
        self._links.discard(address)

    def _listen(self, endpoints: tuple[str, ...]) -> None:
        self._hears.update(endpoints)

    def _ignore(self, endpoints: tuple[str, ...]) -> None:
        self._hears.subtract(endpoints)


@dataclasses.dataclass(slots=True)
class _Event:
    callback: Callable[..., object] | None
    args: tuple[Any, ...]

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that stands until it is advanced, and then does what is due in order."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Event]] = []

    def time(self) -> float:
        """Seconds since it was made, plus what it began with."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> _Event:
        """Call at the next `advance`, before time moves."""
        return self.call_later(0.0, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> _Event:
        """Call when that many seconds have been advanced."""
        event = _Event(callback, args)
        heapq.heappush(self._due, (self._now + delay, next(self._order), event))
        return event

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        until = self._now + seconds
        while self._due and self._due[0][0] <= until:
            self._now, _, event = heapq.heappop(self._due)
            if event.callback is not None:
                event.callback(*event.args)
        self._now = until
