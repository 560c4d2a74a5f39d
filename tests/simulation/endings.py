"""Sessions that were ended in a schedule: by whom it is known, and that they end for everybody and stay ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bus.record import Place
from server.session import FOR_GOOD, SessionRecord

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World


class Endings:
    """What nodes know of sessions that have ended. Each end counts up to a hello of its client: who was put out has
    ended whatever comes, who left has done so unless a later hello was heard elsewhere."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._places: dict[str, dict[float, set[Place]]] = {}
        """Session, up to which hello, the records that say so."""
        self._known: dict[Node, dict[str, float]] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._places

    def note(self, node: Node, session: SessionRecord, place: Place | None = None) -> None:
        """A node has ended a session, or learnt from a record at `place` that it has ended."""
        name, upto = session.session, math.inf if session.parted in FOR_GOOD else session.n
        if session.parted == "lost":
            upto = 0  # its node may live after all
        known = self._known.setdefault(node, {})
        if upto > known.get(name, 0):
            known[name] = upto
            self._world.note(node.name, f"knows that {name} is over ({session.parted}) up to its hello {upto}")
        places = self._places.setdefault(name, {}).setdefault(upto, set())
        if place is None:
            self._world.faults[session.parted] += 1
        else:
            places.add(place)

    def served(self, node: Node, session: str, n: int) -> None:
        """A node serves a session by its hello `n`."""
        if n <= self._upto(node, session):
            self._world.bad("I12 a session that has ended is served", node.name, session)

    def told(self, session: str) -> None:
        """A client was told that its session has ended."""
        if session not in self and session not in self._world.decisions.banned:
            self._world.bad("I12 a session is over that nobody has ended", session)

    def is_past(self, session: str) -> bool:
        """Whether the end of a session has left a log anywhere: what it has said is not remembered there."""
        logs = [node.replica.logs for node in self._world.running()]
        places = [place for places in self._places.get(session, {}).values() for place in places]
        return any(origin not in each or each[origin].floor >= seq for each in logs for origin, seq in places)

    def judge(self) -> None:
        """What has ended has done so at every node, unless a later hello goes on or a node cannot know it now."""
        running = self._world.running()
        for session, ends in self._places.items():
            upto = max((self._upto(node, session) for node in running), default=0.0)
            for node in running:
                known, logs = node.presence.known(session), node.replica.logs
                held = any(origin in logs and logs[origin].floor < seq for origin, seq in ends.get(upto, ()))
                if known is not None and known.n <= upto and (held or self._upto(node, session) >= upto):
                    self._world.bad("I12 a session that has ended goes on", node.name, session)

    def _upto(self, node: Node, session: str) -> float:
        return self._known.get(node, {}).get(session, 0.0)
