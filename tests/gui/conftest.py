"""Real nodes on a memory bus, real clients on sockets and a real window, all on the console's loop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import Shiboken
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bus.keys import Identity
from bus.memory import MemoryNetwork
from gui.app import Console, open_console
from gui.application import new_application
from gui.loop import new_console_loop
from gui.tokens import Rate
from server.config import Config
from server.desk import Desk
from server.gateway import Gateway
from server.identity import Key, Tokens, mint
from server.launcher import Launcher
from server.node import Node
from server.session import Role

KEY = Key("HS256", b"a key for tests, 32 bytes at the least")


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the console makes it."""
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else new_application(["switchboard"])


def pytest_asyncio_loop_factories(config: pytest.Config) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Coroutine tests of this folder run on the console's loop."""

    def console_loop() -> asyncio.AbstractEventLoop:
        app = QApplication.instance()
        return new_console_loop(app if app is not None else new_application(["switchboard"]))

    return {"console": console_loop}


class Client:
    """A client of a node on a real socket."""

    def __init__(self, socket: ClientConnection, welcome: dict[str, Any]) -> None:
        self.socket = socket
        self.session: str = welcome["session"]
        self.heard: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of this type; others are kept in `heard`."""
        with contextlib.suppress(ConnectionClosed):
            async for data in self.socket:
                if isinstance(data, str):
                    message: dict[str, Any] = json.loads(data)
                    self.heard.append(message)
                    if message["type"] == kind:
                        return message
        raise AssertionError(f"closed with {self.socket.close_code} before {kind}")

    async def ask(self, kind: str, answer: str, **fields: object) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        await self.socket.send(json.dumps({"type": kind, "id": f"c-{next(self._ids)}", **fields}))
        return await self.next(answer)

    async def join(self, room: str) -> dict[str, Any]:
        """Join a room."""
        return await self.ask("join", "joined", room=room)

    async def say(self, room: str, text: str) -> None:
        """Say something, and wait until it is sent."""
        await self.ask("say", "sent", room=room, text=text)

    async def rest(self) -> list[dict[str, Any]]:
        """What still comes until the connection is closed."""
        with contextlib.suppress(AssertionError):
            await self.next("nothing has this type")
        return self.heard


@dataclasses.dataclass(slots=True)
class Served:
    """A node with its port open."""

    node: Node
    gateway: Gateway
    config: Config

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.node.url


class Cluster:
    """Nodes of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._network = MemoryNetwork()
        self._clients: list[Client] = []
        self.served: list[Served] = []

    async def node(self, name: str, *, alone_at: str = "") -> Served:
        """Start one more node that knows the first, or with a mesh address of its own none."""
        config = Config(name=name, port=0, data_dir=self._folder / name)
        identity = Identity(f"{len(self.served) + 1:016x}", 1)
        peers = (self.served[0].node.name,) if self.served and not alone_at else ()
        node = Node(config, self._network.bus(identity, address=alone_at or name, peers=peers), Tokens(KEY))
        gateway = Gateway(node, config)
        host, port = await gateway.listen()
        await node.start(url=f"ws://{host}:{port}/ws", http=f"http://{host}:{port}/")
        made = Served(node, gateway, config)
        self.served.append(made)
        return made

    async def client(self, at: Served, name: str, *, role: Role | None = None) -> Client:
        """Connect a client; with a role it brings a token for it."""
        socket = await connect(at.url, max_queue=None)  # who does not read must not keep the close from being read
        user = "".join(sign for sign in name.lower() if sign.isalnum() and sign.isascii()) or "somebody"
        hello = {"type": "hello", "id": 1, "name": name, "user": user, "client": "test/1.0"}
        if role is not None:
            hello["token"] = mint(KEY, user=user, role=role, name=name)
        await socket.send(json.dumps(hello))
        client = Client(socket, json.loads(await socket.recv()))
        self._clients.append(client)
        return client

    async def members(self, room: str, *names: str, at: Served | None = None) -> list[Client]:
        """Connect clients and have them join a room."""
        made = []
        for name in names:
            made.append(await self.client(at or self.served[0], name))
            await made[-1].join(room)
        return made

    def cut(self) -> None:
        """From now on nothing goes from node to node."""
        self._network.fate = lambda source, target: ()

    async def stop(self) -> None:
        """Let all of it go."""
        for client in self._clients:
            await client.socket.close()
        for served in reversed(self.served):
            await served.gateway.close()
            await served.node.stop()


@pytest_asyncio.fixture
async def cluster(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without nodes yet."""
    made = Cluster(tmp_path)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def console(cluster: Cluster) -> AsyncIterator[Console]:
    """An open window on the first node of the cluster."""
    served = await cluster.node("alpha")
    launcher = Launcher(served.config, served.config.data_dir / "key")
    made = open_console(Desk(served.node, "Lena"), launcher, served.config)
    made.context.bridge.set_rate(Rate.FASTEST)
    yield made
    await made.close()
    await launcher.close()
    take_down(made.window)


def take_down(window: QWidget) -> None:
    """Let a window go at once, and the style sheet with it: the next is put together without, as the product's is."""
    Shiboken.delete(window)
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    application.setStyleSheet("")


@pytest.fixture(autouse=True)
def _no_clipboard(qapp: QApplication) -> Iterator[None]:
    """What a test copies stays in it."""
    yield
    qapp.clipboard().clear()


async def until(condition: Callable[[], object], *signals: SignalInstance) -> None:
    """Wait until the condition holds; it is asked again whenever one of the signals comes."""
    while not condition():
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake(*_: object, came: asyncio.Future[None] = came) -> None:
            if not came.done():
                came.set_result(None)

        for signal in signals:
            signal.connect(wake)
        try:
            await came
        finally:
            for signal in signals:
                signal.disconnect(wake)
