"""Limits of several clients together: of one address, one user, one room, and of all (server/{entrance,limits}.py).

Loopback has no limits per address, so here every address of loopback is a stranger's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from server import acceptor, conversation, limits
from server.entrance import Refusal
from server.limits import Quotas, Shares
from server.refusals import Refusals
from tests.guest import PATIENCE, Answered, Guest, Wire, fetch, upgrade
from tests.nodes import Served, Serving

pytestmark = pytest.mark.usefixtures("strangers")


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loopback be a network like any other."""
    monkeypatch.setattr(acceptor, "network_of", lambda ip: ip)
    monkeypatch.setattr(conversation, "network_of", lambda ip: ip)


@contextlib.asynccontextmanager
async def come(served: Served, address: str = "127.0.0.2") -> AsyncIterator[Wire]:
    """A TCP connection from an address of this machine."""
    host, port = served.url.removeprefix("ws://").removesuffix("/ws").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
    try:
        yield Wire(reader, writer, f"{host}:{port}")
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def shut(served: Served, address: str = "127.0.0.2") -> Answered:
    """What somebody hears who is turned away."""
    async with come(served, address) as connection:
        await connection.send(upgrade(connection.host))
        return Answered(await connection.rest())


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds of which nothing tells."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def still_served(ann: Guest, bob: Guest) -> None:
    sent = await ann.say("are you there?")
    assert (await bob.next("message", id=sent["id"]))["text"] == "are you there?"


# Connections


async def test_an_address_may_have_so_many_connections_and_hears_why_not_more(serve: Serving) -> None:
    served = await serve(address_connections=3)
    ann, bob = await served.members("Ann", "Bob")
    async with come(served) as first, come(served), come(served):
        await first.shake_hands()
        answer = await shut(served)
        assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (429, "2", "close")
        assert b"address" in answer.body
        async with come(served, "127.0.0.3") as other:
            await other.say_hello(name="Eve")
        await still_served(ann, bob)
    assert served.gateway.entrance.refused == {Refusal.ADDRESS: 1}
    async with come(served) as again:
        await again.say_hello(name="Eve")


async def test_an_address_may_make_so_many_handshakes(serve: Serving) -> None:
    served = await serve(address_handshakes=2)
    served.clock.stop()
    for _ in range(10):
        async with come(served) as connection:
            await connection.say_hello(name="Eve")
    assert (await shut(served)).status == 429
    assert (await shut(served)).status == 429
    async with come(served, "127.0.0.3") as other:
        await other.say_hello(name="Eve")
    served.clock.advance(0.5)
    async with come(served) as connection:
        await connection.say_hello(name="Eve")
    assert (await shut(served)).status == 429


async def test_at_the_limit_of_all_who_is_there_is_served_and_a_place_that_is_free_is_taken(serve: Serving) -> None:
    served = await serve(connections=5)
    ann, bob = await served.members("Ann", "Bob")
    async with come(served, "127.0.0.2") as two, come(served, "127.0.0.3") as three:
        await two.say_hello(name="Two")
        await three.say_hello(name="Three")
        async with come(served, "127.0.0.4"):
            answer = await shut(served, "127.0.0.5")
            assert (answer.status, answer.headers["retry-after"]) == (503, "2")
            with pytest.raises(InvalidStatus) as refused:
                await connect(served.url, proxy=None)
            assert refused.value.response.status_code == 503
            await still_served(ann, bob)
    await until(lambda: len(served.gateway.entrance) == 2)
    async with come(served, "127.0.0.5") as connection:
        await connection.say_hello(name="Five")
    assert served.gateway.entrance.refused == {Refusal.FULL: 2}


