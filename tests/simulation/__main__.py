"""Runs schedules: python -m tests.simulation [--seeds N] [--from M] [--seed S] [--quiet]."""

from __future__ import annotations

import argparse
import collections
import logging
import sys
import time

from tests.simulation.world import World


def tell(seed: int) -> int:
    """Play one schedule and print what happened in it."""
    world = World(seed, told=True)
    wrong = world.run()
    for line in world.lines or ():
        print(line)
    print(f"seed {seed}: {dict(wrong) or 'nothing wrong'}")
    return bool(wrong)


def many(first: int, count: int, *, limit: int = 3) -> int:
    """Play schedules and print the sum, and of those that fail the seed, the first wrong thing and the command."""
    began, failed = time.monotonic(), []
    wrong: collections.Counter[str] = collections.Counter()
    faults: collections.Counter[str] = collections.Counter()
    sent, carried, slowest = 0, 0, 0.0
    for seed in range(first, first + count):
        world = World(seed)
        world.run()
        wrong += world.wrong
        faults += world.faults
        sent += world.sent
        carried += world.network.carried
        if (seed - first + 1) % 500 == 0:
            print(f"{seed - first + 1} schedules", file=sys.stderr, flush=True)
        slowest = max(slowest, world.settled_after or 0.0)
        if world.wrong:
            failed.append(seed)
            for detail in world.first_wrong.values() if len(failed) <= limit else ():
                print(f"seed {seed}: {detail}", flush=True)
            if len(failed) <= limit:
                print(f"    make simulate SEED={seed}", flush=True)
    seconds = time.monotonic() - began
    print(
        f"{count} schedules, {sent:,} texts sent, {carried:,} packets, "
        f"faults: {', '.join(f'{n} {what}' for what, n in sorted(faults.items()))}; "
        f"slowest to settle {slowest:.1f} s; {count / seconds:.1f} schedules/s"
    )
    print(f"failed: {len(failed)} {failed[:10]} {dict(wrong)}" if failed else "nothing wrong")
    return bool(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make simulate", description="Plays schedules of faults by their seeds.")
    parser.add_argument("--seeds", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--seed", type=int, help="play this one alone and print what happened")
    given = parser.parse_args()
    logging.disable()
    sys.exit(tell(given.seed) if given.seed is not None else many(given.first, given.seeds))
