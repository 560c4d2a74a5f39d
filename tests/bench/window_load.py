"""Measures what the window costs the people whom its node serves: `make bench-window`.

One room of 50 members on the embedded node, 3 of whom speak: 7,350 deliveries a second, with Rooms open on that
room. Printed are the lag of the loop and what painting and flushing take of a core (`watched.py` looks from inside),
and the latency of voice beside that of a node without a window, measured in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import run as bench

WATCHED = bench.Subject(
    "watched",
    lambda _port, data: [
        *(sys.executable, str(bench.BENCH / "watched.py")),
        *("--bus-port", "0", "--port", "0", "--data-dir", data),
    ],
    bench.SPEAK_TO_US,
    ready_line=True,
)
WARM_SECONDS = 2.0
LAG_MS, VOICE_MS, CORES = 15.0, 15.0, 0.25
"""The most that is wanted: lag of the loop and latency of voice above headless at p99, painting and flushing."""


def load(subject: bench.Subject, *, secs: float) -> tuple[float, dict[str, Any]]:
    """One run: p99 of voice in ms as the clients saw it, and what the watched console said of itself."""
    said: dict[str, Any] = {}
    log = bench.BUILD / f"{subject.name}.log"
    with bench.serving(subject) as server:
        sizes = ("--rooms", 1, "--members", 50, "--speakers", 3, "--fps", 50, "--bytes", 120)
        command = bench.loadgen(subject, server, *sizes, "--secs", secs + 2 * WARM_SECONDS)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
            if subject is WATCHED:
                time.sleep(WARM_SECONDS)
                os.kill(server.pid, signal.SIGUSR1)
                time.sleep(secs)
                os.kill(server.pid, signal.SIGUSR2)
            output, _ = clients.communicate(timeout=secs + 60)
    if subject is WATCHED:
        lines = log.read_text(encoding="utf-8").splitlines()
        said = json.loads(next(line for line in reversed(lines) if line.startswith('{"seconds"')))
    seen = json.loads(output)
    wrong = {fault: seen[fault] for fault in bench.FAULTS if seen[fault]}
    if wrong:
        raise bench.BenchError(f"{subject.name}: {wrong}")
    return seen["lat_us"]["p99"] / 1000, said


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="make bench-window", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--secs", type=float, default=10, help="seconds that a run measures (default 10)")
    parser.add_argument("--save", action="store_true", help="keep the table as docs/results/window-<date>.md")
    options = parser.parse_args(arguments)
    bench.compile_yardsticks()
    headless, voice, said = [], [], []
    for _ in range(options.runs):
        headless.append(load(bench.SUBJECTS["node-mesh"], secs=options.secs)[0])
        latency, report = load(WATCHED, secs=options.secs)
        voice.append(latency)
        said.append(report)

    def median(*path: str) -> float:
        return bench.median(said, *path)

    picture = median("cores", "paint") + median("cores", "flush")
    above = statistics.median(voice) - statistics.median(headless)
    rows = [
        ("lag of the loop, p50 / p99", f"{median('lag_ms', '0.5'):.1f} / {median('lag_ms', '0.99'):.1f} ms"),
        ("lag of the loop, at worst", f"{median('lag_ms', '1.0'):.1f} ms"),
        ("voice p99 headless / here", f"{statistics.median(headless):.1f} / {statistics.median(voice):.1f} ms"),
        ("voice p99 above headless", f"{above:.1f} ms"),
        ("painting", f"{median('cores', 'paint'):.1%} of a core, {median('longest_ms', 'paint'):.1f} ms at longest"),
        ("flushing", f"{median('cores', 'flush'):.1%} of a core, {median('longest_ms', 'flush'):.1f} ms at longest"),
        ("painting and flushing", f"{picture:.1%} of a core"),
        ("the whole process", f"{median('cores', 'all'):.1%} of a core"),
    ]
    lines = bench.header(arguments, make="bench-window", runs=options.runs, secs=options.secs)
    lines += ["7,350 deliveries a second through the console's node, Rooms open on the room of all 50.", ""]
    lines += ["| | |", "|---|--:|", *(f"| {what} | {figure} |" for what, figure in rows), ""]
    wanted = median("lag_ms", "0.99") < LAG_MS and above <= VOICE_MS and picture <= CORES
    lines += [
        f"Wanted: lag p99 under {LAG_MS:.0f} ms, voice p99 at most {VOICE_MS:.0f} ms above headless, "
        f"painting and flushing at most {CORES:.0%} of a core: {'met' if wanted else 'NOT met'}.",
        "",
    ]
    bench.publish(lines, save="window" if options.save else None)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bench.BenchError as error:
        sys.exit(f"bench: {error}")