async def test_silent_ones_make_place_for_who_comes_later(serve: Serving) -> None:
    served = await serve(connections=8)
    ann, bob = await served.members("Ann", "Bob")
    async with contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(come(served, f"127.0.0.{n}")) for n in range(2, 12)]
        for n in range(20):
            async with come(served, f"127.0.1.{n}") as good:
                await good.say_hello(name="Good")
        await still_served(ann, bob)
        assert await silent[0].rest() == b""
        assert served.gateway.entrance.unheard <= 4
        await fetch(served.url, "/healthz")
    assert served.gateway.entrance.refused[Refusal.FULL] == 0


async def test_behind_a_trusted_proxy_those_are_counted_for_whom_it_speaks(serve: Serving) -> None:
    served = await serve(address_connections=1, trusted_proxies=("127.0.0.9/32",))

    async def knock(stack: contextlib.AsyncExitStack, behind: str) -> int:
        connection = await stack.enter_async_context(come(served, "127.0.0.9"))
        await connection.send(upgrade(connection.host, X_Forwarded_For=behind))
        return int((await connection.head()).split()[1])

    async with contextlib.AsyncExitStack() as stack:
        assert [await knock(stack, f"192.0.2.{n}") for n in range(1, 9)] == [101] * 8
        assert await knock(stack, "192.0.2.1") == 429
        assert await knock(stack, "198.51.100.1, 192.0.2.2") == 429  # what stands before the last, anybody may write
    assert served.gateway.entrance.refused == {Refusal.ADDRESS: 2}


async def test_connections_are_counted_until_they_have_ended(serve: Serving) -> None:
    served = await serve()
    async with contextlib.AsyncExitStack() as stack:
        some = [await stack.enter_async_context(come(served, f"127.0.0.{2 + n % 7}")) for n in range(40)]
        for number, connection in enumerate(some):
            await connection.send(upgrade(connection.host)[: None if number % 2 else number])
        await served.members("Ann")
        assert (len(served.gateway.entrance), served.gateway.entrance.unheard) == (41, 20)
    await until(lambda: len(served.gateway.connections) == 1)
    entrance = served.gateway.entrance
    assert (len(entrance), entrance.unheard) == (1, 0)
    entrance.forget(served.clock.now() + 100)
    assert entrance.addresses == 1


