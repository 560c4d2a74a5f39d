"""The connection of a page, before nodes that say what a test wants: refusals, waits, a change without a pause."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets import Subprotocol
from websockets.asyncio.server import ServerConnection, serve

from tests.browser.conftest import VisitorFactory
from tests.browser.nodes import RunningNode
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

Cluster = tuple[RunningNode, RunningNode]
Script = Callable[["Peer"], Awaitable[None]]

CONNECT = """async ([home, urls]) => {
    const { Connection } = await import('/connection.js');
    window.told = [];
    let n = 0;
    const tell = (name) => (...values) => told.push([name, ...values]);
    window.connection = new Connection({
        home, urls, hello: () => ({ resume: 'token', n: ++n }), probe: () => ({ type: 'deafen', on: false }),
        events: {
            opened: ({ recovered }) => told.push(['opened', recovered]),
            live: tell('live'), message: ({ type }) => told.push(['message', type]), voice: tell('voice'), heard() {},
            lost: tell('lost'), over: tell('over'),
            ended: (code, reason, refusal) => tell('ended')(code, reason, refusal?.code),
        },
    });
    connection.open();
}"""

WELCOME = {"type": "welcome", "recovered": True, "urls": []}


class Peer:
    """A page at a scripted node."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def hear(self) -> dict[str, Any]:
        """The next thing that the page says."""
        return dict(json.loads(await self.socket.recv()))

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[str]:
    """A node that follows `script` with each page; gives its URL."""

    async def follow(socket: ServerConnection) -> None:
        await script(Peer(socket))

    async with serve(follow, "127.0.0.1", 0, subprotocols=[Subprotocol("switchboard.v1")]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"


async def connect(visitor: Visitor, node: RunningNode, home: str, *urls: str) -> None:
    await visitor.page.goto(node.http)
    await visitor.page.evaluate(CONNECT, [home, list(urls)])


async def told(visitor: Visitor, count: int) -> list[list[Any]]:
    """What the page's connection has told, as soon as it is so much."""
    await visitor.until(f"() => told.length >= {count}")
    return list(await visitor.page.evaluate("told"))


async def test_hello_that_is_refused_for_a_while_is_repeated_on_its_socket(
    cluster: Cluster, visit: VisitorFactory
) -> None:
    hellos: list[int] = []

    async def busy(peer: Peer) -> None:
        for _ in range(2):
            hello = await peer.hear()
            hellos.append(hello["n"])
            refusal = {"code": "rate_limited", "message": "too many come back at once", "retry_after_ms": 20}
            await peer.say(type="error", id=hello["id"], **refusal)
        hello = await peer.hear()
        hellos.append(hello["n"])
        await peer.say(id=hello["id"], **WELCOME)
        await peer.say(type="live")
        await peer.socket.wait_closed()

    ann = await visit("Ann")
    async with scripted(busy) as url:
        await connect(ann, cluster[0], url)
        assert await told(ann, 2) == [["opened", True], ["live"]]
        assert hellos == [1, 2, 3]
        await ann.page.close()


async def test_requests_wait_until_all_that_was_missed_has_come(cluster: Cluster, visit: VisitorFactory) -> None:
    asked: list[str] = []

    async def replay(peer: Peer) -> None:
        hello = await peer.hear()
        await peer.say(id=hello["id"], **WELCOME)
        await peer.say(type="message")
        await peer.say(type="live")
        request = await peer.hear()
        asked.append(request["type"])
        await peer.say(type="ok", id=request["id"])
        await peer.socket.wait_closed()

    ann = await visit("Ann")
    async with scripted(replay) as url:
        await connect(ann, cluster[0], url)
        await ann.page.evaluate("""async () => {
            while (connection.state !== 'open') await new Promise((next) => setTimeout(next));
            await connection.request('deafen', { on: true });
            told.push(['answered']);
        }""")
        expected = [["opened", True], ["message", "message"], ["live"], ["answered"]]
        assert await told(ann, 4) == expected
        assert asked == ["deafen"]
        await ann.page.close()


async def test_page_that_is_asked_to_go_is_served_until_another_node_is_open(
    cluster: Cluster, visit: VisitorFactory
) -> None:
    ends: list[int | None] = []

    async def stay(peer: Peer) -> None:
        hello = await peer.hear()
        ends.append(left[0].socket.close_code)
        await peer.say(id=hello["id"], **WELCOME)
        await peer.say(type="live")
        await peer.socket.wait_closed()

    left: list[Peer] = []

    async def go(peer: Peer) -> None:
        left.append(peer)
        hello = await peer.hear()
        await peer.say(id=hello["id"], **WELCOME)
        await peer.say(type="live")
        await peer.say(type="going_away", urls=[other], after_ms=1)
        await peer.socket.wait_closed()

    ann = await visit("Ann")
    async with scripted(stay) as other, scripted(go) as home:
        await connect(ann, cluster[0], home, other)
        events = await told(ann, 5)
        assert events == [["opened", True], ["live"], ["message", "going_away"], ["opened", True], ["live"]]
        assert ends == [None], "it came before it left"
        await ann.page.close()


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (4410, ["over"]),
        (4403, ["ended", 4403, "no more", "unauthorized"]),
        (4401, ["ended", 4401, "no more", "unauthorized"]),
    ],
)
async def test_refused_hello_means_what_the_close_says(
    cluster: Cluster, visit: VisitorFactory, code: int, end: list[Any]
) -> None:
    async def refuse(peer: Peer) -> None:
        hello = await peer.hear()
        await peer.say(type="error", id=hello["id"], code="unauthorized", message="no more")
        await peer.socket.close(code, "closed")

    ann = await visit("Ann")
    async with scripted(refuse) as url:
        await connect(ann, cluster[0], url)
        assert (await told(ann, 1))[0] == end
        await ann.page.close()


async def test_silent_node_is_left_for_the_next(cluster: Cluster, visit: VisitorFactory) -> None:
    async def stall(peer: Peer) -> None:
        hello = await peer.hear()
        await peer.say(id=hello["id"], **WELCOME | {"urls": [other]})
        await peer.say(type="live")
        await peer.socket.wait_closed()

    async def serve_well(peer: Peer) -> None:
        hello = await peer.hear()
        await peer.say(id=hello["id"], **WELCOME)
        await peer.socket.wait_closed()

    ann = await visit("Ann")
    async with scripted(serve_well) as other, scripted(stall) as home:
        await connect(ann, cluster[0], home, other)
        await told(ann, 2)
        await ann.page.evaluate("connection.hurry()")
        assert (await told(ann, 4))[2:] == [["lost"], ["opened", True]]
        await ann.page.close()
