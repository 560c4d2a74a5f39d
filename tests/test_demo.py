"""The demo as a person starts it: real processes, looked at by clients that are not part of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from server.client import Client, Voice
from server.config import PORT
from server.demo import cast
from server.identity import load_key, mint
from server.session import Role
from server.wire import native
from tests.processes import Process, environment, started

NAMES = {person.name for person in (*cast.PEOPLE, cast.INTRUDER)}
MODERATORS = {person.name for person in cast.PEOPLE if person.moderator}
GUESTS = {"eve", "ed"}
CHILDREN = 3
"""Two nodes and those who play the people."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Demos:
    """One demo after the other: a test is shown the one that is there, unless an earlier test has broken it."""

    def __init__(self, stack: contextlib.AsyncExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._shown: Process | None = None
        self.home = folder / "home"
        self.home.mkdir()
        self.temporary = folder
        """Where the demo finds room for files of a moment."""

    async def whole(self) -> Process:
        """A demo on stage, with every process that it started."""
        if self._shown is None or not is_whole(self._shown):
            await self._stack.aclose()
            self.temporary = Path(tempfile.mkdtemp(dir=self._folder))
            env = environment(HOME=str(self.home), XDG_DATA_HOME=str(self.home / "data"), TMPDIR=str(self.temporary))
            with port_of_others():
                self._shown = await self._stack.enter_async_context(started("--demo", "--log-format=json", env=env))
                await self._shown.until_ready()
            await on_stage(self._shown)
        return self._shown


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demos(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demos]:
    async with contextlib.AsyncExitStack() as stack:
        yield Demos(stack, tmp_path_factory.mktemp("demo"))


@pytest_asyncio.fixture(loop_scope="module")
async def demo(demos: Demos) -> Process:
    return await demos.whole()


@contextlib.contextmanager
def port_of_others() -> Iterator[None]:
    """Have the port in use that a console tries first."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        yield


def is_whole(demo: Process) -> bool:
    """Whether nobody has ended it, or a part of it."""
    try:
        return len([each for each in family(demo) if each.status() != psutil.STATUS_ZOMBIE]) == CHILDREN
    except psutil.NoSuchProcess:
        return False


async def on_stage(process: Process) -> str:
    async with asyncio.timeout(30):
        while "on stage" not in (message := json.loads(await process.stderr.readline())["message"]):
            pass
    return str(message)


def family(process: Process) -> list[psutil.Process]:
    """The processes that the console started."""
    return psutil.Process(process.pid).children(recursive=True)


def admin_token(process: Process) -> str:
    """A token that all nodes of the demo honour, from the key that its nodes were given."""
    words = [word for child in family(process) for word in child.cmdline()]
    file = next(word.partition("=")[2] for word in words if word.startswith("--auth-key-file="))
    return mint(load_key(Path(file), Path(file).parent), user="eve", role=Role.ADMIN, name="Eve")


async def gone(processes: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=10)
    assert alive == []


async def test_a_client_sees_three_nodes_and_everybody_of_the_cast(demo: Process) -> None:
    async with Client(demo.url, token=admin_token(demo)) as eve:
        nodes = (await eve.list("nodes")).items
        assert {node["name"] for node in nodes if node["state"] == "up"} == {"alder", "birch", "cedar"}
        for node in nodes:
            async with Client(node["url"], token=admin_token(demo)) as there:
                sessions = (await there.list("sessions", limit=1000)).items
                people = [item for item in sessions if item["user"] not in GUESTS]
                assert {item["name"] for item in people} <= NAMES
                assert len(people) > 30
                assert {item["name"] for item in people if item["role"] == "moderator"} == MODERATORS
                assert {item["node"] for item in people} == {item["name"] for item in nodes}
                assert {room["room"] for room in (await there.list("rooms")).items} == {
                    room.name for room in cast.ROOMS
                }


async def test_a_guest_hears_speech_reads_the_chat_and_is_answered(demo: Process) -> None:
    async with Client(demo.url, name="Eve", user="eve") as eve, Client(demo.url, name="Ed", user="ed") as ed:
        joined = await eve.join(cast.NIGHT)
        names = {member.ssrc: member.name for member in joined.members}
        heard = [await eve.next(Voice) for _ in range(50)]
        assert {names[frame.ssrc] for frame in heard if frame.ssrc in names} <= NAMES
        assert len({frame.level for frame in heard}) > 5
        assert (await eve.next(native.Said)).sender.name in NAMES
        await ed.join(cast.DEVS)
        await ed.say(cast.DEVS, "!uptime")
        while not (said := await ed.next(native.Said)).text.startswith("Up for"):
            pass
        assert said.sender.user == cast.BOT


async def test_people_go_on_at_another_node_when_theirs_is_killed(demo: Process) -> None:
    async with Client(demo.url, token=admin_token(demo)) as eve:
        joined = await eve.join(cast.STUDY)
        lost = {member.session for member in joined.members if member.node == "cedar"}
        assert lost
        for child in family(demo):
            if "--name=cedar" in child.cmdline():
                child.kill()
        back: set[str] = set()
        while back < lost:
            match await eve.next((native.MemberUpdated, native.MemberLeft)):
                case native.MemberUpdated(session=session, state="online", node=node):
                    assert node in ("alder", "birch")
                    back.add(session)
                case native.MemberLeft(session=session, reason=reason):
                    assert session not in lost or reason == "left"  # as the script wants it
                    lost.discard(session)


async def test_sigterm_ends_all_of_it_and_ports_and_data_of_others_were_left_alone(
    demo: Process, demos: Demos
) -> None:
    children = family(demo)
    assert len(children) == CHILDREN
    assert not demo.url.endswith(f":{PORT}/ws")
    demo.send(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert (await demo.end())[0] == 0
    await gone(children)
    assert list(demos.temporary.iterdir()) == []
    assert not any(
        "switchboard" in name.lower() for _, folders, files in os.walk(demos.home) for name in (*folders, *files)
    )


async def test_nothing_outlives_a_console_that_is_killed(demo: Process) -> None:
    children = family(demo)
    assert len(children) == CHILDREN
    await demo.kill()
    await gone(children)


@pytest.mark.parametrize("option", ["--peer=127.0.0.1:1", "--data-dir=x", "--auth=token", "--auth-key-file=x"])
async def test_a_demo_takes_no_option_of_what_it_has_itself(option: str) -> None:
    async with started("--demo", option) as process:
        code, out, err = await process.end()
    assert (code, out) == (2, "")
    assert option.partition("=")[0] in err


async def test_a_seed_without_a_demo_is_a_wrong_option() -> None:
    async with started("--demo-seed=3") as process:
        assert (await process.end())[0] == 2
