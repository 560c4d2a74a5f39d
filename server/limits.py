"""How much one client may ask, and several together: token buckets, and when refusals close; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from server.closing import ABUSE, RATE, Closing
from server.wire import native
from server.wire.native import Code

K = TypeVar("K", bound=Hashable)


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

    def is_full(self, now: float) -> bool:
        """Whether nothing would be different if this bucket were new."""
        return self._tokens + (now - self._at) * self._rate >= self._burst

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


class Allowance:
    """What one connection may ask, and how often it may be wrong."""

    __slots__ = ("_abuse", "_complained", "_refused", "_requests", "_texts")

    STREAK_SECONDS = 5

    def __init__(self, *, now: float) -> None:
        self._texts = Bucket(native.SAY_PER_SECOND, native.SAY_BURST, now=now)
        self._requests = Bucket(50, 100, now=now)
        self._abuse = Abuse()
        self._refused = Streak()
        self._complained = -1.0

    def asks(self, now: float, *, text: bool) -> int:
        """Count a request, `text` if it is something said; returns 0, or in how many milliseconds one is taken."""
        bucket = self._texts if text else self._requests
        return 0 if bucket.take(now) else bucket.wait_ms

    def refused(self, code: Code, now: float) -> Closing | None:
        """Count a refusal; returns how the connection is closed where it was one too many."""
        if code is Code.RATE_LIMITED:
            return RATE if self._refused.note(now) >= self.STREAK_SECONDS else None
        return ABUSE if code in (Code.BAD_REQUEST, Code.TOO_LARGE) and self._abuse.note(now) else None

    def complains(self, now: float) -> bool:
        """Whether a voice frame that goes nowhere is spoken of: once a second at most."""
        if now - self._complained < 1.0:
            return False
        self._complained = now
        return True


class Shares(Generic[K]):
    """A bucket for each of many keys, such as users or addresses; those that are full are forgotten."""

    __slots__ = ("_buckets", "_burst", "_most", "_rate")

    MOST = 20_000
    """Keys of which it is known what they have used; beyond it the one that came first is forgotten."""

    def __init__(self, rate: float, burst: float, *, most: int = MOST) -> None:
        """`rate` a second and `burst` at once for each key; a `rate` of 0 is no limit."""
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: dict[K, Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: K, now: float) -> int:
        """Use one token of `key`; returns 0, or in how many milliseconds there is one again."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if not self._rate:
                return 0
            if len(self._buckets) >= self._most:
                del self._buckets[next(iter(self._buckets))]
            bucket = self._buckets[key] = Bucket(self._rate, self._burst, now=now)
        return 0 if bucket.take(now) else bucket.wait_ms

    def forget(self, now: float) -> None:
        """Drop the keys that have asked for nothing of late."""
        for key in [key for key, bucket in self._buckets.items() if bucket.is_full(now)]:
            del self._buckets[key]


class Echo:
    """Sees that somebody says the same again and again; a bucket that only repeats use."""

    __slots__ = ("_bucket", "_last")

    RATE, BURST = 2.0, 120.0
    """A hundred and twenty times the same at once, or twice a second for ever: no person, and no bot that is read."""

    def __init__(self, *, now: float) -> None:
        self._last = 0
        self._bucket = Bucket(self.RATE, self.BURST, now=now)

    def hear(self, text: str, now: float) -> int:
        """Hear a text; returns 0, or in how many milliseconds it may be said again."""
        seen, self._last = self._last, hash(text)
        return 0 if seen != self._last or self._bucket.take(now) else self._bucket.wait_ms


class Quotas:
    """What several sessions of one node may ask together, beside what each of them may."""

    __slots__ = ("addresses", "rooms", "users")

    def __init__(self, *, address_requests: int) -> None:
        """`address_requests` a second are those of one address, four times as many at once; 0 for no limit."""
        self.users: Shares[str] = Shares(*USER)
        self.addresses: Shares[str] = Shares(address_requests, 4 * address_requests)
        self.rooms: Shares[str] = Shares(*ROOM)

    def forget(self, now: float) -> None:
        """Drop what is as new again."""
        self.users.forget(now)
        self.addresses.forget(now)
        self.rooms.forget(now)


USER = 250.0, 500.0
"""Requests of all sessions of one user on a node, a second and at once: those of five devices, each at its limit."""

ROOM = 1000.0, 3000.0
"""Texts said in one room on a node: those of fifty members, as many as a room takes unless told otherwise."""
