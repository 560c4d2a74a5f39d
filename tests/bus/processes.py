"""Starts nodes in processes of their own and hears what they say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

from tests.bus.ear import PATIENCE, eventually
from tests.forks import AnyProcess, fork
from tests.processes import environment


class Process:
    """One `tests/bus/peer.py`."""

    def __init__(self, process: AnyProcess) -> None:
        self._process = process
        self._stir = asyncio.Event()
        self.said: list[dict[str, Any]] = []
        self._hearing = asyncio.create_task(self._hear())
        self.node = self.origin = self.address = ""

    @classmethod
    async def start(cls, data_dir: Path, *peers: str, port: int = 0) -> Self:
        """Start one and wait until it is ready."""
        with os.fdopen(os.dup(2), "wb") as stderr:
            made = cls(
                await fork("tests.bus.peer", str(data_dir), str(port), *peers, env=environment(), stderr=stderr)
            )
        ready = await made.until(lambda line: line["what"] == "ready")
        made.node, made.origin, made.address = ready["node"], ready["origin"], ready["address"]
        return made

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a line; returns the first that is wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for line in self.said:
                    if wanted(line):
                        return line
                assert not self._hearing.done(), "the process has ended"
                self._stir.clear()
                await self._stir.wait()

    def texts(self, origin: str) -> list[str]:
        """Texts of one origin, in the order shown."""
        return [line["text"] for line in self.said if line["what"] == "record" and line["origin"] == origin]

    async def has(self, origin: str, texts: list[str]) -> None:
        """Wait until exactly these texts of an origin were shown."""
        await self.until(lambda _: self.texts(origin) == texts)

    def order(self, line: str) -> None:
        """Tell it to do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def freeze(self) -> None:
        """SIGSTOP, in force when this returns."""
        self._process.send_signal(signal.SIGSTOP)
        seen = psutil.Process(self._process.pid)
        await eventually(lambda: seen.status() == psutil.STATUS_STOPPED)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._hearing

    async def terminate(self) -> int:
        """SIGTERM; returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = await self._process.wait()
        await self._hearing
        return code

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said.append(json.loads(line))
            self._stir.set()
        self._stir.set()
