"""Muting (protocol.md section 7: `mute` and `unmute`), on one node with a real port."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest

from bus.interface import BusError
from server.acts import Mute
from server.desk import Desk
from server.events import Event, MemberChanged, Moderated
from server.execution import SILENCES
from server.wire.moderation import MUTE_SECONDS, Whom
from server.wire.native import Code, Refused
from tests.guest import LAST, Guest, fetch, frame
from tests.nodes import Served, without


async def muted(moderator: Guest, guest: Guest, **how: Any) -> None:
    """Mute `guest`, who hears of it."""
    done = await moderator.ask("mute", session=guest.session, **how)
    assert [result["outcome"] for result in done["results"]] == ["done"]
    await guest.next("moderated", action="mute")


def told(guest: Guest) -> list[dict[str, Any]]:
    """What `guest` was told of others' mutes and has not read, in order."""
    return [without(event, "type") for event in guest.seen("member_updated")]


async def test_a_mute_is_answered_by_done_and_told_to_the_one_and_to_the_others(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await moderator.join()
    await bob.next("member_joined")
    done = await moderator.ask("mute", id=7, session=bob.session, room="lobby", reason="too loud")
    assert without(done, "results") == {"type": "done", "id": 7}
    (result,) = done["results"]
    assert result.pop("ms") >= 0
    assert result == {"session": bob.session, "node": "n1", "outcome": "done"}
    await bob.settle()
    assert list(bob.unread) == [
        {"type": "moderated", "action": "mute", "by": "mod", "reason": "too loud", "until": None, "room": "lobby"}
    ]
    for other in (ann, moderator):
        assert await other.next("member_updated") == {
            "type": "member_updated",
            "room": "lobby",
            "session": bob.session,
            "muted": True,
        }


async def test_who_is_muted_in_a_room_is_not_heard_there_and_is_elsewhere(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    lobby = (await rejoin(bob))["ssrc"]
    second = (await bob.join("second"))["ssrc"]
    await ann.join("second")
    await muted(moderator, bob, room=" lobby ")

    refused = await bob.ask("say", id="x", room="lobby", text="hello?")
    assert (refused["code"], refused["id"]) == ("muted", "x")
    await bob.send_raw(frame(lobby))
    error = await bob.next("error")
    assert (error["code"], "id" in error) == ("muted", False)
    assert served.node.counters.voice_dropped["muted"] == 1
    await ann.settle()
    assert not ann.heard()
    assert not ann.seen("message")

    await bob.say("I am here", room="second")
    assert (await ann.next("message"))["room"] == "second"
    await bob.send_raw(frame(second))
    assert await ann.voice() == frame(second)
    await bob.whisper("psst", session=ann.session)
    assert (await ann.next("whisper"))["text"] == "psst"
    await bob.ask("unmute", session=bob.session)  # not for users
    assert (await bob.ask("say", room="lobby", text="again"))["code"] == "muted"


async def test_who_is_muted_everywhere_is_heard_in_no_room_and_may_not_whisper(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob)
    for room in ("lobby", "second"):
        ssrc = (await (rejoin(bob) if room == "lobby" else bob.join(room)))["ssrc"]
        assert (await bob.ask("say", room=room, text="hello?"))["code"] == "muted"
        await bob.send_raw(frame(ssrc))
        assert (await bob.next("error"))["code"] == "muted"
        served.advance(1)
    for to in ({"session": ann.session}, {"user": ann.welcome["user"]}):
        assert (await bob.ask("whisper", to=to, text="psst"))["code"] == "muted"
    await ann.settle()
    assert not ann.seen("message")
    assert not ann.heard()


async def rejoin(guest: Guest, room: str = "lobby") -> dict[str, Any]:
    await guest.ask("leave", room=room)
    return await guest.join(room)


async def test_a_refused_text_has_not_used_up_its_id(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob)
    assert (await bob.ask("say", id="x", room="lobby", text="hi"))["code"] == "muted"
    await moderator.ask("unmute", session=bob.session)
    assert (await bob.ask("say", id="x", room="lobby", text="hi"))["type"] == "sent"
    assert (await ann.next("message"))["text"] == "hi"


async def test_what_was_sent_before_the_mute_is_still_answered(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    sent = await bob.ask("say", id="x", room="lobby", text="hi")
    await muted(moderator, bob)
    assert await bob.ask("say", id="x", room="lobby", text="hi") == sent


async def test_who_is_muted_while_speaking_is_shown_to_speak_no_more(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    ssrc = (await rejoin(bob))["ssrc"]
    served.clock.stop()
    await bob.send_raw(frame(ssrc))
    await ann.voice()
    served.advance(0.1)
    await ann.next("speaking", on=[bob.session])
    await muted(moderator, bob)
    served.advance(0.1)  # and not the 300 ms after which anybody is silent
    await ann.settle()
    assert [event["off"] for event in ann.seen("speaking")] == [[bob.session]]


async def test_a_mute_is_kept_by_leaving_and_joining(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, room="lobby")
    joined = await rejoin(bob)
    assert [member["muted"] for member in joined["members"]] == [True]
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    assert [member["muted"] for member in (await bob.join("second"))["members"]] == [False]


async def test_a_mute_everywhere_is_so_in_rooms_joined_later(served: Served) -> None:
    bob = await served.enter("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob)
    assert [member["muted"] for member in (await bob.join())["members"]] == [True]
    ann = await served.enter("Ann")
    assert {member["name"]: member["muted"] for member in (await ann.join())["members"]} == {
        "Bob": True,
        "Ann": False,
    }


async def test_unmute_lets_be_heard_again(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    ssrc = (await rejoin(bob))["ssrc"]
    await muted(moderator, bob, room="lobby")
    done = await moderator.ask("unmute", session=bob.session, room="lobby", reason="all right")
    assert [result["outcome"] for result in done["results"]] == ["done"]
    assert await bob.next("moderated") == {
        "type": "moderated",
        "action": "unmute",
        "by": "mod",
        "reason": "all right",
        "until": None,
        "room": "lobby",
    }
    await ann.settle()
    assert [update["muted"] for update in told(ann)] == [True, False]
    await bob.say("thanks")
    await bob.send_raw(frame(ssrc))
    assert (await ann.next("message"))["text"] == "thanks"
    assert await ann.voice() == frame(ssrc)


async def test_unmute_without_a_room_lifts_every_mute_and_with_one_only_its_own(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await bob.join("second")
    for where in ({"room": "lobby"}, {"room": "second"}, {}):
        await muted(moderator, bob, **where)
    await moderator.ask("unmute", session=bob.session, room="lobby")
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    await moderator.ask("unmute", session=bob.session)
    for room in ("lobby", "second"):
        await bob.say("hello", room=room)
    await ann.settle()
    assert [update["muted"] for update in told(ann)] == [True, False]


async def test_a_mute_of_a_room_is_lifted_though_its_session_has_left(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, room="lobby")
    await bob.ask("leave", room="lobby")
    assert (await moderator.ask("mute", session=bob.session, room="lobby"))["code"] == "not_found"
    assert (await moderator.ask("unmute", session=bob.session, room="lobby"))["type"] == "done"
    assert (await moderator.ask("unmute", session=bob.session, room="lobby"))["code"] == "not_found"
    await bob.join("lobby")
    await bob.say("hello")


async def test_doing_it_twice_is_done_and_told_once(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    other = await served.enter_as("admin", user="other")
    for act, expected in (("mute", 1), ("unmute", 2)):
        for guest in (moderator, other):
            done = await guest.ask(act, session=bob.session, room="lobby")
            assert [result["outcome"] for result in done["results"]] == ["done"]
        await ann.settle()
        await bob.settle()
        assert len(told(ann)) == expected
        assert len(bob.seen("moderated")) == expected


async def test_who_was_never_muted_is_unmuted_in_silence(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("unmute", session=bob.session))["results"][0]["outcome"] == "done"
    for guest in (ann, bob):
        await guest.settle()
        assert not guest.unread


# Time


async def test_a_mute_with_seconds_says_until_when_and_ends_by_itself(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    before = time.time() * 1000
    await moderator.ask("mute", session=bob.session, room="lobby", seconds=600)
    until = (await bob.next("moderated"))["until"]
    assert before + 600_000 - 1 <= until <= time.time() * 1000 + 600_000
    served.advance(599.9)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    served.advance(0.3)
    assert await bob.next("moderated") == {
        "type": "moderated",
        "action": "unmute",
        "by": "",
        "reason": "its time is over",
        "until": None,
        "room": "lobby",
    }
    await bob.say("hello")
    await ann.settle()
    assert [update["muted"] for update in told(ann)] == [True, False]


async def test_a_mute_that_has_ended_meanwhile_is_not_so_on_a_later_join(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, room="lobby", seconds=60)
    await bob.ask("leave", room="lobby")
    served.advance(30)
    assert [member["muted"] for member in (await bob.join())["members"]] == [True]
    await bob.ask("leave", room="lobby")
    served.advance(30.2)
    assert [member["muted"] for member in (await bob.join())["members"]] == [False]


async def test_the_last_word_on_how_long_counts(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, seconds=60)
    await muted(moderator, bob, seconds=10)
    served.advance(10.2)
    await bob.next("moderated", action="unmute")
    await bob.say("hello")
    await muted(moderator, bob, seconds=10)
    await muted(moderator, bob)
    served.advance(60)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    await muted(moderator, bob, seconds=5)
    served.advance(5.2)
    await bob.next("moderated", action="unmute")
    await bob.say("hello")


async def test_a_mute_that_was_lifted_does_not_end_again(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, seconds=60)
    await moderator.ask("unmute", session=bob.session)
    await bob.next("moderated", action="unmute")
    served.advance(60.2)
    await bob.settle()
    assert not bob.seen("moderated")


async def test_a_mute_that_was_lifted_does_not_end_a_later_one(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, seconds=60)
    await moderator.ask("unmute", session=bob.session)
    await muted(moderator, bob)
    served.advance(60.2)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"


async def test_of_two_mutes_the_later_end_counts(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, room="lobby", seconds=60)
    await muted(moderator, bob, seconds=120)
    served.advance(60.2)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    await ann.settle()
    assert [update["muted"] for update in told(ann)] == [True]
    served.advance(60.2)
    await bob.say("hello")
    await ann.next("member_updated", muted=False)


async def test_a_mute_ends_with_its_session(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, seconds=60)
    await bob.leave_for_good()
    served.advance(60.2)
    again = await served.enter("Bob", user="bob")
    await again.join()
    await again.say("hello")
    assert not again.seen("moderated")


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1, MUTE_SECONDS])
async def test_a_mute_lasts_up_to_a_year(served: Served, seconds: float) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("mute", session=bob.session, seconds=seconds))["type"] == "done"


@pytest.mark.parametrize("seconds", [0, -1, MUTE_SECONDS + 1, 1e300, "60", True, [60]])
async def test_another_time_is_a_bad_request(served: Served, seconds: object) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("mute", session=bob.session, seconds=seconds)
    assert (error["code"], error["field"]) == ("bad_request", "seconds")
    await bob.say("hello")


# Who, whom


@pytest.mark.parametrize("act", ["mute", "unmute"])
@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({}, "bad_request", None),
        ({"session": "s", "user": "u"}, "bad_request", None),
        ({"session": 5}, "bad_request", "session"),
        ({"user": "bob", "room": "a/b"}, "bad_request", "room"),
        ({"user": "bob", "room": "r" * 65}, "too_large", "room"),
        ({"user": "bob", "reason": 5}, "bad_request", "reason"),
        ({"user": "bob", "reason": "r" * 4001}, "too_large", "reason"),
        ({"user": "nobody"}, "not_found", None),
        ({"session": "nobody"}, "not_found", None),
        ({"user": "bob", "room": "second"}, "not_found", None),
    ],
)
async def test_a_wrong_one_is_refused(
    served: Served, act: str, fields: dict[str, Any], code: str, named: str | None
) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    error = await moderator.ask(act, **fields)
    assert error["code"] == code
    assert named is None or error["field"] == named
    await bob.settle()
    assert not bob.unread


ROLES = ("user", "moderator", "admin")


@pytest.mark.parametrize("target", ROLES)
@pytest.mark.parametrize("actor", ROLES)
async def test_who_may_mute_whom(served: Served, actor: str, target: str) -> None:
    by = await served.enter_as(actor, user="by")
    whom = await served.enter_as(target, user="whom")
    for guest in (by, whom):
        await guest.join()
    allowed = actor != "user" and ROLES.index(actor) >= ROLES.index(target)
    for act in ("mute", "unmute"):
        answer = await by.ask(act, session=whom.session)
        if allowed:
            assert answer["results"][0]["outcome"] == "done"
            assert (await whom.next("moderated"))["action"] == act
        else:
            assert answer["code"] == "forbidden"
    await whom.settle()
    assert not whom.seen("moderated")


async def test_a_mute_of_a_user_reaches_every_session_of_it(served: Served) -> None:
    bobs = [await served.enter("Bob", user="bob") for _ in range(2)]
    for bob in bobs:
        await bob.join()
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("mute", user="bob", room="lobby")
    assert {result["session"] for result in done["results"]} == {bob.session for bob in bobs}
    for bob in bobs:
        assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"


async def test_a_mute_of_somebody_who_leaves_is_gone_or_not_found(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    bobs = await served.members(*(f"Bob {number}" for number in range(10)))

    async def race(bob: Guest) -> str:
        leaving = asyncio.create_task(bob.leave_for_good())
        answer = await moderator.ask("mute", session=bob.session, room="lobby")
        await leaving
        return str(answer["results"][0]["outcome"] if answer["type"] == "done" else answer["code"])

    outcomes = {await race(bob) for bob in bobs}
    assert outcomes <= {"done", "gone", "not_found"}


async def test_a_session_has_64_mutes_at_most(served: Served) -> None:
    bob = await served.enter("Bob")
    admin = await served.enter_as("admin")

    async def mute_in(room: str) -> str:
        served.clock.advance(1)  # for the limit of requests
        await bob.join(room)
        done = await admin.ask("mute", session=bob.session, room=room)
        await bob.ask("leave", room=room)
        return str(done["results"][0]["outcome"])

    assert {await mute_in(f"room {number}") for number in range(SILENCES)} == {"done"}
    assert await mute_in("one more") == "failed"
    assert await mute_in("room 0") == "done"
    await admin.ask("unmute", session=bob.session, room="room 1")
    assert await mute_in("one more") == "done"


# What is seen of it


async def test_listings_show_who_is_muted(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob, room="lobby")
    members = (await moderator.ask("list", what="members", room="lobby"))["items"]
    assert {item["session"]: item["muted"] for item in members} == {ann.session: False, bob.session: True}
    sessions = (await moderator.ask("list", what="sessions"))["items"]
    assert not any(item["muted"] for item in sessions)
    await muted(moderator, bob)
    sessions = (await moderator.ask("list", what="sessions"))["items"]
    assert [item["session"] for item in sessions if item["muted"]] == [bob.session]


async def test_acts_are_counted(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await muted(moderator, bob)
    await moderator.ask("unmute", session=bob.session)
    await moderator.ask("kick", session=bob.session)
    metrics = (await fetch(served.url, "/metrics")).body
    for action in (b"mute", b"unmute", b"kick"):
        assert b'switchboard_moderations_total{action="' + action + b'"} 1.0' in metrics


async def test_a_console_mutes_and_sees_it(served: Served) -> None:
    (bob,) = await served.members("Bob")
    desk = Desk(served.node, "Console")
    events: list[Event] = []
    served.node.watch(events.append)
    (outcome,) = await desk.mute(
        desk.operator, Whom.of(session=bob.session), room="lobby", seconds=60, reason="noise"
    )
    assert outcome.outcome == "done"
    assert (await bob.next("moderated"))["by"] == "Console"
    (member,) = desk.members("lobby")
    assert member.muted
    assert member.muted_until is not None
    (line,) = [line for line in desk.chat("lobby") if line.kind == "muted"]
    assert (line.session, line.name, line.by, line.text, line.everywhere) == (
        bob.session,
        "Bob",
        "Console",
        "noise",
        False,
    )
    assert line.until == member.muted_until
    (moderated,) = [event for event in events if isinstance(event, Moderated)]
    assert (moderated.action, moderated.by, moderated.session) == ("mute", desk.operator, bob.session)
    assert any(isinstance(event, MemberChanged) and event.room == "lobby" for event in events)

    served.advance(60.2)
    await bob.settle()
    (line,) = [line for line in desk.chat("lobby") if line.kind == "unmuted"]
    assert (line.name, line.by, line.text) == ("Bob", "", "its time is over")
    (member,) = desk.members("lobby")
    assert (member.muted, member.muted_until) == (False, None)
    await desk.mute(desk.operator, Whom.of(session=bob.session))
    (member,) = desk.members("lobby")
    assert (member.muted, member.muted_until) == (True, None)
    assert desk.chat("lobby")[-1].everywhere
    await desk.unmute(desk.operator, Whom.of(session=bob.session))
    await bob.say("thanks")


async def test_a_console_is_refused_as_everybody_is(served: Served) -> None:
    desk = Desk(served.node, "Console")
    (bob,) = await served.members("Bob")
    for act in (desk.mute, desk.unmute):
        with pytest.raises(Refused) as refused:
            await act(desk.operator, Whom.of(session="nobody"))
        assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Refused) as refused:
        await desk.mute(desk.operator, Whom.of(session=bob.session), reason="r" * 4001)
    assert refused.value.code is Code.TOO_LARGE
    for seconds in (0, MUTE_SECONDS + 1):
        with pytest.raises(Refused) as refused:
            await desk.mute(desk.operator, Whom.of(session=bob.session), seconds=seconds)
        assert refused.value.field == "seconds"


async def test_a_muted_talk_frame_ends_nothing(served: Served) -> None:
    """The frame that ends a talkspurt is refused as any other, and the limit of speakers is not touched by it."""
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    ssrc = (await rejoin(bob))["ssrc"]
    await muted(moderator, bob)
    await bob.send_raw(frame(ssrc, flags=LAST))
    assert (await bob.next("error"))["code"] == "muted"
    await ann.settle()
    assert not ann.heard()


@pytest.mark.parametrize(
    "act", [{"seconds": float("inf")}, {"seconds": -1.0}, {"reason": "r" * 4001}, {"by": "nobody"}]
)
async def test_what_another_node_asks_for_and_is_no_act_changes_nothing(
    served: Served, act: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(served.node, "Console")
    (bob,) = await served.members("Bob")
    await desk.mute(desk.operator, Whom.of(session=bob.session), seconds=5)
    asked = Mute(id="x", sessions=(bob.session,), room=None, by=desk.operator, reason="", seconds=5)
    body = msgspec.msgpack.encode({**msgspec.to_builtins(asked), **act})
    with pytest.raises(BusError, match="not readable"):
        served.node.on_call("ff" * 8, body)
    served.advance(6.0)
    assert not served.node.presence.present[bob.session].muted()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
