"""The door before the sockets of a mesh: strangers are looked at here, and ZeroMQ never meets them.

Linux lets two sockets listen on one port, and a small program choose by the address of who comes. One of ours is
given to ZeroMQ, for hosts that are expected; the other is the door. There everybody has to say what a node with our
key says first. Who does is expected for a while, and cut: ZeroMQ at the other end tries again at once. The others are
refused by name. ZeroMQ could not do that: it tells no address, and when it tells of a failure the connection is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Sequence

from bus.greeting import FIRST_BYTES, OURS, WHOLE_BYTES, Said, hello_of, judge
from bus.hello import is_made_for
from bus.interface import Reason
from bus.membership import TICK_SECONDS
from bus.zeromq_address import plain_host

EXPECTED_TICKS = round(5 / TICK_SECONDS)
"""How long a host goes straight to ZeroMQ after something was heard of it."""

EXPECTED = 64
"""Hosts that do at once; the longest expected make room."""

VISITORS, VISITORS_OF_HOST = 64, 8
"""Strangers who are listened to at once, and of one host; the longest there make room."""

VISIT_TICKS = round(5 / TICK_SECONDS)
"""How long one is listened to."""

HELLOS = 5
"""Commands whose seal is looked at in a tick; each takes a millisecond. Who comes beyond that tries again."""

BACKLOG = 100
TURN_VISITORS = 16

_ATTACH = 51  # SO_ATTACH_REUSEPORT_CBPF
_LOAD_WORD, _LOAD_BYTE, _SHIFT, _EQUAL, _JUMP, _RETURN = 0x20, 0x30, 0x74, 0x15, 0x05, 0x06
_NETWORK = 0xFFF00000
"""Where in a packet, for the kernel, its network header begins."""


_REASONS = {Said.GARBAGE: Reason.GARBAGE, Said.PLAIN: Reason.PLAIN}


def is_possible() -> bool:
    """Whether this system can do it."""
    return sys.platform == "linux"


@dataclasses.dataclass(slots=True)
class _Visitor:
    """Somebody at the door."""

    sock: socket.socket
    host: str
    since: int
    said: bytearray = dataclasses.field(default_factory=bytearray)
    answered: bool = False
    """It was sent all of our greeting."""


class Doorman:
    """Stands at all ports of one node."""

    def __init__(
        self, refused: Callable[[str, Reason], None], secrets: Sequence[bytes], *, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`secrets` are the raw keys that nodes may mean, that which is served first."""
        self._refused, self._loop = refused, loop
        self.secrets = tuple(secrets)
        self._ticks = 0
        self._hellos = 0
        self._doors: list[tuple[socket.socket, socket.socket]] = []
        self._expected: dict[str, int] = {}
        self._visitors: dict[int, _Visitor] = {}
        self._shut: list[socket.socket] = []
        """Where nobody is let in until the next tick."""

    def open(self, host: str, port: int) -> tuple[int, int]:
        """Listen on a port, 0 for any free one; returns it, and a descriptor for ZeroMQ, which it may close.

        Raises OSError.
        """
        with contextlib.ExitStack() as undo:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            inner, outer = (undo.enter_context(socket.socket(family, socket.SOCK_STREAM)) for _ in range(2))
            for sock in (inner, outer):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            inner.bind((host, port))  # alone, so that two nodes do not share a port
            port = int(inner.getsockname()[1])
            for sock in (inner, outer):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            outer.bind((host, port))
            outer.setblocking(False)
            for sock in (inner, outer):
                sock.listen(BACKLOG)
            _direct(inner, self._expected)
            undo.pop_all()
        self._doors.append((inner, outer))
        self._loop.add_reader(outer.fileno(), self._on_knock, outer)
        return port, self.again(port)

    def again(self, port: int) -> int:
        """Another descriptor for a port that is open; whoever comes meanwhile waits."""
        inner = next(inner for inner, _ in self._doors if inner.getsockname()[1] == port)
        return inner.dup().detach()

    def expect(self, host: str) -> None:
        """Something was heard of a node there, so it may come in a moment."""
        fresh = host not in self._expected
        self._expected.pop(host, None)
        self._expected[host] = self._ticks + EXPECTED_TICKS
        if len(self._expected) > EXPECTED:
            del self._expected[next(iter(self._expected))]
        if fresh:
            self._direct_all()

    @property
    def expected(self) -> tuple[str, ...]:
        """The hosts that go straight to ZeroMQ now."""
        return tuple(self._expected)

    def tick(self) -> None:
        """`TICK_SECONDS` have passed."""
        self._ticks += 1
        self._hellos = 0
        shut, self._shut = self._shut, []
        for outer in shut:
            self._loop.add_reader(outer.fileno(), self._on_knock, outer)
        over = [host for host, until in self._expected.items() if until < self._ticks]
        for host in over:
            del self._expected[host]
        if over:
            self._direct_all()
        for visitor in [each for each in self._visitors.values() if self._ticks - each.since > VISIT_TICKS]:
            self._turn_away(visitor, Reason.SILENT)

    def close(self) -> None:
        """Listen no more."""
        for visitor in list(self._visitors.values()):
            self._part_from(visitor)
        for inner, outer in self._doors:
            self._loop.remove_reader(outer.fileno())
            inner.close()
            outer.close()
        self._doors.clear()
        self._shut.clear()

    def _direct_all(self) -> None:
        for inner, _ in self._doors:
            _direct(inner, self._expected)

    def _on_knock(self, outer: socket.socket) -> None:
        for _ in range(TURN_VISITORS):
            try:
                sock, address = outer.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                # No descriptor is free. Whoever waits goes on waiting, and must not keep the loop awake.
                self._loop.remove_reader(outer.fileno())
                self._shut.append(outer)
                return
            sock.setblocking(False)
            self._make_room(host := plain_host(str(address[0])))
            visitor = _Visitor(sock, host, self._ticks)
            self._visitors[sock.fileno()] = visitor
            try:
                sock.send(OURS[:FIRST_BYTES])
            except OSError:
                self._turn_away(visitor, Reason.SILENT)
            else:
                self._loop.add_reader(sock.fileno(), self._on_word, visitor)

    def _make_room(self, host: str) -> None:
        of_host = [visitor for visitor in self._visitors.values() if visitor.host == host]
        if len(of_host) >= VISITORS_OF_HOST:
            self._turn_away(of_host[0], Reason.SILENT)
        elif len(self._visitors) >= VISITORS:
            self._turn_away(next(iter(self._visitors.values())), Reason.SILENT)

    def _on_word(self, visitor: _Visitor) -> None:
        try:
            piece = visitor.sock.recv(WHOLE_BYTES - len(visitor.said))
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        visitor.said += piece
        said = judge(bytes(visitor.said))
        if said is Said.HELLO:
            self._on_hello(visitor)
        elif said in _REASONS:
            self._turn_away(visitor, _REASONS[said])
        elif not piece:
            self._turn_away(visitor, Reason.SILENT)
        elif said is Said.GREETING and not visitor.answered:
            visitor.answered = True
            with contextlib.suppress(OSError):  # it has hung up, as will be read
                visitor.sock.send(OURS[FIRST_BYTES:])

    def _on_hello(self, visitor: _Visitor) -> None:
        self._hellos += 1
        if self._hellos > HELLOS:
            self._part_from(visitor)
            return
        hello = hello_of(bytes(visitor.said))
        if any(is_made_for(secret, hello) for secret in self.secrets):
            self._part_from(visitor)
            self.expect(visitor.host)
        else:
            self._turn_away(visitor, Reason.KEY)

    def _turn_away(self, visitor: _Visitor, reason: Reason) -> None:
        self._part_from(visitor)
        self._refused(visitor.host, reason)

    def _part_from(self, visitor: _Visitor) -> None:
        descriptor = visitor.sock.fileno()
        self._visitors.pop(descriptor, None)
        self._loop.remove_reader(descriptor)
        visitor.sock.close()


