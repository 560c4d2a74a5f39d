"""The rows of the fault matrix: what is done to a field, and what must hold then."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter

from tests.faults import intruders, sessions, strangers
from tests.faults.check import share
from tests.faults.fate import Fate
from tests.faults.field import MESH, SPARE, Field
from tests.faults.result import Play, Result, heard_again, same_sessions, whole

BLACK = Fate(loss=1)
CLEAR = Fate()


def _stale(field: Field, *, since: float, at: str) -> dict[bool, int]:
    """The most old frames that anybody heard since of one speaker, of those on node `at` and of those elsewhere."""
    homes = field.homes()
    old: dict[bool, Counter[tuple[str, str]]] = {True: Counter(), False: Counter()}
    for line in field.history.of("heard", since=since):
        there = homes.get(line["speaker"]) == at
        if there or line["node"] == at:
            old[there][line["session"], line["speaker"]] += line["old"]
    return {there: max(counts.values(), default=0) for there, counts in old.items()}


async def stopped(field: Field, long: bool) -> Result:
    """Row 3: a process is stopped and continued."""
    result = Result()
    await field.pass_time(1)
    since = field.history.mark("stopped")
    field.stop("c")
    await field.until(lambda: all(field.turned(node, "c", ("suspect",), since=since) for node in "ab"), within=4)
    for node in "ab":
        result.within(field.turned(node, "c", ("suspect",), since=since), 3.0, f"c is suspect at {node}")
    await field.pass_time(since + (10 if long else 4.5) - field.history.mark("suspected"))
    field.go_on("c")
    healed = field.history.mark("healed")
    await whole(field, result, healed, 6.0)
    await heard_again(field, result, healed, 3.0, 1.0)
    down = [line for line in field.history.of("nodes", node="c", since=since) if "down" in line["states"].values()]
    result.check(not down, "c held nobody to be down when it went on")
    await same_sessions(field, result, healed, 10.0)
    stale = _stale(field, since=healed, at="c")
    result.check(
        stale[False] <= 2,
        f"c drops voice of others that is stale: its people hear {stale[False]} such frames of a speaker at most, "
        "which were on their way when it stopped",
    )
    result.check(
        stale[True] <= 2,
        f"and what its own people said meanwhile: {stale[True]} such frames of a speaker are heard at most",
    )
    verdict = await field.settle(alone=True)
    result.texts(verdict)
    result.figures.append(f"all read {verdict.healed_after:.2f} s after c went on")
    return result


async def _opened(field: Field) -> Counter[str]:
    """How many connections were opened, by port."""
    opened: Counter[str] = Counter()
    for counts in (await field.network.counts()).values():
        opened.update({name: count for name, count in counts.items() if name.startswith("opened")})
    return opened


async def held(field: Field, long: bool) -> Result:
    """Row 4: an event loop is held, while ZeroMQ's own thread answers."""
    result = Result()
    await field.pass_time(1)
    opened = await _opened(field)
    since = field.history.mark("held")
    field.hold_loop("b")
    await field.until(lambda: all(field.turned(node, "b", ("suspect",), since=since) for node in "ac"), within=4)
    for node in "ac":
        result.within(field.turned(node, "b", ("suspect",), since=since), 3.0, f"b is suspect at {node}")
    healed = since + field.hold
    await field.pass_time(healed - field.history.mark("suspected"))
    anew = await _opened(field) - opened
    result.check(not anew, f"ZeroMQ saw nothing: {anew.total()} connections were made anew")
    field.history.mark("healed")
    await heard_again(field, result, healed, 1.0, field.hold / 2)
    await whole(field, result, healed, 3.0)
    result.texts(await field.settle(alone=True))
    return result


async def black_link(field: Field, long: bool) -> Result:
    """Row 5: one link is a black hole, both ways."""
    result = Result()
    await field.pass_time(1)
    since = field.history.mark("black")
    await field.network.between("a", "b", BLACK)
    await field.pass_time(6)
    await field.network.between("a", "b", CLEAR)
    healed = field.history.mark("healed")
    result.figures += [
        f"{other} was suspect at {node} after {after:.2f} s" if after else f"{other} stayed up at {node}"
        for node, other in ("ab", "ba")
        for after in [field.turned(node, other, ("suspect", "down"), since=since)]
    ]
    await whole(field, result, healed, 6.0)
    await heard_again(field, result, healed, 6.0, 1.0)
    verdict = await field.settle(alone=True)
    result.texts(verdict)
    result.within(verdict.healed_after, 2.0, "all was read after the end")
    await _counts_meet(field, result)
    return result


