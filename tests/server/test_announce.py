"""Announcements (protocol.md section 5: `announce`), on one node with a real port."""

from __future__ import annotations

from typing import Any

import pytest

from server.desk import Desk
from server.events import AnnouncementShown, Event
from server.wire.native import Code, Refused
from tests.guest import Guest
from tests.nodes import Served, without


async def test_an_announcement_reaches_everybody_but_its_sender(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    outside = await served.enter("Outside")
    moderator = await served.enter_as("moderator")
    await moderator.join()
    sent = await moderator.ask("announce", id="a-1", text="back at nine")
    assert list(sent) == ["type", "id", "origin", "seq", "at", "copies"]
    assert (sent["type"], sent["id"], sent["copies"]) == ("sent", "a-1", 1)
    for guest in (ann, bob, outside):
        assert await guest.next("announcement") == {
            "type": "announcement",
            "id": "a-1",
            "from": {"session": moderator.session, "user": "mod", "name": "mod"},
            "room": None,
            "text": "back at nine",
            "origin": sent["origin"],
            "seq": sent["seq"],
            "at": sent["at"],
        }
    await moderator.settle()
    assert not moderator.seen("announcement")


async def test_an_announcement_to_a_room_reaches_its_members_though_the_sender_is_none(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    (other,) = await served.members("Other", room="second")
    moderator = await served.enter_as("moderator")
    sent = await moderator.ask("announce", id=1, room=" lobby ", text="quiet, please")
    assert sent["room"] == "lobby"
    for guest in (ann, bob):
        announced = await guest.next("announcement")
        assert (announced["room"], announced["text"]) == ("lobby", "quiet, please")
    for guest in (other, moderator):
        await guest.settle()
        assert not guest.seen("announcement")


async def test_an_announcement_is_no_message_of_the_history(served: Served) -> None:
    await served.members("Ann")
    moderator = await served.enter_as("moderator")
    await moderator.ask("announce", id=1, room="lobby", text="quiet, please")
    assert (await (await served.enter("Late")).join())["history"] == []


async def test_ids_are_shared_with_messages_and_whispers(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await moderator.join()
    first = await moderator.ask("announce", id="x", text="once")
    assert await moderator.ask("announce", id="x", text="once") == first
    assert await moderator.ask("say", id="x", room="lobby", text="other") == first
    said = await moderator.ask("say", id="y", room="lobby", text="said")
    assert await moderator.ask("announce", id="y", text="other") == said
    await ann.settle()
    assert [event["text"] for event in ann.seen("announcement") + ann.seen("message")] == ["once", "said"]


async def test_announcements_and_messages_of_one_sender_keep_their_order(served: Served) -> None:
    (ann,) = await served.members("Ann")
    moderator = await served.enter_as("moderator")
    await moderator.join()
    for number in range(20):
        if number % 2:
            await moderator.send("announce", id=number, text=str(number))
        else:
            await moderator.send("say", id=number, room="lobby", text=str(number))
    for number in range(20):
        await moderator.answer(number)
    await ann.settle()
    shown = [event for event in ann.unread if isinstance(event, dict) and "text" in event]
    assert [event["text"] for event in shown] == [str(number) for number in range(20)]
    assert [event["seq"] for event in shown] == sorted(event["seq"] for event in shown)


@pytest.mark.parametrize("where", [{}, {"room": "lobby"}])
async def test_users_may_not_announce(served: Served, where: dict[str, str]) -> None:
    ann, bob = await served.members("Ann", "Bob")
    assert (await ann.ask("announce", text="hear me", **where))["code"] == "forbidden"
    await bob.settle()
    assert not bob.unread
    for role in ("moderator", "admin"):
        assert (await (await served.enter_as(role)).ask("announce", text="hear", **where))["type"] == "sent"


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"id": "x"}, "bad_request", "text"),
        ({"text": "x"}, "bad_request", "id"),
        ({"id": "x", "text": 5}, "bad_request", "text"),
        ({"id": "x", "text": " \x00"}, "bad_request", "text"),
        ({"id": "x", "text": "t" * 4001}, "too_large", "text"),
        ({"id": "x", "text": "x", "room": "a/b"}, "bad_request", "room"),
        ({"id": "x", "text": "x", "room": "nowhere"}, "not_found", None),
    ],
)
async def test_a_wrong_one_is_refused(served: Served, fields: dict[str, Any], code: str, named: str | None) -> None:
    (ann,) = await served.members("Ann")
    moderator = await served.enter_as("moderator")
    await moderator.send("announce", **fields)
    error = await moderator.next("error")
    assert error["code"] == code
    assert named is None or error["field"] == named
    await ann.settle()
    assert not ann.unread


@pytest.mark.parametrize("length", [1, 3999, 4000])
async def test_an_announcement_has_4000_characters_at_most(served: Served, length: int) -> None:
    (ann,) = await served.members("Ann")
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("announce", text="ä" * length))["type"] == "sent"
    assert (await ann.next("announcement"))["text"] == "ä" * length


async def test_announcements_are_limited_as_other_requests_are(served: Served) -> None:
    served.clock.stop()
    moderator = await served.enter_as("moderator")
    await moderator.join()
    said = [await moderator.ask("say", room="lobby", text="x") for _ in range(61)]
    assert (said[-2]["type"], said[-1]["type"]) == ("sent", "error")
    announced = [await moderator.ask("announce", text="x") for _ in range(98)]  # hello and join were two more
    assert [one["type"] for one in announced] == ["sent"] * 98
    refused = await moderator.ask("announce", text="x")
    assert (refused["code"], refused["retry_after_ms"] > 0) == ("rate_limited", True)


async def test_a_moderator_who_is_muted_may_not_announce_there(served: Served) -> None:
    await served.members("Ann")
    moderator, other = await served.enter_as("moderator"), await served.enter_as("moderator", user="other")
    await other.join()
    await moderator.ask("mute", session=other.session, room="lobby")
    assert (await other.ask("announce", room="lobby", text="x"))["code"] == "muted"
    assert (await other.ask("announce", text="x"))["type"] == "sent"
    await moderator.ask("mute", session=other.session)
    assert (await other.ask("announce", text="x"))["code"] == "muted"


async def test_a_console_announces_and_has_it_in_every_room_concerned(served: Served) -> None:
    ann = (await served.members("Ann"))[0]
    bob: Guest = (await served.members("Bob", room="second"))[0]
    desk = Desk(served.node, "Console")
    events: list[Event] = []
    served.node.watch(events.append)
    receipt = await desk.announce(desk.operator, room="lobby", text="quiet, please")
    assert receipt.copies == 1
    assert without(await ann.next("announcement"), "id", "origin", "seq", "at", "from") == {
        "type": "announcement",
        "room": "lobby",
        "text": "quiet, please",
    }
    assert [line.kind for line in desk.chat("second")] == []
    await desk.announce(desk.operator, room=None, text="good night")
    for room in ("lobby", "second"):
        line = desk.chat(room)[-1]
        assert (line.kind, line.name, line.text, line.everywhere) == ("announcement", "Console", "good night", True)
    assert not desk.chat("lobby")[-2].everywhere
    assert [event["text"] for event in (await ann.next("announcement"), await bob.next("announcement"))] == [
        "good night",
        "good night",
    ]
    assert [event.room for event in events if isinstance(event, AnnouncementShown)] == ["lobby", None]
    with pytest.raises(Refused) as refused:
        await desk.announce(desk.operator, room="nowhere", text="x")
    assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Refused):
        await desk.announce(desk.operator, room=None, text=" ")
