"""Reports from the browser: of a person, of a message, on a desk and on a phone, and what is said of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import VisitorFactory
from tests.browser.nodes import RunningNode, token
from tests.browser.visitor import Visitor
from tests.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]

TOLD = "Reported. The moderators have it, with what was written here in the last minute."


@pytest_asyncio.fixture(loop_scope="session")
async def moderator(cluster: Cluster, key_file: Path) -> AsyncIterator[Guest]:
    """Lena, a moderator at the second node."""
    secret = token(key_file, user="lena", role="moderator")
    async with await Guest.enter(cluster[1].url, name="Lena", token=secret) as lena:
        yield lena


async def pair(cluster: Cluster, visit: VisitorFactory, room: str, *, phone: bool = False) -> tuple[Visitor, Visitor]:
    """Ann, who has heard enough of Bob."""
    ann, bob = await visit("Ann", microphone=phone, phone=phone), await visit("Bob", microphone=False)
    await ann.join(cluster[0], room)
    await bob.join(cluster[1], room)
    await bob.say("You fool")
    await bob.say("Did you hear? <b>Fool</b>")
    await expect(ann.line("Did you hear?")).to_be_visible()
    return ann, bob


async def test_a_member_is_reported_in_place_and_the_page_says_so(
    cluster: Cluster, visit: VisitorFactory, moderator: Guest
) -> None:
    ann, bob = await pair(cluster, visit, "report-person")
    await ann.page.get_by_role("button", name="More about Bob").click()
    await ann.page.get_by_role("button", name="Report…").click()
    sheet = ann.page.get_by_role("dialog", name="Report Bob")
    send = sheet.get_by_role("button", name="Send report")
    await expect(send).to_be_disabled()
    await expect(sheet.get_by_label("What is it about?")).to_have_value("")
    await sheet.get_by_label("What is wrong?").fill("He insults me all the time")
    await send.click()
    await expect(sheet.get_by_role("status")).to_have_text(TOLD)
    told = await moderator.next("reported", room="report-person")
    assert (told["name"], told["text"], told["from"]["name"]) == ("Bob", "He insults me all the time", "Ann")
    assert told["message"] is None
    found = await moderator.ask("report_read", report=told["report"])
    assert [line["text"] for line in found["lines"]] == ["You fool", "Did you hear? <b>Fool</b>"]
    await sheet.get_by_role("button", name="Close").click()
    await expect(sheet).to_be_hidden()
    await expect(bob.page.get_by_text("insults me")).to_have_count(0)


async def test_a_message_is_reported_beside_it(cluster: Cluster, visit: VisitorFactory, moderator: Guest) -> None:
    ann, _ = await pair(cluster, visit, "report-message")
    line = ann.line("Did you hear?")
    await line.hover()
    await line.get_by_role("button", name="Report this message").click()
    sheet = ann.page.get_by_role("dialog", name="Report Bob")
    about = sheet.get_by_label("What is it about?")
    assert await about.evaluate("select => select.selectedOptions[0].text") == "“Did you hear? <b>Fool</b>”"
    await sheet.get_by_label("What is wrong?").fill("This")
    await ann.page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await line.hover()
    await line.get_by_role("button", name="Report this message").click()
    await expect(sheet.get_by_label("What is wrong?")).to_have_value("This")
    await sheet.get_by_role("button", name="Send report").click()
    await expect(sheet.get_by_role("status")).to_have_text(TOLD)
    told = await moderator.next("reported", room="report-message")
    found = await moderator.ask("report_read", report=told["report"])
    (said,) = [each for each in found["lines"] if each["text"].startswith("Did you hear?")]
    assert told["message"] == {"origin": said["origin"], "seq": said["seq"]}


async def test_nobody_reports_themselves(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await pair(cluster, visit, "report-own")
    own = bob.line("You fool").first
    await expect(own.get_by_role("button", name="Report this message")).to_have_count(0)
    await expect(ann.line("You fool").first.get_by_role("button", name="Report this message")).to_have_count(1)
    await expect(bob.page.get_by_role("button", name="More about Bob")).to_have_count(0)


async def test_what_the_node_refuses_is_said_and_what_was_written_stays(
    cluster: Cluster, visit: VisitorFactory, moderator: Guest
) -> None:
    ann, _ = await pair(cluster, visit, "report-often")
    sheet = ann.page.get_by_role("dialog", name="Report Bob")
    for number in range(6):
        await ann.page.get_by_role("button", name="More about Bob").click()
        await ann.page.get_by_role("button", name="Report…").click()
        await sheet.get_by_label("What is wrong?").fill(f"It is the {number}th time")
        await sheet.get_by_role("button", name="Send report").click()
        if number < 5:
            await expect(sheet.get_by_role("status")).to_have_text(TOLD)
            await sheet.get_by_role("button", name="Close").click()
    await expect(sheet.get_by_text("You report very often, wait a little")).to_be_visible()
    await expect(sheet.get_by_label("What is wrong?")).to_have_value("It is the 5th time")
    await sheet.get_by_role("button", name="Cancel").click()
    assert len(await _inbox(moderator, "report-often")) == 5


async def test_a_phone_reports_with_a_thumb(cluster: Cluster, visit: VisitorFactory, moderator: Guest) -> None:
    ann, _ = await pair(cluster, visit, "report-phone", phone=True)
    line = ann.line("Did you hear?")
    await line.get_by_text("Did you hear?").tap()
    await line.get_by_role("button", name="Report this message").tap()
    sheet = ann.page.get_by_role("dialog", name="Report Bob")
    box = await sheet.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 844
    await sheet.get_by_label("What is wrong?").fill("This")
    await sheet.get_by_role("button", name="Send report").tap()
    await expect(sheet.get_by_role("status")).to_have_text(TOLD)
    assert len(await _inbox(moderator, "report-phone")) == 1


async def _inbox(moderator: Guest, room: str) -> list[object]:
    return list((await moderator.ask("list", what="reports", room=room))["items"])
