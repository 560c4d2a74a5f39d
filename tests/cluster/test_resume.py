"""Sessions that outlive real processes: killed, stopped, started again (protocol.md section 8).

The client keeps its token and its cursors, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from tests.cluster.nodes import Cluster, Node
from tests.guest import Guest, speaking

ROOM = "lobby"


def events(guest: Guest, *types: str) -> list[str]:
    return [event["type"] for event in guest.unread if isinstance(event, dict) and event["type"] in types]


async def cluster_of(cluster: Cluster, size: int) -> list[Node]:
    nodes = [await cluster.start("a")]
    nodes += await asyncio.gather(*(cluster.start(name, nodes[0]) for name in "bcd"[: size - 1]))
    await cluster.meet()
    return nodes


@pytest.mark.parametrize("size", [2, 3])
async def test_a_sentence_goes_on_though_its_node_is_killed(cluster: Cluster, size: int) -> None:
    """The other hears the sentence go on; nobody was said to have left; what was typed meanwhile is there, once."""
    a, b, *_ = await cluster_of(cluster, size)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    moderator = await cluster.enter_as("moderator", a)
    first = (await moderator.ask("list", what="members", room=ROOM))["items"]
    ssrc = {member["name"]: member["ssrc"] for member in first}
    await bob.ask("voice_target", target=3, to={"session": ann.session})
    sent = await bob.ask("say", id="c-1", room=ROOM, text="before")
    assert sent["copies"] >= 2
    async with speaking(bob, ssrc["Bob"]):
        await ann.voice()
        b.kill()
        with contextlib.suppress(ConnectionClosed):
            await bob.send("say", id="c-2", room=ROOM, text="perhaps lost")
        await ann.ask("say", id="m-1", room=ROOM, text="are you there?")
        bob = await bob.come_again(a.url)
    cluster.guests.append(bob)
    assert (bob.welcome["session"], bob.welcome["recovered"]) == (bob.session, True)
    assert bob.welcome["rooms"][0]["ssrc"] == ssrc["Bob"]
    ann.unread = type(ann.unread)(event for event in ann.unread if isinstance(event, dict))
    async with speaking(bob, ssrc["Bob"]):
        assert (await ann.voice())[4:8] == ssrc["Bob"].to_bytes(4, "big")
    repeated = await bob.ask("say", id="c-1", room=ROOM, text="before")
    await bob.ask("say", id="c-2", room=ROOM, text="perhaps lost")
    assert [repeated[key] for key in ("origin", "seq", "at")] == [sent[key] for key in ("origin", "seq", "at")]
    await bob.say("after")
    said = [(await ann.next("message"))["text"] for _ in range(3)]
    assert said == ["before", "perhaps lost", "after"]
    while not any(event["text"] == "are you there?" for event in bob.seen("message")):
        bob.unread.append(await bob.next("message"))
    assert len(bob.seen("message")) == 1
    await ann.next("member_updated", session=bob.session, state="online", node="a")
    again = (await moderator.ask("list", what="members", room=ROOM))["items"]
    assert [(member["name"], member["ssrc"], member["state"]) for member in again] == [
        (member["name"], member["ssrc"], "online") for member in first
    ]
    await ann.settle()
    assert not events(ann, "member_left", "member_joined", "message")


async def test_a_node_that_stood_still_learns_that_its_session_is_elsewhere(cluster: Cluster) -> None:
    a, b, c = await cluster_of(cluster, 3)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    await b.stop()
    assert (await ann.ask("say", room=ROOM, text="during"))["type"] in ("sent", "error")
    again = await bob.come_again(c.url)
    cluster.guests.append(again)
    await again.next("message", text="during")
    await ann.next("member_updated", session=bob.session, state="online", node="c")
    b.go_on()
    assert (await bob.closed())[0] == 4409
    await cluster.meet()
    assert (await again.say("still here"))["copies"] >= 2
    await ann.next("message", text="still here")
    await ann.settle()
    assert not events(ann, "member_left", "member_joined")


async def test_who_lost_both_his_nodes_one_after_the_other_misses_nothing(cluster: Cluster) -> None:
    a, b, c = await cluster_of(cluster, 3)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    texts = []
    for number, (dies, goes) in enumerate(((b, c), (c, a))):
        dies.kill()
        assert (await ann.ask("say", id=f"t{number}", room=ROOM, text=f"t{number}"))["type"] == "sent"
        bob = await bob.come_again(goes.url)
        cluster.guests.append(bob)
        texts += [(await bob.next("message"))["text"]]
    assert texts == ["t0", "t1"]
    await ann.settle()
    assert not events(ann, "member_left", "member_joined")


async def test_a_session_comes_back_to_its_node_that_was_started_again(cluster: Cluster) -> None:
    a, b = await cluster_of(cluster, 2)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    b.kill()
    await b.process.end()
    assert (await ann.ask("say", id="m", room=ROOM, text="meanwhile"))["type"] == "sent"
    again = await cluster.start("b", a)
    back = await bob.come_again(again.url)
    cluster.guests.append(back)
    assert back.welcome["recovered"] is True
    await back.next("message", text="meanwhile")
    await ann.next("member_updated", session=bob.session, state="online", node="b")
    assert not events(ann, "member_left", "member_joined")


async def test_after_all_nodes_died_sessions_go_on_by_their_clients_word(cluster: Cluster) -> None:
    a, b = await cluster_of(cluster, 2)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    await ann.ask("say", id="c-1", room=ROOM, text="gone with them")
    await bob.next("message")
    for node in (a, b):
        node.kill()
        await node.process.end()
    again = await cluster.start("b")
    ann = await ann.come_again(again.url, rooms=[ROOM])
    bob = await bob.come_again(again.url, rooms=[ROOM])
    cluster.guests += [ann, bob]
    for guest, name in ((ann, "Ann"), (bob, "Bob")):
        assert (guest.welcome["recovered"], guest.welcome["gaps"], guest.welcome["name"]) == (False, [ROOM], name)
    assert {member["name"] for member in bob.welcome["rooms"][0]["members"]} == {"Ann", "Bob"}
    assert (await ann.ask("say", id="c-2", room=ROOM, text="from the outbox"))["copies"] == 1
    assert (await bob.next("message"))["text"] == "from the outbox"
    await bob.settle()
    assert not bob.seen("message")


async def test_who_was_kicked_stays_out_though_the_node_that_did_it_died(cluster: Cluster) -> None:
    a, b, c = await cluster_of(cluster, 3)
    ann, bob = await cluster.room(ROOM, ("Ann", a), ("Bob", b))
    moderator = await cluster.enter_as("moderator", a)
    assert (await moderator.ask("kick", session=bob.session))["results"][0]["outcome"] == "done"
    assert (await bob.closed())[0] == 4403
    await ann.next("member_left", reason="kicked")
    b.kill()
    back = await Guest.connect(c.url)
    cluster.guests.append(back)
    await back.send("hello", resume=bob.token, cursors=bob.cursors)
    assert (await back.closed())[0] == 4410


async def test_members_are_told_once_that_those_of_a_dead_node_are_lost(hasty: Cluster) -> None:
    a, b, c = await cluster_of(hasty, 3)
    ann, bob, cid = await hasty.room(ROOM, ("Ann", a), ("Bob", b), ("Cid", c))
    b.kill()
    for guest in (ann, cid):
        await guest.next("member_updated", session=bob.session, state="reconnecting")
        assert (await guest.next("member_left", session=bob.session))["reason"] == "lost"
    back = await bob.come_again(c.url)
    hasty.guests.append(back)
    for guest in (ann, cid):
        await guest.take(lambda event: isinstance(event, dict) and event["type"] == "member_joined")
        await guest.settle()
        assert not events(guest, "member_left", "member_joined")
