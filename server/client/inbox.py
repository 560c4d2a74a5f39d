"""Events that wait to be read, as many as there may be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from server.client.events import Event, Missed, heard

VOICE_HELD = 1_000
"""Beyond so many unread events voice frames are dropped."""
EVENTS_HELD = 10_000
"""Beyond so many unread events others are dropped too, and `Missed` says how many."""


class Inbox:
    """Events in their order, until they are read."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, event: Event) -> None:
        """Put in an event, or the note that one is missed."""
        if len(self._events) < self._most:
            self._events.append(event)
        elif isinstance(last := self._events[-1], Missed):
            self._events[-1] = Missed(last.events + 1)
        else:
            self._events.append(Missed(1))
        self._arrived.set()

    def put_voice(self, frame: bytes) -> None:
        """Put in a voice frame, if there is room."""
        if len(self._events) < VOICE_HELD:
            self._events.append(heard(frame))
            self._arrived.set()

    def close(self) -> None:
        """Let readers come to an end after what there is."""
        self._is_closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._is_closed:
                return
            self._arrived.clear()
            await self._arrived.wait()
