"""Rows of the fault matrix that try sessions: people who lose their node, roam, or are there twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

from tests.chaos.kills import Plan, judge_texts, kill_nodes
from tests.faults.check import Line, share
from tests.faults.fate import Fate
from tests.faults.field import CONNECTIONS, Field
from tests.faults.result import Result, same_sessions, whole

TWICE = 3
"""So many people are there twice."""


async def killed(field: Field, long: bool) -> Result:
    """Row 1: a node is killed."""
    result = Result()
    await kill_nodes(field, Plan(kills=1, every=20.0 if long else 8.0, away=5.0 if long else 2.0), result)
    return result


async def killed_often(field: Field, long: bool) -> Result:
    """Row 2: nodes are killed and started again."""
    result = Result()
    await kill_nodes(field, Plan(kills=20 if long else 3, every=30.0 if long else 8.0, away=5.0), result)
    return result


async def _tickets(field: Field, node: str, count: int) -> list[Line]:
    """Let the last people of a node give their sessions to others too; returns what these need."""
    share = field.load.clients // len(field.mesh)
    for member in range(share - count, share):
        field.order("show", node, member=member)
    await field.until(lambda: len(field.history.of("ticket")) == count)
    return field.history.of("ticket")


def _double(field: Field, node: str, ticket: Line) -> None:
    given = {key: ticket[key] for key in ("room", "session", "resume", "n", "cursors")}
    field.order("double", node, **given)


def _devices(field: Field, session: str) -> Counter[str]:
    """What became last of the connections of a session, of its own and of its double."""
    lines = [line for event in CONNECTIONS for line in field.history.of(event, session=session)]
    lines.sort(key=lambda line: float(line["at"]))
    return Counter({line.get("device"): str(line["event"]) for line in lines}.values())


async def on_both_sides(field: Field, long: bool) -> Result:
    """Row 8: nodes are parted, and some go on with the same session on both sides."""
    result = Result()
    await field.pass_time(1)
    tickets = await _tickets(field, "a", TWICE)
    field.history.mark("parted")
    await field.network.around("a", Fate(loss=1))
    await field.pass_time(8)
    for ticket in tickets:
        _double(field, "b", ticket)
    sessions = [ticket["session"] for ticket in tickets]

    def twice() -> bool:
        return all(len(field.history.of("live", session=session)) == 1 for session in sessions)

    result.check(await field.until(twice, within=10), f"{TWICE} people are on both sides, each with one session")
    ended = field.history.of("gone")
    result.check(not ended, f"while the nodes are parted both go on: {len(ended)} were ended")
    await field.network.around("a", Fate())
    healed = field.history.mark("healed")
    await field.until(lambda: len(field.history.of("gone")) == TWICE, within=15)
    codes = Counter(line["code"] for line in field.history.of("gone"))
    result.check(codes == {4409: TWICE}, f"one of the two is told that it was opened elsewhere: {dict(codes)}")
    result.within(
        max((line["at"] - healed for line in field.history.of("gone")), default=None), 10.0, "the last of them"
    )
    await whole(field, result, healed, 10.0)
    await field.pass_time(5 if long else 2)
    listed = await field.sessions()
    counts = [names.count(session) for names in listed.values() for session in sessions]
    result.check(
        len(listed) == len(field.mesh) and set(counts) == {1},
        f"each node lists each of these sessions once: {counts}",
    )
    verdict = await field.settle(alone=True)
    result.texts(verdict)
    return result


async def all_killed(field: Field, long: bool) -> Result:
    """Row 11: all nodes are killed, and one starts again; then the others."""
    result = Result()
    await field.pass_time(2)
    since = field.history.mark("killed", node="all")
    await asyncio.gather(*(field.kill(name) for name in field.mesh))
    await field.pass_time(3)
    typed = len(field.history.of("said", since=since))
    await field.start("a")
    started = field.history.mark("healed")
    there = await field.until(lambda: field.at("a") == field.load.clients, within=60)
    took = max(line["at"] for line in field.history.of("live", since=started)) - started if there else None
    result.within(took, 40.0, "everybody is back on the one that started")
    welcomed = field.history.of("welcomed", since=since)
    told = sum(not line["recovered"] and bool(line["gaps"]) for line in welcomed)
    result.check(
        told == len(welcomed) == field.load.clients, f"all {told} are told that something may be missing, and where"
    )
    await asyncio.gather(*(field.start(name) for name in field.mesh if name != "a"))
    back = field.history.mark("back")
    await whole(field, result, back, 10.0)
    await same_sessions(field, result, back, 10.0)
    verdict = await field.settle()
    result.texts(verdict)
    rooms = Counter(line["room"] for line in field.history.of("joined"))
    said = {(line["session"], line["id"]): line["room"] for line in field.history.of("said", since=since)}
    read = Counter((line["sender"], line["id"]) for line in field.history.of("read", since=since))
    short = [text for text, room in said.items() if read[text] != rooms[room] - 1]
    result.check(
        typed > 0 and not short, f"what was typed meanwhile, {typed} texts, was read by all: {len(short)} not"
    )
    return result


async def roaming(field: Field, long: bool) -> Result:
    """Row 12: a client of each node loses its connection again and again, and comes again anywhere."""
    result = Result()
    times = 200 if long else 20
    for seed, name in enumerate(field.mesh):
        field.order("roam", name, member=0, times=times, seed=seed)
    done = await field.until(lambda: len(field.history.of("roamed")) == len(field.mesh), within=2.0 * times)
    result.check(done, f"{len(field.mesh)} people came again {times} times each, on random nodes")
    verdict = await field.settle()
    judge_texts(result, verdict)
    result.within(share(verdict.roamed_after, 0.95), 2.0, "p95 of being live again")
    result.within(share(verdict.stuttered, 0.95), 2.0, "p95 of gaps in voice")
    return result


async def raced(field: Field, long: bool) -> Result:
    """Row 13: two devices go on with the same session at the same time."""
    result = Result()
    await field.pass_time(1)
    count = 5 if long else TWICE
    tickets = await _tickets(field, "a", count)
    since = field.history.mark("raced")
    people = field.load.clients // len(field.mesh)
    for number, ticket in enumerate(tickets):
        field.order("cut", "a", member=people - count + number, url=field.nodes["b"].ready["url"])
        _double(field, "c", ticket)
    await field.until(lambda: len(field.history.of("gone", since=since)) == count, within=15)
    settled = field.history.mark("settled")
    await field.pass_time(60 if long else 5)
    codes = Counter(line["code"] for line in field.history.of("gone", since=since))
    result.check(codes == {4409: count}, f"one of two is told that it was opened elsewhere: {dict(codes)}")
    ends = [_devices(field, ticket["session"]) for ticket in tickets]
    result.check(
        all(end == {"live": 1, "gone": 1} for end in ends),
        f"one of two is live, {count} times: {list(map(dict, ends))}",
    )
    moved = field.history.of("welcomed", since=settled)
    result.check(not moved, f"and stays so: {len(moved)} resumes in the time after")
    result.texts(await field.settle())
    return result


async def rolled(field: Field, long: bool) -> Result:
    """Row 21: every node is asked to end and started again, one after the other."""
    result = Result()
    await field.pass_time(2)
    for name in field.mesh:
        people = field.at(name)
        since = field.history.mark("asked", node=name)
        field.nodes[name].process.send_signal(signal.SIGTERM)
        code = await field.ended(name, within=15)
        took = field.history.mark("ended", node=name) - since
        result.check(code == 0 and people > 0, f"{name}, with {people} people on it, ends with exit code {code}")
        result.within(took, 10.0, f"{name} ends")
        await field.start(name)
        await whole(field, result, field.history.mark("started", node=name), 10.0)
        await field.pass_time(5 if long else 1)
    field.history.mark("hushed")
    verdict = await field.settle()
    judge_texts(result, verdict)
    result.within(share(verdict.unheard, 0.95), 2.0, "p95 of gaps in voice")
    codes = Counter(line["code"] for line in field.history.of("away"))
    result.check(set(codes) == {1012}, f"all were told to go to the next: {dict(codes)}")
    lost = [line for line in field.history.of("told") if line["what"] == "left"]
    result.check(not lost, f"nobody was said to have left: {len(lost)}")
    return result
