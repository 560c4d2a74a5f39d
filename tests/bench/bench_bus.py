"""How many casts a second one core receives: `python tests/bench/bench_bus.py [--seconds 3]` prints one line of JSON.

A process floods this one over the ZeroMQ mesh with frames of 160 bytes to 50 topics, once with one frame in a message
and once with twenty; the listener only counts. Rates are per second of this process's CPU, its I/O thread included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bus.interface import Peer
from bus.keys import Identity
from bus.record import Record
from bus.secret import SecretFile
from bus.zeromq import ZeroMQBus
from tests.bus.ear import eventually

TOPICS = [f"voice/{number}" for number in range(50)]
FRAME = bytes(160)


class Counter:
    """A listener that counts frames."""

    def __init__(self) -> None:
        self.frames = 0
        self.up = asyncio.Event()

    def on_record(self, record: Record, copies: int) -> None:
        """Not measured here."""

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        """What is measured."""
        self.frames += len(frames)

    def on_call(self, caller: str, body: bytes) -> bytes:
        """The receiver asks the sender for its figures."""
        return body

    def on_peer(self, peer: Peer) -> None:
        """Somebody is there."""
        if peer.state == "up":
            self.up.set()

    def on_forgotten(self, origin: str) -> None:
        """Not measured here."""

    def on_gap(self, origin: str, upto: int) -> None:
        pass

    def on_fenced(self, origin: str) -> None:
        pass

    def on_synced(self) -> None:
        """Not measured here."""


def new_bus(number: int, key: Path | None, peers: Sequence[str] = ()) -> ZeroMQBus:
    """A node of the mesh, with a key or without."""
    secret = None if key is None else SecretFile(key)
    return ZeroMQBus(Identity(f"{number:016x}", 1), port=0, peers=peers, secret=secret)


async def flood(peer: str, packed: int, key: Path | None) -> None:
    """Cast as fast as the loop turns until stdin ends."""
    bus = new_bus(2, key, [peer])
    await bus.start(Counter())
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    await eventually(lambda: all(map(bus.wanted, TOPICS)))
    casts, started = 0, time.process_time()
    while not ended.is_set():
        for topic in TOPICS:
            for _ in range(packed):
                bus.cast(topic, FRAME)
        casts += packed * len(TOPICS)
        await asyncio.sleep(0)
    print(json.dumps({"cast_us": round((time.process_time() - started) / casts * 1e6, 2)}), flush=True)
    await bus.stop()


async def receive(seconds: float, packed: int, key: Path | None = None) -> dict[str, float]:
    """Figures of one flood, in a mesh with the secret of `key` or without one."""
    bus, counter = new_bus(1, key), Counter()
    await bus.start(counter)
    for topic in TOPICS:
        bus.subscribe(topic)
    sender = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "--flood",
        bus.address,
        "--packed",
        str(packed),
        *(() if key is None else ("--key", str(key))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert sender.stdin is not None
    try:
        await counter.up.wait()
        await eventually(lambda: counter.frames > 0)
        await asyncio.sleep(0.5)
        frames, cpu, wall = counter.frames, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        frames, cpu, wall = counter.frames - frames, time.process_time() - cpu, time.monotonic() - wall
    finally:
        sender.stdin.close()
        output, _ = await sender.communicate()
    stale = bus.stale
    await bus.stop()
    return {
        "casts_per_cpu_second": round(frames / cpu),
        "casts_per_second": round(frames / wall),
        "stale_messages": stale,
        "sender_cast_us": json.loads(output)["cast_us"],
    }


def main() -> None:
    """Measure, or flood for the one that measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop, as headless nodes do")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the secret of the mesh (default: none)")
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("--packed", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    loop: Callable[[], asyncio.AbstractEventLoop] = (
        uvloop.new_event_loop if options.uvloop else asyncio.new_event_loop
    )
    with asyncio.Runner(loop_factory=loop) as runner:
        if options.flood:
            runner.run(flood(options.flood, options.packed, options.key))
            return
        figures = {
            f"packed_{packed}": runner.run(receive(options.seconds, packed, options.key)) for packed in (1, 20)
        }
    print(json.dumps({"frame_bytes": len(FRAME), "loop": "uvloop" if options.uvloop else "asyncio", **figures}))


if __name__ == "__main__":
    main()
