"""A demo as its console runs it: two launched nodes beside its own, and the process of the people."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from server.addresses import is_loopback
from server.child import Child, ChildState, Ready, Spec
from server.childio import pieces
from server.childlog import LineCutter
from server.config import Config
from server.demo import cast
from server.demo.players import OnStage, Playbill
from server.desk import Desk
from server.identity import Key, mint
from server.launcher import PROGRAM, Launcher, LaunchError
from server.options import NOT_IN_A_DEMO, PLAYERS
from server.session import Role

logger = logging.getLogger(__name__)

NAMES = ("alder", "birch", "cedar")
"""Of the nodes; the first is the console's own."""
LEAVING_SECONDS = 2.0
"""How long the people may take to leave."""
_TOKEN_SECONDS = 30 * 86_400


@contextlib.contextmanager
def demo_config(config: Config) -> Iterator[Config]:
    """Give the config of a demo: nothing that is the user's own is touched, and the folder goes at the end."""
    with TemporaryDirectory(prefix="switchboard-demo-", ignore_cleanup_errors=True) as folder:
        yield dataclasses.replace(
            config,
            name=config.name or NAMES[0],
            bus="zeromq",
            bus_port=config.bus_port or 0,
            bus_host=config.bus_host if is_loopback(config.bus_host) else "127.0.0.1",
            bus_advertise="",
            peers=(),
            cluster_key_file=None,
            auth="open",
            auth_key_file=None,
            tls_cert=None,
            tls_key=None,
            trusted_proxies=(),
            store=None,
            sources=(*((f, s) for f, s in config.sources if f not in NOT_IN_A_DEMO), ("data_dir", "demo")),
            data_dir=Path(folder),
        )


@contextlib.asynccontextmanager
async def staged(
    desk: Desk, launcher: Launcher, config: Config, key: Key, voices: Path
) -> AsyncIterator[Stage | None]:
    """Run the demo that `config` asks for within the block; None where it asks for none."""
    if config.demo_seed is None:
        yield None
        return
    stage = Stage(desk, launcher, config, key, voices)
    try:
        yield stage
    finally:
        await stage.close()


class Stage:
    """A demo under way. It is set up beside what else the console does; `close` or `end` must be awaited at last."""

    def __init__(
        self,
        desk: Desk,
        launcher: Launcher,
        config: Config,
        key: Key,
        voices: Path,
        *,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """Prepare the demo of a console that runs with the `config` of `demo_config`.

        Args:
            desk: Of the console's node, which is started.
            launcher: Launches the other two.
            config: With the seed.
            key: The cluster's, for the tokens of the moderators.
            voices: The folder of the voices.
            program: The command in front of ``players``.
        """
        self._desk = desk
        self._launcher = launcher
        self._config = config
        self._key = key
        self._voices = voices
        self._program = tuple(program)
        self._children: list[Child] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._on_stage: asyncio.Future[OnStage] = self._loop.create_future()
        self._over = asyncio.Event()
        self._playing = self._loop.create_task(self._play(), name="demo")

    async def on_stage(self) -> OnStage:
        """Wait until everybody is in and several speak. Raises CancelledError where the demo ended before."""
        return await asyncio.shield(self._on_stage)

    async def over(self) -> None:
        """Wait until the people are gone."""
        await self._over.wait()

    async def close(self) -> None:
        """Have the people leave, `LEAVING_SECONDS` at most; the launcher ends the nodes. Safe to call twice."""
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVING_SECONDS):
                    await asyncio.wait([self._playing])
            if process.poll() is None:
                process.kill()
        self._playing.cancel()
        await asyncio.wait([self._playing])

    async def end(self) -> None:
        """Have the people leave, then stop the two nodes and forget them: this console is alone."""
        await self.close()
        await asyncio.gather(*(self._launcher.stop(child) for child in self._children))
        for child in self._children:
            self._launcher.forget(child)

    async def _play(self) -> None:
        try:
            await self._launch()
            await self._meet()
            with self._players() as process:
                await self._hear(process)
                while process.poll() is None:  # noqa: ASYNC110 - there is no event for it without a thread
                    await asyncio.sleep(0.01)
            logger.info("the people of the demo have left")
        except OSError as error:
            logger.warning("the people of the demo could not be started: %s", error)
        finally:
            self._on_stage.cancel()
            self._over.set()

    async def _launch(self) -> None:
        """Start the other nodes; those that could not be started are missing."""
        for name in NAMES[1:]:
            spec = Spec(
                name=name,
                host=self._config.host,
                port=0,
                bus_host=self._config.bus_host,
                bus_port=0,
                peer=self._desk.bus_address,
            )
            try:
                self._children.append(self._launcher.launch(spec))
            except LaunchError as error:
                logger.warning("the demo is one node short: %s", error)
        await asyncio.gather(*(self._launcher.until(child, ChildState.RUNNING) for child in self._children))

    async def _meet(self) -> None:
        """Wait until all nodes that were launched and run are up in the mesh."""
        changed = asyncio.Event()
        unwatch = self._desk.watch(lambda what, _: changed.set() if what == "node" else None)
        try:
            while not {ready.node for ready in self._running()} <= self._up():
                changed.clear()
                await changed.wait()
        finally:
            unwatch()

    def _running(self) -> list[Ready]:
        return [child.ready for child in self._children if child.state is ChildState.RUNNING and child.ready]

    def _up(self) -> set[str]:
        return {view.node for view in self._desk.nodes() if view.state == "up"}

    @contextlib.contextmanager
    def _players(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process of the people, which ends with this one: it lives for as long as its standard input is open."""
        process = self._process = subprocess.Popen(
            [*self._program, PLAYERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if not key.startswith("SWITCHBOARD_")},
        )
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(msgspec.json.encode(self._playbill()) + b"\n")
                process.stdin.flush()
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _playbill(self) -> Playbill:
        moderators = (person for person in cast.PEOPLE if person.moderator)
        return Playbill(
            seed=self._config.demo_seed or 0,
            urls=(self._desk.url, *(ready.url for ready in self._running())),
            tokens={
                person.user: mint(
                    self._key, user=person.user, role=Role.MODERATOR, name=person.name, ttl=_TOKEN_SECONDS
                )
                for person in moderators
            },
            voices=str(self._voices),
            data_dir=str(self._config.data_dir),
            log_format=self._config.log_format,
        )

    async def _hear(self, process: subprocess.Popen[bytes]) -> None:
        """Read what the people say until they are gone."""
        assert process.stdout is not None
        cutter = LineCutter()
        async with contextlib.aclosing(pieces(process.stdout)) as told:
            async for piece in told:
                for line in cutter.feed(piece):
                    try:
                        there = msgspec.json.decode(line, type=OnStage)
                    except (msgspec.MsgspecError, UnicodeDecodeError):
                        logger.warning("the people of the demo say what is not understood")
                        continue
                    logger.info("the demo is on stage: %d people, %d speak", there.people, there.speaking)
                    if not self._on_stage.done():
                        self._on_stage.set_result(there)
