"""Places in logs that somebody waits for, and who said that it does not hold them (cluster.md rule 8); pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bus.record import Origin

ASK_TICKS = 3
"""How often all are asked for what somebody waits for."""

ORIGINS_ASKED = 64
"""Logs that all are asked for at once; the others follow in turn, so that nobody's cursors flood the mesh."""


class Waits:
    """Whom this node asked for a log since somebody began to wait for it, and how far each answered to hold it."""

    def __init__(self) -> None:
        self._answers: dict[Origin, dict[Origin, tuple[int, int]]] = {}  # log, who: asked at which tick, held how far
        self._since: dict[Origin, dict[int, int]] = {}  # log, number: tick at which the wait began
        self._used: set[Origin] = set()

    def __bool__(self) -> bool:
        return bool(self._since)

    def need(self, origin: Origin, seq: int, *, tick: int) -> None:
        """Somebody waits for a place, and still does."""
        self._since.setdefault(origin, {}).setdefault(seq, tick)
        self._used.add(origin)

    def answer(self, origin: Origin, high: int, *, by: Origin, asked: int) -> None:
        """A life answered a question of tick `asked`: it holds a log up to `high`."""
        if origin in self._since:
            answers = self._answers.setdefault(origin, {})
            answers[by] = max(answers.get(by, (0, 0)), (asked, high))

    def is_given_up(self, origin: Origin, seq: int, *, present: Iterable[Origin]) -> bool:
        """Whether all who are not down were asked after the wait began and do not hold the place."""
        since = self._since.get(origin, {}).get(seq)
        if since is None:
            return False
        answers = self._answers.get(origin, {})
        for peer in present:
            asked, high = answers.get(peer, (-1, 0))
            if asked <= since or high >= seq:
                return False
        return True

    def ask(self, held: Mapping[Origin, int]) -> list[Origin]:
        """The logs to ask for now, by what is held; what nobody waits for any more is forgotten."""
        for origin in list(self._since):
            numbers = self._since[origin]
            for seq in [seq for seq in numbers if held.get(origin, 0) >= seq]:
                del numbers[seq]
            if not numbers or origin not in self._used:
                del self._since[origin]
                self._answers.pop(origin, None)
        self._used.clear()
        due = list(self._since)[:ORIGINS_ASKED]
        for origin in due if len(self._since) > ORIGINS_ASKED else ():
            self._since[origin] = self._since.pop(origin)  # to the end of the line
        return due
