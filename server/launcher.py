"""Child nodes: starts them, hears what they say, stops them, finds those that an earlier console left running."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import hashlib
import os
import shlex
import subprocess
import sys
import time
import urllib.parse
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import IO

import msgspec
import psutil

from server.childlog import LOG_FILE, LineCutter, LogFile, LogLine, LogRing, fresh_log, parse_line
from server.config import Config
from server.launched import Launched, find_process, read_launched, write_launched
from server.plaintext import plain

PROGRAM = (sys.executable, str(Path(__file__).resolve().parents[1] / "main.py"))
"""How a node is started."""

STOP_SECONDS = 10.0
"""How long a node may take to drain before it is killed (protocol.md section 1)."""

_FILE_SECONDS = 0.25
"""How often the log file and the process of a node without pipes are looked at."""
_OLD_LOG_BYTES = 262_144
"""How much of the log file of a node launched earlier is read."""
_ANSWER_SECONDS = 1.0
_KEEP_SECONDS = 5.0
_KILL_SECONDS = 0.5
"""How long before the end of its time `Launcher.close` kills what still runs."""
_PIECE = 65_536


class LaunchError(Exception):
    """A node could not be started at all; the text is one plain sentence."""


class ChildState(enum.StrEnum):
    """Where a launched node is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    EXITED = "exited"


class Ready(msgspec.Struct, frozen=True):
    """The ready line of a node (protocol.md section 1)."""

    name: str
    node: str
    url: str
    http: str
    bus: str
    pid: int


class _ReadyLine(Ready, frozen=True, tag_field="event", tag="ready"):
    """The ready line on its way in: only a line whose ``event`` is ``ready`` is one."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to launch."""

    name: str
    host: str
    port: int
    bus_host: str
    bus_port: int
    peer: str
    """``host:port`` of the mesh address to join through; empty for none."""
    keep: bool = False
    """Whether it runs on when this console ends."""


class Child:
    """One launched node. The launcher alone changes it; everybody else reads."""

    def __init__(self, id: str, spec: Spec, folder: Path, *, earlier: bool = False) -> None:
        self.id = id
        """Identity within this launcher."""
        self.spec = spec
        self.folder = folder
        """Its data folder."""
        self.earlier = earlier
        """Whether a console before this one launched it."""
        self.state = ChildState.STARTING
        self.pid = 0
        self.ready: Ready | None = None
        self.code: int | None = None
        """Exit code once it has exited; negative for a signal; None where nobody could learn it."""
        self.asked = False
        """Whether it was told to stop, so that its end is no surprise."""
        self.started = 0
        """When it was launched, ms since 1970."""
        self.ended: int | None = None
        """When it exited, ms since 1970."""
        self.log = LogRing()
        self.created = 0.0
        """When its process began, seconds since 1970."""
        self._process: subprocess.Popen[bytes] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def said(self) -> str:
        """The last thing it said; empty when it was silent."""
        return self.log.last.text if self.log.last else ""


Observer = Callable[[str, str], None]


