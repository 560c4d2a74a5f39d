"""What a client has seen: its place in the log of each origin, and the texts that it has shown; pure."""

from __future__ import annotations

from collections.abc import Mapping

from bus.record import ClientId, Origin

MOST = 1_000
"""So many cursors a hello may carry (protocol.md section 8); those that moved last are kept."""
SHOWN = 1_024
"""So many texts are known again; 256 at least are asked of a client."""


class Cursors:
    """For each origin the highest number that this session was fed (protocol.md sections 4 and 8)."""

    def __init__(self) -> None:
        self._places: dict[Origin, int] = {}

    def begin(self, places: Mapping[Origin, int]) -> None:
        """Take the places of a new session; those of another one count no more."""
        self._places.clear()
        self.merge(places)

    def merge(self, places: Mapping[Origin, int]) -> None:
        """Note what a `welcome` or a `joined` says."""
        for origin, seq in places.items():
            self.saw(origin, seq)

    def saw(self, origin: Origin, seq: int) -> None:
        """Note that the record at this place has come, and with it all that stand before it."""
        self._places[origin] = max(seq, self._places.pop(origin, 0))
        if len(self._places) > MOST:
            del self._places[next(iter(self._places))]

    def places(self) -> dict[Origin, int]:
        """What a hello that resumes says, those that moved last at the end."""
        return dict(self._places)


class Shown:
    """The last texts that were shown, known by (session, id), so that none is shown twice."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, ClientId], None] = {}

    def is_new(self, session: str, id: ClientId) -> bool:
        """Whether this text has not been shown; from now on it has."""
        text = (session, id)
        if text in self._texts:
            return False
        self._texts[text] = None
        if len(self._texts) > SHOWN:
            del self._texts[next(iter(self._texts))]
        return True
