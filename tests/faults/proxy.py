"""A network of hosts on the loopback of one machine, for where namespaces are not permitted: TCP through proxies.

    python -m tests.faults.proxy 127.77.5 8766,8767,8768 a b c

What host 1 means for host 2 it sends to `passage(net, 1, 2)`, the same port, and this process passes it on. Prints,
obeys and answers as `tests.faults.switch` does. What it cannot show: packets. A black hole holds bytes back until it
ends, as TCP would repeat them, and a loss is a wait for a repetition.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from typing import Any

from tests.faults.fate import HOSTS, Fate, address_of, passage, read_fate
from tests.faults.switch import answer

REPEAT_SECONDS = 0.2
"""How long TCP waits before it repeats for the first time; then twice as long each time."""
PIECE = 1448
"""Bytes of a packet."""


class Proxy:
    """Passes bytes between hosts."""

    def __init__(self, net: str, names: list[str]) -> None:
        self._net = net
        self._numbers = {name: number for number, name in enumerate(names, 1)}
        self._names = {number: name for name, number in self._numbers.items()}
        self._fates: dict[tuple[int, int], Fate] = {}
        self._changed = asyncio.Condition()
        self._writers: dict[tuple[int, int], set[asyncio.StreamWriter]] = {}
        self._counts: dict[tuple[int, int], Counter[str]] = {}

    async def listen(self, ports: list[int]) -> None:
        """Take the connections of every host to every other."""
        for source in self._names:
            for target in self._names:
                for port in ports if source != target else ():

                    async def took(
                        reader: asyncio.StreamReader,
                        writer: asyncio.StreamWriter,
                        way: tuple[int, int] = (source, target),
                        port: int = port,
                    ) -> None:
                        await self._serve(reader, writer, way, port)

                    await asyncio.start_server(took, passage(self._net, source, target), port)

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Change a fate; returns what was counted."""
        if "from" in order:
            way = self._numbers[order["from"]], self._numbers[order["to"]]
            fate = self._fates[way] = read_fate(order)
            if fate.cut:
                for writer in list(self._writers.get(way, ())):
                    writer.transport.abort()
            async with self._changed:
                self._changed.notify_all()
        return {f"{self._names[a]}>{self._names[b]}": counts for (a, b), counts in self._counts.items()}

    def _fate(self, way: tuple[int, int]) -> Fate:
        return self._fates.get(way, Fate())

    def _count(self, way: tuple[int, int]) -> Counter[str]:
        return self._counts.setdefault(way, Counter())

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: tuple[int, int], port: int
    ) -> None:
        source, target = way
        back = target, source
        self._count(way)[f"opened {port}"] += 1
        ends = [writer]
        try:
            if self._fate(way).cut or self._fate(back).cut:
                return
            await self._open(way)
            await self._open(back)
            there, onward = await asyncio.open_connection(
                address_of(self._net, target), port, local_addr=(address_of(self._net, source), 0)
            )
            ends.append(onward)
            for end in ends:
                self._writers.setdefault(way, set()).add(end)
                self._writers.setdefault(back, set()).add(end)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, onward, way, ends))
                both.create_task(self._pump(there, writer, back, ends))
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()
                for known in self._writers.values():
                    known.discard(end)

    async def _open(self, way: tuple[int, int]) -> None:
        """Wait until something gets through."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._fate(way).black)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: tuple[int, int],
        ends: list[asyncio.StreamWriter],
    ) -> None:
        """Pass on one direction of one connection; its end is the end of both."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)

        async def arrive() -> None:
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - loop.time())
                await self._open(way)
                if piece and not writer.transport.is_closing():
                    writer.write(piece)
                    with contextlib.suppress(ConnectionError):
                        await writer.drain()
                else:
                    for end in ends:
                        end.transport.abort()
                    return

        arriving = asyncio.create_task(arrive())
        last = 0.0
        try:
            while True:
                try:
                    piece = await reader.read(PIECE)
                except ConnectionError:
                    piece = b""
                fate, counts = self._fate(way), self._count(way)
                wait, repeat = fate.delay + fate.jitter * random.uniform(-1, 1), REPEAT_SECONDS
                while not fate.black and random.random() < fate.loss:
                    counts["lost"] += 1
                    wait, repeat = wait + repeat, repeat * 2
                counts["carried"] += 1
                last = max(loop.time() + wait, last + (len(piece) / fate.rate if fate.rate else 0.0))
                await under_way.put((last, piece))
                if not piece:
                    await arriving
                    return
        finally:
            arriving.cancel()


async def run(net: str, ports: list[int], names: list[str]) -> None:
    """Run a network until standard input ends."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    proxy = Proxy(net, names)
    await proxy.listen(ports)
    answer({"hosts": dict.fromkeys(names, 0)})
    while line := await orders.readline():
        answer(await proxy.obey(json.loads(line)))


def main(net: str, ports: str, *names: str) -> None:
    """Run a network on the command line's terms."""
    assert len(names) <= HOSTS
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(net, [int(port) for port in ports.split(",")], list(names)))


if __name__ == "__main__":
    main(*sys.argv[1:])
