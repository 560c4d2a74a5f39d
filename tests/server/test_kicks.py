"""Kicks with a grace, what undoes them, and what keeps a kicked user out (protocol.md section 7)."""

from __future__ import annotations

import pytest

from bus.interface import BusError
from server.acts import OVER
from server.desk import Desk
from server.execution import NOTICES
from server.wire.moderation import Whom
from tests.guest import Guest, frame
from tests.nodes import Served, Serving, token, without
from tests.server.test_resume_cluster import pair, power_off


async def warned(moderator: Guest, guest: Guest, seconds: float = 30, **how: object) -> None:
    """Kick `guest` with a grace; it hears of it."""
    done = await moderator.ask("kick", session=guest.session, grace_seconds=seconds, **how)
    assert [result["outcome"] for result in done["results"]] == ["done"]
    await guest.next("moderated", action="kick")


async def test_from_the_instant_of_a_kick_with_a_grace_a_session_is_silenced_and_the_close_comes_later(
    served: Served,
) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    ssrc = (await bob.join("second"))["ssrc"]
    await ann.join("second")
    done = await moderator.ask("kick", session=bob.session, grace_seconds=30, reason="go")
    assert [without(result, "ms") for result in done["results"]] == [
        {"session": bob.session, "node": "n1", "outcome": "done"}
    ]
    moderated = await bob.next("moderated")
    assert (moderated["action"], moderated["by"], moderated["reason"], moderated["room"]) == (
        "kick",
        "mod",
        "go",
        None,
    )
    assert moderated["until"] > 0
    assert (await bob.ask("say", room="lobby", text="wait"))["code"] == "muted"
    assert (await bob.ask("whisper", to={"session": ann.session}, text="wait"))["code"] == "muted"
    await bob.send_raw(frame(ssrc))
    assert (await bob.next("error"))["code"] == "muted"
    assert (await ann.next("member_updated", session=bob.session))["muted"] is True

    served.advance(29.8)
    await bob.settle()
    served.advance(0.4)
    code, reason = await bob.closed()
    assert code == 4403
    assert "go" in (reason or "")
    assert (await ann.next("member_left", session=bob.session))["reason"] == "kicked"
    assert [event["action"] for event in bob.seen("moderated")] == []
    again = await Guest.connect(served.url)
    served.guests.append(again)
    assert (await again.ask("hello", resume=bob.token, cursors={}))["code"] == "unauthorized"
    assert (await again.closed())[0] == 4410


async def test_a_grace_of_a_room_ends_in_that_room(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.join("second")
    await ann.join("second")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, room="lobby")
    assert (await bob.ask("say", room="lobby", text="wait"))["code"] == "muted"
    await bob.say("here I may", room="second")
    served.advance(30.2)
    assert await bob.next("left") == {"type": "left", "room": "lobby", "reason": "kicked"}
    assert (await bob.join("lobby"))["type"] == "joined"
    await bob.say("back")


async def test_unkick_undoes_it(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, block_seconds=600)
    done = await moderator.ask("unkick", session=bob.session, reason="a mistake")
    assert [result["outcome"] for result in done["results"]] == ["done"]
    assert await bob.next("moderated") == {
        "type": "moderated",
        "action": "unkick",
        "by": "mod",
        "reason": "a mistake",
        "until": None,
        "room": None,
    }
    await ann.settle()
    assert [event["muted"] for event in ann.seen("member_updated")] == [True, False]
    served.advance(31)
    await bob.say("I am here")
    await ann.next("message")
    assert (await moderator.ask("bans"))["items"] == []
    assert (await moderator.ask("unkick", session=bob.session))["results"][0]["outcome"] == "gone"


async def test_unkick_with_a_room_undoes_that_one_only(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, room="lobby")
    await warned(moderator, bob, 60)
    assert (await moderator.ask("unkick", session=bob.session, room="lobby"))["results"][0]["outcome"] == "done"
    served.advance(31)
    await bob.settle()
    assert not bob.seen("left")
    served.advance(30)
    assert (await bob.closed())[0] == 4403


async def test_a_kick_out_of_a_room_that_was_left_is_undone(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, room="lobby")
    await bob.ask("leave", room="lobby")
    assert (await moderator.ask("unkick", session=bob.session, room="lobby"))["results"][0]["outcome"] == "done"
    await bob.join("lobby")
    await bob.say("as if nothing had been")