async def _counts_meet(field: Field, result: Result) -> None:
    """Wait until `/metrics` of every node says that no log is behind anywhere, and note what was repaired."""

    def total(name: str) -> float:
        last = [line["figures"] for node in MESH for line in field.history.of("figures", node=node)[-1:]]
        found: list[float] = [
            value for figures in last for key, value in figures.items() if key.startswith(f"switchboard_{name}")
        ]
        return sum(found)

    def even() -> bool:
        return total("peer_lag_records") == total("peer_behind_records") == 0

    result.check(await field.until(even), "no node lags behind another, by /metrics")

    def agreed() -> bool:  # what one gave may stand in its figures later than in those of whom it was for
        return 0 < total("peer_repaired_records_total") <= total("peer_given_records_total")

    agree = await field.until(agreed)
    repaired, given = total("peer_repaired_records_total"), total("peer_given_records_total")
    result.check(agree, f"what was missed was repaired: {given:.0f} records given, {repaired:.0f} closed gaps")


async def black_way(field: Field, long: bool) -> Result:
    """Row 6: one link is a black hole, one way."""
    result = Result()
    await field.pass_time(1)
    since = field.history.mark("black")
    await field.network.between("a", "b", BLACK, both=False)
    bad = ("suspect", "down")
    await field.until(
        lambda: all(field.turned(node, other, bad, since=since) for node, other in ("ab", "ba")), within=6.5
    )
    for node, other in ("ab", "ba"):
        result.within(field.turned(node, other, bad, since=since), 6.0, f"{node} holds the link to {other} to be bad")
    await field.pass_time(8 if long else 2)
    healed = field.history.mark("healed")
    await field.network.between("a", "b", CLEAR, both=False)
    _by_third(field, result, since, healed)
    await whole(field, result, healed, 6.0)
    verdict = await field.settle(alone=True)
    result.texts(verdict)
    result.figures.append(f"all read {verdict.healed_after:.2f} s after the end")
    return result


def _by_third(field: Field, result: Result, since: float, healed: float) -> None:
    """What people of a say is read on b meanwhile: it went by c."""
    homes = field.homes()
    said = {
        (line["session"], line["id"]): line["at"]
        for line in field.history.of("said", since=since)
        if line["at"] < healed - 1.5 and homes[line["session"]] == "a"
    }
    took = [
        line["at"] - said[line["sender"], line["id"]]
        for line in field.history.of("read", since=since)
        if line["at"] < healed and homes[line["session"]] == "b" and (line["sender"], line["id"]) in said
    ]
    result.check(
        len(took) > len(said) / 2,
        f"texts of a come to b by c: {len(took)} readings of {len(said)} texts, p50 {share(took, 0.5):.2f} s, "
        f"p99 {share(took, 0.99):.2f} s",
    )


