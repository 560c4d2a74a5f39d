"""Puts a cluster among strangers, off loopback: `make off-loopback`; ARGS="--save" keeps the report and a picture.

Three nodes on hosts of their own, one of them a console's, with a key and a certificate that main.py made; two people
at browsers on further hosts, by https and wss, who speak and write all the time. Then others come, each from a host
of its own: a node with a key of its own, somebody who speaks in plain text, somebody who throws bytes at every port,
and, once the key was changed, a node with the one of before. They must get nothing, nobody may be disturbed, and the
window of the console must name them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Browser, WebSocket, expect

from bus.secret import read_secret
from bus.zeromq_curve import Key
from gui.nodes.strangers import REASONS
from tests.browser.hearing import Hearing, listen, listen_after
from tests.browser.pin import pin
from tests.browser.speech import Speech
from tests.browser.visitor import PATIENCE, Visitor
from tests.faults.__main__ import head, tell
from tests.faults.field import MESH, PORT, Field, Load, Node
from tests.faults.intruders import CHANGED_SECONDS, carry, gone_over, lines_of
from tests.faults.network import BUS_PORT, Network, network
from tests.faults.result import Result
from tests.faults.seen import Person, browser_at, compare
from tests.processes import ROOT

DESK = MESH[0]
PEOPLE = {"ann": DESK, "bob": MESH[2]}
"""Hosts of people, and on which node they are."""
STRANGERS = {"keyless": "key", "plain": "plain", "thrower": "garbage", "before": "key"}
"""Hosts of strangers, and for what they must be refused."""
ROOM = "vault"
CLEAR = 0.8
"""How well what is heard must follow what is said, as a correlation."""
HEARD = 0.5
"""What is at least as like is the same words, and not what somebody else says; a busy machine spoils the rest."""
WRITE_SECONDS = 1.0
LOOK_SECONDS = 0.3
NAMED_SECONDS = 20.0
BUSY_SECONDS = 2.0
TRY_SECONDS = 15.0
"""How long strangers throw what they have at all ports."""


class Window:
    """What the window of the console shows."""

    def __init__(self, node: Node) -> None:
        self._process = node.process
        self._asking = asyncio.Lock()

    async def look(self, picture: Path | None = None) -> dict[str, Any]:
        """What it shows now, and a picture of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._asking:
            self._process.stdin.write(f"{picture or ''}\n".encode())
            return dict(json.loads(await self._process.stdout.readline()))

    async def names(self, address: str, reason: str) -> bool:
        """Wait until it names an address with the reason for which it was refused; whether it does in time."""
        end = time.monotonic() + NAMED_SECONDS
        while REASONS[reason] not in (await self.look())["refused"].get(address, ()):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True


class Talker(Person):
    """Somebody at a browser who speaks and writes all the time; what becomes of the connection is noted."""

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor.page, visitor.name)
        self.visitor = visitor
        self.sockets: list[str] = []
        visitor.page.on("websocket", self._note)

    def _note(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)

    async def come(self, http: str) -> None:
        """Enter the room by its link, and open the microphone."""
        await self.page.goto(f"{http}#{ROOM}")
        await self.visitor.enter()
        await self.visitor.open_microphone()


@contextlib.asynccontextmanager
async def hosts() -> AsyncIterator[Network]:
    """Hosts of their own, or only addresses of this one where those are not permitted."""
    names = (*MESH, *PEOPLE, *STRANGERS)
    async with contextlib.AsyncExitStack() as stack:
        net = await stack.enter_async_context(network(*names, open_air=True))
        if net.kind != "namespaces":
            why, net = net.why, await stack.enter_async_context(network(*names, kind="loopback"))
            net.why = why
        yield net


@contextlib.asynccontextmanager
async def people(field: Field, certificate: Path, speech: Speech) -> AsyncIterator[list[Talker]]:
    """Those at the browsers, who hear each other."""
    expect.set_options(timeout=PATIENCE)
    flags = (
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={speech.path}",
        pin(certificate),
    )
    async with contextlib.AsyncExitStack() as stack:
        found = []
        for host in PEOPLE:
            browser: Browser = await stack.enter_async_context(browser_at(field.network, host, field.folder, *flags))
            context = await browser.new_context(permissions=["microphone"])
            found.append(Talker(Visitor(await context.new_page(), host.capitalize())))
        for talker, node in zip(found, PEOPLE.values(), strict=True):
            await talker.come(https(field, node))
        yield found


