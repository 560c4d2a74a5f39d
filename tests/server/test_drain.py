"""How a node goes away: at its end, by request and back again (protocol.md sections 1, 7 and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import pytest_asyncio

from bus.interface import BusError
from server.departure import Begin
from server.desk import Desk
from server.node import Node
from server.session import Actor, Role
from server.views import DrainView, NodeView
from server.wire.native import Refused
from tests.guest import FIRST, PATIENCE, Event, Guest, fetch, frame, wire
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
    for guest, after_ms in ((ann, 150), (bob, 300)):
        assert await guest.next("going_away") == {"type": "going_away", "urls": [b.url], "after_ms": after_ms}
    await ann.leave_for_good()
    assert (await cid.next("member_left"))["reason"] == "left"
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


# By request.


@pytest_asyncio.fixture
async def pair(serve: Serving) -> tuple[Served, Served]:
    """Two nodes that know each other."""
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    await until(a.node, lambda: len(a.node.urls()) == 2)
    await until(b.node, lambda: len(b.node.urls()) == 2)
    return a, b


@pytest.mark.parametrize("there", [0, 1], ids=["the own node", "another node"])
@pytest.mark.parametrize("by", ["name", "node_id"])
async def test_an_admin_drains_any_node_from_any_node(pair: tuple[Served, Served], there: int, by: str) -> None:
    leaves, stays = pair[there], pair[1 - there]
    boss = await pair[0].enter_as("admin")
    clients = [await leaves.enter(name) for name in ("Ann", "Bob", "Cid")]
    done = await boss.ask("drain", node=getattr(leaves.node, by), seconds=3600, reason="new kernel")
    assert done["type"] == "done"
    (result,) = done["results"]
    assert (result.keys(), result["node"], result["outcome"]) == (
        {"node", "outcome", "ms"},
        leaves.node.name,
        "done",
    )
    told = [await client.next("going_away") for client in clients]
    assert [each["urls"] for each in told] == [[stays.url]] * 3
    waits = [each["after_ms"] for each in told]
    assert len(set(waits)) == 3
    assert all(0 < wait <= 3_600_000 for wait in waits)
    ready = await fetch(leaves.url, "/readyz")
    assert ready.status == 503
    assert b"draining" in ready.body
    assert (await fetch(leaves.url, "/healthz")).status == 200
    assert (await fetch(stays.url, "/readyz")).status == 200


async def test_each_is_closed_when_its_own_time_is_over(pair: tuple[Served, Served]) -> None:
    a, b = pair
    ann, bob = await a.enter("Ann"), await a.enter("Bob")
    boss = await b.enter_as("admin")
    a.clock.stop()
    assert (await boss.ask("drain", node="n1", seconds=60))["type"] == "done"
    assert (await ann.next("going_away"))["after_ms"] == 30_000
    assert (await bob.next("going_away"))["after_ms"] == 60_000
    a.advance(29)
    await bob.settle()
    await ann.settle()
    a.advance(1)
    assert (await ann.closed())[0] == 1012
    await bob.settle()
    assert a.node.departure.view() == DrainView(1, 2, 30)
    a.advance(30)
    assert (await bob.closed())[0] == 1012
    assert a.node.departure.view() == DrainView(0, 2, 0)


async def test_who_speaks_goes_last(pair: tuple[Served, Served]) -> None:
    a, _ = pair
    ann, bob = await a.members("Ann", "Bob")
    await ann.send_raw(frame(ann_ssrc(a, ann), flags=FIRST))
    await bob.voice()
    a.node.departure.begin(60)
    waits = {guest: (await guest.next("going_away"))["after_ms"] for guest in (ann, bob)}
    assert waits == {ann: 60_000, bob: 30_000}


@pytest.mark.parametrize("hello", [{"name": "Late"}, {"resume": "whatever it is"}], ids=["new", "resume"])
async def test_whoever_comes_meanwhile_is_sent_elsewhere(pair: tuple[Served, Served], hello: Event) -> None:
    a, b = pair
    boss = await b.enter_as("admin")
    await boss.ask("drain", node="n1")
    late = await a.connect()
    refused = await late.ask("hello", **hello)
    assert (refused["code"], refused["urls"]) == ("unavailable", [b.url])
    assert (await late.closed())[0] == 1012


async def test_nobody_is_sent_to_a_node_that_goes_away(serve: Serving) -> None:
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    c = await serve("a:1", "b:1", address="c:1")
    await until(c.node, lambda: len(c.node.urls()) == 3)
    ann, boss = await c.enter("Ann"), await c.enter_as("admin")
    await boss.ask("drain", node="n1", seconds=0)
    assert (await ann.next("urls"))["urls"] == [c.url, b.url]
    assert (await boss.ask("drain", node="n2", seconds=0))["type"] == "done"
    assert (await ann.next("urls"))["urls"] == [c.url]
    refused = await boss.ask("drain", node="n3", seconds=0)
    assert refused["code"] == "unavailable"
    assert "no other node" in refused["message"]
    assert a.node.draining
    assert not c.node.draining


async def test_a_drain_that_is_called_off_leaves_the_rest_where_they_are(pair: tuple[Served, Served]) -> None:
    a, b = pair
    desk = Desk(b.node, "Lena")
    ann = await a.enter("Ann")
    await desk.drain(desk.operator, node=a.node.node_id, seconds=3600)
    await ann.next("going_away")
    assert await ann.next("urls") == {"type": "urls", "urls": [b.url]}
    await until(b.node, lambda: view(desk, a).draining == DrainView(1, 1, 3600))
    assert (await desk.cancel_drain(desk.operator, node=a.node.node_id)).outcome == "done"
    assert await ann.next("urls") == {"type": "urls", "urls": [a.url, b.url]}
    a.advance(7200)
    await ann.settle()
    assert (await fetch(a.url, "/readyz")).status == 200
    assert (await a.enter("Bob")).welcome["node"] == "n1"
    await until(b.node, lambda: view(desk, a).draining is None)


async def test_who_has_gone_is_counted_and_a_drain_may_begin_anew(pair: tuple[Served, Served]) -> None:
    a, b = pair
    desk = Desk(b.node, "Lena")
    ann, bob, cid = [await a.enter(name) for name in ("Ann", "Bob", "Cid")]
    await desk.drain(desk.operator, node=a.node.node_id, seconds=3600)
    await ann.leave_for_good()
    await until(b.node, lambda: (found := view(desk, a).draining) is not None and (found.left, found.of) == (2, 3))
    await desk.drain(desk.operator, node=a.node.node_id, seconds=0)
    assert [(await guest.closed())[0] for guest in (bob, cid)] == [1012, 1012]
    await until(b.node, lambda: view(desk, a).draining == DrainView(0, 2, 0))


async def test_a_node_that_is_left_alone_meanwhile_stays(pair: tuple[Served, Served]) -> None:
    a, b = pair
    ann = await a.enter("Ann")
    boss = await b.enter_as("admin")
    await boss.ask("drain", node="n1", seconds=3600)
    await ann.next("going_away")
    await b.node.stop()
    await until(a.node, lambda: not a.node.draining)
    a.advance(7200)
    await ann.settle()


async def test_the_only_node_is_not_drained_by_request(served: Served) -> None:
    boss = await served.enter_as("admin")
    refused = await boss.ask("drain", node="n1")
    assert refused["code"] == "unavailable"
    assert refused["message"] == "no other node takes sessions, so the clients of n1 have nowhere to go"
    assert (await fetch(served.url, "/readyz")).status == 200


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"node": "nobody"}, "not_found", "node"),
        ({"node": ""}, "not_found", "node"),
        ({}, "bad_request", "node"),
        ({"node": 7}, "bad_request", "node"),
        ({"node": "n1", "seconds": -1}, "bad_request", "seconds"),
        ({"node": "n1", "seconds": 3601}, "bad_request", "seconds"),
        ({"node": "n1", "seconds": "soon"}, "bad_request", "seconds"),
        ({"node": "n1", "reason": "x" * 4001}, "too_large", "reason"),
    ],
)
async def test_a_wrong_drain_is_told_what_is_wrong(
    pair: tuple[Served, Served], given: Event, code: str, field: str
) -> None:
    boss = await pair[0].enter_as("admin")
    refused = await boss.ask("drain", **given)
    assert (refused["code"], refused.get("field")) == (code, field)
    assert not pair[0].node.draining


@pytest.mark.parametrize("role", ["user", "moderator"])
async def test_only_admins_drain(pair: tuple[Served, Served], role: str) -> None:
    guest = await pair[0].enter_as(role)
    assert (await guest.ask("drain", node="n2"))["code"] == "forbidden"


async def test_a_node_does_not_take_the_word_of_another_for_who_may(pair: tuple[Served, Served]) -> None:
    a, b = pair
    by = Actor("s", "mo", "Mo", Role.MODERATOR)
    with pytest.raises(Refused, match="only admins"):
        await b.node.departure.order(a.node.node_id, Begin(by=by, seconds=0))
    assert not a.node.draining


async def test_a_node_that_does_not_answer_is_named(
    pair: tuple[Served, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    boss = await b.enter_as("admin")
    monkeypatch.setattr(a.node.departure, "answer", unready)
    refused = await boss.ask("drain", node="n1")
    assert (refused["code"], refused["message"]) == ("unavailable", "node n1 did not answer")


async def test_a_node_that_ends_is_not_called_back(pair: tuple[Served, Served]) -> None:
    a, b = pair
    desk = Desk(b.node, "Lena")
    ann = await a.enter("Ann")
    ending = asyncio.create_task(a.gateway.drain(3600))
    await ann.next("going_away")
    with pytest.raises(Refused, match="n1 is ending already"):
        await desk.cancel_drain(desk.operator, node=a.node.node_id)
    assert (await desk.drain(desk.operator, node=a.node.node_id, seconds=0)).outcome == "done"
    await ann.settle()
    assert not ann.seen("going_away")
    await ann.leave_for_good()
    await ending


async def test_a_node_that_ends_waits_no_longer_when_nobody_else_is_left(pair: tuple[Served, Served]) -> None:
    a, b = pair
    ann = await a.enter("Ann")
    ending = asyncio.create_task(a.gateway.drain(3600))
    await ann.next("going_away")
    await b.node.stop()
    assert (await ann.closed())[0] == 1001
    await ending


def view(desk: Desk, served: Served) -> NodeView:
    """How a console sees a node."""
    return next(found for found in desk.nodes() if found.node == served.node.node_id)


def ann_ssrc(served: Served, guest: Guest) -> int:
    """Under which number a member speaks."""
    (seat,) = served.node.presence.present[guest.session].seats
    return seat.ssrc


def unready(_body: bytes) -> bytes:
    """What a node does that cannot answer."""
    raise BusError("not now")


async def until(node: Node, condition: Callable[[], bool]) -> None:
    """Wait until something is true of a node; asked again whenever it tells of a node."""
    changed = asyncio.Event()
    end = node.watch(lambda _event: changed.set())
    async with asyncio.timeout(PATIENCE):
        while not condition():
            changed.clear()
            await changed.wait()
    end()


# At the end.


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
