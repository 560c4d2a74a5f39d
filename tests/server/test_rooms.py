"""Rooms as their members see them (protocol.md section 4), on one node with a real port."""

from __future__ import annotations

import pytest

from bus.memory import MemoryNetwork
from tests.nodes import Served, Serving


async def test_join_tells_the_room_as_it_is(served: Served) -> None:
    ann = await served.enter("Ann", user="ann")
    joined = await ann.ask("join", id=2, room="lobby")
    assert list(joined) == ["type", "id", "room", "ssrc", "members", "history", "room_state", "cursors"]
    assert joined["ssrc"] in range(1, 2**32)
    assert joined["members"] == [
        {
            "session": ann.session,
            "user": "ann",
            "name": "Ann",
            "role": "user",
            "node": "n1",
            "ssrc": joined["ssrc"],
            "muted": False,
            "speaking": False,
            "state": "online",
        }
    ]
    assert joined["history"] == []
    assert joined["room_state"] == {
        "locked": False,
        "capacity": 50,
        "slow_seconds": 0,
        "title": "",
        "speakers": 8,
        "muted": False,
    }
    assert joined["cursors"].keys() <= {served.node.bus.origin}


async def test_members_are_told_who_comes_and_who_leaves(served: Served) -> None:
    (ann,) = await served.members("Ann")
    bob = await served.enter("Bob")
    joined = await bob.join()
    told = await ann.next("member_joined")
    assert told == {"type": "member_joined", "room": "lobby", "member": joined["members"][1]}
    assert told["member"]["session"] == bob.session
    assert [member["name"] for member in joined["members"]] == ["Ann", "Bob"]

    assert await bob.ask("leave", id=3, room="lobby") == {"type": "left", "id": 3, "room": "lobby"}
    assert await ann.next("member_left") == {
        "type": "member_left",
        "room": "lobby",
        "session": bob.session,
        "reason": "left",
    }


