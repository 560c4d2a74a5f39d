"""The owner of what the window has started: keeps every task until it ends and tells of failures in one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from server.wire.native import Refused

log = logging.getLogger("switchboard.gui")


class Tasks:
    """Starts coroutines from slots. A slot never awaits; it starts a task here and returns."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[str], None]) -> None:
        """Make the owner.

        Args:
            loop: The one event loop.
            tell: Shows one sentence to the person: why an act was refused.
        """
        self._loop = loop
        self._tell = tell
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, object], name: str) -> asyncio.Task[None]:
        """Run `work`. What it refuses is shown, what it fails at is logged and shown; nothing is raised."""
        task = self._loop.create_task(self._run(work, name), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
        return task

    async def stop(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, work: Coroutine[Any, Any, object], name: str) -> None:
        try:
            await work
        except Refused as refused:
            self._tell(refused.message)
        except Exception:
            log.exception("%s failed", name)
            self._tell(f"Could not {name}. The log of this console has the details.")
