"""Resumes that are refused, each with a clear error, and nobody else disturbed (protocol.md sections 3 and 8)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from server.resumption import Resumption
from tests.bus.ear import eventually
from tests.guest import Event, Guest
from tests.nodes import Served, Serving, token


async def refused(served: Served, **hello: Any) -> tuple[Event, int | None]:
    """What a hello is answered by, and the code of the close after it."""
    guest = await served.connect()
    await guest.send("hello", id="h", **hello)
    error = await guest.next("error")
    return error, (await guest.closed())[0]


async def test_a_forged_token_and_that_of_another_cluster_are_over(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    foreign = Resumption([b"f" * 32]).issue(served.node.presence.present[bob.session], expires=int(time.time()) + 60)
    for wrong in ("", "x.y.z", bob.token[:-2] + "AA", foreign, token(user="bob")):
        error, code = await refused(served, resume=wrong, cursors={})
        assert (error["code"], error["id"], code) == ("unauthorized", "h", 4410)
    await bob.say("undisturbed")
    await ann.next("message")
    assert not ann.seen("member_updated")


async def test_an_expired_token_is_over(served: Served) -> None:
    ann = await served.enter("Ann")
    record = served.node.presence.present[ann.session]
    expired = served.node.keyring.tokens.issue(record, expires=int(time.time()) - 60)
    error, code = await refused(served, resume=expired, cursors={})
    assert (error["code"], error["message"], code) == ("unauthorized", "the time to resume is over, start anew", 4410)


async def test_a_wrong_token_beside_it_is_not_authenticated(served: Served) -> None:
    ann = await served.enter("Ann")
    error, code = await refused(served, resume=ann.token, cursors={}, token="x.y.z")
    assert (error["code"], code) == ("unauthorized", 4401)
    assert (await ann.ask("leave", room="nowhere"))["code"] == "not_found"


@pytest.mark.parametrize(
    ("cursors", "code"),
    [
        ({"a" * 16 + ".1": "7"}, "bad_request"),
        ({"a" * 16 + ".1": 1.5}, "bad_request"),
        ({"a" * 16 + ".1": None}, "bad_request"),
        ({"a" * 16 + ".1": [1]}, "bad_request"),
        ([1, 2], "bad_request"),
        ("all", "bad_request"),
        ({f"{number:016x}.1": 1 for number in range(1001)}, "too_large"),
        ({f"{number:016x}.1": 1 for number in range(1500)}, "too_large"),
    ],
)
async def test_wrong_cursors_are_refused_and_the_hello_may_be_repeated(
    served: Served, cursors: Any, code: str
) -> None:
    ann = await served.enter("Ann")
    back = await served.connect()
    await back.send("hello", id=1, resume=ann.token, cursors=cursors)
    error = await back.next("error")
    assert (error["id"], error["code"], error["field"]) == (1, code, "cursors")
    await back.send("hello", id=2, resume=ann.token, cursors=ann.cursors)
    assert (await back.next("welcome", id=2))["recovered"] is True
    await back.next("live")


@pytest.mark.parametrize(
    "odd",
    [
        {"nonsense": 5},
        {"": 5, "o.1": 5, "../x": 1},
        {"f" * 16 + ".99": 5},
        {"f" * 16 + ".99": 10**30},
        {"f" * 16 + ".99": -5},
        {"f" * 16 + ".99": 0},
        {f"{number:016x}.1": 2**53 for number in range(10, 990)},
    ],
)
async def test_cursors_of_unknown_logs_are_ignored(serve: Serving, odd: dict[str, int]) -> None:
    a = await serve(address="m:a")
    await serve("m:a", address="m:b")
    ann, bob = await a.members("Ann", "Bob")
    bob.vanish()
    await ann.next("member_updated")
    await ann.say("missed")
    cursors = {**bob.cursors, **odd}
    back = await Guest.resume(a.url, bob.token, cursors)
    a.guests.append(back)
    assert back.welcome["cursors"] == cursors
    assert (await back.next("message"))["text"] == "missed"


async def test_cursors_from_the_future_are_given_up(serve: Serving) -> None:
    """What is in the logs now they cover; what comes later is sent, from whichever node."""
    a = await serve(address="m:a")
    b = await serve("m:a", address="m:b")
    ann, bob = await a.members("Ann", "Bob")
    (cid,) = await b.members("Cid")
    await ann.say("seen")
    await bob.next("message")
    back = await Guest.resume(a.url, bob.token, dict.fromkeys((a.node.bus.origin, b.node.bus.origin), 2**53))
    a.guests.append(back)
    assert not back.seen("message")
    assert (await back.ask("say", room="lobby", text="goes on"))["type"] == "sent"
    await ann.say("behind them")
    await back.next("message", text="behind them")
    await cid.say("there too")
    await back.next("message", text="there too")


async def test_wrong_rooms_are_refused(served: Served) -> None:
    ann = await served.enter("Ann")
    back = await served.connect()
    wrong = ((["a/b"], "bad_request"), (["r" * 65], "too_large"), ([f"r{n}" for n in range(21)], "bad_request"))
    for rooms, code in wrong:
        assert (await back.ask("hello", resume=ann.token, cursors={}, rooms=rooms))["code"] == code
    assert (await back.ask("hello", resume=ann.token, cursors={}, rooms="lobby"))["field"] == "rooms"
    assert (await back.ask("hello", resume=ann.token, cursors={}, rooms=[]))["type"] == "welcome"


async def test_a_client_that_resumes_in_a_loop_is_told_to_wait_and_disturbs_nobody(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    served.clock.stop()
    last = bob
    for _ in range(20):
        newer = await served.back(last)
        assert (await last.closed())[0] == 4409
        last = newer
    once_more = await served.connect()
    error = await once_more.ask("hello", resume=last.token, cursors=last.cursors)
    assert (error["code"], error["retry_after_ms"]) == ("rate_limited", 100)
    other = await served.enter("Cid")
    other.vanish()
    served.clock.advance(0.01)  # the turns of a node are 5 ms apart
    assert (await served.back(other)).session == other.session
    await last.say("still here")
    await ann.next("message", text="still here")
    served.clock.advance(0.1)
    assert (await once_more.ask("hello", resume=last.token, cursors=last.cursors))["type"] == "welcome"


async def test_of_many_at_once_each_has_a_turn_of_its_own_which_is_kept(served: Served) -> None:
    served.clock.stop()
    guests = [await served.enter(f"g{number}") for number in range(40)]
    for guest in guests:
        guest.vanish()
    back = [await served.connect() for _ in guests]
    answers = [
        await new.ask("hello", id=1, resume=guest.token, cursors=guest.cursors)
        for new, guest in zip(back, guests, strict=True)
    ]
    waits = [answer["retry_after_ms"] for answer in answers if answer["type"] == "error"]
    assert {answer["code"] for answer in answers if answer["type"] == "error"} == {"rate_limited"}
    assert (len(waits), waits) == (len(set(waits)), sorted(waits))
    assert 15 <= len(waits) <= 20
    assert waits[-1] <= 100
    early = back[-1]
    assert (await early.ask("hello", id=2, resume=guests[-1].token, cursors={}))["retry_after_ms"] == waits[-1]
    served.clock.advance(waits[-1] / 1000)
    for new, guest, answer in zip(back, guests, answers, strict=True):
        if answer["type"] == "error":
            assert (await new.ask("hello", id=3, resume=guest.token, cursors=guest.cursors))["type"] == "welcome"


async def test_who_waits_for_a_turn_is_not_cut_for_its_silence(served: Served) -> None:
    served.clock.stop()
    guests = [await served.enter(f"g{number}") for number in range(30)]
    turned_away: list[tuple[Guest, Guest]] = []
    for guest in guests:
        back = await served.connect()
        if (await back.ask("hello", resume=guest.token, cursors=guest.cursors))["type"] == "error":
            turned_away.append((back, guest))
    served.node.reception._turnstile._next += 7  # as many more came before them
    late, guest = await served.connect(), guests[0]
    assert (await late.ask("hello", resume=guest.token, cursors=guest.cursors))["retry_after_ms"] > 6900
    served.advance(5.5)
    served.advance(1.7)
    assert (await late.ask("hello", resume=guest.token, cursors=guest.cursors))["type"] == "welcome"


async def test_a_resume_while_the_node_drains_is_sent_on(serve: Serving) -> None:
    a = await serve(address="m:a")
    b = await serve("m:a", address="m:b")
    ann = await a.enter("Ann")
    await eventually(lambda: bool(a.node.cards.urls_of_others()))
    a.node.departure.begin(60)
    back = await a.connect()
    await back.send("hello", resume=ann.token, cursors={})
    error = await back.next("error")
    assert (error["code"], error["urls"]) == ("unavailable", [b.url])
    assert (await back.closed())[0] == 1012
    a.node.departure.cancel()
