"""People hear each other across nodes, when they speak and only then."""

from __future__ import annotations

import logging

import pytest

from tests.browser.conftest import VisitorFactory
from tests.browser.hearing import listen
from tests.browser.nodes import RunningNode
from tests.browser.speech import Speech

logger = logging.getLogger(__name__)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

Cluster = tuple[RunningNode, RunningNode]

WATCH_METER = """() => {
    window.drawn = 0;
    const meter = document.getElementById('meter');
    new MutationObserver((changes) => (drawn += changes.length)).observe(meter, { attributeFilter: ['style'] });
    return switchboard.stats().microphone.captured;
}"""

SILENT = 0.005
"""Above this somebody is heard; root mean square of samples in -1..1."""


@pytest.mark.alone
async def test_listener_on_another_node_hears_what_the_speaker_says(
    cluster: Cluster, visit: VisitorFactory, speech: Speech
) -> None:
    ann, bob = await visit("Ann"), await visit("Bob")
    await ann.join(cluster[0], "hall")
    await bob.join(cluster[1], "hall")
    await ann.open_microphone()
    hearing = await listen(bob, speech)
    logger.info("correlations %s", hearing.correlations)
    assert hearing.correlation >= 0.8
    assert len(hearing.pauses) > 20
    assert max(hearing.pauses) < SILENT
    await bob.until("({ speakers: [{ received, decoded }] }) => received === decoded")
    [speaker] = (await bob.stats())["speakers"]
    assert (speaker["name"], speaker["errors"]) == ("Ann", 0)
    assert (await ann.stats())["speakers"] == []


async def test_space_bar_talks_while_it_is_held(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "keys")
    await bob.join(cluster[1], "keys")
    await ann.until("state => state.microphone.captured > 100")
    assert (await ann.stats())["microphone"]["sent"] == 0

    await ann.page.keyboard.down(" ")
    await bob.member("Ann").filter(has_text="speaking").wait_for()
    await ann.member("Ann").filter(has_text="you are heard").wait_for()
    await ann.page.keyboard.up(" ")
    await bob.member("Ann").filter(has_not_text="speaking").wait_for()
    await ann.until("state => !state.talk.on_air")
    assert (await bob.stats())["heard"]["received"] > 0
    after = (await ann.stats())["microphone"]
    await ann.until(f"state => state.microphone.captured > {after['captured'] + 50}")
    assert (await ann.stats())["microphone"]["sent"] == after["sent"]


async def test_talk_button_talks_while_it_is_held(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann", phone=True), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "thumbs")
    await bob.join(cluster[1], "thumbs")
    button = ann.page.get_by_role("button", name="Hold to talk")
    await button.hover()
    await ann.page.mouse.down()
    await bob.member("Ann").filter(has_text="speaking").wait_for()
    await ann.page.mouse.up()
    await bob.member("Ann").filter(has_not_text="speaking").wait_for()


async def test_space_bar_writes_in_a_text_field(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann")
    await ann.join(cluster[0], "writing")
    await ann.until("state => state.microphone.state === 'ready'")
    box = ann.page.get_by_role("textbox")
    await box.focus()
    await ann.page.keyboard.down(" ")
    assert not (await ann.stats())["talk"]["pressed"]
    await ann.page.keyboard.up(" ")
    assert await box.input_value() == " "


async def test_muted_microphone_sends_nothing_more(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "mute")
    await bob.join(cluster[1], "mute")
    await ann.open_microphone()
    await bob.member("Ann").filter(has_text="speaking").wait_for()
    await ann.page.get_by_role("button", name="Mute my microphone").click()
    await bob.member("Ann").filter(has_not_text="speaking").wait_for()
    await ann.until("state => !state.talk.on_air")
    before = (await ann.stats())["microphone"]
    await ann.until(f"state => state.microphone.captured > {before['captured'] + 200}")
    assert (await ann.stats())["microphone"]["sent"] == before["sent"]


async def test_meter_is_drawn_once_for_five_blocks_of_the_microphone(cluster: Cluster, visit: VisitorFactory) -> None:
    ann = await visit("Ann")
    await ann.join(cluster[0], "meter")
    await ann.until("state => state.microphone.state === 'ready'")
    before = await ann.page.evaluate(WATCH_METER)
    await ann.until("() => drawn >= 10")
    drawn, captured = await ann.page.evaluate("[drawn, switchboard.stats().microphone.captured]")
    assert drawn <= (captured - before) / 5 + 1


async def test_volume_of_a_speaker_can_be_set(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob = await visit("Ann"), await visit("Bob", microphone=False)
    await ann.join(cluster[0], "volume")
    await bob.join(cluster[1], "volume")
    await bob.page.get_by_role("button", name="More about Ann").click()
    await bob.page.get_by_role("slider", name="Volume of Ann").fill("150")
    await ann.open_microphone()
    await bob.until("({ speakers: [ann] }) => ann?.volume === 1.5")
    await bob.page.get_by_role("slider", name="Volume of Ann").fill("0")
    await bob.until("({ speakers: [ann] }) => ann.volume < 0.001")


async def test_rooms_do_not_hear_each_other(cluster: Cluster, visit: VisitorFactory) -> None:
    ann, bob, cid = await visit("Ann"), await visit("Bob", microphone=False), await visit("Cid", microphone=False)
    await ann.join(cluster[0], "east")
    await bob.join(cluster[1], "east")
    await cid.join(cluster[1], "west")
    await ann.open_microphone()
    await bob.until("state => state.heard.received > 100")
    assert (await cid.stats())["heard"] == {"received": 0, "strays": 0}
