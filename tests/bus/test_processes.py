"""A mesh of real processes that are stopped, killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bus.interface import PeerState
from bus.membership import UP_TICKS
from bus.record import Kind
from bus.zeromq import ZeroMQBus
from tests.bus.contract import identity
from tests.bus.ear import Ear, eventually
from tests.bus.processes import Process


class Around:
    """A bus in this process with its listener, and the processes around it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bus = ZeroMQBus(identity(1), port=0)
        self.ear = Ear()
        self.processes: list[Process] = []

    async def start(self, name: str, *, port: int = 0) -> Process:
        """Start a process that knows this bus, and wait until both are up for each other."""
        process = await Process.start(self._folder / name, self.bus.address, port=port)
        self.processes.append(process)
        await self.ear.until(lambda: process.node in self.ear.up())
        await process.until(lambda line: line.get("node") == self.bus.node and line.get("state") == "up")
        return process

    def append(self, *texts: str) -> None:
        for text in texts:
            self.bus.append(Kind.TEXT, text.encode())


@pytest_asyncio.fixture
async def around(tmp_path: Path) -> AsyncIterator[Around]:
    made = Around(tmp_path)
    await made.bus.start(made.ear)
    yield made
    for process in made.processes:
        await process.kill()
    await made.bus.stop()


async def test_with_every_peer_stopped_no_record_has_two_copies(around: Around) -> None:
    peers = [await around.start("b"), await around.start("c")]
    around.append("before")
    await around.ear.until(lambda: len(around.ear.records) == 1)
    assert around.ear.copies(around.bus.origin)[0] in (2, 3)

    for peer in peers:
        await peer.freeze()
    during = [f"during {number}" for number in range(20)]
    around.append(*during)
    await around.ear.until(lambda: len(around.ear.records) > 1)
    assert not around.ear.up()
    await around.ear.until(lambda: len(around.ear.records) == 21)
    around.append("alone")
    await around.ear.until(lambda: len(around.ear.records) == 22)
    assert around.ear.copies(around.bus.origin)[1:] == [1] * 21

    for peer in peers:
        peer.thaw()
    await around.ear.until(lambda: around.ear.up() == {peer.node for peer in peers})
    around.append("after")
    await around.ear.until(lambda: len(around.ear.records) == 23)
    assert around.ear.copies(around.bus.origin)[22] in (2, 3)
    for peer in peers:
        await peer.has(around.bus.origin, ["before", *during, "alone", "after"])


async def test_one_stopped_peer_holds_nobody_up(around: Around) -> None:
    stopped, running = await around.start("b"), await around.start("c")
    await stopped.freeze()
    around.append("two are enough")
    await around.ear.until(lambda: bool(around.ear.records))
    assert around.ear.copies(around.bus.origin) == [2]
    await running.has(around.bus.origin, ["two are enough"])
    stopped.thaw()
    await stopped.has(around.bus.origin, ["two are enough"])


async def test_a_killed_process_is_suspect_by_its_connection_and_down_by_its_silence(around: Around) -> None:
    killed, other = await around.start("b"), await around.start("c")
    killed.order("append last words")
    await around.ear.until(lambda: around.ear.payloads(killed.origin) == [b"last words"])
    await killed.kill()
    await around.ear.until(lambda: around.ear.states()[killed.node] is PeerState.SUSPECT)
    membership = around.bus._running.membership
    named = membership.nodes[killed.node].named
    assert named is not None
    assert membership.ticks - named <= UP_TICKS  # so it was not by two seconds of silence
    await around.ear.until(lambda: around.ear.states()[killed.node] is PeerState.DOWN)

    again = await around.start("b")
    assert again.node == killed.node
    assert again.origin != killed.origin
    await again.has(killed.origin, ["last words"])
    again.order("append first words")
    await around.ear.until(lambda: around.ear.payloads(again.origin) == [b"first words"])
    await other.has(again.origin, ["first words"])
    assert around.ear.payloads(killed.origin) == [b"last words"]


async def test_a_seed_that_was_killed_and_comes_back_on_its_port_is_found_again(around: Around) -> None:
    seed = await around.start("b")
    port = int(seed.address.rpartition(":")[2])
    await seed.kill()
    back = await Process.start(around._folder / "b", port=port)
    around.processes.append(back)
    await around.ear.until(lambda: around.ear.peers[back.node].origin == back.origin and back.node in around.ear.up())
    around.append("welcome back")
    await back.has(around.bus.origin, ["welcome back"])
    around.bus.subscribe("t")
    back.order("subscribe u")
    await eventually(lambda: around.bus.wanted("u"))
    around.bus.cast("u", b"voice")
    await back.until(lambda line: line["what"] == "cast")


async def test_a_seed_that_was_killed_and_is_told_of_nobody_has_all_before_it_is_synced(around: Around) -> None:
    seed = await around.start("b")
    texts = [str(number) for number in range(120)]
    around.append(*texts)
    await seed.has(around.bus.origin, texts)
    await eventually((around._folder / "b" / "identity-1.peers.json").exists)
    await seed.kill()
    back = await Process.start(around._folder / "b", port=int(seed.address.rpartition(":")[2]))
    around.processes.append(back)
    await back.until(lambda line: line["what"] == "synced")
    await back.has(around.bus.origin, texts)
    heard = [line["what"] for line in back.said if line["what"] in ("record", "synced")]
    assert heard == ["record"] * 120 + ["synced"]


async def test_a_process_that_ends_well_is_down_at_once(around: Around) -> None:
    peer = await around.start("b")
    assert await peer.terminate() == 0
    await around.ear.until(lambda: around.ear.states()[peer.node] is PeerState.DOWN)
    assert PeerState.SUSPECT not in [change.state for change in around.ear.changes[1:]]


async def test_a_node_whose_loop_is_held_until_its_queues_are_full_goes_on_when_it_is_free(around: Around) -> None:
    """What is not read misses its heart-beats, and is connected anew while it is still full."""
    peer = await around.start("b")
    peer.order("subscribe room")
    await eventually(lambda: around.bus.wanted("room"))
    peer.order("hold")
    while not any(line["what"] == "free" for line in peer.said):
        around.bus.cast("room", bytes(100))
        await asyncio.sleep(0.002)
    around.append("after")
    await peer.has(around.bus.origin, ["after"])
