"""Real nodes with real ports in the process of the tests, under a clock that a test may stop and put forward."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.keys import Identity
from bus.memory import MemoryBus, MemoryNetwork
from bus.packets import Fill, Packet, Records
from server.clock import SystemClock
from server.config import Config
from server.gateway import Gateway
from server.identity import Key, Tokens, mint
from server.node import Node
from server.session import Role
from server.store.interface import Store
from server.tls import tls_of
from server.web import Site
from tests.guest import Event, Guest

KEY = Key("HS256", b"the key of these tests, 32 bytes and more")


class HandClock(SystemClock):
    """The machine's clock, plus what a test has put it forward; or standing still where a test has stopped it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        return self._ahead + (time.monotonic() if self._stopped is None else self._stopped)

    def stop(self) -> None:
        """Stand still, but for `advance`."""
        self._stopped = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Be that much later from now on."""
        self._ahead += seconds


@dataclasses.dataclass(slots=True)
class Served:
    """A node that serves on a free port, with all that belongs to it."""

    node: Node
    gateway: Gateway
    clock: HandClock
    url: str
    guests: list[Guest] = dataclasses.field(default_factory=list)

    async def connect(self, **how: Any) -> Guest:
        """A client that has said nothing."""
        self.guests.append(await Guest.connect(self.url, **how))
        return self.guests[-1]

    async def enter(self, name: str | None = "Ann", **hello: Any) -> Guest:
        """A client that has been welcomed."""
        self.guests.append(await Guest.enter(self.url, **({} if name is None else {"name": name}), **hello))
        return self.guests[-1]

    async def enter_as(self, role: str, *, user: str = "mod") -> Guest:
        """A client with a token for `role`."""
        return await self.enter(None, token=token(role, user=user))

    async def members(self, *names: str, room: str = "lobby") -> list[Guest]:
        """Clients of these names who are in `room` and have read all that came of it."""
        guests = [await self.enter(name) for name in names]
        for guest in guests:
            await guest.join(room)
        for guest in guests:
            await guest.settle()
            guest.unread.clear()
        return guests

    def advance(self, seconds: float) -> None:
        """Let time pass, and do at once what is due by then."""
        self.clock.advance(seconds)
        for connection in self.gateway.wheel.advance(self.clock.now()):
            connection.expire()
        self.node.tick(0.0)

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass by the ticks of the node."""
        for _ in range(round(seconds * 10)):
            self.advance(0.1)

    async def back(self, guest: Guest, **hello: Any) -> Guest:
        """A client that goes on here with the session of `guest`."""
        self.guests.append(await guest.come_again(self.url, **hello))
        return self.guests[-1]

    async def close(self) -> None:
        for guest in self.guests:
            guest.vanish()
            await guest.socket.wait_closed()
        await self.gateway.drain(0)
        await self.node.stop()
        await self.gateway.close()


def token(
    role: str = "user",
    *,
    user: str = "ann",
    name: str | None = None,
    ttl: int = 3600,
    rooms: tuple[str, ...] | None = None,
) -> str:
    """An access token that the nodes of these tests honour."""
    return mint(KEY, user=user, role=Role(role), name=name, ttl=ttl, rooms=rooms)


class Serving:
    """Makes nodes and ends them."""

    def __init__(self, data_dir: Path, *, life: int = 1, **always: Any) -> None:
        """`always` are options of every node, `life` is how often the nodes were started."""
        self.network = MemoryNetwork()
        self._life = life
        self._always = always
        self.served: list[Served] = []
        self._data_dir = data_dir

    async def __call__(
        self, *peers: str, address: str = "", site: Site | None = None, store: Store | None = None, **options: Any
    ) -> Served:
        """A node; with an address it is in a cluster with `peers`, with a `store` it keeps what must last."""
        number = len(self.served) + 1
        config = Config(name=f"n{number}", port=0, bus="memory", data_dir=self._data_dir, **self._always, **options)
        bus = self.network.bus(
            Identity(f"{number:016x}", self._life), address=address, peers=peers, bounds=config.bounds
        )
        clock = HandClock()
        node = Node(config, bus, Tokens(KEY), clock=clock)
        node.store = store
        gateway = Gateway(node, config, site, tls=tls_of(config))
        host, port = await gateway.listen()
        secure = "s" if gateway.tls else ""
        served = Served(node, gateway, clock, f"ws{secure}://{host}:{port}/ws")
        self.served.append(served)
        await node.start(url=served.url, http=f"http{secure}://{host}:{port}/")
        return served

    async def close(self) -> None:
        for served in self.served:
            await served.close()


def without(event: Event, *keys: str) -> Event:
    """`event` less what is different each time."""
    return {key: value for key, value in event.items() if key not in keys}


def deaf(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a node take no record any more; all else goes on."""
    bus = node.bus
    assert isinstance(bus, MemoryBus)
    receive = bus._received

    def most(packet: Packet) -> None:
        if not isinstance(packet, Records | Fill):
            receive(packet)

    monkeypatch.setattr(bus, "_received", most)


def living(*kinds: type) -> Callable[[], list[object]]:
    """What tells which objects of these kinds live that did not before: an earlier test's error may hold some."""

    def found() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, kinds)]

    gc.collect()
    earlier = {id(each): each for each in found()}  # held, so that nothing new has the identity of one of them
    return lambda: [each for each in found() if id(each) not in earlier]
