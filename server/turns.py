"""Long work in short turns, so that nobody's voice waits for it."""

from __future__ import annotations

import asyncio

TURN_SECONDS = 0.004


class Turns:
    """The turns of one piece of work, which asks after each of its steps whether this one is over."""

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._began = self._time()

    async def step(self) -> None:
        """Let others have the loop if it was long enough."""
        if self._time() - self._began > TURN_SECONDS:
            await asyncio.sleep(0)
            self._began = self._time()
