"""Rows of the fault matrix that try the port of a node: strangers who begin, lie or do not read; a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.faults.check import share
from tests.faults.field import MESH, SPARE, Field
from tests.faults.result import Result, whole
from tests.forks import AnyProcess
from tests.processes import ROOT, environment

NODE = MESH[1]
"""The node that is tried; people are on all of them."""
PATIENCE = 60.0
MIB = 1 << 20
FLOOD = 4429
ROOM_FULL = 50
"""Who is in a room at most: those who do not read, and two who write."""


class Stranger:
    """A process of `tests.faults.stranger`."""

    def __init__(self, process: AnyProcess) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []

    async def until(self, event: str, within: float = PATIENCE) -> dict[str, Any]:
        """Read what it tells until it tells this."""
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            while line := await self._process.stdout.readline():
                self.lines.append(json.loads(line))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"a stranger ended before {event!r}")

    def told(self, event: str) -> list[dict[str, Any]]:
        """What it has told so far of one kind."""
        return [line for line in self.lines if line["event"] == event]

    def go(self) -> None:
        """Let it begin what it waits with."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")

    async def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@contextlib.asynccontextmanager
async def stranger(field: Field, do: str, *, host: str = SPARE, **how: Any) -> AsyncIterator[Stranger]:
    """Somebody on a host, by default the one without a node, who tries `NODE`."""
    order = json.dumps({"do": do, "url": field.nodes[NODE].ready["url"], **how})
    log = field.folder / f"{do}.log"
    process = await field._run(host, "tests.faults.stranger", order, log=log)
    one = Stranger(process)
    try:
        yield one
    finally:
        await one.end()


