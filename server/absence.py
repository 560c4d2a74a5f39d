"""Since when sessions have no connection, and what is due for them (protocol.md section 8); pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

OVERDUE_SECONDS = 30.0
"""For so much longer a node waits for another one to do what is due; then it does so itself."""


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """Sessions whose time is over, the longest absent first."""

    lost: list[str]
    """Their members are to be told that they are gone."""
    over: list[str]
    """They have ended."""
    overdue: frozenset[str] = frozenset()
    """Those of both whose time has been over for long, and who was to act has not."""


Word = tuple[int, int | None]
"""How often a session was resumed, and the number of its record where its node says that it is here, else None."""


class Absence:
    """Counts for each session by the ticks of one node, so that a node that stood still declares nobody lost."""

    def __init__(self, *, lost: float, over: float) -> None:
        """`lost` and `over`: after so many seconds a session is given up, and has ended."""
        self._lost = lost
        self._over = over
        self._since: dict[str, tuple[int, int | None, float]] = {}

    def __len__(self) -> int:
        return len(self._since)

    def look(
        self, reconnecting: Iterable[str], given_up: Iterable[str], word: Callable[[str], Word], *, age: float
    ) -> Due:
        """What is due at `age`, in seconds by ticks. Of those who are not named any more nothing is known after it.

        Each new word of a node that a session is here begins its time anew: the node lives, if out of reach.
        """
        since: dict[str, tuple[int, int | None, float]] = {}
        lost: list[str] = []
        over: list[str] = []
        overdue: set[str] = set()
        for sessions, due in ((reconnecting, lost), (given_up, over)):
            for session in sessions:
                since[session] = known = _since(self._since.get(session), word(session), age)
                absent = age - known[2]
                if absent >= self._over:
                    over.append(session)
                    late = absent - self._over
                elif due is lost and absent >= self._lost:
                    lost.append(session)
                    late = absent - self._lost
                else:
                    continue
                if late >= OVERDUE_SECONDS:
                    overdue.add(session)
        self._since = since
        for sessions in (lost, over):
            sessions.sort(key=lambda session: (since[session][2], session))
        return Due(lost, over, frozenset(overdue))


def _since(known: tuple[int, int | None, float] | None, word: Word, age: float) -> tuple[int, int | None, float]:
    if known is None or known[0] != word[0]:
        return *word, age
    if word[1] is None or word[1] == known[1]:
        return known
    return *word, age
