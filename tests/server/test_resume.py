"""A session outlives its socket: loss, resume at the same node, what others see of it (protocol.md section 8)."""

from __future__ import annotations

import pytest

from server.session import Actor, Role
from server.texts import Sender
from tests.guest import FIRST, Guest, frame
from tests.nodes import Served, Serving, without


async def lose(guest: Guest, *others: Guest) -> None:
    """Let `guest` be gone without a word; returns when all of `others` know."""
    guest.vanish()
    await guest.socket.wait_closed()
    for other in others:
        await other.next("member_updated", session=guest.session, state="reconnecting")


async def test_a_welcome_says_how_to_resume_and_for_how_long(serve: Serving) -> None:
    served = await serve(resume_seconds=120)
    ann = await served.enter("Ann")
    assert (ann.welcome["resume_seconds"], ann.welcome["recovered"]) == (120, None)
    assert ann.welcome["resume"].count(".") == 2
    assert not {"rooms", "gaps"} & ann.welcome.keys()


async def test_a_session_goes_on_and_the_others_see_it_reconnecting_and_back(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    before = (await bob.ask("list", what="rooms"))["items"]
    await lose(bob, ann)
    bob = await served.back(bob)
    assert without(bob.welcome, "resume", "id", "rooms", "limits", "urls") == {
        "type": "welcome",
        "session": bob.session,
        "user": bob.welcome["user"],
        "name": "Bob",
        "role": "user",
        "node": "n1",
        "resume_seconds": 300,
        "cursors": bob.cursors,
        "recovered": True,
        "server": "switchboard/1.0",
        "gaps": [],
    }
    assert await ann.next("member_updated") == {
        "type": "member_updated",
        "room": "lobby",
        "session": bob.session,
        "state": "online",
        "node": "n1",
    }
    assert (await bob.ask("list", what="rooms"))["items"] == before
    await ann.settle()
    assert not ann.seen("member_left")
    assert not ann.seen("member_joined")


async def test_the_rooms_of_a_resume_are_as_they_were_joined(served: Served) -> None:
    ann = await served.enter("Ann")
    first = await ann.join("lobby")
    second = await ann.join("second")
    bob = await served.enter("Bob")
    await bob.join("lobby")
    await lose(ann, bob)
    cursors = dict(ann.cursors)
    ann = await served.back(ann)
    lobby, other = ann.welcome["rooms"]
    assert list(lobby) == ["type", "room", "ssrc", "members", "history", "room_state", "cursors"]
    assert [lobby["ssrc"], other["ssrc"]] == [first["ssrc"], second["ssrc"]]
    assert lobby["history"] == []
    assert lobby["cursors"] == ann.welcome["cursors"] == cursors
    assert [(member["name"], member["state"]) for member in lobby["members"]] == [
        ("Ann", "online"),
        ("Bob", "online"),
    ]


async def test_members_who_join_meanwhile_see_who_is_reconnecting(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await lose(bob, ann)
    cid = await served.enter("Cid")
    states = {member["name"]: member["state"] for member in (await cid.join())["members"]}
    assert states == {"Ann": "online", "Bob": "reconnecting", "Cid": "online"}


async def test_what_was_missed_comes_once_in_order_and_before_live(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await ann.say("before")
    await bob.next("message", text="before")
    await lose(bob, ann)
    said = [
        await ann.say("one"),
        await moderator.ask("announce", text="two"),
        await ann.whisper("3", session=bob.session),
    ]
    assert said[2]["delivered"] == 1
    await ann.say("four")
    bob = await served.back(bob)
    assert [event["text"] for event in bob.unread if isinstance(event, dict)] == ["one", "two", "3", "four"]
    again = await served.back(bob)
    assert not again.unread


async def test_own_texts_are_not_replayed_and_a_repeat_is_answered_by_the_first_sent(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    sent = await ann.ask("say", id="c-1", room="lobby", text="mine")
    await lose(ann, bob)
    ann.cursors.clear()
    ann = await served.back(ann)
    assert not ann.seen("message")
    assert without(await ann.ask("say", id="c-1", room="lobby", text="mine"), "copies") == without(sent, "copies")
    await bob.next("message", text="mine")
    await bob.settle()
    assert not bob.seen("message")


async def test_requests_wait_until_live_and_voice_does_not(served: Served) -> None:
    """What a client sends right behind its hello: its outbox, and it goes on speaking."""
    ann, bob = await served.members("Ann", "Bob")
    ssrc = served.node.presence.present[bob.session].seats[0].ssrc
    await lose(bob, ann)
    for number in range(100):
        await ann.ask("announce" if number < 0 else "say", id=number, room="lobby", text=f"{number}")
        if number % 20 == 19:
            served.advance(1)
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors=bob.cursors, id="h")
    await back.send("say", id="mine", room="lobby", text="mine")
    await back.send_raw(frame(ssrc, flags=FIRST))
    await back.next("sent", id="mine")
    kinds = [event["type"] for event in back.unread if isinstance(event, dict) and event["type"] != "speaking"]
    assert kinds == ["welcome", *["message"] * 100, "live"]
    assert (await ann.voice())[4:8] == ssrc.to_bytes(4, "big")


async def test_targets_and_deafness_are_kept(served: Served) -> None:
    ann, bob, cid = await served.members("Ann", "Bob", "Cid")
    ssrc = served.node.presence.present[ann.session].seats[0].ssrc
    await ann.ask("voice_target", target=7, to={"session": bob.session})
    await ann.ask("deafen", on=True)
    await lose(ann, bob)
    ann = await served.back(ann)
    await ann.send_raw(frame(ssrc, target=7))
    assert (await bob.voice())[1] & 0x10
    await cid.ask("list", what="rooms")
    other = served.node.presence.present[cid.session].seats[0].ssrc
    await cid.send_raw(frame(other, flags=FIRST))
    await bob.voice()
    await ann.settle()
    assert not ann.heard()
    await cid.settle()
    assert not cid.heard()


async def test_a_mute_is_kept_and_ends_when_its_time_is_over(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", session=bob.session, room="lobby", seconds=60)
    await ann.next("member_updated", muted=True)
    await lose(bob, ann)
    bob = await served.back(bob)
    assert bob.welcome["rooms"][0]["members"][1]["muted"]
    assert (await bob.ask("say", room="lobby", text="hello?"))["code"] == "muted"
    served.advance(61)
    await ann.next("member_updated", muted=False)
    await bob.say("at last")


async def test_a_resume_wins_over_the_older_socket(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    again = await served.back(bob)
    assert await bob.closed() == (4409, "opened elsewhere")
    await ann.next("member_updated", session=bob.session, state="online")
    await again.say("here")
    await ann.next("message", text="here")
    await ann.settle()
    assert not ann.seen("member_updated")


async def test_of_two_sockets_the_one_with_the_higher_number_wins(served: Served) -> None:
    ann = await served.enter("Ann", n=5)
    newer = await served.back(ann, n=9)
    late = await served.connect()
    await late.send("hello", resume=ann.token, cursors={}, n=7)
    assert (await late.closed())[0] == 4409
    assert (await newer.ask("leave", room="nowhere"))["code"] == "not_found"


async def test_members_are_told_after_the_grace_and_the_seat_is_kept(serve: Serving) -> None:
    served = await serve(lost_seconds=3, resume_seconds=60)
    ann, bob = await served.members("Ann", "Bob")
    await lose(bob, ann)
    served.wait(2.8)
    await ann.settle()
    assert not ann.seen("member_left")
    served.wait(1)
    assert (await ann.next("member_left"))["reason"] == "lost"
    assert (await ann.ask("whisper", to={"session": bob.session}, text="there?"))["code"] == "not_found"
    ssrc = served.node.presence.known(bob.session).seats[0].ssrc  # type: ignore[union-attr]
    bob = await served.back(bob)
    assert bob.welcome["rooms"][0]["ssrc"] == ssrc
    assert (await ann.next("member_joined"))["member"]["ssrc"] == ssrc
    await ann.settle()
    assert not ann.seen("member_left")


async def test_a_session_ends_when_its_time_is_over(serve: Serving) -> None:
    served = await serve(lost_seconds=1, resume_seconds=5)
    ann, bob = await served.members("Ann", "Bob")
    await lose(bob, ann)
    served.wait(6)
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors={}, id=1)
    assert (await back.next("error"))["code"] == "unauthorized"
    assert await back.closed() == (4410, "that session is over, start anew")
    await ann.settle()
    assert len(ann.seen("member_left")) == 1


async def test_a_session_closed_with_1000_is_over_at_once(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.leave_for_good()
    assert (await ann.next("member_left"))["reason"] == "left"
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors={})
    assert (await back.closed())[0] == 4410


@pytest.mark.parametrize("code", [1001, 3000, 4999])
async def test_any_other_close_is_a_loss(served: Served, code: int) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.leave_for_good(code)
    await ann.next("member_updated", state="reconnecting")
    await served.back(bob)


async def test_who_was_kicked_while_away_stays_out(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await lose(bob, ann)
    done = await moderator.ask("kick", session=bob.session, reason="no")
    assert (done["results"][0]["outcome"], done["results"][0]["node"]) == ("done", "n1")
    assert (await ann.next("member_left"))["reason"] == "kicked"
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors={}, n=2**62)
    assert (await back.closed())[0] == 4410


async def test_who_was_given_up_is_still_reached_by_a_kick(serve: Serving) -> None:
    served = await serve(lost_seconds=0)
    ann, bob = await served.members("Ann", "Bob")
    moderator = await served.enter_as("moderator")
    await lose(bob, ann)
    served.wait(1)
    await ann.next("member_left")
    assert (await moderator.ask("kick", session=bob.session))["results"][0]["outcome"] == "done"
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors={})
    assert (await back.closed())[0] == 4410


async def test_who_was_muted_and_put_out_of_a_room_while_away_finds_it_so(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.join("second")
    moderator = await served.enter_as("moderator")
    await moderator.ask("mute", session=bob.session)
    await moderator.ask("unmute", session=bob.session)
    await lose(bob, ann)
    await moderator.ask("mute", session=bob.session)
    await ann.next("member_updated", muted=True)
    await moderator.ask("kick", session=bob.session, room="lobby")
    assert (await ann.next("member_left"))["reason"] == "kicked"
    bob = await served.back(bob)
    assert bob.welcome["rooms"] == []
    await bob.join("second")
    assert (await bob.ask("say", room="second", text="x"))["code"] == "muted"


async def test_a_room_that_filled_up_meanwhile_has_no_place_for_who_was_given_up(serve: Serving) -> None:
    served = await serve(lost_seconds=0)
    ann, bob, mod = [await served.enter("Ann"), await served.enter("Bob"), await served.enter_as("moderator")]
    for guest in (ann, bob, mod):
        await guest.join("lobby")
    await lose(bob, ann)
    await lose(mod, ann)
    served.wait(1)
    await ann.next("member_left")
    other = await served.enter_as("moderator", user="other")
    assert (await other.ask("set_room", room="lobby", capacity=1))["type"] == "done"
    bob = await served.back(bob)
    assert bob.welcome["rooms"] == []
    assert await bob.next("left") == {"type": "left", "room": "lobby", "reason": "room_full"}
    mod = await served.back(mod)
    assert [room["room"] for room in mod.welcome["rooms"]] == ["lobby"]


async def test_a_new_token_comes_before_the_old_one_expires(serve: Serving) -> None:
    served = await serve(resume_seconds=10)
    ann = await served.enter("Ann")
    served.advance(9)
    await ann.settle()
    assert not ann.seen("resume_token")
    for _ in range(2):
        await ann.settle()  # it has answered the ping
        served.advance(11)
        token = (await ann.next("resume_token"))["resume"]
    ann.vanish()
    served.guests.append(await Guest.resume(served.url, token, ann.cursors))


async def test_who_is_cut_for_what_it_sent_may_resume(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for _ in range(20):
        await bob.send_raw("nonsense")
    assert (await bob.closed())[0] == 4400
    await ann.next("member_updated", state="reconnecting")
    bob = await served.back(bob)
    await bob.say("sorry")


async def test_a_long_replay_is_paced_by_its_reader_and_holds_up_nobody(served: Served) -> None:
    """Three times what may wait for a slow receiver, to one that does not read for a while."""
    ann, bob = await served.members("Ann", "Bob")
    await lose(bob, ann)
    operator = Actor("desk", "console", "Ops", Role.ADMIN)
    nobody = Sender(shown=lambda receipt, asked: None, unknown=lambda: None)
    for number in range(3000):
        served.node.messenger.say(operator, "lobby", number, f"{number} " + "x" * 1000, nobody)
        if number % 100 == 99:
            await ann.next("message", id=number)
    back = await served.connect()
    back.socket.transport.pause_reading()
    await back.send("hello", resume=bob.token, cursors=bob.cursors, id="h")
    for _ in range(20):
        await ann.settle()
    unsent = max(connection._transport.get_write_buffer_size() for connection in served.gateway.connections)
    assert unsent < 1 << 18
    back.socket.transport.resume_reading()
    await back.next("live")
    assert [event["id"] for event in back.seen("message")] == list(range(3000))


async def test_what_is_said_during_a_replay_comes_behind_it(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await lose(bob, ann)
    operator = Actor("desk", "console", "Ops", Role.ADMIN)
    nobody = Sender(shown=lambda receipt, asked: None, unknown=lambda: None)
    for number in range(200):
        served.node.messenger.say(operator, "lobby", number, "missed", nobody)
    back = await served.connect()
    await back.send("hello", resume=bob.token, cursors=bob.cursors, id="h")
    await back.next("welcome")
    for number in range(200, 400):
        served.node.messenger.say(operator, "lobby", number, "live", nobody)
    await back.next("message", id=399)
    assert [event["id"] for event in back.seen("message")] == list(range(399))
