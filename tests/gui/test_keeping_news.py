"""What the window says of a data folder and a store in which nothing can be kept."""

from __future__ import annotations

from pathlib import Path

from gui.app import Console
from gui.frame.keeping import FOLDER, STORE
from gui.tokens import Colour
from server.store.address import StoreAddress
from server.store.keeper import Keeper


async def test_a_store_that_fails_is_said_with_its_reason_until_it_is_back(console: Console, tmp_path: Path) -> None:
    desk, banners = console.context.desk, console.context.banners

    def said() -> tuple[str, ...]:
        console.keeping.look()
        return banners.keys

    assert said() == ()  # a node without one
    keeper = Keeper(StoreAddress.of_file(str(tmp_path / "s.db")), history_days=30, wall_ms=lambda: 1_800_000_000_000)
    desk._node.store = keeper
    assert said() == ()
    keeper._fails("database or disk is full")
    assert said() == (STORE,)
    assert "database or disk is full" in banners.strip.title.text()
    for word in ("Rooms go on", "Bans", "refused"):
        assert word in banners.strip.detail.text()
    keeper._works()
    assert said() == ()


async def test_a_store_that_fails_is_news_of_weight(console: Console, tmp_path: Path) -> None:
    keeper = Keeper(StoreAddress.of_file(str(tmp_path / "s.db")), history_days=30, wall_ms=lambda: 1_800_000_000_000)
    console.context.desk._node.store = keeper
    keeper._fails("unable to open database file")
    console.keeping.look()
    assert console.overlays.news.unseen == 1
    assert console.context.banners._notices[STORE].tone is Colour.DANGER


async def test_a_data_folder_that_takes_nothing_is_said_until_it_does(console: Console) -> None:
    folder, banners = console.context.desk.folder, console.context.banners
    folder.fault = "the disk is full"
    console.keeping.look()
    assert banners.keys == (FOLDER,)
    assert str(folder.path) in banners.strip.title.text()
    assert "the disk is full" in banners.strip.title.text()
    folder.fault = ""
    console.keeping.look()
    assert not banners.keys