def https(field: Field, node: str) -> str:
    """Where the browser client of a node is."""
    return f"https://{field.network.port(node, PORT)}/"


def seen_from(field: Field, host: str) -> str:
    """The address by which nodes see a host."""
    return field.network.address(host) if field.network.kind == "namespaces" else "127.0.0.1"


async def act(field: Field, result: Result, speech: Speech, picture: Path) -> None:
    """All of it."""
    certificate = await _equip(field, result)
    await field.start(DESK, desk=True)
    await asyncio.gather(*(field.start(name) for name in MESH[1:]))
    window = Window(field.nodes[DESK])
    await _all_up(window, result, "the three nodes meet")
    async with people(field, certificate, speech) as (ann, bob):
        writing = [asyncio.ensure_future(talker.talk(WRITE_SECONDS)) for talker in (ann, bob)]
        sessions = [(await talker.visitor.stats())["session"] for talker in (ann, bob)]
        _clear(result, await _both(listen(bob.visitor, speech), listen(ann.visitor, speech)), "before anybody came")
        await _without_key(field, result)
        await _come(field, result, window, ann, bob, speech)
        await _all_up(window, result, "the nodes are up while strangers try")
        await _change(field, result, window)
        async with _comes(field, result, window, "before", "the key of before the change"):
            since = time.time() * 1000
            heard = await _both(listen_after(bob.visitor, speech, since), listen_after(ann.visitor, speech, since))
            _clear(result, heard, "while one tries with the key of before")
        shown = await window.look(picture)
        _named(field, result, shown)
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        await _undisturbed(result, ann, bob, sessions)
    _no_fault_logged(field, result)


async def _equip(field: Field, result: Result) -> Path:
    """Let main.py make certificate and keys, and bring them to the hosts; returns the certificate."""
    names = [f"--host={field.network.address(node)}" for node in MESH]
    code, told = await field.run(DESK, "main", "tls", "self-signed", *names, f"--out={field.folder / 'tls'}")
    result.check(code == 0 and "fingerprint" in told, "`main.py tls self-signed` made a certificate")
    for host in (DESK, "keyless"):
        key = f"--cluster-key-file={field.key_file(host)}"
        code, told = await field.run(host, "main", "cluster-key", "make", key)
        result.check(code == 0, f"`main.py cluster-key make` made a key for {host}")
    for node in MESH[1:]:
        shutil.copy2(field.key_file(DESK), field.key_file(node))
    return field.folder / "tls" / "cert.pem"


async def _all_up(window: Window, result: Result, what: str) -> None:
    end, nodes = time.monotonic() + NAMED_SECONDS, dict[str, str]()
    while nodes != dict.fromkeys(MESH, "up") and time.monotonic() < end:
        nodes = (await window.look())["nodes"]
        await asyncio.sleep(LOOK_SECONDS)
    result.check(nodes == dict.fromkeys(MESH, "up"), f"{what}, by the window: {nodes}")


async def _both(one: Awaitable[Hearing], other: Awaitable[Hearing]) -> list[Hearing]:
    return list(await asyncio.gather(one, other))


def _clear(result: Result, heard: Sequence[Hearing], when: str) -> None:
    values = [hearing.correlation for hearing in heard]
    told = f"Bob hears Ann and Ann hears Bob {when}: correlations {values[0]:.2f} and {values[1]:.2f}"
    result.check(min(values) >= CLEAR, told)
    if min(values) >= HEARD:
        result.late.append(told)


async def _without_key(field: Field, result: Result) -> None:
    """A bus address off loopback without a key."""
    host = field.network.address("keyless") if field.network.kind == "namespaces" else "0.0.0.0"
    folder = f"--data-dir={field.folder / 'no key'}"
    code, told = await field.run("keyless", "main", "node", "--port=0", f"--bus-host={host}", folder)
    said = (field.folder / "keyless.other.log").read_text(encoding="utf-8")
    holds = code == 2 and not told and said.count("\n") == 1 and "--cluster-key-file" in said
    result.check(holds, f"a bus address off loopback without a key: exit {code}: {said.strip()}")


