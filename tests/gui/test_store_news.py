"""What the window says of a store that fails."""

from __future__ import annotations

from pathlib import Path

from gui.app import Console
from gui.frame.store import FAILING
from gui.tokens import Colour
from server.store.address import StoreAddress
from server.store.keeper import Keeper


async def test_a_store_that_fails_is_said_with_its_reason_until_it_is_back(console: Console, tmp_path: Path) -> None:
    desk, banners = console.context.desk, console.context.banners

    def said() -> tuple[str, ...]:
        console.store.look()
        return banners.keys

    assert said() == ()  # a node without one
    keeper = Keeper(StoreAddress.of_file(str(tmp_path / "s.db")), history_days=30, wall_ms=lambda: 1_800_000_000_000)
    desk._node.store = keeper
    assert said() == ()
    keeper._fails("database or disk is full")
    assert said() == (FAILING,)
    assert "database or disk is full" in banners.strip.title.text()
    for word in ("Rooms go on", "Bans", "refused"):
        assert word in banners.strip.detail.text()
    keeper._works()
    assert said() == ()


async def test_a_store_that_fails_is_news_of_weight(console: Console, tmp_path: Path) -> None:
    keeper = Keeper(StoreAddress.of_file(str(tmp_path / "s.db")), history_days=30, wall_ms=lambda: 1_800_000_000_000)
    console.context.desk._node.store = keeper
    keeper._fails("unable to open database file")
    console.store.look()
    assert console.overlays.news.unseen == 1
    assert console.context.banners._notices[FAILING].tone is Colour.DANGER
