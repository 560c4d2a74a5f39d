"""The inbox of reports outlives all processes of a cluster."""

from __future__ import annotations

import signal

from tests.cluster.nodes import Cluster, Node
from tests.guest import Guest


async def inbox(guest: Guest) -> list[object]:
    return list((await guest.ask("list", what="reports"))["items"])


async def end(*nodes: Node) -> None:
    for node in nodes:
        node.process.send(signal.SIGTERM)
        node.stopped = True
        await node.process.end()


async def test_the_inbox_is_there_when_all_nodes_were_started_again(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    await bob.say("you fool")
    await ann.next("message")
    mo = await cluster.enter_as("moderator", b)
    for text in ("he insults me", "and again"):
        assert (await ann.ask("report", session=bob.session, room="lobby", text=text))["type"] == "ok"
        last = (await mo.next("reported"))["report"]
    await mo.ask("report_close", report=last, note="warned")
    before, evidence = await inbox(mo), await mo.ask("report_read", id=1, report=last)
    assert [line["text"] for line in evidence["lines"]] == ["you fool"]
    await end(a, b)
    again = await cluster.start("b")
    mo = await cluster.enter_as("moderator", again)
    assert await inbox(mo) == before
    assert await mo.ask("report_read", id=1, report=last) == evidence
    assert (await mo.ask("report_reopen", report=last))["type"] == "done"