class Launcher:
    """Starts nodes on this machine and tends them.

    Children are made with `subprocess.Popen` in list form, never by a shell. asyncio's own subprocesses are not used:
    their transport kills the process when it is collected, which a kept node has to survive, and on Python 3.11 they
    need a thread for each child.
    """

    def __init__(self, config: Config, auth_key_file: Path, *, program: Sequence[str] = PROGRAM) -> None:
        """Make a launcher for the console that runs with `config`; `auth_key_file` is the key that it uses.

        `program` is the command in front of ``node``.
        """
        self._config = config
        self._auth_key_file = auth_key_file
        self._program = tuple(program)
        self._children: dict[str, Child] = {}
        self._observers: list[Observer] = []
        self._waiting: dict[asyncio.Future[None], tuple[Child, frozenset[ChildState]]] = {}
        self._count = 0

    @property
    def children(self) -> Sequence[Child]:
        """Every launched node in the order of launch, with the exited ones until they are forgotten."""
        return tuple(self._children.values())

    def watch(self, observer: Observer) -> Callable[[], None]:
        """Call ``observer("child", id)`` when a child changes and ``observer("log", id)`` when it said something.

        The observer must only note it. The function returned ends the watching.
        """
        self._observers.append(observer)

        def end() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return end

    def folder(self, name: str) -> Path:
        """Tell the data folder of a node called `name`; any name gives one folder below the console's own."""
        safe = urllib.parse.quote(name, safe=" ")
        if safe.startswith("."):
            safe = "%2E" + safe[1:]
        if len(safe) > 100:
            safe = f"{safe[:80]}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}"
        return self._config.data_dir / "nodes" / safe

    def command(self, spec: Spec) -> str:
        """Give the command line that starts the same node from a terminal."""
        return shlex.join([*self._program, "node", *self._options(spec)])

    def launch(self, spec: Spec) -> Child:
        """Start a node; watch it, or await `until`, for what becomes of it. Raises LaunchError.

        One of the same name that has exited is forgotten.
        """
        folder = self.folder(spec.name)
        for former in self.children:
            if former.folder == folder:
                if former.state is not ChildState.EXITED:
                    raise LaunchError(f"{plain(spec.name)} runs already.")
                self.forget(former)
        child = self._add(spec, folder)
        log: IO[bytes] | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if spec.keep:
                log = fresh_log(folder)
            process = subprocess.Popen(
                self._arguments(spec),
                stdin=subprocess.DEVNULL if spec.keep else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log if log is not None else subprocess.PIPE,
                start_new_session=True,
                env={key: value for key, value in os.environ.items() if not key.startswith("SWITCHBOARD_")},
            )
        except (OSError, ValueError) as error:
            del self._children[child.id]
            raise LaunchError(f"{plain(spec.name)} could not be started: {error}.") from error
        finally:
            if log is not None:
                log.close()
        child.pid, child._process = process.pid, process
        child.started = _now()
        with contextlib.suppress(psutil.Error):
            child.created = psutil.Process(process.pid).create_time()
        self._save()
        child._task = asyncio.get_running_loop().create_task(
            self._attend(child, process), name=f"launched {child.id}"
        )
        self._tell("child", child)
        return child

    async def recover(self) -> None:
        """Take up the nodes that an earlier console launched and that still run."""
        for launched in read_launched(self._config.data_dir):
            process = find_process(launched)
            if process is None:
                continue
            spec = Spec(
                name=launched.name,
                host=launched.host,
                port=launched.port,
                bus_host=launched.bus_host,
                bus_port=launched.bus_port,
                peer=launched.peer,
                keep=launched.kept,
            )
            child = self._add(spec, Path(launched.folder), earlier=True)
            child.pid, child.created, child.started = launched.pid, launched.created, launched.started
            child.state = ChildState.RUNNING
            if launched.http:
                child.ready = Ready(
                    launched.name, launched.node, launched.url, launched.http, launched.bus, launched.pid
                )
            child._task = asyncio.create_task(self._attend_earlier(child), name=f"launched {child.id}")
            self._tell("child", child)
        self._save()

    async def until(self, child: Child, *states: ChildState) -> None:
        """Wait until `child` is in one of `states`, or has exited."""
        wanted = frozenset(states) | {ChildState.EXITED}
        if child.state in wanted:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reached] = (child, wanted)
        try:
            await reached
        finally:
            del self._waiting[reached]

    async def stop(self, child: Child, *, patience: float = STOP_SECONDS) -> None:
        """Let `child` drain and end; kill it after `patience` seconds. Returns when it has exited."""
        if child.state in (ChildState.STARTING, ChildState.RUNNING):
            child.asked = True
            self._set(child, ChildState.STOPPING)
            self._signal(child, kill=False)
        try:
            async with asyncio.timeout(patience):
                await self.until(child)
        except TimeoutError:
            self._signal(child, kill=True)
            await self.until(child)

    def forget(self, child: Child) -> None:
        """Drop an exited child and its log from the list; one that runs stays."""
        if child.state is ChildState.EXITED and self._children.pop(child.id, None) is not None:
            self._tell("child", child)

    async def close(self, within: float = STOP_SECONDS) -> None:
        """Stop every child that was not to be kept, and let go of the others; all of that `within` seconds."""
        patience = max(0.0, within - _KILL_SECONDS)
        await asyncio.gather(*(self._end(child, patience) for child in self.children))
        tasks = [child._task for child in self.children if child._task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for child in self.children:
            if child._process is not None and child._process.returncode is None:
                # It is meant to outlive this process; without a code Popen would warn of it when it is collected.
                child._process.returncode = 0

    async def _end(self, child: Child, patience: float) -> None:
        if not child.spec.keep:
            await self.stop(child, patience=patience)
        else:
            # Its ready line needs somebody who reads it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(patience, _KEEP_SECONDS)):
                    await self.until(child, ChildState.RUNNING, ChildState.STOPPING)

    def _add(self, spec: Spec, folder: Path, *, earlier: bool = False) -> Child:
        self._count += 1
        child = Child(f"c{self._count}", spec, folder, earlier=earlier)
        self._children[child.id] = child
        return child

    def _options(self, spec: Spec) -> list[str]:
        config = self._config
        defaults = Config(name="", data_dir=config.data_dir)
        # Values stand behind "=", so that a name such as "--help" stays a name.
        options = [f"--name={spec.name}", f"--port={spec.port}", f"--bus-port={spec.bus_port}"]
        if spec.peer:
            options.append(f"--peer={spec.peer}")
        if spec.host != defaults.host:
            options.append(f"--host={spec.host}")
        if spec.bus_host != defaults.bus_host:
            options.append(f"--bus-host={spec.bus_host}")
        options += [f"--data-dir={self.folder(spec.name)}", f"--auth-key-file={self._auth_key_file}"]
        if config.auth != defaults.auth:
            options.append(f"--auth={config.auth}")
        options += [f"--origin={origin}" for origin in config.origins]
        if config.drain_seconds != defaults.drain_seconds:
            options.append(f"--drain-seconds={config.drain_seconds:g}")
        if config.voice_fps != defaults.voice_fps:
            options.append(f"--voice-fps={config.voice_fps}")
        return options

    def _arguments(self, spec: Spec) -> list[str]:
        ending = [] if spec.keep else ["--ends-with-parent"]
        return [*self._program, "node", *self._options(spec), "--log-format=json", *ending]

    def _tell(self, what: str, child: Child) -> None:
        for observer in tuple(self._observers):
            observer(what, child.id)

    def _set(self, child: Child, state: ChildState) -> None:
        child.state = state
        for reached, (whom, wanted) in self._waiting.items():
            if whom is child and state in wanted and not reached.done():
                reached.set_result(None)
        self._tell("child", child)

    def _save(self) -> None:
        living = [child for child in self._children.values() if child.state is not ChildState.EXITED]
        try:
            write_launched(self._config.data_dir, [_launched(child) for child in living])
        except OSError as error:
            for child in living:
                self._note(child, f"the list of launched nodes could not be written: {error}")

    def _signal(self, child: Child, *, kill: bool) -> None:
        process = child._process if child._process is not None else find_process(_launched(child))
        if process is not None:
            with contextlib.suppress(psutil.Error, OSError):
                (process.kill if kill else process.terminate)()

    async def _attend(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Follow a child of this console from its start to its end."""
        assert process.stdout is not None
        try:
            if process.stderr is not None:
                words = self._hear_stderr(child, process.stderr)
            else:
                words = self._follow(child, LogFile(child.folder / LOG_FILE), lambda: process.poll() is None)
            await asyncio.gather(self._hear_stdout(child, process.stdout), words)
            # Its pipes end with it; what is left is the moment until the system has its code.
            while process.poll() is None:  # noqa: ASYNC110 - there is no event for it without a thread
                await asyncio.sleep(0.01)
        finally:
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        self._exited(child, process.returncode)

    async def _attend_earlier(self, child: Child) -> None:
        """Follow a node that another console launched: there is its log file and its process id, nothing else."""
        if child.ready is not None and not await _answers(child.ready.http):
            self._note(child, f"{child.spec.name} does not answer at {child.ready.http}healthz")
        launched = _launched(child)
        log = LogFile(child.folder / LOG_FILE, last=_OLD_LOG_BYTES)
        await self._follow(child, log, lambda: find_process(launched) is not None)
        self._exited(child, None)

    async def _hear_stdout(self, child: Child, stdout: IO[bytes]) -> None:
        cutter = LineCutter()
        async with contextlib.aclosing(_pieces(stdout)) as pieces:
            async for piece in pieces:
                for line in cutter.feed(piece):
                    self._on_stdout(child, line)

    def _on_stdout(self, child: Child, line: bytes) -> None:
        try:
            ready = msgspec.json.decode(line, type=_ReadyLine)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._hear(child, [line])
            return
        child.ready = Ready(ready.name, ready.node, ready.url, ready.http, ready.bus, ready.pid)
        if child.state is ChildState.STARTING:
            self._set(child, ChildState.RUNNING)
        self._save()

    async def _hear_stderr(self, child: Child, stderr: IO[bytes]) -> None:
        cutter = LineCutter()
        async with contextlib.aclosing(_pieces(stderr)) as pieces:
            async for piece in pieces:
                self._hear(child, cutter.feed(piece))
        self._hear(child, cutter.close())

    async def _follow(self, child: Child, log: LogFile, living: Callable[[], bool]) -> None:
        """Read what a kept node writes to its log file for as long as it lives."""
        lives = True
        while lives:
            lives = living()
            while lines := log.read():
                self._hear(child, lines)
                await asyncio.sleep(0)
            if lives:
                await asyncio.sleep(_FILE_SECONDS)

    def _hear(self, child: Child, lines: Sequence[bytes]) -> None:
        if lines:
            now = _now()
            for line in lines:
                child.log.append(parse_line(line, now))
            self._tell("log", child)

    def _note(self, child: Child, text: str) -> None:
        """Add a line of our own to what a child said."""
        child.log.append(LogLine(_now(), "warning", plain(text)))
        self._tell("log", child)

    def _exited(self, child: Child, code: int | None) -> None:
        child.code = code
        child.ended = _now()
        self._set(child, ChildState.EXITED)
        self._save()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _launched(child: Child) -> Launched:
    spec, ready = child.spec, child.ready
    return Launched(
        name=spec.name,
        pid=child.pid,
        created=child.created,
        started=child.started,
        kept=spec.keep,
        folder=str(child.folder),
        host=spec.host,
        port=spec.port,
        bus_host=spec.bus_host,
        bus_port=spec.bus_port,
        peer=spec.peer,
        node=ready.node if ready else "",
        url=ready.url if ready else "",
        http=ready.http if ready else "",
        bus=ready.bus if ready else "",
    )


async def _pieces(pipe: IO[bytes]) -> AsyncGenerator[bytes]:
    """Read `pipe` to its end as data comes."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while piece := await reader.read(_PIECE):
            yield piece
    finally:
        transport.close()


async def _answers(http: str) -> bool:
    """Whether the node at the address `http` says that it can serve."""
    address = urllib.parse.urlsplit(http)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