async def test_nobody_is_told_of_himself(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await ann.ask("leave", room="lobby")
    await ann.join()
    await ann.settle()
    assert not ann.unread
    await bob.settle()
    assert [len(bob.seen(type)) for type in ("member_left", "member_joined")] == [1, 1]


async def test_only_members_are_told(served: Served) -> None:
    await served.members("Ann")
    (eve,) = await served.members("Eve", room="elsewhere")
    bob = await served.enter("Bob")
    await bob.join()
    await bob.ask("leave", room="lobby")
    await eve.settle()
    assert not eve.unread


async def test_a_close_with_1000_is_a_leave(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.leave_for_good(1000)
    assert (await ann.next("member_left", session=bob.session))["reason"] == "left"


@pytest.mark.parametrize("code", [1001, 3000, 4999])
async def test_a_close_with_another_code_is_a_loss(served: Served, code: int) -> None:
    ann, bob = await served.members("Ann", "Bob")
    await bob.leave_for_good(code)
    assert (await ann.next("member_updated", session=bob.session))["state"] == "reconnecting"


async def test_a_reset_of_the_socket_is_a_loss(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    bob.vanish()
    assert (await ann.next("member_updated", session=bob.session))["state"] == "reconnecting"


async def test_a_client_that_does_not_answer_pings_is_lost(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    bob.socket.transport.pause_reading()
    for _ in range(3):
        served.advance(10.5)
        await ann.settle()
    assert (await ann.next("member_updated", session=bob.session))["state"] == "reconnecting"
    assert ann.socket.close_code is None


async def test_the_end_of_a_session_leaves_all_its_rooms(served: Served) -> None:
    ann, bob = await served.members("Ann", "Bob")
    for guest in (ann, bob):
        await guest.join("second")
    await bob.leave_for_good()
    assert {(await ann.next("member_left", session=bob.session))["room"] for _ in range(2)} == {"lobby", "second"}


async def test_joining_twice_is_already(served: Served) -> None:
    (ann,) = await served.members("Ann")
    assert (await ann.ask("join", room="lobby"))["code"] == "already"
    assert (await ann.ask("join", room="  lobby "))["code"] == "already"


async def test_leaving_where_one_is_not_is_not_found(served: Served) -> None:
    await served.members("Ann")
    bob = await served.enter("Bob")
    for room in ("lobby", "nowhere"):
        assert (await bob.ask("leave", room=room))["code"] == "not_found"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("  lobby\t", "lobby"),
        ("Lobby", "Lobby"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("комната 7", "комната 7"),
        ("部屋", "部屋"),
        ("غرفة", "غرفة"),
        ("a-b_c.d e", "a-b_c.d e"),
        ("..", ".."),
    ],
)
async def test_answers_carry_the_normal_name_of_a_room(served: Served, given: str, normal: str) -> None:
    ann, bob = await served.enter("Ann"), await served.enter("Bob")
    assert (await ann.join(given))["room"] == normal
    await bob.join(normal)
    assert (await ann.next("member_joined"))["room"] == normal
    assert (await ann.ask("say", room=given, text="hi"))["room"] == normal
    assert (await bob.next("message"))["room"] == normal
    assert (await ann.ask("leave", room=given))["room"] == normal


async def test_case_makes_another_room(served: Served) -> None:
    (ann,) = await served.members("Ann")
    assert len((await (await served.enter("Bob")).join("Lobby"))["members"]) == 1
    await ann.settle()
    assert not ann.unread


@pytest.mark.parametrize(
    "room", ["", "  ", "a/b", "a#b", "a\nb", "a\u202eb", "<b>", "a\x00", "😀", "a\u200bb", 5, None, ["lobby"]]
)
async def test_a_wrong_name_of_a_room_is_a_bad_request(served: Served, room: object) -> None:
    (ann,) = await served.members("Ann")
    for request in ("join", "leave", "say"):
        error = await ann.ask(request, room=room, text="hi")
        assert (error["code"], error["field"]) == ("bad_request", "room")


async def test_a_full_room_takes_moderators_only(served: Served) -> None:
    for number in range(50):
        await (await served.enter(f"g{number}")).join("full")
    late = await served.enter("Late")
    assert (await late.ask("join", room="full"))["code"] == "room_full"
    moderator = await served.enter_as("moderator")
    assert len((await moderator.join("full"))["members"]) == 51
    assert (await late.ask("join", room="full"))["code"] == "room_full"
    await moderator.ask("leave", room="full")
    await served.guests[0].ask("leave", room="full")
    assert len((await late.join("full"))["members"]) == 50


async def test_a_room_is_gone_with_its_last_member(served: Served) -> None:
    ann = await served.enter("Ann")
    await ann.join()
    assert [item["room"] for item in (await ann.ask("list", what="rooms"))["items"]] == ["lobby"]
    await ann.ask("leave", room="lobby")
    assert (await ann.ask("list", what="rooms"))["items"] == []


async def test_each_seat_has_its_own_ssrc(served: Served) -> None:
    ann, bob = await served.enter("Ann"), await served.enter("Bob")
    ssrcs = [(await guest.join(room))["ssrc"] for guest in (ann, bob) for room in ("one", "two")]
    assert len(set(ssrcs)) == 4


async def test_of_two_who_raced_for_the_last_place_the_later_is_put_out(serve: Serving) -> None:
    """Two nodes that do not hear each other for a while fill a room together, then hear of it."""
    held: list[bool] = [False]
    serve.network = MemoryNetwork(fate=lambda source, target: (0.2,) if held[0] else (0.0,))
    a = await serve(address="a:1")
    b = await serve("a:1", address="b:1")
    watcher = await a.enter_as("moderator", user="watcher")
    for number in range(48):
        await (await (a, b)[number % 2].enter(f"g{number}")).join("full")
    joined = await watcher.join("full")
    while len(joined["members"]) < 49:  # some of them came by the other node
        await watcher.next("member_joined")
        joined["members"].append(None)
    held[0] = True
    here, there = await a.enter("Here"), await b.enter("There")
    assert (await here.join("full"))["type"] == (await there.join("full"))["type"] == "joined"
    held[0] = False
    left = await watcher.next("member_left")
    assert left["reason"] == "room_full"
    loser, winner = (here, there) if left["session"] == here.session else (there, here)
    assert left["session"] == loser.session
    assert await loser.next("left") == {"type": "left", "room": "full", "reason": "room_full"}
    await winner.say("I am in", room="full")
    assert (await loser.ask("say", room="full", text="and I?"))["code"] == "not_found"
    for served in (a, b):
        assert len(served.node.members("full")) == 50


async def test_the_end_of_a_node_empties_all_its_rooms_after_the_grace(serve: Serving) -> None:
    a = await serve(address="a:1", lost_seconds=2)
    b = await serve("a:1", address="b:1")
    (ann,) = await a.members("Ann")
    for room in ("one", "two", "three"):
        for number in range(4):
            await (await b.enter(f"g{number}")).join(room)
    bob = await b.enter("Bob")
    await bob.join()
    await ann.next("member_joined")
    await b.node.stop()
    await ann.next("member_updated", session=bob.session, state="reconnecting")
    assert len((await ann.ask("list", what="rooms"))["items"]) == 4
    a.wait(3)
    assert await ann.next("member_left") == {
        "type": "member_left",
        "room": "lobby",
        "session": bob.session,
        "reason": "lost",
    }
    assert [item["room"] for item in (await ann.ask("list", what="rooms"))["items"]] == ["lobby"]
