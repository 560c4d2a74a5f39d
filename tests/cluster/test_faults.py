"""Nodes that hang, die and leave: what the others promise still (protocol.md sections 1, 5, 7 and 8)."""

from __future__ import annotations

import asyncio
import json
import signal

from tests.cluster.nodes import Cluster, Node, eventually
from tests.guest import Guest, frame


async def said(guest: Guest, text: str, room: str = "lobby") -> dict[str, object]:
    """Say a text under its own id until it is `sent`: `unavailable` means only that nothing is known."""
    while (answer := await guest.ask("say", id=text, room=room, text=text))["type"] == "error":
        assert answer["code"] == "unavailable"
    return answer


async def texts(guest: Guest, last: str) -> list[str]:
    """The texts that `guest` is shown, up to and with `last`."""
    shown = [str((await guest.next("message"))["text"])]
    while shown[-1] != last:
        shown.append(str((await guest.next("message"))["text"]))
    return shown


async def three(cluster: Cluster) -> tuple[Node, Node, Node]:
    a = await cluster.start("a")
    b, c = await asyncio.gather(cluster.start("b", a), cluster.start("c", a))
    await cluster.meet()
    return a, b, c


async def test_no_copy_is_counted_while_every_peer_hangs(cluster: Cluster) -> None:
    a, b, c = await three(cluster)
    ann, near, bob, cid = await cluster.room("lobby", ("Ann", a), ("Near", a), ("Bob", b), ("Cid", c))
    assert (await ann.say("before"))["copies"] >= 2
    await b.stop()
    await c.stop()
    during = [str(number) for number in range(10)]
    for text in during:
        assert (await said(ann, text))["copies"] == 1
    assert await texts(near, during[-1]) == ["before", *during]

    b.go_on()
    c.go_on()
    for guest in (bob, cid):
        assert await texts(guest, during[-1]) == ["before", *during]
    await cluster.meet()
    assert (await ann.say("after"))["copies"] >= 2


async def test_a_text_is_shown_to_nobody_before_a_second_node_holds_it(cluster: Cluster) -> None:
    """While the peer hangs and is not yet suspect, the text waits; its sender and all readers do."""
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, near, bob = await cluster.room("lobby", ("Ann", a), ("Near", a), ("Bob", b))
    assert (await ann.say("before"))["copies"] == 2
    await near.next("message")
    await b.stop()
    await ann.send("say", id="x", room="lobby", text="waiting")
    await ann.settle()
    await near.settle()
    assert not ann.seen("sent")
    assert not near.seen("message")
    b.go_on()
    sent = await ann.answer("x")
    assert (await near.next("message"))["seq"] == sent["seq"]
    await bob.next("message", text="waiting")


async def test_a_kick_on_a_node_that_hangs_is_unavailable_and_names_it(cluster: Cluster) -> None:
    a, _b, c = await three(cluster)
    ann, cid = await cluster.room("lobby", ("Ann", a), ("Cid", c))
    moderator = await cluster.enter_as("moderator", a)
    await c.stop()
    error = await moderator.ask("kick", session=cid.session, reason="x")
    assert (error["type"], error["code"]) == ("error", "unavailable")
    assert "c" in error["message"].split()
    listed = await moderator.ask("list", what="nodes")
    assert {item["name"]: item["state"] for item in listed["items"]}["c"] in ("suspect", "up")
    await ann.settle()
    assert not ann.seen("member_left")
    c.go_on()


async def test_a_mute_on_a_node_that_hangs_is_unavailable_and_comes_when_it_goes_on(cluster: Cluster) -> None:
    a, _b, c = await three(cluster)
    ann, cid = await cluster.room("lobby", ("Ann", a), ("Cid", c))
    moderator = await cluster.enter_as("moderator", a)
    await c.stop()
    error = await moderator.ask("mute", session=cid.session)
    assert (error["type"], error["code"]) == ("error", "unavailable")
    assert "c" in error["message"].split()
    await ann.settle()
    assert not ann.seen("member_updated")
    c.go_on()
    await ann.next("member_updated", session=cid.session, muted=True)
    assert (await cid.ask("say", room="lobby", text="hello?"))["code"] == "muted"


