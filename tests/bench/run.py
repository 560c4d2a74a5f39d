"""Measures voice relaying on this machine: our node and console beside two reference servers, in one go.

Every figure is the median of the runs. What counts is the CPU time that a server needs for one delivery, since other
work on the machine disturbs it least, and the ratio between servers measured in the same minutes. How long the
clients were ready to run but had no core says how much else there was: above a few percent, measure again.
The clients are `loadgen.c`, the references `relay.c` (the practical limit) and `broadcast.py` (the 35-line room
server). With two cores the server has the first for itself and the clients the second.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import platform
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
BUILD = ROOT / "build" / "bench"

IDLE_FEW, IDLE_MANY = 1000, 5000
FAULTS = ("gaps", "dups", "reorder", "corrupt", "misrouted", "closed")

SPEAK_TO_US = (
    *("--path", "/ws", "--join-kind", "text", "--data-kind", "binary"),
    *("--join", '{"type":"hello","name":"%NAME%"}', "--expect", '"welcome"'),
    *("--join", '{"type":"join","room":"%ROOM%"}', "--expect", '"joined"', "--capture", '"ssrc":'),
    *("--data", r"\x51\0%LEVEL%\x02%CAP32%%SEQ16%\0\0%SEQ32%\x78%PAYLOAD%"),
)
"""What makes the load generator a client of docs/protocol.md; its `%PAYLOAD%` stands where Opus bytes would."""


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """How many rooms, members of each and speakers among them; 50 frames of 120 bytes a second from each speaker."""

    name: str
    rooms: int
    members: int
    speakers: int

    def __str__(self) -> str:
        return f"{self.rooms} room{'s' * (self.rooms > 1)} × {self.members} members, {self.speakers} speakers each"


SCENARIOS = {"A": Scenario("A", 1, 50, 3), "B": Scenario("B", 20, 50, 2)}


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """A server that takes clients."""

    port: int
    pid: int
    ready: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Its ready line, if it prints one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """A server to measure: how it is called here, its command for a port and a data folder, how to speak to it."""

    name: str
    command: Callable[[int, str], list[str]]
    speak: Sequence[str] = ()
    ready_line: bool = False
    """Whether it picks its port and prints the ready line of protocol.md section 1."""


def ours(*options: str) -> Callable[[int, str], list[str]]:
    return lambda _port, data: [sys.executable, str(ROOT / "main.py"), *options, "--port", "0", "--data-dir", data]


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("relay-batch", lambda port, _data: [str(BUILD / "relay"), str(port), "batch"]),
        Subject("relay-each", lambda port, _data: [str(BUILD / "relay"), str(port), "each"]),
        Subject("broadcast", lambda port, _data: [sys.executable, str(BENCH / "broadcast.py"), str(port)]),
        Subject("node", ours("node", "--bus", "memory"), SPEAK_TO_US, ready_line=True),
        Subject("node-mesh", ours("node", "--bus-port", "0"), SPEAK_TO_US, ready_line=True),
        Subject("console", ours("--bus-port", "0"), SPEAK_TO_US, ready_line=True),
    )
}


class BenchError(Exception):
    """A server or the load generator did not do its part; the text says which and why."""


def compile_yardsticks() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("loadgen", "relay"):
        subprocess.run(["cc", "-O2", "-w", "-o", str(BUILD / name), str(BENCH / f"{name}.c")], check=True)


def pinned(command: list[str], *, core: int | None) -> list[str]:
    """The command bound to one core, where there are two and `taskset` to do it; None leaves it all."""
    if core is not None and shutil.which("taskset") and len(os.sched_getaffinity(0)) >= 2:
        return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[core]), *command]
    return command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_line(process: subprocess.Popen[str], *, seconds: float) -> dict[str, Any]:
    """The next line that the process prints, as JSON. Raises BenchError when none comes in time."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], seconds)[0] or not (line := process.stdout.readline()):
        raise BenchError(f"{process.args!r} printed nothing within {seconds:g} s; see {BUILD}/*.log")
    answer: dict[str, Any] = json.loads(line)
    return answer


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
    raise BenchError(f"{process.args!r} ended with {process.returncode}; see {BUILD}/*.log")


@contextlib.contextmanager
def serving(subject: Subject, *, core: int | None = 0) -> Iterator[Running]:
    """Run the server on the first core, or on another or all, for as long as the context lasts."""
    port, ready = free_port(), {}
    with (
        tempfile.TemporaryDirectory() as data,
        open(BUILD / f"{subject.name}.log", "w", encoding="utf-8") as log,
        subprocess.Popen(
            pinned(subject.command(port, data), core=core),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        ) as process,
    ):
        try:
            if subject.ready_line:
                ready = wait_for_line(process, seconds=30)
                port = int(ready["http"].rstrip("/").rpartition(":")[2])
            else:
                wait_for_port(port, process)
            yield Running(port, process.pid, ready)
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            process.kill()


