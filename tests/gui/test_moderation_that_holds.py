"""A troublemaker once, all the way: reported, muted, kicked, banned over restarts, let in again; and the audit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, async_playwright, expect
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.app import Console
from gui.audit.model import Column
from gui.bans.sheet import BanSheet
from server.identity import load_key, mint
from server.views import MemberView
from tests.browser.conftest import FAKE_MICROPHONE, launch
from tests.browser.visitor import PATIENCE, Visitor
from tests.cluster.test_audit import verify
from tests.gui.conftest import until
from tests.gui.test_audit_view import open_audit, until_bans
from tests.gui.test_nodes_launching import launched, opened, row
from tests.gui.test_reports import until_states

pytestmark = pytest.mark.timeout(150)

ROOM = "lobby"
NBSP = "\N{NO-BREAK SPACE}"
CONTROL = Qt.KeyboardModifier.ControlModifier

STEPS = [
    ("Lena", "Ban lifted", "bob", "All rooms", "", "n1,n2"),
    ("Lena", "Launch", "n2", "", "", "n1"),
    ("Lena", "Report closed", "Bob", ROOM, "reported by Ann  ·  banned", "n1,n2"),
    ("Lena", "Ban 1 h", "bob", "All rooms", "insults", "n1,n2"),
    ("Lena", "Ban lifted", "bob", "All rooms", "", "n1,n2"),
    ("Lena", "Ban 10 min", "Bob", "All rooms", "a moderator removed you", "n2"),
    ("System", "Kick", "Bob", "All rooms", "its time is over", "n2"),
    ("Lena", "Kick", "Bob", "All rooms", "a moderator removed you", "n2"),
    ("Lena", "Mute 10 min", "Bob", ROOM, "", "n2"),
    ("Lena", "Report taken", "Bob", ROOM, "reported by Ann", "n1,n2"),
    ("Ann", "Report", "Bob", ROOM, "He insults me", "n1,n2"),
    ("Lena", "Launch", "n2", "", "", "n1"),
]
"""What stands in the audit at the end, newest first: by whom, what, whom, where, why, and the nodes that did it."""


@pytest_asyncio.fixture
async def visitors() -> AsyncIterator[tuple[Visitor, Visitor]]:
    """Two people at pages of their own, whose microphones hear something."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await launch(playwright, FAKE_MICROPHONE)
        contexts = [await browser.new_context(permissions=["microphone"], reduced_motion="reduce") for _ in range(2)]
        ann, bob = [Visitor(await c.new_page(), name) for c, name in zip(contexts, ("Ann", "Bob"), strict=True)]
        yield ann, bob
        await browser.close()
        assert ann.complaints == bob.complaints == []


def alert(visitor: Visitor) -> Locator:
    """Why somebody is out."""
    return visitor.page.get_by_role("alert")


async def pages(console: Console) -> tuple[str, str]:
    """Where people come in: by the window's node, and by one that is launched from it."""
    console.window.show_view(console.nodes)
    await launched(console, "n2")
    second = row(console, "n2")
    assert second is not None
    return console.context.desk.http, second.url.replace("ws://", "http://").removesuffix("ws")


async def knock(visitor: Visitor, http: str, token: str) -> None:
    """Ask to come in with a token, whatever comes of it."""
    page = visitor.page
    await page.goto(f"{http}#{ROOM}")
    await page.get_by_label("Your name").fill(visitor.name)
    await page.get_by_role("button", name="I have an access token").click()
    await page.get_by_label("Access token").fill(token)
    await page.get_by_role("button", name="Join", exact=True).click()


async def until_member(console: Console, name: str, holds: Callable[[MemberView], object]) -> MemberView:
    """Wait until the Rooms view has somebody of whom that holds."""
    console.window.show_view(console.rooms)
    model = console.rooms.pane.members.model

    def found() -> list[MemberView]:
        there = [member for member in map(model.at, range(model.rowCount())) if member.session not in model.gone]
        return [member for member in there if member.name == name and holds(member)]

    await until(found, model.rowsInserted, model.rowsRemoved, model.dataChanged)
    return found()[0]


async def press(console: Console, name: str, key: Qt.Key) -> None:
    """Select somebody in the Rooms view, and press a key."""
    member = await until_member(console, name, lambda _: True)
    table, model = console.rooms.pane.members.table, console.rooms.pane.members.model
    box = table.visualRect(model.index_of(member.session))
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    QTest.keyClick(table, key)


