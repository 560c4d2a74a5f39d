"""Acts out a bad minute before a console and two browsers: `make seen`, as root; ARGS="--into FOLDER" for pictures.

Three nodes on hosts of their own, one of them the console's; a browser on the console's node and one on another. The
link between these two becomes a black hole, then the third node stands still, then it is killed and started again.
What the window shows of it is noted once a second, and in the end the two chats are compared to the letter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import Browser, Page, async_playwright

from tests.cluster.nodes import eventually
from tests.faults.fate import Fate
from tests.faults.field import MESH, SPARE, Field, Load, Node
from tests.faults.network import BUS_PORT, Network, network

if TYPE_CHECKING:
    from gui.app import Console

DESK, OTHER, THIRD = MESH
CUT_SECONDS, STILL_SECONDS, DEAD_SECONDS = 6.0, 5.0, 3.0
TALK_SECONDS = 0.3
READ = """() => [...document.querySelectorAll('#lines > .line')].map((line) =>
    [line.dataset.author, line.querySelector('.text').textContent, line.dataset.fate])"""


class Person:
    """Somebody at a browser who writes all the time."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self.said: list[str] = []
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def enter(self, http: str) -> None:
        """Come into the lobby."""
        await self.page.goto(f"{http}#lobby")
        await self.page.get_by_label("Your name").fill(self.name)
        await self.page.get_by_role("button", name="Join").click()
        await self.page.get_by_role("textbox").wait_for()

    async def talk(self, every: float = TALK_SECONDS) -> None:
        """Write and send, until cancelled."""
        while True:
            text = f"{self.name} {len(self.said) + 1:03}"
            await self.page.get_by_role("textbox").fill(text)
            await self.page.keyboard.press("Enter")
            self.said.append(text)
            await asyncio.sleep(every)

    async def lines(self) -> list[list[str]]:
        """The texts of the chat: author, words, and what became of an own one."""
        return list(await self.page.evaluate(READ))

    async def texts(self) -> list[str]:
        """The words alone."""
        return [text for _, text, _ in await self.lines()]


@dataclasses.dataclass(eq=False)
class Watch:
    """What the window has shown of each peer, once a second."""

    console: Console
    into: Path
    most: Counter[str] = dataclasses.field(default_factory=Counter)
    rows: Counter[str] = dataclasses.field(default_factory=Counter)
    alarms: set[str] = dataclasses.field(default_factory=set)

    def look(self) -> None:
        """Note what is shown now."""
        for copy in self.console.context.desk.copies() or ():
            self.most[copy.name] = max(self.most[copy.name], copy.lag)
        model = self.console.nodes.model
        for place in range(model.rowCount()):
            row = model.at(place)
            self.rows[row.name] = max(self.rows[row.name], row.lag)
        self.alarms |= set(self.console.context.banners.keys)

    def level(self) -> bool:
        """Whether the counts meet: nobody lags, nothing is lacked here, all are up."""
        copies = self.console.context.desk.copies() or ()
        return len(copies) == 2 and all(
            copy.state == "up" and not copy.lag and not copy.behind and not copy.queue for copy in copies
        )

    async def until(self, holds: Callable[[], bool]) -> float:
        """Wait until it is so; returns for how long."""
        began = time.monotonic()
        await eventually(holds)
        return time.monotonic() - began

    async def shoot(self, name: str, node: str) -> None:
        """Keep a picture of the Nodes view with the details of a node."""
        from gui.appearance import Look
        from tests.gui.looks import grab

        row = next(each for each in self.console.context.desk.nodes() if each.name == node)
        self.console.nodes.show_details(row.node)
        await asyncio.sleep(0.3)
        image = await grab(self.console, Look.DARK)
        image.save(str(self.into / f"seen-{name}.png"))


@contextlib.asynccontextmanager
async def console_of(field: Field) -> AsyncIterator[Console]:
    """A window on a node of this process, which is on the host of the console."""
    from bus.keys import claim
    from gui.app import open_console
    from main import serving
    from server.config import Config
    from server.desk import Desk
    from server.identity import Tokens, load_key
    from server.launcher import Launcher

    folder, address = field.folder / DESK, field.network.address(DESK)
    key = field.folder / "auth.key"
    folder.mkdir()
    config = Config(
        name="desk", host=address, port=0, bus_host=address, bus_port=BUS_PORT, data_dir=folder, drain_seconds=0.2,
        auth_key_file=key,
    )  # fmt: skip
    with claim(folder) as identity:
        launcher = Launcher(config, key)
        async with serving(config, identity, Tokens(load_key(key, folder)), beside=launcher.close) as node:
            console = open_console(Desk(node, "Lena"), launcher, config)
            console.window.resize(1440, 900)
            console.window.show_view(console.nodes)
            try:
                yield console
            finally:
                await console.close()


@contextlib.asynccontextmanager
async def browser_at(net: Network, host: str, folder: Path, *more: str) -> AsyncIterator[Browser]:
    """Chromium on a host, with more flags."""
    start = folder / f"chromium-{host}"
    start.write_text(f'#!/bin/sh\nexec {" ".join(net.enter(host))} /usr/bin/chromium "$@"\n')
    start.chmod(0o755)
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = await playwright.chromium.launch(executable_path=str(start), args=[*flags, *more])
        yield browser
        await browser.close()


