"""Rooms as moderators set them, and people whom they move or put out, as it looks at their pages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import VisitorFactory
from tests.browser.moderator import Moderator
from tests.browser.nodes import RunningNode, token
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

Cluster = tuple[RunningNode, RunningNode]


async def session_of(visitor: Visitor) -> str:
    return str((await visitor.stats())["session"])


async def set_room(moderator: Moderator, room: str, **settings: Any) -> None:
    """Set a room, on both nodes once this is answered."""
    done = await moderator.ask("set_room", room=room, **settings)
    assert [result["outcome"] for result in done["results"]] == ["done", "done"], done


async def knock(visitor: Visitor, node: RunningNode, room: str) -> None:
    """Ask to come into a room by its link, whatever comes of it."""
    await visitor.follow_link(node, room)
    await visitor.page.get_by_label("Your name").fill(visitor.name)
    await visitor.page.get_by_role("button", name="Join", exact=True).click()


async def test_a_page_asks_for_the_password_in_place(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    await set_room(moderator, "board", password="open sesame")
    ann = await visit("Ann")
    await knock(ann, cluster[1], "board")
    field = ann.page.get_by_label("Password of the room")
    await expect(field).to_be_focused()
    await expect(ann.page.get_by_text("This room asks for a password.")).to_be_visible()
    await expect(ann.page.get_by_role("alert")).to_be_hidden()
    await field.fill("wrong")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.get_by_text("That is not the password of board.")).to_be_visible()
    await expect(field).to_be_focused()
    await expect(field).to_have_value("")
    await field.fill("open sesame")
    await ann.page.keyboard.press("Enter")
    await expect(ann.member("Ann")).to_be_visible()
    await ann.page.reload()
    await expect(ann.member("Ann")).to_be_visible()
    ann.forgive_browser()
    await ann.page.get_by_role("button", name="Leave").click()
    await expect(field).to_be_hidden()
    await expect(ann.page.get_by_role("heading", name="Join board")).to_be_visible()


async def test_a_page_says_that_a_room_is_locked(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "vault")
    lock = ann.page.get_by_role("img", name="Locked")
    await expect(lock).to_be_hidden()
    await set_room(moderator, "vault", locked=True, title="The keys")
    await expect(lock).to_be_visible()
    await expect(ann.page.get_by_text("The keys")).to_be_visible()
    await knock(bob, cluster[1], "vault")
    await expect(bob.page.get_by_role("alert")).to_contain_text("The room vault is locked")
    await set_room(moderator, "vault", locked=False)
    await expect(lock).to_be_hidden()
    await bob.enter()
    await expect(bob.page.get_by_text("The keys")).to_be_visible()


async def test_slow_mode_counts_down_under_the_composer(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "slow")
    await bob.join(cluster[1], "slow")
    await set_room(moderator, "slow", slow_seconds=3600)
    await expect(ann.page.get_by_text("Slow mode: one message in 60 min.")).to_be_visible()
    await ann.say("One")
    await expect(bob.line("One")).to_be_visible()
    await expect(ann.page.get_by_text("Slow mode: you can write again in 59 min")).to_be_visible()
    send = ann.page.get_by_role("button", name="Send", exact=True)
    await expect(send).to_be_disabled()
    await ann.say("Two")
    await expect(ann.page.get_by_role("textbox")).to_have_value("Two")
    await ann.page.get_by_role("button", name="Whisper to Bob", exact=True).click()
    await ann.say("Aside")
    await expect(bob.line("Aside")).to_be_visible()
    await ann.page.get_by_role("button", name="Write to the whole room again").click()
    await set_room(moderator, "slow", slow_seconds=1)
    await expect(send).to_be_enabled()
    await ann.page.get_by_role("textbox").press("Enter")
    await expect(bob.line("Two")).to_be_visible()
    await expect(send).to_be_enabled()
    await set_room(moderator, "slow", slow_seconds=0)
    await expect(ann.page.get_by_text("Slow mode")).to_be_hidden()


async def test_what_was_written_too_soon_waits_and_is_sent(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    """A page that was opened anew does not know how long it has to wait; its node does."""
    ann, bob = await visit("Ann", microphone=False), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "patient")
    await bob.join(cluster[1], "patient")
    await set_room(moderator, "patient", slow_seconds=3)
    await ann.say("One")
    await expect(bob.line("One")).to_be_visible()
    await ann.page.reload()
    await ann.until("state => state.live")
    await ann.say("Two")
    await expect(bob.line("Two")).to_have_count(1)
    ann.forgive_browser()


async def test_in_a_muted_room_a_page_says_so_and_a_moderator_speaks(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator, key_file: Any
) -> None:
    ann, mo = await visit("Ann"), await visit("Mo", microphone=False)
    await ann.join(cluster[0], "hush")
    await mo.follow_link(cluster[1], "hush")
    await mo.page.get_by_role("button", name="I have an access token").click()
    await mo.page.get_by_label("Access token").fill(token(key_file, user="mo", role="moderator"))
    await mo.enter()
    await set_room(moderator, "hush", muted=True)
    talk = ann.page.get_by_role("button", name="This room is muted")
    await expect(talk).to_be_disabled()
    await expect(talk).to_contain_text("Only moderators are heard")
    await expect(ann.page.get_by_text("only moderators can write")).to_be_visible()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await expect(ann.member("Ann")).not_to_contain_text("muted")
    await mo.say("A word to all")
    await expect(ann.line("A word to all")).to_be_visible()
    await ann.page.get_by_role("button", name="Whisper to Mo", exact=True).click()
    await ann.say("Please")
    await expect(mo.line("Please")).to_be_visible()
    await ann.page.get_by_role("button", name="Write to the whole room again").click()
    await set_room(moderator, "hush", muted=False)
    await expect(ann.page.get_by_role("button", name="Hold to talk")).to_be_enabled()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_enabled()


async def test_a_moderator_who_is_limited_to_rooms_is_offered_nothing_in_others(
    cluster: Cluster, visit: VisitorFactory, key_file: Any
) -> None:
    bob, mo = await visit("Bob", microphone=False), await visit("Mo", microphone=False)
    await bob.join(cluster[0], "crew-a")
    await mo.follow_link(cluster[1], "crew-a")
    await mo.page.get_by_role("button", name="I have an access token").click()
    limited = token(key_file, user="mo", role="moderator", rooms=("crew-*",))
    await mo.page.get_by_label("Access token").fill(limited)
    await mo.enter()
    mute = mo.page.get_by_role("button", name="Mute here for 10 minutes")
    await mo.page.get_by_role("button", name="More about Bob").click()
    await mute.click()
    await expect(bob.member("Bob")).to_contain_text("you are muted")
    for visitor, node in ((bob, cluster[0]), (mo, cluster[1])):
        await visitor.follow_link(node, "elsewhere")
        await expect(visitor.page.get_by_role("heading", name="elsewhere")).to_be_visible()
    await mo.page.get_by_role("button", name="More about Bob").click()
    await expect(mo.page.get_by_role("button", name="Report…")).to_be_visible()
    await expect(mute).to_be_hidden()


async def test_a_page_that_is_banned_stays_out_and_says_until_when_and_why(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann = await visit("Ann", microphone=False)
    await ann.join(cluster[1], "spammed")
    members = await moderator.ask("list", what="members", room="spammed")
    (user,) = [member["user"] for member in members["items"]]
    await moderator.ask("ban", user=user, room="spammed", seconds=3600, reason="Spam")
    alert = ann.page.get_by_role("alert")
    await expect(alert).to_contain_text("You were banned from this room by Lena until")
    await expect(alert).to_contain_text("Spam")
    assert (await ann.stats())["state"] == "ended"


async def test_a_page_that_is_banned_everywhere_does_not_come_back(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann = await visit("Ann", microphone=False)
    await ann.join(cluster[1], "thrown")
    members = await moderator.ask("list", what="members", room="thrown")
    (user,) = [member["user"] for member in members["items"]]
    await moderator.ask("ban", user=user, seconds=3600, reason="Spam everywhere")
    alert = ann.page.get_by_role("alert")
    await expect(alert).to_contain_text("You were banned by Lena until")
    await expect(alert).to_contain_text("Spam everywhere")
    assert (await ann.stats())["state"] == "ended"
    for _ in range(2):
        await ann.page.get_by_role("button", name="Join", exact=True).click()
        await expect(alert).to_contain_text("You are banned until")
        await ann.page.reload()
    (ban,) = [item["ban"] for item in (await moderator.ask("bans"))["items"] if item["reason"] == "Spam everywhere"]
    await moderator.ask("unban", ban=ban)
    await ann.enter()
    ann.forgive_browser()


async def test_a_page_that_is_moved_is_in_the_other_room_and_says_who_moved_it(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob, cid = await visit("Ann"), await visit("Bob", microphone=False), await visit("Cid", microphone=False)
    await ann.join(cluster[1], "from-here")
    await bob.join(cluster[0], "from-here")
    await cid.join(cluster[0], "to-there")
    await ann.open_microphone()
    done = await moderator.ask(
        "move", session=await session_of(ann), room="from-here", to="to-there", reason="One table each"
    )
    assert done["results"][0]["outcome"] == "done", done
    await expect(ann.page.get_by_role("heading", name="to-there")).to_be_visible()
    await expect(
        ann.notes().filter(has_text="Lena has moved you here from from-here: One table each")
    ).to_be_visible()
    await expect(ann.member("Cid")).to_be_visible()
    assert ann.page.url.endswith("#to-there")
    await ann.say("Hello over there")
    await expect(cid.line("Hello over there")).to_be_visible()
    await cid.until("({ speakers }) => speakers.some(({ name, decoded }) => name === 'Ann' && decoded > 10)")
    await expect(bob.member("Ann")).to_have_count(0)
    await ann.page.reload()
    await expect(ann.page.get_by_role("heading", name="to-there")).to_be_visible()
    await expect(ann.member("Cid")).to_be_visible()
    ann.forgive_browser()


async def test_a_page_that_is_kicked_for_a_time_says_until_when_and_is_refused_till_then(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann = await visit("Ann")
    await ann.join(cluster[1], "kicked-out")
    done = await moderator.ask("kick", session=await session_of(ann), block_seconds=600, reason="Enough")
    (result,) = done["results"]
    alert = ann.page.get_by_role("alert")
    await expect(alert).to_contain_text("You were removed by Lena until")
    await expect(alert).to_contain_text("Enough")
    await ann.page.get_by_role("button", name="Join", exact=True).click()
    await expect(alert).to_contain_text("You are banned until")
    await moderator.ask("unban", ban=result["ban"])
    await ann.enter()


async def test_who_is_to_be_put_out_in_a_moment_is_told_and_may_stay_after_all(
    cluster: Cluster, visit: VisitorFactory, moderator: Moderator
) -> None:
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.join(cluster[1], "grace")
    await bob.join(cluster[0], "grace")
    session = await session_of(ann)
    await moderator.ask("kick", session=session, grace_seconds=600, reason="Off topic")
    await expect(ann.page.get_by_text("Lena puts you out in a moment: Off topic")).to_be_visible()
    await expect(ann.page.get_by_role("button", name="You are being put out")).to_be_disabled()
    await expect(ann.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    await expect(bob.member("Ann")).to_contain_text("muted")
    await moderator.ask("unkick", session=session)
    await expect(ann.page.get_by_role("button", name="Hold to talk")).to_be_enabled()
    await ann.say("Still here")
    await expect(bob.line("Still here")).to_be_visible()
    await moderator.ask("kick", session=session, room="grace", grace_seconds=0.5)
    await expect(ann.page.get_by_role("alert")).to_have_text("You were put out of this room by Lena.")
