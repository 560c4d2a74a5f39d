"""Nodes as processes of their own, as an operator starts them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

from server.identity import load_key, mint
from server.scopes import Scope
from server.session import Role

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(slots=True)
class RunningNode:
    """A headless node that has printed its ready line."""

    process: asyncio.subprocess.Process
    http: str
    url: str
    bus: str

    @classmethod
    async def start(cls, data_dir: Path, *options: str) -> RunningNode:
        """Start a node on free ports of loopback and wait until it is ready."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "main.py", "node", "--data-dir", str(data_dir), *options,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        return cls(process, ready["http"].rstrip("/"), ready["url"], ready["bus"])

    @property
    def port(self) -> str:
        """Where its clients connect."""
        return self.http.rpartition(":")[2]

    async def stop(self) -> None:
        """Let it drain and end."""
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()

    async def kill(self) -> None:
        """End it at once, as when its machine fails."""
        self.process.kill()
        await self.process.wait()


def token(key: Path, *, user: str, role: str, rooms: Scope = None) -> str:
    """An access token that nodes with this key honour; `rooms` limits a moderator."""
    return mint(load_key(key, key.parent), user=user, role=Role(role), rooms=rooms)
