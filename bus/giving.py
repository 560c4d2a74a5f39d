"""Pieces of logs that peers asked for: given one by one, so that neither a peer nor the loop is flooded; pure."""

from __future__ import annotations

import dataclasses

from bus.packets import Ask
from bus.record import NodeId

TURN_PIECES = 4
"""Pieces given in one turn of the loop, so that it is held for a few milliseconds at most."""

RATE, BURST = 2_000_000.0, 512_000.0
"""Bytes a second for the repair of one peer. Who joins sets his own pace: he asks when he has worked a piece."""


@dataclasses.dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Giving:
    """What is owed, one piece for each peer and log."""

    def __init__(self) -> None:
        self._owed: dict[tuple[NodeId, str], Ask] = {}
        self._allowances: dict[NodeId, _Allowance] = {}
        self.restless = False
        """Something is owed that only waits for its turn."""

    def owe(self, node: NodeId, ask: Ask) -> None:
        """A peer asked; of one log only what it asked for last is owed."""
        self._owed[node, ask.origin] = ask

    def due(self, now: float) -> list[tuple[NodeId, Ask]]:
        """Whom to give what in this turn. Tell `given` what it cost."""
        self.restless = False
        if not self._owed:
            return []
        due: list[tuple[NodeId, Ask]] = []
        for key, ask in list(self._owed.items()):
            if ask.joining or self._allowance(key[0], now).left > 0:
                if len(due) == TURN_PIECES:
                    self.restless = True
                    break
                del self._owed[key]
                due.append((key[0], ask))
        return due

    def given(self, node: NodeId, size: int, now: float) -> None:
        """A piece of so many bytes went to a peer."""
        self._allowance(node, now).left -= size

    def forget(self, node: NodeId) -> None:
        """A peer is known no more."""
        self._allowances.pop(node, None)
        for key in [key for key in self._owed if key[0] == node]:
            del self._owed[key]

    def _allowance(self, node: NodeId, now: float) -> _Allowance:
        allowance = self._allowances.get(node)
        if allowance is None:
            allowance = self._allowances[node] = _Allowance(BURST, now)
        allowance.left = min(BURST, allowance.left + (now - allowance.at) * RATE)
        allowance.at = now
        return allowance
