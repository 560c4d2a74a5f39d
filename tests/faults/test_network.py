"""The networks that tests break, asked by plain TCP: what is cut is cut, in one way or both, and heals."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from tests.faults.fate import Fate
from tests.faults.network import BUS_PORT, Kind, Network, network

BLACK, CLEAR = Fate(loss=1), Fate()
PATIENCE = 20.0
TALK = """
import socket, sys, threading
address, port, listens = sys.argv[1], int(sys.argv[2]), len(sys.argv) > 3
if listens:
    door = socket.create_server((address, port))
    print("open", flush=True)
    line = door.accept()[0]
else:
    line = socket.create_connection((address, port))
    print("open", flush=True)
def speak():
    for words in sys.stdin.buffer:
        line.sendall(words)
threading.Thread(target=speak, daemon=True).start()
try:
    for words in line.makefile("rb"):
        print(words.decode().strip(), flush=True)
except ConnectionError:
    pass
print("closed", flush=True)
"""
"""One end of a connection: sends what it reads, prints what it gets."""


class End:
    """A program on a host that has one end of a connection."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def say(self, words: str) -> None:
        """Send a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(words.encode() + b"\n")

    async def hears(self) -> str:
        """The next line that comes."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stdout.readline()).decode().strip()


@contextlib.asynccontextmanager
async def end(net: Network, host: str, address: str, *listens: str) -> AsyncIterator[End]:
    process = await asyncio.create_subprocess_exec(
        *(*net.enter(host), sys.executable, "-c", TALK, address, str(BUS_PORT), *listens),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        talker = End(process)
        assert await talker.hears() == "open"
        yield talker
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def line(net: Network) -> AsyncIterator[tuple[End, End]]:
    """A connection from a to b that has been used."""
    async with end(net, "b", net.address("b"), "listens") as there, end(net, "a", net.way("a", "b")) as here:
        here.say("hello")
        assert await there.hears() == "hello"
        there.say("welcome")
        assert await here.hears() == "welcome"
        yield here, there


@pytest.fixture(params=["namespaces", "proxies"])
async def net(request: pytest.FixtureRequest) -> AsyncIterator[Network]:
    """Two hosts; where namespaces are not permitted both are proxies."""
    kind: Kind = request.param
    async with network("a", "b", kind=kind) as made:
        yield made


async def test_a_hole_in_one_way_lets_the_other_through_and_heals(net: Network) -> None:
    async with line(net) as (here, there):
        await net.between("a", "b", BLACK, both=False)
        here.say("lost, and repeated")
        # At once: TCP that gets no acknowledgement for 0.2 s sends nothing new any more.
        there.say("one\ntwo")
        assert await here.hears() == "one"
        assert await here.hears() == "two"
        await net.between("a", "b", CLEAR, both=False)
        there.say("three")
        assert await here.hears() == "three"
        assert await there.hears() == "lost, and repeated"


async def test_a_rough_way_loses_nothing_that_tcp_carries(net: Network) -> None:
    async with line(net) as (here, there):
        await net.between("a", "b", Fate(loss=0.1, twice=0.1, delay=0.01, jitter=0.01))
        for number in range(50):
            here.say(f"{number} " + "x" * 2000)
        for number in range(50):
            assert (await there.hears()).partition(" ")[0] == str(number)
        counts = (await net.counts())["a>b"]
        assert counts["lost"] > 0


async def test_a_dripping_way_gives_little_at_a_time(net: Network) -> None:
    async with line(net) as (here, there):
        await net.between("a", "b", Fate(rate=20_000))
        here.say("x" * 10_000)
        here.say("end")
        assert await there.hears() == "x" * 10_000
        assert await there.hears() == "end"


async def test_a_proxy_resets_what_is_cut() -> None:
    async with network("a", "b", kind="proxies") as net:
        async with line(net) as (here, there):
            await net.between("a", "b", Fate(cut=True))
            assert await here.hears() == "closed"
            assert await there.hears() == "closed"
        await net.between("a", "b", CLEAR)
        async with line(net) as (here, there):
            assert (await net.counts())["a>b"][f"opened {BUS_PORT}"] == 2
