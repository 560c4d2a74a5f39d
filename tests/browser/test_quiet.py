"""Who hears whom: whispered voice, deafening, mutes and announcements, as people at their pages see and hear them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.moderator import Moderator
from tests.browser.nodes import RunningNode, token
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

Cluster = tuple[RunningNode, RunningNode]


async def hold(visitor: Visitor, button: Locator) -> None:
    """Press the button and keep it pressed, until the mouse is let go."""
    await button.hover()
    await visitor.page.mouse.down()


async def session_of(visitor: Visitor) -> str:
    return str((await visitor.stats())["session"])


async def trio(cluster: Cluster, visit: VisitorFactory, room: str) -> tuple[Visitor, Visitor, Visitor]:
    """Ann on one node, Bob and Cid on the other, Ann's microphone ready."""
    ann, bob, cid = await visit("Ann"), await visit("Bob"), await visit("Cid", microphone=False)
    for visitor, node in ((ann, cluster[0]), (bob, cluster[1]), (cid, cluster[1])):
        await visitor.join(node, room)
    await ann.until("state => state.microphone.state === 'ready'")
    for name in ("Bob", "Cid"):
        await expect(ann.member(name)).to_be_visible()
    return ann, bob, cid


async def test_whispered_voice_is_heard_by_one_and_not_by_a_third(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = await trio(cluster, visit, "aside")
    button = ann.page.get_by_role("button", name="Hold to speak to Bob alone")
    await hold(ann, button)
    await expect(button).to_have_attribute("aria-pressed", "true")
    await expect(ann.page.get_by_text("Only Bob hears you")).to_be_visible()
    await expect(bob.member("Ann")).to_contain_text("whispers to you")
    await expect(bob.page.get_by_text("Whispered to you by Ann")).to_be_visible()
    await bob.until("({ speakers: [ann] }) => ann?.decoded > 50 && ann.loudness.some(([, rms]) => rms > 0.01)")
    await ann.page.mouse.up()
    await expect(button).to_have_attribute("aria-pressed", "false")
    await expect(bob.member("Ann")).not_to_contain_text("whispers to you")
    await ann.until("state => !state.talk.on_air && state.talk.target === 0")
    assert (await cid.stats())["heard"] == {"received": 0, "strays": 0}
    assert (await bob.stats())["speakers"][0]["name"] == "Ann"
    for visitor in (bob, cid):
        await expect(visitor.member("Ann")).not_to_contain_text("speaking")


async def test_a_whisper_takes_the_open_microphone_from_the_room(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = await trio(cluster, visit, "between")
    await ann.open_microphone()
    await cid.until("({ speakers: [ann] }) => ann?.received > 20")
    await hold(ann, ann.page.get_by_role("button", name="Hold to speak to Bob alone"))
    await expect(bob.member("Ann")).to_contain_text("whispers to you")
    before = (await cid.stats())["heard"]["received"]
    at = (await ann.stats())["microphone"]["sent"]
    await ann.until(f"state => state.microphone.sent > {at + 100}")
    assert (await cid.stats())["heard"]["received"] <= before + 3  # what was on its way, and the end of the speech
    await ann.page.mouse.up()
    await cid.until(f"state => state.heard.received > {before + 20}")
    await bob.until("({ speakers: [{ received, decoded }] }) => received - decoded < 5")


async def test_whispers_work_by_keyboard(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, _ = await trio(cluster, visit, "keys-aside")
    button = ann.page.get_by_role("button", name="Hold to speak to Bob alone")
    await button.focus()
    await ann.page.keyboard.down(" ")
    await expect(bob.member("Ann")).to_contain_text("whispers to you")
    await ann.page.keyboard.up(" ")
    await expect(button).to_have_attribute("aria-pressed", "false")
    await ann.page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await ann.page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "false")


async def test_a_whisper_ends_when_its_receiver_leaves(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = await trio(cluster, visit, "left-alone")
    await hold(ann, ann.page.get_by_role("button", name="Hold to speak to Bob alone"))
    await expect(bob.member("Ann")).to_contain_text("whispers to you")
    await bob.page.get_by_role("button", name="Leave").click()
    await ann.until("state => state.talk.target === 0 && !state.talk.on_air")
    assert (await cid.stats())["heard"] == {"received": 0, "strays": 0}


async def test_who_is_deafened_hears_nobody_and_is_heard(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = await trio(cluster, visit, "peace")
    await bob.page.get_by_role("button", name="Hear nobody").click()
    await expect(bob.member("Bob")).to_contain_text("you hear nobody")
    await ann.open_microphone()
    await cid.until("state => state.heard.received > 50")
    assert (await bob.stats())["heard"]["received"] == 0
    await bob.page.keyboard.press("d")
    await bob.until("state => state.heard.received > 20")
    await expect(bob.page.get_by_role("button", name="Hear nobody")).to_have_attribute("aria-pressed", "false")
    await bob.page.keyboard.press("D")
    await expect(bob.page.get_by_role("button", name="Hear nobody")).to_have_attribute("aria-pressed", "true")


async def test_a_page_is_still_deafened_on_another_node(tmp_path: Any, visit: VisitorFactory) -> None:
    node = await RunningNode.start(tmp_path, "--bus", "memory", "--port", "0")
    ann, bob = await visit("Ann"), await visit("Bob")
    await ann.join(node, "again")
    await ann.page.get_by_role("button", name="Hear nobody").click()
    session = await session_of(ann)
    await node.stop()
    node = await RunningNode.start(tmp_path, "--bus", "memory", "--port", node.port)
    await ann.hurry()
    await ann.until("state => state.live && state.room === 'again'")
    assert await session_of(ann) == session
    await expect(ann.member("Ann")).to_contain_text("you hear nobody")
    await bob.join(node, "again")
    await bob.open_microphone()
    await bob.until("state => state.microphone.sent > 30")
    assert (await ann.stats())["heard"]["received"] == 0
    await ann.page.close()
    await bob.page.close()
    await node.stop()
    ann.complaints = [complaint for complaint in ann.complaints if "ERR_CONNECTION_REFUSED" not in complaint]


async def test_a_muted_page_says_by_whom_until_when_and_why(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob, _ = await trio(cluster, visit, "order-quiet")
    await ann.page.get_by_role("textbox").fill("A draft")
    session = await session_of(ann)
    answer = await moderator.ask("mute", session=session, room="order-quiet", seconds=600, reason="Open mic noise")
    assert answer["results"][0]["outcome"] == "done"
    talk = ann.page.get_by_role("button", name="Muted by Lena")
    await expect(talk).to_be_disabled()
    await expect(talk).to_contain_text("Open mic noise")
    await expect(talk).to_contain_text("until")
    await expect(ann.page.get_by_text("Lena has muted you until")).to_be_visible()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await expect(ann.page.get_by_role("textbox")).to_have_value("A draft")
    await expect(ann.page.get_by_role("button", name="Hold to speak to Bob alone")).to_be_disabled()
    await expect(ann.member("Ann")).to_contain_text("you are muted")
    await expect(bob.member("Ann")).to_contain_text("muted")
    await ann.page.get_by_role("radio", name="Open mic").check(force=True)
    before = (await ann.stats())["microphone"]
    await ann.until(f"state => state.microphone.captured > {before['captured'] + 100}")
    assert (await ann.stats())["microphone"]["sent"] == before["sent"]

    await ann.page.get_by_role("button", name="Whisper to Bob", exact=True).click()
    await ann.say("Still a whisper")
    await expect(bob.line("Still a whisper")).to_be_visible()
    await ann.page.get_by_role("button", name="Write to the whole room again").click()

    await moderator.ask("unmute", session=session)
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    await bob.until("({ speakers }) => speakers.some(({ name, decoded }) => name === 'Ann' && decoded > 10)")
    await expect(bob.member("Ann")).not_to_contain_text("muted")
    await ann.page.get_by_role("textbox").press("Enter")
    await expect(bob.line("A draft")).to_be_visible()


async def test_a_page_muted_everywhere_may_not_whisper_and_is_so_in_the_next_room(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob, _ = await trio(cluster, visit, "every-where")
    await moderator.ask("mute", session=await session_of(ann))
    await expect(ann.page.get_by_text("Lena has muted you.")).to_be_visible()
    await ann.page.get_by_role("button", name="Whisper to Bob", exact=True).click()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await ann.follow_link(cluster[0], "another-place")
    await expect(ann.page.get_by_role("heading", name="another-place")).to_be_visible()
    await expect(ann.member("Ann")).to_contain_text("you are muted")
    await expect(ann.page.get_by_role("button", name="Muted by Lena")).to_be_disabled()


async def test_who_comes_later_sees_who_is_muted(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, dee = await visit("Ann"), await visit("Dee", microphone=False)
    await ann.join(cluster[0], "late-quiet")
    await moderator.ask("mute", session=await session_of(ann))
    await dee.join(cluster[1], "late-quiet")
    await expect(dee.member("Ann")).to_contain_text("muted")


async def test_a_moderator_mutes_and_unmutes_at_the_page(
    cluster: Cluster, visit: VisitorFactory, key_file: Any
) -> None:
    mo, bob, cid = await visit("Mo", microphone=False), await visit("Bob"), await visit("Cid", microphone=False)
    await mo.follow_link(cluster[0], "moderated")
    await mo.page.get_by_role("button", name="I have an access token").click()
    await mo.page.get_by_label("Access token").fill(token(key_file, user="mo", role="moderator"))
    await mo.enter()
    for visitor, node in ((bob, cluster[1]), (cid, cluster[0])):
        await visitor.join(node, "moderated")
    await mo.page.get_by_role("button", name="More about Bob").click()
    await mo.page.get_by_role("button", name="Mute here for 10 minutes").click()
    await expect(bob.page.get_by_role("button", name="Muted by Mo")).to_contain_text("until")
    for visitor in (mo, cid):
        await expect(visitor.member("Bob")).to_contain_text("muted")
    await mo.page.get_by_role("button", name="More about Bob").click()
    await expect(mo.page.get_by_role("button", name="Mute here for 10 minutes")).to_be_hidden()
    await mo.page.get_by_role("button", name="Unmute", exact=True).click()
    await expect(bob.page.get_by_role("button", name="Hold to talk")).to_be_enabled()
    await mo.page.get_by_role("button", name="More about Bob").click()
    await mo.page.get_by_role("button", name="Mute here until unmuted").click()
    await expect(bob.page.get_by_role("button", name="Muted by Mo")).not_to_contain_text("until")
    await cid.page.get_by_role("button", name="More about Mo").click()
    await expect(cid.page.get_by_role("slider", name="Volume of Mo")).to_be_visible()
    await expect(cid.page.get_by_role("button", name="Mute here")).to_have_count(0)
    await cid.page.keyboard.press("Escape")
    await expect(cid.page.get_by_role("slider", name="Volume of Mo")).to_be_hidden()


async def test_announcements_are_shown_as_such(cluster: Cluster, visit: VisitorFactory, moderator: Moderator) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "heralds")
    await bob.join(cluster[1], "elsewhere")
    await moderator.ask("announce", room="heralds", text="We begin at nine")
    await expect(ann.line("We begin at nine")).to_contain_text("announcement to this room")
    await moderator.ask("announce", text="Back in a minute")
    for visitor in (ann, bob):
        await expect(visitor.line("Back in a minute")).to_contain_text("announcement to everybody")
    await expect(bob.line("We begin at nine")).to_have_count(0)
