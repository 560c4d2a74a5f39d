"""What moderators do holds on every node: real processes."""

from __future__ import annotations

import pytest

from tests.cluster.nodes import Cluster, Node, eventually
from tests.guest import Guest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def says(guest: Guest, room: str) -> str:
    answer = await guest.ask("say", room=room, text="may I?")
    return str(answer.get("code", "sent"))


async def test_who_was_kicked_with_a_block_is_refused_on_every_node(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    bob = await trio.enter(c, "Bob", user="blocked")
    await bob.join(room)
    moderator = await trio.enter_as("moderator", a)
    await moderator.join(room)
    done = await moderator.ask("kick", user="blocked", block_seconds=600, reason="spam")
    assert (await bob.closed())[0] == 4403
    for node in (a, b, c):
        again = await Guest.connect(node.url)
        trio.guests.append(again)
        assert (await again.ask("hello", user="blocked"))["code"] == "banned"
        assert (await again.closed())[0] == 4403
    await moderator.ask("unban", ban=done["results"][0]["ban"])
    await trio.enter(b, "Bob", user="blocked")


async def test_a_mute_of_a_user_holds_on_every_node_for_sessions_that_come_later(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    bob = await trio.enter(c, "Bob", user="noisy")
    await bob.join(room)
    await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", b)

    async def muted() -> bool:
        return (await moderator.ask("mute", user="noisy", seconds=600)).get("type") == "done"

    await eventually(muted)
    assert await says(bob, room) == "muted"
    for node in (a, b, c):
        later = await trio.enter(node, "Bob", user="noisy")
        await later.join(room)
        assert await says(later, room) == "muted"
    assert (await moderator.ask("unmute", user="noisy"))["type"] == "done"
    assert await says(bob, room) == "sent"


async def test_people_of_three_nodes_are_moved_by_one_request(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    guests = await trio.room(room, ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await trio.enter_as("moderator", b)
    to = f"{room[:50]} moved"
    sessions = [guest.session for guest in guests]

    async def known() -> bool:
        listed = await moderator.ask("list", what="members", room=room)
        return len(listed["items"]) == len(guests)

    await eventually(known)
    done = await moderator.ask("move", sessions=sessions, room=room, to=to)
    assert {one["session"]: (one["node"], one["outcome"]) for one in done["results"]} == {
        session: (name, "done") for session, name in zip(sessions, "abc", strict=True)
    }
    for guest in guests:
        moved = await guest.next("moved")
        assert (moved["room"], moved["to"]) == (room, to)
        seen = {member["session"] for member in moved["joined"]["members"]}
        while seen != set(sessions):
            seen.add((await guest.next("member_joined", room=to))["member"]["session"])
    await guests[0].say("all here", room=to)
    for guest in guests[1:]:
        assert (await guest.next("message"))["text"] == "all here"


async def test_a_request_sent_again_after_a_resume_at_another_node_is_answered_as_before_and_done_once(
    trio: Cluster, a: Node, b: Node, c: Node, room: str
) -> None:
    (ann,) = await trio.room(room, ("Ann", a))
    bob = await trio.enter(c, "Bob", user="once")
    await bob.join(room)
    await ann.next("member_joined")
    moderator = await trio.enter_as("moderator", a)

    async def done() -> bool:
        return bool((await moderator.ask("kick", id="x", user="once", room=room))["type"] == "done")

    await eventually(done)
    await bob.next("left")
    await bob.join(room)
    await ann.next("member_joined", room=room)
    moderator = await moderator.come_again(b.url)
    trio.guests.append(moderator)
    again = await moderator.ask("kick", id="x", user="once", room=room)
    assert [(one["session"], one["outcome"]) for one in again["results"]] == [(bob.session, "done")]
    assert await says(bob, room) == "sent"
