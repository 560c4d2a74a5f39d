"""A mesh with a key: who has a part in it, who has none, and what becomes of it when the key is changed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
import zmq

from bus import zeromq_door
from bus.greeting import WHOLE_BYTES, Said, judge
from bus.interface import Reason
from bus.keys import Identity
from bus.record import Kind
from bus.secret import SecretFile, make_secret
from bus.zeromq import ZeroMQBus
from bus.zeromq_curve import Key
from tests.bus.contract import AnyBus, BusContract, Mesh, identity
from tests.bus.ear import PATIENCE, Ear, eventually
from tests.bus.test_greeting import greeting
from tests.bus.test_zeromq import ports, still_works


class KeyedMesh(Mesh):
    """Nodes with one secret, each with a file of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.secret = secrets.token_hex(32)

    def file(self, number: int) -> Path:
        return self.folder / f"{number}.key"

    def write(self, number: int, secret: str) -> Path:
        file = self.file(number)
        file.touch(0o600)
        file.write_text(secret)
        return file

    def make(self, who: Identity, peers: Sequence[str]) -> ZeroMQBus:
        file = self.write(len(self.buses) + 1, self.secret)
        return ZeroMQBus(who, port=0, peers=peers, secret=SecretFile(file))


class TestZeroMQWithKey(BusContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_mesh(self) -> Mesh:
        return KeyedMesh(self.folder)


@pytest_asyncio.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[KeyedMesh]:
    made = KeyedMesh(tmp_path)
    yield made
    await made.stop()


Nodes = list[tuple[ZeroMQBus, Ear]]


@pytest_asyncio.fixture
async def nodes(mesh: KeyedMesh, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """Two nodes that have met, and expect nobody any more."""
    monkeypatch.setattr(zeromq_door, "EXPECTED_TICKS", 8)
    nodes = [(bus, ear) for bus, ear in await mesh.joined(2) if isinstance(bus, ZeroMQBus)]
    for bus, _ in nodes:
        await at_rest(bus)
    return nodes


async def at_rest(bus: ZeroMQBus) -> None:
    """Wait until everybody who comes to a node is looked at first."""
    await eventually(lambda: bus._doorman is not None and not bus._doorman.expected)


def reasons(bus: AnyBus) -> dict[str, set[Reason]]:
    """Why each address was refused."""
    found: dict[str, set[Reason]] = {}
    for each in bus.refusals():
        found.setdefault(each.address, set()).add(each.reason)
    return found


async def refused(bus: AnyBus, reason: Reason) -> None:
    await eventually(lambda: any(each.reason is reason for each in bus.refusals()))


class TestStrangers:
    """Who has not the key."""

    async def join_in_vain(self, mesh: KeyedMesh, nodes: Nodes, stranger: ZeroMQBus) -> None:
        """Let a node try to have a part in the mesh until it is refused, and see that nothing came of it."""
        bus, ear = nodes[0]
        mesh.buses.append(stranger)
        heard = Ear()
        await stranger.start(heard)
        stranger.append(Kind.TEXT, b"let me in")
        stranger.subscribe("t")
        bus.subscribe("t")
        await eventually(lambda: sum(bus.refused_connections.values()) >= 2)
        stranger.cast("t", b"let me in")
        await still_works(nodes)
        assert {peer.node for peer in bus.peers()} == {nodes[1][0].node}
        assert not ear.payloads(stranger.origin)
        assert not heard.records
        assert stranger.peers() == []

    async def test_a_node_with_another_key_is_refused_and_named(self, mesh: KeyedMesh, nodes: Nodes) -> None:
        other = SecretFile(make_secret_file(mesh.folder / "other"))
        stranger = ZeroMQBus(identity(9), port=0, peers=[nodes[0][0].address], secret=other)
        await self.join_in_vain(mesh, nodes, stranger)
        assert reasons(nodes[0][0]) == {"127.0.0.1": {Reason.KEY}}
        await refused(stranger, Reason.ANSWER)
        assert nodes[0][0].address in reasons(stranger)

    async def test_who_is_found_at_an_address_that_was_heard_of_is_told_nothing(self, nodes: Nodes) -> None:
        loop, heard = asyncio.get_running_loop(), bytearray()
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.setblocking(False)
            address = f"127.0.0.1:{trap.getsockname()[1]}"
            nodes[0][0].join(address)
            async with asyncio.timeout(PATIENCE):
                line, _ = await loop.sock_accept(trap)
                with line:
                    line.setblocking(False)
                    await loop.sock_sendall(line, greeting())
                    while len(heard) < WHOLE_BYTES:
                        heard += await loop.sock_recv(line, 4096)
                    await still_works(nodes)
                    with contextlib.suppress(BlockingIOError):
                        heard += line.recv(65536)
            nodes[0][0].give_up(address)
        assert judge(bytes(heard[:WHOLE_BYTES])) is Said.HELLO
        for ours in (b"still here", *(bus.node.encode() for bus, _ in nodes)):
            assert ours not in heard
        assert {peer.node for peer in nodes[0][0].peers()} == {nodes[1][0].node}

    async def test_a_node_without_a_key_is_refused_and_named(self, mesh: KeyedMesh, nodes: Nodes) -> None:
        await self.join_in_vain(mesh, nodes, ZeroMQBus(identity(9), port=0, peers=[nodes[0][0].address]))
        assert reasons(nodes[0][0]) == {"127.0.0.1": {Reason.PLAIN}}

    async def test_a_node_with_a_key_has_no_part_in_a_mesh_without(self, mesh: KeyedMesh, nodes: Nodes) -> None:
        plain, ear = ZeroMQBus(identity(8), port=0, peers=[nodes[0][0].address]), Ear()
        mesh.buses.append(plain)
        await plain.start(ear)
        nodes[0][0].join(plain.address)
        await refused(plain, Reason.PLAIN)
        assert not plain.peers()
        await still_works(nodes)

    @pytest.mark.parametrize("port", range(3))
    async def test_who_knows_the_servers_key_and_has_another_is_let_in_at_no_port(
        self, mesh: KeyedMesh, nodes: Nodes, port: int
    ) -> None:
        bus = nodes[0][0]
        right = Key.of(SecretFile(mesh.file(1)).current)
        wrong_public, wrong_secret = zmq.curve_keypair()
        with (
            zmq.Context[zmq.Socket[bytes]]() as context,
            context.socket((zmq.DEALER, zmq.SUB, zmq.SUB)[port]) as sock,
        ):
            sock.setsockopt(zmq.LINGER, 0)
            sock.setsockopt(zmq.CURVE_SERVERKEY, right.public)
            sock.setsockopt(zmq.CURVE_PUBLICKEY, wrong_public)
            sock.setsockopt(zmq.CURVE_SECRETKEY, wrong_secret)
            if port:
                sock.setsockopt(zmq.SUBSCRIBE, b"")
            monitor = sock.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            sock.connect(f"tcp://127.0.0.1:{ports(bus)[port]}")
            await eventually(lambda: bool(monitor.poll(0)))
            monitor.close()
        assert reasons(bus) == {"127.0.0.1": {Reason.KEY}}
        await still_works(nodes)

    @pytest.mark.parametrize("port", range(3))
    async def test_random_bytes_at_any_port_are_refused_and_named(self, nodes: Nodes, port: int) -> None:
        bus = nodes[0][0]
        _, writer = await asyncio.open_connection("127.0.0.1", ports(bus)[port])
        writer.write(secrets.token_bytes(5000))
        await refused(bus, Reason.GARBAGE)
        writer.close()
        assert set(reasons(bus)) == {"127.0.0.1"}
        await still_works(nodes)

    async def test_without_an_answer_of_ours_nobody_comes_in(self, mesh: KeyedMesh, nodes: Nodes) -> None:
        """ZeroMQ lets everybody in where nobody answers its question, unless it is told not to."""
        bus = nodes[0][0]
        assert bus._gate is not None
        bus._gate.close()
        bus._gate = None
        late, ear = await mesh.add(peers=[bus.address])
        await asyncio.sleep(0.5)
        assert ear.up() == set()
        assert late.node not in {peer.node for peer in bus.peers()}

    async def test_a_node_whose_id_was_copied_fences_as_without_a_key(self, mesh: KeyedMesh, nodes: Nodes) -> None:
        _, ear = nodes[1]
        copy, _ = await mesh.add(peers=[nodes[0][0].address], who=Identity(nodes[1][0].node, 2))
        await ear.until(lambda: ear.fenced == [copy.origin])


def make_secret_file(file: Path) -> Path:
    make_secret(file)
    return file
