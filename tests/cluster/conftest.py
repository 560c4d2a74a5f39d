"""Fixtures of the tests with real processes: clusters that end with the test or the module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.nodes import Cluster, Node


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Nodes of one test, which it may stop and kill."""
    cluster = Cluster(tmp_path)
    yield cluster
    await cluster.close()


@pytest.fixture
async def two(cluster: Cluster) -> tuple[Node, Node]:
    """Two nodes of one test that know each other."""
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    return a, b


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Cluster]:
    """The same, whose nodes tell after a second already that somebody is lost."""
    cluster = Cluster(tmp_path, "--lost-seconds=1")
    yield cluster
    await cluster.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Three nodes for all tests of a module, in a chain: c was told of b only, and b of a."""
    cluster = Cluster(tmp_path_factory.mktemp("trio"))
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.start("c", b)
    await cluster.meet()
    yield cluster
    await cluster.close()


@pytest.fixture
def a(trio: Cluster) -> Node:
    return trio.nodes[0]


@pytest.fixture
def b(trio: Cluster) -> Node:
    return trio.nodes[1]


@pytest.fixture
def c(trio: Cluster) -> Node:
    return trio.nodes[2]


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    return str(request.node.name)[:64].replace("[", " ").replace("]", "")
