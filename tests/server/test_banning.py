"""Bans as clients meet them (protocol.md section 7): on every node, at every door, and where they are already."""

from __future__ import annotations

from typing import Any

import pytest

from server.bans import InForce
from server.desk import Desk
from server.events import Event, Moderated
from server.presence import Presence
from server.session import Role
from server.wire.native import Refused
from tests.bus.ear import eventually
from tests.guest import Guest
from tests.nodes import Served, Serving, token


async def trio(serve: Serving, **options: Any) -> list[Served]:
    """Three nodes that know each other."""
    nodes = [
        await serve(address="a", **options),
        await serve("a", address="b", **options),
        await serve("a", address="c", **options),
    ]
    await eventually(lambda: all(s.node.synced and len(s.node.cards.urls_of_others()) == 2 for s in nodes))
    return nodes


async def ban(moderator: Guest, **whom: Any) -> str:
    """Ban somebody; returns the id of the ban."""
    done = await moderator.ask("ban", **whom)
    assert done["type"] == "done", done
    return str(done["results"][0]["ban"])


async def turned_away(served: Served, **hello: Any) -> tuple[dict[str, Any], int | None]:
    """How a hello is refused, and by which code the connection is closed."""
    guest = await served.connect()
    answer = await guest.ask("hello", **hello)
    return answer, (await guest.closed())[0]


async def test_a_ban_cuts_a_session_on_another_node_and_is_confirmed_by_all(serve: Serving) -> None:
    a, b, _ = await trio(serve)
    moderator, bob = await a.enter_as("moderator"), await b.enter(None, user="bob")
    done = await moderator.ask("ban", user="bob", reason="spam", seconds=60)
    assert {result["node"] for result in done["results"]} == {"n1", "n2", "n3"}
    assert all(result["outcome"] == "done" and result["user"] == "bob" for result in done["results"])
    assert all(result["ms"] >= 0 for result in done["results"])
    assert len({result["ban"] for result in done["results"]}) == 1
    assert await bob.closed() == (4403, "banned: spam")
    told = bob.unread[-1]
    assert isinstance(told, dict)
    assert (told["type"], told["action"], told["by"], told["reason"]) == ("moderated", "ban", "mod", "spam")
    assert abs(told["until"] - b.clock.wall_ms() - 60_000) < 10_000
    assert told["room"] is None


async def test_who_is_banned_is_refused_at_hello_on_every_node(serve: Serving) -> None:
    nodes = await trio(serve)
    moderator = await nodes[0].enter_as("moderator")
    await ban(moderator, user="bob", reason="spam")
    for served in nodes:
        answer, code = await turned_away(served, user="bob")
        assert (answer["type"], answer["code"], code) == ("error", "banned", 4403)
        assert answer["message"] == "you are banned: spam"
        answer, code = await turned_away(served, token=token(user="bob"))
        assert (answer["code"], code) == ("banned", 4403)
    assert (await nodes[1].enter(None, user="ann")).welcome["user"] == "ann"


async def test_who_is_banned_is_refused_at_resume_before_he_hears_that_his_session_is_over(serve: Serving) -> None:
    a, b, c = await trio(serve)
    moderator, bob = await a.enter_as("moderator"), await b.enter(None, user="bob")
    id = await ban(moderator, user="bob")
    await bob.closed()
    answer, code = await turned_away(c, resume=bob.token, cursors=bob.cursors)
    assert (answer["code"], code) == ("banned", 4403)
    await moderator.ask("unban", ban=id)
    answer, code = await turned_away(c, resume=bob.token, cursors=bob.cursors)
    assert (answer["code"], code) == ("unauthorized", 4410)


async def test_who_is_banned_while_he_is_away_is_gone_for_all_and_does_not_come_back(serve: Serving) -> None:
    a, b, c = await trio(serve)
    moderator = await a.enter_as("moderator")
    (ann,) = await a.members("Ann")
    bob = await b.enter(None, user="bob")
    await bob.join()
    await ann.next("member_joined")
    bob.vanish()
    await ann.next("member_updated", state="reconnecting")
    await ban(moderator, user="bob")
    assert (await ann.next("member_left"))["reason"] in ("banned", "left")
    answer, code = await turned_away(c, resume=bob.token, cursors=bob.cursors)
    assert (answer["code"], code) == ("banned", 4403)


