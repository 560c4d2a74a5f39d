"""Processes that are forked from one which has imported the product: each starts in a fifth of the time.

    process = await fork("main", "node", "--port=0", ...)

A forked process is one of its own, with its own signals, descriptors and end; all that it spares is to read the same
modules once more. That the command itself starts from nothing is for `tests/test_main.py` to show.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
REQUEST_BYTES = 1 << 17
LAST_WORDS_SECONDS = 1.0
READ_FIRST = (
    "main",
    "uvloop",
    "bus.zeromq",
    "bus.secret",
    "server.serving",
    "server.ending",
    "server.descriptors",
    "server.inspection",
    "server.client",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "tests.bus.peer",
    "tests.faults.load",
    "tests.faults.node",
)
"""What the processes run and, of what they import themselves, what takes long."""


class _Reading(asyncio.StreamReaderProtocol):
    """Reads a pipe, and tells when its end has come."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.at_end = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.at_end.set()


class Forked:
    """A process that was forked, as tests know one of `asyncio.subprocess`."""

    def __init__(self, pid: int, word: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._word = word
        self._pipes: dict[asyncio.ReadTransport, asyncio.Event] = {}
        """Those that are read, and whether their end has come."""
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(word, self._on_end)

    def _on_end(self) -> None:
        self._loop.remove_reader(self._word)
        with self._word:
            self.returncode = int(self._word.recv(64))
        self._ended.set()

    def send_signal(self, signum: int) -> None:
        """Send a signal. Raises ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, signum)

    def kill(self) -> None:
        """End it at once. Raises ProcessLookupError when it has ended."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end and for all that it said; returns its exit code."""
        await self._ended.wait()
        assert self.returncode is not None
        if self.stdin is not None:
            self.stdin.close()
        for pipe, at_end in self._pipes.items():
            with contextlib.suppress(TimeoutError):  # a process that it started may have the other end too
                if pipe.is_reading():
                    await asyncio.wait_for(at_end.wait(), LAST_WORDS_SECONDS)
            pipe.close()
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """Give it nothing to read, and wait for its end; returns what it said."""
        assert self.stdin is not None
        self.stdin.close()
        said = [await reader.read() if reader is not None else b"" for reader in (self.stdout, self.stderr)]
        await self.wait()
        return said[0], said[1]

    async def _write_to(self, pipe: int) -> None:
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
        transport, _ = await self._loop.connect_write_pipe(lambda: protocol, os.fdopen(pipe, "wb", 0))
        self.stdin = asyncio.StreamWriter(transport, protocol, None, self._loop)

    async def _read_from(self, pipe: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        protocol = _Reading(reader)
        transport, _ = await self._loop.connect_read_pipe(lambda: protocol, os.fdopen(pipe, "rb", 0))
        self._pipes[transport] = protocol.at_end
        return reader


AnyProcess = asyncio.subprocess.Process | Forked


async def fork(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    stderr: IO[bytes] | None = None,
    spaces: Sequence[str] = (),
) -> AnyProcess:
    """Run a module as `python -m` does, in the given namespaces, its streams pipes but a `stderr` that is given.

    Elsewhere than on Linux, where there are no namespaces either, each starts from nothing.
    """
    if not hasattr(os, "pidfd_open"):
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=ROOT,
            env=env,
            stdin=PIPE,
            stdout=PIPE,
            stderr=stderr or PIPE,
        )
    (source, stdin), (stdout, target) = os.pipe(), os.pipe()
    errors, other = (None, stderr.fileno()) if stderr is not None else os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"module": module, "arguments": arguments, "env": dict(env), "spaces": list(spaces)}
    socket.send_fds(_parent(), [json.dumps(order).encode()], [source, target, other, theirs.fileno()])
    theirs.close()
    for descriptor in (source, target, *((other,) if errors is not None else ())):
        os.close(descriptor)
    ours.setblocking(False)
    process = Forked(int(await asyncio.get_running_loop().sock_recv(ours, 64)), ours)
    await process._write_to(stdin)
    process.stdout = await process._read_from(stdout)
    if errors is not None:
        process.stderr = await process._read_from(errors)
    return process


@functools.cache
def _parent() -> socket.socket:
    """Where to order processes: of one that lives for as long as this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        parent = subprocess.Popen(
            [sys.executable, "-m", "tests.forks", str(theirs.fileno())], cwd=ROOT, pass_fds=[theirs.fileno()]
        )

    def end() -> None:
        ours.close()
        parent.wait()

    atexit.register(end)
    return ours


# --- the parent ---------------------------------------------------------------------------------------------


def serve(orders: socket.socket) -> dict[str, Any]:
    """Fork until there are no more orders; returns, in each child, what it was ordered to be."""
    living: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in living:
                poll.unregister(descriptor)
                pid, word = living.pop(descriptor)
                os.close(descriptor)
                with word, contextlib.suppress(OSError):  # who ordered it may be gone
                    word.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                continue
            order, descriptors, _, _ = socket.recv_fds(orders, REQUEST_BYTES, 4)
            if not order:
                for pid, _ in living.values():
                    os.kill(pid, signal.SIGKILL)
                os._exit(0)
            if (pid := os.fork()) == 0:
                for each in (orders, *(word for _, word in living.values())):
                    each.detach()  # else it would close whatever has its number by then
                _take(descriptors)
                return dict(json.loads(order))
            for number in descriptors[:3]:
                os.close(number)
            word = socket.socket(fileno=descriptors[3])
            word.send(b"%d" % pid)
            watched = os.pidfd_open(pid)
            living[watched] = pid, word
            poll.register(watched, select.POLLIN)


def _take(descriptors: Sequence[int]) -> None:
    """Have these as standard streams, and no others."""
    for number in range(3):
        os.dup2(descriptors[number], number)
    os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)


def _be(module: str, arguments: Sequence[str], env: Mapping[str, str], spaces: Sequence[str]) -> None:
    """Be what was ordered."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.ExitStack() as stack:
        for file in [stack.enter_context(open(space)) for space in spaces]:
            if libc.setns(file.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), f"{file.name} cannot be entered")
    sys.argv[1:] = arguments
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    gc.freeze()  # as `main.py` does at its end


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl C is for who orders
    for _name in READ_FIRST:
        import_module(_name)
    gc.freeze()
    _be(**serve(socket.socket(fileno=int(sys.argv[1]))))
