"""Who is heard by whom, decided on one node and true on all (protocol.md sections 5 to 7), with three processes."""

from __future__ import annotations

import pytest

from tests.cluster.nodes import Cluster, Node, eventually, ssrc_of
from tests.guest import frame, speaking
from tests.nodes import without

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHISPERED = 0x10


# Mutes


async def test_a_mute_reaches_a_session_of_another_node_and_all_see_it(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await trio.enter_as("moderator", a)
    done = await moderator.ask("mute", id=5, session=bob.session, room=room, reason="enough")
    (result,) = done["results"]
    assert without(result, "ms") == {"session": bob.session, "node": "b", "outcome": "done"}
    assert await bob.next("moderated") == {
        "type": "moderated",
        "action": "mute",
        "by": "mod",
        "reason": "enough",
        "until": None,
        "room": room,
    }
    for guest in (ann, cid):
        assert await guest.next("member_updated") == {
            "type": "member_updated",
            "room": room,
            "session": bob.session,
            "muted": True,
        }
    assert (await bob.ask("say", room=room, text="hello?"))["code"] == "muted"
    ssrc = await ssrc_of(bob, room)
    await bob.send_raw(frame(ssrc))
    assert (await bob.next("error"))["code"] == "muted"
    late = await trio.enter(c, "Late")
    members = {member["session"]: member["muted"] for member in (await late.join(room))["members"]}
    assert members[bob.session] is True
    assert [session for session, muted in members.items() if muted] == [bob.session]


async def test_a_mute_may_be_lifted_from_a_third_node(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    ann, bob = await trio.room(room, ("Ann", a), ("Bob", b))
    mute, unmute = await trio.enter_as("moderator", a), await trio.enter_as("moderator", c, user="other")
    await mute.ask("mute", session=bob.session)
    await ann.next("member_updated", muted=True)

    async def lifted() -> bool:  # c may not know of the session yet
        return bool((await unmute.ask("unmute", session=bob.session))["type"] == "done")

    await eventually(lifted)
    await ann.next("member_updated", muted=False)
    await bob.say("thanks", room)
    assert (await ann.next("message"))["text"] == "thanks"


async def test_a_timed_mute_ends_on_the_node_of_its_session_and_all_hear_it(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await trio.enter_as("moderator", a)
    await moderator.ask("mute", session=bob.session, seconds=0.2)
    for guest in (ann, cid):
        for muted in (True, False):
            assert (await guest.next("member_updated"))["muted"] is muted
    assert (await bob.next("moderated", action="unmute"))["by"] == ""
    await bob.say("hello", room)


async def test_a_mute_of_a_user_reaches_all_nodes(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    bobs = [await trio.enter(node, "Bob", user="bob.quiet.everywhere") for node in (a, b, c)]
    for bob in bobs:
        await bob.join(room)
        await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", a)
    done = await moderator.ask("mute", user="bob.quiet.everywhere")
    assert sorted(result["node"] for result in done["results"]) == ["a", "b", "c"]
    for bob in bobs:
        assert (await bob.ask("whisper", to={"session": ann.session}, text="psst"))["code"] == "muted"


async def test_nobody_mutes_a_higher_role_of_another_node(trio: Cluster, a: Node, b: Node, room: str) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    admin = await trio.enter_as("admin", b, user="root")
    await admin.join(room)
    await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", a)
    assert (await moderator.ask("mute", session=admin.session))["code"] == "forbidden"


# Announcements


async def test_an_announcement_reaches_everybody_on_all_nodes_once(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    guests = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    outside = await trio.enter(c, "Outside")
    moderator = await trio.enter_as("moderator", b)
    sent = await moderator.ask("announce", id="a-1", text="to all of " + room)
    assert sent["copies"] >= 2
    assert await moderator.ask("announce", id="a-1", text="to all of " + room) == sent
    await moderator.ask("announce", id="a-2", room=room, text="to the room")
    for guest in guests:
        first, second = await guest.next("announcement"), await guest.next("announcement")
        assert (first["room"], first["text"]) == (None, "to all of " + room)
        assert (first["origin"], first["seq"]) == (sent["origin"], sent["seq"])
        assert (second["room"], second["text"]) == (room, "to the room")
        await guest.settle()
        assert not guest.seen("announcement")
    assert (await outside.next("announcement"))["text"] == "to all of " + room
    await outside.settle()
    assert not outside.seen("announcement")


# Whispered voice and deafening


async def test_whispered_voice_reaches_a_session_of_another_node_and_nobody_else(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, near, bob, cid = await trio.room(room, ("Ann", a), ("Near", a), ("Bob", b), ("Cid", c))
    ssrc = await ssrc_of(ann, room)
    assert (await ann.ask("voice_target", target=3, to={"session": cid.session}))["type"] == "ok"
    sent = frame(ssrc, level=0x91, codec=0x06, seq=77, target=3, ts=960, packet=bytes(range(250)))
    await ann.send_raw(sent)
    assert await cid.voice() == sent[:1] + bytes((sent[1] | WHISPERED,)) + sent[2:]
    for seq in range(5):
        await ann.send_raw(frame(ssrc, seq=seq, target=3))
    assert [(await cid.voice())[8:10] for _ in range(5)] == [bytes((0, seq)) for seq in range(5)]
    await ann.say("after", room)
    for guest in (near, bob):
        await guest.next("message", text="after")
        await guest.settle()
        assert not guest.heard()
        assert not guest.seen("speaking")


async def test_whispered_voice_to_a_user_reaches_all_sessions_on_all_nodes(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    ssrc = await ssrc_of(ann, room)
    bobs = [await trio.enter(node, "Bob", user="bob.of.three.nodes") for node in (a, b, c)]
    for bob in bobs:
        await bob.join(room)
        await ann.next("member_joined")
    assert (await ann.ask("voice_target", target=1, to={"user": "bob.of.three.nodes"}))["type"] == "ok"
    await ann.send_raw(frame(ssrc, target=1))
    for bob in bobs:
        assert await bob.voice() == frame(ssrc, target=1, flags=WHISPERED)


async def test_whispered_voice_across_nodes_ends_with_the_shared_room(
    trio: Cluster, a: Node, b: Node, room: str
) -> None:
    ann, bob = await trio.room(room, ("Ann", a), ("Bob", b))
    ssrc = await ssrc_of(ann, room)
    assert (await ann.ask("voice_target", target=1, to={"session": bob.session}))["type"] == "ok"
    await ann.send_raw(frame(ssrc, target=1))
    await bob.voice()
    await bob.ask("leave", room=room)
    await ann.next("member_left")
    await ann.send_raw(frame(ssrc, target=1))
    assert (await ann.next("error"))["code"] == "forbidden"
    await bob.settle()
    assert not bob.heard()


async def test_who_is_deafened_hears_nothing_from_other_nodes(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, also, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Also", b), ("Cid", c))
    ssrc = await ssrc_of(ann, room)
    assert (await ann.ask("voice_target", target=1, to={"session": bob.session}))["type"] == "ok"
    async with speaking(ann, ssrc):
        for guest in (bob, also, cid):
            await guest.voice()
        assert (await bob.ask("deafen", on=True))["type"] == "ok"
        bob.unread.clear()
        await also.settle()
        also.unread.clear()
        await also.voice()
    await ann.send_raw(frame(ssrc, target=1))
    await ann.say("after", room)
    await bob.next("message", text="after")
    assert not bob.heard()
    assert (await bob.ask("deafen", on=False))["type"] == "ok"
    async with speaking(ann, ssrc):
        await bob.voice()
