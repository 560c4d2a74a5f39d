"""A node that comes late and is told of one node only has all that the others have (cluster.md sections 0 and 1)."""

from __future__ import annotations

import asyncio

from tests.cluster.nodes import Cluster
from tests.guest import frame


async def test_a_late_node_learns_of_all_nodes_members_and_texts(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    for number in range(60):
        speaker, listener = ((ann, bob), (bob, ann))[number % 2]
        await speaker.say(str(number))
        await listener.next("message", text=str(number))
    (secret,) = await cluster.room("second", ("Secret", a))
    await secret.say("of another room", "second")

    c = await cluster.start("c", b)
    cid = await cluster.enter(c, "Cid")
    joined = await cid.join()
    assert [said["text"] for said in joined["history"]] == [str(number) for number in range(10, 60)]
    members = {member["name"]: member["node"] for member in joined["members"]}
    assert members == {"Ann": "a", "Bob": "b", "Cid": "c"}
    for guest in (ann, bob):
        assert (await guest.next("member_joined"))["member"]["node"] == "c"

    await cluster.meet()
    assert sorted((await cluster.enter(a)).welcome["urls"]) == sorted(node.url for node in (a, b, c))
    assert (await ann.whisper("welcome", session=cid.session))["delivered"] == 1
    assert (await cid.next("whisper"))["text"] == "welcome"
    assert (await cid.say("thank you"))["copies"] >= 2
    assert (await ann.next("message"))["text"] == "thank you"
    moderator = await cluster.enter_as("moderator", c)
    done = await moderator.ask("kick", session=secret.session)
    assert done["results"][0]["node"] == "a"
    assert (await secret.closed())[0] == 4403


async def test_a_node_may_be_told_of_a_peer_that_comes_later(cluster: Cluster) -> None:
    """Being ready does not wait for peers, and the peer is found when it comes."""
    a = await cluster.start("a")
    ann = await cluster.enter(a, "Ann")
    await ann.join()
    assert (await ann.say("alone"))["copies"] == 1
    b = await cluster.start("b", a)
    bob = await cluster.enter(b, "Bob")
    joined = await bob.join()
    assert [said["text"] for said in joined["history"]] == ["alone"]
    assert [member["name"] for member in joined["members"]] == ["Ann", "Bob"]
    await ann.next("member_joined")


async def test_a_seed_that_died_and_begins_again_does_not_say_old_texts_as_new_ones(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    (bob,) = await cluster.room("lobby", ("Bob", b))
    for number in range(60):
        await bob.say(str(number))
    a.kill()
    await a.process.end()
    again = await cluster.start("a")  # told of nobody
    ann = await cluster.enter(again, "Ann")
    joined = await ann.join()
    assert [said["text"] for said in joined["history"]] == [str(number) for number in range(10, 60)]
    assert {member["name"] for member in joined["members"]} == {"Ann", "Bob"}
    await bob.say("new")
    assert (await ann.next("message"))["text"] == "new"


async def test_voice_finds_its_way_to_a_late_node(cluster: Cluster) -> None:
    a = await cluster.start("a")
    ann = await cluster.enter(a, "Ann")
    ssrc = (await ann.join())["ssrc"]
    b = await cluster.start("b", a)
    bob = await cluster.enter(b, "Bob")
    await bob.join()

    async def speak() -> None:
        while True:
            await ann.send_raw(frame(ssrc))
            await asyncio.sleep(0.02)

    speaking = asyncio.create_task(speak())
    assert await bob.voice() == frame(ssrc)
    assert (await bob.next("speaking"))["on"] == [ann.session]
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    assert (await bob.next("speaking"))["off"] == [ann.session]
