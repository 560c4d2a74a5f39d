"""Joining a cluster that runs already, over the real mesh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bus.keys import Identity
from bus.zeromq import ZeroMQBus
from server import joining
from server.config import Config
from server.desk import Desk
from server.gateway import Gateway
from server.identity import Tokens
from server.node import Node
from server.wire.native import Code, Refused
from tests.bus.ear import eventually
from tests.guest import Guest
from tests.nodes import KEY


class Meshed:
    """Nodes on a real mesh."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[tuple[Node, Gateway]] = []

    async def node(self, name: str, *peers: str) -> Node:
        """A node that serves."""
        number = len(self._made) + 1
        config = Config(name=name, port=0, data_dir=self._folder / name)
        node = Node(config, ZeroMQBus(Identity(f"{number:016x}", 1), port=0, peers=peers), Tokens(KEY))
        gateway = Gateway(node, config)
        host, port = await gateway.listen()
        self._made.append((node, gateway))
        await node.start(url=f"ws://{host}:{port}/ws", http=f"http://{host}:{port}/")
        return node

    async def stop(self) -> None:
        """Let all of them go."""
        for node, gateway in reversed(self._made):
            await gateway.drain(0)
            await node.stop()
            await gateway.close()


@pytest_asyncio.fixture
async def meshed(tmp_path: Path) -> AsyncIterator[Meshed]:
    made = Meshed(tmp_path)
    yield made
    await made.stop()


async def test_two_clusters_become_one_and_see_the_people_of_both(meshed: Meshed) -> None:
    ours, theirs = await meshed.node("ours"), await meshed.node("theirs")
    ann, bob = await Guest.enter(ours.url, name="Ann"), await Guest.enter(theirs.url, name="Bob")
    await bob.join("den")
    await ann.join("den")
    desk = Desk(ours, "Lena")
    assert await desk.join(theirs.bus.address) == "theirs"
    await eventually(lambda: {person.name for person in desk.people()} == {"Ann", "Bob"})
    room = desk.room("den")
    assert room is not None
    assert (room.members, room.nodes) == (2, 2)
    for guest in (ann, bob):
        guest.vanish()
        await guest.socket.wait_closed()


async def test_where_nobody_answers_the_address_is_given_up(meshed: Meshed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "SECONDS", 0.1)
    ours, gone = await meshed.node("ours"), await meshed.node("gone")
    address = gone.bus.address
    await gone.stop()
    with pytest.raises(Refused, match="No node has answered") as refused:
        await Desk(ours, "Lena").join(address)
    assert refused.value.code is Code.UNAVAILABLE
    assert not ours.bus.peers()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "a host and a port"),
        ("127.0.0.1", "a host and a port"),
        ("127.0.0.1:99999", "a host and a port"),
        ("192.0.2.7:8766", "this machine only"),
        ("mesh.example:8766", "this machine only"),
        ("OWN", "address of this console"),
        ("CLIENTS", "for clients"),
        ("PEER", "in the mesh already"),
    ],
)
async def test_what_is_no_address_to_join_is_said_before_anything_is_tried(
    meshed: Meshed, address: str, says: str
) -> None:
    ours = await meshed.node("ours")
    peer = await meshed.node("peer")
    desk = Desk(ours, "Lena")
    await desk.join(peer.bus.address)
    clients = ours.url.removeprefix("ws://").removesuffix("/ws")
    address = {"OWN": ours.bus.address, "CLIENTS": clients, "PEER": peer.bus.address}.get(address, address)
    assert says in desk.problem_of(address)
    with pytest.raises(Refused, match=says):
        await desk.join(address)
