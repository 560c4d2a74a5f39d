"""Long work lets others have the loop in between, and short work does not."""

from __future__ import annotations

import asyncio

import pytest

from server import turns
from server.turns import Turns


@pytest.mark.parametrize(("seconds", "order"), [(-1.0, ["work", "other", "work"]), (60.0, ["work", "work", "other"])])
async def test_others_have_the_loop_after_a_turn(
    monkeypatch: pytest.MonkeyPatch, seconds: float, order: list[str]
) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", seconds)
    seen: list[str] = []

    async def work() -> None:
        mine = Turns()
        for number in range(2):
            if number:
                await mine.step()
            seen.append("work")

    async def other() -> None:
        seen.append("other")

    await asyncio.gather(work(), other())
    assert seen == order
