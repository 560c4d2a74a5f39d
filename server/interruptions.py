"""Sentences that the end of a node broke off, and how long until their speakers were heard again; pure.

A node tells the others ten times a second who speaks there (server/speech.py). A turn is broken off when that word
stays out in the middle of it, or when its speaker goes on at another node. It counts once its node is known to be
lost, and only then: a client that roams is no interruption, nor is a node that was late with its word.

The time is from the last word of the lost node to the first frame at the node where the speaker resumed, as that node
sees it; the others hear of that frame within a tenth of a second. So for somebody who speaks without a pause it is at
most 0.2 s longer than what listeners missed, and for somebody who drew breath at most 0.3 s shorter.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from bus.interface import Peer, PeerState
from bus.record import NodeId, Origin
from server.presence import Presence
from server.rooms import Room
from server.speech import Turn
from server.views import AgainView

HOUR = 3600.0

JUDGED_SECONDS = 10.0
"""Within so long a node that broke off a turn is known to be lost, or was not lost."""

MOST = 10_000
"""Turns that are waited for, and as many that are remembered."""

BUCKETS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
"""Upper edges of the histogram, in seconds."""

Voice = tuple[NodeId, int, float]
"""Somebody who speaks: on which node, how often its session has resumed, and since when."""


@dataclasses.dataclass(slots=True)
class _Broken:
    """One speaker whose turn was broken off."""

    node: NodeId
    life: Origin | None
    """That of the node; None where that is not known."""
    resumes: int
    at: float
    """The last word of its node."""
    rooms: set[str]
    lost: bool = False
    again: float | None = None
    there: NodeId = ""
    """Where it was heard again."""
    over: bool = False
    """Its session has ended."""


class Interruptions:
    """What one node knows of them. Times are seconds of one clock that only rises."""

    def __init__(self, here: NodeId) -> None:
        self._here = here
        self._lives: dict[NodeId, Origin] = {}
        self._broken: dict[str, _Broken] = {}
        """By session, of those not heard again or not judged."""
        self._past: deque[_Broken] = deque(maxlen=MOST)
        """Those that are settled, of the last hour."""
        self.buckets = [0] * (len(BUCKETS) + 1)
        """Speakers heard again at this node since it started, by `BUCKETS`; the last one is of those beyond."""
        self.seconds = 0.0
        """How long these took together."""

    def broke(self, session: str, room: str, *, node: NodeId, resumes: int, at: float) -> None:
        """A turn on another node broke off, after the last word of that node at `at`."""
        known = self._broken.get(session)
        if known is not None and (known.node, known.resumes) == (node, resumes):
            known.at = max(known.at, at)
            known.rooms.add(room)
        elif node != self._here and (known is not None or len(self._broken) < MOST):
            if known is not None and known.lost:
                self._past.append(known)
            self._broken[session] = _Broken(node, self._lives.get(node), resumes, at, {room})

    def see(self, peer: Peer) -> None:
        """Take how a node stands: what one that does not answer, or lives anew, broke off counts.

        What a loss breaks off is to be told before it is.
        """
        self._lives[peer.node] = peer.origin
        for session, broken in list(self._broken.items()):
            if broken.node != peer.node:
                continue
            if broken.life == peer.origin and peer.left:
                if not broken.lost:
                    del self._broken[session]  # it went as it was meant to
            elif broken.life != peer.origin or peer.cut or peer.state is not PeerState.UP:
                broken.lost = True
                self._settle(session, broken)
            elif broken.again is None:
                broken.lost = False  # it was only late

    def over(self, session: str) -> None:
        """A session has ended: it is not heard again."""
        broken = self._broken.get(session)
        if broken is not None:
            broken.over = True
            self._settle(session, broken)

    def look(self, voice_of: Callable[[str, str], Voice | None], now: float) -> None:
        """See who is heard again; `voice_of` gives who speaks, by session and room. Called ten times a second."""
        for session, broken in list(self._broken.items()):
            if broken.again is None:
                self._listen(session, broken, voice_of)
            if now - broken.at > (HOUR if broken.lost else JUDGED_SECONDS):
                self._broken.pop(session, None)
        while self._past and now - self._past[0].at > HOUR:
            self._past.popleft()

    def follow(self, turns: Iterable[Turn], rooms: Mapping[str, Room], presence: Presence, now: float) -> None:
        """Take what was settled of the speakers, and `look`."""
        for turn in turns:
            for session, talker in turn.broken.items():
                record = presence.known(session)
                if record is not None:
                    self.broke(session, turn.room.name, node=talker.node, resumes=record.resumes, at=talker.heard)

        def voice_of(session: str, name: str) -> Voice | None:
            room, record = rooms.get(name), presence.present.get(session)
            talker = None if room is None else room.talkers.get(session)
            if talker is None or record is None or talker.node != record.node:
                return None
            return talker.node, record.resumes, talker.began

        for session in [session for session in self._broken if presence.known(session) is None]:
            self.over(session)
        self.look(voice_of, now)

    def view(self, now: float, *, node: NodeId | None = None, since: float = -math.inf) -> AgainView:
        """The last hour in figures; with `node` only what it broke off, and with `since` only from then on."""
        since = max(since, now - HOUR)
        found = [
            broken
            for broken in (*self._past, *self._broken.values())
            if broken.lost and broken.at >= since and node in (None, broken.node)
        ]
        times = sorted(broken.again - broken.at for broken in found if broken.again is not None)
        return AgainView(
            spoke=len(found),
            heard=len(times),
            p50=percentile(times, 0.5),
            p95=percentile(times, 0.95),
        )

    def _listen(self, session: str, broken: _Broken, voice_of: Callable[[str, str], Voice | None]) -> None:
        for room in broken.rooms:
            voice = voice_of(session, room)
            if voice is None:
                continue
            there, resumes, began = voice
            if (there, resumes) != (broken.node, broken.resumes):
                broken.again, broken.there = max(began, broken.at), there
                self._settle(session, broken)
            elif not broken.lost and began > broken.at:
                del self._broken[session]  # its node was only late with its word
            return

    def _settle(self, session: str, broken: _Broken) -> None:
        """Count one of whom all is known."""
        if broken.over and not broken.lost and broken.again is None:
            del self._broken[session]  # it left
        elif broken.lost and (broken.again is not None or broken.over):
            del self._broken[session]
            self._past.append(broken)
            if broken.again is not None and broken.there == self._here:
                seconds = broken.again - broken.at
                self.buckets[bisect_left(BUCKETS, seconds)] += 1
                self.seconds += seconds


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which or at which this share of the values lies (nearest rank); None where there are none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def totals(buckets: Iterable[int]) -> list[tuple[str, float]]:
    """The buckets as Prometheus counts them: each with all below it."""
    found, total = [], 0
    for edge, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
        total += count
        found.append((edge, float(total)))
    return found