async def act(field: Field, into: Path) -> dict[str, Any]:
    """All of it; what came of it."""
    async with console_of(field) as console, browser_at(field.network, SPARE, field.folder) as browser:
        desk = console.context.desk
        watch = Watch(console, into)
        console.window.looked.connect(watch.look)
        for name in (OTHER, THIRD):
            await field.start(name)
        await watch.until(watch.level)
        ann, bob = Person(await browser.new_page(), "Ann"), Person(await browser.new_page(), "Bob")
        await ann.enter(desk.http)
        await bob.enter(http_of(field.nodes[OTHER]))
        talks = [asyncio.ensure_future(person.talk()) for person in (ann, bob)]
        await asyncio.sleep(2)
        found: dict[str, Any] = {}

        await field.network.between(DESK, OTHER, Fate(loss=1))
        await asyncio.sleep(CUT_SECONDS - 0.8)
        await watch.shoot("cut", OTHER)
        await field.network.between(DESK, OTHER, Fate())
        found["cut: lag at most"] = watch.most[OTHER]
        found["cut: level again after s"] = round(await watch.until(watch.level), 1)
        await watch.shoot("cut-healed", OTHER)

        field.stop(THIRD)
        await asyncio.sleep(STILL_SECONDS)
        await watch.shoot("still", THIRD)
        field.go_on(THIRD)
        found["still: lag at most"] = watch.most[THIRD]
        found["still: level again after s"] = round(await watch.until(watch.level), 1)
        await watch.shoot("still-healed", THIRD)

        await field.kill(THIRD)
        await watch.until(lambda: not watch.level())
        await asyncio.sleep(DEAD_SECONDS)
        await watch.shoot("killed", THIRD)
        await field.start(THIRD)
        found["killed: level again after s"] = round(await watch.until(watch.level), 1)
        await asyncio.sleep(1.5)
        await watch.shoot("restarted", THIRD)

        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        found |= await compare(ann, bob)
        found["lag in the table at most"] = dict(watch.rows)
        found["given for repair"] = {copy.name: copy.given for copy in desk.copies() or ()}
        found["notices"] = len(watch.alarms)
        return found


async def compare(ann: Person, bob: Person) -> dict[str, Any]:
    """Wait until both chats are whole, and say whether they are the same."""
    said = Counter(ann.said + bob.said)

    async def whole() -> bool:
        return all([len(await person.texts()) >= said.total() for person in (ann, bob)])

    with contextlib.suppress(TimeoutError):
        await eventually(whole)
    at_ann, at_bob = await ann.texts(), await bob.texts()
    orders = [
        [text for text in texts if text.startswith(person.name)] == person.said
        for texts in (at_ann, at_bob)
        for person in (ann, bob)
    ]
    fates = {fate for person in (ann, bob) for _, text, fate in await person.lines() if text in person.said}
    return {
        "said": said.total(),
        "read by Ann, by Bob": (len(at_ann), len(at_bob)),
        "the same to the letter, each once": Counter(at_ann) == Counter(at_bob) == said,
        "each sender's in order": all(orders),
        "own texts are": sorted(fates - {""}),
        "complaints": ann.complaints + bob.complaints,
    }


def http_of(node: Node) -> str:
    """Where the browser client of a node is."""
    return str(node.ready["url"]).replace("ws://", "http://").removesuffix("/ws") + "/"


def holds(found: dict[str, Any]) -> bool:
    """Whether all was as it must be."""
    return (
        bool(found["the same to the letter, each once"])
        and bool(found["each sender's in order"])
        and not found["complaints"]
        and found["cut: lag at most"] > 0
        and found["still: lag at most"] > 0
        and all(found["lag in the table at most"][name] > 0 for name in (OTHER, THIRD))
    )


async def play(into: Path) -> dict[str, Any] | None:
    """Make the hosts and act on them; None where they cannot be had."""
    async with network(*MESH, SPARE) as net, contextlib.AsyncExitStack() as stack:
        if net.why:
            print(f"make seen needs network namespaces: {net.why}", file=sys.stderr)
            return None
        net.go_to(DESK)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seen-")))
        return await act(Field(net, folder, Load(), stack), into)


def main() -> int:
    """Act it out, and tell what was seen."""
    parser = argparse.ArgumentParser(prog="make seen", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--into", type=Path, help="a folder for pictures of the window")
    into = parser.parse_args().into or Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        print("make seen needs root, to be on the host of its console", file=sys.stderr)
        return 1
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from gui.application import new_application
    from gui.loop import new_console_loop

    app = new_application(["switchboard"])
    with asyncio.Runner(loop_factory=lambda: new_console_loop(app)) as runner:
        found = runner.run(play(into))
    if found is None:
        return 1
    for what, value in found.items():
        print(f"{what}: {value}")
    print("holds" if holds(found) else "FAILS", flush=True)
    return not holds(found)


if __name__ == "__main__":
    sys.exit(main())
