"""Three nodes as one place: what a client sees does not depend on the node (protocol.md sections 4 to 7)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest

from tests.cluster.nodes import Cluster, Node, eventually, ssrc_of
from tests.guest import FIRST, LAST, Guest, frame
from tests.nodes import without

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Rooms


async def test_a_room_is_one_room_on_all_nodes(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    dan = await trio.enter(b, "Dan", user="dan")
    joined = await dan.join(room)
    members = {member["name"]: member for member in joined["members"]}
    assert {name: member["node"] for name, member in members.items()} == {
        "Ann": "a",
        "Bob": "b",
        "Cid": "c",
        "Dan": "b",
    }
    assert len({member["ssrc"] for member in joined["members"]}) == 4
    for guest in (ann, bob, cid):
        assert (await guest.next("member_joined"))["member"] == members["Dan"]
    await dan.ask("leave", room=room)
    for guest in (ann, bob, cid):
        assert (await guest.next("member_left", session=dan.session))["reason"] == "left"


async def test_the_way_a_session_ends_is_told_on_all_nodes(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, cid, dan = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c), ("Dan", c))
    await cid.leave_for_good(1000)
    dan.vanish()
    for guest in (ann, bob):
        assert (await guest.next("member_left", session=cid.session))["reason"] == "left"
        await guest.next("member_updated", session=dan.session, state="reconnecting")


async def test_the_last_places_are_not_given_twice(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    """Nine race for three places from three nodes: three stay, whichever, and all nodes agree who."""
    watcher, *_ = await trio.room(room, *((f"g{number}", (a, b, c)[number % 3]) for number in range(47)))
    racers = [await trio.enter((a, b, c)[number % 3], f"r{number}") for number in range(9)]
    answers = await asyncio.gather(*(racer.ask("join", room=room) for racer in racers))
    assert {answer.get("code", "joined") for answer in answers} <= {"joined", "room_full"}
    moderators = [await trio.enter_as("moderator", node) for node in (a, b, c)]

    async def agreed() -> bool:
        pages = [await guest.ask("list", what="members", room=room) for guest in moderators]
        members = [{item["session"] for item in page["items"]} for page in pages]
        return members[0] == members[1] == members[2] and len(members[0]) == 50

    await eventually(agreed)
    inside = {item["session"] for item in (await moderators[0].ask("list", what="members", room=room))["items"]}
    for racer, answer in zip(racers, answers, strict=True):
        await racer.settle()
        if racer.session in inside:
            assert not racer.seen("left")
        elif answer["type"] == "joined":
            assert racer.seen("left") == [{"type": "left", "room": room, "reason": "room_full"}]
    assert watcher.session in inside


# Texts


async def test_texts_arrive_everywhere_once_and_in_order(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    guests = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c), ("Dan", c))
    count = 40
    for number in range(count):
        for guest in guests[:3]:
            await guest.send("say", id=number, room=room, text=str(number))
    sent = {(guest.session, number): await guest.answer(number) for guest in guests[:3] for number in range(count)}
    assert {answer["type"] for answer in sent.values()} == {"sent"}
    assert all(answer["copies"] >= 2 for answer in sent.values())
    for guest in guests:
        others = [other for other in guests[:3] if other is not guest]
        heard = [await guest.next("message") for _ in range(count * len(others))]
        for other in others:
            mine = [said for said in heard if said["from"]["session"] == other.session]
            assert [said["text"] for said in mine] == [str(number) for number in range(count)]
            assert [(said["origin"], said["seq"], said["at"]) for said in mine] == [
                tuple(sent[other.session, number][key] for key in ("origin", "seq", "at")) for number in range(count)
            ]
            assert [said["seq"] for said in mine] == sorted(said["seq"] for said in mine)
        await guest.settle()
        assert not guest.seen("message")
        assert not guest.seen("sent")


async def test_a_text_stays_in_its_room_on_every_node(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    ann, bob = await trio.room(room, ("Ann", a), ("Bob", b))
    (eve,) = await trio.room(room[:-1], ("Eve", b))
    (mallory,) = await trio.room(room.upper(), ("Mallory", c))
    await ann.say("hi", room)
    await bob.next("message")
    await ann.whisper("and now to somebody else", session=bob.session)
    await bob.next("whisper")
    for guest in (eve, mallory):
        await guest.settle()
        assert not guest.unread


async def test_a_late_joiner_has_the_history_of_all_nodes(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob = await trio.room(room, ("Ann", a), ("Bob", b))
    for number in range(30):
        await ann.say(f"a{number}", room)
        await bob.next("message", text=f"a{number}")
        await bob.say(f"b{number}", room)
        await ann.next("message", text=f"b{number}")
    (watcher,) = await trio.room(room, ("Watcher", c))
    texts = [text for number in range(30) for text in (f"a{number}", f"b{number}")][-50:]

    async def all_here() -> bool:
        late = await trio.enter(c, "Late")
        history = (await late.join(room))["history"]
        await late.leave_for_good()
        return [said["text"] for said in history] == texts

    await eventually(all_here)
    assert watcher.seen("message") == []


async def test_a_repeated_id_is_shown_once_on_all_nodes(trio: Cluster, a: Node, b: Node, room: str) -> None:
    ann, bob = await trio.room(room, ("Ann", a), ("Bob", b))
    first = await ann.ask("say", id="x", room=room, text="once")
    assert await ann.ask("say", id="x", room=room, text="once") == first
    await ann.say("after", room)
    assert [(await bob.next("message"))["text"] for _ in range(2)] == ["once", "after"]


# Whispers


async def test_a_whisper_reaches_a_session_of_another_node_and_nobody_else(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, cid, dan = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c), ("Dan", c))
    sent = await ann.whisper("psst", session=cid.session)
    assert sent["delivered"] == 1
    assert sent["copies"] >= 2
    whisper = await cid.next("whisper")
    assert without(whisper, "id") == {
        "type": "whisper",
        "from": {"session": ann.session, "user": ann.welcome["user"], "name": "Ann"},
        "to": {"session": cid.session},
        "origin": sent["origin"],
        "seq": sent["seq"],
        "at": sent["at"],
        "text": "psst",
    }
    await ann.say("after", room)
    for guest in (bob, dan, cid):
        await guest.next("message", text="after")
        assert not guest.seen("whisper")


async def test_a_whisper_to_a_user_reaches_all_sessions_on_all_nodes(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    bobs = [await trio.enter(node, "Bob", user=f"bob of {room}".replace(" ", "_")[:64]) for node in (a, b, c)]
    for bob in bobs:
        await bob.join(room)
        await ann.next("member_joined")
    assert (await ann.whisper("psst", user=bobs[0].welcome["user"]))["delivered"] == 3
    for bob in bobs:
        assert (await bob.next("whisper"))["text"] == "psst"


async def test_whispers_across_nodes_need_a_shared_room(trio: Cluster, a: Node, b: Node, room: str) -> None:
    ann, watcher = await trio.room(room, ("Ann", a), ("Watcher", b))
    (bob,) = await trio.room(f"{room[:60]} 2", ("Bob", b))
    await watcher.join(f"{room[:60]} 2")
    answer = await ann.ask("whisper", to={"session": bob.session}, text="psst")
    assert answer["code"] in ("forbidden", "not_found")  # the latter while a does not know of him
    await bob.join(room)
    await ann.next("member_joined")
    assert (await ann.whisper("psst", session=bob.session))["delivered"] == 1
    assert (await bob.next("whisper"))["text"] == "psst"


# Voice


@contextlib.asynccontextmanager
async def speaking(*speakers: tuple[Guest, int]) -> AsyncIterator[None]:
    """Let all of them speak within the block, a frame each 20 ms."""

    async def speak(guest: Guest, ssrc: int) -> None:
        for seq in itertools.count():
            await guest.send_raw(frame(ssrc, flags=0 if seq else FIRST, seq=seq & 0xFFFF))
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(speak(*speaker)) for speaker in speakers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listened(speaker: Guest, ssrc: int, *listeners: Guest) -> None:
    """Wait until voice passes to all listeners: a node that has just got a listener asks for it first."""
    for listener in listeners:
        async with speaking((speaker, ssrc)):
            await listener.voice()
    await speaker.send_raw(frame(ssrc, flags=LAST, packet=b"end of test"))
    for listener in listeners:
        await listener.take(lambda heard: isinstance(heard, bytes) and heard.endswith(b"end of test"))
        await listener.settle()
        for heard in listener.heard():
            listener.unread.remove(heard)


async def test_voice_reaches_listeners_of_all_nodes_byte_for_byte_and_nobody_else(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    lobby, lobby2 = f"{room[:50]} lobby", f"{room[:50]} lobby2"
    ann, near, bob, cid = await trio.room(lobby, ("Ann", a), ("Near", a), ("Bob", b), ("Cid", c))
    eves = await trio.room(lobby2, ("Eve a", a), ("Eve b", b), ("Eve c", c))
    others = await trio.room(lobby[:-1], ("Other b", b), ("Other c", c))
    outside = await trio.enter(b, "Outside")
    ssrc = await ssrc_of(ann, lobby)
    await listened(ann, ssrc, near, bob, cid)
    frames = [
        frame(ssrc, level=seq, codec=0x04, seq=65530 + seq & 0xFFFF, ts=seq * 960, packet=bytes([seq]) * 400)
        for seq in range(20)
    ]
    for sent in frames:
        await ann.send_raw(sent)
        assert await bob.voice() == sent
    for listener in (near, cid):
        assert [await listener.voice() for _ in frames] == frames
    await ann.say("after", lobby)
    await bob.next("message")
    for guest in (*eves, *others, outside, ann):
        await guest.settle()
        assert not guest.heard()


async def test_who_speaks_is_told_on_all_nodes(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    ssrc = await ssrc_of(ann, room)
    async with speaking((ann, ssrc)):
        for guest in (ann, bob, cid):
            assert await guest.next("speaking") == {
                "type": "speaking",
                "room": room,
                "on": [ann.session],
                "off": [],
            }
        late = await trio.enter(c, "Late")
        members = (await late.join(room))["members"]
        assert {member["name"]: member["speaking"] for member in members}["Ann"] is True
        listed = await late.ask("list", what="rooms", limit=1000)
        assert {item["room"]: item["speaking"] for item in listed["items"]}[room] == 1
    for guest in (ann, bob, cid, late):
        assert (await guest.next("speaking"))["off"] == [ann.session]


async def test_eight_may_speak_at_once_on_all_nodes_together(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    places = [(f"g{number}", (a, b, c)[number % 3]) for number in range(8)]
    *speakers, ninth = await trio.room(room, *places, ("Ninth", c))
    ssrcs = [await ssrc_of(guest, room) for guest in speakers]
    own = await ssrc_of(ninth, room)
    ninth.unread.clear()
    async with speaking(*zip(speakers, ssrcs, strict=True)):
        heard: set[str] = set()
        while len(heard) < 8:
            told = await ninth.next("speaking")
            heard = heard - set(told["off"]) | set(told["on"])
        for _ in range(3):
            await ninth.send_raw(frame(own, packet=b"ninth"))
        assert (await ninth.next("error"))["code"] == "room_full"
        await ninth.settle()
        assert not ninth.seen("error")
    for speaker, ssrc in zip(speakers, ssrcs, strict=True):
        await speaker.settle()
        assert not any(frame.endswith(b"ninth") for frame in speaker.heard())
        await speaker.send_raw(frame(ssrc, flags=LAST))
    while heard:
        told = await ninth.next("speaking")
        heard = heard - set(told["off"]) | set(told["on"])
    await ninth.send_raw(frame(own, packet=b"ninth"))
    await speakers[0].take(lambda said: isinstance(said, bytes) and said.endswith(b"ninth"))


# Moderation


async def test_a_kick_reaches_a_session_of_another_node(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await trio.enter_as("moderator", a)
    done = await moderator.ask("kick", id=5, session=bob.session, reason="enough")
    assert without(done, "results") == {"type": "done", "id": 5}
    (result,) = done["results"]
    assert result.pop("ms") > 0
    assert result == {"session": bob.session, "node": "b", "outcome": "done"}
    code, reason = await bob.closed()
    assert code == 4403
    assert "enough" in (reason or "")
    assert bob.seen("moderated") == [
        {"type": "moderated", "action": "kick", "by": "mod", "reason": "enough", "until": None, "room": None}
    ]
    for guest in (ann, cid):
        assert (await guest.next("member_left", session=bob.session))["reason"] == "kicked"
    assert (await moderator.ask("kick", session=bob.session))["code"] == "not_found"


async def test_a_kick_out_of_a_room_reaches_a_session_of_another_node(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    ann, bob, cid = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await trio.enter_as("moderator", c)
    done = await moderator.ask("kick", session=bob.session, room=room, reason="not here")
    assert [(result["node"], result["outcome"]) for result in done["results"]] == [("b", "done")]
    assert (await bob.next("moderated"))["room"] == room
    assert await bob.next("left") == {"type": "left", "room": room, "reason": "kicked"}
    for guest in (ann, cid):
        assert (await guest.next("member_left", session=bob.session))["reason"] == "kicked"
    assert (await bob.join(f"{room[:60]} 2"))["type"] == "joined"


async def test_a_kick_of_a_user_reaches_all_nodes(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    bobs = [await trio.enter(node, "Bob", user="bob.of.all.nodes") for node in (a, b, c)]
    for bob in bobs:
        await bob.join(room)
        await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", a)
    done = await moderator.ask("kick", user="bob.of.all.nodes")
    assert sorted((result["node"], result["outcome"]) for result in done["results"]) == [
        ("a", "done"),
        ("b", "done"),
        ("c", "done"),
    ]
    for bob in bobs:
        assert (await bob.closed())[0] == 4403
        assert (await ann.next("member_left", session=bob.session))["reason"] == "kicked"


async def test_nobody_acts_on_a_higher_role_of_another_node(trio: Cluster, a: Node, b: Node, room: str) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    admin = await trio.enter_as("admin", b, user="root")
    await admin.join(room)
    await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", a)
    assert (await moderator.ask("kick", session=admin.session))["code"] == "forbidden"
    await admin.settle()
    assert not admin.seen("moderated")


async def test_every_node_lists_all_nodes(trio: Cluster, a: Node, b: Node, c: Node) -> None:
    expected = [(node.id, node.name, "up", node.url) for node in sorted((a, b, c), key=lambda node: node.id)]
    for node in (a, b, c):
        moderator = await trio.enter_as("moderator", node)
        items = (await moderator.ask("list", what="nodes"))["items"]
        assert [(item["node"], item["name"], item["state"], item["url"]) for item in items] == expected
        only = await moderator.ask("list", what="nodes", node="b")
        assert [item["name"] for item in only["items"]] == ["b"]


async def test_every_node_lists_all_sessions(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    guests = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    for node in (a, b, c):
        moderator = await trio.enter_as("moderator", node)
        listed = await moderator.ask("list", what="sessions", room=room)
        found = {item["session"]: (item["name"], item["node"], item["rooms"]) for item in listed["items"]}
        assert found == {
            guest.session: (name, where, [room])
            for guest, name, where in zip(guests, ("Ann", "Bob", "Cid"), "abc", strict=True)
        }
        of_b = await moderator.ask("list", what="sessions", room=room, node="b")
        assert [item["name"] for item in of_b["items"]] == ["Bob"]


async def test_sessions_are_counted_for_every_node(trio: Cluster, a: Node, b: Node, c: Node, room: str) -> None:
    moderator = await trio.enter_as("moderator", a)

    async def counts() -> dict[str, int]:
        items = (await moderator.ask("list", what="nodes"))["items"]
        return {item["name"]: item["sessions"] for item in items}

    before = await counts()
    guests = await trio.room(room, ("Ann", a), ("Bob", c), ("Cid", c))
    assert await counts() == {"a": before["a"] + 1, "b": before["b"], "c": before["c"] + 2}
    await guests[2].leave_for_good()
    await guests[0].next("member_left")
    assert await counts() == {"a": before["a"] + 1, "b": before["b"], "c": before["c"] + 1}


async def test_a_client_is_told_where_else_it_may_go(trio: Cluster, a: Node, b: Node, c: Node) -> None:
    urls = (await trio.enter(b)).welcome["urls"]
    assert urls[0] == b.url
    assert sorted(urls) == sorted(node.url for node in (a, b, c))