async def test_undoing_a_kick_lifts_no_mute(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", session=bob.session)
    await warned(moderator, bob)
    await moderator.ask("unkick", session=bob.session)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    await moderator.ask("unmute", session=bob.session)
    await bob.say("hello")


async def test_lifting_a_mute_undoes_no_kick(served: Served) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob)
    await moderator.ask("unmute", session=bob.session)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    served.advance(30.2)
    assert (await bob.closed())[0] == 4403


async def test_a_kick_during_the_grace_of_another_is_at_once_and_the_last_word_counts(served: Served) -> None:
    bob, cid = await served.members("Bob", "Cid")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, 600)
    await moderator.ask("kick", session=bob.session)
    assert (await bob.closed())[0] == 4403
    await warned(moderator, cid, 600)
    await warned(moderator, cid, 5)
    served.advance(5.2)
    assert (await cid.closed())[0] == 4403


async def test_leaving_and_coming_again_does_not_get_round_a_kick(served: Served) -> None:
    bob, cid = await served.members("Bob", "Cid")
    moderator = await served.enter_as("moderator")
    for guest in (bob, cid):
        await warned(moderator, guest, room="lobby")
        await guest.ask("leave", room="lobby")
    await bob.join("lobby")
    assert (await bob.ask("say", room="lobby", text="a new start"))["code"] == "muted"
    served.advance(30.2)
    assert (await bob.next("left"))["reason"] == "kicked"
    await cid.join("lobby")
    await cid.say("when the grace was over I was not there")


async def test_going_before_the_grace_is_over_does_not_get_round_a_block(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob, block_seconds=60)
    await bob.leave_for_good()
    await ann.next("member_left", session=bob.session)
    again = await served.connect()
    assert (await again.ask("hello", user=bob.welcome["user"]))["code"] == "banned"


async def test_a_session_has_8_kicks_to_come_at_most(served: Served) -> None:
    (bob,) = await served.members("Bob")
    admin = await served.enter_as("admin")
    outcomes = []
    for number in range(NOTICES + 1):
        await bob.join(f"room {number}")
        done = await admin.ask("kick", session=bob.session, room=f"room {number}", grace_seconds=60)
        outcomes.append(done["results"][0]["outcome"])
    assert outcomes == ["done"] * NOTICES + ["failed"]


@pytest.mark.parametrize("seconds", [-1, 3601, "5", 1e300, None])
async def test_another_grace_is_a_bad_request(served: Served, seconds: object) -> None:
    (bob,) = await served.members("Bob")
    moderator = await served.enter_as("moderator")
    error = await moderator.ask("kick", session=bob.session, grace_seconds=seconds)
    assert (error["code"], error["field"]) == ("bad_request", "grace_seconds")
    await bob.say("hello")


async def test_the_grace_goes_on_though_the_connection_is_lost_and_comes_again(served: Served) -> None:
    _ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob)
    served.advance(10)
    bob = await served.back(bob)
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    served.advance(20.2)
    assert (await bob.closed())[0] == 4403


async def test_who_is_away_when_the_grace_is_over_is_put_out_all_the_same(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob)
    bob.vanish()
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    served.advance(30.2)
    assert (await ann.next("member_left", session=bob.session))["reason"] == "kicked"


async def test_a_grace_survives_the_death_of_the_node_that_gave_it(serve: Serving) -> None:
    """And where the session goes on meanwhile, the kick is waiting; undone there, it does not come."""
    a, b = await pair(serve)
    (ann,) = await a.members("Ann")
    bob, cid = await b.enter("Bob"), await b.enter("Cid")
    for guest in (bob, cid):
        await guest.join()
        await ann.next("member_joined")
    moderator = await a.enter_as("moderator")
    await warned(moderator, bob, 60)
    await warned(moderator, cid, 60)
    power_off(serve, b)
    for _ in range(2):
        await ann.next("member_updated", state="reconnecting")
    bob, cid = await a.back(bob), await a.back(cid)
    assert (await bob.ask("say", room="lobby", text="saved?"))["code"] == "muted"
    assert (await moderator.ask("unkick", session=cid.session))["results"][0]["outcome"] == "done"
    a.advance(61)
    assert (await bob.closed())[0] == 4403
    await cid.say("spared")


# What keeps a kicked user out.


