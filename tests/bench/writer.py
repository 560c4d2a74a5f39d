"""A member of the mesh that writes texts which nobody reads: what `promises.py` lets beat on real nodes.

``python tests/bench/writer.py RATE PEER``: so many records a second, in batches of a turn of the loop, until standard
input ends. Prints a line when all its peers hold what it wrote first, and how many a second it wrote as the last.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bus.keys import Identity
from bus.record import Kind
from bus.zeromq import ZeroMQBus
from server import texts
from tests.bench.bench_log import BATCH_SECONDS, Counter
from tests.bus.ear import eventually

ROOMS = 50


async def write(rate: float, peer: str) -> float:
    """Write until standard input ends; returns how many a second."""
    bus, counter = ZeroMQBus(Identity(f"{7:016x}", 1), port=0, peers=[peer]), Counter()
    await bus.start(counter)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, ended.set)
    await counter.synced.wait()
    payload = texts.pack(texts.Text(0, "writer", "Writer", "as much as people say to each other in a room"))
    wrote, began, told = 0, loop.time(), False
    while not ended.is_set():
        for _ in range(round((loop.time() - began) * rate) - wrote):
            wrote += 1
            bus.append(Kind.TEXT, payload, room=f"r{wrote % ROOMS:04}", session="writer", id=f"t{wrote}")
        if wrote and not told and bus.copies(bus.origin, 1) > 1:
            told = True
            print(json.dumps({"event": "writes"}), flush=True)
        await asyncio.sleep(BATCH_SECONDS)
    spent = loop.time() - began
    await eventually(lambda: counter.records >= wrote)
    await bus.stop()
    return wrote / spent


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps({"per_second": runner.run(write(float(sys.argv[1]), sys.argv[2]))}), flush=True)
