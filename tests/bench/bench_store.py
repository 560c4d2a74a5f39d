"""What the store costs, and how soon it answers when it is large (`make bench-store`)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from server.store.address import StoreAddress
from server.store.database import Database
from server.store.keeper import Keeper
from server.store.rows import AuditRow, Sought, place_of
from tests.bench import run as bench
from tests.databases import MariaDB, PostgreSQL, Server

KINDS: dict[str, type[Server] | None] = {"SQLite": None, "MariaDB": MariaDB, "PostgreSQL": PostgreSQL}
WANTED_MS = 200.0
BATCH = 10_000
PAGE = 100
LOOKS = 20
RATE, ROOMS = 1_000, 50
BEGIN = 1_700_000_000_000
ACTIONS = ("kick", "mute", "unmute", "ban", "unban", "move", "set_room", "report")


def lines(first: int, last: int) -> list[AuditRow]:
    """Lines as a cluster writes them: of three nodes, each act with what came of it."""
    return [
        AuditRow(
            chain=f"{n % 3:016x}.1",
            n=n // 3 + 1,
            prev=f"{n - 3:064x}",
            hash=f"{n:064x}",
            origin=f"{n % 3:016x}.1",
            seq=n,
            kind="outcome" if n % 2 else "asked",
            act=f"{n // 2:016x}",
            at=BEGIN + 1_000 * n,
            by=f"moderator{n % 7}",
            action=ACTIONS[n // 2 % 8] if n % 200_000 else "drain",
            user=f"user{n % 5_000}",
            room=f"room {n % 300}",
            line=json.dumps({"n": n, "by": f"moderator{n % 7}", "reason": "what a moderator writes of it " * 3}),
        )
        for n in range(first, last)
    ]


async def fill(address: StoreAddress, rows: int) -> float:
    """Write so many lines of the audit; returns how many a second."""
    database, began = Database(address), time.perf_counter()
    await database.open()
    for first in range(0, rows, BATCH):
        await database.write(lines(first, min(first + BATCH, rows)))
    await database.close()
    return rows / (time.perf_counter() - began)


async def look(address: StoreAddress, rows: int) -> list[tuple[str, list[float]]]:
    """How long each look took, in ms: the first one with a store that has just been opened."""
    began = time.perf_counter()
    keeper = Keeper(address, history_days=30, wall_ms=lambda: BEGIN)
    await keeper.open()
    found = [("opening the store", [1000 * (time.perf_counter() - began)])]
    middle = (BEGIN + 500 * rows, "", 0)

    async def note(what: str, ask: Callable[[], Awaitable[object]], times: int = LOOKS) -> None:
        took = []
        for _ in range(times):
            began = time.perf_counter()
            await ask()
            took.append(1000 * (time.perf_counter() - began))
        found.append((what, took))

    await note("first page, the first time", lambda: keeper.audit_page(Sought(), limit=PAGE), 1)
    await note("first page", lambda: keeper.audit_page(Sought(), limit=PAGE))
    await note("first page of acts alone", lambda: keeper.audit_page(Sought(kind="asked"), limit=PAGE))
    await note("page in the middle", lambda: keeper.audit_page(Sought(), limit=PAGE, before=middle))
    await note("of one moderator", lambda: keeper.audit_page(Sought(by="moderator3"), limit=PAGE))
    await note("of one action that is rare", lambda: keeper.audit_page(Sought(action="drain"), limit=PAGE))
    await note("on one user", lambda: keeper.actions_on("user77", limit=PAGE))
    await note("on a user of whom there is nothing", lambda: keeper.actions_on("nobody", limit=PAGE))
    await note("in one room", lambda: keeper.audit_page(Sought(room="room 7"), limit=PAGE))
    page = await keeper.audit_page(Sought(kind="asked"), limit=PAGE)
    assert len(page) == PAGE
    assert place_of(page[0]) > place_of(page[-1])
    await note("what came of a page of acts", lambda: keeper.audit_of([row.act for row in page]))
    await keeper.close()
    return found


@contextlib.contextmanager
def databases(names: Sequence[str]) -> Iterator[dict[str, tuple[StoreAddress, Server | None]]]:
    """An empty database of each kind."""
    with tempfile.TemporaryDirectory(prefix="store-") as folder, contextlib.ExitStack() as stack:
        made: dict[str, tuple[StoreAddress, Server | None]] = {}
        for name in names:
            kind = KINDS[name]
            if kind is None:
                made[name] = StoreAddress.of_file(f"{folder}/store.db"), None
                continue
            server = kind()
            stack.callback(server.remove)
            server.make()
            server.start()
            made[name] = asyncio.run(server.fresh()), server
        yield made


def large(names: Sequence[str], rows: int) -> list[str]:
    """A section of the report: looks into an audit of so many lines."""
    told: dict[str, dict[str, list[float]]] = {}
    rates = []
    with databases(names) as made:
        for name, (address, _) in made.items():
            rates.append(f"{name} {asyncio.run(fill(address, rows)):,.0f}")
            told[name] = dict(asyncio.run(look(address, rows)))
    said = [f"## An audit of {rows:,} lines", "", f"Lines written a second, in batches: {', '.join(rates)}.", ""]
    said += [f"Milliseconds, median / most of {LOOKS} looks at pages of {PAGE}; wanted: under {WANTED_MS:g}.", ""]
    said += [f"| | {' | '.join(told)} |", f"|---|{'--:|' * len(told)}"]
    for what in next(iter(told.values())):
        cells = [_cell(told[name][what]) for name in told]
        said.append(f"| {what} | {' | '.join(cells)} |")
    pages = [max(took) for found in told.values() for what, took in found.items() if what != "opening the store"]
    return [*said, "", f"The slowest page: {max(pages):.1f} ms.", ""]


def _cell(took: Sequence[float]) -> str:
    return f"{took[0]:.1f}" if len(took) == 1 else f"{statistics.median(took):.1f} / {max(took):.1f}"


def taken(http: str) -> float:
    """How many messages a node has taken from its clients; almost all of them are texts here."""
    with urllib.request.urlopen(f"{http}metrics", timeout=10) as answer:
        found = re.search(rb'^switchboard_received_total\{kind="text"\} (\S+)$', answer.read(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def cost(runs: int, secs: float) -> list[str]:
    """A section of the report: the CPU of a node for a text, with the store and without."""
    found: dict[str, list[tuple[float, float]]] = {"nothing is kept": [], "texts are kept": []}
    for number in range(runs):
        for days in (0, 30) if number % 2 else (30, 0):
            subject = bench.Subject(
                f"store-{days}",
                bench.ours("node", "--bus", "memory", f"--history-days={days}", "--address-requests=0"),
                ready_line=True,
            )
            with bench.serving(subject, core=0) as server:
                process = psutil.Process(server.pid)
                command = [sys.executable, str(bench.BENCH / "talkers.py"), *map(str, (RATE, secs, ROOMS))]
                before = sum(process.cpu_times()[:2])
                done = subprocess.run(
                    [*command, server.ready["url"], server.ready["url"]],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=secs + 120,
                )
                used = sum(process.cpu_times()[:2]) - before
                texts = taken(server.ready["http"])
            if done.returncode:
                raise bench.BenchError(f"the people failed: {done.stderr.strip()}")
            told = json.loads(done.stdout)
            kind = "texts are kept" if days else "nothing is kept"
            found[kind].append((1e6 * used / texts, told["p99_ms"]))
    said = [
        "## What it costs",
        "",
        f"{RATE:,} texts a second of {2 * ROOMS} clients in {ROOMS} rooms of one node, SQLite.",
        "",
    ]
    said += ["| | CPU of the node for a text, µs | `sent` p99, ms |", "|---|--:|--:|"]
    for kind, figures in found.items():
        cells = [f"{statistics.median(column):.1f}" for column in zip(*figures, strict=True)]
        said.append(f"| {kind} | {' | '.join(cells)} |")
    return [*said, ""]


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and keep it where that is asked for."""
    parser = argparse.ArgumentParser(prog="make bench-store", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="lines of the audit (default 1,000,000)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one; repeatable")
    parser.add_argument("--runs", type=int, default=3, help="runs with the store and as many without (default 3)")
    parser.add_argument("--secs", type=float, default=5.0, help="seconds that a run measures (default 5)")
    parser.add_argument("--only", choices=("large", "cost"), help="only this section")
    parser.add_argument("--save", action="store_true", help="keep the tables as docs/results/store-<date>.md")
    options = parser.parse_args(arguments)
    bench.BUILD.mkdir(parents=True, exist_ok=True)
    said = bench.header(arguments, make="bench-store", runs=options.runs, secs=options.secs)
    if options.only != "large":
        said += cost(options.runs, options.secs)
    if options.only != "cost":
        said += large(options.kind or list(KINDS), options.rows)
    bench.publish(said, save="store" if options.save else None)


if __name__ == "__main__":
    main(sys.argv[1:])
