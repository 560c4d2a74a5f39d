"""Real processes of Switchboard for tests: started with free ports and a data folder of their own, ended by id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.forks import AnyProcess, fork

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30.0
END_SECONDS = 20.0


def environment(**changes: str) -> dict[str, str]:
    """The environment of this process without what would tell a node or Python something, and with `changes`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SWITCHBOARD_", "PYTHON"))}
    return {**kept, **changes}


@contextlib.contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes no more: the end to read from and the end to write to."""
    source, target = os.pipe()
    os.set_blocking(target, False)
    for size in (65_536, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(target, b"\n" * size)
    os.set_blocking(target, True)
    try:
        yield source, target
    finally:
        os.close(source)
        os.close(target)


class Process:
    """A process of main.py; what it says is collected."""

    def __init__(self, process: AnyProcess) -> None:
        self._process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdout = process.stdout
        self.stderr = process.stderr
        self.stdin = process.stdin
        self.pid = process.pid
        self.ready: dict[str, Any] = {}

    async def until_ready(self) -> None:
        """Read the ready line."""
        async with asyncio.timeout(START_SECONDS):
            line = await self.stdout.readline()
            if not line:
                raise AssertionError((await self.stderr.read()).decode())
        self.ready = json.loads(line)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return str(self.ready["url"])

    def send(self, signum: int) -> None:
        """Send a signal."""
        self._process.send_signal(signum)

    async def until_said(self, words: str) -> None:
        """Read the log until a line has these words."""
        async with asyncio.timeout(START_SECONDS):
            while words not in (line := (await self.stderr.readline()).decode()):
                assert line, f"it ended without saying {words!r}"

    async def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, and what was not yet read of stdout and stderr."""
        async with asyncio.timeout(END_SECONDS):
            out, err = await asyncio.gather(self.stdout.read(), self.stderr.read())
            code = await self._process.wait()
        return code, out.decode(), err.decode()

    async def kill(self) -> None:
        """End it at once, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self._process.wait()


@contextlib.asynccontextmanager
async def started(*arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """Run ``main.py`` with exactly these arguments within the block, as whoever types them."""
    process = Process(
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "main.py"),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment() if env is None else env,
        )
    )
    try:
        yield process
    finally:
        await process.kill()


@contextlib.asynccontextmanager
async def node(data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """Run a node on free ports within the block, which begins when it is ready."""
    command = _command(data_dir, arguments)
    process = Process(await fork("main", *command, env=environment() if env is None else env))
    try:
        await process.until_ready()
        yield process
    finally:
        await process.kill()


@contextlib.asynccontextmanager
async def typed_node(data_dir: Path, *arguments: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """The same, where it matters that its command was typed: as `started`, not forked."""
    async with started(*_command(data_dir, arguments), env=env) as process:
        await process.until_ready()
        yield process


def _command(data_dir: Path, arguments: Sequence[str]) -> list[str]:
    return ["node", "--port=0", "--bus-port=0", f"--data-dir={data_dir}", "--log-format=json", *arguments]
