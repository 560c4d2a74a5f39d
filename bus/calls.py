"""Questions to peers that are not answered yet; pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from bus.interface import BusError
from bus.record import NodeId

Done = Callable[[bytes | BusError], None]
"""Called once with the answer, or with why there is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Open:
    node: NodeId
    timeout: float
    until: float
    done: Done


class Calls:
    """The open calls of one node. Their timeouts are looked at on its tick, so that a call costs no timer."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, node: NodeId, *, timeout: float, now: float, done: Done) -> int:
        """Open a call; returns the number under which its answer will come."""
        self._last += 1
        self._open[self._last] = _Open(node, timeout, now + timeout, done)
        return self._last

    def answer(self, node: NodeId, number: int, result: bytes | BusError) -> None:
        """Close a call. An answer that comes late, twice or from another node than the one asked is nothing."""
        call = self._open.get(number)
        if call is not None and call.node == node:
            del self._open[number]
            call.done(result)

    def expire(self, now: float) -> None:
        """Close the calls whose time is over."""
        for number, call in [item for item in self._open.items() if item[1].until <= now]:
            del self._open[number]
            call.done(BusError(f"Node {call.node} did not answer within {call.timeout:g} s."))

    def drop(self, node: NodeId) -> None:
        """Close the calls to a node that is down."""
        for number, call in [item for item in self._open.items() if item[1].node == node]:
            del self._open[number]
            call.done(BusError(f"Node {node} is gone."))

    def close(self) -> None:
        """Close all, because this node stops."""
        while self._open:
            _, call = self._open.popitem()
            call.done(BusError(f"Node {call.node} was not waited for: this node stops."))
