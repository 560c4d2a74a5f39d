"""A minute of killed nodes, with three and with two; `make chaos` takes longer, and takes times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.__main__ import play
from tests.chaos.kills import Plan
from tests.faults.field import Load
from tests.faults.result import Result

PLAN = Plan(kills=4, every=7.0, away=2.0, seed=4)
"""With this seed each is killed, of two nodes and of three."""
LOAD = Load(frame_ms=60)
"""As many people as in full, whose speech comes in longer pieces: what is looked for is silence of 0.3 s and more."""
PATIENCE = 300
"""Seconds for both; a bound on failure, never a measure."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(PATIENCE), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[int, asyncio.Task[Result]]]:
    """Both clusters, under way."""
    tasks = {
        nodes: asyncio.create_task(play(nodes, PLAN, tmp_path_factory.mktemp("chaos"), LOAD)) for nodes in (3, 2)
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("nodes", [3, 2])
async def test_what_was_acknowledged_is_read_once_and_in_order_whoever_is_killed(
    results: dict[int, asyncio.Task[Result]], nodes: int
) -> None:
    result = await results[nodes]
    print(*(f"{nodes} nodes: {what}" for what in (*(what for _, what in result.checks), *result.figures)), sep="\n")
    assert result.wrong == []