def starved() -> float:
    """Seconds for which this process was ready to run and had no core; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def loadgen(subject: Subject, server: Running, *options: object) -> list[str]:
    command = [str(BUILD / "loadgen"), "--port", str(server.port), "--pids", str(server.pid), *subject.speak]
    return pinned([*command, *map(str, options)], core=1)


def relay_voice(subject: Subject, scenario: Scenario, *, secs: float) -> dict[str, Any]:
    """One run: what the load generator reports, with the server's µs for one delivery."""
    with serving(subject) as server:
        sizes = ("--rooms", scenario.rooms, "--members", scenario.members, "--speakers", scenario.speakers)
        command = loadgen(subject, server, *sizes, "--fps", 50, "--bytes", 120, "--secs", secs)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=secs + 180)
    if done.returncode:
        raise BenchError(f"{subject.name}, scenario {scenario.name}: {done.stderr.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def pss(pid: int) -> int:
    """Bytes of memory of a process, what it shares divided among the sharers."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


@contextlib.contextmanager
def idling(subject: Subject, server: Running, *, members: int, room_base: int) -> Iterator[None]:
    """Hold idle members, 50 to a room, for as long as the context lasts."""
    sizes = ("--rooms", members // 50, "--members", 50, "--speakers", 1, "--room-base", room_base)
    command = loadgen(subject, server, "--mode", "idle", *sizes, "--secs", 600)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as clients:
        try:
            wait_for_line(clients, seconds=150)
            yield
        finally:
            clients.kill()


def idle_bytes(subject: Subject) -> float:
    """Memory that one idle member of a room holds: growth from 1,000 members to 5,000, divided by 4,000."""
    with serving(subject) as server, idling(subject, server, members=IDLE_FEW, room_base=0):
        few = pss(server.pid)
        with idling(subject, server, members=IDLE_MANY - IDLE_FEW, room_base=IDLE_FEW // 50):
            return (pss(server.pid) - few) / (IDLE_MANY - IDLE_FEW)


def measure(subjects: Sequence[Subject], scenarios: Sequence[Scenario], *, runs: int, secs: float) -> dict[str, Any]:
    """All runs, the servers taking turns so that a busy minute of the machine meets each of them."""
    results: dict[str, Any] = {scenario.name: {subject.name: [] for subject in subjects} for scenario in scenarios}
    for run in range(runs):
        for scenario in scenarios:
            for subject in subjects:
                report = relay_voice(subject, scenario, secs=secs)
                results[scenario.name][subject.name].append(report)
                cost = report["server_us_per_delivery"]
                print(
                    f"run {run + 1}  {scenario.name}  {subject.name:12} {cost:7.2f} µs", file=sys.stderr, flush=True
                )
    return results


def median(reports: Sequence[dict[str, Any]], *path: str) -> float:
    def look(report: dict[str, Any]) -> float:
        value: Any = report
        for key in path:
            value = value[key]
        return float(value)

    return statistics.median(map(look, reports))


def voice_table(scenario: Scenario, results: dict[str, list[dict[str, Any]]]) -> list[str]:
    cost = {name: median(reports, "server_us_per_delivery") for name, reports in results.items()}
    lines = [
        f"## {scenario.name}: {scenario}",
        "",
        "| server | µs per delivery | of relay-batch | of broadcast | p50 µs | p99 µs | wrong | clients waited |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, reports in results.items():
        ratios = [f"{cost[name] / cost[base]:.2f}" if base in cost else "" for base in ("relay-batch", "broadcast")]
        wrong = sum(int(report[fault]) for report in reports for fault in FAULTS)
        latency = [f"{median(reports, 'lat_us', part):.0f}" for part in ("p50", "p99")]
        waited = f"{median(reports, 'loadgen_wait_pct'):.0f} %"
        cells = [name, f"{cost[name]:.2f}", *ratios, *latency, str(wrong), waited]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def idle_table(idle: dict[str, list[float]]) -> list[str]:
    head = ["## Idle members", "", "| server | bytes for each of 4,000 |", "|---|--:|"]
    return [*head, *(f"| {name} | {statistics.median(values):,.0f} |" for name, values in idle.items()), ""]


def commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    return answer.stdout.strip() or "unknown"


def header(arguments: Sequence[str], *, runs: int, secs: float, make: str = "bench") -> list[str]:
    """The head of a report of `make <make>`: how it was made, on what."""
    joined = " ".join(arguments)
    command = f'make {make} ARGS="{joined}"' if arguments else f"make {make}"
    return [
        f"# Benchmark of {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "",
        f"Command: `{command}` at commit {commit()}.",
        f"Machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}. Medians of {runs} runs of {secs:g} s; ratios count more than digits.",
        "",
    ]


def publish(lines: Sequence[str], *, save: str | None) -> None:
    """Print a report; with `save` keep it among the results too, under that name and today's date."""
    print("\n".join(lines))
    if save:
        results = ROOT / "docs" / "results"
        results.mkdir(parents=True, exist_ok=True)
        target = results / f"{save}-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.md"
        target.write_text("\n".join(lines), encoding="utf-8")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each server in each scenario (default 3)")
    parser.add_argument("--secs", type=float, default=5, help="seconds that a run measures (default 5)")
    parser.add_argument("--server", action="append", choices=SUBJECTS, help="only this one; repeatable")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; repeatable")
    parser.add_argument("--no-idle", action="store_true", help="leave out the memory of idle members")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every report here")
    parser.add_argument("--save", action="store_true", help="keep the tables as docs/results/bench-<date>.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    compile_yardsticks()
    subjects = [SUBJECTS[name] for name in options.server or SUBJECTS]
    scenarios = [SCENARIOS[name] for name in options.scenario or SCENARIOS]
    voice = measure(subjects, scenarios, runs=options.runs, secs=options.secs)
    idle: dict[str, list[float]] = {}
    if not options.no_idle:
        wanted = [subject for subject in subjects if subject.name in ("broadcast", "node")]
        idle = {subject.name: [idle_bytes(subject) for _ in range(options.runs)] for subject in wanted}
    lines = header(arguments, runs=options.runs, secs=options.secs)
    for scenario in scenarios:
        lines += voice_table(scenario, voice[scenario.name])
    if idle:
        lines += idle_table(idle)
    publish(lines, save="bench" if options.save else None)
    if options.json:
        report = {"commit": commit(), "runs": options.runs, "secs": options.secs, "voice": voice, "idle": idle}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BenchError as error:
        sys.exit(f"bench: {error}")
