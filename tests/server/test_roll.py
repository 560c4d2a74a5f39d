"""A rolling restart goes on only when the node before is back; else it stops with a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bus.keys import claim
from main import serving
from server.child import Child, ChildState, Spec
from server.config import Config
from server.desk import Desk
from server.identity import Tokens, key_file, load_key
from server.launcher import Launcher
from server.roll import NotBack, Roll, Step
from tests.guest import Guest


@pytest_asyncio.fixture
async def rolled(tmp_path: Path) -> AsyncIterator[tuple[Desk, Launcher, Child]]:
    """A console's node with a launched one that runs."""
    config = Config(name="n1", port=0, bus_port=0, data_dir=tmp_path, drain_seconds=0.2)
    with claim(tmp_path) as identity:
        launcher = Launcher(config, key_file(None, tmp_path))
        async with serving(config, identity, Tokens(load_key(None, tmp_path)), beside=launcher.close) as node:
            desk = Desk(node, "Lena")
            child = launcher.launch(
                Spec(name="n2", host="127.0.0.1", port=0, bus_host="127.0.0.1", bus_port=0, peer=node.bus.address)
            )
            await launcher.until(child, ChildState.RUNNING)
            await changed(desk, lambda: [node.state for node in desk.nodes()] == ["up", "up"])
            yield desk, launcher, child


async def changed(desk: Desk, holds: Callable[[], bool]) -> None:
    """Wait until something is so, looking again whenever a node changes."""
    again = asyncio.Event()
    unwatch = desk.watch(lambda *_: again.set())
    while not holds():
        again.clear()
        await again.wait()
    unwatch()


async def test_a_node_that_is_not_ready_in_time_ends_the_roll(
    rolled: tuple[Desk, Launcher, Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, launcher, child = rolled
    monkeypatch.setattr("server.roll.START_SECONDS", 0.0)
    roll = Roll(desk, launcher, [child], seconds=0)
    with pytest.raises(NotBack, match="was started and is not ready after 0 s") as why:
        await roll.run()
    assert (why.value.name, roll.progress.place, roll.progress.step) == ("n2", 1, Step.STARTING)


async def test_a_node_that_lacks_what_the_others_hold_ends_the_roll(
    rolled: tuple[Desk, Launcher, Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, launcher, child = rolled
    roll = Roll(desk, launcher, [child], seconds=0)
    monkeypatch.setattr(desk, "has_caught_up", lambda node, places: False)
    monkeypatch.setattr("server.roll.RETURN_SECONDS", 0.1)
    with pytest.raises(NotBack, match="does not hold what the others hold"):
        await roll.run()
    assert roll.progress.step is Step.CATCHING_UP


async def test_one_that_was_stopped_meanwhile_ends_the_roll(rolled: tuple[Desk, Launcher, Child]) -> None:
    desk, launcher, child = rolled
    roll = Roll(desk, launcher, [child], seconds=0)
    running = asyncio.create_task(roll.run())
    started = asyncio.Event()
    launcher.watch(lambda what, _: started.set() if child.state is ChildState.STARTING else None)
    await started.wait()
    await launcher.stop(child)
    with pytest.raises(NotBack, match="was stopped meanwhile"):
        await running


async def test_one_that_has_ended_before_its_turn_has_none(rolled: tuple[Desk, Launcher, Child]) -> None:
    desk, launcher, child = rolled
    await launcher.stop(child)
    roll = Roll(desk, launcher, [child], seconds=0)
    assert await roll.run() == 0
    assert child.state is ChildState.EXITED


async def test_a_roll_that_is_cut_off_leaves_the_node_serving(rolled: tuple[Desk, Launcher, Child]) -> None:
    desk, launcher, child = rolled
    roll = Roll(desk, launcher, [child], seconds=3600)
    assert child.ready is not None
    guest = await Guest.enter(child.ready.url, name="Ann")
    running = asyncio.create_task(roll.run())
    await changed(desk, lambda: any(node.draining for node in desk.nodes()))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await changed(desk, lambda: not any(node.draining for node in desk.nodes()))
    await guest.settle()
    await guest.leave_for_good()
