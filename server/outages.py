"""Nodes that stopped answering: since when, what became of their sessions, and when they were back; pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from bus.interface import PeerState
from bus.record import NodeId
from server.session import SessionRecord
from server.views import OutageView

FOLLOW_MS = 300_000
"""For so long the sessions of a lost node are looked for elsewhere; who comes later is a visitor like others."""

BACK_MS = 8_000
"""How long it is told that a node is back."""


@dataclasses.dataclass(slots=True)
class _Outage:
    """One node that does not answer, or does again since a moment."""

    name: str
    at: int
    state: PeerState
    cut: bool
    ended: bool
    lost: dict[str, str]
    """Session to user, of those that were on it."""
    others: frozenset[str]
    """The sessions that these users had elsewhere at that time."""
    returned: set[str] = dataclasses.field(default_factory=set)
    """Of the lost, those that are present again under their id."""
    begun: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    """User to the sessions that began elsewhere since."""
    until: int | None = None

    def back(self) -> int:
        """How many of the lost are back, by themselves or by another session of the same person."""
        missing = Counter(user for session, user in self.lost.items() if session not in self.returned)
        return len(self.returned) + sum(min(count, len(self.begun.get(user, ()))) for user, count in missing.items())


class Outages:
    """The one source of since when a node is lost. Times are ms since 1970."""

    def __init__(self) -> None:
        self._open: dict[NodeId, _Outage] = {}
        self._excused: set[NodeId] = set()
        self._met: set[NodeId] = set()
        """Those that have been up: who only arrives is not lost."""

    def see(
        self,
        node: NodeId,
        *,
        name: str,
        state: PeerState,
        cut: bool,
        heard: int,
        present: Mapping[str, SessionRecord],
        now: int,
    ) -> None:
        """Take how a node stands now; `heard` is when it was last heard, `present` all sessions of the cluster."""
        outage = self._open.get(node)
        if state is PeerState.UP:
            self._met.add(node)
            self._excused.discard(node)
            if outage is not None and outage.until is None:
                self._close(node, outage, present, now)
        elif node in self._excused or node not in self._met:
            pass
        elif outage is None or outage.until is not None:
            self._begin(node, name=name, at=heard, state=state, cut=cut, present=present)
        else:
            outage.state, outage.cut = state, cut

    def end(self, node: NodeId, *, name: str, at: int, present: Mapping[str, SessionRecord]) -> None:
        """Its process is known to have ended at `at`, before the mesh can know; nothing if it said goodbye."""
        if node not in self._met or node in self._excused:
            return
        outage = self._open.get(node)
        if outage is None or outage.until is not None:
            outage = self._begin(node, name=name, at=at, state=PeerState.DOWN, cut=True, present=present)
        outage.at, outage.ended = at, True

    def excuse(self, node: NodeId) -> None:
        """Its end was wanted, or it is to be forgotten: no outage until it has been up again."""
        self._excused.add(node)
        self._open.pop(node, None)

    def left(self, node: NodeId) -> None:
        """It said goodbye, or is known no more."""
        self._met.discard(node)
        self._excused.discard(node)
        self._open.pop(node, None)

    def excused(self, node: NodeId) -> bool:
        """Whether nobody waits for it."""
        return node in self._excused

    def follow(self, present: Mapping[str, SessionRecord], now: int) -> None:
        """Look which of the lost are back; called once a second."""
        for node, outage in list(self._open.items()):
            if outage.until is not None and now - outage.until > BACK_MS:
                del self._open[node]
            elif now - outage.at <= FOLLOW_MS:
                _look(node, outage, present, home=outage.until is not None)

    def views(self) -> list[OutageView]:
        """All of them, the newest first."""
        found = [
            OutageView(
                node=node,
                name=outage.name,
                state=_state(outage),
                at=outage.at,
                cut=outage.cut,
                ended=outage.ended,
                sessions=len(outage.lost),
                back=outage.back(),
                until=outage.until,
            )
            for node, outage in self._open.items()
        ]
        return sorted(found, key=lambda view: (-view.at, view.name))

    def _begin(
        self, node: NodeId, *, name: str, at: int, state: PeerState, cut: bool, present: Mapping[str, SessionRecord]
    ) -> _Outage:
        lost = {record.session: record.user for record in present.values() if record.node == node}
        users = set(lost.values())
        others = frozenset(r.session for r in present.values() if r.node != node and r.user in users)
        outage = self._open[node] = _Outage(name, at, state, cut, False, lost, others)
        return outage

    def _close(self, node: NodeId, outage: _Outage, present: Mapping[str, SessionRecord], now: int) -> None:
        _look(node, outage, present, home=True)
        if outage.state is PeerState.SUSPECT and not outage.ended and outage.back() == len(outage.lost):
            del self._open[node]  # it was late, and nobody lost anything
        else:
            outage.until = now


def _look(node: NodeId, outage: _Outage, present: Mapping[str, SessionRecord], *, home: bool) -> None:
    """Find who is back; `home` says whether the node itself is, else what is present there is only not yet gone."""
    missing = {user for session, user in outage.lost.items() if session not in outage.returned}
    if not missing:
        return
    for record in present.values():
        if record.user not in missing or not (home or record.node != node):
            continue
        if record.session in outage.lost:
            outage.returned.add(record.session)
        elif record.session not in outage.others:
            outage.begun.setdefault(record.user, set()).add(record.session)


def _state(outage: _Outage) -> Literal["late", "lost", "back"]:
    if outage.until is not None:
        return "back"
    return "lost" if outage.ended or outage.state is PeerState.DOWN else "late"