async def parted(field: Field, long: bool) -> Result:
    """Row 7: one node is parted from the two others."""
    result = Result()
    await field.pass_time(1)
    since = field.history.mark("parted")
    await field.network.around("a", BLACK)
    seconds = 60 if long else 10
    await field.pass_time(seconds - 4)
    field.order("replace", member=field.load.clients // len(MESH) - 1)
    served = field.history.mark("served")
    await field.pass_time(4)
    for side, copies in (("a", 1), ("bc", 2)):
        sent = [line for line in field.history.of("sent", since=served) if line["node"] in side]
        result.check(
            bool(sent) and all(line["copies"] == copies for line in sent),
            f"the side of {' and '.join(side)} serves: {len(sent)} texts acknowledged in 4 s with {copies} copies",
        )
    await field.network.around("a", CLEAR)
    healed = field.history.mark("healed")
    await whole(field, result, healed, 10.0)
    await same_sessions(field, result, healed, 35.0)
    verdict = await field.settle(alone=True)
    result.texts(verdict)
    result.figures += [
        f"a was down at b after {field.turned('b', 'a', ('down',), since=since) or 0:.2f} s",
        f"all read {verdict.healed_after:.2f} s after the end; {verdict.alone} texts were held by a alone",
    ]
    return result


async def lossy(field: Field, long: bool) -> Result:
    """Row 9: all links lose a fifth and are slow and unsteady."""
    result = Result()
    await field.network.everywhere(Fate(loss=0.2, delay=0.08, jitter=0.04))
    since = field.history.mark("lossy")
    await field.pass_time(60 if long else 8)
    verdict = await field.settle(alone=True)
    till = field.history.mark("healed")
    await field.network.everywhere(CLEAR)
    result.texts(verdict)
    said = {(line["session"], line["id"]): line["at"] for line in field.history.of("said", since=since)}
    took = [
        line["at"] - said[line["sender"], line["id"]]
        for line in field.history.of("read", since=since)
        if (line["sender"], line["id"]) in said
    ]
    result.within(share(took, 0.99), 2.0, "p99 of text")
    lags = [lag for node in MESH for lag in field.figure(node, "switchboard_loop_lag_seconds", since=since)]
    # A node looks ten times a second and tells the worst: one in a hundred looks is one in ten such figures.
    result.within(share(lags, 0.9), 0.05, "p99 of loop lag, as p90 of each second's worst of ten")
    result.figures.append(f"worst loop lag {max(lags, default=0.0):.2f} s")
    result.figures.append(f"p50 of text {share(took, 0.5):.2f} s, worst {max(took, default=0.0):.2f} s")
    dropped = {
        name.split('"')[1]: int(value)
        for node in MESH
        for line in field.history.of("figures", node=node)[-1:]
        for name, value in line["figures"].items()
        if name.startswith("switchboard_voice_dropped_total")
    }
    result.check("late" in dropped, f"voice that was dropped as late is counted in /metrics; it tells {dropped}")
    shaky = sum(
        line["states"].get(field.nodes[other].id) != "up"
        for line in field.history.of("nodes", since=since)
        for other in MESH
    )
    lost = sum(way.get("lost", 0) for way in (await field.network.counts()).values())
    result.figures.append(
        f"{lost} packets lost in {till - since:.0f} s; a node was not up in {shaky} looks of another"
    )
    await whole(field, Result(), till, 10.0)
    return result


def _incarnation(field: Field, name: str) -> int:
    return int(json.loads((field.nodes[name].folder / "identity-1.json").read_bytes())["incarnation"])


async def again(field: Field, long: bool) -> Result:
    """Row 10: a node comes again: as it was, without its state, and as a copy beside itself."""
    result = Result()
    await field.pass_time(1)
    for what in ("restarted", "restarted without its state"):
        before = field.nodes["c"].id, _incarnation(field, "c")
        await field.kill("c")
        await field.pass_time(1)
        if what != "restarted":
            (field.nodes["c"].folder / "identity-1.json").unlink()
        await field.start("c")
        back = field.history.mark("healed")
        after = field.nodes["c"].id, _incarnation(field, "c")
        result.check(after[1] > before[1], f"{what}: the incarnation grows, {before[1]} to {after[1]}")
        result.check(before[0] == after[0], f"{what}: its id is the same")
        await whole(field, result, back, 10.0)
        field.order("home", "c", seconds=1)
        home = await field.until(lambda: field.at("c") == field.load.clients // len(MESH), within=15)
        result.check(home, f"{what}: its people are resumed elsewhere, and there again when they come home")
        await same_sessions(field, result, back, 35.0)
        await field.pass_time(2)
    first = field.nodes["c"]
    copy = field.folder / "copy"
    shutil.copytree(first.folder, copy)
    since = field.history.mark("copied")
    second = await field.start(SPARE, folder=copy)
    ready = field.history.mark("started")
    result.check(first.id == second.id, "the copy has the id of the first")

    def fenced() -> float | None:
        """Seconds until the first who live on c are sent away, which may be before the copy says that it is ready."""
        sent = [max(0.0, line["at"] - ready) for line in field.history.of("away", since=since, node="c")]
        return min(sent, default=None)

    await field.until(lambda: fenced() is not None, within=8)
    result.within(fenced(), 5.0, "the older of two with one id sends its people away")
    codes = {line["code"] for line in field.history.of("away", since=since, node="c")}
    result.check(codes == {1012}, f"and tells them to go to the next, close code {' and '.join(map(str, codes))}")
    code = await field.ended("c", within=10)
    result.check(code == 3, f"it ends with exit code 3: {code}")
    told = (field.folder / "c.log").read_text(encoding="utf-8").strip().rpartition("\n")[2]
    result.figures.append(f"its last word: {told}")
    await field.pass_time(1)
    result.texts(await field.settle())
    return result


async def black_hole(field: Field, long: bool) -> Result:
    """6 s of blackhole around one node, with 10 % loss and duplication everywhere all the time."""
    result = Result()
    rough = Fate(loss=0.1, twice=0.1)
    await field.network.everywhere(rough)
    await field.pass_time(3)
    before = await field.network.counts()
    await field.network.around("c", BLACK)
    await field.pass_time(6)
    await field.network.around("c", rough)
    field.history.mark("healed")
    await field.pass_time(4)
    counts = await field.network.counts()
    verdict = await field.settle(alone=True)
    await field.network.everywhere(CLEAR)
    result.texts(verdict)
    result.within(verdict.healed_after, 2.0, "healed")
    result.figures.append(
        f"packets: {sum(way['carried'] for way in counts.values())} carried, "
        f"{sum(way['lost'] for way in counts.values()) - sum(way['lost'] for way in before.values())} lost since the "
        f"hole, {sum(way['twice'] for way in counts.values())} twice"
    )
    await whole(field, result, field.history.mark("clear"), 10.0)
    return result


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of the fault matrix."""

    title: str
    play: Play | None
    """None for one that is measured on nodes of its own, by a program."""
    mesh: tuple[str, ...] = MESH
    options: tuple[str, ...] = ()
    """Of the nodes."""
    keyed: bool = False
    """Whether the nodes have a key, and are off loopback."""
    program: tuple[str, ...] = ()
    """Its output is a table, and it exits with 0 when all was met."""


ROWS: dict[str, Row] = {
    "1": Row("SIGKILL", sessions.killed),
    "1 of two": Row("SIGKILL of one of two nodes", sessions.killed, MESH[:2]),
    "2": Row("SIGKILL 20 times in 10 minutes", sessions.killed_often),
    "2 of two": Row("SIGKILL 20 times in 10 minutes, of two nodes", sessions.killed_often, MESH[:2]),
    "3": Row("SIGSTOP 10 s, CONT", stopped),
    "4": Row("event loop held for 5 s", held),
    "5": Row("link blackhole 6 s, both ways", black_link),
    "6": Row("one-way blackhole", black_way),
    "7": Row("partition 1|2 for 60 s", parted),
    "8": Row("partition while people log in on both sides", sessions.on_both_sides),
    "9": Row("20 % loss and 80±40 ms", lossy),
    "10": Row("the same id again: restarted, without state, copied", again),
    "11": Row("all nodes killed, one restarted", sessions.all_killed),
    "12": Row("clients roam 200 times", sessions.roaming),
    "13": Row("double login, a race", sessions.raced),
    "16": Row("3,000 half-open handshakes and 500 slow ones", strangers.half_open),
    "17": Row("no descriptor is free", strangers.no_descriptors),
    "18": Row("hostile bytes at the clients' port", strangers.hostile),
    "19": Row("one client that never reads, and a room full of them", strangers.deaf),
    "20": Row("2,000 sessions resume at once", None, program=("tests/bench/bench_resume.py",)),
    "21": Row("rolling restart with drain", sessions.rolled, options=("--drain-seconds=5",)),
    "22": Row("intruders at the mesh, and a change of the key", intruders.kept_out, keyed=True),
    "23": Row("no file can grow", strangers.full_disk),
    "24": Row("a console: sheet open, window dragged, closed", None, program=("-m", "tests.faults.console")),
    "hole": Row("6 s of blackhole with 10 % loss and duplication", black_hole),
}
"""Rows of the fault matrix of the design by number, and a scenario of its own."""