def _direct(inner: socket.socket, hosts: Iterable[str]) -> None:
    """Let these hosts come to `inner`, the first of the sockets that listen there, and all others to the second."""
    program = b"".join(struct.pack("=HBBI", *step) for step in _steps(hosts))
    held = ctypes.create_string_buffer(program, len(program))
    inner.setsockopt(socket.SOL_SOCKET, _ATTACH, struct.pack("HL", len(program) // 8, ctypes.addressof(held)))


def _steps(hosts: Iterable[str]) -> list[tuple[int, int, int, int]]:
    """The program for the kernel: 0 for a packet from one of `hosts`, 1 for others."""
    numbers = [ipaddress.ip_address(host.partition("%")[0]) for host in hosts]
    four = [step for number in numbers if number.version == 4 for step in _compared(number.packed, 12)]
    six = [step for number in numbers if number.version == 6 for step in _compared(number.packed, 8)]
    other = (_RETURN, 0, 0, 1)
    return [
        (_LOAD_BYTE, 0, 0, _NETWORK),
        (_SHIFT, 0, 0, 4),
        (_EQUAL, 1, 0, 4),
        (_JUMP, 0, 0, len(four) + 1),
        *four,
        other,
        *six,
        other,
    ]


def _compared(address: bytes, offset: int) -> list[tuple[int, int, int, int]]:
    """Return 0 if the source is this address, else go on behind."""
    words = struct.unpack(f">{len(address) // 4}I", address)
    steps: list[tuple[int, int, int, int]] = []
    for number, word in enumerate(words):
        left = 2 * (len(words) - number - 1) + 1
        steps += [(_LOAD_WORD, 0, 0, _NETWORK + offset + 4 * number), (_EQUAL, 0, left, word)]
    return [*steps, (_RETURN, 0, 0, 0)]