async def test_who_is_kicked_with_a_block_may_not_come_in_again_for_so_long(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob", block_seconds=60, reason="spam")
    (result,) = done["results"]
    assert result["outcome"] == "done"
    assert (await bob.closed())[0] == 4403
    (ban,) = (await moderator.ask("bans"))["items"]
    assert (ban["ban"], ban["user"], ban["room"], ban["by"], ban["reason"]) == (
        result["ban"],
        "bob",
        None,
        "mod",
        "spam",
    )
    again = await served.connect()
    assert (await again.ask("hello", user="bob"))["code"] == "banned"
    assert (await again.closed())[0] == 4403
    served.advance(60.2)
    await served.enter("Bob", user="bob")


async def test_a_block_is_undone_by_lifting_the_ban(served: Served) -> None:
    await served.enter("Bob", user="bob")
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob", block_seconds=600)
    await moderator.ask("unban", ban=done["results"][0]["ban"])
    await served.enter("Bob", user="bob")


async def test_a_block_of_a_room_is_of_that_room(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", session=bob.session, room="lobby", block_seconds=60)
    await bob.next("left")
    assert (await bob.ask("join", room="lobby"))["code"] == "banned"
    assert (await bob.join("second"))["type"] == "joined"
    served.advance(60.2)
    assert (await bob.join("lobby"))["type"] == "joined"


async def test_with_a_grace_the_block_begins_when_it_is_over(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    done = await moderator.ask("kick", user="bob", grace_seconds=30, block_seconds=60)
    other = await served.enter("Bob", user="bob")
    assert (await moderator.ask("bans"))["items"] == []
    served.advance(30.2)
    assert (await bob.closed())[0] == 4403
    assert (await other.closed())[0] == 4403  # the block is of the user
    (ban,) = (await moderator.ask("bans"))["items"]
    assert ban["ban"] == done["results"][0]["ban"]


async def test_who_could_not_be_put_out_is_kept_out_all_the_same(
    serve: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = await pair(serve)
    bob = await b.enter("Bob", user="bob")
    await bob.join()
    moderator = await a.enter_as("moderator")
    await moderator.join()

    async def unheard(node: str, body: bytes, *, timeout: float = 3.0) -> bytes:
        raise BusError(f"Node {node} did not answer.")

    monkeypatch.setattr(a.node.bus, "call", unheard)
    error = await moderator.ask("kick", user="bob", block_seconds=60)
    assert (error["code"], "n2" in error["message"]) == ("unavailable", True)
    assert (await bob.closed())[0] == 4403  # by the log
    again = await b.connect()
    assert (await again.ask("hello", user="bob"))["code"] == "banned"


async def test_a_block_reaches_nobody_of_a_higher_role(served: Served) -> None:
    bob, boss = await served.enter_as("user", user="bob"), await served.enter_as("admin", user="bob")
    moderator = await served.enter_as("moderator")
    assert (await moderator.ask("kick", session=bob.session, block_seconds=60))["code"] == "forbidden"
    for guest in (bob, boss):
        await guest.settle()
        assert not guest.unread


async def test_the_audit_has_who_kicked_for_how_long_and_when_it_came(served: Served) -> None:
    bob = await served.enter("Bob", user="bob")
    await bob.join()
    moderator = await served.enter_as("moderator")
    await moderator.ask("kick", user="bob", grace_seconds=30, block_seconds=60, reason="spam")
    served.advance(30.2)
    await bob.closed()
    items = (await moderator.ask("audit"))["items"]
    told = [(item["action"], item["by"], item["reason"], item["node"], item["outcome"]) for item in items]
    assert sorted(told) == sorted(
        [
            ("ban", "mod", "spam", "n1", "done"),
            ("kick", "System", OVER, "n1", "done"),
            ("kick", "mod", "spam", "n1", "done"),
        ]
    )


# The console.


async def test_a_console_kicks_with_a_grace_and_undoes_it(served: Served) -> None:
    desk = Desk(served.node, "Console")
    (bob,) = await served.members("Bob")
    await desk.kick(desk.operator, Whom.of(session=bob.session), grace_seconds=30)
    (member,) = desk.members("lobby")
    assert member.leaves is not None
    assert member.muted_until == member.leaves
    await desk.unkick(desk.operator, Whom.of(session=bob.session))
    (member,) = desk.members("lobby")
    assert (member.leaves, member.muted) == (None, False)
    await desk.kick(desk.operator, Whom.of(session=bob.session), grace_seconds=30, reason="noise")
    served.advance(30.2)
    await bob.closed()
    line = desk.chat("lobby")[-1]
    assert (line.kind, line.text, line.by, line.why) == ("left", "kicked", "Console", "noise")


async def test_a_token_that_is_given_again_does_not_end_a_kick(served: Served) -> None:
    bob = await served.enter(None, token=token(user="bob"))
    await bob.join()
    moderator = await served.enter_as("moderator")
    await warned(moderator, bob)
    bob = await served.back(bob, token=token(user="bob"))
    served.advance(30.2)
    assert (await bob.closed())[0] == 4403
