"""Measures what the log promises, on this machine: `make bench-log`. Each figure stands beside what is wanted of it.

casts   what one core receives from the mesh: frames of 160 bytes to a listener that counts, one or 20 in a message
append  20,000 records a second in batches of a turn of the loop, through three nodes with acknowledgement
sent    three nodes as processes, 150 people on them: how long each of 2,000 texts a second waits for `sent`
hole    6 s of black hole with 10 % loss and duplication: what is missing, how soon all is healed
join    a node that joins a log of 100,000 records, and how long it holds the loop of the one that gives
voice   how much later voice comes across two nodes while 5,000 records a second go through them
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from server.descriptors import raise_limit
from tests.bench import bench_bus, bench_log
from tests.bench import run as bench
from tests.faults.__main__ import play

RATE, ROOMS = 2000, 50
"""Texts a second, and rooms of one person on each of three nodes."""

RECORDS = 5000
"""A second, beside voice."""

VOICE = ("--rooms", 4, "--members", 6, "--speakers", 2, "--fps", 50, "--bytes", 120)
"""Who speaks meanwhile: half of each room is on the other node."""


class Section:
    """One of the numbers: what it is about, and its figures."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[str, str, str]] = []
        self.wanted = True
        """All that is wanted was met."""

    def say(self, what: str, figure: str, wanted: str = "", met: bool = True) -> None:
        """Note a figure, and what is wanted of it."""
        self.rows.append((what, figure, f"{wanted}: {'met' if met else '**NOT met**'}" if wanted else ""))
        self.wanted = self.wanted and met

    def say_waited(self, found: Sequence[dict[str, Any]], part: str = "waited_pct") -> None:
        """Note how long the measuring process had no core: above a few percent, measure again."""
        self.say("the one who measures waited for a core", f"{bench.median(found, part):.0f} %")

    def lines(self) -> list[str]:
        """All of it as a table."""
        rows = [f"| {' | '.join(row)} |" for row in self.rows]
        return [f"## {self.title}", "", "| | | wanted |", "|---|--:|---|", *rows, ""]


def on_loop(
    measure: Callable[[], Any], loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
) -> dict[str, float]:
    """The figures of a coroutine, on the loop of a node without a window unless told otherwise."""
    began, without = time.monotonic(), bench.starved()
    with asyncio.Runner(loop_factory=loop) as runner:
        figures: dict[str, float] = runner.run(measure())
    return figures | {"waited_pct": (bench.starved() - without) / (time.monotonic() - began) * 100}


def casts(runs: int, secs: float) -> Section:
    section = Section("Casts of 160 bytes received, for each second of one core")
    every = []
    for packed, wanted in ((1, 200_000), (20, 1_000_000)):
        for name, loop in (("uvloop", uvloop.new_event_loop), ("asyncio", asyncio.new_event_loop)):
            found = [on_loop(partial(bench_bus.receive, secs, packed), loop) for _ in range(runs)]
            every += found
            rate = bench.median(found, "casts_per_cpu_second")
            what = f"{'one frame' if packed == 1 else f'{packed} frames'} in a message, {name}"
            section.say(what, f"{rate:,.0f}", f"at least {wanted:,}", rate >= wanted)
    section.say_waited(every)
    return section


def append(runs: int, secs: float) -> Section:
    section = Section("Records appended in batches of a turn, three nodes")
    found = [on_loop(partial(bench_log.append, secs)) for _ in range(runs)]
    rate = bench.median(found, "appended_per_second")
    section.say("appended and acknowledged", f"{rate:,.0f} a second", "20,000", rate >= 19_900)
    late = bench.median(found, "confirmed_after_the_last_ms")
    section.say("the last acknowledged after", f"{max(0.0, late):.1f} ms", "at most 100 ms", late <= 100)
    waiting = [f"{bench.median(found, f'waiting_{part}_ms'):.1f}" for part in ("p50", "p99")]
    section.say("waiting for a second copy, p50 / p99", f"{' / '.join(waiting)} ms")
    cpu = [f"{bench.median(found, f'{end}_cpu_us_per_record'):.1f}" for end in ("origin", "peer")]
    section.say("CPU for a record, at its origin / at a peer", f"{' / '.join(cpu)} µs")
    section.say_waited(found)
    return section


@contextlib.contextmanager
def nodes(count: int) -> Iterator[list[dict[str, Any]]]:
    """So many real nodes of one mesh; their ready lines. They meet while clients come."""
    with contextlib.ExitStack() as stack:
        ready: list[dict[str, Any]] = []
        for number in range(count):
            peer = ("--peer", ready[0]["bus"]) if ready else ()
            subject = bench.Subject(
                f"node{number}",
                bench.ours("node", "--bus-port", "0", *peer),
                ready_line=True,
            )
            ready.append(stack.enter_context(bench.serving(subject, core=None)).ready)
        yield ready


