"""Rooms as moderators set them, on processes that are killed and started (protocol.md sections 4 and 7)."""

from __future__ import annotations

from tests.cluster.nodes import Cluster, Node, eventually
from tests.guest import Guest


async def set_room(moderator: Guest, **settings: object) -> None:
    """Set the lobby, on every node once this is answered."""
    done = await moderator.ask("set_room", room="lobby", **settings)
    assert done["type"] == "done", done
    assert {result["outcome"] for result in done["results"]} == {"done"}


async def told_of_lobby(looker: Guest) -> None:
    """Wait until a node knows of a lobby that nobody is in: one that was killed at once may learn it from another."""

    async def known() -> bool:
        return bool((await looker.ask("list", what="rooms", room="lobby"))["items"])

    await eventually(known)


async def test_a_room_stays_as_it_was_set_when_the_node_dies_where_it_was(
    cluster: Cluster, two: tuple[Node, Node]
) -> None:
    a, b = two
    await set_room(await cluster.enter_as("moderator", a), password="open sesame", title="Board", capacity=2)
    a.kill()
    bob = await cluster.enter(b, "Bob")
    assert (await bob.ask("join", room="lobby"))["code"] == "forbidden"
    joined = await bob.ask("join", room="lobby", password="open sesame")
    assert (joined["room_state"]["title"], joined["room_state"]["capacity"]) == ("Board", 2)
    c = await cluster.start("c", b)
    cid = await cluster.enter(c, "Cid")

    async def known() -> bool:
        items = (await cid.ask("list", what="rooms", room="lobby"))["items"]
        return bool(items) and items[0]["room_state"] == joined["room_state"] and items[0]["members"] == 1

    await eventually(known)
    assert (await cid.ask("join", room="lobby", password="wrong"))["code"] == "forbidden"
    assert (await cid.ask("join", room="lobby", password="open sesame"))["type"] == "joined"
    assert (await (await cluster.enter(c, "Dan")).ask("join", room="lobby"))["code"] == "room_full"


async def test_a_room_is_as_it_was_set_after_all_nodes_were_killed(cluster: Cluster, two: tuple[Node, Node]) -> None:
    (ann,) = await cluster.room("lobby", ("Ann", two[0]))
    moderator = await cluster.enter_as("moderator", two[0])
    await set_room(moderator, title="Board", password="open sesame", slow_seconds=30, muted=True)
    await ann.next("room_updated")
    for node in two:
        node.kill()
        await node.process.end()
    b = await cluster.start("b")
    await cluster.start("a", b)
    for node in cluster.nodes[2:]:
        await told_of_lobby(await cluster.enter_as("moderator", node))
        bob = await cluster.enter(node, "Bob")
        assert (await bob.ask("join", room="lobby"))["code"] == "forbidden"
        joined = await bob.ask("join", room="lobby", password="open sesame")
        assert joined["room_state"] == {
            "locked": False, "capacity": 50, "slow_seconds": 30, "title": "Board", "speakers": 8, "muted": True,
        }  # fmt: skip
        assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    back = await ann.come_again(b.url, rooms=["lobby"])
    cluster.guests.append(back)
    assert back.session == ann.session
    assert back.welcome["rooms"] == [], "nobody knows that she knew the password"
    assert (await back.ask("join", room="lobby", password="open sesame"))["type"] == "joined"


async def test_slow_mode_holds_at_the_node_where_a_session_goes_on(cluster: Cluster, two: tuple[Node, Node]) -> None:
    a, b = two
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    await set_room(await cluster.enter_as("moderator", b), slow_seconds=3600)
    await ann.say("one")
    await bob.next("message")
    a.kill()
    ann = await ann.come_again(b.url)
    cluster.guests.append(ann)
    error = await ann.ask("say", room="lobby", text="two")
    assert error["code"] == "rate_limited"
    assert 0 < error["retry_after_ms"] <= 3_600_000


async def test_of_two_decisions_on_two_sides_the_room_has_each(cluster: Cluster, two: tuple[Node, Node]) -> None:
    a, b = two
    here, there = await cluster.enter_as("moderator", a), await cluster.enter_as("moderator", b, user="other")
    (ann,) = await cluster.room("lobby", ("Ann", b))
    await set_room(here, title="Weekly")
    await set_room(there, slow_seconds=5)
    await set_room(here, title="Daily", muted=True)
    expected = {"locked": False, "capacity": 50, "slow_seconds": 5, "title": "Daily", "speakers": 8, "muted": True}
    await ann.next("room_updated", room_state=expected)
    for moderator in (here, there):
        (item,) = (await moderator.ask("list", what="rooms"))["items"]
        assert item["room_state"] == expected


async def test_a_node_that_does_not_answer_is_named_and_has_it_when_it_goes_on(
    cluster: Cluster, two: tuple[Node, Node]
) -> None:
    a, b = two
    (bob,) = await cluster.room("lobby", ("Bob", b))
    moderator = await cluster.enter_as("moderator", a)
    await b.stop()
    error = await moderator.ask("set_room", room="lobby", title="Weekly")
    assert error["code"] == "unavailable"
    assert "node b" in error["message"]
    b.go_on()
    assert (await bob.next("room_updated"))["room_state"]["title"] == "Weekly"
