"""Kills nodes and starts them again under a load, and says what came of it."""

from __future__ import annotations

import dataclasses
import random
import statistics
from collections import Counter
from itertools import pairwise

import psutil

from tests.faults.check import Line, Verdict, share
from tests.faults.field import Field
from tests.faults.result import Result

FLAT = 0.05
"""The weight of a survivor changes by so much at most."""
SETTLED_SECONDS = 3.0
"""So long before a kill the nodes are weighed; that all is settled by then is part of what must hold."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When nodes are killed."""

    kills: int
    every: float = 30.0
    """Seconds from one kill to the next, or more, until all nodes are up again."""
    away: float = 5.0
    """Seconds until the node is started again."""
    seed: int = 1


async def kill_nodes(field: Field, plan: Plan, result: Result) -> Verdict:
    """Kill a node at random, as often as planned, then let all settle; notes what must hold.

    Its people come home when it is up again, so that every kill meets some, and they talk across nodes.
    """
    chance = random.Random(plan.seed)
    killed: Counter[str] = Counter()
    await _weigh_for(field, 2 * SETTLED_SECONDS + 1)
    for _ in range(plan.kills):
        name = chance.choice(field.mesh)
        field.history.mark("killed", node=name, people=field.at(name))
        await field.kill(name)
        killed[name] += 1
        await _weigh_for(field, plan.away)
        await field.start(name)
        field.history.mark("started", node=name)
        await field.until(field.all_up)
        field.order("home", seconds=(plan.every - plan.away) / 4)
        await _weigh_for(field, plan.every - plan.away)
    await field.until(lambda: sum(map(field.at, field.mesh)) == field.load.clients)
    await _weigh_for(field, SETTLED_SECONDS + 1)
    field.history.mark("hushed")
    verdict = await field.settle()
    judge_texts(result, verdict)
    judge_times(result, verdict)
    judge_weights(field, result)
    deaths = [line["people"] for line in field.history.of("killed")]
    result.figures += [
        f"seed {plan.seed}: killed {', '.join(f'{name} {count} times' for name, count in sorted(killed.items()))}, "
        f"each {plan.every:g} s, away for {plan.away:g} s, with {', '.join(map(str, deaths))} people on them",
        _spread("live again after", verdict.live_after),
        _spread("speakers were not heard for", verdict.unheard),
        _spread("live again on the way home after", verdict.roamed_after),
        _spread("speakers were not heard, on the way home or for no such reason, for", verdict.stuttered),
        f"said to be reconnecting {sum(line['what'] == 'reconnecting' for line in field.history.of('told'))} times",
    ]
    return verdict


def judge_texts(result: Result, verdict: Verdict) -> None:
    """Nothing was lost, nothing came twice or out of order, nobody was said to have left."""
    result.texts(verdict)
    result.check(not verdict.unrecovered, f"{verdict.resumed} resumes, {verdict.unrecovered} with gaps")


def judge_times(result: Result, verdict: Verdict) -> None:
    """Those of a dead node were live again soon, and were heard."""
    result.within(share(verdict.live_after, 0.95), 2.0, "p95 of being live again")
    result.within(max(verdict.live_after, default=0.0), 6.0, "all live again")
    result.within(share(verdict.unheard, 0.95), 2.0, "p95 of gaps in voice, of those over 0.3 s")


def judge_weights(field: Field, result: Result) -> None:
    """Nodes that others' deaths left alone weigh what they did, and at the end what those do that began anew.

    Their logs grow while people talk, until they hold as much as they may: one who began anew has the same in them.
    """
    lives: dict[int, list[Line]] = {}
    for line in field.history.of("weight"):
        lives.setdefault(line["pid"], []).append(line)
    kills = [line["at"] for line in (*field.history.of("killed"), *field.history.of("hushed"))]
    for what in ("rss", "fds"):
        weights = [[_before(kill, lines, what) for kill in kills] for lines in lives.values()]
        changes = [after / before - 1 for series in weights for before, after in pairwise(series) if before and after]
        if changes:
            worst = max(changes, key=abs)
            told = f"{what} of survivors is flat from kill to kill, {len(changes)} times: worst {worst:+.1%}"
            result.check(abs(worst) <= FLAT, told)
        last = [series[-1] for series in weights if series[-1]]  # in the order in which they began
        if len(last) > 1:
            more = last[0] / last[-1] - 1
            result.check(more <= FLAT, f"{what} of the oldest node at the end, beside the youngest: {more:+.1%}")


def _before(kill: float, lines: list[Line], what: str) -> float | None:
    """What a node weighed shortly before a kill, less its clients; None if it was not there all that time."""
    there = [line for line in lines if kill - SETTLED_SECONDS <= line["at"] < kill]
    if lines[0]["at"] > kill - 2 * SETTLED_SECONDS or len(there) < SETTLED_SECONDS - 1:
        return None
    return float(statistics.median(line[what] - (line["people"] if what == "fds" else 0) for line in there))


async def _weigh_for(field: Field, seconds: float) -> None:
    """Let time pass, and weigh the nodes each second."""
    while seconds > 0:
        await field.pass_time(min(1.0, seconds))
        seconds -= 1.0
        for name, node in field.nodes.items():
            if node.process.returncode is None:
                process = psutil.Process(node.process.pid)
                weight = {"rss": process.memory_info().rss, "fds": process.num_fds(), "people": field.at(name)}
                field.history.mark("weight", node=name, pid=process.pid, **weight)


def _spread(what: str, seconds: list[float]) -> str:
    median, most, worst = share(seconds, 0.5), share(seconds, 0.95), max(seconds, default=0.0)
    return f"{what} p50 {median:.2f} s, p95 {most:.2f} s, worst {worst:.2f} s ({len(seconds)} times)"
