"""Every limit of protocol.md sections 2, 3 and 6 just below, at and just above it, under a clock that stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.guest import Event, Guest, frame, upgrade, wire
from tests.nodes import Served


async def refused(guest: Guest, type: str, **fields: Any) -> tuple[str, str | None]:
    """Code and field of the error that answers a request."""
    error = await guest.ask(type, **fields)
    assert error["type"] == "error", error
    assert error["message"]
    return error["code"], error.get("field")


# Characters


@pytest.mark.parametrize("letter", ["a", "ä", "€", "😀"])
async def test_a_text_has_4000_characters_at_most(served: Served, letter: str) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for size in (3999, 4000):
        await ann.say(letter * size)
        assert (await bob.next("message"))["text"] == letter * size
        await ann.whisper(letter * size, session=bob.session)
        assert (await bob.next("whisper"))["text"] == letter * size
    assert await refused(ann, "say", room="lobby", text=letter * 4001) == ("too_large", "text")
    assert await refused(ann, "whisper", to={"session": bob.session}, text=letter * 4001) == ("too_large", "text")
    await bob.settle()
    assert not bob.unread


@pytest.mark.parametrize("letter", ["a", "😀"])
async def test_a_name_has_32_characters_at_most(served: Served, letter: str) -> None:
    for size in (1, 31, 32):
        assert (await served.enter(letter * size)).welcome["name"] == letter * size
    assert (await served.enter(f"  {letter * 32}  ")).welcome["name"] == letter * 32
    guest = await served.connect()
    assert await refused(guest, "hello", name=letter * 33) == ("too_large", "name")
    assert (await guest.ask("hello", name="short"))["type"] == "welcome"


async def test_a_user_has_64_characters_at_most(served: Served) -> None:
    for size in (1, 63, 64):
        assert (await served.enter(None, user="u" * size)).welcome["user"] == "u" * size
    guest = await served.connect()
    assert await refused(guest, "hello", user="u" * 65) == ("too_large", "user")
    assert (await guest.ask("hello", user="u"))["type"] == "welcome"


@pytest.mark.parametrize("letter", ["a", "я", "部"])
async def test_a_rooms_name_has_64_characters_at_most(served: Served, letter: str) -> None:
    ann = await served.enter("Ann")
    for size in (1, 63, 64):
        assert (await ann.join(letter * size))["room"] == letter * size
    assert (await ann.ask("leave", room=f" {letter * 64} "))["room"] == letter * 64
    for request in ("join", "leave", "say"):
        assert await refused(ann, request, room=letter * 65, text="x") == ("too_large", "room")


async def test_a_rooms_name_is_measured_in_its_normal_form(served: Served) -> None:
    ann = await served.enter("Ann")
    assert (await ann.join("e\u0301" * 64))["room"] == "\u00e9" * 64
    assert await refused(ann, "join", room="e\u0301" * 65) == ("too_large", "room")


async def test_an_id_has_64_characters_at_most(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    for size in (63, 64):
        assert (await ann.ask("say", id="ü" * size, room="lobby", text="x"))["type"] == "sent"
    await ann.send("say", id="ü" * 65, room="lobby", text="x")
    error = await ann.next("error")
    assert error["code"] in ("bad_request", "too_large")
    assert error["field"] == "id"
    assert "id" not in error


async def test_a_reason_has_4000_characters_at_most(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    (bob,) = await served.members("Bob")
    assert await refused(moderator, "kick", session=bob.session, reason="r" * 4001) == ("too_large", "reason")
    done = await moderator.ask("kick", session=bob.session, reason="r" * 4000)
    assert done["results"][0]["outcome"] == "done"
    assert (await bob.next("moderated"))["reason"] == "r" * 4000
    code, reason = await bob.closed()
    assert code == 4403
    assert "rrr" in (reason or "")


async def test_1000_cursors_may_be_given(served: Served) -> None:
    for size in (999, 1000):
        cursors = {f"{n:016x}.1": n for n in range(size)}
        assert (await served.enter(cursors=cursors)).welcome["type"] == "welcome"
    guest = await served.connect()
    too_many = {f"{n:016x}.1": n for n in range(1001)}
    assert await refused(guest, "hello", cursors=too_many) == ("too_large", "cursors")
    assert (await guest.ask("hello"))["type"] == "welcome"


# Bytes


def padded(size: int, request: Event) -> str:
    """`request` as JSON of exactly `size` bytes."""
    text = json.dumps({**request, "pad": ""})
    return text[:-2] + "x" * (size - len(text)) + text[-2:]


@pytest.mark.parametrize("size", [65535, 65536])
async def test_a_message_of_64_kib_is_taken(served: Served, size: int) -> None:
    ann = await served.enter()
    message = padded(size, {"type": "join", "id": 1, "room": "lobby"})
    assert len(message) == size
    await ann.send_raw(message)
    assert (await ann.answer(1))["type"] == "joined"


async def test_a_longer_message_is_closed_with_1009(served: Served) -> None:
    ann = await served.enter()
    await ann.send_raw(padded(65537, {"type": "join", "id": 1, "room": "lobby"}))
    assert (await ann.closed())[0] == 1009


@pytest.mark.parametrize("size", [1023, 1024])
async def test_a_binary_message_of_1_kib_is_a_wrong_frame(served: Served, size: int) -> None:
    ann = await served.enter()
    await ann.send_raw(b"\x51" * size)
    assert (await ann.next("error"))["code"] == "bad_request"
    assert (await ann.join())["type"] == "joined"


async def test_a_longer_binary_message_is_closed_with_1009(served: Served) -> None:
    ann = await served.enter()
    await ann.send_raw(b"\x51" * 1025)
    assert (await ann.closed())[0] == 1009


async def test_fragments_count_together(served: Served) -> None:
    ann = await served.enter()
    message = padded(65536, {"type": "join", "id": 1, "room": "lobby"})
    await ann.socket.send([message[:1000], message[1000:60000], message[60000:]])
    assert (await ann.answer(1))["type"] == "joined"
    await ann.socket.send(["x" * 40000, "x" * 25536, "x"])
    assert (await ann.closed())[0] == 1009
    bob = await served.enter()
    await bob.socket.send([b"x" * 1000, b"x" * 24])
    assert (await bob.next("error"))["code"] == "bad_request"
    await bob.socket.send([b"x" * 1000, b"x" * 25])
    assert (await bob.closed())[0] == 1009


async def test_a_voice_frame_has_17_to_416_bytes(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    ssrc = (await ann.join("second"))["ssrc"]
    await bob.join("second")
    for size in (1, 399, 400):
        sent = frame(ssrc, packet=b"o" * size)
        await ann.send_raw(sent)
        assert await bob.voice() == sent
    served.clock.stop()
    for size in (0, 401):
        served.clock.advance(1.01)
        await ann.send_raw(frame(ssrc, packet=b"o" * size))
        assert (await ann.next("error"))["code"] == "bad_request"
    await bob.settle()
    assert not bob.heard()


@pytest.mark.parametrize("nest", ["[", '{"a":'])
@pytest.mark.parametrize("key", ["room", "unknown"])
async def test_however_deep_json_goes_it_is_refused_or_passed_over(served: Served, nest: str, key: str) -> None:
    ann = await served.enter()
    for depth in (10, 500, 5_000):
        deep = nest * depth + "1" + {"[": "]", '{"a":': "}"}[nest] * depth
        await ann.send_raw(f'{{"type":"join","id":{depth},"room":"r{depth}","{key}":{deep}}}')
        answer = await ann.answer(depth) if depth == 10 else await ann.take(lambda event: isinstance(event, dict))
        assert isinstance(answer, dict)
        assert answer.get("code", "bad_request") == "bad_request"
        assert key == "unknown" or answer["type"] == "error"
    await ann.join("still here")


# Numbers


async def test_a_session_may_be_in_20_rooms(served: Served) -> None:
    ann = await served.enter()
    for number in range(20):
        await ann.join(f"room {number}")
    assert (await refused(ann, "join", room="room 20"))[0] == "bad_request"
    await ann.ask("leave", room="room 3")
    await ann.join("room 20")
    assert (await refused(ann, "join", room="room 3"))[0] == "bad_request"


@pytest.mark.parametrize("limit", [1, 100, 1000])
async def test_a_page_of_a_list_has_any_length_up_to_1000(served: Served, limit: int) -> None:
    ann = await served.enter()
    assert (await ann.ask("list", what="rooms", limit=limit))["type"] == "listed"


@pytest.mark.parametrize("limit", [0, -1, "5", 1.5, None])
async def test_a_page_of_another_length_is_a_bad_request(served: Served, limit: object) -> None:
    ann = await served.enter()
    assert await refused(ann, "list", what="rooms", limit=limit) == ("bad_request", "limit")


# Rates


async def test_60_texts_may_come_at_once_and_20_a_second(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    for number in range(60):
        type, more = ("say", {"room": "lobby"}) if number % 2 else ("whisper", {"to": {"session": bob.session}})
        assert (await ann.ask(type, text=str(number), **more))["type"] == "sent"
    error = await ann.ask("say", room="lobby", text="60")
    assert error["code"] == "rate_limited"
    assert 1 <= error["retry_after_ms"] <= 51
    error = await ann.ask("whisper", to={"session": bob.session}, text="60")
    assert error["code"] == "rate_limited"

    served.clock.advance(error["retry_after_ms"] / 1000)
    await ann.say("in time")
    assert (await ann.ask("say", room="lobby", text="x"))["code"] == "rate_limited"
    served.clock.advance(1)
    for number in range(20):
        await ann.say(f"+{number}")
    assert (await ann.ask("say", room="lobby", text="x"))["code"] == "rate_limited"
    await ann.settle()
    await bob.say("the others are not slowed")
    assert (await ann.next("message"))["from"]["name"] == "Bob"


async def test_100_other_requests_may_come_at_once_and_50_a_second(served: Served) -> None:
    ann = await served.enter()
    served.clock.stop()
    served.clock.advance(10)
    for _ in range(100):
        assert (await ann.ask("list", what="rooms"))["type"] == "listed"
    error = await ann.ask("list", what="rooms")
    assert error["code"] == "rate_limited"
    assert 1 <= error["retry_after_ms"] <= 21
    served.clock.advance(error["retry_after_ms"] / 1000)
    assert (await ann.ask("list", what="rooms"))["type"] == "listed"
    served.clock.advance(1)
    for _ in range(50):
        assert (await ann.ask("list", what="rooms"))["type"] == "listed"
    assert (await ann.ask("list", what="rooms"))["code"] == "rate_limited"


async def test_texts_and_other_requests_are_counted_apart(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    served.clock.advance(10)
    for _ in range(61):
        await ann.send("say", id="same", room="lobby", text="x")
    for _ in range(100):
        assert (await ann.ask("list", what="rooms"))["type"] == "listed"
    assert [error["code"] for error in ann.seen("error")] == ["rate_limited"]


async def exhaust(ann: Guest) -> Event:
    """Say things until one is refused."""
    for _ in range(100):
        answer = await ann.ask("say", room="lobby", text="x")
        if answer["type"] == "error":
            return answer
    raise AssertionError("nothing was refused")


async def test_refusals_in_5_successive_seconds_close_with_4429(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    for _ in range(4):
        assert (await exhaust(ann))["code"] == "rate_limited"
        served.clock.advance(1)
    assert ann.socket.close_code is None
    assert (await exhaust(ann))["code"] == "rate_limited"
    code, reason = await ann.closed()
    assert code == 4429
    assert reason


async def test_a_second_without_a_refusal_begins_anew(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    for _ in range(4):
        await exhaust(ann)
        served.clock.advance(1)
    served.clock.advance(1)
    for _ in range(4):
        await exhaust(ann)
        served.clock.advance(1)
    await ann.say("still here")


async def test_many_refusals_in_one_second_do_not_close(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    for _ in range(10):
        await exhaust(ann)
    served.clock.advance(1)
    await ann.say("still here")


# Abuse


BROKEN = ['{"type":"nonsense"}', "no json", '{"type":"say","id":1,"room":"lobby","text":"' + "x" * 4001 + '"}']


async def test_the_twentieth_broken_message_in_10_s_is_answered_and_closes_with_4400(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    for number in range(19):
        await ann.send_raw(BROKEN[number % 3])
        await ann.next("error")
    served.clock.advance(9.9)
    await ann.settle()
    assert ann.socket.close_code is None
    await ann.send_raw(BROKEN[0])
    assert (await ann.next("error"))["code"] == "bad_request"
    code, reason = await ann.closed()
    assert code == 4400
    assert reason
    assert (await bob.next("member_updated", session=ann.session))["state"] == "reconnecting"


async def test_twenty_broken_messages_in_more_than_10_s_do_not_close(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    served.clock.stop()
    for _ in range(3):
        for number in range(19):
            await ann.send_raw(BROKEN[number % 3])
            await ann.next("error")
        served.clock.advance(10.1)
    await ann.say("still here")


async def test_other_errors_are_no_abuse(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    for _ in range(30):
        assert (await ann.ask("leave", room="nowhere"))["code"] == "not_found"
        assert (await ann.ask("join", room="lobby"))["code"] == "already"
    await ann.say("still here")


async def test_broken_hellos_are_abuse_too(served: Served) -> None:
    guest = await served.connect()
    served.clock.stop()
    for _ in range(20):
        assert (await guest.ask("hello", name=""))["code"] == "bad_request"
    assert (await guest.closed())[0] == 4400


# Time


async def test_a_handshake_that_is_not_complete_after_10_s_is_cut(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    async with wire(served.url) as silent, wire(served.url) as slow:
        request = upgrade(slow.host)
        await slow.send(request[:-2])
        await ann.say("both are connected by now")
        await bob.next("message")
        assert len(served.gateway.connections) == 4
        served.advance(9.5)
        await ann.settle()
        assert len(served.gateway.connections) == 4
        served.advance(1)
        assert await silent.rest() == await slow.rest() == b""
    await ann.say("the others stay")
    assert (await bob.next("message"))["text"] == "the others stay"


async def test_bytes_one_by_one_do_not_lengthen_the_10_s(served: Served) -> None:
    (ann,) = await served.members("Ann")
    served.clock.stop()
    async with wire(served.url) as slow:
        for byte in upgrade(slow.host)[:22]:
            await slow.send(bytes((byte,)))
            served.advance(0.5)
            await ann.settle()
        assert await slow.rest() == b""
