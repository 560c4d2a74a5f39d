"""How a node that is alone takes leave (protocol.md sections 1 and 8); with a peer: tests/cluster."""

from __future__ import annotations

import asyncio

import pytest

from tests.guest import Guest, fetch, wire
from tests.nodes import Served, Serving


async def test_clients_are_told_and_closed_with_1001(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await served.gateway.drain(5)
    for guest in (ann, bob):
        code, reason = await guest.closed()
        assert code == 1001
        assert reason
        assert guest.seen("going_away") == [{"type": "going_away", "urls": [], "after_ms": 0}]


async def test_what_was_sent_before_arrives_before_the_close(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.say("last words")
    await served.gateway.drain(5)
    await bob.closed()
    assert [said["text"] for said in bob.seen("message")] == ["last words"]


async def test_a_client_without_a_session_is_not_waited_for(served: Served) -> None:
    guest = await served.connect()
    async with wire(served.url) as silent:
        await served.gateway.drain(5)
        await silent.rest()
    await guest.closed()
    assert not served.gateway.connections


async def test_a_node_that_drains_takes_no_new_sessions(served: Served) -> None:
    guest = await served.connect()
    draining = asyncio.create_task(served.gateway.drain(0))
    await asyncio.sleep(0)
    await guest.send("hello", id=1, name="Late")
    code, _ = await guest.closed()
    await draining
    assert code in (1001, 1012, 1006)
    assert not guest.seen("welcome")
    assert (await fetch(served.url, "/readyz")).status == 503
    late = await served.connect()
    assert (await late.ask("hello", name="Later"))["code"] == "unavailable"
    assert (await late.closed())[0] in (1001, 1012)


async def test_with_a_peer_clients_may_go_by_themselves_until_the_time_is_over(serve: Serving) -> None:
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    ann, bob = await a.enter("Ann"), await a.enter("Bob")
    (cid,) = await b.members("Cid")
    await ann.join()
    await cid.next("member_joined")
    draining = asyncio.create_task(a.gateway.drain(0.3))
    for guest in (ann, bob):
        assert await guest.next("going_away") == {"type": "going_away", "urls": [b.url], "after_ms": 300}
    await ann.leave_for_good()
    assert (await cid.next("member_left"))["reason"] == "left"
    assert bob.socket.close_code is None
    await draining
    assert (await bob.closed())[0] == 1012


async def test_with_a_peer_the_end_comes_at_once_when_all_have_gone(serve: Serving) -> None:
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    ann = await a.enter("Ann")
    (cid,) = await b.members("Cid")
    await ann.join()
    await cid.next("member_joined")
    draining = asyncio.create_task(a.gateway.drain(3600))
    await ann.next("going_away")
    await ann.leave_for_good()
    await draining


@pytest.mark.parametrize("times", [2])
async def test_closing_twice_is_no_fault(serve: Serving, times: int) -> None:
    served = await serve()
    guest: Guest = await served.enter()
    for _ in range(times):
        await served.close()
    assert guest.socket.close_code is not None


async def test_clients_are_told_where_else_they_may_go_as_nodes_come_and_leave(serve: Serving) -> None:
    a = await serve(address="a:1")
    ann = await a.enter("Ann")
    assert ann.welcome["urls"] == [a.url]
    b = await serve("a:1", address="b:1")
    assert await ann.next("urls") == {"type": "urls", "urls": [a.url, b.url]}
    assert (await a.enter("Bob")).welcome["urls"] == [a.url, b.url]
    await b.node.stop()
    assert await ann.next("urls") == {"type": "urls", "urls": [a.url]}
    await ann.settle()
    assert not ann.unread