async def test_who_was_muted_or_aimed_at_on_a_node_that_died_is_reconnecting_and_then_lost(hasty: Cluster) -> None:
    a, b, c = await three(hasty)
    ann, bob, cid = await hasty.room("lobby", ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await hasty.enter_as("moderator", a)
    await ann.ask("leave", room="lobby")
    ssrc = (await ann.join())["ssrc"]
    assert (await ann.ask("voice_target", target=1, to={"session": cid.session}))["type"] == "ok"
    await ann.send_raw(frame(ssrc, target=1))
    await cid.voice()
    await moderator.ask("mute", session=cid.session)
    await ann.next("member_updated", session=cid.session, muted=True)
    c.kill()
    await ann.send_raw(frame(ssrc, target=1))  # to a node that may not be known to be dead
    await ann.next("member_updated", session=cid.session, state="reconnecting")
    await ann.send_raw(frame(ssrc, target=1))
    await ann.next("member_left", session=cid.session)
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "not_found"
    assert not ann.seen("error")
    for act in ("unmute", "mute"):
        assert (await moderator.ask(act, session=cid.session))["results"][0]["outcome"] == "done"
    await ann.send_raw(frame(ssrc))
    assert await bob.voice() == frame(ssrc)


async def test_a_list_never_waits_for_a_node_that_hangs(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    _ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    moderator = await cluster.enter_as("moderator", a)
    await b.stop()
    for what in ("nodes", "rooms", "sessions", "members"):
        assert (await moderator.ask("list", what=what, room="lobby"))["type"] == "listed"

    async def is_suspect() -> bool:
        items = (await moderator.ask("list", what="nodes"))["items"]
        return "suspect" in [item["state"] for item in items if item["name"] == "b"]

    await eventually(is_suspect)
    sessions = (await moderator.ask("list", what="sessions"))["items"]
    assert bob.session in [item["session"] for item in sessions]


async def test_members_of_a_node_that_died_are_lost_after_the_grace_and_the_others_go_on(hasty: Cluster) -> None:
    a, b, c = await three(hasty)
    ann, bob, cid, dan = await hasty.room("lobby", ("Ann", a), ("Bob", b), ("Cid", c), ("Dan", c))
    moderator = await hasty.enter_as("moderator", a)
    for number in range(3):
        await (await hasty.enter(c, f"g{number}")).join("of c alone")
    await cid.say("last words")
    for guest in (ann, bob):
        await guest.next("message", text="last words")
    c.kill()
    for number in range(5):  # from before the loss is known until after it
        await said(ann, f"a{number}")
        await said(bob, f"b{number}")
    for guest in (ann, bob):
        for gone in (cid, dan):
            await guest.next("member_updated", session=gone.session, state="reconnecting")
            assert (await guest.next("member_left", session=gone.session))["reason"] == "lost"
    assert (await said(ann, "after"))["copies"] == 2
    assert await texts(bob, "after") == [*(f"a{number}" for number in range(5)), "after"]

    async def is_down() -> bool:
        listed = await moderator.ask("list", what="nodes")
        return {item["name"]: item["state"] for item in listed["items"]} == {"a": "up", "b": "up", "c": "down"}

    await eventually(is_down)
    assert [item["room"] for item in (await moderator.ask("list", what="rooms"))["items"]] == ["lobby"]
    sessions = (await moderator.ask("list", what="sessions"))["items"]
    assert {item["node"] for item in sessions} == {"a", "b"}
    assert (await moderator.ask("kick", session=cid.session))["results"][0]["outcome"] == "done"

    async def is_unknown() -> bool:  # it may be another node that acted, which says so in its log
        return (await moderator.ask("kick", session=cid.session)).get("code") == "not_found"

    await eventually(is_unknown)
    late = await hasty.enter(b, "Late")
    joined = await late.join()
    assert {member["name"] for member in joined["members"]} == {"Ann", "Bob", "Late"}
    assert "last words" in [line["text"] for line in joined["history"]]


async def test_a_node_that_was_told_to_end_sends_its_clients_on_and_exits_with_0(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob, other = await cluster.room("lobby", ("Ann", a), ("Bob", b), ("Other", a))
    a.process.send(signal.SIGTERM)
    for guest in (ann, other):
        going = await guest.next("going_away")
        assert going["urls"] == [b.url]
        assert 0 < going["after_ms"] <= 1000
    again = await cluster.enter(b, "Ann")
    await again.join()
    await ann.leave_for_good()
    assert (await bob.next("member_left", session=ann.session))["reason"] == "left"
    code, reason = await other.closed()
    assert code == 1012
    assert reason
    await bob.next("member_updated", session=other.session, state="reconnecting")
    exit_code, out, err = await a.process.end()
    assert (exit_code, out) == (0, "")
    assert "Traceback" not in err
    assert all(json.loads(line)["level"] in ("info", "warning") for line in err.splitlines())
    assert (await again.say("alone"))["copies"] == 1
    assert (await bob.next("message"))["text"] == "alone"
    assert not bob.seen("member_left")


async def test_a_node_that_is_alone_closes_with_1001_and_exits_with_0(cluster: Cluster) -> None:
    a = await cluster.start("a")
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", a))
    a.process.send(signal.SIGINT)
    for guest in (ann, bob):
        assert await guest.next("going_away") == {"type": "going_away", "urls": [], "after_ms": 0}
        assert (await guest.closed())[0] == 1001
    assert (await a.process.end())[0] == 0


async def test_a_node_that_comes_again_begins_anew(cluster: Cluster) -> None:
    """Its data folder gives it the id of before; what it said before stays with the others."""
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    assert (await bob.say("before"))["copies"] == 2
    b.kill()
    await b.process.end()
    again = await cluster.start("b", a)
    assert again.id == b.id
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    rob = await cluster.enter(again, "Rob")
    joined = await rob.join()
    states = {member["name"]: member["state"] for member in joined["members"]}
    assert states == {"Ann": "online", "Bob": "reconnecting", "Rob": "online"}
    assert [line["text"] for line in joined["history"]] == ["before"]
    await cluster.meet()
    sent = await rob.say("again")
    assert (sent["copies"], sent["origin"] != joined["history"][0]["origin"]) == (2, True)
    assert await texts(ann, "again") == ["before", "again"]


async def test_a_node_that_hung_until_it_was_down_is_back_with_its_members(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    await b.stop()
    assert (await said(ann, "during"))["copies"] == 1
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    b.go_on()
    await ann.next("member_updated", session=bob.session, state="online")
    assert not ann.seen("member_left")
    assert await texts(bob, "during") == ["during"]
    await cluster.meet()
    assert (await said(bob, "back"))["copies"] == 2
    assert await texts(ann, "back") == ["back"]
    assert (await ann.whisper("psst", session=bob.session))["delivered"] == 1
    assert (await bob.next("whisper"))["text"] == "psst"
