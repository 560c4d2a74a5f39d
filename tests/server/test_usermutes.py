"""A mute of a user holds for whichever session comes later, on whichever node (protocol.md section 7: `mute`)."""

from __future__ import annotations

from server.rulings import MUTE
from tests.bus.ear import eventually
from tests.guest import Guest
from tests.nodes import Served, Serving
from tests.server.test_resume_cluster import pair, power_off


async def enter(served: Served, user: str = "bob") -> Guest:
    guest = await served.enter("Bob", user=user)
    await guest.join()
    return guest


async def is_muted(guest: Guest, room: str = "lobby") -> bool:
    return (await guest.ask("say", room=room, text="hello?")).get("code") == "muted"


async def test_a_mute_of_a_user_holds_for_sessions_that_come_later(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob", reason="noise")
    assert await is_muted(bob)
    again = await enter(served)
    assert await is_muted(again)
    ann = await served.enter("Ann")
    members = (await ann.join())["members"]
    assert [member["muted"] for member in members if member["user"] == "bob"] == [True, True]


async def test_a_mute_of_a_session_is_of_that_session(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", session=bob.session)
    assert await is_muted(bob)
    assert not await is_muted(await enter(served))


async def test_it_ends_by_itself_for_all_of_them(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob", seconds=60)
    served.advance(30)
    again = await enter(served)
    assert await is_muted(again)
    served.advance(30.3)
    for guest in (bob, again):
        await guest.next("moderated", action="unmute")
        assert not await is_muted(guest)
        assert not [event for event in guest.seen("moderated") if event["action"] == "unmute"]
    assert not await is_muted(await enter(served))


async def test_a_mute_of_a_room_holds_in_that_room(served: Served) -> None:
    await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob", room="lobby")
    again = await enter(served)
    await again.join("second")
    assert await is_muted(again)
    assert not await is_muted(again, "second")


async def test_unmute_of_the_user_or_of_a_session_of_it_lifts_it(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    for named in ("user", "session"):
        bob = await enter(served)
        await moderator.ask("mute", user="bob")
        assert await is_muted(bob)
        whom = {"user": "bob"} if named == "user" else {"session": bob.session}
        done = await moderator.ask("unmute", **whom)
        assert {result["outcome"] for result in done["results"]} == {"done"}
        assert not await is_muted(bob)
        assert not await is_muted(await enter(served))


async def test_it_is_lifted_though_the_user_has_no_session(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob")
    await bob.leave_for_good()
    await eventually(lambda: bob.session not in served.node.presence.present)
    (result,) = (await moderator.ask("unmute", user="bob"))["results"]
    assert (result["user"], result["node"], result["outcome"]) == ("bob", "n1", "done")
    assert not await is_muted(await enter(served))
    assert served.node.rulings.of(MUTE) == {}


async def test_the_last_word_counts(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob", seconds=10)
    await moderator.ask("mute", user="bob", seconds=60)
    served.advance(11)
    assert await is_muted(bob)
    assert await is_muted(await enter(served))


async def test_it_is_told_once_to_each_session(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob", seconds=60)
    await bob.settle()
    assert len(bob.seen("moderated")) == 1


async def test_it_is_not_for_who_has_a_higher_role_now(served: Served) -> None:
    bob = await enter(served)
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", user="bob")
    assert await is_muted(bob)
    boss = await served.enter_as("admin", user="bob")
    await boss.join()
    assert not await is_muted(boss)


async def test_it_holds_on_every_node_and_after_a_cut(serve: Serving) -> None:
    a, b = await pair(serve)
    moderator = await a.enter_as("moderator")
    there = await enter(b)
    await moderator.join()
    done = await moderator.ask("mute", user="bob")
    assert [(one["node"], one["outcome"]) for one in done["results"]] == [("n2", "done")]
    assert await is_muted(there)
    for served in (a, b):
        assert await is_muted(await enter(served))
    power_off(serve, a)
    assert await is_muted(await enter(b))


async def test_a_node_that_comes_later_knows_it(serve: Serving) -> None:
    a, b = await pair(serve)
    await enter(a)
    moderator = await a.enter_as("moderator")
    await moderator.ask("mute", user="bob")
    c = await serve("m:a", address="m:c")
    await eventually(lambda: c.node.synced and bool(c.node.rulings.of(MUTE)))
    assert await is_muted(await enter(c))
    del b
