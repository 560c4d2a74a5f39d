"""What the key of a mesh costs: casts with it and without it by turns, a ratio (`make bench-curve`)."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bus.secret import make_secret
from tests.bench import bench_bus
from tests.bench import run as bench

PACKED = (1, 20)
"""Frames in a message: a room where one speaks, and one where many do."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and keep it where that is asked for."""
    parser = argparse.ArgumentParser(prog="make bench-curve", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs with the key and as many without (default 5)")
    parser.add_argument("--secs", type=float, default=3.0, help="seconds that a run measures (default 3)")
    parser.add_argument("--save", action="store_true", help="keep the table as docs/results/curve-<date>.md")
    options = parser.parse_args(arguments)
    found: dict[tuple[int, bool], list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="curve-") as folder:
        key = Path(folder) / "cluster.key"
        make_secret(key)
        for number in range(options.runs):
            for packed in PACKED:
                for keyed in (number % 2 == 0, number % 2 == 1):  # neither always comes first
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        told = runner.run(bench_bus.receive(options.secs, packed, key if keyed else None))
                    found[packed, keyed].append((told["sender_cast_us"], 1e6 / told["casts_per_cpu_second"]))
    lines = bench.header(arguments, make="bench-curve", runs=options.runs, secs=options.secs)
    lines += [
        f"CPU of a cast of {len(bench_bus.FRAME)} bytes from one process to another, in microseconds, the threads of"
        " ZeroMQ included.",
        "",
        "| frames in a message | end | without a key | with it | ratio |",
        "|--:|---|--:|--:|--:|",
    ]
    for packed in PACKED:
        for place, end in enumerate(("sender", "receiver", "both")):

            def cost(keyed: bool, packed: int = packed, place: int = place) -> float:
                runs = found[packed, keyed]
                return statistics.median(sum(run) if place == 2 else run[place] for run in runs)

            plain, sealed = cost(False), cost(True)
            lines.append(f"| {packed} | {end} | {plain:.2f} | {sealed:.2f} | {sealed / plain:.2f} |")
    bench.publish([*lines, ""], save="curve" if options.save else None)


if __name__ == "__main__":
    main(sys.argv[1:])