async def lift(console: Console) -> None:
    """Lift the one ban in force with a click on its word."""
    view = open_audit(console)
    await until_bans(view, "bob")
    box = view.bans.table.visualRect(view.bans.model.index(0, 0))
    at = QPoint(box.right() - 24, box.top() + 38)
    QTest.mouseClick(view.bans.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    await until_bans(view)


async def reported(console: Console, ann: Visitor, bob: Visitor) -> None:
    """What Ann reports comes to the inbox with the last minute of the room, and the operator takes it."""
    await bob.say("You fool")
    await expect(ann.line("You fool")).to_be_visible()
    await ann.page.get_by_role("button", name="More about Bob").click()
    await ann.page.get_by_role("button", name="Report…").click()
    sheet = ann.page.get_by_role("dialog", name="Report Bob")
    await sheet.get_by_label("What is wrong?").fill("He insults me")
    await sheet.get_by_role("button", name="Send report").click()
    await expect(sheet.get_by_role("status")).to_contain_text("Reported")
    await sheet.get_by_role("button", name="Close").click()
    console.window.show_view(console.reports)
    view = console.reports
    await until_states(view, "open")
    assert view.details.text.text() == "He insults me"
    assert "Bob: You fool" in view.details.talk.text()
    assert "n2" in view.details.facts.text()
    QTest.keyClick(view.table, Qt.Key.Key_T)
    await until_states(view, "taken")


async def muted(console: Console, ann: Visitor, bob: Visitor) -> None:
    """Bob is heard; with a key nobody hears him any more."""
    await bob.open_microphone()
    await ann.until("({ speakers: [bob] }) => bob?.received > 20")
    await until_member(console, "Bob", lambda bob: bob.speaking)
    await press(console, "Bob", Qt.Key.Key_M)
    await expect(bob.page.get_by_role("button", name="Muted by Lena")).to_be_disabled()
    await expect(bob.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await expect(ann.member("Bob")).to_contain_text("muted")
    await until_member(console, "Bob", lambda bob: bob.muted and not bob.speaking)
    before = await on_his_way(bob)
    received = (await ann.stats())["heard"]["received"]
    assert await on_his_way(bob) == before
    assert (await ann.stats())["heard"]["received"] == received > 20


async def on_his_way(visitor: Visitor) -> int:
    """How much somebody has sent once the microphone took another second."""
    captured = (await visitor.stats())["microphone"]["captured"]
    await visitor.until(f"state => state.microphone.captured > {captured + 50}")
    return int((await visitor.stats())["microphone"]["sent"])


async def kicked(console: Console, bob: Visitor, elsewhere: str, token: str) -> None:
    """Bob is put out, comes back at once on the other node and is refused; until that is lifted."""
    await press(console, "Bob", Qt.Key.Key_K)
    await expect(alert(bob)).to_contain_text("You were removed by Lena")
    await knock(bob, elsewhere, token)
    await expect(alert(bob)).to_contain_text("You are banned until")
    await lift(console)
    await bob.enter()


async def banned(console: Console, bob: Visitor) -> None:
    """Bob is banned in the sheet, and the report closed with a note."""
    await press(console, "Bob", Qt.Key.Key_B)
    (sheet,) = console.window.findChildren(BanSheet)
    assert sheet.whom.text() == "bob"
    QTest.keyClicks(sheet.reason, "insults")
    QTest.keyClick(sheet.reason, Qt.Key.Key_Return, CONTROL)
    await expect(alert(bob)).to_contain_text("You were banned by Lena until")
    await expect(alert(bob)).to_contain_text("insults")
    console.window.show_view(console.reports)
    console.reports.details.note.setText("banned")
    console.reports.details.close_it.click()
    await until_states(console.reports, "closed")


async def told(console: Console) -> None:
    """The audit of the window tells each step: who, what, whom, where, why, and how long it took each node."""
    view, model = open_audit(console), console.audit.model
    columns = (Column.BY, Column.ACTION, Column.ON, Column.WHERE, Column.REASON)

    def acts() -> list[tuple[str, ...]]:
        found = [model.at(at) for at in range(model.rowCount())]
        cells = [[model.cell(act, column).replace(NBSP, " ") for column in columns] for act in found]
        nodes = [",".join(result.node for result in act.results if result.outcome == "done") for act in found]
        return [(*row, at) for row, at in zip(cells, nodes, strict=True)]

    await until(lambda: acts() == STEPS, view.read)
    for at in range(len(STEPS)):
        view.table.selectRow(at)
        said = view.card.results.text().replace(NBSP, " ").split("\n")
        assert [re.sub(r": done in [0-9.,]+ (ms|s)$", "", line) for line in said] == STEPS[at][-1].split(",")


async def flipped(stores: Sequence[Path]) -> None:
    """The audit of each store holds; a byte of the first is flipped, and it names the line where that was."""
    for store in stores:
        code, said = await verify(store)
        assert (code, said.partition(":")[0]) == (0, "the audit holds"), said
    with sqlite3.connect(stores[0] / "store.db") as database:
        ((chain, n),) = database.execute("""SELECT chain, n FROM audit WHERE line LIKE '%"insults"%'""").fetchall()
        change = "UPDATE audit SET line = replace(line, 'insults', 'insulta') WHERE chain = ? AND n = ?"
        database.execute(change, (chain, n))
    database.close()
    assert await verify(stores[0]) == (1, f"the audit is broken: line {n} of node n1, chain {chain}: it was changed")
    assert (await verify(stores[1]))[0] == 0


async def test_moderation_that_holds(qapp: QApplication, tmp_path: Path, visitors: tuple[Visitor, Visitor]) -> None:
    ann, bob = visitors
    async with opened(tmp_path) as console:
        first, second = await pages(console)
        token = mint(load_key(None, tmp_path), user="bob")
        await ann.page.goto(f"{first}#{ROOM}")
        await ann.enter()
        await knock(bob, second, token)
        await expect(ann.member("Bob")).to_be_visible()
        await reported(console, ann, bob)
        await muted(console, ann, bob)
        await kicked(console, bob, first, token)
        await banned(console, bob)
        await ann.page.goto("about:blank")

    # All nodes are started again, with what they have on disk.
    async with opened(tmp_path) as console:
        await until_bans(open_audit(console), "bob")
        for http in await pages(console):
            await knock(bob, http, token)
            await expect(alert(bob)).to_contain_text("You are banned until")
        await lift(console)
        await bob.enter()
        await told(console)
        await bob.page.goto("about:blank")
        stores = (tmp_path, console.context.launcher.folder("n2"))
    await flipped(stores)