async def test_a_session_that_nobody_could_put_out_at_once_is_put_out_later(serve: Serving) -> None:
    """It was lost with a node that had not heard of the ban."""
    a, b, c = await trio(serve)
    moderator, bob = await a.enter_as("moderator"), await b.enter(None, user="bob")
    session = bob.session
    await eventually(lambda: a.node.presence.known(session) is not None)
    serve.network.buses["b"].vanish()
    b.node.conversations.clear()
    await eventually(lambda: a.node.presence.is_reconnecting(session))
    for served in (a, c):  # as if the ban had come before its record
        served.node.exclusion._sessions_of = lambda user: []  # type: ignore[method-assign]
    await moderator.ask("ban", user="bob")
    await eventually(lambda: a.node.presence.has_ended(session))


async def test_unban_lets_him_in_again_everywhere(serve: Serving) -> None:
    nodes = await trio(serve)
    moderator = await nodes[0].enter_as("moderator")
    id = await ban(moderator, user="bob")
    second = await nodes[1].enter_as("moderator", user="second")
    done = await second.ask("unban", ban=id, reason="a mistake")
    assert [(result["ban"], result["outcome"]) for result in done["results"]] == [(id, "done")] * 3
    for served in nodes:
        assert (await served.enter(None, user="bob")).welcome["type"] == "welcome"
    assert (await moderator.ask("unban", ban=id))["code"] == "not_found"


async def test_a_ban_ends_when_its_time_is_over(serve: Serving) -> None:
    a, b, _ = await trio(serve)
    moderator = await a.enter_as("moderator")
    await ban(moderator, user="bob", seconds=30)
    b.clock.advance(29)
    answer, _ = await turned_away(b, user="bob")
    assert answer["code"] == "banned"
    assert 0 < answer["retry_after_ms"] <= 1000
    b.advance(1.5)
    assert (await b.enter(None, user="bob")).welcome["type"] == "welcome"
    assert (await (await b.enter_as("moderator")).ask("bans"))["items"] == []


async def test_an_address_and_a_network_are_banned_and_the_one_who_does_it_stays(served: Served) -> None:
    moderator, bob = await served.enter_as("moderator"), await served.enter("Bob")
    id = await ban(moderator, ip="127.0.0.0/8")
    assert (await bob.closed())[0] == 4403
    answer, code = await turned_away(served, name="Cid")
    assert (answer["code"], code) == ("banned", 4403)
    answer, code = await turned_away(served, resume="no token", cursors={})
    assert (answer["code"], code) == ("banned", 4403)
    await moderator.ask("unban", ban=id)
    assert (await served.enter("Cid")).welcome["type"] == "welcome"


async def test_a_ban_of_an_address_does_not_reach_a_higher_role(served: Served) -> None:
    moderator, admin = await served.enter_as("moderator"), await served.enter_as("admin", user="boss")
    other = await served.enter_as("moderator", user="other")
    await ban(moderator, ip="127.0.0.1")
    assert (await other.closed())[0] == 4403
    assert (await admin.ask("list", what="rooms"))["type"] == "listed"
    assert (await served.enter_as("admin", user="chief")).welcome["role"] == "admin"


async def test_a_ban_of_a_room_puts_out_of_it_and_keeps_out_of_it_alone(serve: Serving) -> None:
    a, b, c = await trio(serve)
    moderator = await a.enter_as("moderator")
    await moderator.join()
    bob = await b.enter(None, user="bob")
    await bob.join()
    await bob.join("garden")
    await moderator.next("member_joined")
    id = await ban(moderator, user="bob", room="lobby", reason="noise")
    assert (await bob.next("moderated"))["room"] == "lobby"
    assert (await bob.next("left"))["reason"] == "banned"
    assert (await moderator.next("member_left"))["reason"] == "banned"
    refused = await bob.ask("join", room="lobby")
    assert (refused["type"], refused["code"]) == ("error", "banned")
    assert refused["message"] == "you are banned from lobby: noise"
    assert (await bob.say("still here", "garden"))["type"] == "sent"
    again = await c.enter(None, user="bob")
    assert (await again.ask("join", room="lobby"))["code"] == "banned"
    await moderator.ask("unban", ban=id)
    await again.join("lobby")


