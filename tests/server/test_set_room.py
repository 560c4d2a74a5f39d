"""What moderators set of rooms (protocol.md sections 4 and 7), on two nodes with real ports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server import passwords
from server.desk import Desk
from server.roomsettings import Lock
from server.session import Actor, Role
from server.wire.native import Code, Refused
from tests.guest import Event, Guest, frame, speaking
from tests.nodes import Served, Serving, token, without

DEFAULT = {"locked": False, "capacity": 50, "slow_seconds": 0, "title": "", "speakers": 8, "muted": False}


@pytest.fixture
async def two(serve: Serving) -> tuple[Served, Served]:
    """Two nodes that know each other."""
    a = await serve(address="a:1")
    return a, await serve("a:1", address="b:1")


async def set_room(moderator: Guest, room: str = "lobby", **settings: Any) -> Event:
    """Set a room, on every node once this is answered."""
    done = await moderator.ask("set_room", room=room, **settings)
    assert done["type"] == "done", done
    return done


async def refused(guest: Guest, type: str, **fields: Any) -> tuple[str, str | None]:
    """Code and field of the error that answers a request."""
    error = await guest.ask(type, **fields)
    assert error["type"] == "error", error
    return error["code"], error.get("field")


async def state_of(guest: Guest, room: str = "lobby") -> Any:
    """The settings of a room as a list shows them; None where there is no such room."""
    items = (await guest.ask("list", what="rooms", room=room))["items"]
    return items[0]["room_state"] if items else None


# Setting


async def test_a_setting_is_answered_by_each_node_and_told_to_the_members_of_each(two: tuple[Served, Served]) -> None:
    a, b = two
    (ann,), (bob,) = await a.members("Ann"), await b.members("Bob")
    await ann.next("member_joined")
    moderator = await a.enter_as("moderator")
    done = await set_room(moderator, id=7, title="Weekly", capacity=7, reason="as agreed")
    assert without(done, "results") == {"type": "done", "id": 7}
    assert [(r["node"], r["outcome"]) for r in done["results"]] == [("n1", "done"), ("n2", "done")]
    assert all(r["ms"] >= 0 for r in done["results"])
    expected = {"type": "room_updated", "room": "lobby", "room_state": {**DEFAULT, "title": "Weekly", "capacity": 7}}
    assert await ann.next("room_updated") == await bob.next("room_updated") == expected
    for guest, served in ((ann, a), (bob, b)):
        assert await state_of(guest) == expected["room_state"]
        late = await served.enter("Late")
        assert (await late.join())["room_state"] == expected["room_state"]
        await late.ask("leave", room="lobby")


async def test_what_is_not_named_stays_as_it_is(two: tuple[Served, Served]) -> None:
    a, b = two
    here, there = await a.enter_as("moderator"), await b.enter_as("admin", user="adm")
    await set_room(here, title="Weekly")
    await set_room(there, speakers=2)
    await set_room(here, capacity=9, title="Daily")
    for guest in (here, there):
        assert await state_of(guest) == {**DEFAULT, "title": "Daily", "speakers": 2, "capacity": 9}


async def test_a_room_with_settings_is_there_without_members_until_it_is_as_any_other(served: Served) -> None:
    moderator, ann = await served.enter_as("moderator"), await served.enter("Ann")
    assert await state_of(ann, "attic") is None
    await set_room(moderator, "attic", locked=True)
    (item,) = (await ann.ask("list", what="rooms"))["items"]
    assert item == {"room": "attic", "members": 0, "speaking": 0, "room_state": {**DEFAULT, "locked": True}}
    assert (await moderator.ask("list", what="members", room="attic"))["items"] == []
    await set_room(moderator, "attic", locked=False, title="")
    assert await state_of(ann, "attic") is None


async def test_settings_outlive_the_last_member(served: Served) -> None:
    (ann,) = await served.members("Ann")
    moderator = await served.enter_as("moderator")
    await set_room(moderator, title="Weekly")
    await ann.ask("leave", room="lobby")
    assert (await ann.join())["room_state"]["title"] == "Weekly"


async def test_a_node_that_comes_later_knows_what_is_set(serve: Serving) -> None:
    a = await serve(address="a:1")
    await set_room(await a.enter_as("moderator"), title="Weekly", locked=True)
    b = await serve("a:1", address="b:1")
    bob = await b.enter("Bob")
    assert await refused(bob, "join", room="lobby") == ("room_locked", None)
    assert (await state_of(bob))["title"] == "Weekly"


async def test_users_set_nothing(served: Served) -> None:
    (ann,) = await served.members("Ann")
    assert (await refused(ann, "set_room", room="lobby", locked=True))[0] == "forbidden"
    assert await state_of(ann) == DEFAULT


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, ("bad_request", None)),
        ({"capacity": 0}, ("bad_request", "capacity")),
        ({"capacity": 1001}, ("bad_request", "capacity")),
        ({"capacity": "7"}, ("bad_request", "capacity")),
        ({"slow_seconds": -1}, ("bad_request", "slow_seconds")),
        ({"slow_seconds": 3601}, ("bad_request", "slow_seconds")),
        ({"speakers": 0}, ("bad_request", "speakers")),
        ({"speakers": 65}, ("bad_request", "speakers")),
        ({"locked": 1}, ("bad_request", "locked")),
        ({"muted": "yes"}, ("bad_request", "muted")),
        ({"title": "a" * 101}, ("too_large", "title")),
        ({"title": "\u0001"}, ("bad_request", "title")),
        ({"title": "\ud800"}, ("bad_request", None)),
        ({"password": "a" * 129}, ("too_large", "password")),
        ({"password": ""}, ("bad_request", "password")),
        ({"room": "a/b", "locked": True}, ("bad_request", "room")),
        ({"title": "fine", "reason": "a" * 4001}, ("too_large", "reason")),
    ],
)
async def test_what_a_room_cannot_be_is_refused(
    served: Served, settings: dict[str, Any], error: tuple[str, str | None]
) -> None:
    moderator = await served.enter_as("moderator")
    assert await refused(moderator, "set_room", **{"room": "lobby", **settings}) == error
    assert await state_of(moderator) is None


async def test_the_limits_themselves_are_fine(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    await set_room(moderator, capacity=1, slow_seconds=3600, speakers=1, title="ä" * 100)
    await set_room(moderator, capacity=1000, speakers=64, slow_seconds=0)
    assert await state_of(moderator) == {**DEFAULT, "capacity": 1000, "speakers": 64, "title": "ä" * 100}


async def test_the_same_request_again_decides_nothing_new(two: tuple[Served, Served]) -> None:
    a, b = two
    here, there = await a.enter_as("moderator"), await b.enter_as("moderator", user="other")
    await set_room(here, id="once", title="Weekly")
    await set_room(there, title="Daily")
    await set_room(here, id="later", slow_seconds=5)
    ruling = a.node.rulings.last("room/lobby/title")
    await set_room(here, id="later", slow_seconds=5)
    assert a.node.rulings.last("room/lobby/title") == ruling
    slow = b.node.rulings.last("room/lobby/slow_seconds")
    assert slow is not None
    assert slow.number == 1


async def test_what_was_set_is_in_the_audit_and_a_password_is_not(two: tuple[Served, Served]) -> None:
    moderator = await two[0].enter_as("moderator")
    await set_room(moderator, title="Weekly", locked=True, password="sesame", reason="as agreed")
    items = [item for item in (await moderator.ask("audit"))["items"] if item["action"] == "set_room"]
    assert {item["node"] for item in items} == {"n1", "n2"}
    for item in items:
        assert (item["by"], item["room"], item["reason"], item["outcome"]) == ("mod", "lobby", "as agreed", "done")
        assert (item["target"], item["detail"]) == ("lobby", "locked on, title Weekly, password set")


async def test_the_operator_of_a_console_sets_rooms_as_moderators_do(two: tuple[Served, Served]) -> None:
    a, b = two
    (ann,) = await b.members("Ann")
    desk, lena = Desk(a.node, "Lena"), Actor("", "lena", "Lena", Role.ADMIN)
    outcomes = await desk.set_room(lena, "lobby", title="Weekly", password="sesame", reason="as agreed")
    assert [(outcome.node, outcome.outcome) for outcome in outcomes] == [("n1", "done"), ("n2", "done")]
    assert (await ann.next("room_updated"))["room_state"]["title"] == "Weekly"
    assert (desk.settings_of("lobby").title, desk.has_password("lobby")) == ("Weekly", True)
    await desk.set_room(lena, "attic", locked=True)
    assert [(view.name, view.members, view.opened is None) for view in desk.rooms()] == [
        ("lobby", 1, False),
        ("attic", 0, True),
    ]
    await desk.set_room(lena, "attic", locked=False)
    assert desk.room("attic") is None
    for settings, field in (({"capacity": 0}, None), ({"title": "a" * 101}, "title")):
        with pytest.raises(Refused) as refusal:
            await desk.set_room(lena, "lobby", **settings)
        assert refusal.value.field == field
    with pytest.raises(Refused) as refusal:
        await desk.set_room(Actor("", "ann", "Ann", Role.USER), "lobby", locked=True)
    assert refusal.value.code is Code.FORBIDDEN


# Entering


async def test_a_locked_room_lets_in_moderators_only(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, (ann,) = await a.enter_as("moderator"), await b.members("Ann")
    await set_room(moderator, locked=True)
    bob = await b.enter("Bob")
    assert await refused(bob, "join", room="lobby") == ("room_locked", None)
    await moderator.join()
    await ann.say("still here")
    await set_room(moderator, locked=False)
    assert len((await bob.join())["members"]) == 3


async def test_who_was_in_a_room_before_it_was_locked_resumes_there(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, (ann,) = await a.enter_as("moderator"), await a.members("Ann")
    await set_room(moderator, locked=True, password="sesame")
    ann = await b.back(ann)
    assert [room["room"] for room in ann.welcome["rooms"]] == ["lobby"]
    assert ann.welcome["rooms"][0]["room_state"]["locked"]


async def test_the_word_of_a_client_opens_no_locked_room(serve: Serving) -> None:
    """All nodes were started again: a session goes on where its client says that it was."""
    old = await serve()
    guests = await old.members("Ann"), await old.members("Bob", room="attic")
    tokens = [guest.token for (guest,) in guests]
    new = await serve()
    new.node.keyring.tokens = old.node.keyring.tokens
    moderator = await new.enter_as("moderator")
    await set_room(moderator, "attic", locked=True)
    await set_room(moderator, "cellar", password="sesame")
    rooms = ["lobby", "attic", "cellar"]
    back = await Guest.connect(new.url)
    new.guests.append(back)
    await back.send("hello", id=1, resume=tokens[0], rooms=rooms)
    assert [room["room"] for room in (await back.answer(1))["rooms"]] == ["lobby"]


async def test_a_password_opens_a_room_on_every_node(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, bob = await a.enter_as("moderator"), await b.enter("Bob")
    await set_room(moderator, password="Cafe\u0301")
    assert await refused(bob, "join", room="lobby") == ("forbidden", "password")
    assert await refused(bob, "join", room="lobby", password="wrong") == ("forbidden", "password")
    assert await refused(bob, "join", room="lobby", password="a" * 129) == ("too_large", "password")
    joined = await bob.ask("join", room="lobby", password="Caf\u00e9")
    assert joined["type"] == "joined"
    assert list(joined["room_state"]) == list(DEFAULT), "whoever is in does not see the password"
    await moderator.join()
    await set_room(moderator, password=None)
    await (await a.enter("Cid")).join()


async def test_a_password_is_nowhere_to_be_read(two: tuple[Served, Served], caplog: pytest.LogCaptureFixture) -> None:
    a, b = two
    with caplog.at_level("DEBUG"):
        await set_room(await a.enter_as("moderator"), password="open sesame")
        bob = await b.enter("Bob")
        await bob.ask("join", room="lobby", password="open sesam")
        await bob.ask("join", room="lobby", password="open sesame")
    said = [record.getMessage() for record in caplog.records if record.name.startswith(("server", "bus"))]
    assert any("room/lobby/password" in line for line in said)
    assert not any("sesam" in line for line in said)
    for served in (a, b):
        ruling = served.node.rulings.get("room/lobby/password")
        assert ruling is not None
        assert b"sesame" not in ruling.value
        assert ruling.read(Lock).opens("open sesame")


async def test_of_who_tries_one_password_after_the_other_no_more_are_tried(served: Served) -> None:
    moderator, bob = await served.enter_as("moderator"), await served.enter("Bob")
    await set_room(moderator, password="sesame")
    for number in range(round(passwords.TRIES[1])):
        assert (await refused(bob, "join", room="lobby", password=str(number)))[0] == "forbidden"
    error = await bob.ask("join", room="lobby", password="sesame")
    assert error["code"] == "rate_limited"
    assert served.node.counters.limited["passwords"] == 1
    served.advance(error["retry_after_ms"] / 1000)
    assert (await bob.ask("join", room="lobby", password="sesame"))["type"] == "joined"


async def test_a_crowd_that_knows_the_password_waits_for_it_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    opens = Lock.opens

    def count(lock: Lock, given: str) -> bool:
        tried.append(given)
        return opens(lock, given)

    monkeypatch.setattr(Lock, "opens", count)
    await set_room(await served.enter_as("moderator"), password="sesame")
    for number in range(20):
        guest = await served.enter(f"g{number}")
        assert (await guest.ask("join", room="lobby", password="sesame"))["type"] == "joined"
    assert tried == ["sesame"]


async def test_no_more_passwords_wait_than_may(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 0)
    moderator, bob = await served.enter_as("moderator"), await served.enter("Bob")
    assert (await refused(moderator, "set_room", room="lobby", password="sesame"))[0] == "rate_limited"
    monkeypatch.undo()
    await set_room(moderator, password="sesame")
    monkeypatch.setattr(passwords, "WAITING", 0)
    error = await bob.ask("join", room="lobby", password="sesame")
    assert (error["code"], error["retry_after_ms"]) == ("rate_limited", passwords.WAIT_MS)


async def test_who_is_gone_when_the_password_was_tried_enters_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderator, bob = await served.enter_as("moderator"), await served.enter("Bob")
    await set_room(moderator, password="sesame")
    trying, tried = asyncio.Event(), asyncio.Event()

    async def slowly(lock: Lock, password: str, *, by: str, now: float) -> bool:
        trying.set()
        await tried.wait()
        return True

    monkeypatch.setattr(served.node.settings.passwords, "try_", slowly)
    await bob.send("join", room="lobby", password="sesame")
    await trying.wait()
    (task,) = [task for task in served.node.tasks._running if task.get_name() == "join"]
    bob = await served.back(bob)
    tried.set()
    await task
    await bob.settle()
    assert not bob.seen("joined")
    assert not bob.seen("error")
    assert "lobby" not in served.node.rooms


async def test_a_room_that_was_locked_while_a_password_was_tried_stays_closed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderator, bob = await served.enter_as("moderator"), await served.enter("Bob")
    await set_room(moderator, password="sesame")
    settings = served.node.settings

    async def slowly(lock: Lock, password: str, *, by: str, now: float) -> bool:
        await set_room(moderator, locked=True)
        return True

    monkeypatch.setattr(settings.passwords, "try_", slowly)
    assert await refused(bob, "join", room="lobby", password="sesame") == ("room_locked", None)


async def test_a_moderator_of_other_rooms_passes_nothing_here(served: Served) -> None:
    lena = await served.enter(None, token=token("moderator", user="lena", rooms=("team-*",)))
    mod = await served.enter_as("moderator")
    assert await refused(lena, "set_room", room="lobby", locked=True) == ("forbidden", "room")
    for room in ("lobby", "team-1"):
        await set_room(mod, room, password="sesame", muted=True, slow_seconds=60)
    assert await refused(lena, "join", room="lobby") == ("forbidden", "password")
    await lena.join("team-1")
    await lena.say("one", room="team-1")
    await lena.say("two", room="team-1")
    await lena.ask("join", room="lobby", password="sesame")
    assert (await refused(lena, "say", room="lobby", text="one"))[0] == "muted"


async def test_a_lower_capacity_puts_nobody_out(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator = await a.enter_as("moderator")
    here, there = await a.members("A1", "A2"), await b.members("B1", "B2")
    await set_room(moderator, capacity=2)
    late = await b.enter("Late")
    assert await refused(late, "join", room="lobby") == ("room_full", None)
    assert len((await moderator.join())["members"]) == 5
    for guest in (*here, *there):
        await guest.settle()
        assert not guest.seen("left")
    for guest in here:
        await guest.ask("leave", room="lobby")
    await set_room(moderator, capacity=4)
    await late.join()


# Saying something


async def test_in_a_muted_room_moderators_are_heard_and_nobody_else(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, (ann,), bob = await a.enter_as("moderator"), await b.members("Ann"), await b.enter("Bob")
    voice, word = (await bob.join())["ssrc"], (await moderator.join())["ssrc"]
    await bob.send_raw(frame(voice))
    await ann.voice()
    await set_room(moderator, muted=True)
    assert (await bob.next("room_updated"))["room_state"]["muted"]
    assert (await refused(bob, "say", room="lobby", text="hello?"))[0] == "muted"
    await bob.send_raw(frame(voice, seq=1))
    assert (await bob.next("error"))["code"] == "muted"
    await moderator.say("silence, please")
    await moderator.send_raw(frame(word))
    assert await ann.voice() == frame(word)
    assert (await ann.next("message"))["text"] == "silence, please"
    assert not ann.seen("message")
    late = await a.enter("Late")
    ssrc = (await late.join())["ssrc"]
    await late.send_raw(frame(ssrc))
    assert (await late.next("error"))["code"] == "muted"
    await bob.whisper("psst", session=ann.session)
    await set_room(moderator, muted=False)
    await bob.say("at last")
    await bob.send_raw(frame(voice, seq=2))
    assert await ann.voice() == frame(voice, seq=2)


async def test_a_resume_is_muted_with_its_room(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, (ann,) = await a.enter_as("moderator"), await a.members("Ann")
    await set_room(moderator, muted=True)
    ann = await b.back(ann)
    assert (await refused(ann, "say", room="lobby", text="and now?"))[0] == "muted"
    await ann.send_raw(frame(ann.welcome["rooms"][0]["ssrc"]))
    assert (await ann.next("error"))["code"] == "muted"


async def test_fewer_speakers_count_at_once(two: tuple[Served, Served]) -> None:
    a, b = two
    moderator, (ann,), (bob,) = await a.enter_as("moderator"), await a.members("Ann"), await b.members("Bob")
    first, second = (await rejoin(ann))["ssrc"], (await rejoin(bob))["ssrc"]
    async with speaking(ann, first):
        await bob.next("speaking", on=[ann.session])
        async with speaking(bob, second):
            await ann.next("speaking", on=[bob.session])
            await set_room(moderator, speakers=1)
            assert (await bob.next("error"))["code"] == "room_full"
            await ann.next("speaking", off=[bob.session])
            bob.unread.clear()
            await bob.voice()


async def rejoin(guest: Guest) -> Event:
    await guest.ask("leave", room="lobby")
    return await guest.join()


# Slow mode


async def test_in_slow_mode_each_says_something_once_in_so_many_seconds(served: Served) -> None:
    served.clock.stop()
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await moderator.join()
    await set_room(moderator, slow_seconds=30)
    await ann.say("one")
    await bob.say("one")
    served.advance(10)
    error = await ann.ask("say", id="two", room="lobby", text="two")
    assert (error["code"], error["retry_after_ms"]) == ("rate_limited", 20_000)
    await ann.whisper("meanwhile", session=bob.session)
    for text in ("as many", "as I like"):
        await moderator.say(text)
    served.advance(20)
    assert (await ann.ask("say", id="two", room="lobby", text="two"))["type"] == "sent"
    await set_room(moderator, slow_seconds=0)
    await ann.say("three")


async def test_slow_mode_is_of_the_person_and_of_the_room(served: Served) -> None:
    served.clock.stop()
    ann, bob = await served.enter("Ann", user="ann"), await served.enter("Ann", user="ann")
    for room in ("lobby", "attic"):
        await ann.join(room)
        await bob.join(room)
    await set_room(await served.enter_as("moderator"), slow_seconds=30)
    await ann.say("one")
    assert (await refused(bob, "say", room="lobby", text="two"))[0] == "rate_limited"
    await bob.say("elsewhere", room="attic")
    await rejoin(ann)
    assert (await refused(ann, "say", room="lobby", text="two"))[0] == "rate_limited"


async def test_a_repeat_of_what_was_said_is_answered_at_any_pace(served: Served) -> None:
    (ann,) = await served.members("Ann")
    await set_room(await served.enter_as("moderator"), slow_seconds=30)
    sent = await ann.ask("say", id="one", room="lobby", text="one")
    assert await ann.ask("say", id="one", room="lobby", text="one") == sent


async def test_slow_mode_holds_over_a_resume_on_another_node(two: tuple[Served, Served]) -> None:
    a, b = two
    (ann,) = await a.members("Ann")
    await set_room(await a.enter_as("moderator"), slow_seconds=3600)
    await ann.say("one")
    ann = await b.back(ann)
    error = await ann.ask("say", room="lobby", text="two")
    assert error["code"] == "rate_limited"
    assert 0 < error["retry_after_ms"] <= 3_600_000


async def test_who_is_impatient_in_slow_mode_stays_connected(served: Served) -> None:
    served.clock.stop()
    (ann,) = await served.members("Ann")
    await set_room(await served.enter_as("moderator"), slow_seconds=60)
    await ann.say("one")
    for _ in range(10):
        served.advance(1)
        assert (await refused(ann, "say", room="lobby", text="two"))[0] == "rate_limited"


async def test_a_node_asks_nobody_to_follow_texts_where_no_room_is_slow(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    watched = len(served.node._witnesses)
    await set_room(moderator, slow_seconds=5)
    await set_room(moderator, "attic", slow_seconds=5)
    assert len(served.node._witnesses) == watched + 1
    await set_room(moderator, slow_seconds=0)
    await set_room(moderator, "attic", slow_seconds=0)
    assert len(served.node._witnesses) == watched