def resident(field: Field) -> int:
    """Bytes that the node holds in memory."""
    status = Path(f"/proc/{field.nodes[NODE].process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def open_files(field: Field) -> int:
    """How many descriptors it has."""
    return len(list(Path(f"/proc/{field.nodes[NODE].process.pid}/fd").iterdir()))


def logged(field: Field, since: float = 0.0) -> list[dict[str, Any]]:
    """What it wrote into its log."""
    text = (field.folder / f"{NODE}.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["at"] >= since]


def no_fault_logged(field: Field, result: Result) -> None:
    """Whether nothing failed in the node: no error, no traceback."""
    wrong = [line for line in logged(field) if line["level"] in ("error", "critical") or "trace" in line]
    result.check(not wrong, f"the node logged no error: {[line['message'] for line in wrong[:3]]}")


async def served_meanwhile(field: Field, result: Result, since: float, till: float) -> None:
    """Whether the people of the node were served between two times: they wrote, read and were heard."""
    await field.pass_time(0.5)
    homes = field.homes()
    sent = [line for line in field.history.of("sent", since=since) if line["at"] <= till and line["node"] == NODE]
    said = {(line["session"], line["id"]): line["at"] for line in field.history.of("said", since=since)}
    took = [line["at"] - said[line["session"], line["id"]] for line in sent if (line["session"], line["id"]) in said]
    result.check(len(sent) > 0, f"who was there is served: {len(sent)} texts of {NODE} acknowledged meanwhile")
    result.within(share(took, 0.99), 1.0, "p99 of their texts")
    away = [line for line in field.history.of("away", since=since) if line["at"] <= till]
    result.check(not away, f"nobody of them lost a connection: {len(away)}")
    gaps = [
        line["after"]
        for line in field.history.of("heard again", since=since)
        if line["at"] <= till and homes.get(line["session"]) == NODE
    ]
    result.within(max(gaps, default=0.0), 1.0, f"the longest of {len(gaps)} gaps in voice there")


async def half_open(field: Field, long: bool) -> Result:
    """Row 16: handshakes that are begun and not ended."""
    result, count, slow = Result(), 3000 if long else 300, 500 if long else 50
    await field.pass_time(1)
    before = resident(field)
    since = field.history.mark("half open")
    async with stranger(field, "half_open", count=count, slow=slow) as many:
        opened = asyncio.create_task(many.until("opened"))
        async with stranger(field, "log_in", seconds=12.0 if long else 6.0, every=0.1) as good:
            logins = await good.until("logins")
        await opened
        closed = await many.until("closed")
    till = field.history.mark("closed")
    took = logins["took"]
    result.check(
        not logins["failed"] and len(took) > 5, f"{len(took)} good logins meanwhile, {logins['failed']} failed"
    )
    result.within(share(took, 0.99), 1.0, "p99 of a good login")
    lost = sum(closed["failed"].values())
    result.check(
        lost <= count / 100, f"{lost} of {count + slow} found no place in the system's queue: {closed['failed']}"
    )
    result.check(closed["first"] > 9.5, f"none was cut before its 10 s: the first after {closed['first']:.2f} s")
    result.within(closed["last"], 12.0, "the last was cut")
    await field.pass_time(2)
    left = field.figure(NODE, "switchboard_handshakes")[-1]
    result.check(left <= 1, f"none is left, by /metrics, but the one that asks for them: {left:.0f}")
    grown = (resident(field) - before) / MIB
    result.check(grown <= 20, f"memory is back: {grown:+.1f} MiB")
    await served_meanwhile(field, result, since, till)
    no_fault_logged(field, result)
    result.texts(await field.settle())
    return result


async def no_descriptors(field: Field, long: bool) -> Result:
    """Row 17: the node may have no more files and sockets open."""
    result, pid = Result(), field.nodes[NODE].process.pid
    await field.pass_time(1)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    clock = field.history.mark("limited")
    limit = open_files(field) + 20
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    wall = logged(field)[-1]["at"] if logged(field) else 0
    async with stranger(field, "log_in", seconds=4.0, every=0.1, waits=True) as good:
        await good.until("ready")
        async with stranger(field, "crowd", count=400 if long else 150) as many:
            there = await many.until("there")
            most = open_files(field)
            await field.pass_time(8 if long else 4)
        till = field.history.mark("released")
        good.go()
        logins = await good.until("logins")
        first = next((line["at"] - till for line in good.told("in")), None)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    result.check(most >= limit - 2, f"the limit was reached: {most} of {limit} descriptors in use")
    told = Counter(there["answers"])
    result.check(told["HTTP/1.1 503"] > 0, f"strangers are told why, as far as there is a way: {dict(told)}")
    await served_meanwhile(field, result, clock, till)
    result.within(first, 2.0, "somebody is let in after the release")
    result.check(len(logins["took"]) > 1, f"and others: {len(logins['took'])} logins, {logins['failed']} failed")
    seconds = Counter(int(line["at"] / 1000) for line in logged(field, wall) if "session" not in line["message"])
    worst = max(seconds.values(), default=0)
    result.check(worst <= 10, f"the log had {worst} lines in a second at most, those of sessions aside")
    no_fault_logged(field, result)
    await whole(field, result, till, 10.0)
    result.texts(await field.settle())
    return result


async def hostile(field: Field, long: bool) -> Result:
    """Row 18, at the clients' port: bytes that no good client sends."""
    result = Result()
    async with stranger(field, "attack", rounds=1) as first:
        await first.until("attacked", within=120)  # what it takes once, for ever
    await field.pass_time(1)
    before = resident(field)
    since = field.history.mark("attacked")
    async with stranger(field, "attack", rounds=3 if long else 1) as many:
        await many.until("attacked", within=300)
    till = field.history.mark("over")
    # Who sends more than anybody may is read so slowly that this ends it first.
    right = {name: {code, FLOOD} if "fragments" in name else {code} for name, code in _wanted(many)}
    wrong = [line for line in many.told("attack") if line["code"] not in right[line["name"]]]
    kinds = {line["name"] for line in many.told("attack")}
    result.check(not wrong, f"{len(kinds)} kinds of attack end with the right code; not: {wrong[:3]}")
    await field.pass_time(2)
    grown = (resident(field) - before) / MIB
    result.check(grown <= 5, f"memory: {grown:+.1f} MiB")
    await served_meanwhile(field, result, since, till)
    no_fault_logged(field, result)
    result.texts(await field.settle())
    return result


def _wanted(many: Stranger) -> list[tuple[str, int]]:
    return [(line["name"], line["wanted"]) for line in many.told("attack")]


async def deaf(field: Field, long: bool) -> Result:
    """Row 19: clients that never read, one and many."""
    result = Result()
    await field.pass_time(1)
    quiet = field.history.mark("quiet")
    await field.pass_time(10 if long else 3)
    since = field.history.mark("deaf")
    for count in (1, ROOM_FULL - 2 if long else 10):
        before = resident(field)
        async with stranger(field, "be_deaf", count=count, room=f"strangers {count}", size=3900, every=0.1) as many:
            await many.until("deaf")
            most = asyncio.create_task(_most(field))
            over = await many.until("cut all")
            most.cancel()
            grown = await most
        last = max((line["after"] for line in many.told("cut")), default=None)
        result.within(last, 10.0, f"the last of {count} that never read is cut")
        codes, late = over["codes"], over["codes"].pop("-1", 0)
        why = f"who then reads within 5 s is told why: {codes}, {late} read later, after {over['texts']} texts"
        result.check(set(codes) == {"4408"} and late <= count / 10, why)
        each = (grown - before) / MIB / count
        result.figures.append(f"memory for each of {count}: {each:+.2f} MiB at most")
        if count > 1:
            result.check(each <= 1.3, f"each of {count} held {each:.2f} MiB at most")
    till = field.history.mark("over")
    await served_meanwhile(field, result, since, till)
    for what, begin, end in (("before", quiet, since), ("meanwhile", since, till)):
        gaps = [line["after"] for line in field.history.of("heard again", since=begin) if line["at"] <= end]
        result.figures.append(f"gaps in voice over 0.3 s {what}: {len(gaps)} in {end - begin:.0f} s")
    no_fault_logged(field, result)
    result.texts(await field.settle())
    return result


async def _most(field: Field) -> int:
    """The most memory that the node takes until this is cancelled."""
    most = resident(field)
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            most = max(most, resident(field))
            await asyncio.sleep(0.1)
    return most


async def full_disk(field: Field, long: bool) -> Result:
    """Row 23: nothing can be written to any file any more."""
    result = Result()
    await field.pass_time(1)
    since = field.history.mark("full")
    for name in MESH[:2]:  # which stops what a full disk stops: a file may not grow
        resource.prlimit(field.nodes[name].process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    await field.kill("c")  # so that the others have another address to keep
    await field.pass_time(2)
    await field.start("c")
    started = field.history.mark("back")
    field.order("home", "c")
    await whole(field, result, started, 10.0)
    await field.pass_time(8 if long else 3)
    till = field.history.mark("looked")
    sent = [line for line in field.history.of("sent", since=since) if line["node"] in MESH[:2]]
    result.check(len(sent) > 0, f"both serve on: {len(sent)} texts acknowledged meanwhile")
    away = [line for line in field.history.of("away", since=since) if line["node"] != "c"]
    result.check(not away, f"nobody of theirs lost a connection: {len(away)}")
    for name in MESH[:2]:
        resource.prlimit(
            field.nodes[name].process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
    no_fault_logged(field, result)
    result.figures.append(f"{till - since:.0f} s in which no file could grow")
    code, told = await _start_on_full_disk(field)
    result.check(code == 3, f"a node that cannot keep its identity does not start: exit code {code}")
    result.check(told.count("\n") == 1 and "Traceback" not in told, f"and says why in one line: {told.strip()}")
    result.texts(await field.settle())
    return result


async def _start_on_full_disk(field: Field) -> tuple[int, str]:
    """What becomes of a node that starts where no file may grow."""
    folder = field.folder / "full"
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    process = await asyncio.create_subprocess_exec(
        *(*field.network.enter(SPARE), sys.executable, "-c", code, str(ROOT / "main.py"), "node"),
        f"--data-dir={folder}",
        "--port=0",
        "--bus=memory",
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()
