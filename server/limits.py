"""How much one client may ask: token buckets, and when refusals become a reason to close; pure."""

from __future__ import annotations

from collections import deque


class Bucket:
    """A token bucket: `rate` a second, `burst` at once."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, *, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Use one token if there is one."""
        tokens = self._tokens + (now - self._at) * self._rate
        self._at = now
        if tokens > self._burst:
            tokens = self._burst
        if tokens < 1.0:
            self._tokens = tokens
            return False
        self._tokens = tokens - 1.0
        return True

    @property
    def wait_ms(self) -> int:
        """Milliseconds from the last `take` until the next one succeeds."""
        return max(1, int((1.0 - self._tokens) / self._rate * 1000) + 1)


class Streak:
    """Counts successive seconds with a refusal (protocol.md section 2: five of them close with 4429)."""

    __slots__ = ("_second", "_seconds")

    def __init__(self) -> None:
        self._second = -2
        self._seconds = 0

    def note(self, now: float) -> int:
        """Note a refusal; returns in how many successive seconds there has been one."""
        second = int(now)
        if second != self._second:
            self._seconds = self._seconds + 1 if second == self._second + 1 else 1
            self._second = second
        return self._seconds


class Abuse:
    """Counts broken messages (protocol.md section 2: twenty in 10 s close with 4400)."""

    __slots__ = ("_times",)

    MOST = 20
    SECONDS = 10.0

    def __init__(self) -> None:
        self._times: deque[float] | None = None

    def note(self, now: float) -> bool:
        """Note one; returns whether it was the one too many."""
        if self._times is None:
            self._times = deque(maxlen=self.MOST)
        self._times.append(now)
        return len(self._times) == self.MOST and now - self._times[0] <= self.SECONDS
