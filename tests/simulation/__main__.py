"""Runs schedules by their seeds: `make simulate SEEDS=10000`; SEED=123 tells what happens in one."""

from __future__ import annotations

import argparse
import collections
import datetime
import logging
import os
import platform
import subprocess
import sys
import time

from tests.processes import ROOT
from tests.simulation.faults import FAULTS
from tests.simulation.judge import INVARIANTS
from tests.simulation.world import World

TOLD = 3
"""Of so many schedules that failed the first wrong things are printed."""


def tell(seed: int) -> int:
    """Play one schedule and print what happened in it."""
    world = World(seed, told=True)
    wrong = world.run()
    for line in world.lines or ():
        print(line)
    print(f"seed {seed}: {dict(wrong) or 'nothing wrong'}")
    return bool(wrong)


class Sum:
    """What came of many schedules."""

    def __init__(self) -> None:
        self.played = self.sent = self.carried = 0
        self.slowest = 0.0
        self.wrong: collections.Counter[str] = collections.Counter()
        self.faults: collections.Counter[str] = collections.Counter()
        self.failed: list[int] = []
        self._began = time.monotonic()

    def add(self, seed: int, world: World) -> None:
        """A schedule has been played."""
        self.played += 1
        self.sent += world.sent
        self.carried += world.network.carried
        self.slowest = max(self.slowest, world.settled_after or 0.0)
        self.wrong += world.wrong
        self.faults += world.faults
        if world.wrong:
            self.failed.append(seed)

    def lines(self) -> list[str]:
        """The same for people."""
        return [
            f"{self.played:,} schedules, {self.played / (time.monotonic() - self._began):.1f} a second; "
            f"{self.sent:,} texts sent, {self.carried:,} packets; slowest to settle {self.slowest:.1f} s",
            f"played: {', '.join(f'{count:,} {what}' for what, count in sorted(self.faults.items()))}",
            f"failed: {len(self.failed)} {self.failed[:10]} {dict(self.wrong)}" if self.failed else "nothing wrong",
        ]


def many(first: int, count: int) -> Sum:
    """Play schedules, and print of those that fail the seed, the first wrong thing and the command."""
    result = Sum()
    for seed in range(first, first + count):
        world = World(seed)
        world.run()
        result.add(seed, world)
        if world.wrong and len(result.failed) <= TOLD:
            for detail in world.first_wrong.values():
                print(f"seed {seed}: {detail}", flush=True)
            print(f"    make simulate SEED={seed}", flush=True)
        if result.played % 500 == 0:
            print(f"{result.played} schedules", file=sys.stderr, flush=True)
    return result


def save(first: int, result: Sum, *, commit: str) -> None:
    """Keep what came of it as docs/results/simulate-<date>.md."""
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    more = f" --first {first}" if first else ""
    lines = [
        f"# Schedules of faults, {today}",
        "",
        f'Command: `make simulate SEEDS={result.played} ARGS="--save{more}"` at commit {commit}.',
        f"Machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; one process, beside other work.",
        "",
        *(f"- {line}" for line in result.lines()),
        "",
        "What had to hold in each ([cluster.md](../cluster.md) says what may happen instead):",
        "",
        *(f"- {name}: {what}" for name, what in INVARIANTS.items()),
        "",
        f"`make test` plants {len(FAULTS)} faults, each of which these find:",
        "",
        *(f"- {plant.__name__.replace('_', ' ')}" for plant in FAULTS),
        "",
    ]
    (ROOT / "docs" / "results" / f"simulate-{today}.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    """Play what is asked for; returns 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="make simulate", description="Plays schedules of faults by their seeds.")
    parser.add_argument("--seeds", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--seed", type=int, help="play this one alone and print what happened")
    parser.add_argument("--save", action="store_true", help="keep the result as docs/results/simulate-<date>.md")
    given = parser.parse_args()
    logging.disable()
    if given.seed is not None:
        return tell(given.seed)
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT)
    result = many(given.first, given.seeds)
    print("\n".join(result.lines()))
    if given.save:
        save(given.first, result, commit=described.stdout.strip() or "unknown")
    return bool(result.failed)


if __name__ == "__main__":
    sys.exit(main())
