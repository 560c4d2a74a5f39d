"""The list of rooms on real nodes: tabs, orders, the filter, and rows that stay under the pointer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.rooms.rooms_model import Order, Shown
from tests.gui.conftest import until

if TYPE_CHECKING:
    from gui.app import Console
    from tests.gui.conftest import Client, Cluster


def rooms(console: Console) -> list[str]:
    """The list, row by row."""
    return console.rooms.list.model.identities()


async def opened(console: Console, cluster: Cluster) -> dict[str, list[Client]]:
    """Three rooms of one, two and three members."""
    made = {
        "den": await cluster.members("den", "Ann"),
        "lobby": await cluster.members("lobby", "Bob", "Cid"),
        "arena": await cluster.members("arena", "Dee", "Eve", "Fay"),
    }
    listing = console.rooms.list
    model = listing.model
    await until(
        lambda: rooms(console) == ["arena", "lobby", "den"],
        model.rowsInserted,
        model.dataChanged,
        model.layoutChanged,
    )
    return made


@contextlib.asynccontextmanager
async def speaking(client: Client) -> AsyncIterator[None]:
    """Let somebody speak within the block."""
    joined = next(message for message in client.heard if message["type"] == "joined")

    async def speak() -> None:
        for seq in itertools.count(1):
            frame = struct.pack("!BBBBIHHI", 0x51, 1, 0x80 | 20, 0x02, joined["ssrc"], seq, 0, 960 * seq) + b"opus"
            await client.socket.send(frame)
            await asyncio.sleep(0.02)

    voice = asyncio.create_task(speak())
    try:
        yield
    finally:
        voice.cancel()


async def test_tabs_count_and_show_the_rooms_where_somebody_speaks(console: Console, cluster: Cluster) -> None:
    made = await opened(console, cluster)
    listing = console.rooms.list
    assert [tab.count for tab in listing.tabs.tabs] == [3, 0, 3]
    async with speaking(made["lobby"][0]):
        await until(lambda: listing.rooms["lobby"].speaking, listing.model.dataChanged)
        listing.tick()
        assert listing.tabs.tabs[1].count == 1
        assert listing.tabs.tabs[2].count == 2
        listing.tabs.tabs[1].click()
        assert listing.shown is Shown.SPEAKING
        assert rooms(console) == ["lobby"]
    await until(lambda: not rooms(console), listing.model.rowsRemoved)
    assert not listing.list.isVisible()
    listing.tabs.tabs[2].click()
    assert rooms(console) == ["arena", "lobby", "den"]


async def test_rooms_in_another_order(console: Console, cluster: Cluster) -> None:
    await opened(console, cluster)
    action = next(
        command.action for command in console.context.actions.commands() if command.text == "Rooms: by name"
    )
    action.trigger()
    assert console.rooms.list.order is Order.NAME
    assert rooms(console) == ["arena", "den", "lobby"]


async def test_the_filter_comes_with_its_key_and_goes_with_escape(console: Console, cluster: Cluster) -> None:
    await opened(console, cluster)
    listing = console.rooms.list
    listing.list.setFocus()
    assert not listing.filter.isVisible()
    QTest.keyClick(listing.list, Qt.Key.Key_Slash)
    assert listing.filter.hasFocus()
    QTest.keyClicks(listing.filter, "LOB")
    assert rooms(console) == ["lobby"]
    assert [tab.count for tab in listing.tabs.tabs] == [3, 0, 3]
    QTest.keyClick(listing.filter, Qt.Key.Key_Escape)
    assert not listing.filter.isVisible()
    assert rooms(console) == ["arena", "lobby", "den"]
    assert listing.list.hasFocus()


async def test_rooms_stay_while_a_person_uses_the_list_and_the_new_order_is_offered(
    console: Console, cluster: Cluster
) -> None:
    await opened(console, cluster)
    listing = console.rooms.list
    listing.list.setFocus()
    QTest.keyClick(listing.list, Qt.Key.Key_Up)
    await cluster.members("den", "Gil", "Hal", "Ida")
    await until(lambda: listing.rooms["den"].members == 4, listing.model.dataChanged)
    assert rooms(console) == ["arena", "lobby", "den"]
    QTest.keyClick(listing.list, Qt.Key.Key_Up)
    listing.tick()
    assert listing.changed.isVisible()
    listing.changed.click()
    assert rooms(console) == ["den", "arena", "lobby"]
    assert not listing.changed.isVisible()


async def test_a_room_has_a_line_of_what_was_said_and_written(console: Console, cluster: Cluster) -> None:
    made = await opened(console, cluster)
    listing = console.rooms.list
    await made["den"][0].say("den", "hello")
    await until(lambda: sum(listing.model.activity("den")) == 1.0, listing.model.dataChanged)
    assert sum(listing.model.activity("arena")) == 0.0
