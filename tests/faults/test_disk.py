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


@pytest_asyncio.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    folder = tmp_path / "place" / "disk"
    folder.mkdir(parents=True, mode=0o700)
    own = (*UNSHARE, "sh", "-c", OWN_DISK, str(folder)) if MAY_MOUNT else ()
    log = (tmp_path / "log").open("wb")
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
    ready = await process.stdout.readline()
    assert ready, (tmp_path / "log").read_text(encoding="utf-8")
    node = Node("desk", "", folder, process, json.loads(ready))
    try:
        yield Console(node)
    finally:
        await node.end()
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert '"trace"' not in said
    assert '"critical"' not in said


@pytest.mark.faults
@pytest.mark.parametrize(
    ("harm", "mend", "why"),
    [
        (Console.take_away, Console.bring_back, "it is gone"),
        *([(Console.fill, Console.make_room, "the disk is full")] if MAY_MOUNT else []),
        *([(Console.lock, Console.unlock, "it is read-only")] if MAY_MOUNT else []),
    ],
)
async def test_a_console_whose_disk_takes_nothing_serves_on_and_says_so(
    console: Console, harm: Callable[[Console], None], mend: Callable[[Console], None], why: str
) -> None:
    ann = await Guest.enter(console.node.ready["url"], name="Ann")
    await ann.join("lobby")
    assert await console.notice() == ""
    harm(console)
    await console.until_notice(f"Nothing can be kept in {console.node.folder}: {why}.")
    assert (await ann.ask("say", room="lobby", text="still here"))["type"] == "sent"
    bob = await Guest.enter(console.node.ready["url"], name="Bob")
    assert len((await bob.join("lobby"))["members"]) == 2
    mend(console)
    await console.until_notice("")
    for guest in (ann, bob):
        await guest.leave_for_good()
