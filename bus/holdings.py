"""How far each node holds each log, as far as this one knows, and how the copying goes by that; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bus.figures import Ledger
from bus.interface import Figures
from bus.log import Log
from bus.membership import Membership
from bus.record import NodeId, Origin, node_of


class Holdings:
    """Looks at the logs of one node at a time: who looks at many does so in many turns of the loop."""

    def __init__(
        self,
        origin: Origin,
        logs: Mapping[Origin, Log],
        membership: Membership,
        ledger: Ledger,
        *,
        is_past: Callable[[Origin], bool],
    ) -> None:
        """`is_past` says of which logs this node wants nothing any more."""
        self._origin = origin
        self._logs = logs
        self._membership = membership
        self._ledger = ledger
        self._is_past = is_past

    def of(self, node: NodeId) -> dict[Origin, int] | None:
        """How far a node holds each log, another one by what it sent; None for one that is not known or has left."""
        own = self._highs()
        if node == node_of(self._origin):
            return own
        seen = self._membership.nodes.get(node)
        if seen is None or seen.gone:
            return None
        held = dict(seen.held)
        if held != own:
            for origin in held.keys() - own.keys():
                if self._is_past(origin):
                    del held[origin]
            if own.get(seen.origin, 0) > held.get(seen.origin, 0):
                held[seen.origin] = own[seen.origin]
        return held

    def figures(self, node: NodeId, now: float) -> Figures | None:
        """How the copying to and from one of the others goes; None where it is not known."""
        seen = self._membership.nodes.get(node)
        if seen is None:
            return None
        highs, held, tally = self._highs(), seen.held, self._ledger.of(node)
        lag = behind = 0
        if held != highs:  # nearly always they are equal, and to see that costs little
            # What it wrote itself it holds, whoever that was heard from.
            lag = sum(
                high - there
                for origin, high in highs.items()
                if (there := held.get(origin, 0)) < high and origin != seen.origin
            )
            behind = sum(
                high - here
                for origin, high in held.items()
                if (here := highs.get(origin, 0)) < high and not self._is_past(origin)
            )
        own, confirmed = self._logs[self._origin].high, held.get(self._origin, 0)
        since = self._ledger.unconfirmed_since(confirmed)
        return Figures(
            lag=lag,
            behind=behind,
            queue=max(0, own - confirmed),
            unconfirmed=0.0 if since is None else max(0.0, now - since),
            repaired=tally.repaired,
            given=tally.given,
            refused=tally.refused,
        )

    def _highs(self) -> dict[Origin, int]:
        """How far this node holds each log of which it holds anything."""
        return {origin: log.high for origin, log in self._logs.items() if log.high}
