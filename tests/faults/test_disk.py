"""Row 23 with a window: a console whose disk becomes full or read-only serves on, and says so in one sentence."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.nodes import eventually
from tests.faults.field import Node
from tests.faults.off_loopback import Window
from tests.guest import Guest
from tests.processes import ROOT, environment

UNSHARE = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
MAY_MOUNT = subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "x", "/tmp"], capture_output=True).returncode == 0
"""Whether this user may have a disk of its own, within a namespace of mounts."""
OWN_DISK = 'mount -t tmpfs -o size=256k,mode=700 disk "$0" && exec "$@"'
"""Its own words for sh: a small disk in a mount namespace, which ends with the process."""


class Console(Window):
    """A console whose data folder is a disk of its own."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.node = node

    @property
    def folder(self) -> Path:
        """The data folder, as seen from here."""
        return Path(f"/proc/{self.node.process.pid}/root{self.node.folder}")

    def fill(self) -> None:
        """Leave no room on the disk."""
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        """Undo it."""
        (self.folder / "filler").unlink()

    def lock(self) -> None:
        """Let the disk be read-only; as files of it are open, it is so in a second place above the first."""
        self._run('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"')

    def unlock(self) -> None:
        """Undo it."""
        self._run('umount "$0"')

    def take_away(self) -> None:
        """Let the folder be gone, as a disk that was pulled out."""
        self.node.folder.parent.rename(self.node.folder.parent.with_suffix(".away"))

    def bring_back(self) -> None:
        """Undo it."""
        self.node.folder.parent.with_suffix(".away").rename(self.node.folder.parent)

    def _run(self, words: str) -> None:
        """Let sh do something with the folder, where the console sees it."""
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        enter = ("nsenter", f"--target={self.node.process.pid}", *user, "--mount", "sh", "-c", words)
        subprocess.run([*enter, str(self.node.folder)], check=True)

    async def notice(self) -> str:
        """What the window says of the folder, among all that it says; nothing where it says nothing of it."""
        return next((each for each in (await self.look())["notices"] if each.startswith("Nothing can be kept")), "")

    async def until_notice(self, wanted: str) -> None:
        """Wait until it says that."""

        async def look() -> bool:
            return await self.notice() == wanted

        await eventually(look)


HARMS: dict[str, tuple[Callable[[Console], None], Callable[[Console], None]]] = {
    "it is gone": (Console.take_away, Console.bring_back),
    **({"the disk is full": (Console.fill, Console.make_room)} if MAY_MOUNT else {}),
    **({"it is read-only": (Console.lock, Console.unlock)} if MAY_MOUNT else {}),
}
"""What is done to a disk and undone, by what is then said of it."""

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@contextlib.asynccontextmanager
async def running(place: Path) -> AsyncIterator[Console]:
    """A console within the block; nothing fails in it."""
    folder = place / "place" / "disk"
    folder.mkdir(parents=True, mode=0o700)
    own = (*UNSHARE, "sh", "-c", OWN_DISK, str(folder)) if MAY_MOUNT else ()
    log = (place / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(*own, sys.executable, "-m", "tests.faults.desk", "{}"),
        *("--port=0", "--bus-port=0", f"--data-dir={folder}", "--log-format=json"),
        cwd=ROOT,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    log.close()
    assert process.stdout is not None
    node = Node("desk", "", folder, process, {})
    try:
        ready = await process.stdout.readline()
        assert ready, (place / "log").read_text(encoding="utf-8")
        node.ready.update(json.loads(ready))
        yield Console(node)
    finally:
        await node.end()
    said = (place / "log").read_text(encoding="utf-8")
    assert '"trace"' not in said
    assert '"critical"' not in said


async def suffer(place: Path, why: str) -> None:
    """Let the disk of a console come to harm, and see that it serves on and says so, and is well again."""
    harm, mend = HARMS[why]
    async with running(place) as console:
        url = console.node.ready["url"]
        ann = await Guest.enter(url, name="Ann")
        await ann.join("lobby")
        assert await console.notice() == ""
        harm(console)
        await console.until_notice(f"Nothing can be kept in {console.node.folder}: {why}.")
        assert (await ann.ask("say", room="lobby", text="still here"))["type"] == "sent"
        bob = await Guest.enter(url, name="Bob")
        assert len((await bob.join("lobby"))["members"]) == 2
        mend(console)
        await console.until_notice("")
        for guest in (ann, bob):
            await guest.leave_for_good()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fates(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, asyncio.Task[None]]]:
    """All of them, under way at once: each looks at its disk every few seconds, and does little else."""
    tasks = {why: asyncio.create_task(suffer(tmp_path_factory.mktemp("disk"), why)) for why in HARMS}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("why", HARMS)
async def test_a_console_whose_disk_takes_nothing_serves_on_and_says_so(
    fates: dict[str, asyncio.Task[None]], why: str
) -> None:
    await fates[why]
