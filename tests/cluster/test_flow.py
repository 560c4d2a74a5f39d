"""Flow over ZeroMQ: a console in this process looks at nodes that are processes of their own."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bus.keys import Identity
from bus.zeromq import ZeroMQBus
from server.config import Config
from server.desk import Desk
from server.feed import FlowFeed
from server.flow import FlowRow, is_sampled
from server.gateway import Gateway
from server.identity import Key, Tokens
from server.node import Node as ServerNode
from tests.cluster.nodes import KEY, Cluster, Node, eventually
from tests.guest import frame


@dataclasses.dataclass(slots=True)
class Console:
    """A node of this process, with a desk."""

    node: ServerNode
    desk: Desk
    rows: list[FlowRow] = dataclasses.field(default_factory=list)

    async def look(self, query: str = "", *, nodes: int) -> FlowFeed:
        """Open a feed, and wait until so many other nodes serve it."""
        await eventually(lambda: len(self.node.cards.urls_of_others()) == nodes)
        feed = self.desk.open_flow(query)
        await eventually(lambda: not feed.silent)
        return feed

    async def until(self, feed: FlowFeed, check: Callable[[], bool]) -> None:
        """Read until it is so."""

        def looked() -> bool:
            self.rows += [row for _, row in feed.rows()]
            return check()

        await eventually(looked)

    def of(self, *kinds: str) -> list[FlowRow]:
        return [row for row in self.rows if row.kind in kinds]


@pytest.fixture
async def console(two: tuple[Node, Node], tmp_path: Path) -> AsyncIterator[Console]:
    """A console in the cluster of `two`."""
    config = Config(name="desk", port=0, data_dir=tmp_path / "desk")
    bus = ZeroMQBus(Identity("c" * 16, 1), port=0, peers=[two[0].bus])
    node = ServerNode(config, bus, Tokens(Key("HS256", KEY.encode())))
    desk = Desk(node, "Ops")
    gateway = Gateway(node, config)
    host, port = await gateway.listen()
    await node.start(url=f"ws://{host}:{port}/ws", http=f"http://{host}:{port}/")
    yield Console(node, desk)
    await gateway.drain(0)
    await node.stop()
    await gateway.close()


async def test_texts_of_all_nodes_are_complete_while_voice_floods(
    cluster: Cluster, two: tuple[Node, Node], console: Console
) -> None:
    a, b = two
    feed = await console.look("kind:chat,whisper or kind:voice", nodes=2)
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    joined = await ann.join("voices")
    await bob.join("voices")
    for number in range(30):
        await ann.send("say", id=f"a{number}", room="lobby", text=f"a{number}")
        await bob.send("say", id=f"b{number}", room="lobby", text=f"b{number}")
        await ann.send_raw(frame(joined["ssrc"], seq=number))
    await bob.whisper("a secret", session=ann.session)
    await console.until(feed, lambda: len(console.of("chat")) == 60 and bool(console.of("whisper")))
    for sender in ("a", "b"):
        texts = [row.text for row in console.of("chat") if row.node == sender]
        assert texts == [f"{sender}{number}" for number in range(30)]
    assert [(row.sender, row.to, row.data) for row in console.of("whisper")] == [("Bob", "Ann", b"")]
    assert all(row.latency is not None and row.latency > 0 for row in console.of("chat", "whisper"))
    await console.until(feed, lambda: feed.matched >= 61 + 20)
    shown = [row.seq for row in console.of("voice")]
    assert shown == [seq for seq in range(30) if seq in shown and is_sampled(joined["ssrc"], seq, feed.sampling)]
    assert feed.lost == 0
    feed.close()


async def test_the_way_of_a_text_over_real_processes(
    cluster: Cluster, two: tuple[Node, Node], console: Console
) -> None:
    a, b = two
    feed = await console.look("kind:chat", nodes=2)
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    await ann.say("hi")
    await bob.next("message")
    await console.until(feed, lambda: bool(console.of("chat")))
    (row,) = console.of("chat")
    trace = await console.desk.trace(row.origin, row.seq)
    places = [hop.place for hop in trace.hops]
    assert places[:3] == ["Ann", "a", "a"]
    assert sorted(places[3:-1]) == ["b", "desk"]
    assert places[-1] == "room"
    for hop in trace.hops[3:]:
        assert hop.at_ms is not None
        assert hop.at_ms + hop.error_ms >= 0, "nobody sees it before it was taken"
        assert hop.error_ms < 1000
    assert trace.total_ms is not None
    feed.close()


async def test_a_node_that_is_killed_is_shown_and_a_new_one_is_watched(
    cluster: Cluster, two: tuple[Node, Node], console: Console
) -> None:
    a, b = two
    feed = await console.look("not kind:voice", nodes=2)
    _ann, _bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    await console.until(feed, lambda: len(console.of("join")) == 2)
    b.kill()
    await console.until(feed, lambda: "b" in [row.sender for row in console.of("peer")])
    c = await cluster.start("c", a)
    await eventually(lambda: len(console.node.cards.urls_of_others()) == 2 and not feed.silent)
    cid = await cluster.enter(c, "Cid")
    await cid.join()
    await console.until(feed, lambda: "Cid" in [row.sender for row in console.of("join")])
    feed.close()


async def test_after_the_end_the_nodes_are_silent(cluster: Cluster, two: tuple[Node, Node], console: Console) -> None:
    a, b = two
    feed = await console.look("", nodes=2)
    feed.close()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "close flow"))
    ann, bob = await cluster.room("lobby", ("Ann", a), ("Bob", b))
    topics: list[str] = []
    heard = console.node.on_cast

    def listen(topic: str, frames: list[bytes]) -> None:
        topics.append(topic)
        heard(topic, frames)

    console.node.on_cast = listen  # type: ignore[assignment, method-assign]
    await ann.say("hi")
    await bob.next("message")
    await eventually(lambda: "links" in topics)
    assert not [topic for topic in topics if topic.startswith("flow")]
    assert feed.rows() == []
    trace = await console.desk.trace(str(feed), 1)
    assert trace.total_ms is None
