"""Nodes on a network that a test may break, people on each of them, and what all of them wrote down."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import secrets
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from tests.faults.check import Line, Verdict, judge
from tests.faults.load import Part
from tests.faults.network import BUS_PORT, Kind, Network, network
from tests.forks import AnyProcess, fork
from tests.processes import environment

KEY = "the key of these tests, 32 bytes and more"
PORT = 8765
PATIENCE = 45.0
"""Seconds after which a wait is given up; a bound on failure, never a measure."""
MESH = ("a", "b", "c")
SPARE = "d"
"""A host on which no node runs at first."""
LOOK_SECONDS = 0.05
CONNECTIONS = ("joined", "away", "welcomed", "live", "gone")
"""Lines about the connections of a session."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who is there; all numbers are of the whole cluster."""

    clients: int = 60
    rooms: int = 6
    talkers: int = 10
    rate: float = 20.0
    """Texts a second."""
    frame_ms: int = 20
    """How much speech is in a frame."""


SMALL = Load(clients=18, rooms=3, talkers=3, rate=15.0)


class History:
    """What the processes wrote so far, read as it grows; a file of a folder for each of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: list[Line] = []
        self._told: dict[str, list[Line]] = defaultdict(list)
        self._files: dict[str, tuple[int, int, str]] = {}

    def mark(self, event: str, **fields: Any) -> float:
        """Write a line of one's own; returns its time."""
        at = time.monotonic()
        self._take({"event": event, "at": at, **fields})
        return at

    def _take(self, line: Line) -> None:
        self.lines.append(line)
        self._told[line["event"]].append(line)

    def read(self) -> None:
        """Read what is new."""
        for name in sorted(name for name in os.listdir(self._folder) if name.endswith(".jsonl")):
            offset, number, rest = self._files.get(name, (0, 0, ""))
            path = f"{self._folder}/{name}"
            if os.stat(path).st_size > offset:
                with open(path, encoding="utf-8") as file:
                    file.seek(offset)
                    *lines, rest = (rest + file.read()).split("\n")
                    self._files[name] = file.tell(), number + len(lines), rest
                for place, line in enumerate(lines, number + 1):
                    self._take({**json.loads(line), "where": f"{name}:{place}"})

    def of(self, event: str, *, since: float = 0.0, **having: Any) -> list[Line]:
        """The lines of one kind."""
        return [
            line
            for line in self._told[event]
            if line["at"] >= since and all(line.get(key) == value for key, value in having.items())
        ]


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A node on a host."""

    name: str
    host: str
    folder: Path
    process: AnyProcess
    ready: dict[str, Any]
    """Its ready line."""

    @property
    def id(self) -> str:
        """Its id in the mesh."""
        return str(self.ready["node"])

    async def end(self) -> None:
        """Let it die without a word."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


