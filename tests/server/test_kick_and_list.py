"""What moderators do (protocol.md section 7: `kick` and `list`), on one node with a real port."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus.interface import BusError
from server import moderating
from tests.cluster.nodes import eventually
from tests.guest import frame
from tests.nodes import Served, Serving, token, without


async def test_a_kick_closes_with_4403_and_says_why_and_by_whom(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", id=7, session=bob.session, reason="spam")
    assert without(done, "results") == {"type": "done", "id": 7}
    (result,) = done["results"]
    assert result.pop("ms") >= 0
    assert result == {"session": bob.session, "node": "n1", "outcome": "done"}

    code, reason = await bob.closed()
    assert code == 4403
    assert "spam" in (reason or "")
    assert bob.unread.pop() == {
        "type": "moderated",
        "action": "kick",
        "by": "mod",
        "reason": "spam",
        "until": None,
        "room": None,
    }
    assert (await ann.next("member_left", session=bob.session))["reason"] == "kicked"
    listed = await moderator.ask("list", what="sessions")
    assert bob.session not in [item["session"] for item in listed["items"]]


async def test_a_kick_without_a_reason_has_a_sentence_all_the_same(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", session=bob.session)
    code, reason = await bob.closed()
    assert code == 4403
    assert reason
    assert (await bob.next("moderated"))["reason"] == ""


async def test_a_reason_is_cut_to_what_a_close_frame_holds(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", session=bob.session, reason="ä" * 200)
    code, reason = await bob.closed()
    assert code == 4403
    assert 100 <= len((reason or "").encode()) <= 123


async def test_a_kick_with_a_room_puts_out_of_that_room_only(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    ssrc = (await bob.join("second"))["ssrc"]
    await ann.join("second")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", session=bob.session, room=" lobby ", reason="not here")
    assert [result["outcome"] for result in done["results"]] == ["done"]
    moderated = await bob.next("moderated")
    assert (moderated["action"], moderated["room"], moderated["reason"]) == ("kick", "lobby", "not here")
    assert await bob.next("left") == {"type": "left", "room": "lobby", "reason": "kicked"}
    assert (await ann.next("member_left", session=bob.session)) == {
        "type": "member_left",
        "room": "lobby",
        "session": bob.session,
        "reason": "kicked",
    }
    await bob.say("still here", room="second")
    assert (await ann.next("message"))["room"] == "second"
    await bob.send_raw(frame(ssrc))
    assert await ann.voice() == frame(ssrc)
    assert (await bob.ask("say", room="lobby", text="and there?"))["code"] == "not_found"
    assert len((await bob.join("lobby"))["members"]) == 2


async def test_a_kicked_session_is_heard_no_more(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await moderator.send("kick", id=1, session=bob.session)
    for number in range(5):
        await bob.send("say", id=number, room="lobby", text="late")
    await moderator.answer(1)
    await bob.closed()
    await ann.next("member_left", session=bob.session)
    said = len(ann.seen("message"))
    await ann.settle()
    assert len(ann.seen("message")) == said


async def test_a_kick_of_a_user_reaches_every_session_of_it(served: Served) -> None:
    bobs = [await served.enter("Bob", user="bob") for _ in range(2)]
    bobby = await served.enter("Bobby", user="bobby")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob")
    assert {result["session"] for result in done["results"]} == {bob.session for bob in bobs}
    assert {result["outcome"] for result in done["results"]} == {"done"}
    for bob in bobs:
        assert (await bob.closed())[0] == 4403
    assert (await bobby.join())["type"] == "joined"


async def test_a_kick_of_a_user_out_of_a_room_leaves_his_sessions_elsewhere(served: Served) -> None:
    here, there = await served.enter("Bob", user="bob"), await served.enter("Bob", user="bob")
    await here.join("lobby")
    await there.join("second")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob", room="lobby")
    assert [result["session"] for result in done["results"]] == [here.session]
    await there.settle()
    assert not there.unread


async def test_a_kicked_client_may_come_back(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", session=bob.session)
    await bob.closed()
    assert (await (await served.enter("Bob")).join())["type"] == "joined"


async def test_nobody_there_is_not_found(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    for whom in (
        {"session": "nobody"},
        {"user": "nobody"},
        {"session": bob.session, "room": "second"},
        {"session": "nobody", "room": "lobby"},
    ):
        assert (await moderator.ask("kick", **whom))["code"] == "not_found"
    await moderator.ask("kick", session=bob.session)
    assert (await moderator.ask("kick", session=bob.session))["code"] == "not_found"


async def test_who_came_to_another_node_just_now_is_found(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderating, "LOOKS", 10_000)
    a, b = await serve(address="a"), await serve("a", address="b")
    await eventually(lambda: bool(a.node.cards.urls_of_others()))
    moderator = await a.enter_as("moderator")
    asked = asyncio.create_task(moderator.ask("kick", user="bob", room="lobby"))
    await eventually(lambda: any(task.get_name() == "kick" for task in asyncio.all_tasks()))
    bob = await b.enter(None, token=token(user="bob"))
    await bob.join()
    assert [result["node"] for result in (await asked)["results"]] == ["n2"]
    assert (await bob.next("left"))["reason"] == "kicked"


async def test_nobody_in_a_cluster_is_not_found_all_the_same(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderating, "LOOKS", 2)
    a, b = await serve(address="a"), await serve("a", address="b")
    await eventually(lambda: bool(a.node.cards.urls_of_others()))
    moderator, bob = await a.enter_as("moderator"), await b.enter("Bob")
    assert (await moderator.ask("mute", session="nobody"))["code"] == "not_found"
    assert (await moderator.ask("kick", session=bob.session, room="second"))["code"] == "not_found"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, None),
        ({"session": "s", "user": "u"}, None),
        ({"session": 5}, "session"),
        ({"user": []}, "user"),
        ({"user": "bob", "grace_seconds": -5}, "grace_seconds"),
        ({"user": "bob", "block_seconds": 1e9}, "block_seconds"),
        ({"user": "bob", "grace_seconds": "5"}, "grace_seconds"),
        ({"user": "bob", "block_seconds": -1}, "block_seconds"),
        ({"user": "bob", "room": "a/b"}, "room"),
        ({"user": "bob", "reason": 5}, "reason"),
    ],
)
async def test_a_kick_of_another_form_is_a_bad_request(
    served: Served, fields: dict[str, Any], named: str | None
) -> None:
    bob = await served.enter("Bob", user="bob")
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("kick", **fields)
    assert error["code"] == "bad_request"
    assert named is None or error["field"] == named
    await bob.settle()
    assert not bob.unread


async def test_a_grace_and_a_block_of_0_are_none(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob", grace_seconds=0, block_seconds=0)
    assert done["results"][0]["outcome"] == "done"
    assert (await bob.closed())[0] == 4403


ROLES = ("user", "moderator", "admin")


@pytest.mark.parametrize("target", ROLES)
@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("room", [None, "lobby"])
async def test_who_may_kick_whom(served: Served, actor: str, target: str, room: str | None) -> None:
    by = await served.enter_as(actor, user="by")
    whom = await served.enter_as(target, user="whom")
    for guest in (by, whom):
        await guest.join()
    answer = await by.ask("kick", session=whom.session, **({} if room is None else {"room": room}))
    if actor != "user" and ROLES.index(actor) >= ROLES.index(target):
        assert answer["results"][0]["outcome"] == "done"
        assert (await whom.next("moderated"))["by"] == "by"
    else:
        assert answer["code"] == "forbidden"
        await whom.settle()
        assert not whom.seen("moderated")


async def test_a_user_is_forbidden_to_kick_whoever_it_is(served: Served) -> None:
    ann = await served.enter()
    for whom in ({"session": "nobody"}, {"user": "nobody"}, {"session": ann.session}, {}):
        assert (await ann.ask("kick", **whom))["code"] == "forbidden"


async def test_a_kick_of_a_user_with_a_session_of_a_higher_role_kicks_none(served: Served) -> None:
    low, high = await served.enter_as("user", user="bob"), await served.enter_as("admin", user="bob")
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("kick", user="bob"))["code"] == "forbidden"
    for guest in (low, high):
        await guest.settle()
        assert not guest.unread


# Listing


async def test_nodes_are_listed(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    await served.enter("Ann")
    listed = await moderator.ask("list", id=1, what="nodes")
    assert listed == {
        "type": "listed",
        "id": 1,
        "what": "nodes",
        "items": [
            {"node": served.node.node_id, "name": "n1", "state": "up", "url": served.url, "sessions": 2},
        ],
        "next": None,
    }


async def test_rooms_are_listed_for_everybody(served: Served) -> None:
    ann, _ = await served.members("Ann", "Bob")
    ssrc = (await ann.join("second"))["ssrc"]
    await ann.send_raw(frame(ssrc))
    listed = await ann.ask("list", what="rooms")
    assert [without(item, "room_state") for item in listed["items"]] == [
        {"room": "lobby", "members": 2, "speaking": 0},
        {"room": "second", "members": 1, "speaking": 1},
    ]
    assert listed["items"][0]["room_state"] == (await (await served.enter("Cid")).join())["room_state"]
    assert listed["next"] is None


async def test_sessions_are_listed(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    bob = await served.enter("Bob", user="bob")
    await bob.join("one")
    await bob.join("two")
    listed = await moderator.ask("list", what="sessions")
    (item,) = [item for item in listed["items"] if item["session"] == bob.session]
    assert sorted(item.pop("rooms")) == ["one", "two"]
    assert item == {
        "session": bob.session,
        "user": "bob",
        "name": "Bob",
        "role": "user",
        "node": "n1",
        "muted": False,
        "state": "online",
        "ip": "127.0.0.1",
    }


async def test_sessions_of_a_room_or_a_node_are_listed(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    ann, _ = (await served.members("Ann"))[0], await served.members("Bob", room="second")
    in_room = await moderator.ask("list", what="sessions", room="lobby")
    assert [item["session"] for item in in_room["items"]] == [ann.session]
    assert len((await moderator.ask("list", what="sessions", node="n1"))["items"]) == 3
    assert (await moderator.ask("list", what="sessions", node="n2"))["items"] == []


async def test_members_are_listed_as_joined_tells_them(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    await served.members("Ann", "Bob")
    members = (await (await served.enter("Cid")).join())["members"]
    listed = await moderator.ask("list", what="members", room="lobby")
    assert sorted(listed["items"], key=lambda item: str(item["name"])) == members


async def test_members_need_a_room(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("list", what="members")
    assert (error["code"], error["field"]) == ("bad_request", "room")


async def test_pages_follow_each_other_without_a_gap_or_a_double(served: Served) -> None:
    ann = await served.enter()
    for number in range(7):
        await ann.join(f"room {number}")
    seen: list[str] = []
    after: dict[str, Any] = {}
    for size in (3, 3, 1):
        page = await ann.ask("list", what="rooms", limit=3, **after)
        assert len(page["items"]) == size
        seen += [item["room"] for item in page["items"]]
        after = {"after": page["next"]}
    assert page["next"] is None
    assert seen == [f"room {number}" for number in range(7)]


async def test_a_page_that_ends_with_the_last_item_is_the_last(served: Served) -> None:
    ann = await served.enter()
    for number in range(3):
        await ann.join(f"room {number}")
    assert (await ann.ask("list", what="rooms", limit=3))["next"] is None


async def test_a_page_has_100_items_unless_told(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    for _ in range(6):
        guest = await served.enter()
        for number in range(17):
            await guest.join(f"room {len(served.guests)}.{number}")
    page = await moderator.ask("list", what="rooms")
    assert len(page["items"]) == 100
    rest = await moderator.ask("list", what="rooms", after=page["next"])
    assert (len(rest["items"]), rest["next"]) == (2, None)


@pytest.mark.parametrize("what", ["nodes", "sessions", "members"])
async def test_users_may_list_rooms_only(served: Served, what: str) -> None:
    (ann,) = await served.members("Ann")
    assert (await ann.ask("list", what=what, room="lobby"))["code"] == "forbidden"
    for role in ("moderator", "admin"):
        assert (await (await served.enter_as(role)).ask("list", what=what, room="lobby"))["type"] == "listed"


@pytest.mark.parametrize("what", ["bans", "people", "", None, 5])
async def test_a_list_of_something_else_is_a_bad_request(served: Served, what: object) -> None:
    moderator = await served.enter_as("admin")
    error = await moderator.ask("list", what=what)
    assert (error["code"], error["field"]) == ("bad_request", "what")


async def test_where_tokens_are_required_a_moderator_moderates(serve: Serving) -> None:
    served = await serve(auth="token")
    bob = await served.enter(None, token=token(user="bob"))
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", user="bob")
    assert (await bob.closed())[0] == 4403


async def test_a_question_that_is_none_is_refused_without_a_trace(
    serve: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = await serve(address="a"), await serve("a", address="b")
    await eventually(lambda: bool(a.node.cards.urls_of_others()))
    for body in (b"", b"junk", b"\x00flowjunk"):
        with pytest.raises(BusError, match="failed to answer"):
            await a.node.bus.call(b.node.node_id, body)
    assert "not readable" in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