async def _come(field: Field, result: Result, window: Window, ann: Talker, bob: Talker, speech: Speech) -> None:
    """Those without a key, in plain text and with bytes, at once; meanwhile everybody is heard as before."""
    before = {node: len(lines_of(field, node)) for node in MESH}
    quiet = await _busy(field)
    ways = {"plain": "plain", "thrower": "bytes"}
    tries = [asyncio.ensure_future(_tries(field, host, way)) for host, way in ways.items()]
    async with _comes(field, result, window, "keyless", "a key of its own"):
        for host in ways:
            await _is_named(field, result, window, host)
        since = time.time() * 1000
        heard = await _both(listen_after(bob.visitor, speech, since), listen_after(ann.visitor, speech, since))
        tried = await _busy(field)
        still = [not each.done() for each in tries]
        _clear(result, heard, f"while {1 + sum(still)} strangers try")
    result.figures.append(f"% of a processor that nodes took: before {quiet}, while strangers tried {tried}")
    for host, (got, ports) in zip(ways, await asyncio.gather(*tries), strict=True):
        result.check(got == {}, f"{host} got {json.dumps(got)} from {ports} ports")
    fresh = [line for node in MESH for line in lines_of(field, node)[before[node] :]]
    result.check(not [line for line in fresh if line.endswith("is down")], "no node lost another meanwhile")
    late = [line for line in fresh if line.endswith("is suspect")]
    told = f"none was late by 2 s for another: {late}"
    result.check(not late, told)
    result.late.append(told)


async def _busy(field: Field) -> dict[str, int]:
    """How much of a processor each node takes, in percent."""
    processes = {node: psutil.Process(field.nodes[node].ready["pid"]) for node in MESH}
    for process in processes.values():
        process.cpu_percent()
    await asyncio.sleep(BUSY_SECONDS)
    return {node: round(process.cpu_percent()) for node, process in processes.items()}


async def _is_named(field: Field, result: Result, window: Window, host: str) -> None:
    address, reason = seen_from(field, host), STRANGERS[host]
    result.check(await window.names(address, reason), f"the window names {address} ({host}): {REASONS[reason]}")


async def _tries(field: Field, host: str, way: str) -> tuple[dict[str, int], int]:
    """Somebody without a key at every port; what it got, and from how many."""
    targets = [field.network.port(node, BUS_PORT + port) for node in MESH for port in range(3)]
    doors = [field.network.port(node, PORT) for node in MESH]
    order = {"targets": targets, "doors": doors, "server": "", "ways": [way], "seconds": TRY_SECONDS}
    code, told = await field.run(host, "tests.faults.intruder", json.dumps(order))
    assert code == 0, told
    return json.loads(told), len(targets) + len(doors)


@contextlib.asynccontextmanager
async def _comes(field: Field, result: Result, window: Window, host: str, what: str) -> AsyncIterator[None]:
    """Within the block a node with a key that does not hold tries to have a part; it must find nobody."""
    stranger = await field.start(host, options=())
    await _is_named(field, result, window, host)
    yield
    order = json.dumps({"do": "look_around", "url": stranger.ready["url"], "room": ROOM})
    code, told = await field.run(host, "tests.faults.stranger", order)
    found = json.loads(told.splitlines()[-1]) if code == 0 else {}
    nothing = found.get("members") == [] and found.get("texts") == 0
    result.check(nothing, f"on a node with {what} there is nobody in the room and nothing to read")
    nodes = (await window.look())["nodes"]
    result.check(host not in nodes, f"it is a node for nobody: {sorted(nodes)}")
    await stranger.end()


