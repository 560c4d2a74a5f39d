"""Makes and tries the passwords of rooms in a thread of its own, since each takes long, and lets nobody try many."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from server.limits import Shares
from server.roomsettings import SALT_BYTES, Lock
from server.wire.native import Code, Refused

T = TypeVar("T")

WAITING = 32
"""Passwords that may wait for the thread, which tries them one by one; each takes some 50 ms."""

WAIT_MS = 2000
"""When to come again, where more wait."""

TRIES = 0.2, 10.0
"""Wrong passwords of one address, on loopback of one session: so many a second, and at once."""

KNOWN = 1000
"""Locks of which it is known what opens them."""


class Passwords:
    """The thread is there only once a password is; nothing waits for it but who has sent one."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._tries: Shares[str] = Shares(*TRIES)
        self._key = secrets.token_bytes(32)
        self._known: dict[Lock, bytes] = {}
        """A keyed hash of what has opened a lock: a crowd that knows the password need not wait for the thread."""

    async def make(self, password: str) -> Lock:
        """A lock that `password` opens. Raises Refused rate_limited."""
        return await self._work(Lock.make, password, secrets.token_bytes(SALT_BYTES))

    async def try_(self, lock: Lock, password: str, *, by: str, now: float) -> bool:
        """Whether `password` opens `lock`, tried by an address or a session. Raises Refused rate_limited."""
        digest = hmac.digest(self._key, password.encode(), hashlib.sha256)
        if (known := self._known.get(lock)) is not None and hmac.compare_digest(known, digest):
            return True
        if wait := self._tries.take(by, now):
            raise Refused(Code.RATE_LIMITED, "too many passwords, wait a little", retry_after_ms=wait)
        if not await self._work(lock.opens, password):
            return False
        if len(self._known) >= KNOWN:
            del self._known[next(iter(self._known))]
        self._known[lock] = digest
        return True

    def forget(self, now: float) -> None:
        """Drop those who have tried nothing of late."""
        self._tries.forget(now)

    def close(self) -> None:
        """Try none any more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self, work: Callable[..., T], *given: str | bytes) -> T:
        if self._waiting >= WAITING:
            raise Refused(Code.RATE_LIMITED, "too many passwords are tried at once", retry_after_ms=WAIT_MS)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)
        finally:
            self._waiting -= 1
