"""Fixtures of the store's tests: the same ones run against SQLite, MariaDB and PostgreSQL, each a real server."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from server.store.address import StoreAddress
from server.store.keeper import Keeper
from tests.databases import MariaDB, PostgreSQL, Server
from tests.stored import Keepers


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts wait for further ones, and a store that fails is tried again, both in less time than in a node."""
    monkeypatch.setattr("server.store.keeper.GATHER_SECONDS", 0.1)
    monkeypatch.setattr("server.store.keeper.PAUSE_SECONDS", 0.1)


class Servers:
    """One server of each kind for the whole run, started when a test first wants it."""

    def __init__(self) -> None:
        self._running: dict[type[Server], Server] = {}

    def of(self, kind: type[Server]) -> Server:
        if kind not in self._running:
            server = self._running[kind] = kind()
            server.make()
            server.start()
        return self._running[kind]

    def remove(self) -> None:
        for server in self._running.values():
            server.remove()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.remove()


@pytest.fixture(params=[PostgreSQL, MariaDB], ids=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """A running server of each kind."""
    return servers.of(request.param)


Place = Callable[[], Awaitable[StoreAddress]]


@pytest.fixture(params=[None, PostgreSQL, MariaDB], ids=["sqlite", "postgresql", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Place:
    """Gives empty databases, of each kind."""
    numbers = itertools.count(1)

    async def file() -> StoreAddress:
        return StoreAddress.of_file(str(tmp_path / f"store{next(numbers)}.db"))

    return file if request.param is None else servers.of(request.param).fresh


@pytest.fixture
async def address(place: Place) -> StoreAddress:
    """An empty database of each kind."""
    return await place()


@pytest.fixture
async def keep() -> AsyncIterator[Keepers]:
    """Opens stores of one test."""
    keepers = Keepers()
    yield keepers
    await keepers.close()


@pytest.fixture
async def keeper(keep: Keepers, address: StoreAddress) -> Keeper:
    """An open store of each kind."""
    return await keep(address)
