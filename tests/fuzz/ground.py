"""What targets stand on: a node whose peers and clients are bytes, and a look at what it logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

from bus.keys import Identity
from bus.memory import MemoryBus, MemoryNetwork, VirtualClock
from bus.packets import Packet
from server.clock import SystemClock
from server.closing import Closing
from server.config import Config
from server.connection import Connection
from server.gateway import Gateway
from server.identity import Key, Tokens
from server.node import Node
from server.outbox import Outbox
from server.tasks import Tasks

KEY = Key("HS256", b"the key of these tests, 32 bytes and more")
NODE = f"{1:016x}"
PEER = f"{2:016x}.1700000000000"
"""A life of another node, which says what the fuzzer makes up."""


class Faults(logging.Handler):
    """Keeps what was logged as an error: a node catches what fails, so that one client or peer disturbs no other."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record)


@contextlib.contextmanager
def without_faults() -> Iterator[None]:
    """Raise what was caught and logged within the block."""
    faults, root = Faults(), logging.getLogger()
    level = root.level
    root.addHandler(faults)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.removeHandler(faults)
        root.setLevel(level)
    for record in faults.found:
        if record.exc_info:  # others say what a peer or a client did, not that something failed here
            raise AssertionError(record.getMessage()) from record.exc_info[1]


class StepClock(SystemClock):
    """Stands until it is told to go on; its ids are numbers."""

    def __init__(self) -> None:
        self.at = 1000.0
        self._ids = 0

    def now(self) -> float:
        return self.at

    def wall_ms(self) -> int:
        return 1_700_000_000_000 + int(self.at * 1000)

    def new_session(self) -> str:
        self._ids += 1
        return f"s_{self._ids}"

    def new_ssrc(self) -> int:
        self._ids += 1
        return self._ids


def run(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine that waits for nothing."""
    with contextlib.suppress(StopIteration):
        work.send(None)
        raise AssertionError("it waits")


class Idle(Tasks):
    """Begins no task: what was read and would now be done is no matter of a decoder."""

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        work.close()
        return cast("asyncio.Task[Any]", None)


def _at_once(answer: Callable[[str, bytes], bytes | Awaitable[bytes]], caller: str, body: bytes) -> bytes:
    """What a node answers at once; what it would have to wait for is not awaited, as there is no loop."""
    answered = answer(caller, body)
    if isinstance(answered, bytes):
        return answered
    if isinstance(answered, Coroutine):
        answered.close()
    return b""


class Ground:
    """A node alone under a clock set by hand, and what may be said to it."""

    def __init__(self) -> None:
        self.time = VirtualClock()
        self.clock = StepClock()
        self.config = Config(name="n1", port=0, bus="memory", data_dir=Path("/nonexistent"), voice_fps=0)
        network = MemoryNetwork(clock=self.time)
        self.bus: MemoryBus = network.bus(Identity(NODE, 1), address="here", bounds=self.config.bounds)
        self.node = Node(self.config, self.bus, Tokens(KEY), clock=self.clock)
        self.node.post.schedule = self._soon
        self.node.soon = self._call
        self.node.tasks = Idle()
        self.node.on_call = partial(_at_once, self.node.on_call)  # type: ignore[method-assign]
        self.gateway = Gateway(self.node, self.config)
        self.gateway._loop = cast(asyncio.AbstractEventLoop, self.time)
        run(self.node.start(url="ws://127.0.0.1:1/ws", http="http://127.0.0.1:1/"))
        self.pass_time(3)

    def _soon(self) -> None:
        self.time.call_soon(self.node.post.flush)

    def _call(self, act: Any) -> None:
        self.time.call_soon(act)

    def pass_time(self, seconds: float) -> None:
        """Let all that is due be done."""
        self.clock.at += seconds
        self.gateway.ticks += 1
        self.time.advance(seconds)
        self.node.tick(0.0)
        self.time.advance(0.001)

    def receive(self, packet: Packet) -> None:
        """A packet of a peer arrives."""
        self.bus._received(packet)

    def connect(self) -> tuple[Connection, Pipe]:
        """Somebody opens a connection."""
        connection, pipe = Connection(self.gateway), Pipe()
        self.gateway.entrance.enter(connection, "", self.clock.now())
        connection.connection_made(pipe)
        pipe.connection = connection
        return connection, pipe


class Pipe(asyncio.Transport):
    """A socket that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.connection: Connection | None = None
        self._closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def write_eof(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def abort(self) -> None:
        self._closing = True

    def close(self) -> None:
        self._closing = True

    def end(self) -> None:
        """The socket is gone."""
        self._closing = True
        if self.connection is not None:
            self.connection.connection_lost(None)
            self.connection = None


class Line:
    """What a conversation has underneath, when it is spoken to in whole messages."""

    def __init__(self, node: Node) -> None:
        self.ip = "192.0.2.1"
        self.closed: Closing | None = None
        self.outbox = Outbox(node.post, write=lambda data: None, check=lambda: None)

    def close(self, closing: Closing) -> None:
        self.closed = closing
        self.outbox.end()

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass
