"""Moving people from one room to another (protocol.md section 7: `move`)."""

from __future__ import annotations

from typing import Any

import pytest

from server.desk import Desk
from server.wire.moderation import Whom
from tests.guest import frame
from tests.nodes import Served, Serving, without
from tests.server.test_resume_cluster import pair, power_off


async def test_who_is_moved_leaves_one_room_and_is_in_the_other(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    (cid,) = await served.members("Cid", room="second")
    await cid.say("before", room="second")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("move", id=7, session=bob.session, room=" lobby ", to=" second ", reason="quieter")
    assert without(done, "results") == {"type": "done", "id": 7}
    assert [without(result, "ms") for result in done["results"]] == [
        {"session": bob.session, "node": "n1", "outcome": "done"}
    ]
    await bob.settle()
    moderated, moved = bob.unread
    assert moderated == {
        "type": "moderated",
        "action": "move",
        "by": "mod",
        "reason": "quieter",
        "until": None,
        "room": "lobby",
    }
    assert isinstance(moved, dict)
    joined = moved.pop("joined")
    assert moved == {"type": "moved", "room": "lobby", "to": "second"}
    assert "id" not in joined
    assert (joined["type"], joined["room"]) == ("joined", "second")
    assert {member["name"] for member in joined["members"]} == {"Bob", "Cid"}
    assert [said["text"] for said in joined["history"]] == ["before"]
    assert (await ann.next("member_left", session=bob.session))["reason"] == "moved"
    assert (await cid.next("member_joined"))["member"]["ssrc"] == joined["ssrc"]

    await bob.say("hello", room="second")
    assert (await cid.next("message"))["text"] == "hello"
    await cid.say("welcome", room="second")
    assert (await bob.next("message"))["text"] == "welcome"
    await bob.send_raw(frame(joined["ssrc"]))
    assert await cid.voice() == frame(joined["ssrc"])
    assert (await bob.ask("say", room="lobby", text="and there?"))["code"] == "not_found"
    await ann.say("gone")
    await bob.settle()
    assert not bob.seen("message")


async def test_a_room_that_was_not_there_is_opened_and_one_that_is_empty_closed(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("move", session=bob.session, room="lobby", to="second")
    rooms = (await moderator.ask("list", what="rooms"))["items"]
    assert [room["room"] for room in rooms] == ["second"]


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"room": "lobby"}, "bad_request", "to"),
        ({"to": "second"}, "bad_request", "room"),
        ({"room": "lobby", "to": " lobby"}, "bad_request", "to"),
        ({"room": "lobby", "to": "a/b"}, "bad_request", "to"),
        ({"room": "lobby", "to": "r" * 65}, "too_large", "to"),
        ({"room": "elsewhere", "to": "second"}, "not_found", None),
        ({"room": "lobby", "to": "there"}, "already", None),
        ({"room": "lobby", "to": "full"}, "room_full", None),
    ],
)
async def test_a_wrong_move_is_refused(served: Served, fields: dict[str, Any], code: str, named: str | None) -> None:
    (bob,) = await served.members("Bob")
    await bob.join("there")
    await served.members(*(f"G{number}" for number in range(50)), room="full")
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("move", session=bob.session, **fields)
    assert error["code"] == code
    assert named is None or error["field"] == named
    await bob.settle()
    assert not bob.unread
    await bob.say("still here")


async def test_a_moderator_is_moved_to_a_full_room(served: Served) -> None:
    await served.members(*(f"G{number}" for number in range(50)), room="full")
    other, moderator = await served.enter_as("moderator", user="other"), await served.enter_as("moderator")
    await other.join()
    done = await moderator.ask("move", session=other.session, room="lobby", to="full")
    assert done["results"][0]["outcome"] == "done"


async def test_nobody_is_moved_to_a_room_that_a_ban_keeps_him_out_of(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    await moderator.ask("ban", user="bob", room="second")
    assert (await moderator.ask("move", session=bob.session, room="lobby", to="second"))["code"] == "banned"
    await bob.say("still here")


async def test_a_lock_and_a_password_do_not_keep_out_who_is_moved(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("set_room", room="second", locked=True, password="secret")
    assert (await bob.ask("join", room="second"))["code"] == "room_locked"
    await moderator.ask("move", session=bob.session, room="lobby", to="second")
    assert (await bob.next("moved"))["joined"]["room_state"]["locked"] is True


async def test_a_mute_of_the_other_room_counts_there(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await bob.join("second")
    await moderator.ask("mute", session=bob.session, room="second")
    await bob.ask("leave", room="second")
    await moderator.ask("move", session=bob.session, room="lobby", to="second")
    assert (await bob.ask("say", room="second", text="hello?"))["code"] == "muted"


async def test_who_is_away_is_moved_and_finds_it_so(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    bob.vanish()
    await ann.next("member_updated", state="reconnecting")
    await moderator.ask("move", session=bob.session, room="lobby", to="second")
    assert (await ann.next("member_left"))["reason"] == "moved"
    bob = await served.back(bob)
    assert [room["room"] for room in bob.welcome["rooms"]] == ["second"]
    await bob.say("here", room="second")


async def test_who_is_on_another_node_is_moved_there(serve: Serving) -> None:
    a, b = await pair(serve)
    (ann,) = await a.members("Ann", room="second")
    (bob,) = await b.members("Bob")
    moderator = await a.enter_as("moderator")
    await moderator.join()  # so that a knows of him
    done = await moderator.ask("move", session=bob.session, room="lobby", to="second")
    assert [(one["node"], one["outcome"]) for one in done["results"]] == [("n2", "done")]
    assert (await bob.next("moved"))["to"] == "second"
    await ann.next("member_joined")
    await bob.say("hello", room="second")
    assert (await ann.next("message"))["text"] == "hello"
    power_off(serve, b)
    await ann.next("member_updated", state="reconnecting")
    await moderator.ask("move", session=bob.session, room="second", to="third")
    bob = await a.back(bob)
    assert [room["room"] for room in bob.welcome["rooms"]] == ["third"]


async def test_a_console_moves_and_takes_it_back(served: Served) -> None:
    desk = Desk(served.node, "Console")
    (bob,) = await served.members("Bob")
    await desk.move(desk.operator, Whom.of(session=bob.session), room="lobby", to="second")
    assert (await bob.next("moved"))["to"] == "second"
    await desk.move(desk.operator, Whom.of(session=bob.session), room="second", to="lobby")
    assert (await bob.next("moved"))["to"] == "lobby"
    assert desk.chat("lobby")[-1].kind == "joined"