async def _change(field: Field, result: Result, window: Window) -> None:
    """The key is changed while everything runs."""
    shutil.copy2(field.key_file(DESK), field.key_file("before"))
    old, since = (await window.look())["key"], time.monotonic()
    code, told = await field.run(DESK, "main", "cluster-key", "rotate", f"--cluster-key-file={field.key_file(DESK)}")
    result.check(code == 0, "`main.py cluster-key rotate` changed the key")
    carry(field, DESK, *MESH[1:])
    result.within(await gone_over(field, told.strip(), since), CHANGED_SECONDS, "all nodes have the new key alone")
    await _all_up(window, result, "the nodes are up with the new key")
    new = (await window.look())["key"]
    right = Key.of(read_secret(field.key_file(DESK))).fingerprint
    result.check(old != new == right, f"the window shows the fingerprint of the new key: {new}, before {old}")


def _named(field: Field, result: Result, shown: dict[str, Any]) -> None:
    """Whether the window names every stranger, in the details and in the banner."""
    listed = shown["refused"]
    missing = [host for host in STRANGERS if seen_from(field, host) not in listed]
    result.check(not missing, f"the details list {listed}")
    banner = " ".join(shown["banner"])
    missing = [host for host in STRANGERS if seen_from(field, host) not in banner]
    result.check(not missing, f"the banner says: {banner}")
    result.check("refused" in shown["alarm"], f"the status bar says: {shown['alarm']}")
    door = shown["certificate"]
    secure = door.get("Encryption") == "TLS" and field.network.address(DESK) in door
    result.check(secure, f"and of the port for clients: {door}")


async def _undisturbed(result: Result, ann: Talker, bob: Talker, sessions: list[str]) -> None:
    """Whether nobody noticed anything: one connection all the time, and every text read once, in order."""
    now = [(await talker.visitor.stats())["session"] for talker in (ann, bob)]
    result.check(now == sessions, "both have the session that they came with")
    sockets = [talker.sockets for talker in (ann, bob)]
    secure = all(len(urls) == 1 and urls[0].startswith("wss://") for urls in sockets)
    result.check(secure, f"each had one connection all the time: {sockets}")
    chats = await compare(ann, bob)
    same = chats["the same to the letter, each once"] and chats["each sender's in order"]
    result.check(same, f"{chats['said']} texts were read to the letter, each once and in order")
    complaints = [*chats["complaints"], *ann.visitor.complaints, *bob.visitor.complaints]
    result.check(not complaints, f"no page complained: {complaints}")


def _no_fault_logged(field: Field, result: Result) -> None:
    wrong = []
    for node in MESH:
        for line in field.logged(node).splitlines():
            said = json.loads(line) if line.startswith("{") else {"level": "none", "message": line}
            if said["level"] in ("error", "critical", "none") or "trace" in said:
                wrong.append(said["message"])
    result.check(not wrong, f"no node logged a fault: {wrong[:3]}")


async def play(folder: Path, picture: Path) -> Result:
    """Make the hosts, act on them, and judge; the picture is of the window in the end."""
    result, began = Result(), time.monotonic()
    speech = Speech.record(folder / "speech.wav")
    async with hosts() as net, contextlib.AsyncExitStack() as stack:
        if net.why:
            print(f"namespaces are not permitted here ({net.why}): on several addresses of loopback instead")
        tls = [f"--tls-{what}={folder / 'tls' / file}" for what, file in (("cert", "cert.pem"), ("key", "key.pem"))]
        field = Field(net, folder, Load(), stack, keyed=True, options=tls)
        await act(field, result, speech, picture)
        where = ", ".join(f"{name} {net.address(name)}" for name in net.names)
        result.figures.append(f"over {net.kind}, in {time.monotonic() - began:.0f} s: {where}")
    return result


def main(arguments: Sequence[str]) -> int:
    """Play it and tell; returns 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="make off-loopback", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--save", action="store_true", help="keep the report as docs/results/off-loopback-<date>.md")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what everybody wrote down there")
    options = parser.parse_args(arguments)
    target = ROOT / "docs" / "results" / f"off-loopback-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.md"
    with tempfile.TemporaryDirectory(prefix="off-loopback-") as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        picture = target.with_suffix(".png") if options.save else folder / "window.png"
        result = asyncio.run(play(folder, picture))
    lines = [*head("off-loopback", arguments), *tell("A cluster among strangers, off loopback", result)]
    print("\n".join(lines))
    if options.save:
        lines.append(f"![The window of the console at the end]({picture.name})\n")
        target.write_text("\n".join(lines), encoding="utf-8")
    return bool(result.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
