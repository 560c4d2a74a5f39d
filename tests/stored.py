"""Rows and open stores for tests."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from server.store.address import StoreAddress
from server.store.keeper import Keeper
from server.store.rows import AuditRow, RulingRow, TextRow

NOW = 1_800_000_000_000
CHAIN = "00000000000000aa.1"
PATIENCE = 20.0


def ruling(key: str = "ban/b1", number: int = 1, origin: str = CHAIN, **values: Any) -> RulingRow:
    return RulingRow(**{"key": key, "number": number, "origin": origin, "at": NOW, "ruling": '["x"]', **values})


def line(n: int = 1, *, chain: str = CHAIN, **values: Any) -> AuditRow:
    usual = {"chain": chain, "n": n, "prev": f"{n - 1:064x}", "hash": f"{n:064x}", "origin": chain, "seq": n}
    what = {"kind": "asked", "act": f"act{n}", "at": NOW + n, "by": "mod", "action": "kick", "line": f'{{"n":{n}}}'}
    return AuditRow(**{**usual, **what, **values})


def said(seq: int = 1, *, at: int = NOW, origin: str = CHAIN, room: str = "lobby", text: str = "hello") -> TextRow:
    return TextRow(origin, seq, room, "s1", "ann", "Ann", at, text)


class Keepers:
    """Opens stores, under a clock that a test sets, and closes them in the end."""

    def __init__(self) -> None:
        self.wall = NOW
        self._opened: list[Keeper] = []

    async def __call__(self, address: StoreAddress, *, history_days: int = 30) -> Keeper:
        keeper = Keeper(address, history_days=history_days, wall_ms=lambda: self.wall)
        await keeper.open()
        self._opened.append(keeper)
        return keeper

    async def close(self) -> None:
        for keeper in self._opened:
            await keeper.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread or process brings about; the condition may have to be awaited."""
    due = time.monotonic() + PATIENCE
    while not (await found if inspect.isawaitable(found := condition()) else found):
        assert time.monotonic() < due, condition
        await asyncio.sleep(0.01)


async def written(keeper: Keeper) -> None:
    """Wait until all that a store was given is written."""
    await until(lambda: not keeper.state.waiting)
