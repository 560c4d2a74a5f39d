"""What moderators decided outlives all nodes of a cluster, killed at once; in one store, or in one each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.nodes import Cluster
from tests.guest import Guest


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "one each"])
async def test_who_was_banned_is_refused_after_all_nodes_were_killed(tmp_path: Path, shared: bool) -> None:
    cluster = Cluster(tmp_path, *([f"--store=sqlite:///{tmp_path}/shared.db"] if shared else []))
    try:
        a = await cluster.start("a")
        b = await cluster.start("b", a)
        await cluster.meet()
        moderator = await cluster.enter_as("moderator", a)
        banned = await moderator.ask("ban", user="bob", reason="spam")
        assert {result["outcome"] for result in banned["results"]} == {"done"}
        for node in (a, b):
            node.kill()
            await node.process.end()

        again = await cluster.start("b")
        await cluster.start("a", again)
        for node in cluster.nodes[2:]:
            guest = await Guest.connect(node.url)
            cluster.guests.append(guest)
            refused = await guest.ask("hello", name="Bob", user="bob")
            assert (refused["type"], refused["code"]) == ("error", "banned")
        moderator = await cluster.enter_as("moderator", again)
        listed = await moderator.ask("bans")
        assert [(item["user"], item["reason"]) for item in listed["items"]] == [("bob", "spam")]
        assert (await moderator.ask("unban", ban=listed["items"][0]["ban"]))["type"] == "done"
        await cluster.enter(cluster.nodes[3], "Bob", user="bob")
    finally:
        await cluster.close()
