"""Child nodes: starts them, hears what they say, stops them, finds those that an earlier console left running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import msgspec
import psutil

from bus import private
from server.child import Child, ChildState, Ready, ReadyLine, Spec
from server.childcommand import Commands
from server.childio import answers, pieces
from server.childlog import LOG_FILE, LineCutter, LogFile, LogLine, fresh_log, parse_line
from server.config import Config
from server.launched import find_process, read_launched, write_launched
from server.plaintext import plain
from server.restarts import CRASHES

PROGRAM = (sys.executable, str(Path(__file__).resolve().parents[1] / "main.py"))
"""How a node is started."""

STOP_SECONDS = 10.0
"""How long a node may take to end before it is killed (protocol.md section 1)."""

_DRAINED_SECONDS = 5.0
"""What it may take for all but its drain, where that is longer than usual."""

_FILE_SECONDS = 0.25
"""How often the log file and the process of a node without pipes are looked at."""
_OLD_LOG_BYTES = 262_144
"""How much of the log file of a node launched earlier is read."""
_KEEP_SECONDS = 5.0
_KILL_SECONDS = 0.5
"""How long before the end of its time `Launcher.close` kills what still runs."""


class LaunchError(Exception):
    """A node could not be started at all; the text is one plain sentence."""


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
        self._commands = Commands(config, auth_key_file, program)
        self._children: dict[str, Child] = {}
        self._observers: list[Observer] = []
        self._waiting: dict[asyncio.Future[None], tuple[Child, frozenset[ChildState]]] = {}
        self._count = 0
        self._closing = False
        self._patience = max(STOP_SECONDS, config.drain_seconds + _DRAINED_SECONDS)

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
        """Tell the data folder of a node called `name`."""
        return self._commands.folder(name)

    def command(self, spec: Spec) -> str:
        """Give the command line that starts the same node from a terminal."""
        return self._commands.line(spec)

    def launch(self, spec: Spec) -> Child:
        """Start a node; watch it, or await `until`, for what becomes of it. Raises LaunchError.

        One of the same name that has exited is forgotten, and started again no more.
        """
        folder = self.folder(spec.name)
        for former in self.children:
            if former.folder == folder:
                if former.state is not ChildState.EXITED:
                    raise LaunchError(f"{plain(spec.name)} runs already.")
                self.forget(former)
        child = self._add(spec, folder)
        try:
            self._start(child)
        except LaunchError:
            del self._children[child.id]
            raise
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
            child.task = asyncio.create_task(self._attend_earlier(child), name=f"launched {child.id}")
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

    async def stop(self, child: Child, *, patience: float | None = None) -> None:
        """Let `child` drain and end; kill it after `patience` seconds. Returns when it has exited.

        One that waits to be started again does so no more.
        """
        child.restarting = False
        if child.timer is not None:
            self._unschedule(child)
            self._tell("child", child)
        await self._stop(child, patience)

    async def restart(self, child: Child) -> None:
        """Start `child` again under its name and ports and with its data, after it has drained if it runs.

        Raises LaunchError. Whoever stops it meanwhile wins.
        """
        self._unschedule(child)
        child.restarts.forgive()
        child.given_up = False
        if child.state is not ChildState.EXITED:
            child.restarting = True
            await self._stop(child)
            if not child.restarting:
                return
        if child.id in self._children and child.state is ChildState.EXITED:
            self._start(child)

    async def _stop(self, child: Child, patience: float | None = None) -> None:
        if child.state in (ChildState.STARTING, ChildState.RUNNING):
            child.asked = True
            self._set(child, ChildState.STOPPING)
            self._signal(child, kill=False)
        try:
            async with asyncio.timeout(self._patience if patience is None else patience):
                await self.until(child)
        except TimeoutError:
            self._signal(child, kill=True)
            await self.until(child)

    def forget(self, child: Child) -> None:
        """Drop an exited child and its log from the list; one that runs stays."""
        if child.state is ChildState.EXITED and self._children.pop(child.id, None) is not None:
            self._unschedule(child)
            self._tell("child", child)

    async def close(self, within: float = STOP_SECONDS) -> None:
        """Stop every child that was not to be kept, and let go of the others; all of that `within` seconds."""
        patience = max(0.0, within - _KILL_SECONDS)
        self._closing = True
        for child in self.children:
            self._unschedule(child)
        await asyncio.gather(*(self._end(child, patience) for child in self.children))
        tasks = [child.task for child in self.children if child.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for child in self.children:
            if child.process is not None and child.process.returncode is None:
                # It is meant to outlive this process; without a code Popen would warn of it when it is collected.
                child.process.returncode = 0

    async def _end(self, child: Child, patience: float) -> None:
        if not child.spec.keep:
            await self.stop(child, patience=patience)
        elif child.restarting:
            await self._stop(child, patience)
        else:
            # Its ready line needs somebody who reads it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(patience, _KEEP_SECONDS)):
                    await self.until(child, ChildState.RUNNING, ChildState.STOPPING)

    def _start(self, child: Child) -> None:
        """Start the process of `child`, its first or another one. Raises LaunchError."""
        spec = child.spec
        log: IO[bytes] | None = None
        try:
            private.make_folder(child.folder)
            if spec.keep:
                log = fresh_log(child.folder)
            process = subprocess.Popen(
                self._commands.arguments(spec),
                stdin=subprocess.DEVNULL if spec.keep else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log if log is not None else subprocess.PIPE,
                start_new_session=True,
                env={key: value for key, value in os.environ.items() if not key.startswith("SWITCHBOARD_")},
            )
        except (OSError, ValueError) as error:
            raise LaunchError(f"{plain(spec.name)} could not be started: {error}.") from error
        finally:
            if log is not None:
                log.close()
        child.pid, child.process, child.created = process.pid, process, 0.0
        child.started, child.ended, child.code, child.ready = _now(), None, None, None
        child.asked = child.restarting = child.earlier = False
        child.again = child.timer = None
        with contextlib.suppress(psutil.Error):
            child.created = psutil.Process(process.pid).create_time()
        child.task = asyncio.get_running_loop().create_task(self._attend(child, process), name=f"launched {child.id}")
        self._set(child, ChildState.STARTING)
        self._save()

    def _start_again(self, child: Child) -> None:
        """Its wait after a crash is over."""
        child.timer = child.again = None
        try:
            self._start(child)
        except LaunchError as error:
            self._note(child, str(error))
            self._schedule(child)
            self._tell("child", child)

    def _schedule(self, child: Child) -> None:
        """After a crash: start it again in a while, or give it up."""
        loop = asyncio.get_running_loop()
        wait = child.restarts.crashed(loop.time())
        if wait is None:
            child.given_up = True
            self._note(child, f"{child.spec.name} crashed {CRASHES} times within 10 minutes and is not started again")
            return
        child.again = _now() + round(wait * 1000)
        child.timer = loop.call_later(wait, self._start_again, child)
        self._note(child, f"{child.spec.name} crashed and is started again in {wait:g} s")

    def _unschedule(self, child: Child) -> None:
        if child.timer is not None:
            child.timer.cancel()
        child.timer = child.again = None

    def _add(self, spec: Spec, folder: Path, *, earlier: bool = False) -> Child:
        self._count += 1
        child = Child(f"c{self._count}", spec, folder, earlier=earlier)
        self._children[child.id] = child
        return child

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
            write_launched(self._config.data_dir, [child.as_launched() for child in living])
        except OSError as error:
            for child in living:
                self._note(child, f"the list of launched nodes could not be written: {error}")

    def _signal(self, child: Child, *, kill: bool) -> None:
        process = child.process if child.process is not None else find_process(child.as_launched())
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
        if child.ready is not None and not await answers(child.ready.http):
            self._note(child, f"{child.spec.name} does not answer at {child.ready.http}healthz")
        launched = child.as_launched()
        log = LogFile(child.folder / LOG_FILE, last=_OLD_LOG_BYTES)
        await self._follow(child, log, lambda: find_process(launched) is not None)
        self._exited(child, None)

    async def _hear_stdout(self, child: Child, stdout: IO[bytes]) -> None:
        cutter = LineCutter()
        async with contextlib.aclosing(pieces(stdout)) as heard:
            async for piece in heard:
                for line in cutter.feed(piece):
                    self._on_stdout(child, line)

    def _on_stdout(self, child: Child, line: bytes) -> None:
        try:
            ready = msgspec.json.decode(line, type=ReadyLine)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._hear(child, [line])
            return
        child.ready = Ready(ready.name, ready.node, ready.url, ready.http, ready.bus, ready.pid)
        child.spec = _pinned(child.spec, child.ready)
        if child.state is ChildState.STARTING:
            self._set(child, ChildState.RUNNING)
        self._save()

    async def _hear_stderr(self, child: Child, stderr: IO[bytes]) -> None:
        cutter = LineCutter()
        async with contextlib.aclosing(pieces(stderr)) as heard:
            async for piece in heard:
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
        child.state = ChildState.EXITED
        # One that never was ready will not be so the next time either, unless it was so before.
        promising = child.ready is not None or child.restarts.crashes
        if child.spec.restart and child.crashed and promising and not self._closing:
            self._schedule(child)
        self._set(child, ChildState.EXITED)
        self._save()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _pinned(spec: Spec, ready: Ready) -> Spec:
    """The same with the ports that the system picked, so that another start is found where the first was."""
    ports = urllib.parse.urlsplit(ready.http).port, ready.bus.rpartition(":")[2]
    return msgspec.structs.replace(
        spec, port=ports[0] or spec.port, bus_port=int(ports[1]) if ports[1].isdigit() else spec.bus_port
    )
