"""A node in a process of its own: says on stdout what its bus delivers, and takes orders on stdin."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from bus.interface import Peer
from bus.keys import claim
from bus.record import Kind, Record
from bus.zeromq import ZeroMQBus

HELD_SECONDS = 6
"""Long enough for a heart-beat of ZeroMQ to be missed by a connection that is not read."""


class Teller:
    """Writes one line of JSON for everything heard."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def tell(self, what: str, **more: object) -> None:
        self._out.write(json.dumps({"what": what, **more}) + "\n")
        self._out.flush()

    def on_record(self, record: Record, copies: int) -> None:
        self.tell("record", origin=record.origin, seq=record.seq, text=record.payload.decode(), copies=copies)

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        self.tell("cast", topic=topic, frames=len(frames))

    def on_call(self, caller: str, body: bytes) -> bytes:
        return body

    def on_peer(self, peer: Peer) -> None:
        self.tell("peer", node=peer.node, state=peer.state)

    def on_forgotten(self, origin: str) -> None:
        self.tell("forgotten", origin=origin)

    def on_gap(self, origin: str, upto: int) -> None:
        self.tell("gap", origin=origin, upto=upto)

    def on_fenced(self, origin: str) -> None:
        self.tell("fenced", origin=origin)

    def on_synced(self) -> None:
        self.tell("synced")


async def main(data_dir: str, port: str, *peers: str) -> None:
    """Run until stdin ends or SIGTERM. Orders are lines: ``append TEXT``, ``subscribe TOPIC``, ``hold``, ``stop``."""
    teller = Teller(sys.stdout)
    with claim(Path(data_dir)) as identity:
        bus = ZeroMQBus(identity, port=int(port), peers=peers)
        await bus.start(teller)
        teller.tell("ready", node=bus.node, origin=bus.origin, address=bus.address)
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        stdin = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)

        async def obey() -> None:
            while line := (await stdin.readline()).decode().strip():
                order, _, rest = line.partition(" ")
                if order == "append":
                    bus.append(Kind.TEXT, rest.encode())
                elif order == "subscribe":
                    bus.subscribe(rest)
                elif order == "hold":
                    time.sleep(HELD_SECONDS)  # noqa: ASYNC251 - that is the fault
                    teller.tell("free")
                else:
                    break
            stop.set()

        obeying = asyncio.create_task(obey())
        await stop.wait()
        await bus.stop()
        obeying.cancel()
        transport.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
