"""A rolling restart under people who talk and write: nobody is lost, nothing is lost, nothing comes twice."""

from __future__ import annotations

import signal

from tests.cluster.nodes import Cluster, Node, eventually
from tests.talkers import Company


async def renew(cluster: Cluster, node: Node) -> Node:
    """End a node as an operator does, and start it again with its data."""
    node.process.send(signal.SIGTERM)
    node.stopped = True
    assert (await node.process.end())[0] == 0
    fresh = await cluster.start(node.name, *(other for other in cluster.nodes if not other.stopped))
    await cluster.meet()
    return fresh


async def test_three_nodes_are_restarted_one_by_one_and_nobody_notices(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    c = await cluster.start("c", a, b)
    await cluster.meet()
    async with Company([a.url, b.url, c.url]) as company:
        for node in (a, b, c):
            assert (await renew(cluster, node)).id == node.id
            company.forget_voices()
            await eventually(company.all_talk)
        await company.be_quiet()
        await eventually(company.all_heard)
        assert company.complaints() == []
        assert all(person.resumed for person in company.people)
        assert [person.cuts for person in company.people] == [0, 0, 0]


async def test_the_people_of_a_node_that_is_drained_go_on_elsewhere_before_it_closes_them(cluster: Cluster) -> None:
    a = await cluster.start("a")
    b = await cluster.start("b", a)
    await cluster.meet()
    async with Company([a.url, a.url, b.url]) as company:
        boss = await cluster.enter_as("admin", b)
        assert (await boss.ask("drain", node="a", seconds=1))["type"] == "done"
        await eventually(lambda: {person.client.welcome.node for person in company.people} == {"b"})
        await company.be_quiet()
        await eventually(company.all_heard)
        assert company.complaints() == []
        assert [person.cuts for person in company.people] == [0, 0, 0]
    boss = await cluster.enter_as("admin", b, user="boss")
    listed = await boss.ask("list", what="nodes", node="a")
    assert [(item["state"], item["sessions"]) for item in listed["items"]] == [("up", 0)]
