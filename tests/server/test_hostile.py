"""What no good client does costs the others nothing: broken handshakes and frames, floods, deafness.

Every test has another client in the lobby who must be served all the while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator

import pytest

from server.outbox import TEXT_LIMIT
from tests.guest import Guest, Wire, frame, masked, upgrade, wire
from tests.nodes import Served

HELLO = masked(Wire.TEXT, b'{"type":"hello","name":"Eve"}')
JOIN = masked(Wire.TEXT, b'{"type":"join","room":"lobby"}')


@pytest.fixture
async def pair(served: Served) -> AsyncIterator[tuple[Guest, Guest]]:
    """Ann and Bob, who go on talking whatever happens: it is looked at after the test, too."""
    ann, bob = await served.members("Ann", "Bob")
    yield ann, bob
    await still_talk(ann, bob)


async def still_talk(ann: Guest, bob: Guest) -> None:
    """Whether the node serves them."""
    sent = await ann.say("are you there?")
    assert (await bob.next("message", id=sent["id"]))["text"] == "are you there?"


@pytest.fixture
async def eve(served: Served, pair: tuple[Guest, Guest]) -> AsyncIterator[Wire]:
    """A connection that has been welcomed and is in the lobby, for bytes of any kind."""
    async with wire(served.url) as connection:
        await connection.say_hello(name="Eve")
        await connection.send(JOIN)
        assert (await connection.read_message())["type"] == "joined"
        await pair[0].next("member_joined")
        yield connection


# Handshakes


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 64,
        b"\xff\xfe" * 5000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /ws HTTP/9.9\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ws HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"GET /ws HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000,
        masked(Wire.TEXT, b"{}"),
        os.urandom(4096) + b"\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_the_connection_ended(
    served: Served, pair: tuple[Guest, Guest], garbage: bytes
) -> None:
    async with wire(served.url) as connection:
        await connection.send(garbage)
        await still_talk(*pair)
        served.advance(10.5)
        answer = await connection.rest()
    assert answer[:13] in (b"", b"HTTP/1.1 400 ", b"HTTP/1.1 414 ", b"HTTP/1.1 431 ")
    assert len(served.node.conversations) == 2


@pytest.mark.parametrize("cut", [0, 1, 30, -2, -1])
async def test_a_handshake_that_is_broken_off_leaves_nothing(
    served: Served, pair: tuple[Guest, Guest], cut: int
) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host)[:cut])
        connection.writer.write_eof()
        await connection.rest()
    await still_talk(*pair)
    assert len(served.gateway.connections) == 2


async def test_a_handshake_may_come_byte_by_byte(served: Served, pair: tuple[Guest, Guest]) -> None:
    async with wire(served.url) as connection:
        for byte in upgrade(connection.host):
            await connection.send(bytes((byte,)))
        assert (await connection.head()).startswith(b"HTTP/1.1 101 ")
        for byte in HELLO:
            await connection.send(bytes((byte,)))
        assert (await connection.read_message())["type"] == "welcome"


async def test_handshake_and_hello_may_come_in_one_packet(served: Served, pair: tuple[Guest, Guest]) -> None:
    async with wire(served.url) as connection:
        await connection.send(upgrade(connection.host) + HELLO + JOIN)
        await connection.head()
        assert (await connection.read_message())["type"] == "welcome"
        assert (await connection.read_message())["type"] == "joined"


async def test_two_hundred_half_open_connections_hold_up_nobody(served: Served, pair: tuple[Guest, Guest]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire(served.url)) for _ in range(200)]
        for number, connection in enumerate(wires):
            await connection.send(upgrade(connection.host)[: number % 120])
        await still_talk(*pair)
        await (await served.enter("Cid")).join()
        served.advance(10.5)
        for connection in wires:
            assert await connection.rest() == b""
    await still_talk(*pair)
    assert len(served.gateway.connections) == 3


# Frames


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02{}", 1002),  # not masked
        (masked(0x3, b"x"), 1002),
        (masked(0xB, b"x"), 1002),
        (b"\xc1" + masked(Wire.TEXT, b"{}")[1:], 1002),  # a reserved bit
        (masked(Wire.CONTINUED, b"x"), 1002),
        (masked(Wire.TEXT, b"{", fin=False) + masked(Wire.TEXT, b"}"), 1002),
        (masked(Wire.PING, b"x" * 126), 1002),
        (masked(Wire.PING, b"x", fin=False), 1002),
        (masked(Wire.CLOSE, b"\x03"), 1002),
        (masked(Wire.CLOSE, (999).to_bytes(2, "big")), 1002),
        (masked(Wire.CLOSE, (1006).to_bytes(2, "big")), 1002),
        (masked(Wire.CLOSE, (1000).to_bytes(2, "big") + b"\xff"), 1007),
        (masked(Wire.TEXT, b'{"type":"\xff"}'), 1007),
        (masked(Wire.TEXT, b"\xc3"), 1007),
        (masked(Wire.TEXT, b"\xed\xa0\x80"), 1007),  # a surrogate
        (masked(Wire.TEXT, b"\xc3", fin=False) + masked(Wire.CONTINUED, b"x"), 1007),
        (masked(Wire.TEXT, b"x" * 65537), 1009),
        (masked(Wire.TEXT, b"x" * 60000, fin=False) + masked(Wire.CONTINUED, b"x" * 5537, fin=False), 1009),
        (masked(Wire.BINARY, b"x" * 1025), 1009),
        (masked(Wire.BINARY, b"x" * 1024, fin=False) + masked(Wire.CONTINUED, b"x", fin=False), 1009),
        (b"\x81\xff" + (2**63 - 1).to_bytes(8, "big") + b"mask", 1009),
        (b"\x82\xff" + (2**40).to_bytes(8, "big") + b"mask", 1009),
    ],
)
async def test_a_broken_frame_is_closed_with_a_code_that_the_client_can_read(
    served: Served, pair: tuple[Guest, Guest], eve: Wire, data: bytes, code: int
) -> None:
    await eve.send(data)
    assert await eve.close_code() == code
    await still_talk(*pair)


@pytest.mark.parametrize("opcode", [Wire.TEXT, Wire.BINARY])
async def test_1009_can_be_read_by_a_client_that_is_still_sending(
    pair: tuple[Guest, Guest], eve: Wire, opcode: int
) -> None:
    sending = asyncio.create_task(eve.send(masked(opcode, b"x" * 8_000_000)))
    assert await eve.close_code() == 1009
    await still_talk(*pair)
    await sending
    assert await eve.rest() == b""


async def test_a_text_may_be_cut_within_a_character(pair: tuple[Guest, Guest], eve: Wire) -> None:
    said = json.dumps({"type": "say", "id": 1, "room": "lobby", "text": "ä€😀"}, ensure_ascii=False).encode()
    parts = [said[at : at + 1] for at in range(len(said))]
    await eve.send(masked(Wire.TEXT, parts[0], fin=False))
    for part in parts[1:-1]:
        await eve.send(masked(Wire.CONTINUED, part, fin=False) + masked(Wire.PING, b"between"))
    await eve.send(masked(Wire.CONTINUED, parts[-1]))
    assert (await pair[0].next("message"))["text"] == "ä€😀"


async def test_a_message_of_empty_fragments_without_end_is_not_gathered(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    """Fragments that hold nothing must not be held: they would have no limit."""
    await eve.send(masked(Wire.TEXT, b"", fin=False) + masked(Wire.CONTINUED, b"", fin=False) * 20_000)
    await still_talk(*pair)
    parts = [len(connection._parts) for connection in served.gateway.connections if connection._parts is not None]
    assert sum(parts) <= 1
    await eve.send(masked(Wire.CONTINUED, b'{"type":"leave","id":1,"room":"lobby"}'))
    while (await eve.read_message())["type"] != "left":
        pass  # what was said meanwhile


async def test_pings_are_answered_with_what_they_hold(eve: Wire) -> None:
    for payload in (b"", b"x", b"x" * 125):
        await eve.send(masked(Wire.PING, payload))
        assert await eve.read_frame() == (Wire.PONG, payload)


async def test_a_ping_is_answered_before_what_came_after_it(eve: Wire) -> None:
    await eve.send(masked(Wire.PING, b"x") + masked(Wire.TEXT, b'{"type":"leave","id":1,"room":"lobby"}'))
    assert await eve.read_frame() == (Wire.PONG, b"x")
    assert (await eve.read_message())["type"] == "left"


async def test_a_flood_of_pings_holds_up_nobody(pair: tuple[Guest, Guest], eve: Wire) -> None:
    async def read_pongs() -> None:
        pongs = 0
        while pongs < 2_000:
            pongs += (await eve.read_frame())[0] == Wire.PONG

    reading = asyncio.create_task(read_pongs())
    await eve.send(masked(Wire.PING, b"x") * 2_000)
    for _ in range(5):
        await still_talk(*pair)
    await reading


async def test_a_flood_that_goes_on_for_five_seconds_is_closed_with_4429(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    flooding = asyncio.create_task(eve.send(masked(Wire.PING, b"x") * 100_000))
    await still_talk(*pair)
    seconds: set[int] = set()
    while (read := await eve.read_frame())[0] != Wire.CLOSE:
        if read[0] == Wire.TEXT and json.loads(read[1]).get("code") == "rate_limited" and len(seconds) < 5:
            seconds.add(int(served.clock.now()))
            served.clock.advance(1)
    assert (len(seconds), int.from_bytes(read[1][:2], "big")) == (5, 4429)
    flooding.cancel()


async def test_a_flood_of_pings_from_a_client_that_never_reads_is_cut(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    served.clock.stop()  # so that no deadline ends it
    served.gateway.unlimited = True  # so that no budget does
    flooding = asyncio.create_task(eve.send(masked(Wire.PING, b"x" * 125) * 100_000))
    assert (await pair[0].next("member_updated"))["state"] == "reconnecting"
    await still_talk(*pair)
    assert unsent(served) <= TEXT_LIMIT + (1 << 18) + 4096  # what asyncio reads at once is answered at once
    served.advance(6)
    await eve.rest()
    await flooding
    assert len(served.gateway.connections) == 2


async def test_a_flood_of_broken_messages_is_closed_with_4400(pair: tuple[Guest, Guest], eve: Wire) -> None:
    await eve.send(masked(Wire.TEXT, b"x") * 20_000)
    await still_talk(*pair)
    errors = 0
    while (read := await eve.read_frame())[0] != Wire.CLOSE:
        errors += read[0] == Wire.TEXT
    assert (errors, int.from_bytes(read[1][:2], "big")) == (20, 4400)


async def test_a_flood_of_requests_is_limited(pair: tuple[Guest, Guest], eve: Wire) -> None:
    says = ({"type": "say", "id": number, "room": "lobby", "text": "x"} for number in range(5000))
    await eve.send(b"".join(masked(Wire.TEXT, json.dumps(say).encode()) for say in says))
    await still_talk(*pair)
    codes = [(await eve.read_message()).get("code") for _ in range(5000)]
    assert codes.count("rate_limited") > 4000


async def test_a_flood_of_voice_is_limited(served: Served, pair: tuple[Guest, Guest]) -> None:
    eve = await served.enter("Eve")
    ssrc = (await eve.join())["ssrc"]
    for _ in range(2000):
        await eve.send_raw(frame(ssrc))
    await eve.settle()
    await still_talk(*pair)
    assert len(pair[0].heard()) < 200
    assert served.node.counters.voice_dropped["rate"] > 1700


# The end


async def test_after_a_close_with_1000_the_session_is_over_though_the_socket_stays(
    pair: tuple[Guest, Guest], eve: Wire
) -> None:
    await eve.send(masked(Wire.CLOSE, (1000).to_bytes(2, "big")))
    assert (await pair[0].next("member_left"))["reason"] == "left"
    assert await eve.close_code() == 1000


async def test_a_close_without_a_code_is_a_loss(pair: tuple[Guest, Guest], eve: Wire) -> None:
    await eve.send(masked(Wire.CLOSE))
    assert (await pair[0].next("member_updated"))["state"] == "reconnecting"


async def test_after_a_broken_frame_the_connection_is_lost_though_the_socket_stays(
    pair: tuple[Guest, Guest], eve: Wire
) -> None:
    await eve.send(b"\x81\x02{}")
    assert (await pair[0].next("member_updated"))["state"] == "reconnecting"


async def test_what_comes_after_a_close_is_not_heard(pair: tuple[Guest, Guest], eve: Wire) -> None:
    say = masked(Wire.TEXT, b'{"type":"say","id":1,"room":"lobby","text":"late"}')
    await eve.send(masked(Wire.CLOSE, (1000).to_bytes(2, "big")) + say)
    await pair[0].next("member_left")
    await still_talk(*pair)
    assert not pair[0].seen("message")


async def test_what_comes_before_a_close_is_heard(pair: tuple[Guest, Guest], eve: Wire) -> None:
    say = masked(Wire.TEXT, b'{"type":"say","id":1,"room":"lobby","text":"bye"}')
    await eve.send(say + masked(Wire.CLOSE, (1000).to_bytes(2, "big")))
    assert (await pair[0].next("message"))["text"] == "bye"


async def test_a_half_close_is_a_loss(pair: tuple[Guest, Guest], eve: Wire) -> None:
    eve.writer.write_eof()
    assert (await pair[0].next("member_updated"))["state"] == "reconnecting"


async def test_a_client_that_never_answers_a_close_is_cut(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    for _ in range(20):
        await eve.send(masked(Wire.TEXT, b"x"))
    assert await eve.close_code() == 4400
    served.advance(6)
    assert await eve.rest() == b""
    assert len(served.gateway.connections) == 2


# A receiver that does not read


def unsent(served: Served) -> int:
    """Bytes that wait for the slowest client."""
    return max(connection._transport.get_write_buffer_size() for connection in served.gateway.connections)


async def test_a_reader_that_never_reads_is_cut_and_its_backlog_is_bounded(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    ann, bob = pair
    eve.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
    most, text = 0, "😀" * 4000
    for number in range(2000):
        await ann.send("say", id=number, room="lobby", text=text)
        assert (await ann.answer(number))["type"] == "sent"
        served.clock.advance(0.1)
        bob.unread.clear()
        await bob.next("message", id=number)
        most = max(most, unsent(served))
        if ann.seen("member_updated"):
            break
    assert (await ann.next("member_updated"))["state"] == "reconnecting"
    assert TEXT_LIMIT // 2 < most <= TEXT_LIMIT + 20_000
    eve.writer.transport.resume_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
    assert await eve.close_code() == 4408


async def test_voice_for_a_reader_that_never_reads_is_dropped_and_its_texts_are_kept(
    served: Served, pair: tuple[Guest, Guest], eve: Wire
) -> None:
    ann, bob = pair
    ssrc = (await ann.join("second"))["ssrc"]
    await bob.join("second")
    await eve.send(masked(Wire.TEXT, b'{"type":"join","room":"second"}'))
    assert (await eve.read_message())["type"] == "joined"
    eve.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
    sent = 0
    while not dropped_for_slowness(served) and sent < 20_000:
        served.clock.advance(1 / 50)
        await ann.send_raw(frame(ssrc, packet=b"o" * 400, seq=sent & 0xFFFF))
        await bob.voice()
        sent += 1
    assert dropped_for_slowness(served)
    for number in range(100):
        served.clock.advance(1 / 50)
        await ann.send_raw(frame(ssrc, packet=b"o" * 400, seq=number))
        await bob.voice()
    assert unsent(served) < 20_000
    await ann.say("do you hear me?")
    eve.writer.transport.resume_reading()  # type: ignore[attr-defined]  # asyncio's, it has one
    while True:
        opcode, payload = await eve.read_frame()
        if opcode == Wire.TEXT and json.loads(payload)["type"] == "message":
            break
    assert json.loads(payload)["text"] == "do you hear me?"


def dropped_for_slowness(served: Served) -> int:
    return served.node.counters.voice_dropped["slow"]


async def test_a_payload_that_looks_like_a_voice_frame_is_none(pair: tuple[Guest, Guest], eve: Wire) -> None:
    text = b'{"type":"leave","room":"lobby"}'
    # After its header and mask the rest of this text comes alone, and begins like a binary message of just that size.
    mask = bytes((0x82 ^ text[0], (0x80 | len(text) - 6) ^ text[1], 7, 7))
    payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
    assert payload[:2] == bytes((0x82, 0x80 | len(text) - 6))
    await eve.send(bytes((0x81, 0x80 | len(text))) + mask)
    await still_talk(*pair)
    await eve.send(payload)
    assert (await pair[0].next("member_left"))["reason"] == "left"