class Field:
    """Where faults are made and looked at."""

    def __init__(
        self,
        net: Network,
        folder: Path,
        load: Load,
        stack: contextlib.AsyncExitStack,
        *,
        mesh: Sequence[str] = MESH,
        hold: float = 5.0,
        options: Sequence[str] = (),
        keyed: bool = False,
    ) -> None:
        self.network = net
        self.mesh = tuple(mesh)
        """The nodes that there are while all is well."""
        self.folder = folder
        self.load = load
        self.hold = hold
        """For how many seconds `hold_loop` does it."""
        self.history = History(folder)
        self.nodes: dict[str, Node] = {}
        self._stack = stack
        self._loads: dict[str, AnyProcess] = {}
        self._options = tuple(options)
        self._secret = secrets.token_hex(32) if keyed else ""
        self._lists = 0
        self._key_file = folder / "auth.key"
        self._key_file.write_text(KEY)
        self._key_file.chmod(0o600)

    # --- parts ------------------------------------------------------------------------------------------------

    def key_file(self, host: str) -> Path:
        """Where the cluster's secret is on a host."""
        return self.folder / f"{host}.key"

    def hand_out(self, host: str) -> list[str]:
        """Bring the cluster's secret to a host, where there is one; returns the option that names it."""
        file = self.key_file(host)
        if self._secret and not file.exists():
            file.touch(0o600)
            file.write_text(self._secret)
        return [f"--cluster-key-file={file}"] if self._secret else []

    async def start(
        self,
        name: str,
        *,
        host: str = "",
        folder: Path | None = None,
        desk: bool = False,
        options: Sequence[str] | None = None,
    ) -> Node:
        """Start a node, on the host of its name and with a folder of its own unless others are given.

        A desk is a console, see `tests.faults.desk`; `options` instead of those that all nodes have.
        """
        host = host or name
        address, folder = self.network.address(host), folder or self.folder / name
        peers = [f"--peer={self.network.port(other, BUS_PORT)}" for other in self.mesh if other != host]
        log = self.folder / f"{name}.log"
        process = await self._run(
            host,
            "tests.faults.desk" if desk else "tests.faults.node",
            json.dumps({"hold": self.hold, **self.network.passages(host)}),
            *(() if desk else ("node", "--ends-with-parent")),
            f"--name={name}",
            f"--host={address}",
            f"--port={PORT}",
            f"--bus-host={address}",
            f"--bus-port={BUS_PORT}",
            f"--data-dir={folder}",
            f"--auth-key-file={self._key_file}",
            "--drain-seconds=1",
            "--log-format=json",
            *peers,
            *self.hand_out(host),
            *(self._options if options is None else options),
            log=log,
        )
        node = Node(name, host, folder, process, {})
        self._stack.push_async_callback(node.end)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")
        node.ready.update(json.loads(line))
        self.nodes[name] = node
        return node

    async def people(self) -> None:
        """Let people come to the nodes, the same number to each and to each room; returns when all are there."""
        urls = [self.nodes[name].ready["url"] for name in self.mesh]
        for index, name in enumerate(self.mesh):
            share = self.load.clients // len(self.mesh)
            part = Part(
                node=name,
                urls=urls[index:] + urls[:index],
                folder=str(self.folder),
                key=KEY,
                rooms=[f"room {(number + index) % self.load.rooms}" for number in range(share)],
                talkers=len(range(index, self.load.talkers, len(self.mesh))),
                rate=self.load.rate / len(self.mesh),
                frame_ms=self.load.frame_ms,
            )
            process = self._loads[name] = await self._run(
                self.nodes[name].host,
                "tests.faults.load",
                msgspec.json.encode(part).decode(),
                log=self.folder / f"{name}.load.log",
            )
            self._stack.push_async_callback(_end, process)
        await self.until(lambda: len(self.history.of("ready")) == len(self.mesh))

    async def run(self, host: str, module: str, *arguments: str) -> tuple[int | None, str]:
        """Run something on a host to its end; returns its exit code and what it printed."""
        process = await self.begin(host, module, *arguments)
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    async def begin(self, host: str, module: str, *arguments: str) -> AnyProcess:
        """Run something on a host; it ends with this field, at the latest."""
        process = await self._run(host, module, *arguments, log=self.folder / f"{host}.other.log")
        self._stack.push_async_callback(_end, process)
        return process

    def logged(self, name: str) -> str:
        """What a node has logged so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    async def _run(self, host: str, module: str, *arguments: str, log: Path) -> AnyProcess:
        with log.open("ab") as stderr:
            spaces = self.network.spaces(host)
            return await fork(module, *arguments, env=environment(), stderr=stderr, spaces=spaces)

    # --- what is done -----------------------------------------------------------------------------------------

    def order(self, do: str, *names: str, **fields: Any) -> None:
        """Tell the people of these nodes, or all, what to do."""
        for name in names or self._loads:
            stdin = self._loads[name].stdin
            assert stdin is not None
            stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")

    def hold_loop(self, name: str) -> None:
        """Hold the event loop of a node, while ZeroMQ's own thread goes on."""
        self.nodes[name].process.send_signal(signal.SIGUSR1)

    def stop(self, name: str) -> None:
        """Let a node stand still."""
        self.nodes[name].process.send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Undo `stop`."""
        self.nodes[name].process.send_signal(signal.SIGCONT)

    async def kill(self, name: str) -> None:
        """Let a node die without a word."""
        await self.nodes[name].end()

    async def ended(self, name: str, *, within: float) -> int | None:
        """Wait for a node to end by itself; returns its exit code, or None when it goes on."""
        try:
            async with asyncio.timeout(within):
                return await self.nodes[name].process.wait()
        except TimeoutError:
            return None

    # --- what is seen -----------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], *, within: float = PATIENCE) -> bool:
        """Look at the history as it grows until something holds; False when it does not within the time."""
        end = time.monotonic() + within
        while True:
            self.history.read()
            if holds():
                return True
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK_SECONDS)

    async def pass_time(self, seconds: float) -> None:
        """Let the load go on for a while."""
        await asyncio.sleep(max(0.0, seconds))
        self.history.read()

    def states(self, node: str) -> dict[str, str]:
        """How a node saw all nodes last, by their ids, as a name may have had others before."""
        seen = self.history.of("nodes", node=node)
        return dict(seen[-1]["states"]) if seen else {}

    def all_up(self, names: Sequence[str] = ()) -> bool:
        """Whether each of these, or of all, holds all of these to be up."""
        names = names or self.mesh
        return all(self.states(node).get(self.nodes[other].id) == "up" for node in names for other in names)

    def turned(self, node: str, other: str, states: Sequence[str], *, since: float) -> float | None:
        """After how many seconds `node` first held `other` to be in one of these states; None if it did not."""
        return next(
            (
                line["at"] - since
                for line in self.history.of("nodes", node=node, since=since)
                if line["states"].get(self.nodes[other].id) in states
            ),
            None,
        )

    async def sessions(self) -> dict[str, list[str]]:
        """The sessions that are in rooms, as each node lists them now."""
        self._lists += 1
        number = self._lists
        self.order("sessions", number=number)
        await self.until(lambda: len(self.history.of("sessions", number=number)) == len(self._loads), within=5)
        return {line["node"]: line["sessions"] for line in self.history.of("sessions", number=number)}

    def present(self) -> list[str]:
        """The sessions that are in rooms, as their clients know it."""
        gone = {line["session"] for line in self.history.of("gone")}
        return sorted(line["session"] for line in self.history.of("joined") if line["session"] not in gone)

    def homes(self) -> dict[str, str]:
        """On which node each session is, or was last."""
        return {line["session"]: line["node"] for line in self._connections()}

    def at(self, node: str) -> int:
        """How many people are on a node and live there."""
        last = {line["session"]: line for line in self._connections()}
        return sum(line["node"] == node and line["event"] in ("joined", "live") for line in last.values())

    def _connections(self) -> list[Line]:
        """What became of connections, in its order."""
        lines = [line for event in CONNECTIONS for line in self.history.of(event)]
        return sorted((line for line in lines if "device" not in line), key=lambda line: float(line["at"]))

    def unheard(self, *, since: float) -> list[tuple[str, str]]:
        """Who hears whom no more: pairs of sessions in a room, the second a speaker of whom no frame came since."""
        present = set(self.present())
        there = [line for line in self.history.of("joined") if line["session"] in present]
        heard = {(line["session"], line["speaker"]) for line in self.history.of("heard", since=since)}
        return [
            (one["session"], other["session"])
            for one in there
            for other in there
            if other["talks"]
            and one["room"] == other["room"]
            and one is not other
            and (one["session"], other["session"]) not in heard
        ]

    def judge(self, *, alone: bool = False) -> Verdict:
        """Judge all that was written until now."""
        return judge(self.history.lines, alone=alone)

    async def settle(self, *, alone: bool = False, within: float = PATIENCE) -> Verdict:
        """Let nothing more be said, and wait until all was answered and read that must be."""
        self.order("hush")
        step, verdict = 0.25, self.judge(alone=alone)
        end = time.monotonic() + within
        while time.monotonic() < end:
            await self.pass_time(step)
            verdict = self.judge(alone=alone)
            if not verdict.missing and not self.unanswered():
                # Whatever comes too often comes about now.
                await self.pass_time(step)
                return self.judge(alone=alone)
        return verdict

    def unanswered(self) -> int:
        """How many texts of those who stayed have not been acknowledged."""
        gone = {line["session"] for line in self.history.of("gone")}
        said = Counter(
            (line["session"], line["id"]) for line in self.history.of("said") if line["session"] not in gone
        )
        sent = Counter((line["session"], line["id"]) for line in self.history.of("sent"))
        return (said - sent).total()

    def figure(self, node: str, name: str, *, since: float = 0.0) -> list[float]:
        """What `/metrics` of a node said of one name, in order."""
        return [
            line["figures"][name]
            for line in self.history.of("figures", node=node, since=since)
            if name in line["figures"]
        ]


async def _end(process: AnyProcess) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def field(
    folder: Path,
    load: Load,
    *,
    kind: Kind = "namespaces",
    mesh: Sequence[str] = MESH,
    hold: float = 5.0,
    options: Sequence[str] = (),
    keyed: bool = False,
    version: Literal[4, 6] = 4,
) -> AsyncIterator[Field]:
    """Nodes that know each other, all with these options, and people who talk, within the block.

    With a key the mesh is not on loopback, and may be one of IPv6.
    """
    async with (
        network(*mesh, SPARE, kind=kind, open_air=keyed, version=version) as net,
        contextlib.AsyncExitStack() as stack,
    ):
        place = Field(net, folder, load, stack, mesh=mesh, hold=hold, options=options, keyed=keyed)
        await asyncio.gather(*(place.start(name) for name in mesh))
        await place.people()
        assert await place.until(place.all_up), "the nodes did not meet"
        place.order("talk")
        try:
            yield place
        finally:
            place.history.read()
            with (folder / "field.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in place.history.lines if "where" not in line)
