"""A listener that keeps what it hears and lets a test wait for it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bus.interface import Peer, PeerState
from bus.record import NodeId, Origin, Record

PATIENCE = 20.0
"""Seconds after which a test gives up; a bound on failure, never a measure."""


class Ear:
    """What a bus delivered, in order."""

    def __init__(self, answer: Callable[[NodeId, bytes], bytes | Awaitable[bytes]] | None = None) -> None:
        self.records: list[tuple[Record, int]] = []
        self.casts: list[tuple[str, list[bytes]]] = []
        self.peers: dict[NodeId, Peer] = {}
        self.changes: list[Peer] = []
        self.forgotten: list[Origin] = []
        self.gaps: list[tuple[Origin, int]] = []
        self.fenced: list[Origin] = []
        self.synced = 0
        self.synced_after = 0
        """How many records had come before."""
        self.answer = answer or (lambda caller, body: body)
        self._stir = asyncio.Event()

    def on_record(self, record: Record, copies: int) -> None:
        self.records.append((record, copies))
        self._stir.set()

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        self.casts.append((topic, list(frames)))
        self._stir.set()

    def on_call(self, caller: NodeId, body: bytes) -> bytes | Awaitable[bytes]:
        return self.answer(caller, body)

    def on_peer(self, peer: Peer) -> None:
        self.peers[peer.node] = peer
        self.changes.append(peer)
        self._stir.set()

    def on_gap(self, origin: Origin, upto: int) -> None:
        self.gaps.append((origin, upto))
        self._stir.set()

    def on_fenced(self, origin: Origin) -> None:
        self.fenced.append(origin)
        self._stir.set()

    def on_forgotten(self, origin: Origin) -> None:
        self.forgotten.append(origin)
        self._stir.set()

    def on_synced(self) -> None:
        self.synced += 1
        self.synced_after = len(self.records)
        self._stir.set()

    def seqs(self, origin: Origin) -> list[int]:
        """The places of one origin's records, in the order shown."""
        return [record.seq for record, _ in self.records if record.origin == origin]

    def payloads(self, origin: Origin) -> list[bytes]:
        return [record.payload for record, _ in self.records if record.origin == origin]

    def copies(self, origin: Origin) -> list[int]:
        return [copies for record, copies in self.records if record.origin == origin]

    def frames(self, topic: str) -> list[bytes]:
        """All frames of a topic, in the order heard."""
        return [frame for name, frames in self.casts if name == topic for frame in frames]

    def states(self) -> dict[NodeId, PeerState]:
        return {node: peer.state for node, peer in self.peers.items()}

    def up(self) -> set[NodeId]:
        return {node for node, state in self.states().items() if state is PeerState.UP}

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until something heard makes `seen` true."""
        async with asyncio.timeout(PATIENCE):
            while not seen():
                self._stir.clear()
                await self._stir.wait()


async def all_hear(ears: Iterable[Ear], seen: Callable[[Ear], bool]) -> None:
    """Wait until `seen` is true of each."""
    for ear in ears:
        await ear.until(functools.partial(seen, ear))


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for a state that tells nobody when it changes."""
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, "it never came about"
        await asyncio.sleep(0.01)
