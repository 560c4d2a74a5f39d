"""A network of hosts that a test may break: namespaces where they are permitted, else proxies; or plain loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dataclasses
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Literal

from bus.zeromq_address import joined
from tests.faults.fate import Fate, address_of, passage
from tests.processes import ROOT, environment

BUS_PORT = 8766
"""Where a node's mesh begins on every host; it takes the two ports behind it too."""

Kind = Literal["namespaces", "proxies", "loopback"]
"""On loopback each host has an address of its own, and nothing between them breaks."""


class Network:
    """Hosts by name, and what happens between them."""

    def __init__(self, kind: Kind, net: str, names: Sequence[str], pids: dict[str, int], why: str) -> None:
        self.kind = kind
        self.why = why
        """Why there are no namespaces; empty where there are."""
        self.names = tuple(names)
        self._net = net
        self._numbers = {name: number for number, name in enumerate(names, 1)}
        self._pids = pids
        self._process: asyncio.subprocess.Process

    def address(self, host: str) -> str:
        """Its address."""
        return address_of(self._net, self._numbers[host])

    def port(self, host: str, port: int) -> str:
        """A port of it, as it is given to others."""
        return joined(self.address(host), port)

    def enter(self, host: str) -> tuple[str, ...]:
        """The beginning of a command that runs on this host."""
        if self.kind != "namespaces":
            return ()
        user = () if os.geteuid() == 0 else (f"--user=/proc/{self._pids[host]}/ns/user", "--preserve-credentials")
        return ("nsenter", f"--net=/proc/{self._pids[host]}/ns/net", *user, "--")

    def spaces(self, host: str) -> tuple[str, ...]:
        """The namespaces of this host, in the order in which they are entered."""
        if self.kind != "namespaces":
            return ()
        names = ("net",) if os.geteuid() == 0 else ("user", "net")
        return tuple(f"/proc/{self._pids[host]}/ns/{name}" for name in names)

    def go_to(self, host: str) -> None:
        """Let this thread, and all that it starts, be on a host from now on. Needs namespaces and root."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{self._pids[host]}/ns/net") as space:
            if libc.setns(space.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), f"this process cannot go to {host}")

    def way(self, one: str, other: str) -> str:
        """The address at which `one` reaches `other`."""
        if self.kind != "proxies":
            return self.address(other)
        return passage(self._net, self._numbers[one], self._numbers[other])

    def passages(self, host: str) -> dict[str, str]:
        """What `tests.faults.node` needs to reach the others: nothing, or its network and number."""
        return {} if self.kind != "proxies" else {"net": self._net, "host": str(self._numbers[host])}

    async def between(self, one: str, other: str, fate: Fate, *, both: bool = True) -> None:
        """Give a fate to what `one` sends to `other` and, unless it is for one way, to what comes back."""
        await self._order({"from": one, "to": other, **dataclasses.asdict(fate)})
        if both:
            await self.between(other, one, fate, both=False)

    async def around(self, host: str, fate: Fate) -> None:
        """Give a fate to all that this host sends and gets."""
        for other in self.names:
            if other != host:
                await self.between(host, other, fate)

    async def everywhere(self, fate: Fate, hosts: Iterable[str] = ()) -> None:
        """Give all ways between hosts the same fate."""
        among = tuple(hosts) or self.names
        for one in among:
            for other in among:
                if one < other:
                    await self.between(one, other, fate)

    async def counts(self) -> dict[str, dict[str, int]]:
        """For each way, such as ``a>b``: packets carried, lost and doubled; connections opened, by port."""
        return await self._order({})

    async def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await _answer(self._process)


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    assert line, "the network ended"
    return dict(json.loads(line))


@contextlib.asynccontextmanager
async def network(
    *names: str, kind: Kind = "namespaces", open_air: bool = False, version: Literal[4, 6] = 4
) -> AsyncIterator[Network]:
    """A network of these hosts within the block; proxies also where namespaces are refused.

    In the open air the addresses of namespaces are not on loopback, so that a mesh needs a key there; only there they
    may be of IPv6.
    """
    tail = f"{random.randint(64, 250)}.{random.randint(1, 250)}"
    net, why = f"127.{tail}", ""
    if kind == "loopback":
        yield Network(kind, net, names, {}, why)
        return
    if kind == "namespaces":
        wide = net if not open_air else f"10.{tail}" if version == 4 else f"fd00:{tail.replace('.', ':')}"
        async with _running("tests.faults.switch", wide, *names) as process:
            told = await _answer(process)
            why = str(told.get("refused", ""))
            if not why:
                found = Network("namespaces", wide, names, told["hosts"], "")
                found._process = process
                yield found
                return
    ports = ",".join(str(BUS_PORT + number) for number in range(3))
    async with _running("tests.faults.proxy", net, ports, *names) as process:
        found = Network("proxies", net, names, (await _answer(process))["hosts"], why)
        found._process = process
        yield found


@contextlib.asynccontextmanager
async def _running(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=ROOT,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()  # it ends with its input
        await process.wait()
