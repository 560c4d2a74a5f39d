"""The network and the clocks of a schedule: what is lost, late, doubled, cut; who stands still; whose clock jumps."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable
from typing import Any

from bus.memory import MemoryNetwork, VirtualClock


@dataclasses.dataclass(slots=True)
class Event:
    """Something to come on a node's clock."""

    callback: Callable[..., object] | None
    args: tuple[Any, ...]

    def cancel(self) -> None:
        self.callback = None


class NodeClock:
    """A node's own clock and loop: nothing happens on it while the node stands still, and its time may jump."""

    def __init__(self, world: VirtualClock) -> None:
        self._world = world
        self.ahead = 0.0
        self.still_until = 0.0
        self._held: list[Event] = []

    @property
    def stands(self) -> bool:
        """Whether the process is stopped."""
        return self._world.time() < self.still_until

    def time(self) -> float:
        return self._world.time() + self.ahead

    now = time

    def wall_ms(self) -> int:
        return round(self.time() * 1000)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Event:
        return self.call_later(0.0, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Event:
        event = Event(callback, args)
        self._world.call_later(delay, self._run, event)
        return event

    def stand(self, seconds: float) -> None:
        """Let nothing happen for so long."""
        self.still_until = self._world.time() + seconds
        self._world.call_later(seconds + 1e-6, self._go_on)

    def _go_on(self) -> None:
        held, self._held = self._held, []
        for event in held:
            self._run(event)

    def _run(self, event: Event) -> None:
        if event.callback is None:
            return
        if self.stands:
            self._held.append(event)
        else:
            event.callback(*event.args)


class Network:
    """Decides over every packet, by one seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.clock = VirtualClock()
        self.memory = MemoryNetwork(clock=self.clock, fate=self._fate, as_bytes=rng.random() < 0.2)
        self.cuts: set[tuple[str, str]] = set()
        """From an address to another: nothing passes."""
        self.slow: dict[str, float] = {}
        """To and from these addresses everything takes up to so much longer."""
        self.loss = rng.choice((0.0, 0.0, 0.05, 0.3))
        self.doubled = rng.choice((0.0, 0.1))
        self.late = rng.choice((0.02, 0.1))
        self.carried = 0

    def _fate(self, source: str, target: str) -> Iterable[float]:
        rng = self._rng
        self.carried += 1
        if (source, target) in self.cuts or rng.random() < self.loss:
            return ()
        copies = 2 if self.doubled and rng.random() < self.doubled else 1
        slow = max(self.slow.get(source, 0.0), self.slow.get(target, 0.0)) if self.slow else 0.0
        return [self._delay() + (rng.random() * slow if slow else 0.0) for _ in range(copies)]

    def _delay(self) -> float:
        rng = self._rng
        return rng.uniform(0.05, 0.5) if rng.random() < self.late else rng.uniform(0.001, 0.02)
