"""Measures a storm of resumes: `make bench-resume`. A node is killed, and all who were on it come to one other node.

The people are clients in processes of their own, in rooms of 20; one more on the node that stays tells what it hears
of them. Loop lag is the node's own figure, the worst of each second, so its p99 is that of the worst seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.client import Client, Closed, Reconnecting, Resumed
from server.descriptors import raise_limit
from server.wire import native
from tests.bench import run as bench
from tests.bench.promises import Section

SESSIONS, PROCESSES = 2_000, 4
MEMBERS = 20
"""In each room."""
PEOPLE_NICE = 10
"""In life they run elsewhere: here they give way to the node."""
COMING = 20
"""So many of a process connect at once in the beginning, which is not measured."""
WITHIN_SECONDS, LAG_SECONDS = 15.0, 0.1
PATIENCE = 60.0
"""After so many seconds what has not come is not waited for."""


# The people: ``bench_resume.py --people FIRST COUNT URL``.


@dataclasses.dataclass
class Person:
    """One session, and when what happened to it, by the clock that all processes share."""

    client: Client
    losses: int = 0
    resumed: float = 0.0
    live: float = 0.0
    recovered: bool = False
    same: bool = False

    async def live_on(self) -> None:
        """Note what happens, until the session is live again."""
        session = self.client.session
        async for event in self.client:
            match event:
                case Reconnecting():
                    self.losses += 1
                case Resumed():
                    self.resumed = time.monotonic()
                    self.recovered = event.recovered
                    self.same = self.client.session == session
                case native.Live():
                    self.live = time.monotonic()
                    return


async def come(url: str, number: int) -> Person:
    """Be in a room."""
    client = Client(url, name=f"Person {number}", hears=False)
    await client.open()
    await client.join(f"room {number // MEMBERS}")
    return Person(client)


async def people(first: int, count: int, url: str) -> None:
    """Be there, and tell how each came back after the node was killed."""
    os.nice(PEOPLE_NICE)
    there: list[Person] = []
    for begin in range(first, first + count, COMING):
        there += await asyncio.gather(*(come(url, n) for n in range(begin, min(begin + COMING, first + count))))
    lives = [asyncio.ensure_future(person.live_on()) for person in there]
    print('{"event":"there"}', flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    either: list[asyncio.Future[Any]] = [asyncio.ensure_future(ended.wait()), asyncio.gather(*lives)]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    told = [
        {"losses": one.losses, "resumed": one.resumed, "live": one.live, "well": one.recovered and one.same}
        for one in there
    ]
    print(json.dumps({"people": told}), flush=True)
    await ended.wait()
    for begin in range(0, count, COMING):
        with contextlib.suppress(Closed):
            await asyncio.gather(*(one.client.close() for one in there[begin : begin + COMING]))


# The one who measures.


class Lag(threading.Thread):
    """Reads each second how late the loop of a node was at worst."""

    def __init__(self, http: str) -> None:
        super().__init__(daemon=True)
        self._url = f"{http}metrics"
        self._ended = threading.Event()
        self.worst: list[float] = []

    def run(self) -> None:
        """Read until told to stop."""
        while not self._ended.wait(1.0):
            with contextlib.suppress(OSError), urllib.request.urlopen(self._url, timeout=10) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("switchboard_loop_lag_seconds "):
                        self.worst.append(float(line.split()[1]))

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self.join()


@contextlib.contextmanager
def crowd(sessions: int, processes: int, url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of people on a node."""
    share = -(-sessions // processes)
    with contextlib.ExitStack() as stack:
        crowds = []
        for first in range(0, sessions, share):
            command = [sys.executable, __file__, "--people", str(first), str(min(share, sessions - first)), url]
            crowds.append(
                stack.enter_context(
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                )
            )
        try:
            for one in crowds:
                bench.wait_for_line(one, seconds=120)
            yield crowds
        finally:
            for one in crowds:
                assert one.stdin is not None
                one.stdin.close()
            for one in crowds:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    one.wait(timeout=30)
                one.kill()


@contextlib.contextmanager
def witness(url: str) -> Iterator[list[Any]]:
    """Somebody on the node that stays, in a room of those who lose theirs; what it is told of them in the end."""
    told: list[Any] = []
    command = [sys.executable, __file__, "--witness", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            bench.wait_for_line(process, seconds=30)
            yield told
        finally:
            assert process.stdin is not None
            process.stdin.close()
            told += bench.wait_for_line(process, seconds=30)["told"]


async def watch(url: str) -> None:
    """Be the witness until standard input ends."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    async with Client(url, name="Witness") as client:
        await client.join("room 0")
        print('{"event":"there"}', flush=True)
        await ended.wait()
        await client.list("rooms")
        await client.close()
        told = [
            type(event).__struct_config__.tag
            for event in [event async for event in client]
            if isinstance(event, native.MemberLeft | native.MemberJoined)
        ]
    print(json.dumps({"told": told}), flush=True)


def storm(sessions: int, processes: int) -> dict[str, Any]:
    """Kill the node of all of them; how they come back."""
    stays = bench.Subject("stays", bench.ours("node", "--bus-port", "0"), ready_line=True)
    with bench.serving(stays, core=None) as here:
        peer = ("--bus-port", "0", "--peer", here.ready["bus"])
        dies = bench.Subject("dies", bench.ours("node", *peer), ready_line=True)
        with (
            bench.serving(dies, core=None) as there,
            crowd(sessions, processes, there.ready["url"]) as crowds,
            witness(here.ready["url"]) as told,
        ):
            lag = Lag(here.ready["http"])
            time.sleep(2)
            lag.start()
            node = psutil.Process(here.pid)
            without, before, killed = bench.starved(), sum(node.cpu_times()[:2]), time.monotonic()
            os.kill(there.pid, signal.SIGKILL)
            everybody: list[dict[str, Any]] = []
            for one in crowds:
                with contextlib.suppress(bench.BenchError):
                    everybody += bench.wait_for_line(one, seconds=max(1.0, killed + PATIENCE - time.monotonic()))[
                        "people"
                    ]
            took, cpu = time.monotonic() - killed, sum(node.cpu_times()[:2]) - before
            lag.stop()
    return {
        "welcome_s": sorted(one["resumed"] - killed for one in everybody if one["resumed"]),
        "live_s": sorted(one["live"] - killed for one in everybody if one["live"]),
        "well": sum(one["well"] for one in everybody),
        "losses": sum(one["losses"] for one in everybody),
        "lag_s": lag.worst,
        "told": told,
        "cpu_s": cpu,
        "waited_pct": (bench.starved() - without) / took * 100,
    }


def report(found: dict[str, Any], sessions: int) -> Section:
    section = Section(f"{sessions:,} sessions resume at one node")
    live = found["live_s"]
    section.say("live again", f"{len(live):,}", "all", len(live) == sessions)
    section.say("welcome: the first / half / all after", _parts(found["welcome_s"]))
    in_time = max(live, default=PATIENCE) <= WITHIN_SECONDS
    section.say("live: the first / half / all after", _parts(live), f"all within {WITHIN_SECONDS:g} s", in_time)
    well = found["well"]
    section.say("the same session, with nothing missing", f"{well:,}", "all", well == sessions)
    section.say("losses, for each session", f"{found['losses'] / sessions:.2f}", "1", found["losses"] == sessions)
    told = found["told"]
    section.say("announced as left or joined, to a member", f"{len(told)}", "none", not told)
    lag = sorted(found["lag_s"])
    p99 = lag[min(len(lag) - 1, int(len(lag) * 0.99))]
    met = p99 < LAG_SECONDS
    section.say("loop lag of its node, p99 of the worst seconds", f"{p99 * 1000:.0f} ms", "under 100 ms", met)
    section.say("half of the seconds at worst", f"{statistics.median(lag) * 1000:.0f} ms")
    section.say("CPU of its node, for each session", f"{found['cpu_s'] / sessions * 1000:.1f} ms")
    section.say("the one who measures waited for a core", f"{found['waited_pct']:.0f} %")
    return section


def _parts(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    return " / ".join(f"{second:.1f} s" for second in (seconds[0], seconds[len(seconds) // 2], seconds[-1]))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="make bench-resume", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=SESSIONS, help=f"how many (default {SESSIONS})")
    parser.add_argument("--processes", type=int, default=PROCESSES, help=f"of people (default {PROCESSES})")
    parser.add_argument("--save", action="store_true", help="keep the table as docs/results/resume-<date>.md")
    parser.add_argument("--people", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--witness", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    raise_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.people is not None:
            first, count, url = options.people
            runner.run(people(int(first), int(count), url))
            return
        if options.witness is not None:
            runner.run(watch(options.witness))
            return
    bench.BUILD.mkdir(parents=True, exist_ok=True)
    section = report(storm(options.sessions, options.processes), options.sessions)
    lines = bench.header(arguments, make="bench-resume", runs=1, secs=PATIENCE)
    bench.publish([*lines, *section.lines()], save="resume" if options.save else None)
    sys.exit(0 if section.wanted else 1)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bench.BenchError as error:
        sys.exit(f"bench: {error}")
