"""The end of a process: who may wish for it, and how it is waited for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable
from typing import Any

from server.config import StartError


class Ending:
    """The wish to end: SIGTERM, SIGINT or the end of standard input. A second signal ends the process at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wished = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(signum, self._on_signal, signum)
            except NotImplementedError:  # Windows
                signal.signal(signum, lambda signum, _: loop.call_soon_threadsafe(self._on_signal, signum))

    async def wait(self, other: Awaitable[None] | None = None) -> None:
        """Return when the process shall end, or when `other` is done."""
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._wished.wait())]
        if other is not None:
            waiting.append(asyncio.ensure_future(other))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def wish(self) -> None:
        """Let the process end."""
        self._wished.set()

    def watch_stdin(self) -> None:
        """Take the end of standard input for a wish. Raises StartError where it cannot be watched."""
        try:
            self._loop.add_reader(0, self._on_stdin)
        except (OSError, ValueError, NotImplementedError):
            raise StartError("--ends-with-parent: standard input must be a pipe that the parent holds open") from None

    def _on_signal(self, signum: int) -> None:
        if self._wished.is_set():
            os._exit(128 + signum)
        self._wished.set()

    def _on_stdin(self) -> None:
        try:
            if os.read(0, 4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # whatever it was, it is no parent any more
        self._loop.remove_reader(0)
        self._wished.set()
