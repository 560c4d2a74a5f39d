"""Where a client connects next, and how long it waits before; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SHORTEST, LONGEST = 0.2, 10.0
"""Seconds between two tries."""
STEADY_SECONDS = 1.0
"""A connection that did not last so long is no success: the next try is not at once."""
MOST = 100
"""So many URLs are remembered."""


class Try(NamedTuple):
    """One attempt to connect."""

    url: str
    wait: float
    """Seconds before it."""


class Retries:
    """The first try is at once, on the URL after the lost one; the others with full jitter, over all URLs."""

    def __init__(self, urls: Iterable[str]) -> None:
        """Begin with the `urls` that the user gave; they stay known, behind those that nodes tell."""
        self._given = list(dict.fromkeys(urls))
        self._urls = self._given
        self._last: str | None = None
        self._preferred: str | None = None
        self._tries = 0
        self._at_least = 0.0

    @property
    def urls(self) -> list[str]:
        """All URLs, in the order in which they are tried."""
        return list(self._urls)

    def told(self, urls: Iterable[str]) -> None:
        """Take the list that a node gives; an empty one says nothing."""
        if told := list(dict.fromkeys(urls)):
            self._urls = list(dict.fromkeys([*told, *self._given]))[:MOST]

    def prefer(self, url: str | None) -> None:
        """Let the next try be at once and, with a `url`, there."""
        self._preferred = url
        self._tries = 0

    def wait_at_least(self, seconds: float) -> None:
        """Let the next try be no sooner than after `seconds`."""
        self._at_least = seconds

    def connected(self, url: str) -> None:
        """Note where the session is."""
        self._last = url

    def lost(self, lasted: float) -> None:
        """Note that a connection is lost that lasted so many seconds."""
        if lasted >= STEADY_SECONDS:
            self._tries = 0

    def next(self, chance: float) -> Try:
        """Give the next try; `chance` is from 0 to 1, another one each time."""
        url, self._preferred = self._preferred or self._after(), None
        wait = 0.0
        if self._tries:
            wait = SHORTEST + chance * (min(LONGEST, SHORTEST * 2**self._tries) - SHORTEST)
        wait, self._at_least = max(wait, self._at_least), 0.0
        self._tries = min(self._tries + 1, 16)
        self._last = url
        return Try(url, wait)

    def _after(self) -> str:
        if self._last not in self._urls:
            return self._urls[0]
        return self._urls[(self._urls.index(self._last) + 1) % len(self._urls)]