async def test_who_is_banned_from_a_room_resumes_outside_of_it(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = await trio(serve)
    moderator, bob = await a.enter_as("moderator"), await b.enter(None, user="bob")
    await bob.join()
    await bob.join("garden")
    bob.vanish()
    # Nobody acts for the session before it comes again.
    monkeypatch.setattr(Presence, "responsible", lambda presence, session: None)
    await ban(moderator, user="bob", room="lobby")
    again = await a.back(bob)
    assert [joined["room"] for joined in again.welcome["rooms"]] == ["garden"]
    assert await again.next("left") == {"type": "left", "room": "lobby", "reason": "banned"}
    assert (await again.ask("join", room="lobby"))["code"] == "banned"


async def test_a_higher_role_is_not_banned_by_name(served: Served) -> None:
    moderator, admin = await served.enter_as("moderator"), await served.enter_as("admin", user="boss")
    refused = await moderator.ask("ban", user="boss")
    assert refused["code"] == "forbidden"
    assert (await moderator.ask("bans"))["items"] == []
    id = await ban(admin, user="bob")
    assert (await moderator.ask("unban", ban=id))["code"] == "forbidden"


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (("ban", {}), "bad_request", "user"),
        (("ban", {"user": "bob", "ip": "192.0.2.7"}), "bad_request", "user"),
        (("ban", {"user": "no user"}), "bad_request", "user"),
        (("ban", {"ip": "192.0.2"}), "bad_request", "ip"),
        (("ban", {"user": "bob", "room": "?"}), "bad_request", "room"),
        (("ban", {"user": "bob", "seconds": 0}), "bad_request", "seconds"),
        (("ban", {"user": "bob", "reason": "x" * 5000}), "too_large", "reason"),
        (("unban", {"ban": "nothing"}), "not_found", "ban"),
        (("unban", {"ban": "a/b"}), "not_found", "ban"),
        (("unban", {}), "bad_request", None),
        (("bans", {"limit": 0}), "bad_request", "limit"),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_refused_with_a_sentence(
    served: Served, request_: tuple[str, dict[str, Any]], code: str, field: str | None
) -> None:
    moderator = await served.enter_as("moderator")
    refused = await moderator.ask(request_[0], **request_[1])
    assert (refused["type"], refused["code"]) == ("error", code)
    assert field is None or refused["field"] == field
    assert refused["message"]


@pytest.mark.parametrize("what", [("ban", {"user": "bob"}), ("unban", {"ban": "x"}), ("bans", {})], ids=str)
async def test_only_moderators_may(served: Served, what: tuple[str, dict[str, Any]]) -> None:
    ann = await served.enter("Ann")
    assert (await ann.ask(what[0], **what[1]))["code"] == "forbidden"


async def test_a_ban_ends_when_it_was_decided_to_and_by_a_clock_that_differs_to_the_second(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    await ban(moderator, user="bob", seconds=600)
    (item,) = (await moderator.ask("bans"))["items"]
    assert item["until"] == item["at"] + 600_000
    served.advance(60)  # its count, not its clock on the wall
    (later,) = (await moderator.ask("bans"))["items"]
    assert later["until"] < item["until"] - 50_000
    assert later["until"] % 1000 == 0


async def test_bans_are_listed_by_pages_with_all_that_is_known_of_them(served: Served) -> None:
    moderator = await served.enter_as("moderator")
    by_user = await ban(moderator, user="bob", room="lobby", reason="noise", seconds=600)
    by_ip = await ban(moderator, ip="192.0.2.9/24")
    listed = await moderator.ask("bans")
    items = {item["ban"]: item for item in listed["items"]}
    assert (listed["type"], listed["what"], listed["next"]) == ("listed", "bans", None)
    at, until = items[by_user].pop("at"), items[by_user].pop("until")
    assert items[by_user] == {"ban": by_user, "user": "bob", "room": "lobby", "by": "mod", "reason": "noise"}
    assert until - at == 600_000
    del items[by_ip]["at"]
    assert items[by_ip] == {
        "ban": by_ip, "ip": "192.0.2.0/24", "room": None, "until": None, "by": "mod", "reason": "",
    }  # fmt: skip
    first = await moderator.ask("bans", limit=1)
    second = await moderator.ask("bans", limit=1, after=first["next"])
    assert [page["items"][0]["ban"] for page in (first, second)] == sorted(items)
    assert second["next"] is None


async def test_a_node_that_does_not_confirm_is_named_and_the_ban_holds(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = await trio(serve)
    moderator = await a.enter_as("moderator")

    async def silent(node: str, body: bytes, *, timeout: float) -> bytes:
        return await call("f" * 16 if node == c.node.node_id else node, body, timeout=timeout)

    call = a.node.bus.call
    monkeypatch.setattr(a.node.bus, "call", silent)
    refused = await moderator.ask("ban", user="bob")
    assert (refused["code"], "n3" in refused["message"]) == ("unavailable", True)
    for served in (a, b):
        assert (await turned_away(served, user="bob"))[1] == 4403


def counted(monkeypatch: pytest.MonkeyPatch, served: Served) -> list[str]:
    """Who was looked up among the bans."""
    looked: list[str] = []
    bans = served.node.exclusion.bans
    against = bans.against

    def counting(user: str, ip: str, role: Role, room: str = "") -> InForce | None:
        looked.append(user)
        return against(user, ip, role, room)

    monkeypatch.setattr(bans, "against", counting)
    return looked


async def test_a_hello_and_a_join_are_looked_up_once_and_a_message_never(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    moderator = await served.enter_as("moderator")
    await moderator.join()
    await ban(moderator, user="somebody")
    looked = counted(monkeypatch, served)
    ann = await served.enter(None, user="ann")
    assert looked == ["ann"]
    await ann.join()
    assert looked == ["ann"] * 2
    for number in range(10):
        await ann.say(f"text {number}")
    await ann.whisper("psst", session=moderator.session)
    assert looked == ["ann"] * 2


async def test_the_same_request_again_is_the_same_ban_on_whichever_node(serve: Serving) -> None:
    a, b, _ = await trio(serve)
    moderator = await a.enter_as("moderator")
    first = await moderator.ask("ban", id="once", user="bob")
    again = await moderator.ask("ban", id="once", user="bob")
    moderator.vanish()
    moderator = await b.back(moderator)
    elsewhere = await moderator.ask("ban", id="once", user="bob")
    ids = {result["ban"] for answer in (first, again, elsewhere) for result in answer["results"]}
    assert len(ids) == 1
    assert len((await moderator.ask("bans"))["items"]) == 1
    lift = {"id": "lift", "ban": ids.pop()}
    assert [(await moderator.ask("unban", **lift))["type"] for _ in range(2)] == ["done", "done"]
    assert (await moderator.ask("bans"))["items"] == []


async def test_a_moderator_of_rooms_bans_from_them_alone(served: Served) -> None:
    moderator = await served.enter(None, token=token("moderator", user="mo", rooms=("lobby", "team-*")))
    assert (await moderator.ask("ban", user="bob"))["code"] == "forbidden"
    assert (await moderator.ask("ban", user="bob", room="garden"))["code"] == "forbidden"
    id = await ban(moderator, user="bob", room="team-a")
    admin = await served.enter_as("admin", user="boss")
    everywhere = await ban(admin, user="cid")
    assert (await moderator.ask("unban", ban=everywhere))["code"] == "forbidden"
    assert (await moderator.ask("unban", ban=id))["type"] == "done"


async def test_a_console_is_told_who_banned_whom_from_where_and_why(serve: Serving) -> None:
    a, b, _ = await trio(serve)
    desk = Desk(a.node, "Lena")
    events: list[Event] = []
    a.node.watch(events.append)
    bob = await b.enter("Bob", user="bob")
    await bob.join()
    await eventually(lambda: "lobby" in a.node.rooms)
    results = await desk.ban(desk.operator, user="bob", room="lobby", reason="noise", seconds=60)
    assert {result.node for result in results} == {"n1", "n2", "n3"}
    await eventually(lambda: any(isinstance(event, Moderated) for event in events) and "lobby" not in a.node.rooms)
    (event,) = [event for event in events if isinstance(event, Moderated)]
    assert (event.action, event.name, event.by.name, event.room, event.reason) == (
        "ban",
        "Bob",
        "Lena",
        "lobby",
        "noise",
    )
    (line,) = [line for line in desk.chat("lobby") if line.kind == "left"]
    assert (line.text, line.by, line.why) == ("banned", "Lena", "noise")
    (view,) = desk.bans()
    assert (view.user, view.room, view.by) == ("bob", "lobby", "Lena")
    assert [result.outcome for result in await desk.unban(desk.operator, view.ban)] == ["done"] * 3
    assert list(desk.bans()) == []


@pytest.mark.parametrize(
    "wrong", [{}, {"ip": "nowhere"}, {"user": "no user"}, {"user": "bob", "seconds": 0}, {"user": "bob", "room": "?"}]
)
async def test_what_a_console_cannot_ban_is_refused_with_a_sentence(served: Served, wrong: dict[str, Any]) -> None:
    desk = Desk(served.node, "Lena")
    with pytest.raises(Refused) as refused:
        await desk.ban(desk.operator, **wrong)
    assert refused.value.message
    with pytest.raises(Refused, match="no such ban"):
        await desk.unban(desk.operator, "b_none")
