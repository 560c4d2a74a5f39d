"""A client whose connection is lost, before nodes whose every word is scripted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.client import Client, Closed, Missed, Reconnecting, Resumed, Voice, keeper
from server.client.outbox import BURST
from server.wire import moderation, native
from server.wire.moderation import Whom
from server.wire.native import Code, Refused
from tests.server.client.scripted import Call, Scripted, joined, said, scripted


@pytest.fixture
async def a_and_b() -> AsyncIterator[list[Scripted]]:
    async with scripted("a", "b") as nodes:
        yield nodes


@contextlib.asynccontextmanager
async def client_of(*nodes: Scripted, **options: Any) -> AsyncIterator[tuple[Client, Call]]:
    """A client that has been welcomed by the first of `nodes`, which alone it was told."""
    client = Client(nodes[0].url, chance=lambda: 0.0, **options)
    opening = asyncio.ensure_future(client.open())
    call = await nodes[0].call()
    await call.welcome()
    await opening
    try:
        yield client, call
    finally:
        await client.close()


async def enter(client: Client, call: Call, room: str = "lobby", ssrc: int = 7) -> native.Joined:
    """Be in a room."""
    joining = asyncio.ensure_future(client.join(room))
    await call.answer_join(ssrc)
    return await joining


async def events(client: Client, last: type[object]) -> list[object]:
    """All events up to the first of class `last`."""
    seen: list[object] = []
    async for event in client:
        seen.append(event)
        if isinstance(event, last):
            return seen
    raise AssertionError(seen)


# Where it goes, and what it says there.


async def test_it_goes_on_at_the_next_node_with_what_it_has_seen(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await enter(client, call)
        await call.send(**said("hi", 4, id=1))
        await call.send("resume_token", resume="token-2")
        await client.next(native.Said)
        call.cut()
        again = await b.call()
        assert {key: again.hello[key] for key in ("resume", "cursors", "rooms")} == {
            "resume": "token-2",
            "cursors": {"o.1": 4},
            "rooms": ["lobby"],
        }
        assert again.hello["n"] > call.hello["n"]
        assert "token" not in again.hello
        await again.resume("lobby")
        lost, resumed, there, live = await events(client, native.Live)
        assert isinstance(lost, Reconnecting)
        assert isinstance(resumed, Resumed)
        assert isinstance(there, native.Joined)
        assert isinstance(live, native.Live)
        assert (lost.code, resumed.recovered, resumed.anew, resumed.node, there.room) == (
            1006,
            True,
            False,
            "b",
            "lobby",
        )
        assert client.is_live


async def test_a_node_that_does_not_answer_is_passed_over(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await call.send("urls", urls=[a.url, "ws://127.0.0.1:1/ws", "no url", b.url])
        await client.next(native.Urls)
        call.cut()
        await (await b.call()).resume()
        await client.next(Resumed)


async def test_the_first_to_answer_of_several_is_taken(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    client = Client(["ws://127.0.0.1:1/ws", a.url, b.url])
    opening = asyncio.ensure_future(client.open())
    await (await a.call()).refuse("unavailable", urls=[b.url], close=1012)
    await (await b.call()).welcome()
    assert (await opening).node == "b"
    await client.close()


async def test_where_nobody_answers_it_says_so() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await Client(["ws://127.0.0.1:1/ws", "ws://127.0.0.1:2/ws"]).open()


async def test_without_resume_a_session_ends_with_its_connection(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a, resume=False) as (client, call):
        waiting = asyncio.ensure_future(client.say("lobby", "hello"))
        await call.request("say")
        call.cut()
        with pytest.raises(Closed) as closed:
            await waiting
        assert closed.value.code == 1006
        assert [event async for event in client] == []
    assert a.is_quiet
    assert b.is_quiet


# Requests.


async def test_requests_without_an_answer_are_repeated_after_live_and_new_ones_come_after(
    a_and_b: list[Scripted],
) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await enter(client, call)
        waiting: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(client.say("lobby", text)) for text in ("one", "two")
        ]
        before = [await call.request("say") for _ in waiting]
        await call.sent(before[1], 2)
        await waiting[1]
        call.cut()
        again = await b.call()
        waiting += [asyncio.ensure_future(client.say("lobby", "three")), asyncio.ensure_future(client.list("rooms"))]
        await again.resume("lobby", live=False)
        await client.next(Resumed)
        waiting.append(asyncio.ensure_future(client.say("lobby", "four")))
        await asyncio.sleep(0)
        await again.send(**said("missed", 3, id=1))
        await again.send("live")
        assert await again.request("say") == before[0]
        three, rooms, four = [await again.request(type) for type in ("say", "list", "say")]
        assert (three["text"], four["text"]) == ("three", "four")
        for request in (before[0], three, four):
            await again.sent(request)
        await again.send("listed", id=rooms["id"], what="rooms", items=[], next=None)
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*waiting)
        assert [type(answer) for answer in answers] == [
            native.Sent,
            native.Sent,
            native.Sent,
            moderation.Listed,
            native.Sent,
        ]


async def test_a_long_backlog_comes_in_order(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        call.cut()
        again = await b.call()
        waiting = [asyncio.ensure_future(client.say("lobby", str(number))) for number in range(BURST + 5)]
        await asyncio.sleep(0)
        await again.resume()
        for number in range(BURST + 5):
            request = await again.request("say")
            assert request["text"] == str(number)
            await again.sent(request, number + 1)
        await asyncio.gather(*waiting)


async def test_a_request_that_nobody_waits_for_any_more_is_not_repeated(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        given_up = asyncio.ensure_future(client.say("lobby", "never mind"))
        await call.request("say")
        given_up.cancel()
        await asyncio.wait([given_up])
        call.cut()
        again = await b.call()
        await again.resume()
        await client.next(native.Live)
        asking = asyncio.ensure_future(client.list("rooms"))
        await again.request("list")
        asking.cancel()


async def test_joins_and_leaves_are_answered_by_where_the_session_is(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await enter(client, call, "left")
        joining = asyncio.ensure_future(client.join("lobby"))
        await call.request("join")
        leaving = asyncio.ensure_future(client.leave("left"))
        await call.request("leave")
        call.cut()
        again = await b.call()
        await again.resume("lobby")
        assert (await joining).room == "lobby"
        assert (await leaving).room == "left"
        assert client.rooms == ("lobby",)


async def test_a_kick_without_an_answer_is_asked_for_again_as_the_same_request(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        kicking = asyncio.ensure_future(client.kick(Whom.of(user="bob")))
        first = await call.request("kick")
        call.cut()
        again = await b.call()
        await again.resume()
        assert await again.request("kick") == first
        await again.send("done", id=first["id"], results=[])
        await kicking


async def test_whether_a_kick_was_carried_out_is_not_known_where_the_session_is_not(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        kicking = asyncio.ensure_future(client.kick(Whom.of(user="bob")))
        await call.request("kick")
        call.cut()
        again = await b.call()
        await again.resume(recovered=False)
        with pytest.raises(Refused) as refused:
            await kicking
        assert refused.value.code == Code.UNAVAILABLE
        kicking = asyncio.ensure_future(client.kick(Whom.of(user="cid")))
        request = await again.request("kick")
        assert request["user"] == "cid"
        await again.send("done", id=request["id"], results=[])
        await kicking


async def test_no_more_requests_wait_than_may(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a, pending=2) as (client, call):
        call.cut()
        again = await b.call()
        waiting = [asyncio.ensure_future(client.say("lobby", text)) for text in ("one", "two")]
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="2 requests wait"):
            await client.say("lobby", "three")
        await again.resume()
        for _ in waiting:
            await again.sent(await again.request("say"))
        await asyncio.gather(*waiting)


async def test_a_session_that_is_not_recovered_is_made_as_it_was(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await enter(client, call)
        aiming = asyncio.ensure_future(client.voice_target(3, user="bob"))
        await call.send("ok", id=(await call.request("voice_target"))["id"])
        await aiming
        saying = asyncio.ensure_future(client.say("lobby", "hello"))
        await call.request("say")
        call.cut()
        again = await b.call()
        await again.resume("lobby", recovered=False, gaps=["lobby"])
        resumed = await client.next(Resumed)
        assert (resumed.recovered, resumed.gaps) == (False, ["lobby"])
        target = await again.request("voice_target")
        assert (target["target"], target["to"]) == (3, {"user": "bob"})
        await again.send("ok", id=target["id"])
        await again.sent(await again.request("say"))
        await saying


# Texts and voice.


async def test_a_text_that_comes_twice_is_shown_once(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await call.send(**said("one", 1, id="x"))
        await client.next(native.Said)
        call.cut()
        again = await b.call()
        await again.resume(live=False)
        await again.send(**said("one", 9, id="x", origin="p.1"))
        await again.send(**said("two", 10, id="y", origin="p.1"))
        await again.send("live")
        assert [event.text for event in await events(client, native.Live) if isinstance(event, native.Said)] == [
            "two"
        ]
        again.cut()
        assert (await a.call()).hello["cursors"] == {"o.1": 1, "p.1": 10}


async def test_voice_goes_on_from_the_welcome_and_is_dropped_before(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        talk = client.talk(await enter(client, call, ssrc=7))
        await talk.send(b"heard", first=True)
        first = await call.read()
        call.cut()
        await client.next(Reconnecting)
        again = await b.call()
        await talk.send(b"dropped")
        assert talk.dropped == 1
        await again.welcome(recovered=True, rooms=[joined("lobby", 7)])
        await client.next(Resumed)
        await talk.send(b"heard again")
        second = await again.read()
        assert isinstance(first, bytes)
        assert isinstance(second, bytes)
        assert (second[4:8], second[16:]) == (first[4:8], b"heard again")
        assert int.from_bytes(second[8:10]) == int.from_bytes(first[8:10]) + 2
        await again.send_frame(first)
        assert (await client.next(Voice)).ssrc == 7


async def test_events_that_nobody_reads_are_missed_aloud(a_and_b: list[Scripted]) -> None:
    a, _ = a_and_b
    async with client_of(a, unread=3) as (client, call):
        for number in range(6):
            await call.send(**said(str(number), number + 1, id=number))
        await call.send("live")
        asking = asyncio.ensure_future(client.list("rooms"))
        request = await call.request("list")
        await call.send("listed", id=request["id"], what="rooms", items=[], next=None)
        await asking
        seen = [await client.next(object) for _ in range(4)]
        assert [event.text for event in seen[:3] if isinstance(event, native.Said)] == ["0", "1", "2"]
        assert seen[3] == Missed(4)


# What nodes say of it.


async def test_a_busy_node_is_asked_again_on_the_same_connection_when_it_says(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        call.cut()
        again = await b.call()
        first = again.hello["n"]
        await again.refuse("rate_limited", retry_after_ms=50)
        await again.hello_again()
        assert again.hello["n"] > first
        await again.resume()
        await client.next(Resumed)
        assert a.is_quiet


async def test_a_node_that_is_going_away_names_others(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with scripted("c") as [c], client_of(a) as (client, call):
        call.cut()
        await (await b.call()).refuse("unavailable", urls=[c.url], close=1012)
        await (await c.call()).resume()
        assert (await client.next(Resumed)).node == "c"


async def test_a_planned_move_loses_nothing_and_reads_nothing_more_of_the_old_connection(
    a_and_b: list[Scripted],
) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await enter(client, call)
        await call.send("going_away", urls=[b.url], after_ms=40)
        again = await b.call()
        await call.send(**said("on the old one", 1, id=1))
        await again.resume("lobby", live=False)
        await again.send(**said("on the new one", 1, id=1))
        await again.send("live")
        seen = await events(client, native.Live)
        assert not any(isinstance(event, Reconnecting) for event in seen)
        assert [event.text for event in seen if isinstance(event, native.Said)] == ["on the new one"]
        await call.close(4409)
        asking = asyncio.ensure_future(client.list("rooms"))
        request = await again.request("list")
        await again.send("listed", id=request["id"], what="rooms", items=[], next=None)
        await asking


async def test_a_node_that_closes_before_it_could_be_left_is_a_loss_like_others(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await call.send("going_away", urls=[b.url], after_ms=3_600_000)
        await client.next(moderation.GoingAway)
        await call.close(1012, "restarting")
        again = await b.call()
        lost = await client.next(Reconnecting)
        assert (lost.code, lost.reason) == (1012, "restarting")
        await again.resume()
        await client.next(Resumed)


async def test_a_node_that_stays_after_all_is_not_left(
    a_and_b: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LEAD_SECONDS", 0.0)
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await call.send("going_away", urls=[b.url], after_ms=40)
        await call.send("urls", urls=[a.url, b.url])
        await client.next(native.Urls)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.next(Resumed)
        assert b.is_quiet
        assert client.is_live


@pytest.mark.parametrize("code", [1000, 1009, 4400, 4401, 4403, 4409])
async def test_after_these_codes_it_stays_away(a_and_b: list[Scripted], code: int) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        saying = asyncio.ensure_future(client.say("lobby", "hello"))
        await call.request("say")
        await call.close(code, "because")
        with pytest.raises(Closed) as closed:
            await saying
        assert (closed.value.code, closed.value.reason) == (code, "because")
        assert [event async for event in client] == []
    assert a.is_quiet
    assert b.is_quiet


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4408])
async def test_after_these_codes_it_comes_back(a_and_b: list[Scripted], code: int) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        await call.close(code)
        await (await b.call()).resume()
        await client.next(Resumed)


@pytest.mark.parametrize(("code", "close"), [("unauthorized", 4401), ("banned", 4403), ("bad_request", None)])
async def test_a_resume_that_is_refused_for_good_is_the_end(
    a_and_b: list[Scripted], code: str, close: int | None
) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        call.cut()
        await (await b.call()).refuse(code, close=close)
        ended = await client.wait_closed()
        assert ended.code == (close or 4400)
        with pytest.raises(Closed):
            await client.join("lobby")


async def test_a_hello_that_came_too_late_is_said_again(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        call.cut()
        late = await b.call()
        await late.send("error", code="unauthorized", message="no hello within 5 s")
        await late.close(4401)
        await (await a.call()).resume()
        await client.next(Resumed)


async def test_a_session_that_is_over_is_begun_anew_in_its_rooms_with_what_waits(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        talk = client.talk(await enter(client, call, "lobby", 7))
        await enter(client, call, "full", 8)
        await call.send(**said("seen", 5, id=1))
        await client.next(native.Said)
        saying = asyncio.ensure_future(client.say("lobby", "hello"))
        text = await call.request("say")
        call.cut()
        await (await b.call()).refuse("unauthorized", close=4410)
        anew = await b.call()
        assert "resume" not in anew.hello
        assert (anew.hello["name"], anew.hello["user"]) == ("Ann", "ann")
        await anew.welcome(session="another", resume="token-9", cursors={"o.1": 3})
        await anew.answer_join(9)
        refused = await anew.request("join")
        assert refused["room"] == "full"
        await anew.send("error", id=refused["id"], code="room_full", message="full")
        assert await anew.request("say") == text
        await anew.sent(text, 4)
        await saying
        resumed, there, left = (await events(client, native.Left))[1:]
        assert isinstance(resumed, Resumed)
        assert isinstance(there, native.Joined)
        assert isinstance(left, native.Left)
        assert (resumed.anew, resumed.gaps, there.room, left.room) == (True, ["lobby", "full"], "lobby", "full")
        assert (client.session, client.rooms) == ("another", ("lobby",))
        await talk.send(b"packet")
        frame = await anew.read()
        assert isinstance(frame, bytes)
        assert int.from_bytes(frame[4:8]) == 9
        anew.cut()
        assert (await a.call()).hello["cursors"] == {"o.1": 4}


async def test_a_session_that_is_over_is_the_end_where_no_other_is_wanted(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a, anew=False) as (client, call):
        call.cut()
        await (await b.call()).refuse("unauthorized", close=4410)
        assert (await client.wait_closed()).code == 4410
    assert b.is_quiet


async def test_closing_while_there_is_no_connection_ends_it(a_and_b: list[Scripted]) -> None:
    a, b = a_and_b
    async with client_of(a) as (client, call):
        saying = asyncio.ensure_future(client.say("lobby", "hello"))
        await call.request("say")
        call.cut()
        again = await b.call()
        await client.close()
        with pytest.raises(Closed):
            await saying
        assert await again.closed() == 1000


async def test_a_cut_goes_on_where_it_is_told(a_and_b: list[Scripted]) -> None:
    a, _ = a_and_b
    async with client_of(a) as (client, call):
        client.drop(to=a.url)
        again = await a.call()
        await again.resume()
        await client.next(Resumed)
        assert await call.closed() == 1006
