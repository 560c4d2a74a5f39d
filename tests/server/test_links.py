"""The ways between nodes: what each end measures, what a console makes of both."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bus.interface import Peer, PeerState
from bus.keys import Identity
from bus.zeromq import ZeroMQBus
from server.config import Config
from server.desk import Desk
from server.gateway import Gateway
from server.identity import Tokens
from server.links import FRESH_SECONDS, TOPIC, Links
from server.node import Node
from server.views import LinkView
from tests.bus.ear import eventually
from tests.nodes import KEY

A, B, C = (f"{number:016x}" for number in (1, 2, 3))
UP, SUSPECT, DOWN = PeerState.UP, PeerState.SUSPECT, PeerState.DOWN


def peer(node: str, state: PeerState = UP, *, received: int = 0, trip: float | None = 0.004, life: int = 1) -> Peer:
    return Peer(
        node=node,
        origin=f"{node}.{life}",
        state=state,
        address="h:1",
        heard=0.0,
        round_trip=trip,
        card=b"",
        received=received,
    )


def measured(links: Links, *pairs: tuple[Peer, Peer]) -> None:
    """Two looks, a second apart."""
    links.measure([first for first, _ in pairs], 0.0)
    links.measure([second for _, second in pairs], 1.0)


def test_a_link_is_both_directions_together() -> None:
    a, b = Links(A), Links(B)
    measured(a, (peer(B), peer(B, received=30)))
    measured(b, (peer(A, trip=0.006), peer(A, received=12, trip=0.006)))
    a.merge(b.tell(), 1.0)
    assert a.views({A: UP, B: UP}, 1.0) == [LinkView(A, B, "up", 42.0, 5.0)]


def test_what_one_end_has_not_said_is_not_guessed() -> None:
    a = Links(A)
    a.measure([peer(B, trip=None)], 0.0)
    assert a.views({A: UP, B: UP}, 0.0) == [LinkView(A, B, "up", None, None)]
    a.measure([peer(B, received=30)], 1.0)
    assert a.views({A: UP, B: UP}, 1.0) == [LinkView(A, B, "up", None, 4.0)]


def test_a_link_is_as_bad_as_its_worse_end_says() -> None:
    a, b = Links(A), Links(B)
    measured(a, (peer(B), peer(B)))
    measured(b, (peer(A), peer(A, SUSPECT)))
    a.merge(b.tell(), 1.0)
    assert [link.state for link in a.views({A: UP, B: UP}, 1.0)] == ["late"]
    measured(a, (peer(B), peer(B, DOWN, received=5)))
    assert a.views({A: UP, B: DOWN}, 1.0) == [LinkView(A, B, "lost", None, None)]


def test_others_have_links_too_and_a_pair_of_which_nothing_is_known_is_not_there() -> None:
    a, b = Links(A), Links(B)
    measured(a, (peer(B), peer(B)), (peer(C), peer(C)))
    nodes = {A: UP, B: UP, C: UP}
    assert [(link.a, link.b) for link in a.views(nodes, 1.0)] == [(A, B), (A, C)]
    measured(b, (peer(C), peer(C, received=8)))
    a.merge(b.tell(), 1.0)
    assert a.views(nodes, 1.0)[2] == LinkView(B, C, "up", None, 4.0)


def test_words_of_long_ago_count_no_more_and_a_link_of_the_dead_is_lost() -> None:
    a, b = Links(A), Links(B)
    measured(a, (peer(B), peer(B)), (peer(C), peer(C)))
    measured(b, (peer(C), peer(C)))
    a.merge(b.tell(), 1.0)
    late = 1.0 + FRESH_SECONDS + 0.1
    a.measure([peer(B, DOWN), peer(C)], late)
    assert a.views({A: UP, B: DOWN, C: UP}, late) == [
        LinkView(A, B, "lost", None, None),
        LinkView(A, C, "up", None, 4.0),
        LinkView(B, C, "lost", None, None),
    ]


def test_another_life_of_a_node_is_measured_anew() -> None:
    a = Links(A)
    measured(a, (peer(B, received=1000), peer(B, received=1000)))
    a.measure([peer(B, received=3, life=2)], 2.0)
    a.measure([peer(B, received=10, life=2)], 3.0)
    b = Links(B)
    measured(b, (peer(A), peer(A)))
    a.merge(b.tell(), 3.0)
    assert [link.rate for link in a.views({A: UP, B: UP}, 3.0)] == [7.0]


def test_who_has_said_goodbye_has_no_links() -> None:
    a = Links(A)
    a.measure([msgspec.structs.replace(peer(B, DOWN), left=True)], 0.0)
    assert a.views({A: UP}, 0.0) == []


def test_what_is_not_readable_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        Links(A).merge(b"\x00", 0.0)


@contextlib.asynccontextmanager
async def serving(folder: Path, number: int, *peers: str) -> AsyncIterator[Node]:
    config = Config(name=f"n{number}", port=0, data_dir=folder)
    node = Node(config, ZeroMQBus(Identity(f"{number:016x}", 1), port=0, peers=peers), Tokens(KEY))
    gateway = Gateway(node, config)
    host, port = await gateway.listen()
    await node.start(url=f"ws://{host}:{port}/ws", http=f"http://{host}:{port}/")
    try:
        yield node
    finally:
        await node.stop()
        await gateway.close()


def sees_both(node: Node) -> bool:
    return [peer.state for peer in node.bus.peers()] == [UP, UP]


async def test_a_console_sees_every_link_of_a_mesh_and_without_one_nothing_is_told(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(tmp_path, 1))
        others = [await stack.enter_async_context(serving(tmp_path, n, first.bus.address)) for n in (2, 3)]
        nodes = [first, *others]
        for node in nodes:
            await eventually(functools.partial(sees_both, node))
        assert not any(node.bus.wanted(TOPIC) for node in nodes)

        desk = Desk(first, "Lena")
        await eventually(lambda: all(node.bus.wanted(TOPIC) for node in others))
        assert not first.bus.wanted(TOPIC)
        await eventually(lambda: [link.state for link in desk.links()] == ["up", "up", "up"])
        await eventually(lambda: all(link.rate and link.round_trip for link in desk.links()))
        assert [(link.a, link.b) for link in desk.links()] == [(A, B), (A, C), (B, C)]
        before = {p.node: p.received for p in first.bus.peers()}
        for _ in range(100):
            others[0].bus.cast(TOPIC, others[0].links.tell())
        await eventually(lambda: {p.node: p.received for p in first.bus.peers()}[B] >= before[B] + 100)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -1.0])
def test_a_figure_that_cannot_be_is_refused(figure: float) -> None:
    told = msgspec.msgpack.encode((B, [(A, "up", figure, 1.0)]))
    with pytest.raises(msgspec.MsgspecError):
        Links(A).merge(told, 0.0)
