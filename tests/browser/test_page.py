"""The page itself: links, phones, what it says when voice cannot be, when one is put out, when the node is gone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect
from websockets.asyncio.client import ClientConnection, connect

from tests.browser.conftest import VisitorFactory, launch
from tests.browser.nodes import RunningNode, token

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]


@pytest_asyncio.fixture(loop_scope="session")
async def moderator(cluster: Cluster, key_file: Path) -> AsyncIterator[ClientConnection]:
    """A moderator's connection to the first node, past its hello."""
    async with connect(cluster[0].url) as connection:
        secret = token(key_file, user="lena", role="moderator")
        await connection.send(json.dumps({"type": "hello", "id": 1, "name": "Lena", "token": secret}))
        assert json.loads(await connection.recv())["type"] == "welcome"
        yield connection


@pytest_asyncio.fixture(loop_scope="session")
async def deaf_and_dumb(playwright: Playwright) -> AsyncIterator[Browser]:
    """A browser on a machine without any microphone."""
    browser = await launch(playwright)
    yield browser
    await browser.close()


async def test_page_without_a_link_asks_for_name_and_room(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann")
    await ann.page.goto(cluster[0].http)
    join = ann.page.get_by_role("button", name="Join")
    await join.click()
    await expect(ann.page.get_by_text("Enter the name that others will see.")).to_be_visible()
    await ann.page.get_by_label("Your name").fill("Ann")
    await join.click()
    await expect(ann.page.get_by_text("Enter the name of a room")).to_be_visible()
    await ann.page.get_by_role("textbox", name="Room").fill(" Straße 7 ")
    await join.click()
    await expect(ann.page.get_by_role("heading", name="Straße 7")).to_be_visible()
    assert ann.page.url.endswith("/#Stra%C3%9Fe%207")


async def test_another_link_changes_the_room(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "first")
    await bob.join(cluster[1], "second")
    await ann.follow_link(cluster[0], "second")
    await expect(bob.member("Ann")).to_be_visible()
    await expect(ann.page.get_by_role("heading", name="second")).to_be_visible()


async def test_wrong_name_of_a_room_is_explained_at_its_field(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann")
    await ann.follow_link(cluster[0], "a%2Fb")
    await ann.page.get_by_label("Your name").fill("Ann")
    await ann.page.get_by_role("button", name="Join").click()
    await expect(ann.page.get_by_role("textbox", name="Room")).to_have_attribute("aria-invalid", "true")
    await expect(ann.page.locator("#room-error")).not_to_be_empty()


async def test_refused_microphone_is_said_in_a_sentence(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann", microphone=False)
    await ann.join(cluster[0], "refused")
    await expect(ann.page.get_by_text("The microphone is blocked for this page.")).to_be_visible()
    await ann.page.context.grant_permissions(["microphone"])
    await ann.page.get_by_role("button", name="Try again").click()
    await expect(ann.page.get_by_role("button", name="Hold to talk")).to_be_enabled()


async def test_absent_microphone_is_said_in_a_sentence(
    cluster: Cluster, visit: VisitorFactory, deaf_and_dumb: Browser
) -> None:
    ann = await visit("Ann", browser=deaf_and_dumb)
    await ann.join(cluster[0], "absent")
    await expect(ann.page.get_by_text("No microphone was found.")).to_be_visible()


async def test_page_that_is_not_secure_says_why_it_has_no_voice(tmp_path: Path, visit: VisitorFactory) -> None:
    node = await RunningNode.start(tmp_path, "--bus", "memory", "--port", "0", "--public-url", "ws://voice.test/ws")
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.follow_link(node, "plain", host="voice.test")
    await expect(ann.page.get_by_role("main")).to_contain_text("Voice is off because this page is not secure")
    await ann.enter()
    await expect(ann.page.get_by_role("region", name="Voice")).to_contain_text("this page is not secure")
    await bob.join(node, "plain")
    await ann.say("I can still write")
    await expect(bob.line("I can still write")).to_be_visible()
    await ann.page.close()
    await bob.page.close()
    await node.stop()


async def test_browser_without_the_codec_says_so(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann")
    await ann.page.add_init_script("delete window.AudioEncoder")
    await ann.join(cluster[0], "codec")
    await expect(ann.page.get_by_role("region", name="Voice")).to_contain_text("this browser has no Opus codec")


async def test_kicked_page_shows_the_reason_and_stays_off(
    cluster: Cluster, visit: VisitorFactory, moderator: ClientConnection
) -> None:
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.join(cluster[1], "order")
    await bob.join(cluster[0], "order")
    await expect(bob.member("Ann")).to_be_visible()
    session = (await ann.stats())["session"]
    await moderator.send(json.dumps({"type": "kick", "id": 2, "session": session, "reason": "Open mic noise"}))
    await expect(ann.page.get_by_role("alert")).to_contain_text("Open mic noise")
    await expect(bob.member("Ann")).to_have_count(0)
    stats = await ann.stats()
    assert (stats["state"], stats["room"], stats["microphone"]["state"]) == ("ended", None, "off")
    await ann.page.reload()
    await expect(ann.page.get_by_role("button", name="Join")).to_be_visible()
    assert (await ann.stats())["state"] == "new"


@pytest.mark.parametrize(
    "room", ["narrow", "a-room-with-a-name-that-is-as-long-as-names-of-rooms-can-be-64-chars"[:64]]
)
async def test_phone_has_no_horizontal_scroll(cluster: Cluster, visit: VisitorFactory, room: str) -> None:
    ann, bob = await visit("Ann", phone=True), await visit("WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", microphone=False)
    await ann.follow_link(cluster[0], room)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert await ann.page.evaluate(fits)
    await ann.enter()
    await bob.join(cluster[1], room)
    await bob.say("unbreakable" * 60)
    await expect(ann.line("unbreakable")).to_be_visible()
    assert await ann.page.evaluate(fits)
    await ann.page.get_by_role("button", name="Show all members").click()
    await ann.page.get_by_role("button", name="More about").click()
    await expect(ann.page.get_by_role("slider", name="Volume of")).to_be_visible()
    assert await ann.page.evaluate(fits)


async def test_page_asks_for_a_token_where_the_node_wants_one(
    tmp_path: Path, visit: VisitorFactory, key_file: Path
) -> None:
    options = ("--bus", "memory", "--port", "0", "--auth", "token", "--auth-key-file", str(key_file))
    node = await RunningNode.start(tmp_path, *options)
    ann = await visit("Ann")
    await ann.follow_link(node, "members")
    await ann.page.get_by_label("Your name").fill("Ann")
    await ann.page.get_by_role("button", name="Join").click()
    field = ann.page.get_by_label("Access token")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill(token(key_file, user="ann", role="moderator"))
    await ann.page.get_by_role("button", name="Join").click()
    await expect(ann.page.get_by_role("heading", name="members", exact=True)).to_be_visible()
    await ann.page.close()
    await node.stop()


async def test_page_goes_on_at_another_node_when_its_own_ends(tmp_path: Path, visit: VisitorFactory) -> None:
    first = await RunningNode.start(tmp_path / "n1", "--name", "n1", "--port", "0", "--bus-port", "0")
    options = ("--port", "0", "--bus-port", "0", "--peer", first.bus, "--drain-seconds", "1")
    second = await RunningNode.start(tmp_path / "n2", "--name", "n2", *options)
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await bob.join(first, "moving")
    await ann.join(second, "moving")
    await expect(bob.member("Ann")).to_be_visible()
    session, notes = (await ann.stats())["session"], await bob.notes().all_inner_texts()

    await second.stop()
    await ann.until("state => state.node === 'n1' && state.room === 'moving'")
    await ann.say("I am here now")
    await expect(bob.line("I am here now")).to_be_visible()
    assert (await ann.stats())["session"] == session
    assert await bob.notes().all_inner_texts() == notes, "nobody left or joined"
    await ann.page.close()
    await bob.page.close()
    await first.stop()
