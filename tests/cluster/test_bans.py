"""Bans among real processes: on every node at once, and on one that could not hear of them when it hears again."""

from __future__ import annotations

from tests.cluster.nodes import Cluster, Node
from tests.guest import Guest


async def refused(cluster: Cluster, node: Node, **hello: object) -> tuple[str, int | None]:
    """How a hello is answered, and by which code the connection is closed."""
    guest = await Guest.connect(node.url)
    cluster.guests.append(guest)
    answer = await guest.ask("hello", **hello)
    code, _ = await guest.closed()
    return str(answer["code"]), code


async def three(cluster: Cluster) -> tuple[Node, Node, Node]:
    """Nodes that know each other."""
    a = await cluster.start("a")
    b, c = await cluster.start("b", a), await cluster.start("c", a)
    await cluster.meet()
    return a, b, c


async def test_a_ban_cuts_where_somebody_is_and_refuses_everywhere(cluster: Cluster) -> None:
    a, b, c = await three(cluster)
    moderator, bob = await cluster.enter_as("moderator", a), await cluster.enter(b, None, user="bob")
    done = await moderator.ask("ban", user="bob", reason="spam", seconds=600)
    assert {result["node"] for result in done["results"]} == {"a", "b", "c"}
    assert await bob.closed() == (4403, "banned: spam")
    for node in (a, b, c):
        assert await refused(cluster, node, user="bob") == ("banned", 4403)
    assert await refused(cluster, c, resume=bob.token, cursors=bob.cursors) == ("banned", 4403)
    other = await cluster.enter_as("moderator", c, user="other")
    (item,) = (await other.ask("bans"))["items"]
    assert (item["user"], item["by"], item["reason"]) == ("bob", "mod", "spam")
    await other.ask("unban", ban=item["ban"])
    assert (await cluster.enter(b, None, user="bob")).welcome["type"] == "welcome"


async def test_a_ban_of_a_room_is_heard_of_by_its_members_on_other_nodes(cluster: Cluster) -> None:
    a, b, c = await three(cluster)
    moderator, bob = await cluster.enter_as("moderator", a), await cluster.enter(b, None, user="bob")
    cid = await cluster.enter(c, "Cid")
    for guest in (bob, cid):
        await guest.join()
    await moderator.ask("ban", user="bob", room="lobby")
    assert (await bob.next("left"))["reason"] == "banned"
    assert (await cid.next("member_left"))["reason"] == "banned"
    assert (await bob.ask("join", room="lobby"))["code"] == "banned"


async def test_a_node_that_stood_still_is_named_and_enforces_the_ban_when_it_goes_on(cluster: Cluster) -> None:
    a, b, c = await three(cluster)
    moderator, bob = await cluster.enter_as("moderator", a), await cluster.enter(c, None, user="bob")
    await c.stop()
    answer = await moderator.ask("ban", user="bob", reason="spam")
    assert (answer["type"], answer["code"]) == ("error", "unavailable")
    assert "node c" in answer["message"]
    assert await refused(cluster, b, user="bob") == ("banned", 4403)
    c.go_on()
    assert (await bob.closed())[0] == 4403
    assert await refused(cluster, c, user="bob") == ("banned", 4403)
    listed = await (await cluster.enter_as("moderator", c)).ask("bans")
    assert [item["user"] for item in listed["items"]] == ["bob"]
    assert (await moderator.ask("unban", ban=listed["items"][0]["ban"]))["type"] == "done"
    assert (await cluster.enter(c, None, user="bob")).welcome["type"] == "welcome"


async def test_a_node_that_was_killed_and_begins_again_learns_what_was_decided_without_it(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    b.kill()
    moderator = await cluster.enter_as("moderator", a)
    await moderator.ask("ban", user="bob")  # done, or b did not answer: it holds either way
    again = await cluster.start("b", a)
    await cluster.meet()
    assert await refused(cluster, again, user="bob") == ("banned", 4403)
