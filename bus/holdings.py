"""How far each node holds each log, as far as this one knows, and how the copying goes by that; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bus.figures import Ledger
from bus.interface import Figures
from bus.log import Log
from bus.membership import Membership, Sighting
from bus.packets import node_of
from bus.record import NodeId, Origin


class Holdings:
    """A look at all logs of all nodes."""

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

    def figures(self, now: float) -> dict[NodeId, Figures]:
        """How the copying to and from each of the others goes."""
        highs = self._highs()
        return {seen.node: self._figures_of(seen, highs, now) for seen in self._membership.nodes.values()}

    def of_all(self) -> dict[NodeId, dict[Origin, int]]:
        """How far this node holds each log, and those that did not say goodbye by what they sent."""
        own = self._highs()
        held = {node_of(self._origin): own}
        for seen in self._membership.nodes.values():
            if not seen.gone:
                held[seen.node] = its = dict(seen.held)
                if its != own:
                    for origin in its.keys() - own.keys():
                        if self._is_past(origin):
                            del its[origin]
                    if own.get(seen.origin, 0) > its.get(seen.origin, 0):
                        its[seen.origin] = own[seen.origin]
        return held

    def _figures_of(self, seen: Sighting, highs: Mapping[Origin, int], now: float) -> Figures:
        held, tally = seen.held, self._ledger.of(seen.node)
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
