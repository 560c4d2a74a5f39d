"""Who spoke when in the last ten minutes, in each room, and what follows from it; pure.

A **turn** is the time from when a member begins to speak until it ends, as the members of the room are told
(protocol.md section 6). A silence shorter than `PAUSE` is part of the turn, unless somebody else began in it. All
times are seconds of one clock that only rises; what is given out is relative to the `now` of the question.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping

import msgspec

KEPT = 600.0
"""Seconds of turns that are remembered."""

STRIP = 60.0
"""Seconds that a strip shows."""

PAUSE = 1.0
"""A silence below this does not end a turn: a breath, or frames that came late."""

TOGETHER = 1.0
"""Somebody talks over others when he begins while another speaks and both go on for so long."""

SLOT = 5.0
SLOTS = 60
"""The activity of a room is a figure for each `SLOT` seconds of the last five minutes."""

TURNS = 2048
"""Turns kept of a room, at most; those of the member who has been silent longest go first."""


class Stretch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A turn as far as a strip shows it."""

    began: float
    """Seconds ago, `STRIP` at most."""
    ended: float
    """Seconds ago; 0 while it goes on."""
    level: int
    """-dBov of its loudest moment that was looked at."""


class TalkView(msgspec.Struct, frozen=True, gc=False):
    """What a member has said in a room, in figures."""

    since: float | None = None
    """Seconds that it has been speaking; None while it does not."""
    spoken: float = 0.0
    """Seconds that it spoke in the last `KEPT` ones."""
    share: float | None = None
    """Its part of all that was spoken in the room in that time, 0 to 1; None where nobody spoke."""
    over: int = 0
    """How often in that time it began while another spoke, and both went on for `TOGETHER` seconds."""


class _Turn:
    __slots__ = ("_over", "_rivals", "began", "ended", "level")

    def __init__(self, began: float, level: int, rivals: tuple[_Turn, ...]) -> None:
        self.began = began
        self.ended: float | None = None
        self.level = level
        self._rivals = rivals
        self._over = False

    def seconds(self, since: float, now: float) -> float:
        """How much of it lies between `since` and `now`."""
        return max(0.0, (now if self.ended is None else self.ended) - max(self.began, since))

    def settled(self, now: float) -> bool:
        """Whether nothing that comes can change `is_over_others`."""
        return now - self.began >= TOGETHER + PAUSE

    def is_over_others(self, now: float) -> bool:
        """Whether one who spoke when it began went on beside it for long enough."""
        if self._rivals:
            until = now if self.ended is None else self.ended
            went_on = (until if rival.ended is None else min(until, rival.ended) for rival in self._rivals)
            self._over = any(end - self.began >= TOGETHER for end in went_on)
            if self._over or self.settled(now):  # turns that hold each other would all be kept
                self._rivals = ()
        return self._over


