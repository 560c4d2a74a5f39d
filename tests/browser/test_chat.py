"""Text between people on two nodes: to the room, to one, and never as anything but text."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import VisitorFactory
from tests.browser.nodes import RunningNode

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]

MARKUP = "<img src=x onerror=\"document.title='owned'\"> <b>&amp;</b>"


async def test_chat_goes_both_ways_between_nodes(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "chat")
    await bob.join(cluster[1], "chat")
    await ann.say("Good morning")
    await expect(bob.line("Good morning")).to_contain_text("Ann")
    await bob.say("Morning, Ann")
    await expect(ann.line("Morning, Ann")).to_contain_text("Bob")
    await expect(ann.line("Good morning")).to_have_attribute("data-fate", "sent")
    await expect(ann.line("Good morning").get_by_label("sent")).to_be_visible()


async def test_newcomer_reads_what_was_said_before(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "history")
    await ann.say("Said before")
    await expect(ann.line("Said before")).to_have_attribute("data-fate", "sent")
    await bob.join(cluster[1], "history")
    await expect(bob.line("Said before")).to_have_count(1)


async def test_whisper_reaches_only_its_target(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = (
        await visit("Ann", microphone=False),
        await visit("Bob", microphone=False),
        await visit("Cid", microphone=False),
    )
    await ann.join(cluster[0], "secrets")
    await bob.join(cluster[1], "secrets")
    await cid.join(cluster[1], "secrets")
    await ann.page.get_by_role("button", name="Whisper to Bob").click()
    await ann.say("Between us")
    await expect(bob.line("Between us")).to_contain_text("only you")
    await expect(ann.line("Between us")).to_contain_text("You to Bob")
    await ann.page.get_by_role("button", name="Write to the whole room again").click()
    await ann.say("For all")
    await expect(cid.line("For all")).to_be_visible()
    await expect(cid.line("Between us")).to_have_count(0)


async def test_whisper_to_one_who_left_does_not_become_public(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = (
        await visit("Ann", microphone=False),
        await visit("Bob", microphone=False),
        await visit("Cid", microphone=False),
    )
    for visitor, node in ((ann, cluster[0]), (bob, cluster[1]), (cid, cluster[1])):
        await visitor.join(node, "gone")
    await ann.page.get_by_role("button", name="Whisper to Bob").click()
    await ann.page.get_by_role("textbox").fill("Between us")
    await bob.page.get_by_role("button", name="Leave").click()
    await expect(ann.page.get_by_text("Bob has left; nobody gets this text.")).to_be_visible()
    await ann.page.keyboard.press("Enter")
    await ann.page.get_by_role("button", name="Write to the whole room again").click()
    await expect(ann.page.get_by_role("textbox")).to_have_value("")
    await ann.say("For all")
    await expect(cid.line("For all")).to_be_visible()
    await expect(cid.line("Between us")).to_have_count(0)


async def test_markup_is_shown_as_it_was_written(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("<i>Ann</i>"), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "markup")
    await bob.join(cluster[1], "markup")
    await ann.say(MARKUP)
    await expect(bob.line(MARKUP)).to_contain_text("<i>Ann</i>")
    for visitor in (ann, bob):
        assert await visitor.page.locator("#room :is(img, b)").count() == 0
        assert await visitor.page.title() == "markup · Switchboard"


async def test_text_over_the_limit_is_not_sent(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann", microphone=False)
    await ann.join(cluster[0], "long")
    await ann.say("x" * 4001)
    await expect(ann.page.get_by_text("4,001 of 4,000 characters")).to_be_visible()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await ann.say("😀" * 4000)
    await expect(ann.line("😀")).to_have_attribute("data-fate", "sent")
