"""What a node counts: plain integers, raised where things happen and read when somebody asks; pure."""

from __future__ import annotations

from collections import Counter


class Counters:
    """Totals since the start of the node."""

    __slots__ = (
        "limited",
        "moderated",
        "received_text",
        "received_voice",
        "refused",
        "resumed",
        "sent_text",
        "sent_voice",
        "voice_dropped",
    )

    def __init__(self) -> None:
        self.received_text = 0
        """Text messages taken from clients."""
        self.received_voice = 0
        """Voice frames taken from clients."""
        self.sent_text = 0
        """Text messages put into a client's outbox."""
        self.sent_voice = 0
        """Voice frames put into a client's outbox."""
        self.refused: Counter[str] = Counter()
        """Requests that were refused, by the code of their error."""
        self.limited: Counter[str] = Counter()
        """Those of them that were one too many, by the limit: session, user, address, room, repeats, messages, pace,
        passwords."""
        self.moderated: Counter[str] = Counter()
        """Acts of moderators that were carried out here: kick, mute, unmute."""
        self.resumed: Counter[str] = Counter()
        """Sessions that were resumed here: here, moved, unknown (docs/cluster.md)."""
        self.voice_dropped: Counter[str] = Counter()
        """Voice frames dropped, by reason: wrong, rate, speakers, muted, scope, slow, late."""

    @property
    def received(self) -> int:
        """Messages taken from clients."""
        return self.received_text + self.received_voice

    @property
    def sent(self) -> int:
        """Deliveries to clients."""
        return self.sent_text + self.sent_voice


class Rate:
    """Events a second, from a rising total looked at now and then."""

    __slots__ = ("_at", "_total", "value")

    def __init__(self, *, now: float, total: int = 0) -> None:
        self._total = total
        self._at = now
        self.value = 0.0

    def look(self, total: int, *, now: float) -> None:
        """Set `value` to the mean rate since the last look."""
        if now > self._at:
            self.value = (total - self._total) / (now - self._at)
            self._total, self._at = total, now
