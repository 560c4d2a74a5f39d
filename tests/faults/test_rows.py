"""Short forms of rows of the fault matrix, several at a time; `make faults` plays all in full, and takes times."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio

from tests.faults.__main__ import play
from tests.faults.network import Kind
from tests.faults.result import Result

AT_ONCE = 6
"""Fields side by side: each waits more than it works."""
PATIENCE = 240
"""Seconds for all rows together; a bound on failure, never a measure."""

PLAYED: dict[str, tuple[str, Kind] | tuple[str, Kind, Literal[6]]] = {
    "10": ("10", "namespaces"),
    "8": ("8", "namespaces"),
    "7": ("7", "namespaces"),
    "6": ("6", "namespaces"),
    "3": ("3", "namespaces"),
    "4": ("4", "namespaces"),
    "hole": ("hole", "namespaces"),
    "22": ("22", "namespaces"),
    "22 over IPv6": ("22", "namespaces", 6),
    "5 through proxies": ("5", "proxies"),
    "17": ("17", "loopback"),
    "12": ("12", "loopback"),
    "13": ("13", "loopback"),
}
"""What is played, the longest first: a row, over what, and whether over IPv6.

Where namespaces are not permitted, over proxies.
"""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(PATIENCE), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, asyncio.Task[Result]]]:
    """Every row whose test will run, under way."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def play_one(name: str, folder: Path) -> Result:
        row, kind, *versions = PLAYED[name]
        async with gate:
            return await play(
                row, kind=kind, long=False, folder=folder, hold=4.0, version=versions[0] if versions else 4
            )

    wanted = [item.name for item in request.session.items if item.path == request.path]
    tasks = {
        name: asyncio.create_task(play_one(name, tmp_path_factory.mktemp("faults")), name=name)
        for name in PLAYED
        if any(f"[{name}]" in test for test in wanted)
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", PLAYED)
async def test_what_must_hold_through_a_fault_holds(results: dict[str, asyncio.Task[Result]], name: str) -> None:
    result = await results[name]
    print(*(f"{name}: {what}" for what in (*(what for _, what in result.checks), *result.figures)), sep="\n")
    assert dataclasses.asdict(result)["checks"]
    assert result.wrong == []