def sent(runs: int, secs: float) -> Section:
    section = Section(f"Time until `sent`, {RATE:,} texts a second on three nodes, {3 * ROOMS} people")
    found = []
    for _ in range(runs):
        with nodes(3) as ready:
            urls = [one["url"] for one in ready]
            command = [sys.executable, str(bench.BENCH / "talkers.py"), *map(str, (RATE, secs, ROOMS)), *urls]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=secs + 120)
        if done.returncode:
            raise bench.BenchError(f"the people failed: {done.stderr.strip()}")
        found.append(json.loads(done.stdout))
    rate = bench.median(found, "per_second")
    section.say("texts", f"{rate:,.0f} a second", f"{RATE:,}", rate >= RATE * 0.99)
    section.say("p50", f"{bench.median(found, 'p50_ms'):.1f} ms")
    p99 = bench.median(found, "p99_ms")
    section.say("p99", f"{p99:.1f} ms", "under 10 ms", p99 < 10)
    section.say("at most", f"{bench.median(found, 'most_ms'):.1f} ms")
    wrong = [sum(int(one[kind]) for one in found) for kind in ("unanswered", "refused")]
    section.say("unanswered / refused", f"{wrong[0]} / {wrong[1]}", "none", not any(wrong))
    section.say_waited(found)
    return section


def hole(runs: int, secs: float) -> Section:
    section = Section("6 s of black hole around a node, with 10 % loss and duplication")
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="hole-") as folder:
            result = asyncio.run(play("hole", kind="namespaces", long=True, folder=Path(folder)))
        for holds, what in result.checks:
            section.say(what, "", "yes", holds)
        for figure in result.figures:
            section.say(figure, "")
    return section


def join(runs: int, secs: float) -> Section:
    section = Section("A node joins a log of 100,000 records")
    found = [on_loop(partial(bench_log.join, 100_000)) for _ in range(runs)]
    live = bench.median(found, "all_held_s")
    section.say("live after", f"{live:.2f} s", "within 3 s", live <= 3)
    held = bench.median(found, "giver_longest_cpu_ms")
    section.say("the giver's loop is held for", f"{held:.1f} ms of CPU at most", "never for 8 ms", held < 8)
    section.say("the same by the clock, with what else ran", f"{bench.median(found, 'giver_longest_turn_ms'):.1f} ms")
    section.say(
        "the joiner's loop is held for", f"{bench.median(found, 'joiner_longest_cpu_ms'):.1f} ms of CPU at most"
    )
    return section


def voice(runs: int, secs: float) -> Section:
    section = Section(f"Voice across two nodes beside {RECORDS:,} records a second")
    quiet: list[dict[str, Any]] = []
    busy: list[dict[str, Any]] = []
    wrote: list[float] = []
    wrong = 0
    for _ in range(runs):
        with nodes(2) as ready:
            for found, rate in ((quiet, 0), (busy, RECORDS)):
                with writing(rate, ready[0]["bus"], wrote):
                    report = across(ready, secs)
                found.append(report)
                wrong += sum(int(report[fault]) for fault in bench.FAULTS)
    for name, found in (("without", quiet), ("with", busy)):
        parts = [f"{bench.median(found, 'cross_us', part) / 1000:.1f}" for part in ("p50", "p99")]
        section.say(f"{name} records: p50 / p99", f"{' / '.join(parts)} ms")
    section.say("records", f"{statistics.median(wrote):,.0f} a second", f"{RECORDS:,}", min(wrote) >= RECORDS * 0.99)
    later = (bench.median(busy, "cross_us", "p99") - bench.median(quiet, "cross_us", "p99")) / 1000
    section.say("p99 later by", f"{later:.1f} ms", "at most 2 ms", later <= 2)
    section.say("frames lost, doubled, out of order", str(wrong), "none", not wrong)
    section.say_waited([*quiet, *busy], "loadgen_wait_pct")
    return section


@contextlib.contextmanager
def writing(rate: float, peer: str, wrote: list[float]) -> Iterator[None]:
    """Records flow for as long as the context lasts; how many a second there were goes into `wrote`."""
    if not rate:
        yield
        return
    command = [sys.executable, str(bench.BENCH / "writer.py"), str(rate), peer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        try:
            bench.wait_for_line(writer, seconds=30)
            yield
        finally:
            assert writer.stdin is not None
            writer.stdin.close()
        wrote.append(bench.wait_for_line(writer, seconds=30)["per_second"])


def across(ready: Sequence[dict[str, Any]], secs: float) -> dict[str, Any]:
    """What people hear of those on the other node."""
    ports = [str(one["http"]).rstrip("/").rpartition(":")[2] for one in ready]
    command = [str(bench.BUILD / "loadgen"), "--port", ports[0], "--port2", ports[1], *bench.SPEAK_TO_US]
    command += map(str, (*VOICE, "--secs", secs))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=secs + 60)
    if done.returncode:
        raise bench.BenchError(f"the speakers failed: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


NUMBERS: dict[str, Callable[[int, float], Section]] = {
    measure.__name__: measure for measure in (casts, append, sent, hole, join, voice)
}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="make bench-log", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=NUMBERS, help="only this one; repeatable")
    parser.add_argument("--runs", type=int, default=3, help="runs of each but the hole (default 3)")
    parser.add_argument("--secs", type=float, default=5, help="seconds that a run measures (default 5)")
    parser.add_argument("--save", action="store_true", help="keep the tables as docs/results/log-<date>.md")
    options = parser.parse_args(arguments)
    raise_limit()
    bench.compile_yardsticks()
    sections = []
    for name in options.only or NUMBERS:
        print(f"{name} …", file=sys.stderr, flush=True)
        sections.append(NUMBERS[name](1 if name == "hole" else options.runs, options.secs))
    lines = bench.header(arguments, make="bench-log", runs=options.runs, secs=options.secs)
    for section in sections:
        lines += section.lines()
    bench.publish(lines, save="log" if options.save else None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bench.BenchError as error:
        sys.exit(f"bench: {error}")
