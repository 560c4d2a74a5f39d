"""What moderators do goes on though the node that did it, or was to do it, is gone or hangs: real processes."""

from __future__ import annotations

from tests.cluster.nodes import Cluster, Node, eventually
from tests.cluster.test_moderation import says


async def three(cluster: Cluster) -> tuple[Node, Node, Node]:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    c = await cluster.start("c", b)
    await cluster.meet()
    return a, b, c


async def test_a_kick_with_a_grace_comes_though_the_node_that_gave_it_was_killed(cluster: Cluster) -> None:
    a, b, c = await three(cluster)
    ann, bob, cid = await cluster.room("lobby", ("Ann", a), ("Bob", c), ("Cid", c))
    moderator = await cluster.enter_as("moderator", b)
    for guest, grace in ((cid, 20), (bob, 8)):
        done = await moderator.ask("kick", session=guest.session, grace_seconds=grace)
        assert [(one["node"], one["outcome"]) for one in done["results"]] == [("c", "done")]
        await ann.next("member_updated", session=guest.session, muted=True)
    c.kill()
    bob = await bob.come_again(a.url)
    cluster.guests.append(bob)
    cid = await cid.come_again(b.url)
    cluster.guests.append(cid)
    for guest in (bob, cid):
        assert await says(guest, "lobby") == "muted"
    assert (await moderator.ask("unkick", session=cid.session))["results"][0]["outcome"] == "done"
    assert (await bob.closed())[0] == 4403
    assert (await ann.next("member_left", session=bob.session))["reason"] == "kicked"
    assert await says(cid, "lobby") == "sent"


async def test_a_node_that_hangs_is_named_and_what_it_was_to_do_is_completed_by_the_same_request(
    cluster: Cluster,
) -> None:
    a, b, c = await three(cluster)
    ann, bob, cid = await cluster.room("lobby", ("Ann", a), ("Bob", b), ("Cid", c))
    moderator = await cluster.enter_as("moderator", a)
    sessions = [bob.session, cid.session]
    await c.stop()
    error = await moderator.ask("mute", id="x", sessions=sessions)
    assert error["code"] == "unavailable"
    assert " c " in error["message"]
    assert await says(bob, "lobby") == "muted"
    c.go_on()

    async def done() -> bool:
        return bool((await moderator.ask("mute", id="x", sessions=sessions))["type"] == "done")

    await eventually(done)
    assert await says(cid, "lobby") == "muted"
    await bob.settle()
    assert len(bob.seen("moderated")) == 1
    del ann
