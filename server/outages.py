"""Nodes that stopped answering: since when, what became of their sessions, and when they were back; pure."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Literal

from bus.interface import PeerState
from bus.record import NodeId, Origin
from server.session import SessionRecord
from server.views import OutageView

KEPT_MS = 3_600_000
"""For so long the last outage of each node is remembered, and its sessions are followed."""

BACK_MS = 8_000
"""How long it is told that a node is back."""

MOVED_MS = 10_000
"""A client may be at another node before this one knows that its own was lost, by so much at most."""

NOTICED_MS = 2_000
"""The end of a process is noticed after it, by so much at most: clients notice it at once."""

Known = Callable[[str], SessionRecord | None]
"""The record of a session wherever it is, also of one that reconnects; None where it has ended."""


@dataclasses.dataclass(slots=True)
class _Outage:
    """One node that does not answer, or does again."""

    name: str
    at: int
    state: PeerState
    cut: bool
    ended: bool
    missing: dict[str, int]
    """Of the sessions that it had those that were neither resumed since nor have ended, with their resumes before."""
    sessions: int
    places: Counter[str] = dataclasses.field(default_factory=Counter)
    """Name of the node to how many of them it resumed."""
    over: int = 0
    until: int | None = None

    @property
    def waits(self) -> bool:
        """Whether the node is still out."""
        return self.until is None


class Outages:
    """The one source of since when a node is lost. Times are ms since 1970."""

    def __init__(self) -> None:
        self._outages: dict[NodeId, _Outage] = {}
        """The last one of each node."""
        self._excused: set[NodeId] = set()
        self._met: dict[NodeId, Origin] = {}
        """Those that have been up, each with its life: who only arrives is not lost."""
        self._moved: deque[tuple[int, str, str, int]] = deque()
        """Sessions that were resumed of late: when, the name of the node they had been on, their resumes before."""

    def see(
        self,
        node: NodeId,
        *,
        life: Origin,
        name: str,
        state: PeerState,
        cut: bool,
        heard: int,
        present: Mapping[str, SessionRecord],
        now: int,
    ) -> None:
        """Take how a node stands now; `heard` is when it was last heard, `present` all sessions of the cluster."""
        outage = self._outages.get(node)
        if state is PeerState.UP:
            anew = self._met.get(node, life) != life
            if anew and node not in self._excused and (outage is None or not outage.waits):
                outage = self._begin(node, name=name, at=now, state=PeerState.DOWN, cut=True, present=present)
            self._met[node] = life
            self._excused.discard(node)
            if outage is not None and outage.waits:
                self._close(node, outage, now, anew=anew)
        elif node in self._excused or node not in self._met:
            pass
        elif outage is None or not outage.waits:
            self._begin(node, name=name, at=heard, state=state, cut=cut, present=present)
        else:
            outage.state, outage.cut = state, cut

    def end(self, node: NodeId, *, name: str, at: int, present: Mapping[str, SessionRecord]) -> None:
        """Its process is known to have ended at `at`, before the mesh can know; nothing if it said goodbye."""
        if node not in self._met or node in self._excused:
            return
        outage = self._outages.get(node)
        if outage is None or not outage.waits:
            outage = self._begin(node, name=name, at=at, state=PeerState.DOWN, cut=True, present=present)
        outage.at, outage.ended = at, True

    def excuse(self, node: NodeId) -> None:
        """Its end was wanted, or it is to be forgotten: no outage until it has been up again."""
        self._excused.add(node)
        self._outages.pop(node, None)

    def left(self, node: NodeId) -> None:
        """It said goodbye, or is known no more."""
        self._met.pop(node, None)
        self._excused.discard(node)
        self._outages.pop(node, None)

    def excused(self, node: NodeId) -> bool:
        """Whether nobody waits for it."""
        return node in self._excused

    def moved(self, name: str, record: SessionRecord, *, now: int) -> None:
        """A session that was on the node of this name was resumed: perhaps because that node is lost."""
        while self._moved and now - self._moved[0][0] > MOVED_MS:
            self._moved.popleft()
        self._moved.append((now, name, record.session, record.resumes - 1))

    def follow(self, known: Known, now: int) -> None:
        """Look what became of the sessions; called once a second."""
        for node, outage in list(self._outages.items()):
            if not outage.waits and now - outage.at > KEPT_MS:
                del self._outages[node]
            elif now - outage.at <= KEPT_MS:
                _look(outage, known)

    def views(self, now: int) -> list[OutageView]:
        """Those that are out, or back since a moment, the newest first."""
        found = [
            _view(node, outage)
            for node, outage in self._outages.items()
            if outage.until is None or now - outage.until <= BACK_MS
        ]
        return sorted(found, key=lambda view: (-view.at, view.name))

    def last(self, node: NodeId) -> OutageView | None:
        """The last outage of a node in the last hour."""
        outage = self._outages.get(node)
        return None if outage is None else _view(node, outage)

    def _begin(
        self, node: NodeId, *, name: str, at: int, state: PeerState, cut: bool, present: Mapping[str, SessionRecord]
    ) -> _Outage:
        had = {record.session: record.resumes for record in present.values() if record.node == node}
        since = at - NOTICED_MS
        had |= {session: resumes for when, was, session, resumes in self._moved if was == name and when >= since}
        outage = self._outages[node] = _Outage(name, at, state, cut, False, had, len(had))
        return outage

    def _close(self, node: NodeId, outage: _Outage, now: int, *, anew: bool) -> None:
        late = outage.state is PeerState.SUSPECT and not outage.ended and not anew
        if late and len(outage.missing) == outage.sessions:
            del self._outages[node]  # it was late, and nobody lost anything
        else:
            outage.until = now


def _look(outage: _Outage, known: Known) -> None:
    """Find who was resumed, and who has ended."""
    for session, resumes in list(outage.missing.items()):
        record = known(session)
        if record is None:
            outage.over += 1
        elif record.resumes > resumes:
            outage.places[record.node_name] += 1
        else:
            continue
        del outage.missing[session]


def _view(node: NodeId, outage: _Outage) -> OutageView:
    return OutageView(
        node=node,
        name=outage.name,
        state=_state(outage),
        at=outage.at,
        cut=outage.cut,
        ended=outage.ended,
        sessions=outage.sessions,
        resumed=outage.places.total(),
        over=outage.over,
        places=tuple(outage.places.most_common()),
        until=outage.until,
    )


def _state(outage: _Outage) -> Literal["late", "lost", "back"]:
    if outage.until is not None:
        return "back"
    return "lost" if outage.ended or outage.state is PeerState.DOWN else "late"
