"""What the log costs: `python tests/bench/bench_log.py [join|append] [--records 100000]` prints a line of JSON each.

join    a node joins one that holds so many records of 200 bytes: how long until it holds all, the longest turn of the
        giver's loop meanwhile (measured by a timer of 1 ms), by the clock and in CPU time, and of the joiner's
append  three nodes; one appends 20,000 records a second in batches of a turn for five seconds: how late the last is
        acknowledged by a second node, and the CPU time of each node for a record
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bus.interface import Peer
from bus.keys import Identity
from bus.record import Kind, Record
from bus.zeromq import ZeroMQBus
from tests.bus.ear import eventually

PAYLOAD = bytes(200)
RATE, BATCH_SECONDS = 20_000, 0.005


class Counter:
    """A listener that counts records and answers with its figures."""

    def __init__(self) -> None:
        self.records = 0
        self.synced = asyncio.Event()
        self.ups = 0
        self.up = asyncio.Event()
        self.shown = 0.0
        self.longest = 0.0
        """ms for which the loop was held at most, since it was last asked; the same of its thread's CPU time."""
        self.longest_cpu = 0.0

    def on_record(self, record: Record, copies: int) -> None:
        self.records += 1
        self.shown = time.monotonic()

    def on_gap(self, origin: str, upto: int) -> None:
        raise AssertionError("nothing is missing here")

    def on_fenced(self, origin: str) -> None:
        raise AssertionError("nobody is copied here")

    def on_cast(self, topic: str, frames: Sequence[bytes]) -> None:
        pass

    def on_call(self, caller: str, body: bytes) -> bytes:
        longest = {"longest_ms": self.longest, "longest_cpu_ms": self.longest_cpu}
        self.longest = self.longest_cpu = 0.0
        return json.dumps({"records": self.records, "cpu": time.process_time(), **longest}).encode()

    def on_peer(self, peer: Peer) -> None:
        self.ups += peer.state == "up"
        self.up.set()

    def on_forgotten(self, origin: str) -> None:
        pass

    def on_synced(self) -> None:
        self.synced.set()

    async def watch(self) -> None:
        """Note the longest time that the loop was held."""
        while True:
            before, cpu = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, (time.monotonic() - before - 0.001) * 1000)
            self.longest_cpu = max(self.longest_cpu, (time.thread_time() - cpu) * 1000)


async def serve(number: int, peer: str, records: int) -> None:
    """A node that appends so many records, says where it is, and serves until stdin ends."""
    bus, counter = ZeroMQBus(Identity(f"{number:016x}", 1), port=0, peers=[peer] if peer else []), Counter()
    await bus.start(counter)
    for _ in range(records):
        bus.append(Kind.TEXT, PAYLOAD, room="lobby", session="s", id=None)
        if bus.held(bus.origin) % 2000 == 0:
            await asyncio.sleep(0)
    print(bus.address, flush=True)
    watching = asyncio.create_task(counter.watch())
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()
    watching.cancel()
    await bus.stop()


async def child(number: int, *, peer: str = "", records: int = 0) -> tuple[asyncio.subprocess.Process, str]:
    """Such a node in a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        "serve",
        "--number",
        str(number),
        "--peer",
        peer,
        "--records",
        str(records),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def end(*processes: asyncio.subprocess.Process) -> None:
    """Let them end."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def figures(bus: ZeroMQBus, number: int) -> dict[str, float]:
    """What a child says of itself since the last time."""
    answer: dict[str, float] = json.loads(await bus.call(f"{number:016x}", b"", timeout=10.0))
    return answer


async def join(records: int) -> dict[str, float]:
    """A joiner to a long log."""
    giver, address = await child(1, records=records)
    bus, counter = ZeroMQBus(Identity(f"{9:016x}", 1), port=0, peers=[address]), Counter()
    watching = asyncio.create_task(counter.watch())
    began = time.monotonic()
    await bus.start(counter)
    await counter.synced.wait()
    synced = time.monotonic() - began
    await eventually(lambda: counter.records >= records)
    held = time.monotonic() - began
    gave = await figures(bus, 1)
    watching.cancel()
    await bus.stop()
    await end(giver)
    return {
        "records": records,
        "synced_s": round(synced, 3),
        "all_held_s": round(held, 3),
        "giver_longest_turn_ms": round(gave["longest_ms"], 2),
        "giver_longest_cpu_ms": round(gave["longest_cpu_ms"], 2),
        "joiner_longest_turn_ms": round(counter.longest, 2),
        "joiner_longest_cpu_ms": round(counter.longest_cpu, 2),
    }


async def append(seconds: float) -> dict[str, float]:
    """Many records through three nodes."""
    bus, counter = ZeroMQBus(Identity(f"{9:016x}", 1), port=0), Counter()
    await bus.start(counter)
    children = [await child(number, peer=bus.address) for number in (1, 2)]
    while counter.ups < 2:
        counter.up.clear()
        await counter.up.wait()
    before = [await figures(bus, number) for number in (1, 2)]
    cpu, began, appended, lag = time.process_time(), time.monotonic(), 0, []
    while (now := time.monotonic()) < began + seconds:
        for _ in range(round((now - began) * RATE) - appended):
            bus.append(Kind.TEXT, PAYLOAD, room="lobby", session="s", id=None)
            appended += 1
        lag.append((appended - counter.records) / RATE * 1000)
        await asyncio.sleep(BATCH_SECONDS)
    last = time.monotonic()
    await eventually(lambda: counter.records >= appended)
    took = counter.shown - last
    cpu = time.process_time() - cpu
    after = [{"records": 0.0}]
    while min(one["records"] for one in after) < appended:
        after = [await figures(bus, number) for number in (1, 2)]
    await end(*(process for process, _ in children))
    await bus.stop()
    spent = max(a["cpu"] - b["cpu"] for a, b in zip(after, before, strict=True))
    lag.sort()
    return {
        "appended_per_second": round(appended / seconds),
        "confirmed_after_the_last_ms": round(took * 1000, 1),
        "waiting_p50_ms": round(lag[len(lag) // 2], 1),
        "waiting_p99_ms": round(lag[len(lag) * 99 // 100], 1),
        "origin_cpu_us_per_record": round(cpu / appended * 1e6, 1),
        "peer_cpu_us_per_record": round(spent / appended * 1e6, 1),
    }


def main() -> None:
    """Measure, or serve for the one that measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("join", "append", "serve"))
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--number", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--peer", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if given.what == "serve":
            runner.run(serve(given.number, given.peer, given.records))
            return
        if given.what in (None, "join"):
            print(json.dumps({"join": runner.run(join(given.records))}), flush=True)
        if given.what in (None, "append"):
            print(json.dumps({"append": runner.run(append(5.0))}), flush=True)


if __name__ == "__main__":
    main()
