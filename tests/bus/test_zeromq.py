"""The engine over ZeroMQ, in one process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
import pytest_asyncio
import uvloop
import zmq

from bus import zeromq
from bus.interface import BusStartError, PeerState
from bus.keys import Identity
from bus.packets import Bye, Digest, Packet, encode
from bus.record import Kind
from bus.replica import Replica
from bus.zeromq import ZeroMQBus
from tests.bus.contract import AnyBus, BusContract, Mesh, identity
from tests.bus.ear import Ear, eventually


class ZeroMQMesh(Mesh):
    def make(self, who: Identity, peers: Sequence[str]) -> ZeroMQBus:
        return ZeroMQBus(who, port=0, peers=peers)


class TestZeroMQ(BusContract):
    def make_mesh(self) -> Mesh:
        return ZeroMQMesh()


def ports(bus: ZeroMQBus) -> list[int]:
    """Its ports: inbox, records, voice."""
    return [int(address.rpartition(":")[2]) for address in (bus.address, *bus._running.endpoints)]


async def still_works(nodes: Sequence[tuple[AnyBus, Ear]]) -> None:
    """Records, casts and calls pass between the first two of these."""
    (a, ear_a), (b, ear_b) = nodes[:2]
    before = len(ear_b.records)
    a.append(Kind.TEXT, b"still here")
    await ear_b.until(lambda: len(ear_b.records) == before + 1)
    b.subscribe("t")
    await eventually(lambda: a.wanted("t"))
    a.cast("t", b"still here")
    await ear_b.until(lambda: ear_b.frames("t")[-1:] == [b"still here"])
    assert await b.call(a.node, b"still here") == b"still here"
    assert ear_a.states()[b.node] is PeerState.UP


def _refused_more(bus: ZeroMQBus, before: int) -> bool:
    return bus.refused > before


Sockets = Callable[[int], zmq.Socket[bytes]]


@pytest.fixture
def stranger() -> Iterator[Sockets]:
    """Makes sockets of somebody on this machine who speaks ZeroMQ."""
    with contextlib.ExitStack() as made:
        context = made.enter_context(zmq.Context[zmq.Socket[bytes]]())

        def make(kind: int) -> zmq.Socket[bytes]:
            sock = made.enter_context(context.socket(kind))
            sock.setsockopt(zmq.LINGER, 0)
            return sock

        yield make


@pytest_asyncio.fixture
async def mesh() -> AsyncIterator[ZeroMQMesh]:
    made = ZeroMQMesh()
    yield made
    await made.stop()


class TestStrangers:
    """What is no packet of ours, at each port."""

    @pytest_asyncio.fixture
    async def nodes(self, mesh: ZeroMQMesh) -> list[tuple[AnyBus, Ear]]:
        return await mesh.joined(2)

    @pytest.mark.parametrize(
        "junk",
        [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            bytes(range(256)) * 64,
            b"\xff" + bytes(8) + b"\x7f" + bytes(64),
            b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + bytes(16 + 32) + b"\x04\xff" * 500,
            b"\x00" * 5000,
            b"",
        ],
        ids=["http", "bytes", "greeting", "handshake", "zeros", "silence"],
    )
    async def test_bytes_at_any_port_disturb_nobody(self, nodes: list[tuple[AnyBus, Ear]], junk: bytes) -> None:
        bus = nodes[0][0]
        assert isinstance(bus, ZeroMQBus)
        writers = []
        for port in ports(bus):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            writers.append(writer)
        await still_works(nodes)
        for writer in writers:
            writer.close()
        await still_works(nodes)

    async def test_a_failed_handshake_is_counted(self, nodes: list[tuple[AnyBus, Ear]]) -> None:
        bus = nodes[0][0]
        assert isinstance(bus, ZeroMQBus)
        for port in ports(bus):
            before = bus.refused
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\xff" + bytes(8) + b"\x7f\x03\x00NOSUCH" + bytes(64))
            await eventually(functools.partial(_refused_more, bus, before))
            writer.close()
        await still_works(nodes)

    async def test_messages_that_are_no_packets_are_dropped_and_counted(
        self, nodes: list[tuple[AnyBus, Ear]], stranger: Sockets
    ) -> None:
        bus, ear = nodes[0]
        assert isinstance(bus, ZeroMQBus)
        heard = len(ear.records), len(ear.changes)
        inbox, records, voice = ports(bus)
        forged = f"{7:016x}.1"
        junk = [b"", b"\x00", bytes(100), b"\xc1", bytes(1 << 19), encode(Bye(forged))]
        dealer = stranger(zmq.DEALER)
        dealer.connect(f"tcp://127.0.0.1:{inbox}")
        for message in junk:
            dealer.send(message)
        dealer.send_multipart([b"a", b"b", b"c"])
        await eventually(lambda: bus.refused >= 6)
        subscriber = stranger(zmq.XSUB)
        subscriber.connect(f"tcp://127.0.0.1:{voice}")
        subscriber.send(b"\x01short")
        subscriber.send(b"\x01" + bytes(300))
        subscriber.send(b"no subscription")
        await eventually(lambda: bus.refused >= 9)
        reader = stranger(zmq.XSUB)
        reader.connect(f"tcp://127.0.0.1:{records}")
        reader.send(b"\x01")
        reader.send(b"what is this")
        await still_works(nodes)
        assert len(ear.records) == heard[0] + 1
        assert len(ear.changes) == heard[1]
        assert len(bus.peers()) == 1

    async def test_a_message_over_1_mib_costs_its_sender_the_connection(
        self, nodes: list[tuple[AnyBus, Ear]], stranger: Sockets
    ) -> None:
        bus = nodes[0][0]
        assert isinstance(bus, ZeroMQBus)
        dealer = stranger(zmq.DEALER)
        monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        dealer.connect(f"tcp://127.0.0.1:{ports(bus)[0]}")
        dealer.send(bytes((1 << 20) + 1))
        await eventually(lambda: bool(monitor.poll(0)))
        await still_works(nodes)
        monitor.close()

    async def test_a_digest_that_leads_off_loopback_is_not_followed(
        self, nodes: list[tuple[AnyBus, Ear]], stranger: Sockets
    ) -> None:
        bus = nodes[0][0]
        assert isinstance(bus, ZeroMQBus)
        before = bus.refused
        dealer = stranger(zmq.DEALER)
        dealer.connect(f"tcp://{bus.address}")
        away = "192.0.2.1:9", "192.0.2.1:10"
        known = {f"{8:016x}.1": "example.org:1", f"{9:016x}.1": "nonsense"}
        dealer.send(encode(Digest(f"{7:016x}.1", "192.0.2.1:8", away, {}, [], known, b"")))
        await eventually(lambda: bus.refused >= before + 4)
        assert bus._ways.addresses == [nodes[1][0].address]
        await still_works(nodes)


class TestStart:
    """Where a mesh may listen."""

    async def test_a_port_in_use_is_said_with_what_to_do(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            bus = ZeroMQBus(identity(1), port=port)
            with pytest.raises(BusStartError, match=rf"port {port} .* in use.*--bus-port") as caught:
                await bus.start(Ear())
            assert "\n" not in str(caught.value)
        await bus.stop()

    async def test_an_explicit_port_is_taken_and_further_ones_lie_above(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        bus = ZeroMQBus(identity(1), port=port)
        await bus.start(Ear())
        assert bus.address == f"127.0.0.1:{port}"
        assert all(further > port for further in ports(bus)[1:])
        await bus.stop()
        again = ZeroMQBus(identity(1), port=port)
        await again.start(Ear())
        assert again.address == bus.address
        await again.stop()

    async def test_without_a_port_the_next_free_one_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            monkeypatch.setattr(zeromq, "DEFAULT_PORT", port)
            bus = ZeroMQBus(identity(1))
            await bus.start(Ear())
            assert ports(bus)[0] > port
            await bus.stop()

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "no.such.host.invalid"])
    def test_a_host_off_loopback_is_refused(self, host: str) -> None:
        with pytest.raises(BusStartError, match="127\\.0\\.0\\.1") as caught:
            ZeroMQBus(identity(1), host=host)
        assert host in str(caught.value)

    @pytest.mark.parametrize(
        "peer", ["192.0.2.1:8766", "127.0.0.1", "127.0.0.1:0", ":1", "127.0.0.1:x", "127.0.0.1:99999999"]
    )
    def test_a_peer_off_loopback_or_without_a_port_is_refused(self, peer: str) -> None:
        with pytest.raises(BusStartError, match=re.escape(peer.removesuffix(":8766"))):
            ZeroMQBus(identity(1), peers=[peer])

    @pytest.mark.parametrize("address", ["192.0.2.1:8766", "8766", "127.0.0.1", ""])
    async def test_what_cannot_be_reached_is_not_joined(self, mesh: ZeroMQMesh, address: str) -> None:
        bus, _ = await mesh.add()
        with pytest.raises(ValueError, match=r"peer|loopback|known"):
            bus.join(address)

    async def test_localhost_and_its_number_are_one_address(self, mesh: ZeroMQMesh) -> None:
        a, ear = await mesh.add()
        b, _ = await mesh.add(peers=[a.address.replace("127.0.0.1", "localhost"), a.address])
        await ear.until(lambda: ear.up() == {b.node})
        assert isinstance(b, ZeroMQBus)
        assert b._ways.addresses == [a.address]

    async def test_a_mesh_works_on_version_6_loopback(self) -> None:
        a, b = ZeroMQBus(identity(1), host="::1", port=0), None
        ear = Ear()
        await a.start(ear)
        b = ZeroMQBus(identity(2), host="::1", port=0, peers=[a.address])
        await b.start(Ear())
        await ear.until(lambda: ear.up() == {b.node})
        assert a.address.startswith("[::1]:")
        await a.stop()
        await b.stop()


async def test_more_than_one_turn_can_read_arrives_whole(mesh: ZeroMQMesh) -> None:
    (a, _), (b, ear) = await mesh.joined(2)
    for topic in range(3000):
        b.subscribe(f"t{topic}")
    await eventually(lambda: a.wanted("t2999"))
    for topic in range(150):
        a.cast(f"t{topic}", b"x")
    for _ in range(2000):
        a.append(Kind.TEXT, b"x")
        await asyncio.sleep(0)
    await ear.until(lambda: len(ear.records) == 2000 and len(ear.casts) == 150)


async def test_casts_that_waited_too_long_are_dropped(mesh: ZeroMQMesh) -> None:
    (a, _), (b, ear) = await mesh.joined(2)
    assert isinstance(b, ZeroMQBus)
    b.subscribe("t")
    await eventually(lambda: a.wanted("t"))
    a.cast("t", b"fresh")
    await ear.until(lambda: ear.frames("t") == [b"fresh"])
    a.cast("t", b"stale")
    asyncio.get_running_loop().call_soon(time.sleep, 0.3)  # the loop is held when the cast is sent but not read
    await eventually(lambda: b.stale == 1)
    assert ear.frames("t") == [b"fresh"]
    while len(ear.frames("t")) == 1:  # on a machine that is slow just now this one may be late too
        a.cast("t", b"fresh again")
        await asyncio.sleep(0.01)
    assert set(ear.frames("t")) == {b"fresh", b"fresh again"}


def test_it_runs_on_uvloop() -> None:
    async def run() -> None:
        mesh = ZeroMQMesh()
        await still_works(await mesh.joined(2))
        await mesh.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


class TestStop:
    """A node that ends lets go of everything, whatever becomes of its last words."""

    async def test_a_peer_that_dies_between_the_question_whether_it_takes_a_packet_and_the_packet_costs_nothing(
        self, mesh: ZeroMQMesh, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        (a, ear), (b, _) = await mesh.joined(2)
        assert isinstance(a, ZeroMQBus)
        assert isinstance(b, ZeroMQBus)
        way = b._ways._connections[a.address].socket

        def die_first(packet: Packet) -> bytes:
            if isinstance(packet, Bye) and a._sockets is not None:
                a._release()
                while int(way.getsockopt(zmq.EVENTS)) & zmq.POLLOUT:
                    time.sleep(0.001)
            return encode(packet)

        monkeypatch.setattr(zeromq, "encode", die_first)
        assert b._sockets is not None
        context = b._sockets.context
        await b.stop()
        assert context.closed
        assert ear.up() == {b.node}, "it has not heard the goodbye"
        assert not caplog.records

    async def test_its_sockets_are_released_even_when_it_cannot_say_goodbye(
        self, mesh: ZeroMQMesh, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bus, _ = await mesh.add()
        assert isinstance(bus, ZeroMQBus)

        def fail(self: Replica) -> None:
            raise MemoryError

        assert bus._sockets is not None
        context = bus._sockets.context
        with monkeypatch.context() as patch:
            patch.setattr(Replica, "bye", fail)
            with pytest.raises(MemoryError):
                await bus.stop()
        assert context.closed
