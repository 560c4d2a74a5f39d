"""What a node counts of each peer: what it gave and took, refused packets, what is not acknowledged; pure."""

from __future__ import annotations

import bisect
import collections
import dataclasses

from bus.record import NodeId

MARKS = 20_000
"""Turns in which something was appended whose times are kept; an older one counts as the oldest of these."""


@dataclasses.dataclass(slots=True)
class Tally:
    """What is counted of one peer."""

    repaired: int = 0
    """Records that closed a gap here and came from it."""
    given: int = 0
    """Records given to it because it asked."""
    refused: int = 0
    """Packets of it that contradicted themselves."""


class Ledger:
    """The tallies of all peers, and when the own records were appended."""

    def __init__(self) -> None:
        self._tallies: dict[NodeId, Tally] = {}
        self._seqs: collections.deque[int] = collections.deque(maxlen=MARKS)
        self._times: collections.deque[float] = collections.deque(maxlen=MARKS)

    def of(self, node: NodeId) -> Tally:
        """The tally of a peer."""
        tally = self._tallies.get(node)
        if tally is None:
            tally = self._tallies[node] = Tally()
        return tally

    def forget(self, node: NodeId) -> None:
        """A peer is known no more."""
        self._tallies.pop(node, None)

    def appended(self, upto: int, now: float) -> None:
        """A turn has appended to the own log, which ends at `upto` now."""
        self._seqs.append(upto)
        self._times.append(now)

    def confirmed(self, upto: int) -> None:
        """Every peer that did not say goodbye holds the own log up to here, as far as is known."""
        while self._seqs and self._seqs[0] <= upto:
            self._seqs.popleft()
            self._times.popleft()

    def unconfirmed_since(self, held: int) -> float | None:
        """When the first own record was appended that lies beyond `held`; None if there is none."""
        at = bisect.bisect_right(self._seqs, held)
        return self._times[at] if at < len(self._times) else None
