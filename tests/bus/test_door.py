"""The door before a mesh: who goes straight through, who is looked at, and how many at once."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from bus import zeromq_door
from bus.interface import Reason
from bus.zeromq_door import EXPECTED, HELLOS, VISITORS_OF_HOST, Doorman, is_possible
from tests.bus.ear import eventually
from tests.bus.test_greeting import HELLO, greeting

pytestmark = pytest.mark.skipif(not is_possible(), reason="only Linux lets one choose who comes to which socket")


class Place:
    """A door on a port of loopback, and who was refused there."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, Reason]] = []
        self.doorman = Doorman(
            lambda host, reason: self.refused.append((host, reason)),
            [bytes(32)],
            loop=asyncio.get_running_loop(),
        )

    def open(self, host: str = "127.0.0.1") -> socket.socket:
        """Open it; returns what ZeroMQ would have."""
        self.port, descriptor = self.doorman.open(host, 0)
        inner = socket.socket(fileno=descriptor)
        inner.setblocking(False)
        return inner


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    yield made
    made.doorman.close()


async def connect(port: int, source: str, words: bytes = b"", host: str = "127.0.0.1") -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(host, port, local_addr=(source, 0))
    writer.write(words)
    return writer


def through(inner: socket.socket) -> str:
    """The host of who came straight through; empty for nobody."""
    try:
        sock, address = inner.accept()
    except BlockingIOError:
        return ""
    sock.close()
    return str(address[0])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Reason.GARBAGE),
        (greeting(b"NULL"), Reason.PLAIN),
        (greeting() + HELLO, Reason.KEY),
    ],
)
async def test_a_stranger_is_refused_by_name_and_never_gets_through(
    place: Place, words: bytes, reason: Reason
) -> None:
    with place.open() as inner:
        writer = await connect(place.port, "127.0.0.7", words)
        await eventually(lambda: place.refused == [("127.0.0.7", reason)])
        assert not through(inner)
        writer.close()


async def test_who_says_nothing_is_left_after_a_while_and_who_hangs_up_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeromq_door, "VISIT_TICKS", 1)
    with place.open():
        hanging = await connect(place.port, "127.0.0.8")
        hanging.close()
        await eventually(lambda: place.refused == [("127.0.0.8", Reason.SILENT)])
        silent = await connect(place.port, "127.0.0.9")
        await eventually(lambda: bool(place.doorman._visitors))
        place.doorman.tick()
        place.doorman.tick()
        assert place.refused[1:] == [("127.0.0.9", Reason.SILENT)]
        silent.close()


async def test_an_expected_host_goes_straight_through_and_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeromq_door, "EXPECTED_TICKS", 1)
    with place.open() as inner:
        place.doorman.expect("127.0.0.7")
        place.doorman.expect("10.0.0.7")
        place.doorman.expect("fd00::7")
        writers = [await connect(place.port, "127.0.0.7"), await connect(place.port, "127.0.0.6", b"x")]
        await eventually(lambda: place.refused == [("127.0.0.6", Reason.GARBAGE)])
        assert [through(inner), through(inner)] == ["127.0.0.7", ""]
        place.doorman.tick()
        place.doorman.tick()
        assert not place.doorman.expected
        writers.append(await connect(place.port, "127.0.0.7", b"x"))
        await eventually(lambda: ("127.0.0.7", Reason.GARBAGE) in place.refused)
        for writer in writers:
            writer.close()


async def test_a_port_of_all_addresses_tells_hosts_of_both_versions_apart(place: Place) -> None:
    with place.open("::") as inner:
        place.doorman.expect("::1")
        place.doorman.expect("127.0.0.7")
        writers = [
            await connect(place.port, "::1", host="::1"),
            await connect(place.port, "127.0.0.7"),
            await connect(place.port, "127.0.0.8", b"x"),
        ]
        await eventually(lambda: place.refused == [("127.0.0.8", Reason.GARBAGE)])
        assert {through(inner), through(inner), through(inner)} == {"::1", "::ffff:127.0.0.7", ""}
        for writer in writers:
            writer.close()


async def test_a_host_that_holds_many_connections_loses_its_oldest(place: Place) -> None:
    with place.open():
        writers = [await connect(place.port, "127.0.0.7") for _ in range(VISITORS_OF_HOST)]
        writers.append(await connect(place.port, "127.0.0.8"))
        await eventually(lambda: len(place.doorman._visitors) == VISITORS_OF_HOST + 1)
        writers.append(await connect(place.port, "127.0.0.7"))
        await eventually(lambda: place.refused == [("127.0.0.7", Reason.SILENT)])
        assert len(place.doorman._visitors) == VISITORS_OF_HOST + 1
        for writer in writers:
            writer.close()


async def test_no_more_seals_are_looked_at_in_a_tick_than_a_node_has_time_for(place: Place) -> None:
    with place.open():
        writers = [await connect(place.port, "127.0.0.7", greeting() + HELLO) for _ in range(HELLOS + 5)]
        await eventually(lambda: place.doorman._hellos == HELLOS + 5)
        assert place.refused == [("127.0.0.7", Reason.KEY)] * HELLOS
        for writer in writers:
            writer.close()


async def test_no_more_hosts_are_expected_than_the_kernel_is_told_of(place: Place) -> None:
    with place.open() as inner:
        for number in range(EXPECTED + 20):
            place.doorman.expect(f"fd00::{number:x}")
            place.doorman.expect(f"127.0.1.{number}")
        assert len(place.doorman.expected) == EXPECTED
        writer = await connect(place.port, "127.0.1.83")
        await eventually(lambda: through(inner) == "127.0.1.83")
        writer.close()


async def test_a_port_that_somebody_has_is_not_shared(place: Place) -> None:
    with place.open():
        other = Place()
        with pytest.raises(OSError, match="in use"):
            other.doorman.open("127.0.0.1", place.port)
        other.doorman.close()


async def test_where_no_descriptor_is_free_who_knocks_waits_and_the_loop_sleeps(place: Place) -> None:
    knocks = 0
    with place.open():
        ((_, outer),) = place.doorman._doors

        class Full:
            """The same socket in a process without descriptors."""

            def accept(self) -> None:
                nonlocal knocks
                knocks += 1
                raise OSError(errno.EMFILE, "too many open files")

            def fileno(self) -> int:
                return outer.fileno()

        place.doorman._loop.remove_reader(outer.fileno())
        place.doorman._loop.add_reader(outer.fileno(), place.doorman._on_knock, cast(socket.socket, Full()))
        writer = await connect(place.port, "127.0.0.7", b"x")
        await eventually(lambda: knocks == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert knocks == 1
        place.doorman._shut = [outer]  # a descriptor is free again
        place.doorman.tick()
        await eventually(lambda: place.refused == [("127.0.0.7", Reason.GARBAGE)])
        writer.close()
