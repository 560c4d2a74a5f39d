"""Kills nodes at random while people talk: make chaos MINUTES=10 NODES=3."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.kills import Plan, kill_nodes
from tests.faults.__main__ import head, tell
from tests.faults.field import MESH, Load, field
from tests.faults.result import Result


async def play(nodes: int, plan: Plan, folder: Path, load: Load | None = None) -> Result:
    """Play a plan on so many nodes."""
    result = Result()
    async with field(folder, load or Load(), kind="loopback", mesh=MESH[:nodes]) as ground:
        await kill_nodes(ground, plan, result)
    return result


def main(arguments: Sequence[str]) -> int:
    """Play and tell; returns 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Kills nodes at random while people talk.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--nodes", type=int, choices=(2, 3), default=3)
    parser.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="from one kill to the next")
    parser.add_argument("--away", type=float, default=5.0, metavar="SECONDS", help="until a node is started again")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="of what is killed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what everybody wrote down there")
    options = parser.parse_args(arguments)
    plan = Plan(
        kills=max(1, round(options.minutes * 60 / options.every)),
        every=options.every,
        away=options.away,
        seed=options.seed,
    )
    print("\n".join(head("chaos", arguments)), flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        folder = options.keep or Path(scratch)
        if options.keep is not None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        result = asyncio.run(play(options.nodes, plan, folder))
    print("\n".join(tell(f"{plan.kills} kills of {options.nodes} nodes", result)))
    return bool(result.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