class _RoomTalk:
    """The turns and the activity of one room."""

    __slots__ = ("_at", "_count", "_fresh", "_open", "_slot", "_slots", "turns")

    def __init__(self, now: float) -> None:
        self.turns: OrderedDict[str, deque[_Turn]] = OrderedDict()
        """By session, who has been silent longest first."""
        self._open: dict[str, _Turn] = {}
        self._fresh: deque[_Turn] = deque()
        """Not settled when last looked at, in the order of beginning."""
        self._count = 0
        self._at = now
        self._slot = int(now // SLOT)
        self._slots: deque[float] = deque([0.0] * SLOTS, maxlen=SLOTS)

    def hear(self, levels: Mapping[str, int], now: float) -> None:
        self.advance(now)
        for session in [session for session in self._open if session not in levels]:
            self._open.pop(session).ended = now
        spoke = tuple(self._open.values())
        for session, level in levels.items():
            turn = self._open.get(session)
            if turn is None:
                self._begin(session, level, now, spoke)
            elif level < turn.level:
                turn.level = level
        while self._fresh and self._fresh[0].settled(now):
            self._fresh.popleft().is_over_others(now)
        self._forget(now)

    def note(self, figure: float, now: float) -> None:
        self.advance(now)
        self._slots[-1] += figure

    def activity(self, now: float) -> tuple[float, ...]:
        self.advance(now)
        return tuple(self._slots)

    def of(self, session: str, since: float) -> Iterator[_Turn]:
        """Its turns that had not ended at `since`, the last one first."""
        for turn in reversed(self.turns.get(session, ())):
            if turn.ended is not None and turn.ended <= since:
                return
            yield turn

    def everybody(self, now: float) -> float:
        """Seconds spoken by all in the last `KEPT` ones."""
        since = now - KEPT
        return sum(turn.seconds(since, now) for turns in self.turns.values() for turn in turns)

    def advance(self, now: float) -> None:
        """Spread what was spoken since the last call over the slots."""
        speakers, last = len(self._open), int(now // SLOT)
        if last - self._slot > SLOTS:  # the others are out of sight
            self._slots.extend([0.0] * SLOTS)
            self._slot, self._at = last - SLOTS, max(self._at, (last - SLOTS) * SLOT)
        while self._slot < last:
            end = (self._slot + 1) * SLOT
            self._slots[-1] += speakers * max(0.0, end - self._at)
            self._slots.append(0.0)
            self._slot += 1
            self._at = max(self._at, end)
        self._slots[-1] += speakers * max(0.0, now - self._at)
        self._at = max(self._at, now)

    def _begin(self, session: str, level: int, now: float, spoke: tuple[_Turn, ...]) -> None:
        turns = self.turns.setdefault(session, deque())
        self.turns.move_to_end(session)
        last = turns[-1] if turns else None
        if last is not None and last.ended is not None and self._goes_on(last, last.ended, now):
            last.ended, last.level = None, min(last.level, level)
        else:
            last = _Turn(now, level, spoke)
            turns.append(last)
            self._fresh.append(last)
            self._count += 1
        self._open[session] = last

    def _goes_on(self, turn: _Turn, ended: float, now: float) -> bool:
        if now - ended >= PAUSE:
            return False
        return not any(turns and ended <= turns[-1].began < now for turns in self.turns.values())

    def _forget(self, now: float) -> None:
        """Let go of what is too old or too much; whoever speaks is never forgotten."""
        while self.turns:
            session, turns = next(iter(self.turns.items()))
            gone = turns[-1].ended is not None and (now - turns[-1].ended > KEPT or self._count > TURNS)
            if not gone:
                break
            self._count -= len(turns)
            del self.turns[session]
        for session in self._open:
            turns = self.turns[session]
            while len(turns) > 1 and (now - (turns[0].ended or now) > KEPT or len(turns) > TURNS):
                turns.popleft()
                self._count -= 1


class Talks:
    """The turns of every open room."""

    def __init__(self) -> None:
        self._rooms: dict[str, _RoomTalk] = {}

    def hear(self, room: str, levels: Mapping[str, int], *, now: float) -> None:
        """Take who speaks in `room` now, with the -dBov of each; who is not in `levels` does not speak."""
        if levels or room in self._rooms:
            self._room(room, now).hear(levels, now)

    def text(self, room: str, *, now: float) -> None:
        """Somebody wrote in `room`."""
        self._room(room, now).note(1.0, now)

    def close(self, room: str) -> None:
        """`room` is closed: it begins anew when it opens again."""
        self._rooms.pop(room, None)

    def strip(self, room: str, session: str, *, now: float) -> tuple[Stretch, ...]:
        """The turns of a member in the last `STRIP` seconds, the last one first."""
        found = self._rooms.get(room)
        if found is None:
            return ()
        return tuple(
            Stretch(min(STRIP, now - turn.began), 0.0 if turn.ended is None else now - turn.ended, turn.level)
            for turn in found.of(session, now - STRIP)
        )

    def talk(self, room: str, session: str, *, now: float) -> TalkView:
        """What a member has said in the last `KEPT` seconds, in figures."""
        found = self._rooms.get(room)
        if found is None:
            return TalkView()
        turns = list(found.of(session, now - KEPT))
        spoken = sum(turn.seconds(now - KEPT, now) for turn in turns)
        total = found.everybody(now)
        return TalkView(
            since=now - turns[0].began if turns and turns[0].ended is None else None,
            spoken=spoken,
            share=spoken / total if total else None,
            over=sum(turn.is_over_others(now) for turn in turns),
        )

    def activity(self, room: str, *, now: float) -> tuple[float, ...]:
        """How lively a room was, the last five minutes in `SLOTS` figures, the newest last and still growing.

        A figure is the seconds spoken in its `SLOT`, those of several added up, and one for each text.
        """
        found = self._rooms.get(room)
        return found.activity(now) if found is not None else (0.0,) * SLOTS

    def _room(self, room: str, now: float) -> _RoomTalk:
        found = self._rooms.get(room)
        if found is None:
            found = self._rooms[room] = _RoomTalk(now)
        return found