async def test_a_thousand_who_are_turned_away_are_one_line_a_second(
    serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(address_connections=1)
    caplog.set_level(logging.INFO, "server.gateway")
    began = served.gateway.ticks
    async with come(served):
        for _ in range(10):
            await asyncio.gather(*(shut(served) for _ in range(100)))
        served.gateway._look_at_entrance(served.clock.now())
        lines = [record for record in caplog.records if "turned away" in record.getMessage()]
        assert 1 <= len(lines) <= (served.gateway.ticks - began) / 10 + 2
        assert sum(int(line.getMessage().split()[0]) for line in lines) == 1000
    assert served.gateway.entrance.turned_away["127.0.0.2"].count == 1000


# Descriptors


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells it of a socket")
async def test_no_more_than_128_wait_at_the_port_to_be_taken(serve: Serving) -> None:
    served = await serve()
    for listener in served.gateway._acceptor._listeners:
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        assert 1 <= int.from_bytes(told[28:32], sys.byteorder) <= 128  # tcpi_sacked, of a socket that listens


async def test_without_a_free_descriptor_those_who_are_there_are_served_and_others_are_told(
    serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    caplog.set_level(logging.INFO)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(come(served)) for _ in range(3)]
        waiting = [await _unaccepted(served, stack) for _ in range(4)]
        # From here on this process, which is that of the node too, gets no descriptor.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
        holes = _fill()
        try:
            _let_in(served)
            for connection in waiting:
                assert Answered(await connection.rest()).status == 503
            await still_served(ann, bob)
            assert served.gateway.entrance.refused == {Refusal.DESCRIPTORS: len(waiting)}
        finally:
            for hole in holes:
                os.close(hole)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for connection in wires:
            await connection.say_hello(name="Patient")
        await served.members("Cid")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def _unaccepted(served: Served, stack: contextlib.AsyncExitStack) -> Wire:
    """A connection that waits in the backlog of the node."""
    for listener in served.gateway._acceptor._listeners:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    return await stack.enter_async_context(come(served))


def _let_in(served: Served) -> None:
    served.gateway._acceptor._watch()


def _fill() -> list[int]:
    """Take every descriptor that is free."""
    holes = []
    with contextlib.suppress(OSError):
        while True:
            holes.append(os.open(os.devnull, os.O_RDONLY))
    return holes


# Requests


async def test_all_sessions_of_a_user_have_a_limit_together(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USER", (50.0, 70.0))
    served = await serve()
    served.clock.stop()
    served.clock.advance(10)
    first, second = await served.enter(user="ann"), await served.enter(user="ann")
    other = await served.enter(user="bob")
    for guest in (first, second):
        for _ in range(35):
            assert (await guest.ask("list", what="rooms"))["type"] == "listed"
    for guest in (first, second):
        error = await guest.ask("list", what="rooms")
        assert (error["code"], error["retry_after_ms"]) == ("rate_limited", 21)
    assert (await other.ask("list", what="rooms"))["type"] == "listed"
    assert served.node.counters.limited == {"user": 2}


async def test_all_of_an_address_have_a_limit_together(serve: Serving) -> None:
    served = await serve(address_requests=10)
    served.clock.stop()
    served.clock.advance(10)
    async with come(served) as first, come(served) as second, come(served, "127.0.0.3") as other:
        for connection in (first, second, other):
            await connection.say_hello(name="Eve")
        codes = []
        for number in range(45):
            codes.append((await ask(second if number % 2 else first)).get("code"))
        assert codes == [None] * 38 + ["rate_limited"] * 7  # the two hellos are requests as well
        assert (await ask(other))["type"] == "listed"
    assert served.node.counters.limited == {"address": 7}


async def ask(connection: Wire) -> dict[str, object]:
    await connection.send(b"\x81" + _masked(b'{"type":"list","id":1,"what":"rooms"}'))
    return await connection.read_message()


def _masked(payload: bytes) -> bytes:
    return bytes((0x80 | len(payload),)) + bytes(4) + payload


async def test_a_room_has_a_limit_and_others_do_not_care(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROOM", (10.0, 30.0))
    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    await served.members("Cid", room="other")
    served.clock.stop()
    served.clock.advance(10)
    answers = [(await (ann, bob)[n % 2].ask("say", room="lobby", text=str(n))).get("code") for n in range(32)]
    assert answers == [None] * 30 + ["rate_limited"] * 2
    await ann.join("other")
    await ann.say("here it is quiet", room="other")
    assert served.node.counters.limited == {"room": 2}


async def test_the_same_text_again_and_again_is_refused_and_another_is_not(serve: Serving) -> None:
    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    said, at = 0, 0.0
    while True:
        answer = await ann.ask("say", room="lobby", text="buy this")
        if answer["type"] == "error":
            break
        said += 1
        at += 0.1
        served.clock.advance(0.1)
    assert 120 <= said <= 180
    assert answer["code"] == "rate_limited"
    assert "again and again" in answer["message"]
    await ann.say("something else")
    await ann.say("buy this")
    served.clock.advance(answer["retry_after_ms"] / 1000)
    await ann.say("buy this")
    await bob.say("buy this")
    await bob.say("buy this")
    assert served.node.counters.limited == {"repeats": 1}


async def test_who_floods_together_with_others_is_closed_with_4429_and_who_does_not_is_served(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "USER", (5.0, 10.0))
    served = await serve()
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    served.clock.advance(10)
    eve = await served.enter(user="eve")
    for _ in range(5):
        while (await eve.ask("list", what="rooms"))["type"] == "listed":
            pass
        await still_served(ann, bob)
        served.clock.advance(1)
    assert (await eve.closed())[0] == 4429
    await still_served(ann, bob)


async def test_a_text_that_is_sent_again_under_its_id_is_no_repeat(serve: Serving) -> None:
    served = await serve()
    ann, _ = await served.members("Ann", "Bob")
    for _ in range(200):
        served.clock.advance(0.1)
        assert (await ann.ask("say", id="one", room="lobby", text="once"))["type"] == "sent"


async def test_refusals_are_counted_by_reason_in_metrics(serve: Serving) -> None:
    served = await serve(address_connections=4)
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    served.clock.advance(10)
    for number in range(63):
        await ann.ask("say", room="lobby", text=str(number))
    await ann.ask("leave", room="nowhere")
    async with come(served), come(served), come(served), come(served):
        await shut(served)
    found = dict(re.findall(rb"^(switchboard_[^# ]+) (\S+)$", (await fetch(served.url, "/metrics")).body, flags=re.M))
    assert found[b'switchboard_limited_total{limit="session"}'] == b"3.0"
    assert found[b'switchboard_limited_total{limit="repeats"}'] == b"0.0"
    assert found[b'switchboard_refused_total{code="rate_limited"}'] == b"3.0"
    assert found[b'switchboard_refused_total{code="not_found"}'] >= b"1.0"
    assert found[b'switchboard_connections_refused_total{reason="address"}'] == b"1.0"
    assert float(found[b"switchboard_connections"]) >= 3


# As arithmetic


def test_shares_have_a_bucket_for_each_and_forget_those_who_ask_for_nothing() -> None:
    shares: Shares[str] = Shares(2, 3, most=10)
    assert [shares.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 501]
    assert shares.take("b", 0.0) == 0
    shares.forget(1.0)
    assert len(shares) == 1  # b's is full again
    shares.forget(2.0)
    assert len(shares) == 0
    for number in range(100):
        shares.take(str(number), 0.0)
    assert len(shares) == 10
    unlimited: Shares[str] = Shares(0, 0)
    assert not any(unlimited.take("a", 0.0) for _ in range(1000))
    assert len(unlimited) == 0


def test_what_a_full_room_may_say_by_the_protocol_its_limit_lets_through() -> None:
    rooms = Quotas(address_requests=0).rooms
    assert not any(rooms.take("lobby", 0.0) for _ in range(50 * 60))
    assert not any(rooms.take("lobby", 1.0) for _ in range(50 * 20))


def test_refusals_of_the_last_minute_are_known_here_and_told_to_others() -> None:
    here, there = Refusals(), Refusals()
    for second in range(10):
        for _ in range(3):
            here.note("s", 100.0 + second)
    here.look(109.0)
    there.merge(here.take(), now=5.0)
    assert here.of("s", 109.0) == there.of("s", 5.0) == 30
    assert here.of("other", 109.0) == 0
    assert there.of("s", 70.0) == 0  # nobody has said anything for a minute
    here.look(164.0)
    there.merge(here.take(), now=71.0)
    assert here.of("s", 164.0) == there.of("s", 71.0) == 18
    here.look(200.0)
    there.merge(here.take(), now=72.0)
    assert here.of("s", 200.0) == there.of("s", 72.0) == 0
    assert here.take() == b""
    here.note("s", 300.0)
    here.look(300.0)
    here.forget({})
    assert here.of("s", 300.0) == 0


async def test_a_console_sees_how_often_somebody_on_another_node_was_refused(serve: Serving) -> None:
    from server.desk import Desk

    a, b = await serve("b", address="a"), await serve("a", address="b")
    desk = Desk(a.node, "Lena")
    (bob,) = await b.members("Bob")
    await until(lambda: bool(desk.members("lobby")))
    for _ in range(12):
        await bob.ask("leave", room="nowhere")

    def is_told() -> bool:
        b.advance(1)
        return desk.members("lobby")[0].refused >= 12

    await until(is_told)
    assert desk.members("lobby")[0].refused == b.node.refusals.of(bob.session, b.clock.now())
