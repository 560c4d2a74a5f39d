"""Fuzzes the targets by coverage: python -m tests.fuzz [--minutes 60] [--target packet]... [--save].

Targets share the time. What leads somewhere new is kept in `build/fuzz/<target>/corpus`, what fails in
`build/fuzz/<target>/`, with the command that shows it again.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import importlib.util
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.targets import TARGETS, Target
from tests.processes import ROOT, environment

FOLDER = ROOT / "build" / "fuzz"
LONGEST = 8192
"""Bytes of an input, unless a seed is longer."""
SLOWEST = 10
"""Seconds that one input may take."""
MEMORY_MB = 2048
AGAIN, LEAST = 3, 20.0
"""How often a target that failed goes on, if it has so many seconds left."""


def fuzz(target: Target, seconds: int) -> None:
    """Fuzz one target in this process until the time is over or something fails; does not return."""
    import atheris

    with atheris.instrument_imports(include=["bus", "server"]):
        for name in [name for name in sys.modules if name.partition(".")[0] in ("bus", "server")]:
            del sys.modules[name]
        for name in ("targets", "drawn", "ground"):
            del sys.modules[f"tests.fuzz.{name}"]
        from tests.fuzz.targets import TARGETS as INSTRUMENTED
    folder = FOLDER / target.name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    longest = max(LONGEST, *map(len, target.seeds))
    options = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-max_len={longest}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(options, INSTRUMENTED[target.name].take)
    atheris.Fuzz()


def start(target: Target, seconds: int, times: int) -> tuple[subprocess.Popen[bytes], Path]:
    """Fuzz a target in a process of its own; `times` it has been so before."""
    folder = FOLDER / target.name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / (f"log-{times}" if times else "log")
    with log.open("wb") as file:
        command = ["nice", sys.executable, "-m", "tests.fuzz", "--in-process", target.name, "--seconds", str(seconds)]
        return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=file, stderr=file), log


@dataclasses.dataclass(slots=True)
class Came:
    """What came of one target."""

    inputs: int = 0
    seconds: float = 0.0
    found: list[str] = dataclasses.field(default_factory=list)
    """The errors, in a line each."""
    failed: bool = False


def tell(target: Target, log: Path, code: int, came: Came) -> None:
    """Print what came of one target in one process, and note it in `came`."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    inputs = next((int(line.split()[-1]) for line in lines if line.startswith("stat::number_of_executed_units")), 0)
    came.inputs += inputs
    print(f"fuzz: {target.name}: {'failed' if code else 'nothing found'} after {inputs} inputs", flush=True)
    if code == 0:
        return
    came.failed = True
    for line in lines:
        if line.startswith(" === Uncaught") or "Error" in line.partition(":")[0]:
            print(f"    {line.strip()}")
            came.found.append(line.strip())
    for line in lines:
        if "Test unit written to " in line:
            kept = Path(line.rpartition(" ")[2])
            with contextlib.suppress(ValueError):
                kept = kept.relative_to(ROOT)
            print(f"    again: .venv/bin/python -m tests.fuzz --target {target.name} --replay {kept}")
    print(f"    {log.relative_to(ROOT)} has the rest", flush=True)


def run(targets: Sequence[Target], minutes: float, jobs: int) -> dict[str, Came]:
    """Fuzz several targets, `jobs` at a time, each for as long as any other; returns what came of each.

    One that fails goes on in the time that it has left, so that what lies behind a fault is seen too.
    """
    seconds = max(1, int(minutes * 60 * jobs / len(targets)))
    waiting = [(target, float(seconds), 0) for target in targets]
    came = {target.name: Came() for target in targets}
    running: list[tuple[Target, subprocess.Popen[bytes], Path, float, int]] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            target, left, times = waiting.pop(0)
            process, log = start(target, max(1, int(left)), times)
            running.append((target, process, log, time.monotonic() + left, times))
        time.sleep(0.2)
        for entry in list(running):
            target, process, log, until, times = entry
            if (code := process.poll()) is None:
                continue
            running.remove(entry)
            tell(target, log, code, came[target.name])
            left = until - time.monotonic()
            came[target.name].seconds = seconds - max(0.0, left)
            if code != 0 and left > LEAST and times < AGAIN:
                waiting.insert(0, (target, left, times + 1))
    return came


def save(came: dict[str, Came], minutes: float, *, commit: str, took: float) -> None:
    """Keep what came of it as docs/results/fuzz-<date>.md."""
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    lines = [
        f"# Every decoder fed with bytes that nobody wrote, {today}",
        "",
        f'Command: `make fuzz MINUTES={minutes:g} ARGS="--save"` at commit {commit}; it took {took / 60:.0f} min.',
        f"Machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, beside other work.",
        "",
        "| target | seconds | inputs | found |",
        "|---|--:|--:|---|",
        *(
            f"| {name} | {one.seconds:.0f} | {one.inputs:,} | {'; '.join(_found(one)) or 'nothing'} |"
            for name, one in came.items()
        ),
        "",
    ]
    (ROOT / "docs" / "results" / f"fuzz-{today}.md").write_text("\n".join(lines), encoding="utf-8")


def _found(came: Came) -> list[str]:
    """What was found, so that it can stand in a table; the log has more where a process just ended."""
    if came.failed and not came.found:
        return ["its process ended"]
    return [line.replace("|", "\\|") for line in dict.fromkeys(came.found)]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzzes every decoder of foreign bytes.")
    parser.add_argument("--minutes", type=float, default=60.0, help="for all together (default: 60)")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; repeatable")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="feed one input to the target, and tell")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="targets at a time")
    parser.add_argument("--save", action="store_true", help="keep the result as docs/results/fuzz-<date>.md")
    parser.add_argument("--in-process", choices=TARGETS, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Fuzz and tell; returns 1 when something failed."""
    options = parse(arguments)
    if options.replay is not None:
        (name,) = options.target or ("",)
        TARGETS[name].take(options.replay.read_bytes())
        print(f"fuzz: {name}: nothing fails with {options.replay}")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris has no wheel for this Python or machine; the tests fuzz a little without it", flush=True)
        return 1
    if options.in_process:
        sys.setrecursionlimit(1000)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        fuzz(TARGETS[options.in_process], options.seconds)
    targets = [TARGETS[name] for name in options.target or TARGETS]
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT)
    began = time.monotonic()
    came = run(targets, options.minutes, min(options.jobs, len(targets)))
    if options.save:
        commit = described.stdout.strip() or "unknown"
        save(came, options.minutes, commit=commit, took=time.monotonic() - began)
    return 1 if any(one.failed for one in came.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
